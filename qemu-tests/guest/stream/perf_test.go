// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"encoding/binary"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// Offsets of the first page's fields.
const (
	dataHead = 1024
	dataTail = 1032
)

// event is the reader's side of one CPU's buffer.
type event struct {
	fd   int
	mem  []byte
	tail uint64
}

func TestPerfBuffer(t *testing.T) {
	each(t, func(t *testing.T, tgt *raw.Target, slow bool) {
		pages := 128
		if slow {
			pages = 4
		}
		cpus := max(runtime.NumCPU(), 2)
		fd, errno := tgt.Do(raw.MapCreate, raw.Map(raw.PerfArray, 4, 4, uint32(cpus), 0))
		if errno != 0 {
			t.Fatal(raw.ErrName(errno))
		}
		defer unix.Close(fd)
		var events []*event
		for cpu := range cpus {
			o, errno := tgt.Output(cpu, 1)
			if errno != 0 {
				t.Fatalf("output: %s", raw.ErrName(errno))
			}
			defer unix.Close(o)
			mem, err := unix.Mmap(o, 0, (1+pages)*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = unix.Munmap(mem) }()
			if err := unix.IoctlSetInt(o, unix.PERF_EVENT_IOC_ENABLE, 0); err != nil {
				t.Fatal(err)
			}
			if errno := tgt.Update(fd, binary.LittleEndian.AppendUint32(nil, uint32(cpu)), binary.LittleEndian.AppendUint32(nil, uint32(o)), 0); errno != 0 {
				t.Fatal(raw.ErrName(errno))
			}
			events = append(events, &event{fd: o, mem: mem})
		}
		body := asm.Instructions{asm.LoadMem(asm.R1, asm.RFP, -48, asm.DWord), asm.StoreMem(asm.RFP, -48, asm.R1, asm.DWord)}
		body = append(body, fill(asm.RFP, -32)...)
		body = append(body, asm.LoadMem(asm.R1, asm.RFP, -48, asm.DWord), asm.LoadMapPtr(asm.R2, fd), asm.LoadImm(asm.R3, 0xffffffff, asm.DWord),
			asm.Mov.Reg(asm.R4, asm.RFP), asm.Add.Imm(asm.R4, -32), asm.Mov.Imm(asm.R5, 8*words), asm.FnPerfEventOutput.Call(),
			asm.JEq.Imm(asm.R0, 0, "next"), asm.Add.Imm(asm.R9, 1))
		insns := loop(body)
		// The context is kept for the helper.
		insns = append(asm.Instructions{asm.StoreMem(asm.RFP, -48, asm.R1, asm.DWord)}, insns...)
		prog := load(t, tgt, insns)
		defer unix.Close(prog)

		y := newTally()
		var over atomic.Bool
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				ended := over.Load()
				got := 0
				for _, e := range events {
					got += e.read(t, y, slow)
				}
				switch {
				case got == 0 && ended:
					return
				case slow:
					time.Sleep(5 * time.Millisecond)
				case got == 0:
					var p []unix.PollFd
					for _, e := range events {
						p = append(p, unix.PollFd{Fd: int32(e.fd), Events: unix.POLLIN})
					}
					_, _ = unix.Poll(p, 100)
				}
			}
		}()
		start := time.Now()
		sent, failed := produce(t, tgt, prog, records())
		took := time.Since(start)
		over.Store(true)
		<-done
		// What was lost last is told before the next record.
		flush := newTally()
		for cpu, e := range events {
			runOn(cpu, func() {
				if _, errno := tgt.Run(prog, uint64(cpu+1)<<idShift|1<<40); errno != 0 {
					t.Errorf("run: %s", raw.ErrName(errno))
				}
			})
			for e.read(t, flush, false) > 0 {
			}
		}
		y.judge(t, sent, failed, took)
		if told := y.lost + flush.lost; told != failed {
			t.Errorf("%d found no room; %d were told as lost", failed, told)
		}
		if slow && failed == 0 {
			t.Error("nothing was lost: the reader was not slow")
		}
	})
}

func runOn(cpu int, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for good
		var set unix.CPUSet
		set.Set(cpu)
		_ = unix.SchedSetaffinity(0, &set)
		f()
	}()
	<-done
}

// read takes what is there; with some only a part of it.
func (e *event) read(t *testing.T, y *tally, some bool) int {
	data := e.mem[page:]
	size := uint64(len(data))
	head := atomic.LoadUint64((*uint64)(unsafe.Pointer(&e.mem[dataHead])))
	n := 0
	var buf [128]byte
	for e.tail < head && !(some && n >= 32) {
		// Records are of 8 bytes' multiples: a header does not wrap.
		h := data[e.tail%size:]
		typ, length := binary.LittleEndian.Uint32(h), uint64(binary.LittleEndian.Uint16(h[6:]))
		if length < 16 || length > uint64(len(buf)) || length%8 != 0 {
			y.bad(t, "a record of %d bytes, type %d", length, typ)
			return 0
		}
		for i := uint64(0); i < length; i += 8 {
			at := (e.tail + i) % size
			copy(buf[i:i+8], data[at:at+8])
		}
		switch typ {
		case unix.PERF_RECORD_LOST:
			y.lost += binary.LittleEndian.Uint64(buf[16:])
		case unix.PERF_RECORD_SAMPLE:
			var w [words]uint64
			for i := range w {
				w[i] = binary.LittleEndian.Uint64(buf[12+8*i:])
			}
			y.record(t, w)
		default:
			y.bad(t, "a record of type %d", typ)
		}
		e.tail += length
		n++
		atomic.StoreUint64((*uint64)(unsafe.Pointer(&e.mem[dataTail])), e.tail)
	}
	return n
}
