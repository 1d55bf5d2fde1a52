// SPDX-License-Identifier: Apache-2.0

package errno

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"golang.org/x/sys/unix"
)

// ecase is a call of an extension command: there is no native answer, so the
// ones that are right stand here.
type ecase struct {
	tcase
	want []unix.Errno
}

func extension() []ecase {
	var cs []ecase
	add := func(cmd uint32, name string, f func(e *env, a *raw.Attr), want ...unix.Errno) {
		cs = append(cs, ecase{tcase{name: fmt.Sprintf("%#x/%s", cmd, name), cmd: cmd, attr: func(e *env) *raw.Attr {
			a := raw.NewAttr()
			f(e, a)
			return a
		}}, want})
	}
	none := func(*env, *raw.Attr) {}
	for cmd := uint32(raw.ExtInfo); cmd <= 0xff; cmd++ {
		for name, p := range map[string]uintptr{"null attr": 0, "wild attr": wild, "kernel attr": kernel} {
			want := []unix.Errno{unix.EFAULT}
			if cmd > raw.ExtSetBTF {
				want = []unix.Errno{unix.EINVAL, unix.EFAULT}
			}
			cs = append(cs, ecase{tcase{name: fmt.Sprintf("%#x/%s", cmd, name), cmd: cmd, addr: func(*raw.Attr) uintptr { return p }}, want})
		}
		cs = append(cs,
			ecase{tcase{name: fmt.Sprintf("%#x/over a page", cmd), cmd: cmd, size: 4097}, []unix.Errno{unix.E2BIG}},
			ecase{tcase{name: fmt.Sprintf("%#x/tail", cmd), cmd: cmd, size: 4096, attr: func(*env) *raw.Attr { return raw.NewAttr().U32(4092, 1) }}, []unix.Errno{unix.E2BIG}},
		)
		if cmd > raw.ExtSetBTF {
			add(cmd, "no such command", none, unix.EINVAL)
		}
	}
	add(raw.ExtInfo, "plain", none, 0)
	add(raw.ExtInfo, "flags", func(_ *env, a *raw.Attr) { a.U32(4, 1) }, unix.EINVAL)

	kprobe := func(name string, f func(e *env, a *raw.Attr), want ...unix.Errno) {
		add(raw.ExtKprobe, name, func(e *env, a *raw.Attr) {
			a.U32(0, uint32(e.kprobe)).U64(8, raw.CStr("user_statfs"))
			f(e, a)
		}, want...)
	}
	kprobe("good", none, 0)
	kprobe("flags", func(_ *env, a *raw.Attr) { a.U32(4, 2) }, unix.EINVAL)
	kprobe("pad", func(_ *env, a *raw.Attr) { a.U32(36, 1) }, unix.EINVAL)
	kprobe("no such symbol", func(_ *env, a *raw.Attr) { a.U64(8, raw.CStr("no_such_function")) }, unix.ENOENT, unix.EINVAL)
	kprobe("empty symbol", func(_ *env, a *raw.Attr) { a.U64(8, raw.CStr("")) }, unix.ENOENT, unix.EINVAL)
	kprobe("endless symbol", func(_ *env, a *raw.Attr) { a.U64(8, raw.CStr(strings.Repeat("x", 5000))) }, unix.ENOENT, unix.EINVAL, unix.E2BIG, unix.ENAMETOOLONG)
	kprobe("no symbol, no address", func(_ *env, a *raw.Attr) { a.U64(8, 0) }, unix.EINVAL, unix.ENOENT)
	kprobe("address of user space", func(_ *env, a *raw.Attr) { a.U64(8, 0).U64(16, 0x400000) }, unix.EINVAL, unix.ENOENT, unix.EILSEQ)
	kprobe("address of nothing", func(_ *env, a *raw.Attr) { a.U64(8, 0).U64(16, hole) }, unix.EINVAL, unix.ENOENT, unix.EILSEQ)
	kprobe("far offset", func(_ *env, a *raw.Attr) { a.U64(16, 1<<40) }, unix.EINVAL, unix.ENOENT, unix.EILSEQ)
	kprobe("into an instruction", func(_ *env, a *raw.Attr) { a.U64(16, 1) }, 0, unix.EINVAL, unix.EILSEQ)
	kprobe("return, not at the entry", func(_ *env, a *raw.Attr) { a.U32(4, 1).U64(16, 40) }, unix.EINVAL, unix.EILSEQ)
	kprobe("program of another type", func(e *env, a *raw.Attr) { a.U32(0, uint32(e.tp)) }, unix.EINVAL)
	for name, p := range badPointers {
		if name != "null" {
			kprobe("symbol "+name, func(_ *env, a *raw.Attr) { a.U64(8, p) }, unix.EFAULT)
		}
	}
	tracepoint := func(name string, f func(e *env, a *raw.Attr), want ...unix.Errno) {
		add(raw.ExtTracepoint, name, func(e *env, a *raw.Attr) {
			a.U32(0, uint32(e.tp)).U64(8, 0x7fffffff)
			f(e, a)
		}, want...)
	}
	tracepoint("no such event", none, unix.ENOENT, unix.EINVAL)
	tracepoint("event 0", func(_ *env, a *raw.Attr) { a.U64(8, 0) }, unix.ENOENT, unix.EINVAL)
	tracepoint("event of 64 bits", func(_ *env, a *raw.Attr) { a.U64(8, 1<<40) }, unix.ENOENT, unix.EINVAL)
	tracepoint("flags", func(_ *env, a *raw.Attr) { a.U32(4, 1) }, unix.EINVAL)
	tracepoint("program of another type", func(e *env, a *raw.Attr) { a.U32(0, uint32(e.kprobe)) }, unix.EINVAL)
	output := func(name string, f func(e *env, a *raw.Attr), want ...unix.Errno) {
		add(raw.ExtOutputOpen, name, f, want...)
	}
	output("good", none, 0)
	output("flags", func(_ *env, a *raw.Attr) { a.U32(4, 1<<5) }, unix.EINVAL)
	output("pad", func(_ *env, a *raw.Attr) { a.U32(20, 1) }, unix.EINVAL)
	for _, cpu := range []uint32{1000, 8192, 0x7fffffff, 0xffffffff} {
		output(fmt.Sprintf("cpu %d", cpu), func(_ *env, a *raw.Attr) { a.U32(0, cpu) }, unix.EINVAL, unix.ENODEV, unix.ENXIO)
	}
	output("sample type of tomorrow", func(_ *env, a *raw.Attr) { a.U64(8, 1<<60) }, unix.EINVAL)
	add(raw.ExtSetBTF, "flags", func(e *env, a *raw.Attr) { a.U32(0, uint32(e.btf)).U32(4, 1) }, unix.EINVAL)
	for cmd, off := range map[uint32]int{raw.ExtKprobe: 0, raw.ExtTracepoint: 0, raw.ExtPerfAttach: 0, raw.ExtSetBTF: 0} {
		for name, fd := range map[string]func(*env) int{"map": func(e *env) int { return e.arr }, "/dev/null": func(e *env) int { return e.null }} {
			add(cmd, "fd is "+name, func(e *env, a *raw.Attr) { a.U32(off, uint32(fd(e))) }, unix.EINVAL, unix.EBADF)
		}
		add(cmd, "no fd", func(_ *env, a *raw.Attr) {
			a.U32(off, noFD)
			if cmd != raw.ExtSetBTF { // its attributes end before that
				a.U64(8, raw.CStr("user_statfs"))
			}
		}, unix.EBADF)
	}
	for name, fd := range map[string]func(*env) int{"map": func(e *env) int { return e.arr }, "/dev/null": func(e *env) int { return e.null }, "program": func(e *env) int { return e.tp }} {
		add(raw.ExtPerfAttach, "event is "+name, func(e *env, a *raw.Attr) { a.U32(0, uint32(e.tp)).U32(4, uint32(fd(e))) }, unix.EINVAL, unix.EBADF)
	}
	add(raw.ExtPerfAttach, "no event", func(e *env, a *raw.Attr) { a.U32(0, uint32(e.tp)).U32(4, noFD) }, unix.EBADF)
	return cs
}

func TestExtensionCommands(t *testing.T) {
	tgt, err := raw.Open()
	if err != nil {
		t.Fatal(err)
	}
	e := newEnv(t, tgt)
	for _, c := range extension() {
		got := c.run(e)
		var want []string
		for _, w := range c.want {
			want = append(want, raw.ErrName(w))
		}
		if !slices.Contains(want, got) {
			t.Errorf("%s: %s, want %s", c.name, got, strings.Join(want, " or "))
		}
	}
}

// TestNoDeviceRequest: what is no command of ours is no command.
func TestNoDeviceRequest(t *testing.T) {
	tgt, err := raw.Open()
	if err != nil {
		t.Fatal(err)
	}
	buf := raw.Addr(raw.Alloc(4096))
	for _, req := range []uintptr{0, 0x5401, 0xBF00, 3<<30 | 0xBE<<8 | 144<<16, 1<<30 | 0xBF<<8 | 144<<16, 2<<30 | 0xBF<<8 | 144<<16} {
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(tgt.FD()), req, uintptr(buf)); errno != unix.ENOTTY {
			t.Errorf("request %#x: %s, want ENOTTY", req, raw.ErrName(errno))
		}
	}
}

const privEnv = "BPFSHIM_UNPRIVILEGED"

// TestUnprivileged: another user may not open the device, and a device fd that
// is handed to it does nothing.
func TestUnprivileged(t *testing.T) {
	if os.Getenv(privEnv) != "" {
		if _, err := raw.Open(); err == nil {
			t.Error("nobody opened the device")
		}
		tgt := raw.FromFD(3)
		for cmd := uint32(0); cmd <= 0xff; cmd++ {
			a := raw.NewAttr()
			if _, errno := tgt.Do(cmd, a); errno != unix.EPERM {
				t.Errorf("command %#x: %s, want EPERM", cmd, raw.ErrName(errno))
			}
		}
		return
	}
	dev, err := os.OpenFile("/dev/bpfshim", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	c := exec.Command("/proc/self/exe", "-test.run", "^TestUnprivileged$", "-test.count=1")
	c.Env = append(os.Environ(), privEnv+"=1")
	c.ExtraFiles = []*os.File{dev}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
