// SPDX-License-Identifier: Apache-2.0

package differ

import (
	"encoding/binary"
	"fmt"
	"os"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// into ends a program by keeping r0 (64 bits) in the array's element 0.
func into(fd int) asm.Instructions {
	return asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R0),
		st(asm.RFP, -4, 0, asm.Word), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4), asm.LoadMapPtr(asm.R1, fd),
		asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, "end"),
		asm.StoreMem(asm.R0, 0, asm.R6, asm.DWord), asm.Mov.Imm(asm.R0, 0),
		asm.Return().WithSymbol("end"),
	}
}

// value runs instructions that leave 64 bits in r0, and returns them.
func (r *run) value(insns asm.Instructions, args ...uint64) uint64 {
	r.Helper()
	fd := r.mapOf(raw.Array, 4, 8, 1)
	r.once(append(append(asm.Instructions{}, insns...), into(fd)...), args...)
	v, errno := r.tgt.Lookup(fd, k32(0), 8)
	if errno != 0 {
		r.Fatal(raw.ErrName(errno))
	}
	return binary.NativeEndian.Uint64(v)
}

func helpers(r *run) {
	call := func(f asm.BuiltinFunc) uint64 { return r.value(asm.Instructions{f.Call()}) }
	id := call(asm.FnGetCurrentPidTgid)
	r.sayf("tgid is ours: %v, tid is ours: %v", id>>32 == uint64(os.Getpid()), uint32(id) == uint32(unix.Gettid()))
	r.sayf("uid and gid: %#x", call(asm.FnGetCurrentUidGid))
	r.sayf("cpu: %d", call(asm.FnGetSmpProcessorId))
	t1, t2 := call(asm.FnKtimeGetNs), call(asm.FnKtimeGetNs)
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	r.sayf("ktime goes on: %v, is CLOCK_MONOTONIC: %v", t2 > t1, uint64(ts.Nano())-t2 < 2e9)
	a, b := call(asm.FnGetPrandomU32), call(asm.FnGetPrandomU32)
	r.sayf("random differs: %v, 32 bits: %v", a != b, a>>32 == 0 && b>>32 == 0)
	task := call(asm.FnGetCurrentTask)
	r.sayf("task is a kernel address: %v, the same: %v", task>>47 == 1<<17-1, task == call(asm.FnGetCurrentTask))

	comm := func(size int32) string {
		fd := r.mapOf(raw.Array, 4, 32, 1)
		v := r.once(asm.Instructions{
			st(asm.RFP, -4, 0, asm.Word), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4), asm.LoadMapPtr(asm.R1, fd),
			asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, "end"),
			st(asm.R0, 0, -1, asm.DWord), st(asm.R0, 8, -1, asm.DWord), st(asm.R0, 16, -1, asm.DWord), st(asm.R0, 24, -1, asm.DWord),
			asm.Mov.Reg(asm.R1, asm.R0), asm.Mov.Imm(asm.R2, size), asm.FnGetCurrentComm.Call(),
			asm.Return().WithSymbol("end"),
		})
		got, _ := r.tgt.Lookup(fd, k32(0), 32)
		return fmt.Sprintf("%d %x", int32(v), got)
	}
	name := append([]byte("differ-name"), 0)
	if err := unix.Prctl(unix.PR_SET_NAME, uintptr(raw.Ptr(name)), 0, 0, 0); err != nil {
		r.Fatal(err)
	}
	for _, size := range []int32{1, 4, 11, 12, 16, 17, 32} {
		r.sayf("comm of %d: %s", size, comm(size))
	}
}

// readers are the helpers that read memory, by the kind of address.
var readers = []struct {
	name   string
	fn     asm.BuiltinFunc
	str    bool
	kernel bool
}{
	{"probe_read_kernel", asm.FnProbeReadKernel, false, true},
	{"probe_read_user", asm.FnProbeReadUser, false, false},
	{"probe_read_kernel_str", asm.FnProbeReadKernelStr, true, true},
	{"probe_read_user_str", asm.FnProbeReadUserStr, true, false},
}

// reads reads from memory that is there, partly there, or not at all.
func reads(r *run) {
	page := raw.Alloc(2 * 4096)
	if err := unix.Mprotect(page[4096:], unix.PROT_NONE); err != nil {
		r.Fatal(err)
	}
	copy(page, "hello, reader\x00more")
	copy(page[4090:], "ending")
	at := raw.Addr(page)
	for _, rd := range readers {
		fd := r.mapOf(raw.Array, 4, 24, 1)
		prog := r.prog(
			asm.LoadMem(asm.R7, asm.R1, 0, asm.DWord), // the address
			asm.LoadMem(asm.R8, asm.R1, 8, asm.DWord), // the size
			st(asm.RFP, -4, 0, asm.Word), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4), asm.LoadMapPtr(asm.R1, fd),
			asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, "end"),
			st(asm.R0, 0, -1, asm.DWord), st(asm.R0, 8, -1, asm.DWord), st(asm.R0, 16, -1, asm.DWord),
			asm.Mov.Reg(asm.R1, asm.R0), asm.Mov.Reg(asm.R2, asm.R8), asm.JGT.Imm(asm.R2, 24, "end"),
			asm.Mov.Reg(asm.R3, asm.R7), rd.fn.Call(),
			asm.Return().WithSymbol("end"),
		)
		try := func(what string, addr, size uint64) {
			v, errno := r.tgt.Run(prog, addr, size)
			got, _ := r.tgt.Lookup(fd, k32(0), 24)
			r.sayf("%s: %s, %d bytes: %d %s %x", rd.name, what, size, int32(v), raw.ErrName(errno), got)
		}
		bad := map[bool][]string{true: {"null", "wild", "no address"}, false: {"null", "wild", "no address", "kernel", "last page"}}[rd.kernel]
		addrs := map[string]uint64{"null": 0, "wild": 0xdead0000, "no address": 1 << 63, "kernel": 0xffffffff81000000, "last page": ^uint64(0) - 7}
		for _, name := range bad {
			for _, size := range []uint64{0, 1, 8, 24} {
				try(name, addrs[name], size)
			}
		}
		if rd.kernel {
			continue
		}
		for _, size := range []uint64{0, 1, 5, 13, 14, 15, 24} {
			try("text", at, size)
		}
		for _, size := range []uint64{1, 6, 7, 16} {
			try("text at the end", at+4090, size)
		}
		try("not readable", at+4096, 8)
	}
	// Kernel memory that is surely there: the task.
	task := r.value(asm.Instructions{asm.FnGetCurrentTask.Call()})
	v := r.value(asm.Instructions{
		asm.LoadMem(asm.R3, asm.R1, 0, asm.DWord), st(asm.RFP, -16, 0, asm.DWord),
		asm.Mov.Reg(asm.R1, asm.RFP), asm.Add.Imm(asm.R1, -16), asm.Mov.Imm(asm.R2, 8), asm.FnProbeReadKernel.Call(),
	}, task)
	r.sayf("probe_read_kernel of the task: %d", int64(v))
}

// calls are bpf-to-bpf calls.
func calls(r *run) {
	r.sayf("sum over functions: %d", r.once(asm.Instructions{
		asm.LoadMem(asm.R6, asm.R1, 0, asm.DWord), asm.Mov.Reg(asm.R1, asm.R6), asm.Mov.Imm(asm.R2, 5),
		asm.Call.Label("mul"), asm.Mov.Reg(asm.R7, asm.R0), asm.Mov.Reg(asm.R1, asm.R6), asm.Mov.Imm(asm.R2, 7),
		asm.Call.Label("mul"), asm.Add.Reg(asm.R0, asm.R7), asm.Add.Reg(asm.R0, asm.R6), asm.Return(),
		asm.Mov.Reg(asm.R6, asm.R1).WithSymbol("mul"), asm.Mul.Reg(asm.R6, asm.R2), asm.StoreMem(asm.RFP, -8, asm.R6, asm.DWord),
		asm.LoadMem(asm.R0, asm.RFP, -8, asm.DWord), asm.Return(),
	}, 11))
	// Eight frames, each with its own stack.
	var deep asm.Instructions
	for i := 0; i < 8; i++ {
		first := st(asm.RFP, -8, int64(i+1), asm.DWord)
		if i > 0 {
			first = first.WithSymbol(fmt.Sprint("f", i))
		}
		deep = append(deep, first)
		if i < 7 {
			deep = append(deep, asm.Call.Label(fmt.Sprint("f", i+1)))
		} else {
			deep = append(deep, asm.Mov.Imm(asm.R0, 0))
		}
		deep = append(deep, asm.LoadMem(asm.R1, asm.RFP, -8, asm.DWord), asm.LSh.Imm(asm.R0, 3), asm.Add.Reg(asm.R0, asm.R1), asm.Return())
	}
	r.sayf("eight deep: %#x", r.once(deep))
}
