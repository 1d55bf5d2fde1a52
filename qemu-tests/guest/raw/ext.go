// SPDX-License-Identifier: Apache-2.0

package raw

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Info is what the device tells of itself.
type Info struct {
	ABI, Maps, Progs, Links, BTFs, Outputs, Engine uint32
	Features, Misses, KretMisses, Mem              uint64
	Version                                        string
}

// Objects are the counters that are zero when nobody holds anything.
func (i Info) Objects() string {
	return fmt.Sprintf("%d maps, %d programs, %d links, %d BTFs, %d outputs, %d bytes", i.Maps, i.Progs, i.Links, i.BTFs, i.Outputs, i.Mem)
}

// None is Objects when there are none.
const None = "0 maps, 0 programs, 0 links, 0 BTFs, 0 outputs, 0 bytes"

// Info asks the device.
func (t *Target) Info() (Info, unix.Errno) {
	a := NewAttr()
	if _, errno := t.Call(ExtInfo, a.Addr(), 96); errno != 0 {
		return Info{}, errno
	}
	return Info{
		ABI: a.Get32(0), Features: a.Get64(8), Maps: a.Get32(16), Progs: a.Get32(20), Links: a.Get32(24),
		BTFs: a.Get32(28), Outputs: a.Get32(32), Engine: a.Get32(36), Misses: a.Get64(40), KretMisses: a.Get64(48),
		Mem: a.Get64(56), Version: unix.ByteSliceToString(a.b[64:96]),
	}, 0
}

// Kprobe links a program to a function's entry, or its return.
func (t *Target) Kprobe(prog int, symbol string, ret bool) (int, unix.Errno) {
	a := NewAttr().U32(0, uint32(prog)).U64(8, CStr(symbol))
	if ret {
		a.U32(4, 1)
	}
	return t.Call(ExtKprobe, a.Addr(), 40)
}

// Tracepoint links a program to a trace event.
func (t *Target) Tracepoint(prog int, category, name string) (int, unix.Errno) {
	id, err := eventID(category, name)
	if err != nil {
		return -1, unix.ENOENT
	}
	a := NewAttr().U32(0, uint32(prog)).U64(8, id)
	return t.Call(ExtTracepoint, a.Addr(), 24)
}

func eventID(category, name string) (uint64, error) {
	var b []byte
	var err error
	for _, dir := range []string{"/sys/kernel/tracing", "/sys/kernel/debug/tracing"} {
		if b, err = os.ReadFile(dir + "/events/" + category + "/" + name + "/id"); err == nil {
			return strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
		}
	}
	return 0, err
}

// RawTP links a program to a tracepoint.
func (t *Target) RawTP(prog int, name string) (int, unix.Errno) {
	return t.Do(RawTPOpen, NewAttr().U64(0, CStr(name)).U32(8, uint32(prog)))
}

// Output opens a BPF-output event of one CPU.
func (t *Target) Output(cpu int, wakeup uint32) (int, unix.Errno) {
	const sampleRaw = 1 << 10
	if t.IsNative() {
		fd, err := unix.PerfEventOpen(&unix.PerfEventAttr{
			Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_BPF_OUTPUT, Size: unix.PERF_ATTR_SIZE_VER1,
			Sample_type: sampleRaw, Wakeup: wakeup,
		}, -1, cpu, -1, unix.PERF_FLAG_FD_CLOEXEC)
		if err != nil {
			return -1, err.(unix.Errno)
		}
		return fd, 0
	}
	const cloexec = 2
	a := NewAttr().U32(0, uint32(cpu)).U32(4, cloexec).U64(8, sampleRaw).U32(16, wakeup)
	return t.Call(ExtOutputOpen, a.Addr(), 24)
}

// Run is PROG_TEST_RUN of a raw tracepoint program on these arguments.
func (t *Target) Run(prog int, args ...uint64) (uint32, unix.Errno) {
	r := t.Runner(prog)
	defer r.Close()
	return r.Run(args...)
}

// Runner runs a program many times: a page of its own each time, as Run takes,
// would cost more than the run.
type Runner struct {
	t    *Target
	attr *Attr
	args []byte
	prog uint32
}

// Runner is for one goroutine at a time.
func (t *Target) Runner(prog int) *Runner {
	return &Runner{t, NewAttr(), Alloc(8 * 12), uint32(prog)}
}

// Close frees its memory.
func (r *Runner) Close() {
	Free(r.args)
	Free(r.attr.b)
}

// Run is Target.Run.
func (r *Runner) Run(args ...uint64) (uint32, unix.Errno) {
	r.attr.U32(0, r.prog).U32(4, 0).U32(40, uint32(8*len(args))).U64(48, 0)
	c := &Attr{b: r.args}
	for i, v := range args {
		c.U64(8*i, v)
	}
	if len(args) > 0 {
		r.attr.U64(48, Addr(r.args))
	}
	_, errno := r.t.Do(ProgTestRun, r.attr)
	return r.attr.Get32(4), errno
}

// Lookup reads an element into a buffer of that size.
func (t *Target) Lookup(fd int, key []byte, size int) ([]byte, unix.Errno) {
	v := make([]byte, size)
	return v, t.elem(MapLookup, fd, key, v, 0)
}

// Update writes an element.
func (t *Target) Update(fd int, key, value []byte, flags uint64) unix.Errno {
	return t.elem(MapUpdate, fd, key, value, flags)
}

// Delete removes an element.
func (t *Target) Delete(fd int, key []byte) unix.Errno {
	return t.elem(MapDelete, fd, key, nil, 0)
}

// NextKey is the key after this one, nil: the first.
func (t *Target) NextKey(fd int, key []byte, size int) ([]byte, unix.Errno) {
	next := make([]byte, size)
	return next, t.elem(MapNextKey, fd, key, next, 0)
}

// elem makes a call on one element, whose copies it keeps no longer.
func (t *Target) elem(cmd uint32, fd int, key, value []byte, flags uint64) unix.Errno {
	k, v := Alloc(len(key)), Alloc(len(value))
	defer Free(k)
	defer Free(v)
	copy(k, key)
	copy(v, value)
	a := Elem(fd, 0, 0, flags)
	defer Free(a.b)
	if key != nil {
		a.U64(8, Addr(k))
	}
	if value != nil {
		a.U64(16, Addr(v))
	}
	_, errno := t.Do(cmd, a)
	copy(value, v)
	return errno
}
