// SPDX-License-Identifier: Apache-2.0

package support

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/bpfshim/bpfshim/ioctl"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

// Attach types that loading needs to be told.
const (
	atCgroupSockCreate = uint32(ioctl.CgroupInetSockCreate)
	atConnect4         = uint32(ioctl.CgroupInet4Connect)
	atSetsockopt       = uint32(ioctl.CgroupSetsockopt)
	atFentry           = uint32(ioctl.TraceFentry)
	atFexit            = uint32(ioctl.TraceFexit)
	atIter             = uint32(ioctl.TraceIter)
	atRawTP            = uint32(ioctl.TraceRawTp)
	atLSM              = uint32(ioctl.LsmMac)
)

const sleepableFlag = 1 << 4

// target is what a program type is loaded for.
type target struct {
	typ    uint32
	attach uint32
	flags  uint32
	funcs  []string // a function of the kernel's, the first that is there
	typed  string   // a typedef instead
	arg    string   // kind of its first argument, as prototypes name it
}

// targets of each program type, in the order in which a helper is tried.
var targets = map[string][]target{
	"cgroup_sock":      {{typ: 9, attach: atCgroupSockCreate}},
	"sock_ops":         {{typ: 13, attach: uint32(ioctl.CgroupSockOps)}},
	"sk_skb":           {{typ: 14, attach: uint32(ioctl.SkSkbStreamVerdict)}},
	"cgroup_device":    {{typ: 15, attach: uint32(ioctl.CgroupDevice)}},
	"sk_msg":           {{typ: 16, attach: uint32(ioctl.SkMsgVerdict)}},
	"cgroup_sock_addr": {{typ: 18, attach: atConnect4}},
	"sk_reuseport":     {{typ: 21, attach: uint32(ioctl.SkReuseportSelect)}},
	"cgroup_sysctl":    {{typ: 23, attach: uint32(ioctl.CgroupSysctl)}},
	"cgroup_sockopt":   {{typ: 25, attach: atSetsockopt}},
	"sk_lookup":        {{typ: 30, attach: uint32(ioctl.SkLookup)}},
	"syscall":          {{typ: 31, flags: sleepableFlag}},
	"tracing": {
		{typ: 26, attach: atFentry, funcs: []string{"vfs_read"}, arg: "BTF_FILE"},
		{typ: 26, attach: atFexit, funcs: []string{"vfs_read"}, arg: "BTF_FILE"},
		{typ: 26, attach: atFentry, funcs: []string{"tcp_close"}, arg: "BTF_SOCK"},
		{typ: 26, attach: atFentry, funcs: []string{"consume_skb"}, arg: "BTF_SK_BUFF"},
		{typ: 26, attach: atFentry, funcs: []string{"vfs_truncate"}, arg: "BTF_PATH"},
		{typ: 26, attach: atIter, funcs: []string{"bpf_iter_task"}},
		{typ: 26, attach: atRawTP, typed: "btf_trace_sched_switch"},
		{typ: 26, attach: atFentry, flags: sleepableFlag, funcs: []string{"__x64_sys_getpgid", "sys_getpgid", "SyS_getpgid"}},
	},
	"lsm": {
		{typ: 29, attach: atLSM, funcs: []string{"bpf_lsm_file_open"}, arg: "BTF_FILE"},
		{typ: 29, attach: atLSM, flags: sleepableFlag, funcs: []string{"bpf_lsm_file_open"}, arg: "BTF_FILE"},
		{typ: 29, attach: atLSM, funcs: []string{"bpf_lsm_inode_getattr"}, arg: "BTF_PATH"},
		{typ: 29, attach: atLSM, flags: sleepableFlag, funcs: []string{"bpf_lsm_inode_rename"}, arg: "BTF_INODE"},
		{typ: 29, attach: atLSM, funcs: []string{"bpf_lsm_bprm_check_security"}, arg: "BTF_BPRM"},
		{typ: 29, attach: atLSM, funcs: []string{"bpf_lsm_sk_alloc_security"}, arg: "BTF_SOCK"},
	},
	"kprobe": {{typ: raw.Kprobe}, {typ: raw.Kprobe, flags: sleepableFlag}},
}

// targetsOf a program type: its own, or just the type.
func targetsOf(name string, typ uint32) []target {
	if t, ok := targets[name]; ok {
		return t
	}
	return []target{{typ: typ}}
}

// fill completes the attribute; false: the kernel has no such function.
func (tg target) fill(a *raw.Attr) bool {
	a.U32(0, tg.typ).U32(44, tg.flags).U32(68, tg.attach).U32(108, 0)
	if tg.typed != "" {
		var d *btf.Typedef
		if err := theSpec.TypeByName(tg.typed, &d); err != nil {
			return false
		}
		id, err := theSpec.TypeID(d)
		a.U32(108, uint32(id))
		return err == nil
	}
	for _, name := range tg.funcs {
		var f *btf.Func
		if err := theSpec.TypeByName(name, &f); err != nil {
			continue
		}
		id, err := theSpec.TypeID(f)
		a.U32(108, uint32(id))
		return err == nil
	}
	return len(tg.funcs) == 0
}

// load loads a program; the verifier's log is kept in m.log. Programs with a
// function named "each" get the BTF that callbacks need.
func (m *machine) load(t *testing.T, tg target, insns is) (int, unix.Errno) {
	t.Helper()
	var b bytes.Buffer
	if err := insns.Marshal(&b, binary.LittleEndian); err != nil {
		t.Fatal(err)
	}
	copy(m.code, b.Bytes())
	clear(m.log[:256])
	a := m.attr.U32(4, uint32(b.Len()/8)).U64(8, raw.Addr(m.code)).U64(16, gpl).U32(24, 1).U32(28, uint32(len(m.log))).U64(32, raw.Addr(m.log))
	a.U32(72, 0).U32(76, 0).U64(80, 0).U32(88, 0)
	if !tg.fill(a) {
		return -1, unix.ENOENT
	}
	if infos := functions(insns); len(infos) > 8 {
		copy(m.info, infos)
		fd := m.callbackBTF(t)
		defer unix.Close(fd)
		a.U32(72, uint32(fd)).U32(76, 8).U64(80, raw.Addr(m.info)).U32(88, uint32(len(infos)/8))
	}
	for try := 0; ; try++ {
		fd, errno := m.Do(raw.ProgLoad, a)
		if errno == unix.ENOSPC {
			a.U32(24, 0).U32(28, 0).U64(32, 0)
		} else if errno != unix.EAGAIN || try > 20 {
			return fd, errno
		}
	}
}

func (m *machine) said() string { return unix.ByteSliceToString(m.log) }

// functions are the program's and its callback's infos.
func functions(insns is) []byte {
	var infos []byte
	for it := insns.Iterate(); it.Next(); {
		typ := map[bool]uint32{true: 4}[it.Offset == 0]
		if it.Ins.Symbol() == "each" {
			typ = 6
		}
		if typ != 0 {
			infos = binary.NativeEndian.AppendUint32(infos, uint32(it.Offset))
			infos = binary.NativeEndian.AppendUint32(infos, typ)
		}
	}
	return infos
}

// callbackBTF describes two functions: [4] the program, [6] a static one.
func (m *machine) callbackBTF(t *testing.T) int {
	t.Helper()
	blob := raw.CallbackTypes()
	p := raw.Alloc(len(blob))
	defer raw.Free(p)
	copy(p, blob)
	fd, errno := m.Do(raw.BTFLoad, raw.NewAttr().U64(0, raw.Addr(p)).U32(16, uint32(len(blob))))
	if errno != 0 {
		t.Fatalf("BTF: %s", errName(errno))
	}
	return fd
}

// callback loads the address of the static function.
func callback(dst asm.Register) asm.Instruction {
	return asm.Instruction{OpCode: asm.LoadImmOp(asm.DWord), Dst: dst, Src: asm.PseudoFunc, Constant: -1}.WithReference("each")
}

var eachReturns0 = is{asm.Mov.Imm(asm.R0, 0).WithSymbol("each"), asm.Return()}

// noSuchHelper reports whether the log says that such a program has no such
// helper at all.
func noSuchHelper(log, name string) bool {
	return strings.Contains(log, "unknown func bpf_"+name+"#") || strings.Contains(log, "cannot use helper bpf_"+name+"#") || strings.Contains(log, "helper call might sleep in a non-sleepable prog")
}

// progTypes of 6.1 by name.
func progTypes() []ioctl.Enumerator { return ioctl.Enumerators("bpfshim_prog_type", "PROG_TYPE_") }
func mapTypes() []ioctl.Enumerator  { return ioctl.Enumerators("bpfshim_map_type", "MAP_TYPE_") }
