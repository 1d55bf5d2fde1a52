// SPDX-License-Identifier: GPL-2.0
#include "queue.h"
#include "copy.h"

/* The element i places after the oldest; i <= count <= room, of 32 bits each. */
static char *slot(const struct bpfshim_queue *q, u32 i)
{
	u64 at = (u64)q->oldest + i;

	return q->data + (at >= q->room ? at - q->room : at) * q->size;
}

static void drop_oldest(struct bpfshim_queue *q)
{
	if (++q->oldest == q->room)
		q->oldest = 0;
	q->count--;
}

int bpfshim_queue_push(struct bpfshim_queue *q, const void *value, bool replace)
{
	if (q->count == q->room) {
		if (!replace)
			return -E2BIG;
		drop_oldest(q);
	}
	bpfshim_copy(slot(q, q->count), value, q->size);
	q->count++;
	return 0;
}

int bpfshim_queue_get(struct bpfshim_queue *q, void *value, bool newest, bool take)
{
	if (!q->count) {
		memset(value, 0, q->size);
		return -ENOENT;
	}
	bpfshim_copy(value, slot(q, newest ? q->count - 1 : 0), q->size);
	if (take && newest)
		q->count--;
	else if (take)
		drop_oldest(q);
	return 0;
}
