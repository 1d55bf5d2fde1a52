// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"github.com/cilium/ebpf"

	"github.com/bpfshim/bpfshim/loader"
)

// progTypes are the names of program types that bpftool uses, in order of
// their numbers from 1.
var progTypes = strings.Fields(`socket_filter kprobe sched_cls sched_act tracepoint xdp perf_event cgroup_skb cgroup_sock
	lwt_in lwt_out lwt_xmit sock_ops sk_skb cgroup_device sk_msg raw_tracepoint cgroup_sock_addr lwt_seg6local lirc_mode2
	sk_reuseport flow_dissector cgroup_sysctl raw_tracepoint_writable cgroup_sockopt tracing struct_ops ext lsm sk_lookup syscall`)

func progTypeName(t loader.ProgramType) string {
	if t == 0 || int(t) > len(progTypes) {
		return "-"
	}
	return progTypes[t-1]
}

// needsAttachType: what to expect where a type asks for it and a section
// cannot have said.
var needsAttachType = map[loader.ProgramType]loader.AttachType{
	ebpf.CGroupSockAddr: ebpf.AttachCGroupInet4Connect,
	ebpf.CGroupSKB:      ebpf.AttachCGroupInetIngress,
	ebpf.CGroupSockopt:  ebpf.AttachCGroupGetsockopt,
	ebpf.SkLookup:       ebpf.AttachSkLookup,
}

// sleepable is BPF_F_SLEEPABLE.
const sleepable = 1 << 4

// forceType makes a program one of this type.
func forceType(p *loader.ProgramSpec, name string) error {
	name = strings.ReplaceAll(strings.ToLower(name), "-", "_")
	for i, n := range progTypes {
		if n == name {
			if t := loader.ProgramType(i + 1); t != p.Type {
				p.Type, p.AttachType = t, needsAttachType[t]
			}
			if p.Type == ebpf.Syscall {
				p.Flags |= sleepable
			}
			return nil
		}
	}
	return fmt.Errorf("no program type %q: there are %s", name, strings.Join(progTypes, ", "))
}
