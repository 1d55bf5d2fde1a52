// SPDX-License-Identifier: GPL-2.0
/*
 * Cgroup storage: a value to each cgroup that a program is attached to.  The
 * kernels this module is for attach none, so the map itself stays empty, as it
 * does on 6.1 until a program is attached.  A test run has a value of its own,
 * as there: test_packet.c makes it, and get_local_storage finds it.
 */
#include "../../verifier/btf.h"
#include "maps.h"

/* Owner: the map's references. */
struct cgroup_storage {
	struct bpfshim_map map;
};

/* 6.1's struct bpf_cgroup_storage_key; or the id alone. */
struct storage_key {
	u64 id;
	u32 attach_type;
};

#define STORAGE_FLAGS	(BPFSHIM_F_NUMA_NODE | BPFSHIM_F_RDONLY | BPFSHIM_F_WRONLY | \
			 BPFSHIM_F_RDONLY_PROG | BPFSHIM_F_WRONLY_PROG)

static bool is_percpu(u32 type)
{
	return type == BPFSHIM_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

static int storage_check(const union bpfshim_attr *attr)
{
	u32 both = BPFSHIM_F_RDONLY_PROG | BPFSHIM_F_WRONLY_PROG;
	u32 max = is_percpu(attr->map_type) ? min_t(u32, BPFSHIM_STORAGE_MAX_VALUE, PCPU_MIN_UNIT_SIZE) :
		  BPFSHIM_STORAGE_MAX_VALUE;

	if ((attr->key_size != sizeof(struct storage_key) && attr->key_size != sizeof(u64)) || !attr->value_size)
		return -EINVAL;
	if (attr->value_size > max)
		return -E2BIG;
	if ((attr->map_flags & ~STORAGE_FLAGS) || (attr->map_flags & both) == both || attr->max_entries)
		return -EINVAL;
	return 0;
}

static struct bpfshim_map *storage_alloc(const union bpfshim_attr *attr)
{
	struct cgroup_storage *s = bpfshim_kzalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return ERR_PTR(-ENOMEM);
	bpfshim_map_base_init(&s->map, attr);
	bpfshim_map_charge(&s->map, sizeof(*s));
	return &s->map;
}

static void storage_free(struct bpfshim_map *map)
{
	bpfshim_kfree(container_of(map, struct cgroup_storage, map));
}

static int storage_lookup(struct bpfshim_map *map, const void *key, void *value, u64 flags)
{
	return -ENOENT;
}

static int storage_update(struct bpfshim_map *map, const void *key, const void *value, u64 flags)
{
	u64 ok = is_percpu(map->map_type) ? BPFSHIM_EXIST : BPFSHIM_EXIST | BPFSHIM_F_LOCK;

	return flags & ~ok ? -EINVAL : -ENOENT;
}

static int storage_delete(struct bpfshim_map *map, const void *key)
{
	return -EINVAL;
}

static int storage_next_key(struct bpfshim_map *map, const void *key, void *next)
{
	return -ENOENT;
}

static bool is_int(const struct bpfshim_vrf_btf *btf, u32 id, u32 bits)
{
	const struct bpfshim_btf_type *t = bpfshim_btf_skip(btf, id, NULL);
	u32 data;

	if (!t || BPFSHIM_BTF_KIND(t->info) != BPFSHIM_BTF_INT)
		return false;
	data = *(const u32 *)(t + 1);		/* encoding, offset, bits */
	return (data & 0xff) == bits && !(data >> 16 & 0xff);
}

/* Member i of a struct: name, type, offset in bits; a bit field's width above. */
static bool is_member(const struct bpfshim_vrf_btf *btf, const struct bpfshim_btf_type *t, u32 i, u32 off, u32 size)
{
	const u32 *m = (const u32 *)(t + 1) + 3 * i;
	u32 at = m[2];

	if (BPFSHIM_BTF_KFLAG(t->info)) {
		if (at >> 24 && at >> 24 != size * 8)
			return false;
		at &= 0xffffff;
	}
	return at == off * 8 && is_int(btf, m[1], size * 8);
}

static int storage_check_btf(const struct bpfshim_map *map, const struct bpfshim_vrf_btf *btf, u32 key_id, u32 value_id)
{
	const struct bpfshim_btf_type *t = bpfshim_btf_skip(btf, key_id, NULL);

	if (map->key_size == sizeof(u64))
		return is_int(btf, key_id, 64) ? 0 : -EINVAL;
	if (!t || BPFSHIM_BTF_KIND(t->info) != BPFSHIM_BTF_STRUCT || BPFSHIM_BTF_VLEN(t->info) != 2 ||
	    !is_member(btf, t, 0, offsetof(struct storage_key, id), sizeof(u64)) ||
	    !is_member(btf, t, 1, offsetof(struct storage_key, attach_type), sizeof(u32)))
		return -EINVAL;
	return 0;
}

#define STORAGE_OPS(type)			\
	.map_type = type,			\
	.alloc_check = storage_check,		\
	.alloc = storage_alloc,			\
	.free = storage_free,			\
	.user_lookup = storage_lookup,		\
	.user_update = storage_update,		\
	.user_delete = storage_delete,		\
	.get_next_key = storage_next_key,	\
	.check_btf = storage_check_btf

const struct bpfshim_map_ops bpfshim_cgroup_storage_ops = {
	STORAGE_OPS(BPFSHIM_MAP_TYPE_CGROUP_STORAGE),
};

const struct bpfshim_map_ops bpfshim_percpu_cgroup_storage_ops = {
	STORAGE_OPS(BPFSHIM_MAP_TYPE_PERCPU_CGROUP_STORAGE),
	.user_value_size = bpfshim_percpu_user_size,
};
