// SPDX-License-Identifier: Apache-2.0

package maps

import (
	"encoding/binary"
	"math/rand"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/oracle"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

func push(r *oracle.Run, fd int, val []byte, flags uint64) string {
	_, errno := r.Tgt.Do(raw.MapUpdate, raw.Elem(fd, 0, raw.Ptr(val), flags))
	return raw.ErrName(errno)
}

// take pops, or only looks.
func take(r *oracle.Run, cmd uint32, fd, size int) (string, []byte) {
	v := raw.Alloc(size)
	for i := range v {
		v[i] = 0xee
	}
	_, errno := r.Tgt.Do(cmd, raw.Elem(fd, 0, raw.Addr(v), 0))
	return raw.ErrName(errno), v
}

var queues = []struct {
	name string
	typ  uint32
}{{"queue", raw.Queue}, {"stack", raw.Stack}}

// queueUser does the same random commands to queues and stacks.
func queueUser(r *oracle.Run) {
	for _, k := range queues {
		for _, shape := range []struct{ size, max uint32 }{{8, 1}, {4, 3}, {7, 5}, {1, 8}} {
			fd := r.Map(raw.Map(k.typ, 0, shape.size, shape.max, 0))
			rnd := rand.New(rand.NewSource(int64(shape.size)))
			for i := 0; i < 150; i++ {
				val := make([]byte, shape.size)
				rnd.Read(val)
				switch op := rnd.Intn(10); {
				case op < 5:
					flags := []uint64{0, 0, 0, raw.UpdateExist, raw.UpdateExist, raw.UpdateNoexist, 3, 4, 1 << 40}[rnd.Intn(9)]
					r.Sayf("%s of %d: push %x flags %#x: %s", k.name, shape.max, val, flags, push(r, fd, val, flags))
				case op < 8:
					err, v := take(r, raw.MapLookupDelete, fd, int(shape.size))
					r.Sayf("%s of %d: pop: %s %x", k.name, shape.max, err, v)
				default:
					err, v := take(r, raw.MapLookup, fd, int(shape.size))
					r.Sayf("%s of %d: peek: %s %x", k.name, shape.max, err, v)
				}
			}
		}
	}
}

// valueOps are programs that push their first argument with the flags of the
// second, and that pop and peek: r0 is the answer, or with the argument 1
// the low half of the value.
func valueOps(r *oracle.Run, fd int) (push, pop, peek int) {
	push = r.Prog(asm.Instructions{
		arg(asm.R6, 0), arg(asm.R3, 1), asm.StoreMem(asm.RFP, -8, asm.R6, asm.DWord),
		asm.LoadMapPtr(asm.R1, fd), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -8), asm.FnMapPushElem.Call(), asm.Return(),
	})
	get := func(fn asm.BuiltinFunc) int {
		return r.Prog(asm.Instructions{
			arg(asm.R6, 0), arg(asm.R7, 1), asm.StoreMem(asm.RFP, -8, asm.R7, asm.DWord),
			asm.LoadMapPtr(asm.R1, fd), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -8), fn.Call(),
			asm.JEq.Imm(asm.R6, 0, "end"), asm.LoadMem(asm.R0, asm.RFP, -8, asm.DWord), asm.Return().WithSymbol("end"),
		})
	}
	return push, get(asm.FnMapPopElem), get(asm.FnMapPeekElem)
}

func queueProgs(r *oracle.Run) {
	for _, k := range queues {
		fd := r.Map(raw.Map(k.typ, 0, 8, 3, 0))
		pushes, pop, peek := valueOps(r, fd)
		rnd := rand.New(rand.NewSource(7))
		for i := 0; i < 120; i++ {
			switch op := rnd.Intn(10); {
			case op < 5:
				flags := []uint64{0, 0, raw.UpdateExist, raw.UpdateNoexist, 3, 1 << 63}[rnd.Intn(6)]
				r.Sayf("%s: push %d flags %#x: %d", k.name, i, flags, r.Go(pushes, uint64(i), flags))
			case op < 6:
				r.Sayf("%s: pop: %d", k.name, r.Go(pop, 0, 0x7777))
			case op < 8:
				r.Sayf("%s: pop the value: %d", k.name, r.Go(pop, 1, 0x7777))
			case op < 9:
				r.Sayf("%s: peek: %d", k.name, r.Go(peek, 0, 0x7777))
			default:
				r.Sayf("%s: peek the value: %d", k.name, r.Go(peek, 1, 0x7777))
			}
		}
		// User space sees what programs left.
		for i := 0; i < 4; i++ {
			err, v := take(r, raw.MapLookupDelete, fd, 8)
			r.Sayf("%s: taken by the user: %s %x", k.name, err, v)
		}
		r.Sayf("%s: pushed by the user: %s", k.name, push(r, fd, []byte{1, 2, 3, 4, 0, 0, 0, 0}, 0))
		r.Sayf("%s: popped by the program: %#x", k.name, r.Go(pop, 1, 0))
	}
}

func may(r *oracle.Run, fd int, val []byte) string {
	_, errno := r.Tgt.Do(raw.MapLookup, raw.Elem(fd, 0, raw.Ptr(val), 0))
	return raw.ErrName(errno)
}

// bloom has a known seed: false positives are the same everywhere.
func bloom(r *oracle.Run) {
	for _, b := range []struct {
		size, max uint32
		hashes    uint64
	}{{4, 20, 0}, {8, 20, 1}, {7, 50, 3}, {1, 3, 15}, {13, 100, 5}, {64, 1000, 2}, {3, 1, 0}} {
		fd := r.Map(raw.Map(raw.BloomFilter, 0, b.size, b.max, raw.ZeroSeed).U64(64, b.hashes))
		rnd := rand.New(rand.NewSource(int64(b.size)))
		val := func() []byte {
			v := make([]byte, b.size)
			rnd.Read(v)
			return v
		}
		var in [][]byte
		for i := uint32(0); i < min(b.max*2, 60); i++ {
			in = append(in, val())
			if s := push(r, fd, in[i], 0); s != "ok" {
				r.Sayf("push: %s", s)
			}
		}
		lost := 0
		for _, v := range in {
			if may(r, fd, v) != "ok" {
				lost++
			}
		}
		answers := ""
		for i := 0; i < 100; i++ {
			if may(r, fd, val()) == "ok" {
				answers += "+"
			} else {
				answers += "."
			}
		}
		r.Sayf("%d bytes, %d entries, %d hashes: %d lost, others: %s", b.size, b.max, b.hashes, lost, answers)
		for _, flags := range []uint64{1, 2, 3, 4, 1 << 63} {
			r.Sayf("push with flags %#x: %s", flags, push(r, fd, in[0], flags))
		}
	}
	// With a seed of its own nothing is lost either.
	fd := r.Map(raw.Map(raw.BloomFilter, 0, 8, 100, 0))
	lost := 0
	for i := uint64(0); i < 100; i++ {
		push(r, fd, binary.NativeEndian.AppendUint64(nil, i), 0)
	}
	for i := uint64(0); i < 100; i++ {
		if may(r, fd, binary.NativeEndian.AppendUint64(nil, i)) != "ok" {
			lost++
		}
	}
	r.Sayf("its own seed: %d lost", lost)
	for _, max := range []uint32{1, 9, 10, 11, 100, 1 << 20} {
		for _, hashes := range []uint64{0, 1, 15} {
			fd, errno := r.Tgt.Do(raw.MapCreate, raw.Map(raw.BloomFilter, 0, 4, max, 0).U64(64, hashes))
			r.Sayf("%d entries, %d hashes: %s", max, hashes, raw.ErrName(errno))
			if errno == 0 {
				unix.Close(fd)
			}
		}
	}
}

func bloomProgs(r *oracle.Run) {
	fd := r.Map(raw.Map(raw.BloomFilter, 0, 8, 20, raw.ZeroSeed))
	pushes, pop, peek := valueOpsBloom(r, fd)
	for i := uint64(0); i < 20; i++ {
		r.Sayf("push %d: %d", i, r.Go(pushes, i*i, 0))
	}
	for _, flags := range []uint64{1, 2, 1 << 63} {
		r.Sayf("push, flags %#x: %d", flags, r.Go(pushes, 3, flags))
	}
	for i := uint64(0); i < 100; i++ {
		r.Sayf("peek %d: %d", i, r.Go(peek, 0, i))
	}
	r.Sayf("pop: %v", pop)
}

// valueOpsBloom is valueOps, where pop is only loaded: is it refused?
func valueOpsBloom(r *oracle.Run, fd int) (push int, pop string, peek int) {
	r.Helper()
	push = r.Prog(asm.Instructions{
		arg(asm.R6, 0), arg(asm.R3, 1), asm.StoreMem(asm.RFP, -8, asm.R6, asm.DWord),
		asm.LoadMapPtr(asm.R1, fd), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -8), asm.FnMapPushElem.Call(), asm.Return(),
	})
	get := func(fn asm.BuiltinFunc) asm.Instructions {
		return asm.Instructions{
			arg(asm.R7, 1), asm.StoreMem(asm.RFP, -8, asm.R7, asm.DWord),
			asm.LoadMapPtr(asm.R1, fd), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -8), fn.Call(), asm.Return(),
		}
	}
	bad, errno, _, err := r.Tgt.Load(raw.RawTracepoint, get(asm.FnMapPopElem))
	if err != nil {
		r.Fatal(err)
	}
	if errno == 0 {
		unix.Close(bad)
	}
	return push, raw.ErrName(errno), r.Prog(get(asm.FnMapPeekElem))
}

// valueBTF gives the types BTF for values, with keys and without.
func valueBTF(r *oracle.Run) {
	// int of 4 bytes; an empty struct; a struct of a spin lock (an int).
	strs := "\x00int\x00none\x00bpf_spin_lock\x00val\x00"
	types := []uint32{
		1, 1 << 24, 4, 1<<24 | 32, // [1] int
		5, 4 << 26 >> 2, 0, // [2] struct none {}
		10, 4<<24 | 1, 4, 24, 1, 0, // [3] struct bpf_spin_lock { int val; }
		24, 4<<24 | 1, 4, 1, 3, 0, // [4] struct val { struct bpf_spin_lock int; }
	}
	types[5] = 4 << 24
	btf, errno := r.Tgt.LoadBTF(raw.Types(strs, types...))
	r.Sayf("load: %s", raw.ErrName(errno))
	if errno != 0 {
		return
	}
	defer unix.Close(btf)
	for _, k := range kinds {
		value := k.value
		if value != 0 {
			value = 4
		}
		for key := uint32(0); key < 3; key++ {
			for val := uint32(0); val < 5; val++ {
				fd, errno := r.Tgt.Do(raw.MapCreate, raw.Map(k.typ, k.key, value, k.max, 0).U32(48, uint32(btf)).U32(52, key).U32(56, val))
				r.Sayf("%s: key of type %d, value of type %d: %s", k.name, key, val, raw.ErrName(errno))
				if errno == 0 {
					unix.Close(fd)
				}
			}
		}
	}
}
