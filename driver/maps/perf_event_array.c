// SPDX-License-Identifier: GPL-2.0
/* Arrays whose values are fds of perf events: ours, or the kernel's own. */
#include "perf_event_array.h"

/*
 * Owner: the map's references.  Slots are RCU pointers, changed under lock; an
 * entry belongs to the map fd that stored it and goes with that fd.
 */
struct event_array {
	struct bpfshim_map map;
	struct mutex lock;
	struct bpfshim_event_entry __rcu *slot[];
};

static struct event_array *to_array(const struct bpfshim_map *map)
{
	return container_of(map, struct event_array, map);
}

static int event_array_check(const union bpfshim_attr *attr)
{
	u32 ok = BPFSHIM_F_NUMA_NODE | BPFSHIM_F_RDONLY | BPFSHIM_F_WRONLY | BPFSHIM_F_PRESERVE_ELEMS;

	if (attr->key_size != 4 || attr->value_size != 4 || !attr->max_entries || (attr->map_flags & ~ok))
		return -EINVAL;
	return 0;
}

static struct bpfshim_map *event_array_alloc(const union bpfshim_attr *attr)
{
	u64 size = sizeof(struct event_array) + (u64)attr->max_entries * sizeof(void *);
	struct event_array *a;

	if (size >= (u64)U32_MAX - PAGE_SIZE)
		return ERR_PTR(-ENOMEM);
	a = bpfshim_map_area_alloc(size, NUMA_NO_NODE);
	if (!a)
		return ERR_PTR(-ENOMEM);
	bpfshim_map_base_init(&a->map, attr);
	mutex_init(&a->lock);
	bpfshim_map_charge(&a->map, size);
	return &a->map;
}

static void entry_free(struct rcu_head *rcu)
{
	struct bpfshim_event_entry *e = container_of(rcu, struct bpfshim_event_entry, rcu);

	fput(e->file);
	bpfshim_kfree(e);
}

/* Empty slot i, if it holds an entry of that owner (NULL: of anybody). */
static bool drop(struct event_array *a, u32 i, const struct file *owner, struct bpfshim_event_entry *new)
{
	struct bpfshim_event_entry *old;

	mutex_lock(&a->lock);
	old = rcu_dereference_protected(a->slot[i], lockdep_is_held(&a->lock));
	if (owner && old && old->owner != owner)
		old = NULL;
	else
		rcu_assign_pointer(a->slot[i], new);
	mutex_unlock(&a->lock);
	if (old)
		bpfshim_call_rcu_handlers(&old->rcu, entry_free);
	return old;
}

static void clear(struct bpfshim_map *map, const struct file *owner)
{
	u32 i;

	for (i = 0; i < map->max_entries; i++)
		if (rcu_access_pointer(to_array(map)->slot[i]))
			drop(to_array(map), i, owner, NULL);
}

static void event_array_file_release(struct bpfshim_map *map, struct file *file)
{
	if (!(map->map_flags & BPFSHIM_F_PRESERVE_ELEMS))
		clear(map, file);
}

static void event_array_free(struct bpfshim_map *map)
{
	clear(map, NULL);
	bpfshim_map_area_free(to_array(map));
}

static int event_array_update(struct bpfshim_map *map, struct file *map_file, const void *key, u32 fd, u64 flags)
{
	struct event_array *a = to_array(map);
	u32 i = *(const u32 *)key;
	struct bpfshim_event_entry *e;

	if (flags != BPFSHIM_ANY)
		return -EINVAL;
	if (i >= map->max_entries)
		return -E2BIG;
	e = bpfshim_kzalloc(sizeof(*e), GFP_KERNEL);
	if (!e)
		return -ENOMEM;
	e->file = fget(fd);
	if (!e->file) {
		bpfshim_kfree(e);
		return -EBADF;
	}
	e->owner = map_file;
	e->out = bpfshim_output_from_file(e->file);
	if (!e->out) {
		if (!bpfshim_is_perf_file(e->file)) {
			fput(e->file);
			bpfshim_kfree(e);
			return -EBADF;
		}
		e->event = e->file->private_data;
		/* A count of many tasks: never readable in a program. */
		if (e->event->attr.inherit) {
			fput(e->file);
			bpfshim_kfree(e);
			return -EOPNOTSUPP;
		}
	}
	drop(a, i, NULL, e);
	return 0;
}

static int event_array_delete(struct bpfshim_map *map, const void *key)
{
	u32 i = *(const u32 *)key;

	if (i >= map->max_entries)
		return -E2BIG;
	return drop(to_array(map), i, NULL, NULL) ? 0 : -ENOENT;
}

static int event_array_next_key(struct bpfshim_map *map, const void *key, void *next)
{
	u32 i = key ? *(const u32 *)key : U32_MAX;

	if (i >= map->max_entries) {
		*(u32 *)next = 0;
		return 0;
	}
	if (i == map->max_entries - 1)
		return -ENOENT;
	*(u32 *)next = i + 1;
	return 0;
}

static void *event_array_lookup(struct bpfshim_map *map, const void *key)
{
	return NULL;
}

const struct bpfshim_event_entry *bpfshim_event_array_entry(struct bpfshim_map *map, u32 i)
{
	return i < map->max_entries ? rcu_dereference_raw(to_array(map)->slot[i]) : NULL;
}

const struct bpfshim_map_ops bpfshim_perf_event_array_ops = {
	.map_type = BPFSHIM_MAP_TYPE_PERF_EVENT_ARRAY,
	.alloc_check = event_array_check,
	.alloc = event_array_alloc,
	.free = event_array_free,
	.file_release = event_array_file_release,
	.lookup = event_array_lookup,
	.user_delete = event_array_delete,
	.get_next_key = event_array_next_key,
	.inner_fits = bpfshim_map_inner_fits,
	.check_btf = bpfshim_map_no_btf,
	.fd_update = event_array_update,
};
