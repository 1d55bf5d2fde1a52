/* SPDX-License-Identifier: GPL-2.0 */
/* The elements of a queue or stack, without the kernel.  The caller locks.
 * Inline: what is asked for is constant, and the call would cost as much. */
#ifndef BPFSHIM_MAPS_QUEUE_H
#define BPFSHIM_MAPS_QUEUE_H

#include "copy.h"

/* Owner: its map; data holds room elements of size bytes.  oldest and count:
 * under the map's lock. */
struct bpfshim_queue {
	char *data;
	u32 size, room;
	u32 oldest, count;
};

/* The element i places after the oldest; i <= count <= room, of 32 bits each. */
static inline char *bpfshim_queue_slot(const struct bpfshim_queue *q, u32 i)
{
	u64 at = (u64)q->oldest + i;

	return q->data + (at >= q->room ? at - q->room : at) * q->size;
}

static inline void bpfshim_queue_drop_oldest(struct bpfshim_queue *q)
{
	if (++q->oldest == q->room)
		q->oldest = 0;
	q->count--;
}

/** bpfshim_queue_push() - add a value; when full, in place of the oldest if
 * replace.  0 or -E2BIG. */
static inline int bpfshim_queue_push(struct bpfshim_queue *q, const void *value, bool replace)
{
	if (q->count == q->room) {
		if (!replace)
			return -E2BIG;
		bpfshim_queue_drop_oldest(q);
	}
	bpfshim_copy(bpfshim_queue_slot(q, q->count), value, q->size);
	q->count++;
	return 0;
}

/** bpfshim_queue_get() - the oldest value, or with newest that one, and with
 * take it is gone.  0, or -ENOENT and value all zero. */
static inline __attribute__((__always_inline__)) int bpfshim_queue_get(struct bpfshim_queue *q, void *value, bool newest, bool take)
{
	if (!q->count) {
		memset(value, 0, q->size);
		return -ENOENT;
	}
	bpfshim_copy(value, newest ? bpfshim_queue_slot(q, q->count - 1) : q->data + (u64)q->oldest * q->size, q->size);
	if (take && newest)
		q->count--;
	else if (take)
		bpfshim_queue_drop_oldest(q);
	return 0;
}

#endif /* BPFSHIM_MAPS_QUEUE_H */
