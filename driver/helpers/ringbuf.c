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
