/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The memory that R1 points to, by program type.  Where 6.1's UAPI struct
 * holds everything, that is the context: pt_regs (kprobe), pt_regs with
 * sample_period and addr (perf_event), the trace record (tracepoint), words
 * (raw_tracepoint), and every struct whose pointers have 64 bits.
 *
 * __sk_buff and xdp_md have 32-bit fields for pointers: their contexts go on
 * with the pointers themselves, and loads of the fields are turned into loads
 * of those.  All else lies where UAPI has it.
 */
#ifndef BPFSHIM_CTX_H
#define BPFSHIM_CTX_H

#include "types.h"

/* Context of socket_filter, sched_cls, sched_act, cgroup_skb, lwt_*, sk_skb and
 * flow_dissector programs.  Owner: who runs the program. */
struct bpfshim_skb_ctx {
	u8 skb[192];		/* struct __sk_buff; data, data_end, data_meta unused */
	u64 data;		/* of the packet in kernel memory */
	u64 data_end;
	u64 data_meta;
};

/* Context of xdp programs. */
struct bpfshim_xdp_ctx {
	u32 data_, data_end_, data_meta_;	/* unused */
	u32 ingress_ifindex;
	u32 rx_queue_index;
	u32 egress_ifindex;
	u64 data;
	u64 data_end;
	u64 data_meta;
};

#endif /* BPFSHIM_CTX_H */
