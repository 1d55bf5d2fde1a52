// SPDX-License-Identifier: GPL-2.0
/*
 * Helpers on a test's packet (packet.h): loads, stores, size, marks.  Errnos
 * are 6.1's for a linear, unshared sk_buff.
 */
#include "helpers.h"
#include "../packet.h"

static struct bpfshim_packet *packet(u64 r)
{
	return bpfshim_ptr(r);
}

static u32 packet_len(const struct bpfshim_packet *p)
{
	return (u32)(p->skb.data_end - p->skb.data);
}

static u8 *data_at(const struct bpfshim_packet *p, u32 off)
{
	return (u8 *)(unsigned long)p->skb.data + off;
}

static void set_len(struct bpfshim_packet *p)
{
	*bpfshim_skb_u32(&p->skb, BPFSHIM_SKB_LEN) = packet_len(p);
}

/* ---- loads of classic BPF --------------------------------------------- */

/* Negative offsets count from a header. */
#define NET_OFF	(-0x100000)
#define LL_OFF	(-0x200000)

static const u8 *classic(const struct bpfshim_packet *p, s32 off, u32 size)
{
	const u8 *end = bpfshim_ptr(p->skb.data_end), *at;

	if (off >= 0)
		return (u32)off <= packet_len(p) && size <= packet_len(p) - (u32)off ? data_at(p, (u32)off) : NULL;
	if (off >= NET_OFF)
		at = p->buf + p->net + (off - NET_OFF);
	else if (off >= LL_OFF)
		at = p->buf + p->mac + (off - LL_OFF);
	else
		return NULL;
	return at >= p->buf && at + size <= end ? at : NULL;
}

BPFSHIM_HELPER(load_byte)
{
	const u8 *at = classic(packet(r1), (s32)r2, 1);

	return at ? *at : (u64)-EFAULT;
}

BPFSHIM_HELPER(load_half)
{
	const u8 *at = classic(packet(r1), (s32)r2, 2);

	return at ? (u32)at[0] << 8 | at[1] : (u64)-EFAULT;
}

BPFSHIM_HELPER(load_word)
{
	const u8 *at = classic(packet(r1), (s32)r2, 4);

	return at ? (u32)at[0] << 24 | (u32)at[1] << 16 | (u32)at[2] << 8 | at[3] : (u64)-EFAULT;
}

/* ---- bytes ------------------------------------------------------------ */

static u64 load_from(const u8 *start, const u8 *end, u32 off, void *to, u32 len)
{
	if (off <= 0x7fffffffu && (u64)off + len <= (u64)(end - start)) {
		memcpy(to, start + off, len);
		return 0;
	}
	memset(to, 0, len);
	return -EFAULT;
}

BPFSHIM_HELPER(skb_load_bytes)
{
	struct bpfshim_packet *p = packet(r1);

	return load_from(data_at(p, 0), bpfshim_ptr(p->skb.data_end), (u32)r2, bpfshim_ptr(r3), (u32)r4);
}

BPFSHIM_HELPER(skb_load_bytes_relative)
{
	struct bpfshim_packet *p = packet(r1);
	u32 from = r5 == 0 ? p->mac : p->net;

	if ((u32)r2 > 0xffff || r5 > 1) {
		memset(bpfshim_ptr(r3), 0, (u32)r4);
		return -EFAULT;
	}
	return load_from(p->buf + from, bpfshim_ptr(p->skb.data_end), (u32)r2, bpfshim_ptr(r3), (u32)r4);
}

#define STORE_FLAGS	3u	/* RECOMPUTE_CSUM, INVALIDATE_HASH */

BPFSHIM_HELPER(skb_store_bytes)
{
	struct bpfshim_packet *p = packet(r1);
	u32 off = (u32)r2, len = (u32)r4;

	if (r5 & ~(u64)STORE_FLAGS)
		return -EINVAL;
	if (off > 0xffff || (u64)off + len > packet_len(p))
		return -EFAULT;
	memcpy(data_at(p, off), bpfshim_ptr(r3), len);
	if (r5 & 2)
		*bpfshim_skb_u32(&p->skb, BPFSHIM_SKB_HASH) = 0;
	return 0;
}

BPFSHIM_HELPER(skb_pull_data)
{
	struct bpfshim_packet *p = packet(r1);

	/* All is linear already. */
	return (u32)r2 > packet_len(p) ? -ENOMEM : 0;
}

/* ---- marks ------------------------------------------------------------ */

BPFSHIM_HELPER(get_hash_recalc)
{
	struct bpfshim_packet *p = packet(r1);
	u32 *hash = bpfshim_skb_u32(&p->skb, BPFSHIM_SKB_HASH);

	if (!*hash)
		*hash = jhash(p->buf + p->mac, (u32)(p->skb.data_end - (unsigned long)(p->buf + p->mac)), 0) | 1;
	return *hash;
}

BPFSHIM_HELPER(set_hash_invalid)
{
	*bpfshim_skb_u32(&packet(r1)->skb, BPFSHIM_SKB_HASH) = 0;
	return 0;
}

BPFSHIM_HELPER(set_hash)
{
	*bpfshim_skb_u32(&packet(r1)->skb, BPFSHIM_SKB_HASH) = (u32)r2;
	return 0;
}

BPFSHIM_HELPER(skb_change_type)
{
	u32 *type = bpfshim_skb_u32(&packet(r1)->skb, BPFSHIM_SKB_PKT_TYPE);

	/* Among host, broadcast, multicast and otherhost only. */
	if (*type > 3 || (u32)r2 > 3)
		return -EINVAL;
	*type = (u32)r2;
	return 0;
}

BPFSHIM_HELPER(get_cgroup_classid)
{
	return bpfshim_task_classid();
}

/* ---- size ------------------------------------------------------------- */

BPFSHIM_HELPER(skb_change_tail)
{
	struct bpfshim_packet *p = packet(r1);
	u32 len = (u32)r2, old = packet_len(p);
	u32 start = (u32)(p->skb.data - (unsigned long)p->buf);

	if (r3 || len > 65535 || len < p->net - start)
		return -EINVAL;
	if (start + len > p->size)
		return -ENOMEM;
	if (len > old)
		memset(data_at(p, old), 0, len - old);
	p->skb.data_end = p->skb.data + len;
	set_len(p);
	return 0;
}

BPFSHIM_HELPER(skb_change_head)
{
	struct bpfshim_packet *p = packet(r1);
	u32 room = (u32)r2, start = (u32)(p->skb.data - (unsigned long)p->buf);

	if (r3 || packet_len(p) + (u64)room > 65535)
		return -EINVAL;
	if (room > start)
		return -ENOMEM;
	p->skb.data -= room;
	p->skb.data_meta = p->skb.data;
	p->mac = start - room;
	memset(data_at(p, 0), 0, room);
	set_len(p);
	return 0;
}
