// SPDX-License-Identifier: Apache-2.0

// Package differ does the same to the kernel's own BPF and to the driver and
// compares what is seen, line by line. On 6.1 the kernel is asked and must
// say what testdata/differ-6.1.txt holds; the driver must say it everywhere.
package differ

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

func TestMain(m *testing.M) { guest.Main(m) }

const golden = "/testdata/differ-6.1.txt"

// run is one script on one target.
type run struct {
	*testing.T
	tgt *raw.Target
	out bytes.Buffer
}

// sayf adds a line to what is compared.
func (r *run) sayf(format string, args ...any) { fmt.Fprintf(&r.out, format+"\n", args...) }

// scripts in the order of the golden file.
var scripts = []struct {
	name string
	do   func(r *run)
}{
	{"maps", maps},
	{"percpu", percpu},
	{"program maps", programMaps},
	{"helpers", helpers},
	{"reads", reads},
	{"instructions", instructions},
	{"jumps", jumps},
	{"atomics", atomics},
	{"calls", calls},
	{"output", output},
	{"output when full", outputFull},
}

func perform(t *testing.T, tgt *raw.Target, do func(*run)) string {
	t.Helper()
	// One thread on one CPU: per-CPU things stay in place.
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
	r := &run{T: t, tgt: tgt}
	do(r)
	return r.out.String()
}

func TestNativeIsGolden(t *testing.T) {
	if !guest.HasOracle() {
		t.Skip("the kernel's own bpf(2) is not 6.1's")
	}
	update := os.Getenv("BPFSHIM_UPDATE") != ""
	var all bytes.Buffer
	all.WriteString(guest.GoldenHeader())
	for _, s := range scripts {
		t.Run(s.name, func(t *testing.T) {
			got := perform(t, raw.Native(), s.do)
			fmt.Fprintf(&all, "== %s\n%s", s.name, got)
			if !update {
				compare(t, "native", want(t, s.name), got, func(format string, args ...any) {
					t.Helper()
					guest.GoldenMismatch(t, golden, format, args...)
				})
			}
		})
	}
	if update {
		if err := os.MkdirAll("/out", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join("/out", filepath.Base(golden)), all.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDriverDoesAsNative(t *testing.T) {
	tgt, err := raw.Open()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scripts {
		t.Run(s.name, func(t *testing.T) {
			compare(t, "driver", want(t, s.name), perform(t, tgt, s.do), t.Errorf)
		})
	}
}

func want(t *testing.T, name string) string {
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
		fail("line %d: %s: %s; want: %s", i+1, who, b, a)
	}
}

// mapOf makes a map that lives as long as the test.
func (r *run) mapOf(typ, key, value, max uint32) int {
	r.Helper()
	fd, errno := r.tgt.Do(raw.MapCreate, raw.Map(typ, key, value, max, 0))
	if errno != 0 {
		r.Fatalf("map of type %d: %s", typ, raw.ErrName(errno))
	}
	r.Cleanup(func() { unix.Close(fd) })
	return fd
}

// prog loads a raw tracepoint program: the type that can be run at will.
func (r *run) prog(insns ...asm.Instruction) int {
	r.Helper()
	fd, errno, log, err := r.tgt.Load(raw.RawTracepoint, insns)
	if err != nil || errno != 0 {
		r.Fatalf("load: %v %s\n%s", err, raw.ErrName(errno), log)
	}
	r.Cleanup(func() { unix.Close(fd) })
	return fd
}

// once loads a program, runs it and closes it; its result is 32 bits of r0.
func (r *run) once(insns asm.Instructions, args ...uint64) uint32 {
	r.Helper()
	fd, errno, log, err := r.tgt.Load(raw.RawTracepoint, insns)
	if err != nil || errno != 0 {
		r.Fatalf("load: %v %s\n%s", err, raw.ErrName(errno), log)
	}
	defer unix.Close(fd)
	v, errno := r.tgt.Run(fd, args...)
	if errno != 0 {
		r.Fatalf("run: %s", raw.ErrName(errno))
	}
	return v
}

// st is a store of a constant; asm.StoreImm knows none of 64 bits.
func st(dst asm.Register, off int16, imm int64, size asm.Size) asm.Instruction {
	op := asm.OpCode(asm.StClass).SetMode(asm.MemMode).SetSize(size)
	return asm.Instruction{OpCode: op, Dst: dst, Offset: off, Constant: imm}
}

func k32(n int) []byte { return []byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)} }
