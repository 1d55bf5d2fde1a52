// SPDX-License-Identifier: Apache-2.0

package ringbuf_test

import (
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

	"github.com/bpfshim/bpfshim/ioctl/fake"
	"github.com/bpfshim/bpfshim/loader"
	"github.com/bpfshim/bpfshim/loader/ringbuf"
)

func newReader(t *testing.T) (*fake.Device, *ringbuf.Reader) {
	t.Helper()
	d := fake.New(1)
	m, err := loader.NewMapWithOptions(&loader.MapSpec{Name: "ring", Type: loader.RingBuf, MaxEntries: uint32(os.Getpagesize())}, loader.MapOptions{Device: d})
	require.NoError(t, err)
	r, err := ringbuf.NewReader(m)
	require.NoError(t, err)
	// The reader lives by itself.
	require.NoError(t, m.Close())
	t.Cleanup(func() {
		r.Close()
		assert.Empty(t, d.Open(), "descriptors that were left open")
	})
	r.SetDeadline(time.Now().Add(20 * time.Second))
	return d, r
}

func TestRead(t *testing.T) {
	d, r := newReader(t)
	assert.Equal(t, os.Getpagesize(), r.BufferSize())
	require.NoError(t, d.Emit("ring", 0, []byte("one")))
	require.NoError(t, d.EmitSkipped("ring", []byte("not this")))
	require.NoError(t, d.Emit("ring", 0, nil))
	require.NoError(t, d.Emit("ring", 0, []byte("another")))
	assert.Equal(t, 16+16+8+16, r.AvailableBytes())
	for _, want := range []string{"one", "", "another"} {
		rec, err := r.Read()
		require.NoError(t, err)
		assert.Equal(t, want, string(rec.RawSample))
		assert.Equal(t, r.AvailableBytes(), rec.Remaining)
	}
	r.SetDeadline(time.Now().Add(10 * time.Millisecond))
	_, err := r.Read()
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

// TestWrap sends records of many sizes around the end, to a reader that
// sleeps between: each comes whole and in order.
func TestWrap(t *testing.T) {
	d, r := newReader(t)
	rng := rand.New(rand.NewPCG(3, 4))
	const total = 5000
	full := 0
	go func() {
		for i := uint32(0); i < total; {
			b := make([]byte, 8+rng.IntN(300))
			binary.NativeEndian.PutUint32(b, i)
			binary.NativeEndian.PutUint32(b[4:], uint32(len(b)))
			for j := range b[8:] {
				b[8+j] = byte(i)
			}
			err := d.Emit("ring", 0, b)
			switch {
			case err == nil:
				i++
			case errors.Is(err, unix.EAGAIN):
				full++
				time.Sleep(50 * time.Microsecond)
			default:
				t.Error(err)
				return
			}
		}
	}()
	var rec ringbuf.Record
	for i := uint32(0); i < total; i++ {
		require.NoError(t, r.ReadInto(&rec))
		require.Equal(t, i, binary.NativeEndian.Uint32(rec.RawSample))
		require.Equal(t, len(rec.RawSample), int(binary.NativeEndian.Uint32(rec.RawSample[4:])))
		for _, b := range rec.RawSample[8:] {
			require.Equal(t, byte(i), b, "record %d is torn", i)
		}
	}
	assert.Zero(t, r.AvailableBytes())
	t.Logf("full %d times", full)
}

func TestFlushAndClose(t *testing.T) {
	d, r := newReader(t)
	require.NoError(t, d.Emit("ring", 0, []byte("one")))
	require.NoError(t, r.Flush())
	_, err := r.Read()
	require.NoError(t, err)
	_, err = r.Read()
	require.ErrorIs(t, err, ringbuf.ErrFlushed)
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		_, err = r.Read()
	}()
	time.Sleep(20 * time.Millisecond)
	require.NoError(t, r.Close())
	wg.Wait()
	assert.ErrorIs(t, err, ringbuf.ErrClosed)
	require.NoError(t, r.Close(), "twice")
	_, err = r.Read()
	assert.ErrorIs(t, err, ringbuf.ErrClosed)
}

func TestBadMaps(t *testing.T) {
	d := fake.New(1)
	hash, err := loader.NewMapWithOptions(&loader.MapSpec{Type: loader.Hash, KeySize: 4, ValueSize: 4, MaxEntries: 1}, loader.MapOptions{Device: d})
	require.NoError(t, err)
	defer hash.Close()
	_, err = ringbuf.NewReader(nil)
	assert.Error(t, err)
	_, err = ringbuf.NewReader(hash)
	assert.Error(t, err)
}
