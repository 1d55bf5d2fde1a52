// SPDX-License-Identifier: GPL-2.0
/*
 * User ring buffers: records are read as they were written; a user that writes
 * nonsense, while they are read, has the reader touch nothing outside the data.
 */
#include "ring_host.h"
#include <pthread.h>

static u64 produce(struct bpfshim_ring *r, u64 pos, u32 len, u32 flags)
{
	u32 *hdr = (u32 *)(r->data + (pos & (r->size - 1)));

	memset(hdr + 2, (int)len, len);
	__atomic_store_n(hdr, len | flags, __ATOMIC_RELEASE);
	pos += (len + 8 + 7) & ~7ULL;
	__atomic_store_n(r->producer, pos, __ATOMIC_RELEASE);
	return pos;
}

static void sane(void)
{
	struct bpfshim_ring r;
	u64 pos = 0, s = 1;
	void *sample;
	u32 size, n, len, i;

	ring_host_init(&r, PAGE);
	REQUIRE(bpfshim_ring_peek(&r, 100, &sample, &size) == -ENODATA);
	for (n = 0; n < 5000; n++) {
		len = (u32)(ring_host_rand(&s) % 1000);
		switch (ring_host_rand(&s) % 4) {
		case 0:
			pos = produce(&r, pos, len, BPFSHIM_RING_DISCARD);
			REQUIRE(bpfshim_ring_peek(&r, 1000, &sample, &size) == -EAGAIN);
			break;
		case 1:
			produce(&r, pos, len, BPFSHIM_RING_BUSY);
			REQUIRE(bpfshim_ring_peek(&r, 1000, &sample, &size) == -ENODATA);
			/* fall through */
		default:
			pos = produce(&r, pos, len, 0);
			if (len > 900) {
				REQUIRE(bpfshim_ring_peek(&r, 900, &sample, &size) == -E2BIG);
			}
			REQUIRE(!bpfshim_ring_peek(&r, 1000, &sample, &size) && size == len);
			for (i = 0; i < len; i++)
				REQUIRE(((u8 *)sample)[i] == (u8)len);
			bpfshim_ring_release(&r, size);
		}
		REQUIRE(*r.consumer == pos);
		REQUIRE(bpfshim_ring_peek(&r, 1000, &sample, &size) == -ENODATA);
	}
	ring_host_free(&r);
}

static void nonsense(void)
{
	struct bpfshim_ring r;
	void *sample;
	u32 size;

	ring_host_init(&r, PAGE);
	*r.producer = 4;
	REQUIRE(bpfshim_ring_peek(&r, 1000, &sample, &size) == -EINVAL);
	*r.producer = 8;
	*(u32 *)r.data = 1;
	REQUIRE(bpfshim_ring_peek(&r, 1000, &sample, &size) == -EINVAL);
	*r.producer = ~7ULL;
	*(u32 *)r.data = PAGE - 7;
	REQUIRE(bpfshim_ring_peek(&r, 1U << 24, &sample, &size) == -E2BIG);
	*(u32 *)r.data = ~0U;
	REQUIRE(bpfshim_ring_peek(&r, 1U << 24, &sample, &size) == -E2BIG);
	*(u32 *)r.data = PAGE - 8;
	REQUIRE(!bpfshim_ring_peek(&r, 1U << 24, &sample, &size) && size == PAGE - 8);
	bpfshim_ring_release(&r, size);
	REQUIRE(*r.consumer == PAGE);
	/* The position it reads by is the kernel's own. */
	*r.consumer = 0x1234;
	*r.producer = PAGE;
	REQUIRE(bpfshim_ring_peek(&r, 1000, &sample, &size) == -ENODATA);
	ring_host_free(&r);
}

struct scribbler {
	struct bpfshim_ring *r;
	int stop;
};

static void *scribble(void *arg)
{
	struct scribbler *w = arg;
	u64 s = 7;

	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
		u64 head = __atomic_load_n(w->r->consumer, __ATOMIC_ACQUIRE);
		u32 *hdr = (u32 *)(w->r->data + (head & (w->r->size - 1)));
		u32 word = (u32)ring_host_rand(&s);

		switch (ring_host_rand(&s) % 4) {
		case 0:
			word &= BPFSHIM_RING_DISCARD | 0x1fff;
			break;
		case 1:
		case 2:
			word &= 0x3ff;
		}
		__atomic_store_n(hdr, word, __ATOMIC_RELAXED);
		__atomic_store_n(w->r->producer, head + (ring_host_rand(&s) % 64 ? 1ULL << 40 : ring_host_rand(&s)),
				 __ATOMIC_RELAXED);
	}
	return NULL;
}

static void hostile(void)
{
	struct bpfshim_ring r;
	struct scribbler w = { .r = &r };
	u64 got = 0, n, sum = 0;
	pthread_t thread;
	void *sample;
	u32 size, i;

	ring_host_init(&r, PAGE);
	REQUIRE(!pthread_create(&thread, NULL, scribble, &w));
	for (n = 0; n < 3000000 || (!got && n < 300000000); n++) {
		if (bpfshim_ring_peek(&r, 1U << 24, &sample, &size))
			continue;
		REQUIRE((char *)sample >= r.data && (char *)sample + size <= r.data + 2 * r.size);
		for (i = 0; i < size; i += 64)
			sum += ((volatile u8 *)sample)[i];
		bpfshim_ring_release(&r, size);
		got++;
	}
	__atomic_store_n(&w.stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	REQUIRE(got);
	printf("%llu looks, %llu records of a liar (%llu)\n", (unsigned long long)n, (unsigned long long)got,
	       (unsigned long long)(sum & 1));
	ring_host_free(&r);
}

int main(void)
{
	sane();
	nonsense();
	hostile();
	return 0;
}
