// SPDX-License-Identifier: Apache-2.0

package support

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bpfshim/bpfshim/ioctl"
	"github.com/bpfshim/bpfshim/loader"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

// one calls a helper without arguments.
func (r *run) one(fn asm.BuiltinFunc) uint64 { return r.value(is{fn.Call()}) }

func init() {
	cases["get_numa_node_id"] = func(r *run) { r.want("the only node", r.one(asm.FnGetNumaNodeId), 0) }
	cases["probe_read"] = func(r *run) {
		text := raw.Ptr([]byte("hello, reader"))
		r.want("bytes", r.value(join(is{asm.LoadMem(asm.R3, asm.R1, 0, asm.DWord)}, pointer(asm.R1, -8),
			is{asm.Mov.Imm(asm.R2, 8), asm.FnProbeRead.Call(), asm.JNE.Imm(asm.R0, 0, "bad"), asm.LoadMem(asm.R0, asm.RFP, -8, asm.DWord),
				asm.Mov.Reg(asm.R0, asm.R0).WithSymbol("bad")}), text), uint64(0x7220_2c6f_6c6c_6568))
	}
	cases["probe_read_str"] = func(r *run) {
		text := raw.Ptr([]byte("hello, reader"))
		r.want("bytes", r.value(join(is{asm.LoadMem(asm.R3, asm.R1, 0, asm.DWord), st(asm.RFP, -8, -1, asm.DWord)}, pointer(asm.R1, -8),
			is{asm.Mov.Imm(asm.R2, 6), asm.FnProbeReadStr.Call(), asm.JNE.Imm(asm.R0, 6, "bad"), asm.LoadMem(asm.R0, asm.RFP, -8, asm.DWord),
				asm.Mov.Reg(asm.R0, asm.R0).WithSymbol("bad")}), text), uint64(0xffff006f6c6c6568))
	}
	cases["loop"] = func(r *run) {
		r.want("times", r.value(join(is{asm.Mov.Imm(asm.R1, 11), callback(asm.R2), asm.Mov.Imm(asm.R3, 0), asm.Mov.Imm(asm.R4, 0), asm.FnLoop.Call()}, eachReturns0)), 11)
		stop := is{asm.Mov.Imm(asm.R0, 0).WithSymbol("each"), asm.JNE.Imm(asm.R1, 4, "on"), asm.Mov.Imm(asm.R0, 1), asm.Return().WithSymbol("on")}
		r.want("until it says 1", r.value(join(is{asm.Mov.Imm(asm.R1, 11), callback(asm.R2), asm.Mov.Imm(asm.R3, 0), asm.Mov.Imm(asm.R4, 0), asm.FnLoop.Call()}, stop)), 5)
	}
	cases["for_each_map_elem"] = func(r *run) {
		fd := r.newMap(raw.Array, 4, 8, 4, 0)
		for i := range 4 {
			if errno := r.Update(fd, k32(i), k64(uint64(1)<<(8*i)), 0); errno != 0 {
				r.Fatal(errName(errno))
			}
		}
		add := is{asm.LoadMem(asm.R1, asm.R4, 0, asm.DWord).WithSymbol("each"), asm.LoadMem(asm.R2, asm.R3, 0, asm.DWord), asm.Add.Reg(asm.R1, asm.R2),
			asm.StoreMem(asm.R4, 0, asm.R1, asm.DWord), asm.Mov.Imm(asm.R0, 0), asm.Return()}
		r.want("sum and count", r.value(join(is{st(asm.RFP, -8, 0, asm.DWord), asm.LoadMapPtr(asm.R1, fd), callback(asm.R2)}, pointer(asm.R3, -8),
			is{asm.Mov.Imm(asm.R4, 0), asm.FnForEachMapElem.Call(), asm.LoadMem(asm.R1, asm.RFP, -8, asm.DWord), asm.LSh.Imm(asm.R0, 32), asm.Or.Reg(asm.R0, asm.R1)}, add)),
			uint64(4<<32|0x01010101))
	}
	cases["strncmp"] = func(r *run) {
		cmp := func(s string) int32 {
			b := append([]byte(s), make([]byte, 8-len(s))...)
			return int32(r.value(join(is{asm.LoadImm(asm.R1, int64(le64(b)), asm.DWord), asm.StoreMem(asm.RFP, -8, asm.R1, asm.DWord)}, pointer(asm.R1, -8),
				is{asm.Mov.Imm(asm.R2, 8), asm.LoadMapValue(asm.R3, r.text, 0), asm.FnStrncmp.Call()})))
		}
		r.want("text", cmp("text"), 0)
		r.want("teyt", cmp("teyt") > 0, true)
		r.want("tex", cmp("tex") < 0, true)
	}
	lock := func(r *run) {
		fd := r.mapFor(r.T, "locked")
		r.pass("sched_cls", join(value(fd), is{asm.Mov.Reg(asm.R1, asm.R9), asm.FnSpinLock.Call(), asm.LoadMem(asm.R1, asm.R9, 4, asm.Word), asm.Add.Imm(asm.R1, 1),
			asm.StoreMem(asm.R9, 4, asm.R1, asm.Word), asm.Mov.Reg(asm.R1, asm.R9), asm.FnSpinUnlock.Call(), asm.Mov.Imm(asm.R0, 0),
			asm.Return().WithSymbol("exit")}))
		v, errno := r.Lookup(fd, k32(0), 8) // the lock is not shown
		if errno != 0 {
			r.Fatal(errName(errno))
		}
		r.want("counted under the lock, which is free", le64(v), uint64(1)<<32)
	}
	cases["spin_lock"], cases["spin_unlock"] = lock, lock
	cases["map_lookup_percpu_elem"] = func(r *run) {
		cpus, err := loader.PossibleCPU()
		if err != nil {
			r.Fatal(err)
		}
		fd := r.newMap(raw.PerCPUArray, 4, 8, 1, 0)
		var v []byte
		for i := range cpus {
			v = append(v, k64(uint64(100+i))...)
		}
		if errno := r.Update(fd, k32(0), v, 0); errno != 0 {
			r.Fatal(errName(errno))
		}
		at := func(cpu int32) uint64 {
			return r.value(join(is{st(asm.RFP, -8, 0, asm.DWord), asm.LoadMapPtr(asm.R1, fd)}, pointer(asm.R2, -8), is{asm.Mov.Imm(asm.R3, cpu),
				asm.FnMapLookupPercpuElem.Call(), asm.JEq.Imm(asm.R0, 0, "none"), asm.LoadMem(asm.R0, asm.R0, 0, asm.DWord), asm.Mov.Reg(asm.R0, asm.R0).WithSymbol("none")}))
		}
		for i := range cpus {
			r.want("CPU's", at(int32(i)), 100+i)
		}
		r.want("no CPU's", at(100000), 0)
	}
	cases["tail_call"] = func(r *run) {
		fd := r.newMap(raw.ProgArray, 4, 4, 2, 0)
		to := r.prog("raw_tracepoint", is{asm.Mov.Imm(asm.R0, 42), asm.Return()})
		if errno := r.Update(fd, k32(1), k32(to), 0); errno != 0 {
			r.Fatal(errName(errno))
		}
		for i, want := range []uint32{7, 42, 7} { // nothing there, there, outside
			p := r.prog("raw_tracepoint", is{asm.LoadMapPtr(asm.R2, fd), asm.Mov.Imm(asm.R3, int32(i)), asm.FnTailCall.Call(), asm.Mov.Imm(asm.R0, 7), asm.Return()})
			got, errno := r.Target.Run(p)
			r.want("slot", errName(errno), "ok")
			r.want("slot", got, want)
		}
	}
	traces("trace_printk", asm.FnTracePrintk, is{asm.Mov.Imm(asm.R3, 4711)})
	traces("trace_vprintk", asm.FnTraceVprintk, is{st(asm.RFP, -48, 4711, asm.DWord), asm.Mov.Reg(asm.R3, asm.RFP), asm.Add.Imm(asm.R3, -48), asm.Mov.Imm(asm.R4, 8)})
	cgroups()
	tasks()
	probes()
}

func le64(b []byte) uint64 {
	var v uint64
	for i := 7; i >= 0; i-- {
		v = v<<8 | uint64(b[i])
	}
	return v
}

// traces writes a line to the kernel's trace, which must be there then.
func traces(name string, fn asm.BuiltinFunc, args is) {
	cases[name] = func(r *run) {
		dir, err := loader.FindTraceFS()
		if err != nil {
			r.Fatal(err)
		}
		if err := os.WriteFile(dir+"/trace", nil, 0o644); err != nil {
			r.Fatal(err)
		}
		var code is
		format := append([]byte(name[:11]+" %d\n"), make([]byte, 8)...)
		for i := 0; i < 24; i += 8 {
			code = append(code, asm.LoadImm(asm.R0, int64(le64(append(format[min(i, len(format)):], make([]byte, 8)...))), asm.DWord),
				asm.StoreMem(asm.RFP, int16(i-24), asm.R0, asm.DWord))
		}
		// The format ends before its buffer does.  Natively, the first program that
		// is loaded with such a call switches the event on, which takes a while.
		var b []byte
		for range 20 {
			n := r.value(join(code, args, pointer(asm.R1, -24), is{asm.Mov.Imm(asm.R2, 24), fn.Call()}))
			r.want("length", n, len(name[:11])+6)
			if b, err = os.ReadFile(dir + "/trace"); err != nil {
				r.Fatal(err)
			}
			if strings.Contains(string(b), name[:11]+" 4711") {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		r.Errorf("%s: the trace lacks it:\n%s", r.machine.Name, b)
	}
}

// cgroups asks about the running task's.
func cgroups() {
	cases["current_task_under_cgroup"] = func(r *run) {
		fd := r.newMap(8, 4, 4, 2, 0)
		under := func(i int32) int64 {
			return int64(r.value(is{asm.LoadMapPtr(asm.R1, fd), asm.Mov.Imm(asm.R2, i), asm.FnCurrentTaskUnderCgroup.Call()}))
		}
		r.want("an empty slot", under(0), -11)
		r.want("no slot", under(2), -7)
		dir, err := unix.Open("/sys/fs/cgroup", unix.O_RDONLY|unix.O_DIRECTORY, 0)
		if err != nil {
			r.Fatal(err)
		}
		defer unix.Close(dir)
		if errno := r.Update(fd, k32(0), k32(dir), 0); errno == 0 {
			r.want("the root", under(0), 1)
		} else {
			r.want("a cgroup where there is no version 2", errno, unix.EBADF)
		}
	}
}

// offsetOf a member of a structure of the kernel's.
func (r *run) offsetOf(name, member string) int16 {
	var s *btf.Struct
	if err := theSpec.TypeByName(name, &s); err != nil {
		r.Fatal(err)
	}
	for _, m := range s.Members {
		if m.Name == member {
			return int16(m.Offset / 8)
		}
	}
	r.Fatalf("%s has no %s", name, member)
	return 0
}

func tasks() {
	cases["find_vma"] = func(r *run) {
		page := raw.Alloc(4096)
		start := r.offsetOf("vm_area_struct", "vm_start")
		find := func(addr uint64) uint64 {
			each := is{asm.LoadMem(asm.R1, asm.R2, start, asm.DWord).WithSymbol("each"), asm.StoreMem(asm.R3, 0, asm.R1, asm.DWord), asm.Mov.Imm(asm.R0, 0), asm.Return()}
			return r.value(join(is{asm.LoadMem(asm.R7, asm.R1, 0, asm.DWord), st(asm.RFP, -8, 0, asm.DWord), asm.FnGetCurrentTaskBtf.Call(), asm.Mov.Reg(asm.R1, asm.R0),
				asm.Mov.Reg(asm.R2, asm.R7), callback(asm.R3)}, pointer(asm.R4, -8), is{asm.Mov.Imm(asm.R5, 0), asm.FnFindVma.Call(), asm.JNE.Imm(asm.R0, 0, "bad"),
				asm.LoadMem(asm.R0, asm.RFP, -8, asm.DWord), asm.Mov.Reg(asm.R0, asm.R0).WithSymbol("bad")}, each), addr)
		}
		at := find(raw.Addr(page))
		r.want("it begins at the page, or before", at <= raw.Addr(page) && at > 1<<20, true)
		r.want("none", int64(find(8)), -2)
	}
	variables := func(fn asm.BuiltinFunc, args ...asm.Instruction) func(r *run) {
		return func(r *run) {
			var v *btf.Var
			if err := theSpec.TypeByName("cpu_number", &v); err != nil {
				r.Fatal(err)
			}
			id, err := theSpec.TypeID(v)
			if err != nil {
				r.Fatal(err)
			}
			got := r.value(join(is{{OpCode: asm.LoadImmOp(asm.DWord), Dst: asm.R1, Src: pseudoBTFID, Constant: int64(id)}}, args, is{fn.Call(),
				asm.JEq.Imm(asm.R0, 0, "none"), asm.LoadMem(asm.R0, asm.R0, 0, asm.Word), asm.Mov.Reg(asm.R0, asm.R0).WithSymbol("none")}))
			r.want("the CPU's number", got, len(args))
		}
	}
	cases["this_cpu_ptr"] = variables(asm.FnThisCpuPtr)
	cases["per_cpu_ptr"] = variables(asm.FnPerCpuPtr, asm.Mov.Imm(asm.R2, 1))
	cases["snprintf_btf"] = func(r *run) {
		var v *btf.Int
		if err := theSpec.TypeByName("int", &v); err != nil {
			r.Fatal(err)
		}
		id, err := theSpec.TypeID(v)
		if err != nil {
			r.Fatal(err)
		}
		fd := r.newMap(raw.Array, 4, 8, 1, 0)
		if errno := r.Update(fd, k32(0), k64(42), 0); errno != 0 {
			r.Fatal(errName(errno))
		}
		got := r.value(join(value(fd), is{asm.StoreMem(asm.RFP, -24, asm.R9, asm.DWord), st(asm.RFP, -16, int64(id), asm.DWord), st(asm.RFP, -32, 0, asm.DWord)}, pointer(asm.R1, -32),
			is{asm.Mov.Imm(asm.R2, 8)}, pointer(asm.R3, -24), is{asm.Mov.Imm(asm.R4, 16), asm.Mov.Imm(asm.R5, 1), asm.FnSnprintfBtf.Call(), asm.JNE.Imm(asm.R0, 7, "exit"),
				asm.LoadMem(asm.R0, asm.RFP, -32, asm.DWord), asm.Mov.Reg(asm.R0, asm.R0).WithSymbol("exit")}))
		r.want("text", fmt.Sprintf("%q", k64(got)), fmt.Sprintf("%q", "(int)42\x00"))
	}
	cases["get_current_task_btf"] = func(r *run) {
		tid := r.value(is{asm.FnGetCurrentTaskBtf.Call(), asm.LoadMem(asm.R0, asm.R0, r.offsetOf("task_struct", "pid"), asm.Word)})
		r.want("thread", tid, unix.Gettid())
	}
	cases["get_task_stack"] = func(r *run) {
		n := int64(r.value(join(is{asm.FnGetCurrentTaskBtf.Call(), asm.Mov.Reg(asm.R1, asm.R0)}, pointer(asm.R2, -256),
			is{asm.Mov.Imm(asm.R3, 256), asm.Mov.Imm(asm.R4, 0), asm.FnGetTaskStack.Call(), asm.JSLE.Imm(asm.R0, 8, "bad"),
				asm.LoadMem(asm.R1, asm.RFP, -256, asm.DWord), asm.RSh.Imm(asm.R1, 47), asm.JEq.Imm(asm.R1, 1<<17-1, "bad"), asm.Mov.Imm(asm.R0, -1000),
				asm.Mov.Reg(asm.R0, asm.R0).WithSymbol("bad")})))
		r.want("kernel addresses, more than one", n > 8 && n <= 256 && n%8 == 0, true)
	}
	cases["task_pt_regs"] = func(r *run) {
		const origAx = 120
		nr := r.value(is{asm.FnGetCurrentTaskBtf.Call(), asm.Mov.Reg(asm.R1, asm.R0), asm.FnTaskPtRegs.Call(), asm.LoadMem(asm.R0, asm.R0, origAx, asm.DWord)})
		want := uint64(unix.SYS_BPF)
		if !r.IsNative() {
			want = unix.SYS_IOCTL
		}
		r.want("the system call", nr, want)
	}
	cases["get_current_task"] = func(r *run) {
		a, b := r.one(asm.FnGetCurrentTask), r.one(asm.FnGetCurrentTaskBtf)
		r.want("the same by both", a == b && a>>47 == 1<<17-1, true)
	}
}

// statfs links a program to user_statfs, which only statfs calls.
func (r *run) statfs(prog int, cookie uint64, ret bool) {
	r.Helper()
	link := r.kprobe(prog, "user_statfs", cookie, ret)
	defer unix.Close(link)
	var s unix.Statfs_t
	_ = unix.Statfs("/", &s)
}

// kprobe links a program, natively by way of perf.
func (r *run) kprobe(prog int, symbol string, cookie uint64, ret bool) int {
	r.Helper()
	a := raw.NewAttr().U32(0, uint32(prog)).U64(8, raw.CStr(symbol)).U64(24, cookie)
	if ret {
		a.U32(4, 1)
	}
	if r.IsNative() {
		k := &ioctl.ExtKprobeAttr{ProgFd: uint32(prog), Symbol: ioctl.StringPointer(symbol), Cookie: cookie}
		if ret {
			k.Flags = ioctl.KprobeReturn
		}
		fd, err := ioctl.Do(ioctl.Native(), ioctl.ExtKprobe, k)
		if err != nil {
			r.Fatalf("native: kprobe: %v", err)
		}
		return fd
	}
	fd, errno := r.Call(raw.ExtKprobe, a.Addr(), 40)
	if errno != 0 {
		r.Fatalf("%s: kprobe: %s", r.machine.Name, errName(errno))
	}
	return fd
}

// symbol is a kernel function's address.
func symbol(t *testing.T, name string) uint64 {
	t.Helper()
	b, err := os.ReadFile("/proc/kallsyms")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(b), "\n") {
		if f := strings.Fields(line); len(f) == 3 && f[2] == name {
			v, _ := strconv.ParseUint(f[0], 16, 64)
			return v
		}
	}
	return 0
}

// mine ends a program that another process runs.
func mine() is {
	return is{asm.Mov.Reg(asm.R6, asm.R1), asm.FnGetCurrentPidTgid.Call(), asm.RSh.Imm(asm.R0, 32), asm.JNE.Imm(asm.R0, int32(os.Getpid()), "end"),
		asm.Mov.Reg(asm.R1, asm.R6)}
}

func probes() {
	hit := func(r *run, fn asm.BuiltinFunc, cookie uint64) uint64 {
		fd := r.newMap(raw.Array, 4, 8, 1, 0)
		r.statfs(r.prog("kprobe", join(mine(), is{fn.Call()}, store(fd))), cookie, false)
		return r.word(fd, k32(0))
	}
	cases["get_func_ip"] = func(r *run) {
		addr := symbol(r.T, "user_statfs")
		// The probe may stand behind the function's landing pad.
		got := hit(r, asm.FnGetFuncIp, 0)
		r.want("the function", addr != 0 && (got == addr || got == addr+4), true)
	}
	cases["get_attach_cookie"] = func(r *run) {
		r.want("cookie", hit(r, asm.FnGetAttachCookie, 0x1122334455667788), uint64(0x1122334455667788))
		r.want("none", hit(r, asm.FnGetAttachCookie, 0), 0)
	}
	cases["perf_prog_read_value"] = func(r *run) {
		fd := r.newMap(raw.Array, 4, 8, 1, 0)
		prog := r.prog("perf_event", join(pointer(asm.R2, -24), is{asm.Mov.Imm(asm.R3, 24), asm.FnPerfProgReadValue.Call(),
			asm.JNE.Imm(asm.R0, 0, "bad"), asm.LoadMem(asm.R0, asm.RFP, -24, asm.DWord), asm.Mov.Reg(asm.R0, asm.R0).WithSymbol("bad")}, store(fd)))
		perf, err := unix.PerfEventOpen(&unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_CPU_CLOCK,
			Size: unix.PERF_ATTR_SIZE_VER1, Sample: 1_000_000}, -1, 0, -1, unix.PERF_FLAG_FD_CLOEXEC)
		if err != nil {
			r.Fatal(err)
		}
		defer unix.Close(perf)
		link, errno := r.Do(raw.LinkCreate, raw.NewAttr().U32(0, uint32(prog)).U32(4, uint32(perf)).U32(8, 41))
		if errno != 0 {
			r.Fatal(errName(errno))
		}
		defer unix.Close(link)
		for until := time.Now().Add(5 * time.Second); r.word(fd, k32(0)) == 0 && time.Now().Before(until); {
		}
		v := r.word(fd, k32(0))
		r.want("nanoseconds that it counted", v >= 1_000_000 && v < 1<<40, true)
	}
}
