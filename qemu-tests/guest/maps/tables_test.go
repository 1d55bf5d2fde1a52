// SPDX-License-Identifier: Apache-2.0

package maps

import (
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/oracle"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"golang.org/x/sys/unix"
)

const tablesGolden = "/testdata/tables-6.1.txt"

// tables are the types that hold elements by key.
var tables = []oracle.Script{
	{Name: "inner templates", Do: innerTemplates},
	{Name: "outer attributes", Do: outerAttributes},
	{Name: "what fits inside", Do: innerFits},
	{Name: "outer commands", Do: outerCommands},
	{Name: "outer batches", Do: outerBatches},
	{Name: "programs follow inner maps", Do: innerPrograms},
	{Name: "random maps of maps", Do: outerRandom},
	{Name: "stack map create", Do: func(r *oracle.Run) { createAll(r, stackKinds) }},
	{Name: "stack map commands", Do: func(r *oracle.Run) { commandsAll(r, stackKinds) }},
	{Name: "stack helpers", Do: stackHelpers},
	{Name: "LRU create", Do: func(r *oracle.Run) { createAll(r, lruKinds) }},
	{Name: "LRU commands", Do: func(r *oracle.Run) { commandsAll(r, lruKinds) }},
	{Name: "LRU by turns", Do: lruRandom},
	{Name: "prefix create", Do: func(r *oracle.Run) { createAll(r, prefixKinds) }},
	{Name: "prefix commands", Do: func(r *oracle.Run) { commandsAll(r, prefixKinds) }},
	{Name: "prefixes by turns", Do: prefixRandom},
}

// made makes a map, or says why not.
func made(r *oracle.Run, a *raw.Attr) (int, string) {
	fd, errno := r.Tgt.Do(raw.MapCreate, a)
	if errno == 0 {
		r.Cleanup(func() { unix.Close(fd) })
	}
	return fd, raw.ErrName(errno)
}

func k32(v int) []byte { return []byte{byte(v), byte(v >> 8), byte(v >> 16), byte(v >> 24)} }

// idOf is a map's id.
func idOf(r *oracle.Run, fd int) uint32 {
	info := raw.Alloc(96)
	a := raw.NewAttr().U32(0, uint32(fd)).U32(4, 96).U64(8, raw.Addr(info))
	if _, errno := r.Tgt.Do(raw.ObjInfo, a); errno != 0 {
		r.Fatalf("info: %s", raw.ErrName(errno))
	}
	return u32(info[4:])
}

func u32(b []byte) uint32 {
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

// keysOf walks a map, in the order of its keys.
func keysOf(r *oracle.Run, fd, size int) []string {
	var keys []string
	var next []byte
	for len(keys) < 1000 {
		var errno unix.Errno
		if next, errno = r.Tgt.NextKey(fd, next, size); errno != 0 {
			keys = append(keys, "~"+raw.ErrName(errno))
			break
		}
		keys = append(keys, fmt.Sprintf("%x", next))
	}
	sort.Strings(keys)
	return keys
}

func line(keys []string) string { return strings.Join(keys, " ") }

// TestFailedMapLeavesNothing makes maps that there is no memory for.
func TestFailedMapLeavesNothing(t *testing.T) {
	tgt, err := raw.Open()
	if err != nil {
		t.Fatal(err)
	}
	before, errno := tgt.Info()
	if errno != 0 {
		t.Fatal(raw.ErrName(errno))
	}
	failed := 0
	for _, a := range []*raw.Attr{
		raw.Map(raw.Hash, 4, 8, 1<<30, raw.NoPrealloc),
		raw.Map(raw.Array, 4, 8, 1<<28, 0),
		raw.Map(raw.PerCPUArray, 4, 8, 1<<28, 0),
		raw.Map(raw.Hash, 4, 8, 1<<25, 0),
		raw.Map(raw.Ringbuf, 0, 0, 1<<30, 0),
		raw.Map(raw.Queue, 0, 1<<10, 1<<28, 0),
		raw.Map(raw.BloomFilter, 0, 8, 0xffffffff, 0),
	} {
		fd, errno := tgt.Do(raw.MapCreate, a)
		if errno == 0 {
			unix.Close(fd)
			continue
		}
		failed++
	}
	if failed == 0 {
		t.Error("there was memory for all of them")
	}
	// What failed is freed a grace period later.
	for i := 0; ; i++ {
		after, _ := tgt.Info()
		if after.Maps <= before.Maps && after.Mem <= before.Mem {
			return
		}
		if i == 100 {
			t.Fatalf("%s; before: %s", after.Objects(), before.Objects())
		}
		_ = unix.Nanosleep(&unix.Timespec{Nsec: 2e7}, nil)
	}
}
