// SPDX-License-Identifier: GPL-2.0
/* Lists for approximate eviction of what was used least of late: see lru.h. */
#include "lru.h"

#define BATCH_MAX	128
#define BALANCE_MIN	8	/* active nodes looked at a time, at least */
#define LOOK		256	/* used nodes passed over before one of them goes all the same */

/* ---- lists ------------------------------------------------------------- */

static void lru_init(struct bpfshim_lru_list *l)
{
	l->head.prev = l->head.next = &l->head;
	l->count = 0;
}

static void lru_del(struct bpfshim_lru_list *l, struct bpfshim_lru_node *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	l->count--;
}

static void lru_add(struct bpfshim_lru_list *l, struct bpfshim_lru_node *n, u8 place)
{
	n->prev = &l->head;
	n->next = l->head.next;
	n->next->prev = n;
	l->head.next = n;
	n->place = place;
	l->count++;
}

static struct bpfshim_lru_node *lru_last(struct bpfshim_lru_list *l)
{
	return l->count ? l->head.prev : NULL;
}

static void move(struct bpfshim_lru *l, struct bpfshim_lru_node *n, u8 to)
{
	lru_del(&l->list[n->place], n);
	lru_add(&l->list[to], n, to);
}

/* Referenced since it was last asked? */
static bool was_used(struct bpfshim_lru_node *n)
{
	bool ref = *(volatile u8 *)&n->ref;

	if (ref)
		*(volatile u8 *)&n->ref = 0;
	return ref;
}

void bpfshim_lru_init(struct bpfshim_lru *l, bool (*evict)(void *, struct bpfshim_lru_node *), void *cookie)
{
	u32 i;

	for (i = 0; i < BPFSHIM_LRU_PLACES; i++)
		lru_init(&l->list[i]);
	l->evict = evict;
	l->cookie = cookie;
}

void bpfshim_lru_local_init(struct bpfshim_lru_local *loc, u16 cpu)
{
	lru_init(&loc->free);
	lru_init(&loc->pending);
	loc->cpu = cpu;
}

void bpfshim_lru_add(struct bpfshim_lru *l, struct bpfshim_lru_node *node)
{
	node->ref = 0;
	lru_add(&l->list[BPFSHIM_LRU_FREE], node, BPFSHIM_LRU_FREE);
}

u32 bpfshim_lru_batch(u32 nr_nodes, u32 nr_cpus)
{
	u32 most = nr_nodes / nr_cpus / 8, batch = 1;

	while (batch < BATCH_MAX && 2 * batch <= most)
		batch *= 2;
	return batch;
}

/* ---- shrinking --------------------------------------------------------- */

/* Active nodes that were not used since the last round become inactive, when
 * there are too few of those to tell good ones from bad. */
static void balance(struct bpfshim_lru *l, u32 scan)
{
	struct bpfshim_lru_list *active = &l->list[BPFSHIM_LRU_ACTIVE];
	struct bpfshim_lru_node *n;

	while (scan-- && l->list[BPFSHIM_LRU_INACTIVE].count < active->count) {
		n = lru_last(active);
		move(l, n, was_used(n) ? BPFSHIM_LRU_ACTIVE : BPFSHIM_LRU_INACTIVE);
	}
}

/* Evict up to nr of at most scan nodes from the inactive list's end. */
static u32 shrink(struct bpfshim_lru *l, u32 nr, u32 scan)
{
	struct bpfshim_lru_list *inactive = &l->list[BPFSHIM_LRU_INACTIVE];
	struct bpfshim_lru_node *n;
	u32 done = 0;

	if (scan > inactive->count)
		scan = inactive->count;
	while (done < nr && scan--) {
		n = lru_last(inactive);
		if (was_used(n)) {
			move(l, n, BPFSHIM_LRU_ACTIVE);
		} else if (l->evict(l->cookie, n)) {
			move(l, n, BPFSHIM_LRU_FREE);
			done++;
		} else {
			/* On its way in or out: out of the way. */
			move(l, n, BPFSHIM_LRU_INACTIVE);
		}
	}
	return done;
}

/* All were used: the one that was for the longest time in its list must go. */
static bool shrink_any(struct bpfshim_lru *l, u8 place)
{
	struct bpfshim_lru_node *n;
	u32 left;

	for (left = l->list[place].count; left; left--) {
		n = lru_last(&l->list[place]);
		if (l->evict(l->cookie, n)) {
			move(l, n, BPFSHIM_LRU_FREE);
			return true;
		}
		move(l, n, place);
	}
	return false;
}

/*
 * Nothing goes while a node is free, so a table fills up whole.  Then nr go at
 * a time.  A used node that is passed over becomes active and unused, so the
 * next time starts behind it, and each look costs the one who used it.
 */
static void make_free(struct bpfshim_lru *l, u32 nr)
{
	if (l->list[BPFSHIM_LRU_FREE].count)
		return;
	balance(l, max(nr, (u32)BALANCE_MIN));
	if (shrink(l, nr, nr + LOOK))
		return;
	if (!shrink_any(l, BPFSHIM_LRU_INACTIVE))
		shrink_any(l, BPFSHIM_LRU_ACTIVE);
}

struct bpfshim_lru_node *bpfshim_lru_get(struct bpfshim_lru *l, u32 batch)
{
	struct bpfshim_lru_node *n;

	make_free(l, batch);
	n = lru_last(&l->list[BPFSHIM_LRU_FREE]);
	if (!n)
		return NULL;
	n->ref = 0;
	move(l, n, BPFSHIM_LRU_INACTIVE);
	return n;
}

void bpfshim_lru_free_node(struct bpfshim_lru *l, struct bpfshim_lru_node *node)
{
	move(l, node, BPFSHIM_LRU_FREE);
}

/* ---- a CPU's own ------------------------------------------------------- */

struct bpfshim_lru_node *bpfshim_lru_local_get(struct bpfshim_lru_local *loc)
{
	struct bpfshim_lru_node *n = lru_last(&loc->free);

	if (!n)
		return NULL;
	lru_del(&loc->free, n);
	bpfshim_lru_local_take(loc, n);
	return n;
}

void bpfshim_lru_local_take(struct bpfshim_lru_local *loc, struct bpfshim_lru_node *node)
{
	node->ref = 0;
	node->cpu = loc->cpu;
	lru_add(&loc->pending, node, BPFSHIM_LRU_PENDING);
}

void bpfshim_lru_refill(struct bpfshim_lru *l, struct bpfshim_lru_local *loc, u32 batch)
{
	struct bpfshim_lru_node *n;
	u8 to;

	/* The oldest first, so that their order stays. */
	while ((n = lru_last(&loc->pending))) {
		lru_del(&loc->pending, n);
		to = was_used(n) ? BPFSHIM_LRU_ACTIVE : BPFSHIM_LRU_INACTIVE;
		lru_add(&l->list[to], n, to);
	}
	make_free(l, batch);
	while (loc->free.count < batch && (n = lru_last(&l->list[BPFSHIM_LRU_FREE]))) {
		lru_del(&l->list[BPFSHIM_LRU_FREE], n);
		n->cpu = loc->cpu;
		lru_add(&loc->free, n, BPFSHIM_LRU_LOCAL_FREE);
	}
}

struct bpfshim_lru_node *bpfshim_lru_steal(struct bpfshim_lru *l, struct bpfshim_lru_local *loc)
{
	struct bpfshim_lru_node *n = lru_last(&loc->free), *prev;
	int used;

	if (n) {
		lru_del(&loc->free, n);
		return n;
	}
	/* First one that was not used, then any. */
	for (used = 0; used < 2; used++) {
		for (n = loc->pending.head.prev; n != &loc->pending.head; n = prev) {
			prev = n->prev;
			if ((used || !n->ref) && l->evict(l->cookie, n)) {
				lru_del(&loc->pending, n);
				return n;
			}
		}
	}
	return NULL;
}

bool bpfshim_lru_local_free_node(struct bpfshim_lru_local *loc, struct bpfshim_lru_node *node)
{
	if (node->place != BPFSHIM_LRU_PENDING || node->cpu != loc->cpu)
		return false;
	lru_del(&loc->pending, node);
	lru_add(&loc->free, node, BPFSHIM_LRU_LOCAL_FREE);
	return true;
}
