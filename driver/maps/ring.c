// SPDX-License-Identifier: GPL-2.0
#include "ring.h"

/* Room that a record of n bytes takes. */
static u64 span(u64 n)
{
	return (n + BPFSHIM_RING_HDR + 7) & ~7ULL;
}

static struct bpfshim_ring_hdr *at(const struct bpfshim_ring *ring, u64 pos)
{
	return (struct bpfshim_ring_hdr *)(ring->data + (pos & (ring->size - 1)));
}

/*
 * Step over what has been committed.  The space of a busy record must not be
 * given out again, and the consumer's word that it is done with it counts for
 * nothing: it can write there whatever it likes.
 */
static u64 oldest_busy(struct bpfshim_ring *ring)
{
	u64 pos = ring->pending;
	u32 len;

	while (pos != ring->head) {
		len = __atomic_load_n(&at(ring, pos)->len, __ATOMIC_ACQUIRE);
		if (len & BPFSHIM_RING_BUSY)
			break;
		pos += span(len & ~BPFSHIM_RING_DISCARD);
	}
	return pos;
}

void *bpfshim_ring_reserve(struct bpfshim_ring *ring, u64 size, u32 page_shift)
{
	struct bpfshim_ring_hdr *hdr;
	u64 end, tail;

	if (size > BPFSHIM_RING_MAX_RECORD || span(size) > ring->size)
		return NULL;
	/* Not before the consumer is done with the bytes: pairs with its release. */
	tail = __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE);
	ring->pending = oldest_busy(ring);
	end = ring->head + span(size);
	/* One byte short of full: a full ring would look like an empty one. */
	if (end - tail >= ring->size || end - ring->pending >= ring->size)
		return NULL;
	hdr = at(ring, ring->head);
	hdr->pgoff = ring->first_page + (u32)(((char *)hdr - ring->data) >> page_shift);
	__atomic_store_n(&hdr->len, (u32)size | BPFSHIM_RING_BUSY, __ATOMIC_RELAXED);
	ring->head = end;
	/* The consumer that sees the position sees the busy header. */
	__atomic_store_n(ring->producer, end, __ATOMIC_RELEASE);
	return hdr + 1;
}

bool bpfshim_ring_commit(struct bpfshim_ring *ring, void *sample, bool discard)
{
	struct bpfshim_ring_hdr *hdr = bpfshim_ring_hdr_of(sample);
	u64 pos = (u64)((char *)hdr - ring->data);
	u32 len = hdr->len & ~BPFSHIM_RING_BUSY;

	/*
	 * A full barrier before the consumer's position is read.  A consumer
	 * that moves here, finds the record busy and goes to sleep was
	 * either seen by this read, or sees the record when it polls.
	 */
	__atomic_exchange_n(&hdr->len, discard ? len | BPFSHIM_RING_DISCARD : len, __ATOMIC_SEQ_CST);
	return (__atomic_load_n(ring->consumer, __ATOMIC_SEQ_CST) & (ring->size - 1)) == pos;
}

u64 bpfshim_ring_avail(const struct bpfshim_ring *ring)
{
	u64 tail = __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE);

	return __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE) - tail;
}

u64 bpfshim_ring_query(const struct bpfshim_ring *ring, u64 what)
{
	switch (what) {
	case BPFSHIM_RB_AVAIL_DATA:
		return bpfshim_ring_avail(ring);
	case BPFSHIM_RB_RING_SIZE:
		return ring->size;
	case BPFSHIM_RB_CONS_POS:
		return __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE);
	case BPFSHIM_RB_PROD_POS:
		return __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
	}
	return 0;
}

int bpfshim_ring_peek(struct bpfshim_ring *ring, u32 max, void **sample, u32 *size)
{
	u64 end = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE), pos = ring->head;
	u32 word, len;

	if (end % 8)
		return -EINVAL;
	if (pos >= end)
		return -ENODATA;
	/* Once: the user may write another the moment after. */
	word = __atomic_load_n(&at(ring, pos)->len, __ATOMIC_ACQUIRE);
	len = word & ~(BPFSHIM_RING_BUSY | BPFSHIM_RING_DISCARD);
	if (span(len) > end - pos)
		return -EINVAL;
	if (span(len) > ring->size || len > max)
		return -E2BIG;
	if (word & BPFSHIM_RING_DISCARD) {
		bpfshim_ring_release(ring, len);
		return -EAGAIN;
	}
	if (word & BPFSHIM_RING_BUSY)
		return -ENODATA;
	*sample = at(ring, pos + BPFSHIM_RING_HDR);
	*size = len;
	return 0;
}

void bpfshim_ring_release(struct bpfshim_ring *ring, u32 size)
{
	ring->head += span(size);
	/* The user that sees it may write there again. */
	__atomic_store_n(ring->consumer, ring->head, __ATOMIC_RELEASE);
}
