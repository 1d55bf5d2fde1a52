/* SPDX-License-Identifier: GPL-2.0 */
/* Ring buffer maps, as the helpers use them.  All of it: any context.  Inline:
 * most of a record's cost would be calls. */
#ifndef BPFSHIM_MAPS_RINGBUF_H
#define BPFSHIM_MAPS_RINGBUF_H

#include "maps.h"
#include "ring.h"

/*
 * Owner: the map's references; mappings hold the map by their file.  lock
 * guards the ring's head and is taken by programs only, in any context; an NMI
 * only tries.  busy: a user ring buffer's reader, who runs a program and so
 * holds no lock.  wake runs the waiters from an interrupt of its own, since a
 * program may not.
 */
struct bpfshim_ringbuf {
	struct bpfshim_map map;
	struct bpfshim_ring ring;
	raw_spinlock_t lock;
	atomic_t busy;
	wait_queue_head_t wait;
	struct irq_work wake;
	struct page **pages;		/* HEAD_PAGES and the data, each once */
	u32 nr_pages;
	void *area;
};

/* What the home page holds: the way from a record to its map. */
struct bpfshim_ringbuf_home {
	struct bpfshim_ringbuf *rb;
};

static inline struct bpfshim_ringbuf *bpfshim_to_ringbuf(struct bpfshim_map *map)
{
	return container_of(map, struct bpfshim_ringbuf, map);
}

/** bpfshim_ringbuf_ring() - the ring of a map of that type. */
static inline struct bpfshim_ring *bpfshim_ringbuf_ring(struct bpfshim_map *map)
{
	return &bpfshim_to_ringbuf(map)->ring;
}

/** bpfshim_ringbuf_reserve() - a record of size bytes for the caller to fill,
 * and to end by bpfshim_ringbuf_commit(); NULL. */
static inline void *bpfshim_ringbuf_reserve(struct bpfshim_map *map, u64 size)
{
	struct bpfshim_ringbuf *rb = bpfshim_to_ringbuf(map);
	unsigned long flags;
	void *sample;

	if (in_nmi()) {
		if (!raw_spin_trylock_irqsave(&rb->lock, flags))
			return NULL;
	} else {
		raw_spin_lock_irqsave(&rb->lock, flags);
	}
	sample = bpfshim_ring_reserve(&rb->ring, size, PAGE_SHIFT);
	raw_spin_unlock_irqrestore(&rb->lock, flags);
	return sample;
}

/** bpfshim_ringbuf_commit() - end a record; flags: BPFSHIM_RB_*_WAKEUP. */
static inline void bpfshim_ringbuf_commit(void *sample, u64 flags, bool discard)
{
	struct bpfshim_ring_hdr *hdr = bpfshim_ring_hdr_of(sample);
	struct bpfshim_ringbuf_home *home = (void *)(((unsigned long)hdr & PAGE_MASK) -
				     ((unsigned long)hdr->pgoff << PAGE_SHIFT));
	struct bpfshim_ringbuf *rb = home->rb;
	bool asleep = bpfshim_ring_commit(&rb->ring, sample, discard);

	if (flags & BPFSHIM_RB_FORCE_WAKEUP || (asleep && !(flags & BPFSHIM_RB_NO_WAKEUP)))
		irq_work_queue(&rb->wake);
}

/** bpfshim_ringbuf_take() - have a user ring buffer for oneself until
 * bpfshim_ringbuf_leave(); false: another has it. */
static inline bool bpfshim_ringbuf_take(struct bpfshim_map *map)
{
	return !atomic_xchg(&bpfshim_to_ringbuf(map)->busy, 1);	/* a full barrier, as the other */
}

static inline void bpfshim_ringbuf_leave(struct bpfshim_map *map)
{
	atomic_xchg(&bpfshim_to_ringbuf(map)->busy, 0);
}

/** bpfshim_ringbuf_wake() - wake whoever polls the map. */
static inline void bpfshim_ringbuf_wake(struct bpfshim_map *map)
{
	irq_work_queue(&bpfshim_to_ringbuf(map)->wake);
}

#endif /* BPFSHIM_MAPS_RINGBUF_H */
