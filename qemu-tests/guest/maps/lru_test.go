// SPDX-License-Identifier: Apache-2.0

package maps

import (
	"encoding/binary"
	"fmt"
	"math/rand"
	"runtime"
	"sync"
	"testing"

	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/oracle"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

var lruKinds = []kind{{"LRU hash", raw.LRUHash, 4, 8, 64}, {"LRU per-CPU hash", raw.LRUPerCPUHash, 4, 8, 64}}

// maxCPUs is room for a value of each CPU.
const maxCPUs = 64

// lruProg does what its first argument says (0 look up, 1 update, 2 delete) to
// the key of the second; the value is the third, the flags the fourth.
func lruProg(fd int) asm.Instructions {
	key := asm.Instructions{asm.LoadMapPtr(asm.R1, fd), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -8)}
	return join(
		asm.Instructions{
			arg(asm.R6, 0), arg(asm.R7, 1), arg(asm.R8, 2), arg(asm.R9, 3),
			asm.StoreMem(asm.RFP, -8, asm.R7, asm.Word), asm.StoreMem(asm.RFP, -16, asm.R8, asm.DWord),
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

// lruRandom uses fewer keys than there is room for: nothing goes but by order.
func lruRandom(r *oracle.Run) {
	for _, k := range lruKinds {
		for _, flags := range []uint32{0, raw.NoCommonLRU, raw.ZeroSeed} {
			fd := r.Map(raw.Map(k.typ, k.key, k.value, k.max, flags))
			p := r.Prog(lruProg(fd))
			rnd := rand.New(rand.NewSource(int64(k.typ)))
			val := raw.Alloc(8 * maxCPUs)
			for i := 0; i < 600; i++ {
				n, what := rnd.Intn(12), ""
				up := []uint64{0, 0, 0, raw.UpdateNoexist, raw.UpdateExist, 3, 4}[rnd.Intn(7)]
				binary.LittleEndian.PutUint64(val, uint64(i))
				switch op := rnd.Intn(12); {
				case op < 2:
					what = fmt.Sprintf("update %d by %d: %s", n, up, raw.ErrName(r.Tgt.Update(fd, k32(n), val, up)))
				case op < 3:
					what = fmt.Sprintf("delete %d: %s", n, raw.ErrName(r.Tgt.Delete(fd, k32(n))))
				case op < 5:
					v, errno := r.Tgt.Lookup(fd, k32(n), 8*maxCPUs)
					what = fmt.Sprintf("lookup %d: %s", n, raw.ErrName(errno))
					if errno == 0 {
						what += fmt.Sprintf(" %x", v[:8])
					}
				case op < 8:
					what = fmt.Sprintf("program updates %d by %d: %d", n, up, r.Go(p, 1, uint64(n), uint64(i), up))
				case op < 9:
					what = fmt.Sprintf("program deletes %d: %d", n, r.Go(p, 2, uint64(n), 0, 0))
				case op < 11:
					what = fmt.Sprintf("program looks %d up: %d", n, r.Go(p, 0, uint64(n), 0, 0))
				default:
					what = fmt.Sprintf("keys %v", keysOf(r, fd, 4))
				}
				r.Sayf("%s, flags %d: %s", k.name, flags, what)
			}
		}
	}
}

// TestFullLRU overfills tables from all CPUs: what is used stays, what is not
// makes room, and no key has another's value.
func TestFullLRU(t *testing.T) {
	const room, hot = 2000, 100
	each := 20000
	if guest.Quick() {
		each = 4000
	}
	targets := []*raw.Target{}
	if tgt, err := raw.Open(); err != nil {
		t.Fatal(err)
	} else {
		targets = append(targets, tgt)
	}
	if guest.HasOracle() {
		targets = append(targets, raw.Native())
	}
	for _, tgt := range targets {
		for _, k := range lruKinds {
			for _, flags := range []uint32{0, raw.NoCommonLRU} {
				t.Run(fmt.Sprintf("%s/%s flags %d", tgt.Name, k.name, flags), func(t *testing.T) {
					fullLRU(t, tgt, k, flags, room, hot, each)
				})
			}
		}
	}
}

// TestSmallLRU fills small tables from one CPU: all that fits is there, one more
// costs no more than an eighth of them, and what was used stays. A table of 6.1
// gives up to 128 keys away at a time, whatever its size; its count is logged.
func TestSmallLRU(t *testing.T) {
	tgt, err := raw.Open()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range lruKinds {
		for _, room := range []int{2, 10, 100, 192, 256, 1000} {
			t.Run(fmt.Sprintf("%s of %d", k.name, room), func(t *testing.T) {
				pin(t, 0)
				n := smallLRU(t, tgt, k, room)
				t.Logf("of %d keys %d are there when another came", room, n)
				if n < room-room/8 {
					t.Errorf("of %d keys %d are there when another came", room, n)
				}
				if guest.HasOracle() {
					t.Logf("6.1: of %d keys %d are there when another came", room, overfill(t, raw.Native(), k, room).count())
				}
			})
		}
	}
}

func smallLRU(t *testing.T, tgt *raw.Target, k kind, room int) int {
	n := overfill(t, tgt, k, room).count()
	l := newLRU(t, tgt, k, room)
	for i := range room {
		l.put(i)
	}
	if got := l.count(); got != room {
		t.Errorf("of %d keys that fit %d are there", room, got)
	}
	used := min(room/2, 100)
	for i := range used {
		l.use(i)
	}
	for i := room; i < 2*room-used; i++ {
		l.put(i)
	}
	gone := 0
	for i := range used {
		if !l.use(i) {
			gone++
		}
	}
	if gone > 0 {
		t.Errorf("of %d keys that were used %d are gone", used, gone)
	}
	return n
}

// overfill puts one key more than there is room for.
func overfill(t *testing.T, tgt *raw.Target, k kind, room int) *lruTable {
	l := newLRU(t, tgt, k, room)
	for i := range room + 1 {
		l.put(i)
	}
	return l
}

// lruTable is a table and the program that works on it.
type lruTable struct {
	t      *testing.T
	tgt    *raw.Target
	fd     int
	runner *raw.Runner
}

func newLRU(t *testing.T, tgt *raw.Target, k kind, room int) *lruTable {
	t.Helper()
	fd, errno := tgt.Do(raw.MapCreate, raw.Map(k.typ, k.key, k.value, uint32(room), 0))
	if errno != 0 {
		t.Fatal(raw.ErrName(errno))
	}
	prog, errno, log, err := tgt.Load(raw.RawTracepoint, lruProg(fd))
	if errno != 0 || err != nil {
		t.Fatal(raw.ErrName(errno), err, log)
	}
	l := &lruTable{t, tgt, fd, tgt.Runner(prog)}
	t.Cleanup(func() {
		l.runner.Close()
		unix.Close(prog)
		unix.Close(fd)
	})
	return l
}

func (l *lruTable) run(args ...uint64) int64 {
	ret, errno := l.runner.Run(args...)
	if errno != 0 {
		l.t.Fatalf("run: %s", raw.ErrName(errno))
	}
	return int64(int32(ret))
}

func (l *lruTable) put(key int) {
	if ret := l.run(1, uint64(key), uint64(key), raw.UpdateNoexist); ret != 0 {
		l.t.Fatalf("update of key %d: %d", key, ret)
	}
}

func (l *lruTable) use(key int) bool { return l.run(0, uint64(key), 0, 0) == int64(key) }

func (l *lruTable) count() int {
	n, next := 0, []byte(nil)
	for {
		var errno unix.Errno
		if next, errno = l.tgt.NextKey(l.fd, next, 4); errno != 0 {
			return n
		}
		n++
	}
}

// pin binds the test to a CPU until it ends.
func pin(t *testing.T, cpu int) {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	var old, set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedGetaffinity(0, &old); err != nil {
		t.Fatal(err)
	}
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.SchedSetaffinity(0, &old) })
}

func fullLRU(t *testing.T, tgt *raw.Target, k kind, flags uint32, room, hot, each int) {
	fd, errno := tgt.Do(raw.MapCreate, raw.Map(k.typ, k.key, k.value, uint32(room), flags))
	if errno != 0 {
		t.Fatal(raw.ErrName(errno))
	}
	defer unix.Close(fd)
	prog, errno, log, err := tgt.Load(raw.RawTracepoint, lruProg(fd))
	if errno != 0 || err != nil {
		t.Fatal(raw.ErrName(errno), err, log)
	}
	defer unix.Close(prog)
	cpus := runtime.NumCPU()
	var wg sync.WaitGroup
	lost := make([]int, cpus)
	for cpu := range cpus {
		wg.Add(1)
		go func() {
			defer wg.Done()
			runtime.LockOSThread() // never unlocked: it is bound to its CPU
			var set unix.CPUSet
			set.Set(cpu)
			if err := unix.SchedSetaffinity(0, &set); err != nil {
				t.Error(err)
				return
			}
			runner := tgt.Runner(prog)
			defer runner.Close()
			run := func(args ...uint64) int64 {
				ret, errno := runner.Run(args...)
				if errno != 0 {
					t.Errorf("run: %s", raw.ErrName(errno))
				}
				return int64(int32(ret))
			}
			// Each CPU has keys of its own: the low bits say whose.
			key := func(n int) uint64 { return uint64(n*cpus + cpu) }
			for i := range hot {
				run(1, key(i), key(i), 0)
			}
			for i := hot; i < each; i++ {
				if ret := run(1, key(i), key(i), 0); ret != 0 {
					t.Errorf("CPU %d: update of key %d: %d", cpu, i, ret)
					return
				}
				h := i % hot
				switch got := run(0, key(h), 0, 0); {
				case got == -2:
					lost[cpu]++
					run(1, key(h), key(h), 0)
				case got != int64(key(h)):
					t.Errorf("CPU %d: key %d has value %d", cpu, key(h), got)
					return
				}
			}
		}()
	}
	wg.Wait()
	n, next := 0, []byte(nil)
	for {
		var errno unix.Errno
		if next, errno = tgt.NextKey(fd, next, 4); errno != 0 {
			break
		}
		n++
		// Sums over CPUs: one of them wrote the value.
		v, errno := tgt.Lookup(fd, next, 8*maxCPUs)
		sum := uint64(0)
		for c := 0; errno == 0 && c < len(v); c += 8 {
			sum += binary.LittleEndian.Uint64(v[c:])
		}
		if want := uint64(binary.LittleEndian.Uint32(next)); errno == 0 && sum != want {
			t.Errorf("key %d has value %d", want, sum)
			break
		}
		if n > 2*room {
			t.Fatal("more keys than there is room for")
		}
	}
	all := 0
	for _, l := range lost {
		all += l
	}
	t.Logf("%d keys of %d; of %d lookups of keys in use %d found none", n, room, cpus*(each-hot), all)
	if n > room+cpus || n < room/2 {
		t.Errorf("%d keys in a table of %d", n, room)
	}
	if all > cpus*(each-hot)/50 {
		t.Errorf("keys in use went %d times", all)
	}
}
