/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What belongs to objects, without the kernel: a table of values, one to an
 * owner, which is an address and never followed.
 *
 * One writer at a time to a chain (the caller's lock), readers any time: what a
 * writer takes out keeps its link until no reader can stand on it.
 */
#ifndef BPFSHIM_MAPS_OWNED_H
#define BPFSHIM_MAPS_OWNED_H

#include "../../verifier/types.h"

/* Owner: its chain's writer; pool: whoever has it while it is in no chain. */
struct bpfshim_owned {
	void *pool;
	struct bpfshim_owned *next;
	const void *owner;
	u64 value[];
};

/* Chains are as many as there are bits in the table's index. */
static inline u32 bpfshim_owned_hash(const void *owner, u32 bits)
{
	/* Objects lie apart by their size: the low bits alone say little. */
	return (u32)(((u64)(unsigned long)owner * 0x9e3779b97f4a7c15ULL) >> (64 - bits));
}

/** bpfshim_owned_find() - what the owner has in this chain, or NULL. */
static inline struct bpfshim_owned *bpfshim_owned_find(struct bpfshim_owned *const *chain, const void *owner)
{
	struct bpfshim_owned *n = __atomic_load_n(chain, __ATOMIC_CONSUME);

	while (n && n->owner != owner)
		n = __atomic_load_n(&n->next, __ATOMIC_CONSUME);
	return n;
}

/** bpfshim_owned_put() - n, whose owner and value are set, is its owner's from
 * now on, in place of old, which is in the chain, or NULL. */
void bpfshim_owned_put(struct bpfshim_owned **chain, struct bpfshim_owned *n, struct bpfshim_owned *old);
/** bpfshim_owned_take() - what the owner had, out of the chain; or NULL. */
struct bpfshim_owned *bpfshim_owned_take(struct bpfshim_owned **chain, const void *owner);

#endif /* BPFSHIM_MAPS_OWNED_H */
