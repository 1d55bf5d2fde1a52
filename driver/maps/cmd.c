// SPDX-License-Identifier: GPL-2.0
/* The MAP_* commands on single elements, and MAP_CREATE. */
#include "maps.h"
#include "cmd.h"

/* Where locks and timers may be, as 6.1 has it. */
static int check_special(const struct bpfshim_map *map)
{
	u32 type = map->map_type;

	if ((map->spin_lock_off >= 0 || map->timer_off >= 0) && (map->map_flags & BPFSHIM_F_RDONLY_PROG))
		return -EACCES;
	if (map->spin_lock_off >= 0 && type != BPFSHIM_MAP_TYPE_HASH && type != BPFSHIM_MAP_TYPE_ARRAY &&
	    type != BPFSHIM_MAP_TYPE_CGROUP_STORAGE && type != BPFSHIM_MAP_TYPE_TASK_STORAGE)
		return -ENOTSUPP;
	if (map->timer_off >= 0 && type != BPFSHIM_MAP_TYPE_HASH && type != BPFSHIM_MAP_TYPE_LRU_HASH &&
	    type != BPFSHIM_MAP_TYPE_ARRAY)
		return -EOPNOTSUPP;
	return 0;
}

int bpfshim_map_no_btf(const struct bpfshim_map *map, const struct bpfshim_vrf_btf *btf, u32 key_id, u32 value_id)
{
	return -ENOTSUPP;
}

/* BTF of a map: sizes fit, locks and timers found. */
static int attach_btf(struct bpfshim_map *map, const union bpfshim_attr *attr)
{
	struct bpfshim_btf *btf;
	int err;

	if (!attr->btf_key_type_id && !attr->btf_value_type_id)
		return 0;
	btf = bpfshim_btf_from_fd(attr->btf_fd);
	if (IS_ERR(btf))
		return PTR_ERR(btf);
	if (btf->kernel) {
		bpfshim_btf_put(btf);
		return -EACCES;
	}
	if (attr->btf_value_type_id) {
		/* Only global data has values without keys. */
		err = -EINVAL;
		if (attr->btf_key_type_id || map->ops->check_btf ||
		    (map->map_type == BPFSHIM_MAP_TYPE_ARRAY && map->max_entries == 1))
			err = bpfshim_btf_map_check(btf->parsed, attr->btf_key_type_id, attr->btf_value_type_id,
					    map->map_type, map->key_size, map->value_size, map->max_entries,
					    &map->spin_lock_off, &map->timer_off);
		if (!err)
			err = check_special(map);
		if (!err)
			err = bpfshim_map_find_kptrs(map, btf, attr->btf_value_type_id);
		if (!err && map->ops->check_btf)
			err = map->ops->check_btf(map, btf->parsed, attr->btf_key_type_id, attr->btf_value_type_id);
		if (err) {
			bpfshim_btf_put(btf);
			return err;
		}
	}
	map->special = map->spin_lock_off >= 0 || map->timer_off >= 0 || map->kptrs;
	map->btf = btf;
	map->btf_key_type_id = attr->btf_key_type_id;
	map->btf_value_type_id = attr->btf_value_type_id;
	return 0;
}

long bpfshim_cmd_map_create(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	u32 rdwr = attr->map_flags & (BPFSHIM_F_RDONLY | BPFSHIM_F_WRONLY);
	const struct bpfshim_map_ops *ops;
	struct bpfshim_map *map;
	char name[BPFSHIM_OBJ_NAME_LEN];
	int err;

	if (attr->btf_vmlinux_value_type_id)
		return -EINVAL;
	if (attr->btf_key_type_id && !attr->btf_value_type_id)
		return -EINVAL;
	if (attr->map_type != BPFSHIM_MAP_TYPE_BLOOM_FILTER && attr->map_extra)
		return -EINVAL;
	if (rdwr == (BPFSHIM_F_RDONLY | BPFSHIM_F_WRONLY))
		return -EINVAL;
	if (attr->map_flags & BPFSHIM_F_NUMA_NODE) {
		if ((int)attr->numa_node != NUMA_NO_NODE &&
		    (attr->numa_node >= nr_node_ids || !node_online(attr->numa_node)))
			return -EINVAL;
	}
	ops = bpfshim_map_ops_of(attr->map_type);
	if (!ops)
		return -EINVAL;
	err = ops->alloc_check(attr);
	if (err)
		return err;
	/* No device here takes maps: 6.1's answer where none does. */
	if (attr->map_ifindex)
		return attr->map_type == BPFSHIM_MAP_TYPE_ARRAY || attr->map_type == BPFSHIM_MAP_TYPE_HASH ?
		       -EOPNOTSUPP : -EINVAL;
	map = ops->alloc(attr);
	if (IS_ERR(map))
		return PTR_ERR(map);
	err = bpfshim_name_copy(name, attr->map_name);
	if (!err) {
		memcpy(map->name, name, sizeof(name));
		err = attach_btf(map, attr);
	}
	if (!err)
		err = bpfshim_obj_publish(&map->obj);
	if (!err)
		err = bpfshim_map_new_fd(map, rdwr == BPFSHIM_F_RDONLY ? O_RDONLY :
					 rdwr == BPFSHIM_F_WRONLY ? O_WRONLY : O_RDWR);
	bpfshim_map_put(map);
	return err;
}

/* ---- access to elements ------------------------------------------------ */

int bpfshim_map_open(struct bpfshim_map_access *a, u32 fd, fmode_t mode)
{
	struct bpfshim_map *map;

	a->file = fget(fd);
	if (!a->file)
		return -EBADF;
	map = bpfshim_map_of_file(a->file);
	if (!map) {
		fput(a->file);
		return -EINVAL;
	}
	a->map = map;
	a->writing = mode & FMODE_CAN_WRITE_MAP;
	/* Counted before frozen is looked at, so that FREEZE sees it or we see FREEZE. */
	if (a->writing) {
		atomic_inc(&map->writers);
		smp_mb();
	}
	if ((a->writing && (!(a->file->f_mode & FMODE_WRITE) || READ_ONCE(map->frozen))) ||
	    ((mode & FMODE_CAN_READ_MAP) && !(a->file->f_mode & FMODE_READ))) {
		bpfshim_map_close(a);
		return -EPERM;
	}
	return 0;
}

void bpfshim_map_close(struct bpfshim_map_access *a)
{
	if (a->writing)
		atomic_dec(&a->map->writers);
	fput(a->file);
}

u32 bpfshim_map_user_value_size(const struct bpfshim_map *map)
{
	return map->ops->user_value_size ? map->ops->user_value_size(map) : map->value_size;
}

int bpfshim_buf_get(struct bpfshim_buf *b, u32 size)
{
	u32 i;

	if (likely(size <= sizeof(b->small))) {
		b->p = b->small;
		for (i = 0; i * 8 < size; i++)
			WRITE_ONCE(b->small[i], 0);
		return 0;
	}
	b->p = bpfshim_kvzalloc(size);
	return b->p ? 0 : -ENOMEM;
}

int bpfshim_buf_from_user(struct bpfshim_buf *b, u64 uaddr, u32 size)
{
	b->p = b->small;
	if (unlikely(size > sizeof(b->small))) {
		b->p = bpfshim_kvzalloc(size);
		if (!b->p)
			return -ENOMEM;
	}
	if (likely(!bpfshim_in(b->p, uaddr, size)))
		return 0;
	bpfshim_buf_put(b);
	return -EFAULT;
}

/* The key; p is NULL for maps without keys. */
static int take_key(struct bpfshim_buf *b, const struct bpfshim_map *map, u64 ukey)
{
	if (map->key_size)
		return bpfshim_buf_from_user(b, ukey, map->key_size);
	b->p = NULL;
	return ukey ? -EINVAL : 0;
}

/* The value for a lookup: what comes in, or room for what goes out. */
static int take_value(struct bpfshim_buf *b, const struct bpfshim_map *map, u64 uvalue, u32 size)
{
	return map->ops->user_lookup_reads ? bpfshim_buf_from_user(b, uvalue, size) : bpfshim_buf_get(b, size);
}

long bpfshim_cmd_map_lookup(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	const struct bpfshim_map_ops *ops;
	struct bpfshim_map_access a;
	struct bpfshim_buf key, value;
	u32 vsize;
	int err;

	if (attr->flags & ~(u64)BPFSHIM_F_LOCK)
		return -EINVAL;
	err = bpfshim_map_open(&a, attr->map_fd, FMODE_CAN_READ_MAP);
	if (err)
		return err;
	err = -EINVAL;
	if ((attr->flags & BPFSHIM_F_LOCK) && a.map->spin_lock_off < 0)
		goto out;
	err = take_key(&key, a.map, attr->key);
	if (err)
		goto out;
	ops = a.map->ops;
	vsize = bpfshim_map_user_value_size(a.map);
	err = take_value(&value, a.map, attr->value, vsize);
	if (!err) {
		err = ops->user_lookup ? ops->user_lookup(a.map, key.p, value.p, attr->flags) : -ENOTSUPP;
		if (!err && !ops->user_lookup_reads)
			err = bpfshim_out(attr->value, value.p, vsize);
		bpfshim_buf_put(&value);
	}
	bpfshim_buf_put(&key);
out:
	bpfshim_map_close(&a);
	return err;
}

long bpfshim_cmd_map_update(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	struct bpfshim_map_access a;
	struct bpfshim_buf key, value;
	int err;

	err = bpfshim_map_open(&a, attr->map_fd, FMODE_CAN_WRITE_MAP);
	if (err)
		return err;
	err = -EINVAL;
	if ((attr->flags & BPFSHIM_F_LOCK) && a.map->spin_lock_off < 0)
		goto out;
	err = take_key(&key, a.map, attr->key);
	if (err)
		goto out;
	err = bpfshim_buf_from_user(&value, attr->value, bpfshim_map_user_value_size(a.map));
	if (!err) {
		if (a.map->ops->fd_update)
			err = a.map->ops->fd_update(a.map, a.file, key.p, *(u32 *)value.p, attr->flags);
		else if (a.map->ops->user_update)
			err = a.map->ops->user_update(a.map, key.p, value.p, attr->flags);
		else
			err = -EOPNOTSUPP;
		bpfshim_buf_put(&value);
	}
	bpfshim_buf_put(&key);
out:
	bpfshim_map_close(&a);
	return err;
}

long bpfshim_cmd_map_delete(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	struct bpfshim_map_access a;
	struct bpfshim_buf key;
	int err;

	err = bpfshim_map_open(&a, attr->map_fd, FMODE_CAN_WRITE_MAP);
	if (err)
		return err;
	err = take_key(&key, a.map, attr->key);
	if (!err) {
		err = a.map->ops->user_delete ? a.map->ops->user_delete(a.map, key.p) : -EOPNOTSUPP;
		bpfshim_buf_put(&key);
	}
	bpfshim_map_close(&a);
	return err;
}

long bpfshim_cmd_map_next_key(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	struct bpfshim_map_access a;
	struct bpfshim_buf key, next;
	int err;

	err = bpfshim_map_open(&a, attr->map_fd, FMODE_CAN_READ_MAP);
	if (err)
		return err;
	key.p = NULL;
	if (attr->key) {
		err = take_key(&key, a.map, attr->key);
		if (err)
			goto out;
	}
	err = -EOPNOTSUPP;
	if (!a.map->ops->get_next_key)
		goto out_key;
	err = bpfshim_buf_get(&next, a.map->key_size);
	if (!err) {
		err = a.map->ops->get_next_key(a.map, key.p, next.p);
		if (!err)
			err = bpfshim_out(attr->next_key, next.p, a.map->key_size);
		bpfshim_buf_put(&next);
	}
out_key:
	bpfshim_buf_put(&key);
out:
	bpfshim_map_close(&a);
	return err;
}

long bpfshim_cmd_map_lookup_and_delete(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	struct bpfshim_map_access a;
	struct bpfshim_buf key, value;
	u32 vsize;
	int err;

	if (attr->flags & ~(u64)BPFSHIM_F_LOCK)
		return -EINVAL;
	err = bpfshim_map_open(&a, attr->map_fd, FMODE_CAN_READ_MAP | FMODE_CAN_WRITE_MAP);
	if (err)
		return err;
	err = -EINVAL;
	if (attr->flags && (a.map->map_type == BPFSHIM_MAP_TYPE_QUEUE || a.map->map_type == BPFSHIM_MAP_TYPE_STACK))
		goto out;
	if ((attr->flags & BPFSHIM_F_LOCK) && a.map->spin_lock_off < 0)
		goto out;
	err = take_key(&key, a.map, attr->key);
	if (err)
		goto out;
	vsize = bpfshim_map_user_value_size(a.map);
	err = bpfshim_buf_get(&value, vsize);
	if (!err) {
		err = a.map->ops->user_lookup_and_delete ?
		      a.map->ops->user_lookup_and_delete(a.map, key.p, value.p, attr->flags) : -ENOTSUPP;
		if (!err)
			err = bpfshim_out(attr->value, value.p, vsize);
		bpfshim_buf_put(&value);
	}
	bpfshim_buf_put(&key);
out:
	bpfshim_map_close(&a);
	return err;
}

long bpfshim_cmd_map_freeze(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	struct bpfshim_map *map = bpfshim_map_from_fd(attr->map_fd);
	long err = 0;

	if (IS_ERR(map))
		return PTR_ERR(map);
	mutex_lock(&map->freeze_lock);
	if (map->frozen) {
		err = -EBUSY;
	} else {
		WRITE_ONCE(map->frozen, true);
		smp_mb();
		if (atomic_read(&map->writers)) {	/* an update or a writable mapping */
			WRITE_ONCE(map->frozen, false);
			err = -EBUSY;
		}
	}
	mutex_unlock(&map->freeze_lock);
	bpfshim_map_put(map);
	return err;
}

long bpfshim_map_info(struct bpfshim_map *map, union bpfshim_attr *attr, void __user *uattr)
{
	struct bpfshim_map_info info;
	u32 len = attr->info.info_len;
	int err;

	err = bpfshim_tail_zero(bpfshim_uptr(attr->info.info), sizeof(info), len);
	if (err)
		return err;
	len = min_t(u32, len, sizeof(info));
	memset(&info, 0, sizeof(info));
	info.type = map->map_type;
	info.id = map->obj.id;
	info.key_size = map->key_size;
	info.value_size = map->value_size;
	info.max_entries = map->max_entries;
	info.map_flags = map->map_flags;
	info.map_extra = map->map_extra;
	memcpy(info.name, map->name, sizeof(info.name));
	if (map->btf) {
		info.btf_id = map->btf->obj.id;
		info.btf_key_type_id = map->btf_key_type_id;
		info.btf_value_type_id = map->btf_value_type_id;
	}
	if (copy_to_user(bpfshim_uptr(attr->info.info), &info, len) ||
	    put_user(len, &((union bpfshim_attr __user *)uattr)->info.info_len))
		return -EFAULT;
	return 0;
}
