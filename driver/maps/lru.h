/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which element of a full table goes: lists that tell what was used of late
 * from what was not, nearly.  Freestanding; locks are the caller's.
 *
 * New nodes wait on a CPU's own lists and come to the common ones in batches.
 * There a node that was referenced is active, and leaves the active list only
 * after it was not referenced for a round; nodes that were not go first, from
 * the end of the inactive list.  So a scan of keys that are seen once passes
 * through the inactive list and leaves the active one alone.
 */
#ifndef BPFSHIM_MAPS_LRU_H
#define BPFSHIM_MAPS_LRU_H

#include "../../verifier/types.h"

enum bpfshim_lru_place {
	BPFSHIM_LRU_FREE,
	BPFSHIM_LRU_INACTIVE,
	BPFSHIM_LRU_ACTIVE,
	BPFSHIM_LRU_PLACES,
	/* a CPU's own */
	BPFSHIM_LRU_LOCAL_FREE = BPFSHIM_LRU_PLACES,
	BPFSHIM_LRU_PENDING,
};

/* In exactly one list, whose lock guards all of it but ref (set by anybody). */
struct bpfshim_lru_node {
	struct bpfshim_lru_node *prev, *next;
	u8 place;
	u8 ref;
	u16 cpu;		/* whose list, in a CPU's own */
	u32 pad;
};

struct bpfshim_lru_list {
	struct bpfshim_lru_node head;
	u32 count;
};

/* Common lists, under one lock. */
struct bpfshim_lru {
	struct bpfshim_lru_list list[BPFSHIM_LRU_PLACES];
	/* Take the node's element out of the table: false when it is not there
	 * (not yet, or no more), and then the node stays where it is. */
	bool (*evict)(void *cookie, struct bpfshim_lru_node *node);
	void *cookie;
};

/* One CPU's lists, under one lock, which is taken before the common one. */
struct bpfshim_lru_local {
	struct bpfshim_lru_list free, pending;
	u16 cpu;
};

void bpfshim_lru_init(struct bpfshim_lru *l, bool (*evict)(void *, struct bpfshim_lru_node *), void *cookie);
void bpfshim_lru_local_init(struct bpfshim_lru_local *loc, u16 cpu);

/** bpfshim_lru_add() - a node that was in no list becomes free. */
void bpfshim_lru_add(struct bpfshim_lru *l, struct bpfshim_lru_node *node);

/** bpfshim_lru_get() - a node from the common lists, evicting up to batch
 * elements when none is free; it is inactive from then on.  NULL: none can go. */
struct bpfshim_lru_node *bpfshim_lru_get(struct bpfshim_lru *l, u32 batch);
/** bpfshim_lru_free_node() - an active or inactive node becomes free. */
void bpfshim_lru_free_node(struct bpfshim_lru *l, struct bpfshim_lru_node *node);

/** bpfshim_lru_local_get() - a free node of the CPU's own; it is pending from
 * then on.  NULL: bpfshim_lru_refill() and try again. */
struct bpfshim_lru_node *bpfshim_lru_local_get(struct bpfshim_lru_local *loc);
/** bpfshim_lru_refill() - hand the pending nodes to the common lists and get up
 * to batch free ones.  Both locks are held. */
void bpfshim_lru_refill(struct bpfshim_lru *l, struct bpfshim_lru_local *loc, u32 batch);
/** bpfshim_lru_steal() - take a node out of another CPU's lists, free or by
 * evicting one of its pending; it is in no list then.  NULL: there is none. */
struct bpfshim_lru_node *bpfshim_lru_steal(struct bpfshim_lru *l, struct bpfshim_lru_local *loc);
/** bpfshim_lru_local_take() - a node in no list becomes pending here. */
void bpfshim_lru_local_take(struct bpfshim_lru_local *loc, struct bpfshim_lru_node *node);
/** bpfshim_lru_local_free_node() - a pending node becomes free in its CPU's own
 * list; false: it is not pending here any more. */
bool bpfshim_lru_local_free_node(struct bpfshim_lru_local *loc, struct bpfshim_lru_node *node);

/** bpfshim_lru_batch() - how many nodes a CPU takes at a time, a power of two, so
 * that those that lie idle are an eighth of all at most.  (6.1 takes 128 from
 * whatever there is: a table of 100 forgets all of it for the 101st.) */
u32 bpfshim_lru_batch(u32 nr_nodes, u32 nr_cpus);

#endif /* BPFSHIM_MAPS_LRU_H */
