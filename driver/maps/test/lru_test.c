// SPDX-License-Identifier: GPL-2.0
/*
 * Which keys a full LRU table keeps: lru.c with a table around it that takes and
 * releases nodes as lru_hash.c does, on CPUs that act one after the other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../lru.h"

#define REQUIRE(c) do { \
	if (!(c)) { \
		fprintf(stderr, "%s:%d: %s (%u nodes, %u CPUs, %s)\n", __FILE__, __LINE__, #c, nr_nodes, nr_cpus, \
			common ? "common" : "own"); \
		exit(1); \
	} \
} while (0)

#define NODES	4096
#define CPUS	64
#define KEYS	65536

struct slot {
	struct bpfshim_lru_node node;
	u32 key;
	bool in;		/* the table */
};

/* The table: by key, its slot's number and 1; 0: it is not there. */
static u32 where[KEYS];
static struct slot slots[NODES];
static struct bpfshim_lru lru, alone[CPUS];
static struct bpfshim_lru_local own[CPUS];
static u32 nr_nodes, nr_cpus, batch, held, cpu;
static bool common;
static u32 refuse;		/* one eviction of so many is refused; 0: none */
static u32 seed = 1;

static u32 rnd(u32 n)
{
	seed = seed * 1664525 + 1013904223;
	return (u32)(((u64)seed * n) >> 32);
}

static bool evict(void *cookie, struct bpfshim_lru_node *n)
{
	struct slot *s = container_of(n, struct slot, node);

	REQUIRE(cookie == where);
	if (!s->in || (refuse && !rnd(refuse)))
		return false;
	where[s->key] = 0;
	s->in = false;
	held--;
	return true;
}

static void table(u32 nodes, u32 cpus, bool is_common)
{
	u32 i;

	nr_nodes = nodes;
	nr_cpus = cpus;
	common = is_common;
	refuse = held = cpu = 0;
	batch = bpfshim_lru_batch(nodes, cpus);
	memset(where, 0, sizeof(where));
	memset(slots, 0, sizeof(slots));
	bpfshim_lru_init(&lru, evict, where);
	for (i = 0; i < cpus; i++) {
		bpfshim_lru_local_init(&own[i], (u16)i);
		bpfshim_lru_init(&alone[i], evict, where);
	}
	for (i = 0; i < nodes; i++) {
		slots[i].node.cpu = (u16)(i % cpus);
		bpfshim_lru_add(common ? &lru : &alone[i % cpus], &slots[i].node);
	}
}

static struct slot *take(void)
{
	struct bpfshim_lru_node *n;
	u32 from = cpu;

	if (!common) {
		n = bpfshim_lru_get(&alone[cpu], batch);
		return n ? container_of(n, struct slot, node) : NULL;
	}
	n = bpfshim_lru_local_get(&own[cpu]);
	if (!n) {
		bpfshim_lru_refill(&lru, &own[cpu], batch);
		n = bpfshim_lru_local_get(&own[cpu]);
	}
	if (n)
		return container_of(n, struct slot, node);
	do {
		from = (from + 1) % nr_cpus;
		n = bpfshim_lru_steal(&lru, &own[from]);
	} while (!n && from != cpu);
	if (!n)
		return NULL;
	bpfshim_lru_local_take(&own[cpu], n);
	return container_of(n, struct slot, node);
}

static void release(struct slot *s)
{
	u32 at = s->node.cpu;

	if (!common)
		bpfshim_lru_free_node(&alone[at], &s->node);
	else if (!bpfshim_lru_local_free_node(&own[at], &s->node))
		bpfshim_lru_free_node(&lru, &s->node);
}

/* An update, as a program or a process does it: a new node, then the old one's. */
static bool put(u32 key)
{
	struct slot *s = take(), *old;

	if (!s)
		return false;
	REQUIRE(!s->in);
	old = where[key] ? &slots[where[key] - 1] : NULL;
	s->key = key;
	s->in = true;
	where[key] = (u32)(s - slots) + 1;
	held++;
	if (old) {
		old->in = false;
		held--;
		release(old);
	}
	return true;
}

static void del(u32 key)
{
	struct slot *s = &slots[where[key] - 1];

	REQUIRE(where[key]);
	where[key] = 0;
	s->in = false;
	held--;
	release(s);
}

/* A program's look-up. */
static void use(u32 key)
{
	REQUIRE(where[key]);
	slots[where[key] - 1].node.ref = 1;
}

static bool has(u32 key)
{
	return where[key];
}

/* Lists are whole, their counts and their nodes' places true; how many nodes. */
static u32 list_ok(struct bpfshim_lru_list *l, u8 place, s32 at)
{
	struct bpfshim_lru_node *n;
	u32 nr = 0;

	for (n = l->head.next; n != &l->head; n = n->next, nr++) {
		REQUIRE(n->next->prev == n && n->prev->next == n && n->place == place);
		REQUIRE(at < 0 || n->cpu == at);
		REQUIRE(nr <= nr_nodes);
		if (place == BPFSHIM_LRU_FREE || place == BPFSHIM_LRU_LOCAL_FREE)
			REQUIRE(!container_of(n, struct slot, node)->in);
	}
	REQUIRE(nr == l->count);
	return nr;
}

static void lists_ok(void)
{
	u32 nr = 0, i;
	u8 p;

	for (p = 0; p < BPFSHIM_LRU_PLACES; p++) {
		nr += list_ok(&lru.list[p], p, -1);
		for (i = 0; i < nr_cpus; i++)
			nr += list_ok(&alone[i].list[p], p, (s32)i);
	}
	for (i = 0; i < nr_cpus; i++) {
		nr += list_ok(&own[i].free, BPFSHIM_LRU_LOCAL_FREE, (s32)i);
		nr += list_ok(&own[i].pending, BPFSHIM_LRU_PENDING, (s32)i);
	}
	REQUIRE(nr == nr_nodes);
}

/* How many keys one CPU may put there. */
static u32 room(void)
{
	return common ? nr_nodes : nr_nodes / nr_cpus;
}

/* Nothing goes before the table is full, deletions in between or not. */
static void fills(void)
{
	u32 n = room(), k;

	for (k = 0; k < n; k++)
		REQUIRE(put(k));
	REQUIRE(held == n);
	for (k = n / 3; k < n / 2; k++)
		del(k);
	for (k = n / 3; k < n / 2; k++)
		REQUIRE(put(KEYS - 1 - k));
	REQUIRE(held == n);
	lists_ok();
}

/* Of a full table the used stay, and of the others as many as there is room
 * for, of which the last that came are all there. */
static void used_stay(u32 used)
{
	u32 n = room(), k, new = n - used;

	for (k = 0; k < n; k++)
		REQUIRE(put(k));
	for (k = 0; k < used; k++)
		use(k);
	for (k = n; k < n + new; k++)
		REQUIRE(put(k));
	for (k = 0; k < used; k++)
		REQUIRE(has(k));
	/* They go by batches: the last may have taken some more than it needed. */
	for (k = n + batch - 1; k < n + new; k++)
		REQUIRE(has(k));
	REQUIRE(held <= n && held + batch > n);
	lists_ok();
}

/* A key that was used again and again outlives any number that were not. */
static void hot_stay(u32 hot)
{
	u32 n = room(), k, h, next = hot;

	for (h = 0; h < hot; h++)
		REQUIRE(put(h));
	for (k = 0; k < 8 * n; k++) {
		for (h = 0; h < hot; h++)
			use(h);
		REQUIRE(put(next));
		next = next == KEYS - 1 ? hot : next + 1;
	}
	lists_ok();
}

/* One node: whoever puts a key finds it, and takes the other's away. */
static void one_node(void)
{
	u32 k;

	REQUIRE(put(0));
	for (k = 1; k < 4 * nr_cpus; k++) {
		cpu = k % nr_cpus;
		use(k - 1);
		REQUIRE(put(k) && has(k) && !has(k - 1) && held == 1);
		use(k);
	}
	lists_ok();
}

/* Two: the one that was used stays, whichever came first. */
static void two_nodes(u32 stays)
{
	REQUIRE(put(1) && put(2));
	use(stays);
	REQUIRE(put(3) && has(stays) && !has(3 - stays) && has(3));
}

/* All used: something goes all the same, and one at least is there. */
static void all_used(void)
{
	u32 n = room(), k;

	for (k = 0; k < 4 * n; k++) {
		REQUIRE(put(k) && has(k));
		use(k);
	}
	REQUIRE(held + batch > n);
	lists_ok();
}

/* From all CPUs: what lies idle is an eighth, and one a CPU. */
static void all_cpus(void)
{
	u32 k;

	for (k = 0; k < 16 * nr_nodes; k++) {
		cpu = rnd(nr_cpus);
		REQUIRE(put(k % KEYS));
		if (k > 2 * nr_nodes)
			REQUIRE(held + nr_nodes / 8 + nr_cpus >= nr_nodes);
	}
	lists_ok();
}

static void anything(u32 steps)
{
	u32 i, key;

	refuse = 5;
	for (i = 0; i < steps; i++) {
		key = rnd(2 * nr_nodes);
		cpu = rnd(nr_cpus);
		if (rnd(8) < 4) {
			put(key);
		} else if (has(key)) {
			if (rnd(3))
				use(key);
			else
				del(key);
		}
		if (!(i % 512))
			lists_ok();
	}
	lists_ok();
	refuse = 0;
}

/* Half of the look-ups go to a twentieth of the keys, and so on: how many of
 * them hit; or of a list that is exact. */
static u32 skewed(u32 keys)
{
	u32 k = keys;

	while (k > 1 && rnd(2))
		k = k / 20 + 1;
	return rnd(k);
}

static u32 hits(u32 lookups)
{
	u32 i, key, hit = 0;

	for (i = 0; i < lookups; i++) {
		key = skewed(4 * nr_nodes);
		cpu = rnd(nr_cpus);
		if (has(key)) {
			use(key);
			hit++;
		} else {
			REQUIRE(put(key));
		}
	}
	lists_ok();
	return hit;
}

static u32 exact_hits(u32 lookups)
{
	static u32 last[KEYS];
	u32 i, j, key, hit = 0, n = 0, old;
	u32 in[NODES];

	memset(last, 0, sizeof(last));
	for (i = 1; i <= lookups; i++) {
		key = skewed(4 * nr_nodes);
		rnd(nr_cpus);
		if (last[key]) {
			hit++;
		} else if (n < nr_nodes) {
			in[n++] = key;
		} else {
			for (old = 0, j = 1; j < n; j++)
				if (last[in[j]] < last[in[old]])
					old = j;
			last[in[old]] = 0;
			in[old] = key;
		}
		last[key] = i;
	}
	return hit;
}

static void as_good_as_exact(u32 nodes, u32 cpus)
{
	u32 ours, exact;

	seed = 7;
	table(nodes, cpus, true);
	ours = hits(40000);
	seed = 7;
	exact = exact_hits(40000);
	if (ours < exact / 100 * 95)
		fprintf(stderr, "%u hits of %u\n", ours, exact);
	REQUIRE(ours >= exact / 100 * 95);
}

int main(void)
{
	static const u32 cpus[] = { 1, 2, 3, 4, 8, 64 }, sizes[] = { 1, 2, 3, 7, 16, 100, 192, 256, 384, 1000, 4096 };
	u32 c, s, kind, i;

	for (kind = 0; kind < 2; kind++) {
		for (c = 0; c < ARRAY_SIZE(cpus); c++) {
			u32 n = cpus[c];

			for (s = 0; s < ARRAY_SIZE(sizes); s++) {
				u32 nodes = kind ? sizes[s] : sizes[s] * n;
				u32 used[] = { 1, sizes[s] / 3, sizes[s] / 2, sizes[s] * 3 / 4 };

				if (nodes > NODES)
					continue;
				table(nodes, n, kind);
				fills();
				for (i = 0; i < ARRAY_SIZE(used); i++) {
					if (!used[i] || used[i] > 256 || used[i] >= sizes[s])
						continue;
					table(nodes, n, kind);
					used_stay(used[i]);
					table(nodes, n, kind);
					hot_stay(used[i]);
				}
				table(nodes, n, kind);
				all_used();
				if (kind) {
					table(nodes, n, kind);
					all_cpus();
				}
				table(nodes, n, kind);
				anything(20000);
			}
			table(kind ? 2 : 2 * n, n, kind);
			two_nodes(1);
			table(kind ? 2 : 2 * n, n, kind);
			two_nodes(2);
		}
	}
	for (c = 0; c < ARRAY_SIZE(cpus); c++) {
		table(1, cpus[c], true);
		one_node();
	}
	as_good_as_exact(256, 1);
	as_good_as_exact(256, 4);
	as_good_as_exact(1000, 4);
	as_good_as_exact(4000, 64);
	return 0;
}
