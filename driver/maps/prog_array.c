// SPDX-License-Identifier: GPL-2.0
/* Arrays of programs, for tail calls. */
#include "../native.h"
#include "maps.h"

/*
 * Owner: the map's references.  An entry is a reference on its program,
 * changed under lock, and is what tail calls take: where a compiled program is
 * entered, or the program itself.  The first program that is stored, or that
 * is loaded with the map, fixes what fits (type, engine and cgroup storage,
 * under lock): a tail call cannot pass from one engine to the other, and the
 * target's storage is the caller's.
 */
struct prog_array {
	struct bpfshim_map map;
	struct mutex lock;
	u32 type;
	bool native;			/* constant once there is an entry */
	u32 storage[2];			/* ids of maps, 0: none */
	const void *entry[];		/* native_tail, or struct bpfshim_prog */
};

static struct prog_array *to_array(const struct bpfshim_map *map)
{
	return container_of(map, struct prog_array, map);
}

static int prog_array_alloc_check(const union bpfshim_attr *attr)
{
	u32 ok = BPFSHIM_F_NUMA_NODE | BPFSHIM_F_RDONLY | BPFSHIM_F_WRONLY;

	if (attr->key_size != 4 || attr->value_size != 4 || !attr->max_entries || (attr->map_flags & ~ok))
		return -EINVAL;
	return 0;
}

static struct bpfshim_map *prog_array_alloc(const union bpfshim_attr *attr)
{
	u64 size = sizeof(struct prog_array) + (u64)attr->max_entries * sizeof(void *);
	struct prog_array *a;

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

/* The program of an entry.  Under lock. */
static struct bpfshim_prog *prog_of(const struct prog_array *a, const void *entry)
{
	if (!entry || !a->native)
		return (struct bpfshim_prog *)entry;
	return bpfshim_prog_of_tail(entry);
}

/* Puts wait for a grace period themselves: a running tail call is safe. */
static bool replace(struct prog_array *a, u32 i, struct bpfshim_prog *new)
{
	struct bpfshim_prog *old;

	mutex_lock(&a->lock);
	old = prog_of(a, a->entry[i]);
	/* What it points to is seen before it. */
	smp_wmb();
	WRITE_ONCE(a->entry[i], new && a->native ? new->xprog.native_tail : new);
	mutex_unlock(&a->lock);
	if (old)
		bpfshim_prog_put(old);
	return old;
}

static void clear(struct bpfshim_map *map)
{
	u32 i;

	for (i = 0; i < map->max_entries; i++)
		if (READ_ONCE(to_array(map)->entry[i]))
			replace(to_array(map), i, NULL);
}

static void prog_array_free(struct bpfshim_map *map)
{
	clear(map);
	bpfshim_map_area_free(to_array(map));
}

static u32 storage_id(const struct bpfshim_prog *p, int i)
{
	return p->cgroup_storage[i] ? p->cgroup_storage[i]->obj.id : 0;
}

/* A caller must have the storage that targets may ask for. */
static bool same_storage(const struct prog_array *a, const struct bpfshim_prog *p, bool target)
{
	u32 i, id;

	for (i = 0; i < ARRAY_SIZE(a->storage); i++) {
		id = storage_id(p, i);
		if (id != a->storage[i] && !(target && !id))
			return false;
	}
	return true;
}

static int fits(struct prog_array *a, const struct bpfshim_prog *p, bool target)
{
	int err = 0;

	/* Only who attaches a program itself looks for this. */
	if (p->kprobe_override)
		return -EINVAL;
	mutex_lock(&a->lock);
	if (!a->type) {
		a->type = p->type;
		a->native = p->want_native;
		a->storage[0] = storage_id(p, 0);
		a->storage[1] = storage_id(p, 1);
	} else if (a->type != p->type || a->native != p->want_native || !same_storage(a, p, target)) {
		err = -EINVAL;
	}
	mutex_unlock(&a->lock);
	return err;
}

static int prog_array_fits(struct bpfshim_map *map, const void *prog)
{
	return fits(to_array(map), prog, false);
}

static int prog_array_update(struct bpfshim_map *map, struct file *map_file, const void *key, u32 fd, u64 flags)
{
	u32 i = *(const u32 *)key;
	struct bpfshim_prog *prog;
	int err;

	if (flags != BPFSHIM_ANY)
		return -EINVAL;
	if (i >= map->max_entries)
		return -E2BIG;
	prog = bpfshim_prog_from_fd(fd);
	if (IS_ERR(prog))
		return PTR_ERR(prog);
	err = fits(to_array(map), prog, true);
	if (err) {
		bpfshim_prog_put(prog);
		return err;
	}
	replace(to_array(map), i, prog);
	return 0;
}

static int prog_array_delete(struct bpfshim_map *map, const void *key)
{
	u32 i = *(const u32 *)key;

	if (i >= map->max_entries)
		return -E2BIG;
	return replace(to_array(map), i, NULL) ? 0 : -ENOENT;
}

/* From user space a slot reads as its program's id. */
static int prog_array_user_lookup(struct bpfshim_map *map, const void *key, void *value, u64 flags)
{
	u32 i = *(const u32 *)key;
	struct bpfshim_prog *prog;
	int err = -ENOENT;

	if (i >= map->max_entries)
		return -ENOENT;
	mutex_lock(&to_array(map)->lock);
	prog = prog_of(to_array(map), to_array(map)->entry[i]);
	if (prog) {
		*(u32 *)value = prog->obj.id;
		err = 0;
	}
	mutex_unlock(&to_array(map)->lock);
	return err;
}

static int prog_array_next_key(struct bpfshim_map *map, const void *key, void *next)
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

static void *prog_array_lookup(struct bpfshim_map *map, const void *key)
{
	return NULL;
}

void bpfshim_prog_array_native(u32 *max_off, u32 *entries_off)
{
	*max_off = offsetof(struct prog_array, map.max_entries);
	*entries_off = offsetof(struct prog_array, entry);
}

u64 bpfshim_prog_array_entry(const struct bpfshim_map *map, u32 index)
{
	if (map->ops != &bpfshim_prog_array_ops || index >= map->max_entries)
		return 0;
	return (unsigned long)&to_array(map)->entry[index];
}

const struct bpfshim_prog *bpfshim_prog_array_target(struct bpfshim_map *map, u32 index)
{
	if (index >= map->max_entries)
		return NULL;
	/* Only what is interpreted asks, so the array has such. */
	return rcu_dereference_raw(to_array(map)->entry[bpfshim_index_nospec(index, map->max_entries)]);
}

static void prog_array_show(const struct bpfshim_map *map, struct seq_file *m)
{
	struct prog_array *a = to_array(map);

	mutex_lock(&a->lock);
	if (a->type)
		seq_printf(m, "owner_prog_type:\t%u\nowner_jited:\t%u\n", a->type, a->native);
	mutex_unlock(&a->lock);
}

const struct bpfshim_map_ops bpfshim_prog_array_ops = {
	.map_type = BPFSHIM_MAP_TYPE_PROG_ARRAY,
	.alloc_check = prog_array_alloc_check,
	.alloc = prog_array_alloc,
	.free = prog_array_free,
	.release_user = clear,
	.lookup = prog_array_lookup,
	.user_lookup = prog_array_user_lookup,
	.user_delete = prog_array_delete,
	.get_next_key = prog_array_next_key,
	.check_btf = bpfshim_map_no_btf,
	.fd_update = prog_array_update,
	.prog_check = prog_array_fits,
	.show = prog_array_show,
};
