/* SPDX-License-Identifier: GPL-2.0 */
/* Network devices and sockets, as facts. */
#ifndef BPFSHIM_COMPAT_NET_H
#define BPFSHIM_COMPAT_NET_H

/* A socket at one moment.  What a kernel does not keep is 0. */
struct bpfshim_sock_facts {
	u32 bound_dev_if, family, type, protocol, mark, priority, state;
	__be32 src_ip4, dst_ip4;
	u16 src_port;
	__be16 dst_port;
	bool listener;
	/* TCP, connected: */
	u32 snd_cwnd, srtt_us, snd_ssthresh, rcv_nxt, snd_nxt, snd_una, mss_cache, ecn_flags;
	u32 packets_out, retrans_out, total_retrans, lost_out, sacked_out, icsk_retransmits;
};

/* Is there a device of that index in the current namespace? Process context. */
bool bpfshim_netdev_exists(u32 ifindex);

/* Number that names the current network namespace while it lives. */
u64 bpfshim_netns_cookie(void);

/*
 * Look a socket up in the running task's network namespace and take its facts
 * into *out, zeroed before.  Ports and IPv4 addresses in network order.  protocol is
 * IPPROTO_TCP or IPPROTO_UDP.  false: there is none.  Bottom halves are off
 * meanwhile; not from interrupts.
 */
bool bpfshim_sock_lookup4(u32 protocol, __be32 saddr, __be16 sport, __be32 daddr, __be16 dport,
			  struct bpfshim_sock_facts *out);

/* Are there lookups of this protocol on this kernel? */
bool bpfshim_sock_can(u32 protocol);

/* net_cls's class of the running task, 0: none, or a kernel without net_cls. */
u32 bpfshim_task_classid(void);

#endif /* BPFSHIM_COMPAT_NET_H */
