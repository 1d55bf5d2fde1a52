// SPDX-License-Identifier: GPL-2.0
/* Bloom filters: push adds a value, peek asks whether it may be there. */
#include "maps.h"

#define DEFAULT_HASHES	5
#define MAX_HASHES	15

/* Owner: the map's references.  Immutable but for bits, which are only ever
 * set, each atomically, in any context. */
struct bloom {
	struct bpfshim_map map;
	u32 mask;			/* bits - 1 */
	u32 hashes;
	bool fixed;			/* ZERO_SEED: the bits that 6.1 sets */
	u64 mul[4];			/* secret, of the hash */
	unsigned long *bits;
};

static struct bloom *to_bloom(struct bpfshim_map *map)
{
	return container_of(map, struct bloom, map);
}

/* The bits of a value: begin, and step to the next. */
struct bits {
	const void *value;
	u32 bit, step, nr;
};

static u32 fixed_bit(const struct bloom *b, const void *value, u32 i)
{
	u32 size = b->map.value_size;

	return size % 4 ? jhash(value, size, i) : jhash2(value, size / 4, i);
}

/* Two hashes do for any number: their sums are as good as others. */
static void bits_begin(const struct bloom *b, struct bits *at, const void *value)
{
	u64 h;

	at->value = value;
	at->nr = 0;
	if (unlikely(b->fixed)) {
		at->bit = fixed_bit(b, value, 0);
		at->step = 0;
		return;
	}
	h = bpfshim_hash_long(b->mul, value, b->map.value_size);
	at->bit = (u32)h;
	at->step = (u32)(h >> 32) | 1;
}

static bool bits_next(const struct bloom *b, struct bits *at)
{
	if (++at->nr == b->hashes)
		return false;
	at->bit = unlikely(b->fixed) ? fixed_bit(b, at->value, at->nr) : at->bit + at->step;
	return true;
}

static long bloom_push(struct bpfshim_map *map, const void *value, u64 flags)
{
	struct bloom *b = to_bloom(map);
	struct bits at;

	if (flags != BPFSHIM_ANY)
		return -EINVAL;
	bits_begin(b, &at, value);
	do
		set_bit(at.bit & b->mask, b->bits);
	while (bits_next(b, &at));
	return 0;
}

static long bloom_peek(struct bpfshim_map *map, void *value)
{
	struct bloom *b = to_bloom(map);
	struct bits at;

	bits_begin(b, &at, value);
	do
		if (!test_bit(at.bit & b->mask, b->bits))
			return -ENOENT;
	while (bits_next(b, &at));
	return 0;
}

static int bloom_user_update(struct bpfshim_map *map, const void *key, const void *value, u64 flags)
{
	return bloom_push(map, value, flags);
}

/* value holds what is asked for: the op says so by user_lookup_reads. */
static int bloom_user_lookup(struct bpfshim_map *map, const void *key, void *value, u64 flags)
{
	return bloom_peek(map, value);
}

/* Its values may have a type; keys it has none. */
static int bloom_check_btf(const struct bpfshim_map *map, const struct bpfshim_vrf_btf *btf, u32 key_id, u32 value_id)
{
	return key_id ? -EINVAL : 0;
}

#define BLOOM_FLAGS (BPFSHIM_F_NUMA_NODE | BPFSHIM_F_ZERO_SEED | BPFSHIM_F_RDONLY | BPFSHIM_F_WRONLY | \
		     BPFSHIM_F_RDONLY_PROG | BPFSHIM_F_WRONLY_PROG)

static int bloom_check(const union bpfshim_attr *attr)
{
	u32 both = BPFSHIM_F_RDONLY_PROG | BPFSHIM_F_WRONLY_PROG;

	if (attr->key_size || !attr->value_size || !attr->max_entries ||
	    attr->map_flags & ~BLOOM_FLAGS || (attr->map_flags & both) == both ||
	    attr->map_extra & ~(u64)MAX_HASHES)
		return -EINVAL;
	return attr->value_size > BPFSHIM_MAP_MAX_VALUE ? -E2BIG : 0;
}

/* As many bits as 6.1 takes: entries * hashes / ln 2, to the next power of two. */
static u32 bloom_mask(u32 entries, u32 hashes)
{
	u64 bits = (u64)entries * hashes;

	if (bits > U32_MAX)
		return U32_MAX;
	bits = bits / 5 * 7;
	if (bits > 1U << 31)
		return U32_MAX;
	if (bits <= BITS_PER_LONG)
		bits = BITS_PER_LONG;
	return (u32)(roundup_pow_of_two((unsigned long)bits) - 1);
}

static void bloom_free(struct bpfshim_map *map)
{
	struct bloom *b = to_bloom(map);

	bpfshim_map_area_free(b->bits);
	bpfshim_kfree(b);
}

static struct bpfshim_map *bloom_alloc(const union bpfshim_attr *attr)
{
	struct bloom *b = bpfshim_kzalloc(sizeof(*b), GFP_KERNEL);
	u64 bytes;

	if (!b)
		return ERR_PTR(-ENOMEM);
	bpfshim_map_base_init(&b->map, attr);
	b->hashes = attr->map_extra ? (u32)attr->map_extra : DEFAULT_HASHES;
	b->mask = bloom_mask(attr->max_entries, b->hashes);
	b->fixed = attr->map_flags & BPFSHIM_F_ZERO_SEED;
	get_random_bytes(b->mul, sizeof(b->mul));
	bytes = ((u64)b->mask + 1) / 8;
	b->bits = bpfshim_map_area_alloc(bytes, b->map.numa_node);
	if (!b->bits) {
		bpfshim_map_put(&b->map);
		return ERR_PTR(-ENOMEM);
	}
	bpfshim_map_charge(&b->map, sizeof(*b) + bytes);
	return &b->map;
}

const struct bpfshim_map_ops bpfshim_bloom_ops = {
	.map_type = BPFSHIM_MAP_TYPE_BLOOM_FILTER,
	.alloc_check = bloom_check,
	.alloc = bloom_alloc,
	.free = bloom_free,
	.inner_fits = bpfshim_map_inner_fits,
	.check_btf = bloom_check_btf,
	.push = bloom_push,
	.peek = bloom_peek,
	.user_lookup_reads = true,
	.user_lookup = bloom_user_lookup,
	.user_update = bloom_user_update,
};
