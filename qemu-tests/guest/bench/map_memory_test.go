// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"golang.org/x/sys/unix"
)

// TestMeasureMemory writes /out/bench-memory.json: what an entry of a full map
// takes of the machine's memory. Each engine has a guest of its own, since what
// one leaves in the kernel's reserves the next one finds there.
func TestMeasureMemory(t *testing.T) {
	engine := os.Getenv("BENCH_MEMORY")
	if engine == "" {
		t.Skip("make bench says whose")
	}
	b := &bench{t: t}
	for _, e := range engines(t) {
		if e.name != engine {
			continue
		}
		for _, k := range memoryKinds {
			b.memory(e, k)
		}
	}
	b.write("bench-memory.json")
}

// memoryKind is a map and how many entries it is to have.
type memoryKind struct {
	kind
	entries uint32
	fills   bool // memory comes with the entries, not with the map
}

var memoryKinds = []memoryKind{
	{kind{"array", raw.Array, 4, 8, 0}, 1 << 18, false},
	{kind{"array", raw.Array, 4, 64, 0}, 1 << 16, false},
	{kind{"per-CPU array", raw.PerCPUArray, 4, 8, 0}, 1 << 15, false},
	{kind{"per-CPU array", raw.PerCPUArray, 4, 64, 0}, 1 << 14, false},
	{kind{"hash", raw.Hash, 4, 8, 0}, 1 << 16, false},
	{kind{"hash", raw.Hash, 8, 8, 0}, 1 << 16, false},
	{kind{"hash", raw.Hash, 16, 64, 0}, 1 << 15, false},
	{kind{"hash no prealloc", raw.Hash, 8, 8, raw.NoPrealloc}, 1 << 14, true},
	{kind{"hash no prealloc", raw.Hash, 16, 64, raw.NoPrealloc}, 1 << 14, true},
	{kind{"per-CPU hash", raw.PerCPUHash, 8, 8, 0}, 1 << 14, false},
	{kind{"per-CPU hash", raw.PerCPUHash, 16, 64, 0}, 1 << 14, false},
	{kind{"per-CPU hash no prealloc", raw.PerCPUHash, 8, 8, raw.NoPrealloc}, 1 << 14, true},
	{kind{"LRU hash", raw.LRUHash, 8, 8, 0}, 1 << 16, false},
	{kind{"LRU hash", raw.LRUHash, 16, 64, 0}, 1 << 15, false},
	{kind{"per-CPU LRU hash", raw.LRUPerCPUHash, 8, 8, 0}, 1 << 14, false},
	{kind{"LPM trie", raw.LPMTrie, 8, 8, raw.NoPrealloc}, 1 << 14, true},
	{kind{"LPM trie", raw.LPMTrie, 20, 64, raw.NoPrealloc}, 1 << 14, true},
	{kind{"queue", raw.Queue, 0, 8, 0}, 1 << 18, false},
	{kind{"stack", raw.Stack, 0, 64, 0}, 1 << 16, false},
	{kind{"bloom filter", raw.BloomFilter, 0, 8, 0}, 1 << 20, false},
	{kind{"stack traces", raw.StackTrace, 4, 1016, 0}, 1 << 13, false},
	{kind{"prog array", raw.ProgArray, 4, 4, 0}, 1 << 18, false},
	{kind{"perf event array", raw.PerfArray, 4, 4, 0}, 1 << 18, false},
	{kind{"ring buffer, a byte", raw.Ringbuf, 0, 0, 0}, 1 << 22, false},
}

// memory takes several maps of a kind and sees what is left.
func (b *bench) memory(e *engine, k memoryKind) {
	const maps = 3
	var fds []int
	key, value := raw.Alloc(64), raw.Alloc(valueRoom)
	attr := raw.Over(raw.Alloc(64))
	var left int64
	for i := 0; i <= maps; i++ {
		m, errno := e.tgt.Do(raw.MapCreate, raw.Map(k.typ, k.key, k.value, k.entries, k.flags))
		if errno != 0 {
			b.t.Logf("%s: no %s: %s", e.name, k.kind, raw.ErrName(errno))
			break
		}
		fds = append(fds, m)
		for n := uint32(0); k.fills && n < k.entries; n++ {
			clear(key)
			k.putNumber(key, n)
			attr.U32(0, uint32(m)).U64(8, raw.Addr(key)).U64(16, raw.Addr(value)).U64(24, 0)
			if _, errno := e.tgt.Call(raw.MapUpdate, attr.Addr(), 32); errno != 0 {
				b.t.Fatalf("%s: %s: entry %d: %s", e.name, k.kind, n, raw.ErrName(errno))
			}
		}
		if i == 0 {
			left = freeMemory(b.t) // the first one finds the kernel's reserves empty
		}
	}
	if len(fds) > maps {
		used := float64(left-freeMemory(b.t)) / maps / float64(k.entries)
		b.t.Logf("%-40s %-7s %9.1f bytes", k.kind, e.name, used)
		b.results = append(b.results, result{"map", "memory: " + k.kind.String(), os.Getenv("BENCH_KERNEL"), e.name, "memory", "bytes", used})
	}
	for _, fd := range fds {
		unix.Close(fd)
	}
	freeMemory(b.t)
}

// putNumber makes key n of many; those of tries part at random.
func (k kind) putNumber(b []byte, n uint32) {
	at := 0
	if k.typ == raw.LPMTrie {
		b[0] = byte(8 * (k.key - 4))
		at = 4
		n *= 0x9e3779b1
	}
	raw.Over(b).U32(at, n)
}

// freeMemory is what nobody uses, in bytes, when all is settled.
func freeMemory(t *testing.T) int64 {
	t.Helper()
	runtime.GC()
	unix.Sync()
	last, same := int64(-1), 0
	for try := 0; try < 30 && same < 3; try++ {
		time.Sleep(1100 * time.Millisecond) // the kernel adds its counters up each second
		_ = os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0)
		_, _ = os.ReadFile("/proc/sys/vm/stat_refresh")
		b, err := os.ReadFile("/proc/zoneinfo")
		if err != nil {
			t.Fatal(err)
		}
		var pages int64
		for _, line := range bytes.Split(b, []byte("\n")) {
			f := bytes.Fields(line)
			if len(f) == 2 && (string(f[0]) == "nr_free_pages" || string(f[0]) == "count:") {
				n, _ := strconv.ParseInt(string(f[1]), 10, 64)
				pages += n
			}
		}
		if d := pages - last; d <= 4 && d >= -4 {
			same++ // what maps leave is freed in steps
		} else {
			same = 0
		}
		last = pages
	}
	return last << 12
}
