// SPDX-License-Identifier: Apache-2.0

package loader_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bpfshim/bpfshim/ioctl/fake"
	"github.com/bpfshim/bpfshim/loader"
)

func TestPinByName(t *testing.T) {
	d := fake.New(2)
	dir := t.TempDir()
	spec := &loader.MapSpec{Name: "kept", Type: loader.Hash, KeySize: 4, ValueSize: 4, MaxEntries: 8, Pinning: loader.PinByName}
	opts := loader.MapOptions{Device: d, PinPath: dir}
	_, err := loader.NewMapWithOptions(spec, loader.MapOptions{Device: d})
	require.Error(t, err, "without PinPath")

	m, err := loader.NewMapWithOptions(spec, opts)
	require.NoError(t, err)
	assert.True(t, m.IsPinned())
	require.NoError(t, m.Put(uint32(1), uint32(2)))
	require.NoError(t, m.Close())

	again, err := loader.NewMapWithOptions(spec, opts)
	require.NoError(t, err)
	var v uint32
	require.NoError(t, again.Lookup(uint32(1), &v))
	assert.EqualValues(t, 2, v, "it is the same map")

	other := spec.Copy()
	other.MaxEntries = 9
	_, err = loader.NewMapWithOptions(other, opts)
	require.ErrorIs(t, err, loader.ErrMapIncompatible)

	byPath, err := loader.LoadPinnedMapFrom(d, filepath.Join(dir, "kept"), nil)
	require.NoError(t, err)
	require.NoError(t, byPath.Unpin())
	require.NoError(t, byPath.Unpin(), "twice is once")
	assert.False(t, byPath.IsPinned())
	require.NoError(t, byPath.Close())
	require.NoError(t, again.Close())
	_, err = loader.LoadPinnedMapFrom(d, filepath.Join(dir, "kept"), nil)
	require.ErrorIs(t, err, os.ErrNotExist)
	assert.Empty(t, d.Open())
}
