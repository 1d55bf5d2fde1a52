// SPDX-License-Identifier: Apache-2.0

package maps

import (
	"encoding/binary"
	"fmt"
	"math/rand"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/oracle"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

// kptrBTF makes values of 16 bytes whose first word is, by the type's number:
// [7] a pointer to a task, untagged; [8] a kptr to one; [9] a kptr to nothing
// the kernel has; [10] a kptr behind an int that is not aligned as it is.
func kptrBTF(r *oracle.Run) int {
	r.Helper()
	strs := "\x00int\x00long\x00task_struct\x00none_such\x00kptr\x00val\x00"
	types := []uint32{
		1, 1 << 24, 4, 1<<24 | 32, // [1] int
		5, 1 << 24, 8, 64, // [2] unsigned long
		10, 4 << 24, 0, // [3] struct task_struct
		22, 4 << 24, 0, // [4] struct none_such
		32, 18 << 24, 3, // [5] tag: kptr, to a task
		32, 18 << 24, 4, // [6] the same, to none
		37, 4<<24 | 2, 16, 37, 11, 0, 37, 2, 64, // [7]
		37, 4<<24 | 2, 16, 37, 12, 0, 37, 2, 64, // [8]
		37, 4<<24 | 2, 16, 37, 13, 0, 37, 2, 64, // [9]
		37, 4<<24 | 3, 16, 37, 12, 0, 37, 1, 64, 37, 1, 96, // [10]
		0, 2 << 24, 3, // [11] struct task_struct *
		0, 2 << 24, 5, // [12] ... tagged
		0, 2 << 24, 6, // [13]
	}
	fd, errno := r.Tgt.LoadBTF(raw.Types(strs, types...))
	if errno != 0 {
		r.Fatalf("BTF: %s", raw.ErrName(errno))
	}
	r.Cleanup(func() { unix.Close(fd) })
	return fd
}

func kptrCreate(r *oracle.Run) {
	kernelTypes(r)
	types := kptrBTF(r)
	for _, typ := range []uint32{raw.Hash, raw.Array, raw.LRUHash, raw.PerCPUHash, raw.LRUPerCPUHash} {
		for _, flags := range []uint32{0, 1 << 7, 1 << 8, 1} {
			for val := uint32(7); val <= 10; val++ {
				_, what := made(r, typed(raw.Map(typ, 4, 16, 2, flags), types, 1, val))
				r.Sayf("type %d, flags %#x, value %d: %s", typ, flags, val, what)
			}
		}
	}
	fd, what := made(r, typed(raw.Map(raw.Array, 4, 16, 1, 1<<10), types, 1, 8))
	_, err := unix.Mmap(fd, 0, 4096, unix.PROT_READ, unix.MAP_SHARED)
	r.Sayf("mmapable: %s, mmap: %v", what, err)
}

// kptrProg does to element 0 what its first argument says: store the running
// task (0), look at what is stored (1: is it there, and has it our pid), store
// NULL (2).
func kptrProg(fd int, pid uint32) asm.Instructions {
	return asm.Instructions{
		arg(asm.R6, 0), st(asm.RFP, -4, 0, asm.Word),
		asm.LoadMapPtr(asm.R1, fd), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4), asm.FnMapLookupElem.Call(),
		asm.JNE.Imm(asm.R0, 0, "there"), asm.Mov.Imm(asm.R0, -2), asm.Return(),
		asm.Mov.Reg(asm.R7, asm.R0).WithSymbol("there"),
		asm.JEq.Imm(asm.R6, 1, "look"), asm.JEq.Imm(asm.R6, 2, "clear"),
		asm.FnGetCurrentTaskBtf.Call(), asm.StoreMem(asm.R7, 0, asm.R0, asm.DWord), asm.Mov.Imm(asm.R0, 0), asm.Return(),
		asm.LoadMem(asm.R8, asm.R7, 0, asm.DWord).WithSymbol("look"),
		asm.JNE.Imm(asm.R8, 0, "stored"), asm.Mov.Imm(asm.R0, -3), asm.Return(),
		asm.LoadMem(asm.R8, asm.R8, int16(pid), asm.Word).WithSymbol("stored"), asm.FnGetCurrentPidTgid.Call(),
		asm.LSh.Imm(asm.R0, 32), asm.RSh.Imm(asm.R0, 32), asm.Sub.Reg(asm.R0, asm.R8), asm.Return(),
		st(asm.R7, 0, 0, asm.DWord).WithSymbol("clear"), asm.Mov.Imm(asm.R0, 0), asm.Return(),
	}
}

func kptrRandom(r *oracle.Run) {
	spec := kernelTypes(r)
	types := kptrBTF(r)
	var task *btf.Struct
	if err := spec.TypeByName("task_struct", &task); err != nil {
		r.Fatal(err)
	}
	pid := uint32(0)
	for _, m := range task.Members {
		if m.Name == "pid" {
			pid = m.Offset.Bytes()
		}
	}
	for _, k := range []struct{ typ, flags uint32 }{{raw.Array, 0}, {raw.Hash, 0}, {raw.Hash, raw.NoPrealloc}} {
		fd := r.Map(typed(raw.Map(k.typ, 4, 16, 1, k.flags), types, 1, 8))
		p := r.Prog(kptrProg(fd, pid))
		rnd := rand.New(rand.NewSource(int64(k.typ)))
		val := raw.Alloc(16)
		for i := 0; i < 300; i++ {
			what := ""
			binary.LittleEndian.PutUint64(val, ^uint64(0)>>rnd.Intn(60))
			binary.LittleEndian.PutUint64(val[8:], uint64(i))
			switch op := rnd.Intn(12); {
			case op < 2:
				up := []uint64{0, raw.UpdateNoexist, raw.UpdateExist}[rnd.Intn(3)]
				what = fmt.Sprintf("update by %d: %s", up, raw.ErrName(r.Tgt.Update(fd, k32(0), val, up)))
			case op < 3:
				what = fmt.Sprintf("delete: %s", raw.ErrName(r.Tgt.Delete(fd, k32(0))))
			case op < 5:
				v, errno := r.Tgt.Lookup(fd, k32(0), 16)
				what = fmt.Sprintf("lookup: %s %x", raw.ErrName(errno), v)
			case op < 8:
				what = fmt.Sprintf("program stores: %d", r.Go(p, 0))
			case op < 11:
				what = fmt.Sprintf("program looks: %d", r.Go(p, 1))
			default:
				what = fmt.Sprintf("program clears: %d", r.Go(p, 2))
			}
			r.Sayf("type %d: %s", k.typ, what)
		}
	}
}
