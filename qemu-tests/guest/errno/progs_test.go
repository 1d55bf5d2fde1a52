// SPDX-License-Identifier: Apache-2.0

package errno

import (
	"fmt"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
)

func progLoad() []tcase {
	var cs []tcase
	add := func(name string, f func(e *env, a *raw.Attr)) {
		cs = append(cs, tcase{name: "prog_load/" + name, cmd: raw.ProgLoad, attr: func(e *env) *raw.Attr {
			a := raw.Prog(raw.Tracepoint, raw.Return0()...)
			f(e, a)
			return a
		}})
	}
	for _, t := range []uint32{0, 32, 33, 1000, 0xffffffff} {
		add(fmt.Sprintf("type %d", t), func(_ *env, a *raw.Attr) { a.U32(0, t) })
	}
	for _, n := range []uint32{0, 1, 1000001, 1 << 28, 1 << 29, 0xffffffff} {
		add(fmt.Sprintf("%d instructions", n), func(_ *env, a *raw.Attr) { a.U32(4, n) })
	}
	for name, p := range badPointers {
		add("instructions "+name, func(_ *env, a *raw.Attr) { a.U64(8, p) })
		add("license "+name, func(_ *env, a *raw.Attr) { a.U64(16, p) })
		add("log "+name, func(_ *env, a *raw.Attr) { a.U32(24, 1).U32(28, 4096).U64(32, p) })
		add("log of nothing "+name, func(_ *env, a *raw.Attr) { a.U64(32, p) })
		add("fd array "+name, func(_ *env, a *raw.Attr) { a.U64(120, p) })
		add("function info "+name, func(e *env, a *raw.Attr) {
			a.U32(72, uint32(e.btf)).U32(76, 8).U64(80, p).U32(88, 1)
		})
		add("line info "+name, func(e *env, a *raw.Attr) {
			a.U32(72, uint32(e.btf)).U32(92, 16).U64(96, p).U32(104, 1)
		})
		add("CO-RE relocations "+name, func(e *env, a *raw.Attr) {
			a.U32(72, uint32(e.btf)).U32(116, 1).U64(128, p).U32(136, 16)
		})
	}
	for level := uint32(1); level <= 8; level++ {
		add(fmt.Sprintf("log level %d", level), func(e *env, a *raw.Attr) { a.U32(24, level).U32(28, 4096).U64(32, e.out) })
	}
	for _, size := range []uint32{0, 1, 127, 128, 1 << 24, 1<<24 + 1, 1 << 30, 1<<30 - 1, 0xffffffff} {
		add(fmt.Sprintf("log size %d", size), func(e *env, a *raw.Attr) { a.U32(24, 1).U32(28, size).U64(32, e.out) })
		add(fmt.Sprintf("log size %d, level 0", size), func(e *env, a *raw.Attr) { a.U32(28, size).U64(32, e.out) })
	}
	add("level without log", func(_ *env, a *raw.Attr) { a.U32(24, 1) })
	add("level and size without log", func(_ *env, a *raw.Attr) { a.U32(24, 1).U32(28, 4096) })
	for bit := 0; bit < 10; bit++ {
		add(fmt.Sprintf("flag %d", bit), func(_ *env, a *raw.Attr) { a.U32(44, 1<<bit) })
	}
	for name, s := range map[string]string{"plain": "a_name.1", "blank": "a b", "dash": "a-b", "high": "\x80", "after NUL": "a\x00b", "16": "0123456789abcdef"} {
		add("name "+name, func(_ *env, a *raw.Attr) { a.Str(48, s) })
	}
	add("ifindex", func(_ *env, a *raw.Attr) { a.U32(64, 1) })
	for _, t := range []uint32{1, 5, 23, 41, 42, 43, 44, 1000} {
		add(fmt.Sprintf("expected attach type %d", t), func(_ *env, a *raw.Attr) { a.U32(68, t) })
	}
	add("kernel version", func(_ *env, a *raw.Attr) { a.U32(40, 0x12345) })
	add("kprobe", func(_ *env, a *raw.Attr) { a.U32(0, raw.Kprobe) })
	add("license none", func(_ *env, a *raw.Attr) { a.U64(16, raw.CStr("")) })
	add("license long", func(_ *env, a *raw.Attr) { a.U64(16, raw.Ptr(make130('x'))) })
	add("attach btf id", func(_ *env, a *raw.Attr) { a.U32(108, 1) })
	add("attach prog fd", func(e *env, a *raw.Attr) { a.U32(112, uint32(e.tp)) })
	for _, size := range []uint32{0, 4, 8, 12, 252, 256, 0xffffffff} {
		add(fmt.Sprintf("function info of %d bytes", size), func(e *env, a *raw.Attr) {
			a.U32(72, uint32(e.btf)).U32(76, size).U64(80, e.big).U32(88, 1)
		})
		add(fmt.Sprintf("line info of %d bytes", size), func(e *env, a *raw.Attr) {
			a.U32(72, uint32(e.btf)).U32(92, size).U64(96, e.big).U32(104, 1)
		})
	}
	for _, n := range []uint32{1, 2, 3, 1 << 20, 0xffffffff} {
		add(fmt.Sprintf("%d function infos", n), func(e *env, a *raw.Attr) {
			a.U32(72, uint32(e.btf)).U32(76, 8).U64(80, e.big).U32(88, n)
		})
		add(fmt.Sprintf("%d line infos", n), func(e *env, a *raw.Attr) {
			a.U32(72, uint32(e.btf)).U32(92, 16).U64(96, e.big).U32(104, n)
		})
	}
	add("function info without BTF", func(e *env, a *raw.Attr) { a.U32(76, 8).U64(80, e.big).U32(88, 1) })
	add("BTF without infos", func(e *env, a *raw.Attr) { a.U32(72, uint32(e.btf)) })
	cs = append(cs, badFDs(raw.ProgLoad, 72, func(e *env) *raw.Attr {
		return raw.Prog(raw.Tracepoint, raw.Return0()...).U32(76, 8).U64(80, e.big).U32(88, 1)
	})...)
	return append(cs, badInsns()...)
}

func make130(c byte) []byte {
	b := make([]byte, 130)
	for i := range b {
		b[i] = c
	}
	return b
}

// badInsns are programs that are refused before they are looked at as such.
func badInsns() []tcase {
	var cs []tcase
	add := func(name string, insns ...raw.Insn) {
		cs = append(cs, tcase{name: "prog_load/" + name, cmd: raw.ProgLoad, attr: func(*env) *raw.Attr {
			return raw.Prog(raw.Tracepoint, insns...)
		}})
	}
	exit := raw.Insn{Code: 0x95}
	r0 := raw.Insn{Code: 0xb7}
	add("no exit", r0)
	add("exit without r0", exit)
	add("unknown opcode", raw.Insn{Code: 0xff}, exit)
	add("opcode 0", raw.Insn{}, exit)
	add("register 11", raw.Insn{Code: 0xb7, Dst: 11}, r0, exit)
	add("reserved field", raw.Insn{Code: 0xb7, Off: 1}, exit)
	add("jump out", raw.Insn{Code: 0x05, Off: 100}, exit)
	add("jump back out", raw.Insn{Code: 0x05, Off: -100}, exit)
	add("half an ld_imm64", r0, raw.Insn{Code: 0x18})
	add("ld_imm64 of a bad second half", raw.Insn{Code: 0x18}, raw.Insn{Code: 1}, exit)
	add("ld_imm64 of pseudo 15", raw.Insn{Code: 0x18, Src: 15}, raw.Insn{}, r0, exit)
	add("map fd none", raw.Insn{Code: 0x18, Dst: 1, Src: 1, Imm: -1}, raw.Insn{}, r0, exit)
	add("map fd 0", raw.Insn{Code: 0x18, Dst: 1, Src: 1}, raw.Insn{}, r0, exit)
	add("map value of fd none", raw.Insn{Code: 0x18, Dst: 1, Src: 2, Imm: -1}, raw.Insn{}, r0, exit)
	add("map of no fd array", raw.Insn{Code: 0x18, Dst: 1, Src: 5}, raw.Insn{}, r0, exit)
	add("helper 0", raw.Insn{Code: 0x85}, exit)
	add("helper 9999", raw.Insn{Code: 0x85, Imm: 9999}, exit)
	add("helper -1", raw.Insn{Code: 0x85, Imm: -1}, exit)
	add("call out", raw.Insn{Code: 0x85, Src: 1, Imm: 99}, exit)
	add("kernel function", raw.Insn{Code: 0x85, Src: 2, Imm: 1}, exit)
	add("call with a reserved field", raw.Insn{Code: 0x85, Dst: 1, Imm: 7}, exit)
	add("unreachable", r0, exit, r0, exit)
	add("endless", raw.Insn{Code: 0x05, Off: -1}, exit)
	for _, m := range namedMaps {
		for _, src := range []uint8{1, 2} {
			for _, off := range []int32{0, 8, 0x7fffffff, -1} {
				cs = append(cs, tcase{
					name: fmt.Sprintf("prog_load/%s by pseudo %d, offset %d", m.name, src, off), cmd: raw.ProgLoad,
					attr: func(e *env) *raw.Attr {
						return raw.Prog(raw.Tracepoint, raw.Insn{Code: 0x18, Dst: 1, Src: src, Imm: int32(m.fd(e))}, raw.Insn{Imm: off}, r0, exit)
					},
				})
			}
		}
	}
	return cs
}

func testRun() []tcase {
	cs := badFDs(raw.ProgTestRun, 0, func(*env) *raw.Attr { return raw.NewAttr() })
	progs := map[string]func(e *env) int{
		"tracepoint": func(e *env) int { return e.tp }, "kprobe": func(e *env) int { return e.kprobe }, "raw": func(e *env) int { return e.rawtp },
	}
	for name, fd := range progs {
		add := func(what string, f func(e *env, a *raw.Attr)) {
			cs = append(cs, tcase{name: "prog_test_run/" + name + "/" + what, cmd: raw.ProgTestRun, attr: func(e *env) *raw.Attr {
				a := raw.NewAttr().U32(0, uint32(fd(e)))
				f(e, a)
				return a
			}})
		}
		add("plain", func(*env, *raw.Attr) {})
		add("data in", func(e *env, a *raw.Attr) { a.U32(8, 64).U64(16, e.big) })
		add("data in of no size", func(e *env, a *raw.Attr) { a.U64(16, e.big) })
		add("data out", func(e *env, a *raw.Attr) { a.U32(12, 64).U64(24, e.out) })
		add("size without data", func(_ *env, a *raw.Attr) { a.U32(8, 64) })
		add("repeat", func(_ *env, a *raw.Attr) { a.U32(32, 5) })
		add("duration", func(_ *env, a *raw.Attr) { a.U32(36, 5) })
		add("retval", func(_ *env, a *raw.Attr) { a.U32(4, 5) })
		for _, size := range []uint32{1, 7, 8, 16, 95, 96, 97, 4096, 1 << 20, 0xffffffff} {
			add(fmt.Sprintf("context of %d", size), func(e *env, a *raw.Attr) { a.U32(40, size).U64(48, e.big) })
		}
		for what, p := range badPointers {
			add("context "+what, func(_ *env, a *raw.Attr) { a.U32(40, 8).U64(48, p) })
		}
		add("context of no size", func(e *env, a *raw.Attr) { a.U64(48, e.big) })
		add("context out", func(e *env, a *raw.Attr) { a.U32(44, 8).U64(56, e.out) })
		for _, fl := range []uint32{1, 2, 3, 4, 8, 1 << 31} {
			add(fmt.Sprintf("flags %#x", fl), func(_ *env, a *raw.Attr) { a.U32(64, fl) })
		}
		for _, cpu := range []uint32{1, 7, 8192, 0xffffffff} {
			add(fmt.Sprintf("cpu %d", cpu), func(_ *env, a *raw.Attr) { a.U32(64, 1).U32(68, cpu) })
			add(fmt.Sprintf("cpu %d without flag", cpu), func(_ *env, a *raw.Attr) { a.U32(68, cpu) })
		}
		add("batch size", func(_ *env, a *raw.Attr) { a.U32(72, 1) })
	}
	return cs
}
