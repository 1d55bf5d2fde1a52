// SPDX-License-Identifier: Apache-2.0

package support

import (
	"encoding/binary"
	"os"
	"os/signal"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

func init() {
	elements()
	current()
	clocks()
	memory()
	events2()
	ringbufs()
	texts()
}

// key puts a key of 4 bytes on the stack, and its address into r2.
func key(k int32) is {
	return is{st(asm.RFP, -8, int64(k), asm.DWord), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -8)}
}

// elements are helpers on maps.
func elements() {
	cases["map_lookup_elem"] = func(r *run) {
		fd := r.filled()
		r.want("value", r.fromProgram(fd, 2), 20)
		r.want("none", r.fromProgram(fd, 9), 0)
	}
	cases["map_update_elem"] = func(r *run) {
		fd := r.filled()
		update := func(k int32, flags int32) int32 { // hash's own function returns an int
			return int32(r.value(join(key(k), is{st(asm.RFP, -16, 77, asm.DWord), asm.LoadMapPtr(asm.R1, fd)}, pointer(asm.R3, -16),
				is{asm.Mov.Imm(asm.R4, flags), asm.FnMapUpdateElem.Call()})))
		}
		r.want("new", update(5, raw.UpdateAny), 0)
		r.want("value", r.word(fd, k32(5)), 77)
		r.want("there already", update(5, raw.UpdateNoexist), -17)
		r.want("not there", update(6, raw.UpdateExist), -2)
	}
	cases["map_delete_elem"] = func(r *run) {
		fd := r.filled()
		del := func() int32 {
			return int32(r.value(join(key(3), is{asm.LoadMapPtr(asm.R1, fd), asm.FnMapDeleteElem.Call()})))
		}
		r.want("delete", del(), 0)
		_, errno := r.Lookup(fd, k32(3), 8)
		r.want("gone", errno, unix.ENOENT)
		r.want("again", del(), -2)
	}
	queue := func(r *run, fn asm.BuiltinFunc, fd int, v int64) (int32, uint64) {
		out := r.newMap(raw.Array, 4, 8, 1, 0)
		ret := int32(r.value(join(is{st(asm.RFP, -16, v, asm.DWord), asm.LoadMapPtr(asm.R1, fd)}, pointer(asm.R2, -16), is{asm.Mov.Imm(asm.R3, 0), fn.Call(),
			asm.Mov.Reg(asm.R7, asm.R0)}, key(0), is{asm.LoadMapPtr(asm.R1, out), asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, "end"),
			asm.LoadMem(asm.R1, asm.RFP, -16, asm.DWord), asm.StoreMem(asm.R0, 0, asm.R1, asm.DWord), asm.Mov.Reg(asm.R0, asm.R7)})))
		return ret, r.word(out, k32(0))
	}
	cases["map_push_elem"] = func(r *run) {
		fd := r.newMap(raw.Queue, 0, 8, 2, 0)
		for _, want := range []int32{0, 0, -7} {
			got, _ := queue(r, asm.FnMapPushElem, fd, 5)
			r.want("push", got, want)
		}
	}
	take := func(fn asm.BuiltinFunc, again int32) func(r *run) {
		return func(r *run) {
			fd := r.newMap(raw.Queue, 0, 8, 2, 0)
			r.want("push", errName(r.Update(fd, nil, k64(9), 0)), "ok")
			ret, v := queue(r, fn, fd, 0)
			r.want("answer and value", []any{ret, v}, []any{0, 9})
			ret, _ = queue(r, fn, fd, 0)
			r.want("again", ret, again)
		}
	}
	cases["map_pop_elem"], cases["map_peek_elem"] = take(asm.FnMapPopElem, -2), take(asm.FnMapPeekElem, 0)
}

// current are helpers on the running task.
func current() {
	cases["get_smp_processor_id"] = func(r *run) { r.want("CPU", r.one(asm.FnGetSmpProcessorId), 0) }
	cases["get_current_pid_tgid"] = func(r *run) {
		r.want("ours", r.one(asm.FnGetCurrentPidTgid), uint64(os.Getpid())<<32|uint64(unix.Gettid()))
	}
	cases["get_current_uid_gid"] = func(r *run) {
		r.want("ours", r.one(asm.FnGetCurrentUidGid), uint64(unix.Getgid())<<32|uint64(unix.Getuid()))
	}
	cases["get_current_comm"] = func(r *run) {
		name := raw.Ptr([]byte("support\x00"))
		if err := unix.Prctl(unix.PR_SET_NAME, uintptr(name), 0, 0, 0); err != nil {
			r.Fatal(err)
		}
		got := r.value(join(pointer(asm.R1, -16), is{asm.Mov.Imm(asm.R2, 16), asm.FnGetCurrentComm.Call(), asm.LoadMem(asm.R0, asm.RFP, -16, asm.DWord)}))
		r.want("name", string(k64(got)), "support\x00")
	}
	cases["get_prandom_u32"] = func(r *run) {
		a, b := r.one(asm.FnGetPrandomU32), r.one(asm.FnGetPrandomU32)
		r.want("32 bits, others each time", a != b && a>>32 == 0 && b>>32 == 0, true)
	}
	cases["get_ns_current_pid_tgid"] = func(r *run) {
		var s unix.Stat_t
		if err := unix.Stat("/proc/self/ns/pid", &s); err != nil {
			r.Fatal(err)
		}
		ask := func(ino uint64) uint64 {
			return r.value(join(is{asm.LoadImm(asm.R1, int64(s.Dev), asm.DWord), asm.LoadImm(asm.R2, int64(ino), asm.DWord)}, pointer(asm.R3, -8),
				is{asm.Mov.Imm(asm.R4, 8), asm.FnGetNsCurrentPidTgid.Call(), asm.JNE.Imm(asm.R0, 0, "bad"), asm.LoadMem(asm.R0, asm.RFP, -8, asm.DWord),
					asm.Mov.Reg(asm.R0, asm.R0).WithSymbol("bad")}))
		}
		r.want("ours", ask(s.Ino), uint64(os.Getpid())<<32|uint64(unix.Gettid()))
		r.want("another's", int64(ask(s.Ino+1)), -22)
	}
	signals := func(fn asm.BuiltinFunc) func(r *run) {
		return func(r *run) {
			got := make(chan os.Signal, 1)
			signal.Notify(got, unix.SIGUSR1)
			defer signal.Stop(got)
			r.want("answer", r.value(is{asm.Mov.Imm(asm.R1, int32(unix.SIGUSR1)), fn.Call()}), 0)
			select {
			case <-got:
			case <-time.After(5 * time.Second):
				r.Errorf("%s: it did not come", r.machine.Name)
			}
			r.want("no such signal", int64(r.value(is{asm.Mov.Imm(asm.R1, 65), fn.Call()})), -22)
		}
	}
	cases["send_signal"], cases["send_signal_thread"] = signals(asm.FnSendSignal), signals(asm.FnSendSignalThread)
}

func clocks() {
	for name, c := range map[string]struct {
		fn asm.BuiltinFunc
		id int32
	}{"ktime_get_ns": {asm.FnKtimeGetNs, unix.CLOCK_MONOTONIC}, "ktime_get_boot_ns": {asm.FnKtimeGetBootNs, unix.CLOCK_BOOTTIME}, "ktime_get_tai_ns": {asm.FnKtimeGetTaiNs, unix.CLOCK_TAI}} {
		cases[name] = func(r *run) {
			var before, after unix.Timespec
			_ = unix.ClockGettime(c.id, &before)
			got := r.one(c.fn)
			_ = unix.ClockGettime(c.id, &after)
			const slack = 10_000
			r.want("between what user space sees", got+slack >= uint64(before.Nano()) && got <= uint64(after.Nano())+slack, true)
		}
	}
	cases["jiffies64"] = func(r *run) {
		a := r.one(asm.FnJiffies64)
		time.Sleep(50 * time.Millisecond)
		b := r.one(asm.FnJiffies64)
		r.want("they go on", b > a && b-a < 100000, true)
	}
}

// memory are helpers that read and write it.
func memory() {
	read := func(fn asm.BuiltinFunc, size, ret int32, at uint64, r *run) uint64 {
		return r.value(join(is{asm.LoadMem(asm.R3, asm.R1, 0, asm.DWord), st(asm.RFP, -8, -1, asm.DWord)}, pointer(asm.R1, -8),
			is{asm.Mov.Imm(asm.R2, size), fn.Call(), asm.JNE.Imm(asm.R0, ret, "bad"), asm.LoadMem(asm.R0, asm.RFP, -8, asm.DWord),
				asm.Mov.Reg(asm.R0, asm.R0).WithSymbol("bad")}), at)
	}
	text := func() uint64 { return raw.Ptr([]byte("hello, reader\x00")) }
	cases["probe_read_user"] = func(r *run) {
		r.want("bytes", string(k64(read(asm.FnProbeReadUser, 8, 0, text(), r))), "hello, r")
		r.want("what is not there", int64(read(asm.FnProbeReadUser, 8, 0, 8, r)), -14)
	}
	cases["probe_read_user_str"] = func(r *run) {
		r.want("bytes", string(k64(read(asm.FnProbeReadUserStr, 6, 6, text(), r))), "hello\x00\xff\xff")
		r.want("what is not there", int64(read(asm.FnProbeReadUserStr, 6, 6, 8, r)), -14)
	}
	cases["probe_read_kernel"] = func(r *run) {
		task := r.one(asm.FnGetCurrentTask)
		pid := read(asm.FnProbeReadKernel, 4, 0, task+uint64(r.offsetOf("task_struct", "pid")), r)
		r.want("the thread", uint32(pid), unix.Gettid())
		r.want("what is not the kernel's", int64(read(asm.FnProbeReadKernel, 8, 0, 8, r)), -34)
	}
	cases["probe_read_kernel_str"] = func(r *run) {
		name := raw.Ptr([]byte("support\x00"))
		if err := unix.Prctl(unix.PR_SET_NAME, uintptr(name), 0, 0, 0); err != nil {
			r.Fatal(err)
		}
		task := r.one(asm.FnGetCurrentTask)
		got := read(asm.FnProbeReadKernelStr, 8, 8, task+uint64(r.offsetOf("task_struct", "comm")), r)
		r.want("the thread's name", string(k64(got)), "support\x00")
	}
	cases["probe_write_user"] = func(r *run) {
		to := raw.Alloc(8)
		to[0] = 1 // or its page is not there yet, which is -EFAULT
		write := func(at uint64) int64 {
			return int64(r.value(join(is{asm.LoadMem(asm.R1, asm.R1, 0, asm.DWord), st(asm.RFP, -8, 0x1234, asm.DWord)}, pointer(asm.R2, -8),
				is{asm.Mov.Imm(asm.R3, 8), asm.FnProbeWriteUser.Call()}), at))
		}
		r.want("answer", write(raw.Addr(to)), 0)
		r.want("bytes", le64(to), 0x1234)
		r.want("the kernel's memory", write(0xffffffff81000000), -14)
	}
	dyn := func(do ...asm.Instruction) func(r *run) uint64 {
		return func(r *run) uint64 {
			fd := r.newMap(raw.Array, 4, 16, 1, 0)
			if errno := r.Update(fd, k32(0), []byte("0123456789abcdef"), 0); errno != 0 {
				r.Fatal(errName(errno))
			}
			return r.value(join(value(fd), is{asm.Mov.Reg(asm.R1, asm.R9), asm.Mov.Imm(asm.R2, 16), asm.Mov.Imm(asm.R3, 0)}, pointer(asm.R4, atDynptr),
				is{asm.FnDynptrFromMem.Call(), st(asm.RFP, -16, 0x5a5a, asm.DWord)}, do, is{asm.Mov.Reg(asm.R0, asm.R0).WithSymbol("exit")}))
		}
	}
	cases["dynptr_from_mem"] = func(r *run) { r.want("answer", dyn()(r), 0) }
	cases["dynptr_read"] = func(r *run) {
		at := func(off int32) uint64 {
			return dyn(join(pointer(asm.R1, -16), is{asm.Mov.Imm(asm.R2, 4)}, pointer(asm.R3, atDynptr), is{asm.Mov.Imm(asm.R4, off), asm.Mov.Imm(asm.R5, 0),
				asm.FnDynptrRead.Call(), asm.JNE.Imm(asm.R0, 0, "exit"), asm.LoadMem(asm.R0, asm.RFP, -16, asm.Word)})...)(r)
		}
		r.want("bytes", string(k64(at(10))[:4]), "abcd")
		r.want("past its end", int64(at(13)), -7)
	}
	cases["dynptr_write"] = func(r *run) {
		v := dyn(join(pointer(asm.R1, atDynptr), is{asm.Mov.Imm(asm.R2, 8)}, pointer(asm.R3, -16), is{asm.Mov.Imm(asm.R4, 8), asm.Mov.Imm(asm.R5, 0),
			asm.FnDynptrWrite.Call(), asm.JNE.Imm(asm.R0, 0, "exit"), asm.LoadMem(asm.R0, asm.R9, 8, asm.DWord)})...)(r)
		r.want("bytes", v, 0x5a5a)
	}
	cases["dynptr_data"] = func(r *run) {
		at := func(off int32) uint64 {
			return dyn(join(pointer(asm.R1, atDynptr), is{asm.Mov.Imm(asm.R2, off), asm.Mov.Imm(asm.R3, 4), asm.FnDynptrData.Call(), asm.JEq.Imm(asm.R0, 0, "exit"),
				asm.LoadMem(asm.R0, asm.R0, 0, asm.Word)})...)(r)
		}
		r.want("bytes", string(k64(at(10))[:4]), "abcd")
		r.want("past its end", at(13), 0)
	}
}

// events2 are helpers on perf events and stacks.
func events2() {
	cases["perf_event_output"] = func(r *run) {
		fd := r.newMap(raw.PerfArray, 4, 4, 4, 0)
		events(r, fd)
	}
	counter := func(r *run) (events int) {
		pe, err := unix.PerfEventOpen(&unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_CPU_CLOCK, Size: unix.PERF_ATTR_SIZE_VER1}, -1, 0, -1, 0)
		if err != nil {
			r.Fatal(err)
		}
		r.Cleanup(func() { unix.Close(pe) })
		fd := r.newMap(raw.PerfArray, 4, 4, 2, 0)
		if errno := r.Update(fd, k32(0), k32(pe), 0); errno != 0 {
			r.Fatal(errName(errno))
		}
		return fd
	}
	// counts sees a value grow. The clock of 3.10's events stands still between
	// a tick that is late and the next one.
	counts := func(r *run, read func() int64) {
		first := read()
		last := first
		for until := time.Now().Add(guest.Patience(2 * time.Second)); last >= 0 && last <= first && time.Now().Before(until); last = read() {
			time.Sleep(time.Millisecond)
		}
		r.want("it counts", first >= 0 && last > first, true)
	}
	cases["perf_event_read"] = func(r *run) {
		fd := counter(r)
		read := func(i int32) int64 {
			return int64(r.value(is{asm.LoadMapPtr(asm.R1, fd), asm.Mov.Imm(asm.R2, i), asm.FnPerfEventRead.Call()}))
		}
		counts(r, func() int64 { return read(0) })
		r.want("no event", read(1), -2)
	}
	cases["perf_event_read_value"] = func(r *run) {
		fd := counter(r)
		read := func(size int32) int64 {
			return int64(r.value(join(is{asm.LoadMapPtr(asm.R1, fd), asm.Mov.Imm(asm.R2, 0)}, pointer(asm.R3, -24), is{asm.Mov.Imm(asm.R4, size),
				asm.FnPerfEventReadValue.Call(), asm.JNE.Imm(asm.R0, 0, "bad"), asm.LoadMem(asm.R0, asm.RFP, -16, asm.DWord), asm.Mov.Reg(asm.R0, asm.R0).WithSymbol("bad")})))
		}
		counts(r, func() int64 { return read(24) })
		r.want("another size", read(16), -22)
	}
	cases["get_stackid"] = func(r *run) { stacks(r, r.newMap(raw.StackTrace, 4, 8, 4, 0)) }
	cases["get_stack"] = func(r *run) {
		for _, flags := range []int32{0, 1 << 8} {
			n := int64(r.value(join(is{asm.Mov.Imm(asm.R3, 64)}, pointer(asm.R2, -64), is{asm.Mov.Imm(asm.R4, flags), asm.FnGetStack.Call(), asm.JSLT.Imm(asm.R0, 8, "bad"),
				asm.LoadMem(asm.R1, asm.RFP, -64, asm.DWord), asm.RSh.Imm(asm.R1, 47), asm.LSh.Imm(asm.R0, 32), asm.Or.Reg(asm.R0, asm.R1), asm.Mov.Reg(asm.R0, asm.R0).WithSymbol("bad")})))
			r.want("frames", n>>32 >= 8 && n>>32 <= 64 && n>>32%8 == 0, true)
			r.want("addresses of the kernel, of the program", n&0xffffffff, map[int32]int64{0: 1<<17 - 1, 1 << 8: 0}[flags])
		}
	}
}

// ringbufs are helpers on ring buffers.
func ringbufs() {
	const page = 4096
	// record runs a program on a ring buffer and returns the first record.
	record := func(r *run, program func(fd int) is) (ret uint64, rec []byte) {
		fd := r.newMap(raw.Ringbuf, 0, 0, page, 0)
		ret = r.value(program(fd))
		b, err := unix.Mmap(fd, page, 3*page, unix.PROT_READ, unix.MAP_SHARED)
		if err != nil {
			r.Fatal(err)
		}
		defer func() { _ = unix.Munmap(b) }()
		if le64(b[:8]) == 0 {
			return ret, nil
		}
		return ret, append(rec, b[page:page+16]...)
	}
	want := func(r *run, rec []byte, header uint32, v uint64) {
		r.Helper()
		if len(rec) < 16 {
			r.Fatalf("%s: no record", r.machine.Name)
		}
		r.want("header and data", []any{binary.NativeEndian.Uint32(rec), le64(rec[8:])}, []any{header, v})
	}
	cases["ringbuf_output"] = func(r *run) {
		ret, rec := record(r, func(fd int) is {
			return join(is{st(asm.RFP, -8, 0x77, asm.DWord), asm.LoadMapPtr(asm.R1, fd)}, pointer(asm.R2, -8), is{asm.Mov.Imm(asm.R3, 8), asm.Mov.Imm(asm.R4, 0), asm.FnRingbufOutput.Call()})
		})
		r.want("answer", ret, 0)
		want(r, rec, 8, 0x77)
	}
	end := func(fn asm.BuiltinFunc, header uint32) func(r *run) {
		return func(r *run) {
			_, rec := record(r, func(fd int) is {
				return is{asm.LoadMapPtr(asm.R1, fd), asm.Mov.Imm(asm.R2, 8), asm.Mov.Imm(asm.R3, 0), asm.FnRingbufReserve.Call(), asm.JEq.Imm(asm.R0, 0, "none"),
					st(asm.R0, 0, 0x55, asm.DWord), asm.Mov.Reg(asm.R1, asm.R0), asm.Mov.Imm(asm.R2, 0), fn.Call(), asm.Mov.Imm(asm.R0, 0), asm.Mov.Reg(asm.R0, asm.R0).WithSymbol("none")}
			})
			want(r, rec, header, 0x55)
		}
	}
	const discarded = 1 << 30
	cases["ringbuf_reserve"], cases["ringbuf_submit"], cases["ringbuf_discard"] = end(asm.FnRingbufSubmit, 8), end(asm.FnRingbufSubmit, 8), end(asm.FnRingbufDiscard, 8|discarded)
	cases["ringbuf_query"] = func(r *run) {
		fd := r.newMap(raw.Ringbuf, 0, 0, page, 0)
		ask := func(what int32) uint64 {
			return r.value(is{asm.LoadMapPtr(asm.R1, fd), asm.Mov.Imm(asm.R2, what), asm.FnRingbufQuery.Call()})
		}
		r.want("data, size, positions", []uint64{ask(0), ask(1), ask(2), ask(3)}, []uint64{0, page, 0, 0})
	}
	dyn := func(fn asm.BuiltinFunc, header uint32) func(r *run) {
		return func(r *run) {
			_, rec := record(r, func(fd int) is {
				return join(is{st(asm.RFP, -16, 0x66, asm.DWord), asm.LoadMapPtr(asm.R1, fd), asm.Mov.Imm(asm.R2, 8), asm.Mov.Imm(asm.R3, 0)}, pointer(asm.R4, atDynptr),
					is{asm.FnRingbufReserveDynptr.Call()}, pointer(asm.R1, atDynptr), is{asm.Mov.Imm(asm.R2, 0)}, pointer(asm.R3, -16), is{asm.Mov.Imm(asm.R4, 8), asm.Mov.Imm(asm.R5, 0),
						asm.FnDynptrWrite.Call()}, pointer(asm.R1, atDynptr), is{asm.Mov.Imm(asm.R2, 0), fn.Call(), asm.Mov.Imm(asm.R0, 0)})
			})
			want(r, rec, header, 0x66)
		}
	}
	cases["ringbuf_reserve_dynptr"], cases["ringbuf_submit_dynptr"] = dyn(asm.FnRingbufSubmitDynptr, 8), dyn(asm.FnRingbufSubmitDynptr, 8)
	cases["ringbuf_discard_dynptr"] = dyn(asm.FnRingbufDiscardDynptr, 8|discarded)
	cases["user_ringbuf_drain"] = func(r *run) {
		fd := r.newMap(raw.UserRingbuf, 0, 0, page, 0)
		b, err := unix.Mmap(fd, page, 3*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			r.Fatal(err)
		}
		defer func() { _ = unix.Munmap(b) }()
		for i := range 2 { // two records of 8 bytes
			binary.NativeEndian.PutUint64(b[page+16*i+8:], uint64(30+i))
			atomic.StoreUint32((*uint32)(unsafe.Pointer(&b[page+16*i])), 8)
		}
		atomic.StoreUint64((*uint64)(unsafe.Pointer(&b[0])), 32)
		each := join(is{asm.Mov.Reg(asm.R6, asm.R2).WithSymbol("each"), asm.Mov.Reg(asm.R3, asm.R1), st(asm.RFP, -8, 0, asm.DWord)}, pointer(asm.R1, -8),
			is{asm.Mov.Imm(asm.R2, 8), asm.Mov.Imm(asm.R4, 0), asm.Mov.Imm(asm.R5, 0), asm.FnDynptrRead.Call(), asm.LoadMem(asm.R1, asm.RFP, -8, asm.DWord),
				asm.LoadMem(asm.R2, asm.R6, 0, asm.DWord), asm.Add.Reg(asm.R2, asm.R1), asm.StoreMem(asm.R6, 0, asm.R2, asm.DWord), asm.Mov.Imm(asm.R0, 0), asm.Return()})
		v := r.value(join(is{st(asm.RFP, -8, 0, asm.DWord), asm.LoadMapPtr(asm.R1, fd), callback(asm.R2)}, pointer(asm.R3, -8), is{asm.Mov.Imm(asm.R4, 0),
			asm.FnUserRingbufDrain.Call(), asm.LSh.Imm(asm.R0, 32), asm.LoadMem(asm.R1, asm.RFP, -8, asm.DWord), asm.Or.Reg(asm.R0, asm.R1)}, each))
		r.want("records and their sum", v, uint64(2<<32|61))
	}
}

// texts are helpers on numbers and text.
func texts() {
	number := func(fn asm.BuiltinFunc, text string, want int64) func(r *run) {
		return func(r *run) {
			v := int64(r.value(join(is{asm.LoadImm(asm.R0, int64(le64([]byte(text+"\x00\x00\x00\x00\x00\x00\x00\x00"))), asm.DWord), asm.StoreMem(asm.RFP, -16, asm.R0, asm.DWord)},
				pointer(asm.R1, -16), is{asm.Mov.Imm(asm.R2, 8), asm.Mov.Imm(asm.R3, 0)}, pointer(asm.R4, -8), is{fn.Call(), asm.LSh.Imm(asm.R0, 32),
					asm.LoadMem(asm.R1, asm.RFP, -8, asm.DWord), asm.Add.Reg(asm.R0, asm.R1)})))
			r.want("characters and number", []int64{(v - want) >> 32, v - (v-want)>>32<<32}, []int64{int64(len(text)), want})
		}
	}
	cases["strtol"], cases["strtoul"] = number(asm.FnStrtol, "-0x1f", -31), number(asm.FnStrtoul, "0777", 511)
	cases["snprintf"] = func(r *run) {
		format := r.frozen(r.T, "%d-%x")
		v := r.value(join(is{st(asm.RFP, -16, -5, asm.DWord), st(asm.RFP, -8, 255, asm.DWord), st(asm.RFP, -24, 0, asm.DWord)}, pointer(asm.R1, -24), is{asm.Mov.Imm(asm.R2, 8),
			asm.LoadMapValue(asm.R3, format, 0)}, pointer(asm.R4, -16), is{asm.Mov.Imm(asm.R5, 16), asm.FnSnprintf.Call(), asm.JNE.Imm(asm.R0, 6, "bad"),
			asm.LoadMem(asm.R0, asm.RFP, -24, asm.DWord), asm.Mov.Reg(asm.R0, asm.R0).WithSymbol("bad")}))
		r.want("text", string(k64(v)), "-5-ff\x00\x00\x00")
	}
}
