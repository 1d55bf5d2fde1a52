// SPDX-License-Identifier: Apache-2.0

// Package doctor examines what a machine has of what loading BPF objects needs.
package doctor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/loader"
)

// Status is what came of a check.
type Status string

// What can come of a check.
const (
	OK   Status = "ok"
	Note Status = "note" // nothing to mend: what this module has not, and why
	Warn Status = "warn" // something is missing that not every object needs
	Fail Status = "FAIL" // objects cannot be loaded or attached
)

// Check is one thing that was looked at.
type Check struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Detail string `json:"detail"`
	Advice string `json:"advice,omitempty"`
}

// Report is all that was looked at.
type Report struct {
	OK     bool    `json:"ok"`
	Checks []Check `json:"checks"`
}

// Options of Examine.
type Options struct {
	// Device is whose programs it is about, as loader.OpenDevice takes it.
	Device string
	// BTF is a file given in the place of those that are looked for.
	BTF string
	// Open opens the device; nil: loader.OpenDevice.
	Open func(string) (loader.Device, error)
}

// Examine looks at everything.
func Examine(opts Options) *Report {
	if opts.Open == nil {
		opts.Open = loader.OpenDevice
	}
	r := &Report{OK: true}
	r.kernel()
	r.rights()
	native := r.device(opts)
	r.config(native)
	if native {
		r.nativeKprobes()
	}
	r.btf(opts.BTF)
	r.tracing()
	r.symbols()
	r.pins(native)
	return r
}

func (r *Report) add(name string, s Status, advice, format string, args ...any) {
	if s == Fail {
		r.OK = false
	}
	r.Checks = append(r.Checks, Check{name, s, fmt.Sprintf(format, args...), advice})
}

func (r *Report) kernel() {
	release, err := loader.KernelRelease()
	if err != nil {
		r.add("kernel", Fail, "", "%v", err)
		return
	}
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		r.add("kernel", Warn, "", "%s on %s, which nobody has tried", release, runtime.GOARCH)
		return
	}
	cpus, err := loader.PossibleCPU()
	if err != nil {
		r.add("kernel", Fail, "mount -t sysfs sysfs /sys", "%s, but the number of CPUs is unknown: %v", release, err)
		return
	}
	r.add("kernel", OK, "", "%s, %d possible CPUs", release, cpus)
}

func (r *Report) rights() {
	// The file has two words of capabilities each; CAP_SYS_ADMIN is bit 21.
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData
	if err := unix.Capget(&hdr, &caps[0]); err != nil {
		r.add("rights", Warn, "", "unknown: %v", err)
		return
	}
	if caps[0].Effective&(1<<unix.CAP_SYS_ADMIN) == 0 {
		r.add("rights", Fail, "run as root", "CAP_SYS_ADMIN is missing")
		return
	}
	r.add("rights", OK, "", "CAP_SYS_ADMIN")
}

// device is true when programs run natively.
func (r *Report) device(opts Options) bool {
	d, err := opts.Open(opts.Device)
	if err != nil {
		advice := ""
		if errors.Is(err, loader.ErrNoDevice) {
			advice = "modprobe bpfshim, or insmod bpfshim.ko"
			if release, err := loader.KernelRelease(); err == nil && !moduleInstalled(release) {
				advice = "build the module for this kernel (make module), then insmod bpfshim.ko"
			}
		}
		r.add("device", Fail, advice, "%v", err)
		return false
	}
	defer d.Close()
	info, err := loader.Info(d)
	if err != nil {
		// The kernel's own.
		m, err := loader.NewMapWithOptions(&loader.MapSpec{Type: loader.Array, KeySize: 4, ValueSize: 4, MaxEntries: 1}, loader.MapOptions{Device: d})
		if err != nil {
			r.add("device", Fail, "insmod bpfshim.ko", "the module is not loaded, and bpf(2) fails: %v", err)
			return true
		}
		m.Close()
		r.add("device", OK, "", "the kernel's own bpf(2); the module is not used")
		return true
	}
	engine := "interpreter"
	if info.JIT {
		engine = "JIT"
	}
	info = settled(info, func() (*loader.DeviceInfo, error) { return loader.Info(d) })
	r.add("device", OK, "", "module %s, ABI %d, %s; held now: %d programs, %d maps, %d links, %d BTFs, %d outputs, %d KiB", info.Version, info.AbiVersion, engine,
		info.Progs, info.Maps, info.Links, info.Btfs, info.Outputs, (info.MemBytes+1023)/1024)
	if idle(info) && info.MemBytes > 0 {
		r.add("memory", Warn, "please report it", "%d bytes are held by no object", info.MemBytes)
	}
	if release, err := loader.KernelRelease(); err == nil {
		r.offers(d, release)
	}
	if info.ProgMisses > 0 || info.KretprobeMisses > 0 {
		r.add("misses", Warn, "", "%d runs skipped by the recursion guard, %d returns missed by kretprobes", info.ProgMisses, info.KretprobeMisses)
	}
	return false
}

// settleTime is longer than the kernel takes to free what closed objects held:
// a grace period of RCU and a work item.
const settleTime = 3 * time.Second

func idle(i *loader.DeviceInfo) bool {
	return i.Maps == 0 && i.Progs == 0 && i.Links == 0 && i.Btfs == 0 && i.Outputs == 0
}

// settled waits for the memory of objects that are closed already.
func settled(info *loader.DeviceInfo, ask func() (*loader.DeviceInfo, error)) *loader.DeviceInfo {
	for until := time.Now().Add(settleTime); idle(info) && info.MemBytes > 0 && time.Now().Before(until); {
		time.Sleep(20 * time.Millisecond)
		next, err := ask()
		if err != nil {
			break
		}
		info = next
	}
	return info
}

func moduleInstalled(release string) bool {
	for _, dir := range []string{"extra", "updates", "kernel/extra", "updates/dkms"} {
		found, _ := filepath.Glob("/lib/modules/" + release + "/" + dir + "/bpfshim.ko*")
		if len(found) > 0 {
			return true
		}
	}
	return false
}

// option is one of the kernel's configuration.
type option struct {
	name string
	need Status // when it is missing
	why  string
	old  string // its name on old kernels
}

func options(native bool) []option {
	if native {
		return []option{
			{"CONFIG_BPF_SYSCALL", Fail, "bpf(2)", ""},
			{"CONFIG_BPF_EVENTS", Fail, "tracing programs", ""},
			{"CONFIG_KPROBE_EVENTS", Warn, "kprobe programs", "CONFIG_KPROBE_EVENT"},
			{"CONFIG_DEBUG_INFO_BTF", Warn, "the kernel's type information", ""},
		}
	}
	return []option{
		{"CONFIG_MODULES", Fail, "loading the module", ""},
		{"CONFIG_KALLSYMS", Fail, "kprobes by symbol", ""},
		{"CONFIG_KPROBES", Fail, "kprobe programs", ""},
		{"CONFIG_KRETPROBES", Warn, "kretprobe programs", ""},
		{"CONFIG_PERF_EVENTS", Fail, "tracepoint programs", ""},
		{"CONFIG_TRACEPOINTS", Fail, "tracepoint programs", ""},
		{"CONFIG_EVENT_TRACING", Fail, "tracepoint programs", ""},
		{"CONFIG_FTRACE_SYSCALLS", Warn, "tracepoints of group syscalls", ""},
		{"CONFIG_KALLSYMS_ALL", Warn, "symbols of data", ""},
	}
}

func (r *Report) config(native bool) {
	c, err := loader.LoadKernelConfig()
	if err != nil {
		r.add("config", Warn, "", "unknown: %s", strings.ReplaceAll(err.Error(), "\n", ", "))
		return
	}
	missing := false
	for _, o := range options(native) {
		if c.Get(o.name) == "y" || o.old != "" && c.Get(o.old) == "y" {
			continue
		}
		missing = true
		r.add("config", o.need, "", "%s is not set, which is needed for %s", o.name, o.why)
	}
	if !missing {
		r.add("config", OK, "", "all options are set (%s)", c.Path)
	}
}

// nativeKprobes: without the module, kprobes are opened as perf events.
func (r *Report) nativeKprobes() {
	const pmu = "/sys/bus/event_source/devices/kprobe/type"
	if _, err := os.Stat(pmu); err != nil {
		r.add("kprobes", Warn, "load the module, which attaches them itself", "kprobe programs cannot be attached natively: %v", err)
		return
	}
	r.add("kprobes", OK, "", "opened as perf events")
}

func (r *Report) btf(path string) {
	const advice = "pahole --btf_encode_detached makes it from a vmlinux with debug information: /usr/lib/bpfshim/btf/$(uname -r).btf, or --btf FILE"
	var spec *btf.Spec
	var err error
	if path != "" {
		spec, err = loader.LoadBTF(path)
	} else {
		spec, path, err = loader.FindKernelBTF()
	}
	if err != nil {
		r.add("btf", Fail, advice, "CO-RE objects cannot be relocated: %s", strings.ReplaceAll(strings.ReplaceAll(err.Error(), "\n\t", "; "), "\n", "; "))
		return
	}
	// One that was not merged has many of each, and relocations are ambiguous.
	types, err := spec.AnyTypesByName("task_struct")
	n := 0
	for _, t := range types {
		if s, ok := t.(*btf.Struct); ok && len(s.Members) > 0 {
			n++
		}
	}
	switch {
	case err != nil || n == 0:
		r.add("btf", Fail, advice, "%s has no struct task_struct", path)
	case n > 1:
		r.add("btf", Warn, "make it with a pahole that merges types", "%s has %d struct task_struct", path, n)
	default:
		r.add("btf", OK, "", "%s", path)
	}
}

func (r *Report) tracing() {
	dir, err := loader.FindTraceFS()
	if err != nil {
		r.add("tracefs", Warn, "mount -t debugfs debugfs /sys/kernel/debug", "tracepoint programs cannot be attached: %v", err)
		return
	}
	r.add("tracefs", OK, "", "%s", dir)
}

// pins: their absence only matters to those who pin.
func (r *Report) pins(native bool) {
	typ := "bpfshim"
	if native {
		typ = "bpf"
	}
	dir, err := loader.FindPinFS(typ)
	if err != nil {
		r.add("pins", OK, "", "nowhere to pin objects: %v", err)
		return
	}
	r.add("pins", OK, "", "%s", dir)
}

func (r *Report) symbols() {
	b, err := os.ReadFile("/proc/sys/kernel/kptr_restrict")
	if _, serr := os.Stat("/proc/kallsyms"); serr != nil {
		r.add("kallsyms", Warn, "mount -t proc proc /proc", "ksyscall sections and .ksyms cannot be resolved: %v", serr)
		return
	}
	if err == nil && strings.TrimSpace(string(b)) == "2" {
		r.add("kallsyms", Warn, "sysctl kernel.kptr_restrict=1", "kptr_restrict is 2: addresses of .ksyms are hidden")
		return
	}
	name, err := loader.SyscallSymbol("openat")
	if err != nil {
		r.add("kallsyms", Warn, "", "%v", err)
		return
	}
	r.add("kallsyms", OK, "", "system calls are functions such as %s", name)
}
