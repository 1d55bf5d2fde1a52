// SPDX-License-Identifier: GPL-2.0
/*
 * LRU hashes: hash tables whose full pool gives up what was used least of late.
 *
 * An element's place in the lists (lru.h) lies in front of it.  Order of locks:
 * a CPU's own lists, common lists, a bucket.  So an element is taken from the
 * lists before its bucket is locked, and goes back to them after.  An element
 * whose node can be evicted is in the bucket that its hash says, or (on its
 * way in or out) in none, and then eviction passes it by.
 *
 * As hash.c: nothing interrupts a holder that would want the lock.
 */
#include "hash.h"
#include "lru.h"

/* A CPU's own lists; or with NO_COMMON_LRU all there is of this CPU's. */
struct lru_cpu {
	raw_spinlock_t lock;
	union {
		struct bpfshim_lru_local own;
		struct bpfshim_lru alone;
	};
};

/* Owner: the table.  common under lock, what a CPU has under that one's. */
struct bpfshim_lru_set {
	bool is_common;
	u32 batch;
	raw_spinlock_t lock;
	struct bpfshim_lru common;
	struct lru_cpu __percpu *cpus;
};

static struct bpfshim_lru_node *node_of(struct bpfshim_elem *e)
{
	return (struct bpfshim_lru_node *)e - 1;
}

static struct bpfshim_elem *elem_of(struct bpfshim_lru_node *n)
{
	return (struct bpfshim_elem *)(n + 1);
}

/* Somebody used it. */
static void use(struct bpfshim_elem *e)
{
	struct bpfshim_lru_node *n = node_of(e);

	/* Most are marked already: do not take their cache lines away. */
	if (!READ_ONCE(n->ref))
		WRITE_ONCE(n->ref, 1);
}

/* See struct bpfshim_lru.  Locks of lists are held, interrupts off. */
static bool evict(void *cookie, struct bpfshim_lru_node *node)
{
	struct bpfshim_elem *e, *victim = elem_of(node);
	struct bpfshim_htab *h = cookie;
	struct bpfshim_bucket *b = bpfshim_bucket_of(h, READ_ONCE(victim->hash));
	struct hlist_nulls_node *n;
	bool found = false;

	raw_spin_lock(&b->lock);
	hlist_nulls_for_each_entry_rcu(e, n, &b->head, node) {
		if (e != victim)
			continue;
		hlist_nulls_del_rcu(&e->node);
		found = true;
		break;
	}
	raw_spin_unlock(&b->lock);
	return found;
}

int bpfshim_lru_set_new(struct bpfshim_htab *h, bool common)
{
	struct bpfshim_lru_set *s = bpfshim_kzalloc(sizeof(*s), GFP_KERNEL);
	int cpu;

	BUILD_BUG_ON(sizeof(struct bpfshim_lru_node) % 8);
	if (!s)
		return -ENOMEM;
	s->cpus = bpfshim_alloc_percpu(sizeof(*s->cpus));
	if (!s->cpus) {
		bpfshim_kfree(s);
		return -ENOMEM;
	}
	s->is_common = common;
	s->batch = bpfshim_lru_batch(h->map.max_entries, num_possible_cpus());
	raw_spin_lock_init(&s->lock);
	bpfshim_lru_init(&s->common, evict, h);
	for_each_possible_cpu(cpu) {
		struct lru_cpu *c = per_cpu_ptr(s->cpus, cpu);

		raw_spin_lock_init(&c->lock);
		if (common)
			bpfshim_lru_local_init(&c->own, (u16)cpu);
		else
			bpfshim_lru_init(&c->alone, evict, h);
	}
	h->lru = s;
	return 0;
}

void bpfshim_lru_set_free(struct bpfshim_htab *h)
{
	if (!h->lru)
		return;
	free_percpu(h->lru->cpus);
	bpfshim_kfree(h->lru);
	h->lru = NULL;
}

void bpfshim_lru_adopt(struct bpfshim_htab *h, struct bpfshim_elem *e, u32 n)
{
	struct bpfshim_lru_set *s = h->lru;
	int cpu;

	if (s->is_common) {
		bpfshim_lru_add(&s->common, node_of(e));
		return;
	}
	/* To each CPU in turn. */
	n %= num_possible_cpus();
	for_each_possible_cpu(cpu)
		if (!n--)
			break;
	node_of(e)->cpu = (u16)cpu;
	bpfshim_lru_add(&per_cpu_ptr(s->cpus, cpu)->alone, node_of(e));
}

/* From another CPU's own lists. */
static struct bpfshim_lru_node *steal(struct bpfshim_lru_set *s, int self)
{
	struct bpfshim_lru_node *n = NULL;
	struct lru_cpu *c;
	int cpu = self;

	do {
		cpu = cpumask_next(cpu, cpu_possible_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_possible_mask);
		c = per_cpu_ptr(s->cpus, cpu);
		raw_spin_lock(&c->lock);
		n = bpfshim_lru_steal(&s->common, &c->own);
		raw_spin_unlock(&c->lock);
	} while (!n && cpu != self);
	return n;
}

/* An element of nobody's, in this CPU's lists.  Interrupts off.  NULL: all are
 * on their way in or out. */
static struct bpfshim_elem *take(struct bpfshim_htab *h)
{
	struct bpfshim_lru_set *s = h->lru;
	struct lru_cpu *c = this_cpu_ptr(s->cpus);
	struct bpfshim_lru_node *n;

	raw_spin_lock(&c->lock);
	if (s->is_common) {
		n = bpfshim_lru_local_get(&c->own);
		if (!n) {
			raw_spin_lock(&s->lock);
			bpfshim_lru_refill(&s->common, &c->own, s->batch);
			raw_spin_unlock(&s->lock);
			n = bpfshim_lru_local_get(&c->own);
		}
	} else {
		n = bpfshim_lru_get(&c->alone, s->batch);
	}
	raw_spin_unlock(&c->lock);
	if (!n && s->is_common) {
		n = steal(s, smp_processor_id());
		if (n) {
			raw_spin_lock(&c->lock);
			bpfshim_lru_local_take(&c->own, n);
			raw_spin_unlock(&c->lock);
		}
	}
	return n ? elem_of(n) : NULL;
}

void bpfshim_lru_release(struct bpfshim_htab *h, struct bpfshim_elem *e)
{
	struct bpfshim_lru_node *n = node_of(e);
	struct bpfshim_lru_set *s = h->lru;
	struct lru_cpu *c = per_cpu_ptr(s->cpus, READ_ONCE(n->cpu));
	bool done;

	if (!s->is_common) {
		raw_spin_lock(&c->lock);
		bpfshim_lru_free_node(&c->alone, n);
		raw_spin_unlock(&c->lock);
		return;
	}
	/* Pending nodes may go to the common lists meanwhile, never back. */
	raw_spin_lock(&c->lock);
	done = bpfshim_lru_local_free_node(&c->own, n);
	raw_spin_unlock(&c->lock);
	if (done)
		return;
	raw_spin_lock(&s->lock);
	bpfshim_lru_free_node(&s->common, n);
	raw_spin_unlock(&s->lock);
}

int bpfshim_lru_htab_set(struct bpfshim_htab *h, const void *key, const void *value, u64 flags, bool all_cpus)
{
	u32 hash = bpfshim_hash_key(h, key);
	struct bpfshim_bucket *b = bpfshim_bucket_of(h, hash);
	struct bpfshim_elem *old, *new = NULL, *spare = NULL;
	unsigned long irq;
	int err = 0;

	if (flags > BPFSHIM_EXIST)
		return -EINVAL;
	local_irq_save(irq);
	if (!h->percpu || flags != BPFSHIM_EXIST) {
		new = take(h);
		if (!new) {
			local_irq_restore(irq);
			return -ENOMEM;
		}
		/* Nobody sees it: readers that came by its last key may. */
		bpfshim_copy(new->key, key, h->map.key_size);
		WRITE_ONCE(new->hash, hash);
		bpfshim_htab_set_value(h, new, value, all_cpus, true);
	}
	raw_spin_lock(&b->lock);
	old = bpfshim_htab_find_locked(h, b, key, hash);
	if (old && flags == BPFSHIM_NOEXIST) {
		err = -EEXIST;
	} else if (!old && flags == BPFSHIM_EXIST) {
		err = -ENOENT;
	} else if (old && h->percpu) {
		use(old);
		bpfshim_htab_set_value(h, old, value, all_cpus, false);
	} else {
		hlist_nulls_add_head_rcu(&new->node, &b->head);
		new = NULL;
		if (old) {
			hlist_nulls_del_rcu(&old->node);
			spare = old;
		}
	}
	raw_spin_unlock(&b->lock);
	if (spare)
		bpfshim_lru_release(h, spare);
	if (new)
		bpfshim_lru_release(h, new);
	local_irq_restore(irq);
	return err;
}

static long lru_update(struct bpfshim_map *map, const void *key, const void *value, u64 flags)
{
	return bpfshim_lru_htab_set(bpfshim_to_htab(map), key, value, flags, false);
}

static void *lru_lookup(struct bpfshim_map *map, const void *key)
{
	struct bpfshim_htab *h = bpfshim_to_htab(map);
	struct bpfshim_elem *e = bpfshim_htab_find(h, key, bpfshim_hash_key(h, key));

	if (!e)
		return NULL;
	use(e);
	return bpfshim_elem_value(h, e);
}

static void *lru_lookup_percpu(struct bpfshim_map *map, const void *key, u32 cpu)
{
	struct bpfshim_htab *h = bpfshim_to_htab(map);
	struct bpfshim_elem *e;

	if (cpu >= nr_cpu_ids || !cpu_possible(cpu))
		return NULL;
	e = bpfshim_htab_find(h, key, bpfshim_hash_key(h, key));
	if (!e)
		return NULL;
	use(e);
	return per_cpu_ptr(*bpfshim_elem_pptr(h, e), cpu);
}

const struct bpfshim_map_ops bpfshim_lru_hash_ops = {
	.map_type = BPFSHIM_MAP_TYPE_LRU_HASH,
	.alloc_check = bpfshim_htab_check,
	.alloc = bpfshim_htab_alloc,
	.free = bpfshim_htab_free,
	.lookup = lru_lookup,
	.update = lru_update,
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

const struct bpfshim_map_ops bpfshim_lru_percpu_hash_ops = {
	.map_type = BPFSHIM_MAP_TYPE_LRU_PERCPU_HASH,
	.alloc_check = bpfshim_htab_check,
	.alloc = bpfshim_htab_alloc,
	.free = bpfshim_htab_free,
	.lookup = lru_lookup,
	.lookup_percpu = lru_lookup_percpu,
	.update = lru_update,
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
