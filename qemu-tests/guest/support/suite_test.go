// SPDX-License-Identifier: Apache-2.0

// Package support exercises each map type, program type, helper, command and
// attach point of Linux 6.1 on the driver, and on 6.1 natively too, and writes
// down what answers what: docs/SUPPORT.md is made of that. What is refused must
// be in the table of reasons, with that errno.
package support

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/bpfshim/bpfshim/loader"
	reasons "github.com/bpfshim/bpfshim/loader/support"
	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/bpfshim/bpfshim/qemu-tests/support"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

// out is where the matrix takes results from.
const out = "/out/support.json"

var results = struct {
	sync.Mutex
	rows []support.Row
}{}

func TestMain(m *testing.M) {
	if os.Getenv(probeMeEnv) != "" {
		probeMe()
		os.Exit(0)
	}
	guest.MainThen(m, func() error {
		if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
			return err
		}
		r := support.Results{Release: guest.Release(), Rows: results.rows}
		return r.Write(out)
	})
}

// record keeps a row for the document.
func record(r support.Row) {
	results.Lock()
	defer results.Unlock()
	results.rows = append(results.rows, r)
}

// machine is the driver, or the kernel itself.
type machine struct {
	*raw.Target
	attr *raw.Attr
	log  []byte
	code []byte
	info []byte
	maps map[string]int // for programs that are only loaded
	mbtf int            // BTF of maps' values
	text int            // a frozen map with text
}

var gpl = raw.CStr("GPL")

func newMachine(t *testing.T, tgt *raw.Target) *machine {
	t.Helper()
	m := &machine{Target: tgt, attr: raw.NewAttr(), log: raw.Alloc(1 << 16), code: raw.Alloc(1 << 14), info: raw.Alloc(4096), maps: map[string]int{}}
	m.mbtf = m.btf(t, valueTypes())
	m.text = m.frozen(t, "text")
	return m
}

var (
	once     sync.Once
	theSpec  *btf.Spec
	specErr  error
	driverOf *raw.Target
)

// driver opens the device and makes the kernel's types known to it.
func driver(t *testing.T) *raw.Target {
	t.Helper()
	once.Do(func() {
		if driverOf, specErr = raw.Open(); specErr != nil {
			return
		}
		if theSpec, _, specErr = loader.FindKernelBTF(); specErr != nil {
			return
		}
		var blob []byte
		if blob, specErr = loader.RawKernelBTF(); specErr != nil {
			return
		}
		p := raw.Alloc(len(blob))
		defer raw.Free(p)
		copy(p, blob)
		fd, errno := driverOf.Do(raw.BTFLoad, raw.NewAttr().U64(0, raw.Addr(p)).U32(16, uint32(len(blob))))
		if errno != 0 {
			specErr = errno
			return
		}
		defer unix.Close(fd)
		if _, errno = driverOf.Call(raw.ExtSetBTF, raw.NewAttr().U32(0, uint32(fd)).Addr(), 8); errno != 0 {
			specErr = errno
		}
	})
	if specErr != nil {
		t.Fatal(specErr)
	}
	return driverOf
}

// machines are the driver and, on 6.1, the kernel itself.
func machines(t *testing.T) (drv, native *machine) {
	t.Helper()
	drv = newMachine(t, driver(t))
	if guest.HasOracle() {
		native = newMachine(t, raw.Native())
	}
	return drv, native
}

// refused checks that what the driver refuses is in the table, with that errno.
// Where 6.1 cannot be asked, what it refuses itself needs no reason: what has
// one is checked, and the document's generator knows the rest.
func refused(t *testing.T, kind, name, of string, errno unix.Errno) {
	t.Helper()
	why, ok := reasons.Why(kind, name, of, guest.Release())
	switch {
	case !ok && !guest.HasOracle():
	case !ok:
		t.Errorf("%s %s %s is refused with %s, and no reason is given", kind, name, of, errName(errno))
	case why.Errno != errName(errno):
		t.Errorf("%s %s %s is refused with %s; the table says %s", kind, name, of, errName(errno), why.Errno)
	}
}

// errName is an errno's name as Linux's manuals have it.
func errName(e unix.Errno) string {
	if e == unix.EOPNOTSUPP {
		return "EOPNOTSUPP"
	}
	return raw.ErrName(e)
}

// onCPU0 keeps the test on one thread of CPU 0.
func onCPU0(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	var old, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &old); err != nil {
		t.Fatal(err)
	}
	one.Set(0)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.SchedSetaffinity(0, &old); runtime.UnlockOSThread() })
}

// st is a store of a constant; asm.StoreImm knows none of 64 bits.
func st(dst asm.Register, off int16, imm int64, size asm.Size) asm.Instruction {
	op := asm.OpCode(asm.StClass).SetMode(asm.MemMode).SetSize(size)
	return asm.Instruction{OpCode: op, Dst: dst, Offset: off, Constant: imm}
}

func k32(n int) []byte { return binary.NativeEndian.AppendUint32(nil, uint32(n)) }
func k64(n uint64) []byte {
	return binary.NativeEndian.AppendUint64(nil, n)
}

type is = asm.Instructions

func join(parts ...is) is {
	var all is
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// valueTypes are the types of values that hold what only BTF can tell.
func valueTypes() []btf.Type {
	u32 := &btf.Int{Name: "unsigned int", Size: 4}
	u64 := &btf.Int{Name: "unsigned long", Size: 8}
	lock := &btf.Struct{Name: "bpf_spin_lock", Size: 4, Members: []btf.Member{{Name: "val", Type: u32}}}
	timer := &btf.Struct{Name: "bpf_timer", Size: 16, Members: []btf.Member{{Name: "a", Type: u64}, {Name: "b", Type: u64, Offset: 64}}}
	task := &btf.Struct{Name: "task_struct", Size: 0}
	ref := &btf.Struct{Name: "prog_test_ref_kfunc", Size: 0}
	return []btf.Type{
		u32,
		&btf.Struct{Name: "locked", Size: 8, Members: []btf.Member{{Name: "lock", Type: lock}, {Name: "n", Type: u32, Offset: 32}}},
		&btf.Struct{Name: "timed", Size: 24, Members: []btf.Member{{Name: "timer", Type: timer}, {Name: "n", Type: u64, Offset: 128}}},
		&btf.Struct{Name: "kept", Size: 16, Members: []btf.Member{
			{Name: "task", Type: &btf.Pointer{Target: &btf.TypeTag{Value: "kptr", Type: task}}},
			{Name: "n", Type: u64, Offset: 64}}},
		&btf.Struct{Name: "kept_ref", Size: 16, Members: []btf.Member{
			{Name: "ref", Type: &btf.Pointer{Target: &btf.TypeTag{Value: "kptr_ref", Type: ref}}},
			{Name: "n", Type: u64, Offset: 64}}},
		&btf.Struct{Name: "plain", Size: 8, Members: []btf.Member{{Name: "n", Type: u64}}},
	}
}

// Ids of valueTypes in the BTF made of them.
var valueIDs = map[string]btf.TypeID{}

func (m *machine) btf(t *testing.T, types []btf.Type) int {
	t.Helper()
	b, err := btf.NewBuilder(types)
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range types {
		id, err := b.Add(typ)
		if err != nil {
			t.Fatal(err)
		}
		valueIDs[typ.TypeName()] = id
	}
	blob, err := b.Marshal(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	log := raw.Alloc(4096)
	fd, errno := m.Do(raw.BTFLoad, raw.NewAttr().U64(0, raw.Ptr(blob)).U64(8, raw.Addr(log)).U32(16, uint32(len(blob))).U32(20, uint32(len(log))).U32(24, 1))
	if errno != 0 {
		t.Fatalf("%s: BTF of values: %s\n%s", m.Name, errName(errno), bytes.TrimRight(log, "\x00"))
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// frozen is a map with text that programs know.
func (m *machine) frozen(t *testing.T, text string) int {
	t.Helper()
	v := append([]byte(text), 0)
	fd, errno := m.Do(raw.MapCreate, raw.Map(raw.Array, 4, uint32(len(v)), 1, raw.RdonlyProg))
	if errno != 0 {
		t.Fatal(errName(errno))
	}
	t.Cleanup(func() { unix.Close(fd) })
	if errno := m.Update(fd, k32(0), v, 0); errno != 0 {
		t.Fatal(errName(errno))
	}
	if _, errno := m.Do(raw.MapFreeze, raw.NewAttr().U32(0, uint32(fd))); errno != 0 {
		t.Fatal(errName(errno))
	}
	return fd
}
