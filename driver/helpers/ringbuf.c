// SPDX-License-Identifier: GPL-2.0
/* Helpers on ring buffers: a record in one go, or reserved, filled and ended. */
#include "helpers.h"
#include "dynptr.h"
#include "../maps/ringbuf.h"

BPFSHIM_HELPER(ringbuf_output)
{
	void *sample;

	if (r4 & ~(BPFSHIM_RB_NO_WAKEUP | BPFSHIM_RB_FORCE_WAKEUP))
		return -EINVAL;
	sample = bpfshim_ringbuf_reserve(bpfshim_ptr(r1), r3);
	if (!sample)
		return -EAGAIN;
	memcpy(sample, bpfshim_ptr(r2), r3);
	bpfshim_ringbuf_commit(sample, r4, false);
	return 0;
}

BPFSHIM_HELPER(ringbuf_reserve)
{
	if (r3)
		return 0;
	return (unsigned long)bpfshim_ringbuf_reserve(bpfshim_ptr(r1), r2);
}

BPFSHIM_HELPER(ringbuf_submit)
{
	bpfshim_ringbuf_commit(bpfshim_ptr(r1), r2, false);
	return 0;
}

BPFSHIM_HELPER(ringbuf_discard)
{
	bpfshim_ringbuf_commit(bpfshim_ptr(r1), r2, true);
	return 0;
}

BPFSHIM_HELPER(ringbuf_query)
{
	return bpfshim_ring_query(bpfshim_ringbuf_ring(bpfshim_ptr(r1)), r2);
}

#define MAX_DRAIN	(128 * 1024)

/* A record for the program; 1: there was one to skip; else what ends the run. */
static int drain_one(struct bpfshim_ring *ring, const struct bpfshim_callback *cb, u64 ctx, u64 *stop)
{
	struct bpfshim_dynptr p;
	void *sample;
	u32 size;
	int err = bpfshim_ring_peek(ring, BPFSHIM_DYNPTR_MAX_SIZE, &sample, &size);

	if (err)
		return err == -EAGAIN ? 1 : err;
	bpfshim_dynptr_set(&p, sample, size);
	*stop = bpfshim_callback_run(cb, (unsigned long)&p, ctx, 0, 0, 0);
	bpfshim_ring_release(ring, size);
	return 0;
}

BPFSHIM_HELPER(user_ringbuf_drain)
{
	struct bpfshim_map *map = bpfshim_ptr(r1);
	struct bpfshim_ring *ring = bpfshim_ringbuf_ring(map);
	u32 seen, skipped = 0;
	u64 stop = 0;
	s64 ret = 0;
	int one;

	if (r4 & ~(BPFSHIM_RB_NO_WAKEUP | BPFSHIM_RB_FORCE_WAKEUP))
		return -EINVAL;
	if (!bpfshim_ringbuf_take(map))
		return -EBUSY;
	for (seen = 0; seen < MAX_DRAIN && !stop; seen++) {
		one = drain_one(ring, bpfshim_ptr(r2), r3, &stop);
		if (one < 0) {
			ret = one == -ENODATA ? 0 : one;
			break;
		}
		skipped += one;
	}
	bpfshim_ringbuf_leave(map);
	if (r4 & BPFSHIM_RB_FORCE_WAKEUP || (seen && !(r4 & BPFSHIM_RB_NO_WAKEUP)))
		bpfshim_ringbuf_wake(map);
	return ret ? ret : seen - skipped;
}

BPFSHIM_HELPER(ringbuf_reserve_dynptr)
{
	struct bpfshim_dynptr *p = bpfshim_ptr(r4);
	void *sample = NULL;
	s64 err = -EINVAL;

	if (r3)
		goto out;
	err = -E2BIG;
	if ((u32)r2 > BPFSHIM_DYNPTR_MAX_SIZE)
		goto out;
	sample = bpfshim_ringbuf_reserve(bpfshim_ptr(r1), (u32)r2);
	err = sample ? 0 : -EINVAL;
out:
	bpfshim_dynptr_set(p, sample, sample ? (u32)r2 : 0);
	return err;
}

/* What reserve_dynptr failed to make is handed over all the same. */
static u64 end_dynptr(struct bpfshim_dynptr *p, u64 flags, bool discard)
{
	if (p->data)
		bpfshim_ringbuf_commit(p->data, flags, discard);
	bpfshim_dynptr_set(p, NULL, 0);
	return 0;
}

BPFSHIM_HELPER(ringbuf_submit_dynptr)
{
	return end_dynptr(bpfshim_ptr(r1), r2, false);
}

BPFSHIM_HELPER(ringbuf_discard_dynptr)
{
	return end_dynptr(bpfshim_ptr(r1), r2, true);
}
