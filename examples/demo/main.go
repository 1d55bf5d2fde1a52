// SPDX-License-Identifier: Apache-2.0

// demo runs inside the guest: it loads the unmodified example objects with
// `bpfshim load`, starts processes that open files, exec, exit and signal in
// known ways, and compares each event, field by field, with what those processes
// say they did.  Its last line is "demo: ok", or "demo: FAILED".
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 1 && strings.HasPrefix(os.Args[1], "child-") {
		child(os.Args[1], os.Args[2:])
		return
	}
	dir := filepath.Dir(must(os.Executable()))
	objects := flag.String("objects", dir, "directory of the example objects")
	bpfshim := flag.String("bpfshim", "bpfshim", "the bpfshim command")
	device := flag.String("device", "driver", "driver or native: who runs the programs")
	flag.Parse()

	d := &demo{bpfshim: *bpfshim, objects: *objects, device: *device}
	err := d.opens()
	if err == nil {
		err = d.execs()
	}
	if err == nil {
		err = d.signals()
	}
	if err != nil {
		fmt.Println("demo:", err)
		fmt.Println("demo: FAILED")
		os.Exit(1)
	}
	fmt.Println("demo: ok")
}

func must[T any](v T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
	return v
}

type demo struct {
	bpfshim, objects, device string
}

// openEvent is struct event of opensnoop.h.
type openEvent struct {
	TS    uint64 `json:"ts_ns"`
	PID   int    `json:"pid"`
	TID   int    `json:"tid"`
	PPID  int    `json:"ppid"`
	UID   int    `json:"uid"`
	Ret   int    `json:"ret"`
	Flags int    `json:"flags"`
	Comm  string `json:"comm"`
	Path  string `json:"path"`
}

// execEvent is struct event of execsnoop.h.
type execEvent struct {
	TS       uint64 `json:"ts_ns"`
	Duration uint64 `json:"duration_ns"`
	Kind     string `json:"kind"`
	PID      int    `json:"pid"`
	PPID     int    `json:"ppid"`
	UID      int    `json:"uid"`
	ExitCode int    `json:"exit_code"`
	Comm     string `json:"comm"`
	Filename string `json:"filename"`
	Args     string `json:"args"`
}

// signalEvent is struct event of sigsnoop.h.
type signalEvent struct {
	TS         uint64 `json:"ts_ns"`
	PID        int    `json:"pid"`
	UID        int    `json:"uid"`
	Sig        int    `json:"sig"`
	Code       int    `json:"code"`
	Target     int    `json:"target"`
	Comm       string `json:"comm"`
	TargetComm string `json:"target_comm"`
}

// line is one line of `bpfshim load --json`.
type line struct {
	Map   string          `json:"map"`
	Event json.RawMessage `json:"event"`
	Lost  uint64          `json:"lost"`
}

// report is what a child says it did.
type report struct {
	PID, PPID, UID int
	Comm           string
	Opens          []openEvent
}

// opens checks opensnoop.o against children that open files.
func (d *demo) opens() error {
	tmp := must(os.MkdirTemp("", "demo"))
	defer os.RemoveAll(tmp)
	exists := filepath.Join(tmp, "a file with spaces")
	if err := os.WriteFile(exists, []byte("x"), 0o644); err != nil {
		return err
	}
	missing := filepath.Join(tmp, strings.Repeat("missing/", 20)+"end")
	var reports []report
	events, err := watch[openEvent](d, "opensnoop.o", func() error {
		for i := range 4 {
			name := fmt.Sprintf("opener-%d", i)
			r, err := runChild(tmp, name, "child-open", exists, missing, "/proc/self/stat", tmp)
			if err != nil {
				return err
			}
			reports = append(reports, *r)
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Printf("%-7s %-16s %4s %s\n", "PID", "COMM", "RET", "PATH")
	for _, r := range reports {
		for _, want := range r.Opens {
			n := 0
			for _, e := range events {
				if e.PID != want.PID || e.Path != want.Path || e.Flags != want.Flags {
					continue
				}
				n++
				if e.Ret != want.Ret || e.Comm != r.Comm || e.UID != r.UID ||
					e.PPID != r.PPID || e.TID != want.TID || e.TS == 0 {
					return fmt.Errorf("opensnoop: event %+v, but the process did %+v (%s, parent %d)",
						e, want, r.Comm, r.PPID)
				}
				fmt.Printf("%-7d %-16s %4d %s\n", e.PID, e.Comm, e.Ret, e.Path)
			}
			if n != 1 {
				return fmt.Errorf("opensnoop: %d events instead of 1 for %+v", n, want)
			}
		}
	}
	fmt.Printf("opensnoop: %d events, each checked open reported once and right\n", len(events))
	return nil
}

// execs checks execsnoop.o against children that exec and end.
func (d *demo) execs() error {
	tmp := must(os.MkdirTemp("", "demo"))
	defer os.RemoveAll(tmp)
	self := must(os.Executable())
	type run struct {
		pid, status int
		path        string
		args        []string
	}
	var runs []run
	events, err := watch[execEvent](d, "execsnoop.o", func() error {
		for i, args := range [][]string{
			{"child-exit", "0"}, {"child-exit", "7", "second word"}, {"child-kill", "9"},
		} {
			path := filepath.Join(tmp, fmt.Sprintf("execee-%d", i))
			if err := os.Symlink(self, path); err != nil {
				return err
			}
			cmd := exec.Command(path, args...)
			if err := cmd.Start(); err != nil {
				return err
			}
			cmd.Wait()
			ws := cmd.ProcessState.Sys().(syscall.WaitStatus)
			runs = append(runs, run{cmd.Process.Pid, int(ws), path, cmd.Args})
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Printf("%-11s %-7s %-7s %-16s %6s %s\n", "KIND", "PID", "PPID", "COMM", "STATUS", "ARGS")
	for _, r := range runs {
		var execd, exited int
		for _, e := range events {
			if e.PID != r.pid {
				continue
			}
			if e.PPID != os.Getpid() || e.Comm != filepath.Base(r.path) || e.UID != os.Getuid() {
				return fmt.Errorf("execsnoop: event %+v, but the process was %+v", e, r)
			}
			switch e.Kind {
			case "EVENT_EXEC":
				execd++
				want := strings.Join(r.args, " ")
				if e.Filename != r.path || strings.TrimSuffix(e.Args, " ") != want {
					return fmt.Errorf("execsnoop: event %+v, but the process ran %q", e, want)
				}
			case "EVENT_EXIT":
				exited++
				if e.ExitCode != r.status || e.Duration == 0 {
					return fmt.Errorf("execsnoop: event %+v, but the status was %#x", e, r.status)
				}
			default:
				return fmt.Errorf("execsnoop: kind %q", e.Kind)
			}
			fmt.Printf("%-11s %-7d %-7d %-16s %#6x %s\n", e.Kind, e.PID, e.PPID, e.Comm, e.ExitCode, e.Args)
		}
		if execd != 1 || exited != 1 {
			return fmt.Errorf("execsnoop: %d exec and %d exit events of %+v", execd, exited, r)
		}
	}
	fmt.Printf("execsnoop: %d events, each checked process reported right\n", len(events))
	return nil
}

// signals checks sigsnoop.o, whose events come through a ring buffer, against
// children that send themselves a signal.
func (d *demo) signals() error {
	tmp := must(os.MkdirTemp("", "demo"))
	defer os.RemoveAll(tmp)
	self := must(os.Executable())
	type run struct {
		pid, sig int
		comm     string
	}
	var runs []run
	events, err := watch[signalEvent](d, "sigsnoop.o", func() error {
		for i, sig := range []int{9, 15, 9, 2, 9} {
			r := run{sig: sig, comm: fmt.Sprintf("signaller-%d", i)}
			path := filepath.Join(tmp, r.comm)
			if err := os.Symlink(self, path); err != nil {
				return err
			}
			cmd := exec.Command(path, "child-kill", fmt.Sprint(sig))
			if err := cmd.Start(); err != nil {
				return err
			}
			r.pid = cmd.Process.Pid
			cmd.Wait()
			runs = append(runs, r)
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Printf("%-7s %-16s %4s %-7s %s\n", "PID", "COMM", "SIG", "TARGET", "COMM")
	for _, r := range runs {
		n := 0
		for _, e := range events {
			if e.PID != r.pid || e.Sig != r.sig || e.Code != 0 {
				continue
			}
			n++
			if e.Comm != r.comm || e.Target != r.pid || e.TargetComm != r.comm || e.UID != os.Getuid() || e.TS == 0 {
				return fmt.Errorf("sigsnoop: event %+v, but the process was %+v", e, r)
			}
			fmt.Printf("%-7d %-16s %4d %-7d %s\n", e.PID, e.Comm, e.Sig, e.Target, e.TargetComm)
		}
		if n != 1 {
			return fmt.Errorf("sigsnoop: %d events instead of 1 of %+v", n, r)
		}
	}
	fmt.Printf("sigsnoop: %d events by a ring buffer, each checked signal reported right\n", len(events))
	return nil
}

// watch runs `bpfshim load` on the object while work runs, and returns the
// events it printed.
func watch[E any](d *demo, object string, work func() error) ([]E, error) {
	out := must(os.CreateTemp("", "events"))
	defer os.Remove(out.Name())
	defer out.Close()
	msgs := must(os.CreateTemp("", "messages"))
	defer os.Remove(msgs.Name())
	defer msgs.Close()

	cmd := exec.Command(d.bpfshim, "--device", d.device, "load", "--json", filepath.Join(d.objects, object))
	cmd.Stdout, cmd.Stderr = out, msgs
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	fail := func(err error) error {
		text, _ := os.ReadFile(msgs.Name())
		return fmt.Errorf("bpfshim load %s: %w\n%s", object, err, text)
	}

	deadline := time.Now().Add(90 * time.Second)
	for attached := false; !attached; {
		select {
		case err := <-ended:
			return nil, fail(fmt.Errorf("ended early: %v", err))
		case <-time.After(50 * time.Millisecond):
		}
		text, _ := os.ReadFile(msgs.Name())
		attached = strings.Contains(string(text), "attached ")
		if !attached && time.Now().After(deadline) {
			cmd.Process.Kill()
			return nil, fail(fmt.Errorf("did not attach in time"))
		}
	}
	if err := work(); err != nil {
		cmd.Process.Kill()
		return nil, err
	}
	time.Sleep(500 * time.Millisecond) // let the reader drain
	cmd.Process.Signal(os.Interrupt)
	select {
	case err := <-ended:
		if err != nil {
			return nil, fail(err)
		}
	case <-time.After(60 * time.Second):
		cmd.Process.Kill()
		return nil, fail(fmt.Errorf("did not end on SIGINT"))
	}

	text := must(os.ReadFile(out.Name()))
	var events []E
	for _, l := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		var ln line
		if err := json.Unmarshal([]byte(l), &ln); err != nil {
			return nil, fmt.Errorf("output line %q: %w", l, err)
		}
		if ln.Lost > 0 {
			return nil, fmt.Errorf("%d events lost", ln.Lost)
		}
		var e E
		if err := json.Unmarshal(ln.Event, &e); err != nil {
			return nil, fmt.Errorf("event %s: %w", ln.Event, err)
		}
		events = append(events, e)
	}
	return events, nil
}

// runChild runs this binary under another name, so with another comm.
func runChild(dir, name string, args ...string) (*report, error) {
	path := filepath.Join(dir, name)
	if err := os.Symlink(must(os.Executable()), path); err != nil {
		return nil, err
	}
	out, err := exec.Command(path, args...).Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var r report
	return &r, json.Unmarshal(out, &r)
}
