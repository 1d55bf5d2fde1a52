// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"bytes"
	"math/rand"
	"os"
	"path/filepath"
	"testing"

	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bpfshim/bpfshim/ioctl"
	"github.com/bpfshim/bpfshim/ioctl/fake"
)

// twoOfAKind is BTF as pahole makes it where ring is two structures: all that
// leads to them is there twice.
func twoOfAKind(t *testing.T) []byte {
	integer := &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}
	var b btf.Builder
	for i := range 2 {
		ring := &btf.Struct{Name: "ring", Size: uint32(8 << i), Members: []btf.Member{{Name: "a", Type: integer}}}
		event := &btf.Struct{Name: "event", Size: 8, Members: []btf.Member{{Name: "rb", Type: &btf.Pointer{Target: ring}}}}
		task := &btf.Struct{Name: "task", Size: 24, Members: []btf.Member{
			{Name: "pid", Type: integer},
			{Name: "events", Type: &btf.Array{Type: &btf.Pointer{Target: event}, Index: integer, Nelems: 1}, Offset: 64},
			{Type: &btf.Union{Size: 8, Members: []btf.Member{{Name: "x", Type: &btf.Const{Type: integer}}}}, Offset: 128},
		}}
		_, err := b.Add(&btf.Var{Name: []string{"first", "second"}[i], Type: task, Linkage: btf.GlobalVar})
		require.NoError(t, err)
		_, err = b.Add(&btf.Struct{Name: "other", Size: 24, Members: []btf.Member{{Name: []string{"a", "b"}[i], Type: task}}})
		require.NoError(t, err)
	}
	raw, err := b.Marshal(nil, marshalOptions())
	require.NoError(t, err)
	return raw
}

func TestMendMergesTheSame(t *testing.T) {
	raw := twoOfAKind(t)
	load := func() *btf.Spec {
		spec, err := btf.LoadSpecFromReader(bytes.NewReader(raw))
		require.NoError(t, err)
		return spec
	}
	var s *btf.Struct
	require.ErrorIs(t, load().TypeByName("task", &s), btf.ErrMultipleMatches, "or this tests nothing")
	require.NoError(t, mendBTF(raw))
	spec := load()
	for _, name := range []string{"task", "event"} {
		require.NoError(t, spec.TypeByName(name, &s), name)
	}
	assert.ErrorIs(t, spec.TypeByName("ring", &s), btf.ErrMultipleMatches, "they differ in size")
	assert.ErrorIs(t, spec.TypeByName("other", &s), btf.ErrMultipleMatches, "their members have other names")

	require.NoError(t, spec.TypeByName("task", &s))
	for _, name := range []string{"first", "second"} {
		var v *btf.Var
		require.NoError(t, spec.TypeByName(name, &v))
		assert.Same(t, s, v.Type, "%s is of the one that is left", name)
	}
	again := bytes.Clone(raw)
	require.NoError(t, mendBTF(again))
	assert.Equal(t, raw, again, "nothing is left to mend")
}

func TestMendStretches(t *testing.T) {
	integer := &btf.Int{Name: "int", Size: 4}
	b, err := btf.NewBuilder([]btf.Type{&btf.Struct{Name: "variable", Members: []btf.Member{
		{Name: "a", Type: integer, Offset: 64}, {Name: "b", Type: integer, Offset: 32}}}})
	require.NoError(t, err)
	raw, err := b.Marshal(nil, marshalOptions())
	require.NoError(t, err)
	require.NoError(t, mendBTF(raw))
	spec, err := btf.LoadSpecFromReader(bytes.NewReader(raw))
	require.NoError(t, err)
	var s *btf.Struct
	require.NoError(t, spec.TypeByName("variable", &s))
	assert.EqualValues(t, 8, s.Size, "its members lie within it")
	assert.EqualValues(t, 64, s.Members[1].Offset, "none is before the one ahead")
}

// TestMendDamaged: it neither crashes nor hangs.
func TestMendDamaged(t *testing.T) {
	whole := twoOfAKind(t)
	rng := rand.New(rand.NewSource(1))
	for range 20000 {
		raw := bytes.Clone(whole)[:len(whole)-rng.Intn(2)*rng.Intn(len(whole))]
		for range rng.Intn(6) {
			if len(raw) > 0 {
				raw[rng.Intn(len(raw))] = byte(rng.Intn(256))
			}
		}
		_ = mendBTF(raw)
	}
}

// TestKernelTypesAreGiven to the device by the first program that needs them.
func TestKernelTypesAreGiven(t *testing.T) {
	file := filepath.Join(t.TempDir(), "btf")
	require.NoError(t, os.WriteFile(file, twoOfAKind(t), 0o600))
	SetKernelBTF(file)
	t.Cleanup(func() { SetKernelBTF("") })
	d := fake.New(1)
	load := func(insns ...asm.Instruction) {
		p, err := NewProgramWithOptions(&ProgramSpec{Name: "p", Type: RawTracepoint, License: "GPL",
			Instructions: append(insns, asm.Mov.Imm(asm.R0, 0), asm.Return())}, ProgramOptions{Device: d})
		require.NoError(t, err)
		require.NoError(t, p.Close())
	}
	given := func() (n int) {
		for _, c := range d.Calls() {
			if c.Cmd == ioctl.ExtSetKernelBtf {
				n++
			}
		}
		return n
	}
	load(asm.FnKtimeGetNs.Call())
	assert.Zero(t, given(), "not by one that does not")
	load(asm.FnGetCurrentTaskBtf.Call())
	assert.Equal(t, 1, given())
	load(asm.FnGetCurrentTaskBtf.Call())
	assert.Equal(t, 1, given(), "not twice")
	assert.Empty(t, d.Open())
}
