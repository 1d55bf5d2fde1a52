// SPDX-License-Identifier: Apache-2.0

// Package differ does the same to the kernel's own BPF and to the driver and
// compares what is seen, line by line. On 6.1 the kernel is asked and must
// say what testdata/differ-6.1.txt holds; the driver must say it everywhere.
package differ

import (
	"testing"

	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/oracle"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { guest.Main(m) }

const golden = "/testdata/differ-6.1.txt"

// run is one script on one target.
type run struct {
	*oracle.Run
	tgt  *raw.Target
	keep int // see loadFor
}

// sayf adds a line to what is compared.
func (r *run) sayf(format string, args ...any) { r.Sayf(format, args...) }

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
	{"numbers", numbers},
	{"formats", formats},
	{"clocks", clocks},
	{"signals", signals},
	{"counters", counters},
	{"namespaces", namespaces},
	{"user writes", userWrites},
	{"mounts", mountPins},
	{"pins", pins},
	{"pins got", pinsGet},
	{"names of pins", pinsNames},
}

func all() []oracle.Script {
	var out []oracle.Script
	for _, s := range scripts {
		out = append(out, oracle.Script{Name: s.name, Do: func(r *oracle.Run) { s.do(&run{Run: r, tgt: r.Tgt}) }})
	}
	return out
}

func TestNativeIsGolden(t *testing.T) { oracle.Native(t, golden, all()) }

func TestDriverDoesAsNative(t *testing.T) { oracle.Driver(t, golden, all()) }

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
