// SPDX-License-Identifier: Apache-2.0

package support

import (
	"testing"

	"github.com/bpfshim/bpfshim/ioctl"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

// Programs that call a helper with arguments of the kinds that its prototype
// names, to see whether programs of a type may.

// Where things lie on such a program's stack.
const (
	atKey    = -8
	atMem    = -80 // zeroes
	atDynptr = -112
	stackEnd = -176

	pseudoBTFID = asm.R3 // src_reg of a variable of the kernel's
)

// mapOf names the map that a helper takes, of those of machine.mapFor.
var mapOf = map[string]string{
	"tail_call": "prog_array", "perf_event_read": "perf_event_array", "perf_event_output": "perf_event_array",
	"perf_event_read_value": "perf_event_array", "skb_output": "perf_event_array", "xdp_output": "perf_event_array",
	"get_stackid": "stack_trace", "skb_under_cgroup": "cgroup_array", "current_task_under_cgroup": "cgroup_array",
	"redirect_map": "devmap", "sk_redirect_map": "sockmap", "sock_map_update": "sockmap", "msg_redirect_map": "sockmap",
	"sock_hash_update": "sockhash", "msg_redirect_hash": "sockhash", "sk_redirect_hash": "sockhash",
	"get_local_storage": "cgroup_storage", "sk_select_reuseport": "reuseport_sockarray",
	"map_push_elem": "queue", "map_pop_elem": "queue", "map_peek_elem": "queue", "sk_storage_get": "sk_storage",
	"sk_storage_delete": "sk_storage", "ringbuf_output": "ringbuf", "ringbuf_reserve": "ringbuf", "ringbuf_query": "ringbuf",
	"ringbuf_reserve_dynptr": "ringbuf", "inode_storage_get": "inode_storage", "inode_storage_delete": "inode_storage",
	"task_storage_get": "task_storage", "task_storage_delete": "task_storage", "for_each_map_elem": "array",
	"timer_init": "timed", "map_lookup_percpu_elem": "percpu_array", "user_ringbuf_drain": "user_ringbuf",
}

// mapFor makes, or finds, a map of that name; 0: there is none.
func (m *machine) mapFor(t *testing.T, name string) int {
	t.Helper()
	if fd, ok := m.maps[name]; ok {
		if name != "prog_array" { // which is its first program's type's
			return fd
		}
		unix.Close(fd)
	}
	var fd int
	var errno unix.Errno
	switch name {
	case "locked", "timed", "kept", "kept_ref":
		a := raw.Map(raw.Array, 4, map[string]uint32{"locked": 8, "timed": 24, "kept": 16, "kept_ref": 16}[name], 1, 0).
			U32(48, uint32(m.mbtf)).U32(52, uint32(valueIDs["unsigned int"])).U32(56, uint32(valueIDs[name]))
		fd, errno = m.Do(raw.MapCreate, a)
	default:
		fd, errno = m.create(name)
	}
	if errno != 0 {
		fd = 0
	} else {
		if _, again := m.maps[name]; !again {
			t.Cleanup(func() { unix.Close(m.maps[name]); delete(m.maps, name) })
		}
	}
	m.maps[name] = fd
	return fd
}

// create makes a map of a type by its name, of the plainest kind.
func (m *machine) create(name string) (int, unix.Errno) {
	var typ uint32
	for _, e := range mapTypes() {
		if e.Name == name {
			typ = e.Value
		}
	}
	key, value, n, flags := uint32(4), uint32(8), uint32(4), uint32(0)
	a := raw.Map(typ, key, value, n, flags)
	switch name {
	case "prog_array", "perf_event_array", "cgroup_array", "devmap", "devmap_hash", "sockmap", "sockhash", "cpumap", "xskmap", "reuseport_sockarray":
		a.U32(8, 4)
	case "lpm_trie":
		a.U32(4, 8).U32(16, raw.NoPrealloc)
	case "array_of_maps", "hash_of_maps":
		inner, errno := m.create("array")
		if errno != 0 {
			return -1, errno
		}
		defer unix.Close(inner)
		a.U32(8, 4).U32(20, uint32(inner))
	case "cgroup_storage", "percpu_cgroup_storage":
		a.U32(4, 8).U32(12, 0)
	case "queue", "stack", "bloom_filter":
		a.U32(4, 0)
	case "ringbuf", "user_ringbuf":
		a.U32(4, 0).U32(8, 0).U32(12, 4096)
	case "sk_storage", "inode_storage", "task_storage":
		a.U32(12, 0).U32(16, raw.NoPrealloc).U32(48, uint32(m.mbtf)).U32(52, uint32(valueIDs["unsigned int"])).U32(56, uint32(valueIDs["plain"]))
	case "struct_ops": // that of TCP, where the kernel has it
		var st *btf.Struct
		if err := theSpec.TypeByName("bpf_struct_ops_tcp_congestion_ops", &st); err == nil {
			id, _ := theSpec.TypeID(st)
			a.U32(8, st.Size).U32(12, 1).U32(60, uint32(id))
		}
	}
	return m.Do(raw.MapCreate, a)
}

// pointer leaves an address below the frame in a register.
func pointer(r asm.Register, off int32) is { return is{asm.Mov.Reg(r, asm.RFP), asm.Add.Imm(r, off)} }

// value leaves the address of a map's only value in r9, or ends the program.
func value(fd int) is {
	return is{st(asm.RFP, atKey, 0, asm.DWord), asm.LoadMapPtr(asm.R1, fd), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, atKey),
		asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, "exit"), asm.Mov.Reg(asm.R9, asm.R0)}
}

// sockField is where a context has its socket, by program type.
var sockField = map[string]int16{
	"socket_filter": 168, "sched_cls": 168, "sched_act": 168, "cgroup_skb": 168, "sk_skb": 168, "lwt_in": 168, "lwt_out": 168, "lwt_xmit": 168,
	"sock_ops": 184, "cgroup_sock_addr": 64, "cgroup_sockopt": 0, "sk_lookup": 0, "sk_msg": 72,
}

// call is a program of the type that calls a helper by its prototype.
func (m *machine) call(t *testing.T, h ioctl.Prototype, prog string, tg target) is {
	t.Helper()
	code := is{asm.Mov.Reg(asm.R6, asm.R1)}
	for off := int16(-8); off >= stackEnd; off -= 8 {
		code = append(code, st(asm.RFP, off, 0, asm.DWord))
	}
	code = append(code, m.before(t, h, prog, tg)...)
	size := int32(8)
	for i, kind := range h.Args {
		code = append(code, m.argument(t, h, i, kind, size)...)
	}
	code = append(code, asm.BuiltinFunc(h.ID).Call())
	code = append(code, after(h)...)
	if h.Name == "kptr_xchg" {
		code = append(code, asm.JEq.Imm(asm.R0, 0, "exit"), asm.Mov.Reg(asm.R1, asm.R0), kfunc(t, "bpf_kfunc_call_test_release"))
	}
	code = append(code, asm.Mov.Imm(asm.R0, 0).WithSymbol("exit"), asm.Return())
	for _, kind := range h.Args {
		if kind == "FUNC" {
			code = append(code, eachReturns0...)
		}
	}
	return code
}

// kfunc calls a function of the kernel's own: only such gives back what
// kptr_xchg gives.  Where there is none of that name no function is called.
func kfunc(t *testing.T, name string) asm.Instruction {
	t.Helper()
	id := btf.TypeID(0)
	var f *btf.Func
	if err := theSpec.TypeByName(name, &f); err == nil {
		if id, err = theSpec.TypeID(f); err != nil {
			t.Fatal(err)
		}
	}
	return asm.Instruction{OpCode: asm.OpCode(asm.JumpClass).SetJumpOp(asm.Call), Src: asm.PseudoKfuncCall, Constant: int64(id)}
}

// before makes what arguments are to point to: in r7 to r9.
func (m *machine) before(t *testing.T, h ioctl.Prototype, prog string, tg target) is {
	t.Helper()
	var code is
	lookup := is{asm.Mov.Reg(asm.R1, asm.R6), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, atMem), asm.Mov.Imm(asm.R3, 12),
		asm.Mov.Imm(asm.R4, -1), asm.Mov.Imm(asm.R5, 0), asm.FnSkLookupTcp.Call(), asm.JEq.Imm(asm.R0, 0, "exit"), asm.Mov.Reg(asm.R8, asm.R0)}
	for _, kind := range h.Args {
		switch kind {
		case "ALLOC_MEM":
			code = append(code, asm.LoadMapPtr(asm.R1, m.mapFor(t, "ringbuf")), asm.Mov.Imm(asm.R2, 8), asm.Mov.Imm(asm.R3, 0),
				asm.FnRingbufReserve.Call(), asm.JEq.Imm(asm.R0, 0, "exit"), asm.Mov.Reg(asm.R7, asm.R0))
		case "BTF_TASK":
			code = append(code, asm.FnGetCurrentTaskBtf.Call(), asm.Mov.Reg(asm.R8, asm.R0))
		case "SPIN_LOCK":
			code = append(code, value(m.mapFor(t, "locked"))...)
			if h.Name == "spin_unlock" {
				code = append(code, asm.Mov.Reg(asm.R1, asm.R9), asm.FnSpinLock.Call())
			}
		case "TIMER":
			code = append(code, value(m.mapFor(t, "timed"))...)
		case "KPTR":
			code = append(code, value(m.mapFor(t, "kept_ref"))...)
		case "UNINIT_MEM":
			if h.Name == "dynptr_from_mem" {
				code = append(code, value(m.mapFor(t, "array"))...)
			}
		case "DYNPTR":
			code = append(code, value(m.mapFor(t, "array"))...)
			code = append(code, asm.Mov.Reg(asm.R1, asm.R9), asm.Mov.Imm(asm.R2, 8), asm.Mov.Imm(asm.R3, 0))
			code = append(code, pointer(asm.R4, atDynptr)...)
			code = append(code, asm.FnDynptrFromMem.Call())
		case "DYNPTR_RINGBUF_RELEASE":
			code = append(code, asm.LoadMapPtr(asm.R1, m.mapFor(t, "ringbuf")), asm.Mov.Imm(asm.R2, 8), asm.Mov.Imm(asm.R3, 0))
			code = append(code, pointer(asm.R4, atDynptr)...)
			code = append(code, asm.FnRingbufReserveDynptr.Call())
		case "BTF_SOCK_RELEASE":
			code = append(code, lookup...)
		case "SOCK_COMMON", "BTF_SOCK", "SOCK_OR_NULL", "BTF_SOCK_TRACE":
			if off, ok := sockField[prog]; ok {
				code = append(code, asm.LoadMem(asm.R8, asm.R6, off, asm.DWord), asm.JEq.Imm(asm.R8, 0, "exit"))
			} else if tg.arg == "BTF_SOCK" {
				code = append(code, asm.LoadMem(asm.R8, asm.R6, 0, asm.DWord))
			} else {
				code = append(code, asm.Mov.Reg(asm.R8, asm.R6))
			}
		default:
			if kind == tg.arg {
				code = append(code, asm.LoadMem(asm.R8, asm.R6, map[string]int16{"BTF_SEQ_FILE": 0}[kind], asm.DWord))
			} else if kind == "BTF_SEQ_FILE" && tg.attach == atIter { // ctx->meta->seq
				code = append(code, asm.LoadMem(asm.R8, asm.R6, 0, asm.DWord), asm.LoadMem(asm.R8, asm.R8, 0, asm.DWord))
			}
		}
	}
	return code
}

// argument sets one argument's register.
func (m *machine) argument(t *testing.T, h ioctl.Prototype, i int, kind string, size int32) is {
	t.Helper()
	r := asm.R1 + asm.Register(i)
	switch kind {
	case "NONE":
		return nil
	case "MAP":
		name := mapOf[h.Name]
		if name == "" {
			name = "hash"
		}
		fd := m.mapFor(t, name)
		if fd == 0 {
			return is{asm.Mov.Imm(r, 0)}
		}
		return is{asm.LoadMapPtr(r, fd)}
	case "KEY":
		return pointer(r, atKey)
	case "SIZE", "SIZE0", "ALLOC_SIZE":
		return is{asm.Mov.Imm(r, size)}
	case "CTX", "CTX_OR_NULL":
		return is{asm.Mov.Reg(r, asm.R6)}
	case "FUNC":
		return is{callback(r)}
	case "STACK_OR_NULL", "VALUE_OR_NULL", "BTF_OR_NULL_RELEASE", "ANY":
		return is{asm.Mov.Imm(r, 0)}
	case "CONST_STR":
		return is{asm.LoadMapValue(r, m.text, 0)}
	case "ALLOC_MEM":
		return is{asm.Mov.Reg(r, asm.R7)}
	case "SPIN_LOCK", "TIMER", "KPTR":
		return is{asm.Mov.Reg(r, asm.R9)}
	case "DYNPTR", "DYNPTR_LOCAL_UNINIT", "DYNPTR_RINGBUF_UNINIT", "DYNPTR_RINGBUF_RELEASE":
		return pointer(r, atDynptr)
	case "PERCPU_BTF":
		var v *btf.Var
		if err := theSpec.TypeByName("runqueues", &v); err != nil {
			t.Fatal(err)
		}
		id, err := theSpec.TypeID(v)
		if err != nil {
			t.Fatal(err)
		}
		return is{asm.Instruction{OpCode: asm.LoadImmOp(asm.DWord), Dst: r, Src: pseudoBTFID, Constant: int64(id)}}
	case "UNINIT_MEM":
		if h.Name == "dynptr_from_mem" {
			return is{asm.Mov.Reg(r, asm.R9)}
		}
	}
	if len(kind) > 4 && kind[:4] == "BTF_" || kind == "SOCK_COMMON" || kind == "SOCK_OR_NULL" {
		return is{asm.Mov.Reg(r, asm.R8)}
	}
	return pointer(r, atMem)
}

// after gives back what the helper gave.
func after(h ioctl.Prototype) is {
	switch h.Name {
	case "ringbuf_reserve":
		return is{asm.JEq.Imm(asm.R0, 0, "exit"), asm.Mov.Reg(asm.R1, asm.R0), asm.Mov.Imm(asm.R2, 0), asm.FnRingbufDiscard.Call()}
	case "ringbuf_reserve_dynptr":
		return append(pointer(asm.R1, atDynptr), asm.Mov.Imm(asm.R2, 0), asm.FnRingbufDiscardDynptr.Call())
	case "spin_lock":
		return is{asm.Mov.Reg(asm.R1, asm.R9), asm.FnSpinUnlock.Call()}
	case "sk_lookup_tcp", "sk_lookup_udp", "skc_lookup_tcp":
		return is{asm.JEq.Imm(asm.R0, 0, "exit"), asm.Mov.Reg(asm.R1, asm.R0), asm.FnSkRelease.Call()}
	}
	return nil
}
