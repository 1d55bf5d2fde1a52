// SPDX-License-Identifier: Apache-2.0

package support

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/bpfshim/bpfshim/ioctl"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// run is a case on one machine.
type run struct {
	*testing.T
	*machine
}

// cases call a helper and check what it did; what must come out does not hang
// on the kernel, so that the driver and 6.1 are held against one text.
var cases = map[string]func(r *run){}

// TestHelpers runs each helper that the driver offers, natively as well.
func TestHelpers(t *testing.T) {
	drv, native := machines(t)
	for _, h := range ioctl.Prototypes() {
		do, ok := cases[h.Name]
		if !ok || !drv.offers(t, h) {
			continue
		}
		t.Run(h.Name, func(t *testing.T) {
			onCPU0(t)
			if native != nil {
				do(&run{t, native})
				if t.Failed() {
					t.Log("natively")
					return
				}
			}
			do(&run{t, drv})
		})
	}
}

// offers reports whether a program of some type may call it.
func (m *machine) offers(t *testing.T, h ioctl.Prototype) bool {
	for _, e := range progTypes() {
		for _, tg := range targetsOf(e.Name, e.Value) {
			if m.knows(t, tg, h) {
				return true
			}
		}
	}
	return false
}

// newMap makes a map for as long as the test lives.
func (r *run) newMap(typ, key, value, n, flags uint32) int {
	r.Helper()
	fd, errno := r.Do(raw.MapCreate, raw.Map(typ, key, value, n, flags))
	if errno != 0 {
		r.Fatalf("%s: map: %s", r.machine.Name, errName(errno))
	}
	r.Cleanup(func() { unix.Close(fd) })
	return fd
}

// prog loads a program for as long as the test lives.
func (r *run) prog(typ string, insns is) int {
	r.Helper()
	for _, e := range progTypes() {
		if e.Name != typ {
			continue
		}
		fd, errno := r.load(r.T, targetsOf(typ, e.Value)[0], insns)
		if errno != 0 {
			r.Fatalf("%s: load: %s\n%s", r.machine.Name, errName(errno), r.said())
		}
		r.Cleanup(func() { unix.Close(fd) })
		return fd
	}
	r.Fatal(typ)
	return -1
}

// store ends a program by keeping r0, all 64 bits, in an array.
func store(fd int) is {
	return is{
		asm.Mov.Reg(asm.R6, asm.R0), st(asm.RFP, -4, 0, asm.Word), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4),
		asm.LoadMapPtr(asm.R1, fd), asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, "end"),
		asm.StoreMem(asm.R0, 0, asm.R6, asm.DWord), asm.Mov.Imm(asm.R0, 0), asm.Return().WithSymbol("end"),
	}
}

func (r *run) word(fd int, key []byte) uint64 {
	r.Helper()
	v, errno := r.Lookup(fd, key, 8)
	if errno != 0 {
		r.Fatalf("%s: lookup: %s", r.machine.Name, errName(errno))
	}
	return binary.NativeEndian.Uint64(v)
}

// value runs instructions that leave 64 bits in r0 as a raw tracepoint
// program, whose arguments are its context.
func (r *run) value(insns is, args ...uint64) uint64 {
	r.Helper()
	fd := r.newMap(raw.Array, 4, 8, 1, 0)
	body, tail := insns, is{}
	for i := range insns { // a callback stays last
		if insns[i].Symbol() == "each" {
			body, tail = insns[:i], insns[i:]
			break
		}
	}
	prog := r.prog("raw_tracepoint", join(body, store(fd), tail))
	if _, errno := r.Target.Run(prog, args...); errno != 0 {
		r.Fatalf("%s: run: %s", r.machine.Name, errName(errno))
	}
	return r.word(fd, k32(0))
}

// want compares.
func (r *run) want(what string, got, want any) {
	r.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		r.Errorf("%s: %s: %v, want %v", r.machine.Name, what, got, want)
	}
}

// ---- packets ----

// packet is an Ethernet frame with IPv4 and TCP, 64 bytes.
func packet() []byte {
	p := make([]byte, 64)
	copy(p[12:], []byte{8, 0, 0x45, 0, 0, 50, 0, 1, 0, 0, 64, 6})
	copy(p[26:], []byte{127, 0, 0, 1, 127, 0, 0, 1})
	for i := 54; i < 64; i++ {
		p[i] = byte(i)
	}
	return p
}

// pass runs a program on a packet; it returns what it returned, and the packet.
func (r *run) pass(typ string, insns is) (uint32, []byte) {
	r.Helper()
	prog := r.prog(typ, insns)
	in, out := packet(), raw.Alloc(4096)
	defer raw.Free(out)
	p := raw.Alloc(len(in))
	defer raw.Free(p)
	copy(p, in)
	a := raw.NewAttr().U32(0, uint32(prog)).U32(8, uint32(len(in))).U32(12, uint32(len(out))).U64(16, raw.Addr(p)).U64(24, raw.Addr(out))
	if _, errno := r.Do(raw.ProgTestRun, a); errno != 0 {
		r.Fatalf("%s: test run: %s", r.machine.Name, errName(errno))
	}
	return a.Get32(4), append([]byte(nil), out[:a.Get32(12)]...)
}

// onPacket runs a helper whose first argument is the context, and the rest
// constants; size bytes of its stack can be given by atStack.
type atStack struct{ bytes []byte }

func (r *run) onPacket(typ string, fn asm.BuiltinFunc, args ...any) (uint32, []byte) {
	r.Helper()
	code := is{asm.Mov.Reg(asm.R6, asm.R1)}
	set := is{asm.Mov.Reg(asm.R1, asm.R6)}
	for i, a := range args {
		reg := asm.R2 + asm.Register(i)
		switch a := a.(type) {
		case int:
			set = append(set, asm.LoadImm(reg, int64(a), asm.DWord))
		case atStack:
			b := append(append([]byte(nil), a.bytes...), make([]byte, 64-len(a.bytes))...)
			for off := 0; off < 64; off += 8 {
				set = append(is{asm.LoadImm(asm.R0, int64(binary.NativeEndian.Uint64(b[off:])), asm.DWord), asm.StoreMem(asm.RFP, int16(off-64), asm.R0, asm.DWord)}, set...)
			}
			set = append(set, pointer(reg, -64)...)
		}
	}
	return r.pass(typ, join(code, set, is{fn.Call(), asm.Return()}))
}
