// SPDX-License-Identifier: Apache-2.0

package lifetime

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// probed is a function that every kernel has, inlined nowhere (vfs_statfs is),
// and only statfs(2) calls.
const probed = "user_statfs"

func statfs() {
	var s unix.Statfs_t
	_ = unix.Statfs("/", &s)
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

// must is for calls that return an fd.
func must(t *testing.T, what string) func(int, unix.Errno) int {
	return func(fd int, errno unix.Errno) int {
		t.Helper()
		if errno != 0 {
			t.Fatalf("%s: %s", what, raw.ErrName(errno))
		}
		return fd
	}
}

func newMap(t *testing.T, tgt *raw.Target) int {
	t.Helper()
	return must(t, "map")(tgt.Do(raw.MapCreate, raw.Map(raw.Array, 4, 8, 1, 0)))
}

// newCounter loads a program that adds 1 to the map's value.
func newCounter(t *testing.T, tgt *raw.Target, typ uint32, m int) int {
	t.Helper()
	fd, errno, log, err := tgt.Load(typ, asm.Instructions{
		asm.StoreImm(asm.RFP, -4, 0, asm.Word),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, -4),
		asm.LoadMapPtr(asm.R1, m),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "end"),
		asm.Mov.Imm(asm.R1, 1),
		asm.StoreXAdd(asm.R0, asm.R1, asm.DWord),
		asm.Mov.Imm(asm.R0, 0).WithSymbol("end"),
		asm.Return(),
	})
	if err != nil || errno != 0 {
		t.Fatalf("program: %v %s\n%s", err, raw.ErrName(errno), log)
	}
	return fd
}

func count(t *testing.T, tgt *raw.Target, m int) uint64 {
	t.Helper()
	v, errno := tgt.Lookup(m, make([]byte, 4), 8)
	if errno != 0 {
		t.Fatalf("lookup: %s", raw.ErrName(errno))
	}
	return binary.NativeEndian.Uint64(v)
}

// objects waits for the counters to be as wanted: the last reference goes when
// the kernel finds time.
func objects(t *testing.T, tgt *raw.Target, want string) {
	t.Helper()
	var got string
	for until := time.Now().Add(guest.Patience(10 * time.Second)); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		info, errno := tgt.Info()
		if errno != 0 {
			t.Fatalf("info: %s", raw.ErrName(errno))
		}
		if got = info.Objects(); got == want {
			return
		}
		if want != raw.None { // how many bytes is the module's affair
			info.Mem = 0
			if got = info.Objects(); got == want+", 0 bytes" {
				return
			}
		}
	}
	t.Fatalf("objects: %s; want %s", got, want)
}

func closeAll(fds ...int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

func TestCountersFollowObjects(t *testing.T) {
	tgt := open(t)
	objects(t, tgt, raw.None)
	m := newMap(t, tgt)
	objects(t, tgt, "1 maps, 0 programs, 0 links, 0 BTFs, 0 outputs")
	p := newCounter(t, tgt, raw.Kprobe, m)
	objects(t, tgt, "1 maps, 1 programs, 0 links, 0 BTFs, 0 outputs")
	l := must(t, "kprobe")(tgt.Kprobe(p, probed, false))
	objects(t, tgt, "1 maps, 1 programs, 1 links, 0 BTFs, 0 outputs")
	btf := raw.BTF()
	b := must(t, "BTF")(tgt.Do(raw.BTFLoad, raw.NewAttr().U64(0, raw.Ptr(btf)).U32(16, uint32(len(btf)))))
	objects(t, tgt, "1 maps, 1 programs, 1 links, 1 BTFs, 0 outputs")
	o := must(t, "output")(tgt.Output(0, 1))
	objects(t, tgt, "1 maps, 1 programs, 1 links, 1 BTFs, 1 outputs")
	closeAll(o, b, l, p, m)
	objects(t, tgt, raw.None)
}

func TestProgramHoldsMap(t *testing.T) {
	tgt := open(t)
	m := newMap(t, tgt)
	p := newCounter(t, tgt, raw.Kprobe, m)
	closeAll(m)
	time.Sleep(50 * time.Millisecond)
	objects(t, tgt, "1 maps, 1 programs, 0 links, 0 BTFs, 0 outputs")
	closeAll(p)
	objects(t, tgt, raw.None)
}

func TestLinkHoldsProgram(t *testing.T) {
	tgt := open(t)
	m := newMap(t, tgt)
	p := newCounter(t, tgt, raw.Kprobe, m)
	l := must(t, "kprobe")(tgt.Kprobe(p, probed, false))
	closeAll(p)
	time.Sleep(50 * time.Millisecond)
	before := count(t, tgt, m)
	statfs()
	if after := count(t, tgt, m); after != before+1 {
		t.Errorf("count %d, then %d: the link does not hold the program", before, after)
	}
	closeAll(l)
	before = count(t, tgt, m)
	statfs()
	if after := count(t, tgt, m); after != before {
		t.Errorf("count %d, then %d: it runs after the link's last close", before, after)
	}
	closeAll(m)
	objects(t, tgt, raw.None)
}

func TestFDInFlightHoldsLink(t *testing.T) {
	tgt := open(t)
	m := newMap(t, tgt)
	p := newCounter(t, tgt, raw.Kprobe, m)
	l := must(t, "kprobe")(tgt.Kprobe(p, probed, false))
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Sendmsg(pair[0], []byte("x"), unix.UnixRights(l), nil, 0); err != nil {
		t.Fatal(err)
	}
	closeAll(l, p)
	before := count(t, tgt, m)
	statfs()
	if after := count(t, tgt, m); after != before+1 {
		t.Errorf("count %d, then %d: a link in flight is detached", before, after)
	}
	closeAll(pair[0], pair[1], m)
	objects(t, tgt, raw.None)
}

func TestDeviceClosedFirst(t *testing.T) {
	tgt := open(t)
	m := newMap(t, tgt)
	p := newCounter(t, tgt, raw.Kprobe, m)
	other := open(t)
	l := must(t, "kprobe")(other.Kprobe(p, probed, true))
	before := count(t, tgt, m)
	statfs()
	if after := count(t, tgt, m); after != before+1 {
		t.Errorf("count %d, then %d", before, after)
	}
	closeAll(m, p, l)
	objects(t, tgt, raw.None)
}

// TestRefusedLoadLeavesNothing: what a failed command made is gone.
func TestRefusedLoadLeavesNothing(t *testing.T) {
	tgt := open(t)
	m := newMap(t, tgt)
	for i := 0; i < 50; i++ {
		fd, errno, _, err := tgt.Load(raw.Kprobe, asm.Instructions{
			asm.LoadMapPtr(asm.R1, m), asm.LoadMem(asm.R0, asm.R6, 0, asm.DWord), asm.Return(),
		})
		if err != nil || errno == 0 {
			t.Fatal(fd, err)
		}
		if _, errno := tgt.Kprobe(m, probed, false); errno == 0 {
			t.Fatal("a map was attached")
		}
	}
	closeAll(m)
	objects(t, tgt, raw.None)
}

func TestModuleHeldByObject(t *testing.T) {
	tgt := open(t)
	m := newMap(t, tgt)
	unix.Close(tgt.FD())
	if err := unix.DeleteModule("bpfshim", unix.O_NONBLOCK); err == nil {
		t.Fatal("the module went under a live map")
	}
	closeAll(m)
	objects(t, open(t), raw.None)
}
