// SPDX-License-Identifier: GPL-2.0
/* Tries of prefixes against a list that is searched from end to end. */
#include <stdio.h>
#include <stdlib.h>
#include "../lpm.h"
#include "../../../ioctl/bpfshim.h"

#define REQUIRE(x) do { \
	if (!(x)) { \
		fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
		abort(); \
	} } while (0)
#define MAX 64

typedef struct bpfshim_lpm_node node_t;

static u64 state = 88172645463325252ULL;

static u32 rnd(u32 n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (u32)(state % n);
}

/* Node and value, as the map has them; exactly: ASan sees one byte more. */
static node_t *node_new(const struct bpfshim_lpm *t)
{
	return malloc(sizeof(node_t) + t->data_size);
}

static bool same_bits(const u8 *a, const u8 *b, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		if ((a[i / 8] ^ b[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

static struct {
	node_t *stored[MAX];
	u32 nr;
} model;

static int stored(const struct bpfshim_lpm_key *k)
{
	u32 i;

	for (i = 0; i < model.nr; i++)
		if (model.stored[i]->prefixlen == k->prefixlen && same_bits(model.stored[i]->data, k->data, k->prefixlen))
			return (int)i;
	return -1;
}

static node_t *longest(const struct bpfshim_lpm_key *k)
{
	node_t *best = NULL;
	u32 i;

	for (i = 0; i < model.nr; i++) {
		node_t *n = model.stored[i];

		if (n->prefixlen <= k->prefixlen && same_bits(n->data, k->data, n->prefixlen) &&
		    (!best || n->prefixlen > best->prefixlen))
			best = n;
	}
	return best;
}

/* Few bits differ: prefixes shall meet. */
static void random_key(const struct bpfshim_lpm *t, struct bpfshim_lpm_key *k)
{
	u32 i;

	for (i = 0; i < t->data_size; i++)
		k->data[i] = rnd(4) ? 0 : (u8)(1 << rnd(8));
	k->prefixlen = rnd(t->data_size * 8 + 1);
}

static void free_out(const struct bpfshim_lpm_out *out)
{
	u32 i;

	for (i = 0; i < out->nr; i++)
		free(out->node[i]);
}

static void insert(struct bpfshim_lpm *t, const struct bpfshim_lpm_key *k)
{
	node_t *n = node_new(t), *fork = node_new(t);
	static const u64 flags[] = { BPFSHIM_ANY, BPFSHIM_ANY, BPFSHIM_NOEXIST, BPFSHIM_EXIST };
	u64 f = flags[rnd(4)];
	int at = stored(k), want = 0;
	struct bpfshim_lpm_out out;
	bool used;

	n->prefixlen = k->prefixlen;
	memcpy(n->data, k->data, t->data_size);
	if (at >= 0 && f == BPFSHIM_NOEXIST)
		want = -EEXIST;
	else if (at < 0)
		want = f == BPFSHIM_EXIST ? -ENOENT : model.nr == t->max ? -ENOSPC : 0;
	REQUIRE(bpfshim_lpm_may_insert(t, k, f) == want);
	REQUIRE(bpfshim_lpm_insert(t, n, fork, f, &used, &out) == want);
	if (!used)
		free(fork);
	if (want) {
		free(n);
	} else if (at >= 0) {
		REQUIRE(out.nr == 1 && out.node[0] == model.stored[at]);
		model.stored[at] = n;
	} else {
		model.stored[model.nr++] = n;
	}
	free_out(&out);
}

static void remove_key(struct bpfshim_lpm *t, const struct bpfshim_lpm_key *k)
{
	int at = stored(k);
	struct bpfshim_lpm_out out;

	REQUIRE(bpfshim_lpm_remove(t, k, &out) == (at < 0 ? -ENOENT : 0));
	if (at >= 0)
		model.stored[at] = model.stored[--model.nr];
	free_out(&out);
}

static const struct bpfshim_lpm_key *key_of(const node_t *n)
{
	return (const struct bpfshim_lpm_key *)&n->prefixlen;
}

/* All of them, each once, none after what it begins with. */
static void walk(const struct bpfshim_lpm *t)
{
	const node_t *n = bpfshim_lpm_next(t, NULL), *seen[MAX];
	u32 nr = 0, i;

	for (; n; n = bpfshim_lpm_next(t, key_of(n))) {
		REQUIRE(nr < model.nr);
		REQUIRE(model.stored[stored(key_of(n))] == n);
		for (i = 0; i < nr; i++) {
			REQUIRE(seen[i] != n);
			REQUIRE(seen[i]->prefixlen >= n->prefixlen ||
				!same_bits(seen[i]->data, n->data, seen[i]->prefixlen));
		}
		seen[nr++] = n;
	}
	REQUIRE(nr == model.nr);
}

/* Forks have two children, and there are no more nodes than that takes. */
static u32 nodes(const node_t *n)
{
	if (!n)
		return 0;
	REQUIRE(!n->fork || (n->child[0] && n->child[1]));
	return 1 + nodes(n->child[0]) + nodes(n->child[1]);
}

int main(void)
{
	static const u32 sizes[] = { 1, 2, 4, 8, 11, 16, 256 };
	u32 round, i;

	for (round = 0; round < 700; round++) {
		struct bpfshim_lpm t = { NULL, sizes[round % 7], 0, 1 + rnd(MAX) };
		struct bpfshim_lpm_key *k = malloc(sizeof(*k) + t.data_size);

		model.nr = 0;
		for (i = 0; i < 400; i++) {
			random_key(&t, k);
			if (rnd(3) && model.nr)
				memcpy(k, &model.stored[rnd(model.nr)]->prefixlen, sizeof(*k) + t.data_size);
			switch (rnd(4)) {
			case 0:
				remove_key(&t, k);
				break;
			case 1:
				k->prefixlen = rnd(2) ? t.data_size * 8 : rnd(t.data_size * 8 + 1);
				REQUIRE(bpfshim_lpm_find(&t, k) == longest(k));
				break;
			default:
				insert(&t, k);
			}
			REQUIRE(t.count == model.nr);
			REQUIRE(nodes(t.root) <= 2 * t.count);
			if (!(i % 20))
				walk(&t);
		}
		while (model.nr) {
			memcpy(k, &model.stored[rnd(model.nr)]->prefixlen, sizeof(*k) + t.data_size);
			remove_key(&t, k);
		}
		REQUIRE(!t.root);
		free(k);
	}
	return 0;
}
