// SPDX-License-Identifier: Apache-2.0

package loader_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"
	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/ioctl"
	"github.com/bpfshim/bpfshim/ioctl/fake"
	"github.com/bpfshim/bpfshim/loader"
)

func writeBTF(t *testing.T, path string, data []byte) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	switch filepath.Ext(path) {
	case ".gz":
		w = gzip.NewWriter(&b)
	case ".xz":
		w, err = xz.NewWriter(&b)
		require.NoError(t, err)
	default:
		require.NoError(t, os.WriteFile(path, data, 0o644))
		return
	}
	_, err = w.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, os.WriteFile(path, b.Bytes(), 0o644))
}

func newMap(t *testing.T, d *fake.Device, spec loader.MapSpec) *loader.Map {
	t.Helper()
	m, err := loader.NewMapWithOptions(&spec, loader.MapOptions{Device: d})
	require.NoError(t, err)
	t.Cleanup(func() { m.Close() })
	return m
}

func TestHashMap(t *testing.T) {
	d := newFake(t)
	m := newMap(t, d, loader.MapSpec{Name: "h", Type: loader.Hash, KeySize: 4, ValueSize: 8, MaxEntries: 3})
	var v uint64
	assert.ErrorIs(t, m.Lookup(uint32(1), &v), loader.ErrKeyNotExist)
	assert.ErrorIs(t, m.Lookup(uint32(1), &v), unix.ENOENT)
	b, err := m.LookupBytes(uint32(1))
	assert.NoError(t, err)
	assert.Nil(t, b)
	require.NoError(t, m.Put(uint32(1), uint64(10)))
	require.NoError(t, m.Update(uint32(2), uint64(20), loader.UpdateNoExist))
	assert.ErrorIs(t, m.Update(uint32(2), uint64(20), loader.UpdateNoExist), loader.ErrKeyExist)
	assert.ErrorIs(t, m.Update(uint32(3), uint64(20), loader.UpdateExist), loader.ErrKeyNotExist)
	require.NoError(t, m.Lookup(uint32(2), &v))
	assert.EqualValues(t, 20, v)
	type pair struct{ Lo, Hi uint32 }
	require.NoError(t, m.Put(uint32(3), pair{1, 2}))
	var p pair
	require.NoError(t, m.Lookup(uint32(3), &p))
	assert.Equal(t, pair{1, 2}, p)
	assert.ErrorIs(t, m.Put(uint32(4), uint64(0)), unix.E2BIG)

	got := map[uint32]uint64{}
	var k uint32
	it := m.Iterate()
	for it.Next(&k, &v) {
		got[k] = v
	}
	require.NoError(t, it.Err())
	assert.Equal(t, map[uint32]uint64{1: 10, 2: 20, 3: 2<<32 | 1}, got)

	require.NoError(t, m.LookupAndDelete(uint32(1), &v))
	assert.EqualValues(t, 10, v)
	assert.ErrorIs(t, m.Delete(uint32(1)), loader.ErrKeyNotExist)
	require.NoError(t, m.NextKey(nil, &k))
	assert.EqualValues(t, 2, k)
	assert.ErrorIs(t, m.NextKey(uint32(3), &k), loader.ErrKeyNotExist)

	// Sizes are checked before anything is sent.
	calls := len(d.Calls())
	assert.Error(t, m.Put(uint64(1), uint64(1)))
	assert.Error(t, m.Put(uint32(1), uint32(1)))
	assert.Error(t, m.Lookup("abc", &v))
	assert.Len(t, d.Calls(), calls)

	require.NoError(t, m.Freeze())
	assert.ErrorIs(t, m.Put(uint32(2), uint64(1)), unix.EPERM)
	require.NoError(t, m.Close())
	assert.ErrorIs(t, m.Put(uint32(2), uint64(1)), loader.ErrClosed)
}

// TestIterateAborts: a map that never ends is not walked for ever.
func TestIterateAborts(t *testing.T) {
	d := newFake(t)
	m := newMap(t, d, loader.MapSpec{Type: loader.Hash, KeySize: 4, ValueSize: 4, MaxEntries: 4})
	require.NoError(t, m.Put(uint32(0), uint32(0)))
	var k, v uint32
	it := m.Iterate()
	n := uint32(0)
	for it.Next(&k, &v) {
		// The next key is always a new one.
		require.NoError(t, m.Put(n+1, n))
		require.NoError(t, m.Delete(n))
		n++
		require.Less(t, n, uint32(100))
	}
	assert.ErrorIs(t, it.Err(), loader.ErrIterationAborted)
}

func TestPerCPUMap(t *testing.T) {
	d := newFake(t)
	cpus := loader.MustPossibleCPU()
	m := newMap(t, d, loader.MapSpec{Name: "p", Type: loader.PerCPUArray, KeySize: 4, ValueSize: 4, MaxEntries: 2})
	in := make([]uint32, cpus)
	for i := range in {
		in[i] = uint32(100 + i)
	}
	require.NoError(t, m.Put(uint32(1), in))
	var out []uint32
	require.NoError(t, m.Lookup(uint32(1), &out))
	assert.Equal(t, in, out)
	raw := d.MapValue("p", u32(1))
	require.Len(t, raw, 8*cpus, "each value takes 8 bytes")
	assert.Equal(t, u32(100), raw[:4])
	assert.Error(t, m.Put(uint32(1), uint32(1)), "no slice")
	assert.Error(t, m.Put(uint32(1), make([]uint32, cpus+1)), "too many")
}

func TestMapInfoAndTypes(t *testing.T) {
	d := newFake(t)
	coll, err := loader.NewCollectionWithOptions(loadSpec(t, "all.bpf.c"), options(t, d))
	require.NoError(t, err)
	defer coll.Close()
	info, err := coll.Maps["counts"].Info()
	require.NoError(t, err)
	assert.Equal(t, loader.Hash, info.Type)
	assert.Equal(t, "counts", info.Name)
	key, value, err := coll.Maps["counts"].Types()
	require.NoError(t, err)
	assert.Equal(t, "__u32", key.TypeName())
	assert.Equal(t, "value", value.TypeName())
	// A perf event array takes no BTF, and is made without.
	_, value, err = coll.Maps["events"].Types()
	require.NoError(t, err)
	assert.Nil(t, value)
	assert.EqualValues(t, loader.MustPossibleCPU(), coll.Maps["events"].MaxEntries())

	var names []string
	require.NoError(t, loader.EachMap(d, func(m *loader.Map) error {
		names = append(names, m.String())
		return nil
	}))
	assert.Len(t, names, len(coll.Maps))
}

func TestScanSymbols(t *testing.T) {
	const text = "ffffffff81000000 T _text\n0000000000000010 D a\nffffffffc0000000 t sys_open\t[mod]\n" +
		"ffffffff81200000 T sys_open\nnonsense\nffffffff81300000 T SyS_open\n"
	got, err := loader.ScanSymbolsForTest(strings.NewReader(text), []string{"sys_open", "a", "b"})
	require.NoError(t, err)
	assert.Equal(t, map[string]uint64{"sys_open": 0xffffffffc0000000, "a": 0x10}, got)
	_, err = loader.ScanSymbolsForTest(strings.NewReader("xyz T a\n"), []string{"a"})
	assert.Error(t, err)
}

func TestKernelVersion(t *testing.T) {
	for release, want := range map[string]uint32{
		"3.10.0-514.el7.x86_64": 3<<16 | 10<<8,
		"6.1.0-23-amd64":        6<<16 | 1<<8,
		"4.19.300":              4<<16 | 19<<8 | 255,
		"5.4-rc1":               5<<16 | 4<<8,
	} {
		assert.Equal(t, want, loader.KernelVersionForTest(release), release)
	}
}

func TestParseCPUs(t *testing.T) {
	got, err := loader.ParseCPUsForTest("0-2,5")
	require.NoError(t, err)
	assert.Equal(t, []int{0, 1, 2, 5}, got)
	for _, bad := range []string{"", "x", "1-", "-1"} {
		_, err := loader.ParseCPUsForTest(bad)
		assert.Error(t, err, bad)
	}
}

func TestDevices(t *testing.T) {
	_, err := loader.OpenDevice("nonsense")
	assert.Error(t, err)
	d, err := loader.OpenDevice(loader.DeviceNative)
	require.NoError(t, err)
	assert.Equal(t, ioctl.KindNative, d.Kind())
	_, err = loader.Info(d)
	assert.ErrorIs(t, err, loader.ErrNotSupported)
	if _, err := os.Stat(ioctl.DevicePath); os.IsNotExist(err) {
		_, err = loader.OpenDevice(loader.DeviceDriver)
		assert.ErrorIs(t, err, loader.ErrNoDevice)
	}
}
