// SPDX-License-Identifier: GPL-2.0
/* Maps whose keys are prefixes: a lookup finds the longest that fits. */
#include "../../verifier/btf.h"
#include "lpm.h"
#include "reserve.h"

/*
 * Owner: the map's references.  lock: one writer of trie at a time, programs
 * in any context among them; process context keeps programs off its CPU
 * meanwhile.  Readers hold no lock: nodes are reused when they are gone.
 */
struct lpm_trie {
	struct bpfshim_map map;
	struct bpfshim_lpm trie;
	raw_spinlock_t lock;
	struct bpfshim_reserve nodes, forks;
	u32 value_at;		/* bytes from a node */
};

/* Of each, beyond what a full trie takes: those that wait for readers. */
#define SPARE_MIN	128
#define SPARE_MAX	4096

static struct lpm_trie *to_trie(const struct bpfshim_map *map)
{
	return container_of(map, struct lpm_trie, map);
}

static void *value_of(const struct lpm_trie *t, struct bpfshim_lpm_node *n)
{
	return (char *)n + t->value_at;
}

/* Of more bytes than its first member has. */
static void *key_of(const struct bpfshim_lpm_node *n)
{
	return (char *)n + offsetof(struct bpfshim_lpm_node, prefixlen);
}

static void drop(struct lpm_trie *t, const struct bpfshim_lpm_out *out)
{
	u32 i;

	for (i = 0; i < out->nr; i++)
		bpfshim_reserve_put_late(out->node[i]->bare ? &t->forks : &t->nodes, out->node[i]);
}

static void *trie_lookup(struct bpfshim_map *map, const void *key)
{
	struct lpm_trie *t = to_trie(map);
	struct bpfshim_lpm_node *n = bpfshim_lpm_find(&t->trie, key);

	return n ? value_of(t, n) : NULL;
}

static long trie_update(struct bpfshim_map *map, const void *key, const void *value, u64 flags)
{
	struct lpm_trie *t = to_trie(map);
	struct bpfshim_lpm_node *n, *fork = NULL;
	struct bpfshim_lpm_out out;
	unsigned long irq;
	bool used = false;
	int err;

	if (flags > BPFSHIM_EXIST || !bpfshim_lpm_valid(&t->trie, key))
		return -EINVAL;
	local_irq_save(irq);
	n = bpfshim_reserve_get(&t->nodes);
	if (n)
		fork = bpfshim_reserve_get(&t->forks);
	if (fork) {
		bpfshim_copy(key_of(n), key, map->key_size);
		bpfshim_copy(value_of(t, n), value, map->value_size);
		/* The copy counts: the key may lie where others write. */
		err = -EINVAL;
		if (bpfshim_lpm_valid(&t->trie, key_of(n))) {
			raw_spin_lock(&t->lock);
			err = bpfshim_lpm_insert(&t->trie, n, fork, flags, &used, &out);
			raw_spin_unlock(&t->lock);
		}
		if (!err)
			drop(t, &out);
	} else {
		/* Memory is short only for what would be stored. */
		raw_spin_lock(&t->lock);
		err = bpfshim_lpm_may_insert(&t->trie, key, flags);
		raw_spin_unlock(&t->lock);
		if (!err)
			err = -ENOMEM;
	}
	if (n && err)
		bpfshim_reserve_put(&t->nodes, n);
	if (fork && !used)
		bpfshim_reserve_put(&t->forks, fork);
	local_irq_restore(irq);
	return err;
}

static long trie_delete(struct bpfshim_map *map, const void *key)
{
	struct lpm_trie *t = to_trie(map);
	struct bpfshim_lpm_out out;
	unsigned long irq;
	int err;

	raw_spin_lock_irqsave(&t->lock, irq);
	err = bpfshim_lpm_remove(&t->trie, key, &out);
	raw_spin_unlock(&t->lock);
	if (!err)
		drop(t, &out);
	local_irq_restore(irq);
	return err;
}

/* ---- user side --------------------------------------------------------- */

static int trie_user_lookup(struct bpfshim_map *map, const void *key, void *value, u64 flags)
{
	void *found;

	bpfshim_read_lock();
	found = trie_lookup(map, key);
	if (found)
		bpfshim_value_out(map, value, found, flags);
	bpfshim_read_unlock();
	return found ? 0 : -ENOENT;
}

/* What a process waits for when there was no node, or no fork. */
static int more(struct lpm_trie *t)
{
	int err = 0;

	if (!READ_ONCE(t->nodes.nr_free))
		err = bpfshim_reserve_more(&t->nodes);
	if (!err && !READ_ONCE(t->forks.nr_free))
		err = bpfshim_reserve_more(&t->forks);
	return err;
}

static int trie_user_update(struct bpfshim_map *map, const void *key, const void *value, u64 flags)
{
	int err;

	for (;;) {
		bpfshim_guard_enter();
		err = trie_update(map, key, value, flags);
		bpfshim_guard_leave();
		if (err != -ENOMEM)
			return err;
		err = more(to_trie(map));
		if (err)
			return err;
	}
}

static int trie_user_delete(struct bpfshim_map *map, const void *key)
{
	int err;

	bpfshim_guard_enter();
	err = trie_delete(map, key);
	bpfshim_guard_leave();
	return err;
}

static int trie_next_key(struct bpfshim_map *map, const void *key, void *next)
{
	const struct bpfshim_lpm_node *n;

	bpfshim_read_lock();
	n = bpfshim_lpm_next(&to_trie(map)->trie, key);
	if (n)
		bpfshim_copy(next, key_of(n), map->key_size);
	bpfshim_read_unlock();
	return n ? 0 : -ENOENT;
}

/* ---- its life ---------------------------------------------------------- */

#define TRIE_FLAGS (BPFSHIM_F_NO_PREALLOC | BPFSHIM_F_NUMA_NODE | BPFSHIM_F_RDONLY | BPFSHIM_F_WRONLY | \
		    BPFSHIM_F_RDONLY_PROG | BPFSHIM_F_WRONLY_PROG)
#define KEY_MIN		((u32)sizeof(u32) + 1)
#define KEY_MAX		((u32)sizeof(u32) + 256)
#define VALUE_MAX	(BPFSHIM_MAP_MAX_VALUE - 256 - 40)	/* as 6.1, whose nodes are of 40 bytes */

static int trie_check(const union bpfshim_attr *attr)
{
	u32 both = BPFSHIM_F_RDONLY_PROG | BPFSHIM_F_WRONLY_PROG;

	if (!attr->max_entries || !(attr->map_flags & BPFSHIM_F_NO_PREALLOC) ||
	    (attr->map_flags & ~TRIE_FLAGS) || (attr->map_flags & both) == both ||
	    attr->key_size < KEY_MIN || attr->key_size > KEY_MAX || !attr->value_size || attr->value_size > VALUE_MAX)
		return -EINVAL;
	return 0;
}

static int trie_check_btf(const struct bpfshim_map *map, const struct bpfshim_vrf_btf *btf, u32 key_id, u32 value_id)
{
	const struct bpfshim_btf_type *type = bpfshim_btf_type(btf, key_id);

	return type && BPFSHIM_BTF_KIND(type->info) == BPFSHIM_BTF_STRUCT ? 0 : -EINVAL;
}

static void trie_stop(struct bpfshim_map *map)
{
	bpfshim_reserve_stop(&to_trie(map)->nodes);
	bpfshim_reserve_stop(&to_trie(map)->forks);
}

static void trie_free(struct bpfshim_map *map)
{
	struct lpm_trie *t = to_trie(map);

	bpfshim_reserve_exit(&t->nodes);
	bpfshim_reserve_exit(&t->forks);
	bpfshim_kfree(t);
}

static struct bpfshim_map *trie_alloc(const union bpfshim_attr *attr)
{
	struct lpm_trie *t = bpfshim_kzalloc(sizeof(*t), GFP_KERNEL);
	u64 max = attr->max_entries, spare = clamp_t(u64, max, SPARE_MIN, SPARE_MAX);
	int err, err2;

	if (!t)
		return ERR_PTR(-ENOMEM);
	bpfshim_map_base_init(&t->map, attr);
	raw_spin_lock_init(&t->lock);
	t->trie.data_size = attr->key_size - sizeof(u32);
	t->trie.max = attr->max_entries;
	t->value_at = round_up(sizeof(struct bpfshim_lpm_node) + t->trie.data_size, 8);
	/*
	 * What was stored may stay as a fork, so twice the nodes.  Both are
	 * begun, so that both may be ended.
	 */
	err = bpfshim_reserve_init(&t->nodes, &t->map, t->value_at + round_up(attr->value_size, 8),
				   2 * max + spare);
	err2 = bpfshim_reserve_init(&t->forks, &t->map, t->value_at, max + spare);
	if (err || err2) {
		bpfshim_map_put(&t->map);
		return ERR_PTR(err ? err : err2);
	}
	return &t->map;
}

const struct bpfshim_map_ops bpfshim_lpm_trie_ops = {
	.map_type = BPFSHIM_MAP_TYPE_LPM_TRIE,
	.alloc_check = trie_check,
	.alloc = trie_alloc,
	.stop = trie_stop,
	.free = trie_free,
	.lookup = trie_lookup,
	.update = trie_update,
	.delete_elem = trie_delete,
	.user_lookup = trie_user_lookup,
	.user_update = trie_user_update,
	.user_delete = trie_user_delete,
	.get_next_key = trie_next_key,
	.check_btf = trie_check_btf,
	.inner_fits = bpfshim_map_inner_fits,
};
