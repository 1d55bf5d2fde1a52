/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ring of a ring buffer map, without the kernel: positions, records, and
 * who must be woken.  Freestanding, so that the host can run it with threads;
 * inline, as a call costs more than most of it.
 *
 * Layout, as 6.1's: a record is a header of 8 bytes {length and two flags,
 * page number} and its data, rounded up to 8.  Positions count bytes and never
 * wrap.  The data area is mapped twice, one after the other, so that every
 * record is in one piece.
 */
#ifndef BPFSHIM_MAPS_RING_H
#define BPFSHIM_MAPS_RING_H

#include "../../verifier/types.h"

/* User space's words for them: BPF_RINGBUF_*, BPF_RB_*. */
#define BPFSHIM_RING_BUSY	(1U << 31)	/* not yet committed */
#define BPFSHIM_RING_DISCARD	(1U << 30)	/* the consumer skips it */
#define BPFSHIM_RING_HDR	8
#define BPFSHIM_RING_MAX_RECORD	((u32)~0U / 4)
#define BPFSHIM_RB_NO_WAKEUP	(1ULL << 0)
#define BPFSHIM_RB_FORCE_WAKEUP	(1ULL << 1)
#define BPFSHIM_RB_AVAIL_DATA	0
#define BPFSHIM_RB_RING_SIZE	1
#define BPFSHIM_RB_CONS_POS	2
#define BPFSHIM_RB_PROD_POS	3

struct bpfshim_ring_hdr {
	u32 len;
	u32 pgoff;	/* pages from the area's first to this header's */
};

/*
 * Owner: its map.  size, first_page, data and the pointers are set once.
 * head and pending: under the caller's lock; in a user ring buffer head is how
 * far the kernel has read, and belongs to who has the ring.
 * *consumer is the user's page: any value at any time.  *producer is a page
 * the user reads; data is read-only to the user, and what a program may write
 * there never holds a header, so headers are to be trusted.
 */
struct bpfshim_ring {
	u64 size;		/* bytes of data, power of two */
	u32 first_page;		/* of data, counted from the area's first page */
	u64 head;		/* where the next record starts, to write or to read */
	u64 pending;		/* start of the oldest record that may be busy */
	u64 *consumer;
	u64 *producer;
	char *data;		/* size bytes, mapped twice */
};

/* Room that a record of n bytes takes. */
static inline u64 bpfshim_ring_span(u64 n)
{
	return (n + BPFSHIM_RING_HDR + 7) & ~7ULL;
}

static inline struct bpfshim_ring_hdr *bpfshim_ring_at(const struct bpfshim_ring *ring, u64 pos)
{
	return (struct bpfshim_ring_hdr *)(ring->data + (pos & (ring->size - 1)));
}

/*
 * Step over what has been committed.  The space of a busy record must not be
 * given out again, and the consumer's word that it is done with it counts for
 * nothing: it can write there whatever it likes.
 */
static inline u64 bpfshim_ring_oldest_busy(struct bpfshim_ring *ring)
{
	u64 pos = ring->pending;
	u32 len;

	while (pos != ring->head) {
		len = __atomic_load_n(&bpfshim_ring_at(ring, pos)->len, __ATOMIC_ACQUIRE);
		if (len & BPFSHIM_RING_BUSY)
			break;
		pos += bpfshim_ring_span(len & ~BPFSHIM_RING_DISCARD);
	}
	return pos;
}

/** bpfshim_ring_hdr_of() - the header of a record's data. */
static inline struct bpfshim_ring_hdr *bpfshim_ring_hdr_of(void *sample)
{
	return (struct bpfshim_ring_hdr *)((char *)sample - BPFSHIM_RING_HDR);
}

/** bpfshim_ring_reserve() - begin a record of size bytes.  Under the ring's
 * lock.  Its data, or NULL: no room, or too large. */
static inline void *bpfshim_ring_reserve(struct bpfshim_ring *ring, u64 size, u32 page_shift)
{
	struct bpfshim_ring_hdr *hdr;
	u64 end, tail;

	if (size > BPFSHIM_RING_MAX_RECORD || bpfshim_ring_span(size) > ring->size)
		return NULL;
	/* Not before the consumer is done with the bytes: pairs with its release. */
	tail = __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE);
	ring->pending = bpfshim_ring_oldest_busy(ring);
	end = ring->head + bpfshim_ring_span(size);
	/* One byte short of full: a full ring would look like an empty one. */
	if (end - tail >= ring->size || end - ring->pending >= ring->size)
		return NULL;
	hdr = bpfshim_ring_at(ring, ring->head);
	hdr->pgoff = ring->first_page + (u32)(((char *)hdr - ring->data) >> page_shift);
	__atomic_store_n(&hdr->len, (u32)size | BPFSHIM_RING_BUSY, __ATOMIC_RELAXED);
	ring->head = end;
	/* The consumer that sees the position sees the busy header. */
	__atomic_store_n(ring->producer, end, __ATOMIC_RELEASE);
	return hdr + 1;
}

/** bpfshim_ring_commit() - end a record: hand it over, or have it skipped.
 * Any context, no lock.  true: the consumer has read all up to this record,
 * so it may be asleep. */
static inline bool bpfshim_ring_commit(struct bpfshim_ring *ring, void *sample, bool discard)
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

/*
 * The other way round, user ring buffers: the user writes records and its
 * position, which is *producer then, and both may be anything at any time;
 * *consumer is a page that the user reads.
 */

/** bpfshim_ring_release() - done with the record of that size that peek gave. */
static inline void bpfshim_ring_release(struct bpfshim_ring *ring, u32 size)
{
	ring->head += bpfshim_ring_span(size);
	/* The user that sees it may write there again. */
	__atomic_store_n(ring->consumer, ring->head, __ATOMIC_RELEASE);
}

/** bpfshim_ring_peek() - the next record of a user ring buffer that is not
 * longer than max.  One caller at a time.  0; -ENODATA: none that is whole;
 * -EAGAIN: there was one to skip, and it was; -EINVAL, -E2BIG: nonsense. */
static inline int bpfshim_ring_peek(struct bpfshim_ring *ring, u32 max, void **sample, u32 *size)
{
	u64 end = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE), pos = ring->head;
	u32 word, len;

	if (end % 8)
		return -EINVAL;
	if (pos >= end)
		return -ENODATA;
	/* Once: the user may write another the moment after. */
	word = __atomic_load_n(&bpfshim_ring_at(ring, pos)->len, __ATOMIC_ACQUIRE);
	len = word & ~(BPFSHIM_RING_BUSY | BPFSHIM_RING_DISCARD);
	if (bpfshim_ring_span(len) > end - pos)
		return -EINVAL;
	if (bpfshim_ring_span(len) > ring->size || len > max)
		return -E2BIG;
	if (word & BPFSHIM_RING_DISCARD) {
		bpfshim_ring_release(ring, len);
		return -EAGAIN;
	}
	if (word & BPFSHIM_RING_BUSY)
		return -ENODATA;
	*sample = bpfshim_ring_at(ring, pos + BPFSHIM_RING_HDR);
	*size = len;
	return 0;
}

/** bpfshim_ring_avail() - bytes between the two positions; what the user has
 * put in its own may make any number of it. */
static inline u64 bpfshim_ring_avail(const struct bpfshim_ring *ring)
{
	u64 tail = __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE);

	return __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE) - tail;
}

/** bpfshim_ring_query() - bpf_ringbuf_query: BPFSHIM_RB_*; 0 for others. */
static inline u64 bpfshim_ring_query(const struct bpfshim_ring *ring, u64 what)
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

#endif /* BPFSHIM_MAPS_RING_H */
