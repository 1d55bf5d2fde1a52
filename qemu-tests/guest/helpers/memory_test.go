// SPDX-License-Identifier: Apache-2.0

package helpers

import (
	"encoding/binary"
	"os"
	"testing"
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/oracle"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

// withCallback loads a program whose function "each" is called back: it must
// have BTF.
func withCallback(t testing.TB, tgt *raw.Target, typ uint32, insns asm.Instructions) int {
	t.Helper()
	fd, errno, log, err := tgt.LoadCallback(raw.NewAttr().U32(0, typ), "each", insns)
	if err != nil {
		t.Fatal(err)
	}
	if errno != 0 {
		t.Fatalf("load: %s\n%s", raw.ErrName(errno), log)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// vmaFinder finds the area of r6's task that holds r7, by flags r8; the
// callback keeps where it begins and ends in the map.
func vmaFinder(t testing.TB, fd int, before asm.Instructions) asm.Instructions {
	// BTF of modules may name the structure again, all alike there.
	vmas, err := types(t).AnyTypesByName("vm_area_struct")
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int16{}
	for _, vma := range vmas {
		if s, ok := vma.(*btf.Struct); ok {
			for _, m := range s.Members {
				at[m.Name] = int16(m.Offset.Bytes())
			}
		}
	}
	if at["vm_end"] == 0 {
		t.Fatal("no vm_area_struct")
	}
	return join(before, asm.Instructions{
		st(asm.RFP, -16, 0, asm.DWord), st(asm.RFP, -8, 0, asm.DWord),
		asm.Mov.Reg(asm.R1, asm.R6), asm.Mov.Reg(asm.R2, asm.R7),
		asm.Instruction{OpCode: asm.LoadImmOp(asm.DWord), Dst: asm.R3, Src: asm.PseudoFunc, Constant: -1}.WithReference("each"),
		asm.Mov.Reg(asm.R4, asm.RFP), asm.Add.Imm(asm.R4, -16), asm.Mov.Reg(asm.R5, asm.R8),
		asm.FnFindVma.Call(), asm.Mov.Reg(asm.R9, asm.R0),
		asm.LoadMem(asm.R6, asm.RFP, -16, asm.DWord), asm.LoadMem(asm.R7, asm.RFP, -8, asm.DWord),
		st(asm.RFP, -20, 0, asm.Word), asm.LoadMapPtr(asm.R1, fd), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -20),
		asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, "end"),
		asm.StoreMem(asm.R0, 0, asm.R6, asm.DWord), asm.StoreMem(asm.R0, 8, asm.R7, asm.DWord),
		asm.StoreMem(asm.R0, 16, asm.R9, asm.DWord),
		asm.Mov.Reg(asm.R0, asm.R9), asm.Return().WithSymbol("end"),

		asm.LoadMem(asm.R4, asm.R2, at["vm_start"], asm.DWord).WithSymbol("each"), asm.StoreMem(asm.R3, 0, asm.R4, asm.DWord),
		asm.LoadMem(asm.R4, asm.R2, at["vm_end"], asm.DWord), asm.StoreMem(asm.R3, 8, asm.R4, asm.DWord),
		asm.Mov.Imm(asm.R0, 0), asm.Return(),
	})
}

// findVMA looks for areas of this process.
func findVMA(r *oracle.Run) {
	fd := r.Map(raw.Map(raw.Array, 4, 24, 1, 0))
	// An area of its own: its neighbours may not be accessed.
	all := raw.Alloc(5 * 4096)
	defer raw.Free(all)
	for _, hole := range [][]byte{all[:4096], all[4*4096:]} {
		if err := unix.Mprotect(hole, unix.PROT_NONE); err != nil {
			r.Fatal(err)
		}
	}
	start := raw.Addr(all) + 4096
	prog := withCallback(r, r.Tgt, raw.RawTracepoint, vmaFinder(r, fd, asm.Instructions{
		arg(asm.R7, 0), arg(asm.R8, 1), asm.FnGetCurrentTaskBtf.Call(), asm.Mov.Reg(asm.R6, asm.R0),
	}))
	for _, c := range []struct {
		name     string
		at, flag uint64
	}{
		{"first byte", start, 0}, {"last byte", start + 3*4096 - 1, 0}, {"inside", start + 5000, 0},
		{"flags", start, 1}, {"flags", start, 1 << 63}, {"null", 0, 0}, {"kernel", 1 << 63, 0}, {"last address", ^uint64(0), 0},
	} {
		ret := r.Go(prog, c.at, c.flag)
		v, errno := r.Tgt.Lookup(fd, k32(0), 24)
		if errno != 0 {
			r.Fatal(raw.ErrName(errno))
		}
		from, to := binary.NativeEndian.Uint64(v), binary.NativeEndian.Uint64(v[8:])
		r.Sayf("%s, flags %#x: %d, ours: %v", c.name, c.flag, ret, from == start && to == start+3*4096)
	}
}

// TestFindVMAInProbes looks where interrupts are off, and leaves the lock as it was.
func TestFindVMAInProbes(t *testing.T) {
	tgt, err := raw.Open()
	if err != nil {
		t.Fatal(err)
	}
	giveTypes(t)
	fd, errno := tgt.Do(raw.MapCreate, raw.Map(raw.Array, 4, 24, 1, 0))
	if errno != 0 {
		t.Fatal(raw.ErrName(errno))
	}
	defer unix.Close(fd)
	page := raw.Alloc(4096)
	prog := withCallback(t, tgt, raw.Kprobe, vmaFinder(t, fd, asm.Instructions{
		asm.FnGetCurrentPidTgid.Call(), asm.RSh.Imm(asm.R0, 32), asm.JEq.Imm(asm.R0, int32(os.Getpid()), "us"), asm.Mov.Imm(asm.R0, 0), asm.Return(),
		asm.FnGetCurrentTaskBtf.Call().WithSymbol("us"), asm.Mov.Reg(asm.R6, asm.R0),
		asm.LoadImm(asm.R7, int64(raw.Addr(page)), asm.DWord), asm.Mov.Imm(asm.R8, 0),
	}))
	for _, ret := range []bool{false, true} {
		link, errno := tgt.Kprobe(prog, "user_statfs", ret)
		if errno != 0 {
			t.Fatal(raw.ErrName(errno))
		}
		found := 0
		for range 300 {
			var s unix.Statfs_t
			_ = unix.Statfs("/", &s)
			v, _ := tgt.Lookup(fd, k32(0), 24)
			if binary.NativeEndian.Uint64(v) <= raw.Addr(page) && binary.NativeEndian.Uint64(v[8:]) > raw.Addr(page) && binary.NativeEndian.Uint64(v[16:]) == 0 {
				found++
			}
			// Waits for ever if the lock was kept.
			raw.Free(raw.Alloc(4096))
		}
		unix.Close(link)
		t.Logf("return %v: found %d times of 300", ret, found)
		if found < 250 {
			t.Errorf("return %v: the area was found only %d times of 300", ret, found)
		}
	}
}

// branches are of the processor, and this one records none.
func branches(r *oracle.Run) {
	fd := r.Map(raw.Map(raw.Array, 4, 96, 1, 0))
	snapshot := r.Prog(join(asm.Instructions{arg(asm.R6, 0), arg(asm.R7, 1)}, element(fd), asm.Instructions{
		asm.Mov.Reg(asm.R1, asm.R0), asm.Mov.Reg(asm.R2, asm.R6), asm.JGT.Imm(asm.R2, 96, "end"), asm.Mov.Reg(asm.R3, asm.R7),
		asm.FnGetBranchSnapshot.Call(), asm.Return().WithSymbol("end"),
	}))
	for _, size := range []uint64{0, 23, 24, 96} {
		for _, flags := range []uint64{0, 1} {
			r.Sayf("snapshot of %d bytes, flags %d: %d", size, flags, r.Go(snapshot, size, flags))
		}
	}
	// By a sampling event, which is not of branches.
	for _, c := range []struct {
		name  string
		size  int32
		flags int64
		null  bool
	}{
		{"records", 96, 0, false}, {"how much", 96, 1, false}, {"how much, without room", 0, 1, true}, {"without room", 0, 0, true},
		{"another flag", 96, 2, false}, {"half a record", 20, 0, false},
	} {
		out := r.Map(raw.Map(raw.Array, 4, 104, 1, 0))
		buf := asm.Instructions{asm.Mov.Reg(asm.R2, asm.R0), asm.Add.Imm(asm.R2, 8)}
		if c.null {
			buf = asm.Instructions{asm.Mov.Imm(asm.R2, 0)}
		}
		insns := join(asm.Instructions{asm.Mov.Reg(asm.R6, asm.R1)}, element(out), asm.Instructions{asm.Mov.Reg(asm.R7, asm.R0)}, buf, asm.Instructions{
			asm.Mov.Reg(asm.R1, asm.R6), asm.Mov.Imm(asm.R3, c.size), asm.LoadImm(asm.R4, c.flags, asm.DWord), asm.FnReadBranchRecords.Call(),
			asm.StoreMem(asm.R7, 0, asm.R0, asm.DWord), asm.Mov.Imm(asm.R0, 0), asm.Return().WithSymbol("end"),
		})
		prog, errno, log, err := r.Tgt.Load(raw.PerfEvent, insns)
		if err != nil || errno != 0 {
			r.Fatalf("%s: %v %s %s", c.name, err, raw.ErrName(errno), log)
		}
		link := sample(r, r.Tgt, prog, 100)
		var got int64
		for end := time.Now().Add(guest.Patience(2 * time.Second)); got == 0 && time.Now().Before(end); {
			v, _ := r.Tgt.Lookup(out, k32(0), 104)
			got = int64(binary.NativeEndian.Uint64(v))
		}
		unix.Close(link)
		unix.Close(prog)
		r.Sayf("%s: %d", c.name, got)
	}
}

// sample runs a program by the clock, so many times a second, on CPU 0.
func sample(t testing.TB, tgt *raw.Target, prog int, hz uint64) int {
	t.Helper()
	attr := &unix.PerfEventAttr{
		Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_CPU_CLOCK, Size: unix.PERF_ATTR_SIZE_VER1,
		Sample: hz, Bits: unix.PerfBitFreq,
	}
	event, err := unix.PerfEventOpen(attr, -1, 0, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(event)
	const perfEvent = 41
	link, errno := tgt.Do(raw.LinkCreate, raw.NewAttr().U32(0, uint32(prog)).U32(4, uint32(event)).U32(8, perfEvent))
	if errno != 0 {
		t.Fatalf("link: %s", raw.ErrName(errno))
	}
	return link
}

// refused are helpers that a type of program has not, or a kernel of this build.
func refused(r *oracle.Run) {
	call := func(id asm.BuiltinFunc, args ...asm.Instruction) asm.Instructions {
		return join(asm.Instructions{asm.Mov.Reg(asm.R6, asm.R1), st(asm.RFP, -8, 0, asm.DWord), st(asm.RFP, -16, 0, asm.DWord)}, args,
			asm.Instructions{id.Call(), asm.Mov.Imm(asm.R0, 0), asm.Return()})
	}
	fp := func(dst asm.Register) asm.Instructions {
		return asm.Instructions{asm.Mov.Reg(dst, asm.RFP), asm.Add.Imm(dst, -16)}
	}
	override := call(asm.FnOverrideReturn, asm.Mov.Reg(asm.R1, asm.R6), asm.Mov.Imm(asm.R2, -1))
	fromUser := call(asm.FnCopyFromUser, join(fp(asm.R1), asm.Instructions{asm.Mov.Imm(asm.R2, 8), asm.Mov.Imm(asm.R3, 0)})...)
	branch := call(asm.FnReadBranchRecords, join(asm.Instructions{asm.Mov.Reg(asm.R1, asm.R6)}, fp(asm.R2),
		asm.Instructions{asm.Mov.Imm(asm.R3, 16), asm.Mov.Imm(asm.R4, 0)})...)
	for _, c := range []struct {
		name  string
		typ   uint32
		insns asm.Instructions
	}{
		{"override_return in a tracepoint", raw.Tracepoint, override},
		{"override_return in a raw tracepoint", raw.RawTracepoint, override},
		{"copy_from_user in a kprobe", raw.Kprobe, fromUser},
		{"copy_from_user in a raw tracepoint", raw.RawTracepoint, fromUser},
		{"read_branch_records in a kprobe", raw.Kprobe, branch},
		{"sys_close in a kprobe", raw.Kprobe, call(asm.FnSysClose, asm.Mov.Imm(asm.R1, 0))},
		{"get_func_arg_cnt in a kprobe", raw.Kprobe, call(asm.FnGetFuncArgCnt, asm.Mov.Reg(asm.R1, asm.R6))},
		{"get_retval in a kprobe", raw.Kprobe, call(asm.FnGetRetval)},
	} {
		errno, log := attempt(r, c.typ, 0, c.insns)
		r.Sayf("%s: %s", c.name, raw.ErrName(errno))
		r.Logf("%s: %s", c.name, log)
	}
}
