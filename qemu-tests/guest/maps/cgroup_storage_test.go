// SPDX-License-Identifier: Apache-2.0

package maps

import (
	"fmt"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/oracle"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

var cgroupTypes = []uint32{raw.CgroupStorage, raw.PerCPUCgroupStorage}

func cgroupCreate(r *oracle.Run) {
	types := storageBTF(r)
	try := func(what string, a *raw.Attr) {
		fd, errno := r.Tgt.Do(raw.MapCreate, a)
		r.Sayf("%s: %s", what, raw.ErrName(errno))
		if errno == 0 {
			unix.Close(fd)
		}
	}
	for _, typ := range cgroupTypes {
		for _, key := range []uint32{0, 4, 8, 12, 16, 20} {
			for _, value := range []uint32{0, 1, 8, 32768, 32769, bigValue, bigValue + 1} {
				try(fmt.Sprintf("type %d, key %d, value %d", typ, key, value), raw.Map(typ, key, value, 0, 0))
			}
		}
		for bit := 0; bit < 15; bit++ {
			try(fmt.Sprintf("type %d, flags %#x", typ, 1<<bit), raw.Map(typ, 16, 8, 0, 1<<bit))
		}
		try("both", raw.Map(typ, 16, 8, 0, 1<<7|1<<8))
		try("entries", raw.Map(typ, 16, 8, 1, 0))
		for _, key := range []uint32{8, 16} {
			for keyType := uint32(0); keyType <= typKeyInt; keyType++ {
				for _, val := range []uint32{typLong, typLocked} {
					size := map[uint32]uint32{typLong: 8, typLocked: 16}[val]
					try(fmt.Sprintf("type %d, key %d of type %d, value of type %d", typ, key, keyType, val),
						typed(raw.Map(typ, key, size, 0, 0), types, keyType, val))
				}
			}
		}
	}
}

func cgroupCommands(r *oracle.Run) {
	types := storageBTF(r)
	for _, typ := range cgroupTypes {
		for _, locked := range []bool{false, true} {
			a := raw.Map(typ, 16, 16, 0, 0)
			if locked {
				a = typed(a, types, typKey, typLocked)
			}
			fd, what := made(r, a)
			r.Sayf("type %d, lock %v: %s", typ, locked, what)
			if what != "ok" {
				continue
			}
			key, val := make([]byte, 16), make([]byte, 16*maxCPUs)
			for flags := uint64(0); flags < 9; flags++ {
				_, errno := r.Tgt.Do(raw.MapLookup, raw.Elem(fd, raw.Ptr(key), raw.Ptr(val), flags))
				r.Sayf("flags %d: lookup %s, update %s", flags, raw.ErrName(errno), raw.ErrName(r.Tgt.Update(fd, key, val, flags)))
			}
			r.Sayf("delete: %s", raw.ErrName(r.Tgt.Delete(fd, key)))
			_, errno := r.Tgt.NextKey(fd, nil, 16)
			r.Sayf("first key: %s", raw.ErrName(errno))
			_, errno = r.Tgt.NextKey(fd, key, 16)
			r.Sayf("next key: %s", raw.ErrName(errno))
			for cmd := uint32(raw.MapLookupBatch); cmd <= raw.MapDeleteBatch; cmd++ {
				_, errno := r.Tgt.Do(cmd, raw.Batch(fd, 0, raw.Ptr(make([]byte, 16)), raw.Ptr(make([]byte, 64)), raw.Ptr(val), 1))
				r.Sayf("%s: %s", raw.CmdNames[cmd], raw.ErrName(errno))
			}
			_, what = made(r, raw.Map(raw.ArrayOfMaps, 4, 4, 1, 0).U32(20, uint32(fd)))
			r.Sayf("inside another: %s", what)
		}
	}
}

// count adds to both values, and returns the first's sum in its low and the
// second's in its high half.
func count(shared, percpu int, by int32) asm.Instructions {
	return asm.Instructions{
		asm.Mov.Imm(asm.R2, 0), asm.LoadMapPtr(asm.R1, shared), asm.FnGetLocalStorage.Call(), asm.Mov.Reg(asm.R6, asm.R0),
		asm.Mov.Imm(asm.R2, 0), asm.LoadMapPtr(asm.R1, percpu), asm.FnGetLocalStorage.Call(),
		asm.LoadMem(asm.R1, asm.R0, 0, asm.DWord), asm.Add.Imm(asm.R1, by), asm.StoreMem(asm.R0, 0, asm.R1, asm.DWord),
		asm.LoadMem(asm.R2, asm.R6, 8, asm.DWord), asm.Add.Imm(asm.R2, 3*by), asm.StoreMem(asm.R6, 8, asm.R2, asm.DWord),
	}
}

// keep stores R1 and R2 in a map of two words.
func keep(fd int) asm.Instructions {
	return asm.Instructions{
		asm.Mov.Reg(asm.R8, asm.R1), asm.Mov.Reg(asm.R9, asm.R2), st(asm.RFP, -4, 0, asm.Word),
		asm.LoadMapPtr(asm.R1, fd), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4), asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "end"),
		asm.StoreMem(asm.R0, 0, asm.R8, asm.DWord), asm.StoreMem(asm.R0, 8, asm.R9, asm.DWord),
		asm.Mov.Imm(asm.R0, 1).WithSymbol("end"), asm.Return(),
	}
}

func testRun(r *oracle.Run, fd int, repeat uint32) string {
	a := raw.NewAttr().U32(0, uint32(fd)).U32(8, 64).U64(16, raw.Ptr(make([]byte, 64))).U32(32, repeat)
	_, errno := r.Tgt.Do(raw.ProgTestRun, a)
	return fmt.Sprintf("%s, returned %d", raw.ErrName(errno), a.Get32(4))
}

func cgroupRuns(r *oracle.Run) {
	shared := r.Map(raw.Map(raw.CgroupStorage, 16, 16, 0, 0))
	percpu := r.Map(raw.Map(raw.PerCPUCgroupStorage, 8, 8, 0, 0))
	out := r.Map(raw.Map(raw.Array, 4, 16, 1, 0))
	p, errno, log, err := r.Tgt.Load(raw.CgroupSKB, join(count(shared, percpu, 1), keep(out)))
	if err != nil || errno != 0 {
		r.Fatalf("load: %v %s\n%s", err, raw.ErrName(errno), log)
	}
	defer unix.Close(p)
	for _, repeat := range []uint32{1, 5, 1} {
		said := testRun(r, p, repeat)
		v, _ := r.Tgt.Lookup(out, k32(0), 16)
		r.Sayf("%d times: %s: %x", repeat, said, v)
	}
	second := r.Map(raw.Map(raw.CgroupStorage, 16, 16, 0, 0))
	_, errno, _, _ = r.Tgt.Load(raw.CgroupSKB, asm.Instructions{
		asm.Mov.Imm(asm.R2, 0), asm.LoadMapPtr(asm.R1, shared), asm.FnGetLocalStorage.Call(),
		asm.Mov.Imm(asm.R2, 0), asm.LoadMapPtr(asm.R1, second), asm.FnGetLocalStorage.Call(),
		asm.Mov.Imm(asm.R0, 1), asm.Return(),
	})
	r.Sayf("two of one type: %s", raw.ErrName(errno))
}

// cgroupTails: what is called must find its storage in the caller's.
func cgroupTails(r *oracle.Run) {
	maps := []int{
		r.Map(raw.Map(raw.CgroupStorage, 16, 16, 0, 0)), r.Map(raw.Map(raw.CgroupStorage, 16, 16, 0, 0)),
	}
	body := func(m int) asm.Instructions {
		if m < 0 {
			return asm.Instructions{asm.Mov.Imm(asm.R0, 1), asm.Return()}
		}
		return asm.Instructions{
			asm.Mov.Imm(asm.R2, 0), asm.LoadMapPtr(asm.R1, maps[m]), asm.FnGetLocalStorage.Call(),
			asm.LoadMem(asm.R0, asm.R0, 0, asm.Word), asm.And.Imm(asm.R0, 1), asm.Return(),
		}
	}
	for caller := -1; caller < 2; caller++ {
		for target := -1; target < 2; target++ {
			if caller < 0 && target >= 0 {
				continue // 6.1 as Debian has it lets it through
			}
			array := r.Map(raw.Map(raw.ProgArray, 4, 4, 2, 0))
			call := asm.Instructions{asm.Mov.Reg(asm.R6, asm.R1)}
			if caller >= 0 {
				call = append(call, body(caller)[:3]...)
			}
			call = append(call, asm.Mov.Reg(asm.R1, asm.R6), asm.LoadMapPtr(asm.R2, array), asm.Mov.Imm(asm.R3, 0),
				asm.FnTailCall.Call(), asm.Mov.Imm(asm.R0, 0), asm.Return())
			c, errno, log, err := r.Tgt.Load(raw.CgroupSKB, call)
			if err != nil || errno != 0 {
				r.Fatalf("caller: %v %s\n%s", err, raw.ErrName(errno), log)
			}
			p, errno, log, err := r.Tgt.Load(raw.CgroupSKB, body(target))
			if err != nil || errno != 0 {
				r.Fatalf("target: %v %s\n%s", err, raw.ErrName(errno), log)
			}
			r.Sayf("caller has %d, target %d: %s; run: %s", caller, target,
				raw.ErrName(r.Tgt.Update(array, k32(0), k32(p), 0)), testRun(r, c, 1))
			unix.Close(c)
			unix.Close(p)
		}
	}
}
