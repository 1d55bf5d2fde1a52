// SPDX-License-Identifier: GPL-2.0
/*
 * Hash tables.
 *
 * Readers walk a bucket under RCU without a lock.  A deleted element may be
 * reused at once, as in upstream's preallocated tables; the nulls marker at a
 * list's end tells a reader that an element took it to another bucket.
 *
 * Writers take the bucket's lock with interrupts off.  Programs do not nest on
 * a CPU, and process context enters the dispatcher's guard first, so no program
 * can find a lock held by its own CPU, not even in NMI.
 */
#include "../native.h"
#include "hash.h"
#include "lru.h"

/* ---- making ------------------------------------------------------------ */

#define HASH_FLAGS (BPFSHIM_F_NO_PREALLOC | BPFSHIM_F_NO_COMMON_LRU | BPFSHIM_F_NUMA_NODE | \
		    BPFSHIM_F_RDONLY | BPFSHIM_F_WRONLY | BPFSHIM_F_RDONLY_PROG | BPFSHIM_F_WRONLY_PROG | \
		    BPFSHIM_F_ZERO_SEED)

static bool is_lru(u32 map_type)
{
	return map_type == BPFSHIM_MAP_TYPE_LRU_HASH || map_type == BPFSHIM_MAP_TYPE_LRU_PERCPU_HASH;
}

static bool is_percpu(u32 map_type)
{
	return map_type == BPFSHIM_MAP_TYPE_PERCPU_HASH || map_type == BPFSHIM_MAP_TYPE_LRU_PERCPU_HASH;
}

int bpfshim_htab_check(const union bpfshim_attr *attr)
{
	u32 both = BPFSHIM_F_RDONLY_PROG | BPFSHIM_F_WRONLY_PROG;

	if (attr->map_flags & ~HASH_FLAGS || (attr->map_flags & both) == both)
		return -EINVAL;
	if (!is_lru(attr->map_type) && (attr->map_flags & BPFSHIM_F_NO_COMMON_LRU))
		return -EINVAL;
	if (is_lru(attr->map_type) && (attr->map_flags & BPFSHIM_F_NO_PREALLOC))
		return -ENOTSUPP;
	if ((is_percpu(attr->map_type) || (attr->map_flags & BPFSHIM_F_NO_COMMON_LRU)) &&
	    (attr->map_flags & BPFSHIM_F_NUMA_NODE) && (int)attr->numa_node != NUMA_NO_NODE)
		return -EINVAL;
	if (!attr->max_entries || !attr->key_size || !attr->value_size)
		return -EINVAL;
	/* What upstream's largest allocation allows an element, whose head is of 48 bytes. */
	if ((u64)attr->key_size + attr->value_size >= (1U << 22) - 48)
		return -E2BIG;
	return 0;
}

/* Inner maps that nobody took out. */
static void put_inner_maps(struct bpfshim_htab *h)
{
	struct hlist_nulls_node *n;
	struct bpfshim_elem *e;
	u32 i;

	for (i = 0; i < h->nr_buckets; i++)
		hlist_nulls_for_each_entry_rcu(e, n, &h->buckets[i].head, node)
			bpfshim_map_put(bpfshim_elem_map(h, e));
}

void bpfshim_htab_free(struct bpfshim_map *map)
{
	struct bpfshim_htab *h = bpfshim_to_htab(map);

	if (h->inner && h->buckets)
		put_inner_maps(h);
	bpfshim_pool_exit(h);
	bpfshim_lru_set_free(h);
	bpfshim_inner_free(h->inner);
	bpfshim_map_area_free(h->buckets);
	bpfshim_kfree(h);
}

struct bpfshim_map *bpfshim_htab_alloc(const union bpfshim_attr *attr)
{
	u32 entries = attr->max_entries, head = is_lru(attr->map_type) ? sizeof(struct bpfshim_lru_node) : 0;
	bool percpu = is_percpu(attr->map_type);
	u64 elem_size, total;
	struct bpfshim_htab *h;
	int err = -ENOMEM;
	u32 i;

	if (percpu && round_up((u64)attr->value_size, 8) > PCPU_MIN_UNIT_SIZE)
		return ERR_PTR(-E2BIG);
	if (attr->max_entries > 1U << 31)
		return ERR_PTR(-E2BIG);
	/* Lists of its own for each CPU: as many elements each. */
	if (attr->map_flags & BPFSHIM_F_NO_COMMON_LRU) {
		entries = roundup(attr->max_entries, num_possible_cpus());
		if (entries < attr->max_entries)
			entries = rounddown(attr->max_entries, num_possible_cpus());
	}
	elem_size = head + sizeof(struct bpfshim_elem) + round_up((u64)attr->key_size, 8) +
		    (percpu ? sizeof(void *) : round_up((u64)attr->value_size, 8));
	total = elem_size * entries;
	if (!(attr->map_flags & BPFSHIM_F_NO_PREALLOC) && total >= (u64)U32_MAX - PAGE_SIZE)
		return ERR_PTR(-E2BIG);
	h = bpfshim_kzalloc(sizeof(*h), GFP_KERNEL);
	if (!h)
		return ERR_PTR(-ENOMEM);
	bpfshim_map_base_init(&h->map, attr);
	h->map.max_entries = entries;
	h->percpu = percpu;
	h->elem_head = head;
	h->elem_size = (u32)elem_size;
	h->nr_buckets = roundup_pow_of_two(entries);
	h->bucket_shift = 32 - ilog2(h->nr_buckets);
	h->value_at = sizeof(struct bpfshim_elem) + round_up(attr->key_size, 8);
	h->mul[0] = 0x9e3779b97f4a7c15ULL;
	h->mul[1] = 0x94d049bb133111ebULL;
	h->mul[2] = 0xbf58476d1ce4e5b9ULL;
	h->mul[3] = 0xd6e8feb86659fd93ULL;
	if (!(attr->map_flags & BPFSHIM_F_ZERO_SEED))
		get_random_bytes(h->mul, sizeof(h->mul));
	bpfshim_pool_init(h);
	h->buckets = bpfshim_map_area_alloc((u64)h->nr_buckets * sizeof(*h->buckets), h->map.numa_node);
	if (!h->buckets)
		goto fail;
	for (i = 0; i < h->nr_buckets; i++) {
		INIT_HLIST_NULLS_HEAD(&h->buckets[i].head, i);
		raw_spin_lock_init(&h->buckets[i].lock);
	}
	bpfshim_map_charge(&h->map, (u64)h->nr_buckets * sizeof(*h->buckets));
	if (head) {
		err = bpfshim_lru_set_new(h, !(attr->map_flags & BPFSHIM_F_NO_COMMON_LRU));
		if (err)
			goto fail;
	}
	if (!head && !percpu) {
		err = bpfshim_pool_spares(h);
		if (err)
			goto fail;
	}
	err = bpfshim_pool_grow(h, attr->map_flags & BPFSHIM_F_NO_PREALLOC ?
		   min(entries, bpfshim_pool_step(h)) : entries);
	if (err)
		goto fail;
	return &h->map;
fail:
	bpfshim_map_put(&h->map);
	return ERR_PTR(err);
}

/* ---- finding ----------------------------------------------------------- */

struct bpfshim_elem *bpfshim_htab_find(struct bpfshim_htab *h, const void *key, u32 hash)
{
	u32 b = bpfshim_bucket_no(hash, h->bucket_shift);
	struct hlist_nulls_node *n;
	struct bpfshim_elem *e;
again:
	hlist_nulls_for_each_entry_rcu(e, n, &h->buckets[b].head, node)
		if (bpfshim_elem_is(h, e, key, hash))
			return e;
	/* Ended in another bucket's list: an element was reused under us. */
	if (get_nulls_value(n) != b)
		goto again;
	return NULL;
}

struct bpfshim_elem *bpfshim_htab_find_locked(struct bpfshim_htab *h, struct bpfshim_bucket *b,
					      const void *key, u32 hash)
{
	struct hlist_nulls_node *n;
	struct bpfshim_elem *e;

	hlist_nulls_for_each_entry_rcu(e, n, &b->head, node)
		if (bpfshim_elem_is(h, e, key, hash))
			return e;
	return NULL;
}

void *bpfshim_htab_lookup(struct bpfshim_map *map, const void *key)
{
	struct bpfshim_htab *h = bpfshim_to_htab(map);
	struct bpfshim_elem *e = bpfshim_htab_find(h, key, bpfshim_hash_key(h, key));

	return e ? bpfshim_elem_value(h, e) : NULL;
}

void *bpfshim_htab_lookup_percpu(struct bpfshim_map *map, const void *key, u32 cpu)
{
	struct bpfshim_htab *h = bpfshim_to_htab(map);
	struct bpfshim_elem *e;

	if (cpu >= nr_cpu_ids || !cpu_possible(cpu))
		return NULL;
	e = bpfshim_htab_find(h, key, bpfshim_hash_key(h, key));
	return e ? per_cpu_ptr(*bpfshim_elem_pptr(h, e), cpu) : NULL;
}

void bpfshim_htab_native(const struct bpfshim_map *map, struct bpfshim_jit_map *m)
{
	const struct bpfshim_htab *h = bpfshim_to_htab(map);

	if (map->ops != &bpfshim_hash_ops && map->ops != &bpfshim_percpu_hash_ops)
		return;
	if ((map->key_size != 4 && map->key_size != 8) ||
	    sizeof(struct bpfshim_bucket) != BPFSHIM_JIT_BUCKET)
		return;
	m->kind = h->percpu ? BPFSHIM_JIT_MAP_PERCPU_HASH : BPFSHIM_JIT_MAP_HASH;
	m->base = (unsigned long)h->buckets;
	m->bucket_shift = h->bucket_shift;
	m->key_size = map->key_size;
	m->hash_off = offsetof(struct bpfshim_elem, hash);
	m->key_off = offsetof(struct bpfshim_elem, key);
	m->value_off = h->value_at;
	memcpy(m->mul, h->mul, sizeof(m->mul));
}

/* ---- changing ---------------------------------------------------------- */

void bpfshim_htab_set_value(struct bpfshim_htab *h, struct bpfshim_elem *e, const void *value,
			    bool all_cpus, bool fresh)
{
	u32 size = h->map.value_size;

	if (h->inner) {
		/* Whole at once: programs follow it without a lock. */
		WRITE_ONCE(*(void **)bpfshim_elem_value(h, e), *(void *const *)value);
	} else if (!h->percpu) {
		/* A fresh element's lock is free, or who holds it still by its
		 * last key will free it. */
		bpfshim_value_copy(&h->map, bpfshim_elem_value(h, e), value);
		bpfshim_value_drop_kptrs(&h->map, bpfshim_elem_value(h, e));
	} else if (all_cpus) {
		bpfshim_percpu_copy_in(*bpfshim_elem_pptr(h, e), value, size);
	} else {
		int cpu;

		if (fresh)	/* other CPUs start from zero */
			for_each_possible_cpu(cpu)
				memset(per_cpu_ptr(*bpfshim_elem_pptr(h, e), cpu), 0, round_up(size, 8));
		bpfshim_copy(this_cpu_ptr(*bpfshim_elem_pptr(h, e)), value, size);
	}
}

int bpfshim_htab_check_flags(const struct bpfshim_map *map, u64 flags)
{
	if ((flags & ~(u64)BPFSHIM_F_LOCK) > BPFSHIM_EXIST)
		return -EINVAL;
	if ((flags & BPFSHIM_F_LOCK) && map->spin_lock_off < 0)
		return -EINVAL;
	return 0;
}

int bpfshim_htab_set(struct bpfshim_htab *h, const void *key, const void *value, u64 flags, bool all_cpus)
{
	u32 hash = bpfshim_hash_key(h, key);
	struct bpfshim_bucket *b = bpfshim_bucket_of(h, hash);
	struct bpfshim_elem *old, *new, **spare = NULL;
	struct bpfshim_map *gone = NULL;
	unsigned long irq;
	bool lock;
	int err;

	err = bpfshim_htab_check_flags(&h->map, flags);
	if (err)
		return err;
	lock = flags & BPFSHIM_F_LOCK;
	flags &= ~(u64)BPFSHIM_F_LOCK;
	raw_spin_lock_irqsave(&b->lock, irq);
	old = bpfshim_htab_find_locked(h, b, key, hash);
	err = old && flags == BPFSHIM_NOEXIST ? -EEXIST : !old && flags == BPFSHIM_EXIST ? -ENOENT : 0;
	if (err)
		goto out;
	if (old && h->inner)
		gone = bpfshim_elem_map(h, old);
	if (old && lock) {
		bpfshim_value_copy_locked(&h->map, bpfshim_elem_value(h, old), value, bpfshim_elem_value(h, old));
		goto out;
	}
	if (old && h->percpu) {
		bpfshim_htab_set_value(h, old, value, all_cpus, false);
		goto out;
	}
	/* A new element replaces the old one, so readers see a value whole. */
	if (old) {
		spare = this_cpu_ptr(h->spare);
		new = *spare;
	} else {
		new = bpfshim_pool_get(h, &err);
		if (!new)
			goto out;
		err = 0;
	}
	bpfshim_copy(new->key, key, h->map.key_size);
	new->hash = hash;
	bpfshim_htab_set_value(h, new, value, all_cpus, true);
	hlist_nulls_add_head_rcu(&new->node, &b->head);
	if (spare) {
		hlist_nulls_del_rcu(&old->node);
		bpfshim_value_drop_kptrs(&h->map, bpfshim_elem_value(h, old));
		*spare = old;
	}
out:
	raw_spin_unlock_irqrestore(&b->lock, irq);
	if (gone)
		bpfshim_map_put(gone);
	return err;
}

static long bpfshim_htab_update(struct bpfshim_map *map, const void *key, const void *value, u64 flags)
{
	return bpfshim_htab_set(bpfshim_to_htab(map), key, value, flags, false);
}

int bpfshim_htab_remove(struct bpfshim_htab *h, const void *key, void *value)
{
	u32 hash = bpfshim_hash_key(h, key);
	struct bpfshim_bucket *b = bpfshim_bucket_of(h, hash);
	struct bpfshim_map *gone = NULL;
	struct bpfshim_elem *e;
	unsigned long irq;

	raw_spin_lock_irqsave(&b->lock, irq);
	e = bpfshim_htab_find_locked(h, b, key, hash);
	if (e) {
		if (h->inner)
			gone = bpfshim_elem_map(h, e);
		if (value && h->percpu)
			bpfshim_percpu_copy_out(value, *bpfshim_elem_pptr(h, e), h->map.value_size);
		else if (value)
			bpfshim_value_out(&h->map, value, bpfshim_elem_value(h, e), 0);
		hlist_nulls_del_rcu(&e->node);
		bpfshim_value_drop_kptrs(&h->map, bpfshim_elem_value(h, e));
	}
	raw_spin_unlock(&b->lock);
	if (e)
		bpfshim_pool_put(h, e);
	local_irq_restore(irq);
	if (gone)
		bpfshim_map_put(gone);
	return e ? 0 : -ENOENT;
}

long bpfshim_htab_delete(struct bpfshim_map *map, const void *key)
{
	return bpfshim_htab_remove(bpfshim_to_htab(map), key, NULL);
}

long bpfshim_htab_for_each(struct bpfshim_map *map, const struct bpfshim_callback *cb, u64 ctx, u64 flags)
{
	struct bpfshim_htab *h = bpfshim_to_htab(map);
	struct hlist_nulls_node *n;
	struct bpfshim_elem *e;
	long seen = 0;
	u32 i;

	if (flags)
		return -EINVAL;
	for (i = 0; i < h->nr_buckets; i++) {
		hlist_nulls_for_each_entry_rcu(e, n, &h->buckets[i].head, node) {
			/* More than there can be: reuse leads us in circles. */
			if (++seen > h->map.max_entries)
				return seen;
			if (bpfshim_callback_run(cb, (unsigned long)map, (unsigned long)e->key,
						 (unsigned long)bpfshim_elem_value(h, e), ctx, 0))
				return seen;
		}
	}
	return seen;
}

const struct bpfshim_map_ops bpfshim_hash_ops = {
	.map_type = BPFSHIM_MAP_TYPE_HASH,
	.alloc_check = bpfshim_htab_check,
	.alloc = bpfshim_htab_alloc,
	.free = bpfshim_htab_free,
	.lookup = bpfshim_htab_lookup,
	.update = bpfshim_htab_update,
	.delete_elem = bpfshim_htab_delete,
	.for_each = bpfshim_htab_for_each,
	.user_lookup = bpfshim_htab_user_lookup,
	.user_update = bpfshim_htab_user_update,
	.user_delete = bpfshim_htab_user_delete,
	.user_lookup_and_delete = bpfshim_htab_user_lookup_and_delete,
	.get_next_key = bpfshim_htab_next_key,
	.nr_buckets = bpfshim_htab_nr_buckets,
	.inner_fits = bpfshim_map_inner_fits,
	.bucket_read = bpfshim_htab_bucket_read,
};

const struct bpfshim_map_ops bpfshim_percpu_hash_ops = {
	.map_type = BPFSHIM_MAP_TYPE_PERCPU_HASH,
	.alloc_check = bpfshim_htab_check,
	.alloc = bpfshim_htab_alloc,
	.free = bpfshim_htab_free,
	.lookup = bpfshim_htab_lookup,
	.lookup_percpu = bpfshim_htab_lookup_percpu,
	.update = bpfshim_htab_update,
	.delete_elem = bpfshim_htab_delete,
	.for_each = bpfshim_htab_for_each,
	.user_value_size = bpfshim_percpu_user_size,
	.user_lookup = bpfshim_htab_user_lookup,
	.user_update = bpfshim_htab_user_update,
	.user_delete = bpfshim_htab_user_delete,
	.user_lookup_and_delete = bpfshim_htab_user_lookup_and_delete,
	.get_next_key = bpfshim_htab_next_key,
	.nr_buckets = bpfshim_htab_nr_buckets,
	.inner_fits = bpfshim_map_inner_fits,
	.bucket_read = bpfshim_htab_bucket_read,
};
