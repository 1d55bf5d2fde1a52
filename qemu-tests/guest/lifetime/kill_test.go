// SPDX-License-Identifier: Apache-2.0

// Package lifetime tests that objects live as long as somebody holds them and
// not longer: also when the holder is killed.
package lifetime

import (
	"bufio"
	"math/rand"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { guest.Main(m) }

const roleEnv = "BPFSHIM_LOADER"

// child runs one of the tests below in a process of its own that tells on its
// standard output when it is ready, and is killed then.
func child(t *testing.T, role string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	c := exec.Command("/proc/self/exe", "-test.run", "^"+t.Name()+"$", "-test.count=1")
	c.Env = append(os.Environ(), roleEnv+"="+role)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c, bufio.NewScanner(out)
}

func waitFor(t *testing.T, sc *bufio.Scanner, word string) {
	t.Helper()
	for sc.Scan() {
		if sc.Text() == word {
			return
		}
	}
	t.Fatalf("the loader ended before it was %q", word)
}

func kill(t *testing.T, c *exec.Cmd) {
	t.Helper()
	if err := c.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = c.Wait()
}

func say(word string) { _, _ = os.Stdout.WriteString(word + "\n") }

// attachAll attaches programs to every kind of hook there is.
func attachAll(t *testing.T, tgt *raw.Target) int {
	m := newMap(t, tgt)
	kp := newCounter(t, tgt, raw.Kprobe, m)
	tp := newCounter(t, tgt, raw.Tracepoint, m)
	rt := newCounter(t, tgt, raw.RawTracepoint, m)
	must(t, "kprobe")(tgt.Kprobe(kp, probed, false))
	must(t, "kretprobe")(tgt.Kprobe(kp, probed, true))
	must(t, "tracepoint")(tgt.Tracepoint(tp, "sched", "sched_switch"))
	must(t, "tracepoint")(tgt.Tracepoint(tp, "sched", "sched_process_exec"))
	must(t, "raw tracepoint")(tgt.RawTP(rt, "sched_process_exit"))
	perf := must(t, "perf event array")(tgt.Do(raw.MapCreate, raw.Map(raw.PerfArray, 4, 4, 2, 0)))
	o := must(t, "output")(tgt.Output(0, 1))
	if _, err := unix.Mmap(o, 0, 9*4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		t.Fatalf("mmap: %v", err)
	}
	if errno := tgt.Update(perf, make([]byte, 4), []byte{byte(o), byte(o >> 8), 0, 0}, 0); errno != 0 {
		t.Fatalf("perf event array: %s", raw.ErrName(errno))
	}
	btf := raw.BTF()
	must(t, "BTF")(tgt.Do(raw.BTFLoad, raw.NewAttr().U64(0, raw.Ptr(btf)).U32(16, uint32(len(btf)))))
	return m
}

func TestKillAttached(t *testing.T) {
	tgt := open(t)
	if os.Getenv(roleEnv) != "" {
		attachAll(t, tgt)
		say("attached")
		for {
			statfs()
		}
	}
	rounds := 10
	if guest.Quick() {
		rounds = 3
	}
	for i := 0; i < rounds; i++ {
		c, sc := child(t, "1")
		waitFor(t, sc, "attached")
		kill(t, c)
		objects(t, tgt, raw.None)
	}
}

// TestKillLoading kills a loader at whatever it does.
func TestKillLoading(t *testing.T) {
	tgt := open(t)
	if os.Getenv(roleEnv) != "" {
		say("loading")
		for {
			m := newMap(t, tgt)
			p := newCounter(t, tgt, raw.Kprobe, m)
			l := must(t, "kprobe")(tgt.Kprobe(p, probed, false))
			statfs()
			closeAll(p, m, l)
		}
	}
	rounds := 20
	if guest.Quick() {
		rounds = 5
	}
	rnd := rand.New(rand.NewSource(1))
	for i := 0; i < rounds; i++ {
		c, sc := child(t, strconv.Itoa(i))
		waitFor(t, sc, "loading")
		time.Sleep(time.Duration(rnd.Intn(100)) * time.Millisecond)
		kill(t, c)
		objects(t, tgt, raw.None)
	}
}

// TestAttachCloseRace attaches and detaches while the probed function runs.
func TestAttachCloseRace(t *testing.T) {
	tgt := open(t)
	m := newMap(t, tgt)
	p := newCounter(t, tgt, raw.Kprobe, m)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := 0; i < 2; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				select {
				case <-stop:
					return
				default:
					statfs()
				}
			}
		}()
	}
	rounds := 100
	if guest.Quick() {
		rounds = 20
	}
	for i := 0; i < rounds; i++ {
		closeAll(must(t, "kprobe")(tgt.Kprobe(p, probed, i%2 == 1)))
	}
	close(stop)
	wg.Wait()
	if count(t, tgt, m) == 0 {
		t.Error("the program never ran")
	}
	closeAll(p, m)
	objects(t, tgt, raw.None)
}

// TestAttachedLoad ends a loader that leaves everything attached: the reload
// loop runs it between insmod and rmmod.
func TestAttachedLoad(t *testing.T) {
	if os.Getenv(roleEnv) == "" {
		c := exec.Command("/proc/self/exe", "-test.run", "^TestAttachedLoad$", "-test.count=1")
		c.Env = append(os.Environ(), roleEnv+"=1")
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		objects(t, open(t), raw.None)
		return
	}
	tgt := open(t)
	m := attachAll(t, tgt)
	for i := 0; i < 100; i++ {
		statfs()
	}
	if n := count(t, tgt, m); n < 200 {
		t.Errorf("100 calls through a kprobe and a kretprobe counted %d", n)
	}
}
