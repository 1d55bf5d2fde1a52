// SPDX-License-Identifier: Apache-2.0

package support

import (
	"testing"

	"github.com/bpfshim/bpfshim/loader"
	reasons "github.com/bpfshim/bpfshim/loader/support"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/bpfshim/bpfshim/qemu-tests/support"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// TestMaps makes a map of each type and works on it, from user space and from a
// program, natively too where 6.1 is.
func TestMaps(t *testing.T) {
	drv, native := machines(t)
	for _, e := range mapTypes() {
		fd, errno := drv.create(e.Name)
		row := support.Row{Kind: reasons.Map, Name: e.Name, Driver: map[string]string{"": errName(errno)}}
		if errno == 0 {
			unix.Close(fd)
		}
		if native != nil {
			nfd, nerrno := native.create(e.Name)
			row.Native = map[string]string{"": errName(nerrno)}
			if nerrno == 0 {
				unix.Close(nfd)
			}
		}
		record(row)
		if errno != 0 {
			refused(t, reasons.Map, e.Name, "", errno)
			continue
		}
		t.Run(e.Name, func(t *testing.T) {
			onCPU0(t)
			do, ok := mapCases[e.Name]
			if !ok {
				t.Fatal("it is offered, and nothing here works on it")
			}
			for _, m := range []*machine{native, drv} {
				if m == nil {
					continue
				}
				fd, errno := m.create(e.Name)
				if errno != 0 {
					t.Fatalf("%s: %s", m.Name, errName(errno))
				}
				do(&run{t, m}, fd)
				unix.Close(fd)
			}
		})
	}
}

var mapCases = map[string]func(r *run, fd int){
	"hash": keyed, "lru_hash": keyed, "array": indexed, "percpu_hash": perCPU, "lru_percpu_hash": perCPU, "percpu_array": perCPU,
	"lpm_trie": prefixes, "queue": pushed, "stack": pushed, "bloom_filter": bloom, "array_of_maps": inner, "hash_of_maps": inner,
	"prog_array": programs, "perf_event_array": events, "stack_trace": stacks, "cgroup_array": groups, "ringbuf": ring, "user_ringbuf": ring,
}

// lookup is a program that returns the first 32 bits of a key's value, or 0.
func (r *run) fromProgram(fd int, key uint64) uint32 {
	r.Helper()
	ret, _ := r.pass("sched_cls", is{asm.LoadImm(asm.R1, int64(key), asm.DWord), asm.StoreMem(asm.RFP, -8, asm.R1, asm.DWord), asm.LoadMapPtr(asm.R1, fd),
		asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -8), asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, "none"),
		asm.LoadMem(asm.R0, asm.R0, 0, asm.Word), asm.Return().WithSymbol("none")})
	return ret
}

func (r *run) update(fd int, key, value []byte, flags uint64, want string) {
	r.Helper()
	r.want("update", errName(r.Update(fd, key, value, flags)), want)
}

func keyed(r *run, fd int) {
	r.update(fd, k32(1), k64(41), raw.UpdateExist, "ENOENT")
	r.update(fd, k32(1), k64(41), raw.UpdateNoexist, "ok")
	r.update(fd, k32(1), k64(42), raw.UpdateNoexist, "EEXIST")
	r.update(fd, k32(1), k64(42), raw.UpdateAny, "ok")
	r.want("value", r.word(fd, k32(1)), 42)
	r.want("a program's lookup", r.fromProgram(fd, 1), 42)
	next, errno := r.NextKey(fd, nil, 4)
	r.want("the first key", []any{next, errno}, []any{k32(1), unix.Errno(0)})
	_, errno = r.NextKey(fd, k32(1), 4)
	r.want("no second", errName(errno), "ENOENT")
	r.want("delete", errName(r.Delete(fd, k32(1))), "ok")
	r.want("delete again", errName(r.Delete(fd, k32(1))), "ENOENT")
	r.want("a program's lookup then", r.fromProgram(fd, 1), 0)
}

func indexed(r *run, fd int) {
	r.update(fd, k32(3), k64(7), raw.UpdateAny, "ok")
	r.update(fd, k32(3), k64(7), raw.UpdateNoexist, "EEXIST")
	r.update(fd, k32(4), k64(7), raw.UpdateAny, "E2BIG")
	r.want("value", r.word(fd, k32(3)), 7)
	r.want("untouched", r.word(fd, k32(0)), 0)
	r.want("a program's lookup", r.fromProgram(fd, 3), 7)
	r.want("delete", errName(r.Delete(fd, k32(3))), "EINVAL")
}

func perCPU(r *run, fd int) {
	cpus, err := loader.PossibleCPU()
	if err != nil {
		r.Fatal(err)
	}
	var v []byte
	for i := range cpus {
		v = append(v, k64(uint64(50+i))...)
	}
	r.update(fd, k32(2), v, raw.UpdateAny, "ok")
	got, errno := r.Lookup(fd, k32(2), len(v))
	r.want("lookup", errName(errno), "ok")
	r.want("values", got, v)
	r.want("a program's lookup, on CPU 0", r.fromProgram(fd, 2), 50)
}

func prefixes(r *run, fd int) {
	r.update(fd, append(k32(8), 10, 0, 0, 0), k64(8), raw.UpdateAny, "ok")
	r.update(fd, append(k32(16), 10, 1, 0, 0), k64(16), raw.UpdateAny, "ok")
	r.want("the longest", r.word(fd, append(k32(32), 10, 1, 2, 3)), 16)
	r.want("a shorter", r.word(fd, append(k32(32), 10, 2, 2, 3)), 8)
	_, errno := r.Lookup(fd, append(k32(32), 11, 0, 0, 0), 8)
	r.want("none", errName(errno), "ENOENT")
	r.want("a program's lookup", r.fromProgram(fd, le64(append(k32(32), 10, 1, 2, 3))), 16)
	r.want("delete", errName(r.Delete(fd, append(k32(16), 10, 1, 0, 0))), "ok")
	r.want("then", r.word(fd, append(k32(32), 10, 1, 2, 3)), 8)
}

func pushed(r *run, fd int) {
	for i := range 4 {
		r.want("push", errName(r.Update(fd, nil, k64(uint64(i+1)), 0)), "ok")
	}
	r.want("push when full", errName(r.Update(fd, nil, k64(9), 0)), "E2BIG")
	pop := is{st(asm.RFP, -8, 0, asm.DWord), asm.LoadMapPtr(asm.R1, fd), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -8),
		asm.FnMapPopElem.Call(), asm.JNE.Imm(asm.R0, 0, "none"), asm.LoadMem(asm.R0, asm.RFP, -8, asm.DWord), asm.Return().WithSymbol("none")}
	var got []uint32
	for range 4 {
		v, _ := r.pass("sched_cls", pop)
		got = append(got, v)
	}
	if got[0] == 1 {
		r.want("queue", got, []uint32{1, 2, 3, 4})
	} else {
		r.want("stack", got, []uint32{4, 3, 2, 1})
	}
	v, _ := r.pass("sched_cls", pop)
	r.want("pop when empty", int32(v), -2)
	_, errno := r.Do(raw.MapLookupDelete, raw.NewAttr().U32(0, uint32(fd)).U64(16, raw.Ptr(k64(0))))
	r.want("user space's pop when empty", errName(errno), "ENOENT")
}

func bloom(r *run, fd int) {
	has := func(v uint64) string { return errName(r.Elem(fd, v)) }
	r.want("before", has(5), "ENOENT")
	r.want("push", errName(r.Update(fd, nil, k64(5), 0)), "ok")
	r.want("then", has(5), "ok")
}

// Elem looks a value up that has no key.
func (r *run) Elem(fd int, v uint64) unix.Errno {
	_, errno := r.Do(raw.MapLookup, raw.NewAttr().U32(0, uint32(fd)).U64(16, raw.Ptr(k64(v))))
	return errno
}

func inner(r *run, fd int) {
	in, errno := r.create("array")
	if errno != 0 {
		r.Fatal(errName(errno))
	}
	defer unix.Close(in)
	r.update(in, k32(1), k64(77), 0, "ok")
	r.update(fd, k32(0), k32(in), 0, "ok")
	wrong, errno := r.create("hash")
	if errno != 0 {
		r.Fatal(errName(errno))
	}
	defer unix.Close(wrong)
	r.update(fd, k32(0), k32(wrong), 0, "EINVAL")
	ret, _ := r.pass("sched_cls", is{st(asm.RFP, -8, 0, asm.DWord), asm.LoadMapPtr(asm.R1, fd), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -8),
		asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, "none"), st(asm.RFP, -8, 1, asm.DWord), asm.Mov.Reg(asm.R1, asm.R0), asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, -8), asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, "none"), asm.LoadMem(asm.R0, asm.R0, 0, asm.Word),
		asm.Return().WithSymbol("none")})
	r.want("a program's lookup in the inner map", ret, 77)
}

func programs(r *run, fd int) {
	to := r.prog("sched_cls", is{asm.Mov.Imm(asm.R0, 3), asm.Return()})
	other := r.prog("kprobe", return0)
	r.update(fd, k32(0), k32(to), 0, "ok")
	r.update(fd, k32(1), k32(other), 0, "EINVAL")
	id, errno := r.Lookup(fd, k32(0), 4)
	r.want("lookup gives an id", []any{errno, le64(append(id, 0, 0, 0, 0)) != 0}, []any{unix.Errno(0), true})
	ret, _ := r.pass("sched_cls", is{asm.LoadMapPtr(asm.R2, fd), asm.Mov.Imm(asm.R3, 0), asm.FnTailCall.Call(), asm.Mov.Imm(asm.R0, 1), asm.Return()})
	r.want("tail call", ret, 3)
	r.want("delete", errName(r.Delete(fd, k32(0))), "ok")
	r.want("delete again", errName(r.Delete(fd, k32(0))), "ENOENT")
}

func events(r *run, fd int) {
	ev, errno := r.Target.Output(0, 1)
	if errno != 0 {
		r.Fatal(errName(errno))
	}
	defer unix.Close(ev)
	emit := is{st(asm.RFP, -8, 5, asm.DWord), asm.LoadMapPtr(asm.R2, fd), asm.LoadImm(asm.R3, 0xffffffff, asm.DWord), asm.Mov.Reg(asm.R4, asm.RFP),
		asm.Add.Imm(asm.R4, -8), asm.Mov.Imm(asm.R5, 8), asm.FnPerfEventOutput.Call(), asm.Return()}
	p := r.prog("raw_tracepoint", emit)
	v, _ := r.Target.Run(p)
	r.want("output without an event", int32(v), -2)
	r.update(fd, k32(0), k32(ev), 0, "ok")
	mem, err := unix.Mmap(ev, 0, 2*4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		r.Fatal(err)
	}
	defer func() { _ = unix.Munmap(mem) }()
	v, _ = r.Target.Run(p)
	r.want("output", int32(v), 0)
	const dataHead = 1024
	r.want("a record", le64(mem[dataHead:dataHead+8]) > 0 && mem[4096] == 9, true)
	r.want("delete", errName(r.Delete(fd, k32(0))), "ok")
}

func stacks(r *run, fd int) {
	p := r.prog("raw_tracepoint", is{asm.LoadMapPtr(asm.R2, fd), asm.Mov.Imm(asm.R3, 0), asm.FnGetStackid.Call(), asm.Return()})
	id, errno := r.Target.Run(p)
	r.want("run", errName(errno), "ok")
	v, errno := r.Lookup(fd, k32(int(id)), 8)
	r.want("a kernel address", []any{errno, le64(v)>>47 == 1<<17-1}, []any{unix.Errno(0), true})
	r.want("delete", errName(r.Delete(fd, k32(int(id)))), "ok")
}

func groups(r *run, fd int) {
	null, err := unix.Open("/dev/null", unix.O_RDONLY, 0)
	if err != nil {
		r.Fatal(err)
	}
	defer unix.Close(null)
	r.update(fd, k32(0), k32(null), 0, "EBADF")
	r.update(fd, k32(9), k32(null), 0, "E2BIG")
	_, errno := r.Lookup(fd, k32(0), 4)
	r.want("lookup", errName(errno), "ENOTSUPP")
	r.want("delete", errName(r.Delete(fd, k32(0))), "ENOENT")
}

// ring is a map of one page of records; its suite is another.
func ring(r *run, fd int) {
	first := unix.PROT_READ
	for _, m := range []struct {
		off  int64
		size int
		prot int
	}{{0, 4096, first}, {4096, 3 * 4096, unix.PROT_READ}} {
		b, err := unix.Mmap(fd, m.off, m.size, m.prot, unix.MAP_SHARED)
		if err != nil {
			r.Errorf("%s: mmap at %d: %v", r.machine.Name, m.off, err)
			continue
		}
		r.want("position", le64(b[:8]), 0)
		_ = unix.Munmap(b)
	}
	_, errno := r.Lookup(fd, nil, 8)
	r.want("lookup", errName(errno), "ENOTSUPP")
}
