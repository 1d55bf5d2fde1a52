// SPDX-License-Identifier: Apache-2.0

package lifetime

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"golang.org/x/sys/unix"
)

// freedWithin is how long memory may outlive its last user: RCU's grace
// period and a work item.
const freedWithin = 5 * time.Second

// freed waits for the module to hold no memory.
func freed(t *testing.T, tgt *raw.Target) {
	t.Helper()
	start := time.Now()
	for {
		info, errno := tgt.Info()
		if errno != 0 {
			t.Fatalf("info: %s", raw.ErrName(errno))
		}
		got := info.Objects()
		if got == raw.None {
			t.Logf("all freed after %v", time.Since(start).Round(time.Millisecond))
			return
		}
		if time.Since(start) > guest.Patience(freedWithin) {
			t.Fatalf("%v after the last close: %s", freedWithin, got)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// charged is how many bytes the module says it holds.
func charged(t *testing.T, tgt *raw.Target) uint64 {
	t.Helper()
	info, errno := tgt.Info()
	if errno != 0 {
		t.Fatalf("info: %s", raw.ErrName(errno))
	}
	return info.Mem
}

// TestMemoryIsCountedAndFreed: each kind of object counts at least the bytes
// that it can be seen to need, and none of them is left.
func TestMemoryIsCountedAndFreed(t *testing.T) {
	tgt := open(t)
	freed(t, tgt)
	const n = 1000
	kinds := []struct {
		name           string
		typ, key, size uint32
		entries        uint32
		least          uint64
	}{
		{"array", raw.Array, 4, 64, n, n * 64},
		{"per-CPU array", raw.PerCPUArray, 4, 64, n, n * 64},
		{"hash", raw.Hash, 8, 64, n, n * 72},
		{"per-CPU hash", raw.PerCPUHash, 8, 64, n, n * 72},
		{"program array", raw.ProgArray, 4, 4, n, n * 8},
		{"perf event array", raw.PerfArray, 4, 4, n, n * 8},
		{"ring buffer", raw.Ringbuf, 0, 0, 64 << 10, 64 << 10},
	}
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			before := charged(t, tgt)
			fd := must(t, "map")(tgt.Do(raw.MapCreate, raw.Map(k.typ, k.key, k.size, k.entries, 0)))
			if got := charged(t, tgt) - before; got < k.least {
				t.Errorf("%d bytes counted, of %d at least", got, k.least)
			}
			closeAll(fd)
			freed(t, tgt)
		})
	}
	t.Run("hash without preallocation", func(t *testing.T) {
		fd := must(t, "map")(tgt.Do(raw.MapCreate, raw.Map(raw.Hash, 8, 64, n, raw.NoPrealloc)))
		empty := charged(t, tgt)
		key := raw.Alloc(8)
		for i := uint64(0); i < n; i++ {
			binary.NativeEndian.PutUint64(key, i)
			if errno := tgt.Update(fd, key, make([]byte, 64), 0); errno != 0 {
				t.Fatalf("update: %s", raw.ErrName(errno))
			}
		}
		if full := charged(t, tgt); full <= empty || full < n*72 {
			t.Errorf("%d bytes counted empty, %d with %d elements of 72 bytes", empty, full, n)
		}
		closeAll(fd)
		freed(t, tgt)
	})
	t.Run("programs", func(t *testing.T) {
		m := newMap(t, tgt)
		empty := charged(t, tgt)
		var fds []int
		for i := 0; i < 20; i++ {
			fds = append(fds, newCounter(t, tgt, raw.Kprobe, m))
		}
		if got := charged(t, tgt) - empty; got < 20*10*8 {
			t.Errorf("20 programs of 10 instructions count %d bytes", got)
		}
		closeAll(append(fds, m)...)
		freed(t, tgt)
	})
	t.Run("mapped output", func(t *testing.T) {
		const size = 65 * 4096
		o := must(t, "output")(tgt.Output(0, 1))
		b, err := unix.Mmap(o, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			t.Fatal(err)
		}
		closeAll(o) // the mapping holds it
		time.Sleep(50 * time.Millisecond)
		if got := charged(t, tgt); got < size {
			t.Errorf("a mapped buffer of %d bytes counts %d", size, got)
		}
		if err := unix.Munmap(b); err != nil {
			t.Fatal(err)
		}
		freed(t, tgt)
	})
}
