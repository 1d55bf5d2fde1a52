// SPDX-License-Identifier: Apache-2.0

package maps

import (
	"fmt"
	"math/rand"
	"sort"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/oracle"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// outers are the types whose values are maps.
var outers = []struct {
	name string
	typ  uint32
}{{"array of maps", raw.ArrayOfMaps}, {"hash of maps", raw.HashOfMaps}}

// outer makes a map of maps like the one behind inner.
func outer(typ uint32, max uint32, inner int) *raw.Attr {
	return raw.Map(typ, 4, 4, max, 0).U32(20, uint32(inner))
}

// innerTemplates takes each type as the template.
func innerTemplates(r *oracle.Run) {
	inners := map[string]*raw.Attr{
		"array": raw.Map(raw.Array, 4, 8, 4, 0), "hash": raw.Map(raw.Hash, 4, 8, 4, 0),
		"percpu array": raw.Map(raw.PerCPUArray, 4, 8, 4, 0), "percpu hash": raw.Map(raw.PerCPUHash, 4, 8, 4, 0),
		"prog array": raw.Map(raw.ProgArray, 4, 4, 4, 0), "perf event array": raw.Map(raw.PerfArray, 4, 4, 4, 0),
		"ring buffer": raw.Map(raw.Ringbuf, 0, 0, 4096, 0), "own size array": raw.Map(raw.Array, 4, 8, 4, raw.InnerMap),
		"read-only array": raw.Map(raw.Array, 4, 8, 4, raw.RdonlyProg),
	}
	var names []string
	for name := range inners {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, o := range outers {
		for _, name := range names {
			in, what := made(r, inners[name])
			if what != "ok" {
				r.Fatalf("%s: %s", name, what)
			}
			_, what = made(r, outer(o.typ, 4, in))
			r.Sayf("%s of %s: %s", o.name, name, what)
		}
		in := r.Map(raw.Map(raw.Array, 4, 8, 4, 0))
		for _, deep := range outers {
			mid := r.Map(outer(deep.typ, 4, in))
			_, what := made(r, outer(o.typ, 4, mid))
			r.Sayf("%s of %s: %s", o.name, deep.name, what)
		}
		for _, fd := range []int{-1, 999} {
			_, what := made(r, outer(o.typ, 4, fd))
			r.Sayf("%s of fd %d: %s", o.name, fd, what)
		}
		_, what := made(r, outer(o.typ, 4, 0))
		r.Sayf("%s of standard input: %s", o.name, what)
		prog := r.Prog(asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()})
		_, what = made(r, outer(o.typ, 4, prog))
		r.Sayf("%s of a program: %s", o.name, what)
	}
}

func outerAttributes(r *oracle.Run) {
	in := r.Map(raw.Map(raw.Array, 4, 8, 4, 0))
	for _, o := range outers {
		try := func(what string, a *raw.Attr) {
			_, got := made(r, a)
			r.Sayf("%s: %s: %s", o.name, what, got)
		}
		with := func(key, value, max, flags uint32) *raw.Attr {
			return raw.Map(o.typ, key, value, max, flags).U32(20, uint32(in))
		}
		for _, n := range []uint32{0, 1, 3, 4, 5, 8, 512, 1 << 31} {
			try("key "+itoa(n), with(n, 4, 4, 0))
			try("value "+itoa(n), with(4, n, 4, 0))
		}
		for _, n := range []uint32{0, 1, 3, 1000, 1 << 31, 1<<31 + 1, 0xffffffff} {
			try("max "+itoa(n), with(4, 4, n, 0))
			try("max "+itoa(n)+" and a bad fd", raw.Map(o.typ, 4, 4, n, 0).U32(20, 999))
		}
		for bit := 0; bit < 32; bit++ {
			try("flag "+itoa(bit), with(4, 4, 4, 1<<bit))
		}
		try("both ways only", with(4, 4, 4, 3<<3))
		try("both ways only of programs", with(4, 4, 4, 3<<7))
		for _, node := range []uint32{0, 1 << 20, 0xffffffff} {
			try("node "+itoa(node), with(4, 4, 4, raw.NUMANode).U32(24, node))
		}
		try("extra", with(4, 4, 4, 0).U64(64, 1))
		try("device", with(4, 4, 4, 0).U32(44, 1))
	}
}

// innerFits stores maps that are more or less like the template.
func innerFits(r *oracle.Run) {
	templates := []struct {
		name string
		a    func() *raw.Attr
	}{
		{"array", func() *raw.Attr { return raw.Map(raw.Array, 4, 8, 4, 0) }},
		{"own size array", func() *raw.Attr { return raw.Map(raw.Array, 4, 8, 4, raw.InnerMap) }},
		{"hash", func() *raw.Attr { return raw.Map(raw.Hash, 4, 8, 4, 0) }},
		{"percpu array", func() *raw.Attr { return raw.Map(raw.PerCPUArray, 4, 8, 4, 0) }},
		{"ring buffer", func() *raw.Attr { return raw.Map(raw.Ringbuf, 0, 0, 4096, 0) }},
	}
	tries := []struct {
		name                        string
		typ, key, value, max, flags uint32
	}{
		{"array", raw.Array, 4, 8, 4, 0}, {"larger array", raw.Array, 4, 8, 5, 0}, {"array of shorter values", raw.Array, 4, 4, 4, 0},
		{"array that can be mapped", raw.Array, 4, 8, 4, 1 << 10}, {"own size array", raw.Array, 4, 8, 4, raw.InnerMap},
		{"larger own size array", raw.Array, 4, 8, 400, raw.InnerMap}, {"read-only array", raw.Array, 4, 8, 4, raw.RdonlyProg},
		{"array user space only reads", raw.Array, 4, 8, 4, raw.Rdonly},
		{"hash", raw.Hash, 4, 8, 4, 0}, {"larger hash", raw.Hash, 4, 8, 40, 0}, {"hash with longer keys", raw.Hash, 8, 8, 4, 0},
		{"growing hash", raw.Hash, 4, 8, 4, raw.NoPrealloc}, {"percpu hash", raw.PerCPUHash, 4, 8, 4, 0},
		{"percpu array", raw.PerCPUArray, 4, 8, 4, 0}, {"larger percpu array", raw.PerCPUArray, 4, 8, 5, 0},
		{"ring buffer", raw.Ringbuf, 0, 0, 4096, 0}, {"larger ring buffer", raw.Ringbuf, 0, 0, 8192, 0},
		{"prog array", raw.ProgArray, 4, 4, 4, 0},
	}
	for _, o := range outers {
		for _, tmpl := range templates {
			fd := r.Map(outer(o.typ, 4, r.Map(tmpl.a())))
			for _, c := range tries {
				in := r.Map(raw.Map(c.typ, c.key, c.value, c.max, c.flags))
				errno := r.Tgt.Update(fd, k32(1), k32(in), 0)
				r.Sayf("%s of %s: %s: %s", o.name, tmpl.name, c.name, raw.ErrName(errno))
				if errno != 0 {
					continue
				}
				v, errno := r.Tgt.Lookup(fd, k32(1), 4)
				r.Sayf("it reads as its id: %s %v", raw.ErrName(errno), u32(v) == idOf(r, in))
			}
		}
	}
}

// outerCommands makes every call on one element.
func outerCommands(r *oracle.Run) {
	in := r.Map(raw.Map(raw.Array, 4, 8, 4, 0))
	val := raw.Alloc(64)
	for _, o := range outers {
		fd := r.Map(outer(o.typ, 3, in))
		for _, k := range []int{0, 2, 3, 0x7fffffff} {
			for _, flags := range []uint64{0, 1, 2, 3, 4, 8, 1 << 40} {
				r.Sayf("%s: update %d, flags %#x: %s", o.name, k, flags, raw.ErrName(r.Tgt.Update(fd, k32(k), k32(in), flags)))
				r.Sayf("%s: update %d, no fd, flags %#x: %s", o.name, k, flags, raw.ErrName(r.Tgt.Update(fd, k32(k), k32(999), flags)))
				_, errno := r.Tgt.Do(raw.MapLookup, raw.Elem(fd, raw.Ptr(k32(k)), raw.Addr(val), flags))
				r.Sayf("%s: lookup %d, flags %#x: %s", o.name, k, flags, raw.ErrName(errno))
				_, errno = r.Tgt.Do(raw.MapLookupDelete, raw.Elem(fd, raw.Ptr(k32(k)), raw.Addr(val), flags))
				r.Sayf("%s: take %d, flags %#x: %s", o.name, k, flags, raw.ErrName(errno))
			}
			r.Sayf("%s: keys: %s", o.name, line(keysOf(r, fd, 4)))
			r.Sayf("%s: delete %d: %s", o.name, k, raw.ErrName(r.Tgt.Delete(fd, k32(k))))
			r.Sayf("%s: delete %d again: %s", o.name, k, raw.ErrName(r.Tgt.Delete(fd, k32(k))))
		}
		_, errno := r.Tgt.Do(raw.MapFreeze, raw.NewAttr().U32(0, uint32(fd)))
		r.Sayf("%s: freeze: %s; update then: %s", o.name, raw.ErrName(errno), raw.ErrName(r.Tgt.Update(fd, k32(0), k32(in), 0)))
		_, err := unix.Mmap(fd, 0, page, unix.PROT_READ, unix.MAP_SHARED)
		r.Sayf("%s: mmap: %v", o.name, err)
	}
	// BTF is not theirs.
	btf := raw.BTF()
	b, errno := r.Tgt.Do(raw.BTFLoad, raw.NewAttr().U64(0, raw.Ptr(btf)).U32(16, uint32(len(btf))))
	if errno != 0 {
		r.Fatalf("btf: %s", raw.ErrName(errno))
	}
	defer unix.Close(b)
	for _, o := range outers {
		for _, ids := range [][2]uint32{{1, 1}, {0, 1}, {1, 0}, {1, 9}} {
			_, what := made(r, outer(o.typ, 4, in).U32(48, uint32(b)).U32(52, ids[0]).U32(56, ids[1]))
			r.Sayf("%s: BTF %v: %s", o.name, ids, what)
		}
	}
}

func outerBatches(r *oracle.Run) {
	for _, o := range outers {
		in := r.Map(raw.Map(raw.Array, 4, 8, 4, 0))
		fd := r.Map(outer(o.typ, 4, in))
		keys, vals := raw.Alloc(64), raw.Alloc(64)
		for i := 0; i < 4; i++ {
			copy(keys[4*i:], k32(i))
			copy(vals[4*i:], k32(in))
		}
		do := func(what string, cmd uint32, count uint32) *raw.Attr {
			a := raw.Batch(fd, 0, raw.Addr(raw.Alloc(8)), raw.Addr(keys), raw.Addr(vals), count)
			_, errno := r.Tgt.Do(cmd, a)
			r.Sayf("%s: %s: %s, %d", o.name, what, raw.ErrName(errno), a.Get32(32))
			return a
		}
		do("update", raw.MapUpdateBatch, 3)
		do("update of too many", raw.MapUpdateBatch, 8)
		read := func(what string, cmd uint32) {
			for i := range vals {
				vals[i] = 0
			}
			do(what, cmd, 8)
			id, same := idOf(r, in), 0
			for i := 0; i < 8; i++ {
				if u32(vals[4*i:]) == id {
					same++
				}
			}
			r.Sayf("%s: %d ids", o.name, same)
		}
		read("lookup", raw.MapLookupBatch)
		read("take", raw.MapLookupDeleteBatch)
		read("lookup then", raw.MapLookupBatch)
		for i := 0; i < 4; i++ {
			copy(keys[4*i:], k32(i))
			copy(vals[4*i:], k32(in))
		}
		do("update again", raw.MapUpdateBatch, 4)
		do("delete", raw.MapDeleteBatch, 2)
		r.Sayf("%s: keys: %s", o.name, line(keysOf(r, fd, 4)))
		copy(vals, k32(999))
		do("update with no fd", raw.MapUpdateBatch, 1)
	}
}

// follow looks up the map under the first argument, and in that the value
// under the second, to which it adds the third.
func follow(fd int) asm.Instructions {
	return asm.Instructions{
		arg(asm.R6, 0), arg(asm.R7, 1), arg(asm.R8, 2),
		asm.StoreMem(asm.RFP, -4, asm.R6, asm.Word), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4), asm.LoadMapPtr(asm.R1, fd),
		asm.FnMapLookupElem.Call(), asm.JNE.Imm(asm.R0, 0, "inner"), asm.Mov.Imm(asm.R0, -1), asm.Return(),
		asm.StoreMem(asm.RFP, -8, asm.R7, asm.Word).WithSymbol("inner"), asm.Mov.Reg(asm.R1, asm.R0),
		asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -8), asm.FnMapLookupElem.Call(),
		asm.JNE.Imm(asm.R0, 0, "value"), asm.Mov.Imm(asm.R0, -2), asm.Return(),
		asm.LoadMem(asm.R1, asm.R0, 0, asm.DWord).WithSymbol("value"), asm.Add.Reg(asm.R1, asm.R8),
		asm.StoreMem(asm.R0, 0, asm.R1, asm.DWord), asm.Mov.Reg(asm.R0, asm.R1), asm.Return(),
	}
}

func innerPrograms(r *oracle.Run) {
	for _, o := range outers {
		for _, typ := range []uint32{raw.Array, raw.Hash, raw.PerCPUArray} {
			inner := func() int {
				fd := r.Map(raw.Map(typ, 4, 8, 4, 0))
				if typ == raw.Hash {
					r.Tgt.Update(fd, k32(1), make([]byte, 8), 0)
				}
				return fd
			}
			a, b := inner(), inner()
			fd := r.Map(outer(o.typ, 4, a))
			p := r.Prog(follow(fd))
			say := func(what string, args ...uint64) { r.Sayf("%s, type %d: %s: %d", o.name, typ, what, r.Go(p, args...)) }
			say("nothing there", 1, 1, 5)
			r.Tgt.Update(fd, k32(1), k32(a), 0)
			r.Tgt.Update(fd, k32(2), k32(b), 0)
			say("the first", 1, 1, 5)
			say("the first again", 1, 1, 5)
			say("the second", 2, 1, 7)
			say("a key that may be missing", 1, 3, 1)
			say("outside", 1, 77, 1)
			say("no such map", 77, 1, 1)
			// The map stays as long as the outer one has it.
			only := inner()
			r.Tgt.Update(fd, k32(1), k32(only), 0)
			say("replaced", 1, 1, 3)
			r.Tgt.Update(fd, k32(2), k32(only), 0)
			say("twice in it", 2, 1, 3)
			r.Tgt.Delete(fd, k32(1))
			say("taken out", 1, 1, 3)
			say("still under the other key", 2, 1, 3)
		}
		// Programs may not change maps of maps.
		fd := r.Map(outer(o.typ, 4, r.Map(raw.Map(raw.Array, 4, 8, 4, 0))))
		for _, f := range []asm.BuiltinFunc{asm.FnMapUpdateElem, asm.FnMapDeleteElem} {
			_, errno, _, _ := r.Tgt.Load(raw.RawTracepoint, asm.Instructions{
				st(asm.RFP, -8, 0, asm.DWord), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -8), asm.Mov.Reg(asm.R3, asm.R2),
				asm.Mov.Imm(asm.R4, 0), asm.LoadMapPtr(asm.R1, fd), f.Call(), asm.Mov.Imm(asm.R0, 0), asm.Return(),
			})
			r.Sayf("%s: %v: %s", o.name, f, raw.ErrName(errno))
		}
	}
}

// outerRandom holds the outer maps against a table of what was stored.
func outerRandom(r *oracle.Run) {
	for _, o := range outers {
		rnd := rand.New(rand.NewSource(int64(o.typ)))
		var inner []int
		for i := 0; i < 6; i++ {
			fd := r.Map(raw.Map(raw.Array, 4, 8, 1, 0))
			r.Tgt.Update(fd, k32(0), append(k32(1000*(i+1)), 0, 0, 0, 0), 0)
			inner = append(inner, fd)
		}
		fd := r.Map(outer(o.typ, 5, inner[0]))
		p := r.Prog(follow(fd))
		have := map[int]int{}
		for i := 0; i < 600; i++ {
			k, what := rnd.Intn(7), ""
			switch op := rnd.Intn(10); {
			case op < 4:
				n := rnd.Intn(len(inner))
				errno := r.Tgt.Update(fd, k32(k), k32(inner[n]), 0)
				if errno == 0 {
					have[k] = n
				}
				what = fmt.Sprintf("update %d to %d: %s", k, n, raw.ErrName(errno))
			case op < 6:
				errno := r.Tgt.Delete(fd, k32(k))
				if errno == 0 {
					delete(have, k)
				}
				what = fmt.Sprintf("delete %d: %s", k, raw.ErrName(errno))
			case op < 8:
				v, errno := r.Tgt.Lookup(fd, k32(k), 4)
				n, ok := have[k]
				what = fmt.Sprintf("lookup %d: %s, as stored: %v", k, raw.ErrName(errno), ok == (errno == 0) && (!ok || u32(v) == idOf(r, inner[n])))
			default:
				what = fmt.Sprintf("program %d: %d", k, r.Go(p, uint64(k), 0, 1))
			}
			r.Sayf("%s: %s", o.name, what)
		}
	}
}
