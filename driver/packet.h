/* SPDX-License-Identifier: GPL-2.0 */
/* Packets of BPF_PROG_TEST_RUN: what their programs and helpers share. */
#ifndef BPFSHIM_PACKET_H
#define BPFSHIM_PACKET_H

#include "internal.h"
#include "../verifier/ctx.h"

#define BPFSHIM_ETH_HLEN	14

/* Byte offsets in UAPI's struct __sk_buff. */
enum bpfshim_skb_off {
	BPFSHIM_SKB_LEN = 0, BPFSHIM_SKB_PKT_TYPE = 4, BPFSHIM_SKB_MARK = 8,
	BPFSHIM_SKB_PROTOCOL = 16, BPFSHIM_SKB_VLAN_PRESENT = 20, BPFSHIM_SKB_VLAN_TCI = 24,
	BPFSHIM_SKB_VLAN_PROTO = 28, BPFSHIM_SKB_PRIORITY = 32,
	BPFSHIM_SKB_INGRESS_IFINDEX = 36, BPFSHIM_SKB_IFINDEX = 40, BPFSHIM_SKB_CB = 48,
	BPFSHIM_SKB_HASH = 68, BPFSHIM_SKB_FAMILY = 88, BPFSHIM_SKB_REMOTE_IP4 = 92,
	BPFSHIM_SKB_LOCAL_IP4 = 96, BPFSHIM_SKB_REMOTE_IP6 = 100, BPFSHIM_SKB_LOCAL_IP6 = 116,
	BPFSHIM_SKB_FLOW_KEYS = 144, BPFSHIM_SKB_TSTAMP = 152, BPFSHIM_SKB_WIRE_LEN = 160,
	BPFSHIM_SKB_GSO_SEGS = 164, BPFSHIM_SKB_SK = 168, BPFSHIM_SKB_GSO_SIZE = 176,
	BPFSHIM_SKB_HWTSTAMP = 184, BPFSHIM_SKB_SIZE = 192,
};

/*
 * A packet with the context of its programs, linear, in a buffer with room on
 * both sides.  Owner: the task that runs the test; helpers change it during
 * the run, on that task's CPU.
 */
struct bpfshim_packet {
	struct bpfshim_skb_ctx skb;	/* the context: R1 */
	u8 *buf;
	u32 size;			/* of buf */
	u32 mac, net;			/* offsets of the headers in buf */
	struct bpfshim_sock_ctx *sk;
};

struct bpfshim_frame {			/* the same for xdp */
	struct bpfshim_xdp_ctx xdp;
	u8 *buf;
	u32 size;
};

static inline u32 *bpfshim_skb_u32(struct bpfshim_skb_ctx *skb, u32 off)
{
	return (u32 *)(skb->skb + off);
}
static inline u64 *bpfshim_skb_u64(struct bpfshim_skb_ctx *skb, u32 off)
{
	return (u64 *)(skb->skb + off);
}

/* test_packet.c, test_xdp.c: BPF_PROG_TEST_RUN for their program types. */
long bpfshim_test_skb(struct bpfshim_prog *prog, const union bpfshim_attr *a, union bpfshim_attr __user *u);
long bpfshim_test_flow(struct bpfshim_prog *prog, const union bpfshim_attr *a, union bpfshim_attr __user *u);
long bpfshim_test_xdp(struct bpfshim_prog *prog, const union bpfshim_attr *a, union bpfshim_attr __user *u);

/* What the types share.  reset, if any, is called before each run. */
int bpfshim_test_loop(struct bpfshim_prog *prog, const void *ctx, u32 repeat,
		      void (*reset)(void *arg), void *arg, u32 *retval, u32 *ns);
/* The packet, from user space, at buf + head of a new buffer with room of tail
 * bytes behind it; ERR_PTR(-EINVAL): too short, or beyond max. */
u8 *bpfshim_test_data(const union bpfshim_attr *a, u32 head, u32 tail, u32 max);
/* Context from user space: *given tells whether there was one. */
int bpfshim_test_ctx_in(const union bpfshim_attr *a, void *ctx, u32 size, bool *given);
/* Results to user space; -ENOSPC: they did not fit, the rest is done. */
int bpfshim_test_finish(const union bpfshim_attr *a, union bpfshim_attr __user *u,
			const void *data, u32 size, u32 retval, u32 ns);
int bpfshim_test_ctx_out(const union bpfshim_attr *a, union bpfshim_attr __user *u,
			 const void *ctx, u32 size);

/* helpers/sock.c: what a socket pointer points to, zeroed; NULL.  Any context
 * that may allocate with gfp. */
struct bpfshim_sock_ctx *bpfshim_sock_alloc(gfp_t gfp);
void bpfshim_sock_free(struct bpfshim_sock_ctx *sk);
int bpfshim_sock_init(void);
void bpfshim_sock_exit(void);

#endif /* BPFSHIM_PACKET_H */
