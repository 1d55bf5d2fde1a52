// SPDX-License-Identifier: Apache-2.0

package errno

import (
	"fmt"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
)

// general are the cases that each command gets: bad addresses and sizes.
func general() []tcase {
	var cs []tcase
	at := func(p uintptr) func(*raw.Attr) uintptr { return func(*raw.Attr) uintptr { return p } }
	tail := func(off int) func(*env) *raw.Attr {
		return func(*env) *raw.Attr { return raw.NewAttr().U32(off, 1) }
	}
	for cmd := uint32(0); cmd < raw.NumCmds; cmd++ {
		n := raw.CmdNames[cmd]
		cs = append(cs,
			tcase{name: n + "/null attr", cmd: cmd, addr: at(0)},
			tcase{name: n + "/wild attr", cmd: cmd, addr: at(wild)},
			tcase{name: n + "/kernel attr", cmd: cmd, addr: at(kernel)},
			tcase{name: n + "/no address", cmd: cmd, addr: at(hole)},
			tcase{name: n + "/attr ends in a hole", cmd: cmd, addr: func(*raw.Attr) uintptr { return endOfPage() - 8 }},
			tcase{name: n + "/size 0", cmd: cmd, size: sizeZero},
			tcase{name: n + "/size 1", cmd: cmd, size: 1},
			tcase{name: n + "/size 3", cmd: cmd, size: 3},
			tcase{name: n + "/size 4", cmd: cmd, size: 4},
			tcase{name: n + "/zeroes", cmd: cmd},
			tcase{name: n + "/misaligned zeroes", cmd: cmd, addr: func(a *raw.Attr) uintptr { return a.Addr() + 1 }},
			tcase{name: n + "/long, zero tail", cmd: cmd, size: 4096},
			tcase{name: n + "/long, tail", cmd: cmd, size: 4096, attr: tail(4092)},
			tcase{name: n + "/one byte too long", cmd: cmd, size: raw.AttrSize + 8, attr: tail(raw.AttrSize)},
			tcase{name: n + "/over a page", cmd: cmd, size: 4097},
			tcase{name: n + "/largest", cmd: cmd, size: raw.MaxSize},
			tcase{name: n + "/last field set", cmd: cmd, attr: tail(raw.AttrSize - 4)},
		)
	}
	for _, cmd := range []uint32{raw.NumCmds, raw.NumCmds + 1, 64, 128, 0xBF} {
		n := fmt.Sprintf("unknown %d", cmd)
		cs = append(cs,
			tcase{name: n + "/zeroes", cmd: cmd},
			tcase{name: n + "/null attr", cmd: cmd, addr: at(0)},
			tcase{name: n + "/over a page", cmd: cmd, size: 4097},
			tcase{name: n + "/long, tail", cmd: cmd, size: 4096, attr: tail(4092)},
		)
	}
	return cs
}

// badFDs gives a command each wrong kind of fd, in the field at the offset.
func badFDs(cmd uint32, off int, base func(e *env) *raw.Attr) []tcase {
	var cs []tcase
	for _, f := range []struct {
		name string
		fd   func(e *env) int
	}{
		{"no fd", func(*env) int { return int(uint32(noFD)) }},
		{"closed fd", func(*env) int { return closedFD }},
		{"/dev/null", func(e *env) int { return e.null }},
		{"pipe", func(e *env) int { return e.pipe }},
		{"epoll", func(e *env) int { return e.epoll }},
		{"map", func(e *env) int { return e.arr }},
		{"hash", func(e *env) int { return e.hash }},
		{"tracepoint program", func(e *env) int { return e.tp }},
		{"raw tracepoint program", func(e *env) int { return e.rawtp }},
		{"BTF", func(e *env) int { return e.btf }},
	} {
		cs = append(cs, tcase{
			name: fmt.Sprintf("%s/fd at %d is %s", raw.CmdNames[cmd], off, f.name), cmd: cmd,
			attr: func(e *env) *raw.Attr { return base(e).U32(off, uint32(f.fd(e))) },
		})
	}
	return cs
}
