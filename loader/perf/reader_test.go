// SPDX-License-Identifier: Apache-2.0

package perf_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/ioctl"
	"github.com/bpfshim/bpfshim/ioctl/fake"
	"github.com/bpfshim/bpfshim/loader"
	"github.com/bpfshim/bpfshim/loader/perf"
)

func newArray(t *testing.T) (*fake.Device, *loader.Map) {
	t.Helper()
	d := fake.New(loader.MustPossibleCPU())
	m, err := loader.NewMapWithOptions(&loader.MapSpec{Name: "events", Type: loader.PerfEventArray}, loader.MapOptions{Device: d})
	require.NoError(t, err)
	t.Cleanup(func() {
		m.Close()
		assert.Empty(t, d.Open(), "descriptors that were left open")
	})
	return d, m
}

func newReader(t *testing.T, m *loader.Map, size int) *perf.Reader {
	t.Helper()
	r, err := perf.NewReader(m, size)
	require.NoError(t, err)
	t.Cleanup(func() { r.Close() })
	return r
}

func TestRead(t *testing.T) {
	d, m := newArray(t)
	r := newReader(t, m, 4096)
	require.NoError(t, d.Emit("events", 0, []byte("hello")))
	last := loader.MustPossibleCPU() - 1
	require.NoError(t, d.Emit("events", last, []byte("worlds")))
	r.SetDeadline(time.Now().Add(5 * time.Second))
	got := map[int]string{}
	for range 2 {
		rec, err := r.Read()
		require.NoError(t, err)
		got[rec.CPU] += string(bytes.TrimRight(rec.RawSample, "\x00"))
		assert.Zero(t, (len(rec.RawSample)+4)%8, "padded as the kernel pads")
	}
	if last == 0 {
		assert.Equal(t, map[int]string{0: "helloworlds"}, got)
	} else {
		assert.Equal(t, map[int]string{0: "hello", last: "worlds"}, got)
	}
	r.SetDeadline(time.Now().Add(10 * time.Millisecond))
	_, err := r.Read()
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

// TestWrap sends records of many sizes through a small buffer, with a reader
// that lags: each comes whole and in order, and losses add up.
func TestWrap(t *testing.T) {
	d, m := newArray(t)
	r := newReader(t, m, 1)
	assert.Equal(t, os.Getpagesize(), r.BufferSize())
	rng := rand.New(rand.NewPCG(1, 2))
	const total = 5000
	sent := 0
	go func() {
		for i := uint32(0); i < total; i++ {
			b := make([]byte, 8+rng.IntN(300))
			binary.NativeEndian.PutUint32(b, i)
			binary.NativeEndian.PutUint32(b[4:], uint32(len(b)))
			for j := range b[8:] {
				b[8+j] = byte(i)
			}
			if err := d.Emit("events", 0, b); err != nil && !errors.Is(err, unix.ENOSPC) {
				t.Error(err)
			}
			if i%64 == 0 {
				time.Sleep(100 * time.Microsecond)
			}
		}
		// One more that fits tells of the last losses.
		for d.Emit("events", 0, []byte("end.....")) != nil {
			time.Sleep(time.Millisecond)
		}
	}()
	var rec perf.Record
	lost, next := uint64(0), uint32(0)
	r.SetDeadline(time.Now().Add(20 * time.Second))
	for {
		require.NoError(t, r.ReadInto(&rec))
		if rec.LostSamples > 0 {
			lost += rec.LostSamples
			next += uint32(rec.LostSamples)
			continue
		}
		if bytes.HasPrefix(rec.RawSample, []byte("end.")) {
			break
		}
		i, n := binary.NativeEndian.Uint32(rec.RawSample), binary.NativeEndian.Uint32(rec.RawSample[4:])
		require.Equal(t, next, i, "order")
		next++
		sent++
		for _, b := range rec.RawSample[8:n] {
			require.Equal(t, byte(i), b, "record %d is torn", i)
		}
	}
	// "end" may itself have been lost before.
	assert.GreaterOrEqual(t, lost+uint64(sent), uint64(total))
	assert.Positive(t, lost, "the buffer was never full: the test shows nothing")
}

func TestCloseEndsRead(t *testing.T) {
	_, m := newArray(t)
	r := newReader(t, m, 4096)
	var wg sync.WaitGroup
	wg.Add(1)
	var err error
	go func() {
		defer wg.Done()
		_, err = r.Read()
	}()
	time.Sleep(20 * time.Millisecond)
	require.NoError(t, r.Close())
	wg.Wait()
	assert.ErrorIs(t, err, perf.ErrClosed)
	require.NoError(t, r.Close(), "twice")
	_, err = r.Read()
	assert.ErrorIs(t, err, perf.ErrClosed)
	assert.ErrorIs(t, r.Pause(), perf.ErrClosed)
	assert.ErrorIs(t, r.Flush(), perf.ErrClosed)
}

func TestFlush(t *testing.T) {
	d, m := newArray(t)
	r := newReader(t, m, 4096)
	require.NoError(t, d.Emit("events", 0, []byte("one")))
	require.NoError(t, r.Flush())
	_, err := r.Read()
	require.NoError(t, err)
	_, err = r.Read()
	require.ErrorIs(t, err, perf.ErrFlushed)
	r.SetDeadline(time.Now())
	_, err = r.Read()
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded, "flushed once")
}

// TestDeadlineReachesWaitingRead: SetDeadline works on a Read under way.
func TestDeadlineReachesWaitingRead(t *testing.T) {
	_, m := newArray(t)
	r := newReader(t, m, 4096)
	time.AfterFunc(20*time.Millisecond, func() { r.SetDeadline(time.Now()) })
	_, err := r.Read()
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

func TestPause(t *testing.T) {
	d, m := newArray(t)
	r := newReader(t, m, 4096)
	require.NoError(t, r.Pause())
	assert.ErrorIs(t, d.Emit("events", 0, []byte("x")), unix.ENOENT)
	require.NoError(t, r.Resume())
	require.NoError(t, r.Resume())
	assert.NoError(t, d.Emit("events", 0, []byte("x")))
}

func TestOpenFailsWhole(t *testing.T) {
	d, m := newArray(t)
	d.Fail(ioctl.ExtOutputOpen, loader.MustPossibleCPU()-1, unix.ENOMEM)
	_, err := perf.NewReader(m, 4096)
	assert.ErrorIs(t, err, unix.ENOMEM)
	assert.Equal(t, []string{"map 1"}, d.Open())

	// An offline CPU is no error.
	if loader.MustPossibleCPU() > 1 {
		d.Fail(ioctl.ExtOutputOpen, 1, unix.ENODEV)
		r, err := perf.NewReader(m, 4096)
		require.NoError(t, err)
		assert.NoError(t, d.Emit("events", 0, []byte("x")))
		assert.ErrorIs(t, d.Emit("events", 1, []byte("x")), unix.ENOENT)
		r.Close()
	}

	hash, err := loader.NewMapWithOptions(&loader.MapSpec{Type: loader.Hash, KeySize: 4, ValueSize: 4, MaxEntries: 1}, loader.MapOptions{Device: d})
	require.NoError(t, err)
	defer hash.Close()
	for _, bad := range []func() (*perf.Reader, error){
		func() (*perf.Reader, error) { return perf.NewReader(nil, 4096) },
		func() (*perf.Reader, error) { return perf.NewReader(hash, 4096) },
		func() (*perf.Reader, error) { return perf.NewReader(m, 0) },
		func() (*perf.Reader, error) {
			return perf.NewReaderWithOptions(m, 4096, perf.ReaderOptions{Watermark: 4096})
		},
		func() (*perf.Reader, error) {
			return perf.NewReaderWithOptions(m, 4096, perf.ReaderOptions{Watermark: 8, WakeupEvents: 2})
		},
	} {
		_, err := bad()
		assert.Error(t, err)
	}
}
