// SPDX-License-Identifier: Apache-2.0

package support

import (
	"debug/elf"
	"reflect"
	"strings"
	"testing"

	"github.com/bpfshim/bpfshim/ioctl"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// funcAddr is a function's address in this process.
func funcAddr(f func()) uint64 { return uint64(reflect.ValueOf(f).Pointer()) }

// fileOffset is where an address of this program lies in its file.
func fileOffset(t *testing.T, addr uint64) uint64 {
	t.Helper()
	f, err := elf.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && addr >= p.Vaddr && addr < p.Vaddr+p.Filesz {
			return addr - p.Vaddr + p.Off
		}
	}
	t.Fatalf("no segment has %#x", addr)
	return 0
}

// linked are attach types that LINK_CREATE takes: of which program type.
var linked = map[string]string{
	"cgroup_inet_ingress": "cgroup_skb", "cgroup_inet_egress": "cgroup_skb", "cgroup_inet_sock_create": "cgroup_sock",
	"cgroup_sock_ops": "sock_ops", "cgroup_device": "cgroup_device", "cgroup_inet4_bind": "cgroup_sock_addr",
	"cgroup_inet6_bind": "cgroup_sock_addr", "cgroup_inet4_connect": "cgroup_sock_addr", "cgroup_inet6_connect": "cgroup_sock_addr",
	"cgroup_inet4_post_bind": "cgroup_sock", "cgroup_inet6_post_bind": "cgroup_sock", "cgroup_udp4_sendmsg": "cgroup_sock_addr",
	"cgroup_udp6_sendmsg": "cgroup_sock_addr", "cgroup_sysctl": "cgroup_sysctl", "cgroup_udp4_recvmsg": "cgroup_sock_addr",
	"cgroup_udp6_recvmsg": "cgroup_sock_addr", "cgroup_getsockopt": "cgroup_sockopt", "cgroup_setsockopt": "cgroup_sockopt",
	"cgroup_inet4_getpeername": "cgroup_sock_addr", "cgroup_inet6_getpeername": "cgroup_sock_addr",
	"cgroup_inet4_getsockname": "cgroup_sock_addr", "cgroup_inet6_getsockname": "cgroup_sock_addr", "cgroup_inet_sock_release": "cgroup_sock",
	"trace_fentry": "tracing", "trace_fexit": "tracing", "modify_return": "tracing", "trace_raw_tp": "tracing", "trace_iter": "tracing",
	"lsm_mac": "lsm", "lsm_cgroup": "lsm", "xdp": "xdp", "flow_dissector": "flow_dissector", "sk_lookup": "sk_lookup",
	"trace_kprobe_multi": "kprobe",
	// By PROG_ATTACH only, to a map.
	"sk_skb_stream_parser": "sk_skb", "sk_skb_stream_verdict": "sk_skb", "sk_skb_verdict": "sk_skb", "sk_msg_verdict": "sk_msg",
	"lirc_mode2": "lirc_mode2",
}

// namesFunc are functions that an attach type's program is loaded for.
var namesFunc = map[string]target{
	"trace_fentry": {funcs: []string{"vfs_read"}}, "trace_fexit": {funcs: []string{"vfs_read"}},
	"modify_return": {funcs: []string{"security_file_open"}}, "trace_raw_tp": {typed: "btf_trace_sched_switch"},
	"trace_iter": {funcs: []string{"bpf_iter_task"}}, "lsm_mac": {funcs: []string{"bpf_lsm_file_open"}},
	"lsm_cgroup": {funcs: []string{"bpf_lsm_socket_bind"}},
}

// attached loads a program for an attach type and links it to what is there for
// it: a cgroup, the loopback device, the network namespace, a map.
func (r *run) attached(name string) unix.Errno {
	typ, ok := linked[name]
	if !ok { // hooks of programs that are attached by other system calls
		return unix.EINVAL
	}
	tg := namesFunc[name]
	for _, e := range ioctl.Enumerators("bpfshim_attach_type", "") {
		if e.Name == name {
			tg.attach = e.Value
		}
	}
	for _, e := range progTypes() {
		if e.Name == typ {
			tg.typ = e.Value
		}
	}
	code := return0
	if strings.HasPrefix(name, "cgroup_") { // some must return 1
		code = is{asm.Mov.Imm(asm.R0, 1), asm.Return()}
	}
	prog, errno := r.load(r.T, tg, code)
	if errno == unix.ENOENT { // the kernel has no such function
		errno = unix.EINVAL
	}
	if errno != 0 {
		return errno
	}
	defer unix.Close(prog)
	where, path := 0, ""
	switch name {
	case "xdp":
		where = 1
	case "flow_dissector", "sk_lookup":
		path = "/proc/self/ns/net"
	case "sk_skb_stream_parser", "sk_skb_stream_verdict", "sk_skb_verdict", "sk_msg_verdict":
		m, errno := r.create("sockmap")
		if errno != 0 {
			m = r.newMap(raw.Array, 4, 4, 1, 0)
		}
		defer unix.Close(m)
		_, errno = r.Do(raw.ProgAttach, raw.NewAttr().U32(0, uint32(m)).U32(4, uint32(prog)).U32(8, tg.attach))
		return errno
	case "lirc_mode2":
		path = "/dev/null"
	default:
		path = "/sys/fs/cgroup"
	}
	if path != "" {
		fd, err := unix.Open(path, unix.O_RDONLY, 0)
		if err != nil {
			r.Fatal(err)
		}
		defer unix.Close(fd)
		where = fd
	}
	a := raw.NewAttr().U32(0, uint32(prog)).U32(4, uint32(where)).U32(8, tg.attach)
	switch name {
	case "trace_fentry", "trace_fexit", "modify_return", "trace_iter", "lsm_mac", "trace_raw_tp":
		a.U32(4, 0)
	case "trace_kprobe_multi":
		a.U32(4, 0).U32(20, 1).U64(24, raw.Ptr(k64(raw.CStr("user_statfs"))))
	}
	link, errno := r.Do(raw.LinkCreate, a)
	if errno != 0 {
		return errno
	}
	unix.Close(link)
	if !r.IsNative() {
		r.Errorf("%s is offered, and nothing here sees it hit", name)
	}
	return 0
}
