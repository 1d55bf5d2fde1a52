// SPDX-License-Identifier: Apache-2.0

package helpers

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

func open(t *testing.T) *raw.Target {
	t.Helper()
	tgt, err := raw.Open()
	if err != nil {
		t.Fatal(err)
	}
	return tgt
}

func newMap(t *testing.T, tgt *raw.Target, a *raw.Attr) int {
	t.Helper()
	fd, errno := tgt.Do(raw.MapCreate, a)
	if errno != 0 {
		t.Fatalf("map: %s", raw.ErrName(errno))
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func load(t *testing.T, tgt *raw.Target, typ uint32, insns asm.Instructions) int {
	t.Helper()
	fd, errno, log, err := tgt.Load(typ, insns)
	if err != nil || errno != 0 {
		t.Fatalf("load: %v %s\n%s", err, raw.ErrName(errno), log)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// old reports whether the kernel annotates no functions that may be ended.
func old() bool { return strings.HasPrefix(guest.Release(), "3.") }

// TestOverrideReturn makes a system call of this process fail without running.
func TestOverrideReturn(t *testing.T) {
	tgt := open(t)
	counts := newMap(t, tgt, raw.Map(raw.Array, 4, 8, 1, 0))
	insns := join(asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.FnGetCurrentPidTgid.Call(), asm.RSh.Imm(asm.R0, 32), asm.JEq.Imm(asm.R0, int32(os.Getpid()), "us"), asm.Mov.Imm(asm.R0, 0), asm.Return(),
		asm.Mov.Reg(asm.R1, asm.R6).WithSymbol("us"), asm.Mov.Imm(asm.R2, -int32(unix.EXDEV)), asm.FnOverrideReturn.Call(),
	}, element(counts), asm.Instructions{
		asm.Mov.Imm(asm.R1, 1), asm.StoreXAdd(asm.R0, asm.R1, asm.DWord), asm.Mov.Imm(asm.R0, 0),
		asm.Return().WithSymbol("end"),
	})
	if !old() {
		fd, errno, log, _ := tgt.Load(raw.Kprobe, insns)
		if errno != unix.EINVAL || !strings.Contains(log, "unknown func") {
			t.Errorf("load: %d %s %s", fd, raw.ErrName(errno), log)
		}
		return
	}
	prog := load(t, tgt, raw.Kprobe, insns)
	count := load(t, tgt, raw.Kprobe, join(element(counts), asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return().WithSymbol("end")}))
	getpgid := func() error { _, err := unix.Getpgid(0); return err }
	check := func(want error) {
		t.Helper()
		for i := range 2000 {
			if err := getpgid(); err != want {
				t.Fatalf("call %d: %v, not %v", i, err, want)
			}
		}
	}
	check(nil)
	attach := func(prog int, symbol string, ret bool) int {
		t.Helper()
		link, errno := tgt.Kprobe(prog, symbol, ret)
		if errno != 0 {
			t.Fatalf("%s: %s", symbol, raw.ErrName(errno))
		}
		return link
	}
	link := attach(prog, "sys_getpgid", false)
	check(unix.EXDEV)
	// Others on the same function: before, and after.
	other := attach(count, "sys_getpgid", false)
	check(unix.EXDEV)
	unix.Close(link)
	check(nil)
	link = attach(prog, "sys_getpgid", false)
	check(unix.EXDEV)
	// Faults in programs afterwards are nobody else's.
	unix.Close(other)
	check(unix.EXDEV)
	unix.Close(link)
	check(nil)
	link = attach(prog, "sys_getpgid", true)
	check(unix.EXDEV)
	unix.Close(link)
	check(nil)
	if v, _ := tgt.Lookup(counts, k32(0), 8); binary.NativeEndian.Uint64(v) < 10000 {
		t.Errorf("it ran %d times only", binary.NativeEndian.Uint64(v))
	}
	for _, symbol := range []string{"vfs_read", "user_statfs", "schedule", "stub_clone", "do_sys_open"} {
		if link, errno := tgt.Kprobe(prog, symbol, false); errno != unix.EINVAL {
			t.Errorf("%s: %s", symbol, raw.ErrName(errno))
			unix.Close(link)
		}
	}
	tails := newMap(t, tgt, raw.Map(raw.ProgArray, 4, 4, 1, 0))
	if errno := tgt.Update(tails, k32(0), k32(prog), 0); errno != unix.EINVAL {
		t.Errorf("into a prog array: %s", raw.ErrName(errno))
	}
}

// clockProgram keeps, on its CPU: the least and the greatest time seen, how many
// there were, and how often one was less than the one before.
func clockProgram(fd int, fn asm.BuiltinFunc) asm.Instructions {
	return join(element(fd), asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R0), fn.Call(),
		asm.LoadMem(asm.R1, asm.R6, 0, asm.DWord), asm.JEq.Imm(asm.R1, 0, "least"), asm.JGE.Reg(asm.R0, asm.R1, "not least"),
		asm.StoreMem(asm.R6, 0, asm.R0, asm.DWord).WithSymbol("least"),
		asm.LoadMem(asm.R1, asm.R6, 8, asm.DWord).WithSymbol("not least"), asm.JLE.Reg(asm.R0, asm.R1, "not greatest"),
		asm.StoreMem(asm.R6, 8, asm.R0, asm.DWord),
		asm.LoadMem(asm.R1, asm.R6, 16, asm.DWord).WithSymbol("not greatest"), asm.Add.Imm(asm.R1, 1), asm.StoreMem(asm.R6, 16, asm.R1, asm.DWord),
		asm.LoadMem(asm.R1, asm.R6, 32, asm.DWord), asm.JGE.Reg(asm.R0, asm.R1, "onward"),
		asm.LoadMem(asm.R2, asm.R6, 24, asm.DWord), asm.Add.Imm(asm.R2, 1), asm.StoreMem(asm.R6, 24, asm.R2, asm.DWord),
		asm.StoreMem(asm.R6, 32, asm.R0, asm.DWord).WithSymbol("onward"),
		asm.Mov.Imm(asm.R0, 0), asm.Return().WithSymbol("end"),
	})
}

func now(id int32) uint64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(id, &ts)
	return uint64(ts.Nano())
}

// near is how far a program's clock may be from the process's.
const near = 10e3

// watchClock runs the program for a while; each time it saw on this CPU must
// lie between those that this process saw there around. (On another CPU the
// program may stand still for long between reading the clock and keeping it.)
func watchClock(t *testing.T, tgt *raw.Target, fd int, clock int32, do func()) (seen uint64) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var usual, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &usual); err != nil {
		t.Fatal(err)
	}
	one.Set(0)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.SchedSetaffinity(0, &usual) }()
	cpus, _ := possibleCPUs()
	zero := make([]byte, 40*cpus)
	var late, early uint64
	for range 40 {
		// Before: what is being stored meanwhile is not older.
		before := now(clock)
		if errno := tgt.Update(fd, k32(0), zero, 0); errno != 0 {
			t.Fatal(raw.ErrName(errno))
		}
		do()
		v, errno := tgt.Lookup(fd, k32(0), 40*cpus)
		after := now(clock)
		if errno != 0 {
			t.Fatal(raw.ErrName(errno))
		}
		w := func(i int) uint64 { return binary.NativeEndian.Uint64(v[8*i:]) }
		if w(2) == 0 {
			continue
		}
		seen += w(2)
		if w(3) != 0 {
			// The kernel's own may, inside its writer, and natively does.
			report := t.Errorf
			if !old() {
				report = t.Logf
			}
			report("%d times of %d it went back", w(3), w(2))
		}
		if w(0) < before {
			early = max(early, before-w(0))
		}
		if w(1) > after {
			late = max(late, w(1)-after)
		}
	}
	if early > near || late > near {
		t.Errorf("off by as much as -%d, +%d ns", early, late)
	}
	t.Logf("%d times, off by -%d, +%d ns at most", seen, early, late)
	return seen
}

func possibleCPUs() (int, error) {
	b, err := os.ReadFile("/sys/devices/system/cpu/possible")
	if err != nil {
		return 1, err
	}
	var first, last int
	if n, _ := fmt.Sscanf(string(b), "%d-%d", &first, &last); n == 2 {
		return last + 1, nil
	}
	return first + 1, nil
}

var clockHelpers = []struct {
	name  string
	fn    asm.BuiltinFunc
	clock int32
}{
	{"mono", asm.FnKtimeGetNs, unix.CLOCK_MONOTONIC}, {"boot", asm.FnKtimeGetBootNs, unix.CLOCK_BOOTTIME}, {"tai", asm.FnKtimeGetTaiNs, unix.CLOCK_TAI},
}

// TestClocksInTimekeeping reads the clocks from probes inside the functions
// that set them, where to wait for their writer would be for ever.
func TestClocksInTimekeeping(t *testing.T) {
	tgt := open(t)
	for _, c := range clockHelpers {
		t.Run(c.name, func(t *testing.T) {
			fd := newMap(t, tgt, raw.Map(raw.PerCPUArray, 4, 40, 1, 0))
			prog := load(t, tgt, raw.Kprobe, clockProgram(fd, c.fn))
			var at []string
			for _, symbol := range []string{
				"update_wall_time", "timekeeping_update", "timekeeping_advance", "update_vsyscall", "tk_update_ktime_data", "do_timer",
				"tick_do_update_jiffies64", "raw_notifier_call_chain", "hrtimer_interrupt", "ktime_get_update_offsets", "ktime_get_update_offsets_now",
				"timekeeping_get_ns", "second_overflow", "ntp_tick_length", "update_fast_timekeeper",
			} {
				for _, ret := range []bool{false, true} {
					if link, errno := tgt.Kprobe(prog, symbol, ret); errno == 0 {
						t.Cleanup(func() { unix.Close(link) })
						at = append(at, symbol)
					}
				}
			}
			t.Logf("probed: %v", at)
			seen := watchClock(t, tgt, fd, c.clock, func() {
				for end := now(unix.CLOCK_MONOTONIC) + 10e6; now(unix.CLOCK_MONOTONIC) < end; {
				}
			})
			if seen < 100 || len(at) < 6 {
				t.Errorf("%d probes ran %d times only", len(at), seen)
			}
		})
	}
}

// TestClocksInSamples reads them in a sampling event's interrupt.
func TestClocksInSamples(t *testing.T) {
	tgt := open(t)
	for _, c := range clockHelpers {
		t.Run(c.name, func(t *testing.T) {
			fd := newMap(t, tgt, raw.Map(raw.PerCPUArray, 4, 40, 1, 0))
			link := sample(t, tgt, load(t, tgt, raw.PerfEvent, clockProgram(fd, c.fn)), 1000)
			defer unix.Close(link)
			if seen := watchClock(t, tgt, fd, c.clock, func() { time.Sleep(20 * time.Millisecond) }); seen < 50 {
				t.Errorf("sampled %d times only", seen)
			}
		})
	}
}

// tracing is where the kernel keeps its trace.
func tracing(t *testing.T) string {
	for _, dir := range []string{"/sys/kernel/tracing", "/sys/kernel/debug/tracing"} {
		if _, err := os.Stat(dir + "/trace"); err == nil {
			return dir
		}
	}
	t.Fatal("no tracefs")
	return ""
}

// TestTracePipe prints, and reads what was printed as people do.
func TestTracePipe(t *testing.T) {
	tgt := open(t)
	pipe, err := unix.Open(filepath.Join(tracing(t), "trace_pipe"), unix.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe)
	text := func(s string) asm.Instructions {
		var out asm.Instructions
		b := append([]byte(s), make([]byte, 32-len(s))...)
		for i := 0; i < 32; i += 8 {
			out = append(out, asm.LoadImm(asm.R1, int64(binary.LittleEndian.Uint64(b[i:])), asm.DWord), asm.StoreMem(asm.RFP, int16(-64+i), asm.R1, asm.DWord))
		}
		return append(out, asm.Mov.Reg(asm.R1, asm.RFP), asm.Add.Imm(asm.R1, -64), asm.Mov.Imm(asm.R2, int32(len(s)+1)))
	}
	printk := load(t, tgt, raw.RawTracepoint, join(text("shim printk %d %x %llu\n"), asm.Instructions{
		asm.Mov.Imm(asm.R3, -7), asm.Mov.Imm(asm.R4, 0xabc), asm.LoadImm(asm.R5, 1<<40, asm.DWord), asm.FnTracePrintk.Call(), asm.Return(),
	}))
	vprintk := load(t, tgt, raw.RawTracepoint, join(asm.Instructions{
		st(asm.RFP, -32, 1, asm.DWord), st(asm.RFP, -24, 2, asm.DWord), st(asm.RFP, -16, 3, asm.DWord), st(asm.RFP, -8, 4, asm.DWord),
	}, text("shim vprintk %d-%d-%d-%d\n"), asm.Instructions{
		asm.Mov.Reg(asm.R3, asm.RFP), asm.Add.Imm(asm.R3, -32), asm.Mov.Imm(asm.R4, 32), asm.FnTraceVprintk.Call(), asm.Return(),
	}))
	for _, c := range []struct {
		prog int
		want string
	}{{printk, "shim printk -7 abc 1099511627776\n"}, {vprintk, "shim vprintk 1-2-3-4\n"}} {
		got, errno := tgt.Run(c.prog)
		if errno != 0 || int(got) != len(c.want) {
			t.Errorf("%q: %d %s, not its length", c.want, int32(got), raw.ErrName(errno))
		}
	}
	var all []byte
	buf := make([]byte, 1<<16)
	for end := time.Now().Add(guest.Patience(3 * time.Second)); time.Now().Before(end); {
		n, err := unix.Read(pipe, buf)
		if n > 0 {
			all = append(all, buf[:n]...)
		}
		if err == unix.EAGAIN && strings.Contains(string(all), "vprintk") {
			break
		}
	}
	for _, want := range []string{"shim printk -7 abc 1099511627776\n", "shim vprintk 1-2-3-4\n"} {
		if !strings.Contains(string(all), want) {
			t.Errorf("no %q in the pipe: %q", want, all)
		}
	}
}

// TestWriteUserIsLogged looks for the warning about programs that write.
func TestWriteUserIsLogged(t *testing.T) {
	tgt := open(t)
	load(t, tgt, raw.Kprobe, asm.Instructions{
		st(asm.RFP, -8, 0, asm.DWord), asm.Mov.Imm(asm.R1, 0), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -8),
		asm.Mov.Imm(asm.R3, 8), asm.FnProbeWriteUser.Call(), asm.Mov.Imm(asm.R0, 0), asm.Return(),
	})
	const readAll = 3
	buf := make([]byte, 1<<20)
	n, err := unix.Klogctl(readAll, buf)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("[%d] is installing a program with bpf_probe_write_user helper that may corrupt user memory!", unix.Gettid())
	if !strings.Contains(string(buf[:n]), "is installing a program with bpf_probe_write_user helper that may corrupt user memory!") {
		t.Errorf("the kernel's log has no %q", want)
	}
}

// TestTaskUnderCgroup asks for cgroups of version 1 where the kernel has no
// other, and is answered like by 6.1 where it has.
func TestTaskUnderCgroup(t *testing.T) {
	tgt := open(t)
	mounts := []struct{ name, typ, data string }{{"two", "cgroup2", ""}}
	if old() {
		mounts = []struct{ name, typ, data string }{{"named", "cgroup", "none,name=systemd"}, {"controller", "cgroup", "freezer"}}
	}
	for _, m := range mounts {
		t.Run(m.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := unix.Mount("cgroup", dir, m.typ, 0, m.data); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = unix.Unmount(dir, unix.MNT_DETACH) }()
			in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
			for _, d := range []string{in, filepath.Join(in, "deep"), out} {
				if err := os.Mkdir(d, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			move := func(to string) {
				t.Helper()
				if err := os.WriteFile(filepath.Join(to, "cgroup.procs"), []byte(fmt.Sprint(os.Getpid())), 0); err != nil {
					t.Fatal(err)
				}
			}
			defer func() {
				move(dir)
				for _, d := range []string{filepath.Join(in, "deep"), in, out} {
					if err := os.Remove(d); err != nil {
						t.Error(err)
					}
				}
			}()
			askEach(t, tgt, dir, in, out, move)
			if guest.HasOracle() {
				askEach(t, raw.Native(), dir, in, out, move)
			}
		})
	}
}

func askEach(t *testing.T, tgt *raw.Target, dir, in, out string, move func(string)) {
	const cgroupArray = 8
	fd, errno := tgt.Do(raw.MapCreate, raw.Map(cgroupArray, 4, 4, 4, 0))
	if errno != 0 {
		t.Fatal(raw.ErrName(errno))
	}
	defer unix.Close(fd)
	prog, errno, log, err := tgt.Load(raw.RawTracepoint, asm.Instructions{
		arg(asm.R2, 0), asm.LoadMapPtr(asm.R1, fd), asm.FnCurrentTaskUnderCgroup.Call(), asm.Return(),
	})
	if errno != 0 || err != nil {
		t.Fatalf("%v %s %s", err, raw.ErrName(errno), log)
	}
	defer unix.Close(prog)
	put := func(i int, path string) unix.Errno {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		return tgt.Update(fd, k32(i), k32(int(f.Fd())), 0)
	}
	for i, path := range []string{dir, in, out} {
		if errno := put(i, path); errno != 0 {
			t.Fatalf("%s: %s", path, raw.ErrName(errno))
		}
	}
	for _, bad := range []string{"/", "/proc", filepath.Join(in, "cgroup.procs")} {
		if errno := put(3, bad); errno != unix.EBADF {
			t.Errorf("%s: %s", bad, raw.ErrName(errno))
		}
	}
	for _, c := range []struct {
		where string
		want  []int32
	}{
		{dir, []int32{1, 0, 0}}, {in, []int32{1, 1, 0}}, {filepath.Join(in, "deep"), []int32{1, 1, 0}}, {out, []int32{1, 0, 1}}, {in, []int32{1, 1, 0}},
	} {
		move(c.where)
		for i, want := range append(c.want, -int32(unix.EAGAIN), -int32(unix.E2BIG)) {
			if got, errno := tgt.Run(prog, uint64(i)); int32(got) != want || errno != 0 {
				t.Errorf("%s: in %s, slot %d: %d %s, not %d", tgt.Name, c.where, i, int32(got), raw.ErrName(errno), want)
			}
		}
	}
	if errno := tgt.Delete(fd, k32(1)); errno != 0 {
		t.Errorf("delete: %s", raw.ErrName(errno))
	}
	if errno := tgt.Delete(fd, k32(1)); errno != unix.ENOENT {
		t.Errorf("delete again: %s", raw.ErrName(errno))
	}
	if got, _ := tgt.Run(prog, 1); int32(got) != -int32(unix.EAGAIN) {
		t.Errorf("after delete: %d", int32(got))
	}
}

// TestCgroupIDs asks for the ids of the running task's cgroup and those above.
func TestCgroupIDs(t *testing.T) {
	ids := func(tgt *raw.Target) (out []uint32) {
		prog := load(t, tgt, raw.RawTracepoint, asm.Instructions{
			arg(asm.R1, 0), asm.FnGetCurrentAncestorCgroupId.Call(), asm.Return(),
		})
		for _, level := range []uint64{0, 1, 2, 1 << 31, 1 << 32} {
			v, errno := tgt.Run(prog, level)
			if errno != 0 {
				t.Fatal(raw.ErrName(errno))
			}
			out = append(out, v)
		}
		v, _ := tgt.Run(load(t, tgt, raw.RawTracepoint, asm.Instructions{asm.FnGetCurrentCgroupId.Call(), asm.Return()}))
		return append(out, v)
	}
	got := ids(open(t))
	want := []uint32{1, 0, 0, 0, 1, 1}
	if guest.HasOracle() {
		want = ids(raw.Native())
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, not %v", got, want)
	}
}
