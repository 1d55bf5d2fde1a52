// SPDX-License-Identifier: GPL-2.0
/* See net.h. */
#include "compat.h"
#include <linux/netdevice.h>
#include <linux/nsproxy.h>
#include <linux/tcp.h>
#include <net/cls_cgroup.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/inet_sock.h>
#include <net/inet_connection_sock.h>
#include <net/inet_hashtables.h>
#include <net/inet_timewait_sock.h>
#include <net/tcp.h>
#include <net/udp.h>

bool bpfshim_netdev_exists(u32 ifindex)
{
	struct net_device *dev = dev_get_by_index(current->nsproxy->net_ns, (int)ifindex);

	if (!dev)
		return false;
	dev_put(dev);
	return true;
}

u64 bpfshim_netns_cookie(void)
{
	const struct net *net = current->nsproxy ? current->nsproxy->net_ns : &init_net;

#if BPFSHIM_HAVE_NET_NS_COMMON
	return net->ns.inum;
#else
	return net->proc_inum;
#endif
}

u32 bpfshim_task_classid(void)
{
	return in_interrupt() ? 0 : task_cls_classid(current);
}

#define CAN_TCP	(BPFSHIM_HAVE_EXPORT_TCP_HASHINFO &&			\
		 BPFSHIM_HAVE_EXPORT___INET_LOOKUP_ESTABLISHED &&	\
		 BPFSHIM_HAVE_EXPORT___INET_LOOKUP_LISTENER)
#define CAN_UDP	BPFSHIM_HAVE_EXPORT_UDP4_LIB_LOOKUP

bool bpfshim_sock_can(u32 protocol)
{
	return protocol == IPPROTO_TCP ? CAN_TCP : CAN_UDP;
}

#if CAN_TCP || CAN_UDP
static void tcp_facts(const struct sock *sk, struct bpfshim_sock_facts *out)
{
	const struct tcp_sock *tp = tcp_sk(sk);

	out->snd_cwnd = tp->snd_cwnd;
#if BPFSHIM_HAVE_TCP_SRTT_US
	out->srtt_us = tp->srtt_us;
#else
	/* both are eight times the time */
	out->srtt_us = jiffies_to_usecs(tp->srtt);
#endif
	out->snd_ssthresh = tp->snd_ssthresh;
	out->rcv_nxt = tp->rcv_nxt;
	out->snd_nxt = tp->snd_nxt;
	out->snd_una = tp->snd_una;
	out->mss_cache = tp->mss_cache;
	out->ecn_flags = tp->ecn_flags;
	out->packets_out = tp->packets_out;
	out->retrans_out = tp->retrans_out;
	out->total_retrans = tp->total_retrans;
	out->lost_out = tp->lost_out;
	out->sacked_out = tp->sacked_out;
	out->icsk_retransmits = inet_csk(sk)->icsk_retransmits;
}

/* Racy as any look at a socket that is not locked; every word is whole. */
static void facts(struct sock *sk, struct bpfshim_sock_facts *out)
{
	const struct inet_sock *inet;
	u32 state = sk->sk_state;

	out->family = sk->sk_family;
	out->state = state;
	out->bound_dev_if = sk->sk_bound_dev_if;
	/* Neither a time wait nor a request socket has more. */
	if (state == TCP_TIME_WAIT || state == 12)
		return;
	inet = inet_sk(sk);
	out->type = sk->sk_type;
	out->protocol = sk->sk_protocol;
	out->mark = sk->sk_mark;
	out->priority = sk->sk_priority;
	out->src_ip4 = inet->inet_rcv_saddr;
	out->dst_ip4 = inet->inet_daddr;
	out->src_port = inet->inet_num;
	out->dst_port = inet->inet_dport;
	out->listener = state == TCP_LISTEN;
	if (out->protocol == IPPROTO_TCP)
		tcp_facts(sk, out);
}

static void drop(struct sock *sk)
{
#if BPFSHIM_HAVE_INET_LOOKUP_SKB
	sock_gen_put(sk);
#else
	if (sk->sk_state == TCP_TIME_WAIT)
		inet_twsk_put(inet_twsk(sk));
	else
		sock_put(sk);
#endif
}
#endif

bool bpfshim_sock_lookup4(u32 protocol, __be32 saddr, __be16 sport, __be32 daddr, __be16 dport,
			  struct bpfshim_sock_facts *out)
{
#if CAN_TCP || CAN_UDP
	struct net *net = current->nsproxy->net_ns;
	struct sock *sk = NULL;

#if CAN_TCP
	if (protocol == IPPROTO_TCP) {
		/* what inet_lookup does about bottom halves */
		local_bh_disable();
#if BPFSHIM_HAVE_INET_LOOKUP_SKB
		sk = inet_lookup(net, &tcp_hashinfo, NULL, 0, saddr, sport, daddr, dport, 0);
#else
		sk = inet_lookup(net, &tcp_hashinfo, saddr, sport, daddr, dport, 0);
#endif
		local_bh_enable();
	}
#endif
#if CAN_UDP
	if (protocol == IPPROTO_UDP)
		sk = udp4_lib_lookup(net, saddr, sport, daddr, dport, 0);
#endif
	if (!sk)
		return false;
	facts(sk, out);
	drop(sk);
	return true;
#else
	return false;
#endif
}
