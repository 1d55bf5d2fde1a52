// SPDX-License-Identifier: Apache-2.0

package model

import (
	"encoding/binary"
	"fmt"
	"math/rand"
	"runtime"
	"testing"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

const swapSlots = 4 // of each owner

// innerProg looks an inner map up, and its element 0: the sum of both its
// halves, of which one is the other's negation and one more: -1; else wrong.
// -2: no such map; -3: no such element.
func innerProg(outer int) asm.Instructions {
	return asm.Instructions{
		arg(asm.R6, 0), asm.StoreMem(asm.RFP, -4, asm.R6, asm.Word),
		asm.LoadMapPtr(asm.R1, outer), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4), asm.FnMapLookupElem.Call(),
		asm.JNE.Imm(asm.R0, 0, "map"), asm.Mov.Imm(asm.R0, -2), asm.Return(),
		asm.Mov.Reg(asm.R1, asm.R0).WithSymbol("map"), st32(-4, 0), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4),
		asm.FnMapLookupElem.Call(), asm.JNE.Imm(asm.R0, 0, "elem"), asm.Mov.Imm(asm.R0, -3), asm.Return(),
		asm.LoadMem(asm.R1, asm.R0, 0, asm.Word).WithSymbol("elem"), asm.LoadMem(asm.R2, asm.R0, 4, asm.Word),
		asm.Mov.Reg(asm.R3, asm.R1), asm.Xor.Reg(asm.R3, asm.R2), asm.LSh.Imm(asm.R3, 32), asm.RSh.Imm(asm.R3, 32),
		asm.Mov.Reg(asm.R0, asm.R1), asm.LoadImm(asm.R4, 0xffffffff, asm.DWord), asm.JEq.Reg(asm.R3, asm.R4, "whole"),
		asm.Mov.Imm(asm.R0, -4), asm.Return(), asm.Return().WithSymbol("whole"),
	}
}

func st32(off int16, v int32) asm.Instruction { return asm.StoreImm(asm.RFP, off, int64(v), asm.Word) }

// TestInnerMaps replaces inner maps while programs on all CPUs use them.
func TestInnerMaps(t *testing.T) {
	each(t, func(t *testing.T, tgt *raw.Target) {
		for _, k := range []struct {
			name string
			typ  uint32
		}{{"array of maps", raw.ArrayOfMaps}, {"hash of maps", raw.HashOfMaps}} {
			t.Run(k.name, func(t *testing.T) {
				inner := raw.Map(raw.Array, 4, 8, 1, 0)
				template := newMap(t, tgt, inner)
				defer unix.Close(template)
				outer := newMap(t, tgt, raw.Map(k.typ, 4, 4, 64, 0).U32(20, uint32(template)))
				defer unix.Close(outer)
				prog := load(t, tgt, raw.RawTracepoint, innerProg(outer))
				defer unix.Close(prog)
				cpus := max(runtime.NumCPU(), 2)
				n := rounds() / 5
				swaps := swapper{t: t, tgt: tgt, outer: outer, prog: prog, cpus: cpus}
				swaps.put = func(u *user, slot int, val uint32) {
					fd := newMap(t, tgt, inner)
					u.key(0)
					binary.LittleEndian.PutUint32(u.v, val)
					binary.LittleEndian.PutUint32(u.v[4:], ^val)
					if errno := u.do(raw.MapUpdate, fd, 0); errno != 0 {
						t.Errorf("inner: %s", raw.ErrName(errno))
					}
					u.key(uint64(slot))
					binary.LittleEndian.PutUint32(u.v, uint32(fd))
					if errno := u.do(raw.MapUpdate, outer, 0); errno != 0 {
						t.Errorf("outer: %s", raw.ErrName(errno))
					}
					unix.Close(fd)
				}
				swaps.run(n)
			})
		}
	})
}

// TestTailCalls replaces programs while others on all CPUs call them.
func TestTailCalls(t *testing.T) {
	each(t, func(t *testing.T, tgt *raw.Target) {
		array := newMap(t, tgt, raw.Map(raw.ProgArray, 4, 4, 64, 0))
		defer unix.Close(array)
		prog := load(t, tgt, raw.RawTracepoint, asm.Instructions{
			arg(asm.R3, 0), asm.LoadMapPtr(asm.R2, array), asm.FnTailCall.Call(), asm.Mov.Imm(asm.R0, -2), asm.Return(),
		})
		defer unix.Close(prog)
		s := swapper{t: t, tgt: tgt, outer: array, prog: prog, cpus: max(runtime.NumCPU(), 2)}
		s.put = func(u *user, slot int, val uint32) {
			fd := load(t, tgt, raw.RawTracepoint, asm.Instructions{asm.Mov.Imm(asm.R0, int32(val)), asm.Return()})
			u.key(uint64(slot))
			binary.LittleEndian.PutUint32(u.v, uint32(fd))
			if errno := u.do(raw.MapUpdate, array, 0); errno != 0 {
				t.Errorf("program array: %s", raw.ErrName(errno))
			}
			unix.Close(fd)
		}
		s.run(rounds() / 10)
		// The last user of a program array empties it.
	})
}

// swapper: each owner puts things into its slots, takes them out, and asks the
// program what is there; and what is in the others', which must be something
// that was put there at some time, or nothing.
type swapper struct {
	t           *testing.T
	tgt         *raw.Target
	outer, prog int
	cpus        int
	put         func(u *user, slot int, val uint32)
}

func (s swapper) run(n int) {
	t := s.t
	parallel(s.cpus, func(i int) {
		u, run := newUser(s.tgt), s.tgt.Runner(s.prog)
		defer run.Close()
		rnd := rand.New(rand.NewSource(int64(i)))
		has := map[int]uint32{}
		for seq := uint32(1); seq <= uint32(n) && !t.Failed(); seq++ {
			slot := i*swapSlots + rnd.Intn(swapSlots)
			switch rnd.Intn(6) {
			case 0:
				val := uint32(slot)<<20 | seq
				s.put(u, slot, val)
				has[slot] = val
			case 1:
				u.key(uint64(slot))
				errno := u.do(raw.MapDelete, s.outer, 0)
				if _, ok := has[slot]; ok != (errno == 0) || !ok && errno != unix.ENOENT {
					t.Errorf("owner %d: delete of slot %d: %s; there: %v", i, slot, raw.ErrName(errno), ok)
				}
				delete(has, slot)
			case 2, 3:
				want, ok := has[slot]
				if !ok {
					want = ^uint32(1)
				}
				if got, errno := run.Run(uint64(slot)); errno != 0 || got != want {
					t.Errorf("owner %d: slot %d: %#x %s; the reference says %#x", i, slot, got, raw.ErrName(errno), want)
				}
			default:
				slot = rnd.Intn(s.cpus * swapSlots)
				got, errno := run.Run(uint64(slot))
				if errno != 0 || int32(got) != -2 && got>>20 != uint32(slot) {
					t.Errorf("slot %d of another: %s", slot, fmt.Sprintf("%#x %s", got, raw.ErrName(errno)))
				}
			}
		}
	})
}
