// SPDX-License-Identifier: GPL-2.0
/* The user side of hash tables: from a process, which may wait. */
#include "hash.h"

/* A value as user space sees it. */
static void copy_out(const struct bpfshim_htab *h, struct bpfshim_elem *e, void *value, u64 flags)
{
	if (h->inner)
		*(u32 *)value = bpfshim_elem_map(h, e)->obj.id;
	else if (h->percpu)
		bpfshim_percpu_copy_out(value, *bpfshim_elem_pptr(h, e), h->map.value_size);
	else
		bpfshim_value_out(&h->map, value, bpfshim_elem_value(h, e), flags);
}

int bpfshim_htab_user_lookup(struct bpfshim_map *map, const void *key, void *value, u64 flags)
{
	struct bpfshim_htab *h = bpfshim_to_htab(map);
	struct bpfshim_elem *e;

	bpfshim_read_lock();
	e = bpfshim_htab_find(h, key, bpfshim_hash_key(h, key));
	if (e)
		copy_out(h, e, value, flags);
	bpfshim_read_unlock();
	return e ? 0 : -ENOENT;
}

int bpfshim_htab_user_update(struct bpfshim_map *map, const void *key, const void *value, u64 flags)
{
	struct bpfshim_htab *h = bpfshim_to_htab(map);
	int err;

	for (;;) {
		bpfshim_guard_enter();
		bpfshim_read_lock();
		err = h->lru ? bpfshim_lru_htab_set(h, key, value, flags, true) :
		      bpfshim_htab_set(h, key, value, flags, true);
		bpfshim_read_unlock();
		bpfshim_guard_leave();
		if (err != -ENOMEM || h->lru)
			return err;
		/* The pool may grow yet, and here is the place to wait for it. */
		err = bpfshim_pool_grow(h, bpfshim_pool_step(h));
		if (err)
			return err;
		if (fatal_signal_pending(current))
			return -EINTR;
	}
}

static int user_remove(struct bpfshim_map *map, const void *key, void *value)
{
	int err;

	bpfshim_guard_enter();
	bpfshim_read_lock();
	err = bpfshim_htab_remove(bpfshim_to_htab(map), key, value);
	bpfshim_read_unlock();
	bpfshim_guard_leave();
	return err;
}

int bpfshim_htab_user_delete(struct bpfshim_map *map, const void *key)
{
	return user_remove(map, key, NULL);
}

int bpfshim_htab_user_lookup_and_delete(struct bpfshim_map *map, const void *key, void *value, u64 flags)
{
	return user_remove(map, key, value);
}

int bpfshim_htab_next_key(struct bpfshim_map *map, const void *key, void *next)
{
	struct bpfshim_htab *h = bpfshim_to_htab(map);
	struct hlist_nulls_node *n = NULL;
	struct bpfshim_elem *e = NULL;
	u32 i = 0, hash;

	bpfshim_read_lock();
	if (key) {
		hash = bpfshim_hash_key(h, key);
		e = bpfshim_htab_find(h, key, hash);
		if (e) {
			n = rcu_dereference_raw(e->node.next);
			i = bpfshim_bucket_no(hash, h->bucket_shift);
			if (!is_a_nulls(n)) {
				e = hlist_nulls_entry(n, struct bpfshim_elem, node);
				goto found;
			}
			i++;
		}
	}
	for (; i < h->nr_buckets; i++) {
		n = rcu_dereference_raw(h->buckets[i].head.first);
		if (!is_a_nulls(n)) {
			e = hlist_nulls_entry(n, struct bpfshim_elem, node);
			goto found;
		}
	}
	bpfshim_read_unlock();
	return -ENOENT;
found:
	bpfshim_copy(next, e->key, map->key_size);
	bpfshim_read_unlock();
	return 0;
}

u32 bpfshim_htab_nr_buckets(const struct bpfshim_map *map)
{
	return bpfshim_to_htab(map)->nr_buckets;
}

u32 bpfshim_htab_bucket_read(struct bpfshim_map *map, u32 bucket, void *keys, void *values, u32 room, bool take)
{
	struct bpfshim_htab *h = bpfshim_to_htab(map);
	struct bpfshim_bucket *b = &h->buckets[bucket];
	u32 nr = 0, i = 0, vsize = h->percpu ? bpfshim_percpu_user_size(map) : map->value_size;
	struct hlist_nulls_node *n, *next;
	struct bpfshim_elem *e, *taken = NULL;

	if (is_a_nulls(READ_ONCE(b->head.first)))
		return 0;
	bpfshim_guard_enter();
	bpfshim_read_lock();
	raw_spin_lock_irq(&b->lock);
	hlist_nulls_for_each_entry_rcu(e, n, &b->head, node)
		nr++;
	if (nr <= room) {
		for (n = b->head.first; !is_a_nulls(n); n = next, i++) {
			next = n->next;
			e = hlist_nulls_entry(n, struct bpfshim_elem, node);
			bpfshim_copy(keys + (u64)i * map->key_size, e->key, map->key_size);
			copy_out(h, e, values + (u64)i * vsize, 0);
			if (take) {
				hlist_nulls_del_rcu(&e->node);
				if (h->inner)
					bpfshim_map_put(bpfshim_elem_map(h, e));
				e->next_free = taken;
				taken = e;
			}
		}
	}
	raw_spin_unlock(&b->lock);
	while (taken) {
		e = taken;
		taken = e->next_free;
		bpfshim_pool_put(h, e);
	}
	local_irq_enable();
	bpfshim_read_unlock();
	bpfshim_guard_leave();
	return nr;
}
