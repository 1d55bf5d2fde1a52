// SPDX-License-Identifier: Apache-2.0

// Package faults makes the allocations of a debug build of the module fail, one
// after the other: each command fails as it should, and leaves nothing behind.
package faults

import (
	"encoding/binary"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { guest.Main(m) }

const params = "/sys/module/bpfshim/parameters/"

func set(t testing.TB, name string, v int) {
	t.Helper()
	if err := os.WriteFile(params+name, []byte(strconv.Itoa(v)), 0o600); err != nil {
		t.Fatalf("no failure injection: is the module built with BPFSHIM_DEBUG=1? %v", err)
	}
}

func get(t testing.TB, name string) int {
	t.Helper()
	b, err := os.ReadFile(params + name)
	if err != nil {
		t.Fatal(err)
	}
	v, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func open(t *testing.T) *raw.Target {
	t.Helper()
	tgt, err := raw.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(tgt.FD()) })
	return tgt
}

// left is what the module holds, once it had time to free.
func left(t *testing.T, tgt *raw.Target, want string) string {
	t.Helper()
	var got string
	for until := time.Now().Add(guest.Patience(20 * time.Second)); time.Now().Before(until); time.Sleep(time.Millisecond) {
		info, errno := tgt.Info()
		if errno != 0 {
			t.Fatal(raw.ErrName(errno))
		}
		if got = info.Objects(); got == want {
			break
		}
	}
	return got
}

// env is what one operation works with; what must is made without failures.
type env struct {
	t    *testing.T
	tgt  *raw.Target
	held []int
}

func (e *env) hold(fd int) int { e.held = append(e.held, fd); return fd }

func (e *env) must(fd int, errno unix.Errno) int {
	e.t.Helper()
	if errno != 0 {
		e.t.Fatalf("preparation: %s", raw.ErrName(errno))
	}
	return e.hold(fd)
}

// fd holds what came, if something did, and says how it went.
func (e *env) fd(fd int, errno unix.Errno) unix.Errno {
	if errno == 0 {
		e.hold(fd)
	}
	return errno
}

func (e *env) newMap(a *raw.Attr) (int, unix.Errno) { return e.tgt.Do(raw.MapCreate, a) }

func (e *env) load(typ uint32, insns asm.Instructions) (int, unix.Errno) {
	fd, errno, _, err := e.tgt.Load(typ, insns)
	if err != nil {
		e.t.Fatal(err)
	}
	return fd, errno
}

// op is one command. prepare runs before failures are armed.
type op struct {
	name    string
	prepare func(e *env) int
	do      func(e *env, prepared int) unix.Errno
}

func none(*env) int { return -1 }

func create(name string, a *raw.Attr) op {
	return op{name: "create " + name, prepare: none, do: func(e *env, _ int) unix.Errno { return e.fd(e.newMap(a)) }}
}

// createOf makes a map of maps.
func createOf(name string, typ uint32) op {
	return op{
		name:    "create " + name,
		prepare: func(e *env) int { return e.must(e.newMap(raw.Map(raw.Array, 4, 8, 4, 0))) },
		do: func(e *env, inner int) unix.Errno {
			return e.fd(e.newMap(raw.Map(typ, 4, 4, 8, 0).U32(20, uint32(inner))))
		},
	}
}

// bigValue makes maps that are not preallocated grow by a few elements.
const bigValue = 2048

// fill updates more elements than such a map starts with.
func fill(name string, a *raw.Attr, size int) op {
	return op{
		name:    "update " + name,
		prepare: func(e *env) int { return e.must(e.newMap(a)) },
		do: func(e *env, fd int) unix.Errno {
			key, val := make([]byte, size), make([]byte, bigValue*8)
			for i := range 24 {
				binary.LittleEndian.PutUint32(key, uint32(i))
				if size == 8 {
					binary.LittleEndian.PutUint32(key, 32)
					binary.BigEndian.PutUint32(key[4:], uint32(i))
				}
				if errno := e.tgt.Update(fd, key, val, 0); errno != 0 {
					return errno
				}
			}
			return 0
		},
	}
}

func counter(m int) asm.Instructions {
	return asm.Instructions{
		asm.StoreImm(asm.RFP, -4, 0, asm.Word), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4), asm.LoadMapPtr(asm.R1, m),
		asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, "end"), asm.Mov.Imm(asm.R1, 1), asm.StoreXAdd(asm.R0, asm.R1, asm.DWord),
		asm.Mov.Imm(asm.R0, 0).WithSymbol("end"), asm.Return(),
	}
}

// branchy makes the verifier keep states, and its arena grow.
func branchy(m int) asm.Instructions {
	p := asm.Instructions{asm.Mov.Reg(asm.R6, asm.R1), asm.Mov.Imm(asm.R7, 0)}
	for i := range 300 {
		sym := fmt.Sprint("l", i)
		p = append(p, asm.FnGetPrandomU32.Call(), asm.JGT.Imm(asm.R0, int32(i), sym), asm.Add.Imm(asm.R7, 1), asm.Add.Imm(asm.R7, 1).WithSymbol(sym))
	}
	return append(p, counter(m)...)
}

func loadOp(name string, typ uint32, f func(m int) asm.Instructions) op {
	return op{
		name:    "load " + name,
		prepare: func(e *env) int { return e.must(e.newMap(raw.Map(raw.Array, 4, 8, 1, 0))) },
		do:      func(e *env, m int) unix.Errno { return e.fd(e.load(typ, f(m))) },
	}
}

func attach(name string, typ uint32, do func(e *env, prog int) (int, unix.Errno)) op {
	return op{
		name: "attach " + name,
		prepare: func(e *env) int {
			return e.must(e.load(typ, asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}))
		},
		do: func(e *env, prog int) unix.Errno { return e.fd(do(e, prog)) },
	}
}

func ops() []op {
	btf := raw.BTF()
	return []op{
		create("array", raw.Map(raw.Array, 4, 64, 1000, 0)),
		create("array to map", raw.Map(raw.Array, 4, 64, 1000, 1<<10)),
		create("per-CPU array", raw.Map(raw.PerCPUArray, 4, 64, 1000, 0)),
		create("hash", raw.Map(raw.Hash, 4, 64, 1000, 0)),
		create("hash without preallocation", raw.Map(raw.Hash, 4, 64, 1000, raw.NoPrealloc)),
		create("per-CPU hash", raw.Map(raw.PerCPUHash, 4, 64, 1000, 0)),
		create("per-CPU hash without preallocation", raw.Map(raw.PerCPUHash, 4, 64, 1000, raw.NoPrealloc)),
		create("LRU hash", raw.Map(raw.LRUHash, 4, 64, 1000, 0)),
		create("LRU hash by CPU", raw.Map(raw.LRUHash, 4, 64, 1000, raw.NoCommonLRU)),
		create("LRU per-CPU hash", raw.Map(raw.LRUPerCPUHash, 4, 64, 1000, 0)),
		create("LPM trie", raw.Map(raw.LPMTrie, 8, 8, 1000, raw.NoPrealloc)),
		create("program array", raw.Map(raw.ProgArray, 4, 4, 1000, 0)),
		create("perf event array", raw.Map(raw.PerfArray, 4, 4, 8, 0)),
		create("stack traces", raw.Map(raw.StackTrace, 4, 8*127, 1000, 0)),
		create("queue", raw.Map(raw.Queue, 0, 64, 1000, 0)),
		create("stack", raw.Map(raw.Stack, 0, 64, 1000, 0)),
		create("ring buffer", raw.Map(raw.Ringbuf, 0, 0, 1<<16, 0)),
		create("user ring buffer", raw.Map(raw.UserRingbuf, 0, 0, 1<<16, 0)),
		create("bloom filter", raw.Map(raw.BloomFilter, 0, 8, 1000, 0)),
		createOf("array of maps", raw.ArrayOfMaps), createOf("hash of maps", raw.HashOfMaps),
		fill("hash without preallocation", raw.Map(raw.Hash, 4, bigValue, 1000, raw.NoPrealloc), 4),
		fill("hash", raw.Map(raw.Hash, 4, bigValue, 1000, 0), 4),
		fill("per-CPU hash without preallocation", raw.Map(raw.PerCPUHash, 4, bigValue/8, 1000, raw.NoPrealloc), 4),
		fill("LRU hash", raw.Map(raw.LRUHash, 4, bigValue, 1000, 0), 4),
		fill("LPM trie", raw.Map(raw.LPMTrie, 8, bigValue, 1000, raw.NoPrealloc), 8),
		{
			name:    "batch",
			prepare: func(e *env) int { return e.must(e.newMap(raw.Map(raw.Hash, 4, 8, 1000, 0))) },
			do: func(e *env, fd int) unix.Errno {
				const n = 100
				keys, vals, next := raw.Alloc(4*n), raw.Alloc(8*n), raw.Alloc(8)
				for i := range n {
					binary.LittleEndian.PutUint32(keys[4*i:], uint32(i))
				}
				if _, errno := e.tgt.Do(raw.MapUpdateBatch, raw.Batch(fd, 0, 0, raw.Addr(keys), raw.Addr(vals), n)); errno != 0 {
					return errno
				}
				_, errno := e.tgt.Do(raw.MapLookupBatch, raw.Batch(fd, 0, raw.Addr(next), raw.Addr(keys), raw.Addr(vals), n))
				if errno == unix.ENOENT {
					errno = 0
				}
				return errno
			},
		},
		loadOp("kprobe", raw.Kprobe, counter), loadOp("raw tracepoint", raw.RawTracepoint, counter),
		loadOp("classifier", 3, counter), loadOp("of many branches", raw.Kprobe, branchy),
		{
			name: "load BTF", prepare: none,
			do: func(e *env, _ int) unix.Errno {
				return e.fd(e.tgt.Do(raw.BTFLoad, raw.NewAttr().U64(0, raw.Ptr(btf)).U32(16, uint32(len(btf)))))
			},
		},
		{
			name: "run",
			prepare: func(e *env) int {
				return e.must(e.load(raw.RawTracepoint, asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}))
			},
			do: func(e *env, prog int) unix.Errno { _, errno := e.tgt.Run(prog, 1, 2); return errno },
		},
		{
			name:    "run on a packet",
			prepare: func(e *env) int { return e.must(e.load(3, asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()})) },
			do: func(e *env, prog int) unix.Errno {
				a := raw.NewAttr().U32(0, uint32(prog)).U32(8, 64).U64(16, raw.Addr(raw.Alloc(64)))
				_, errno := e.tgt.Do(raw.ProgTestRun, a)
				return errno
			},
		},
		attach("kprobe", raw.Kprobe, func(e *env, p int) (int, unix.Errno) { return e.tgt.Kprobe(p, "user_statfs", false) }),
		attach("kretprobe", raw.Kprobe, func(e *env, p int) (int, unix.Errno) { return e.tgt.Kprobe(p, "user_statfs", true) }),
		attach("tracepoint", raw.Tracepoint, func(e *env, p int) (int, unix.Errno) { return e.tgt.Tracepoint(p, "sched", "sched_switch") }),
		attach("raw tracepoint", raw.RawTracepoint, func(e *env, p int) (int, unix.Errno) { return e.tgt.RawTP(p, "sched_switch") }),
		{
			name: "output", prepare: none,
			do: func(e *env, _ int) unix.Errno {
				fd, errno := e.tgt.Output(0, 1)
				if errno != 0 {
					return errno
				}
				e.hold(fd)
				b, err := unix.Mmap(fd, 0, 9*4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
				if err != nil {
					return err.(unix.Errno)
				}
				_ = unix.Munmap(b)
				return 0
			},
		},
		{
			name: "info",
			prepare: func(e *env) int {
				m := e.must(e.newMap(raw.Map(raw.Array, 4, 8, 1, 0)))
				return e.must(e.load(raw.Kprobe, counter(m)))
			},
			do: func(e *env, prog int) unix.Errno {
				info := raw.Alloc(256)
				_, errno := e.tgt.Do(raw.ObjInfo, raw.NewAttr().U32(0, uint32(prog)).U32(4, 256).U64(8, raw.Addr(info)))
				return errno
			},
		},
		{
			name: "bind a map",
			prepare: func(e *env) int {
				e.must(e.newMap(raw.Map(raw.Array, 4, 8, 1, 0)))
				return e.must(e.load(raw.Kprobe, asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}))
			},
			do: func(e *env, prog int) unix.Errno {
				_, errno := e.tgt.Do(raw.ProgBindMap, raw.NewAttr().U32(0, uint32(prog)).U32(4, uint32(e.held[0])))
				return errno
			},
		},
	}
}

// TestEach fails the first allocation of each command, then the second, and so
// on until there is none left to fail.
func TestEach(t *testing.T) {
	tgt := open(t)
	set(t, "fail_pid", os.Getpid())
	defer set(t, "fail_nth", 0)
	base := left(t, tgt, raw.None)
	sites := 0
	for _, o := range ops() {
		t.Run(o.name, func(t *testing.T) {
			failed := 0
			for nth := 1; ; nth++ {
				if nth > 5000 {
					t.Fatal("no end of allocations")
				}
				e := &env{t: t, tgt: tgt}
				prepared := o.prepare(e)
				set(t, "fail_nth", nth)
				errno := o.do(e, prepared)
				unfired := get(t, "fail_nth")
				set(t, "fail_nth", 0)
				for i := len(e.held) - 1; i >= 0; i-- {
					unix.Close(e.held[i])
				}
				if got := left(t, tgt, base); got != base {
					t.Fatalf("allocation %d failed (%s); left: %s", nth, raw.ErrName(errno), got)
				}
				if unfired > 0 {
					if errno != 0 {
						t.Errorf("%s without a failed allocation", raw.ErrName(errno))
					}
					break
				}
				sites++
				switch errno {
				case unix.ENOMEM:
					failed++
				case 0: // it can do without
				default:
					t.Errorf("allocation %d failed: %s", nth, raw.ErrName(errno))
				}
			}
			t.Logf("%d failed with ENOMEM", failed)
		})
	}
	t.Logf("%d allocations failed", sites)
	if sites < 100 {
		t.Errorf("only %d allocations failed", sites)
	}
}

// TestStorm runs other suites while now and then an allocation fails: what they
// say is not asked, but they end, and nothing is left.
func TestStorm(t *testing.T) {
	tgt := open(t)
	base := left(t, tgt, raw.None)
	set(t, "fail_pid", 0)
	storm := 60 * time.Second
	if guest.Quick() {
		storm = 15 * time.Second
	}
	for _, suite := range []string{"maps", "lifetime", "errno", "model"} {
		program := "/tests/" + suite + ".test"
		if _, err := os.Stat(program); err != nil {
			t.Errorf("%s is not there: make faults", program)
			continue
		}
		t.Run(suite, func(t *testing.T) {
			for seed := int64(1); seed <= 2; seed++ {
				c := exec.Command(program, "-test.count=1", "-test.run", "Driver|Counters|Holds|Kill|Memory|Tables|Queues|Inner|Locks")
				c.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
				if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				over := make(chan error, 1)
				go func() { over <- c.Wait() }()
				rnd := rand.New(rand.NewSource(seed))
				fired := 0
				deadline := time.After(guest.Patience(storm))
				kill := false
			loop:
				for {
					select {
					case <-over:
						break loop
					case <-deadline:
						kill = true
						_ = c.Process.Kill()
						<-over
						break loop
					case <-time.After(2 * time.Millisecond):
						if get(t, "fail_nth") == 0 {
							fired++
							set(t, "fail_nth", 1+rnd.Intn(20))
						}
					}
				}
				set(t, "fail_nth", 0)
				_ = unix.Kill(-c.Process.Pid, unix.SIGKILL) // what it left running
				t.Logf("%d allocations failed; killed at the end: %v", fired, kill)
				if fired == 0 {
					t.Error("nothing failed")
				}
				if got := left(t, tgt, base); got != base {
					t.Fatalf("left: %s", got)
				}
			}
		})
	}
}
