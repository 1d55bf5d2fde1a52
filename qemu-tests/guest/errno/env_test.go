// SPDX-License-Identifier: Apache-2.0

package errno

import (
	"testing"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"golang.org/x/sys/unix"
)

// env is what the cases work on, made anew for each target.
type env struct {
	t                               *raw.Target
	arr, hash, full, parr, phash    int
	frozen, rdonly, wronly, perf    int
	tp, kprobe, rawtp, sock, btf    int
	null, pipe, epoll               int
	key0, key1, key9, val, big, out uint64
}

// Fds that are none, or no longer.
const (
	noFD     = 0xffffffff
	closedFD = 900
)

// Addresses that are none.
const (
	wild   = 0xdead0000
	kernel = 0xffff880000000000
	hole   = 0x8000000000000000 // not canonical
)

func key(n byte) uint64 { return raw.Ptr([]byte{n, 0, 0, 0}) }

func newEnv(t *testing.T, tgt *raw.Target) *env {
	t.Helper()
	mk := func(what string, cmd uint32, a *raw.Attr) int {
		fd, errno := tgt.Do(cmd, a)
		if errno != 0 {
			t.Fatalf("%s: %s: %s", tgt.Name, what, raw.ErrName(errno))
		}
		t.Cleanup(func() { unix.Close(fd) })
		return fd
	}
	e := &env{t: tgt}
	e.key0, e.key1, e.key9, e.val, e.big, e.out = key(0), key(1), key(9), raw.Ptr(make([]byte, 4096)), raw.Ptr(make([]byte, 65536)), raw.Ptr(make([]byte, 65536))
	for _, m := range []struct {
		fd   *int
		name string
		a    *raw.Attr
	}{
		{&e.arr, "array", raw.Map(raw.Array, 4, 8, 4, 0)},
		{&e.hash, "hash", raw.Map(raw.Hash, 4, 8, 4, 0)},
		{&e.full, "hash of one", raw.Map(raw.Hash, 4, 8, 1, 0)},
		{&e.parr, "per-CPU array", raw.Map(raw.PerCPUArray, 4, 8, 4, 0)},
		{&e.phash, "per-CPU hash", raw.Map(raw.PerCPUHash, 4, 8, 4, 0)},
		{&e.frozen, "array to freeze", raw.Map(raw.Array, 4, 8, 1, raw.RdonlyProg)},
		{&e.rdonly, "read-only array", raw.Map(raw.Array, 4, 8, 4, raw.Rdonly)},
		{&e.wronly, "write-only array", raw.Map(raw.Array, 4, 8, 4, raw.Wronly)},
		{&e.perf, "perf event array", raw.Map(raw.PerfArray, 4, 4, 4, 0)},
	} {
		*m.fd = mk(m.name, raw.MapCreate, m.a)
	}
	for _, p := range []struct {
		fd   *int
		name string
		typ  uint32
	}{
		{&e.tp, "tracepoint program", raw.Tracepoint},
		{&e.kprobe, "kprobe program", raw.Kprobe},
		{&e.rawtp, "raw tracepoint program", raw.RawTracepoint},
	} {
		*p.fd = mk(p.name, raw.ProgLoad, raw.Prog(p.typ, raw.Return0()...))
	}
	btf := raw.BTF()
	e.btf = mk("BTF", raw.BTFLoad, raw.NewAttr().U64(0, raw.Ptr(btf)).U32(16, uint32(len(btf))))
	for what, a := range map[string]*raw.Attr{
		"hash":        raw.Elem(e.hash, e.key1, e.val, raw.UpdateAny),
		"hash of one": raw.Elem(e.full, e.key1, e.val, raw.UpdateAny),
		"percpu hash": raw.Elem(e.phash, e.key1, e.val, raw.UpdateAny),
	} {
		if _, errno := tgt.Do(raw.MapUpdate, a); errno != 0 {
			t.Fatalf("%s: filling %s: %s", tgt.Name, what, raw.ErrName(errno))
		}
	}
	if _, errno := tgt.Do(raw.MapFreeze, raw.Elem(e.frozen, 0, 0, 0)); errno != 0 {
		t.Fatalf("%s: freezing: %s", tgt.Name, raw.ErrName(errno))
	}
	e.others(t)
	return e
}

// others opens fds that are none of BPF's.
func (e *env) others(t *testing.T) {
	t.Helper()
	var err error
	if e.null, err = unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0); err != nil {
		t.Fatal(err)
	}
	var p [2]int
	if err = unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	e.pipe = p[0]
	if e.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, fd := range []int{e.null, p[0], p[1], e.epoll} {
			unix.Close(fd)
		}
	})
}

// tcase is one call.
type tcase struct {
	name string
	cmd  uint32
	attr func(e *env) *raw.Attr
	size uint32                    // 0: the whole attribute
	addr func(a *raw.Attr) uintptr // nil: the attribute's
}

func (c tcase) run(e *env) string {
	a := raw.NewAttr()
	if c.attr != nil {
		a = c.attr(e)
	}
	addr, size := a.Addr(), c.size
	if c.addr != nil {
		addr = c.addr(a)
	}
	if size == 0 {
		size = raw.AttrSize
	}
	if size == sizeZero {
		size = 0
	}
	ret, errno := e.t.Call(c.cmd, addr, size)
	// A load ends so for any signal, Go's own included.
	for try := 0; errno == unix.EAGAIN && c.cmd == raw.ProgLoad && try < 20; try++ {
		ret, errno = e.t.Call(c.cmd, addr, size)
	}
	if errno == 0 && raw.ReturnsFD(c.cmd) {
		unix.Close(ret)
	}
	return raw.ErrName(errno)
}

// sizeZero stands for a size of 0.
const sizeZero = 0xffffffff

func unmap(b []byte) {
	if _, _, errno := unix.Syscall(unix.SYS_MUNMAP, uintptr(raw.Addr(b)), uintptr(len(b)), 0); errno != 0 {
		panic(errno)
	}
}
