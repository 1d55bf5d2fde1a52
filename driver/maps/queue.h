/* SPDX-License-Identifier: GPL-2.0 */
/* The elements of a queue or stack, without the kernel.  The caller locks. */
#ifndef BPFSHIM_MAPS_QUEUE_H
#define BPFSHIM_MAPS_QUEUE_H

#include "../../verifier/types.h"

/* Owner: its map; data holds room elements of size bytes.  oldest and count:
 * under the map's lock. */
struct bpfshim_queue {
	char *data;
	u32 size, room;
	u32 oldest, count;
};

/** bpfshim_queue_push() - add a value; when full, in place of the oldest if
 * replace.  0 or -E2BIG. */
int bpfshim_queue_push(struct bpfshim_queue *q, const void *value, bool replace);

/** bpfshim_queue_get() - the oldest value, or with newest that one, and with
 * take it is gone.  0, or -ENOENT and value all zero. */
int bpfshim_queue_get(struct bpfshim_queue *q, void *value, bool newest, bool take);

#endif /* BPFSHIM_MAPS_QUEUE_H */
