// SPDX-License-Identifier: Apache-2.0

package maps

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/oracle"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// A length that build ids (flag 5) do not fit.
var stackKinds = []kind{{"stack trace", raw.StackTrace, 4, 40, 16}}

// Flags of the stack helpers.
const (
	userStack = 1 << 8
	fastCmp   = 1 << 9
	reuseID   = 1 << 10
)

// stackID is a program that keeps its stack; the flags are its argument.
func stackID(fd int) asm.Instructions {
	return asm.Instructions{arg(asm.R3, 0), asm.LoadMapPtr(asm.R2, fd), asm.FnGetStackid.Call(), asm.Return()}
}

// stackCopy copies its stack into an array's only value; the length and the
// flags are its arguments.
func stackCopy(fd int, size int32) asm.Instructions {
	return asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1), arg(asm.R7, 0), arg(asm.R8, 1),
		st(asm.RFP, -4, 0, asm.Word), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4), asm.LoadMapPtr(asm.R1, fd),
		asm.FnMapLookupElem.Call(), asm.JNE.Imm(asm.R0, 0, "there"), asm.Return(),
		asm.Mov.Reg(asm.R2, asm.R0).WithSymbol("there"), asm.Mov.Reg(asm.R1, asm.R6), asm.Mov.Reg(asm.R3, asm.R7),
		asm.JLE.Imm(asm.R3, size, "fits"), asm.Mov.Imm(asm.R0, -1000), asm.Return(),
		asm.Mov.Reg(asm.R4, asm.R8).WithSymbol("fits"), asm.FnGetStack.Call(), asm.Return(),
	}
}

// sign is what a result says without addresses.
func sign(v int32) string {
	if v >= 0 {
		return "ok"
	}
	return raw.ErrName(unix.Errno(-v))
}

// stackHelpers sees what the helpers answer; whose stacks they are differs.
func stackHelpers(r *oracle.Run) {
	for _, value := range []uint32{8, 40, 8 * 127} {
		fd := r.Map(raw.Map(raw.StackTrace, 4, value, 64, 0))
		p := r.Prog(stackID(fd))
		for _, flags := range []uint64{
			0, 1, 2, 100, 126, 127, 128, 255, fastCmp, reuseID, fastCmp | reuseID, userStack, userStack | fastCmp | reuseID, userStack | 255,
			1 << 11, 1 << 12, userStack | 1<<11, 1 << 31, 1 << 32, 1 << 63,
		} {
			id := r.Go(p, flags)
			r.Sayf("get_stackid of %d, flags %#x: %s", value, flags, sign(id))
			if id >= 0 { // another stack may have the same place
				r.Tgt.Delete(fd, k32(int(id)))
			}
		}
	}
	one := r.Map(raw.Map(raw.StackTrace, 4, 40, 1, 0))
	p := r.Prog(stackID(one))
	r.Sayf("into one slot: %d", r.Go(p, 0))
	r.Sayf("the same: %d", r.Go(p, 0))
	r.Sayf("another: %s", sign(r.Go(p, userStack)))
	r.Sayf("another, in its place, none left: %s", sign(r.Go(p, userStack|reuseID)))
	r.Sayf("keys: %s", line(keysOf(r, one, 4)))
	v, errno := r.Tgt.Lookup(one, k32(0), 40)
	r.Sayf("lookup: %s, %v", raw.ErrName(errno), binary.NativeEndian.Uint64(v) != 0)
	r.Sayf("delete: %s, %s", raw.ErrName(r.Tgt.Delete(one, k32(0))), raw.ErrName(r.Tgt.Delete(one, k32(0))))
	r.Sayf("delete outside: %s", raw.ErrName(r.Tgt.Delete(one, k32(5))))
	r.Sayf("again: %d", r.Go(p, userStack))
	_, errno = r.Tgt.Lookup(one, k32(0), 40)
	r.Sayf("lookup: %s", raw.ErrName(errno))

	arr := r.Map(raw.Map(raw.Array, 4, 1200, 1, 0))
	c := r.Prog(stackCopy(arr, 1200))
	for _, size := range []uint64{0, 1, 7, 8, 12, 16, 400, 1016, 1024, 1200} {
		for _, flags := range []uint64{0, 1, 127, 128, 255, userStack, userStack | 1, userStack | 255, fastCmp, 1 << 11, 1 << 12, 1 << 63} {
			_ = r.Tgt.Update(arr, k32(0), []byte(strings.Repeat("\xff", 1200)), 0)
			got := r.Go(c, size, flags)
			v, _ := r.Tgt.Lookup(arr, k32(0), 1200)
			words, i := 0, 0
			for ; i+8 <= int(size) && got >= 0; i += 8 {
				if binary.NativeEndian.Uint64(v[i:]) != 0 {
					words++
				}
			}
			zero := got >= 0 || strings.Trim(string(v[:size]), "\x00") == ""
			beyond := strings.Trim(string(v[size:]), "\xff") == ""
			r.Sayf("get_stack of %d, flags %#x: %s, all of it words: %v, zero when refused: %v, nothing beyond: %v", size, flags, sign(got),
				got < 0 || int(got) == 8*words, zero, beyond)
		}
	}
}

// ---- whose stacks they are ----

// symbols of the kernel, by address.
type symbols []struct {
	addr uint64
	name string
}

func kallsyms(t *testing.T) symbols {
	f, err := os.Open("/proc/kallsyms")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var s symbols
	for sc := bufio.NewScanner(f); sc.Scan(); {
		w := strings.Fields(sc.Text())
		if len(w) < 3 || strings.ToLower(w[1]) != "t" {
			continue
		}
		addr, _ := strconv.ParseUint(w[0], 16, 64)
		s = append(s, struct {
			addr uint64
			name string
		}{addr, w[2]})
	}
	sort.Slice(s, func(i, j int) bool { return s[i].addr < s[j].addr })
	return s
}

func (s symbols) name(addr uint64) string {
	i := sort.Search(len(s), func(i int) bool { return s[i].addr > addr })
	if i == 0 {
		return fmt.Sprintf("%#x", addr)
	}
	return s[i-1].name
}

// Functions of this program that must be seen in its stack, by frame pointers.

//go:noinline
func outermost(call func()) { middle(call); runtime.KeepAlive(call) }

//go:noinline
func middle(call func()) { innermost(call); runtime.KeepAlive(call) }

//go:noinline
func innermost(call func()) { call(); runtime.KeepAlive(call) }

func userNames(ips []uint64) []string {
	var names []string
	for _, ip := range ips {
		if f := runtime.FuncForPC(uintptr(ip) - 1); f != nil {
			names = append(names, f.Name()[strings.LastIndex(f.Name(), "/")+1:])
		} else {
			names = append(names, fmt.Sprintf("%#x", ip))
		}
	}
	return names
}

// inOrder reports whether the names that contain the wanted ones come in that
// order.
func inOrder(names []string, want ...string) bool {
	for _, n := range names {
		if len(want) > 0 && strings.Contains(n, want[0]) {
			want = want[1:]
		}
	}
	return len(want) == 0
}

const stackBytes = 8 * 127

// bothStacks keeps the kernel's and the user's stack of this thread in an
// array's two values, once each is empty.
func bothStacks(tgid int, fd int) asm.Instructions {
	insns := asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.FnGetCurrentPidTgid.Call(), asm.RSh.Imm(asm.R0, 32), asm.JNE.Imm(asm.R0, int32(tgid), "end"),
	}
	for i, flags := range []int32{0, userStack} {
		insns = append(insns,
			st(asm.RFP, -4, int64(i), asm.Word), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4), asm.LoadMapPtr(asm.R1, fd),
			asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, "end"),
			asm.Mov.Reg(asm.R1, asm.R6), asm.Mov.Reg(asm.R2, asm.R0), asm.Mov.Imm(asm.R3, stackBytes), asm.Mov.Imm(asm.R4, flags),
			asm.FnGetStack.Call())
	}
	return append(insns, asm.Mov.Imm(asm.R0, 0).WithSymbol("end"), asm.Return())
}

func (s symbols) kernelNames(ips []uint64) []string {
	var names []string
	for _, ip := range ips {
		names = append(names, s.name(ip-1))
	}
	return names
}

func stackOf(t *testing.T, tgt *raw.Target, fd, i int) []uint64 {
	t.Helper()
	v, errno := tgt.Lookup(fd, k32(i), stackBytes)
	if errno != 0 {
		t.Fatal(raw.ErrName(errno))
	}
	var ips []uint64
	for ; len(v) >= 8; v = v[8:] {
		ip := binary.NativeEndian.Uint64(v)
		if ip == 0 {
			break
		}
		ips = append(ips, ip)
	}
	return ips
}

func statfs() {
	var s unix.Statfs_t
	_ = unix.Statfs("/", &s)
}

// TestKprobeStacks takes the stacks at a function's entry, inside and at its
// return: in a system call, whose entry on old kernels keeps few registers.
func TestKprobeStacks(t *testing.T) {
	tgt, err := raw.Open()
	if err != nil {
		t.Fatal(err)
	}
	syms := kallsyms(t)
	for _, ret := range []bool{false, true} {
		t.Run(fmt.Sprintf("return %v", ret), func(t *testing.T) {
			fd, errno := tgt.Do(raw.MapCreate, raw.Map(raw.Array, 4, stackBytes, 2, 0))
			if errno != 0 {
				t.Fatal(raw.ErrName(errno))
			}
			defer unix.Close(fd)
			prog, errno, log, err := tgt.Load(raw.Kprobe, bothStacks(os.Getpid(), fd))
			if err != nil || errno != 0 {
				t.Fatalf("%v %s %s", err, raw.ErrName(errno), log)
			}
			defer unix.Close(prog)
			link, errno := tgt.Kprobe(prog, "user_statfs", ret)
			if errno != 0 {
				t.Fatal(raw.ErrName(errno))
			}
			outermost(statfs)
			unix.Close(link)
			kernel := syms.kernelNames(stackOf(t, tgt, fd, 0))
			t.Logf("kernel: %v", kernel)
			if !ret && !inOrder(kernel[:min(2, len(kernel))], "user_statfs", "statfs") {
				t.Error("it does not begin at the probe and its caller")
			}
			if !inOrder(kernel, "statfs") || len(kernel) > 12 {
				t.Error("not a stack of statfs")
			}
			user := userNames(stackOf(t, tgt, fd, 1))
			t.Logf("user: %v", user)
			if !inOrder(user, "Statfs", "statfs", "innermost", "middle", "outermost", "TestKprobeStacks", "tRunner") {
				t.Error("not this program's stack")
			}
		})
	}
}

// TestTracepointStacks holds both stacks against what 6.1 itself sees. A
// tracepoint's registers are made up by perf, a raw tracepoint has none.
func TestTracepointStacks(t *testing.T) {
	tgt, err := raw.Open()
	if err != nil {
		t.Fatal(err)
	}
	syms := kallsyms(t)
	targets := []*raw.Target{tgt}
	if guest.HasOracle() {
		targets = append(targets, raw.Native())
	}
	for _, kind := range []struct {
		name   string
		typ    uint32
		attach func(tgt *raw.Target, prog int) (int, unix.Errno)
		inner  string // what the driver's kernel stack begins with, too
	}{
		{"raw", raw.RawTracepoint, func(tgt *raw.Target, prog int) (int, unix.Errno) { return tgt.RawTP(prog, "sys_enter") }, ""},
		{"event", raw.Tracepoint, func(tgt *raw.Target, prog int) (int, unix.Errno) {
			return tgt.Tracepoint(prog, "raw_syscalls", "sys_enter")
		}, "syscall_trace_enter"},
	} {
		t.Run(kind.name, func(t *testing.T) {
			var fds []int
			for _, tgt := range targets {
				if tgt.IsNative() && kind.typ == raw.Tracepoint {
					continue
				}
				fd, errno := tgt.Do(raw.MapCreate, raw.Map(raw.Array, 4, stackBytes, 2, 0))
				if errno != 0 {
					t.Fatal(raw.ErrName(errno))
				}
				defer unix.Close(fd)
				prog, errno, log, err := tgt.Load(kind.typ, append(asm.Instructions{
					asm.LoadMem(asm.R2, asm.R1, 8, asm.DWord), asm.JNE.Imm(asm.R2, unix.SYS_STATFS, "end"),
				}, bothStacks(os.Getpid(), fd)...))
				if err != nil || errno != 0 {
					t.Fatalf("%v %s %s", err, raw.ErrName(errno), log)
				}
				defer unix.Close(prog)
				link, errno := kind.attach(tgt, prog)
				if errno != 0 {
					t.Fatal(raw.ErrName(errno))
				}
				defer unix.Close(link)
				fds = append(fds, fd)
			}
			outermost(statfs)
			for i, fd := range fds {
				kernel, user := syms.kernelNames(stackOf(t, targets[i], fd, 0)), userNames(stackOf(t, targets[i], fd, 1))
				t.Logf("%s: kernel: %v", targets[i].Name, kernel)
				t.Logf("%s: user: %v", targets[i].Name, user)
				if len(kernel) == 0 || len(kernel) > 16 || !inOrder(kernel, "sys") {
					t.Error("not a kernel stack")
				}
				if !inOrder(user, "Statfs", "statfs", "innermost", "middle", "outermost", "TestTracepointStacks", "tRunner") {
					t.Error("not this program's stack")
				}
				if len(kernel) == 0 || !strings.HasPrefix(kernel[0], kind.inner) {
					t.Errorf("does not begin in %s", kind.inner)
				}
			}
			if len(fds) == 2 {
				a, b := stackOf(t, targets[0], fds[0], 1), stackOf(t, targets[1], fds[1], 1)
				if fmt.Sprint(a) != fmt.Sprint(b) {
					t.Errorf("the user's stack: %#x; natively %#x", a, b)
				}
			}
		})
	}
}
