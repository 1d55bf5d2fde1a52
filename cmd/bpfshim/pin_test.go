// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bpfshim/bpfshim/loader/testbpf"
)

// TestLoadPin: everything gets a name and the command ends; what is then
// addressed by path is what was pinned.
func TestLoadPin(t *testing.T) {
	c := newCLI(t)
	object := testbpf.Build(t, "../../loader/testdata/all.bpf.c")
	kernel := testbpf.Build(t, "../../loader/testdata/kernel.bpf.c")
	dir := filepath.Join(t.TempDir(), "tool")
	require.NoError(t, c.run("load", object, "--btf", kernel, "--skip-missing", "--pin", dir))
	assert.Empty(t, c.d.Open(), "descriptors that were left open")
	for _, sub := range []string{"maps", "progs", "links"} {
		e, err := os.ReadDir(filepath.Join(dir, sub))
		require.NoError(t, err)
		require.NotEmpty(t, e, sub)
		c.out = buffer{}
		path := filepath.Join(dir, sub, e[0].Name())
		switch sub {
		case "progs":
			require.NoError(t, c.run("prog", "show", path, "--json"))
		case "links":
			require.NoError(t, c.run("link", "show", path, "--json"))
			assert.Contains(t, c.out.String(), `"type": "`)
		}
	}
	c.out = buffer{}
	require.NoError(t, c.run("link", "list", "--json"))
	assert.Contains(t, c.out.String(), `"prog_name"`)
	e, err := os.ReadDir(filepath.Join(dir, "links"))
	require.NoError(t, err)
	first := filepath.Join(dir, "links", e[0].Name())
	require.NoError(t, c.run("link", "detach", first))
	assert.NoFileExists(t, first)
	assert.Error(t, c.run("link", "detach", first))
	assert.Empty(t, c.d.Open())
}

// TestLoadPinFails: nothing stays pinned.
func TestLoadPinFails(t *testing.T) {
	c := newCLI(t)
	object := testbpf.Build(t, "../../loader/testdata/all.bpf.c")
	kernel := testbpf.Build(t, "../../loader/testdata/kernel.bpf.c")
	dir := filepath.Join(t.TempDir(), "tool")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "links"), 0o700))
	require.NoError(t, os.Chmod(filepath.Join(dir, "links"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "progs"), nil, 0o600))
	require.Error(t, c.run("load", object, "--btf", kernel, "--skip-missing", "--pin", dir))
	_, err := os.Stat(filepath.Join(dir, "maps"))
	assert.ErrorIs(t, err, os.ErrNotExist)
	assert.Empty(t, c.d.Open())
}

func TestMapPin(t *testing.T) {
	c := newCLI(t)
	dir := t.TempDir()
	c.loadObject(t, "../../loader/testdata/all.bpf.c", []string{"--skip-missing", "--duration", "1s"}, func() {
		p := newCLI(t)
		p.d = c.d
		require.NoError(t, p.run("map", "pin", "events", filepath.Join(dir, "kept")))
		assert.Error(t, p.run("map", "pin", "events", filepath.Join(dir, "kept")), "it is there already")
	})
	c.out = buffer{}
	require.NoError(t, c.run("map", "list", "--json"))
	assert.Contains(t, c.out.String(), `"events"`, "the pin holds it")
	require.NoError(t, os.Remove(filepath.Join(dir, "kept")))
	c.out = buffer{}
	require.NoError(t, c.run("map", "list", "--json"))
	assert.NotContains(t, c.out.String(), `"events"`)
}
