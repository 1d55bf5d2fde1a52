// SPDX-License-Identifier: Apache-2.0

// Package ringbuf reads what programs write to a ring buffer map. Its names
// are those of github.com/cilium/ebpf/ringbuf.
package ringbuf

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/loader"
	"github.com/bpfshim/bpfshim/loader/internal/poll"
)

// Errors of Read.
var (
	// ErrClosed: the reader was closed.
	ErrClosed = os.ErrClosed
	// ErrFlushed: Flush was called, and all that was there has been read.
	ErrFlushed = errors.New("ring buffer flushed")
)

// Record is one record of a program.
type Record struct {
	// RawSample is what the program wrote.
	RawSample []byte
	// Remaining is how many bytes of the buffer were unread after it.
	Remaining int
}

// A record's header is two words: its length with these bits, and what only
// the kernel reads. Records begin at multiples of 8.
const (
	headerSize = 8
	busyBit    = 1 << 31
	discardBit = 1 << 30
)

// Reader reads one ring buffer. Read and ReadInto may be called by one
// goroutine at a time; everything else by any.
type Reader struct {
	poller *poll.Poller
	size   int

	mu       sync.Mutex // what follows; held while reading
	m        *loader.Map
	consumer []byte // a page: how far we have read
	producer []byte // a page: how far programs have written; then the data, twice
	pos      *uint64
	end      *uint64
	drain    error // what to say once all is read; nil: wait on
}

// NewReader makes a reader of a ring buffer map.
func NewReader(m *loader.Map) (*Reader, error) {
	if m == nil {
		return nil, errors.New("no map to read from")
	}
	if m.Type() != loader.RingBuf {
		return nil, fmt.Errorf("map %v is no ring buffer", m)
	}
	own, err := m.Clone()
	if err != nil {
		return nil, err
	}
	r := &Reader{m: own, size: int(m.MaxEntries())}
	if err := r.open(); err != nil {
		r.unmap()
		return nil, fmt.Errorf("ring buffer %v: %w", m, err)
	}
	return r, nil
}

func (r *Reader) open() error {
	page := os.Getpagesize()
	dev := r.m.Device()
	if r.size <= 0 || r.size&(r.size-1) != 0 {
		return fmt.Errorf("%d bytes is no power of two", r.size)
	}
	var err error
	if r.consumer, err = dev.Mmap(r.m.FD(), 0, page, unix.PROT_READ|unix.PROT_WRITE); err != nil {
		return fmt.Errorf("map the consumer's page: %w", err)
	}
	if r.producer, err = dev.Mmap(r.m.FD(), int64(page), page+2*r.size, unix.PROT_READ); err != nil {
		return fmt.Errorf("map the data: %w", err)
	}
	r.pos = (*uint64)(unsafe.Pointer(unsafe.SliceData(r.consumer)))
	r.end = (*uint64)(unsafe.Pointer(unsafe.SliceData(r.producer)))
	if r.poller, err = poll.New(); err != nil {
		return err
	}
	if err := r.poller.Add(r.m.FD(), 0); err != nil {
		r.poller.Close()
		return err
	}
	return nil
}

func (r *Reader) unmap() error {
	dev := r.m.Device()
	var err error
	if r.consumer != nil {
		err = errors.Join(err, dev.Munmap(r.consumer))
	}
	if r.producer != nil {
		err = errors.Join(err, dev.Munmap(r.producer))
	}
	r.consumer, r.producer, r.pos, r.end = nil, nil, nil, nil
	return errors.Join(err, r.m.Close())
}

// BufferSize is the room for data, in bytes.
func (r *Reader) BufferSize() int { return r.size }

// AvailableBytes is how much is written and not read.
func (r *Reader) AvailableBytes() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.end == nil {
		return 0
	}
	return int(atomic.LoadUint64(r.end) - atomic.LoadUint64(r.pos))
}

// SetDeadline makes Read return os.ErrDeadlineExceeded when nothing has come
// by then; the zero time waits for ever. It applies to a Read that waits, too.
func (r *Reader) SetDeadline(t time.Time) { r.poller.SetDeadline(t) }

// Flush makes Read return what is there, then ErrFlushed once.
func (r *Reader) Flush() error { return r.poller.Wake() }

// Read returns the next record. The error is ErrClosed, ErrFlushed or
// os.ErrDeadlineExceeded.
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
		if r.end == nil {
			return fmt.Errorf("ring buffer reader: %w", ErrClosed)
		}
		ok, err := r.next(rec)
		if ok || err != nil {
			return err
		}
		if err := r.drain; err != nil {
			r.drain = nil
			return err
		}
		err = r.poller.Wait(func(int) {})
		switch {
		case err == nil:
		case errors.Is(err, os.ErrClosed):
			return fmt.Errorf("ring buffer reader: %w", ErrClosed)
		case errors.Is(err, poll.ErrWoken):
			r.drain = ErrFlushed
		case errors.Is(err, os.ErrDeadlineExceeded):
			r.drain = fmt.Errorf("ring buffer reader: %w", err)
		default:
			return err
		}
	}
}

// next takes the next record; false: there is none that is whole.
func (r *Reader) next(rec *Record) (bool, error) {
	data := r.producer[os.Getpagesize():]
	pos := atomic.LoadUint64(r.pos)
	for {
		end := atomic.LoadUint64(r.end)
		if pos == end {
			return false, nil
		}
		at := pos & uint64(r.size-1)
		// The kernel sets the length last.
		word := atomic.LoadUint32((*uint32)(unsafe.Pointer(&data[at])))
		if word&busyBit != 0 {
			return false, nil
		}
		n := uint64(word &^ (busyBit | discardBit))
		room := (headerSize + n + 7) &^ 7
		if room > end-pos || room > uint64(r.size) {
			return false, fmt.Errorf("ring buffer: a record of %d bytes, of %d written", n, end-pos)
		}
		if word&discardBit == 0 {
			if uint64(cap(rec.RawSample)) < n {
				rec.RawSample = make([]byte, n)
			}
			rec.RawSample = rec.RawSample[:n]
			// The data is mapped twice, so that no record is broken.
			copy(rec.RawSample, data[at+headerSize:][:n])
		}
		pos += room
		atomic.StoreUint64(r.pos, pos)
		if word&discardBit == 0 {
			rec.Remaining = int(end - pos)
			return true, nil
		}
	}
}

// Close ends Read with ErrClosed and gives everything back.
func (r *Reader) Close() error {
	err := r.poller.Close() // ends a Read that waits
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.end == nil {
		return nil
	}
	return errors.Join(err, r.unmap())
}
