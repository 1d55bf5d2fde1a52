// SPDX-License-Identifier: Apache-2.0

package differ

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// constant is a map of one value that programs may only read, and know.
func (r *run) constant(value []byte) int {
	fd := r.Map(raw.Map(raw.Array, 4, uint32(len(value)), 1, raw.RdonlyProg))
	if errno := r.tgt.Update(fd, k32(0), value, 0); errno != 0 {
		r.Fatal(raw.ErrName(errno))
	}
	if _, errno := r.tgt.Do(raw.MapFreeze, raw.NewAttr().U32(0, uint32(fd))); errno != 0 {
		r.Fatal(raw.ErrName(errno))
	}
	return fd
}

// numbers reads numbers out of text.
func numbers(r *run) {
	texts := []string{
		"0", "7", "-7", "  42", "\t-42 x", "- 5", "--5", "", " ", "-", "x", "08", "077", "0x", "0x1f", "0X1F", "0xg", "ff", "FFzz",
		"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
		"18446744073709551615", "18446744073709551616", "0xffffffffffffffff", "0x10000000000000000", "1777777777777777777777",
		"2000000000000000000000", "123456789 and more than there is room for in what is looked at, all in all", "+5", "5-", "0b1",
	}
	for _, fn := range []asm.BuiltinFunc{asm.FnStrtol, asm.FnStrtoul} {
		for _, text := range texts {
			buf := r.constant(append([]byte(text), 0))
			out := r.mapOf(raw.Array, 4, 16, 1)
			for _, base := range []int32{0, 8, 10, 16, 2, 32} {
				for _, size := range []int{len(text), len(text) + 1} {
					if size == 0 {
						continue
					}
					ret := r.once(asm.Instructions{
						st(asm.RFP, -4, 0, asm.Word), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4), asm.LoadMapPtr(asm.R1, out),
						asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, "end"), asm.Mov.Reg(asm.R7, asm.R0),
						st(asm.RFP, -16, -1, asm.DWord),
						asm.LoadMapValue(asm.R1, buf, 0), asm.Mov.Imm(asm.R2, int32(size)), asm.Mov.Imm(asm.R3, base),
						asm.Mov.Reg(asm.R4, asm.RFP), asm.Add.Imm(asm.R4, -16), fn.Call(),
						asm.LoadMem(asm.R1, asm.RFP, -16, asm.DWord), asm.StoreMem(asm.R7, 0, asm.R1, asm.DWord),
						asm.Return().WithSymbol("end"),
					})
					v, _ := r.tgt.Lookup(out, k32(0), 16)
					r.sayf("%s of %q, %d bytes, base %d: %d %#x", fn, text, size, base, int32(ret), binary.NativeEndian.Uint64(v))
				}
			}
		}
	}
}

// A hash, and the spaces around it: it may have few digits.
var hashed = regexp.MustCompile(" *[0-9a-f]{1,8}\\b *")

// formats formats words, some of them addresses of text.
func formats(r *run) {
	text := raw.Ptr([]byte("text\x00"))
	ip := []byte{192, 0, 2, 1, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 1}
	for _, c := range []struct {
		format string
		args   []uint64
	}{
		{"plain", nil}, {"", nil}, {"%%", nil}, {"100%", nil}, {"%d", []uint64{5}}, {"%d", nil},
		{"%d %u %x %X %i", []uint64{^uint64(0), ^uint64(0), 0xabcdef, 0xabcdef, 1 << 33}},
		{"%ld %lu %lx", []uint64{^uint64(0), ^uint64(0), 1 << 40}}, {"%lld %llu %llx", []uint64{1 << 63, 1 << 63, 1 << 63}},
		{"%8d|%-8d|%08d|% d|%+d", []uint64{1, 2, 3, 4, 5}}, {"%3d", []uint64{12345}}, {"%c%c%c", []uint64{'a', 'b', 0x163}},
		{"%pus", []uint64{text}}, {"%10pus|", []uint64{text}}, {"%pks", []uint64{1 << 63}}, {"%pus", []uint64{0}},
		{"%px", []uint64{0x1234}}, {"%p", []uint64{0}}, {"%5.5d", []uint64{1}}, {"%z", []uint64{1}}, {"%f", []uint64{1}}, {"%n", []uint64{text}},
		{"%pb", []uint64{text}}, {"%pi", []uint64{text}}, {"%pi5", []uint64{text}}, {"%llld", []uint64{1}}, {"%hd", []uint64{1}}, {"%l", []uint64{1}},
		{"\x01", nil}, {"tab\tnew\nline", nil}, {"%d%d%d%d%d%d%d%d%d%d%d%d", []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
		{"%d", []uint64{1, 2, 3}}, {"%*d", []uint64{1, 2}}, {"%#x", []uint64{255}},
	} {
		f := r.constant(append([]byte(c.format), 0))
		r.format(c.format, f, c.args)
	}
	// Addresses: hashed, other than 0 and errors.
	for _, c := range []string{"%p", "%20p|", "%-20p|", "%pK"} {
		f := r.constant(append([]byte(c), 0))
		for _, a := range []uint64{^uint64(13), ^uint64(4095), 1, 0xffff888012345678} {
			out := r.mapOf(raw.Array, 4, 64, 1)
			insns := asm.Instructions{asm.LoadImm(asm.R1, int64(a), asm.DWord), asm.StoreMem(asm.RFP, -16, asm.R1, asm.DWord)}
			ret := r.once(append(insns, snprintf(out, f, 1, 64)...))
			v, _ := r.tgt.Lookup(out, k32(0), 64)
			text := unix.ByteSliceToString(v)
			leaks := strings.Contains(text, fmt.Sprintf("%x", a)) && a != 1
			if a <= ^uint64(4095) {
				text = hashed.ReplaceAllString(text, "H")
			}
			r.sayf("%q of %#x: %d %q %v", c, a, int32(ret), text, leaks)
		}
	}
	// Addresses of addresses: in the frozen map, whose place differs.
	for _, c := range []string{"%pi4", "%pI4", "%pi6", "%pI6"} {
		f := r.constant(append([]byte(c), 0))
		data := r.constant(ip)
		out := r.mapOf(raw.Array, 4, 64, 1)
		at := int32(0)
		if c[3] == '6' {
			at = 0
		}
		ret := r.once(append(asm.Instructions{asm.LoadMapValue(asm.R1, data, uint32(at)), asm.StoreMem(asm.RFP, -16, asm.R1, asm.DWord)},
			snprintf(out, f, 1, 64)...))
		v, _ := r.tgt.Lookup(out, k32(0), 64)
		r.sayf("%q: %d %q", c, int32(ret), v)
	}
}

// snprintf calls the helper on words on the stack that end at fp-8.
func snprintf(out, format, words int, size int32) asm.Instructions {
	return asm.Instructions{
		st(asm.RFP, -4, 0, asm.Word), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4), asm.LoadMapPtr(asm.R1, out),
		asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, "end"),
		asm.Mov.Reg(asm.R1, asm.R0), asm.Mov.Imm(asm.R2, size), asm.LoadMapValue(asm.R3, format, 0),
		asm.Mov.Reg(asm.R4, asm.RFP), asm.Add.Imm(asm.R4, int32(-8-8*words)), asm.Mov.Imm(asm.R5, int32(8*words)), asm.FnSnprintf.Call(),
		asm.Return().WithSymbol("end"),
	}
}

func (r *run) format(name string, format int, args []uint64) {
	for _, size := range []int32{0, 1, 5, 64} {
		var insns asm.Instructions
		for i, a := range args {
			insns = append(insns, asm.LoadImm(asm.R1, int64(a), asm.DWord), asm.StoreMem(asm.RFP, int16(-8-8*len(args)+8*i), asm.R1, asm.DWord))
		}
		out := r.mapOf(raw.Array, 4, 64, 1)
		fd, errno, _, err := r.tgt.Load(raw.RawTracepoint, append(insns, snprintf(out, format, len(args), size)...))
		if err != nil {
			r.Fatal(err)
		}
		if errno != 0 {
			r.sayf("%q into %d: not loaded, %s", name, size, raw.ErrName(errno))
			continue
		}
		ret := r.Go(fd)
		unix.Close(fd)
		v, _ := r.tgt.Lookup(out, k32(0), 64)
		r.sayf("%q into %d: %d %q", name, size, ret, bytes.TrimRight(v, "\x00"))
	}
}

// clocks are near what the process sees, and go on.
func clocks(r *run) {
	for _, c := range []struct {
		name string
		fn   asm.BuiltinFunc
		id   int32
		off  uint64
	}{
		{"boot", asm.FnKtimeGetBootNs, unix.CLOCK_BOOTTIME, 0}, {"tai", asm.FnKtimeGetTaiNs, unix.CLOCK_TAI, 0},
		{"coarse", asm.FnKtimeGetCoarseNs, unix.CLOCK_MONOTONIC, 20e6}, {"mono", asm.FnKtimeGetNs, unix.CLOCK_MONOTONIC, 0},
	} {
		prog := r.loadFor(c.fn)
		if prog < 0 {
			continue
		}
		// Near: the smallest of some distances, since others may run between.
		near, last, back := uint64(1<<63), uint64(0), false
		for range 50 {
			var before, after unix.Timespec
			_ = unix.ClockGettime(c.id, &before)
			got := r.kept(prog)
			_ = unix.ClockGettime(c.id, &after)
			if d := max(uint64(before.Nano())-c.off, got) - min(uint64(before.Nano())-c.off, got); got >= uint64(before.Nano())-c.off && got <= uint64(after.Nano()) {
				near = 0
			} else {
				near = min(near, d)
			}
			back = back || got < last
			last = got
		}
		r.sayf("%s: within what the process sees: %v, goes back: %v", c.name, near < 10e3, back)
		unix.Close(prog)
	}
	j1 := r.value(asm.Instructions{asm.FnJiffies64.Call()})
	time.Sleep(50 * time.Millisecond)
	j2 := r.value(asm.Instructions{asm.FnJiffies64.Call()})
	r.sayf("jiffies go on: %v", j2 > j1)
}

// loadFor loads a program that keeps what a helper without arguments returns.
func (r *run) loadFor(fn asm.BuiltinFunc) int {
	r.keep = r.mapOf(raw.Array, 4, 8, 1)
	fd, errno, log, err := r.tgt.Load(raw.RawTracepoint, append(asm.Instructions{fn.Call()}, into(r.keep)...))
	if errno != 0 || err != nil {
		r.sayf("%s: %s", fn, raw.ErrName(errno))
		r.Logf("%s: %v %s", fn, err, log)
		return -1
	}
	return fd
}

func (r *run) kept(prog int) uint64 {
	r.Go(prog)
	v, errno := r.tgt.Lookup(r.keep, k32(0), 8)
	if errno != 0 {
		r.Fatal(raw.ErrName(errno))
	}
	return binary.NativeEndian.Uint64(v)
}

// signals sends some to this process.
func signals(r *run) {
	got := make(chan os.Signal, 10)
	signal.Notify(got, unix.SIGUSR1, unix.SIGUSR2)
	defer signal.Stop(got)
	for _, fn := range []asm.BuiltinFunc{asm.FnSendSignal, asm.FnSendSignalThread} {
		for _, sig := range []int32{0, 10, 12, 64, 65, 1000, -1} {
			if sig == 64 {
				continue // its default is death
			}
			v := r.once(asm.Instructions{asm.Mov.Imm(asm.R1, sig), fn.Call(), asm.Return()})
			came := "none"
			select {
			case s := <-got:
				came = s.String()
			case <-time.After(100 * time.Millisecond):
			}
			r.sayf("%s of %d: %d, came: %s", fn, sig, int32(v), came)
		}
	}
}

// counters reads perf events.
func counters(r *run) {
	pe := func(typ uint32, config uint64, pid, cpu int, inherit bool) int {
		attr := &unix.PerfEventAttr{Type: typ, Config: config, Size: unix.PERF_ATTR_SIZE_VER1}
		if inherit {
			attr.Bits = unix.PerfBitInherit
		}
		fd, err := unix.PerfEventOpen(attr, pid, cpu, -1, 0)
		if err != nil {
			r.Fatal(err)
		}
		r.Cleanup(func() { unix.Close(fd) })
		return fd
	}
	events := r.Map(raw.Map(raw.PerfArray, 4, 4, 8, 0))
	for i, fd := range []int{
		pe(unix.PERF_TYPE_SOFTWARE, unix.PERF_COUNT_SW_CPU_CLOCK, -1, 0, false),
		pe(unix.PERF_TYPE_SOFTWARE, unix.PERF_COUNT_SW_CPU_CLOCK, -1, 1, false),
		pe(unix.PERF_TYPE_SOFTWARE, unix.PERF_COUNT_SW_CPU_CLOCK, 0, -1, false),
		pe(unix.PERF_TYPE_SOFTWARE, unix.PERF_COUNT_SW_CONTEXT_SWITCHES, 0, -1, true),
	} {
		r.sayf("event %d as an element: %s", i, raw.ErrName(r.tgt.Update(events, k32(i), k32(fd), 0)))
	}
	for _, flags := range []uint64{0, 1, 2, 3, 4, 7, 8, 1 << 33, 0xffffffff} {
		v := int64(r.value(asm.Instructions{
			asm.LoadMapPtr(asm.R1, events), asm.LoadImm(asm.R2, int64(flags), asm.DWord), asm.FnPerfEventRead.Call(),
		}))
		what := fmt.Sprint(v)
		if v > 0 {
			what = "counts"
		}
		r.sayf("perf_event_read of %#x: %s", flags, what)
		for _, size := range []int32{24, 16, 32} {
			out := r.mapOf(raw.Array, 4, 32, 1)
			ret := r.once(asm.Instructions{
				st(asm.RFP, -4, 0, asm.Word), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4), asm.LoadMapPtr(asm.R1, out),
				asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, "end"),
				st(asm.R0, 0, -1, asm.DWord), st(asm.R0, 8, -1, asm.DWord), st(asm.R0, 16, -1, asm.DWord), st(asm.R0, 24, -1, asm.DWord),
				asm.Mov.Reg(asm.R3, asm.R0), asm.LoadMapPtr(asm.R1, events), asm.LoadImm(asm.R2, int64(flags), asm.DWord),
				asm.Mov.Imm(asm.R4, size), asm.FnPerfEventReadValue.Call(), asm.Return().WithSymbol("end"),
			})
			v, _ := r.tgt.Lookup(out, k32(0), 32)
			words := ""
			for i := 0; i < 32; i += 8 {
				switch w := binary.NativeEndian.Uint64(v[i:]); {
				case w == 0:
					words += " 0"
				case w == ^uint64(0):
					words += " untouched"
				case w < 1<<50:
					words += " counts"
				default:
					words += fmt.Sprintf(" %#x", w)
				}
			}
			r.sayf("perf_event_read_value of %#x, %d bytes: %d%s", flags, size, int32(ret), words)
		}
	}
}

// namespaces asks for the process as its pid namespace numbers it.
func namespaces(r *run) {
	var s unix.Stat_t
	if err := unix.Stat("/proc/self/ns/pid", &s); err != nil {
		r.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		dev, ino uint64
		size     int32
	}{
		{"ours", s.Dev, s.Ino, 8}, {"another number", s.Dev, s.Ino + 1, 8}, {"another device", s.Dev + 100, s.Ino, 8},
		{"no device", 1 << 40, s.Ino, 8}, {"another size", s.Dev, s.Ino, 4},
	} {
		v := r.value(asm.Instructions{
			st(asm.RFP, -8, -1, asm.DWord), asm.LoadImm(asm.R1, int64(c.dev), asm.DWord), asm.LoadImm(asm.R2, int64(c.ino), asm.DWord),
			asm.Mov.Reg(asm.R3, asm.RFP), asm.Add.Imm(asm.R3, -8), asm.Mov.Imm(asm.R4, c.size), asm.FnGetNsCurrentPidTgid.Call(),
			asm.JSLT.Imm(asm.R0, 0, "failed"), asm.LoadMem(asm.R0, asm.RFP, -8, asm.DWord), asm.Ja.Label("keep"),
			asm.Mov.Reg(asm.R0, asm.R0).WithSymbol("failed"), asm.Mov.Reg(asm.R0, asm.R0).WithSymbol("keep"),
		})
		if int64(v) < 0 && int64(v) > -4096 {
			r.sayf("%s: %d", c.name, int64(v))
		} else {
			r.sayf("%s: ours: %v", c.name, v == uint64(os.Getpid())<<32|uint64(unix.Gettid()))
		}
	}
}

// userWrites writes to this process.
func userWrites(r *run) {
	page := raw.Alloc(4096)
	ro := raw.Alloc(4096)
	if err := unix.Mprotect(ro, unix.PROT_READ); err != nil {
		r.Fatal(err)
	}
	for _, c := range []struct {
		name string
		at   uint64
	}{{"page", raw.Addr(page)}, {"read-only", raw.Addr(ro)}, {"null", 0}, {"kernel", 0xffffffff81000000}, {"wild", 1 << 63}} {
		v := r.once(asm.Instructions{
			st(asm.RFP, -8, 0x6f6c6c65, asm.DWord), asm.LoadImm(asm.R1, int64(c.at), asm.DWord),
			asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -8), asm.Mov.Imm(asm.R3, 4), asm.FnProbeWriteUser.Call(), asm.Return(),
		})
		r.sayf("%s: %d %q %q", c.name, int32(v), page[:5], ro[:5])
	}
}
