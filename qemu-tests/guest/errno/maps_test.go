// SPDX-License-Identifier: Apache-2.0

package errno

import (
	"fmt"
	"strings"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
)

func mapCreate() []tcase {
	var cs []tcase
	add := func(name string, a func(e *env) *raw.Attr) {
		cs = append(cs, tcase{name: "map_create/" + name, cmd: raw.MapCreate, attr: a})
	}
	m := func(name string, typ, key, value, max, flags uint32) {
		add(name, func(*env) *raw.Attr { return raw.Map(typ, key, value, max, flags) })
	}
	for _, typ := range []uint32{raw.NumMapTypes, raw.NumMapTypes + 1, 1000, 0xffffffff} {
		m(fmt.Sprintf("type %d", typ), typ, 4, 8, 4, 0)
	}
	for _, t := range []struct {
		name string
		typ  uint32
	}{{"hash", raw.Hash}, {"array", raw.Array}, {"percpu hash", raw.PerCPUHash}, {"percpu array", raw.PerCPUArray}} {
		for _, k := range []uint32{0, 1, 3, 5, 8, 512, 513, 1 << 20, 0x7fffffff, 0xffffffff} {
			m(fmt.Sprintf("%s/key size %d", t.name, k), t.typ, k, 8, 4, 0)
		}
		for _, v := range []uint32{0, 1, 7, 32768, 32769, 1 << 22, 1<<22 + 1, 0x7ffffff8, 0xffffffff} {
			m(fmt.Sprintf("%s/value size %d", t.name, v), t.typ, 4, v, 4, 0)
		}
		for _, n := range []uint32{0, 1, 1 << 31, 1<<31 + 1, 0xffffffff} {
			m(fmt.Sprintf("%s/max entries %d", t.name, n), t.typ, 4, 8, n, 0)
		}
		for bit := 0; bit < 16; bit++ {
			if bit == 2 { // needs a node: below
				continue
			}
			m(fmt.Sprintf("%s/flag %d", t.name, bit), t.typ, 4, 8, 4, 1<<bit)
		}
		m(t.name+"/flag 31", t.typ, 4, 8, 4, 1<<31)
		m(t.name+"/read-only and write-only", t.typ, 4, 8, 4, raw.Rdonly|raw.Wronly)
		m(t.name+"/program read-only and write-only", t.typ, 4, 8, 4, 1<<7|1<<8)
		for _, node := range []uint32{0, 1, 5000, 0xffffffff} {
			add(fmt.Sprintf("%s/node %d", t.name, node), func(*env) *raw.Attr {
				return raw.Map(t.typ, 4, 8, 4, raw.NUMANode).U32(24, node)
			})
		}
		add(t.name+"/inner map", func(e *env) *raw.Attr { return raw.Map(t.typ, 4, 8, 4, 0).U32(20, uint32(e.arr)) })
		add(t.name+"/node without flag", func(*env) *raw.Attr { return raw.Map(t.typ, 4, 8, 4, 0).U32(24, 1) })
		add(t.name+"/ifindex", func(*env) *raw.Attr { return raw.Map(t.typ, 4, 8, 4, 0).U32(44, 1) })
		add(t.name+"/map_extra", func(*env) *raw.Attr { return raw.Map(t.typ, 4, 8, 4, 0).U64(64, 1) })
		add(t.name+"/vmlinux value type", func(*env) *raw.Attr { return raw.Map(t.typ, 4, 8, 4, 0).U32(60, 1) })
	}
	for _, v := range []uint32{0, 1, 8} {
		m(fmt.Sprintf("perf array/value size %d", v), raw.PerfArray, 4, v, 4, 0)
	}
	for _, k := range []uint32{0, 2, 8} {
		m(fmt.Sprintf("perf array/key size %d", k), raw.PerfArray, k, 4, 4, 0)
	}
	for bit := 0; bit < 13; bit++ {
		if bit != 2 {
			m(fmt.Sprintf("perf array/flag %d", bit), raw.PerfArray, 4, 4, 4, 1<<bit)
		}
	}
	m("perf array/no entries", raw.PerfArray, 4, 4, 0, 0)
	for name, s := range map[string]string{
		"plain": "a_name.1", "blank": "a b", "slash": "a/b", "high": "\xff", "newline": "a\n", "after NUL": "a\x00b",
		"15": strings.Repeat("x", 15), "16": strings.Repeat("x", 16),
	} {
		add("name "+name, func(*env) *raw.Attr { return raw.Map(raw.Array, 4, 8, 4, 0).Str(28, s) })
	}
	withBTF := func(key, value uint32) func(*env) *raw.Attr {
		return func(e *env) *raw.Attr {
			return raw.Map(raw.Array, 4, 4, 4, 0).U32(48, uint32(e.btf)).U32(52, key).U32(56, value)
		}
	}
	add("btf", withBTF(1, 1))
	add("btf, no value type", withBTF(1, 0))
	add("btf, no key type", withBTF(0, 1))
	add("btf, wild key type", withBTF(77, 1))
	add("btf, wild value type", withBTF(1, 77))
	add("btf, value of another size", func(e *env) *raw.Attr {
		return raw.Map(raw.Array, 4, 8, 4, 0).U32(48, uint32(e.btf)).U32(52, 1).U32(56, 1)
	})
	add("type ids without btf", func(*env) *raw.Attr { return raw.Map(raw.Array, 4, 4, 4, 0).U32(52, 1).U32(56, 1) })
	cs = append(cs, badFDs(raw.MapCreate, 48, func(*env) *raw.Attr {
		return raw.Map(raw.Array, 4, 4, 4, 0).U32(52, 1).U32(56, 1)
	})...)
	return cs
}

// namedMap picks one of the environment's maps.
var namedMaps = []struct {
	name string
	fd   func(e *env) int
}{
	{"array", func(e *env) int { return e.arr }},
	{"hash", func(e *env) int { return e.hash }},
	{"full hash", func(e *env) int { return e.full }},
	{"percpu array", func(e *env) int { return e.parr }},
	{"percpu hash", func(e *env) int { return e.phash }},
	{"frozen array", func(e *env) int { return e.frozen }},
	{"read-only array", func(e *env) int { return e.rdonly }},
	{"write-only array", func(e *env) int { return e.wronly }},
	{"perf array", func(e *env) int { return e.perf }},
}

func mapElems() []tcase {
	var cs []tcase
	cmds := []uint32{raw.MapLookup, raw.MapUpdate, raw.MapDelete, raw.MapNextKey, raw.MapLookupDelete}
	for _, m := range namedMaps {
		for _, cmd := range cmds {
			add := func(name string, a func(e *env) *raw.Attr) {
				cs = append(cs, tcase{name: raw.CmdNames[cmd] + "/" + m.name + "/" + name, cmd: cmd, attr: a})
			}
			elem := func(name string, key, value func(e *env) uint64, flags uint64) {
				add(name, func(e *env) *raw.Attr { return raw.Elem(m.fd(e), key(e), value(e), flags) })
			}
			num := func(n uint64) func(*env) uint64 { return func(*env) uint64 { return n } }
			k0 := func(e *env) uint64 { return e.key0 }
			k1 := func(e *env) uint64 { return e.key1 }
			k9 := func(e *env) uint64 { return e.key9 }
			v := func(e *env) uint64 { return e.val }
			for name, p := range badPointers {
				elem("key "+name, num(p), v, 0)
				elem("value "+name, k1, num(p), 0)
				elem("both "+name, num(p), num(p), 0)
			}
			elem("key 0", k0, v, 0)
			elem("key 9", k9, v, 0)
			for _, f := range []uint64{1, 2, 3, 4, 5, 8, 1 << 31, 1 << 32, 1 << 63} {
				elem(fmt.Sprintf("flags %#x, key 0", f), k0, v, f)
				elem(fmt.Sprintf("flags %#x, key 1", f), k1, v, f)
				elem(fmt.Sprintf("flags %#x, key 9", f), k9, v, f)
			}
			add("field after the last", func(e *env) *raw.Attr { return raw.Elem(m.fd(e), e.key1, e.val, 0).U32(32, 1) })
			add("field between", func(e *env) *raw.Attr { return raw.Elem(m.fd(e), e.key1, e.val, 0).U32(4, 1) })
		}
	}
	for _, cmd := range cmds {
		cs = append(cs, badFDs(cmd, 0, func(e *env) *raw.Attr { return raw.Elem(0, e.key1, e.val, 0) })...)
	}
	// What a perf event array takes as a value.
	cs = append(cs, badValueFDs()...)
	for _, m := range namedMaps {
		cs = append(cs,
			tcase{name: "map_freeze/" + m.name + "/other fields", cmd: raw.MapFreeze, attr: func(e *env) *raw.Attr {
				return raw.Elem(m.fd(e), 1, 0, 0)
			}},
			tcase{name: "map_freeze/" + m.name + "/flags", cmd: raw.MapFreeze, attr: func(e *env) *raw.Attr {
				return raw.Elem(m.fd(e), 0, 0, 1)
			}})
	}
	cs = append(cs, tcase{name: "map_freeze/frozen array/again", cmd: raw.MapFreeze, attr: func(e *env) *raw.Attr {
		return raw.Elem(e.frozen, 0, 0, 0)
	}})
	// A freeze ends what the other cases do to a map: wrong kinds only.
	for _, c := range badFDs(raw.MapFreeze, 0, func(*env) *raw.Attr { return raw.NewAttr() }) {
		if !strings.HasSuffix(c.name, " map") && !strings.HasSuffix(c.name, " hash") {
			cs = append(cs, c)
		}
	}
	return cs
}

var badPointers = map[string]uint64{"null": 0, "wild": wild, "of the kernel": kernel, "no address": hole}

func badValueFDs() []tcase {
	var cs []tcase
	for _, f := range []struct {
		name string
		fd   func(e *env) int
	}{
		{"no fd", func(*env) int { return int(uint32(noFD)) }},
		{"closed fd", func(*env) int { return closedFD }},
		{"/dev/null", func(e *env) int { return e.null }},
		{"map", func(e *env) int { return e.arr }},
		{"program", func(e *env) int { return e.tp }},
	} {
		for _, k := range []byte{0, 9} {
			cs = append(cs, tcase{
				name: fmt.Sprintf("map_update/perf array/key %d, value %s", k, f.name), cmd: raw.MapUpdate,
				attr: func(e *env) *raw.Attr {
					fd := uint32(f.fd(e))
					return raw.Elem(e.perf, key(k), raw.Ptr([]byte{byte(fd), byte(fd >> 8), byte(fd >> 16), byte(fd >> 24)}), 0)
				},
			})
		}
	}
	return cs
}

// many is more than any map here holds: a bucket of a hash is taken whole, so
// what a smaller count gives depends on where the keys lie.
const many = 8

func batches() []tcase {
	var cs []tcase
	for _, cmd := range []uint32{raw.MapLookupBatch, raw.MapLookupDeleteBatch, raw.MapUpdateBatch, raw.MapDeleteBatch} {
		n := raw.CmdNames[cmd]
		cs = append(cs, badFDs(cmd, 36, func(e *env) *raw.Attr { return raw.Batch(0, 0, e.out, e.big, e.out+4096, many) })...)
		for _, m := range namedMaps {
			for _, count := range []uint32{0, many} {
				cs = append(cs, tcase{name: fmt.Sprintf("%s/%s/count %d", n, m.name, count), cmd: cmd, attr: func(e *env) *raw.Attr {
					return raw.Batch(m.fd(e), 0, e.out, e.big, e.out+4096, count)
				}})
			}
			for name, p := range badPointers {
				cs = append(cs, tcase{name: n + "/" + m.name + "/" + name, cmd: cmd, attr: func(e *env) *raw.Attr {
					return raw.Batch(m.fd(e), 0, p, p, p, many)
				}})
			}
			for _, f := range []uint64{1, 4, 1 << 40} {
				cs = append(cs, tcase{name: fmt.Sprintf("%s/%s/flags %#x", n, m.name, f), cmd: cmd, attr: func(e *env) *raw.Attr {
					return raw.Batch(m.fd(e), 0, e.out, e.big, e.out+4096, many).U64(48, f)
				}}, tcase{name: fmt.Sprintf("%s/%s/element flags %#x", n, m.name, f), cmd: cmd, attr: func(e *env) *raw.Attr {
					return raw.Batch(m.fd(e), 0, e.out, e.big, e.out+4096, many).U64(40, f)
				}})
			}
		}
	}
	return cs
}
