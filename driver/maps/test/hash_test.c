// SPDX-License-Identifier: GPL-2.0
/* The hashes of keys: every bit of a long one counts, and keys that are alike spread. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../hash_long.h"
#include "../../exec/bucket.h"

#define REQUIRE(c) do { \
	if (!(c)) { \
		fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #c); \
		exit(1); \
	} \
} while (0)

#define MAX_SIZE	100
#define BUCKETS		1024
#define KEYS		16384

static const u64 mul[4] = {
	0x9e3779b97f4a7c15ULL, 0x94d049bb133111ebULL, 0xbf58476d1ce4e5b9ULL, 0xd6e8feb86659fd93ULL
};

static u32 bits(u64 v)
{
	return (u32)__builtin_popcountll(v);
}

/* A bit of the key changes about half of the hash's. */
static void every_bit(u32 size)
{
	u8 *key = calloc(1, size);
	u32 i, sum = 0;
	u64 h;

	for (i = 0; i < size; i++)
		key[i] = (u8)(i * 37 + size);
	h = bpfshim_hash_long(mul, key, size);
	for (i = 0; i < 8 * size; i++) {
		u32 changed;

		key[i / 8] ^= 1 << i % 8;
		changed = bits(h ^ bpfshim_hash_long(mul, key, size));
		key[i / 8] ^= 1 << i % 8;
		REQUIRE(changed >= 8 && changed <= 56);
		sum += changed;
	}
	REQUIRE(sum > 8 * size * 28 && sum < 8 * size * 36);
	free(key);
}

/* Numbers at some place of keys that are zero otherwise: chi squared of 1023
 * degrees of freedom is 1023, give or take 45. */
static void spread(u32 size, u32 at, u32 width, u32 shift)
{
	static u32 count[BUCKETS];
	u8 *key = calloc(1, size);
	double x = 0, want = (double)KEYS / BUCKETS;
	u32 i, n;

	memset(count, 0, sizeof(count));
	for (n = 0; n < KEYS; n++) {
		for (i = 0; i < width; i++)
			key[at + i] = (u8)((u64)n << shift >> 8 * i);
		count[bpfshim_hash_long(mul, key, size) & (BUCKETS - 1)]++;
	}
	for (i = 0; i < BUCKETS; i++)
		x += (count[i] - want) * (count[i] - want) / want;
	if (x > 1023 + 6 * 45)
		fprintf(stderr, "size %u, at %u, shift %u: %f\n", size, at, shift, x);
	REQUIRE(x < 1023 + 6 * 45);
	free(key);
}

static u64 random_word(void)
{
	static u64 s = 88172645463325252ULL;

	s ^= s << 13;
	s ^= s >> 7;
	s ^= s << 17;
	return s * 0x2545f4914f6cdd1dULL;
}

/*
 * Short keys by the same step in a table that they fill to three quarters, by
 * many secrets: chance alone puts ten into one bucket for 5 of 100,000 tables of
 * 1024, and less in smaller ones.
 */
static void short_keys(u32 shift, u32 step, bool two)
{
	u32 nr = 1u << (32 - shift), keys = nr * 3 / 4, most = keys < 10 ? keys : 10, i, t, crowded = 0;
	static u32 count[BUCKETS];
	u64 secret[4];

	for (t = 0; t < 2000; t++) {
		bool full = false;

		for (i = 0; i < 4; i++)
			secret[i] = random_word();
		memset(count, 0, nr * sizeof(*count));
		for (i = 0; i < keys; i++) {
			u32 key[2] = { 7, i * step }, b;

			b = bpfshim_bucket_no(two ? bpfshim_hash_words(secret, key) : bpfshim_hash_word(secret, key[1]), shift);
			REQUIRE(b < nr);
			full |= ++count[b] >= most;
		}
		crowded += full;
	}
	if (crowded > 2)
		fprintf(stderr, "buckets %u, step %u: crowded %u times\n", nr, step, crowded);
	REQUIRE(crowded <= 2);
}

int main(void)
{
	u32 size, at, shift;

	for (size = 1; size <= MAX_SIZE; size++)
		every_bit(size);
	for (size = 4; size <= 40; size += 3)
		for (at = 0; at + 4 <= size; at += 3)
			for (shift = 0; shift <= 16; shift += 8)
				spread(size, at, 4, shift);
	for (size = 1; size <= 4096; size = size < 4 ? size + 2 : 2 * size) {
		for (shift = 22; shift <= 28; shift += 2) {
			short_keys(shift, size, false);
			short_keys(shift, size, true);
		}
	}
	REQUIRE(!bpfshim_bucket_no(~0u, 32));
	/* A key in its own memory, so that ASan sees what is read beside it. */
	for (size = 1; size <= MAX_SIZE; size++) {
		void *key = calloc(1, size);

		REQUIRE(bpfshim_hash_long(mul, key, size) == bpfshim_hash_long(mul, key, size));
		free(key);
	}
	return 0;
}
