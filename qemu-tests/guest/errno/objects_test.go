// SPDX-License-Identifier: Apache-2.0

package errno

import (
	"encoding/binary"
	"fmt"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
)

func objects() []tcase {
	var cs []tcase
	add := func(cmd uint32, name string, f func(e *env, a *raw.Attr)) {
		cs = append(cs, tcase{name: raw.CmdNames[cmd] + "/" + name, cmd: cmd, attr: func(e *env) *raw.Attr {
			a := raw.NewAttr()
			f(e, a)
			return a
		}})
	}
	for _, cmd := range []uint32{raw.MapFDByID, raw.ProgFDByID, raw.BTFFDByID, raw.LinkFDByID} {
		for _, id := range []uint32{0, 0x7fffffff, 0x80000000, 0xffffffff} {
			add(cmd, fmt.Sprintf("id %#x", id), func(_ *env, a *raw.Attr) { a.U32(0, id) })
		}
		for _, fl := range []uint32{1, 8, 16, 24, 1 << 31} {
			add(cmd, fmt.Sprintf("open flags %#x", fl), func(_ *env, a *raw.Attr) { a.U32(0, 0x7fffffff).U32(8, fl) })
		}
		add(cmd, "next id set", func(_ *env, a *raw.Attr) { a.U32(0, 0x7fffffff).U32(4, 1) })
	}
	for _, cmd := range []uint32{raw.MapNextID, raw.ProgNextID, raw.BTFNextID} {
		for _, id := range []uint32{0, 0x7ffffffe, 0x7fffffff, 0x80000000, 0xffffffff} {
			add(cmd, fmt.Sprintf("start %#x", id), func(_ *env, a *raw.Attr) { a.U32(0, id) })
		}
		add(cmd, "open flags", func(_ *env, a *raw.Attr) { a.U32(8, 8) })
	}
	for what, kind := range map[string]func(e *env) int{
		"map": func(e *env) int { return e.arr }, "program": func(e *env) int { return e.tp }, "BTF": func(e *env) int { return e.btf },
	} {
		for _, n := range []uint32{0, 1, 4, 8, 40, 80, 224, 228, 232, 256, 4096, 4097, 65536, 0xffffffff} {
			add(raw.ObjInfo, fmt.Sprintf("%s/length %d", what, n), func(e *env, a *raw.Attr) {
				a.U32(0, uint32(kind(e))).U32(4, n).U64(8, raw.Addr(raw.Alloc(65536)))
			})
		}
		for name, p := range badPointers {
			add(raw.ObjInfo, what+"/info "+name, func(e *env, a *raw.Attr) { a.U32(0, uint32(kind(e))).U32(4, 80).U64(8, p) })
			add(raw.ObjInfo, what+"/long info "+name, func(e *env, a *raw.Attr) { a.U32(0, uint32(kind(e))).U32(4, 1024).U64(8, p) })
		}
		add(raw.ObjInfo, what+"/tail", func(e *env, a *raw.Attr) {
			b := raw.Alloc(4096)
			b[1000] = 1
			a.U32(0, uint32(kind(e))).U32(4, 1024).U64(8, raw.Addr(b))
		})
	}
	cs = append(cs, badFDs(raw.ObjInfo, 0, func(*env) *raw.Attr {
		return raw.NewAttr().U32(4, 80).U64(8, raw.Addr(raw.Alloc(4096)))
	})...)
	return append(cs, infoArrays()...)
}

// infoArrays ask for arrays of a program's info at addresses that are none.
func infoArrays() []tcase {
	var cs []tcase
	for name, f := range map[string][2]int{
		"xlated": {20, 32}, "jited": {16, 24}, "map ids": {52, 56},
	} {
		for what, p := range badPointers {
			cs = append(cs, tcase{name: fmt.Sprintf("obj_info/program/%s %s", name, what), cmd: raw.ObjInfo, attr: func(e *env) *raw.Attr {
				b := raw.Alloc(4096)
				binary.NativeEndian.PutUint32(b[f[0]:], 1<<12)
				binary.NativeEndian.PutUint64(b[f[1]:], p)
				return raw.NewAttr().U32(0, uint32(e.tp)).U32(4, 232).U64(8, raw.Addr(b))
			}})
		}
	}
	return cs
}

func btfLoad() []tcase {
	var cs []tcase
	add := func(name string, f func(e *env, a *raw.Attr)) {
		cs = append(cs, tcase{name: "btf_load/" + name, cmd: raw.BTFLoad, attr: func(e *env) *raw.Attr {
			a := raw.NewAttr().U64(0, raw.Ptr(raw.BTF())).U32(16, uint32(len(raw.BTF())))
			f(e, a)
			return a
		}})
	}
	add("good", func(*env, *raw.Attr) {})
	for name, p := range badPointers {
		add("data "+name, func(_ *env, a *raw.Attr) { a.U64(0, p) })
		add("log "+name, func(_ *env, a *raw.Attr) { a.U64(8, p).U32(20, 4096).U32(24, 1) })
	}
	for _, n := range []uint32{0, 1, 7, 8, 23, 24, 39, 44, 46, 4096, 1 << 24, 1<<24 + 1, 0xffffffff} {
		add(fmt.Sprintf("length %d", n), func(_ *env, a *raw.Attr) {
			b := raw.Alloc(65536)
			copy(b, raw.BTF())
			a.U64(0, raw.Addr(b)).U32(16, n)
		})
	}
	for _, n := range []uint32{0, 1, 127, 128, 1 << 24, 1<<30 - 1, 1 << 30} {
		add(fmt.Sprintf("log size %d", n), func(e *env, a *raw.Attr) { a.U64(8, e.out).U32(20, n).U32(24, 1) })
	}
	for _, n := range []uint32{0, 1, 4, 7, 8, 15, 16} {
		add(fmt.Sprintf("log level %d", n), func(e *env, a *raw.Attr) { a.U64(8, e.out).U32(20, 4096).U32(24, n) })
	}
	patch := func(name string, off int, v uint32) {
		add(name, func(_ *env, a *raw.Attr) {
			b := raw.BTF()
			binary.NativeEndian.PutUint32(b[off:], v)
			a.U64(0, raw.Ptr(b))
		})
	}
	patch("magic", 0, 0x0001dead)
	patch("other endian", 0, 0x0001eb9f>>8|0x9f<<24)
	patch("version 2", 0, 0x0002eb9f)
	patch("version 0", 0, 0x0000eb9f)
	patch("flags", 0, 0x0101eb9f)
	for _, v := range []uint32{0, 8, 23, 28, 4096, 0xffffffff} {
		patch(fmt.Sprintf("header length %d", v), 4, v)
	}
	for i, f := range []string{"type offset", "type length", "string offset", "string length"} {
		for _, v := range []uint32{0, 1, 4, 8, 4096, 0x7fffffff, 0xffffffff} {
			patch(fmt.Sprintf("%s %d", f, v), 8+4*i, v)
		}
	}
	for _, v := range []uint32{0, 2, 5, 100, 0xffffffff} {
		patch(fmt.Sprintf("name %d", v), 24, v)
	}
	for kind := uint32(0); kind < 32; kind++ {
		patch(fmt.Sprintf("kind %d", kind), 28, kind<<24)
	}
	patch("vlen", 28, 1<<24|5)
	patch("kind flag", 28, 1<<24|1<<31)
	patch("reserved info bit", 28, 1<<24|1<<20)
	for _, v := range []uint32{0, 1, 3, 8, 16, 32, 0xffffffff} {
		patch(fmt.Sprintf("int size %d", v), 32, v)
	}
	for _, v := range []uint32{0, 1, 31, 33, 128, 129, 8 << 16, 1<<24 | 8<<16 | 32, 2 << 24, 3<<24 | 32, 8<<24 | 32, 0xffffffff} {
		patch(fmt.Sprintf("int data %#x", v), 36, v)
	}
	return cs
}

func attaching() []tcase {
	var cs []tcase
	add := func(cmd uint32, name string, f func(e *env, a *raw.Attr)) {
		cs = append(cs, tcase{name: raw.CmdNames[cmd] + "/" + name, cmd: cmd, attr: func(e *env) *raw.Attr {
			a := raw.NewAttr()
			f(e, a)
			return a
		}})
	}
	cs = append(cs, badFDs(raw.RawTPOpen, 8, func(*env) *raw.Attr { return raw.NewAttr().U64(0, raw.CStr("sched_switch")) })...)
	for name, p := range badPointers {
		add(raw.RawTPOpen, "name "+name, func(e *env, a *raw.Attr) { a.U64(0, p).U32(8, uint32(e.rawtp)) })
	}
	for name, s := range map[string]string{
		"unknown": "no_such_tracepoint", "empty": "", "long": string(make130('t')), "with category": "sched:sched_switch",
	} {
		add(raw.RawTPOpen, "name "+name, func(e *env, a *raw.Attr) { a.U64(0, raw.CStr(s)).U32(8, uint32(e.rawtp)) })
	}
	add(raw.RawTPOpen, "kprobe program", func(e *env, a *raw.Attr) { a.U64(0, raw.CStr("sched_switch")).U32(8, uint32(e.kprobe)) })

	for _, cmd := range []uint32{raw.ObjPin, raw.ObjGet} {
		for name, p := range badPointers {
			add(cmd, "path "+name, func(e *env, a *raw.Attr) { a.U64(0, p).U32(8, uint32(e.arr)*(1-cmd/raw.ObjGet)) })
		}
		add(cmd, "flags", func(_ *env, a *raw.Attr) { a.U64(0, raw.CStr("/tmp/x")).U32(12, 1) })
		add(cmd, "path not on bpffs", func(e *env, a *raw.Attr) { a.U64(0, raw.CStr("/tmp/x")).U32(8, uint32(e.arr)*(1-cmd/raw.ObjGet)) })
		add(cmd, "path into nothing", func(e *env, a *raw.Attr) { a.U64(0, raw.CStr("/none/x")).U32(8, uint32(e.arr)*(1-cmd/raw.ObjGet)) })
	}
	cs = append(cs, badFDs(raw.ObjPin, 8, func(*env) *raw.Attr { return raw.NewAttr().U64(0, raw.CStr("/tmp/x")) })...)

	for _, cmd := range []uint32{raw.ProgAttach, raw.ProgDetach} {
		for _, typ := range []uint32{0, 3, 23, 24, 41, 43, 44, 1000} {
			add(cmd, fmt.Sprintf("type %d", typ), func(e *env, a *raw.Attr) { a.U32(0, uint32(e.null)).U32(4, uint32(e.tp)).U32(8, typ) })
		}
		add(cmd, "flags", func(e *env, a *raw.Attr) { a.U32(4, uint32(e.tp)).U32(12, 1<<10) })
	}
	cs = append(cs, badFDs(raw.ProgAttach, 4, func(*env) *raw.Attr { return raw.NewAttr() })...)
	for _, typ := range []uint32{0, 24, 43, 44, 1000} {
		add(raw.ProgQuery, fmt.Sprintf("type %d", typ), func(e *env, a *raw.Attr) { a.U32(0, uint32(e.null)).U32(4, typ) })
	}
	add(raw.ProgQuery, "flags", func(e *env, a *raw.Attr) { a.U32(0, uint32(e.null)).U32(8, 2) })

	for _, typ := range []uint32{0, 23, 24, 28, 37, 41, 42, 43, 44, 1000} {
		add(raw.LinkCreate, fmt.Sprintf("tracepoint program, type %d", typ), func(e *env, a *raw.Attr) {
			a.U32(0, uint32(e.tp)).U32(4, uint32(e.null)).U32(8, typ)
		})
		add(raw.LinkCreate, fmt.Sprintf("kprobe program, type %d", typ), func(e *env, a *raw.Attr) {
			a.U32(0, uint32(e.kprobe)).U32(4, uint32(e.null)).U32(8, typ)
		})
		add(raw.LinkCreate, fmt.Sprintf("no target, type %d", typ), func(e *env, a *raw.Attr) {
			a.U32(0, uint32(e.tp)).U32(4, noFD).U32(8, typ)
		})
	}
	add(raw.LinkCreate, "flags", func(e *env, a *raw.Attr) { a.U32(0, uint32(e.tp)).U32(8, 41).U32(12, 1) })
	cs = append(cs, badFDs(raw.LinkCreate, 0, func(*env) *raw.Attr { return raw.NewAttr().U32(8, 41) })...)
	cs = append(cs, badFDs(raw.LinkUpdate, 0, func(e *env) *raw.Attr { return raw.NewAttr().U32(4, uint32(e.tp)) })...)
	add(raw.LinkUpdate, "flags", func(e *env, a *raw.Attr) { a.U32(8, 8) })
	add(raw.LinkUpdate, "old program without flag", func(e *env, a *raw.Attr) { a.U32(12, uint32(e.tp)) })
	cs = append(cs, badFDs(raw.LinkDetach, 0, func(*env) *raw.Attr { return raw.NewAttr() })...)
	cs = append(cs, badFDs(raw.IterCreate, 0, func(*env) *raw.Attr { return raw.NewAttr() })...)
	add(raw.IterCreate, "flags", func(_ *env, a *raw.Attr) { a.U32(4, 1) })
	cs = append(cs, badFDs(raw.ProgBindMap, 0, func(e *env) *raw.Attr { return raw.NewAttr().U32(4, uint32(e.arr)) })...)
	cs = append(cs, badFDs(raw.ProgBindMap, 4, func(e *env) *raw.Attr { return raw.NewAttr().U32(0, uint32(e.tp)) })...)
	add(raw.ProgBindMap, "flags", func(e *env, a *raw.Attr) { a.U32(0, uint32(e.tp)).U32(4, uint32(e.arr)).U32(8, 1) })
	for _, typ := range []uint32{0, 1, 2, 0xffffffff} {
		add(raw.EnableStats, fmt.Sprintf("type %d", typ), func(_ *env, a *raw.Attr) { a.U32(0, typ) })
	}
	add(raw.TaskFDQuery, "flags", func(_ *env, a *raw.Attr) { a.U32(0, 1).U32(8, 1) })
	add(raw.TaskFDQuery, "no process", func(_ *env, a *raw.Attr) { a.U32(0, 0x3fffffff) })
	add(raw.TaskFDQuery, "no fd", func(_ *env, a *raw.Attr) { a.U32(0, 1).U32(4, closedFD) })
	return cs
}
