// SPDX-License-Identifier: Apache-2.0

// Package bpftool runs Debian's bpftool as it is, its bpf(2) turned into the
// driver's ioctl by a preloaded library, and compares what it says of the
// driver's objects with what it says of the same ones in Linux 6.1.
package bpftool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/bpfshim/bpfshim/ioctl"
	"github.com/bpfshim/bpfshim/loader"
	"github.com/bpfshim/bpfshim/loader/link"
	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/oracle"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { guest.Main(m) }

const (
	golden = "/testdata/bpftool-6.1.txt"
	home   = "/bpftool"
	object = home + "/shown.o"
)

// scripts in the order of the golden file.
var scripts = []oracle.Script{
	{Name: "programs", Do: script(programs)},
	{Name: "dumps", Do: script(dumps)},
	{Name: "maps", Do: script(mapsShown)},
	{Name: "map commands", Do: script(mapCommands)},
	{Name: "links", Do: script(links)},
	{Name: "types", Do: script(types)},
	{Name: "pins", Do: script(pins)},
	{Name: "loads", Do: script(loads)},
}

func TestNativeIsGolden(t *testing.T) { oracle.Native(t, golden, scripts) }

func TestDriverDoesAsNative(t *testing.T) { oracle.Driver(t, golden, scripts) }

// run is one script: objects of which the loader knows everything, and bpftool.
type run struct {
	*oracle.Run
	dev   loader.Device
	coll  *loader.Collection
	links map[string]link.Link
	dir   string            // where to pin
	names map[string]string // "prog 12" and the like, by what they are called here
}

func script(do func(r *run)) func(*oracle.Run) {
	return func(o *oracle.Run) { do(start(o)) }
}

func start(o *oracle.Run) *run {
	o.Helper()
	r := &run{Run: o, links: map[string]link.Link{}, names: map[string]string{}}
	kind := loader.DeviceDriver
	if o.Tgt.IsNative() {
		kind = loader.DeviceNative
	}
	var err error
	if r.dev, err = loader.OpenDevice(kind); err != nil {
		o.Fatal(err)
	}
	o.Cleanup(func() { r.dev.Close() })
	spec, err := loader.LoadCollectionSpec(object)
	if err != nil {
		o.Fatal(err)
	}
	if r.coll, err = loader.NewCollectionWithOptions(spec, loader.CollectionOptions{Device: r.dev}); err != nil {
		o.Fatal(err)
	}
	o.Cleanup(r.coll.Close)
	for name, p := range r.coll.Programs {
		i, err := p.Info()
		if err != nil {
			o.Fatal(err)
		}
		id, _ := i.ID()
		r.name("prog", uint32(id), name)
		btf, _ := i.BTFID()
		r.name("btf", uint32(btf), "BTF of program "+name)
		l, err := link.AttachProgram(p)
		if err != nil {
			o.Fatal(err)
		}
		o.Cleanup(func() { l.Close() })
		r.links[name] = l
		li, err := l.Info()
		if err != nil {
			o.Fatal(err)
		}
		r.name("link", uint32(li.ID), name)
	}
	for name, m := range r.coll.Maps {
		i, err := m.Info()
		if err != nil {
			o.Fatal(err)
		}
		id, _ := i.ID()
		r.name("map", uint32(id), name)
		if btf, ok := i.BTFID(); ok {
			r.name("btf", uint32(btf), "BTF of "+name)
		}
	}
	for i, s := range []struct {
		Times uint64
		Last  uint32
		Name  [4]byte
	}{{7, 1, [4]byte{'a', 'b'}}, {1 << 40, 0xffffffff, [4]byte{'x', 'y', 'z'}}} {
		if err := r.coll.Maps["seen_by_key"].Put(uint32(10*i+10), s); err != nil {
			o.Fatal(err)
		}
	}
	r.dir = o.Tgt.MountPins(o, "")
	return r
}

func (r *run) name(kind string, id uint32, name string) { r.names[fmt.Sprint(kind, " ", id)] = name }

// id is the number of what is called so here.
func (r *run) id(kind, name string) string {
	for k, n := range r.names {
		if id, ok := strings.CutPrefix(k, kind+" "); ok && n == name {
			return id
		}
	}
	r.Fatalf("no %s %s", kind, name)
	return ""
}

// tool runs bpftool: what it printed, and its status.
func (r *run) tool(args ...string) ([]byte, int) {
	r.Helper()
	cmd := []string{"--library-path", home + "/lib"}
	if !r.Tgt.IsNative() {
		cmd = append(cmd, "--preload", home+"/preload.so")
	}
	c := exec.Command(home+"/lib/ld.so", append(append(cmd, home+"/bpftool"), args...)...)
	var out, bad bytes.Buffer
	c.Stdout, c.Stderr = &out, &bad
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.Fatal(err)
	}
	if bad.Len() > 0 {
		r.Logf("bpftool %s: %s", strings.Join(args, " "), bad.Bytes())
	}
	return out.Bytes(), c.ProcessState.ExitCode()
}

// ask runs bpftool and returns its JSON.
func (r *run) ask(args ...string) any {
	r.Helper()
	out, status := r.tool(append([]string{"-j"}, args...)...)
	if len(bytes.TrimSpace(out)) == 0 {
		return map[string]any{"status": float64(status)}
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(out))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		r.Fatalf("bpftool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return v
}

// show says what bpftool's JSON is, with names in the place of numbers that
// differ from run to run.
func (r *run) show(kind string, args ...string) {
	r.Helper()
	v := r.plain(kind, r.ask(args...))
	b, err := json.Marshal(v)
	if err != nil {
		r.Fatal(err)
	}
	r.Sayf("%s: %s", r.readable(args), b)
}

// readable is the command without numbers and places of this run.
func (r *run) readable(args []string) string {
	words := append([]string(nil), args...)
	for i, w := range words {
		if i > 0 && words[i-1] == "id" {
			for k, n := range r.names {
				if _, id, _ := strings.Cut(k, " "); id == w && (strings.HasPrefix(k, args[0]) || len(args) > 1 && strings.HasPrefix(k, args[1])) {
					words[i] = "<" + n + ">"
				}
			}
		}
		words[i] = strings.ReplaceAll(words[i], r.dir, "DIR")
	}
	return strings.Join(words, " ")
}

// varies are members whose value is the engine's own, or the run's.
var varies = map[string]bool{
	"loaded_at": true, "bytes_jited": true, "bytes_xlated": true, "bytes_memlock": true, "pids": true, "size": true,
}

// plain is JSON with names for ids, in an order that is the same each time.
func (r *run) plain(kind string, v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range x {
			of := map[string]string{"id": kind, "prog_id": "prog", "map_ids": "map", "btf_id": "btf", "prog_ids": "prog"}[k]
			switch {
			case varies[k]:
				out[k] = "varies"
			case of != "":
				out[k] = r.plainIDs(of, e)
			default:
				out[k] = r.plain(kind, e)
			}
		}
		return out
	case []any:
		out := []any{}
		for _, e := range x {
			out = append(out, r.plain(kind, e))
		}
		// A hash's order is its own.
		if m, ok := first(out).(map[string]any); ok && m["key"] != nil {
			sort.Slice(out, func(i, j int) bool { return fmt.Sprint(out[i]) < fmt.Sprint(out[j]) })
		}
		return out
	case string:
		return strings.ReplaceAll(x, r.dir, "DIR")
	}
	return v
}

func first(list []any) any {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

func (r *run) plainIDs(kind string, v any) any {
	switch x := v.(type) {
	case []any:
		var out []string
		for _, e := range x {
			out = append(out, fmt.Sprint(r.plainIDs(kind, e)))
		}
		sort.Strings(out)
		return out
	case json.Number:
		if n := r.names[kind+" "+x.String()]; n != "" {
			return "<" + n + ">"
		}
		return "unknown " + kind
	}
	return v
}

// ours are the entries of a list whose id is known here: others may have theirs.
func (r *run) ours(kind string, list any) []any {
	var out []any
	all, _ := list.([]any)
	for _, e := range all {
		m, _ := e.(map[string]any)
		id, _ := m["id"].(json.Number)
		if r.names[kind+" "+id.String()] != "" {
			out = append(out, r.plain(kind, e))
		}
	}
	sort.Slice(out, func(i, j int) bool { return fmt.Sprint(out[i]) < fmt.Sprint(out[j]) })
	return out
}

func (r *run) showList(kind string, args ...string) {
	r.Helper()
	for _, e := range r.ours(kind, r.ask(args...)) {
		b, _ := json.Marshal(e)
		r.Sayf("%s: %s", strings.Join(args, " "), b)
	}
}

// info is what the command itself tells of an fd, past bpftool.
func (r *run) info(fd int, size uint32, fill func(*raw.Attr)) *raw.Attr {
	r.Helper()
	i := raw.Over(raw.Alloc(256))
	fill(i)
	if _, errno := r.Tgt.Do(raw.ObjInfo, raw.NewAttr().U32(0, uint32(fd)).U32(4, size).U64(8, uint64(i.Addr()))); errno != 0 {
		r.Fatal(raw.ErrName(errno))
	}
	return i
}

// TestPerfListsProbes: TASK_FD_QUERY for every fd of every process. Natively
// probes are perf events', so this is of the driver alone.
func TestPerfListsProbes(t *testing.T) {
	tgt, err := raw.Open()
	if err != nil {
		t.Fatal(err)
	}
	oracle.Perform(t, tgt, func(o *oracle.Run) {
		r := start(o)
		found := map[string]bool{}
		rows, _ := r.ask("perf", "list").([]any)
		for _, e := range rows {
			m, _ := e.(map[string]any)
			if fmt.Sprint(m["pid"]) == strconv.Itoa(os.Getpid()) {
				found[fmt.Sprint(m["fd_type"], " ", m["func"], m["tracepoint"], " ", r.plainIDs("prog", m["prog_id"]))] = true
			}
		}
		for _, want := range []string{"kprobe user_statfs<nil> <on_statfs>", "raw_tracepoint <nil>sched_process_exit <on_exit>"} {
			if !found[want] {
				o.Errorf("no %q in %v", want, found)
			}
		}
	})
}

// TestDeviceOfInfo: what the test itself takes for granted.
func TestDeviceOfInfo(t *testing.T) {
	d, err := loader.OpenDevice(loader.DeviceDriver)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if d.Kind() != ioctl.KindDriver {
		t.Errorf("device of kind %v", d.Kind())
	}
	if err := unix.Access(home+"/bpftool", unix.X_OK); err != nil {
		t.Fatal("no bpftool in the guest: make bpftool-root")
	}
}
