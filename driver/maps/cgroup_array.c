// SPDX-License-Identifier: GPL-2.0
/*
 * Arrays of cgroups.  Programs ask whether the running task lies below one;
 * a slot takes an fd of a version 2 hierarchy's directory, and the kernels this
 * module is for have none: every update says -EBADF, as 6.1 says of an fd that
 * is no such directory, and every slot stays empty, which programs are told.
 * So objects that have such a map, for an option nobody set, run.
 */
#include "maps.h"

/* Owner: the map's references. */
struct cgroup_array {
	struct bpfshim_map map;
};

static int cgroup_array_check(const union bpfshim_attr *attr)
{
	u32 ok = BPFSHIM_F_NUMA_NODE | BPFSHIM_F_RDONLY | BPFSHIM_F_WRONLY;

	if (attr->key_size != 4 || attr->value_size != 4 || !attr->max_entries || (attr->map_flags & ~ok))
		return -EINVAL;
	return 0;
}

static struct bpfshim_map *cgroup_array_alloc(const union bpfshim_attr *attr)
{
	struct cgroup_array *a = bpfshim_kzalloc(sizeof(*a), GFP_KERNEL);

	if (!a)
		return ERR_PTR(-ENOMEM);
	bpfshim_map_base_init(&a->map, attr);
	bpfshim_map_charge(&a->map, sizeof(*a));
	return &a->map;
}

static void cgroup_array_free(struct bpfshim_map *map)
{
	bpfshim_kfree(container_of(map, struct cgroup_array, map));
}

static int cgroup_array_update(struct bpfshim_map *map, struct file *map_file, const void *key, u32 fd, u64 flags)
{
	if (flags != BPFSHIM_ANY)
		return -EINVAL;
	return *(const u32 *)key >= map->max_entries ? -E2BIG : -EBADF;
}

static int cgroup_array_delete(struct bpfshim_map *map, const void *key)
{
	return *(const u32 *)key >= map->max_entries ? -E2BIG : -ENOENT;
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
