// SPDX-License-Identifier: GPL-2.0
/* Queues and stacks against a model that shifts its elements. */
#include <stdio.h>
#include <stdlib.h>
#include "../queue.h"

#define REQUIRE(x) do { \
	if (!(x)) { \
		fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
		abort(); \
	} } while (0)
#define MAX_ROOM	17
#define MAX_SIZE	33

static u64 state = 88172645463325252ULL;

static u32 rnd(u32 n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (u32)(state % n);
}

struct model {
	u8 value[MAX_ROOM][MAX_SIZE];
	u32 count;
};

static void drop(struct model *m, u32 i)
{
	memmove(m->value[i], m->value[i + 1], (m->count - i - 1) * MAX_SIZE);
	m->count--;
}

static void push(struct bpfshim_queue *q, struct model *m)
{
	u8 *value = malloc(q->size);	/* exactly: ASan sees one byte more */
	bool replace = rnd(2), full = m->count == q->room;
	u32 i;

	for (i = 0; i < q->size; i++)
		value[i] = (u8)rnd(256);
	REQUIRE(bpfshim_queue_push(q, value, replace) == (full && !replace ? -E2BIG : 0));
	if (full && replace)
		drop(m, 0);
	if (!full || replace)
		memcpy(m->value[m->count++], value, q->size);
	free(value);
}

static void get(struct bpfshim_queue *q, struct model *m)
{
	static const u8 zero[MAX_SIZE];
	bool newest = rnd(2), take = rnd(2);
	u8 *value = malloc(q->size);
	u32 i = newest && m->count ? m->count - 1 : 0;

	memset(value, 0xee, q->size);
	if (!m->count) {
		REQUIRE(bpfshim_queue_get(q, value, newest, take) == -ENOENT);
		REQUIRE(!memcmp(value, zero, q->size));
	} else {
		REQUIRE(!bpfshim_queue_get(q, value, newest, take));
		REQUIRE(!memcmp(value, m->value[i], q->size));
		if (take)
			drop(m, i);
	}
	free(value);
}

int main(void)
{
	u32 room, size, step, steps = 0;

	for (room = 1; room < MAX_ROOM; room++)
		for (size = 1; size < MAX_SIZE; size += 4) {
			struct bpfshim_queue q = { .size = size, .room = room };
			struct model m = { .count = 0 };

			q.data = malloc((size_t)room * size);
			for (step = 0; step < 3000; step++, steps++) {
				if (rnd(20 + step / 500 % 2 * 10) < 12)
					push(&q, &m);
				else
					get(&q, &m);
				REQUIRE(q.count == m.count && q.oldest < room);
			}
			free(q.data);
		}
	printf("%u operations\n", steps);
	return 0;
}
