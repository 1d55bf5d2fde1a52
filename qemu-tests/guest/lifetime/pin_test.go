// SPDX-License-Identifier: Apache-2.0

package lifetime

import (
	"encoding/binary"
	"fmt"
	"math/rand"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"golang.org/x/sys/unix"
)

const three = "1 maps, 1 programs, 1 links, 0 BTFs, 0 outputs"

// pinThree pins a map, a program that counts in it, and its link.
func pinThree(t *testing.T, tgt *raw.Target, dir string) {
	t.Helper()
	m := newMap(t, tgt)
	p := newCounter(t, tgt, raw.Kprobe, m)
	l := must(t, "kprobe")(tgt.Kprobe(p, probed, false))
	for fd, name := range map[int]string{m: "map", p: "prog", l: "link"} {
		if errno := tgt.Pin(fd, dir+"/"+name); errno != 0 {
			t.Fatalf("pin %s: %s", name, raw.ErrName(errno))
		}
		unix.Close(fd)
	}
}

func unlink(t *testing.T, path string) {
	t.Helper()
	if err := unix.Unlink(path); err != nil {
		t.Errorf("%s: %v", path, err)
	}
}

// TestPinsOutliveProcess: the process that pinned is killed, the probe counts on.
func TestPinsOutliveProcess(t *testing.T) {
	tgt := open(t)
	if dir := os.Getenv(roleEnv); dir != "" {
		pinThree(t, tgt, dir)
		say("pinned")
		time.Sleep(time.Hour)
	}
	dir := tgt.MountPins(t, "")
	c, sc := child(t, dir)
	waitFor(t, sc, "pinned")
	kill(t, c)
	time.Sleep(50 * time.Millisecond)
	objects(t, tgt, three)
	m := must(t, "get")(tgt.Get(dir+"/map", 0))
	before := count(t, tgt, m)
	statfs()
	if after := count(t, tgt, m); after != before+1 {
		t.Errorf("count %d, then %d: the pinned link is detached", before, after)
	}
	l := must(t, "get")(tgt.Get(dir+"/link", 0))
	unlink(t, dir+"/link")
	before = count(t, tgt, m)
	statfs()
	if after := count(t, tgt, m); after != before+1 {
		t.Errorf("count %d, then %d: the fd holds the link no longer", before, after)
	}
	closeAll(l)
	before = count(t, tgt, m)
	statfs()
	if after := count(t, tgt, m); after != before {
		t.Errorf("count %d, then %d: it runs after the link's last user", before, after)
	}
	unlink(t, dir+"/prog")
	unlink(t, dir+"/map")
	closeAll(m)
	objects(t, tgt, raw.None)
}

// TestPinIsUserReference: a prog array keeps its programs while it is pinned.
func TestPinIsUserReference(t *testing.T) {
	tgt := open(t)
	dir := tgt.MountPins(t, "")
	pa := must(t, "prog array")(tgt.Do(raw.MapCreate, raw.Map(raw.ProgArray, 4, 4, 1, 0)))
	p := must(t, "program")(tgt.Do(raw.ProgLoad, raw.Prog(raw.Kprobe, raw.Return0()...)))
	v := make([]byte, 4)
	binary.NativeEndian.PutUint32(v, uint32(p))
	if errno := tgt.Update(pa, make([]byte, 4), v, 0); errno != 0 {
		t.Fatal(raw.ErrName(errno))
	}
	if errno := tgt.Pin(pa, dir+"/array"); errno != 0 {
		t.Fatal(raw.ErrName(errno))
	}
	closeAll(p, pa)
	time.Sleep(50 * time.Millisecond)
	objects(t, tgt, "1 maps, 1 programs, 0 links, 0 BTFs, 0 outputs")
	pa = must(t, "get")(tgt.Get(dir+"/array", 0))
	unlink(t, dir+"/array")
	if _, errno := tgt.Lookup(pa, make([]byte, 4), 4); errno != 0 {
		t.Errorf("the slot: %s", raw.ErrName(errno))
	}
	closeAll(pa)
	objects(t, tgt, raw.None)
}

// TestModuleHeldByPins: neither a mount nor what is pinned in it goes under.
func TestModuleHeldByPins(t *testing.T) {
	tgt := open(t)
	dir := tgt.MountPins(t, "")
	refused := func(what string) {
		t.Helper()
		if err := unix.DeleteModule("bpfshim", unix.O_NONBLOCK); err != unix.EAGAIN && err != unix.EBUSY {
			t.Fatalf("unload with %s: %v", what, err)
		}
	}
	unix.Close(tgt.FD())
	refused("an empty mount")
	other, err := raw.Open()
	if err != nil {
		t.Fatal(err)
	}
	pinThree(t, other, dir)
	unix.Close(other.FD())
	refused("pins")
	// The directory is open: the superblock outlives its mount.
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Unmount(dir, 0); err != unix.EBUSY {
		t.Errorf("umount of a directory in use: %v", err)
	}
	if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	refused("a superblock in use")
	objects(t, open(t), three)
	unix.Close(fd)
	objects(t, open(t), raw.None)
}

// TestUmountDropsPins, of several superblocks apart.
func TestUmountDropsPins(t *testing.T) {
	tgt := open(t)
	a, b := tgt.MountPins(t, ""), tgt.MountPins(t, "")
	pinThree(t, tgt, a)
	pinThree(t, tgt, b)
	if _, err := os.Stat(b + "/map"); err != nil {
		t.Fatal(err)
	}
	if err := unix.Unmount(a, 0); err != nil {
		t.Fatal(err)
	}
	objects(t, tgt, three)
	if err := unix.Unmount(b, 0); err != nil {
		t.Fatal(err)
	}
	objects(t, tgt, raw.None)
}

// TestRefusedPinsLeaveNothing.
func TestRefusedPinsLeaveNothing(t *testing.T) {
	tgt := open(t)
	dir := tgt.MountPins(t, "")
	m := newMap(t, tgt)
	p := newCounter(t, tgt, raw.Kprobe, m)
	l := must(t, "kprobe")(tgt.Kprobe(p, probed, false))
	for i := 0; i < 20; i++ {
		for _, fd := range []int{m, p, l} {
			for _, path := range []string{"", "/tmp/x", dir, dir + "/a.b", dir + "/none/x", "/none/x"} {
				if errno := tgt.Pin(fd, path); errno == 0 {
					t.Fatalf("pinned as %q", path)
				}
			}
		}
	}
	if errno := tgt.Pin(l, dir+"/link"); errno != 0 {
		t.Fatal(raw.ErrName(errno))
	}
	if _, errno := tgt.Get(dir+"/link", raw.Rdonly); errno != unix.EINVAL {
		t.Errorf("a read-only link: %s", raw.ErrName(errno))
	}
	unlink(t, dir+"/link")
	closeAll(m, p, l)
	objects(t, tgt, raw.None)
}

// TestByIDLeavesNothing: an fd by id holds its object once.
func TestByIDLeavesNothing(t *testing.T) {
	tgt := open(t)
	m := newMap(t, tgt)
	p := newCounter(t, tgt, raw.Kprobe, m)
	l := must(t, "kprobe")(tgt.Kprobe(p, probed, false))
	btf := raw.BTF()
	b := must(t, "BTF")(tgt.Do(raw.BTFLoad, raw.NewAttr().U64(0, raw.Ptr(btf)).U32(16, uint32(len(btf)))))
	for _, c := range []struct {
		fd   int
		byID uint32
		id   int
	}{{m, raw.MapFDByID, 4}, {p, raw.ProgFDByID, 4}, {l, raw.LinkFDByID, 4}, {b, raw.BTFFDByID, 12}} {
		info := raw.Over(raw.Alloc(256))
		size := uint32(80)
		if c.fd == b {
			size = 32
		}
		if _, errno := tgt.Do(raw.ObjInfo, raw.NewAttr().U32(0, uint32(c.fd)).U32(4, size).U64(8, uint64(info.Addr()))); errno != 0 {
			t.Fatal(raw.ErrName(errno))
		}
		for i := 0; i < 3; i++ {
			closeAll(must(t, "by id")(tgt.Do(c.byID, raw.NewAttr().U32(0, info.Get32(c.id)))))
		}
	}
	closeAll(m, p, l, b)
	objects(t, tgt, raw.None)
}

// TestPinRaces: names come, go and move, file systems are unmounted, and
// others get what is there, all at once.
func TestPinRaces(t *testing.T) {
	tgt := open(t)
	seconds := 20
	if guest.Quick() {
		seconds = 4
	}
	dir := t.TempDir()
	m := newMap(t, tgt)
	p := newCounter(t, tgt, raw.Kprobe, m)
	l := must(t, "kprobe")(tgt.Kprobe(p, probed, false))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var did [6]atomic.Int64
	worker := func(n int, do func(rnd *rand.Rand) bool) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			rnd := rand.New(rand.NewSource(int64(n)))
			for {
				select {
				case <-stop:
					return
				default:
				}
				if do(rnd) {
					did[n].Add(1)
				}
			}
		}()
	}
	name := func(rnd *rand.Rand) string {
		sub := []string{"", "d/"}[rnd.Intn(2)]
		return fmt.Sprintf("%s/%s%d", dir, sub, rnd.Intn(4))
	}
	fds := []int{m, p, l}
	worker(0, func(rnd *rand.Rand) bool { return tgt.Pin(fds[rnd.Intn(3)], name(rnd)) == 0 })
	worker(1, func(rnd *rand.Rand) bool { return unix.Unlink(name(rnd)) == nil })
	worker(2, func(rnd *rand.Rand) bool {
		fd, errno := tgt.Get(name(rnd), []uint32{0, 0, raw.Rdonly, raw.Wronly}[rnd.Intn(4)])
		closeAll(fd)
		return errno == 0
	})
	worker(3, func(rnd *rand.Rand) bool {
		if rnd.Intn(2) == 0 {
			return unix.Rename(name(rnd), name(rnd)) == nil
		}
		return unix.Link(name(rnd), name(rnd)) == nil
	})
	worker(4, func(rnd *rand.Rand) bool {
		_ = unix.Mount("x", dir, tgt.PinFS(), 0, "")
		_ = unix.Mkdir(dir+"/d", 0o700)
		time.Sleep(time.Duration(rnd.Intn(20)) * time.Millisecond)
		return unix.Unmount(dir, []int{0, unix.MNT_DETACH}[rnd.Intn(2)]) == nil
	})
	worker(5, func(*rand.Rand) bool { statfs(); return true })
	time.Sleep(guest.Patience(time.Duration(seconds) * time.Second))
	counts := func() (all []int64) {
		for i := range did {
			all = append(all, did[i].Load())
		}
		return all
	}
	idle := func() bool {
		return slices.ContainsFunc(counts(), func(n int64) bool { return n == 0 })
	}
	// A guest that hardly runs gives some of them no turn in that time.
	for end := time.Now().Add(time.Minute); time.Now().Before(end) && idle(); {
		time.Sleep(100 * time.Millisecond)
	}
	close(stop)
	wg.Wait()
	for unix.Unmount(dir, unix.MNT_DETACH) == nil {
	}
	t.Logf("pinned, unlinked, got, moved, unmounted, probed: %v", counts())
	for i, n := range counts() {
		if n == 0 {
			t.Errorf("worker %d did nothing", i)
		}
	}
	closeAll(m, p, l)
	objects(t, tgt, raw.None)
}
