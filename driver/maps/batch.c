// SPDX-License-Identifier: GPL-2.0
/* MAP_*_BATCH: many elements a call, by walking keys in their order. */
#include "cmd.h"

struct batch {
	struct bpfshim_map_access a;
	void *key, *next, *value;
	u32 vsize, max, done;
};

static int batch_begin(struct batch *b, const union bpfshim_attr *attr, fmode_t mode)
{
	u64 allowed = BPFSHIM_F_LOCK;
	int err;

	memset(b, 0, sizeof(*b));
	if (attr->batch.flags || (attr->batch.elem_flags & ~allowed))
		return -EINVAL;
	err = bpfshim_map_open(&b->a, attr->batch.map_fd, mode);
	if (err)
		return err;
	err = -EINVAL;
	if ((attr->batch.elem_flags & BPFSHIM_F_LOCK) && b->a.map->spin_lock_off < 0)
		goto fail;
	b->vsize = bpfshim_map_user_value_size(b->a.map);
	b->max = attr->batch.count;
	b->key = bpfshim_kvzalloc(b->a.map->key_size);
	b->next = bpfshim_kvzalloc(b->a.map->key_size);
	b->value = bpfshim_kvzalloc(b->vsize);
	err = -ENOMEM;
	if (b->key && b->next && b->value)
		return 0;
	bpfshim_kvfree(b->key);
	bpfshim_kvfree(b->next);
	bpfshim_kvfree(b->value);
fail:
	bpfshim_map_close(&b->a);
	return err;
}

static void batch_end(struct batch *b)
{
	bpfshim_kvfree(b->key);
	bpfshim_kvfree(b->next);
	bpfshim_kvfree(b->value);
	bpfshim_map_close(&b->a);
}

static int put_count(void __user *uattr, u32 count)
{
	return put_user(count, &((union bpfshim_attr __user *)uattr)->batch.count);
}

static long lookup_batch(union bpfshim_attr *attr, void __user *uattr, bool remove)
{
	struct batch b;
	struct bpfshim_map *map;
	bool have_key;
	u32 ksize;
	long err;

	err = batch_begin(&b, attr, FMODE_CAN_READ_MAP | (remove ? FMODE_CAN_WRITE_MAP : 0));
	if (err)
		return err;
	map = b.a.map;
	ksize = map->key_size;
	err = -ENOTSUPP;
	if (!map->ops->user_lookup || !map->ops->get_next_key || map->ops->fd_update ||
	    (remove && !map->ops->user_lookup_and_delete))
		goto out;
	err = 0;
	if (!b.max)
		goto out;
	err = -EFAULT;
	if (put_count(uattr, 0))
		goto out;
	have_key = attr->batch.in_batch;
	if (have_key && copy_from_user(b.key, bpfshim_uptr(attr->batch.in_batch), ksize))
		goto out;
	err = 0;
	while (b.done < b.max) {
		err = map->ops->get_next_key(map, have_key ? b.key : NULL, b.next);
		if (err)
			break;
		if (remove) {
			err = map->ops->user_lookup_and_delete(map, b.next, b.value, attr->batch.elem_flags);
			/* What was deleted cannot lead on: its place is the start. */
		} else {
			err = map->ops->user_lookup(map, b.next, b.value, attr->batch.elem_flags);
			have_key = true;
			swap(b.key, b.next);
		}
		if (err == -ENOENT) {	/* gone meanwhile */
			err = 0;
			continue;
		}
		if (err)
			break;
		err = -EFAULT;
		if (copy_to_user(bpfshim_uptr(attr->batch.keys) + (u64)b.done * ksize, remove ? b.next : b.key, ksize) ||
		    copy_to_user(bpfshim_uptr(attr->batch.values) + (u64)b.done * b.vsize, b.value, b.vsize))
			break;
		err = 0;
		b.done++;
		cond_resched();
		if (signal_pending(current)) {
			err = -EINTR;
			break;
		}
	}
	if (err == -EFAULT)
		goto out;
	if (put_count(uattr, b.done) ||
	    (b.done && copy_to_user(bpfshim_uptr(attr->batch.out_batch), remove ? b.next : b.key, ksize)))
		err = -EFAULT;
out:
	batch_end(&b);
	return err;
}

long bpfshim_cmd_map_lookup_batch(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	return lookup_batch(attr, uattr, false);
}

long bpfshim_cmd_map_lookup_and_delete_batch(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	return lookup_batch(attr, uattr, true);
}

static long change_batch(union bpfshim_attr *attr, void __user *uattr, bool remove)
{
	struct batch b;
	struct bpfshim_map *map;
	u32 ksize;
	long err;

	err = batch_begin(&b, attr, FMODE_CAN_WRITE_MAP);
	if (err)
		return err;
	map = b.a.map;
	ksize = map->key_size;
	err = -ENOTSUPP;
	if (remove ? !map->ops->user_delete || map->ops->fd_update : !map->ops->user_update && !map->ops->fd_update)
		goto out;
	err = 0;
	while (b.done < b.max) {
		err = -EFAULT;
		if (copy_from_user(b.key, bpfshim_uptr(attr->batch.keys) + (u64)b.done * ksize, ksize))
			break;
		if (remove) {
			err = map->ops->user_delete(map, b.key);
		} else {
			if (copy_from_user(b.value, bpfshim_uptr(attr->batch.values) + (u64)b.done * b.vsize, b.vsize))
				break;
			err = map->ops->fd_update ?
			      map->ops->fd_update(map, b.a.file, b.key, *(u32 *)b.value, attr->batch.elem_flags) :
			      map->ops->user_update(map, b.key, b.value, attr->batch.elem_flags);
		}
		if (err)
			break;
		b.done++;
		cond_resched();
		if (signal_pending(current) && b.done < b.max) {
			err = -EINTR;
			break;
		}
	}
	if (put_count(uattr, b.done))
		err = -EFAULT;
out:
	batch_end(&b);
	return err;
}

long bpfshim_cmd_map_update_batch(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	return change_batch(attr, uattr, false);
}

long bpfshim_cmd_map_delete_batch(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	return change_batch(attr, uattr, true);
}
