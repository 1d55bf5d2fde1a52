// SPDX-License-Identifier: GPL-2.0
/*
 * Call chains by the hash of their addresses: a table without chains, so that
 * a place holds one and a second of the same hash is refused or replaces it.
 */
#include "stack_trace.h"

/* A chain.  Owner: the pool, or a slot, or who took it out to read it. */
struct trace {
	struct trace *next;		/* in the pool; pool_lock */
	u32 hash;
	u32 nr;
	u64 ips[];
};

/*
 * Owner: the map's references.  Slots change by exchange, in any context; the
 * pool under its lock, interrupts off.  A trace that another CPU recycles may
 * be read half changed: then it does not compare as equal.
 */
struct stack_map {
	struct bpfshim_map map;
	u32 nr_slots;			/* power of two */
	raw_spinlock_t pool_lock;
	struct trace *pool;
	void *traces;
	struct trace *slot[];
};

static struct stack_map *to_stack(const struct bpfshim_map *map)
{
	return container_of(map, struct stack_map, map);
}

static struct trace *pool_get(struct stack_map *s)
{
	unsigned long irq;
	struct trace *t;

	raw_spin_lock_irqsave(&s->pool_lock, irq);
	t = s->pool;
	if (t)
		s->pool = t->next;
	raw_spin_unlock_irqrestore(&s->pool_lock, irq);
	return t;
}

static void pool_put(struct stack_map *s, struct trace *t)
{
	unsigned long irq;

	raw_spin_lock_irqsave(&s->pool_lock, irq);
	t->next = s->pool;
	s->pool = t;
	raw_spin_unlock_irqrestore(&s->pool_lock, irq);
}

/* ---- its life ---------------------------------------------------------- */

static int stack_check(const union bpfshim_attr *attr)
{
	/* Build ids in place of addresses (STACK_BUILD_ID) are not offered. */
	u32 ok = BPFSHIM_F_NUMA_NODE | BPFSHIM_F_RDONLY | BPFSHIM_F_WRONLY;

	if ((attr->map_flags & ~ok) || !attr->max_entries || attr->key_size != 4 || attr->value_size < 8 ||
	    attr->value_size % 8 || attr->value_size / 8 > BPFSHIM_STACK_DEPTH)
		return -EINVAL;
	if (attr->max_entries > 1U << 31)
		return -E2BIG;
	return 0;
}

static void stack_free(struct bpfshim_map *map)
{
	bpfshim_map_area_free(to_stack(map)->traces);
	bpfshim_map_area_free(to_stack(map));
}

static struct bpfshim_map *stack_alloc(const union bpfshim_attr *attr)
{
	int node = attr->map_flags & BPFSHIM_F_NUMA_NODE ? (int)attr->numa_node : NUMA_NO_NODE;
	u32 nr_slots = roundup_pow_of_two(attr->max_entries), i;
	u64 size = sizeof(struct stack_map) + (u64)nr_slots * sizeof(struct trace *);
	u64 trace_size = sizeof(struct trace) + attr->value_size;
	struct stack_map *s = bpfshim_map_area_alloc(size, node);

	if (!s)
		return ERR_PTR(-ENOMEM);
	bpfshim_map_base_init(&s->map, attr);
	s->nr_slots = nr_slots;
	raw_spin_lock_init(&s->pool_lock);
	s->traces = bpfshim_map_area_alloc(trace_size * attr->max_entries, node);
	if (!s->traces) {
		bpfshim_map_put(&s->map);
		return ERR_PTR(-ENOMEM);
	}
	for (i = 0; i < attr->max_entries; i++) {
		struct trace *t = s->traces + trace_size * i;

		t->next = s->pool;
		s->pool = t;
		if (!(i & 1023))
			cond_resched();
	}
	bpfshim_map_charge(&s->map, size + trace_size * attr->max_entries);
	return &s->map;
}

/* ---- programs ---------------------------------------------------------- */

long bpfshim_stackid(struct bpfshim_map *map, const u64 *ips, u32 nr, u64 flags)
{
	struct stack_map *s = to_stack(map);
	u32 size, hash, id;
	struct trace *t, *old;
	bool same;

	nr = min(nr, map->value_size / 8);
	size = nr * sizeof(*ips);
	hash = jhash2((const u32 *)ips, size / sizeof(u32), 0);
	id = hash & (s->nr_slots - 1);
	old = READ_ONCE(s->slot[id]);
	same = old && old->hash == hash;
	if (same && (flags & BPFSHIM_F_FAST_STACK_CMP))
		return id;
	if (same && old->nr == nr && !memcmp(old->ips, ips, size))
		return id;
	if (old && !(flags & BPFSHIM_F_REUSE_STACKID))
		return -EEXIST;
	t = pool_get(s);
	if (!t)
		return -ENOMEM;
	t->hash = hash;
	t->nr = nr;
	memcpy(t->ips, ips, size);
	old = xchg(&s->slot[id], t);
	if (old)
		pool_put(s, old);
	return id;
}

static long stack_update(struct bpfshim_map *map, const void *key, const void *value, u64 flags)
{
	return -EINVAL;
}

/* ---- user space -------------------------------------------------------- */

static int stack_user_lookup(struct bpfshim_map *map, const void *key, void *value, u64 flags)
{
	struct stack_map *s = to_stack(map);
	u32 id = *(const u32 *)key;
	struct trace *t, *newer;

	if (id >= s->nr_slots)
		return -ENOENT;
	/* Out of its slot, nobody recycles it. */
	bpfshim_guard_enter();
	t = xchg(&s->slot[id], NULL);
	if (t) {
		memcpy(value, t->ips, t->nr * sizeof(u64));
		memset(value + t->nr * sizeof(u64), 0, map->value_size - t->nr * sizeof(u64));
		newer = xchg(&s->slot[id], t);
		if (newer)
			pool_put(s, newer);
	}
	bpfshim_guard_leave();
	return t ? 0 : -ENOENT;
}

static int stack_user_update(struct bpfshim_map *map, const void *key, const void *value, u64 flags)
{
	return -EINVAL;
}

static int stack_user_delete(struct bpfshim_map *map, const void *key)
{
	struct stack_map *s = to_stack(map);
	u32 id = *(const u32 *)key;
	struct trace *old;

	if (id >= s->nr_slots)
		return -E2BIG;
	bpfshim_guard_enter();
	old = xchg(&s->slot[id], NULL);
	if (old)
		pool_put(s, old);
	bpfshim_guard_leave();
	return old ? 0 : -ENOENT;
}

static int stack_next_key(struct bpfshim_map *map, const void *key, void *next)
{
	struct stack_map *s = to_stack(map);
	u32 id = 0;

	if (key) {
		id = *(const u32 *)key;
		id = id >= s->nr_slots || !READ_ONCE(s->slot[id]) ? 0 : id + 1;
	}
	while (id < s->nr_slots && !READ_ONCE(s->slot[id]))
		id++;
	if (id >= s->nr_slots)
		return -ENOENT;
	*(u32 *)next = id;
	return 0;
}

const struct bpfshim_map_ops bpfshim_stack_trace_ops = {
	.map_type = BPFSHIM_MAP_TYPE_STACK_TRACE,
	.alloc_check = stack_check,
	.alloc = stack_alloc,
	.free = stack_free,
	.update = stack_update,
	.user_lookup = stack_user_lookup,
	.user_update = stack_user_update,
	.user_delete = stack_user_delete,
	.get_next_key = stack_next_key,
	.check_btf = bpfshim_map_no_btf,
	.inner_fits = bpfshim_map_inner_fits,
};
