// SPDX-License-Identifier: Apache-2.0

package maps

import (
	"github.com/bpfshim/bpfshim/qemu-tests/guest/oracle"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"golang.org/x/sys/unix"
)

// kind is a type under test, with attributes that make a map of it.
type kind struct {
	name                 string
	typ, key, value, max uint32
}

// flags are those without which there is no such map.
func (k kind) flags() uint32 {
	if k.typ == raw.LPMTrie {
		return raw.NoPrealloc
	}
	return 0
}

var kinds = []kind{
	{"ringbuf", raw.Ringbuf, 0, 0, 4096},
	{"queue", raw.Queue, 0, 8, 4},
	{"stack", raw.Stack, 0, 8, 4},
	{"user ringbuf", raw.UserRingbuf, 0, 0, 4096},
	{"bloom", raw.BloomFilter, 0, 8, 4},
}

func create(r *oracle.Run) { createAll(r, kinds) }

// createAll tries attributes around those that are right.
func createAll(r *oracle.Run, kinds []kind) {
	for _, k := range kinds {
		must := k.flags()
		try := func(what string, a *raw.Attr) {
			fd, errno := r.Tgt.Do(raw.MapCreate, a)
			if errno == 0 {
				unix.Close(fd)
			}
			r.Sayf("%s: %s: %s", k.name, what, raw.ErrName(errno))
		}
		try("right", raw.Map(k.typ, k.key, k.value, k.max, must))
		for _, n := range []uint32{0, 1, 2, 3, 4, 8, 4095, 4096, 4097, 8192, 12288, 1 << 20, 1<<20 + 4096} {
			try("max "+itoa(n), raw.Map(k.typ, k.key, k.value, n, must))
		}
		for _, n := range []uint32{0, 1, 4, 8, 1 << 31} {
			try("key "+itoa(n), raw.Map(k.typ, n, k.value, k.max, must))
		}
		for _, n := range []uint32{0, 1, 3, 4, 8, 512, 1<<22 + 1, 1 << 31, 0xffffffff} {
			try("value "+itoa(n), raw.Map(k.typ, k.key, n, min(k.max, 4096), must))
		}
		for bit := 0; bit < 32; bit++ {
			try("flag "+itoa(uint32(bit)), raw.Map(k.typ, k.key, k.value, k.max, must|1<<bit))
		}
		if must != 0 {
			try("no flags", raw.Map(k.typ, k.key, k.value, k.max, 0))
		}
		try("both ways only", raw.Map(k.typ, k.key, k.value, k.max, must|3<<3))
		try("both ways only of programs", raw.Map(k.typ, k.key, k.value, k.max, must|3<<7))
		for _, node := range []uint32{0, 1, 1 << 20, 0xffffffff} {
			try("node "+itoa(node), raw.Map(k.typ, k.key, k.value, k.max, must|raw.NUMANode).U32(24, node))
		}
		for _, x := range []uint64{1, 2, 15, 16, 1 << 32, 1 << 63} {
			try("extra "+itoa(x), raw.Map(k.typ, k.key, k.value, k.max, must).U64(64, x))
		}
		try("inner map", raw.Map(k.typ, k.key, k.value, k.max, must).U32(20, 7))
		try("device", raw.Map(k.typ, k.key, k.value, k.max, must).U32(44, 1))
		try("read-only", raw.Map(k.typ, k.key, k.value, k.max, must|raw.Rdonly))
	}
}

func commands(r *oracle.Run) { commandsAll(r, kinds) }

// commandsAll makes every call on one element, on many, and on the map itself.
func commandsAll(r *oracle.Run, kinds []kind) {
	key, val := raw.Alloc(64), raw.Alloc(4096)
	for _, k := range kinds {
		fd := r.Map(raw.Map(k.typ, k.key, k.value, k.max, k.flags()))
		for _, c := range []uint32{raw.MapLookup, raw.MapUpdate, raw.MapDelete, raw.MapNextKey, raw.MapLookupDelete} {
			for _, p := range []struct {
				name     string
				key, val uint64
			}{
				{"no key, no value", 0, 0}, {"key", raw.Addr(key), 0}, {"value", 0, raw.Addr(val)},
				{"key, value", raw.Addr(key), raw.Addr(val)}, {"wild value", 0, 1 << 46},
			} {
				for _, flags := range []uint64{0, 1, 2, 3, 4, 8, 1 << 40} {
					_, errno := r.Tgt.Do(c, raw.Elem(fd, p.key, p.val, flags))
					r.Sayf("%s: %s: %s, flags %#x: %s", k.name, raw.CmdNames[c], p.name, flags, raw.ErrName(errno))
				}
			}
		}
		for _, c := range []uint32{raw.MapLookupBatch, raw.MapLookupDeleteBatch, raw.MapUpdateBatch, raw.MapDeleteBatch} {
			_, errno := r.Tgt.Do(c, raw.Batch(fd, 0, raw.Addr(key), raw.Addr(val), raw.Addr(val), 1))
			r.Sayf("%s: %s: %s", k.name, raw.CmdNames[c], raw.ErrName(errno))
		}
		info := raw.Alloc(96)
		_, errno := r.Tgt.Do(raw.ObjInfo, raw.NewAttr().U32(0, uint32(fd)).U32(4, uint32(len(info))).U64(8, raw.Addr(info)))
		r.Sayf("%s: info: %s %x %x", k.name, raw.ErrName(errno), info[:4], info[8:24])
		p := []unix.PollFd{{Fd: int32(fd), Events: -1}}
		n, err := unix.Poll(p, 0)
		r.Sayf("%s: poll: %d %v %#x", k.name, n, err, p[0].Revents)
		_, err = unix.Mmap(fd, 0, 4096, unix.PROT_READ, unix.MAP_SHARED)
		r.Sayf("%s: mmap: %v", k.name, err)
		for i := 0; i < 2; i++ {
			_, errno = r.Tgt.Do(raw.MapFreeze, raw.NewAttr().U32(0, uint32(fd)))
			r.Sayf("%s: freeze: %s", k.name, raw.ErrName(errno))
		}
		_, errno = r.Tgt.Do(raw.MapUpdate, raw.Elem(fd, 0, raw.Addr(val), 0))
		r.Sayf("%s: update of the frozen: %s", k.name, raw.ErrName(errno))
		for _, only := range []uint32{raw.Rdonly, raw.Wronly} {
			fd, errno := r.Tgt.Do(raw.MapCreate, raw.Map(k.typ, k.key, k.value, k.max, only))
			if errno != 0 {
				continue
			}
			for _, c := range []uint32{raw.MapUpdate, raw.MapLookup, raw.MapLookupDelete} {
				_, errno = r.Tgt.Do(c, raw.Elem(fd, 0, raw.Addr(val), 0))
				r.Sayf("%s: %#x only: %s: %s", k.name, only, raw.CmdNames[c], raw.ErrName(errno))
			}
			unix.Close(fd)
		}
	}
}
