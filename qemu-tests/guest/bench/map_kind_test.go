// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"fmt"
	"testing"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"golang.org/x/sys/unix"
)

// kind is a map to measure. Keys differ in one byte.
type kind struct {
	name            string
	typ, key, value uint32
	flags           uint32
}

func keyed(k kind) bool  { return k.key != 0 }
func hashed(k kind) bool { return hashKind(k.typ) || k.typ == raw.LPMTrie }

func hashKind(typ uint32) bool {
	return typ == raw.Hash || typ == raw.PerCPUHash || typ == raw.LRUHash || typ == raw.LRUPerCPUHash
}

func (k kind) String() string {
	s := k.name
	if k.key != 0 && k.key != 4 {
		s += fmt.Sprintf(" key %d", k.key)
	}
	return s + fmt.Sprintf(" value %d", k.value)
}

var kinds = []kind{
	{"array", raw.Array, 4, 8, 0},
	{"array", raw.Array, 4, 64, 0},
	{"array", raw.Array, 4, 256, 0},
	{"per-CPU array", raw.PerCPUArray, 4, 8, 0},
	{"per-CPU array", raw.PerCPUArray, 4, 64, 0},
	{"hash", raw.Hash, 4, 8, 0},
	{"hash", raw.Hash, 8, 8, 0},
	{"hash", raw.Hash, 16, 64, 0},
	{"hash", raw.Hash, 64, 256, 0},
	{"hash no prealloc", raw.Hash, 8, 8, raw.NoPrealloc},
	{"hash no prealloc", raw.Hash, 16, 64, raw.NoPrealloc},
	{"per-CPU hash", raw.PerCPUHash, 4, 8, 0},
	{"per-CPU hash", raw.PerCPUHash, 16, 64, 0},
	{"per-CPU hash no prealloc", raw.PerCPUHash, 8, 8, raw.NoPrealloc},
	{"LRU hash", raw.LRUHash, 4, 8, 0},
	{"LRU hash", raw.LRUHash, 16, 64, 0},
	{"LRU hash own lists", raw.LRUHash, 8, 8, raw.NoCommonLRU},
	{"per-CPU LRU hash", raw.LRUPerCPUHash, 8, 8, 0},
	{"LPM trie", raw.LPMTrie, 8, 8, raw.NoPrealloc},
	{"LPM trie", raw.LPMTrie, 20, 64, raw.NoPrealloc},
	{"queue", raw.Queue, 0, 8, 0},
	{"queue", raw.Queue, 0, 64, 0},
	{"stack", raw.Stack, 0, 8, 0},
	{"bloom filter", raw.BloomFilter, 0, 8, 0},
	{"bloom filter", raw.BloomFilter, 0, 20, 0},
}

const (
	many     = 16  // operations that are measured together
	filled   = 64  // elements that there are, keys 0 to 63
	capacity = 256 // elements that there may be
	fresh    = 128 // the first key that is not there
)

// keyByte is the one that differs.
func (k kind) keyByte() int {
	if k.typ == raw.LPMTrie {
		return int(k.key) - 1
	}
	return 0
}

// putKey makes key n.
func (k kind) putKey(b []byte, n int) {
	clear(b[:k.key])
	if k.typ == raw.LPMTrie {
		b[0] = byte(8 * (k.key - 4))
	}
	b[k.keyByte()] = byte(n)
}

// made is a map of one target, and the calls on it, ready to be made.
type made struct {
	kind
	e      *engine
	fd     int
	attrs  []*raw.Attr // by key
	values []byte
}

const valueRoom = 64 << 10 // for the values of all CPUs

// size of the attribute of a command on one element, as careful loaders give it.
func attrSize(cmd uint32) uint32 {
	switch cmd {
	case raw.MapDelete:
		return 16
	case raw.MapNextKey:
		return 24
	}
	return 32
}

// newKind makes a map, or says that the target has none such.
func (e *engine) newKind(k kind, max uint32) (*made, unix.Errno) {
	fd, errno := e.tgt.Do(raw.MapCreate, raw.Map(k.typ, k.key, k.value, max, k.flags))
	if errno != 0 {
		return nil, errno
	}
	return e.callsOn(k, fd), 0
}

// callsOn prepares the calls on a map.
func (e *engine) callsOn(k kind, fd int) *made {
	m := &made{kind: k, e: e, fd: fd, values: raw.Alloc(valueRoom)}
	keys := raw.Alloc(256 * 64)
	attrs := raw.Alloc(256 * 64)
	for n := 0; n < 256; n++ {
		key := keys[64*n : 64*n+64]
		a := raw.Over(attrs[64*n:]).U32(0, uint32(fd)).U64(16, raw.Addr(m.values))
		if k.key != 0 {
			k.putKey(key, n)
			a.U64(8, raw.Addr(key))
		}
		m.attrs = append(m.attrs, a)
	}
	for n := range m.values {
		m.values[n] = 1
	}
	return m
}

// call is one command on key n.
func (m *made) call(cmd uint32, n int) unix.Errno {
	_, errno := m.e.tgt.Call(cmd, m.attrs[n].Addr(), attrSize(cmd))
	return errno
}

func (m *made) each(cmd uint32, from, to int) {
	for n := from; n < to; n++ {
		_ = m.call(cmd, n)
	}
}

func (m *made) fill(t *testing.T) {
	t.Helper()
	n := filled
	if m.key == 4 && !hashKind(m.typ) {
		return
	}
	for i := 0; i < n; i++ {
		if errno := m.call(raw.MapUpdate, i); errno != 0 {
			t.Fatalf("%s: %s: fill: %s", m.e.name, m.kind, raw.ErrName(errno))
		}
	}
}

func (m *made) close() { unix.Close(m.fd) }
