/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A trie of prefixes, without the kernel.  A node holds a prefix; its children
 * hold longer ones that begin with it, by their next bit.  Where prefixes part
 * that nobody has stored, a fork stands: a node with two children always.
 *
 * One writer at a time (the caller's lock), readers any time: what a writer
 * takes out keeps its children until no reader can stand on it.
 */
#ifndef BPFSHIM_MAPS_LPM_H
#define BPFSHIM_MAPS_LPM_H

#include "../../verifier/types.h"

/* As user space has it: struct bpf_lpm_trie_key. */
struct bpfshim_lpm_key {
	u32 prefixlen;		/* bits of data, from each byte's highest */
	u8 data[];
};

/* Owner: the trie's writer; next: whoever has it while it is in no trie. */
struct bpfshim_lpm_node {
	struct bpfshim_lpm_node *next;
	struct bpfshim_lpm_node *child[2];
	u16 fork;		/* nobody stored it */
	u16 bare;		/* made as a fork: no room for a value */
	u32 prefixlen;		/* from here on as struct bpfshim_lpm_key */
	u8 data[];
};

/* Owner: its map.  root, count under the writer's lock; sizes are constant. */
struct bpfshim_lpm {
	struct bpfshim_lpm_node *root;
	u32 data_size;		/* bytes, 1 to 256 */
	u32 count, max;		/* stored prefixes */
};

/* What an insert or a removal took out, for the caller to free. */
struct bpfshim_lpm_out {
	struct bpfshim_lpm_node *node[2];
	u32 nr;
};

/** bpfshim_lpm_valid() - has the key no more bits than there are? */
static inline bool bpfshim_lpm_valid(const struct bpfshim_lpm *t, const struct bpfshim_lpm_key *key)
{
	return key->prefixlen <= t->data_size * 8;
}

/** bpfshim_lpm_find() - the longest stored prefix of the key; NULL: none, or
 * the key has too many bits.  The key may change meanwhile. */
struct bpfshim_lpm_node *bpfshim_lpm_find(const struct bpfshim_lpm *t, const struct bpfshim_lpm_key *key);

/** bpfshim_lpm_may_insert() - what bpfshim_lpm_insert() would say: 0, -EEXIST,
 * -ENOENT, -ENOSPC; -EINVAL: too many bits.  The writer's lock is held; the key
 * may change meanwhile. */
int bpfshim_lpm_may_insert(const struct bpfshim_lpm *t, const struct bpfshim_lpm_key *key, u64 flags);

/** bpfshim_lpm_insert() - store node, whose prefix is set, in place of one
 * with the same prefix.  flags: ANY, NOEXIST, EXIST.  fork is put in where
 * prefixes part, and *used_fork then true.  -EEXIST, -ENOENT, -ENOSPC: nothing
 * was done. */
int bpfshim_lpm_insert(struct bpfshim_lpm *t, struct bpfshim_lpm_node *node, struct bpfshim_lpm_node *fork,
		       u64 flags, bool *used_fork, struct bpfshim_lpm_out *out);

/** bpfshim_lpm_remove() - take out the prefix itself.  -ENOENT; -EINVAL: it has
 * too many bits.  The key may change meanwhile. */
int bpfshim_lpm_remove(struct bpfshim_lpm *t, const struct bpfshim_lpm_key *key, struct bpfshim_lpm_out *out);

/** bpfshim_lpm_next() - the stored prefix after this one, longer ones before
 * those they begin with; the first when it is not stored, or NULL.  NULL: that
 * was the last, or there is none. */
const struct bpfshim_lpm_node *bpfshim_lpm_next(const struct bpfshim_lpm *t, const struct bpfshim_lpm_key *key);

#endif /* BPFSHIM_MAPS_LPM_H */
