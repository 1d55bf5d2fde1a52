/* SPDX-License-Identifier: GPL-2.0 */
/* The hashes of keys, without the kernel. */
#ifndef BPFSHIM_MAPS_HASH_LONG_H
#define BPFSHIM_MAPS_HASH_LONG_H

#include "../../verifier/types.h"

/** bpfshim_hash_long() - a hash of size bytes, of which all 64 bits are good,
 * as long as nobody knows mul. */
u64 bpfshim_hash_long(const u64 mul[4], const void *key, u32 size);

/*
 * Keys of one or two words, which most are, go by random linear functions: the
 * upper half of a product is as good a hash as can be had (two keys that
 * differ share it as seldom as chance has it), and costs next to nothing.
 * Which bucket it is takes more (exec/bucket.h).
 */
static inline u32 bpfshim_hash_word(const u64 mul[4], u32 key)
{
	return (mul[0] * key + mul[1]) >> 32;
}

static inline u32 bpfshim_hash_words(const u64 mul[4], const u32 key[2])
{
	return (mul[0] * key[0] + mul[1] + mul[2] * key[1]) >> 32;
}

#endif /* BPFSHIM_MAPS_HASH_LONG_H */
