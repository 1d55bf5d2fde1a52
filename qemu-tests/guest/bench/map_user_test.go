// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"golang.org/x/sys/unix"
)

const rounds = 60

// timed is the least number of instructions of many calls, one of which it
// returns; between rounds, before() puts things right.
func timed(before func(), calls func()) float64 {
	best := int64(1) << 62
	for i := 0; i < rounds; i++ {
		if before != nil {
			before()
		}
		start := time.Now()
		calls()
		if d := int64(time.Since(start)); d < best && i > 4 {
			best = d
		}
	}
	return float64(best - clockCost())
}

// clockCost is what looking at the clock takes.
func clockCost() int64 {
	best := int64(1) << 62
	for i := 0; i < 100; i++ {
		start := time.Now()
		if d := int64(time.Since(start)); d < best {
			best = d
		}
	}
	return best
}

// trap is the system call that is a command on key n, whole, from user space and
// back.
func (m *made) trap(cmd uint32) func(n int) {
	if m.e.tgt.IsNative() {
		return func(n int) {
			_, _, _ = unix.RawSyscall(unix.SYS_BPF, uintptr(cmd), m.attrs[n].Addr(), uintptr(attrSize(cmd)))
		}
	}
	fd, op := uintptr(m.e.tgt.FD()), uintptr(3<<30|0xBF<<8|attrSize(cmd)<<16|cmd)
	return func(n int) { _, _, _ = unix.RawSyscall(unix.SYS_IOCTL, fd, op, m.attrs[n].Addr()) }
}

// system is the cost of one call of a command on many keys from n on.
func (m *made) system(cmd uint32, n int, before func()) float64 {
	call := m.trap(cmd)
	return timed(before, func() {
		for i := n; i < n+many; i++ {
			call(i)
		}
	}) / many
}

// userSide measures what a process does with the map.
func (b *bench) userSide(m *made) {
	add := func(op string, value float64) { b.addMap("user", m.kind, op, m.e, value) }
	// one runs the operation once on key n, to see whether there is such.
	one := func(op string, cmd uint32, n int, before func()) {
		if before != nil {
			before()
		}
		want := unix.Errno(0)
		if op == "lookup, miss" {
			want = unix.ENOENT
		}
		if errno := m.call(cmd, n); errno != want {
			b.t.Logf("%s: %s: %s: %s", m.e.name, m.kind, op, raw.ErrName(errno))
			return
		}
		add(op, m.system(cmd, n, before))
	}
	if m.key == 0 {
		push := func() { m.each(raw.MapUpdate, 0, many) }
		one("push", raw.MapUpdate, 0, func() { m.each(raw.MapLookupDelete, 0, 2*many) })
		if m.typ == raw.BloomFilter {
			one("peek", raw.MapLookup, 0, push)
			return
		}
		one("peek", raw.MapLookup, 0, push)
		one("pop", raw.MapLookupDelete, 0, push)
		m.each(raw.MapLookupDelete, 0, capacity)
		return
	}
	one("lookup", raw.MapLookup, 0, nil)
	one("update", raw.MapUpdate, 0, nil)
	one("next key", raw.MapNextKey, 0, nil)
	if !hashed(m.kind) {
		b.batches(m, false)
		return
	}
	one("lookup, miss", raw.MapLookup, fresh, nil)
	one("update, new", raw.MapUpdate, fresh, func() { m.each(raw.MapDelete, fresh, fresh+many) })
	one("delete", raw.MapDelete, fresh, func() { m.each(raw.MapUpdate, fresh, fresh+many) })
	one("lookup and delete", raw.MapLookupDelete, fresh, func() { m.each(raw.MapUpdate, fresh, fresh+many) })
	m.each(raw.MapDelete, fresh, fresh+many)
	b.batches(m, true)
}

// batches measures the commands on many elements, by element.
func (b *bench) batches(m *made, removes bool) {
	const n = filled
	keys, values, at := raw.Alloc(n*int(m.key)), raw.Alloc(valueRoom), raw.Alloc(256)
	attr := raw.NewAttr()
	if m.value*n > valueRoom {
		return
	}
	run := func(cmd uint32) unix.Errno {
		attr.U64(0, 0).U64(8, raw.Addr(at)).U64(16, raw.Addr(keys)).U64(24, raw.Addr(values)).U32(32, n).U32(36, uint32(m.fd))
		_, errno := m.e.tgt.Call(cmd, attr.Addr(), 56)
		return errno
	}
	for i := 0; i < n; i++ {
		m.putKey(keys[i*int(m.key):], i)
	}
	trap, a1, a2, size := uintptr(unix.SYS_BPF), uintptr(0), attr.Addr(), uintptr(56)
	for _, c := range []struct {
		op     string
		cmd    uint32
		before uint32 // the command that puts things right
	}{
		{"update batch", raw.MapUpdateBatch, 0},
		{"lookup batch", raw.MapLookupBatch, 0},
		{"delete batch", raw.MapDeleteBatch, raw.MapUpdateBatch},
		{"lookup and delete batch", raw.MapLookupDeleteBatch, raw.MapUpdateBatch},
	} {
		if (c.cmd == raw.MapDeleteBatch || c.cmd == raw.MapLookupDeleteBatch) && !removes {
			continue
		}
		if errno := run(c.cmd); errno != 0 && errno != unix.ENOENT {
			b.t.Logf("%s: %s: %s: %s", m.e.name, m.kind, c.op, raw.ErrName(errno))
			continue
		}
		a1 = uintptr(c.cmd)
		if !m.e.tgt.IsNative() {
			trap, a1, a2, size = unix.SYS_IOCTL, uintptr(m.e.tgt.FD()), uintptr(3<<30|0xBF<<8|56<<16|c.cmd), attr.Addr()
		}
		v := timed(func() {
			if c.before != 0 {
				_ = run(c.before)
			}
			attr.U32(32, n)
		}, func() { _, _, _ = unix.RawSyscall(trap, a1, a2, size) })
		b.addMap("user", m.kind, c.op, m.e, v/n)
	}
	_ = run(raw.MapUpdateBatch)
}
