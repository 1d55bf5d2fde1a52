// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/klog"
	"github.com/bpfshim/bpfshim/qemu-tests/wire"
	"golang.org/x/sys/unix"
)

// logWatch follows the kernel log from the start of the run and tells the
// host of each line that must not be there, with the lines after it.
type logWatch struct {
	h    *host
	fd   int
	quit chan struct{}
	done chan struct{}
}

// contextLines are sent after a bad line, so the host shows the whole splat.
const contextLines = 40

func watchLog(h *host) (*logWatch, error) {
	fd, err := unix.Open("/dev/kmsg", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/kmsg: %w", err)
	}
	if _, err := unix.Seek(fd, 0, unix.SEEK_END); err != nil {
		return nil, fmt.Errorf("/dev/kmsg: %w", err)
	}
	// For the host's own scan of the console; level 2 reaches it in any case.
	if err := os.WriteFile("/dev/kmsg", []byte("<2>"+wire.StartMark), 0o600); err != nil {
		return nil, err
	}
	w := &logWatch{h: h, fd: fd, quit: make(chan struct{}), done: make(chan struct{})}
	go w.follow()
	return w, nil
}

func (w *logWatch) follow() {
	defer close(w.done)
	buf := make([]byte, 8192)
	context := 0
	last := false
	for {
		n, err := unix.Read(w.fd, buf)
		switch {
		case err == nil:
			context = w.record(string(buf[:n]), context)
			continue
		case errors.Is(err, unix.EPIPE): // overwritten before it was read
			w.h.send(wire.Event{Ev: wire.EvNote, Text: "kernel log lines were lost"})
			continue
		case errors.Is(err, unix.EINTR):
			continue
		case !errors.Is(err, unix.EAGAIN):
			w.h.send(wire.Event{Ev: wire.EvLog, Text: "the kernel log cannot be read: " + err.Error()})
			return
		}
		if last {
			return
		}
		select {
		case <-w.quit:
			last = true // once more, for what came meanwhile
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// record looks at one record: "level,seq,time,flags;text\n" and lines that
// begin with a space and repeat its keys.
func (w *logWatch) record(rec string, context int) int {
	_, text, _ := strings.Cut(rec, ";")
	text, _, _ = strings.Cut(text, "\n")
	switch {
	case klog.Check(text) != "":
		context = contextLines
	case context > 0:
		context--
	default:
		return 0
	}
	w.h.send(wire.Event{Ev: wire.EvLog, Text: text})
	return context
}

// stop returns when all that the kernel has said was looked at.
func (w *logWatch) stop() {
	close(w.quit)
	<-w.done
}
