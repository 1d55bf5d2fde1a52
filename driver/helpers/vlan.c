// SPDX-License-Identifier: GPL-2.0
/*
 * VLAN tags of a test's packet (packet.h).  The outermost lies beside the
 * packet, as the network stack keeps it for cards that put it in; the others are in
 * the frame, behind its addresses.
 */
#include "helpers.h"
#include "../packet.h"

#define TAG_LEN	4
#define ADDRS_LEN	12	/* both addresses of a frame */
#define P_8021Q	0x8100
#define P_8021AD	0x88a8

static bool is_vlan(u32 proto)
{
	return proto == htons(P_8021Q) || proto == htons(P_8021AD);
}

static u8 *frame(const struct bpfshim_packet *p)
{
	return bpfshim_ptr(p->skb.data);
}

static bool at_frame(const struct bpfshim_packet *p)
{
	return frame(p) == p->buf + p->mac;
}

static void moved(struct bpfshim_packet *p, u8 *start)
{
	p->skb.data = p->skb.data_meta = (unsigned long)start;
	p->mac = (u32)(start - p->buf);
	*bpfshim_skb_u32(&p->skb, BPFSHIM_SKB_LEN) = (u32)(p->skb.data_end - p->skb.data);
}

static void set_tag(struct bpfshim_packet *p, u32 proto, u32 tci)
{
	*bpfshim_skb_u32(&p->skb, BPFSHIM_SKB_VLAN_PRESENT) = 1;
	*bpfshim_skb_u32(&p->skb, BPFSHIM_SKB_VLAN_PROTO) = proto;
	*bpfshim_skb_u32(&p->skb, BPFSHIM_SKB_VLAN_TCI) = tci;
}

BPFSHIM_HELPER(skb_vlan_push)
{
	struct bpfshim_packet *p = bpfshim_ptr(r1);
	u16 proto = (u16)r2, old, tci;
	u8 *to;

	if (!is_vlan(proto))
		proto = htons(P_8021Q);
	if (*bpfshim_skb_u32(&p->skb, BPFSHIM_SKB_VLAN_PRESENT)) {
		/* The tag there goes into the frame. */
		if (!at_frame(p))
			return -EINVAL;
		if (p->mac < TAG_LEN || frame(p) + ADDRS_LEN > (u8 *)bpfshim_ptr(p->skb.data_end))
			return -ENOMEM;
		old = (u16)*bpfshim_skb_u32(&p->skb, BPFSHIM_SKB_VLAN_PROTO);
		tci = htons((u16)*bpfshim_skb_u32(&p->skb, BPFSHIM_SKB_VLAN_TCI));
		to = frame(p) - TAG_LEN;
		memmove(to, frame(p), ADDRS_LEN);
		memcpy(to + ADDRS_LEN, &old, 2);
		memcpy(to + ADDRS_LEN + 2, &tci, 2);
		moved(p, to);
		*bpfshim_skb_u32(&p->skb, BPFSHIM_SKB_PROTOCOL) = old;
	}
	set_tag(p, proto, (u16)r3);
	return 0;
}

/* The frame's own first tag, out of it. */
static int take_tag(struct bpfshim_packet *p, u16 *tci)
{
	u8 *from = frame(p), *end = bpfshim_ptr(p->skb.data_end);
	u16 proto;

	if (!at_frame(p))
		return -EINVAL;
	if (end - from < BPFSHIM_ETH_HLEN + TAG_LEN)
		return -ENOMEM;
	memcpy(tci, from + BPFSHIM_ETH_HLEN, 2);
	*tci = ntohs(*tci);
	memcpy(&proto, from + BPFSHIM_ETH_HLEN + 2, 2);
	memmove(from + TAG_LEN, from, ADDRS_LEN);
	moved(p, from + TAG_LEN);
	if (ntohs(proto) < 0x600)	/* a length: 802.2, or 802.3 of Novell's */
		proto = htons(end - frame(p) >= BPFSHIM_ETH_HLEN + 2 && frame(p)[BPFSHIM_ETH_HLEN] == 0xff &&
			      frame(p)[BPFSHIM_ETH_HLEN + 1] == 0xff ? 1 : 4);
	*bpfshim_skb_u32(&p->skb, BPFSHIM_SKB_PROTOCOL) = proto;
	if (p->net < p->mac + BPFSHIM_ETH_HLEN)
		p->net = p->mac + BPFSHIM_ETH_HLEN;
	return 0;
}

BPFSHIM_HELPER(skb_vlan_pop)
{
	struct bpfshim_packet *p = bpfshim_ptr(r1);
	u32 *protocol = bpfshim_skb_u32(&p->skb, BPFSHIM_SKB_PROTOCOL), proto;
	u16 tci;
	int err;

	if (*bpfshim_skb_u32(&p->skb, BPFSHIM_SKB_VLAN_PRESENT)) {
		/* 6.1 leaves the rest of it */
		*bpfshim_skb_u32(&p->skb, BPFSHIM_SKB_VLAN_PRESENT) = 0;
	} else {
		if (!is_vlan(*protocol))
			return 0;
		err = take_tag(p, &tci);
		if (err)
			return err;
	}
	/* The next, if there is one, goes beside the packet. */
	proto = *protocol;
	if (!is_vlan(proto))
		return 0;
	err = take_tag(p, &tci);
	if (!err)
		set_tag(p, proto, tci);
	return err;
}
