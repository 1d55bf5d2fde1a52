// SPDX-License-Identifier: Apache-2.0

package maps

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/oracle"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// ringWakeups sees each wakeup by an edge-triggered epoll.
func ringWakeups(r *oracle.Run) {
	g := newRing(r, page)
	p := outputter(r, g, 16)
	throw := reserver(r, g, 16, asm.FnRingbufDiscard)
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		r.Fatal(err)
	}
	defer unix.Close(ep)
	if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, g.fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET}); err != nil {
		r.Fatal(err)
	}
	woken := func() int {
		var ev [4]unix.EpollEvent
		n, err := unix.EpollWait(ep, ev[:], 50)
		for err == unix.EINTR {
			n, err = unix.EpollWait(ep, ev[:], 50)
		}
		if err != nil {
			return -1
		}
		return n
	}
	r.Sayf("at first: %d", woken())
	step := func(what string, v int32) { r.Sayf("%s: %d, woken %d", what, v, woken()) }
	step("the first record", r.Go(p, 0))
	step("the second, the first unread", r.Go(p, 0))
	step("the third, forced", r.Go(p, forceWakeup))
	g.records()
	step("all read, then one", r.Go(p, 0))
	g.records()
	step("all read, then one that asks for none", r.Go(p, noWakeup))
	step("one more", r.Go(p, 0))
	step("forced", r.Go(p, forceWakeup))
	step("both flags", r.Go(p, noWakeup|forceWakeup))
	g.records()
	step("all read, both flags", r.Go(p, noWakeup|forceWakeup))
	g.records()
	step("all read, one discarded", r.Go(throw, 0, 1, 0))
	step("another discarded, forced", r.Go(throw, 0, 1, forceWakeup))
	g.next()
	step("one of two read, then one", r.Go(p, 0))

	// A poll that sleeps: what ends it before its time, and what does not.
	for _, c := range []struct {
		what    string
		flags   uint64
		timeout time.Duration
	}{{"none asked for", noWakeup, time.Second}, {"adaptive", 0, time.Minute}, {"forced", forceWakeup, time.Minute}} {
		g.records()
		tid, done := make(chan int), make(chan string)
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			tid <- unix.Gettid()
			end := time.Now().Add(c.timeout)
			for {
				pfd := []unix.PollFd{{Fd: int32(g.fd), Events: unix.POLLIN}}
				n, err := unix.Poll(pfd, int(time.Until(end).Milliseconds())+1)
				switch {
				case err == unix.EINTR:
				case time.Now().Before(end):
					done <- fmt.Sprintf("woken, %d ready", n)
					return
				default:
					done <- fmt.Sprintf("slept on, %d ready at last", n)
					return
				}
			}
		}()
		asleep(r, <-tid)
		v := r.Go(p, c.flags)
		r.Sayf("asleep, %s: %d, %s", c.what, v, <-done)
	}
}

// asleep waits until a thread sleeps, and stays so for a while.
func asleep(r *oracle.Run, tid int) {
	r.Helper()
	seen := 0
	for i := 0; i < 2000 && seen < 5; i++ {
		b, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/stat", tid))
		if err != nil {
			r.Fatal(err)
		}
		if _, state, _ := strings.Cut(string(b), ") "); strings.HasPrefix(state, "S") {
			seen++
		} else {
			seen = 0
		}
		time.Sleep(5 * time.Millisecond)
	}
	if seen < 5 {
		r.Fatal("the thread never slept")
	}
}

// ringEvents is a program on a tracepoint that tells of this process's calls
// of one system call, read as they come.
func ringEvents(r *oracle.Run) {
	const calls = 1000
	g := newRing(r, 64*page) // all of them fit: nobody is to blame for being late
	p := r.Prog(asm.Instructions{
		arg(asm.R6, 1), // the call's number
		asm.JNE.Imm(asm.R6, unix.SYS_GETPRIORITY, "end"),
		asm.FnGetCurrentPidTgid.Call(), asm.RSh.Imm(asm.R0, 32), asm.JNE.Imm(asm.R0, int32(os.Getpid()), "end"),
		asm.LoadMapPtr(asm.R1, g.fd), asm.Mov.Imm(asm.R2, 24), asm.Mov.Imm(asm.R3, 0), asm.FnRingbufReserve.Call(),
		asm.JEq.Imm(asm.R0, 0, "end"), asm.Mov.Reg(asm.R7, asm.R0),
		asm.StoreMem(asm.R7, 0, asm.R6, asm.DWord),
		asm.FnGetCurrentPidTgid.Call(), asm.StoreMem(asm.R7, 8, asm.R0, asm.DWord), st(asm.R7, 16, 0x77, asm.DWord),
		asm.Mov.Reg(asm.R1, asm.R7), asm.Mov.Imm(asm.R2, 0), asm.FnRingbufSubmit.Call(),
		asm.Mov.Imm(asm.R0, 0).WithSymbol("end"), asm.Return(),
	})
	link, errno := r.Tgt.RawTP(p, "sys_enter")
	if errno != 0 {
		r.Fatalf("sys_enter: %s", raw.ErrName(errno))
	}
	want := uint64(os.Getpid())<<32 | uint64(unix.Gettid())
	done := make(chan int)
	go func() {
		good := 0
		deadline := time.Now().Add(time.Minute)
		for good < calls && time.Now().Before(deadline) {
			pfd := []unix.PollFd{{Fd: int32(g.fd), Events: unix.POLLIN}}
			if _, err := unix.Poll(pfd, 1000); err != nil && err != unix.EINTR {
				break
			}
			for {
				data, skip, ok := g.next()
				if !ok {
					break
				}
				if !skip && len(data) == 24 && binary.NativeEndian.Uint64(data) == unix.SYS_GETPRIORITY &&
					binary.NativeEndian.Uint64(data[8:]) == want && binary.NativeEndian.Uint64(data[16:]) == 0x77 {
					good++
				}
			}
		}
		done <- good
	}()
	for i := 0; i < calls; i++ {
		_, _ = unix.Getpriority(unix.PRIO_PROCESS, 0)
		if i%50 == 0 {
			time.Sleep(time.Millisecond) // and some find a reader that sleeps
		}
	}
	r.Sayf("%d calls, %d records", calls, <-done)
	unix.Close(link)
	before := g.head()
	_, _ = unix.Getpriority(unix.PRIO_PROCESS, 0)
	r.Sayf("unlinked: %d more", g.head()-before)
}
