// SPDX-License-Identifier: GPL-2.0
/*
 * Task storage: a value to each task that wants one.  No kernel this module is
 * for keeps such a thing in its task_struct, so a map has a table of its own,
 * by the task's address.
 *
 * An entry must not outlive its task: another task will have that address.  So
 * only a task that its pid still finds gets one, and that is looked at in the
 * read section in which the entry is made.  A task that exits loses its pid
 * first; the kernel waits for all readers; then it fires sched_process_free,
 * whose probe takes the entries out.  Whatever was made before is seen there.
 */
#include "../../verifier/btf.h"
#include "owned.h"
#include "reserve.h"
#include "storage.h"

#define CHAIN_BITS	10

struct chain {
	struct bpfshim_owned *first;
	raw_spinlock_t lock;
};

/*
 * Owner: the map's references.  A chain's lock: its writers, programs in any
 * context among them; process context and the exit of tasks keep programs off
 * their CPU meanwhile.  Readers hold no lock.  list: maps_lock, RCU.
 */
struct task_storage {
	struct bpfshim_map map;
	struct list_head list;
	bool listed;
	struct bpfshim_reserve nodes;
	struct chain chains[1 << CHAIN_BITS];
};

static DEFINE_MUTEX(maps_lock);		/* maps, exit_tp */
static LIST_HEAD(maps);			/* read under RCU by the probe */
static struct bpfshim_tp *exit_tp;	/* registered while there are maps */

static struct task_storage *to_storage(const struct bpfshim_map *map)
{
	return container_of(map, struct task_storage, map);
}

static struct chain *chain_of(struct task_storage *ts, const void *task)
{
	return &ts->chains[bpfshim_owned_hash(task, CHAIN_BITS)];
}

/* Preemption off, no program on this CPU but the caller's. */
static bool remove(struct task_storage *ts, const void *task)
{
	struct chain *c = chain_of(ts, task);
	struct bpfshim_owned *n;
	unsigned long irq;

	raw_spin_lock_irqsave(&c->lock, irq);
	n = bpfshim_owned_take(&c->first, task);
	raw_spin_unlock(&c->lock);
	if (n)
		bpfshim_reserve_put_late(&ts->nodes, n);
	local_irq_restore(irq);
	return n;
}

/* The same context.  The value, or NULL and *err. */
static void *store(struct task_storage *ts, const void *task, const void *value, u64 flags, int *err)
{
	struct chain *c = chain_of(ts, task);
	struct bpfshim_owned *n, *old;
	unsigned long irq;

	local_irq_save(irq);
	n = bpfshim_reserve_get(&ts->nodes);
	raw_spin_lock(&c->lock);
	old = bpfshim_owned_find(&c->first, task);
	*err = 0;
	if (old && (flags & ~(u64)BPFSHIM_F_LOCK) == BPFSHIM_NOEXIST) {
		*err = -EEXIST;
	} else if (!old && (flags & ~(u64)BPFSHIM_F_LOCK) == BPFSHIM_EXIST) {
		*err = -ENOENT;
	} else if (old && (flags & BPFSHIM_F_LOCK)) {
		bpfshim_value_copy_locked(&ts->map, old->value, value, old->value);
	} else if (!n) {
		*err = -ENOMEM;
	} else {
		n->owner = task;
		if (value)
			bpfshim_value_copy(&ts->map, n->value, value);
		else
			memset(n->value, 0, ts->map.value_size);
		bpfshim_value_hide(&ts->map, n->value);
		bpfshim_owned_put(&c->first, n, old);
	}
	raw_spin_unlock(&c->lock);
	if (*err || (old && (flags & BPFSHIM_F_LOCK))) {
		if (n)
			bpfshim_reserve_put(&ts->nodes, n);
		n = *err ? NULL : old;
	} else if (old) {
		bpfshim_reserve_put_late(&ts->nodes, old);
	}
	local_irq_restore(irq);
	return n ? n->value : NULL;
}

/* ---- programs ----------------------------------------------------------- */

void *bpfshim_task_storage_get(struct bpfshim_map *map, struct task_struct *task, const void *value, u64 flags)
{
	struct task_storage *ts = to_storage(map);
	struct bpfshim_owned *n;
	void *made;
	int err;

	if ((flags & ~(u64)BPFSHIM_LOCAL_STORAGE_GET_F_CREATE) || !task)
		return NULL;
	n = bpfshim_owned_find(&chain_of(ts, task)->first, task);
	if (n)
		return n->value;
	if (!flags || !bpfshim_task_is_there(task))
		return NULL;
	made = store(ts, task, value, BPFSHIM_NOEXIST, &err);
	if (made || err != -EEXIST)
		return made;
	/* Another CPU was faster. */
	n = bpfshim_owned_find(&chain_of(ts, task)->first, task);
	return n ? n->value : NULL;
}

long bpfshim_task_storage_delete(struct bpfshim_map *map, struct task_struct *task)
{
	if (!task)
		return -EINVAL;
	return remove(to_storage(map), task) ? 0 : -ENOENT;
}

/* ---- tasks that exit ----------------------------------------------------- */

/* Tracepoint probe: preemption is off. */
static void task_gone(void *data, struct task_struct *task)
{
	struct task_storage *ts;

	bpfshim_read_lock();
	list_for_each_entry_rcu(ts, &maps, list) {
		if (!bpfshim_owned_find(&chain_of(ts, task)->first, task))
			continue;
		bpfshim_guard_enter();
		remove(ts, task);
		bpfshim_guard_leave();
	}
	bpfshim_read_unlock();
}

/* ---- user side: the key is a descriptor of the task ---------------------- */

/* Under the read side. */
static struct task_struct *task_of(struct pid *pid)
{
	return pid_task(pid, PIDTYPE_PID);
}

static int storage_user_lookup(struct bpfshim_map *map, const void *key, void *value, u64 flags)
{
	struct task_storage *ts = to_storage(map);
	struct pid *pid = bpfshim_pid_of_fd(*(const int *)key);
	struct bpfshim_owned *n = NULL;
	struct task_struct *task;

	if (IS_ERR(pid))
		return PTR_ERR(pid);
	bpfshim_read_lock();
	task = task_of(pid);
	if (task)
		n = bpfshim_owned_find(&chain_of(ts, task)->first, task);
	if (n)
		bpfshim_value_out(map, value, n->value, flags);
	bpfshim_read_unlock();
	put_pid(pid);
	return n ? 0 : -ENOENT;
}

static int storage_user_update(struct bpfshim_map *map, const void *key, const void *value, u64 flags)
{
	struct task_storage *ts = to_storage(map);
	struct pid *pid = bpfshim_pid_of_fd(*(const int *)key);
	struct task_struct *task;
	int err;

	if (IS_ERR(pid))
		return PTR_ERR(pid);
	for (;;) {
		bpfshim_read_lock();
		bpfshim_guard_enter();
		task = task_of(pid);
		err = -ENOENT;
		if (task && (flags & ~(u64)BPFSHIM_F_LOCK) > BPFSHIM_EXIST)
			err = -EINVAL;
		else if (task)
			store(ts, task, value, flags, &err);
		bpfshim_guard_leave();
		bpfshim_read_unlock();
		if (err != -ENOMEM)
			break;
		err = bpfshim_reserve_more(&ts->nodes);
		if (err)
			break;
	}
	put_pid(pid);
	return err;
}

static int storage_user_delete(struct bpfshim_map *map, const void *key)
{
	struct pid *pid = bpfshim_pid_of_fd(*(const int *)key);
	struct task_struct *task;
	int err = -ENOENT;

	if (IS_ERR(pid))
		return PTR_ERR(pid);
	bpfshim_read_lock();
	bpfshim_guard_enter();
	task = task_of(pid);
	if (task && remove(to_storage(map), task))
		err = 0;
	bpfshim_guard_leave();
	bpfshim_read_unlock();
	put_pid(pid);
	return err;
}

static int storage_next_key(struct bpfshim_map *map, const void *key, void *next)
{
	return -ENOTSUPP;
}

/* ---- its life ------------------------------------------------------------ */

#define STORAGE_FLAGS	(BPFSHIM_F_NO_PREALLOC | BPFSHIM_F_CLONE)

static int storage_check(const union bpfshim_attr *attr)
{
	if ((attr->map_flags & ~STORAGE_FLAGS) || !(attr->map_flags & BPFSHIM_F_NO_PREALLOC) || attr->max_entries ||
	    attr->key_size != sizeof(int) || !attr->value_size || !attr->btf_key_type_id || !attr->btf_value_type_id)
		return -EINVAL;
	return attr->value_size > BPFSHIM_STORAGE_MAX_VALUE ? -E2BIG : 0;
}

static int storage_check_btf(const struct bpfshim_map *map, const struct bpfshim_vrf_btf *btf, u32 key_id, u32 value_id)
{
	const struct bpfshim_btf_type *key = bpfshim_btf_skip(btf, key_id, NULL);
	u32 data;

	if (!key || BPFSHIM_BTF_KIND(key->info) != BPFSHIM_BTF_INT)
		return -EINVAL;
	data = *(const u32 *)(key + 1);		/* encoding, offset, bits */
	return (data & 0xff) != 32 || (data >> 16 & 0xff) ? -EINVAL : 0;
}

static void unlist(struct task_storage *ts)
{
	mutex_lock(&maps_lock);
	list_del_rcu(&ts->list);
	if (list_empty(&maps)) {
		bpfshim_tp_unregister(exit_tp, task_gone, NULL);
		bpfshim_tp_put(exit_tp);
		exit_tp = NULL;
	}
	mutex_unlock(&maps_lock);
	bpfshim_sync_handlers();
}

static int list(struct task_storage *ts)
{
	struct bpfshim_tp *tp;
	int err = 0;

	mutex_lock(&maps_lock);
	if (!exit_tp) {
		tp = bpfshim_tp_get("sched_process_free");
		err = PTR_ERR(tp);
		if (!IS_ERR(tp)) {
			err = bpfshim_tp_register(tp, task_gone, NULL);
			if (err)
				bpfshim_tp_put(tp);
			else
				exit_tp = tp;
		}
	}
	if (!err) {
		list_add_rcu(&ts->list, &maps);
		ts->listed = true;
	}
	mutex_unlock(&maps_lock);
	/* A kernel that does not say when tasks end has no such maps. */
	return err == -ENOENT ? -EINVAL : err;
}

static void storage_stop(struct bpfshim_map *map)
{
	struct task_storage *ts = to_storage(map);

	if (ts->listed)
		unlist(ts);
	bpfshim_reserve_stop(&ts->nodes);
}

static void storage_free(struct bpfshim_map *map)
{
	struct task_storage *ts = to_storage(map);

	bpfshim_reserve_exit(&ts->nodes);
	bpfshim_map_area_free(ts);
}

static struct bpfshim_map *storage_alloc(const union bpfshim_attr *attr)
{
	struct task_storage *ts = bpfshim_map_area_alloc(sizeof(*ts), NUMA_NO_NODE);
	int err;
	u32 i;

	if (!ts)
		return ERR_PTR(-ENOMEM);
	bpfshim_map_base_init(&ts->map, attr);
	bpfshim_map_charge(&ts->map, sizeof(*ts));
	for (i = 0; i < ARRAY_SIZE(ts->chains); i++)
		raw_spin_lock_init(&ts->chains[i].lock);
	err = bpfshim_reserve_init(&ts->nodes, &ts->map,
				   sizeof(struct bpfshim_owned) + round_up(attr->value_size, 8), U32_MAX);
	if (!err)
		err = list(ts);
	if (err) {
		bpfshim_map_put(&ts->map);
		return ERR_PTR(err);
	}
	return &ts->map;
}

const struct bpfshim_map_ops bpfshim_task_storage_ops = {
	.map_type = BPFSHIM_MAP_TYPE_TASK_STORAGE,
	.alloc_check = storage_check,
	.alloc = storage_alloc,
	.stop = storage_stop,
	.free = storage_free,
	.user_lookup = storage_user_lookup,
	.user_update = storage_user_update,
	.user_delete = storage_user_delete,
	.get_next_key = storage_next_key,
	.check_btf = storage_check_btf,
	.inner_fits = bpfshim_map_inner_fits,
};
