// SPDX-License-Identifier: Apache-2.0

package bpftool

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
)

func programs(r *run) {
	r.showList("prog", "prog", "list")
	for _, name := range []string{"on_exit", "on_statfs"} {
		id := r.id("prog", name)
		r.show("prog", "prog", "show", "id", id)
		r.show("prog", "prog", "show", "name", name)
		one, _ := r.ask("prog", "show", "id", id).(map[string]any)
		for _, size := range []string{"bytes_xlated", "bytes_jited", "bytes_memlock", "loaded_at"} {
			n, _ := one[size].(json.Number)
			v, _ := n.Int64()
			r.Sayf("%s of %s is a number above 0: %v", size, name, v > 0)
		}
		tag := fmt.Sprint(one["tag"])
		r.Sayf("by tag: %d", len(r.ours("prog", list(r.ask("prog", "show", "tag", tag)))))
	}
	r.show("prog", "prog", "show", "id", "2000000000")
	r.show("prog", "prog", "show", "name", "no_such_name")
}

// list is one entry, or several, as a list.
func list(v any) any {
	if _, one := v.(map[string]any); one {
		return []any{v}
	}
	return v
}

// dumps: the instructions themselves are the engine's affair; what they are
// called, which lines they come from, and that bpftool has all of them, are not.
func dumps(r *run) {
	id := r.id("prog", "on_exit")
	v := r.ask("prog", "dump", "xlated", "id", id, "linum")
	names, lines, slots := dumped(v)
	size := r.info(r.coll.Programs["on_exit"].FD(), 232, func(*raw.Attr) {}).Get32(20)
	r.Sayf("functions %q, all instructions: %v", names, slots*8 == int(size))
	if slots*8 != int(size) {
		r.Logf("%d slots, %d bytes: %.2000v", slots, size, v)
	}
	for _, l := range lines {
		r.Sayf("%s", l)
	}
	out, status := r.tool("prog", "dump", "xlated", "id", id)
	r.Sayf("as text: %d, calls a function: %v, of a map: %v", status,
		bytes.Contains(out, []byte("call pc")), bytes.Contains(out, []byte("map[id:"+r.id("map", "seen_by_key")+"]")))
	id = r.id("prog", "on_statfs")
	file := r.TempDir() + "/code"
	_, status = r.tool("prog", "dump", "xlated", "id", id, "file", file)
	got, _ := os.ReadFile(file)
	size = r.info(r.coll.Programs["on_statfs"].FD(), 232, func(*raw.Attr) {}).Get32(20)
	r.Sayf("instructions in a file: %d, %v", status, len(got) == int(size) && size > 0)
}

// dumped takes functions, source lines and the number of 8-byte slots out of a dump.
func dumped(v any) (names, lines []string, slots int) {
	funcs, _ := v.([]any)
	for _, f := range funcs {
		fm, _ := f.(map[string]any)
		if n, ok := fm["proto"].(string); ok {
			names = append(names, n)
		} else if n, ok := fm["name"].(string); ok {
			names = append(names, n)
		}
		insns, ok := fm["insns"].([]any)
		if !ok {
			insns = []any{f}
		}
		for _, e := range insns {
			m, _ := e.(map[string]any)
			if p, ok := m["proto"].(string); ok {
				names = append(names, p)
			}
			if s, ok := m["src"].(string); ok && s != "" {
				lines = append(lines, fmt.Sprintf("%v: %s", m["line_num"], s))
			}
			text, _ := m["disasm"].(string)
			if text == "" {
				continue
			}
			slots++
			if strings.Contains(text, "(18)") {
				slots++
			}
		}
	}
	sort.Strings(lines)
	return names, slices.Compact(lines), slots
}

func mapsShown(r *run) {
	// Nothing counts while it is looked at.
	for _, l := range r.links {
		l.Close()
	}
	if err := r.coll.Maps[".bss"].Put(uint32(0), uint64(5)); err != nil {
		r.Fatal(err)
	}
	r.showList("map", "map", "list")
	for _, name := range []string{"seen_by_key", "each_cpu", "waiting", ".bss"} {
		id := r.id("map", name)
		r.show("map", "map", "show", "id", id)
		r.show("map", "map", "dump", "id", id)
		one, _ := r.ask("map", "show", "id", id).(map[string]any)
		n, _ := one["bytes_memlock"].(json.Number)
		v, _ := n.Int64()
		r.Sayf("memory of %s is a number above 0: %v", name, v > 0)
	}
	r.show("map", "map", "show", "name", "seen_by_key")
	r.show("map", "map", "show", "id", "2000000000")
}

func mapCommands(r *run) {
	id := r.id("map", "seen_by_key")
	m := func(args ...string) { r.Helper(); r.show("map", append([]string{"map"}, args...)...) }
	zero := strings.Fields(strings.Repeat("0 ", 12))
	m("lookup", "id", id, "key", "10", "0", "0", "0")
	m("lookup", "id", id, "key", "11", "0", "0", "0")
	m(append([]string{"update", "id", id, "key", "11", "0", "0", "0", "value", "1", "2", "3", "4"}, zero...)...)
	m(append([]string{"update", "id", id, "key", "11", "0", "0", "0", "value", "1", "2", "3", "4"}, append(slices.Clone(zero), "noexist")...)...)
	m("lookup", "id", id, "key", "hex", "0b", "0", "0", "0")
	m("delete", "id", id, "key", "20", "0", "0", "0")
	m("delete", "id", id, "key", "20", "0", "0", "0")
	next := r.ask("map", "getnext", "id", id)
	r.Sayf("getnext without a key: %v", len(next.(map[string]any)) > 1)
	m("getnext", "id", id, "key", "11", "0", "0")
	q := r.id("map", "waiting")
	m("enqueue", "id", q, "value", "1", "0", "0", "0")
	m("push", "id", q, "value", "2", "0", "0", "0")
	m("peek", "id", q)
	m("dequeue", "id", q)
	m("pop", "id", q)
	m("pop", "id", q)
	m("update", "id", r.id("map", "each_cpu"), "key", "0", "0", "0", "0", "value", "5", "0", "0", "0", "0", "0", "0", "0")
	m("lookup", "id", r.id("map", "each_cpu"), "key", "0", "0", "0", "0")
	m("freeze", "id", id)
	m("freeze", "id", id)
	m("show", "id", id)
	m(append([]string{"update", "id", id, "key", "11", "0", "0", "0", "value", "1", "2", "3", "4"}, zero...)...)
}

func links(r *run) {
	r.showList("link", "link", "list")
	for _, name := range []string{"on_exit", "on_statfs"} {
		id := r.id("link", name)
		r.show("link", "link", "show", "id", id)
		r.show("link", "link", "detach", "id", id)
		r.show("link", "link", "pin", "id", id, r.dir+"/"+name)
		r.show("link", "link", "show", "pinned", r.dir+"/"+name)
		r.show("link", "-f", "link", "show", "id", id)
	}
	r.show("link", "link", "show", "id", "2000000000")
}

func types(r *run) {
	for _, e := range r.ours("btf", r.ask("btf", "list")) {
		m := e.(map[string]any)
		// A BTF's maps and programs are found by going through all of them.
		r.Sayf("btf list: %v: of programs %v, of maps %v, kernel's: %v", m["id"], m["prog_ids"], m["map_ids"], m["kernel"])
	}
	for _, name := range []string{"BTF of program on_exit", "BTF of seen_by_key"} {
		v := r.ask("btf", "dump", "id", r.id("btf", name))
		b, _ := json.Marshal(v)
		r.Sayf("btf dump id <%s>: %s", name, b)
		out, status := r.tool("btf", "dump", "id", r.id("btf", name), "format", "c")
		r.Sayf("btf dump id <%s> format c: %d\n%s", name, status, out)
	}
	out, status := r.tool("btf", "dump", "map", "id", r.id("map", "seen_by_key"), "value")
	r.Sayf("btf dump map value: %d\n%s", status, out)
	out, status = r.tool("btf", "dump", "prog", "id", r.id("prog", "on_exit"), "format", "c")
	r.Sayf("btf dump prog: %d\n%s", status, out)
}

func pins(r *run) {
	for _, k := range []struct{ kind, name string }{
		{"prog", "on_exit"}, {"map", "seen_by_key"}, {"map", "waiting"}, {"link", "on_exit"},
	} {
		id, path := r.id(k.kind, k.name), r.dir+"/"+k.kind+"_"+k.name
		r.show(k.kind, k.kind, "pin", "id", id, path)
		r.show(k.kind, k.kind, "pin", "id", id, path)
		r.show(k.kind, k.kind, "pin", "id", id, r.dir+"/no.dots")
		r.show(k.kind, k.kind, "show", "pinned", path)
		r.show(k.kind, "-f", k.kind, "show", "id", id)
	}
	r.show("prog", "prog", "show", "pinned", r.dir+"/map_waiting")
	r.show("map", "map", "show", "pinned", r.dir+"/prog_on_exit")
	r.show("map", "map", "dump", "pinned", r.dir+"/map_seen_by_key")
	r.show("map", "map", "create", r.dir+"/made", "type", "array", "key", "4", "value", "8", "entries", "2", "name", "made")
	made, _ := r.ask("map", "show", "pinned", r.dir+"/made").(map[string]any)
	r.names[fmt.Sprint("map ", made["id"])] = "made"
	r.show("map", "map", "show", "pinned", r.dir+"/made")
	r.show("map", "map", "update", "pinned", r.dir+"/made", "key", "1", "0", "0", "0", "value", "9", "0", "0", "0", "0", "0", "0", "0")
	r.show("map", "map", "dump", "pinned", r.dir+"/made")
	r.show("map", "map", "create", r.dir+"/bad", "type", "array", "key", "8", "value", "8", "entries", "2", "name", "bad")
}

// loads lets bpftool's own libbpf load the object.
func loads(r *run) {
	r.show("prog", "prog", "loadall", object, r.dir+"/progs", "pinmaps", r.dir+"/maps")
	for _, dir := range []string{"progs", "maps"} {
		e, _ := os.ReadDir(r.dir + "/" + dir)
		for _, f := range e {
			r.Sayf("%s/%s", dir, f.Name())
		}
	}
	for _, p := range []string{"on_exit", "on_statfs"} {
		m, _ := r.ask("prog", "show", "pinned", r.dir+"/progs/"+p).(map[string]any)
		ids, _ := m["map_ids"].([]any)
		r.Sayf("%s: type %v, name %v, tag %v, %d maps, BTF %v", p, m["type"], m["name"], m["tag"], len(ids), m["btf_id"] != nil)
		r.show("prog", "prog", "run", "pinned", r.dir+"/progs/"+p, "repeat", "1")
	}
	r.show("map", "map", "dump", "pinned", r.dir+"/maps/waiting")
	r.show("prog", "prog", "load", object, r.dir+"/progs/on_exit")
	r.show("prog", "prog", "load", home+"/preload.so", r.dir+"/other")
}
