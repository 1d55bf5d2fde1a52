// SPDX-License-Identifier: Apache-2.0

package loader_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/cilium/ebpf/asm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/ioctl"
	"github.com/bpfshim/bpfshim/loader"
	"github.com/bpfshim/bpfshim/loader/ringbuf"
)

// device is a real one: the driver where it is loaded, else the kernel's own.
func device(t *testing.T) ioctl.Device {
	t.Helper()
	d, err := loader.OpenDevice(loader.DeviceAuto)
	if err != nil {
		t.Skipf("no device: %v", err)
	}
	m, err := loader.NewMapWithOptions(&loader.MapSpec{Type: loader.Array, KeySize: 4, ValueSize: 4, MaxEntries: 1}, loader.MapOptions{Device: d})
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) {
		t.Skipf("bpf(2) is not for us: %v", err)
	}
	require.NoError(t, err)
	m.Close()
	return d
}

// unsupported skips a test of what this kernel is too old for.
func unsupported(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, unix.EINVAL) || errors.Is(err, loader.ErrNotSupported) {
		t.Skipf("not here: %v", err)
	}
}

func TestBatch(t *testing.T) {
	d := device(t)
	m, err := loader.NewMapWithOptions(&loader.MapSpec{Type: loader.Hash, KeySize: 4, ValueSize: 8, MaxEntries: 64}, loader.MapOptions{Device: d})
	require.NoError(t, err)
	defer m.Close()
	keys, values := make([]uint32, 20), make([]uint64, 20)
	for i := range keys {
		keys[i], values[i] = uint32(i), uint64(i*10)
	}
	n, err := m.BatchUpdate(keys, values, nil)
	unsupported(t, err)
	require.NoError(t, err)
	assert.Equal(t, 20, n)

	got := map[uint32]uint64{}
	var cursor loader.MapBatchCursor
	for {
		k, v := make([]uint32, 7), make([]uint64, 7)
		n, err := m.BatchLookup(&cursor, k, v, nil)
		if errors.Is(err, unix.ENOSPC) { // a bucket of more: ask again, not here
			t.Fatal(err)
		}
		for i := range n {
			got[k[i]] = v[i]
		}
		if errors.Is(err, loader.ErrKeyNotExist) {
			break
		}
		require.NoError(t, err)
	}
	require.Len(t, got, 20)
	for i := range keys {
		assert.Equal(t, values[i], got[keys[i]])
	}
	n, err = m.BatchDelete(keys[:5], nil)
	require.NoError(t, err)
	assert.Equal(t, 5, n)
	_, err = m.BatchDelete(keys[:1], nil)
	assert.ErrorIs(t, err, loader.ErrKeyNotExist)
	_, err = m.BatchUpdate(keys, values[:3], nil)
	assert.Error(t, err)
}

// TestRingbuf: a test run writes three records, one of them discarded.
func TestRingbuf(t *testing.T) {
	d := device(t)
	m, err := loader.NewMapWithOptions(&loader.MapSpec{Name: "ring", Type: loader.RingBuf, MaxEntries: uint32(os.Getpagesize())}, loader.MapOptions{Device: d})
	unsupported(t, err)
	require.NoError(t, err)
	defer m.Close()
	reserve := func(value int32, end asm.BuiltinFunc, label string) asm.Instructions {
		return asm.Instructions{
			asm.LoadMapPtr(asm.R1, m.FD()), asm.Mov.Imm(asm.R2, 12), asm.Mov.Imm(asm.R3, 0),
			asm.FnRingbufReserve.Call(),
			asm.JEq.Imm(asm.R0, 0, label),
			asm.StoreImm(asm.R0, 0, int64(value), asm.Word),
			asm.Mov.Reg(asm.R1, asm.R0), asm.Mov.Imm(asm.R2, 0),
			end.Call(),
			asm.Mov.Imm(asm.R0, 0).WithSymbol(label),
		}
	}
	var insns asm.Instructions
	insns = append(insns, reserve(1, asm.FnRingbufSubmit, "a")...)
	insns = append(insns, reserve(2, asm.FnRingbufDiscard, "b")...)
	insns = append(insns, reserve(3, asm.FnRingbufSubmit, "c")...)
	insns = append(insns, asm.Return())
	p, err := loader.NewProgramWithOptions(&loader.ProgramSpec{Name: "ring", Type: loader.RawTracepoint, License: "GPL", Instructions: insns}, loader.ProgramOptions{Device: d})
	require.NoError(t, err, "%+v", err)
	defer p.Close()
	rd, err := ringbuf.NewReader(m)
	require.NoError(t, err)
	defer rd.Close()
	var rec ringbuf.Record
	// Many rounds go around the end.
	for range 300 {
		_, err = p.Run(&loader.RunOptions{})
		require.NoError(t, err)
		rd.SetDeadline(time.Now().Add(5 * time.Second))
		for _, want := range []byte{1, 3} {
			require.NoError(t, rd.ReadInto(&rec))
			require.Len(t, rec.RawSample, 12)
			require.Equal(t, want, rec.RawSample[0])
		}
	}
	rd.SetDeadline(time.Now())
	_, err = rd.Read()
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, rd.Flush())
	_, err = rd.Read()
	assert.ErrorIs(t, err, ringbuf.ErrFlushed)
	time.AfterFunc(10*time.Millisecond, func() { rd.Close() })
	rd.SetDeadline(time.Time{})
	_, err = rd.Read()
	assert.ErrorIs(t, err, ringbuf.ErrClosed)
}
