// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

const (
	page    = 4096
	busy    = 1 << 31
	discard = 1 << 30
	// One record of so many is discarded.
	throwAway = 16
)

func TestRingBuffer(t *testing.T) {
	each(t, func(t *testing.T, tgt *raw.Target, slow bool) {
		size := 1 << 20
		if slow {
			size = 1 << 15
		}
		fd, errno := tgt.Do(raw.MapCreate, raw.Map(raw.Ringbuf, 0, 0, uint32(size), 0))
		if errno != 0 {
			t.Fatal(raw.ErrName(errno))
		}
		defer unix.Close(fd)
		body := asm.Instructions{
			asm.LoadMapPtr(asm.R1, fd), asm.Mov.Imm(asm.R2, 8*words), asm.Mov.Imm(asm.R3, 0), asm.FnRingbufReserve.Call(),
			asm.JNE.Imm(asm.R0, 0, "room"), asm.Add.Imm(asm.R9, 1), asm.Ja.Label("next"),
			asm.Mov.Reg(asm.R6, asm.R0).WithSymbol("room"),
		}
		body = append(body, fill(asm.R6, 0)...)
		body = append(body, asm.Mov.Reg(asm.R1, asm.R8), asm.And.Imm(asm.R1, throwAway-1), asm.JEq.Imm(asm.R1, 0, "throw"),
			asm.Mov.Reg(asm.R1, asm.R6), asm.Mov.Imm(asm.R2, 0), asm.FnRingbufSubmit.Call(), asm.Ja.Label("next"),
			asm.Mov.Reg(asm.R1, asm.R6).WithSymbol("throw"), asm.Mov.Imm(asm.R2, 0), asm.FnRingbufDiscard.Call())
		prog := load(t, tgt, loop(body))
		defer unix.Close(prog)

		cons, err := unix.Mmap(fd, 0, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = unix.Munmap(cons) }()
		prod, err := unix.Mmap(fd, page, page+2*size, unix.PROT_READ, unix.MAP_SHARED)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = unix.Munmap(prod) }()

		y := newTally()
		var over atomic.Bool
		done := make(chan struct{})
		go func() {
			defer close(done)
			readRing(t, fd, cons, prod, uint64(size), slow, &over, y)
		}()
		start := time.Now()
		sent, failed := produce(t, tgt, prog, records())
		over.Store(true)
		<-done
		y.judge(t, sent, failed, time.Since(start))
		if slow && failed == 0 {
			t.Error("nothing was lost: the reader was not slow")
		}
	})
}

func readRing(t *testing.T, fd int, cons, prod []byte, size uint64, slow bool, over *atomic.Bool, y *tally) {
	head := (*uint64)(unsafe.Pointer(&prod[0]))
	tailAt := (*uint64)(unsafe.Pointer(&cons[0]))
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		t.Error(err)
		return
	}
	defer unix.Close(ep)
	if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN}); err != nil {
		t.Error(err)
		return
	}
	tail := uint64(0)
	for {
		ended := over.Load()
		got := 0
		for tail != atomic.LoadUint64(head) {
			at := page + tail%size
			hdr := atomic.LoadUint32((*uint32)(unsafe.Pointer(&prod[at])))
			if hdr&busy != 0 {
				break
			}
			if n := hdr &^ discard; n != 8*words {
				y.bad(t, "a record of %d bytes", n)
			}
			if hdr&discard != 0 {
				y.discarded++
			} else {
				y.record(t, *(*[words]uint64)(unsafe.Pointer(&prod[at+8])))
			}
			tail += 8 + 8*words
			atomic.StoreUint64(tailAt, tail)
			if got++; slow && got%256 == 0 {
				break
			}
		}
		switch {
		case got == 0 && ended:
			if h := atomic.LoadUint64(head); h != tail {
				t.Errorf("%d bytes stay busy", h-tail)
			}
			return
		case slow:
			time.Sleep(2 * time.Millisecond)
		case got == 0:
			// A wakeup that does not come is a fault: what is there has been read.
			var ev [1]unix.EpollEvent
			n, err := unix.EpollWait(ep, ev[:], int(guest.Patience(2*time.Second)/time.Millisecond))
			if err == nil && n == 0 && !over.Load() && atomic.LoadUint64(head) != tail {
				hdr := atomic.LoadUint32((*uint32)(unsafe.Pointer(&prod[page+tail%size])))
				if hdr&busy == 0 {
					y.bad(t, "records are there, and no wakeup came")
				}
			}
			if !over.Load() {
				continue
			}
		}
	}
}
