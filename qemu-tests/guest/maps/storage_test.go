// SPDX-License-Identifier: Apache-2.0

package maps

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand"
	"os"
	"os/exec"

	"github.com/bpfshim/bpfshim/loader"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/oracle"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

const storageGolden = "/testdata/storage-6.1.txt"

// storage is of the types that hold a value to an object, and of values that
// hold pointers to them.
var storage = []oracle.Script{
	{Name: "task storage create", Do: taskCreate},
	{Name: "task storage commands", Do: taskCommands},
	{Name: "task storage by turns", Do: taskRandom},
	{Name: "cgroup storage create", Do: cgroupCreate},
	{Name: "cgroup storage commands", Do: cgroupCommands},
	{Name: "cgroup storage in tests", Do: cgroupRuns},
	{Name: "cgroup storage and tail calls", Do: cgroupTails},
	{Name: "kptr create", Do: kptrCreate},
	{Name: "kptr values", Do: kptrRandom},
}

// Types of storageBTF.
const (
	typInt = iota + 1
	typLong
	typChar
	typBig
	typBigger
	typLock
	typLocked
	typKey
	typKeyInt
)

const bigValue = 65535 - 128

// storageBTF makes keys and values to choose from.
func storageBTF(r *oracle.Run) int {
	r.Helper()
	strs := "\x00int\x00long\x00char\x00bpf_spin_lock\x00val\x00key\x00"
	types := []uint32{
		1, 1 << 24, 4, 1<<24 | 32, // int
		5, 1 << 24, 8, 64, // unsigned long
		10, 1 << 24, 1, 8, // char
		0, 3 << 24, 0, typChar, typInt, bigValue, // char[]
		0, 3 << 24, 0, typChar, typInt, bigValue + 1,
		15, 4<<24 | 1, 4, 29, typInt, 0, // struct bpf_spin_lock
		29, 4<<24 | 2, 16, 29, typLock, 0, 29, typLong, 64, // struct val
		33, 4<<24 | 2, 16, 33, typLong, 0, 33, typInt, 64, // struct key
		33, 4<<24 | 2, 16, 33, typLong, 0, 33, typLong, 64,
	}
	fd, errno := r.Tgt.LoadBTF(raw.Types(strs, types...))
	if errno != 0 {
		r.Fatalf("BTF: %s", raw.ErrName(errno))
	}
	r.Cleanup(func() { unix.Close(fd) })
	return fd
}

func typed(a *raw.Attr, btf int, key, value uint32) *raw.Attr {
	return a.U32(48, uint32(btf)).U32(52, key).U32(56, value)
}

// kernelTypes gives the driver the kernel's types, and returns them.
func kernelTypes(r *oracle.Run) *btf.Spec {
	r.Helper()
	blob, err := loader.RawKernelBTF()
	if err != nil {
		r.Fatal(err)
	}
	if !r.Tgt.IsNative() {
		fd, errno := r.Tgt.Do(raw.BTFLoad, raw.NewAttr().U64(0, raw.Ptr(blob)).U32(16, uint32(len(blob))))
		if errno != 0 {
			r.Fatalf("kernel BTF: %s", raw.ErrName(errno))
		}
		if _, errno := r.Tgt.Call(raw.ExtSetBTF, raw.NewAttr().U32(0, uint32(fd)).Addr(), 8); errno != 0 {
			r.Fatalf("set kernel BTF: %s", raw.ErrName(errno))
		}
		unix.Close(fd)
	}
	spec, err := btf.LoadSpecFromReader(bytes.NewReader(blob))
	if err != nil {
		r.Fatal(err)
	}
	return spec
}

// taskFD is a descriptor of a process: a pidfd, or its directory where there
// are none.
func taskFD(r *oracle.Run, pid int) int {
	r.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err == unix.ENOSYS {
		fd, err = unix.Open(fmt.Sprintf("/proc/%d", pid), unix.O_RDONLY|unix.O_DIRECTORY, 0)
	}
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { unix.Close(fd) })
	return fd
}

func taskCreate(r *oracle.Run) {
	types := storageBTF(r)
	value := map[uint32]uint32{0: typLong, 4: typInt, 8: typLong, 16: typLocked, bigValue: typBig, bigValue + 1: typBigger}
	try := func(what string, a *raw.Attr) {
		fd, errno := r.Tgt.Do(raw.MapCreate, a)
		r.Sayf("%s: %s", what, raw.ErrName(errno))
		if errno == 0 {
			unix.Close(fd)
		}
	}
	for _, size := range []uint32{0, 4, 8, 16, bigValue, bigValue + 1} {
		for _, flags := range []uint32{0, 1, 1 | 1<<9, 1 << 9, 1 | 1<<2, 1 | 1<<3, 1 | 1<<4, 1 | 1<<7, 1 | 1<<8, 1 | 1<<10, 1 | 1<<6} {
			try(fmt.Sprintf("value %d, flags %#x", size, flags), typed(raw.Map(raw.TaskStorage, 4, size, 0, flags), types, typInt, value[size]))
		}
	}
	for _, key := range []uint32{0, 2, 4, 8} {
		for _, max := range []uint32{0, 1} {
			for keyType := uint32(0); keyType <= typKeyInt+1; keyType++ {
				try(fmt.Sprintf("key %d, entries %d, type %d", key, max, keyType),
					typed(raw.Map(raw.TaskStorage, key, 8, max, 1), types, keyType, typLong))
			}
		}
	}
	for valType := uint32(0); valType <= typKeyInt+1; valType++ {
		try(fmt.Sprintf("type of value %d", valType), typed(raw.Map(raw.TaskStorage, 4, 8, 0, 1), types, typInt, valType))
	}
}

func taskCommands(r *oracle.Run) {
	types := storageBTF(r)
	self := k32(taskFD(r, os.Getpid()))
	child := exec.Command("/proc/self/exe", "-test.list", "nothing")
	if err := child.Start(); err != nil {
		r.Fatal(err)
	}
	dead := k32(taskFD(r, child.Process.Pid))
	other, err := unix.Open("/proc/self/status", unix.O_RDONLY, 0)
	if err != nil {
		r.Fatal(err)
	}
	defer unix.Close(other)
	_ = child.Wait()
	for _, typ := range []uint32{typLong, typLocked} {
		size := uint32(8)
		if typ == typLocked {
			size = 16
		}
		fd := r.Map(typed(raw.Map(raw.TaskStorage, 4, size, 0, 1), types, typInt, typ))
		val := bytes.Repeat([]byte{0xa5}, int(size))
		for i, key := range [][]byte{self, dead, k32(-1), k32(other), k32(fd)} {
			for flags := uint64(0); flags < 9; flags++ {
				r.Sayf("key %d, flags %d: update %s", i, flags, raw.ErrName(r.Tgt.Update(fd, key, val, flags)))
				out := raw.Alloc(int(size))
				_, errno := r.Tgt.Do(raw.MapLookup, raw.Elem(fd, raw.Ptr(key), raw.Addr(out), flags))
				r.Sayf("lookup %s %x", raw.ErrName(errno), out)
				_, errno = r.Tgt.Do(raw.MapLookupDelete, raw.Elem(fd, raw.Ptr(key), raw.Addr(out), flags))
				r.Sayf("lookup and delete %s", raw.ErrName(errno))
				if flags > 4 {
					r.Sayf("delete %s", raw.ErrName(r.Tgt.Delete(fd, key)))
				}
				val[size-1]++
			}
			r.Sayf("delete %s", raw.ErrName(r.Tgt.Delete(fd, key)))
		}
		_, errno := r.Tgt.NextKey(fd, nil, 4)
		r.Sayf("first key: %s", raw.ErrName(errno))
		_, errno = r.Tgt.NextKey(fd, self, 4)
		r.Sayf("next key: %s", raw.ErrName(errno))
		for cmd := uint32(raw.MapLookupBatch); cmd <= raw.MapDeleteBatch; cmd++ {
			_, errno := r.Tgt.Do(cmd, raw.Batch(fd, 0, raw.Ptr(make([]byte, 8)), raw.Ptr(make([]byte, 64)), raw.Ptr(make([]byte, 64)), 1))
			r.Sayf("%s: %s", raw.CmdNames[cmd], raw.ErrName(errno))
		}
		_, err := unix.Mmap(fd, 0, 4096, unix.PROT_READ, unix.MAP_SHARED)
		r.Sayf("mmap fails: %v", err != nil)
		outer := raw.Map(raw.ArrayOfMaps, 4, 4, 1, 0).U32(20, uint32(fd))
		out, what := made(r, outer)
		r.Sayf("inside another: %s", what)
		if what == "ok" {
			r.Sayf("put there: %s", raw.ErrName(r.Tgt.Update(out, k32(0), k32(fd), 0)))
		}
	}
}

// taskProg does to the storage of the process's first thread what its first
// argument says: get (0), delete (1), get, from zero (2), add (3); the value is
// the second, the flags the third.
func taskProg(fd int, leader uint32) asm.Instructions {
	return asm.Instructions{
		arg(asm.R6, 0), arg(asm.R7, 1), arg(asm.R8, 2), asm.StoreMem(asm.RFP, -8, asm.R7, asm.DWord),
		asm.FnGetCurrentTaskBtf.Call(), asm.LoadMem(asm.R9, asm.R0, int16(leader), asm.DWord),
		asm.LoadMapPtr(asm.R1, fd), asm.Mov.Reg(asm.R2, asm.R9), asm.JEq.Imm(asm.R6, 1, "delete"),
		asm.Mov.Reg(asm.R3, asm.RFP), asm.Add.Imm(asm.R3, -8), asm.Mov.Reg(asm.R4, asm.R8), asm.JNE.Imm(asm.R6, 2, "call"),
		asm.Mov.Imm(asm.R3, 0),
		asm.FnTaskStorageGet.Call().WithSymbol("call"), asm.JNE.Imm(asm.R0, 0, "found"), asm.Mov.Imm(asm.R0, -2), asm.Return(),
		asm.LoadMem(asm.R1, asm.R0, 0, asm.DWord).WithSymbol("found"), asm.JNE.Imm(asm.R6, 3, "tell"),
		asm.Add.Reg(asm.R1, asm.R7), asm.StoreMem(asm.R0, 0, asm.R1, asm.DWord),
		asm.Mov.Reg(asm.R0, asm.R1).WithSymbol("tell"), asm.Return(),
		asm.FnTaskStorageDelete.Call().WithSymbol("delete"), asm.Return(),
	}
}

func leaderOffset(r *oracle.Run, spec *btf.Spec) uint32 {
	var task *btf.Struct
	if err := spec.TypeByName("task_struct", &task); err != nil {
		r.Fatal(err)
	}
	for _, m := range task.Members {
		if m.Name == "group_leader" {
			return m.Offset.Bytes()
		}
	}
	r.Fatal("no group_leader")
	return 0
}

// taskRandom lets programs and commands take turns on one task's values.
func taskRandom(r *oracle.Run) {
	leader := leaderOffset(r, kernelTypes(r))
	types := storageBTF(r)
	self := k32(taskFD(r, os.Getpid()))
	var fds, progs [3]int
	for i := range fds {
		fds[i] = r.Map(typed(raw.Map(raw.TaskStorage, 4, 8, 0, 1), types, typInt, typLong))
		progs[i] = r.Prog(taskProg(fds[i], leader))
	}
	rnd := rand.New(rand.NewSource(1))
	val := raw.Alloc(8)
	for i := 0; i < 1200; i++ {
		m, what := rnd.Intn(len(fds)), ""
		fd, p := fds[m], progs[m]
		binary.LittleEndian.PutUint64(val, uint64(i))
		up := []uint64{0, 0, raw.UpdateNoexist, raw.UpdateExist, 3}[rnd.Intn(5)]
		get := []uint64{0, 1, 1, 2, 3, 1 << 32}[rnd.Intn(6)]
		switch op := rnd.Intn(14); {
		case op < 3:
			what = fmt.Sprintf("update by %d: %s", up, raw.ErrName(r.Tgt.Update(fd, self, val, up)))
		case op < 4:
			what = fmt.Sprintf("delete: %s", raw.ErrName(r.Tgt.Delete(fd, self)))
		case op < 6:
			v, errno := r.Tgt.Lookup(fd, self, 8)
			what = fmt.Sprintf("lookup: %s %x", raw.ErrName(errno), v)
		case op < 9:
			what = fmt.Sprintf("program gets by %d: %d", get, r.Go(p, 0, uint64(i), get))
		case op < 10:
			what = fmt.Sprintf("program gets, from zero, by %d: %d", get, r.Go(p, 2, uint64(i), get))
		case op < 12:
			what = fmt.Sprintf("program adds: %d", r.Go(p, 3, 7, 1))
		default:
			what = fmt.Sprintf("program deletes: %d", r.Go(p, 1, 0, 0))
		}
		r.Sayf("map %d: %s", m, what)
	}
}
