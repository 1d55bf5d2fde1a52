// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/cilium/ebpf/btf"

	"github.com/bpfshim/bpfshim/loader"
	"github.com/bpfshim/bpfshim/loader/decode"
	"github.com/bpfshim/bpfshim/loader/perf"
	"github.com/bpfshim/bpfshim/loader/ringbuf"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// record is an event of either kind of map. cpu is -1 for ring buffers.
type record struct {
	cpu  int
	raw  []byte
	lost uint64
	more bool // others lie ready behind it
}

// source is a reader of either kind.
type source interface {
	read(*record) error
	Flush() error
	Close() error
}

type perfSource struct {
	*perf.Reader
	rec perf.Record
}

func (s *perfSource) read(r *record) error {
	if err := s.ReadInto(&s.rec); err != nil {
		return err
	}
	*r = record{s.rec.CPU, s.rec.RawSample, s.rec.LostSamples, s.rec.Remaining > 0}
	return nil
}

type ringSource struct {
	*ringbuf.Reader
	rec ringbuf.Record
}

func (s *ringSource) read(r *record) error {
	if err := s.ReadInto(&s.rec); err != nil {
		return err
	}
	*r = record{-1, s.rec.RawSample, 0, s.rec.Remaining > 0}
	return nil
}

type readers struct {
	sources map[string]source
	types   map[string]btf.Type
	out     *eventWriter
}

func openReaders(coll *loader.Collection, spec *loader.CollectionSpec, types map[string]btf.Type, buffer int, out *eventWriter) (*readers, error) {
	rs := &readers{sources: map[string]source{}, types: types, out: out}
	for _, name := range decode.EventMaps(spec) {
		m := coll.Maps[name]
		var s source
		if m.Type() == loader.RingBuf {
			r, err := ringbuf.NewReader(m)
			if err != nil {
				rs.close()
				return nil, fmt.Errorf("map %s: %w", name, err)
			}
			s = &ringSource{Reader: r}
		} else {
			r, err := perf.NewReader(m, buffer)
			if err != nil {
				rs.close()
				return nil, fmt.Errorf("map %s: %w", name, err)
			}
			s = &perfSource{Reader: r}
		}
		rs.sources[name] = s
	}
	return rs, nil
}

func (rs *readers) close() {
	for _, s := range rs.sources {
		s.Close()
	}
}

// run prints events until ctx ends, then calls detach and prints what is left.
func (rs *readers) run(ctx context.Context, detach func()) error {
	errs := make(chan error, len(rs.sources))
	var running sync.WaitGroup
	for name, s := range rs.sources {
		running.Add(1)
		go func() {
			defer running.Done()
			errs <- rs.pump(name, s)
		}()
	}
	var failed error
	select {
	case <-ctx.Done():
	case failed = <-errs:
	}
	detach()
	for _, s := range rs.sources {
		s.Flush()
	}
	running.Wait()
	close(errs)
	for err := range errs {
		failed = errors.Join(failed, err)
	}
	return errors.Join(failed, rs.out.flush())
}

// pump prints one source's events until it is flushed or closed.
func (rs *readers) pump(name string, s source) error {
	var rec record
	for {
		err := s.read(&rec)
		switch {
		case err == nil:
		case errors.Is(err, perf.ErrFlushed), errors.Is(err, ringbuf.ErrFlushed), errors.Is(err, perf.ErrClosed):
			return nil
		case perf.IsUnknownEvent(err):
			continue
		default:
			return fmt.Errorf("map %s: %w", name, err)
		}
		if err := rs.out.event(name, rs.types[name], &rec); err != nil {
			return fmt.Errorf("map %s: %w", name, err)
		}
	}
}

// eventWriter prints events of several maps.
type eventWriter struct {
	mu    sync.Mutex
	w     *bufio.Writer
	json  bool
	line  []byte
	left  int // events until enough; < 0: no limit
	done  func()
	ended bool
}

func newEventWriter(w io.Writer, json bool) *eventWriter {
	return &eventWriter{w: bufio.NewWriterSize(w, 64*1024), json: json, left: -1}
}

// limit calls done after n events, and prints no more.
func (e *eventWriter) limit(n int, done func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if n > 0 {
		e.left, e.done = n, done
	}
}

func (e *eventWriter) flush() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.w.Flush()
}

func (e *eventWriter) event(name string, typ btf.Type, rec *record) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return nil
	}
	var err error
	if e.json {
		e.line, err = jsonLine(e.line[:0], name, typ, rec)
	} else {
		e.line, err = textLine(e.line[:0], name, typ, rec)
	}
	if err != nil {
		return err
	}
	if _, err := e.w.Write(append(e.line, '\n')); err != nil {
		return err
	}
	if rec.lost == 0 && e.left > 0 {
		if e.left--; e.left == 0 {
			e.ended = true
			e.done()
		}
	}
	if !rec.more {
		return e.w.Flush()
	}
	return nil
}

func typeName(typ btf.Type) string {
	if n := typ.TypeName(); n != "" {
		return n
	}
	return btf.UnderlyingType(typ).TypeName()
}

func jsonLine(dst []byte, name string, typ btf.Type, rec *record) ([]byte, error) {
	str := func(s string) {
		b, _ := json.Marshal(s)
		dst = append(dst, b...)
	}
	dst = append(dst, `{"map":`...)
	str(name)
	if rec.cpu >= 0 {
		dst = strconv.AppendInt(append(dst, `,"cpu":`...), int64(rec.cpu), 10)
	}
	switch {
	case rec.lost > 0:
		dst = strconv.AppendUint(append(dst, `,"lost":`...), rec.lost, 10)
	case typ == nil:
		dst = append(dst, `,"raw":`...)
		str(hex.EncodeToString(rec.raw))
	default:
		dst = append(dst, `,"type":`...)
		str(typeName(typ))
		dst = append(dst, `,"event":`...)
		var err error
		if dst, err = decode.JSON(dst, typ, rec.raw); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

func textLine(dst []byte, name string, typ btf.Type, rec *record) ([]byte, error) {
	dst = append(dst, name...)
	if rec.cpu >= 0 {
		dst = fmt.Appendf(dst, " cpu %d", rec.cpu)
	}
	dst = append(dst, ": "...)
	switch {
	case rec.lost > 0:
		return fmt.Appendf(dst, "%d records lost", rec.lost), nil
	case typ == nil:
		return hex.AppendEncode(dst, rec.raw), nil
	}
	return decode.Text(append(append(dst, typeName(typ)...), ' '), typ, rec.raw)
}
