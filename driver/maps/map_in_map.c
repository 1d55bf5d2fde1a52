// SPDX-License-Identifier: GPL-2.0
/*
 * Maps of maps.  A value is a reference on the inner map; programs follow it
 * under RCU, and an inner map's memory waits for a grace period after its last
 * reference, so what a program looked up stays whole until its run ends.
 */
#include "map_in_map.h"
#include "hash.h"

/* ---- what fits --------------------------------------------------------- */

struct bpfshim_inner *bpfshim_inner_new(int fd)
{
	struct bpfshim_map *map = bpfshim_map_from_fd(fd);
	struct bpfshim_inner *in;
	int err;

	if (IS_ERR(map))
		return ERR_CAST(map);
	err = -EINVAL;	/* one level only */
	if (map->map_type == BPFSHIM_MAP_TYPE_ARRAY_OF_MAPS || map->map_type == BPFSHIM_MAP_TYPE_HASH_OF_MAPS)
		goto fail;
	err = -ENOTSUPP;
	if (!map->ops->inner_fits || map->spin_lock_off >= 0 || map->kptrs)
		goto fail;
	err = -ENOMEM;
	in = bpfshim_kzalloc(sizeof(*in), GFP_KERNEL);
	if (!in)
		goto fail;
	in->vrf.map_type = map->map_type;
	in->vrf.key_size = map->key_size;
	in->vrf.value_size = map->value_size;
	in->vrf.max_entries = map->max_entries;
	in->vrf.map_flags = map->map_flags;
	in->vrf.spin_lock_off = map->spin_lock_off;
	in->vrf.timer_off = map->timer_off;
	in->vrf.btf_key_type_id = map->btf_key_type_id;
	in->vrf.btf_value_type_id = map->btf_value_type_id;
	if (map->btf) {
		bpfshim_btf_get(map->btf);
		in->btf = map->btf;
		in->vrf.btf = map->btf->parsed;
	}
	bpfshim_map_put(map);
	return in;
fail:
	bpfshim_map_put(map);
	return ERR_PTR(err);
}

void bpfshim_inner_free(struct bpfshim_inner *in)
{
	if (in && in->btf)
		bpfshim_btf_put(in->btf);
	bpfshim_kfree(in);
}

bool bpfshim_map_inner_fits(const struct bpfshim_vrf_map *inner, const struct bpfshim_map *map)
{
	return inner->map_type == map->map_type && inner->key_size == map->key_size &&
	       inner->value_size == map->value_size && inner->timer_off == map->timer_off &&
	       inner->map_flags == map->map_flags;
}

struct bpfshim_map *bpfshim_inner_get(const struct bpfshim_inner *in, int fd)
{
	struct bpfshim_map *map = bpfshim_map_from_fd(fd);

	if (IS_ERR(map))
		return map;
	/* A lock or kernel pointers would be new: the template has none. */
	if (map->ops->inner_fits && map->spin_lock_off < 0 && !map->kptrs && map->ops->inner_fits(&in->vrf, map))
		return map;
	bpfshim_map_put(map);
	return ERR_PTR(-EINVAL);
}

/* ---- arrays ------------------------------------------------------------ */

/*
 * Owner: the map's references.  Slots are RCU pointers, each a reference on
 * its map, exchanged whole.
 */
struct array_of_maps {
	struct bpfshim_map map;
	struct bpfshim_inner *inner;
	struct bpfshim_map *slot[];
};

static struct array_of_maps *to_array(const struct bpfshim_map *map)
{
	return container_of(map, struct array_of_maps, map);
}

static int array_check(const union bpfshim_attr *attr)
{
	u32 ok = BPFSHIM_F_NUMA_NODE | BPFSHIM_F_RDONLY | BPFSHIM_F_WRONLY;

	if (attr->key_size != 4 || attr->value_size != 4 || !attr->max_entries || (attr->map_flags & ~ok))
		return -EINVAL;
	return 0;
}

static struct bpfshim_map *array_alloc(const union bpfshim_attr *attr)
{
	u64 size = sizeof(struct array_of_maps) + (u64)attr->max_entries * sizeof(void *);
	struct bpfshim_inner *in = bpfshim_inner_new(attr->inner_map_fd);
	struct array_of_maps *a = NULL;

	if (IS_ERR(in))
		return ERR_CAST(in);
	if (size < (u64)U32_MAX - PAGE_SIZE)
		a = bpfshim_map_area_alloc(size, attr->map_flags & BPFSHIM_F_NUMA_NODE ?
					   (int)attr->numa_node : NUMA_NO_NODE);
	if (!a) {
		bpfshim_inner_free(in);
		return ERR_PTR(-ENOMEM);
	}
	bpfshim_map_base_init(&a->map, attr);
	a->inner = in;
	bpfshim_map_charge(&a->map, size);
	return &a->map;
}

static void array_free(struct bpfshim_map *map)
{
	struct array_of_maps *a = to_array(map);
	u32 i;

	for (i = 0; i < map->max_entries; i++) {
		if (a->slot[i])
			bpfshim_map_put(a->slot[i]);
		if (!(i & 1023))
			cond_resched();
	}
	bpfshim_inner_free(a->inner);
	bpfshim_map_area_free(a);
}

static void *array_lookup(struct bpfshim_map *map, const void *key)
{
	u32 i = READ_ONCE(*(const u32 *)key);

	if (i >= map->max_entries)
		return NULL;
	return rcu_dereference_raw(to_array(map)->slot[bpfshim_index_nospec(i, map->max_entries)]);
}

static int array_update(struct bpfshim_map *map, struct file *map_file, const void *key, u32 fd, u64 flags)
{
	u32 i = *(const u32 *)key;
	struct bpfshim_map *new, *old;

	if (flags != BPFSHIM_ANY)
		return -EINVAL;
	if (i >= map->max_entries)
		return -E2BIG;
	new = bpfshim_inner_get(to_array(map)->inner, fd);
	if (IS_ERR(new))
		return PTR_ERR(new);
	old = xchg(&to_array(map)->slot[i], new);
	if (old)
		bpfshim_map_put(old);
	return 0;
}

static int array_delete(struct bpfshim_map *map, const void *key)
{
	u32 i = *(const u32 *)key;
	struct bpfshim_map *old;

	if (i >= map->max_entries)
		return -E2BIG;
	old = xchg(&to_array(map)->slot[i], NULL);
	if (!old)
		return -ENOENT;
	bpfshim_map_put(old);
	return 0;
}

static int array_user_lookup(struct bpfshim_map *map, const void *key, void *value, u64 flags)
{
	struct bpfshim_map *inner;

	bpfshim_read_lock();
	inner = array_lookup(map, key);
	if (inner)
		*(u32 *)value = inner->obj.id;
	bpfshim_read_unlock();
	return inner ? 0 : -ENOENT;
}

static int array_next_key(struct bpfshim_map *map, const void *key, void *next)
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

static void array_describe(const struct bpfshim_map *map, struct bpfshim_vrf_map *out)
{
	out->inner = &to_array(map)->inner->vrf;
}

const struct bpfshim_map_ops bpfshim_array_of_maps_ops = {
	.map_type = BPFSHIM_MAP_TYPE_ARRAY_OF_MAPS,
	.alloc_check = array_check,
	.alloc = array_alloc,
	.free = array_free,
	.lookup = array_lookup,
	.user_lookup = array_user_lookup,
	.user_delete = array_delete,
	.get_next_key = array_next_key,
	.fd_update = array_update,
	.check_btf = bpfshim_map_no_btf,
	.describe = array_describe,
};

/* ---- hash tables ------------------------------------------------------- */

static int hash_check(const union bpfshim_attr *attr)
{
	return attr->value_size == sizeof(u32) ? bpfshim_htab_check(attr) : -EINVAL;
}

static struct bpfshim_map *hash_alloc(const union bpfshim_attr *attr)
{
	struct bpfshim_inner *in = bpfshim_inner_new(attr->inner_map_fd);
	struct bpfshim_map *map;

	if (IS_ERR(in))
		return ERR_CAST(in);
	map = bpfshim_htab_alloc(attr);
	if (IS_ERR(map))
		bpfshim_inner_free(in);
	else
		bpfshim_to_htab(map)->inner = in;
	return map;
}

static void *hash_lookup(struct bpfshim_map *map, const void *key)
{
	struct bpfshim_htab *h = bpfshim_to_htab(map);
	struct bpfshim_elem *e = bpfshim_htab_find(h, key, bpfshim_hash_key(h, key));

	return e ? bpfshim_elem_map(h, e) : NULL;
}

static int hash_update(struct bpfshim_map *map, struct file *map_file, const void *key, u32 fd, u64 flags)
{
	struct bpfshim_map *new = bpfshim_inner_get(bpfshim_to_htab(map)->inner, fd);
	int err;

	if (IS_ERR(new))
		return PTR_ERR(new);
	err = bpfshim_htab_user_update(map, key, &new, flags);
	if (err)
		bpfshim_map_put(new);
	return err;
}

static void hash_describe(const struct bpfshim_map *map, struct bpfshim_vrf_map *out)
{
	out->inner = &bpfshim_to_htab(map)->inner->vrf;
}

const struct bpfshim_map_ops bpfshim_hash_of_maps_ops = {
	.map_type = BPFSHIM_MAP_TYPE_HASH_OF_MAPS,
	.alloc_check = hash_check,
	.alloc = hash_alloc,
	.free = bpfshim_htab_free,
	.lookup = hash_lookup,
	.user_lookup = bpfshim_htab_user_lookup,
	.user_delete = bpfshim_htab_user_delete,
	.get_next_key = bpfshim_htab_next_key,
	.nr_buckets = bpfshim_htab_nr_buckets,
	.bucket_read = bpfshim_htab_bucket_read,
	.fd_update = hash_update,
	.check_btf = bpfshim_map_no_btf,
	.describe = hash_describe,
};
