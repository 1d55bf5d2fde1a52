// SPDX-License-Identifier: Apache-2.0

package lifetime

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bpfshim/bpfshim/loader"
	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// setKernelTypes gives the driver the kernel's BTF, which names tasks.
func setKernelTypes(t *testing.T, tgt *raw.Target) {
	t.Helper()
	blob, err := loader.RawKernelBTF()
	if err != nil {
		t.Fatal(err)
	}
	mem := raw.Alloc(len(blob))
	copy(mem, blob)
	defer raw.Free(mem)
	fd := must(t, "kernel BTF")(tgt.Do(raw.BTFLoad, raw.NewAttr().U64(0, raw.Addr(mem)).U32(16, uint32(len(blob)))))
	must(t, "set kernel BTF")(tgt.Call(raw.ExtSetBTF, raw.NewAttr().U32(0, uint32(fd)).Addr(), 8))
	closeAll(fd)
}

// taskMap makes task storage of one word.
func taskMap(t *testing.T, tgt *raw.Target) int {
	t.Helper()
	types := must(t, "BTF")(tgt.LoadBTF(raw.Types("\x00int\x00long\x00", 1, 1<<24, 4, 1<<24|32, 5, 1<<24, 8, 64)))
	defer closeAll(types)
	return must(t, "task storage")(tgt.Do(raw.MapCreate,
		raw.Map(raw.TaskStorage, 4, 8, 0, 1).U32(48, uint32(types)).U32(52, 1).U32(56, 2)))
}

// taskCounter gets the running task's value by the flags of its first argument
// and adds one; -2: there is none.
func taskCounter(t *testing.T, tgt *raw.Target, m int) int {
	t.Helper()
	fd, errno, log, err := tgt.Load(raw.RawTracepoint, asm.Instructions{
		asm.LoadMem(asm.R6, asm.R1, 0, asm.DWord), asm.FnGetCurrentTaskBtf.Call(),
		asm.LoadMapPtr(asm.R1, m), asm.Mov.Reg(asm.R2, asm.R0), asm.Mov.Imm(asm.R3, 0), asm.Mov.Reg(asm.R4, asm.R6),
		asm.FnTaskStorageGet.Call(), asm.JNE.Imm(asm.R0, 0, "found"), asm.Mov.Imm(asm.R0, -2), asm.Return(),
		asm.LoadMem(asm.R1, asm.R0, 0, asm.DWord).WithSymbol("found"), asm.Add.Imm(asm.R1, 1),
		asm.StoreMem(asm.R0, 0, asm.R1, asm.DWord), asm.Mov.Reg(asm.R0, asm.R1), asm.Return(),
	})
	if err != nil || errno != 0 {
		t.Fatalf("load: %v %s\n%s", err, raw.ErrName(errno), log)
	}
	return fd
}

// TestTaskStorageEndsWithItsTask: thousands of threads have a value each, in
// each of two maps.  None sees one of a task before it, whose task_struct it
// has; what they leave is reused, so the maps stay as large as a few are.
func TestTaskStorageEndsWithItsTask(t *testing.T) {
	tgt := open(t)
	freed(t, tgt)
	setKernelTypes(t, tgt)
	maps := []int{taskMap(t, tgt), taskMap(t, tgt)}
	progs := []int{taskCounter(t, tgt, maps[0]), taskCounter(t, tgt, maps[1])}
	before := charged(t, tgt)
	n := int64(6000)
	if guest.Quick() {
		n = 3000
	}
	var started, stale, missed atomic.Int64
	var wg sync.WaitGroup
	for w := 0; w < 4; w++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			runs := []*raw.Runner{tgt.Runner(progs[0]), tgt.Runner(progs[1])}
			for started.Add(1) <= n {
				done := make(chan struct{})
				go func() {
					defer close(done)
					runtime.LockOSThread() // and never unlocked: the thread ends
					for i, r := range runs {
						if got := run1(r, 0); got != -2 {
							stale.Add(1)
							t.Errorf("map %d: a new task finds %d", i, got)
						}
						if got := run1(r, 1); got != 1 {
							missed.Add(1)
						}
						if got := run1(r, 0); got != 2 && got != -2 {
							t.Errorf("map %d: the second count is %d", i, got)
						}
					}
				}()
				<-done
			}
			runs[0].Close()
			runs[1].Close()
		}()
	}
	wg.Wait()
	t.Logf("%d threads, %d found old values, %d got none", n, stale.Load(), missed.Load())
	if missed.Load() > n/100 {
		t.Errorf("%d of %d got no value", missed.Load(), n)
	}
	// A node of 32 bytes each, in both maps: had they stayed, it would be this.
	if grown := charged(t, tgt) - before; grown >= 2*uint64(n)*32 {
		t.Errorf("%d threads left %d bytes", n, grown)
	}
	closeAll(append(maps, progs...)...)
	freed(t, tgt)
}

// run1 runs a program with one argument on this thread.
func run1(r *raw.Runner, arg uint64) int32 {
	v, errno := r.Run(arg)
	if errno != 0 {
		return -1000 - int32(errno)
	}
	return int32(v)
}

// TestTaskStorageOfKilled: a process and its threads are killed while programs
// that give each its value run; its maps go with it.
func TestTaskStorageOfKilled(t *testing.T) {
	tgt := open(t)
	if os.Getenv(roleEnv) != "" {
		m := taskMap(t, tgt)
		p := taskCounter(t, tgt, m)
		must(t, "raw tracepoint")(tgt.RawTP(p, "sys_enter"))
		for i := 0; i < 8; i++ {
			go func() {
				runtime.LockOSThread()
				r := tgt.Runner(p)
				for {
					run1(r, 1)
				}
			}()
		}
		say("ready")
		select {}
	}
	freed(t, tgt)
	setKernelTypes(t, tgt)
	for i := 0; i < 5; i++ {
		c, sc := child(t, "storage")
		waitFor(t, sc, "ready")
		time.Sleep(time.Duration(i) * 20 * time.Millisecond)
		kill(t, c)
		freed(t, tgt)
	}
}

// TestTaskStorageMapsComeAndGo: maps are freed while their tasks live and
// others exit.
func TestTaskStorageMapsComeAndGo(t *testing.T) {
	tgt := open(t)
	freed(t, tgt)
	setKernelTypes(t, tgt)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := 0; i < 3; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				select {
				case <-stop:
					return
				default:
				}
				done := make(chan struct{})
				go func() { runtime.LockOSThread(); close(done) }()
				<-done
				time.Sleep(time.Millisecond)
			}
		}()
	}
	n := 100
	if guest.Quick() {
		n = 30
	}
	for i := 0; i < n; i++ {
		m := taskMap(t, tgt)
		p := taskCounter(t, tgt, m)
		link := must(t, "raw tracepoint")(tgt.RawTP(p, "sys_exit"))
		if i%3 == 0 {
			time.Sleep(5 * time.Millisecond)
		}
		closeAll(m, p, link)
	}
	close(stop)
	wg.Wait()
	freed(t, tgt)
}

// TestTaskDirectoryIsTheTask: user space names a task by its directory of
// procfs, held open: a thread's too, and nobody else's once it is gone.
func TestTaskDirectoryIsTheTask(t *testing.T) {
	tgt := open(t)
	m := taskMap(t, tgt)
	defer closeAll(m)
	dir := func(format string, args ...any) []byte {
		fd := must(t, "directory")(openDir(fmt.Sprintf(format, args...)))
		return []byte{byte(fd), byte(fd >> 8), byte(fd >> 16), byte(fd >> 24)}
	}
	val := []byte{1, 2, 3, 4, 5, 6, 7, 8}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for i, key := range [][]byte{dir("/proc/%d", os.Getpid()), dir("/proc/self/task/%d", unix.Gettid())} {
		if errno := tgt.Update(m, key, val, 0); errno != 0 {
			t.Errorf("update %d: %s", i, raw.ErrName(errno))
		}
		if got, errno := tgt.Lookup(m, key, 8); errno != 0 || string(got) != string(val) {
			t.Errorf("lookup %d: %s %x", i, raw.ErrName(errno), got)
		}
		val[0]++
	}
	c := exec.Command("/proc/self/exe", "-test.list", "nothing")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	gone := dir("/proc/%d", c.Process.Pid)
	_ = c.Wait()
	for what, key := range map[string][]byte{"fd": dir("/proc/self/fd"), "root": dir("/proc"), "task": dir("/proc/self/task"), "irq": dir("/proc/sys/kernel")} {
		if errno := tgt.Update(m, key, val, 0); errno != unix.EBADF {
			t.Errorf("%s: %s", what, raw.ErrName(errno))
		}
	}
	if errno := tgt.Update(m, gone, val, 0); errno != unix.ENOENT {
		t.Errorf("a process that is gone: %s", raw.ErrName(errno))
	}
}

func openDir(path string) (int, unix.Errno) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err.(unix.Errno)
	}
	return fd, 0
}
