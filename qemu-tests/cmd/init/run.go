// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/wire"
	"golang.org/x/sys/unix"
)

// run runs a command in its own process group and streams what it writes.
func (r *runner) run(i int, s wire.Step) (int, string) {
	return r.runWatched(i, s, &progress{})
}

// tests runs a Go test program until each of its tests has ended or hung.
func (r *runner) tests(i int, s wire.Step) (int, string) {
	var hung, skip []string
	status := 0
	for {
		p := &progress{}
		one := s
		if len(skip) > 0 {
			one.Args = append(append([]string{}, s.Args...), "-test.skip", "^("+strings.Join(skip, "|")+")$")
		}
		got, text := r.runWatched(i, one, p)
		test, _, _ := strings.Cut(p.name(), "/")
		if got != wire.StatusTimeout || test == "" || r.stuck {
			if text != "" {
				hung = append(hung, text)
			}
			if got != 0 {
				status = got
			}
			break
		}
		status = got
		hung = append(hung, p.name()+" "+text)
		r.h.send(wire.Event{Ev: wire.EvOut, Step: i, Fd: 1,
			Data: []byte("\n" + wire.HungMark + p.name() + " " + text + "\n")})
		skip = append(skip, p.tops()...)
		if len(skip) >= len(s.Tests) {
			break
		}
	}
	if len(hung) > 0 {
		return wire.StatusTimeout, strings.Join(hung, "; ")
	}
	return status, ""
}

// progress follows the output of a Go test program: each test has its own
// deadline.
type progress struct {
	mu    sync.Mutex
	line  []byte
	test  string   // begun last
	begun []string // top level
	since time.Duration
}

var runLine = regexp.MustCompile(`^=== RUN +(\S+)`)

// look is shown what the program wrote at that time.
func (p *progress) look(b []byte, now time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line = append(p.line, b...)
	for {
		n := bytes.IndexByte(p.line, '\n')
		if n < 0 {
			return
		}
		if m := runLine.FindSubmatch(p.line[:n]); m != nil {
			p.test, p.since = string(m[1]), now
			if !strings.Contains(p.test, "/") {
				p.begun = append(p.begun, p.test)
			}
		}
		p.line = p.line[n+1:]
	}
}

func (p *progress) name() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.test
}

// tops are the tests at top level that have begun.
func (p *progress) tops() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.begun
}

func (p *progress) start(now time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.since = now
}

func (p *progress) over(now, limit time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return now-p.since > limit
}

func (r *runner) runWatched(i int, s wire.Step, p *progress) (int, string) {
	path, err := exec.LookPath(s.Args[0])
	if err != nil {
		return wire.StatusNoExec, err.Error()
	}
	var pipes [2][2]int
	for fd := range pipes {
		if err := unix.Pipe2(pipes[fd][:], unix.O_CLOEXEC); err != nil {
			return failed(err)
		}
	}
	null, err := os.Open("/dev/null")
	if err != nil {
		return failed(err)
	}
	defer null.Close()
	slow := fmt.Sprintf("BPFSHIM_SLOW=%.1f", r.pace.factor())
	pid, err := syscall.ForkExec(path, s.Args, &syscall.ProcAttr{
		Dir:   "/",
		Env:   append(append(append([]string{}, r.env...), slow), s.Env...),
		Files: []uintptr{null.Fd(), uintptr(pipes[0][1]), uintptr(pipes[1][1])},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	unix.Close(pipes[0][1])
	unix.Close(pipes[1][1])
	p.start(r.pace.elapsed())
	var wg sync.WaitGroup
	for fd := range pipes {
		wg.Add(1)
		go func() {
			defer wg.Done()
			r.stream(i, fd+1, pipes[fd][0], p)
		}()
	}
	if err != nil {
		wg.Wait()
		return wire.StatusNoExec, err.Error()
	}
	status, text := r.await(pid, s, p)
	// A child that it left running may hold the pipes: do not wait for it.
	end := make(chan struct{})
	go func() { wg.Wait(); close(end) }()
	select {
	case <-end:
	case <-time.After(r.pace.stretch(300 * time.Millisecond)):
	}
	return status, text
}

// await waits for a command to end, and kills it when its time is over.
func (r *runner) await(pid int, s wire.Step, p *progress) (int, string) {
	ended := make(chan int, 1)
	go func() { ended <- r.wait(pid) }()
	limit := time.Duration(s.Seconds) * time.Second
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case status := <-ended:
			return status, ""
		case <-tick.C:
		}
		if limit == 0 || !p.over(r.pace.elapsed(), limit) {
			continue
		}
		text := fmt.Sprintf("not over after %d s", s.Seconds)
		if f := r.pace.factor(); f > 1.05 {
			text += fmt.Sprintf(" of a guest %.1f times as fast", f)
		}
		_ = unix.Kill(-pid, unix.SIGKILL)
		select {
		case <-ended:
		case <-time.After(r.pace.stretch(20 * time.Second)):
			r.stuck = true
			text += ", and SIGKILL does not end it: it hangs in the kernel"
		}
		return wire.StatusTimeout, text
	}
}

func (r *runner) stream(step, fd, pipe int, p *progress) {
	defer unix.Close(pipe)
	buf := make([]byte, 16<<10)
	for {
		n, err := unix.Read(pipe, buf)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if n <= 0 || err != nil {
			return
		}
		if fd == 1 {
			p.look(buf[:n], r.pace.elapsed())
		}
		r.h.send(wire.Event{Ev: wire.EvOut, Step: step, Fd: fd, Data: buf[:n]})
	}
}

// wait reaps every process until that one ends.
func (r *runner) wait(pid int) int {
	for {
		var ws unix.WaitStatus
		got, err := unix.Wait4(-1, &ws, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return wire.StatusFailed
		case got == pid && ws.Exited():
			return ws.ExitStatus()
		case got == pid && ws.Signaled():
			return 128 + int(ws.Signal())
		}
	}
}
