// SPDX-License-Identifier: Apache-2.0

// Package bench measures what programs cost. Under -icount a nanosecond is an
// instruction of the guest, so the numbers do not depend on the host; what a
// run itself costs is the benchmark Empty.
package bench

import (
	"fmt"
	"testing"

	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { guest.Main(m) }

// targets are those that can be measured here.
func targets(b *testing.B) []*raw.Target {
	var ts []*raw.Target
	if tgt, err := raw.Open(); err == nil {
		ts = append(ts, tgt)
	}
	if guest.HasOracle() {
		ts = append(ts, raw.Native())
	}
	if len(ts) == 0 {
		b.Skip("nobody to measure")
	}
	return ts
}

func newMap(b *testing.B, tgt *raw.Target, typ uint32) int {
	b.Helper()
	fd, errno := tgt.Do(raw.MapCreate, raw.Map(typ, 4, 8, 64, 0))
	if errno != 0 {
		b.Fatal(raw.ErrName(errno))
	}
	b.Cleanup(func() { unix.Close(fd) })
	for i := byte(0); i < 64; i++ {
		tgt.Update(fd, []byte{i, 0, 0, 0}, make([]byte, 8), 0)
	}
	return fd
}

// perRun measures one run of a raw tracepoint program in each target.
func perRun(b *testing.B, make func(b *testing.B, tgt *raw.Target) asm.Instructions) {
	for _, tgt := range targets(b) {
		b.Run(tgt.Name, func(b *testing.B) {
			fd, errno, log, err := tgt.Load(raw.RawTracepoint, make(b, tgt))
			if err != nil || errno != 0 {
				b.Fatalf("%v %s\n%s", err, raw.ErrName(errno), log)
			}
			defer unix.Close(fd)
			a := raw.NewAttr().U32(0, uint32(fd))
			b.ResetTimer()
			for i := 0; i < b.N; i++ {
				if _, errno := tgt.Do(raw.ProgTestRun, a); errno != 0 {
					b.Fatal(raw.ErrName(errno))
				}
			}
		})
	}
}

func BenchmarkEmpty(b *testing.B) {
	perRun(b, func(*testing.B, *raw.Target) asm.Instructions {
		return asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}
	})
}

func BenchmarkALU1000(b *testing.B) {
	perRun(b, func(*testing.B, *raw.Target) asm.Instructions {
		insns := asm.Instructions{asm.FnGetPrandomU32.Call()}
		for i := 0; i < 250; i++ {
			insns = append(insns, asm.Add.Imm(asm.R0, int32(i)), asm.Mul.Imm(asm.R0, 31), asm.Xor.Reg(asm.R0, asm.R0), asm.RSh.Imm32(asm.R0, 3))
		}
		return append(insns, asm.Return())
	})
}

func BenchmarkLoop1000(b *testing.B) {
	perRun(b, func(*testing.B, *raw.Target) asm.Instructions {
		return asm.Instructions{
			asm.Mov.Imm(asm.R0, 0), asm.Add.Imm(asm.R0, 1).WithSymbol("top"), asm.JLT.Imm(asm.R0, 1000, "top"), asm.Return(),
		}
	})
}

func lookups(fd int) asm.Instructions {
	var insns asm.Instructions
	for i := 0; i < 10; i++ {
		next := fmt.Sprint("next", i)
		insns = append(insns, asm.StoreImm(asm.RFP, -4, int64(i), asm.Word), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4),
			asm.LoadMapPtr(asm.R1, fd), asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, next),
			asm.LoadMem(asm.R1, asm.R0, 0, asm.DWord), asm.Add.Imm(asm.R1, 1), asm.StoreMem(asm.R0, 0, asm.R1, asm.DWord),
			asm.Mov.Imm(asm.R0, 0).WithSymbol(next))
	}
	return append(insns, asm.Return())
}

func BenchmarkArrayLookup10(b *testing.B) {
	perRun(b, func(b *testing.B, tgt *raw.Target) asm.Instructions { return lookups(newMap(b, tgt, raw.Array)) })
}

func BenchmarkHashLookup10(b *testing.B) {
	perRun(b, func(b *testing.B, tgt *raw.Target) asm.Instructions { return lookups(newMap(b, tgt, raw.Hash)) })
}

func BenchmarkPerCPUHashLookup10(b *testing.B) {
	perRun(b, func(b *testing.B, tgt *raw.Target) asm.Instructions { return lookups(newMap(b, tgt, raw.PerCPUHash)) })
}

func BenchmarkUserLookup(b *testing.B) {
	for _, tgt := range targets(b) {
		b.Run(tgt.Name, func(b *testing.B) {
			a := raw.Elem(newMap(b, tgt, raw.Hash), raw.Ptr([]byte{7, 0, 0, 0}), raw.Addr(raw.Alloc(8)), 0)
			b.ResetTimer()
			for i := 0; i < b.N; i++ {
				if _, errno := tgt.Do(raw.MapLookup, a); errno != 0 {
					b.Fatal(raw.ErrName(errno))
				}
			}
		})
	}
}

func BenchmarkKprobe(b *testing.B) {
	var s unix.Statfs_t
	run := func(b *testing.B) {
		for i := 0; i < b.N; i++ {
			_ = unix.Statfs("/", &s)
		}
	}
	b.Run("none", run)
	tgt, err := raw.Open()
	if err != nil {
		b.Skip(err)
	}
	prog, errno, log, err := tgt.Load(raw.Kprobe, asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()})
	if err != nil || errno != 0 {
		b.Fatalf("%v %s\n%s", err, raw.ErrName(errno), log)
	}
	defer unix.Close(prog)
	for name, ret := range map[string]bool{"entry": false, "return": true} {
		b.Run(name, func(b *testing.B) {
			link, errno := tgt.Kprobe(prog, "user_statfs", ret)
			if errno != 0 {
				b.Fatal(raw.ErrName(errno))
			}
			defer unix.Close(link)
			b.ResetTimer()
			run(b)
		})
	}
}
