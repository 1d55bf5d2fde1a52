/* SPDX-License-Identifier: GPL-2.0 */
/* Ring buffer maps, as the helpers use them.  All of it: any context. */
#ifndef BPFSHIM_MAPS_RINGBUF_H
#define BPFSHIM_MAPS_RINGBUF_H

#include "maps.h"
#include "ring.h"

/** bpfshim_ringbuf_ring() - the ring of a map of that type. */
struct bpfshim_ring *bpfshim_ringbuf_ring(struct bpfshim_map *map);
/** bpfshim_ringbuf_reserve() - a record of size bytes for the caller to fill,
 * and to end by bpfshim_ringbuf_commit(); NULL. */
void *bpfshim_ringbuf_reserve(struct bpfshim_map *map, u64 size);
/** bpfshim_ringbuf_commit() - end a record; flags: BPFSHIM_RB_*_WAKEUP. */
void bpfshim_ringbuf_commit(void *sample, u64 flags, bool discard);

/** bpfshim_ringbuf_take() - have a user ring buffer for oneself until
 * bpfshim_ringbuf_leave(); false: another has it. */
bool bpfshim_ringbuf_take(struct bpfshim_map *map);
void bpfshim_ringbuf_leave(struct bpfshim_map *map);
/** bpfshim_ringbuf_wake() - wake whoever polls the map. */
void bpfshim_ringbuf_wake(struct bpfshim_map *map);

#endif /* BPFSHIM_MAPS_RINGBUF_H */
