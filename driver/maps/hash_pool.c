// SPDX-License-Identifier: GPL-2.0
/*
 * The elements of hash tables.
 *
 * They come from a pool.  A preallocated map fills it when it is made; a
 * NO_PREALLOC map starts small and grows in process context: by the updating
 * process, or by a work item that a program finding the pool low asks for.  So
 * nothing is ever allocated in a probe.
 */
#include "hash.h"

#define CHUNK_BYTES	(64u << 10)
#define LOW_WATER	32	/* free elements below which the pool grows */

struct bpfshim_chunk {
	struct bpfshim_chunk *next;
	u32 nr;
	u32 pad;
	char elems[];
};

static struct bpfshim_elem *chunk_elem(const struct bpfshim_htab *h, struct bpfshim_chunk *c, u32 i)
{
	return (struct bpfshim_elem *)(c->elems + (u64)h->elem_size * i + h->elem_head);
}

static void chunk_free(struct bpfshim_htab *h, struct bpfshim_chunk *c)
{
	if (h->percpu)
		bpfshim_percpu_values_free(bpfshim_elem_pptr(h, chunk_elem(h, c, 0)), h->elem_size, c->nr, round_up(h->map.value_size, 8));
	bpfshim_map_area_free(c);
}

static struct bpfshim_chunk *chunk_alloc(struct bpfshim_htab *h, u32 nr)
{
	struct bpfshim_chunk *c = bpfshim_map_area_alloc(sizeof(*c) + (u64)h->elem_size * nr, h->map.numa_node);

	if (!c)
		return NULL;
	c->nr = nr;
	if (h->percpu && bpfshim_percpu_values_alloc(bpfshim_elem_pptr(h, chunk_elem(h, c, 0)), h->elem_size, nr,
						     round_up(h->map.value_size, 8))) {
		bpfshim_map_area_free(c);
		return NULL;
	}
	return c;
}

int bpfshim_pool_spares(struct bpfshim_htab *h)
{
	u64 bytes = (u64)h->elem_size * num_possible_cpus();
	char *at;
	int cpu;

	h->spare = bpfshim_alloc_percpu(sizeof(*h->spare));
	at = h->spares = bpfshim_map_area_alloc(bytes, h->map.numa_node);
	if (!h->spare || !at)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		*per_cpu_ptr(h->spare, cpu) = (void *)at;
		at += h->elem_size;
	}
	bpfshim_map_charge(&h->map, bytes);
	return 0;
}

int bpfshim_pool_grow(struct bpfshim_htab *h, u32 nr)
{
	u64 bytes = (u64)h->elem_size;
	struct bpfshim_chunk *c;
	u32 i;

	mutex_lock(&h->grow_lock);
	nr = min(nr, h->map.max_entries - h->nr_elems);
	if (!nr) {
		mutex_unlock(&h->grow_lock);
		return 0;
	}
	c = chunk_alloc(h, nr);
	if (!c) {
		mutex_unlock(&h->grow_lock);
		return -ENOMEM;
	}
	c->next = h->chunks;
	h->chunks = c;
	if (h->percpu)
		bytes += (u64)round_up(h->map.value_size, 8) * num_possible_cpus();
	bpfshim_map_charge(&h->map, bytes * nr);
	for (i = 0; i < nr; i++) {
		struct bpfshim_elem *e = chunk_elem(h, c, i);

		if (h->lru)
			bpfshim_lru_adopt(h, e, h->nr_elems++);
		else
			e->next_free = i ? chunk_elem(h, c, i - 1) : NULL;
		if (!(i & 1023))
			cond_resched();
	}
	if (!h->lru) {
		bpfshim_guard_enter();
		raw_spin_lock_irq(&h->pool_lock);
		chunk_elem(h, c, 0)->next_free = h->free;
		h->free = chunk_elem(h, c, nr - 1);
		h->nr_free += nr;
		h->nr_elems += nr;
		raw_spin_unlock_irq(&h->pool_lock);
		bpfshim_guard_leave();
	}
	mutex_unlock(&h->grow_lock);
	return 0;
}

u32 bpfshim_pool_step(const struct bpfshim_htab *h)
{
	return max_t(u32, CHUNK_BYTES / h->elem_size, 16);
}

static void grow_work(struct work_struct *work)
{
	struct bpfshim_htab *h = container_of(work, struct bpfshim_htab, grow_work);

	bpfshim_pool_grow(h, bpfshim_pool_step(h));
}

static void kick(struct irq_work *work)
{
	schedule_work(&container_of(work, struct bpfshim_htab, kick)->grow_work);
}

/* The pool's lock, with interrupts off already. NULL: full, or none left now. */
struct bpfshim_elem *bpfshim_pool_get(struct bpfshim_htab *h, int *err)
{
	struct bpfshim_elem *e;
	bool low;

	raw_spin_lock(&h->pool_lock);
	e = h->free;
	if (e) {
		h->free = e->next_free;
		h->nr_free--;
		h->count++;
	}
	low = h->nr_free < LOW_WATER && h->nr_elems < h->map.max_entries;
	*err = h->nr_elems < h->map.max_entries ? -ENOMEM : -E2BIG;
	raw_spin_unlock(&h->pool_lock);
	if (low)
		irq_work_queue(&h->kick);
	return e;
}

void bpfshim_pool_put(struct bpfshim_htab *h, struct bpfshim_elem *e)
{
	if (h->lru) {
		bpfshim_lru_release(h, e);
		return;
	}
	raw_spin_lock(&h->pool_lock);
	e->next_free = h->free;
	h->free = e;
	h->nr_free++;
	h->count--;
	raw_spin_unlock(&h->pool_lock);
}

void bpfshim_pool_init(struct bpfshim_htab *h)
{
	raw_spin_lock_init(&h->pool_lock);
	mutex_init(&h->grow_lock);
	init_irq_work(&h->kick, kick);
	INIT_WORK(&h->grow_work, grow_work);
}

void bpfshim_pool_exit(struct bpfshim_htab *h)
{
	struct bpfshim_chunk *c, *next;

	irq_work_sync(&h->kick);
	cancel_work_sync(&h->grow_work);
	free_percpu(h->spare);
	bpfshim_map_area_free(h->spares);
	for (c = h->chunks; c; c = next) {
		next = c->next;
		chunk_free(h, c);
		cond_resched();
	}
}
