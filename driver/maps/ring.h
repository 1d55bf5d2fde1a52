/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ring of a ring buffer map, without the kernel: positions, records, and
 * who must be woken.  Freestanding, so that the host can run it with threads.
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

/** bpfshim_ring_reserve() - begin a record of size bytes.  Under the ring's
 * lock.  Its data, or NULL: no room, or too large. */
void *bpfshim_ring_reserve(struct bpfshim_ring *ring, u64 size, u32 page_shift);

/** bpfshim_ring_commit() - end a record: hand it over, or have it skipped.
 * Any context, no lock.  true: the consumer has read all up to this record,
 * so it may be asleep. */
bool bpfshim_ring_commit(struct bpfshim_ring *ring, void *sample, bool discard);

/*
 * The other way round, user ring buffers: the user writes records and its
 * position, which is *producer then, and both may be anything at any time;
 * *consumer is a page that the user reads.
 */

/** bpfshim_ring_peek() - the next record of a user ring buffer that is not
 * longer than max.  One caller at a time.  0; -ENODATA: none that is whole;
 * -EAGAIN: there was one to skip, and it was; -EINVAL, -E2BIG: nonsense. */
int bpfshim_ring_peek(struct bpfshim_ring *ring, u32 max, void **sample, u32 *size);

/** bpfshim_ring_release() - done with the record of that size that peek gave. */
void bpfshim_ring_release(struct bpfshim_ring *ring, u32 size);

/** bpfshim_ring_hdr_of() - the header of a record's data. */
static inline struct bpfshim_ring_hdr *bpfshim_ring_hdr_of(void *sample)
{
	return (struct bpfshim_ring_hdr *)((char *)sample - BPFSHIM_RING_HDR);
}

/** bpfshim_ring_avail() - bytes between the two positions; what the user has
 * put in its own may make any number of it. */
u64 bpfshim_ring_avail(const struct bpfshim_ring *ring);

/** bpfshim_ring_query() - bpf_ringbuf_query: BPFSHIM_RB_*; 0 for others. */
u64 bpfshim_ring_query(const struct bpfshim_ring *ring, u64 what);

#endif /* BPFSHIM_MAPS_RING_H */
