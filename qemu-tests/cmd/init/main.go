// SPDX-License-Identifier: Apache-2.0

// Command init is the first process of a test guest: it sets the guest up,
// does the steps of the plan, tells the host of each on the second serial
// port, and powers off.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/wire"
	"golang.org/x/sys/unix"
)

func main() {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "init: not the first process")
		os.Exit(1)
	}
	h := &host{}
	if err := boot(h); err != nil {
		h.send(wire.Event{Ev: wire.EvNote, Text: "init: " + err.Error()})
		fmt.Fprintln(os.Stderr, "init:", err)
		off()
	}
	off()
}

func boot(h *host) error {
	if err := setUp(); err != nil {
		return err
	}
	if err := h.open("/dev/ttyS1"); err != nil {
		return err
	}
	b, err := os.ReadFile(wire.PlanPath)
	if err != nil {
		return err
	}
	var plan wire.Plan
	if err := json.Unmarshal(b, &plan); err != nil {
		return err
	}
	p := newPace()
	h.send(wire.Event{Ev: wire.EvBoot, Text: release(), Slow: p.factor()})
	klog, err := watchLog(h)
	if err != nil {
		return err
	}
	go h.beat(p)

	r := newRunner(h, plan, p)
	for i, s := range plan.Steps {
		if !r.step(i, s) {
			break
		}
	}
	r.killAll()
	if plan.Out != "" {
		if err := sendTree(h, plan.Out); err != nil {
			h.send(wire.Event{Ev: wire.EvNote, Text: err.Error()})
		}
	}
	klog.stop()
	h.send(wire.Event{Ev: wire.EvDone})
	h.drain()
	return nil
}

// off ends the guest. Under -no-reboot a restart ends QEMU, with and without
// ACPI.
func off() {
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
	for {
		time.Sleep(time.Second)
	}
}

// host is the line to the host.
type host struct {
	mu sync.Mutex
	f  *os.File
}

func (h *host) open(path string) error {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
	t.Cflag = unix.CS8 | unix.CREAD | unix.CLOCAL | unix.B115200
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, t); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	h.f = os.NewFile(uintptr(fd), path)
	return nil
}

func (h *host) send(e wire.Event) {
	b, err := json.Marshal(e)
	if err != nil {
		b = []byte(`{"ev":"note","text":"an event that is no JSON"}`)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.f != nil {
		_, _ = h.f.Write(append(b, '\n'))
	}
}

func (h *host) drain() {
	h.mu.Lock()
	defer h.mu.Unlock()
	_ = unix.IoctlSetInt(int(h.f.Fd()), unix.TCSBRK, 1) // tcdrain
}

func (h *host) beat(p *pace) {
	for {
		time.Sleep(2 * time.Second)
		h.send(wire.Event{Ev: wire.EvBeat, Slow: p.measure()})
	}
}

func release() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "?"
	}
	return unix.ByteSliceToString(u.Release[:])
}

// sendTree sends the files of a folder.
func sendTree(h *host, dir string) error {
	return filepath.Walk(dir, func(p string, info os.FileInfo, err error) error {
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		defer f.Close()
		r := bufio.NewReader(f)
		buf := make([]byte, 32<<10)
		for first := true; ; first = false {
			n, err := r.Read(buf)
			if n > 0 || first {
				h.send(wire.Event{Ev: wire.EvFile, Text: rel, Mode: uint32(info.Mode().Perm()), Data: buf[:n]})
			}
			if err != nil {
				break
			}
		}
		return nil
	})
}
