// SPDX-License-Identifier: Apache-2.0

// Package helpers tries helpers whose answers are more than a number: those
// that know the kernel's types, its memory and its clocks, and those that must
// work in the middle of it.
package helpers

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/bpfshim/bpfshim/loader"
	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/oracle"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { guest.Main(m) }

const golden = "/testdata/helpers-6.1.txt"

// scripts in the order of the golden file.
var scripts = []oracle.Script{
	{Name: "types as text", Do: typesAsText},
	{Name: "per-CPU variables", Do: perCPUVariables},
	{Name: "find_vma", Do: findVMA},
	{Name: "branches", Do: branches},
	{Name: "refused", Do: refused},
}

func TestNativeIsGolden(t *testing.T) { oracle.Native(t, golden, scripts) }

func TestDriverDoesAsNative(t *testing.T) {
	giveTypes(t)
	oracle.Driver(t, golden, scripts)
}

var spec *btf.Spec

// types are the kernel's own.
func types(t testing.TB) *btf.Spec {
	t.Helper()
	if spec != nil {
		return spec
	}
	var err error
	if spec, _, err = loader.FindKernelBTF(); err != nil {
		t.Fatal(err)
	}
	return spec
}

// giveTypes tells the driver the kernel's types, for as long as the module is there.
func giveTypes(t testing.TB) {
	t.Helper()
	tgt, err := raw.Open()
	if err != nil {
		t.Fatal(err)
	}
	b, err := loader.RawKernelBTF()
	if err != nil {
		t.Fatal(err)
	}
	at := raw.Alloc(len(b))
	defer raw.Free(at)
	copy(at, b)
	fd, errno := tgt.Do(raw.BTFLoad, raw.NewAttr().U64(0, raw.Addr(at)).U32(16, uint32(len(b))))
	if errno != 0 {
		t.Fatalf("BTF: %s", raw.ErrName(errno))
	}
	defer unix.Close(fd)
	if _, errno := tgt.Call(raw.ExtSetBTF, raw.NewAttr().U32(0, uint32(fd)).Addr(), 8); errno != 0 {
		t.Fatalf("kernel BTF: %s", raw.ErrName(errno))
	}
}

// typeID is the number of the kernel's type of that name, 0: it has none.
func typeID(t testing.TB, name string, typ btf.Type) uint32 {
	t.Helper()
	found, err := types(t).AnyTypesByName(name)
	if err != nil {
		return 0
	}
	for _, f := range found {
		if sameKind(f, typ) {
			id, err := types(t).TypeID(f)
			if err != nil {
				t.Fatal(err)
			}
			return uint32(id)
		}
	}
	return 0
}

func sameKind(a, b btf.Type) bool {
	switch b.(type) {
	case *btf.Struct:
		_, ok := a.(*btf.Struct)
		return ok
	case *btf.Enum:
		_, ok := a.(*btf.Enum)
		return ok
	case *btf.Typedef:
		_, ok := a.(*btf.Typedef)
		return ok
	case *btf.Int:
		_, ok := a.(*btf.Int)
		return ok
	case *btf.Var:
		_, ok := a.(*btf.Var)
		return ok
	}
	return false
}

// arg loads an argument of a raw tracepoint.
func arg(dst asm.Register, i int16) asm.Instruction { return asm.LoadMem(dst, asm.R1, 8*i, asm.DWord) }

// st is a store of a constant; asm.StoreImm knows none of 64 bits.
func st(dst asm.Register, off int16, imm int64, size asm.Size) asm.Instruction {
	op := asm.OpCode(asm.StClass).SetMode(asm.MemMode).SetSize(size)
	return asm.Instruction{OpCode: op, Dst: dst, Offset: off, Constant: imm}
}

// element leaves the address of an array's element 0 in r0.
func element(fd int) asm.Instructions {
	return asm.Instructions{
		st(asm.RFP, -4, 0, asm.Word), asm.LoadMapPtr(asm.R1, fd), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4),
		asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, "end"),
	}
}

func join(parts ...asm.Instructions) asm.Instructions {
	var out asm.Instructions
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func k32(n int) []byte { return binary.NativeEndian.AppendUint32(nil, uint32(n)) }

// variable refers to a kernel's variable by its type.
func variable(dst asm.Register, id uint32) asm.Instruction {
	return asm.Instruction{OpCode: asm.LoadImmOp(asm.DWord), Dst: dst, Src: 3, Constant: int64(id)}
}

// attempt loads a program of any type and flags, and closes it.
func attempt(r *oracle.Run, typ, flags uint32, insns asm.Instructions) (unix.Errno, string) {
	var b bytes.Buffer
	if err := insns.Marshal(&b, binary.LittleEndian); err != nil {
		r.Fatal(err)
	}
	log := raw.Alloc(1 << 16)
	defer raw.Free(log)
	a := raw.NewAttr().U32(0, typ).U32(4, uint32(b.Len()/8)).U64(8, raw.Ptr(b.Bytes())).U64(16, raw.CStr("GPL")).
		U32(24, 1).U32(28, uint32(len(log))).U64(32, raw.Addr(log)).U32(44, flags)
	fd, errno := r.Tgt.Do(raw.ProgLoad, a)
	for try := 0; errno == unix.EAGAIN && try < 20; try++ {
		fd, errno = r.Tgt.Do(raw.ProgLoad, a)
	}
	if errno == 0 {
		unix.Close(fd)
	}
	return errno, unix.ByteSliceToString(log)
}
