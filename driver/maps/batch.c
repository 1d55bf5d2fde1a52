// SPDX-License-Identifier: GPL-2.0
/* MAP_*_BATCH: many elements a call. */
#include "cmd.h"

struct batch {
	struct bpfshim_map_access a;
	void *key, *next, *value;
	u32 vsize, max, done;
};

#define CAN_READ	((__force u32)FMODE_CAN_READ_MAP)
#define CAN_WRITE	((__force u32)FMODE_CAN_WRITE_MAP)

enum batch_cmd { LOOKUP, LOOKUP_DELETE, UPDATE, DELETE };

/* Which types have which command, as 6.1. */
static bool offers(const struct bpfshim_map *map, enum batch_cmd cmd)
{
	const struct bpfshim_map_ops *ops = map->ops;

	switch (map->map_type) {
	case BPFSHIM_MAP_TYPE_STACK_TRACE:
	case BPFSHIM_MAP_TYPE_TASK_STORAGE:
	case BPFSHIM_MAP_TYPE_CGROUP_STORAGE:
	case BPFSHIM_MAP_TYPE_PERCPU_CGROUP_STORAGE:
		return false;
	}
	/* Of the maps whose values are fds, those of maps have some. */
	if (map->map_type == BPFSHIM_MAP_TYPE_ARRAY_OF_MAPS)
		return cmd == LOOKUP || cmd == UPDATE;
	if ((ops->fd_update && map->map_type != BPFSHIM_MAP_TYPE_HASH_OF_MAPS) || !map->key_size)
		return false;
	switch (cmd) {
	case LOOKUP:
		return ops->user_lookup && ops->get_next_key;
	case LOOKUP_DELETE:
		return ops->bucket_read;
	case UPDATE:
		return ops->user_update || ops->fd_update;
	default:
		return (ops->bucket_read || map->map_type == BPFSHIM_MAP_TYPE_LPM_TRIE) && ops->user_delete;
	}
}

/* Access first, then whether the type has the command, then flags: 6.1's order.
 * 1: nothing to do. */
static int batch_begin(struct batch *b, const union bpfshim_attr *attr, u32 mode, enum batch_cmd cmd)
{
	int err;

	memset(b, 0, sizeof(*b));
	err = bpfshim_map_open(&b->a, attr->batch.map_fd, (__force fmode_t)mode);
	if (err)
		return err;
	err = -ENOTSUPP;
	if (!offers(b->a.map, cmd))
		goto fail;
	err = -EINVAL;
	if ((attr->batch.elem_flags & ~(u64)BPFSHIM_F_LOCK) ||
	    ((attr->batch.elem_flags & BPFSHIM_F_LOCK) && b->a.map->spin_lock_off < 0))
		goto fail;
	b->vsize = bpfshim_map_user_value_size(b->a.map);
	b->max = attr->batch.count;
	err = 1;
	if (!b->max)
		goto fail;
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

/* By keys in their order; the position is the last key. */
static long lookup_by_key(struct batch *b, union bpfshim_attr *attr, void __user *uattr)
{
	struct bpfshim_map *map = b->a.map;
	u32 ksize = map->key_size;
	bool have_key = attr->batch.in_batch;
	long err;

	if (put_count(uattr, 0))
		return -EFAULT;
	if (have_key && copy_from_user(b->key, bpfshim_uptr(attr->batch.in_batch), ksize))
		return -EFAULT;
	for (err = 0; b->done < b->max; b->done++) {
		err = map->ops->get_next_key(map, have_key ? b->key : NULL, b->next);
		if (err)
			break;
		have_key = true;
		swap(b->key, b->next);
		err = map->ops->user_lookup(map, b->key, b->value, attr->batch.elem_flags);
		if (err)
			break;
		if (bpfshim_out(attr->batch.keys + (u64)b->done * ksize, b->key, ksize) ||
		    bpfshim_out(attr->batch.values + (u64)b->done * b->vsize, b->value, b->vsize))
			return -EFAULT;
		cond_resched();
		/* 6.1 does not stop for a signal; a dying caller sees no errno. */
		if (fatal_signal_pending(current)) {
			err = -EINTR;
			break;
		}
	}
	if (put_count(uattr, b->done) ||
	    (b->done && copy_to_user(bpfshim_uptr(attr->batch.out_batch), b->key, ksize)))
		return -EFAULT;
	return err;
}

/* Elements on their way to user space, gathered from several buckets. */
struct gathered {
	char *keys, *values;
	u32 room, nr;
};

#define GATHER_BYTES	4096u

static int gather_room(struct gathered *g, u32 room, u32 ksize, u32 vsize)
{
	bpfshim_kvfree(g->keys);
	bpfshim_kvfree(g->values);
	g->room = room;
	g->keys = bpfshim_kvzalloc((u64)room * ksize);
	g->values = bpfshim_kvzalloc((u64)room * vsize);
	return g->keys && g->values ? 0 : -ENOMEM;
}

static int hand_over(struct gathered *g, struct batch *b, const union bpfshim_attr *attr)
{
	u32 ksize = b->a.map->key_size;

	if (g->nr && (copy_to_user(bpfshim_uptr(attr->batch.keys) + (u64)b->done * ksize, g->keys, (u64)g->nr * ksize) ||
		      copy_to_user(bpfshim_uptr(attr->batch.values) + (u64)b->done * b->vsize, g->values,
				   (u64)g->nr * b->vsize)))
		return -EFAULT;
	b->done += g->nr;
	g->nr = 0;
	return 0;
}

/* By buckets; the position is a bucket's number, four bytes. */
static long lookup_by_bucket(struct batch *b, union bpfshim_attr *attr, void __user *uattr, bool remove)
{
	struct bpfshim_map *map = b->a.map;
	u32 at = 0, nr, left, nr_buckets = map->ops->nr_buckets(map);
	struct gathered g = { NULL, NULL, 0, 0 };
	long err = 0;

	if (attr->batch.flags)
		return -EINVAL;
	if (put_count(uattr, 0))
		return -EFAULT;
	if (attr->batch.in_batch && copy_from_user(&at, bpfshim_uptr(attr->batch.in_batch), sizeof(at)))
		return -EFAULT;
	if (at >= nr_buckets)
		return -ENOENT;
	err = gather_room(&g, min(b->max, max(GATHER_BYTES / (map->key_size + b->vsize), 4u)), map->key_size, b->vsize);
	while (!err && at < nr_buckets) {
		/* A bucket goes whole or not at all. */
		left = b->max - b->done - g.nr;
		nr = map->ops->bucket_read(map, at, g.keys + (u64)g.nr * map->key_size,
					   g.values + (u64)g.nr * b->vsize, min(g.room - g.nr, left), remove);
		if (nr <= min(g.room - g.nr, left)) {
			g.nr += nr;
			at++;
			if (nr || !(at & 63))
				cond_resched();
			if (fatal_signal_pending(current))
				err = -EINTR;
		} else if (nr > left) {
			err = b->done + g.nr ? 0 : -ENOSPC;
			break;
		} else if (g.nr) {
			err = hand_over(&g, b, attr);
		} else {
			err = gather_room(&g, nr + 8, map->key_size, b->vsize);
		}
	}
	if (g.keys && g.values && hand_over(&g, b, attr))
		err = -EFAULT;
	bpfshim_kvfree(g.keys);
	bpfshim_kvfree(g.values);
	if (err == -EFAULT)
		return err;
	if (!err && at == nr_buckets)
		err = -ENOENT;
	if (copy_to_user(bpfshim_uptr(attr->batch.out_batch), &at, sizeof(at)) || put_count(uattr, b->done))
		return -EFAULT;
	return err;
}

static long lookup_batch(union bpfshim_attr *attr, void __user *uattr, bool remove)
{
	struct batch b;
	long err;

	err = batch_begin(&b, attr, remove ? CAN_READ | CAN_WRITE : CAN_READ, remove ? LOOKUP_DELETE : LOOKUP);
	if (err)
		return err > 0 ? 0 : err;
	if (b.a.map->ops->bucket_read)
		err = lookup_by_bucket(&b, attr, uattr, remove);
	else
		err = lookup_by_key(&b, attr, uattr);
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

	err = batch_begin(&b, attr, CAN_WRITE, remove ? DELETE : UPDATE);
	if (err)
		return err > 0 ? 0 : err;
	map = b.a.map;
	ksize = map->key_size;
	while (b.done < b.max) {
		err = -EFAULT;
		if (bpfshim_in(b.key, attr->batch.keys + (u64)b.done * ksize, ksize))
			break;
		if (remove) {
			err = map->ops->user_delete(map, b.key);
		} else {
			if (bpfshim_in(b.value, attr->batch.values + (u64)b.done * b.vsize, b.vsize))
				break;
			err = map->ops->fd_update ?
			      map->ops->fd_update(map, b.a.file, b.key, *(u32 *)b.value, attr->batch.elem_flags) :
			      map->ops->user_update(map, b.key, b.value, attr->batch.elem_flags);
		}
		if (err)
			break;
		b.done++;
		cond_resched();
		if (fatal_signal_pending(current) && b.done < b.max) {
			err = -EINTR;
			break;
		}
	}
	if (put_count(uattr, b.done))
		err = -EFAULT;
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
