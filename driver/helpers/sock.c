// SPDX-License-Identifier: GPL-2.0
/*
 * Helpers on sockets.  A program's socket pointer leads to a snapshot of the
 * socket's facts (verifier/ctx.h), made when it was looked up and freed when
 * the program releases it: no reference to the socket itself is held.
 */
#include "helpers.h"
#include "../packet.h"

static struct kmem_cache *sock_cache;

int bpfshim_sock_init(void)
{
	BUILD_BUG_ON(sizeof(struct bpfshim_sock_ctx) > BPFSHIM_SOCK_ALIGN);
	BUILD_BUG_ON(offsetof(struct bpfshim_sock_ctx, tcp) != 80);
	BUILD_BUG_ON(offsetof(struct bpfshim_sock_ctx, cookie) != 80 + 112);
	sock_cache = kmem_cache_create("bpfshim_sock", sizeof(struct bpfshim_sock_ctx),
				       BPFSHIM_SOCK_ALIGN, 0, NULL);
	return sock_cache ? 0 : -ENOMEM;
}

void bpfshim_sock_exit(void)
{
	kmem_cache_destroy(sock_cache);
}

struct bpfshim_sock_ctx *bpfshim_sock_alloc(gfp_t gfp)
{
	static atomic64_t cookies = ATOMIC64_INIT(0);
	struct bpfshim_sock_ctx *sk = bpfshim_should_fail() ? NULL : kmem_cache_zalloc(sock_cache, gfp);

	if (sk)
		sk->cookie = atomic64_inc_return(&cookies);
	return sk;
}

void bpfshim_sock_free(struct bpfshim_sock_ctx *sk)
{
	if (sk)
		kmem_cache_free(sock_cache, sk);
}

/* From a pointer to any part. */
static struct bpfshim_sock_ctx *sock_of(u64 r)
{
	return bpfshim_ptr(r & ~(u64)(BPFSHIM_SOCK_ALIGN - 1));
}

static bool is_full(const struct bpfshim_sock_ctx *sk)
{
	return sk->state != 6 && sk->state != 12;	/* time wait, new syn recv */
}

struct tuple4 {
	__be32 saddr, daddr;
	__be16 sport, dport;
};

static void fill(struct bpfshim_sock_ctx *sk, const struct bpfshim_sock_facts *f)
{
	sk->bound_dev_if = f->bound_dev_if;
	sk->family = f->family;
	sk->type = f->type;
	sk->protocol = f->protocol;
	sk->mark = f->mark;
	sk->priority = f->priority;
	sk->state = f->state;
	sk->src_ip4 = (__force u32)f->src_ip4;
	sk->dst_ip4 = (__force u32)f->dst_ip4;
	sk->src_port = f->src_port;
	sk->dst_port = (__force u16)f->dst_port;
	sk->rx_queue_mapping = -1;
	sk->listener = f->listener;
	sk->tcp.snd_cwnd = f->snd_cwnd;
	sk->tcp.srtt_us = f->srtt_us;
	sk->tcp.snd_ssthresh = f->snd_ssthresh;
	sk->tcp.rcv_nxt = f->rcv_nxt;
	sk->tcp.snd_nxt = f->snd_nxt;
	sk->tcp.snd_una = f->snd_una;
	sk->tcp.mss_cache = f->mss_cache;
	sk->tcp.ecn_flags = f->ecn_flags;
	sk->tcp.packets_out = f->packets_out;
	sk->tcp.retrans_out = f->retrans_out;
	sk->tcp.total_retrans = f->total_retrans;
	sk->tcp.lost_out = f->lost_out;
	sk->tcp.sacked_out = f->sacked_out;
	sk->tcp.icsk_retransmits = f->icsk_retransmits;
}

#define THIS_NETNS	((s32)-1)

static u64 lookup(u32 protocol, u64 tuple, u32 len, u64 netns, u64 flags, bool full)
{
	const struct tuple4 *t = bpfshim_ptr(tuple);
	struct bpfshim_sock_facts facts;
	struct bpfshim_sock_ctx *sk;

	/* IPv4, in the running task's namespace: 3.10 numbers no others. */
	if (len != sizeof(*t) || flags || (s32)netns != THIS_NETNS || in_interrupt() || irqs_disabled())
		return 0;
	memset(&facts, 0, sizeof(facts));
	if (!bpfshim_sock_lookup4(protocol, t->saddr, t->sport, t->daddr, t->dport, &facts))
		return 0;
	sk = bpfshim_sock_alloc(GFP_ATOMIC);
	if (!sk)
		return 0;
	fill(sk, &facts);
	if (full && !is_full(sk)) {
		bpfshim_sock_free(sk);
		return 0;
	}
	return (unsigned long)sk;
}

BPFSHIM_HELPER(sk_lookup_tcp)
{
	return lookup(IPPROTO_TCP, r2, (u32)r3, r4, r5, true);
}

BPFSHIM_HELPER(skc_lookup_tcp)
{
	return lookup(IPPROTO_TCP, r2, (u32)r3, r4, r5, false);
}

BPFSHIM_HELPER(sk_lookup_udp)
{
	return lookup(IPPROTO_UDP, r2, (u32)r3, r4, r5, true);
}

BPFSHIM_HELPER(sk_release)
{
	struct bpfshim_sock_ctx *sk = sock_of(r1);

	if (r1 && !sk->borrowed)
		bpfshim_sock_free(sk);
	return 0;
}

BPFSHIM_HELPER(sk_fullsock)
{
	return is_full(sock_of(r1)) ? (unsigned long)sock_of(r1) : 0;
}

BPFSHIM_HELPER(tcp_sock)
{
	struct bpfshim_sock_ctx *sk = sock_of(r1);

	return is_full(sk) && sk->protocol == IPPROTO_TCP ? (unsigned long)&sk->tcp : 0;
}

BPFSHIM_HELPER(get_listener_sock)
{
	return sock_of(r1)->listener ? (unsigned long)sock_of(r1) : 0;
}

BPFSHIM_HELPER(get_socket_cookie)
{
	struct bpfshim_packet *p = bpfshim_ptr(r1);

	return p->sk->cookie;
}

/* A test's socket is the kernel's: root owns it. */
BPFSHIM_HELPER(get_socket_uid)
{
	return 0;
}

BPFSHIM_HELPER(get_netns_cookie)
{
	return bpfshim_netns_cookie();
}
