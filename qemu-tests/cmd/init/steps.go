// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/wire"
	"golang.org/x/sys/unix"
)

const moduleName = "bpfshim"

type runner struct {
	h    *host
	plan wire.Plan
	pace *pace
	env  []string
	// loaded is when the module came for the first time, in ticks.
	loaded uint64
	stuck  bool // a process that SIGKILL does not end
}

func newRunner(h *host, plan wire.Plan, p *pace) *runner {
	env := append([]string{
		"PATH=/usr/bin:/bin:/sbin", "HOME=/root", "TERM=dumb", "TMPDIR=/tmp", "BPFSHIM_GUEST=1",
	}, plan.Env...)
	for _, kv := range env { // exec looks programs up in our own PATH
		if k, v, ok := strings.Cut(kv, "="); ok {
			_ = os.Setenv(k, v)
		}
	}
	return &runner{h: h, plan: plan, pace: p, env: env}
}

// step does one step and tells whether the next one may follow.
func (r *runner) step(i int, s wire.Step) bool {
	r.h.send(wire.Event{Ev: wire.EvBegin, Step: i})
	status, text := r.do(i, s)
	r.h.send(wire.Event{Ev: wire.EvEnd, Step: i, Status: status, Text: text})
	return status == 0 || s.Kind == wire.StepRun && !r.stuck
}

func (r *runner) do(i int, s wire.Step) (int, string) {
	switch s.Kind {
	case wire.StepRun:
		if len(s.Tests) > 0 {
			return r.tests(i, s)
		}
		return r.run(i, s)
	case wire.StepInsmod:
		return failed(r.insmod())
	case wire.StepRmmod:
		r.killAll()
		return failed(r.rmmod())
	case wire.StepLeaks:
		return failed(r.leaks(i))
	case wire.StepLoop:
		return r.loop(i, s)
	}
	return failed(fmt.Errorf("no such kind of step: %q", s.Kind))
}

func failed(err error) (int, string) {
	if err != nil {
		return wire.StatusFailed, err.Error()
	}
	return 0, ""
}

func (r *runner) insmod() error {
	image, err := os.ReadFile(r.plan.Module)
	if err != nil {
		return err
	}
	if r.loaded == 0 {
		r.loaded = jiffies()
	}
	if err := unix.InitModule(image, r.plan.Params); err != nil {
		return fmt.Errorf("insmod %s: %w", r.plan.Module, err)
	}
	return nil
}

// rmmod waits a little: the kernel closes files of ended processes and frees
// what RCU protects in its own time.
func (r *runner) rmmod() error {
	var err error
	for until := time.Now().Add(r.pace.stretch(10 * time.Second)); ; time.Sleep(20 * time.Millisecond) {
		err = unix.DeleteModule(moduleName, unix.O_NONBLOCK)
		switch {
		case err == nil, errors.Is(err, unix.ENOENT): // the command did it
			return nil
		case !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EBUSY), time.Now().After(until):
			return fmt.Errorf("rmmod: %w; references: %s", err, refcount())
		}
	}
}

func refcount() string {
	b, err := os.ReadFile("/sys/module/" + moduleName + "/refcnt")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(b))
}

func (r *runner) loop(i int, s wire.Step) (int, string) {
	for n := 0; n < s.Count; n++ {
		if err := r.insmod(); err != nil {
			return failed(fmt.Errorf("round %d: %w", n+1, err))
		}
		if len(s.Args) > 0 {
			if status, text := r.run(i, s); status != 0 {
				return status, fmt.Sprintf("round %d: %s ended with %d %s", n+1, s.Args[0], status, text)
			}
		}
		if err := r.rmmod(); err != nil {
			return failed(fmt.Errorf("round %d: %w", n+1, err))
		}
	}
	return 0, fmt.Sprintf("%d rounds", s.Count)
}

const kmemleak = "/sys/kernel/debug/kmemleak"

// leaks scans for memory that nothing points to any more. An object counts
// only when it is 5 s old, and one scan can miss what a register held; what
// is older than the module was lost by the kernel itself.
func (r *runner) leaks(i int) error {
	if _, err := os.Stat(kmemleak); err != nil {
		return nil
	}
	time.Sleep(5500 * time.Millisecond)
	for n := 0; n < 2; n++ {
		if err := os.WriteFile(kmemleak, []byte("scan"), 0o644); err != nil {
			return fmt.Errorf("kmemleak switched itself off: %w", err)
		}
	}
	b, err := os.ReadFile(kmemleak)
	if err != nil {
		return err
	}
	found := leaksSince(string(b), r.loaded)
	if len(found) == 0 {
		return nil
	}
	r.h.send(wire.Event{Ev: wire.EvOut, Step: i, Fd: 2, Data: []byte(strings.Join(found, ""))})
	return fmt.Errorf("kmemleak: %d objects leaked", len(found))
}

const leakHead = "unreferenced object"

var leakTime = regexp.MustCompile(`jiffies (\d+)`)

// leaksSince picks the reports on objects made from that time on.
func leaksSince(report string, jiffies uint64) []string {
	var found []string
	for _, obj := range strings.Split(report, leakHead)[1:] {
		if m := leakTime.FindStringSubmatch(obj); m != nil {
			if at, err := strconv.ParseUint(m[1], 10, 64); err == nil && at < jiffies {
				continue
			}
		}
		found = append(found, leakHead+obj)
	}
	return found
}

var jiffiesLine = regexp.MustCompile(`(?m)^jiffies: (\d+)$`)

// jiffies is the kernel's count of ticks, 0 when it does not tell.
func jiffies() uint64 {
	b, err := os.ReadFile("/proc/timer_list")
	if err != nil {
		return 0
	}
	m := jiffiesLine.FindSubmatch(b)
	if m == nil {
		return 0
	}
	n, err := strconv.ParseUint(string(m[1]), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// killAll ends every process but this one and reaps it.
func (r *runner) killAll() {
	_ = unix.Kill(-1, unix.SIGKILL)
	for until := time.Now().Add(r.pace.stretch(10 * time.Second)); time.Now().Before(until); {
		got, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		switch {
		case errors.Is(err, unix.ECHILD):
			return
		case got == 0:
			time.Sleep(5 * time.Millisecond)
		}
	}
	r.h.send(wire.Event{Ev: wire.EvNote, Text: "a process outlived SIGKILL"})
}
