// SPDX-License-Identifier: Apache-2.0

package maps

import (
	"encoding/binary"
	"os"
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

	// A poll that sleeps: what ends it, and what does not.
	g.records()
	for _, c := range []struct {
		what  string
		flags uint64
	}{{"none asked for", noWakeup}, {"adaptive", 0}, {"forced", forceWakeup}} {
		g.records()
		done := make(chan int, 1)
		go func() {
			pfd := []unix.PollFd{{Fd: int32(g.fd), Events: unix.POLLIN}}
			n, err := unix.Poll(pfd, 1500)
			for err == unix.EINTR {
				n, err = unix.Poll(pfd, 1500)
			}
			done <- n
		}()
		time.Sleep(100 * time.Millisecond)
		v := r.Go(p, c.flags)
		select {
		case n := <-done:
			r.Sayf("asleep, %s: %d, back soon with %d", c.what, v, n)
		case <-time.After(700 * time.Millisecond):
			r.Sayf("asleep, %s: %d, still asleep; %d at last", c.what, v, <-done)
		}
	}
}

// ringEvents is a program on a tracepoint that tells of this process's calls
// of one system call, read as they come.
func ringEvents(r *oracle.Run) {
	g := newRing(r, page)
	const calls = 1000
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
		deadline := time.Now().Add(20 * time.Second)
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
			time.Sleep(time.Millisecond) // 128 fit
		}
	}
	r.Sayf("%d calls, %d records", calls, <-done)
	unix.Close(link)
	before := g.head()
	_, _ = unix.Getpriority(unix.PRIO_PROCESS, 0)
	r.Sayf("unlinked: %d more", g.head()-before)
}
