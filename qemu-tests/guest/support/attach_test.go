// SPDX-License-Identifier: Apache-2.0

package support

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bpfshim/bpfshim/ioctl"
	"github.com/bpfshim/bpfshim/loader"
	reasons "github.com/bpfshim/bpfshim/loader/support"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/bpfshim/bpfshim/qemu-tests/support"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// A hook attaches a program that counts, makes what it hooks happen, and checks
// that it was hit, and no longer once the link is closed. The errno says that it
// cannot be attached.
type hook func(r *run) unix.Errno

// hooks by name: first those that bpf(2) leaves to perf_event_open(2), then the
// attach types of 6.1.
var hooks = map[string]hook{
	"kprobe":    func(r *run) unix.Errno { return r.probed("user_statfs", 0, false) },
	"kretprobe": func(r *run) unix.Errno { return r.probed("user_statfs", 0, true) },
	"tracepoint": func(r *run) unix.Errno {
		return r.hit("tracepoint", func(prog int) (int, unix.Errno) { return r.event(prog, "sched", "sched_process_fork") }, fork)
	},
	"syscall_tracepoint": func(r *run) unix.Errno {
		return r.hit("tracepoint", func(prog int) (int, unix.Errno) { return r.event(prog, "syscalls", "sys_enter_statfs") }, statfs)
	},
	"raw_tracepoint": func(r *run) unix.Errno {
		return r.hit("raw_tracepoint", func(prog int) (int, unix.Errno) { return r.RawTP(prog, "sched_process_fork") }, fork)
	},
	"raw_tracepoint_writable": func(r *run) unix.Errno {
		return r.hit("raw_tracepoint_writable", func(prog int) (int, unix.Errno) { return r.RawTP(prog, "sched_process_fork") }, fork)
	},
	"perf_event": func(r *run) unix.Errno {
		return r.hit("perf_event", func(prog int) (int, unix.Errno) {
			return r.sampled(prog, &unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_CPU_CLOCK, Sample: 1_000_000})
		}, spin)
	},
	"uprobe":    func(r *run) unix.Errno { return r.uprobed("p") },
	"uretprobe": func(r *run) unix.Errno { return r.uprobed("r") },
}

func statfs() {
	var s unix.Statfs_t
	_ = unix.Statfs("/", &s)
}

func fork() {
	p, err := os.StartProcess("/bin/true", []string{"true"}, &os.ProcAttr{})
	if err == nil {
		_, _ = p.Wait()
	}
}

func spin() {
	for until := time.Now().Add(300 * time.Millisecond); time.Now().Before(until); {
	}
}

// counter is a program that adds 1 to an array's value.
func counter(fd int) is {
	return is{st(asm.RFP, -4, 0, asm.Word), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4), asm.LoadMapPtr(asm.R1, fd),
		asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, "end"), asm.Mov.Imm(asm.R1, 1), asm.StoreXAdd(asm.R0, asm.R1, asm.DWord),
		asm.Mov.Imm(asm.R0, 0).WithSymbol("end"), asm.Return()}
}

// hit does what a hook is to.
func (r *run) hit(typ string, attach func(prog int) (int, unix.Errno), happen func()) unix.Errno {
	r.Helper()
	fd := r.newMap(raw.Array, 4, 8, 1, 0)
	prog := r.prog(typ, counter(fd))
	link, errno := attach(prog)
	if errno != 0 {
		return errno
	}
	happen()
	n := r.word(fd, k32(0))
	r.want("hits", n > 0, true)
	unix.Close(link)
	n = r.word(fd, k32(0))
	happen()
	r.want("hits when the link is closed", r.word(fd, k32(0))-n, 0)
	return 0
}

// dev makes the driver's own commands natively too.
func (r *run) dev() ioctl.Device {
	if r.IsNative() {
		return ioctl.Native()
	}
	d, err := ioctl.Open()
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { d.Close() })
	return d
}

func errnoOfCall(fd int, err error) (int, unix.Errno) {
	if err == nil {
		return fd, 0
	}
	if e, ok := err.(unix.Errno); ok {
		return -1, e
	}
	return -1, unix.EIO
}

func (r *run) probed(symbol string, offset uint64, ret bool) unix.Errno {
	return r.hit("kprobe", func(prog int) (int, unix.Errno) {
		a := &ioctl.ExtKprobeAttr{ProgFd: uint32(prog), Symbol: ioctl.StringPointer(symbol), Offset: offset}
		if ret {
			a.Flags = ioctl.KprobeReturn
		}
		return errnoOfCall(ioctl.Do(r.dev(), ioctl.ExtKprobe, a))
	}, statfs)
}

func (r *run) event(prog int, group, name string) (int, unix.Errno) {
	dir, err := loader.FindTraceFS()
	if err != nil {
		r.Fatal(err)
	}
	b, err := os.ReadFile(dir + "/events/" + group + "/" + name + "/id")
	if err != nil {
		r.Fatal(err)
	}
	id, _ := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	return errnoOfCall(ioctl.Do(r.dev(), ioctl.ExtTracepoint, &ioctl.ExtTracepointAttr{ProgFd: uint32(prog), EventId: id}))
}

// sampled links a program to an event on CPU 0.
func (r *run) sampled(prog int, attr *unix.PerfEventAttr) (int, unix.Errno) {
	attr.Size = unix.PERF_ATTR_SIZE_VER1
	perf, err := unix.PerfEventOpen(attr, -1, 0, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		r.Fatal(err)
	}
	defer unix.Close(perf)
	link, errno := r.Do(raw.LinkCreate, raw.NewAttr().U32(0, uint32(prog)).U32(4, uint32(perf)).U32(8, uint32(ioctl.PerfEvent)))
	if errno == 0 {
		_ = unix.IoctlSetInt(perf, unix.PERF_EVENT_IOC_ENABLE, 0)
	}
	return link, errno
}

// uprobed goes by the trace event that old kernels make of a user probe.
func (r *run) uprobed(kind string) unix.Errno {
	dir, err := loader.FindTraceFS()
	if err != nil {
		r.Fatal(err)
	}
	exe := r.copyOfThis()
	name := "support_" + kind
	control := func(s string) error {
		f, err := os.OpenFile(dir+"/uprobe_events", os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = f.WriteString(s + "\n")
		return err
	}
	if err := control(fmt.Sprintf("%s:%s %s:%#x", kind, name, exe, probeOffset(r.T))); err != nil {
		r.Fatal(err)
	}
	defer func() {
		if r.Failed() {
			hits, err := os.ReadFile(dir + "/uprobe_profile")
			r.Logf("the probe's hits and misses: %s %v", hits, err)
		}
		_ = control("-:" + name)
	}()
	return r.hit("kprobe", func(prog int) (int, unix.Errno) {
		b, err := os.ReadFile(dir + "/events/uprobes/" + name + "/id")
		if err != nil {
			r.Fatal(err)
		}
		id, _ := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
		return r.sampled(prog, &unix.PerfEventAttr{Type: unix.PERF_TYPE_TRACEPOINT, Config: id, Sample: 1})
	}, func() {
		c := exec.Command(exe)
		c.Env = append(os.Environ(), probeMeEnv+"=1")
		if out, err := c.CombinedOutput(); err != nil {
			r.Fatalf("%v: %s", err, out)
		}
	})
}

// copyOfThis is this program in a file system of its own: 3.10 puts no probes
// into files of a tmpfs, and says nothing.
func (r *run) copyOfThis() string {
	r.Helper()
	dir := r.TempDir()
	if err := unix.Mount("ramfs", dir, "ramfs", 0, ""); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	b, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		r.Fatal(err)
	}
	if err := os.WriteFile(dir+"/probed", b, 0o755); err != nil {
		r.Fatal(err)
	}
	return dir + "/probed"
}

// probeMeEnv has this program call probeMe, and do nothing else.
const probeMeEnv = "BPFSHIM_SUPPORT_PROBE_ME"

//go:noinline
func probeMe() { probeCount++ }

var probeCount int

// probeOffset is where probeMe is in the file: its segment's address is known.
func probeOffset(t *testing.T) uint64 {
	t.Helper()
	return fileOffset(t, funcAddr(probeMe))
}

// TestAttach attaches programs to each point and sees that they are hit.
func TestAttach(t *testing.T) {
	drv, native := machines(t)
	names := []string{"kprobe", "kretprobe", "tracepoint", "syscall_tracepoint", "raw_tracepoint", "raw_tracepoint_writable", "perf_event", "uprobe", "uretprobe"}
	seen := map[string]bool{}
	for _, n := range names {
		seen[n] = true
	}
	for _, e := range ioctl.Enumerators("bpfshim_attach_type", "") {
		if !seen[e.Name] {
			names = append(names, e.Name)
		}
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			onCPU0(t)
			do, ok := hooks[name]
			if !ok {
				do = func(r *run) unix.Errno { return r.attached(name) }
			}
			row := support.Row{Kind: reasons.Attach, Name: name}
			if native != nil {
				row.Native = map[string]string{"": errName(do(&run{t, native}))}
			}
			errno := do(&run{t, drv})
			row.Driver = map[string]string{"": errName(errno)}
			record(row)
			switch {
			case errno != 0 && (native == nil || row.Native[""] == support.OK):
				refused(t, reasons.Attach, name, "", errno)
			case errno == 0 && native != nil && row.Native[""] != support.OK:
				t.Errorf("it is accepted; natively %s", row.Native[""])
			}
		})
	}
}
