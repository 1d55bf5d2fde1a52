// SPDX-License-Identifier: Apache-2.0

// Package image tests the memory of compiled programs: never writable and
// executable, packed, filled with int3, and given back.
package image

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { guest.Main(m) }

func open(t *testing.T) *raw.Target {
	t.Helper()
	tgt, err := raw.Open()
	if err != nil {
		t.Fatal(err)
	}
	if i, _ := tgt.Info(); i.Engine != 1 {
		t.Skip("no JIT on this machine")
	}
	return tgt
}

// small is r0 = n and some more: every program differs.
func small(n int) []raw.Insn {
	p := []raw.Insn{{Code: 0xb7, Imm: int32(n)}}
	for i := 0; i < n%32; i++ {
		p = append(p, raw.Insn{Code: 0x07, Imm: int32(n + i + 1000)})
	}
	return append(p, raw.Insn{Code: 0x95})
}

// What raw.Alloc gives stays for good: memory can only be watched when calls
// share it.
var attr, info, insns, license = raw.Alloc(raw.AttrSize), raw.Alloc(infoSize), raw.Alloc(40 * 8), raw.CStr("GPL")

// infoSize is struct bpf_prog_info's, and 8.
const infoSize = 240

// load does as raw.Prog, in memory that is there.
func load(t *testing.T, tgt *raw.Target, n int) int {
	t.Helper()
	code := raw.Bytes(small(n)...)
	copy(insns, code)
	clear(attr)
	a := raw.Over(attr).U32(0, raw.RawTracepoint).U32(4, uint32(len(code)/8)).U64(8, raw.Addr(insns)).U64(16, license)
	fd, errno := tgt.Do(raw.ProgLoad, a)
	if errno != 0 {
		t.Fatalf("program %d: %s", n, raw.ErrName(errno))
	}
	return fd
}

// code is where a program's machine code lies.
func code(t *testing.T, tgt *raw.Target, fd int) (addr uint64, size uint32) {
	t.Helper()
	clear(attr)
	clear(info)
	put := raw.Over(info)
	const symbol = infoSize - 8 // past what is asked for
	put.U32(104, 1).U64(112, raw.Addr(info)+symbol)
	a := raw.Over(attr).U32(0, uint32(fd)).U32(4, symbol).U64(8, raw.Addr(info))
	if _, errno := tgt.Do(raw.ObjInfo, a); errno != 0 {
		t.Fatal(raw.ErrName(errno))
	}
	return put.Get64(symbol), put.Get32(16)
}

// run is PROG_TEST_RUN without arguments.
func run(t *testing.T, tgt *raw.Target, fd int) int {
	t.Helper()
	clear(attr)
	a := raw.Over(attr).U32(0, uint32(fd))
	if _, errno := tgt.Do(raw.ProgTestRun, a); errno != 0 {
		t.Fatal(raw.ErrName(errno))
	}
	return int(a.Get32(4))
}

// settle waits until what was closed is freed.
func settle(t *testing.T, tgt *raw.Target, progs uint32) raw.Info {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		i, errno := tgt.Info()
		if errno != 0 {
			t.Fatal(raw.ErrName(errno))
		}
		done := i.Progs == progs
		if progs == 0 {
			done = i.Objects() == raw.None
		}
		if done || time.Now().After(until) {
			return i
		}
	}
}

func TestNoPageIsWritableAndExecutable(t *testing.T) {
	tgt := open(t)
	r := newReader(t, tgt)
	var fds []int
	images := map[uint64]bool{} // pages that hold code
	for n := 0; n < 200; n++ {
		fd := load(t, tgt, n)
		fds = append(fds, fd)
		addr, size := code(t, tgt, fd)
		for p := addr &^ (page - 1); p < addr+uint64(size); p += page {
			images[p] = true
		}
	}
	check := func() {
		frames := map[uint64]bool{}
		found := 0
		r.walk(t, func(m mapping) {
			if m.size != page || !images[m.addr] {
				return
			}
			found++
			frames[m.phys] = true
			if m.w || !m.x {
				t.Errorf("code at %v", m)
			}
		})
		if found != len(images) {
			t.Errorf("%d of %d pages with code are mapped", found, len(images))
		}
		// Nor by another name: no mapping at all may be both, and none of
		// the code may be writable where something else executes it.
		r.walk(t, func(m mapping) {
			for p := m.phys; p < m.phys+m.size && m.w && m.x; p += page {
				if frames[p] {
					t.Errorf("code by another name: %v", m)
				}
			}
		})
	}
	check()
	// With holes, and programs in holes.
	for i := 0; i < len(fds); i += 2 {
		unix.Close(fds[i])
	}
	settle(t, tgt, uint32(len(fds)/2+1))
	check()
	for n := 0; n < 50; n++ {
		defer unix.Close(load(t, tgt, n+7000))
	}
	check()
	for i := 1; i < len(fds); i += 2 {
		unix.Close(fds[i])
	}
	unix.Close(r.prog)
	unix.Close(r.fd)
}

// The walk itself must see what is there: kernel text is executable and
// nowhere writable by that name, data is writable and not executable.
func TestWalkSeesPermissions(t *testing.T) {
	tgt := open(t)
	r := newReader(t, tgt)
	defer unix.Close(r.prog)
	defer unix.Close(r.fd)
	syms := symbols(t, "_text", "jiffies_64", "jiffies")
	data := syms["jiffies_64"]
	if data == 0 {
		data = syms["jiffies"]
	}
	var text, dat bool
	r.walk(t, func(m mapping) {
		in := func(a uint64) bool { return a >= m.addr && a-m.addr < m.size }
		if in(syms["_text"]) {
			text = m.x
		}
		if in(data) {
			dat = m.w
		}
	})
	if !text || !dat {
		t.Errorf("text executable: %v, data writable: %v", text, dat)
	}
}

func TestImagesArePacked(t *testing.T) {
	tgt := open(t)
	pages := map[uint64]bool{}
	const progs = 300
	for n := 0; n < progs; n++ {
		fd := load(t, tgt, n%4)
		defer unix.Close(fd)
		addr, size := code(t, tgt, fd)
		if size > 64 || addr%64 != 0 {
			t.Fatalf("program %d: %d bytes at %#x", n, size, addr)
		}
		pages[addr&^(page-1)] = true
	}
	// 64 bytes each; a hole or two from other tests do not matter.
	if want := progs*64/page + 3; len(pages) > want {
		t.Errorf("%d programs of 64 bytes lie on %d pages, not on %d", progs, len(pages), want)
	}
}

func TestFreedCodeIsInt3(t *testing.T) {
	tgt := open(t)
	r := newReader(t, tgt)
	defer unix.Close(r.prog)
	defer unix.Close(r.fd)
	keep := load(t, tgt, 1) // its neighbour keeps the page
	defer unix.Close(keep)
	fd := load(t, tgt, 31)
	addr, size := code(t, tgt, fd)
	if size < 64 {
		t.Fatalf("%d bytes of code", size)
	}
	b := r.at(t, addr&^63)
	if bytes.Equal(b[:size], bytes.Repeat([]byte{0xcc}, int(size))) {
		t.Fatal("the program's code is int3")
	}
	if end := (size + 63) &^ 63; !bytes.Equal(b[size:end], bytes.Repeat([]byte{0xcc}, int(end-size))) {
		t.Error("what follows the code is not int3")
	}
	unix.Close(fd)
	settle(t, tgt, 2)
	if b := r.at(t, addr); !bytes.Equal(b[:size], bytes.Repeat([]byte{0xcc}, int(size))) {
		t.Errorf("freed code is not int3: % x", b[:size])
	}
}

// Functions and lines of a program are told to user space.
func TestFunctionsAreTold(t *testing.T) {
	tgt := open(t)
	r := newReader(t, tgt)
	defer unix.Close(r.prog)
	defer unix.Close(r.fd)
	// call +2; r0 += 1; exit; r0 = 41; exit
	fd, errno := tgt.Do(raw.ProgLoad, raw.Prog(raw.RawTracepoint,
		raw.Insn{Code: 0x85, Src: 1, Imm: 2}, raw.Insn{Code: 0x07, Imm: 1}, raw.Insn{Code: 0x95},
		raw.Insn{Code: 0xb7, Imm: 41}, raw.Insn{Code: 0x95}))
	if errno != 0 {
		t.Fatal(raw.ErrName(errno))
	}
	defer unix.Close(fd)
	if got := run(t, tgt, fd); got != 42 {
		t.Errorf("42 is %d", got)
	}
	var out [4][]byte
	for i := range out {
		out[i] = raw.Alloc(page)
	}
	in := raw.Alloc(infoSize)
	put := raw.Over(in).U32(180, 4).U64(184, raw.Addr(out[3]))
	put.U32(16, page).U64(24, raw.Addr(out[0])).U32(104, 4).U64(112, raw.Addr(out[1])).U32(108, 4).U64(120, raw.Addr(out[2]))
	a := raw.NewAttr().U32(0, uint32(fd)).U32(4, 232).U64(8, raw.Addr(in))
	if _, errno := tgt.Do(raw.ObjInfo, a); errno != 0 {
		t.Fatal(raw.ErrName(errno))
	}
	size, syms, lens := put.Get32(16), raw.Over(out[1]), raw.Over(out[2])
	if put.Get32(104) != 2 || put.Get32(108) != 2 {
		t.Fatalf("%d functions, %d lengths", put.Get32(104), put.Get32(108))
	}
	if tags := raw.Over(out[3]); put.Get32(180) != 2 || tags.Get64(0) == 0 || tags.Get64(8) == 0 || tags.Get64(0) == tags.Get64(8) || tags.Get64(16) != 0 {
		t.Errorf("%d tags: % x", put.Get32(180), out[3][:24])
	}
	if syms.Get64(8) != syms.Get64(0)+uint64(lens.Get32(0)) || lens.Get32(0)+lens.Get32(4) != size {
		t.Errorf("functions at %#x and %#x of %d and %d bytes, of %d in all", syms.Get64(0), syms.Get64(8), lens.Get32(0), lens.Get32(4), size)
	}
	if b := r.at(t, syms.Get64(0)); !bytes.Equal(b[:size], out[0][:size]) {
		t.Errorf("the code told is not that which lies there: % x, % x", out[0][:size], b[:size])
	}
}

// Runs are counted while somebody wants it, by either engine.
func TestStatistics(t *testing.T) {
	tgt := open(t)
	const interp = 1 << 31
	for name, flags := range map[string]uint32{"jit": 0, "interp": interp} {
		fd, errno := tgt.Do(raw.ProgLoad, raw.Prog(raw.RawTracepoint, small(5)...).U32(44, flags))
		if errno != 0 {
			t.Fatal(raw.ErrName(errno))
		}
		counts := func(want uint64) {
			t.Helper()
			in := raw.Alloc(infoSize)
			if _, errno := tgt.Do(raw.ObjInfo, raw.NewAttr().U32(0, uint32(fd)).U32(4, 232).U64(8, raw.Addr(in))); errno != 0 {
				t.Fatal(raw.ErrName(errno))
			}
			ns, cnt := raw.Over(in).Get64(192), raw.Over(in).Get64(200)
			if cnt != want || (ns != 0) != (want != 0) {
				t.Errorf("%s: %d runs in %d ns, not %d runs", name, cnt, ns, want)
			}
		}
		times := func(n int) {
			for i := 0; i < n; i++ {
				if got := run(t, tgt, fd); got != result(5) {
					t.Fatalf("%s: %d, not %d", name, got, result(5))
				}
			}
		}
		times(3)
		counts(0)
		stats, errno := tgt.Do(raw.EnableStats, raw.NewAttr())
		if errno != 0 {
			t.Fatal(raw.ErrName(errno))
		}
		second, _ := tgt.Do(raw.EnableStats, raw.NewAttr())
		times(5)
		unix.Close(stats)
		times(2)
		unix.Close(second)
		times(4)
		counts(7)
		unix.Close(fd)
	}
}

func TestManyInARow(t *testing.T) {
	tgt := open(t)
	total := 10000
	if guest.Quick() {
		total = 1000
	}
	// What the first ones leave behind are the allocators' own reserves.
	for n := 0; n < 200; n++ {
		unix.Close(load(t, tgt, n))
	}
	settle(t, tgt, 0)
	free := freeKB(t)
	for n := 0; n < total; n++ {
		fd := load(t, tgt, n)
		if n%100 == 0 {
			if got := run(t, tgt, fd); got != result(n) {
				t.Fatalf("program %d: %d, not %d", n, got, result(n))
			}
		}
		unix.Close(fd)
	}
	stays(t, tgt, free)
}

// stays fails when memory is not where it was.
func stays(t *testing.T, tgt *raw.Target, free int) {
	t.Helper()
	if lost := missing(t, tgt, free); lost >= room {
		b, _ := os.ReadFile("/proc/meminfo")
		t.Errorf("%d KiB less free memory\n%s", lost, b)
	}
}

const room = 4 << 10 // KiB, for what else goes on; a page each would be ten times that

// missing is how much less memory is free, once nothing is left.
func missing(t *testing.T, tgt *raw.Target, free int) (lost int) {
	t.Helper()
	if after := settle(t, tgt, 0); after.Objects() != raw.None {
		t.Errorf("left: %s", after.Objects())
	}
	for i := 0; i < 20; i++ { // what RCU and lazy unmapping hold comes back in a while
		if lost = free - freeKB(t); lost < room {
			break
		}
		time.Sleep(250 * time.Millisecond)
	}
	t.Logf("%d KiB less free memory", lost)
	return lost
}

// debugCaches are what debugging kernels remember of freed objects: of each
// rcu_head's address, without DEBUG_OBJECTS_FREE for good.
var debugCaches = []string{"debug_objects_cache", "kmemleak_object"}

// debugKB is the size of those.
func debugKB() int {
	b, _ := os.ReadFile("/proc/slabinfo")
	kb := 0
	for _, line := range strings.Split(string(b), "\n") {
		// name, active, all, size, of a slab, its pages : ... : slabdata, active, slabs
		if f := strings.Fields(line); len(f) > 14 && slices.Contains(debugCaches, f[0]) {
			pages, _ := strconv.Atoi(f[5])
			slabs, _ := strconv.Atoi(f[14])
			kb += pages * slabs * os.Getpagesize() / 1024
		}
	}
	return kb
}

// freeKB is the memory that nobody holds, or only as a cache, a process, or a
// debugging kernel: the test's own memory, and the runner's, come and go.
func freeKB(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		t.Fatal(err)
	}
	sum := debugKB()
	for _, line := range strings.Split(string(b), "\n") {
		var name string
		var kb int
		if n, _ := fmt.Sscan(line, &name, &kb); n == 2 {
			switch name {
			case "MemFree:", "Buffers:", "Cached:", "SReclaimable:", "AnonPages:", "PageTables:", "KernelStack:":
				sum += kb
			}
		}
	}
	return sum
}

func TestManyAtOnce(t *testing.T) {
	tgt := open(t)
	// The first round leaves the allocators' own reserves behind.
	atOnce(t, tgt)
	settle(t, tgt, 0)
	time.Sleep(time.Second)
	// Other parts of the kernel hold memory back once; a leak loses it each time.
	for round := 1; ; round++ {
		free := freeKB(t)
		atOnce(t, tgt)
		if round == 3 {
			stays(t, tgt, free)
			return
		}
		if missing(t, tgt, free) < room {
			return
		}
	}
}

func atOnce(t *testing.T, tgt *raw.Target) {
	t.Helper()
	const total = 1000
	var fds []int
	for n := 0; n < total; n++ {
		fds = append(fds, load(t, tgt, n))
	}
	seen := map[uint64]bool{}
	for n, fd := range fds {
		addr, _ := code(t, tgt, fd)
		if seen[addr] {
			t.Fatalf("two programs at %#x", addr)
		}
		seen[addr] = true
		if got := run(t, tgt, fd); got != result(n) {
			t.Fatalf("program %d: %d, not %d", n, got, result(n))
		}
	}
	for _, fd := range fds {
		unix.Close(fd)
	}
}

func result(n int) int {
	r := n
	for i := 0; i < n%32; i++ {
		r += n + i + 1000
	}
	return r
}
