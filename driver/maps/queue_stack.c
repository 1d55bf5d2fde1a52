// SPDX-License-Identifier: GPL-2.0
/* Queues and stacks. */
#include "maps.h"
#include "queue.h"

/*
 * Owner: the map's references.  lock guards q; programs take it in any
 * context, an NMI only tries, and process context keeps programs off its CPU
 * meanwhile.
 */
struct queue_map {
	struct bpfshim_map map;
	struct bpfshim_queue q;
	raw_spinlock_t lock;
};

static struct queue_map *to_queue(struct bpfshim_map *map)
{
	return container_of(map, struct queue_map, map);
}

static __always_inline bool lock(struct queue_map *q, unsigned long *flags)
{
	if (in_nmi())
		return raw_spin_trylock_irqsave(&q->lock, *flags);
	raw_spin_lock_irqsave(&q->lock, *flags);
	return true;
}

static long queue_push(struct bpfshim_map *map, const void *value, u64 flags)
{
	struct queue_map *q = to_queue(map);
	unsigned long irq;
	long err;

	if (flags & BPFSHIM_NOEXIST || flags > BPFSHIM_EXIST)
		return -EINVAL;
	if (!lock(q, &irq))
		return -EBUSY;
	err = bpfshim_queue_push(&q->q, value, flags & BPFSHIM_EXIST);
	raw_spin_unlock_irqrestore(&q->lock, irq);
	return err;
}

static __always_inline long get(struct bpfshim_map *map, void *value, bool newest, bool take)
{
	struct queue_map *q = to_queue(map);
	unsigned long irq;
	long err;

	if (!lock(q, &irq)) {
		memset(value, 0, map->value_size);
		return -EBUSY;
	}
	err = bpfshim_queue_get(&q->q, value, newest, take);
	raw_spin_unlock_irqrestore(&q->lock, irq);
	return err;
}

static long queue_pop(struct bpfshim_map *map, void *value)
{
	return get(map, value, false, true);
}

static long queue_peek(struct bpfshim_map *map, void *value)
{
	return get(map, value, false, false);
}

static long stack_pop(struct bpfshim_map *map, void *value)
{
	return get(map, value, true, true);
}

static long stack_peek(struct bpfshim_map *map, void *value)
{
	return get(map, value, true, false);
}

/* ---- user side --------------------------------------------------------- */

static int queue_user_lookup(struct bpfshim_map *map, const void *key, void *value, u64 flags)
{
	int err;

	bpfshim_guard_enter();
	err = map->ops->peek(map, value);
	bpfshim_guard_leave();
	return err;
}

static int queue_user_update(struct bpfshim_map *map, const void *key, const void *value, u64 flags)
{
	int err;

	bpfshim_guard_enter();
	err = queue_push(map, value, flags);
	bpfshim_guard_leave();
	return err;
}

static int queue_user_take(struct bpfshim_map *map, const void *key, void *value, u64 flags)
{
	int err;

	bpfshim_guard_enter();
	err = map->ops->pop(map, value);
	bpfshim_guard_leave();
	return err;
}

static int queue_user_delete(struct bpfshim_map *map, const void *key)
{
	return -EINVAL;
}

static int queue_next_key(struct bpfshim_map *map, const void *key, void *next)
{
	return -EINVAL;
}

/* ---- its life ---------------------------------------------------------- */

#define QUEUE_FLAGS (BPFSHIM_F_NUMA_NODE | BPFSHIM_F_RDONLY | BPFSHIM_F_WRONLY | \
		     BPFSHIM_F_RDONLY_PROG | BPFSHIM_F_WRONLY_PROG)

static int queue_check(const union bpfshim_attr *attr)
{
	u32 both = BPFSHIM_F_RDONLY_PROG | BPFSHIM_F_WRONLY_PROG;

	if (!attr->max_entries || attr->key_size || !attr->value_size ||
	    attr->map_flags & ~QUEUE_FLAGS || (attr->map_flags & both) == both)
		return -EINVAL;
	if (attr->value_size > BPFSHIM_MAP_MAX_VALUE)
		return -E2BIG;
	return 0;
}

static void queue_free(struct bpfshim_map *map)
{
	struct queue_map *q = to_queue(map);

	bpfshim_map_area_free(q->q.data);
	bpfshim_kfree(q);
}

static struct bpfshim_map *queue_alloc(const union bpfshim_attr *attr)
{
	u64 bytes = (u64)attr->max_entries * attr->value_size;
	struct queue_map *q = bpfshim_kzalloc(sizeof(*q), GFP_KERNEL);

	if (!q)
		return ERR_PTR(-ENOMEM);
	bpfshim_map_base_init(&q->map, attr);
	raw_spin_lock_init(&q->lock);
	q->q.size = attr->value_size;
	q->q.room = attr->max_entries;
	q->q.data = bpfshim_map_area_alloc(bytes, q->map.numa_node);
	if (!q->q.data) {
		bpfshim_map_put(&q->map);
		return ERR_PTR(-ENOMEM);
	}
	bpfshim_map_charge(&q->map, sizeof(*q) + bytes);
	return &q->map;
}

#define QUEUE_OPS(type, name) { \
	.map_type = type, \
	.alloc_check = queue_check, \
	.alloc = queue_alloc, \
	.free = queue_free, \
	.inner_fits = bpfshim_map_inner_fits, \
	.push = queue_push, \
	.pop = name##_pop, \
	.peek = name##_peek, \
	.user_lookup = queue_user_lookup, \
	.user_update = queue_user_update, \
	.user_delete = queue_user_delete, \
	.user_lookup_and_delete = queue_user_take, \
	.get_next_key = queue_next_key, \
}

const struct bpfshim_map_ops bpfshim_queue_ops = QUEUE_OPS(BPFSHIM_MAP_TYPE_QUEUE, queue);
const struct bpfshim_map_ops bpfshim_stack_ops = QUEUE_OPS(BPFSHIM_MAP_TYPE_STACK, stack);
