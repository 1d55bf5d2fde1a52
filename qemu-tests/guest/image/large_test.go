// SPDX-License-Identifier: Apache-2.0

package image

import (
	"encoding/binary"
	"os"
	"strconv"
	"testing"

	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"golang.org/x/sys/unix"
)

const (
	interp   = 1 << 31 // BPFSHIM_F_INTERP
	maxInsns = 1000000 // of a program, and of what its verifier looks at
)

// loader is one way to run a program.
type loader struct {
	name  string
	tgt   *raw.Target
	flags uint32
}

func loaders(t *testing.T) []loader {
	tgt := open(t)
	ls := []loader{{"jit", tgt, 0}, {"interp", tgt, interp}}
	if guest.HasOracle() {
		ls = append(ls, loader{"native", raw.Native(), 0})
	}
	return ls
}

// program is a buffer of instructions that is given back.
type program struct {
	b []byte
	n int
}

func newProgram(max int) *program { return &program{b: raw.Alloc(8 * max)} }

func (p *program) add(code, dst, src uint8, off int16, imm int32) {
	b := p.b[8*p.n:]
	b[0], b[1] = code, dst|src<<4
	binary.LittleEndian.PutUint16(b[2:], uint16(off))
	binary.LittleEndian.PutUint32(b[4:], uint32(imm))
	p.n++
}

func (p *program) load(l loader) (int, unix.Errno) {
	return l.tgt.Do(raw.ProgLoad, raw.NewAttr().U32(0, raw.RawTracepoint).U32(4, uint32(p.n)).U64(8, raw.Addr(p.b)).
		U64(16, license).U32(44, l.flags))
}

// same runs it on each engine.
func (p *program) same(t *testing.T, arg uint64, want uint32) {
	t.Helper()
	for _, l := range loaders(t) {
		fd, errno := p.load(l)
		if errno != 0 {
			t.Errorf("%s: %d instructions: %s", l.name, p.n, raw.ErrName(errno))
			continue
		}
		if got, errno := l.tgt.Run(fd, arg); errno != 0 || got != want {
			t.Errorf("%s: %d instructions: %d, not %d (%s)", l.name, p.n, got, want, raw.ErrName(errno))
		}
		unix.Close(fd)
	}
}

// As many instructions as there may be, all of which the verifier looks at.
func TestMostInstructions(t *testing.T) {
	sizes := []int{4096, 4097, 65537, maxInsns}
	for _, size := range sizes {
		p := newProgram(size + 1)
		p.add(0xb7, 0, 0, 0, 0)
		want := uint32(0)
		for p.n < size-1 {
			p.add(0x07, 0, 0, 0, int32(p.n*77))
			want += uint32((p.n - 1) * 77)
		}
		p.add(0x95, 0, 0, 0, 0)
		p.same(t, 0, want)
		if size == maxInsns {
			p.add(0x95, 0, 0, 0, 0)
			for _, l := range loaders(t) {
				if fd, errno := p.load(l); errno != unix.E2BIG {
					t.Errorf("%s: one instruction more: %d, %s", l.name, fd, raw.ErrName(errno))
				}
			}
		}
		raw.Free(p.b)
	}
}

// The verifier may look at a million instructions, and at not one more: a
// branch whose ways differ to the end doubles what lies behind it.
func TestMostInstructionsProcessed(t *testing.T) {
	for _, extra := range []int{0, 1} {
		half := (maxInsns-4)/2 + extra // 2 * half + 4 in all
		p := newProgram(half + 8)
		// r6 = the argument; r0 = 0; if r6 == 0 goto +1; r0 = 1: two ways,
		// whose r0 is precise as a jump at the end depends on it.
		p.add(0x79, 6, 1, 0, 0)
		p.add(0xb7, 0, 0, 0, 0)
		p.add(0x15, 6, 0, 1, 0)
		p.add(0xb7, 0, 0, 0, 1)
		for i := 0; i < half-2; i++ {
			p.add(0x07, 0, 0, 0, 2)
		}
		p.add(0x15, 0, 0, 0, 77)
		p.add(0x95, 0, 0, 0, 0)
		for _, l := range loaders(t) {
			fd, errno := p.load(l)
			if want := []unix.Errno{0, unix.E2BIG}[extra]; errno != want {
				t.Errorf("%s: %d more than a million: %s, not %s", l.name, 2*extra, raw.ErrName(errno), raw.ErrName(want))
			}
			if errno != 0 {
				continue
			}
			want := uint32(2*(half-2) + 1)
			if got, errno := l.tgt.Run(fd, 5); errno != 0 || got != want {
				t.Errorf("%s: %d, not %d (%s)", l.name, got, want, raw.ErrName(errno))
			}
			unix.Close(fd)
		}
		raw.Free(p.b)
	}
}

// Jumps that a byte just reaches, and that the instruction set just reaches.
func TestJumpsAtTheirLimits(t *testing.T) {
	type shape struct{ fours, threes int }
	shapes := []shape{{32766, 0}}
	for bytes := 118; bytes < 136; bytes++ {
		threes := (4 - bytes%4) % 4
		shapes = append(shapes, shape{(bytes - 3*threes) / 4, threes})
	}
	for _, s := range shapes {
		n := s.fours + s.threes
		p := newProgram(n + 10)
		fill := func() {
			for i := 0; i < s.fours; i++ {
				p.add(0x07, 0, 0, 0, 2)
			}
			for i := 0; i < s.threes; i++ {
				p.add(0x0f, 0, 3, 0, 0)
			}
		}
		// forward: if arg == 0, over the filling
		p.add(0x79, 2, 1, 0, 0)
		p.add(0xb7, 0, 0, 0, 0)
		p.add(0xb7, 3, 0, 0, 1)
		p.add(0x15, 2, 0, int16(n), 0)
		fill()
		p.add(0x95, 0, 0, 0, 0)
		p.same(t, 0, 0)
		p.same(t, 1, uint32(2*s.fours+s.threes))
		// backward: the filling three times
		p.n = 2
		p.add(0xb7, 3, 0, 0, 1)
		p.add(0xb7, 4, 0, 0, 0)
		fill()
		p.add(0x07, 4, 0, 0, 1)
		p.add(0x55, 4, 0, int16(-(n + 2)), 3)
		p.add(0x95, 0, 0, 0, 0)
		p.same(t, 0, uint32(3*(2*s.fours+s.threes)))
		raw.Free(p.b)
	}
}

const parameters = "/sys/module/bpfshim/parameters/"

func setParameter(t *testing.T, name, value string) {
	t.Helper()
	if err := os.WriteFile(parameters+name, []byte(value), 0); err != nil {
		t.Fatal(err)
	}
}

// With blind=1 no constant of a program is in its code.
func TestBlinding(t *testing.T) {
	tgt := open(t)
	r := newReader(t, tgt)
	defer unix.Close(r.prog)
	defer unix.Close(r.fd)
	const mark = 0x3c0ffee1
	has := func() bool {
		p := newProgram(16)
		defer raw.Free(p.b)
		p.add(0xb7, 0, 0, 0, mark)   // r0 = mark
		p.add(0x62, 10, 0, -8, mark) // *(u32 *)(r10 - 8) = mark
		p.add(0x61, 2, 10, -8, 0)
		p.add(0x0f, 0, 2, 0, 0)    // r0 += r2
		p.add(0x55, 0, 0, 1, mark) // if r0 != mark goto +1
		p.add(0xa7, 0, 0, 0, mark) // r0 ^= mark
		p.add(0x18, 3, 0, 0, mark)
		p.add(0, 0, 0, 0, mark)
		p.add(0xaf, 0, 3, 0, 0) // r0 ^= r3
		p.add(0x95, 0, 0, 0, 0)
		fd, errno := p.load(loader{tgt: tgt})
		if errno != 0 {
			t.Fatal(raw.ErrName(errno))
		}
		defer unix.Close(fd)
		if got, want := uint32(run(t, tgt, fd)), uint32(2*mark)^mark; got != want {
			t.Errorf("%#x is not %#x", got, want)
		}
		addr, size := code(t, tgt, fd)
		b := r.at(t, addr)[:size]
		for i := 0; i+4 <= len(b); i++ {
			if binary.LittleEndian.Uint32(b[i:]) == mark {
				return true
			}
		}
		return false
	}
	if !has() {
		t.Error("the constant is not even there without blinding")
	}
	setParameter(t, "blind", "1")
	defer setParameter(t, "blind", "0")
	if has() {
		t.Error("a blinded constant is in the code")
	}
}

// A load that runs out of memory, at whatever point, leaves nothing behind.
// Debug builds of the module fail an allocation by number.
func TestMemoryRunsOut(t *testing.T) {
	if _, err := os.Stat(parameters + "fail_nth"); err != nil {
		t.Skip("not a debug build of the module")
	}
	tgt := open(t)
	setParameter(t, "fail_pid", strconv.Itoa(os.Getpid()))
	p := newProgram(3000)
	defer raw.Free(p.b)
	p.add(0xb7, 0, 0, 0, 1)
	for p.n < 2999 {
		p.add(0x07, 0, 0, 0, 1)
	}
	p.add(0x95, 0, 0, 0, 0)
	for _, l := range []loader{{"jit", tgt, 0}, {"interp", tgt, interp}} {
		for nth := 1; ; nth++ {
			setParameter(t, "fail_nth", strconv.Itoa(nth))
			fd, errno := p.load(l)
			left, err := os.ReadFile(parameters + "fail_nth")
			if err != nil {
				t.Fatal(err)
			}
			setParameter(t, "fail_nth", "0")
			if errno == 0 {
				if got := run(t, tgt, fd); got != 2999 {
					t.Errorf("%s: %d", l.name, got)
				}
				unix.Close(fd)
				if left[0] != '0' {
					t.Logf("%s: %d allocations, each of which failed", l.name, nth-1)
					break
				}
				continue // what failed was not needed
			}
			if errno != unix.ENOMEM {
				t.Errorf("%s: allocation %d fails: %s", l.name, nth, raw.ErrName(errno))
			}
			if nth > 5000 {
				t.Fatal("it never comes to an end")
			}
		}
	}
	if left := settle(t, tgt, 0); left.Objects() != raw.None {
		t.Errorf("left: %s", left.Objects())
	}
}
