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

/*
 * What a socket pointer of a program points to: facts of a socket, taken when
 * the pointer was made, where UAPI's struct bpf_sock and bpf_tcp_sock have
 * them.  A pointer to a bpf_tcp_sock is one to tcp.  The object is aligned to
 * BPFSHIM_SOCK_ALIGN, so either pointer leads to it.
 */
#define BPFSHIM_SOCK_ALIGN	256
struct bpfshim_sock_ctx {
	u32 bound_dev_if, family, type, protocol, mark, priority;
	u32 src_ip4, src_ip6[4], src_port;
	u16 dst_port, zero;
	u32 dst_ip4, dst_ip6[4], state;
	s32 rx_queue_mapping;
	struct {
		u32 snd_cwnd, srtt_us, rtt_min, snd_ssthresh;
		u32 rcv_nxt, snd_nxt, snd_una, mss_cache;
		u32 ecn_flags, rate_delivered, rate_interval_us, packets_out;
		u32 retrans_out, total_retrans, segs_in, data_segs_in;
		u32 segs_out, data_segs_out, lost_out, sacked_out;
		u64 bytes_received, bytes_acked;
		u32 dsack_dups, delivered, delivered_ce, icsk_retransmits;
	} tcp;
	u64 cookie;		/* not for programs */
	u32 listener;		/* accepts connections */
	u32 borrowed;		/* part of a run: not to be freed */
};

#endif /* BPFSHIM_CTX_H */
