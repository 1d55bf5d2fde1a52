/* SPDX-License-Identifier: GPL-2.0 */
/* Network devices and sockets, as facts. */
#ifndef BPFSHIM_COMPAT_NET_H
#define BPFSHIM_COMPAT_NET_H

struct bpfshim_sock_ctx;

/* Is there a device of that index in the current namespace? Process context. */
bool bpfshim_netdev_exists(u32 ifindex);

/* Number that names the current network namespace while it lives. */
u64 bpfshim_netns_cookie(void);

/*
 * Look a socket up in the running task's network namespace and take its facts
 * into *out.  Ports and IPv4 addresses in network order.  protocol is
 * IPPROTO_TCP or IPPROTO_UDP.  false: there is none.  Bottom halves are off
 * meanwhile; not from interrupts.
 */
bool bpfshim_sock_lookup4(u32 protocol, __be32 saddr, __be16 sport, __be32 daddr, __be16 dport,
			  struct bpfshim_sock_ctx *out);

/* Are there lookups of this protocol on this kernel? */
bool bpfshim_sock_can(u32 protocol);

/* net_cls's class of the running task, 0: none, or a kernel without net_cls. */
u32 bpfshim_task_classid(void);

#endif /* BPFSHIM_COMPAT_NET_H */
