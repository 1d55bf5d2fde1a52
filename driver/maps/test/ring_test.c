// SPDX-License-Identifier: GPL-2.0
/*
 * The ring alone, then producer threads against a consumer that sleeps: no
 * record torn, doubled or out of order, each that did not fit counted, and
 * nobody left asleep.
 */
#include "ring_host.h"
#include <pthread.h>
#include <time.h>

#define PRODUCERS	4

/* ---- one thread -------------------------------------------------------- */

static void basics(void)
{
	struct bpfshim_ring_hdr *h;
	struct bpfshim_ring r;
	void *a, *b;

	ring_host_init(&r, PAGE);
	REQUIRE(!bpfshim_ring_avail(&r));
	a = bpfshim_ring_reserve(&r, 5, 12);
	REQUIRE(a == r.data + 8 && *r.producer == 16);
	h = bpfshim_ring_hdr_of(a);
	REQUIRE(h->len == (5 | BPFSHIM_RING_BUSY) && h->pgoff == HEAD_PAGES);
	b = bpfshim_ring_reserve(&r, 8, 12);
	REQUIRE(b == r.data + 24 && *r.producer == 32);
	/* The second first: the consumer is not there yet. */
	REQUIRE(!bpfshim_ring_commit(&r, b, true));
	REQUIRE(bpfshim_ring_hdr_of(b)->len == (8 | BPFSHIM_RING_DISCARD));
	REQUIRE(bpfshim_ring_commit(&r, a, false));
	REQUIRE(h->len == 5);
	REQUIRE(bpfshim_ring_avail(&r) == 32);
	*r.consumer = 16;
	REQUIRE(bpfshim_ring_query(&r, BPFSHIM_RB_AVAIL_DATA) == 16);
	REQUIRE(bpfshim_ring_query(&r, BPFSHIM_RB_RING_SIZE) == PAGE);
	REQUIRE(bpfshim_ring_query(&r, BPFSHIM_RB_CONS_POS) == 16);
	REQUIRE(bpfshim_ring_query(&r, BPFSHIM_RB_PROD_POS) == 32);
	REQUIRE(bpfshim_ring_query(&r, 4) == 0);
	ring_host_free(&r);
}

static void limits(void)
{
	struct bpfshim_ring r;
	void *a, *b;
	u32 n;

	ring_host_init(&r, PAGE);
	/* A record that fills the ring can never be told from none. */
	REQUIRE(!bpfshim_ring_reserve(&r, PAGE - 8, 12));
	REQUIRE(!bpfshim_ring_reserve(&r, PAGE, 12));
	REQUIRE(!bpfshim_ring_reserve(&r, BPFSHIM_RING_MAX_RECORD, 12));
	REQUIRE(!bpfshim_ring_reserve(&r, ~0ULL, 12));
	REQUIRE(!bpfshim_ring_reserve(&r, ~7ULL, 12));
	a = bpfshim_ring_reserve(&r, PAGE - 16, 12);
	REQUIRE(a && !bpfshim_ring_reserve(&r, 0, 12));
	bpfshim_ring_commit(&r, a, false);
	REQUIRE(!bpfshim_ring_reserve(&r, 0, 12));
	*r.consumer = PAGE - 8;
	/* Across the end, in one piece. */
	b = bpfshim_ring_reserve(&r, 100, 12);
	REQUIRE(b == r.data + PAGE);
	memset(b, 0x5a, 100);
	REQUIRE(r.data[99] == 0x5a);
	REQUIRE(bpfshim_ring_commit(&r, b, false));
	*r.consumer = *r.producer;
	for (n = 0; bpfshim_ring_reserve(&r, 0, 12); n++)
		;
	REQUIRE(n == PAGE / 8 - 1);
	ring_host_free(&r);
}

/* The consumer says it has read what is still being written. */
static void liar(void)
{
	struct bpfshim_ring r;
	void *a, *b;
	u32 n;

	ring_host_init(&r, PAGE);
	a = bpfshim_ring_reserve(&r, 1000, 12);
	REQUIRE(a);
	for (n = 0; n < 10; n++) {
		b = bpfshim_ring_reserve(&r, 1000, 12);
		if (b)
			bpfshim_ring_commit(&r, b, false);
		*r.consumer = *r.producer;
	}
	REQUIRE(*r.producer == 4 * 1008);
	REQUIRE(bpfshim_ring_hdr_of(a)->len == (1000 | BPFSHIM_RING_BUSY));
	bpfshim_ring_commit(&r, a, false);
	REQUIRE(bpfshim_ring_reserve(&r, 1000, 12));
	/* Ahead of the producer: no room is better than someone else's. */
	*r.consumer = *r.producer + (1ULL << 63);
	REQUIRE(!bpfshim_ring_reserve(&r, 8, 12));
	ring_host_free(&r);
}

/* ---- threads ----------------------------------------------------------- */

/* One run.  lock is the driver's spinlock; wait_lock and cond its wait queue. */
struct stage {
	struct bpfshim_ring r;
	pthread_mutex_t lock, wait_lock;
	pthread_cond_t cond;
	u32 wakes;			/* under wait_lock */
	u32 records;			/* each producer's */
	u64 nr_wakes, nr_sleeps;
	u32 running;
};

struct producer {
	struct stage *st;
	u32 id;
	u64 lost, discarded;
	pthread_t thread;
};

/* What a record is: then size - sizeof(rec) bytes of a pattern. */
struct rec {
	u32 id, seq, size, sum;
};

static u8 pattern(u32 id, u32 seq, u32 i)
{
	return (u8)(id * 31 + seq * 7 + i * 13);
}

static void wake(struct stage *st)
{
	pthread_mutex_lock(&st->wait_lock);
	st->wakes++;
	st->nr_wakes++;
	pthread_cond_signal(&st->cond);
	pthread_mutex_unlock(&st->wait_lock);
}

static void *produce(void *arg)
{
	struct producer *p = arg;
	struct stage *st = p->st;
	u64 seed = 0x9e3779b97f4a7c15ULL * (p->id + 1);
	u32 seq, i, size;
	struct rec *rec;

	for (seq = 0; seq < st->records; seq++) {
		size = (u32)(sizeof(*rec) + ring_host_rand(&seed) % 200);
		pthread_mutex_lock(&st->lock);
		rec = bpfshim_ring_reserve(&st->r, size, 12);
		pthread_mutex_unlock(&st->lock);
		if (!rec) {
			p->lost++;
			if (!(ring_host_rand(&seed) % 4))
				sched_yield();
			continue;
		}
		rec->id = p->id;
		rec->seq = seq;
		rec->size = size;
		rec->sum = p->id ^ seq ^ size;
		for (i = sizeof(*rec); i < size; i++)
			((u8 *)rec)[i] = pattern(p->id, seq, i);
		if (!(ring_host_rand(&seed) % 64))
			sched_yield();	/* others commit behind it */
		if (!(ring_host_rand(&seed) % 8)) {
			p->discarded++;
			rec->sum = ~0U;	/* nobody may look */
			if (bpfshim_ring_commit(&st->r, rec, true))
				wake(st);
		} else if (bpfshim_ring_commit(&st->r, rec, false)) {
			wake(st);
		}
	}
	__atomic_sub_fetch(&st->running, 1, __ATOMIC_SEQ_CST);
	wake(st);
	return NULL;
}

/* poll(2): back at once when there is something, else at the next wakeup. */
static void wait_for_data(struct stage *st)
{
	struct timespec until;

	pthread_mutex_lock(&st->wait_lock);
	st->wakes = 0;
	if (!bpfshim_ring_avail(&st->r) && __atomic_load_n(&st->running, __ATOMIC_SEQ_CST)) {
		st->nr_sleeps++;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += 20;
		while (!st->wakes)
			REQUIRE(!pthread_cond_timedwait(&st->cond, &st->wait_lock, &until));
	}
	pthread_mutex_unlock(&st->wait_lock);
}

static void check(const struct rec *rec, u32 len, s64 last[PRODUCERS], u64 got[PRODUCERS])
{
	u32 i;

	REQUIRE(len >= sizeof(*rec) && rec->id < PRODUCERS && rec->size == len);
	REQUIRE(rec->sum == (rec->id ^ rec->seq ^ rec->size));
	REQUIRE((s64)rec->seq > last[rec->id]);
	for (i = sizeof(*rec); i < len; i++)
		REQUIRE(((const u8 *)rec)[i] == pattern(rec->id, rec->seq, i));
	last[rec->id] = rec->seq;
	got[rec->id]++;
}

static void consume(struct stage *st, s64 last[PRODUCERS], u64 got[PRODUCERS], u64 *skipped)
{
	struct bpfshim_ring *r = &st->r;
	u64 pos = 0, end, turns = 0;
	u32 len;

	for (;;) {
		bool done = !__atomic_load_n(&st->running, __ATOMIC_SEQ_CST);

		end = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
		if (pos == end && done)
			return;
		while (pos != end) {
			struct bpfshim_ring_hdr *h = (void *)(r->data + (pos & (r->size - 1)));

			len = __atomic_load_n(&h->len, __ATOMIC_ACQUIRE);
			if (len & BPFSHIM_RING_BUSY)
				break;
			REQUIRE(h->pgoff == HEAD_PAGES + (pos & (r->size - 1)) / PAGE);
			if (len & BPFSHIM_RING_DISCARD)
				++*skipped;
			else
				check((void *)(h + 1), len, last, got);
			len &= ~BPFSHIM_RING_DISCARD;
			pos += (len + 8 + 7) & ~7U;
			__atomic_store_n(r->consumer, pos, __ATOMIC_SEQ_CST);
			if (!(++turns % 1000))
				sched_yield();	/* let it run full */
		}
		wait_for_data(st);
	}
}

static void threads(u64 size, u32 records)
{
	u64 got[PRODUCERS] = { 0 }, skipped = 0, discarded = 0, lost = 0, all = 0;
	s64 last[PRODUCERS];
	struct producer p[PRODUCERS];
	struct stage st;
	u32 i;

	memset(&st, 0, sizeof(st));
	memset(p, 0, sizeof(p));
	ring_host_init(&st.r, size);
	pthread_mutex_init(&st.lock, NULL);
	pthread_mutex_init(&st.wait_lock, NULL);
	pthread_cond_init(&st.cond, NULL);
	st.records = records;
	st.running = PRODUCERS;
	for (i = 0; i < PRODUCERS; i++) {
		last[i] = -1;
		p[i].st = &st;
		p[i].id = i;
		REQUIRE(!pthread_create(&p[i].thread, NULL, produce, &p[i]));
	}
	consume(&st, last, got, &skipped);
	for (i = 0; i < PRODUCERS; i++) {
		pthread_join(p[i].thread, NULL);
		REQUIRE(got[i] + p[i].lost + p[i].discarded == records);
		discarded += p[i].discarded;
		lost += p[i].lost;
		all += got[i];
	}
	REQUIRE(skipped == discarded);
	REQUIRE(all);
	printf("%6llu bytes: %llu read, %llu skipped, %llu without room; %llu wakeups, %llu sleeps\n",
	       (unsigned long long)size, (unsigned long long)all, (unsigned long long)skipped,
	       (unsigned long long)lost, (unsigned long long)st.nr_wakes, (unsigned long long)st.nr_sleeps);
	ring_host_free(&st.r);
}

int main(void)
{
	basics();
	limits();
	liar();
	threads(PAGE, 50000);
	threads(16 * PAGE, 50000);
	threads(1024 * PAGE, 50000);
	return 0;
}
