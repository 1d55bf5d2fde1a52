// SPDX-License-Identifier: GPL-2.0
/* Arrays: values in one area, or a per-CPU pointer an element. */
#include "../native.h"
#include "maps.h"

/*
 * Owner: the map's references.  value/pptrs are set before publish and never
 * change; elements are written without a lock, as upstream's.
 */
struct array {
	struct bpfshim_map map;
	u32 elem_size;
	char *value;			/* array */
	void __percpu **pptrs;		/* per-CPU array */
};

static struct array *to_array(const struct bpfshim_map *map)
{
	return container_of(map, struct array, map);
}

static bool is_percpu(const struct bpfshim_map *map)
{
	return map->map_type == BPFSHIM_MAP_TYPE_PERCPU_ARRAY;
}

#define ARRAY_FLAGS (BPFSHIM_F_NUMA_NODE | BPFSHIM_F_MMAPABLE | BPFSHIM_F_RDONLY | BPFSHIM_F_WRONLY | \
		     BPFSHIM_F_RDONLY_PROG | BPFSHIM_F_WRONLY_PROG | BPFSHIM_F_PRESERVE_ELEMS | BPFSHIM_F_INNER_MAP)

static int array_check(const union bpfshim_attr *attr)
{
	bool percpu = attr->map_type == BPFSHIM_MAP_TYPE_PERCPU_ARRAY;
	u32 both = BPFSHIM_F_RDONLY_PROG | BPFSHIM_F_WRONLY_PROG;

	if (!attr->max_entries || attr->key_size != 4 || !attr->value_size ||
	    (attr->map_flags & ~ARRAY_FLAGS) || (attr->map_flags & both) == both ||
	    (percpu && (attr->map_flags & BPFSHIM_F_NUMA_NODE) && (int)attr->numa_node != NUMA_NO_NODE))
		return -EINVAL;
	if (percpu && (attr->map_flags & (BPFSHIM_F_MMAPABLE | BPFSHIM_F_INNER_MAP)))
		return -EINVAL;
	if (attr->map_flags & BPFSHIM_F_PRESERVE_ELEMS)
		return -EINVAL;
	if (attr->value_size > INT_MAX)
		return -E2BIG;
	return 0;
}

static void array_free(struct bpfshim_map *map)
{
	struct array *a = to_array(map);

	if (a->pptrs) {
		bpfshim_percpu_values_free(a->pptrs, sizeof(*a->pptrs), map->max_entries, a->elem_size);
		bpfshim_map_area_free(a->pptrs);
	}
	if (map->map_flags & BPFSHIM_F_MMAPABLE)
		vfree(a->value);
	else
		bpfshim_map_area_free(a->value);
	bpfshim_kfree(a);
}

static struct bpfshim_map *array_alloc(const union bpfshim_attr *attr)
{
	bool percpu = attr->map_type == BPFSHIM_MAP_TYPE_PERCPU_ARRAY;
	u64 bytes, elem = round_up((u64)attr->value_size, 8);
	struct array *a;

	if (percpu && elem > PCPU_MIN_UNIT_SIZE)
		return ERR_PTR(-E2BIG);
	bytes = percpu ? (u64)attr->max_entries * sizeof(void *) : elem * attr->max_entries;
	if (bytes >= (u64)U32_MAX - PAGE_SIZE)
		return ERR_PTR(-ENOMEM);
	a = bpfshim_kzalloc(sizeof(*a), GFP_KERNEL);
	if (!a)
		return ERR_PTR(-ENOMEM);
	bpfshim_map_base_init(&a->map, attr);
	a->elem_size = (u32)elem;
	if (percpu) {
		a->pptrs = bpfshim_map_area_alloc(bytes, NUMA_NO_NODE);
		if (!a->pptrs)
			goto fail;
		if (bpfshim_percpu_values_alloc(a->pptrs, sizeof(*a->pptrs), attr->max_entries, a->elem_size)) {
			bpfshim_map_area_free(a->pptrs);
			a->pptrs = NULL;
			goto fail;
		}
		bpfshim_map_charge(&a->map, bytes + elem * attr->max_entries * num_possible_cpus());
	} else {
		if (attr->map_flags & BPFSHIM_F_MMAPABLE)
			a->value = bpfshim_should_fail() ? NULL : vmalloc_user(PAGE_ALIGN(bytes));
		else
			a->value = bpfshim_map_area_alloc(bytes, a->map.numa_node);
		if (!a->value)
			goto fail;
		bpfshim_map_charge(&a->map, bytes);
	}
	return &a->map;
fail:
	bpfshim_map_put(&a->map);
	return ERR_PTR(-ENOMEM);
}

static char *elem_at(const struct array *a, u32 i)
{
	return a->value + (u64)a->elem_size * i;
}

void bpfshim_array_native(const struct bpfshim_map *map, struct bpfshim_jit_map *m)
{
	const struct array *a;

	if (map->ops != &bpfshim_array_ops && map->ops != &bpfshim_percpu_array_ops)
		return;
	a = to_array(map);
	m->kind = a->pptrs ? BPFSHIM_JIT_MAP_PERCPU_ARRAY : BPFSHIM_JIT_MAP_ARRAY;
	m->base = (unsigned long)(a->pptrs ? (void *)a->pptrs : (void *)a->value);
	m->elem_size = a->elem_size;
	m->max_entries = map->max_entries;
}

/* Once: a program's key may lie where others write. */
static inline u32 index_of(const void *key)
{
	return READ_ONCE(*(const u32 *)key);
}

static void *array_lookup(struct bpfshim_map *map, const void *key)
{
	u32 i = index_of(key);

	if (unlikely(i >= map->max_entries))
		return NULL;
	return elem_at(to_array(map), bpfshim_index_nospec(i, map->max_entries));
}

static void *percpu_lookup(struct bpfshim_map *map, const void *key)
{
	u32 i = index_of(key);

	if (unlikely(i >= map->max_entries))
		return NULL;
	return this_cpu_ptr(to_array(map)->pptrs[bpfshim_index_nospec(i, map->max_entries)]);
}

static void *percpu_lookup_cpu(struct bpfshim_map *map, const void *key, u32 cpu)
{
	u32 i = index_of(key);

	if (i >= map->max_entries || cpu >= nr_cpu_ids || !cpu_possible(cpu))
		return NULL;
	return per_cpu_ptr(to_array(map)->pptrs[bpfshim_index_nospec(i, map->max_entries)], cpu);
}

static inline int check_update(const struct bpfshim_map *map, u32 i, u64 flags)
{
	if ((flags & ~(u64)BPFSHIM_F_LOCK) > BPFSHIM_EXIST)
		return -EINVAL;
	if (i >= map->max_entries)
		return -E2BIG;
	if (likely(!flags))
		return 0;
	if (flags & BPFSHIM_NOEXIST)
		return -EEXIST;
	if ((flags & BPFSHIM_F_LOCK) && map->spin_lock_off < 0)
		return -EINVAL;
	return 0;
}

static long array_update(struct bpfshim_map *map, const void *key, const void *value, u64 flags)
{
	u32 i = index_of(key);
	int err = check_update(map, i, flags);
	char *elem;

	if (err)
		return err;
	elem = elem_at(to_array(map), i);
	if (likely(!map->special)) {
		bpfshim_copy(elem, value, map->value_size);
		return 0;
	}
	if (flags & BPFSHIM_F_LOCK)
		bpfshim_value_copy_locked(map, elem, value, elem);
	else
		bpfshim_value_copy(map, elem, value);
	bpfshim_value_drop_kptrs(map, elem);
	return 0;
}

static long percpu_update(struct bpfshim_map *map, const void *key, const void *value, u64 flags)
{
	u32 i = index_of(key);
	int err = check_update(map, i, flags);

	if (!err)
		bpfshim_copy(this_cpu_ptr(to_array(map)->pptrs[i]), value, map->value_size);
	return err;
}

static long array_delete(struct bpfshim_map *map, const void *key)
{
	return -EINVAL;
}

static long array_for_each(struct bpfshim_map *map, const struct bpfshim_callback *cb, u64 ctx, u64 flags)
{
	struct array *a = to_array(map);
	bool percpu = is_percpu(map);
	void *value;
	u32 i, key;

	if (flags)
		return -EINVAL;
	for (i = 0; i < map->max_entries; i++) {
		key = i;
		value = percpu ? (void *)this_cpu_ptr(a->pptrs[i]) : elem_at(a, i);
		if (bpfshim_callback_run(cb, (unsigned long)map, (unsigned long)&key, (unsigned long)value, ctx, 0))
			return i + 1;
	}
	return i;
}

/* ---- user side --------------------------------------------------------- */

static int array_user_lookup(struct bpfshim_map *map, const void *key, void *value, u64 flags)
{
	u32 i = *(const u32 *)key;

	if (i >= map->max_entries)
		return -ENOENT;
	if (is_percpu(map)) {
		bpfshim_percpu_copy_out(value, to_array(map)->pptrs[i], map->value_size);
		return 0;
	}
	bpfshim_value_out(map, value, elem_at(to_array(map), i), flags);
	return 0;
}

static int array_user_update(struct bpfshim_map *map, const void *key, const void *value, u64 flags)
{
	int err;

	if (!is_percpu(map))
		return array_update(map, key, value, flags);
	if (flags > BPFSHIM_EXIST)
		return -EINVAL;
	err = check_update(map, *(const u32 *)key, flags);
	if (!err)
		bpfshim_percpu_copy_in(to_array(map)->pptrs[*(const u32 *)key], value, map->value_size);
	return err;
}

static int array_user_delete(struct bpfshim_map *map, const void *key)
{
	return -EINVAL;
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

/* Programs may index an inner array by its own size when it says so. */
static bool array_inner_fits(const struct bpfshim_vrf_map *inner, const struct bpfshim_map *map)
{
	return bpfshim_map_inner_fits(inner, map) &&
	       ((inner->map_flags & BPFSHIM_F_INNER_MAP) || inner->max_entries == map->max_entries);
}

static int array_direct_value(const struct bpfshim_map *map, u32 off, u64 *addr)
{
	if (map->max_entries != 1)
		return -ENOTSUPP;
	if (off >= map->value_size)
		return -EINVAL;
	*addr = (unsigned long)to_array(map)->value + off;
	return 0;
}

static int array_mmap(struct bpfshim_map *map, struct vm_area_struct *vma)
{
	struct array *a = to_array(map);
	unsigned long pages = PAGE_ALIGN((u64)map->max_entries * a->elem_size) >> PAGE_SHIFT;

	if (!(map->map_flags & BPFSHIM_F_MMAPABLE))
		return -EINVAL;
	if (vma->vm_pgoff >= pages || vma_pages(vma) > pages - vma->vm_pgoff)
		return -EINVAL;
	return remap_vmalloc_range(vma, a->value, vma->vm_pgoff);
}

const struct bpfshim_map_ops bpfshim_array_ops = {
	.map_type = BPFSHIM_MAP_TYPE_ARRAY,
	.alloc_check = array_check,
	.alloc = array_alloc,
	.free = array_free,
	.lookup = array_lookup,
	.update = array_update,
	.delete_elem = array_delete,
	.for_each = array_for_each,
	.user_lookup = array_user_lookup,
	.user_update = array_user_update,
	.user_delete = array_user_delete,
	.get_next_key = array_next_key,
	.inner_fits = array_inner_fits,
	.direct_value = array_direct_value,
	.mmap = array_mmap,
};

const struct bpfshim_map_ops bpfshim_percpu_array_ops = {
	.map_type = BPFSHIM_MAP_TYPE_PERCPU_ARRAY,
	.alloc_check = array_check,
	.alloc = array_alloc,
	.free = array_free,
	.lookup = percpu_lookup,
	.lookup_percpu = percpu_lookup_cpu,
	.update = percpu_update,
	.delete_elem = array_delete,
	.for_each = array_for_each,
	.user_value_size = bpfshim_percpu_user_size,
	.user_lookup = array_user_lookup,
	.user_update = array_user_update,
	.user_delete = array_user_delete,
	.get_next_key = array_next_key,
	.inner_fits = bpfshim_map_inner_fits,
};
