// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/loader"
	"github.com/bpfshim/bpfshim/loader/testbpf"
)

var update = flag.Bool("update", false, "write the golden files")

// buffer is a bytes.Buffer that may be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// cli runs the command on a fake.
type cli struct {
	d        *testbpf.Device
	out, err buffer
}

func newCLI(t *testing.T) *cli {
	t.Helper()
	c := &cli{d: testbpf.NewDevice()}
	t.Cleanup(func() { loader.SetKernelBTF("") })
	return c
}

func (c *cli) command(args ...string) *cobra.Command {
	root := newRoot(&app{out: &c.out, err: &c.err, open: func(string) (loader.Device, error) { return c.d, nil }})
	root.SetArgs(args)
	return root
}

func (c *cli) run(args ...string) error { return c.command(args...).Execute() }

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

// event is struct event of the test object.
func event(pid uint32, comm string) []byte {
	var b bytes.Buffer
	binary.Write(&b, binary.NativeEndian, uint64(123456789))
	binary.Write(&b, binary.NativeEndian, pid)
	binary.Write(&b, binary.NativeEndian, uint32(1))
	name := make([]byte, 16)
	copy(name, comm)
	b.Write(name)
	b.Write([]byte{1, 0, 0, 0, 1, 0, 0xff, 0xff, 1, 0, 0, 0})
	return b.Bytes()
}

// load runs `load` with the arguments, and does something once it is attached.
func (c *cli) load(t *testing.T, args []string, attached func()) {
	t.Helper()
	c.loadObject(t, "../../loader/testdata/all.bpf.c", args, attached)
}

// loadObject is load of another object.
func (c *cli) loadObject(t *testing.T, source string, args []string, attached func()) {
	t.Helper()
	object := testbpf.Build(t, source)
	kernel := testbpf.Build(t, "../../loader/testdata/kernel.bpf.c")
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		done <- c.command(append([]string{"load", object, "--btf", kernel}, args...)...).ExecuteContext(ctx)
	}()
	for !strings.Contains(c.err.String(), "attached ") {
		select {
		case err := <-done:
			require.NoError(t, err)
			return
		case <-time.After(time.Millisecond):
		}
	}
	attached()
	require.NoError(t, <-done)
	assert.Empty(t, c.d.Open(), "descriptors that were left open")
}

func TestLoadJSON(t *testing.T) {
	c := newCLI(t)
	c.load(t, []string{"--json", "--count", "2", "--set", "filter_pid=7", "--set", "prefix=abc"}, func() {
		require.NoError(t, c.d.Emit("events", 0, event(41, "sh")))
		require.NoError(t, c.d.Emit("events", 0, event(42, "a \"name\"")))
		assert.Equal(t, "\x07\x00\x00\x00abc\x00", string(c.d.MapValue(".rodata", make([]byte, 4))[:8]))
	})
	golden(t, "load.json", c.out.String())
	for _, l := range strings.Split(strings.TrimSpace(c.out.String()), "\n") {
		assert.True(t, json.Valid([]byte(l)), l)
	}
	golden(t, "load.err", c.err.String())
}

func TestLoadText(t *testing.T) {
	c := newCLI(t)
	c.load(t, []string{"--count", "1"}, func() {
		require.NoError(t, c.d.Emit("events", 0, event(41, "sh")))
	})
	golden(t, "load.txt", c.out.String())
}

// TestLoadRing: a ring buffer's events, as JSON, as text and without a type;
// what was discarded is not seen.
func TestLoadRing(t *testing.T) {
	call := func(nr uint64, pid, seq uint32, comm string) []byte {
		b := binary.NativeEndian.AppendUint64(nil, nr)
		b = binary.NativeEndian.AppendUint32(b, pid)
		b = binary.NativeEndian.AppendUint32(b, seq)
		return append(b, append([]byte(comm), make([]byte, 16-len(comm))...)...)
	}
	var out string
	for _, args := range [][]string{{"--json", "--set", "filter_pid=41"}, {}} {
		c := newCLI(t)
		c.loadObject(t, "../../loader/testdata/ring.bpf.c", append(args, "--count", "2"), func() {
			require.NoError(t, c.d.Emit("calls", 0, call(257, 41, 1, "sh")))
			require.NoError(t, c.d.EmitSkipped("calls", call(39, 41, 2, "sh")))
			require.NoError(t, c.d.Emit("calls", 0, call(3, 41, 3, "a \"name\"")))
		})
		out += c.out.String()
	}
	golden(t, "ring.txt", out)
}

// TestLoadLost: losses are told, and do not count as events.
func TestLoadLost(t *testing.T) {
	c := newCLI(t)
	c.load(t, []string{"--json", "--buffer", "4", "--count", "100000", "--duration", "1s", "--type", "events=value"}, func() {
		lost := 0
		for range 2000 {
			if c.d.Emit("events", 0, make([]byte, 1000)) != nil {
				lost++
			}
		}
		require.Positive(t, lost)
		for c.d.Emit("events", 0, make([]byte, 8)) != nil {
			time.Sleep(time.Millisecond)
		}
	})
	assert.Contains(t, c.out.String(), `{"map":"events","cpu":0,"lost":`)
	assert.Contains(t, c.out.String(), `"type":"value","event":{"count":0,"name":""}}`)
}

func TestLoadSkipMissing(t *testing.T) {
	object := testbpf.Build(t, "../../loader/testdata/all.bpf.c")
	kernel := testbpf.Build(t, "../../loader/testdata/kernel.bpf.c")
	c := newCLI(t)
	c.d.Fail(testbpf.AttachKprobe, 0, unix.ENOENT)
	err := c.run("load", object, "--btf", kernel, "--duration", "1ms")
	require.ErrorIs(t, err, loader.ErrNoSymbol)
	assert.NotContains(t, c.err.String(), "attached")
	assert.Empty(t, c.d.Open())

	c.d.Fail(testbpf.AttachKprobe, 0, unix.ENOENT)
	require.NoError(t, c.run("load", object, "--btf", kernel, "--duration", "1ms", "--skip-missing"))
	assert.Contains(t, c.err.String(), "warning: skipped: program probe (section kprobe/do_exit+0x4)")
	assert.Contains(t, c.err.String(), "attached 2 programs\n")

	// Another failure is none to skip.
	c.d.Fail(testbpf.AttachKprobe, 0, unix.EINVAL)
	assert.ErrorIs(t, c.run("load", object, "--btf", kernel, "--duration", "1ms", "--skip-missing"), unix.EINVAL)
}

func TestLoadBadFlags(t *testing.T) {
	object := testbpf.Build(t, "../../loader/testdata/all.bpf.c")
	for _, args := range [][]string{
		{"load"}, {"load", "/no/such/file"}, {"load", object, "--set", "x"}, {"load", object, "--set", "x=1"},
		{"load", object, "--set", "filter_pid=many"}, {"load", object, "--type", "events"},
		{"load", object, "--type", "nope=event"}, {"load", object, "--type", "events=nope"},
		{"load", object, "--btf", "/no/such/file"}, {"map", "dump", "77"}, {"prog", "show", "nope"}, {"nonsense"},
	} {
		c := newCLI(t)
		assert.Error(t, c.run(args...), "%v", args)
		assert.Empty(t, c.d.Open(), "%v", args)
	}
}

func TestMapVerbs(t *testing.T) {
	c := newCLI(t)
	spec, err := loader.LoadCollectionSpec(testbpf.Build(t, "../../loader/testdata/all.bpf.c"))
	require.NoError(t, err)
	types, err := loader.LoadBTF(testbpf.Build(t, "../../loader/testdata/kernel.bpf.c"))
	require.NoError(t, err)
	coll, err := loader.NewCollectionWithOptions(spec, loader.CollectionOptions{Device: c.d, Programs: loader.ProgramOptions{KernelTypes: types}})
	require.NoError(t, err)
	defer coll.Close()

	require.NoError(t, c.run("map", "update", "counts", "0x10", `{"count": 3, "name": "abc"}`))
	require.NoError(t, c.run("map", "update", "counts", "17", "hex:01000000000000006162000000000000"))
	assert.ErrorIs(t, c.run("map", "update", "counts", "17", `{}`, "--no-exist"), loader.ErrKeyExist)
	assert.ErrorIs(t, c.run("map", "update", "counts", "18", `{}`, "--exist"), loader.ErrKeyNotExist)
	assert.Error(t, c.run("map", "update", "counts", "18", `{}`, "--exist", "--no-exist"))
	require.NoError(t, c.run("map", "update", "slots", "1", "9"))
	require.NoError(t, c.run("map", "dump", "counts"))
	require.NoError(t, c.run("map", "dump", "counts", "--json"))
	require.NoError(t, c.run("map", "lookup", "counts", "16"))
	require.NoError(t, c.run("map", "dump", ".data"))
	require.NoError(t, c.run("map", "delete", "counts", "16"))
	assert.ErrorIs(t, c.run("map", "lookup", "counts", "16"), loader.ErrKeyNotExist)
	assert.ErrorIs(t, c.run("map", "dump", "events"), errNoElements)
	golden(t, "map.txt", c.out.String())

	cpus := loader.MustPossibleCPU()
	c.out.b.Reset()
	require.NoError(t, c.run("map", "lookup", "slots", "1", "--json"))
	var e entryReport
	require.NoError(t, json.Unmarshal([]byte(c.out.String()), &e))
	require.Len(t, e.Values, cpus)
	assert.Equal(t, "9", string(e.Values[cpus-1]))

	c.out.b.Reset()
	require.NoError(t, c.run("prog", "list", "--json"))
	var progs []progReport
	require.NoError(t, json.Unmarshal([]byte(c.out.String()), &progs))
	var names []string
	for _, p := range progs {
		names = append(names, p.Type+" "+p.Name)
	}
	assert.ElementsMatch(t, []string{"kprobe probe", "kprobe probe_ret", "raw_tracepoint raw", "kprobe tail_target"}, names)
	require.NoError(t, c.run("prog", "show", "probe"))
	require.NoError(t, c.run("prog", "list"))
	require.NoError(t, c.run("map", "list"))
}

// TestHelp: each verb says what it does and shows how.
func TestHelp(t *testing.T) {
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		assert.NotEmpty(t, cmd.Short, cmd.CommandPath())
		assert.NotEmpty(t, cmd.Example, cmd.CommandPath())
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	c := newCLI(t)
	visit(c.command())
	for _, shell := range []string{"bash", "zsh", "fish"} {
		require.NoError(t, c.run("completion", shell))
	}
	require.NoError(t, c.run("__complete", "--device", ""))
	assert.Contains(t, c.out.String(), "driver")
}

func TestDoctor(t *testing.T) {
	c := newCLI(t)
	err := c.run("doctor", "--json", "--btf", "/no/such/file")
	var quiet *exitError
	require.ErrorAs(t, err, &quiet)
	assert.Equal(t, 1, quiet.status)
	var r struct {
		OK     bool
		Checks []struct{ Name, Status, Detail string }
	}
	require.NoError(t, json.Unmarshal([]byte(c.out.String()), &r))
	assert.False(t, r.OK)
	seen := map[string]string{}
	for _, k := range r.Checks {
		seen[k.Name] = k.Status
	}
	assert.Equal(t, "FAIL", seen["btf"])
	assert.Equal(t, "ok", seen["device"])
	assert.Contains(t, seen, "kernel")
}
