// SPDX-License-Identifier: Apache-2.0

// Package stream sends millions of records from programs on all CPUs through
// ring buffers and BPF-output events, to a reader that keeps up and to one that
// does not: each record arrives whole, once and in its producer's order, or is
// counted as lost.
package stream

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { guest.Main(m) }

// records is how many are sent.
func records() uint64 {
	if guest.Quick() {
		return 200_000
	}
	return 10_000_000
}

const (
	perRun  = 100 // records of one run of the program
	words   = 4   // of a record
	idShift = 48
)

// fill stores a record about r8, which is its producer and number, at base+off.
func fill(base asm.Register, off int16) asm.Instructions {
	return asm.Instructions{
		asm.StoreMem(base, off, asm.R8, asm.DWord),
		asm.Mov.Reg(asm.R1, asm.R8), asm.Xor.Imm(asm.R1, -1), asm.StoreMem(base, off+8, asm.R1, asm.DWord),
		asm.Mov.Reg(asm.R1, asm.R8), asm.Mul.Imm(asm.R1, 3), asm.StoreMem(base, off+16, asm.R1, asm.DWord),
		asm.Mov.Reg(asm.R1, asm.R8), asm.Mul.Imm(asm.R1, 5), asm.StoreMem(base, off+24, asm.R1, asm.DWord),
	}
}

// whole reports whether nobody else's bytes are in the record.
func whole(w [words]uint64) bool { return w[1] == ^w[0] && w[2] == 3*w[0] && w[3] == 5*w[0] }

// loop runs body for each of perRun numbers from the first argument on, in r8.
// Body has r1 to r5, and adds to r9 what it could not send: the result.
func loop(body asm.Instructions) asm.Instructions {
	p := asm.Instructions{
		asm.LoadMem(asm.R8, asm.R1, 0, asm.DWord), asm.Mov.Imm(asm.R9, 0), asm.Mov.Imm(asm.R7, 0),
		asm.Mov.Imm(asm.R0, 0).WithSymbol("again"),
	}
	p = append(p, body...)
	return append(p, asm.Add.Imm(asm.R8, 1).WithSymbol("next"), asm.Add.Imm(asm.R7, 1), asm.JLT.Imm(asm.R7, perRun, "again"),
		asm.Mov.Reg(asm.R0, asm.R9), asm.Return())
}

func load(t *testing.T, tgt *raw.Target, insns asm.Instructions) int {
	t.Helper()
	fd, errno, log, err := tgt.Load(raw.RawTracepoint, insns)
	if errno != 0 || err != nil {
		if len(log) > 3000 {
			log = log[len(log)-3000:]
		}
		t.Fatalf("program: %s %v\n%s", raw.ErrName(errno), err, log)
	}
	return fd
}

// tally is what a reader saw.
type tally struct {
	last                             map[uint64]uint64 // by producer
	got, discarded, gaps, lost, flaw uint64
}

func newTally() *tally { return &tally{last: map[uint64]uint64{}} }

// record holds one against its producer's last.
func (y *tally) record(t *testing.T, w [words]uint64) {
	id, seq := w[0]>>idShift, w[0]&(1<<idShift-1)
	last := y.last[id]
	switch {
	case !whole(w):
		y.bad(t, "torn: %#x", w)
	case seq <= last:
		y.bad(t, "producer %d: %d after %d", id, seq, last)
	default:
		y.gaps += seq - last - 1
		y.last[id] = seq
	}
	y.got++
}

func (y *tally) bad(t *testing.T, format string, args ...any) {
	if y.flaw++; y.flaw < 5 {
		t.Errorf(format, args...)
	}
}

// produce runs the program on each CPU until all records are sent, and returns
// how many found no room.
func produce(t *testing.T, tgt *raw.Target, prog int, total uint64) (sent, failed uint64) {
	cpus := max(runtime.NumCPU(), 2)
	runs := total / perRun / uint64(cpus)
	var full atomic.Uint64
	var wg sync.WaitGroup
	for i := range cpus {
		wg.Add(1)
		go func() {
			defer wg.Done()
			runtime.LockOSThread() // for good
			var set unix.CPUSet
			set.Set(i)
			_ = unix.SchedSetaffinity(0, &set)
			run := tgt.Runner(prog)
			defer run.Close()
			for n := range runs {
				ret, errno := run.Run(uint64(i+1)<<idShift | (n*perRun + 1))
				if errno != 0 {
					t.Errorf("run: %s", raw.ErrName(errno))
					return
				}
				full.Add(uint64(ret))
			}
		}()
	}
	wg.Wait()
	return runs * perRun * uint64(cpus), full.Load()
}

// judge is the sum of all.
func (y *tally) judge(t *testing.T, sent, failed uint64, took time.Duration) {
	t.Helper()
	cpus := uint64(max(runtime.NumCPU(), 2))
	each := sent / cpus
	tail := uint64(0) // lost behind each producer's last
	for id := range cpus {
		tail += each - y.last[id+1]
	}
	missing := y.gaps + tail
	t.Logf("%d sent by %d CPUs in %v: %d received, %d discarded, %d lost", sent, cpus, took.Round(time.Millisecond), y.got, y.discarded, failed)
	if y.got+y.discarded+failed != sent {
		t.Errorf("%d received, %d discarded and %d lost are not the %d sent", y.got, y.discarded, failed, sent)
	}
	if missing != failed+y.discarded {
		t.Errorf("%d are missing; %d were counted as lost, %d discarded", missing, failed, y.discarded)
	}
	if y.flaw > 0 {
		t.Errorf("%d flaws", y.flaw)
	}
}

func targets(t *testing.T) []*raw.Target {
	tgt, err := raw.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(tgt.FD()) })
	if guest.HasOracle() && !guest.Quick() {
		return []*raw.Target{tgt, raw.Native()}
	}
	return []*raw.Target{tgt}
}

func each(t *testing.T, f func(t *testing.T, tgt *raw.Target, slow bool)) {
	for _, tgt := range targets(t) {
		for _, slow := range []bool{false, true} {
			name := "fast"
			if slow {
				name = "slow"
			}
			t.Run(fmt.Sprintf("%s/%s reader", tgt.Name, name), func(t *testing.T) { f(t, tgt, slow) })
		}
	}
}
