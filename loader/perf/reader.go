// SPDX-License-Identifier: Apache-2.0

// Package perf reads what programs send to a perf event array. Its names are
// those of github.com/cilium/ebpf/perf.
package perf

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/loader"
	"github.com/bpfshim/bpfshim/loader/internal/poll"
)

// Errors of Read.
var (
	// ErrClosed: the reader was closed.
	ErrClosed = os.ErrClosed
	// ErrFlushed: Flush was called, and all that was there has been read.
	ErrFlushed = errors.New("perf buffers flushed")
)

// Record is one record: a sample, or a count of samples that were lost.
type Record struct {
	// CPU is where the sample was written.
	CPU int
	// RawSample is what the program sent. Kernels pad it with zeroes to a
	// multiple of 8 bytes, less 4.
	RawSample []byte
	// LostSamples is how many did not fit the buffer; RawSample is empty then.
	LostSamples uint64
	// Remaining is how many bytes of the CPU's buffer are known unread.
	Remaining int
}

// unknownEventError is a record of a kind that programs do not send.
type unknownEventError struct{ typ uint32 }

func (e *unknownEventError) Error() string { return fmt.Sprintf("a record of type %d", e.typ) }

// IsUnknownEvent reports whether err is a record of another kind than samples
// and losses.
func IsUnknownEvent(err error) bool {
	var e *unknownEventError
	return errors.As(err, &e)
}

// ReaderOptions control a reader.
type ReaderOptions struct {
	// Watermark is how many bytes must be there for Read to wake up; 0: see
	// WakeupEvents.
	Watermark int
	// WakeupEvents is how many samples must be there; 0 is 1.
	WakeupEvents int
	// Overwritable buffers are not offered.
	Overwritable bool
}

// Reader reads the buffers of all CPUs. Read and ReadInto may be called by one
// goroutine at a time; everything else by any.
type Reader struct {
	poller *poll.Poller

	mu      sync.Mutex // rings and pending; held while reading
	rings   []*ring
	pending []*ring // those that may have data
	drain   error   // what to say once pending is empty; nil: wait on

	pauseMu sync.Mutex
	array   *loader.Map
	paused  bool
	bufSize int
}

// NewReader makes a reader with that much room a CPU, rounded up to 2^n pages.
func NewReader(array *loader.Map, perCPUBuffer int) (*Reader, error) {
	return NewReaderWithOptions(array, perCPUBuffer, ReaderOptions{})
}

// NewReaderWithOptions is NewReader with options.
func NewReaderWithOptions(array *loader.Map, perCPUBuffer int, opts ReaderOptions) (*Reader, error) {
	if array == nil {
		return nil, errors.New("no map to read from")
	}
	switch {
	case array.Type() != loader.PerfEventArray:
		return nil, fmt.Errorf("map %v is no perf event array", array)
	case perCPUBuffer < 1:
		return nil, fmt.Errorf("a buffer of %d bytes", perCPUBuffer)
	case opts.Overwritable:
		return nil, fmt.Errorf("overwritable buffers: %w", loader.ErrNotSupported)
	case opts.Watermark > 0 && opts.WakeupEvents > 0:
		return nil, errors.New("both Watermark and WakeupEvents")
	}
	page := os.Getpagesize()
	pages := 1
	for pages*page < perCPUBuffer {
		pages *= 2
	}
	if opts.Watermark >= pages*page {
		return nil, fmt.Errorf("a watermark of %d in a buffer of %d bytes", opts.Watermark, pages*page)
	}
	own, err := array.Clone()
	if err != nil {
		return nil, err
	}
	poller, err := poll.New()
	if err != nil {
		own.Close()
		return nil, err
	}
	r := &Reader{poller: poller, array: own, paused: true, bufSize: pages * page}
	if err := r.open(pages, opts); err != nil {
		r.Close()
		return nil, err
	}
	if err := r.Resume(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func (r *Reader) open(pages int, opts ReaderOptions) error {
	for cpu := range int(r.array.MaxEntries()) {
		ring, err := newRing(r.array.Device(), cpu, pages, opts)
		if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO) {
			continue // the CPU is off
		}
		if err != nil {
			return err
		}
		r.rings = append(r.rings, ring)
		if err := r.poller.Add(ring.fd, len(r.rings)-1); err != nil {
			return err
		}
	}
	if len(r.rings) == 0 {
		return errors.New("no CPU is on")
	}
	return nil
}

// BufferSize is the room a CPU, in bytes.
func (r *Reader) BufferSize() int { return r.bufSize }

// Pause makes programs' output fail, so that nothing more comes, until Resume.
func (r *Reader) Pause() error {
	r.pauseMu.Lock()
	defer r.pauseMu.Unlock()
	if r.array == nil {
		return fmt.Errorf("pause: %w", ErrClosed)
	}
	for i := range r.rings {
		if err := r.array.Delete(uint32(r.rings[i].cpu)); err != nil && !errors.Is(err, loader.ErrKeyNotExist) {
			return fmt.Errorf("pause: %w", err)
		}
	}
	r.paused = true
	return nil
}

// Resume undoes Pause.
func (r *Reader) Resume() error {
	r.pauseMu.Lock()
	defer r.pauseMu.Unlock()
	if r.array == nil {
		return fmt.Errorf("resume: %w", ErrClosed)
	}
	if !r.paused {
		return nil
	}
	for _, ring := range r.rings {
		if err := r.array.Put(uint32(ring.cpu), uint32(ring.fd)); err != nil {
			return fmt.Errorf("resume: %w", err)
		}
	}
	r.paused = false
	return nil
}

// SetDeadline makes Read return os.ErrDeadlineExceeded when nothing has come
// by then; the zero time waits for ever. It applies to a Read that waits, too.
func (r *Reader) SetDeadline(t time.Time) { r.poller.SetDeadline(t) }

// Flush makes Read return what is there, then ErrFlushed once, whatever the
// watermark.
func (r *Reader) Flush() error { return r.poller.Wake() }

// Read returns the next record. The error is ErrClosed, ErrFlushed,
// os.ErrDeadlineExceeded, or what is wrong with a record.
func (r *Reader) Read() (Record, error) {
	var rec Record
	err := r.ReadInto(&rec)
	return rec, err
}

// ReadInto is Read into the memory of an earlier record.
func (r *Reader) ReadInto(rec *Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		if r.rings == nil {
			return fmt.Errorf("perf reader: %w", ErrClosed)
		}
		for len(r.pending) > 0 {
			ok, err := r.pending[0].read(rec)
			if ok || err != nil {
				return err
			}
			r.pending = r.pending[1:]
		}
		if err := r.drain; err != nil {
			r.drain = nil
			return err
		}
		r.pending = r.pending[:0:0]
		err := r.poller.Wait(func(tag int) { r.pending = append(r.pending, r.rings[tag]) })
		switch {
		case err == nil:
		case errors.Is(err, os.ErrClosed):
			return fmt.Errorf("perf reader: %w", ErrClosed)
		case errors.Is(err, poll.ErrWoken):
			r.pending, r.drain = append(r.pending[:0:0], r.rings...), ErrFlushed
		case errors.Is(err, os.ErrDeadlineExceeded):
			// What lies below the watermark counts, too.
			r.pending, r.drain = append(r.pending[:0:0], r.rings...), fmt.Errorf("perf reader: %w", err)
		default:
			return err
		}
	}
}

// Close ends Read with ErrClosed and gives everything back. What was not read
// is lost.
func (r *Reader) Close() error {
	err := r.poller.Close() // ends a Read that waits
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pauseMu.Lock()
	defer r.pauseMu.Unlock()
	if r.array == nil {
		return nil
	}
	for _, ring := range r.rings {
		err = errors.Join(err, ring.close())
	}
	r.rings, r.pending = nil, nil
	err = errors.Join(err, r.array.Close())
	r.array = nil
	return err
}
