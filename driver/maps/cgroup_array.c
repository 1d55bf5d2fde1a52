// SPDX-License-Identifier: GPL-2.0
/*
 * Arrays of cgroups.  Programs ask whether the running task lies below one.  A
 * slot takes an fd of a cgroup's directory: compat/cgroup.h says which.
 */
#include "cgroup_array.h"

/* Owner: the map's references.  slot: changed by exchange alone, read under
 * RCU; what was in it is put when no program looks at it. */
struct cgroup_array {
	struct bpfshim_map map;
	struct bpfshim_cgroup *slot[];
};

static struct cgroup_array *to_array(const struct bpfshim_map *map)
{
	return container_of(map, struct cgroup_array, map);
}

static int cgroup_array_check(const union bpfshim_attr *attr)
{
	u32 ok = BPFSHIM_F_NUMA_NODE | BPFSHIM_F_RDONLY | BPFSHIM_F_WRONLY;

	if (attr->key_size != 4 || attr->value_size != 4 || !attr->max_entries || (attr->map_flags & ~ok))
		return -EINVAL;
	return 0;
}

static struct bpfshim_map *cgroup_array_alloc(const union bpfshim_attr *attr)
{
	u64 size = sizeof(struct cgroup_array) + (u64)attr->max_entries * sizeof(struct bpfshim_cgroup *);
	struct cgroup_array *a = bpfshim_map_area_alloc(size, -1);

	if (!a)
		return ERR_PTR(-ENOMEM);
	bpfshim_map_base_init(&a->map, attr);
	bpfshim_map_charge(&a->map, size);
	return &a->map;
}

static bool replace(struct cgroup_array *a, u32 i, struct bpfshim_cgroup *new)
{
	struct bpfshim_cgroup *old = xchg(&a->slot[i], new);

	if (old)
		bpfshim_cgroup_put(old);
	return old;
}

static void clear(struct bpfshim_map *map)
{
	u32 i;

	for (i = 0; i < map->max_entries; i++)
		replace(to_array(map), i, NULL);
}

static void cgroup_array_free(struct bpfshim_map *map)
{
	clear(map);
	bpfshim_map_area_free(to_array(map));
}

long bpfshim_cgroup_array_has(const struct bpfshim_map *map, u32 index)
{
	const struct bpfshim_cgroup *cg;

	if (index >= map->max_entries)
		return -E2BIG;
	cg = READ_ONCE(to_array(map)->slot[index]);
	return cg ? bpfshim_current_under(cg) : -EAGAIN;
}

static int cgroup_array_update(struct bpfshim_map *map, struct file *map_file, const void *key, u32 fd, u64 flags)
{
	struct bpfshim_cgroup *cg;
	u32 i = *(const u32 *)key;

	if (flags != BPFSHIM_ANY)
		return -EINVAL;
	if (i >= map->max_entries)
		return -E2BIG;
	cg = bpfshim_cgroup_get(fd);
	if (IS_ERR(cg))
		return PTR_ERR(cg);
	replace(to_array(map), i, cg);
	return 0;
}

static int cgroup_array_delete(struct bpfshim_map *map, const void *key)
{
	u32 i = *(const u32 *)key;

	if (i >= map->max_entries)
		return -E2BIG;
	return replace(to_array(map), i, NULL) ? 0 : -ENOENT;
}

static int cgroup_array_next_key(struct bpfshim_map *map, const void *key, void *next)
{
	u32 i = key ? *(const u32 *)key : U32_MAX;

	if (i != U32_MAX && i < map->max_entries && i == map->max_entries - 1)
		return -ENOENT;
	*(u32 *)next = i >= map->max_entries ? 0 : i + 1;
	return 0;
}

static void *cgroup_array_lookup(struct bpfshim_map *map, const void *key)
{
	return NULL;
}

const struct bpfshim_map_ops bpfshim_cgroup_array_ops = {
	.map_type = BPFSHIM_MAP_TYPE_CGROUP_ARRAY,
	.alloc_check = cgroup_array_check,
	.alloc = cgroup_array_alloc,
	.free = cgroup_array_free,
	.lookup = cgroup_array_lookup,
	.user_delete = cgroup_array_delete,
	.get_next_key = cgroup_array_next_key,
	.fd_update = cgroup_array_update,
	.inner_fits = bpfshim_map_inner_fits,
	.check_btf = bpfshim_map_no_btf,
};
