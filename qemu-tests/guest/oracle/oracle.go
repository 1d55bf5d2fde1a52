// SPDX-License-Identifier: Apache-2.0

// Package oracle holds the driver against Linux 6.1: scripts say, line by
// line, what they see; the kernel's own bpf(2) of 6.1 must say what the golden
// file holds, and the driver must say it on every kernel.
package oracle

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// Run is one script on one target.
type Run struct {
	*testing.T
	Tgt *raw.Target
	out bytes.Buffer
}

// Sayf adds a line to what is compared.
func (r *Run) Sayf(format string, args ...any) { fmt.Fprintf(&r.out, format+"\n", args...) }

// Script is a name in the golden file, and what says the lines under it.
type Script struct {
	Name string
	Do   func(r *Run)
}

// Perform runs a script on one thread of CPU 0, where per-CPU things stay.
func Perform(t *testing.T, tgt *raw.Target, do func(*Run)) string {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var old, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &old); err != nil {
		t.Fatal(err)
	}
	one.Set(0)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.SchedSetaffinity(0, &old) }()
	r := &Run{T: t, Tgt: tgt}
	do(r)
	return r.out.String()
}

// Native checks the kernel's own answers against the golden file, or writes
// it (BPFSHIM_UPDATE). Skipped where the kernel is not 6.1.
func Native(t *testing.T, golden string, scripts []Script) {
	if !guest.HasOracle() {
		t.Skip("the kernel's own bpf(2) is not 6.1's")
	}
	update := os.Getenv("BPFSHIM_UPDATE") != ""
	var all bytes.Buffer
	all.WriteString(guest.GoldenHeader())
	for _, s := range scripts {
		t.Run(s.Name, func(t *testing.T) {
			got := Perform(t, raw.Native(), s.Do)
			fmt.Fprintf(&all, "== %s\n%s", s.Name, got)
			if !update {
				compare(t, "native", want(t, golden, s.Name), got, func(format string, args ...any) {
					t.Helper()
					guest.GoldenMismatch(t, golden, format, args...)
				})
			}
		})
	}
	if update && !t.Failed() {
		if err := os.MkdirAll("/out", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join("/out", filepath.Base(golden)), all.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Driver checks the driver's answers against the golden file.
func Driver(t *testing.T, golden string, scripts []Script) {
	tgt, err := raw.Open()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scripts {
		t.Run(s.Name, func(t *testing.T) {
			compare(t, "driver", want(t, golden, s.Name), Perform(t, tgt, s.Do), t.Errorf)
		})
	}
}

func want(t *testing.T, golden, name string) string {
	t.Helper()
	b, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(b), "== "+name+"\n")
	if !ok {
		t.Fatalf("%s has no %q", golden, name)
	}
	if i := strings.Index(after, "== "); i >= 0 {
		after = after[:i]
	}
	return after
}

// compare reports the first lines that differ.
func compare(t *testing.T, who, want, got string, fail func(string, ...any)) {
	t.Helper()
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	shown := 0
	for i := 0; i < len(w) || i < len(g); i++ {
		a, b := "(nothing)", "(nothing)"
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if a == b {
			continue
		}
		if shown++; shown > 10 {
			fail("and more")
			return
		}
		fail("line %d:\n  6.1:    %s\n  %s: %s", i+1, a, who, b)
	}
}

// Map makes a map that lives as long as the test.
func (r *Run) Map(a *raw.Attr) int {
	r.Helper()
	fd, errno := r.Tgt.Do(raw.MapCreate, a)
	if errno != 0 {
		r.Fatalf("map: %s", raw.ErrName(errno))
	}
	r.Cleanup(func() { unix.Close(fd) })
	return fd
}

// Prog loads a raw tracepoint program, the type that can be run at will, for
// as long as the test lives.
func (r *Run) Prog(insns asm.Instructions) int {
	r.Helper()
	fd, errno, log, err := r.Tgt.Load(raw.RawTracepoint, insns)
	if err != nil || errno != 0 {
		r.Fatalf("load: %v %s\n%s", err, raw.ErrName(errno), log)
	}
	r.Cleanup(func() { unix.Close(fd) })
	return fd
}

// Go runs such a program; its result is 32 bits of r0.
func (r *Run) Go(prog int, args ...uint64) int32 {
	r.Helper()
	v, errno := r.Tgt.Run(prog, args...)
	if errno != 0 {
		r.Fatalf("run: %s", raw.ErrName(errno))
	}
	return int32(v)
}
