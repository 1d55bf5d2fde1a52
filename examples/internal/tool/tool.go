// SPDX-License-Identifier: Apache-2.0

// Package tool is what the example front ends share: load an object, attach
// all of it, and hand its perf records to a callback until interrupted.
package tool

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/bpfshim/bpfshim/loader"
	"github.com/bpfshim/bpfshim/loader/perf"
)

// DefaultObject is where a tool looks for its object: beside its own binary.
func DefaultObject(name string) string {
	self, err := os.Executable()
	if err != nil {
		return name
	}
	return filepath.Join(filepath.Dir(self), name)
}

// Options of Run.
type Options struct {
	Object   string         // path of the BPF object
	Set      map[string]any // read-only variables to set before load
	Map      string         // perf event array that carries the events
	Duration time.Duration  // 0: until interrupted
	Attached func()         // called once everything is attached; may be nil
}

// Run loads and attaches the object and calls event with each raw record.
// It returns on SIGINT, SIGTERM, after Duration, or on an error.
func Run(opts Options, event func(raw []byte) error) error {
	spec, err := loader.LoadCollectionSpec(opts.Object)
	if err != nil {
		return err
	}
	for name, value := range opts.Set {
		v, ok := spec.Variables[name]
		if !ok {
			return fmt.Errorf("%s: no variable %s", opts.Object, name)
		}
		if err := v.Set(value); err != nil {
			return fmt.Errorf("variable %s: %w", name, err)
		}
	}
	coll, err := loader.NewCollection(spec)
	if err != nil {
		return err
	}
	defer coll.Close()
	rd, err := perf.NewReader(coll.Maps[opts.Map], 64*os.Getpagesize())
	if err != nil {
		return err
	}
	defer rd.Close()
	links, err := coll.AttachAll()
	if err != nil {
		return err
	}
	defer func() {
		for _, l := range links {
			l.Close()
		}
	}()
	if opts.Attached != nil {
		opts.Attached()
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if opts.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, opts.Duration)
		defer cancel()
	}
	context.AfterFunc(ctx, func() { rd.Close() })
	for {
		rec, err := rd.Read()
		switch {
		case errors.Is(err, perf.ErrClosed):
			return nil
		case err != nil:
			return err
		case rec.LostSamples > 0:
			fmt.Fprintf(os.Stderr, "lost %d events\n", rec.LostSamples)
		default:
			if err := event(rec.RawSample); err != nil {
				return err
			}
		}
	}
}

// Decode reads a record, which perf may have padded, into a struct laid out as
// the C one.
func Decode(raw []byte, out any) error {
	return binary.Read(bytes.NewReader(raw), binary.NativeEndian, out)
}

// String is the text of a NUL-terminated C array.
func String(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}
