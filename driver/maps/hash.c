// SPDX-License-Identifier: GPL-2.0
/*
 * Hash tables.
 *
 * Elements come from a pool.  A preallocated map fills it when it is made; a
 * NO_PREALLOC map starts small and grows in process context: by the updating
 * process, or by a work item that a program finding the pool low asks for.  So
 * nothing is ever allocated in a probe.
 *
 * Readers walk a bucket under RCU without a lock.  A deleted element may be
 * reused at once, as in upstream's preallocated tables; the nulls marker at a
 * list's end tells a reader that an element took it to another bucket.
 *
 * Writers take the bucket's lock with interrupts off.  Programs do not nest on
 * a CPU, and process context enters the dispatcher's guard first, so no program
 * can find a lock held by its own CPU, not even in NMI.
 */
#include "maps.h"

#define CHUNK_BYTES	(64u << 10)
#define LOW_WATER	32	/* free elements below which the pool grows */

struct elem {
	struct hlist_nulls_node node;	/* in its bucket */
	struct elem *next_free;		/* in the pool; pool_lock */
	u32 hash;
	u32 pad;
	void __percpu *pptr;		/* per-CPU maps: the values */
	char key[];			/* round_up(key_size, 8), then the value */
};

struct bucket {
	struct hlist_nulls_head head;
	raw_spinlock_t lock;
};

struct chunk {
	struct chunk *next;
	u32 nr;
	u32 pad;
	char elems[];
};

/*
 * Owner: the map's references.  buckets and sizes are constant after publish;
 * free list, nr_free and count under pool_lock; chunks under grow_lock.
 */
struct htab {
	struct bpfshim_map map;
	struct bucket *buckets;
	u32 nr_buckets;			/* power of two */
	u32 elem_size;
	u32 seed;
	bool percpu;
	raw_spinlock_t pool_lock;
	struct elem *free;
	u32 nr_free, nr_elems;
	u32 count;
	struct mutex grow_lock;
	struct chunk *chunks;
	struct irq_work kick;		/* any context -> grow_work */
	struct work_struct grow_work;
};

static struct htab *to_htab(const struct bpfshim_map *map)
{
	return container_of(map, struct htab, map);
}

static void *elem_value(const struct htab *h, struct elem *e)
{
	if (h->percpu)
		return this_cpu_ptr(e->pptr);
	return e->key + round_up(h->map.key_size, 8);
}

static u32 hash_key(const struct htab *h, const void *key)
{
	return jhash(key, h->map.key_size, h->seed);
}

static struct bucket *bucket_of(const struct htab *h, u32 hash)
{
	return &h->buckets[hash & (h->nr_buckets - 1)];
}

/* ---- pool -------------------------------------------------------------- */

static struct elem *chunk_elem(const struct htab *h, struct chunk *c, u32 i)
{
	return (struct elem *)(c->elems + (u64)h->elem_size * i);
}

static void chunk_free(struct htab *h, struct chunk *c)
{
	u32 i;

	if (h->percpu)
		for (i = 0; i < c->nr; i++)
			free_percpu(chunk_elem(h, c, i)->pptr);
	bpfshim_map_area_free(c);
}

static struct chunk *chunk_alloc(struct htab *h, u32 nr)
{
	struct chunk *c = bpfshim_map_area_alloc(sizeof(*c) + (u64)h->elem_size * nr, h->map.numa_node);
	u32 i;

	if (!c)
		return NULL;
	c->nr = nr;
	for (i = 0; h->percpu && i < nr; i++) {
		chunk_elem(h, c, i)->pptr = bpfshim_alloc_percpu(round_up(h->map.value_size, 8));
		if (!chunk_elem(h, c, i)->pptr) {
			chunk_free(h, c);
			return NULL;
		}
		cond_resched();
	}
	return c;
}

/* Add up to nr elements, never more than max_entries in all. Process context. */
static int grow(struct htab *h, u32 nr)
{
	u64 bytes = (u64)h->elem_size;
	struct chunk *c;
	u32 i;

	mutex_lock(&h->grow_lock);
	nr = min(nr, h->map.max_entries - h->nr_elems);
	if (!nr) {
		mutex_unlock(&h->grow_lock);
		return 0;
	}
	c = chunk_alloc(h, nr);
	if (!c) {
		mutex_unlock(&h->grow_lock);
		return -ENOMEM;
	}
	c->next = h->chunks;
	h->chunks = c;
	if (h->percpu)
		bytes += (u64)round_up(h->map.value_size, 8) * num_possible_cpus();
	bpfshim_map_charge(&h->map, bytes * nr);
	for (i = 0; i < nr; i++) {
		struct elem *e = chunk_elem(h, c, i);

		bpfshim_guard_enter();
		raw_spin_lock_irq(&h->pool_lock);
		e->next_free = h->free;
		h->free = e;
		h->nr_free++;
		h->nr_elems++;
		raw_spin_unlock_irq(&h->pool_lock);
		bpfshim_guard_leave();
	}
	mutex_unlock(&h->grow_lock);
	return 0;
}

static u32 chunk_size(const struct htab *h)
{
	return max_t(u32, CHUNK_BYTES / h->elem_size, 16);
}

static void grow_work(struct work_struct *work)
{
	grow(container_of(work, struct htab, grow_work), chunk_size(container_of(work, struct htab, grow_work)));
}

static void kick(struct irq_work *work)
{
	schedule_work(&container_of(work, struct htab, kick)->grow_work);
}

/* The pool's lock, with interrupts off already. NULL: full, or none left now. */
static struct elem *pool_get(struct htab *h, int *err)
{
	struct elem *e;
	bool low;

	raw_spin_lock(&h->pool_lock);
	e = h->free;
	if (e) {
		h->free = e->next_free;
		h->nr_free--;
		h->count++;
	}
	low = h->nr_free < LOW_WATER && h->nr_elems < h->map.max_entries;
	*err = h->nr_elems < h->map.max_entries ? -ENOMEM : -E2BIG;
	raw_spin_unlock(&h->pool_lock);
	if (low)
		irq_work_queue(&h->kick);
	return e;
}

static void pool_put(struct htab *h, struct elem *e)
{
	raw_spin_lock(&h->pool_lock);
	e->next_free = h->free;
	h->free = e;
	h->nr_free++;
	h->count--;
	raw_spin_unlock(&h->pool_lock);
}

/* ---- making ------------------------------------------------------------ */

#define HASH_FLAGS (BPFSHIM_F_NO_PREALLOC | BPFSHIM_F_NO_COMMON_LRU | BPFSHIM_F_NUMA_NODE | \
		    BPFSHIM_F_RDONLY | BPFSHIM_F_WRONLY | BPFSHIM_F_RDONLY_PROG | BPFSHIM_F_WRONLY_PROG | \
		    BPFSHIM_F_ZERO_SEED)

static int htab_check(const union bpfshim_attr *attr)
{
	u32 both = BPFSHIM_F_RDONLY_PROG | BPFSHIM_F_WRONLY_PROG;

	if (attr->map_flags & ~HASH_FLAGS || (attr->map_flags & both) == both)
		return -EINVAL;
	if (attr->map_flags & BPFSHIM_F_NO_COMMON_LRU)
		return -EINVAL;
	if (attr->map_type == BPFSHIM_MAP_TYPE_PERCPU_HASH && (attr->map_flags & BPFSHIM_F_NUMA_NODE) &&
	    (int)attr->numa_node != NUMA_NO_NODE)
		return -EINVAL;
	if (!attr->max_entries || !attr->key_size || !attr->value_size)
		return -EINVAL;
	/* What upstream's largest allocation allows an element. */
	if ((u64)attr->key_size + attr->value_size >= (1U << 22) - sizeof(struct elem))
		return -E2BIG;
	return 0;
}

static void htab_free(struct bpfshim_map *map)
{
	struct htab *h = to_htab(map);
	struct chunk *c, *next;

	irq_work_sync(&h->kick);
	cancel_work_sync(&h->grow_work);
	for (c = h->chunks; c; c = next) {
		next = c->next;
		chunk_free(h, c);
		cond_resched();
	}
	bpfshim_map_area_free(h->buckets);
	bpfshim_kfree(h);
}

static struct bpfshim_map *htab_alloc(const union bpfshim_attr *attr)
{
	bool percpu = attr->map_type == BPFSHIM_MAP_TYPE_PERCPU_HASH;
	u64 elem_size, total;
	struct htab *h;
	int err = -ENOMEM;
	u32 i;

	if (percpu && round_up((u64)attr->value_size, 8) > PCPU_MIN_UNIT_SIZE)
		return ERR_PTR(-E2BIG);
	if (attr->max_entries > 1U << 31)
		return ERR_PTR(-E2BIG);
	elem_size = sizeof(struct elem) + round_up((u64)attr->key_size, 8) +
		    (percpu ? 0 : round_up((u64)attr->value_size, 8));
	total = elem_size * attr->max_entries;
	if (!(attr->map_flags & BPFSHIM_F_NO_PREALLOC) && total >= (u64)U32_MAX - PAGE_SIZE)
		return ERR_PTR(-E2BIG);
	h = bpfshim_kzalloc(sizeof(*h), GFP_KERNEL);
	if (!h)
		return ERR_PTR(-ENOMEM);
	bpfshim_map_base_init(&h->map, attr);
	h->percpu = percpu;
	h->elem_size = (u32)elem_size;
	h->nr_buckets = roundup_pow_of_two(attr->max_entries);
	if (!(attr->map_flags & BPFSHIM_F_ZERO_SEED))
		get_random_bytes(&h->seed, sizeof(h->seed));
	raw_spin_lock_init(&h->pool_lock);
	mutex_init(&h->grow_lock);
	init_irq_work(&h->kick, kick);
	INIT_WORK(&h->grow_work, grow_work);
	h->buckets = bpfshim_map_area_alloc((u64)h->nr_buckets * sizeof(*h->buckets), h->map.numa_node);
	if (!h->buckets)
		goto fail;
	for (i = 0; i < h->nr_buckets; i++) {
		INIT_HLIST_NULLS_HEAD(&h->buckets[i].head, i);
		raw_spin_lock_init(&h->buckets[i].lock);
	}
	bpfshim_map_charge(&h->map, (u64)h->nr_buckets * sizeof(*h->buckets));
	err = grow(h, attr->map_flags & BPFSHIM_F_NO_PREALLOC ?
		   min(attr->max_entries, chunk_size(h)) : attr->max_entries);
	if (err)
		goto fail;
	return &h->map;
fail:
	bpfshim_mem_charge(-h->map.mem);
	htab_free(&h->map);
	return ERR_PTR(err);
}

/* ---- finding ----------------------------------------------------------- */

static struct elem *find(struct htab *h, const void *key, u32 hash)
{
	u32 b = hash & (h->nr_buckets - 1);
	struct hlist_nulls_node *n;
	struct elem *e;
again:
	hlist_nulls_for_each_entry_rcu(e, n, &h->buckets[b].head, node)
		if (e->hash == hash && !memcmp(e->key, key, h->map.key_size))
			return e;
	/* Ended in another bucket's list: an element was reused under us. */
	if (get_nulls_value(n) != b)
		goto again;
	return NULL;
}

static struct elem *find_locked(struct htab *h, struct bucket *b, const void *key, u32 hash)
{
	struct hlist_nulls_node *n;
	struct elem *e;

	hlist_nulls_for_each_entry_rcu(e, n, &b->head, node)
		if (e->hash == hash && !memcmp(e->key, key, h->map.key_size))
			return e;
	return NULL;
}

static void *htab_lookup(struct bpfshim_map *map, const void *key)
{
	struct htab *h = to_htab(map);
	struct elem *e = find(h, key, hash_key(h, key));

	return e ? elem_value(h, e) : NULL;
}

static void *htab_lookup_percpu(struct bpfshim_map *map, const void *key, u32 cpu)
{
	struct htab *h = to_htab(map);
	struct elem *e;

	if (cpu >= nr_cpu_ids || !cpu_possible(cpu))
		return NULL;
	e = find(h, key, hash_key(h, key));
	return e ? per_cpu_ptr(e->pptr, cpu) : NULL;
}

/* ---- changing ---------------------------------------------------------- */

static void set_value(struct htab *h, struct elem *e, const void *value, bool all_cpus, bool fresh)
{
	u32 size = h->map.value_size;

	if (!h->percpu) {
		memcpy(elem_value(h, e), value, size);
	} else if (all_cpus) {
		bpfshim_percpu_copy_in(e->pptr, value, size);
	} else {
		int cpu;

		if (fresh)	/* other CPUs start from zero */
			for_each_possible_cpu(cpu)
				memset(per_cpu_ptr(e->pptr, cpu), 0, round_up(size, 8));
		memcpy(this_cpu_ptr(e->pptr), value, size);
	}
}

static int check_flags(const struct bpfshim_map *map, u64 flags)
{
	if ((flags & ~(u64)BPFSHIM_F_LOCK) > BPFSHIM_EXIST)
		return -EINVAL;
	if ((flags & BPFSHIM_F_LOCK) && map->spin_lock_off < 0)
		return -EINVAL;
	return 0;
}

/* Preemption and nested programs are off. */
static int update(struct htab *h, const void *key, const void *value, u64 flags, bool all_cpus)
{
	u32 hash = hash_key(h, key);
	struct bucket *b = bucket_of(h, hash);
	struct elem *old, *new;
	unsigned long irq;
	int err;

	err = check_flags(&h->map, flags);
	if (err)
		return err;
	flags &= ~(u64)BPFSHIM_F_LOCK;
	raw_spin_lock_irqsave(&b->lock, irq);
	old = find_locked(h, b, key, hash);
	err = old && flags == BPFSHIM_NOEXIST ? -EEXIST : !old && flags == BPFSHIM_EXIST ? -ENOENT : 0;
	if (err)
		goto out;
	if (old && h->percpu) {
		set_value(h, old, value, all_cpus, false);
		goto out;
	}
	/* A new element replaces the old one, so readers see a value whole. */
	new = pool_get(h, &err);
	if (!new) {
		if (!old)
			goto out;
		/* Full: the old one must do; readers may see a mix, as in a
		 * full preallocated table nothing spare is left. */
		err = 0;
		set_value(h, old, value, all_cpus, false);
		goto out;
	}
	err = 0;
	memcpy(new->key, key, h->map.key_size);
	new->hash = hash;
	set_value(h, new, value, all_cpus, true);
	hlist_nulls_add_head_rcu(&new->node, &b->head);
	if (old) {
		hlist_nulls_del_rcu(&old->node);
		pool_put(h, old);
	}
out:
	raw_spin_unlock_irqrestore(&b->lock, irq);
	return err;
}

static long htab_update(struct bpfshim_map *map, const void *key, const void *value, u64 flags)
{
	return update(to_htab(map), key, value, flags, false);
}

/* Take the element out; value, when asked for, is copied first. */
static int remove(struct htab *h, const void *key, void *value)
{
	u32 hash = hash_key(h, key);
	struct bucket *b = bucket_of(h, hash);
	struct elem *e;
	unsigned long irq;

	raw_spin_lock_irqsave(&b->lock, irq);
	e = find_locked(h, b, key, hash);
	if (e) {
		if (value && h->percpu)
			bpfshim_percpu_copy_out(value, e->pptr, h->map.value_size);
		else if (value)
			memcpy(value, elem_value(h, e), h->map.value_size);
		hlist_nulls_del_rcu(&e->node);
		pool_put(h, e);
	}
	raw_spin_unlock_irqrestore(&b->lock, irq);
	return e ? 0 : -ENOENT;
}

static long htab_delete(struct bpfshim_map *map, const void *key)
{
	return remove(to_htab(map), key, NULL);
}

static long htab_for_each(struct bpfshim_map *map, u64 (*cb)(void *cookie, const void *key, void *value),
			  void *cookie, u64 flags)
{
	struct htab *h = to_htab(map);
	struct hlist_nulls_node *n;
	struct elem *e;
	long seen = 0;
	u32 i;

	if (flags)
		return -EINVAL;
	for (i = 0; i < h->nr_buckets; i++) {
		hlist_nulls_for_each_entry_rcu(e, n, &h->buckets[i].head, node) {
			/* More than there can be: reuse leads us in circles. */
			if (++seen > h->map.max_entries)
				return seen;
			if (cb(cookie, e->key, elem_value(h, e)))
				return seen;
		}
	}
	return seen;
}

/* ---- user side --------------------------------------------------------- */

static int htab_user_lookup(struct bpfshim_map *map, const void *key, void *value, u64 flags)
{
	struct htab *h = to_htab(map);
	struct elem *e;

	bpfshim_read_lock();
	e = find(h, key, hash_key(h, key));
	if (e && h->percpu)
		bpfshim_percpu_copy_out(value, e->pptr, map->value_size);
	else if (e)
		memcpy(value, elem_value(h, e), map->value_size);
	bpfshim_read_unlock();
	return e ? 0 : -ENOENT;
}

static int htab_user_update(struct bpfshim_map *map, const void *key, const void *value, u64 flags)
{
	struct htab *h = to_htab(map);
	int err;

	for (;;) {
		bpfshim_guard_enter();
		bpfshim_read_lock();
		err = update(h, key, value, flags, true);
		bpfshim_read_unlock();
		bpfshim_guard_leave();
		if (err != -ENOMEM)
			return err;
		/* The pool may grow yet, and here is the place to wait for it. */
		err = grow(h, chunk_size(h));
		if (err)
			return err;
		if (signal_pending(current))
			return -EINTR;
	}
}

static int htab_user_remove(struct bpfshim_map *map, const void *key, void *value)
{
	int err;

	bpfshim_guard_enter();
	bpfshim_read_lock();
	err = remove(to_htab(map), key, value);
	bpfshim_read_unlock();
	bpfshim_guard_leave();
	return err;
}

static int htab_user_delete(struct bpfshim_map *map, const void *key)
{
	return htab_user_remove(map, key, NULL);
}

static int htab_user_lookup_and_delete(struct bpfshim_map *map, const void *key, void *value, u64 flags)
{
	return htab_user_remove(map, key, value);
}

static int htab_next_key(struct bpfshim_map *map, const void *key, void *next)
{
	struct htab *h = to_htab(map);
	struct hlist_nulls_node *n = NULL;
	struct elem *e = NULL;
	u32 i = 0, hash;

	bpfshim_read_lock();
	if (key) {
		hash = hash_key(h, key);
		e = find(h, key, hash);
		if (e) {
			n = rcu_dereference_raw(e->node.next);
			i = hash & (h->nr_buckets - 1);
			if (!is_a_nulls(n)) {
				e = hlist_nulls_entry(n, struct elem, node);
				goto found;
			}
			i++;
		}
	}
	for (; i < h->nr_buckets; i++) {
		n = rcu_dereference_raw(h->buckets[i].head.first);
		if (!is_a_nulls(n)) {
			e = hlist_nulls_entry(n, struct elem, node);
			goto found;
		}
	}
	bpfshim_read_unlock();
	return -ENOENT;
found:
	memcpy(next, e->key, map->key_size);
	bpfshim_read_unlock();
	return 0;
}

static u32 htab_nr_buckets(const struct bpfshim_map *map)
{
	return to_htab(map)->nr_buckets;
}

static u32 htab_bucket_read(struct bpfshim_map *map, u32 bucket, void *keys, void *values, u32 room, bool take)
{
	struct htab *h = to_htab(map);
	struct bucket *b = &h->buckets[bucket];
	u32 nr = 0, i = 0, vsize = h->percpu ? bpfshim_percpu_user_size(map) : map->value_size;
	struct hlist_nulls_node *n, *next;
	struct elem *e;

	bpfshim_guard_enter();
	bpfshim_read_lock();
	raw_spin_lock_irq(&b->lock);
	hlist_nulls_for_each_entry_rcu(e, n, &b->head, node)
		nr++;
	if (nr <= room) {
		for (n = b->head.first; !is_a_nulls(n); n = next, i++) {
			next = n->next;
			e = hlist_nulls_entry(n, struct elem, node);
			memcpy(keys + (u64)i * map->key_size, e->key, map->key_size);
			if (h->percpu)
				bpfshim_percpu_copy_out(values + (u64)i * vsize, e->pptr, map->value_size);
			else
				memcpy(values + (u64)i * vsize, elem_value(h, e), map->value_size);
			if (take) {
				hlist_nulls_del_rcu(&e->node);
				pool_put(h, e);
			}
		}
	}
	raw_spin_unlock_irq(&b->lock);
	bpfshim_read_unlock();
	bpfshim_guard_leave();
	return nr;
}

const struct bpfshim_map_ops bpfshim_hash_ops = {
	.map_type = BPFSHIM_MAP_TYPE_HASH,
	.alloc_check = htab_check,
	.alloc = htab_alloc,
	.free = htab_free,
	.lookup = htab_lookup,
	.update = htab_update,
	.delete_elem = htab_delete,
	.for_each = htab_for_each,
	.user_lookup = htab_user_lookup,
	.user_update = htab_user_update,
	.user_delete = htab_user_delete,
	.user_lookup_and_delete = htab_user_lookup_and_delete,
	.get_next_key = htab_next_key,
	.nr_buckets = htab_nr_buckets,
	.bucket_read = htab_bucket_read,
};

const struct bpfshim_map_ops bpfshim_percpu_hash_ops = {
	.map_type = BPFSHIM_MAP_TYPE_PERCPU_HASH,
	.alloc_check = htab_check,
	.alloc = htab_alloc,
	.free = htab_free,
	.lookup = htab_lookup,
	.lookup_percpu = htab_lookup_percpu,
	.update = htab_update,
	.delete_elem = htab_delete,
	.for_each = htab_for_each,
	.user_value_size = bpfshim_percpu_user_size,
	.user_lookup = htab_user_lookup,
	.user_update = htab_user_update,
	.user_delete = htab_user_delete,
	.user_lookup_and_delete = htab_user_lookup_and_delete,
	.get_next_key = htab_next_key,
	.nr_buckets = htab_nr_buckets,
	.bucket_read = htab_bucket_read,
};
