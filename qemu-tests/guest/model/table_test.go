// SPDX-License-Identifier: Apache-2.0

package model

import (
	"encoding/binary"
	"fmt"
	"math/rand"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// tableKind is a type of map with keys and values.
type tableKind struct {
	name       string
	typ, flags uint32
	percpu     bool
	array      bool
	prefixes   bool
}

var tableKinds = []tableKind{
	{name: "hash", typ: raw.Hash},
	{name: "hash without preallocation", typ: raw.Hash, flags: raw.NoPrealloc},
	{name: "per-CPU hash", typ: raw.PerCPUHash, percpu: true},
	{name: "LRU hash", typ: raw.LRUHash},
	{name: "LRU hash by CPU", typ: raw.LRUHash, flags: raw.NoCommonLRU},
	{name: "LRU per-CPU hash", typ: raw.LRUPerCPUHash, percpu: true},
	{name: "array", typ: raw.Array, array: true},
	{name: "per-CPU array", typ: raw.PerCPUArray, array: true, percpu: true},
	{name: "LPM trie", typ: raw.LPMTrie, flags: raw.NoPrealloc, prefixes: true},
}

const (
	tableRoom = 8192 // far more than there are keys: nothing is evicted
	ownKeys   = 48
	maxOwners = 16
	lasting   = 200 // keys that live throughout, of owner 0
)

func (k tableKind) attr() *raw.Attr {
	if k.prefixes {
		return raw.Map(k.typ, 8, 8, tableRoom, k.flags)
	}
	return raw.Map(k.typ, 4, 8, tableRoom, k.flags)
}

// keyOf is an owner's nth key: of a trie the prefix in its own /8.
func (k tableKind) keyOf(owner, n int) uint64 {
	switch {
	case k.prefixes:
		// Prefixes of 9 to 32 bits that lie inside of each other.
		bits := 9 + n%24
		addr := uint32(owner)<<24 | uint32(n/24+1)*0x00551234&0x00ffffff
		return prefix(addr, bits)
	case k.array:
		return uint64(owner*256 + n)
	}
	return uint64(owner)<<16 | uint64(n)
}

// prefix is a trie's key as 8 bytes in memory: its bits, the address.
func prefix(addr uint32, bits int) uint64 {
	if bits < 32 {
		addr &= ^uint32(0) << (32 - bits)
	}
	var b [8]byte
	binary.LittleEndian.PutUint32(b[:], uint32(bits))
	binary.BigEndian.PutUint32(b[4:], addr)
	return binary.LittleEndian.Uint64(b[:])
}

func addrOf(key uint64) (uint32, int) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], key)
	return binary.BigEndian.Uint32(b[4:]), int(binary.LittleEndian.Uint32(b[:]))
}

// tableProg does what its first argument says (0 look up, 1 update, 2 delete) to
// the key of the second; value and flags are the third and fourth.
func tableProg(fd int) asm.Instructions {
	key := asm.Instructions{asm.LoadMapPtr(asm.R1, fd), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -8)}
	return join(
		asm.Instructions{
			arg(asm.R6, 0), arg(asm.R7, 1), arg(asm.R8, 2), arg(asm.R9, 3),
			asm.StoreMem(asm.RFP, -8, asm.R7, asm.DWord), asm.StoreMem(asm.RFP, -16, asm.R8, asm.DWord),
			asm.JEq.Imm(asm.R6, 1, "update"), asm.JEq.Imm(asm.R6, 2, "delete"),
		},
		key,
		asm.Instructions{
			asm.FnMapLookupElem.Call(), asm.JNE.Imm(asm.R0, 0, "found"), asm.Mov.Imm(asm.R0, -2), asm.Return(),
			asm.LoadMem(asm.R0, asm.R0, 0, asm.DWord).WithSymbol("found"), asm.Return(),
		},
		asm.Instructions{key[0].WithSymbol("update"), key[1], key[2], asm.Mov.Reg(asm.R3, asm.RFP), asm.Add.Imm(asm.R3, -16),
			asm.Mov.Reg(asm.R4, asm.R9), asm.FnMapUpdateElem.Call(), asm.Return()},
		asm.Instructions{key[0].WithSymbol("delete"), key[1], key[2], asm.FnMapDeleteElem.Call(), asm.Return()},
	)
}

// owner is one participant, which runs on the CPU of its number less 1: its keys, and what must be under them.
type owner struct {
	kind   tableKind
	id     int
	cpu    int
	fd     int
	u      *user
	run    *raw.Runner
	has    map[uint64]uint64
	keys   []uint64
	seq    uint64
	noroom int // program's updates that found no memory in the reserve
	native bool
}

func newOwner(tgt *raw.Target, k tableKind, id, fd, prog int) *owner {
	o := &owner{kind: k, id: id, cpu: (id - 1) % runtime.NumCPU(), fd: fd, u: newUser(tgt), run: tgt.Runner(prog),
		has: map[uint64]uint64{}, native: tgt.IsNative()}
	for n := range ownKeys {
		o.keys = append(o.keys, k.keyOf(id, n))
		if k.array {
			o.has[o.keys[n]] = 0
		}
	}
	return o
}

// expect is what a lookup must give.
func (o *owner) expect(key uint64) (uint64, bool) {
	if !o.kind.prefixes {
		v, ok := o.has[key]
		return v, ok
	}
	addr, bits := addrOf(key)
	for b := bits; b >= 0; b-- {
		if v, ok := o.has[prefix(addr, b)]; ok {
			return v, true
		}
	}
	return 0, false
}

// updates is the errno of an update by these flags.
func (o *owner) updates(key, flags uint64) unix.Errno {
	_, there := o.has[key]
	switch {
	case flags == raw.UpdateNoexist && there:
		return unix.EEXIST
	case flags == raw.UpdateExist && !there:
		return unix.ENOENT
	}
	return 0
}

// step does one random operation and holds its answer against the reference.
func (o *owner) step(rnd *rand.Rand) error {
	key := o.keys[rnd.Intn(len(o.keys))]
	o.seq++
	val := uint64(o.id)<<24 | o.seq&0xffffff
	flags := []uint64{raw.UpdateAny, raw.UpdateAny, raw.UpdateNoexist, raw.UpdateExist}[rnd.Intn(4)]
	_, there := o.has[key]
	gone := unix.Errno(0)
	switch {
	case o.kind.array:
		gone = unix.EINVAL
	case !there:
		gone = unix.ENOENT
	}
	switch op := rnd.Intn(12); {
	case op < 2: // user space updates
		o.u.key(key)
		if o.kind.percpu {
			for c := range maxCPUs {
				o.u.put64(8*c, val)
			}
		}
		o.u.put64(0, val)
		if o.kind.percpu {
			o.u.put64(8*o.cpu, val)
		}
		want := o.updates(key, flags)
		if got := o.u.do(raw.MapUpdate, o.fd, flags); got != want {
			return o.bad("update from user space", key, flags, raw.ErrName(got), raw.ErrName(want))
		}
		if want == 0 {
			o.has[key] = val
		}
	case op < 4: // a program updates
		want := o.updates(key, flags)
		got, err := o.prog(1, key, val, flags)
		if err != nil {
			return err
		}
		if got == -int64(unix.ENOMEM) && o.kind.flags&raw.NoPrealloc != 0 && want == 0 {
			o.noroom++
			return nil
		}
		if got != -int64(want) {
			return o.bad("update by a program", key, flags, got, -int64(want))
		}
		if want == 0 {
			o.has[key] = val
		}
	case op < 5:
		o.u.key(key)
		if got := o.u.do(raw.MapDelete, o.fd, 0); got != gone {
			return o.bad("delete from user space", key, 0, raw.ErrName(got), raw.ErrName(gone))
		}
		if gone == 0 {
			delete(o.has, key)
		}
	case op < 6:
		got, err := o.prog(2, key, 0, 0)
		if err != nil {
			return err
		}
		if got != -int64(gone) {
			return o.bad("delete by a program", key, 0, got, -int64(gone))
		}
		if gone == 0 {
			delete(o.has, key)
		}
	case op < 9:
		want, ok := o.expect(key)
		o.u.key(key)
		errno := o.u.do(raw.MapLookup, o.fd, 0)
		at := 0
		if o.kind.percpu {
			at = 8 * o.cpu
		}
		if got := o.u.get64(at); ok != (errno == 0) || ok && got != want || !ok && errno != unix.ENOENT {
			return o.bad("lookup from user space", key, 0, fmt.Sprint(raw.ErrName(errno), " ", got), fmt.Sprint(ok, " ", want))
		}
	default:
		want, ok := o.expect(key)
		got, err := o.prog(0, key, 0, 0)
		if err != nil {
			return err
		}
		if ok && got != int64(want) || !ok && got != -2 {
			return o.bad("lookup by a program", key, 0, got, fmt.Sprint(ok, " ", want))
		}
	}
	return nil
}

// prog runs the program; a run that the guard kept off is tried again.
func (o *owner) prog(args ...uint64) (int64, error) {
	for {
		ret, errno := o.run.Run(args...)
		if errno != 0 {
			return 0, fmt.Errorf("run: %s", raw.ErrName(errno))
		}
		if got := int64(int32(ret)); got != -int64(unix.EBUSY) || !o.native {
			return got, nil
		}
	}
}

func (o *owner) bad(what string, key, flags uint64, got, want any) error {
	return fmt.Errorf("%s, owner %d, after %d operations: %s, key %#x, flags %d: %v; the reference says %v",
		o.kind.name, o.id, o.seq, what, key, flags, got, want)
}

const maxCPUs = 64

// toggler is a program of a hook: under a key of its CPU's it inserts what is not
// there, and deletes what is; any other answer is an error it counts in
// errs[0]; runs in errs[1].
func toggler(k tableKind, fd, errs, owner int) asm.Instructions {
	count := func(sym string, n int64) asm.Instructions {
		return asm.Instructions{
			asm.Mov.Imm(asm.R1, int32(n)).WithSymbol(sym), asm.StoreMem(asm.RFP, -20, asm.R1, asm.Word),
			asm.LoadMapPtr(asm.R1, errs), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -20), asm.FnMapLookupElem.Call(),
			asm.JEq.Imm(asm.R0, 0, sym+"-end"), asm.Mov.Imm(asm.R1, 1), asm.StoreXAdd(asm.R0, asm.R1, asm.DWord),
			asm.Mov.Imm(asm.R0, 0).WithSymbol(sym + "-end"),
		}
	}
	key := asm.Instructions{asm.LoadMapPtr(asm.R1, fd), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -8)}
	set := asm.Instructions{asm.FnGetSmpProcessorId.Call(), asm.Mov.Imm(asm.R1, int32(owner)<<16), asm.Or.Reg(asm.R0, asm.R1),
		asm.StoreMem(asm.RFP, -8, asm.R0, asm.DWord)}
	if k.prefixes {
		set = asm.Instructions{asm.FnGetSmpProcessorId.Call(), asm.LSh.Imm(asm.R0, 8), asm.Or.Imm(asm.R0, int32(owner)),
			asm.StoreImm(asm.RFP, -8, 32, asm.Word), asm.StoreMem(asm.RFP, -4, asm.R0, asm.Word)}
	}
	return join(set, key, asm.Instructions{
		asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, "insert"),
	}, key, asm.Instructions{
		asm.FnMapDeleteElem.Call(), asm.JNE.Imm(asm.R0, 0, "error"), asm.Ja.Label("done"),
		st64(-16, 7).WithSymbol("insert"),
	}, key, asm.Instructions{
		asm.Mov.Reg(asm.R3, asm.RFP), asm.Add.Imm(asm.R3, -16), asm.Mov.Imm(asm.R4, raw.UpdateNoexist), asm.FnMapUpdateElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "done"), asm.JEq.Imm(asm.R0, -int32(unix.ENOMEM), "done"),
	}, count("error", 0), count("done", 1), asm.Instructions{asm.Return()})
}

// probes attaches togglers where system calls and the scheduler pass.
func probes(t *testing.T, tgt *raw.Target, k tableKind, fd int) (errs int, detach func()) {
	errs = newMap(t, tgt, raw.Map(raw.Array, 4, 8, 2, 0))
	kp := load(t, tgt, raw.Kprobe, toggler(k, fd, errs, 14))
	tp := load(t, tgt, raw.RawTracepoint, toggler(k, fd, errs, 15))
	l1, errno := tgt.Kprobe(kp, "user_statfs", false)
	if errno != 0 {
		t.Fatalf("kprobe: %s", raw.ErrName(errno))
	}
	l2, errno := tgt.RawTP(tp, "sched_switch")
	if errno != 0 {
		t.Fatalf("raw tracepoint: %s", raw.ErrName(errno))
	}
	return errs, func() {
		for _, f := range []int{l1, l2, kp, tp} {
			unix.Close(f)
		}
	}
}

func TestTables(t *testing.T) {
	each(t, func(t *testing.T, tgt *raw.Target) {
		for n, k := range tableKinds {
			t.Run(k.name, func(t *testing.T) { table(t, tgt, n, k) })
		}
	})
}

func table(t *testing.T, tgt *raw.Target, n int, k tableKind) {
	fd := newMap(t, tgt, k.attr())
	defer unix.Close(fd)
	prog := load(t, tgt, raw.RawTracepoint, tableProg(fd))
	defer unix.Close(prog)
	if !k.array {
		u := newUser(tgt)
		for i := range lasting {
			u.key(lastingKey(k, i))
			for c := range maxCPUs {
				u.put64(8*c, uint64(i))
			}
			if errno := u.do(raw.MapUpdate, fd, 0); errno != 0 {
				t.Fatalf("a lasting key: %s", raw.ErrName(errno))
			}
		}
	}
	errs := -1
	if !tgt.IsNative() && !k.array {
		var detach func()
		errs, detach = probes(t, tgt, k, fd)
		defer unix.Close(errs)
		defer detach()
	}
	var stop, walks, killed atomic.Int64
	var noroom atomic.Int64
	done := make(chan struct{})
	cpus := max(runtime.NumCPU(), 2)
	go func() {
		defer close(done)
		victims(t, tgt, n, k, fd, prog, &stop, &killed)
	}()
	walker := make(chan struct{})
	go func() {
		defer close(walker)
		if !k.array {
			walk(t, tgt, k, fd, &stop, &walks)
		}
	}()
	parallel(cpus, func(i int) {
		o := newOwner(tgt, k, 1+i, fd, prog)
		rnd := rand.New(rand.NewSource(int64(i)))
		var st unix.Statfs_t
		for r := 0; r < rounds() && !t.Failed(); r++ {
			if err := o.step(rnd); err != nil {
				t.Error(err)
				return
			}
			if r%4 == 0 {
				_ = unix.Statfs("/", &st)
			}
		}
		noroom.Add(int64(o.noroom))
	})
	stop.Store(1)
	<-done
	<-walker
	runs := uint64(0)
	if errs >= 0 {
		u := newUser(tgt)
		for i := range 2 {
			u.key(uint64(i))
			if errno := u.do(raw.MapLookup, errs, 0); errno != 0 {
				t.Fatal(raw.ErrName(errno))
			}
			runs = u.get64(0)
			if i == 0 && runs != 0 {
				t.Errorf("probes met %d wrong answers", runs)
			}
		}
		if runs == 0 {
			t.Error("the probes never ran")
		}
	}
	if all := int64(cpus * rounds()); noroom.Load() > all/20 {
		t.Errorf("%d of %d operations found no memory", noroom.Load(), all)
	}
	t.Logf("%d operations, %d in probes, %d walks, %d killed, %d without memory", cpus*rounds(), runs, walks.Load(), killed.Load(), noroom.Load())
	if walks.Load() == 0 && !k.array {
		t.Error("no walk came to its end")
	}
}

func lastingKey(k tableKind, i int) uint64 {
	if k.prefixes {
		return prefix(0x7f000000|uint32(i), 32)
	}
	return 0x7f0000 | uint64(i)
}

// walk goes through the keys again and again: those that live throughout are
// all seen. A walk that deletions set back too often does not count. By single
// keys, as in 6.1, one that is deleted and reused at that moment may lead
// elsewhere: that may be rare. By batches it may not be.
func walk(t *testing.T, tgt *raw.Target, k tableKind, fd int, stop, walks *atomic.Int64) {
	u := newUser(tgt)
	size := 4
	if k.prefixes {
		size = 8
	}
	missed := int64(0)
	defer func() {
		if missed > 1+walks.Load()/20 {
			t.Errorf("%d of %d walks have not seen all lasting keys", missed, walks.Load())
		}
	}()
	for (stop.Load() == 0 || walks.Load() == 0) && !t.Failed() {
		seen := map[uint64]bool{}
		u.attr.U64(8, 0)
		first := true
		var errno unix.Errno
		steps := 0
		for ; steps < 5000; steps++ {
			at := raw.Addr(u.k)
			if first {
				at = 0
			}
			u.attr.U64(0, uint64(uint32(fd))).U64(8, at).U64(16, raw.Addr(u.v)).U64(24, 0)
			if _, errno = tgt.Do(raw.MapNextKey, u.attr); errno != 0 {
				break
			}
			first = false
			copy(u.k[:size], u.v[:size])
			key := uint64(binary.LittleEndian.Uint32(u.k))
			if size == 8 {
				key = binary.LittleEndian.Uint64(u.k)
			}
			seen[key] = true
		}
		if errno == 0 {
			if stop.Load() != 0 {
				t.Error("a walk has no end, though nobody writes")
				return
			}
			continue
		}
		if errno != unix.ENOENT {
			t.Errorf("next key: %s", raw.ErrName(errno))
			return
		}
		for i := range lasting {
			if !seen[lastingKey(k, i)] {
				missed++
				t.Logf("a walk of %d steps has not seen lasting key %#x", steps, lastingKey(k, i))
				break
			}
		}
		walks.Add(1)
		if !k.prefixes {
			batches(t, tgt, k, fd)
		}
	}
}

// batches reads the whole table bucket by bucket.
func batches(t *testing.T, tgt *raw.Target, k tableKind, fd int) {
	const room = 256
	keys, vals, pos := raw.Alloc(4*room), raw.Alloc(8*maxCPUs*room), raw.Alloc(16)
	defer raw.Free(keys)
	defer raw.Free(vals)
	defer raw.Free(pos)
	seen := map[uint64]int{}
	in := uint64(0)
	for {
		a := raw.Batch(fd, in, raw.Addr(pos[8:]), raw.Addr(keys), raw.Addr(vals), room)
		_, errno := tgt.Do(raw.MapLookupBatch, a)
		n := a.Get32(32)
		raw.Free(a.Bytes())
		if errno != 0 && errno != unix.ENOENT {
			t.Errorf("batch: %s", raw.ErrName(errno))
			return
		}
		for i := range n {
			seen[uint64(binary.LittleEndian.Uint32(keys[4*i:]))]++
		}
		if errno != 0 {
			break
		}
		copy(pos[:8], pos[8:])
		in = raw.Addr(pos)
	}
	for i := range lasting {
		if n := seen[lastingKey(k, i)]; n != 1 {
			t.Errorf("%s: batches have seen lasting key %#x %d times", k.name, lastingKey(k, i), n)
			return
		}
	}
}

// victims are killed at whatever they do, and what they left is deleted.
func victims(t *testing.T, tgt *raw.Target, n int, k tableKind, fd, prog int, stop, killed *atomic.Int64) {
	const id = 12
	rnd := rand.New(rand.NewSource(99))
	native := n << 8
	if tgt.IsNative() {
		native |= 1
	}
	u := newUser(tgt)
	for stop.Load() == 0 && killed.Load() < 8 && !t.Failed() {
		dev := tgt.FD()
		if dev < 0 {
			dev = 0
		}
		v := newVictim(t, fmt.Sprintf("table %d %d", id, native), fd, prog, dev)
		time.Sleep(time.Duration(50+rnd.Intn(200)) * time.Millisecond)
		if v.cmd.ProcessState != nil {
			t.Error("the victim ended by itself")
		}
		v.kill()
		if !v.killed() {
			t.Error("the victim found a wrong answer")
		}
		killed.Add(1)
		if k.array {
			for i := range ownKeys {
				u.key(k.keyOf(id, i))
				clear(u.v)
				if errno := u.do(raw.MapUpdate, fd, 0); errno != 0 {
					t.Errorf("after a kill: update: %s", raw.ErrName(errno))
				}
			}
			continue
		}
		for i := range ownKeys {
			u.key(k.keyOf(id, i))
			if errno := u.do(raw.MapDelete, fd, 0); errno != 0 && errno != unix.ENOENT {
				t.Errorf("after a kill: delete: %s", raw.ErrName(errno))
			}
			if errno := u.do(raw.MapDelete, fd, 0); errno != unix.ENOENT {
				t.Errorf("after a kill: deleted twice: %s", raw.ErrName(errno))
			}
		}
	}
}

// killed reports whether it ended by our signal.
func (v *victim) killed() bool {
	ws, ok := v.cmd.ProcessState.Sys().(interface{ Signaled() bool })
	return ok && ws.Signaled()
}
