// SPDX-License-Identifier: Apache-2.0

package loader_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/ioctl"
	"github.com/bpfshim/bpfshim/ioctl/fake"
	"github.com/bpfshim/bpfshim/loader"
	"github.com/bpfshim/bpfshim/loader/link"
	"github.com/bpfshim/bpfshim/loader/testbpf"
)

func newFake(t *testing.T) *fake.Device {
	t.Helper()
	cpus, err := loader.PossibleCPU()
	require.NoError(t, err)
	d := fake.New(cpus)
	t.Cleanup(func() { assert.Empty(t, d.Open(), "descriptors that were left open") })
	return d
}

// kernelTypes are those of testdata/kernel.bpf.c.
func kernelTypes(t *testing.T) *btf.Spec {
	t.Helper()
	spec, err := loader.LoadBTF(testbpf.Build(t, "testdata/kernel.bpf.c"))
	require.NoError(t, err)
	return spec
}

func loadSpec(t *testing.T, name string) *loader.CollectionSpec {
	t.Helper()
	spec, err := loader.LoadCollectionSpec(testbpf.Build(t, "testdata/"+name))
	require.NoError(t, err)
	return spec
}

func options(t *testing.T, d ioctl.Device) loader.CollectionOptions {
	return loader.CollectionOptions{Device: d, Programs: loader.ProgramOptions{KernelTypes: kernelTypes(t)}}
}

func u32(v uint32) []byte { return binary.NativeEndian.AppendUint32(nil, v) }

func u64(v uint64) []byte { return binary.NativeEndian.AppendUint64(nil, v) }

// program decodes what was loaded.
func program(t *testing.T, d *fake.Device, name string) (*fake.Program, asm.Instructions) {
	t.Helper()
	for _, p := range d.Programs() {
		if p.Name == name {
			insns, err := asm.AppendInstructions(nil, strings.NewReader(string(p.Insns)), binary.LittleEndian, "linux")
			require.NoError(t, err)
			return p, insns
		}
	}
	require.Fail(t, "no program "+name)
	return nil, nil
}

func TestCollection(t *testing.T) {
	d := newFake(t)
	spec := loadSpec(t, "all.bpf.c")
	require.NoError(t, spec.Variables["filter_pid"].Set(uint32(77)))
	coll, err := loader.NewCollectionWithOptions(spec, options(t, d))
	require.NoError(t, err)
	defer coll.Close()

	assert.Len(t, coll.Programs, 4, "optional is left out")
	assert.NotContains(t, coll.Programs, "optional")

	// Constants are there and frozen, variables are not.
	ro := d.MapValue(".rodata", u32(0))
	require.Len(t, ro, 12)
	assert.Equal(t, u32(77), ro[:4])
	assert.Equal(t, "none\x00", string(ro[4:9]))
	assert.True(t, d.Frozen(".rodata"))
	assert.Equal(t, u64(5), d.MapValue(".data", u32(0)))
	assert.False(t, d.Frozen(".data"))
	assert.False(t, d.Frozen(".bss"))

	// Maps in maps, and programs in maps, at their places only.
	assert.NotNil(t, d.MapValue("outer", u32(0)))
	assert.Nil(t, d.MapValue("outer", u32(1)))
	assert.NotNil(t, d.MapValue("outer", u32(2)))
	assert.NotEqual(t, d.MapValue("outer", u32(0)), d.MapValue("outer", u32(2)))
	tail, _ := program(t, d, "tail_target")
	assert.Equal(t, u32(tail.ID), d.MapValue("tails", u32(1)))
	assert.Nil(t, d.MapValue("tails", u32(0)))

	p, insns := program(t, d, "probe")
	assert.Equal(t, ioctl.ProgTypeKprobe, p.Type)
	assert.Equal(t, "GPL", p.License)
	assert.Equal(t, 2, p.FuncInfos, "probe, and helper behind it")
	assert.Positive(t, p.LineInfos)
	types, err := btf.LoadSpecFromReader(strings.NewReader(string(p.BTF)))
	require.NoError(t, err)
	var fn *btf.Func
	assert.NoError(t, types.TypeByName("helper", &fn))

	// A call into the program itself, which ends behind it.
	calls := 0
	for it := insns.Iterate(); it.Next(); {
		if it.Ins.IsFunctionCall() {
			calls++
			target := int64(it.Offset) + 1 + it.Ins.Constant
			assert.Greater(t, target, int64(it.Offset))
			assert.Less(t, target, int64(len(p.Insns)/8))
		}
		if it.Ins.OpCode.IsDWordLoad() && it.Ins.Src == asm.PseudoMapFD {
			assert.GreaterOrEqual(t, it.Ins.Constant, int64(1<<20), "not one of the fake's descriptors")
		}
	}
	assert.Equal(t, 1, calls)

	// CO-RE: kernel.bpf.c has no absent, and tgid at 40.
	var imms []int64
	for _, ins := range insns {
		if ins.OpCode.Class() == asm.ALU64Class || ins.OpCode.Class() == asm.ALUClass {
			imms = append(imms, ins.Constant)
		}
	}
	assert.Contains(t, imms, int64(40))
}

func TestKconfig(t *testing.T) {
	d := newFake(t)
	var values []byte
	d.Verify = func(p *fake.Program) (string, error) { return "", nil }
	spec := loadSpec(t, "all.bpf.c")
	coll, err := loader.NewCollectionWithOptions(spec, options(t, d))
	require.NoError(t, err)
	defer coll.Close()
	// The map is gone by now; the update is in the calls.
	var uts unix.Utsname
	require.NoError(t, unix.Uname(&uts))
	var a, b, c uint32
	fmt.Sscanf(unix.ByteSliceToString(uts.Release[:]), "%d.%d.%d", &a, &b, &c)
	want := a<<16 | b<<8 | min(c, 255)
	for _, call := range d.Calls() {
		if call.Cmd == ioctl.MapCreate && strings.Contains(string(call.Attr), ".kconfig") {
			values = call.Attr
		}
	}
	require.NotNil(t, values, "no .kconfig was made")
	var data []byte
	types := spec.Types
	var ds *btf.Datasec
	require.NoError(t, types.TypeByName(".kconfig", &ds))
	data, err = loader.ResolveKconfigForTest(ds)
	require.NoError(t, err)
	for _, v := range ds.Vars {
		switch v.Type.TypeName() {
		case "LINUX_KERNEL_VERSION":
			assert.Equal(t, u32(want), data[v.Offset:][:4])
		case "CONFIG_NO_SUCH_OPTION":
			assert.Equal(t, u32(0), data[v.Offset:][:4], "weak, so zero")
		}
	}
}

// TestKconfigIsShared: the object has one .kconfig, and a program that is
// loaded alone leaves none behind.
func TestKconfigIsShared(t *testing.T) {
	d := newFake(t)
	spec := loadSpec(t, "kconfig.bpf.c")
	coll, err := loader.NewCollectionWithOptions(spec, options(t, d))
	require.NoError(t, err)
	n := 0
	for _, call := range d.Calls() {
		if call.Cmd == ioctl.MapCreate && strings.Contains(string(call.Attr), ".kconfig") {
			n++
		}
	}
	assert.Equal(t, 1, n)
	coll.Close()
	opts := options(t, d).Programs
	opts.Device = d
	p, err := loader.NewProgramWithOptions(spec.Programs["one"], opts)
	require.NoError(t, err)
	p.Close()
}

func TestAttachAll(t *testing.T) {
	d := newFake(t)
	coll, err := loader.NewCollectionWithOptions(loadSpec(t, "all.bpf.c"), options(t, d))
	require.NoError(t, err)
	links, err := coll.AttachAll()
	require.NoError(t, err)
	coll.Close()
	var got []string
	for _, l := range d.Links() {
		got = append(got, fmt.Sprintf("%s %s+%d %v", l.Program.Name, l.Symbol, l.Offset, l.Return))
	}
	assert.Equal(t, []string{"probe do_exit+4 false", "probe_ret do_exit+0 true", "raw sched_switch+0 false"}, got)
	for _, l := range links {
		assert.NoError(t, l.Close())
		assert.NoError(t, l.Close(), "closed twice")
	}
	assert.Empty(t, d.Links())
}

// TestAttachAllUndone: when one fails, none stays.
func TestAttachAllUndone(t *testing.T) {
	d := newFake(t)
	coll, err := loader.NewCollectionWithOptions(loadSpec(t, "all.bpf.c"), options(t, d))
	require.NoError(t, err)
	defer coll.Close()
	d.Fail(ioctl.ExtKprobe, 1, unix.ENOENT)
	_, err = coll.AttachAll()
	require.ErrorIs(t, err, loader.ErrNoSymbol)
	assert.ErrorIs(t, err, unix.ENOENT)
	assert.ErrorContains(t, err, "probe_ret")
	assert.Empty(t, d.Links())

	d.Fail(ioctl.ExtKprobe, 1, unix.ENOENT)
	var skipped []string
	links, err := coll.AttachAllWithOptions(loader.AttachOptions{Skip: func(p *loader.Program, err error) bool {
		skipped = append(skipped, p.Name())
		return errors.Is(err, loader.ErrNoSymbol)
	}})
	require.NoError(t, err)
	assert.Equal(t, []string{"probe_ret"}, skipped)
	assert.Len(t, links, 2)
	for _, l := range links {
		l.Close()
	}
}

// TestFailuresLeaveNothing fails each call of a load in turn.
func TestFailuresLeaveNothing(t *testing.T) {
	counting := newFake(t)
	spec := loadSpec(t, "all.bpf.c")
	opts := options(t, counting)
	coll, err := loader.NewCollectionWithOptions(spec, opts)
	require.NoError(t, err)
	coll.Close()
	n := map[ioctl.Cmd]int{}
	for _, c := range counting.Calls() {
		n[c.Cmd]++
	}
	require.Greater(t, n[ioctl.MapCreate], 8)
	failed := 0
	for cmd, calls := range n {
		for i := range calls {
			d := newFake(t)
			d.Fail(cmd, i, unix.ENOMEM)
			opts.Device = d
			coll, err := loader.NewCollectionWithOptions(spec, opts)
			if err == nil {
				// Only the log's second attempt may hide it.
				coll.Close()
				assert.Contains(t, []ioctl.Cmd{ioctl.BtfLoad}, cmd, "call %d of %d was not missed", i, cmd)
				continue
			}
			failed++
			assert.ErrorIs(t, err, unix.ENOMEM)
			assert.Empty(t, d.Open(), "command %d, call %d", cmd, i)
		}
	}
	assert.Greater(t, failed, 20)
}

func TestVerifierError(t *testing.T) {
	d := newFake(t)
	long := strings.Repeat("a line of the log\n", 20000) + "R1 invalid mem access 'scalar'\nprocessed 17 insns (limit 1000000)\n"
	d.Verify = func(p *fake.Program) (string, error) {
		if p.LogLevel == 0 {
			return "", unix.EACCES
		}
		return long, unix.EACCES
	}
	_, err := loader.NewProgramWithOptions(&loader.ProgramSpec{
		Name: "bad", Type: loader.Kprobe, License: "GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	}, loader.ProgramOptions{Device: d})
	var v *loader.VerifierError
	require.ErrorAs(t, err, &v)
	assert.ErrorIs(t, err, unix.EACCES)
	assert.Equal(t, "program bad: load Kprobe program: permission denied: R1 invalid mem access 'scalar' (20002 lines of log)", fmt.Sprint(err))
	assert.Len(t, v.Log, 20002, "the buffer grew to hold all of it")
	assert.False(t, v.Truncated)
	whole := fmt.Sprintf("%+v", err)
	assert.Equal(t, 20003, len(strings.Split(whole, "\n")))
	assert.True(t, strings.HasSuffix(whole, "processed 17 insns (limit 1000000)"))
}

// TestPoison: a relocation that a program cannot do without is named.
func TestPoison(t *testing.T) {
	d := newFake(t)
	spec := loadSpec(t, "strict.bpf.c")
	d.Verify = func(p *fake.Program) (string, error) {
		insns, err := asm.AppendInstructions(nil, strings.NewReader(string(p.Insns)), binary.LittleEndian, "linux")
		if err != nil {
			return err.Error(), unix.EINVAL
		}
		for it := insns.Iterate(); it.Next(); {
			if it.Ins.Constant == btf.COREBadRelocationSentinel {
				return fmt.Sprintf("%d: (85) call unknown#%d\ninvalid func unknown#%[2]d\n", it.Offset, btf.COREBadRelocationSentinel), unix.EINVAL
			}
		}
		return "", nil
	}
	_, err := loader.NewCollectionWithOptions(spec, options(t, d))
	require.ErrorIs(t, err, loader.ErrBadRelocation)
	assert.ErrorContains(t, err, `Struct:"task"`)
}

func TestMissingSymbol(t *testing.T) {
	d := newFake(t)
	var objs struct {
		P *loader.Program `ebpf:"needs_symbol"`
	}
	opts := options(t, d)
	err := loadSpec(t, "strict.bpf.c").LoadAndAssign(&objs, &opts)
	require.ErrorIs(t, err, loader.ErrNoSymbol)
	assert.ErrorContains(t, err, "no_such_symbol")
}

func TestLoadAndAssign(t *testing.T) {
	d := newFake(t)
	var objs struct {
		Maps struct {
			Counts *loader.Map `ebpf:"counts"`
		}
		Raw   *loader.Program  `ebpf:"raw"`
		Total *loader.Variable `ebpf:"total"`
		Other int
	}
	opts := options(t, d)
	require.NoError(t, loadSpec(t, "all.bpf.c").LoadAndAssign(&objs, &opts))
	assert.Len(t, d.Programs(), 1, "only what was asked for")
	var open []string
	for _, o := range d.Open() {
		kind, _, _ := strings.Cut(o, " ")
		open = append(open, kind)
	}
	assert.ElementsMatch(t, []string{"map", "map", "prog"}, open, "counts, .data, raw")

	var total uint64
	require.NoError(t, objs.Total.Get(&total))
	assert.EqualValues(t, 5, total)
	require.NoError(t, objs.Total.Set(uint64(9)))
	assert.Equal(t, u64(9), d.MapValue(".data", u32(0)))

	l, err := link.AttachRawTracepoint(link.RawTracepointOptions{Name: "sched_switch", Program: objs.Raw})
	require.NoError(t, err)
	info, err := l.Info()
	require.NoError(t, err)
	assert.Equal(t, ioctl.LinkTypeRawTracepoint, info.Type)
	require.NoError(t, l.Close())
	_, err = link.Kprobe("x", objs.Raw, nil)
	assert.Error(t, err, "no kprobe program")

	objs.Raw.Close()
	objs.Maps.Counts.Close()
	objs.Total.CloseForTest()

	var bad struct {
		P *loader.Program `ebpf:"no_such"`
	}
	assert.ErrorContains(t, loadSpec(t, "all.bpf.c").LoadAndAssign(&bad, &opts), "no_such")
	assert.Error(t, loadSpec(t, "all.bpf.c").LoadAndAssign(bad, &opts), "not a pointer")
}

func TestMapReplacements(t *testing.T) {
	d := newFake(t)
	m, err := loader.NewMapWithOptions(&loader.MapSpec{Name: "mine", Type: loader.Hash, KeySize: 4, ValueSize: 16, MaxEntries: 16}, loader.MapOptions{Device: d})
	require.NoError(t, err)
	defer m.Close()
	opts := options(t, d)
	opts.MapReplacements = map[string]*loader.Map{"counts": m}
	coll, err := loader.NewCollectionWithOptions(loadSpec(t, "all.bpf.c"), opts)
	require.NoError(t, err)
	coll.Close()
	require.NoError(t, m.Put(uint32(1), make([]byte, 16)), "still ours")

	small, err := loader.NewMapWithOptions(&loader.MapSpec{Type: loader.Hash, KeySize: 4, ValueSize: 8, MaxEntries: 16}, loader.MapOptions{Device: d})
	require.NoError(t, err)
	defer small.Close()
	opts.MapReplacements["counts"] = small
	_, err = loader.NewCollectionWithOptions(loadSpec(t, "all.bpf.c"), opts)
	assert.ErrorIs(t, err, loader.ErrMapIncompatible)
}

func TestNoBTF(t *testing.T) {
	root := t.TempDir()
	_, _, err := loader.FindBTFForTest(root, "3.10.0-x")
	require.ErrorIs(t, err, loader.ErrNoBTF)
	for _, p := range []string{"/sys/kernel/btf/vmlinux", "/boot/vmlinux-3.10.0-x", "/usr/lib/bpfshim/btf/3.10.0-x.btf.xz"} {
		assert.ErrorContains(t, err, p)
	}
	// Found where it is, packed or not, in order.
	raw, err := os.ReadFile(testbpf.Build(t, "testdata/kernel.bpf.c"))
	require.NoError(t, err)
	for _, name := range []string{"3.10.0-x.btf.xz", "3.10.0-x.btf.gz", "3.10.0-x.btf"} {
		writeBTF(t, root+"/usr/lib/bpfshim/btf/"+name, raw)
		spec, path, err := loader.FindBTFForTest(root, "3.10.0-x")
		require.NoError(t, err)
		assert.Equal(t, root+"/usr/lib/bpfshim/btf/"+name, path)
		var s *btf.Struct
		assert.NoError(t, spec.TypeByName("task", &s))
	}
}
