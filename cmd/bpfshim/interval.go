// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// liveFlags are those of what shows something again and again.
type liveFlags struct {
	interval time.Duration
	count    int
	rows     int
}

func (f *liveFlags) add(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&f.interval, "interval", time.Second, "time from one table to the next")
	cmd.Flags().IntVar(&f.count, "count", 0, "end after this many tables; 0: at Ctrl-C")
	cmd.Flags().IntVar(&f.rows, "rows", 20, "lines of a table at most; 0: all")
}

func (f *liveFlags) check() error {
	switch {
	case f.interval <= 0:
		return fmt.Errorf("--interval %v: it must be positive", f.interval)
	case f.count < 0:
		return fmt.Errorf("--count %d: it must not be negative", f.count)
	case f.rows < 0:
		return fmt.Errorf("--rows %d: it must not be negative", f.rows)
	}
	return nil
}

// waitFor sleeps, and says how long it was in truth. Signals end it early.
func waitFor(ctx context.Context, d time.Duration) (time.Duration, error) {
	start := time.Now()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-t.C:
		return time.Since(start), nil
	}
}

// every calls show after each interval, with its length, until there were
// enough or a signal came.
func (a *app) every(ctx context.Context, f *liveFlags, show func(time.Duration) error) error {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	wait := a.wait
	if wait == nil {
		wait = waitFor
	}
	for n := 0; f.count == 0 || n < f.count; n++ {
		took, err := wait(ctx, f.interval)
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := show(took); err != nil {
			return err
		}
	}
	return nil
}

// showTable writes one of several tables: in place on a terminal, with an
// empty line before all but the first elsewhere.
func (a *app) showTable(first bool, table func(io.Writer) error) error {
	var b bytes.Buffer
	switch {
	case isTerminal(a.out):
		b.WriteString("\x1b[H\x1b[2J")
	case !first:
		b.WriteByte('\n')
	}
	if err := table(&b); err != nil {
		return err
	}
	_, err := a.out.Write(b.Bytes())
	return err
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// printJSONLine prints a value as one line: tools read a stream of them.
func printJSONLine(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// change is what a counter did from one reading to the next.
func change(now, before uint64) uint64 {
	if now < before {
		return 0 // it was reset
	}
	return now - before
}
