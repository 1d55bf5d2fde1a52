// SPDX-License-Identifier: Apache-2.0

// Package vm runs one guest: it boots a kernel under QEMU with a plan, follows
// what the guest tells, and judges how it ended. A guest that panics, warns,
// hangs or stops before its plan is over has failed, whatever its commands
// returned.
package vm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/initramfs"
	"github.com/bpfshim/bpfshim/qemu-tests/kernels"
	"github.com/bpfshim/bpfshim/qemu-tests/wire"
)

// AccelEnv names the variable that overrides the accelerator ("kvm",
// "tcg,thread=multi").
const AccelEnv = "BPFSHIM_ACCEL"

// Config is one run of a guest.
type Config struct {
	Kernel kernels.Kernel
	Base   string             // initramfs.Base's archive
	Files  *initramfs.Archive // laid over it
	Plan   wire.Plan

	SMP     int           // default 2
	MemMB   int           // default 1024
	Append  string        // more kernel arguments
	ICount  bool          // virtual time counts instructions; one CPU
	Timeout time.Duration // of the guest's time, see Result.Slow

	Stdout, Stderr io.Writer // of the commands
	Console        io.Writer // kernel console, may be nil
	Out            string    // host folder for the files of Plan.Out
	Event          func(wire.Event)
}

// beatTimeout is how long a guest may say nothing: it beats every 2 s, a slow
// one less often.
const beatTimeout = 90 * time.Second

// StepResult is how one step of the plan ended.
type StepResult struct {
	Begun, Ended bool
	Status       int
	Text         string
	Took         time.Duration
}

// Result is what the host saw of a guest.
type Result struct {
	Release string
	Steps   []StepResult
	Booted  bool
	Slow    float64  // how many times slower than the reference it once was
	Done    bool     // the plan went to its end
	Faults  []string // why the guest as such has failed; empty: it has not
	Notes   []string
	Log     []string // bad kernel log lines and what follows them
	Console []string // the console's last lines
}

// Run boots the guest and returns when it is off. An error is the host's: the
// guest's faults are in the Result.
func Run(ctx context.Context, c Config) (*Result, error) {
	if c.SMP == 0 {
		c.SMP = 2
	}
	if c.MemMB == 0 {
		c.MemMB = 1024
	}
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Minute
	}
	dir, err := os.MkdirTemp("", "bpfshim-vm-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	initrd := filepath.Join(dir, "initrd")
	if err := writeInitrd(initrd, c); err != nil {
		return nil, err
	}

	console, consoleW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer console.Close()
	events, eventsW, err := os.Pipe()
	if err != nil {
		consoleW.Close()
		return nil, err
	}
	defer events.Close()

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var qemuErr strings.Builder
	cmd := exec.CommandContext(ctx, "qemu-system-x86_64", qemuArgs(c, initrd)...)
	cmd.ExtraFiles = []*os.File{consoleW, eventsW} // 3 and 4
	cmd.Stderr = &qemuErr
	cmd.WaitDelay = 5 * time.Second
	err = cmd.Start()
	consoleW.Close()
	eventsW.Close()
	if err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return nil, errors.New("no qemu-system-x86_64: run `make deps`, or install the package qemu-system-x86")
		}
		return nil, err
	}
	w := newWatch(c)
	go w.console(console)
	go w.events(events)
	go w.beats(cancel)
	waitErr := cmd.Wait()
	w.wait()

	res := w.result()
	switch {
	case res.Done:
	case w.hung() != "":
		res.Faults = append(res.Faults, w.hung())
	case ctx.Err() != nil:
		return res, ctx.Err()
	case waitErr != nil:
		return res, fmt.Errorf("qemu: %w: %s", waitErr, strings.TrimSpace(qemuErr.String()))
	case !res.Booted:
		res.Faults = append(res.Faults, "stopped before init ran")
	default:
		res.Faults = append(res.Faults, "stopped before its plan was over")
	}
	return res, nil
}

func writeInitrd(path string, c Config) error {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer out.Close()
	base, err := os.Open(c.Base)
	if err != nil {
		return err
	}
	defer base.Close()
	if _, err := io.Copy(out, base); err != nil {
		return err
	}
	if err := putPlan(c.Files, c.Plan); err != nil {
		return err
	}
	if _, err := c.Files.WriteTo(out); err != nil {
		return err
	}
	return out.Close()
}

// cpuModel has what a guest of these kernels can use, SMEP and SMAP above all:
// they turn a kernel that follows a user pointer into a fault.
const cpuModel = "qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+rdrand,+smep,+smap"

func qemuArgs(c Config, initrd string) []string {
	accel, cpu := os.Getenv(AccelEnv), cpuModel
	switch {
	case accel == "" || accel == "tcg":
		// The virtual CPUs take turns. On threads of their own, QEMU 7.2 now
		// and then jumps to 0 where one patches kernel text that another
		// runs, as each kprobe on ftrace does: the kernel's own too.
		accel = "tcg,thread=single"
	case accel == "kvm":
		cpu = "host"
	}
	smp := c.SMP
	if c.ICount {
		smp = 1
	}
	args := []string{
		"-machine", "pc", "-accel", accel, "-cpu", cpu,
		"-smp", strconv.Itoa(smp), "-m", strconv.Itoa(c.MemMB),
		"-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
		"-kernel", c.Kernel.Image(), "-initrd", initrd, "-append", kernelArgs(c),
		"-add-fd", "fd=3,set=1", "-chardev", "file,id=console,path=/dev/fdset/1,append=on",
		"-add-fd", "fd=4,set=2", "-chardev", "file,id=events,path=/dev/fdset/2,append=on",
		"-serial", "chardev:console", "-serial", "chardev:events",
	}
	if c.ICount {
		// One instruction is one virtual nanosecond; idling waits.
		args = append(args, "-icount", "shift=0,sleep=on")
	}
	return args
}

func kernelArgs(c Config) string {
	args := []string{
		"console=ttyS0,115200", "rdinit=/init", "loglevel=5",
		"panic=-1", "oops=panic", "reboot=t", // any end ends QEMU
		"no_timer_check", "nmi_watchdog=0", "tsc=reliable", // the emulated clocks jitter
		"rcupdate.rcu_cpu_stall_timeout=60", "hung_task_panic=0",
		"random.trust_cpu=on", "net.ifnames=0", "log_buf_len=1M",
	}
	if c.Append != "" {
		args = append(args, c.Append)
	}
	return strings.Join(args, " ")
}
