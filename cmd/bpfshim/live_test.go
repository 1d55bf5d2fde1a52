// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/loader"
	"github.com/bpfshim/bpfshim/loader/testbpf"
)

// live is a cli whose intervals are as long as they should be; meanwhile runs
// in each, with its number from 0.
type live struct {
	*cli
	coll      *loader.Collection
	meanwhile func(n int)
}

func newLive(t *testing.T) *live {
	t.Helper()
	l := &live{cli: newCLI(t), meanwhile: func(int) {}}
	spec, err := loader.LoadCollectionSpec(testbpf.Build(t, "../../loader/testdata/all.bpf.c"))
	require.NoError(t, err)
	types, err := loader.LoadBTF(testbpf.Build(t, "../../loader/testdata/kernel.bpf.c"))
	require.NoError(t, err)
	l.coll, err = loader.NewCollectionWithOptions(spec, loader.CollectionOptions{Device: l.d, Programs: loader.ProgramOptions{KernelTypes: types}})
	require.NoError(t, err)
	t.Cleanup(l.coll.Close)
	return l
}

func (l *live) run(args ...string) error {
	n := -1
	root := newRoot(&app{
		out: &l.out, err: &l.err,
		open: func(string) (loader.Device, error) { return l.d, nil },
		wait: func(_ context.Context, d time.Duration) (time.Duration, error) {
			n++
			l.meanwhile(n)
			return d, nil
		},
	})
	root.SetArgs(args)
	return root.Execute()
}

// statsOpen is how many descriptors keep statistics on.
func (l *live) statsOpen() int {
	n := 0
	for _, o := range l.d.Open() {
		if strings.HasPrefix(o, "stats ") {
			n++
		}
	}
	return n
}

func TestProgStats(t *testing.T) {
	l := newLive(t)
	l.d.Ran("probe", 1000, 1000, 3) // before: runs do not count, misses are older
	l.meanwhile = func(int) {
		assert.Equal(t, 1, l.statsOpen(), "statistics are on")
		l.d.Ran("probe", 2000, 4_000_000, 1)
		l.d.Ran("raw", 10, 25, 0)
	}
	require.NoError(t, l.run("prog", "stats", "probe", "raw", "--interval", "2s"))
	assert.Zero(t, l.statsOpen(), "statistics are off again")
	require.NoError(t, l.run("prog", "stats", "--json"))
	var all []statReport
	_, text, ok := strings.Cut(l.out.String(), "\n[")
	require.True(t, ok)
	require.NoError(t, json.Unmarshal([]byte("["+text), &all))
	by := map[string]statReport{}
	for _, s := range all {
		by[s.Name] = s
	}
	require.Len(t, by, 4)
	id := by["probe"].ID
	assert.NotZero(t, id)
	assert.Equal(t, statReport{ID: id, Type: "kprobe", Name: "probe", Runs: 2000, RunTime: 4_000_000, Misses: 1,
		RunsPerS: 2000, NsPerRun: 2000, CPU: 0.4}, by["probe"], "the second's only")
	assert.Zero(t, by["tail_target"].NsPerRun, "no runs: no division")

	// One that is named twice is one; order is of ids.
	l.out.b.Reset()
	require.NoError(t, l.run("prog", "stats", "raw", "probe", "probe", "--interval", "2s"))
	lines := strings.Split(l.out.String(), "\n")
	require.Len(t, lines, 4)
	assert.Equal(t, []string{"ID", "TYPE", "NAME", "RUNS", "RUNS/S", "NS/RUN", "CPU", "MISSED"}, strings.Fields(lines[0]))
	for _, line := range lines[1:3] {
		f := strings.Fields(line)
		want := map[string][]string{
			"probe": {"kprobe", "probe", "2000", "1000.0", "2000", "0.20%", "1"},
			"raw":   {"raw_tracepoint", "raw", "10", "5.0", "2", "0.00%", "0"},
		}[f[2]]
		assert.Equal(t, want, f[1:])
	}

	assert.ErrorIs(t, l.run("prog", "stats", "nope"), os.ErrNotExist)
	assert.ErrorContains(t, l.run("prog", "stats", "--interval", "0s"), "--interval")
	l.d.Fail(testbpf.EnableStats, 0, unix.EPERM)
	assert.ErrorIs(t, l.run("prog", "stats"), unix.EPERM)
	// A reading that fails: statistics do not stay on.
	l.meanwhile = func(int) { l.d.Fail(testbpf.NextProgram, 0, unix.EIO) }
	assert.ErrorIs(t, l.run("prog", "stats"), unix.EIO)
	assert.Zero(t, l.statsOpen())
}

func TestTop(t *testing.T) {
	l := newLive(t)
	l.meanwhile = func(n int) {
		if n == 0 {
			l.d.Ran("raw", 5, 30_000_000, 0)
			l.d.Ran("probe", 100, 20_000_000, 0)
		} else {
			l.d.Ran("probe_ret", 1, 1_000_000, 7)
		}
	}
	require.NoError(t, l.run("top", "--count", "2", "--rows", "2"))
	var got []string
	for _, line := range strings.Split(l.out.String(), "\n") {
		f := strings.Fields(line)
		if len(f) == 8 && f[0] != "ID" {
			line = strings.Join(f[1:], " ")
		}
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	head := "ID TYPE NAME RUNS RUNS/S NS/RUN CPU MISSED"
	assert.Equal(t, []string{
		"4 programs, 5.00% of one CPU", head,
		"raw_tracepoint raw 5 5.0 6000000 3.00% 0", "kprobe probe 100 100.0 200000 2.00% 0", "",
		"4 programs, 0.10% of one CPU", head,
		"kprobe probe_ret 1 1.0 1000000 0.10% 7",
	}, got[:8])
	assert.Len(t, got, 10, "two lines a table, no more")

	l.out.b.Reset()
	require.NoError(t, l.run("top", "--count", "2", "--rows", "1", "--json"))
	lines := strings.Split(strings.TrimSpace(l.out.String()), "\n")
	require.Len(t, lines, 2)
	var r topReport
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &r))
	assert.Equal(t, 1.0, r.Interval)
	assert.InDelta(t, 5, r.CPU, 1e-9)
	require.Len(t, r.Programs, 4, "all, whatever --rows")
	assert.Equal(t, "raw", r.Programs[0].Name)
	for _, args := range [][]string{{"--count", "-1"}, {"--rows", "-1"}, {"--interval", "-1s"}, {"more"}} {
		assert.Error(t, l.run(append([]string{"top"}, args...)...), "%v", args)
	}
}

// TestTopProgramsChange: one that goes is not shown, one that comes starts at 0.
func TestTopProgramsChange(t *testing.T) {
	l := newLive(t)
	l.meanwhile = func(n int) {
		if n == 1 {
			l.coll.Programs["raw"].Close()
		}
	}
	require.NoError(t, l.run("top", "--count", "2", "--json"))
	lines := strings.Split(strings.TrimSpace(l.out.String()), "\n")
	assert.Contains(t, lines[0], `"name":"raw"`)
	assert.NotContains(t, lines[1], `"name":"raw"`)

	m := meter{wanted: func(progReport) bool { return true }, last: map[uint32]progReport{}}
	a := &app{open: func(string) (loader.Device, error) { return l.d, nil }}
	on, err := loader.EnableStatsOn(l.d, loader.StatsRunTime)
	require.NoError(t, err)
	defer on.Close()
	l.d.Ran("probe", 6, 12, 0)
	got, err := m.read(a, time.Second)
	require.NoError(t, err)
	for _, s := range got {
		if s.Name == "probe" {
			assert.Equal(t, uint64(6), s.Runs)
			assert.Equal(t, 2.0, s.NsPerRun)
		}
	}
}

// TestWait: the end of the context ends a command as Ctrl-C does, well.
func TestWait(t *testing.T) {
	c := newCLI(t)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	start := time.Now()
	require.NoError(t, c.command("top", "--interval", "1h").ExecuteContext(ctx))
	assert.Less(t, time.Since(start), 10*time.Second)
	assert.Empty(t, c.d.Open())
	took, err := waitFor(context.Background(), 10*time.Millisecond)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, took, 10*time.Millisecond)

	a := &app{wait: func(context.Context, time.Duration) (time.Duration, error) { return 0, unix.EIO }}
	assert.ErrorIs(t, a.every(nil, &liveFlags{interval: 1}, nil), unix.EIO)
	bad := errors.New("no more")
	n := 0
	a.wait = nil
	assert.ErrorIs(t, a.every(nil, &liveFlags{interval: 1}, func(time.Duration) error {
		if n++; n == 3 {
			return bad
		}
		return nil
	}), bad)
}

func TestMapTop(t *testing.T) {
	l := newLive(t)
	set := func(args ...string) {
		t.Helper()
		root := l.command(append([]string{"map", "update"}, args...)...)
		require.NoError(t, root.Execute())
	}
	set("counts", "1", `{"count": 10}`)
	set("counts", "2", `{"count": 50}`)
	set("counts", "3", `{"count": 7}`)
	l.meanwhile = func(n int) {
		if n == 0 {
			set("counts", "1", `{"count": 30}`)
			set("counts", "4", `{"count": 100}`)
			set("counts", "3", `{"count": 2}`)
		} else {
			require.NoError(t, l.command("map", "delete", "counts", "4").Execute())
		}
	}
	require.NoError(t, l.run("map", "top", "counts", "--by", "count", "--count", "2", "--rows", "3", "--interval", "2s"))
	assert.Equal(t, `4 entries
VALUE  CHANGE  CHANGE/S  KEY
100    100     50.0      4
30     20      10.0      1
50     0       0.0       2

3 entries
VALUE  CHANGE  CHANGE/S  KEY
50     0       0.0       2
30     0       0.0       1
2      0       0.0       3
`, l.out.String())

	// Per CPU: the sum; an index for a key.
	l.out.b.Reset()
	l.meanwhile = func(int) { set("slots", "1", "9") }
	require.NoError(t, l.run("map", "top", "slots", "--count", "1", "--json"))
	var r struct {
		Interval float64 `json:"interval_s"`
		Entries  []struct {
			Key, Value, Change int
			PerS               float64 `json:"change_per_s"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(l.out.String()), &r), l.out.String())
	require.Len(t, r.Entries, 2)
	cpus := loader.MustPossibleCPU()
	assert.Equal(t, 1, r.Entries[0].Key)
	assert.Equal(t, 9*cpus, r.Entries[0].Value)
	assert.Equal(t, 9*cpus, r.Entries[0].Change)
	assert.Equal(t, float64(9*cpus), r.Entries[0].PerS)
	assert.Equal(t, 0, r.Entries[1].Key)

	assert.ErrorContains(t, l.run("map", "top", "counts"), "--by count")
	assert.ErrorContains(t, l.run("map", "top", "counts", "--by", "nope"), "there is no number nope, but count")
	assert.ErrorIs(t, l.run("map", "top", "counts", "--by", "name"), errNoNumber)
	assert.ErrorContains(t, l.run("map", "top", "slots", "--by", "x"), "there is no number x, but nothing")
	assert.ErrorIs(t, l.run("map", "top", "events"), errNoElements)
	assert.ErrorIs(t, l.run("map", "top", "nope"), os.ErrNotExist)
	assert.ErrorContains(t, l.run("map", "top", "slots", "--rows", "-1"), "--rows")
}

func TestFindNumber(t *testing.T) {
	u64 := &btf.Int{Size: 8}
	s32 := &btf.Typedef{Name: "s", Type: &btf.Int{Size: 4, Encoding: btf.Signed}}
	inner := &btf.Struct{Size: 16, Members: []btf.Member{{Name: "n", Type: s32, Offset: 64}, {Name: "bits", Type: s32, Offset: 96, BitfieldSize: 3}}}
	outer := &btf.Struct{Size: 24, Members: []btf.Member{{Name: "a", Type: u64}, {Name: "in", Type: inner, Offset: 64}}}
	for by, want := range map[string]number{"a": {0, 8, false}, "in.n": {16, 4, true}} {
		n, err := findNumber(outer, 24, by)
		require.NoError(t, err, by)
		assert.Equal(t, want, n, by)
	}
	for _, by := range []string{"", "in", "in.bits", "in.x", "a.x", "x"} {
		_, err := findNumber(outer, 24, by)
		assert.Error(t, err, by)
	}
	_, err := findNumber(outer, 24, "in")
	assert.ErrorContains(t, err, "--by in.n")
	for size, ok := range map[uint32]bool{1: true, 2: true, 3: false, 4: true, 8: true, 16: false} {
		n, err := findNumber(nil, size, "")
		assert.Equal(t, ok, err == nil, "%d bytes", size)
		if ok {
			assert.Equal(t, number{0, int(size), false}, n)
		}
	}
	_, err = findNumber(nil, 8, "a")
	assert.ErrorIs(t, err, errNoNumber)

	ff := bytes.Repeat([]byte{0xff}, 8)
	for size, unsigned := range map[int]int64{1: 0xff, 2: 0xffff, 4: 0xffffffff, 8: -1} {
		assert.Equal(t, unsigned, number{0, size, false}.of(ff), "%d bytes", size)
		assert.Equal(t, int64(-1), number{0, size, true}.of(ff), "%d bytes, signed", size)
	}
	assert.Equal(t, "18446744073709551615", counted{-1, false}.String())
	assert.Equal(t, "-1", counted{-1, true}.String())
	assert.Positive(t, compareNumbers(counted{-1, false}, counted{1, false}))
	assert.Negative(t, compareNumbers(counted{-1, true}, counted{1, true}))
}

// TestChangesJSON: map update and delete say with --json whose entry it was.
func TestChangesJSON(t *testing.T) {
	l := newLive(t)
	require.NoError(t, l.run("map", "update", "counts", "5", `{"count": 1}`, "--json"))
	assert.JSONEq(t, `{"key": 5}`, l.out.String())
	l.out.b.Reset()
	require.NoError(t, l.run("map", "delete", "counts", "5", "--json"))
	assert.JSONEq(t, `{"key": 5}`, l.out.String())
	assert.ErrorIs(t, l.run("map", "delete", "counts", "5", "--json"), loader.ErrKeyNotExist)
}
