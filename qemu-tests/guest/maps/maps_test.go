// SPDX-License-Identifier: Apache-2.0

// Package maps tries the map types that are more than a table: what their
// commands answer, what programs do to them, and what user space sees.
package maps

import (
	"testing"

	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/oracle"
	"github.com/cilium/ebpf/asm"
)

func TestMain(m *testing.M) { guest.Main(m) }

const golden = "/testdata/maps-6.1.txt"

// scripts in the order of the golden file.
var scripts = []oracle.Script{
	{Name: "create", Do: create},
	{Name: "commands", Do: commands},
	{Name: "ring mappings", Do: ringMappings},
	{Name: "ring records", Do: ringRecords},
	{Name: "ring full", Do: ringFull},
	{Name: "ring positions", Do: ringPositions},
	{Name: "ring wakeups", Do: ringWakeups},
	{Name: "ring dynptr", Do: ringDynptr},
	{Name: "ring events", Do: ringEvents},
	{Name: "queue from user space", Do: queueUser},
	{Name: "queue in programs", Do: queueProgs},
	{Name: "bloom", Do: bloom},
	{Name: "bloom in programs", Do: bloomProgs},
	{Name: "BTF", Do: valueBTF},
	{Name: "user ring mappings", Do: userRingMappings},
	{Name: "user ring drained", Do: userRingDrain},
	{Name: "dynptrs", Do: dynptrs},
}

func TestNativeIsGolden(t *testing.T) {
	oracle.Native(t, golden, scripts)
	oracle.Native(t, tablesGolden, tables)
	oracle.Native(t, storageGolden, storage)
}

func TestDriverDoesAsNative(t *testing.T) {
	oracle.Driver(t, golden, scripts)
	oracle.Driver(t, tablesGolden, tables)
	oracle.Driver(t, storageGolden, storage)
}

// st is a store of a constant; asm.StoreImm knows none of 64 bits.
func st(dst asm.Register, off int16, imm int64, size asm.Size) asm.Instruction {
	op := asm.OpCode(asm.StClass).SetMode(asm.MemMode).SetSize(size)
	return asm.Instruction{OpCode: op, Dst: dst, Offset: off, Constant: imm}
}

func join(parts ...asm.Instructions) asm.Instructions {
	var out asm.Instructions
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}
