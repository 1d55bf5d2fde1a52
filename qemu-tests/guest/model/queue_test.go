// SPDX-License-Identifier: Apache-2.0

package model

import (
	"fmt"
	"math/rand"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// queueProg pushes (0) its second argument, with the flags of the third, or
// pops (1): what it popped, or -2.
func queueProg(fd int) asm.Instructions {
	return asm.Instructions{
		arg(asm.R6, 0), arg(asm.R7, 1), arg(asm.R3, 2),
		asm.StoreMem(asm.RFP, -8, asm.R7, asm.DWord),
		asm.LoadMapPtr(asm.R1, fd), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -8),
		asm.JNE.Imm(asm.R6, 0, "pop"), asm.FnMapPushElem.Call(), asm.Return(),
		asm.FnMapPopElem.Call().WithSymbol("pop"), asm.JEq.Imm(asm.R0, 0, "popped"), asm.Mov.Imm(asm.R0, -2), asm.Return(),
		asm.LoadMem(asm.R0, asm.RFP, -8, asm.DWord).WithSymbol("popped"), asm.Return(),
	}
}

// pushForEver is a victim: it says in the shared page how far it has come,
// before and after each push.
func pushForEver(tgt *raw.Target, owner, fd, page int) {
	b, err := unix.Mmap(page, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		panic(err)
	}
	before, after := (*uint64)(unsafe.Pointer(&b[0])), (*uint64)(unsafe.Pointer(&b[8]))
	u := newUser(tgt)
	for seq := atomic.LoadUint64(before) + 1; ; {
		atomic.StoreUint64(before, seq)
		u.put64(0, uint64(owner)<<24|seq)
		switch u.push(fd, 0) {
		case 0:
			atomic.StoreUint64(after, seq)
			seq++
		case unix.E2BIG:
			time.Sleep(time.Millisecond)
		default:
			os.Exit(1)
		}
	}
}

func (u *user) push(fd int, flags uint64) unix.Errno {
	u.attr.U64(0, uint64(uint32(fd))).U64(8, 0).U64(16, raw.Addr(u.v)).U64(24, flags)
	return u.again(raw.MapUpdate)
}

func (u *user) pop(fd int) unix.Errno {
	u.attr.U64(0, uint64(uint32(fd))).U64(8, 0).U64(16, raw.Addr(u.v)).U64(24, 0)
	return u.again(raw.MapLookupDelete)
}

// again repeats what 6.1 refuses while another CPU has the lock.
func (u *user) again(cmd uint32) unix.Errno {
	for {
		_, errno := u.tgt.Do(cmd, u.attr)
		if errno != unix.EBUSY || !u.tgt.IsNative() {
			return errno
		}
	}
}

// TestQueues: what is popped was pushed, once; nothing is lost; what one pusher
// put into a queue leaves it in order.
func TestQueues(t *testing.T) {
	each(t, func(t *testing.T, tgt *raw.Target) {
		for _, k := range []struct {
			name string
			typ  uint32
		}{{"queue", raw.Queue}, {"stack", raw.Stack}} {
			t.Run(k.name, func(t *testing.T) { queues(t, tgt, k.typ) })
		}
	})
}

func queues(t *testing.T, tgt *raw.Target, typ uint32) {
	const room, victimID = 64, 99
	fd := newMap(t, tgt, raw.Map(typ, 0, 8, room, 0))
	defer unix.Close(fd)
	prog := load(t, tgt, raw.RawTracepoint, queueProg(fd))
	defer unix.Close(prog)
	shared, err := unix.MemfdCreate("progress", unix.MFD_CLOEXEC)
	if err != nil { // 3.10 has none
		f, err := os.CreateTemp("", "progress")
		if err != nil {
			t.Fatal(err)
		}
		defer os.Remove(f.Name())
		shared = int(f.Fd())
		defer f.Close()
	} else {
		defer unix.Close(shared)
	}
	if err := unix.Ftruncate(shared, 4096); err != nil {
		t.Fatal(err)
	}
	page, err := unix.Mmap(shared, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	before := (*uint64)(unsafe.Pointer(&page[0]))

	cpus := max(runtime.NumCPU(), 2)
	n := rounds()
	var mu sync.Mutex
	popped := map[uint64]int{}
	var pushers, done atomic.Int64
	// maybe holds the victim's pushes that may have been made or not.
	maybe := map[uint64]bool{}
	victimDone := make(chan struct{})
	go func() {
		defer close(victimDone)
		rnd := rand.New(rand.NewSource(3))
		for i := 0; i < 6 && !t.Failed(); i++ {
			dev := max(tgt.FD(), 0)
			native := 0
			if tgt.IsNative() {
				native = 1
			}
			v := newVictim(t, fmt.Sprintf("push %d %d", victimID, native), fd, prog, dev, shared)
			time.Sleep(time.Duration(30+rnd.Intn(100)) * time.Millisecond)
			v.kill()
			if !v.killed() {
				t.Error("the victim met an error")
			}
			maybe[victimID<<24|atomic.LoadUint64(before)] = true
		}
	}()
	take := func(mine *[]uint64, u *user, run *raw.Runner, rnd *rand.Rand) bool {
		if rnd.Intn(2) == 0 {
			switch errno := u.pop(fd); errno {
			case 0:
				*mine = append(*mine, u.get64(0))
				return true
			case unix.ENOENT:
				return false
			default:
				t.Errorf("pop: %s", raw.ErrName(errno))
				return false
			}
		}
		got, errno := run.Run(1, 0, 0)
		if errno != 0 {
			t.Errorf("run: %s", raw.ErrName(errno))
			return false
		}
		// 6.1 answers a lock that is taken as it answers an empty queue.
		if int32(got) == -2 {
			return false
		}
		*mine = append(*mine, uint64(got))
		return true
	}
	pushers.Store(int64(cpus))
	parallel(2*cpus, func(i int) {
		u, run := newUser(tgt), tgt.Runner(prog)
		defer run.Close()
		rnd := rand.New(rand.NewSource(int64(i)))
		if i < cpus { // pushes
			defer pushers.Add(-1)
			for seq := 1; seq <= n && !t.Failed(); {
				val := uint64(i+1)<<24 | uint64(seq)
				u.put64(0, val)
				ok := false
				if rnd.Intn(2) == 0 {
					errno := u.push(fd, 0)
					if ok = errno == 0; !ok && errno != unix.E2BIG {
						t.Errorf("push: %s", raw.ErrName(errno))
					}
				} else {
					ret, errno := run.Run(0, val, 0)
					if errno != 0 {
						t.Errorf("run: %s", raw.ErrName(errno))
					}
					if ok = ret == 0; !ok && int32(ret) != -int32(unix.E2BIG) && !(tgt.IsNative() && int32(ret) == -int32(unix.EBUSY)) {
						t.Errorf("a program's push: %d", int32(ret))
					}
				}
				if ok {
					seq++
				} else {
					runtime.Gosched()
				}
			}
			return
		}
		var mine []uint64
		for pushers.Load() > 0 && !t.Failed() {
			if !take(&mine, u, run, rnd) {
				runtime.Gosched()
			}
		}
		last := map[uint64]uint64{}
		mu.Lock()
		defer mu.Unlock()
		for _, v := range mine {
			popped[v]++
			if typ == raw.Queue && v&0xffffff <= last[v>>24] {
				t.Errorf("pusher %d: %d left the queue after %d", v>>24, v&0xffffff, last[v>>24])
			}
			last[v>>24] = v & 0xffffff
		}
		done.Add(1)
	})
	<-victimDone
	u, run := newUser(tgt), tgt.Runner(prog)
	for u.pop(fd) == 0 {
		popped[u.get64(0)]++
	}
	run.Close()
	wrong := 0
	for v, times := range popped {
		id, seq := v>>24, v&0xffffff
		valid := id >= 1 && id <= uint64(cpus) && seq >= 1 && seq <= uint64(n) || id == victimID && seq >= 1 && seq <= atomic.LoadUint64(before)
		if times != 1 && !maybe[v] || !valid {
			if wrong++; wrong < 5 {
				t.Errorf("%#x was popped %d times", v, times)
			}
		}
	}
	for i := range cpus {
		for seq := 1; seq <= n; seq++ {
			if popped[uint64(i+1)<<24|uint64(seq)] == 0 {
				if wrong++; wrong < 5 {
					t.Errorf("pusher %d's %d was lost", i+1, seq)
				}
			}
		}
	}
	for seq := uint64(1); seq <= atomic.LoadUint64(before); seq++ {
		if v := victimID<<24 | seq; popped[v] == 0 && !maybe[v] {
			if wrong++; wrong < 5 {
				t.Errorf("the victim's %d was lost", seq)
			}
		}
	}
	t.Logf("%d pushed and popped, %d of them by the killed", len(popped), atomic.LoadUint64(before))
}

// TestBlooms: what was pushed is found, always.
func TestBlooms(t *testing.T) {
	each(t, func(t *testing.T, tgt *raw.Target) {
		fd := newMap(t, tgt, raw.Map(raw.BloomFilter, 0, 8, 100000, 0))
		defer unix.Close(fd)
		peek := asm.Instructions{
			arg(asm.R6, 0), arg(asm.R7, 1), asm.StoreMem(asm.RFP, -8, asm.R7, asm.DWord), asm.Mov.Imm(asm.R3, 0),
			asm.LoadMapPtr(asm.R1, fd), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -8),
			asm.JNE.Imm(asm.R6, 0, "peek"), asm.FnMapPushElem.Call(), asm.Return(),
			asm.FnMapPeekElem.Call().WithSymbol("peek"), asm.Return(),
		}
		prog := load(t, tgt, raw.RawTracepoint, peek)
		defer unix.Close(prog)
		cpus := max(runtime.NumCPU(), 2)
		var published [64]atomic.Uint64
		parallel(cpus, func(i int) {
			u, run := newUser(tgt), tgt.Runner(prog)
			defer run.Close()
			rnd := rand.New(rand.NewSource(int64(i)))
			for seq := uint64(1); seq <= uint64(rounds()) && !t.Failed(); seq++ {
				val := uint64(i)<<32 | seq*0x9e3779b9
				u.put64(0, val)
				if rnd.Intn(2) == 0 {
					if errno := u.push(fd, 0); errno != 0 {
						t.Errorf("push: %s", raw.ErrName(errno))
					}
				} else if ret, errno := run.Run(0, val); ret != 0 || errno != 0 {
					t.Errorf("a program's push: %d %s", int32(ret), raw.ErrName(errno))
				}
				published[i].Store(seq)
				who := rnd.Intn(cpus)
				upTo := published[who].Load()
				if upTo == 0 {
					continue
				}
				val = uint64(who)<<32 | (1+uint64(rnd.Int63())%upTo)*0x9e3779b9
				if ret, errno := run.Run(1, val); ret != 0 || errno != 0 {
					t.Errorf("CPU %d's %#x is not found: %d %s", who, val, int32(ret), raw.ErrName(errno))
				}
			}
		})
	})
}
