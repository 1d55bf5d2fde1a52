// SPDX-License-Identifier: GPL-2.0
/*
 * Random programs against a consumer that writes what it likes to its
 * position: no two records that are being written ever share a byte, none lies
 * outside the area, and their headers stay what they were.
 */
#include "ring_host.h"
#include <time.h>

#define LIVE	64

struct live {
	u8 *sample;
	u64 size, pos;
	u8 fill;
};

static u64 span(u64 n)
{
	return (n + 8 + 7) & ~7ULL;
}

/* Do two stretches of the ring touch? */
static bool touch(u64 mask, u64 a, u64 an, u64 b, u64 bn)
{
	return ((b - a) & mask) < an || ((a - b) & mask) < bn;
}

static u64 hostile(u64 *s, u64 head)
{
	switch (ring_host_rand(s) % 6) {
	case 0:
		return ring_host_rand(s);
	case 1:
		return head;
	case 2:
		return head + ring_host_rand(s) % 8192;
	case 3:
		return head - ring_host_rand(s) % 8192;
	case 4:
		return head ^ 1ULL << (ring_host_rand(s) % 64);
	}
	return 0;
}

static u64 record_size(u64 *s, u64 ring)
{
	switch (ring_host_rand(s) % 8) {
	case 0:
		return ring_host_rand(s);
	case 1:
		return ring - ring_host_rand(s) % 32;
	case 2:
		return ring_host_rand(s) % (ring + 16);
	}
	return ring_host_rand(s) % 300;
}

static void end(struct bpfshim_ring *r, struct live *l, bool discard)
{
	struct bpfshim_ring_hdr *h = bpfshim_ring_hdr_of(l->sample);
	u64 i;

	REQUIRE(h->len == ((u32)l->size | BPFSHIM_RING_BUSY));
	REQUIRE(h->pgoff == HEAD_PAGES + (l->pos & (r->size - 1)) / PAGE);
	for (i = 0; i < l->size; i++)
		REQUIRE(l->sample[i] == l->fill);
	bpfshim_ring_commit(r, l->sample, discard);
	REQUIRE(h->len == ((u32)l->size | (discard ? BPFSHIM_RING_DISCARD : 0)));
}

static u64 round_of(u64 seed)
{
	struct live live[LIVE];
	struct bpfshim_ring r;
	u64 s = seed | 1, steps = 0, made = 0, size, head;
	u32 nr = 0, i, step;

	ring_host_init(&r, PAGE << ring_host_rand(&s) % 3);
	for (step = 0; step < 3000; step++, steps++) {
		if (!(ring_host_rand(&s) % 3))
			*r.consumer = hostile(&s, *r.producer);
		if (nr == LIVE || (nr && ring_host_rand(&s) % 2)) {
			i = (u32)(ring_host_rand(&s) % nr);
			end(&r, &live[i], ring_host_rand(&s) % 4 == 0);
			live[i] = live[--nr];
			continue;
		}
		size = record_size(&s, r.size);
		head = *r.producer;
		live[nr].sample = bpfshim_ring_reserve(&r, size, 12);
		if (!live[nr].sample) {
			REQUIRE(*r.producer == head);
			continue;
		}
		made++;
		REQUIRE(*r.producer == head + span(size));
		REQUIRE(span(size) < r.size);
		REQUIRE(live[nr].sample == (u8 *)r.data + (head & (r.size - 1)) + 8);
		for (i = 0; i < nr; i++)
			REQUIRE(!touch(r.size - 1, live[i].pos, span(live[i].size), head, span(size)));
		live[nr].pos = head;
		live[nr].size = size;
		live[nr].fill = (u8)ring_host_rand(&s);
		memset(live[nr].sample, live[nr].fill, size);
		nr++;
	}
	while (nr)
		end(&r, &live[--nr], false);
	ring_host_free(&r);
	REQUIRE(made);
	return made;
}

int main(int argc, char **argv)
{
	u64 seed = (u64)time(NULL), rounds = 0, made = 0;
	time_t stop = time(NULL) + 60;
	int c;

	while ((c = getopt(argc, argv, "t:s:")) != -1) {
		if (c == 't')
			stop = time(NULL) + atoi(optarg);
		else if (c == 's' && strtoull(optarg, NULL, 0))
			seed = strtoull(optarg, NULL, 0);
		else if (c != 's')
			return 2;
	}
	for (; time(NULL) < stop; rounds++) {
		/* For what aborts: the seed of its round. */
		if (!(rounds % 1000))
			fprintf(stderr, "ring_fuzz: seed %#llx\n", (unsigned long long)(seed + rounds));
		made += round_of((seed + rounds) * 0x9e3779b97f4a7c15ULL);
	}
	printf("%llu rounds, %llu records\n", (unsigned long long)rounds, (unsigned long long)made);
	return 0;
}
