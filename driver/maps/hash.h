/* SPDX-License-Identifier: GPL-2.0 */
/* The table that hashes, LRU hashes and hashes of maps are made of. */
#ifndef BPFSHIM_MAPS_HASH_H
#define BPFSHIM_MAPS_HASH_H

#include "maps.h"
#include "map_in_map.h"
#include "../exec/bucket.h"

/*
 * An element.  Owner: its table's pool; linked under its bucket's lock.  What
 * is in no bucket keeps node.next: readers may stand on it.
 */
struct bpfshim_elem {
	union {
		struct hlist_nulls_node node;	/* in its bucket */
		struct {
			void *walk;
			struct bpfshim_elem *next_free;	/* in the pool; pool_lock */
		};
	};
	u32 hash;
	u32 pad;
	char key[];			/* round_up(key_size, 8), then the value or, per CPU, its pointer */
};

struct bpfshim_bucket {
	struct hlist_nulls_head head;
	raw_spinlock_t lock;
};

struct bpfshim_chunk;
struct bpfshim_lru_set;

/*
 * Owner: the map's references.  buckets, sizes and inner are constant after
 * publish; free list, nr_free and count under pool_lock; chunks under
 * grow_lock.
 */
struct bpfshim_htab {
	struct bpfshim_map map;
	struct bpfshim_bucket *buckets;
	u32 nr_buckets, bucket_shift;	/* the first is 2^(32 - the other) */
	u32 elem_size;
	u32 value_at;			/* bytes from an element */
	u64 mul[4];			/* secret, of the hash */
	bool percpu;
	struct bpfshim_inner *inner;	/* values are maps that fit it, or NULL */
	struct bpfshim_lru_set *lru;	/* who goes when it is full, or NULL: nobody */
	u32 elem_head;			/* bytes in front of an element: its place in lru */
	raw_spinlock_t pool_lock;
	struct bpfshim_elem *free;
	u32 nr_free, nr_elems;
	u32 count;
	/* An element of each CPU's, and the memory of all: what replaces another
	 * without asking the pool, so that a full table is updated whole, too. */
	struct bpfshim_elem *__percpu *spare;
	void *spares;
	struct mutex grow_lock;
	struct bpfshim_chunk *chunks;
	struct irq_work kick;		/* any context -> grow_work */
	struct work_struct grow_work;
};

static inline struct bpfshim_htab *bpfshim_to_htab(const struct bpfshim_map *map)
{
	return container_of(map, struct bpfshim_htab, map);
}

/* Per-CPU maps: an element's values. */
static inline void __percpu **bpfshim_elem_pptr(const struct bpfshim_htab *h, struct bpfshim_elem *e)
{
	return (void __percpu **)((char *)e + h->value_at);
}

static inline void *bpfshim_elem_value(const struct bpfshim_htab *h, struct bpfshim_elem *e)
{
	if (h->percpu)
		return this_cpu_ptr(*bpfshim_elem_pptr(h, e));
	return (char *)e + h->value_at;
}

/* Hash of maps: the map in an element. */
static inline struct bpfshim_map *bpfshim_elem_map(const struct bpfshim_htab *h, struct bpfshim_elem *e)
{
	return READ_ONCE(*(struct bpfshim_map **)((char *)e + h->value_at));
}

static inline u32 bpfshim_hash_key(const struct bpfshim_htab *h, const void *key)
{
	if (h->map.key_size == 4)
		return bpfshim_hash_word(h->mul, *(const u32 *)key);
	if (h->map.key_size == 8)
		return bpfshim_hash_words(h->mul, key);
	return (u32)bpfshim_hash_long(h->mul, key, h->map.key_size);
}

static inline bool bpfshim_same_key(const void *a, const void *b, u32 size)
{
	u32 i;

	for (i = 0; i + 8 <= size; i += 8)
		if (*(const u64 *)(a + i) != *(const u64 *)(b + i))
			return false;
	return i == size || !memcmp(a + i, b + i, size - i);
}

static inline bool bpfshim_elem_is(const struct bpfshim_htab *h, const struct bpfshim_elem *e,
				   const void *key, u32 hash)
{
	if (e->hash != hash)
		return false;
	if (h->map.key_size == 4)
		return *(const u32 *)e->key == *(const u32 *)key;
	if (h->map.key_size == 8)
		return *(const u64 *)e->key == *(const u64 *)key;
	return bpfshim_same_key(e->key, key, h->map.key_size);
}

static inline struct bpfshim_bucket *bpfshim_bucket_of(const struct bpfshim_htab *h, u32 hash)
{
	return &h->buckets[bpfshim_bucket_no(hash, h->bucket_shift)];
}

/* ---- hash_pool.c ------------------------------------------------------- */

void bpfshim_pool_init(struct bpfshim_htab *h);
/** bpfshim_pool_spares() - an element of each CPU's: htab.spare.  -ENOMEM. */
int bpfshim_pool_spares(struct bpfshim_htab *h);
/** bpfshim_pool_exit() - free all elements.  Process context, no users left. */
void bpfshim_pool_exit(struct bpfshim_htab *h);
/** bpfshim_pool_grow() - add up to nr elements, never more than max_entries in
 * all.  Process context.  0 or -ENOMEM. */
int bpfshim_pool_grow(struct bpfshim_htab *h, u32 nr);
/** bpfshim_pool_step() - how many elements to add at a time. */
u32 bpfshim_pool_step(const struct bpfshim_htab *h);
/** bpfshim_pool_get() - an element, interrupts off; NULL and *err: -E2BIG
 * (full) or -ENOMEM (none left now). */
struct bpfshim_elem *bpfshim_pool_get(struct bpfshim_htab *h, int *err);
/** bpfshim_pool_put() - give an element back, interrupts off, no lock held. */
void bpfshim_pool_put(struct bpfshim_htab *h, struct bpfshim_elem *e);

/* ---- lru_hash.c -------------------------------------------------------- */

/** bpfshim_lru_set_new() - for a table that is being made; -ENOMEM. */
int bpfshim_lru_set_new(struct bpfshim_htab *h, bool common);
void bpfshim_lru_set_free(struct bpfshim_htab *h);
/** bpfshim_lru_adopt() - a new element, the nth of all.  Before publish. */
void bpfshim_lru_adopt(struct bpfshim_htab *h, struct bpfshim_elem *e, u32 n);
/** bpfshim_lru_release() - an element that was taken out of its bucket. */
void bpfshim_lru_release(struct bpfshim_htab *h, struct bpfshim_elem *e);
/** bpfshim_lru_htab_set() - bpfshim_htab_set() of these tables. */
int bpfshim_lru_htab_set(struct bpfshim_htab *h, const void *key, const void *value, u64 flags, bool all_cpus);

/* ---- hash.c ------------------------------------------------------------ */

int bpfshim_htab_check(const union bpfshim_attr *attr);
struct bpfshim_map *bpfshim_htab_alloc(const union bpfshim_attr *attr);
void bpfshim_htab_free(struct bpfshim_map *map);
/** bpfshim_htab_find() - under RCU; bpfshim_htab_find_locked() under b's lock. */
struct bpfshim_elem *bpfshim_htab_find(struct bpfshim_htab *h, const void *key, u32 hash);
struct bpfshim_elem *bpfshim_htab_find_locked(struct bpfshim_htab *h, struct bpfshim_bucket *b,
					      const void *key, u32 hash);
int bpfshim_htab_check_flags(const struct bpfshim_map *map, u64 flags);
/** bpfshim_htab_set_value() - all_cpus: value is an array of all CPUs';
 * fresh: other CPUs start from zero. */
void bpfshim_htab_set_value(struct bpfshim_htab *h, struct bpfshim_elem *e, const void *value,
			    bool all_cpus, bool fresh);
/** bpfshim_htab_set() - update.  Preemption and nested programs are off.  In a
 * hash of maps value is the map's address, whose reference is taken over on
 * success. */
int bpfshim_htab_set(struct bpfshim_htab *h, const void *key, const void *value, u64 flags, bool all_cpus);
/** bpfshim_htab_remove() - take the element out; value, when asked for, is
 * copied first.  The same context.  0 or -ENOENT. */
int bpfshim_htab_remove(struct bpfshim_htab *h, const void *key, void *value);
/* Prog side, as the operations of the same names. */
void *bpfshim_htab_lookup(struct bpfshim_map *map, const void *key);
void *bpfshim_htab_lookup_percpu(struct bpfshim_map *map, const void *key, u32 cpu);
long bpfshim_htab_delete(struct bpfshim_map *map, const void *key);
long bpfshim_htab_for_each(struct bpfshim_map *map, const struct bpfshim_callback *cb, u64 ctx, u64 flags);

/* ---- hash_user.c: user side, as the operations of the same names -------- */

int bpfshim_htab_user_lookup(struct bpfshim_map *map, const void *key, void *value, u64 flags);
int bpfshim_htab_user_update(struct bpfshim_map *map, const void *key, const void *value, u64 flags);
int bpfshim_htab_user_delete(struct bpfshim_map *map, const void *key);
int bpfshim_htab_user_lookup_and_delete(struct bpfshim_map *map, const void *key, void *value, u64 flags);
int bpfshim_htab_next_key(struct bpfshim_map *map, const void *key, void *next);
u32 bpfshim_htab_nr_buckets(const struct bpfshim_map *map);
u32 bpfshim_htab_bucket_read(struct bpfshim_map *map, u32 bucket, void *keys, void *values, u32 room, bool take);

#endif /* BPFSHIM_MAPS_HASH_H */
