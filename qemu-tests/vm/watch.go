// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/initramfs"
	"github.com/bpfshim/bpfshim/qemu-tests/klog"
	"github.com/bpfshim/bpfshim/qemu-tests/wire"
)

func putPlan(a *initramfs.Archive, p wire.Plan) error {
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	a.Data(wire.PlanPath, b, 0o644)
	return nil
}

// watch follows both serial lines of a guest.
type watch struct {
	c  Config
	wg sync.WaitGroup

	mu       sync.Mutex
	res      Result
	begun    time.Time
	lastBeat time.Time
	slow     float64       // of the guest, as it last told
	spent    time.Duration // of Config.Timeout
	mute     bool          // said nothing for too long
	late     bool          // not over in time
	started  bool          // the console has shown the start mark
	findings map[string]int
	order    []string
	files    map[string]bool
	stop     chan struct{}
}

func newWatch(c Config) *watch {
	w := &watch{
		c: c, findings: map[string]int{}, files: map[string]bool{},
		stop: make(chan struct{}), lastBeat: time.Now(), slow: 1,
	}
	w.res.Steps = make([]StepResult, len(c.Plan.Steps))
	w.wg.Add(2)
	return w
}

// wait returns when both lines are closed.
func (w *watch) wait() {
	w.wg.Wait()
	close(w.stop)
}

const consoleTail = 60

func (w *watch) console(r io.Reader) {
	defer w.wg.Done()
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		line := strings.TrimRight(sc.Text(), "\r")
		if w.c.Console != nil {
			fmt.Fprintln(w.c.Console, line)
		}
		w.mu.Lock()
		w.res.Console = append(w.res.Console, line)
		if n := len(w.res.Console); n > consoleTail {
			w.res.Console = w.res.Console[n-consoleTail:]
		}
		switch what := klog.Check(line); {
		case strings.Contains(line, wire.StartMark):
			w.started = true
		case what != "" && (w.started || what == "panic"):
			w.found(what)
		}
		w.mu.Unlock()
	}
	_, _ = io.Copy(io.Discard, r)
}

// found is called with the lock held.
func (w *watch) found(what string) {
	if w.findings[what] == 0 {
		w.order = append(w.order, what)
	}
	w.findings[what]++
}

func (w *watch) events(r io.Reader) {
	defer w.wg.Done()
	br := bufio.NewReaderSize(r, 1<<20)
	for {
		line, err := br.ReadBytes('\n')
		if len(line) > 1 {
			var e wire.Event
			if jerr := json.Unmarshal(line, &e); jerr == nil {
				w.event(e)
			} else if err == nil {
				w.mu.Lock()
				w.res.Notes = append(w.res.Notes, fmt.Sprintf("an event that is no JSON: %.200q", line))
				w.mu.Unlock()
			}
		}
		if err != nil {
			return
		}
	}
}

func (w *watch) event(e wire.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	w.lastBeat = now
	if e.Slow >= 1 {
		w.slow = e.Slow
		w.res.Slow = max(w.res.Slow, e.Slow)
	}
	if e.Step < 0 || e.Step >= len(w.res.Steps) {
		return
	}
	switch e.Ev {
	case wire.EvBoot:
		w.res.Booted, w.res.Release = true, e.Text
	case wire.EvBegin:
		w.res.Steps[e.Step].Begun, w.begun = true, now
	case wire.EvEnd:
		s := &w.res.Steps[e.Step]
		s.Ended, s.Status, s.Text, s.Took = true, e.Status, e.Text, now.Sub(w.begun)
	case wire.EvOut:
		out := w.c.Stdout
		if e.Fd == 2 {
			out = w.c.Stderr
		}
		if out != nil {
			_, _ = out.Write(e.Data)
		}
	case wire.EvLog:
		w.res.Log = append(w.res.Log, e.Text)
		if what := klog.Check(e.Text); what != "" {
			w.found(what)
		}
	case wire.EvNote:
		w.res.Notes = append(w.res.Notes, e.Text)
	case wire.EvFile:
		if err := w.file(e); err != nil {
			w.res.Notes = append(w.res.Notes, err.Error())
		}
	case wire.EvDone:
		w.res.Done = true
	}
	if w.c.Event != nil {
		w.c.Event(e)
	}
}

// file appends a piece to a file of the out folder.
func (w *watch) file(e wire.Event) error {
	if w.c.Out == "" {
		return nil
	}
	if !filepath.IsLocal(e.Text) {
		return fmt.Errorf("the guest sent a file named %q", e.Text)
	}
	path := filepath.Join(w.c.Out, e.Text)
	flags := os.O_WRONLY | os.O_CREATE | os.O_APPEND
	if !w.files[path] {
		w.files[path] = true
		flags |= os.O_TRUNC
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(path, flags, os.FileMode(e.Mode))
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write(e.Data)
	return err
}

// beats ends a guest that says nothing any more, and one whose time is over.
// Both count in the guest's time, which passes slower the slower it is.
func (w *watch) beats(kill context.CancelFunc) {
	last := time.Now()
	for {
		select {
		case <-w.stop:
			return
		case <-time.After(time.Second):
		}
		w.mu.Lock()
		now := time.Now()
		w.spent += time.Duration(float64(now.Sub(last)) / w.slow)
		last = now
		w.late = w.spent > w.c.Timeout
		w.mute = float64(now.Sub(w.lastBeat))/w.slow > float64(beatTimeout)
		end := w.mute || w.late
		w.mu.Unlock()
		if end {
			kill()
			return
		}
	}
}

// hung tells why beats has ended the guest; "": it has not.
func (w *watch) hung() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := ""
	if w.slow > 1.05 {
		at = fmt.Sprintf(" of a guest %.1f times as fast", w.slow)
	}
	switch {
	case w.late:
		return fmt.Sprintf("hung: not over after %v%s", w.c.Timeout, at)
	case w.mute:
		return fmt.Sprintf("hung: said nothing for %v%s", beatTimeout, at)
	}
	return ""
}

func (w *watch) result() *Result {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, what := range w.order {
		w.res.Faults = append(w.res.Faults, "kernel log: "+what)
	}
	res := w.res
	return &res
}
