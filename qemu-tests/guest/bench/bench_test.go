// SPDX-License-Identifier: Apache-2.0

// Package bench measures what programs cost. Under -icount a nanosecond is an
// instruction of the guest, so the numbers do not depend on the host.
package bench

import (
	"encoding/json"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { guest.Main(m) }

// result is one line of build/bench.json.
type result struct {
	Group  string  `json:"group"`
	Name   string  `json:"name"`
	Kernel string  `json:"kernel"`
	Engine string  `json:"engine"`
	Metric string  `json:"metric"`
	Unit   string  `json:"unit"`
	Value  float64 `json:"value"`
}

type bench struct {
	t       *testing.T
	results []result
}

func (b *bench) add(group, name, engine string, value float64) {
	b.t.Logf("%-6s %-28s %-7s %9.1f", group, name, engine, value)
	metric, unit := "instructions", "instructions"
	if os.Getenv("BENCH_TIME") != "" {
		metric, unit = "time", "ns"
	}
	b.results = append(b.results, result{group, name, os.Getenv("BENCH_KERNEL"), engine, metric, unit, value})
}

// of measures one hit of a hook with a program on it.
func (b *bench) of(e *engine, h hook, prog int, after func()) (int64, bool) {
	detach, ok := h(b.t, e, prog)
	if !ok {
		return 0, false
	}
	defer detach()
	return hit(after), true
}

// TestMeasure writes /out/bench.json.
func TestMeasure(t *testing.T) {
	// Events of this thread go where they are looked for.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var first unix.CPUSet
	first.Set(0)
	if err := unix.SchedSetaffinity(0, &first); err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t}
	es := engines(t)
	nothing := hit(nil)
	t.Logf("the system call without a probe: %d", nothing)
	for _, e := range es {
		b.emptyRuns(e)
		b.exec(e)
		b.tailCalls(e)
		b.probes(e, nothing)
		b.output(e, nothing)
		b.ring(e, nothing)
	}
	for name, on := range map[string]func(*testing.T) func(){
		"kprobe": ftraceKprobe, "kretprobe": ftraceKretprobe, "tracepoint": ftraceTracepoint,
	} {
		off := on(t)
		b.add("probe", name, "ftrace", float64(hit(nil)-nothing))
		off()
	}
	b.write("bench.json")
}

// TestMeasureMaps writes /out/bench-maps.json.
func TestMeasureMaps(t *testing.T) {
	b := &bench{t: t}
	for _, e := range engines(t) {
		b.mapOps(e)
	}
	b.write("bench-maps.json")
}

func (b *bench) write(name string) {
	text, err := json.MarshalIndent(b.results, "", "\t")
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile("/out/"+name, append(text, '\n'), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// emptyRuns measures the way to an empty program and back: PROG_TEST_RUN of
// many runs less that of one.
func (b *bench) emptyRuns(e *engine) {
	const runs = 2000
	prog, errno, _ := e.tryLoad(b.t, raw.SocketFilter, empty(e.maps))
	if errno != 0 {
		b.t.Logf("%s: no socket filter: %s", e.name, raw.ErrName(errno))
		return
	}
	defer unix.Close(prog)
	packet := raw.Alloc(64)
	a := raw.NewAttr().U32(0, uint32(prog)).U32(8, 64).U64(16, raw.Addr(packet))
	var cost [2]int64
	for i, repeat := range []uint32{1, runs + 1} {
		a.U32(32, repeat)
		best := int64(1) << 62
		for try := 0; try < 30; try++ {
			start := time.Now()
			if _, errno := e.tgt.Do(raw.ProgTestRun, a); errno != 0 {
				b.t.Logf("%s: PROG_TEST_RUN: %s", e.name, raw.ErrName(errno))
				return
			}
			best = min(best, int64(time.Since(start)))
		}
		cost[i] = best
	}
	b.add("exec", "empty program, run again", e.name, float64(cost[1]-cost[0])/runs)
}

// exec measures programs against the empty one.
func (b *bench) exec(e *engine) {
	none := e.load(b.t, raw.Kprobe, empty(e.maps))
	defer unix.Close(none)
	for _, w := range works {
		base, _ := b.of(e, kprobe(false), none, nil)
		prog, errno, log := e.tryLoad(b.t, raw.Kprobe, w.build(e.maps))
		if errno != 0 && e.tgt.IsNative() {
			b.t.Logf("%s: %s: %s", e.name, w.name, raw.ErrName(errno))
			continue
		} else if errno != 0 {
			b.t.Errorf("%s: %s: %s\n%s", e.name, w.name, raw.ErrName(errno), log)
			continue
		}
		ns, _ := b.of(e, kprobe(false), prog, nil)
		b.add(w.group, w.name, e.name, float64(ns-base)/float64(w.times))
		unix.Close(prog)
	}
}

// tailCalls measures a chain of 32.
func (b *bench) tailCalls(e *engine) {
	const chain = 32
	var fds []int
	for i := int32(0); i < chain; i++ {
		fd := e.load(b.t, raw.Kprobe, tailCall(e.maps, i+1))
		fds = append(fds, fd)
		if errno := e.tgt.Update(e.maps.progs, []byte{byte(i), 0, 0, 0}, []byte{byte(fd), byte(fd >> 8), 0, 0}, 0); errno != 0 {
			b.t.Errorf("%s: prog array: %s", e.name, raw.ErrName(errno))
			return
		}
	}
	last, _ := b.of(e, kprobe(false), fds[chain-1], nil)
	whole, _ := b.of(e, kprobe(false), fds[0], nil)
	b.add("exec", "tail call", e.name, float64(whole-last)/(chain-1))
	for i, fd := range fds {
		_ = e.tgt.Delete(e.maps.progs, []byte{byte(i), 0, 0, 0})
		unix.Close(fd)
	}
}

func (b *bench) probes(e *engine, nothing int64) {
	for _, p := range []struct {
		name  string
		typ   uint32
		h     hook
		insns asm.Instructions
	}{
		{"kprobe", raw.Kprobe, kprobe(false), empty(e.maps)},
		{"kprobe, map increment", raw.Kprobe, kprobe(false), increment(e.maps)},
		{"kretprobe", raw.Kprobe, kprobe(true), empty(e.maps)},
		{"tracepoint", raw.Tracepoint, tracepoint, empty(e.maps)},
		{"raw tracepoint", raw.RawTracepoint, rawTracepoint, empty(e.maps)},
	} {
		prog, errno, _ := e.tryLoad(b.t, p.typ, p.insns)
		if errno != 0 {
			b.t.Logf("%s: no %s: %s", e.name, p.name, raw.ErrName(errno))
			continue
		}
		if ns, ok := b.of(e, p.h, prog, nil); ok {
			b.add("probe", p.name, e.name, float64(ns-nothing))
		}
		unix.Close(prog)
	}
}

// output measures an event of 64 bytes that is read at once.
func (b *bench) output(e *engine, nothing int64) {
	perf := e.newMap(b.t, raw.PerfArray, 4, 1)
	defer unix.Close(perf)
	out, errno := e.tgt.Output(0, 1)
	if errno != 0 {
		b.t.Errorf("%s: output: %s", e.name, raw.ErrName(errno))
		return
	}
	defer unix.Close(out)
	ring, err := unix.Mmap(out, 0, 9*4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		b.t.Errorf("%s: mmap: %v", e.name, err)
		return
	}
	defer func() { _ = unix.Munmap(ring) }()
	if errno := e.tgt.Update(perf, make([]byte, 4), []byte{byte(out), byte(out >> 8), 0, 0}, 0); errno != 0 {
		b.t.Errorf("%s: perf event array: %s", e.name, raw.ErrName(errno))
		return
	}
	_ = unix.IoctlSetInt(out, unix.PERF_EVENT_IOC_ENABLE, 0)
	prog := e.load(b.t, raw.Kprobe, output(perf))
	defer unix.Close(prog)
	const head, tail = 1024, 1032
	seen := raw.Over(ring).Get64(head)
	ns, _ := b.of(e, kprobe(false), prog, func() { copy(ring[tail:tail+8], ring[head:head+8]) })
	if raw.Over(ring).Get64(head) == seen {
		b.t.Errorf("%s: no event came", e.name)
		return
	}
	b.add("output", "perf_event_output, 64 bytes", e.name, float64(ns-nothing))
}
