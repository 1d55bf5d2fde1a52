/* SPDX-License-Identifier: GPL-2.0 */
/* Nodes for maps whose readers hold no lock: made beforehand, reused late. */
#ifndef BPFSHIM_MAPS_RESERVE_H
#define BPFSHIM_MAPS_RESERVE_H

#include "maps.h"

struct bpfshim_reserve_chunk;

/* The first word of a node is the reserve's, while the reserve has it. */
struct bpfshim_reserved {
	struct bpfshim_reserved *next;
};

/*
 * Owner: its map.  lock: free, limbo, their numbers, kicked; taken by programs
 * in any context, and with programs kept away in others, so nothing interrupts a
 * holder that would want it.  grow_lock (process context): chunks, nr_all.
 */
struct bpfshim_reserve {
	struct bpfshim_map *map;	/* memory is charged to it */
	u32 size, limit, nr_all;
	raw_spinlock_t lock;
	struct bpfshim_reserved *free, *limbo;
	u32 nr_free, nr_limbo;
	bool kicked;			/* work is on its way, and has not begun */
	struct mutex grow_lock;
	struct bpfshim_reserve_chunk *chunks;
	struct irq_work kick;		/* any context -> work */
	struct work_struct work;
};

/** bpfshim_reserve_init() - a reserve of nodes of size bytes (a multiple of 8),
 * at most limit of them in all; some are made.  -ENOMEM.  Process context. */
int bpfshim_reserve_init(struct bpfshim_reserve *r, struct bpfshim_map *map, u32 size, u64 limit);
/** bpfshim_reserve_stop() - nobody takes or gives any more: no work is left that
 * would charge the map.  Process context. */
void bpfshim_reserve_stop(struct bpfshim_reserve *r);
/** bpfshim_reserve_exit() - free all nodes: nobody has or reads any.  Also
 * after a failed init.  Process context. */
void bpfshim_reserve_exit(struct bpfshim_reserve *r);
/** bpfshim_reserve_get() - a node, contents undefined; NULL: none left now.
 * Any context, interrupts off. */
void *bpfshim_reserve_get(struct bpfshim_reserve *r);
/** bpfshim_reserve_put() - a node that no reader has seen.  As _get(). */
void bpfshim_reserve_put(struct bpfshim_reserve *r, void *node);
/** bpfshim_reserve_put_late() - a node that readers may stand on: its contents
 * but for the first word stay until they are gone.  As _get(). */
void bpfshim_reserve_put_late(struct bpfshim_reserve *r, void *node);
/** bpfshim_reserve_more() - after _get() failed: make nodes, or wait for those
 * given back late.  -ENOMEM: there are none.  -EINTR: the process is to die.
 * Process context. */
int bpfshim_reserve_more(struct bpfshim_reserve *r);

#endif /* BPFSHIM_MAPS_RESERVE_H */
