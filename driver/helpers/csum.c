// SPDX-License-Identifier: GPL-2.0
/* Internet checksums: differences, and their replacement in a test's packet. */
#include "helpers.h"
#include "../packet.h"

/* Ones' complement sum of 32-bit words on top of sum. */
static u32 add(u32 sum, u32 word)
{
	u64 s = (u64)sum + word;

	return (u32)s + (u32)(s >> 32);
}

static u16 fold(u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16)(sum + (sum >> 16));
}

/* The checksum field that held old when from became to beneath it. */
static u16 replaced(u16 old, u32 from, u32 to)
{
	return (u16)~fold(add(add((u16)~old, ~from), to));
}

BPFSHIM_HELPER(csum_diff)
{
	const u8 *from = bpfshim_ptr(r1), *to = bpfshim_ptr(r3);
	u32 from_size = (u32)r2, to_size = (u32)r4, sum = (u32)r5, i, w;

	/* Whole words, and as many as 6.1's scratch pad holds. */
	if (((from_size | to_size) & 3) || (u64)from_size + to_size > 512)
		return -EINVAL;
	for (i = 0; i < from_size; i += 4) {
		memcpy(&w, from + i, 4);
		sum = add(sum, ~w);
	}
	for (i = 0; i < to_size; i += 4) {
		memcpy(&w, to + i, 4);
		sum = add(sum, w);
	}
	return sum;
}

static u8 *field(u64 r1, u64 off)
{
	struct bpfshim_packet *p = bpfshim_ptr(r1);

	if ((u32)off > 0xffff || (u64)(u32)off + 2 > p->skb.data_end - p->skb.data)
		return NULL;
	return (u8 *)(unsigned long)p->skb.data + (u32)off;
}

/* *sum after a change of `width` bytes from one number to another; width 0: by
 * the difference `to`. */
static int replace(u16 *sum, u64 width, u64 from, u64 to)
{
	switch (width) {
	case 0:
		if (from)
			return -EINVAL;
		*sum = (u16)~fold(add((u16)~*sum, (u32)to));
		return 0;
	case 2:
		*sum = replaced(*sum, (u16)from, (u16)to);
		return 0;
	case 4:
		*sum = replaced(*sum, (u32)from, (u32)to);
		return 0;
	}
	return -EINVAL;
}

BPFSHIM_HELPER(l3_csum_replace)
{
	u8 *at = field(r1, r2);
	u16 sum;
	int err;

	if (r5 & ~0xfull)
		return -EINVAL;
	if (!at || ((u32)r2 & 1))
		return -EFAULT;
	memcpy(&sum, at, 2);
	err = replace(&sum, r5, r3, r4);
	if (!err)
		memcpy(at, &sum, 2);
	return err;
}

#define L4_PSEUDO	0x10u
#define L4_MANGLED_0	0x20u
#define L4_ENFORCE	0x40u

BPFSHIM_HELPER(l4_csum_replace)
{
	u8 *at = field(r1, r2);
	u16 sum;
	int err;

	if (r5 & ~(u64)(0xf | L4_PSEUDO | L4_MANGLED_0 | L4_ENFORCE))
		return -EINVAL;
	if (!at || ((u32)r2 & 1))
		return -EFAULT;
	memcpy(&sum, at, 2);
	/* A UDP packet without a checksum stays one. */
	if ((r5 & L4_MANGLED_0) && !(r5 & L4_ENFORCE) && !sum)
		return 0;
	err = replace(&sum, r5 & 0xf, r3, r4);
	if (err)
		return err;
	if ((r5 & L4_MANGLED_0) && !sum)
		sum = 0xffff;
	memcpy(at, &sum, 2);
	return 0;
}

/* A test's packet carries no checksum of the whole. */
BPFSHIM_HELPER(csum_update)
{
	return -ENOTSUPP;
}

BPFSHIM_HELPER(csum_level)
{
	switch (r2) {
	case 0:		/* query */
		return -EACCES;
	case 1: case 2: case 3:
		return 0;
	default:
		return -EINVAL;
	}
}
