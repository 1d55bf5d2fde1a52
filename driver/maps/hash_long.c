// SPDX-License-Identifier: GPL-2.0
/*
 * The hash of long keys.  Two words at a time go into a product of 128 bits,
 * whose halves are folded into one word; what they are mixed with is secret,
 * so nobody can choose keys that collide.
 */
#include "hash_long.h"

static u64 fold(u64 a, u64 b)
{
	unsigned __int128 p = (unsigned __int128)a * b;

	return (u64)p ^ (u64)(p >> 64);
}

/* Keys lie anywhere. */
static u64 word(const u8 *p)
{
	u64 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Fewer than 8 bytes. */
static u64 rest(const u8 *p, u32 n)
{
	u64 v = 0;

	while (n--)
		v = v << 8 | p[n];
	return v;
}

u64 bpfshim_hash_long(const u64 mul[4], const void *key, u32 size)
{
	const u8 *p = key;
	u64 h = mul[0] ^ size, a, b;
	u32 n = size;

	for (; n > 16; n -= 16, p += 16)
		h = fold(word(p) ^ mul[1], word(p + 8) ^ mul[2] ^ h);
	if (n >= 8) {
		/* The last words may overlap what was read before. */
		a = word(p);
		b = word(p + n - 8);
	} else {
		a = rest(p, n);
		b = 0;
	}
	h = fold(a ^ mul[1], b ^ mul[2] ^ h);
	return fold(h ^ mul[0], mul[3]);
}
