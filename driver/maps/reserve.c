// SPDX-License-Identifier: GPL-2.0
#include "reserve.h"

#define CHUNK_BYTES	(64u << 10)

struct bpfshim_reserve_chunk {
	struct bpfshim_reserve_chunk *next;
	char nodes[];
};

static u32 step(const struct bpfshim_reserve *r)
{
	return max_t(u32, CHUNK_BYTES / r->size, 2);
}

/* So few are left that more are made. */
static u32 low_mark(const struct bpfshim_reserve *r)
{
	return max_t(u32, step(r) / 4, 1);
}

/* So many wait for readers that the worker is to: not for each, as that costs
 * much more than what is done with a node, and well before the others are gone. */
#define LATE_MAX	64u

/* Is there work that nobody was sent to?  Then the caller sends.  Under lock. */
static bool due(struct bpfshim_reserve *r)
{
	if (r->kicked)
		return false;
	r->kicked = (r->nr_free < low_mark(r) && READ_ONCE(r->nr_all) < r->limit) ||
		    (r->limbo && r->nr_limbo >= min(r->nr_free / 4, LATE_MAX));
	return r->kicked;
}

/* Give back a list of n nodes, first to last. */
static void give(struct bpfshim_reserve *r, struct bpfshim_reserved *first, struct bpfshim_reserved *last, u32 n)
{
	bpfshim_guard_enter();
	raw_spin_lock_irq(&r->lock);
	last->next = r->free;
	r->free = first;
	r->nr_free += n;
	raw_spin_unlock_irq(&r->lock);
	bpfshim_guard_leave();
}

/* -ENOMEM; -E2BIG: there are as many as there may be. */
static int grow(struct bpfshim_reserve *r)
{
	struct bpfshim_reserve_chunk *c;
	struct bpfshim_reserved *node, *last = NULL;
	u32 i, n;
	int err = 0;

	mutex_lock(&r->grow_lock);
	n = min(step(r), r->limit - r->nr_all);
	if (!n) {
		err = -E2BIG;
		goto out;
	}
	c = bpfshim_map_area_alloc(sizeof(*c) + (u64)n * r->size, r->map->numa_node);
	if (!c) {
		err = -ENOMEM;
		goto out;
	}
	c->next = r->chunks;
	r->chunks = c;
	r->nr_all += n;
	bpfshim_map_charge(r->map, (s64)n * r->size);
	for (i = 0; i < n; i++) {
		node = (void *)(c->nodes + (u64)i * r->size);
		node->next = last;
		last = node;
	}
	give(r, last, (void *)c->nodes, n);
out:
	mutex_unlock(&r->grow_lock);
	return err;
}

/* What is in limbo is free once its readers are gone.  false: nothing is. */
static bool reclaim(struct bpfshim_reserve *r)
{
	struct bpfshim_reserved *first, *last;
	u32 n = 1;

	bpfshim_guard_enter();
	raw_spin_lock_irq(&r->lock);
	first = r->limbo;
	r->limbo = NULL;
	r->nr_limbo = 0;
	raw_spin_unlock_irq(&r->lock);
	bpfshim_guard_leave();
	if (!first)
		return false;
	bpfshim_sync_handlers();
	for (last = first; last->next; last = last->next)
		n++;
	give(r, first, last, n);
	return true;
}

static void work(struct work_struct *w)
{
	struct bpfshim_reserve *r = container_of(w, struct bpfshim_reserve, work);

	bpfshim_guard_enter();
	raw_spin_lock_irq(&r->lock);
	r->kicked = false;	/* what comes from now on is for another turn */
	raw_spin_unlock_irq(&r->lock);
	bpfshim_guard_leave();
	/* Waiting takes long: first what helps at once. */
	if (READ_ONCE(r->nr_free) < low_mark(r))
		grow(r);
	reclaim(r);
}

static void kick(struct irq_work *w)
{
	schedule_work(&container_of(w, struct bpfshim_reserve, kick)->work);
}

int bpfshim_reserve_init(struct bpfshim_reserve *r, struct bpfshim_map *map, u32 size, u64 limit)
{
	r->map = map;
	r->size = size;
	r->limit = (u32)min_t(u64, limit, U32_MAX);
	raw_spin_lock_init(&r->lock);
	mutex_init(&r->grow_lock);
	init_irq_work(&r->kick, kick);
	INIT_WORK(&r->work, work);
	return grow(r);
}

void bpfshim_reserve_stop(struct bpfshim_reserve *r)
{
	irq_work_sync(&r->kick);
	cancel_work_sync(&r->work);
}

void bpfshim_reserve_exit(struct bpfshim_reserve *r)
{
	struct bpfshim_reserve_chunk *c, *next;

	bpfshim_reserve_stop(r);
	for (c = r->chunks; c; c = next) {
		next = c->next;
		bpfshim_map_area_free(c);
		cond_resched();
	}
}

void *bpfshim_reserve_get(struct bpfshim_reserve *r)
{
	struct bpfshim_reserved *node;
	bool send;

	raw_spin_lock(&r->lock);
	node = r->free;
	if (node) {
		r->free = node->next;
		r->nr_free--;
	}
	send = due(r);
	raw_spin_unlock(&r->lock);
	if (send)
		irq_work_queue(&r->kick);
	return node;
}

void bpfshim_reserve_put(struct bpfshim_reserve *r, void *p)
{
	struct bpfshim_reserved *node = p;

	raw_spin_lock(&r->lock);
	node->next = r->free;
	r->free = node;
	r->nr_free++;
	raw_spin_unlock(&r->lock);
}

void bpfshim_reserve_put_late(struct bpfshim_reserve *r, void *p)
{
	struct bpfshim_reserved *node = p;
	bool send;

	raw_spin_lock(&r->lock);
	node->next = r->limbo;
	r->limbo = node;
	r->nr_limbo++;
	send = due(r);
	raw_spin_unlock(&r->lock);
	if (send)
		irq_work_queue(&r->kick);
}

int bpfshim_reserve_more(struct bpfshim_reserve *r)
{
	int err;

	if (fatal_signal_pending(current))
		return -EINTR;
	err = grow(r);
	if (err != -E2BIG)
		return err;
	if (reclaim(r))
		return 0;
	/* Another waits for them already. */
	flush_work(&r->work);
	return READ_ONCE(r->nr_free) ? 0 : -ENOMEM;
}
