// SPDX-License-Identifier: Apache-2.0

// Package poll waits for rings to have data, until a deadline, a wake-up or
// the end.
package poll

import (
	"errors"
	"math"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// ErrWoken: Wake was called.
var ErrWoken = errors.New("woken")

// Poller is an epoll instance that others may wake or close while one waits.
type Poller struct {
	mu       sync.Mutex
	epoll    int
	event    int // an eventfd: the reason is in the fields below
	waiting  sync.WaitGroup
	closed   bool
	woken    bool
	deadline time.Time
	ready    []unix.EpollEvent
}

const wakeTag = -1

// New makes a poller.
func New() (*Poller, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	ev, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(ep)
		return nil, os.NewSyscallError("eventfd", err)
	}
	p := &Poller{epoll: ep, event: ev}
	if err := p.Add(ev, wakeTag); err != nil {
		unix.Close(ep)
		unix.Close(ev)
		return nil, err
	}
	return p, nil
}

// Add makes fd one of those waited for. Wait names it by its tag, 0 or more.
func (p *Poller) Add(fd, tag int) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(tag)}
	if err := unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	p.ready = append(p.ready, unix.EpollEvent{})
	return nil
}

func (p *Poller) kick() {
	one := [8]byte{1}
	// It can only fail when it is full, so set.
	unix.Write(p.event, one[:])
}

// SetDeadline ends a Wait that runs, or later ones, at that time; the zero
// time does not.
func (p *Poller) SetDeadline(t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deadline = t
	if !p.closed {
		p.kick()
	}
}

// Wake ends the Wait that runs, or the next one, with ErrWoken.
func (p *Poller) Wake() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return os.ErrClosed
	}
	p.woken = true
	p.kick()
	return nil
}

// Close ends the Wait that runs with os.ErrClosed, and waits for that.
func (p *Poller) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	p.kick()
	p.mu.Unlock()
	p.waiting.Wait()
	return errors.Join(unix.Close(p.epoll), unix.Close(p.event))
}

// Wait calls ready with the tag of each fd that has data. It waits for one at
// least. The error is os.ErrClosed, os.ErrDeadlineExceeded or ErrWoken; ready
// may have been called before. One goroutine waits at a time.
func (p *Poller) Wait(ready func(tag int)) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return os.ErrClosed
	}
	p.waiting.Add(1)
	p.mu.Unlock()
	defer p.waiting.Done()

	for {
		p.mu.Lock()
		closed, woken, deadline := p.closed, p.woken, p.deadline
		p.woken = false
		p.mu.Unlock()
		timeout := -1
		if !deadline.IsZero() {
			left := time.Until(deadline)
			timeout = int(min(max((left+time.Millisecond-1)/time.Millisecond, 0), math.MaxInt32))
		}
		if closed || woken {
			timeout = 0
		}
		n, err := unix.EpollWait(p.epoll, p.ready, timeout)
		if err != nil && err != unix.EINTR {
			return os.NewSyscallError("epoll_wait", err)
		}
		any := false
		for _, ev := range p.ready[:max(n, 0)] {
			if ev.Fd == wakeTag {
				var b [8]byte
				unix.Read(p.event, b[:])
				continue
			}
			any = true
			ready(int(ev.Fd))
		}
		switch {
		case closed:
			return os.ErrClosed
		case woken:
			return ErrWoken
		case any:
			return nil
		case timeout == 0:
			return os.ErrDeadlineExceeded
		}
	}
}
