// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// engine runs programs: a target, and how to load for it.
type engine struct {
	name  string
	tgt   *raw.Target
	flags uint32
	maps  *maps
}

// engines are those that there are here.
func engines(t *testing.T) []*engine {
	var es []*engine
	const interp = 1 << 31
	if tgt, err := raw.Open(); err == nil {
		es = append(es, &engine{name: "jit", tgt: tgt}, &engine{name: "interp", tgt: tgt, flags: interp})
	}
	_ = os.WriteFile("/proc/sys/net/core/bpf_jit_enable", []byte("1"), 0)
	native := &engine{name: "native", tgt: raw.Native()}
	if fd, errno := native.tgt.Do(raw.MapCreate, raw.Map(raw.Array, 4, 8, 1, 0)); errno == 0 {
		unix.Close(fd)
		es = append(es, native)
	}
	if len(es) == 0 {
		t.Skip("nobody to measure")
	}
	for _, e := range es {
		e.makeMaps(t)
	}
	return es
}

func (e *engine) newMap(t *testing.T, typ, value, max uint32) int {
	t.Helper()
	fd, errno := e.tgt.Do(raw.MapCreate, raw.Map(typ, 4, value, max, 0))
	if errno != 0 {
		t.Fatalf("%s: map of type %d: %s", e.name, typ, raw.ErrName(errno))
	}
	return fd
}

func (e *engine) makeMaps(t *testing.T) {
	t.Helper()
	m := &maps{
		array: e.newMap(t, raw.Array, 8, entries), percpuArray: e.newMap(t, raw.PerCPUArray, 8, entries),
		hash: e.newMap(t, raw.Hash, 8, entries), percpuHash: e.newMap(t, raw.PerCPUHash, 8, entries),
		buffer: e.newMap(t, raw.Array, bufferSize, 1), progs: e.newMap(t, raw.ProgArray, 4, 40),
	}
	for i := byte(0); i < entries; i++ {
		for _, fd := range []int{m.hash, m.percpuHash} {
			if errno := e.tgt.Update(fd, []byte{i, 0, 0, 0}, make([]byte, 4096), 0); errno != 0 {
				t.Fatal(raw.ErrName(errno))
			}
		}
	}
	b := make([]byte, bufferSize)
	copy(b, request)
	if errno := e.tgt.Update(m.buffer, make([]byte, 4), b, 0); errno != 0 {
		t.Fatal(raw.ErrName(errno))
	}
	e.maps = m
}

// load returns the program's fd.
func (e *engine) load(t *testing.T, typ uint32, insns asm.Instructions) int {
	t.Helper()
	fd, errno, log := e.tryLoad(t, typ, insns)
	if errno != 0 {
		t.Fatalf("%s: %s\n%s", e.name, raw.ErrName(errno), log)
	}
	return fd
}

func (e *engine) tryLoad(t *testing.T, typ uint32, insns asm.Instructions) (int, unix.Errno, string) {
	t.Helper()
	var b bytes.Buffer
	if err := insns.Marshal(&b, binary.LittleEndian); err != nil {
		t.Fatal(err)
	}
	log := raw.Alloc(1 << 20)
	a := raw.NewAttr().U32(0, typ).U32(4, uint32(b.Len()/8)).U64(8, raw.Ptr(b.Bytes())).U64(16, raw.CStr("GPL")).
		U32(40, kernelVersion()).U32(44, e.flags)
	fd, errno := e.tgt.Do(raw.ProgLoad, a)
	if errno != 0 {
		_, _ = e.tgt.Do(raw.ProgLoad, a.U32(24, 1).U32(28, uint32(len(log))).U64(32, raw.Addr(log)))
	}
	text := unix.ByteSliceToString(log)
	if len(text) > 1000 {
		text = text[len(text)-1000:]
	}
	return fd, errno, text
}

// kernelVersion is what old kernels want of a kprobe program.
func kernelVersion() uint32 {
	var v, p, s uint32
	_, _ = fmt.Sscanf(guest.Release(), "%d.%d.%d", &v, &p, &s)
	return v<<16 | p<<8 | min(s, 255)
}

// hook is a place to attach to, and what is cut off to detach.
type hook func(t *testing.T, e *engine, prog int) (detach func(), ok bool)

const tracing = "/sys/kernel/debug/tracing/"

// probed is what hit calls, and nobody else meanwhile.
func probed(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("/proc/kallsyms")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"__x64_sys_getppid", "sys_getppid"} {
		if strings.Contains(string(b), " T "+name+"\n") {
			return name
		}
	}
	t.Fatal("no getppid")
	return ""
}

func kprobe(ret bool) hook {
	return func(t *testing.T, e *engine, prog int) (func(), bool) {
		if !e.tgt.IsNative() {
			fd, errno := e.tgt.Kprobe(prog, probed(t), ret)
			if errno != 0 {
				t.Fatalf("%s: kprobe: %s", e.name, raw.ErrName(errno))
			}
			return func() { unix.Close(fd) }, true
		}
		kind := "p"
		if ret {
			kind = "r"
		}
		write(t, "kprobe_events", kind+":bench/hit "+probed(t))
		end := perfEvent(t, "bench/hit", prog)
		return func() {
			end()
			write(t, "kprobe_events", "-:bench/hit")
		}, true
	}
}

func tracepoint(t *testing.T, e *engine, prog int) (func(), bool) {
	if e.tgt.IsNative() {
		return perfEvent(t, "raw_syscalls/sys_enter", prog), true
	}
	fd, errno := e.tgt.Tracepoint(prog, "raw_syscalls", "sys_enter")
	if errno != 0 {
		t.Fatalf("%s: tracepoint: %s", e.name, raw.ErrName(errno))
	}
	return func() { unix.Close(fd) }, true
}

func rawTracepoint(t *testing.T, e *engine, prog int) (func(), bool) {
	fd, errno := e.tgt.RawTP(prog, "sys_enter")
	if errno != 0 {
		return nil, false
	}
	return func() { unix.Close(fd) }, true
}

// The kernel's own trace events: no program at all.
func ftraceKprobe(t *testing.T) func()    { return ftraceProbe(t, "p") }
func ftraceKretprobe(t *testing.T) func() { return ftraceProbe(t, "r") }

func ftraceProbe(t *testing.T, kind string) func() {
	write(t, "kprobe_events", kind+":bench/hit "+probed(t))
	off := ftraceEvent(t, "bench/hit")
	return func() {
		off()
		write(t, "kprobe_events", "-:bench/hit")
	}
}

func ftraceTracepoint(t *testing.T) func() { return ftraceEvent(t, "raw_syscalls/sys_enter") }

func ftraceEvent(t *testing.T, event string) func() {
	write(t, "events/"+event+"/enable", "1")
	return func() { write(t, "events/"+event+"/enable", "0") }
}

func write(t *testing.T, file, text string) {
	t.Helper()
	f, err := os.OpenFile(tracing+file, os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		_, err = f.WriteString(text)
		f.Close()
	}
	if err != nil {
		t.Fatalf("%s to %s: %v", text, file, err)
	}
}

// perfEvent runs a native program on a trace event, as every loader does.
func perfEvent(t *testing.T, event string, prog int) func() {
	t.Helper()
	b, err := os.ReadFile(tracing + "events/" + event + "/id")
	if err != nil {
		t.Fatal(err)
	}
	id, _ := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	fd, err := unix.PerfEventOpen(&unix.PerfEventAttr{
		Type: unix.PERF_TYPE_TRACEPOINT, Config: id, Sample: 1, Wakeup: 1, Size: unix.PERF_ATTR_SIZE_VER1,
	}, -1, 0, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetInt(fd, unix.PERF_EVENT_IOC_SET_BPF, prog); err != nil {
		t.Fatalf("SET_BPF: %v", err)
	}
	if err := unix.IoctlSetInt(fd, unix.PERF_EVENT_IOC_ENABLE, 0); err != nil {
		t.Fatal(err)
	}
	return func() { unix.Close(fd) }
}

// hit makes one call many times: the smallest number of nanoseconds, under
// -icount of instructions, as the interrupts fall elsewhere.
func hit(after func()) int64 {
	best := int64(1) << 62
	for i := 0; i < 300; i++ {
		start := time.Now()
		_, _, _ = unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0)
		if d := int64(time.Since(start)); d < best && i > 20 {
			best = d
		}
		if after != nil {
			after()
		}
	}
	return best
}
