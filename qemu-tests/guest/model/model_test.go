// SPDX-License-Identifier: Apache-2.0

// Package model tries maps while programs on every CPU, probes and user space
// use them at once, and participants are killed. Each participant owns keys
// that nobody else writes, so that a reference of its own says what each of its
// calls must answer, whatever the others do to the same buckets and tries.
package model

import (
	"encoding/binary"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	if spec := os.Getenv(childEnv); spec != "" {
		childMain(spec)
	}
	guest.Main(m)
}

// rounds is how many operations each participant does.
func rounds() int {
	if guest.Quick() {
		return 1500
	}
	return 20000
}

// targets: the driver, and in full where it can be asked 6.1 itself, which
// the checks must hold of as well.
func targets(t *testing.T) []*raw.Target {
	tgt, err := raw.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(tgt.FD()) })
	if guest.HasOracle() && !guest.Quick() {
		return []*raw.Target{tgt, raw.Native()}
	}
	return []*raw.Target{tgt}
}

func each(t *testing.T, f func(t *testing.T, tgt *raw.Target)) {
	for _, tgt := range targets(t) {
		t.Run(tgt.Name, func(t *testing.T) {
			f(t, tgt)
			if !tgt.IsNative() && !t.Failed() {
				empty(t, tgt)
			}
		})
	}
}

// empty waits for what the test made to be gone.
func empty(t *testing.T, tgt *raw.Target) {
	t.Helper()
	var got string
	for until := time.Now().Add(guest.Patience(20 * time.Second)); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		info, errno := tgt.Info()
		if errno != 0 {
			t.Fatal(raw.ErrName(errno))
		}
		if got = info.Objects(); got == raw.None {
			return
		}
	}
	t.Errorf("left: %s", got)
}

func newMap(t *testing.T, tgt *raw.Target, a *raw.Attr) int {
	t.Helper()
	fd, errno := tgt.Do(raw.MapCreate, a)
	if errno != 0 {
		t.Fatalf("map: %s", raw.ErrName(errno))
	}
	return fd
}

func load(t *testing.T, tgt *raw.Target, typ uint32, insns asm.Instructions) int {
	t.Helper()
	fd, errno, log, err := tgt.Load(typ, insns)
	if errno != 0 || err != nil {
		t.Fatalf("program: %s %v\n%s", raw.ErrName(errno), err, log)
	}
	return fd
}

// pin binds the goroutine to a CPU for good.
func pin(cpu int) {
	runtime.LockOSThread()
	var set unix.CPUSet
	set.Set(cpu % runtime.NumCPU())
	_ = unix.SchedSetaffinity(0, &set)
}

// parallel runs f for each of n on CPUs of their own.
func parallel(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Add(1)
		go func() {
			defer wg.Done()
			pin(i)
			f(i)
		}()
	}
	wg.Wait()
}

// user makes calls on elements out of buffers that it keeps.
type user struct {
	tgt  *raw.Target
	attr *raw.Attr
	k, v []byte
}

func newUser(tgt *raw.Target) *user {
	return &user{tgt, raw.Over(raw.Alloc(raw.AttrSize)), raw.Alloc(16), raw.Alloc(4096)}
}

// do is one command on u.k and u.v. What 6.1 says when a lock is taken just
// now is no answer.
func (u *user) do(cmd uint32, fd int, flags uint64) unix.Errno {
	for {
		u.attr.U64(0, uint64(uint32(fd))).U64(8, raw.Addr(u.k)).U64(16, raw.Addr(u.v)).U64(24, flags)
		if cmd == raw.MapDelete { // has a key only
			u.attr.U64(16, 0)
		}
		_, errno := u.tgt.Do(cmd, u.attr)
		if errno != unix.EBUSY || !u.tgt.IsNative() {
			return errno
		}
	}
}

func (u *user) put64(at int, v uint64) { binary.LittleEndian.PutUint64(u.v[at:], v) }
func (u *user) get64(at int) uint64    { return binary.LittleEndian.Uint64(u.v[at:]) }
func (u *user) key(k uint64)           { binary.LittleEndian.PutUint64(u.k, k) }

func join(parts ...asm.Instructions) asm.Instructions {
	var out asm.Instructions
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// st64 is a store of a constant; asm.StoreImm knows none of 64 bits.
func st64(off int16, imm int64) asm.Instruction {
	op := asm.OpCode(asm.StClass).SetMode(asm.MemMode).SetSize(asm.DWord)
	return asm.Instruction{OpCode: op, Dst: asm.RFP, Offset: off, Constant: imm}
}

// arg reads an argument of a raw tracepoint program.
func arg(dst asm.Register, n int) asm.Instruction {
	return asm.LoadMem(dst, asm.R1, int16(8*n), asm.DWord)
}

const childEnv = "BPFSHIM_MODEL_CHILD"

// victim is a process that uses the same maps until it is killed.
type victim struct{ cmd *exec.Cmd }

// newVictim starts one; the files are its fds from 3 on.
func newVictim(t *testing.T, spec string, fds ...int) *victim {
	t.Helper()
	c := exec.Command("/proc/self/exe")
	c.Env = append(os.Environ(), childEnv+"="+spec)
	c.Stderr = os.Stderr
	for _, fd := range fds {
		d, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			t.Fatal(err)
		}
		f := os.NewFile(uintptr(d), "inherited")
		defer f.Close()
		c.ExtraFiles = append(c.ExtraFiles, f)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = out.Read(make([]byte, 1)) // it is at work
	return &victim{c}
}

func (v *victim) kill() {
	_ = v.cmd.Process.Kill()
	_ = v.cmd.Wait()
}

// childMain is the whole life of a victim.
func childMain(spec string) {
	var kind string
	var owner, native int
	if _, err := fmt.Sscanf(spec, "%s %d %d", &kind, &owner, &native); err != nil {
		panic(err)
	}
	tgt := raw.FromFD(5)
	if native&1 != 0 {
		tgt = raw.Native()
	}
	pin(owner - 1)
	rnd := rand.New(rand.NewSource(int64(os.Getpid())))
	_, _ = os.Stdout.WriteString(".")
	switch kind {
	case "table":
		o := newOwner(tgt, tableKinds[native>>8], owner, 3, 4)
		for {
			if err := o.step(rnd); err != nil {
				fmt.Fprintln(os.Stderr, "victim:", err)
				os.Exit(1)
			}
		}
	case "push":
		pushForEver(tgt, owner, 3, 6)
	}
	os.Exit(1)
}
