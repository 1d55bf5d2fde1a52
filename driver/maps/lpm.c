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

/* Of a key that others may write to: once, and for all. */
static u32 length(const struct bpfshim_lpm_key *key)
{
	return __atomic_load_n(&key->prefixlen, __ATOMIC_RELAXED);
}

static u32 bit(const u8 *data, u32 i)
{
	return data[i / 8] >> (7 - i % 8) & 1;
}

/* Bytes that lie anywhere, the first one uppermost. */
static u64 load64(const u8 *p)
{
	u64 v;

	memcpy(&v, p, sizeof(v));
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap64(v) : v;
}

static u32 load32(const u8 *p)
{
	u32 v;

	memcpy(&v, p, sizeof(v));
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap32(v) : v;
}

/* The first bit that differs, no matter what the prefixes' lengths are; or one
 * that is not before limit.  The first `from` are the same. */
static u32 differs(const struct bpfshim_lpm *t, const u8 *a, const u8 *b, u32 from, u32 limit)
{
	u32 i = from / 8, size = t->data_size;
	u64 x;

	if (size < 4) {
		for (; i * 8 < limit; i++)
			if (a[i] != b[i])
				return i * 8 + (u32)__builtin_clz(a[i] ^ b[i]) - 24;
		return limit;
	}
	if (size < 8) {
		for (; i * 8 < limit; i += 4) {
			i = i > size - 4 ? size - 4 : i;
			x = load32(a + i) ^ load32(b + i);
			if (x)
				return i * 8 + (u32)__builtin_clzll(x) - 32;
		}
		return limit;
	}
	for (; i * 8 < limit; i += 8) {
		/* The last word may overlap what was compared before. */
		i = i > size - 8 ? size - 8 : i;
		x = load64(a + i) ^ load64(b + i);
		if (x)
			return i * 8 + (u32)__builtin_clzll(x);
	}
	return limit;
}

/* How many bits are the same: at most so many as the shorter prefix has.  The
 * first `from` are known to be. */
static u32 common(const struct bpfshim_lpm *t, const node_t *n, const u8 *data, u32 len, u32 from)
{
	u32 limit = n->prefixlen < len ? n->prefixlen : len;
	u32 same = differs(t, n->data, data, from, limit);

	return same < limit ? same : limit;
}

node_t *bpfshim_lpm_find(const struct bpfshim_lpm *t, const struct bpfshim_lpm_key *key)
{
	node_t *n = get(&t->root), *best = NULL;
	u32 from = 0, bits = length(key);

	if (bits > t->data_size * 8)
		return NULL;
	while (n) {
		u32 len = n->prefixlen;

		if (len > bits || common(t, n, key->data, bits, from) < len)
			break;
		if (!is_fork(n))
			best = n;
		if (len == bits)
			break;
		from = len;
		n = get(&n->child[bit(key->data, len)]);
	}
	return best;
}

/* What flags and room say to a prefix that is there, or is not. */
static int may_store(const struct bpfshim_lpm *t, bool there, u64 flags)
{
	if (there)
		return flags == BPFSHIM_NOEXIST ? -EEXIST : 0;
	if (flags == BPFSHIM_EXIST)
		return -ENOENT;
	return t->count == t->max ? -ENOSPC : 0;
}

int bpfshim_lpm_may_insert(const struct bpfshim_lpm *t, const struct bpfshim_lpm_key *key, u64 flags)
{
	const node_t *n = t->root;
	u32 m = 0, bits = length(key);

	if (bits > t->data_size * 8)
		return -EINVAL;
	while (n) {
		m = common(t, n, key->data, bits, m);
		if (m < n->prefixlen || n->prefixlen == bits)
			break;
		n = n->child[bit(key->data, m)];
	}
	return may_store(t, n && m == n->prefixlen && !n->fork, flags);
}

int bpfshim_lpm_insert(struct bpfshim_lpm *t, node_t *node, node_t *fork, u64 flags, bool *used_fork,
		       struct bpfshim_lpm_out *out)
{
	node_t **slot = &t->root, *n;
	u32 m = 0, b;
	bool same, there;
	int err;

	out->nr = 0;
	*used_fork = false;
	while ((n = *slot)) {
		m = common(t, n, node->data, node->prefixlen, m);
		if (m < n->prefixlen || n->prefixlen == node->prefixlen)
			break;
		slot = &n->child[bit(node->data, m)];
	}
	same = n && m == n->prefixlen;
	there = same && !n->fork;
	err = may_store(t, there, flags);
	if (err)
		return err;
	t->count += !there;
	node->fork = node->bare = 0;
	node->child[0] = node->child[1] = NULL;
	if (same) {
		node->child[0] = n->child[0];
		node->child[1] = n->child[1];
		out->node[out->nr++] = n;
	} else if (n && m == node->prefixlen) {
		node->child[bit(n->data, m)] = n;
	} else if (n) {
		fork->fork = fork->bare = 1;
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
	u32 m = 0, bits = length(key);

	out->nr = 0;
	if (bits > t->data_size * 8)
		return -EINVAL;
	while ((n = *slot)) {
		m = common(t, n, key->data, bits, m);
		if (m < n->prefixlen || n->prefixlen == bits)
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
