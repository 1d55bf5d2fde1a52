// SPDX-License-Identifier: GPL-2.0
#include "lpm.h"
#include "../../ioctl/bpfshim.h"

typedef struct bpfshim_lpm_node node_t;

/* Readers see a node's contents before its address. */
static node_t *get(node_t *const *slot)
{
	return __atomic_load_n(slot, __ATOMIC_CONSUME);
}

static void put(node_t **slot, node_t *n)
{
	__atomic_store_n(slot, n, __ATOMIC_RELEASE);
}

static bool is_fork(const node_t *n)
{
	return __atomic_load_n(&n->fork, __ATOMIC_RELAXED);
}

static u32 bit(const u8 *data, u32 i)
{
	return data[i / 8] >> (7 - i % 8) & 1;
}

/* How many bits are the same: at most so many as the shorter prefix has.  The
 * first `from` are known to be. */
static u32 common(const struct bpfshim_lpm *t, const node_t *n, const u8 *data, u32 len, u32 from)
{
	u32 limit = n->prefixlen < len ? n->prefixlen : len, i = from / 8, same;

	for (; i * 8 < limit; i++) {
		u8 x = n->data[i] ^ data[i];

		/* Whole words while there are. */
		if (!x) {
			while (i + 4 < t->data_size && (i + 4) * 8 < limit && !memcmp(n->data + i + 1, data + i + 1, 4))
				i += 4;
			continue;
		}
		same = i * 8 + (u32)__builtin_clz(x) - 24;
		return same < limit ? same : limit;
	}
	return limit;
}

node_t *bpfshim_lpm_find(const struct bpfshim_lpm *t, const struct bpfshim_lpm_key *key)
{
	node_t *n = get(&t->root), *best = NULL;
	u32 from = 0;

	while (n) {
		u32 len = n->prefixlen;

		if (len > key->prefixlen || common(t, n, key->data, key->prefixlen, from) < len)
			break;
		if (!is_fork(n))
			best = n;
		if (len == key->prefixlen)
			break;
		from = len;
		n = get(&n->child[bit(key->data, len)]);
	}
	return best;
}

int bpfshim_lpm_insert(struct bpfshim_lpm *t, node_t *node, node_t *fork, u64 flags, bool *used_fork,
		       struct bpfshim_lpm_out *out)
{
	node_t **slot = &t->root, *n;
	u32 m = 0, b;
	bool same;

	out->nr = 0;
	*used_fork = false;
	while ((n = *slot)) {
		m = common(t, n, node->data, node->prefixlen, m);
		if (m < n->prefixlen || n->prefixlen == node->prefixlen)
			break;
		slot = &n->child[bit(node->data, m)];
	}
	same = n && m == n->prefixlen;
	if (same && !n->fork) {
		if (flags == BPFSHIM_NOEXIST)
			return -EEXIST;
	} else {
		if (flags == BPFSHIM_EXIST)
			return -ENOENT;
		if (t->count == t->max)
			return -ENOSPC;
		t->count++;
	}
	node->fork = 0;
	node->child[0] = node->child[1] = NULL;
	if (same) {
		node->child[0] = n->child[0];
		node->child[1] = n->child[1];
		out->node[out->nr++] = n;
	} else if (n && m == node->prefixlen) {
		node->child[bit(n->data, m)] = n;
	} else if (n) {
		fork->fork = 1;
		fork->prefixlen = m;
		memcpy(fork->data, n->data, t->data_size);
		b = bit(node->data, m);
		fork->child[b] = node;
		fork->child[!b] = n;
		*used_fork = true;
		node = fork;
	}
	put(slot, node);
	return 0;
}

int bpfshim_lpm_remove(struct bpfshim_lpm *t, const struct bpfshim_lpm_key *key, struct bpfshim_lpm_out *out)
{
	node_t **slot = &t->root, **above = NULL, *parent = NULL, *n;
	u32 m = 0;

	out->nr = 0;
	while ((n = *slot)) {
		m = common(t, n, key->data, key->prefixlen, m);
		if (m < n->prefixlen || n->prefixlen == key->prefixlen)
			break;
		parent = n;
		above = slot;
		slot = &n->child[bit(key->data, m)];
	}
	if (!n || m < n->prefixlen || n->fork)
		return -ENOENT;
	t->count--;
	if (n->child[0] && n->child[1]) {
		/* Its children part here. */
		__atomic_store_n(&n->fork, 1, __ATOMIC_RELAXED);
		return 0;
	}
	if (parent && parent->fork && !n->child[0] && !n->child[1]) {
		put(above, parent->child[parent->child[0] == n]);
		out->node[out->nr++] = parent;
	} else {
		put(slot, n->child[0] ? n->child[0] : n->child[1]);
	}
	out->node[out->nr++] = n;
	return 0;
}

/* The first in order below n, or n. */
static const node_t *first(const node_t *n)
{
	const node_t *last = NULL, *down;

	while (n) {
		last = n;
		down = get(&n->child[0]);
		n = down ? down : get(&n->child[1]);
	}
	return last;
}

const node_t *bpfshim_lpm_next(const struct bpfshim_lpm *t, const struct bpfshim_lpm_key *key)
{
	const node_t *root = get(&t->root), *n = root, *after = NULL;
	u32 m = 0;

	if (!key || !bpfshim_lpm_valid(t, key))
		return first(root);
	while (n) {
		const node_t *right = NULL;
		u32 b;

		m = common(t, n, key->data, key->prefixlen, m);
		if (m < n->prefixlen || n->prefixlen == key->prefixlen)
			break;
		b = bit(key->data, m);
		if (!b)
			right = get(&n->child[1]);
		if (right)
			after = first(right);
		else if (!is_fork(n))
			after = n;
		n = get(&n->child[b]);
	}
	return n && m == n->prefixlen && !is_fork(n) ? after : first(root);
}
