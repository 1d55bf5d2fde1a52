// SPDX-License-Identifier: Apache-2.0

// Package verifybench measures verification: large real programs, verified by
// 6.1 itself and by the driver in the same guest. Under -icount a nanosecond
// is an instruction of the guest.
package verifybench

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/bpfshim/bpfshim/ioctl"
	"github.com/bpfshim/bpfshim/loader"
	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { guest.Main(m) }

// result is one line of build/bench.json.
type result struct {
	Group  string  `json:"group"`
	Name   string  `json:"name"`
	Kernel string  `json:"kernel"`
	Engine string  `json:"engine"`
	Metric string  `json:"metric"`
	Unit   string  `json:"unit"`
	Value  float64 `json:"value"`
}

// cost is what verifying one program took.
type cost struct {
	usec, insns, states float64
	load                float64 // the whole of PROG_LOAD, usec
	peak                float64 // KiB of memory less than before, at most
}

var (
	timeRE  = regexp.MustCompile(`verification time (\d+) usec`)
	insnsRE = regexp.MustCompile(`processed (\d+) insns .* peak_states (\d+)`)
)

// sections that name no type, by object.
func progType(object string) ebpf.ProgramType {
	switch {
	case strings.Contains(object, "scale"), strings.Contains(object, "l4lb"), strings.Contains(object, "redirect"):
		return ebpf.SchedCLS
	case strings.Contains(object, "xdp"):
		return ebpf.XDP
	}
	return ebpf.RawTracepoint
}

// freeKiB reads MemFree from an open /proc/meminfo.
func freeKiB(fd int, buf []byte) float64 {
	n, err := unix.Pread(fd, buf, 0)
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(buf[:n]), "MemFree:")
	f := strings.Fields(rest)
	if len(f) == 0 {
		return 0
	}
	v, _ := strconv.ParseFloat(f[0], 64)
	return v
}

// lowest is how far free memory falls while do runs: a real-time thread looks
// on, which gets the CPU whenever the verifier gives it away.
func lowest(t *testing.T, do func()) float64 {
	fd, err := unix.Open("/proc/meminfo", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(fd)
	buf := make([]byte, 4096)
	shrinkSlabs()
	before := freeKiB(fd, buf)
	low := before
	var stop atomic.Bool
	ready, done := make(chan error), make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread goes with its priority
		ready <- realtime(10)
		for !stop.Load() {
			low = min(low, freeKiB(fd, buf))
			nap := unix.Timespec{Nsec: 500_000}
			_ = unix.Nanosleep(&nap, nil)
		}
	}()
	require.NoError(t, <-ready)
	do()
	stop.Store(true)
	<-done
	return before - low
}

// shrinkSlabs gives back what the last load left in caches of objects and in
// CPUs' own lists of pages: a load that finds its memory there shows nothing.
func shrinkSlabs() {
	_ = os.WriteFile("/proc/sys/vm/percpu_pagelist_high_fraction", []byte("1000000"), 0)
	_ = os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0)
	caches, _ := filepath.Glob("/sys/kernel/slab/*/shrink")
	for _, c := range caches {
		_ = os.WriteFile(c, []byte("1"), 0)
	}
}

// withoutStacks takes bpf_get_stackid out of programs, for both engines, where
// one of them has no stack trace maps.
func withoutStacks(spec *loader.CollectionSpec) {
	for _, m := range spec.Maps {
		if m.Type == ebpf.StackTrace {
			m.Type, m.MaxEntries = ebpf.Array, 1
		}
	}
	for _, p := range spec.Programs {
		for i := range p.Instructions {
			if in := &p.Instructions[i]; in.IsBuiltinCall() && in.Constant == int64(asm.FnGetStackid) {
				meta := in.Metadata
				*in = asm.Mov.Imm(asm.R0, 0)
				in.Metadata = meta
			}
		}
	}
}

// load loads all of an object's programs, without a log but its last lines.
func load(t *testing.T, dev ioctl.Device, file string, stacks bool) (map[string]string, time.Duration, error) {
	spec, err := loader.LoadCollectionSpec(file)
	require.NoError(t, err)
	if !stacks {
		withoutStacks(spec)
	}
	for _, p := range spec.Programs {
		if p.Type == ebpf.UnspecifiedProgram || p.Type == ebpf.Tracing {
			p.Type = progType(filepath.Base(file))
		}
		p.AttachTo, p.SectionName = "", strings.TrimPrefix(p.SectionName, "?")
	}
	opts := loader.CollectionOptions{Device: dev}
	opts.Programs.LogLevel = loader.LogLevelStats
	begin := time.Now()
	coll, err := loader.NewCollectionWithOptions(spec, opts)
	took := time.Since(begin)
	if err != nil {
		return nil, 0, err
	}
	defer coll.Close()
	logs := map[string]string{}
	for name, p := range coll.Programs {
		logs[name] = p.VerifierLog
	}
	return logs, took, nil
}

func number(t *testing.T, s string) float64 {
	n, err := strconv.ParseFloat(s, 64)
	require.NoError(t, err)
	return n
}

func measure(t *testing.T, dev ioctl.Device, file string, stacks bool) (cost, error) {
	var c cost
	logs, took, err := load(t, dev, file, stacks)
	if err != nil {
		return c, err
	}
	c.load = float64(took.Microseconds())
	for name, log := range logs {
		at, n := timeRE.FindStringSubmatch(log), insnsRE.FindStringSubmatch(log)
		require.True(t, at != nil && n != nil, "%s: no figures in %q", name, log)
		c.usec += number(t, at[1])
		c.insns += number(t, n[1])
		c.states = max(c.states, number(t, n[2]))
	}
	// Again, with somebody looking on.
	c.peak = lowest(t, func() { _, _, err = load(t, dev, file, stacks) })
	return c, err
}

// realtime lets the thread run before any other; 3.10.0-514 has no sched_setattr(2).
func realtime(priority int32) error {
	const fifo = 1
	if _, _, errno := unix.RawSyscall(unix.SYS_SCHED_SETSCHEDULER, 0, fifo, uintptr(unsafe.Pointer(&priority))); errno != 0 {
		return errno
	}
	return nil
}

// TestVerify writes /out/bench.json. Programs that one side refuses are named.
func TestVerify(t *testing.T) {
	// One to look on while the other is in the kernel.
	runtime.GOMAXPROCS(4)
	files, err := filepath.Glob("/verify/*.o")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	sort.Strings(files)
	var engines []string
	devs := map[string]ioctl.Device{}
	if guest.HasOracle() {
		engines, devs["native"] = append(engines, "native"), ioctl.Native()
	}
	dev, err := loader.OpenDevice(loader.DeviceDriver)
	require.NoError(t, err)
	engines, devs["driver"] = append(engines, "driver"), dev

	var all []result
	logs, n := 0.0, 0
	fmt.Printf("%-26s %10s %10s %6s | %8s %8s | %7s %7s | %8s %8s\n", "verify (instructions/1000)", "native", "driver", "ratio",
		"insns", "driver", "states", "driver", "KiB", "driver")
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".o")
		costs := map[string]cost{}
		_, _, err := load(t, dev, f, true)
		stacks := err == nil || !strings.Contains(err.Error(), "StackTrace")
		for _, e := range engines {
			c, err := measure(t, devs[e], f, stacks)
			if err != nil {
				fmt.Printf("%-26s %s refuses: %v\n", name, e, err)
				continue
			}
			costs[e] = c
			engine := map[string]string{"native": "native", "driver": "jit"}[e]
			add := func(metric, unit string, v float64) {
				all = append(all, result{"verify", name, os.Getenv("BENCH_KERNEL"), engine, metric, unit, v})
			}
			add("time", "1000 instructions", c.usec)
			add("load", "1000 instructions", c.load)
			add("processed", "instructions", c.insns)
			add("peak states", "states", c.states)
			add("peak memory", "KiB", c.peak)
		}
		a, aok := costs["native"]
		b, bok := costs["driver"]
		if !aok || !bok {
			if bok {
				fmt.Printf("%-26s %10s %10.0f %6s | %8s %8.0f | %7s %7.0f | %8s %8.0f\n", name, "", b.usec, "", "", b.insns, "", b.states, "", b.peak)
			}
			continue
		}
		logs += math.Log(b.usec / a.usec)
		n++
		fmt.Printf("%-26s %10.0f %10.0f %6.2f | %8.0f %8.0f | %7.0f %7.0f | %8.0f %8.0f\n", name, a.usec, b.usec, b.usec/a.usec,
			a.insns, b.insns, a.states, b.states, a.peak, b.peak)
	}
	if n > 0 {
		fmt.Printf("verify: geometric mean of driver/native over %d objects: %.3f\n", n, math.Exp(logs/float64(n)))
	}
	text, err := json.MarshalIndent(all, "", "\t")
	require.NoError(t, err)
	if err := os.WriteFile("/out/bench.json", append(text, '\n'), 0o644); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
}
