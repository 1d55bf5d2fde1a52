// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses as text shows them: hashed by SipHash-2-4 under a key that nobody
 * knows, so that trace pipes and buffers leak none.  3.10 prints them as they
 * are, later kernels hash with a key of their own: a value here is not one of
 * theirs.
 */
#include "helpers.h"

/* Set at init, constant after: any context. */
static u64 key[2];

void bpfshim_hash_ptr_init(void)
{
	get_random_bytes(key, sizeof(key));
}

static u64 rotl(u64 x, u32 n)
{
	return x << n | x >> (64 - n);
}

static void rounds(u64 v[4], u32 n)
{
	while (n--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] = rotl(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] = rotl(v[2], 32);
	}
}

u64 bpfshim_hash_ptr(u64 p)
{
	u64 v[4], last = 8ULL << 56;	/* the length, and no byte more */

	if (!p || IS_ERR_VALUE((unsigned long)p))
		return p;
	v[0] = key[0] ^ 0x736f6d6570736575ULL;
	v[1] = key[1] ^ 0x646f72616e646f6dULL;
	v[2] = key[0] ^ 0x6c7967656e657261ULL;
	v[3] = key[1] ^ 0x7465646279746573ULL;
	v[3] ^= p;
	rounds(v, 2);
	v[0] ^= p;
	v[3] ^= last;
	rounds(v, 2);
	v[0] ^= last;
	v[2] ^= 0xff;
	rounds(v, 4);
	return (u32)(v[0] ^ v[1] ^ v[2] ^ v[3]);
}
