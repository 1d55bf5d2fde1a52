// SPDX-License-Identifier: GPL-2.0
/*
 * Counted objects: references, ids, deferred freeing, counters.
 *
 * The last put takes the id away, then a grace period passes, then a worker
 * frees.  nr_objs counts from init until after the free, so it is 0 only when
 * nothing at all is left.
 */
#include "driver.h"

/* id -> object of one kind.  lock: irq-safe spinlock, never held long. */
static struct {
	spinlock_t lock;
	struct idr idr;
	atomic_t live;
} kinds[BPFSHIM_OBJ_KINDS];

static atomic64_t mem_bytes;
static struct workqueue_struct *free_wq;

/* Puts from NMI or with interrupts off wait here for an irq_work. */
static LLIST_HEAD(late_puts);
static struct irq_work late_work;

void bpfshim_obj_init(struct bpfshim_obj *obj, enum bpfshim_obj_kind kind,
		      void (*free)(struct bpfshim_obj *))
{
	atomic_set(&obj->refs, 1);
	obj->kind = kind;
	obj->id = 0;
	obj->free = free;
	atomic_inc(&kinds[kind].live);
}

int bpfshim_obj_publish(struct bpfshim_obj *obj)
{
	unsigned long flags;
	int id;

	if (bpfshim_should_fail())
		return -ENOMEM;
	idr_preload(GFP_KERNEL);
	spin_lock_irqsave(&kinds[obj->kind].lock, flags);
	id = idr_alloc_cyclic(&kinds[obj->kind].idr, obj, 1, INT_MAX, GFP_NOWAIT);
	if (id > 0)
		obj->id = id;
	spin_unlock_irqrestore(&kinds[obj->kind].lock, flags);
	idr_preload_end();
	return id < 0 ? id : 0;
}

void bpfshim_obj_get(struct bpfshim_obj *obj)
{
	atomic_inc(&obj->refs);
}

static void free_work(struct work_struct *work)
{
	struct bpfshim_obj *obj = container_of(work, struct bpfshim_obj, work);
	enum bpfshim_obj_kind kind = obj->kind;

	obj->free(obj);
	atomic_dec(&kinds[kind].live);
}

static void free_rcu_cb(struct rcu_head *rcu)
{
	struct bpfshim_obj *obj = container_of(rcu, struct bpfshim_obj, rcu);

	INIT_WORK(&obj->work, free_work);
	queue_work(free_wq, &obj->work);
}

static void release(struct bpfshim_obj *obj)
{
	unsigned long flags;

	if (obj->id) {
		spin_lock_irqsave(&kinds[obj->kind].lock, flags);
		idr_remove(&kinds[obj->kind].idr, obj->id);
		spin_unlock_irqrestore(&kinds[obj->kind].lock, flags);
	}
	call_rcu(&obj->rcu, free_rcu_cb);
}

static void late_puts_run(struct irq_work *work)
{
	struct llist_node *n = llist_del_all(&late_puts), *next;

	for (; n; n = next) {
		next = n->next;
		/* The rcu head lends its first word to the list. */
		release(container_of((struct rcu_head *)n, struct bpfshim_obj, rcu));
	}
}

void bpfshim_obj_put(struct bpfshim_obj *obj)
{
	if (!atomic_dec_and_test(&obj->refs))
		return;
	BUILD_BUG_ON(sizeof(struct llist_node) > sizeof(struct rcu_head));
	if (in_nmi() || irqs_disabled()) {
		llist_add((struct llist_node *)&obj->rcu, &late_puts);
		irq_work_queue(&late_work);
		return;
	}
	release(obj);
}

struct bpfshim_obj *bpfshim_obj_by_id(enum bpfshim_obj_kind kind, u32 id)
{
	struct bpfshim_obj *obj = NULL;
	unsigned long flags;

	if (!id || id > INT_MAX)
		return ERR_PTR(-ENOENT);
	spin_lock_irqsave(&kinds[kind].lock, flags);
	obj = idr_find(&kinds[kind].idr, id);
	if (obj && !atomic_inc_not_zero(&obj->refs))
		obj = NULL;
	spin_unlock_irqrestore(&kinds[kind].lock, flags);
	return obj ? obj : ERR_PTR(-ENOENT);
}

int bpfshim_obj_next_id(enum bpfshim_obj_kind kind, u32 *id)
{
	unsigned long flags;
	int next = *id + 1;
	void *obj;

	if (next <= 0)
		return -ENOENT;
	spin_lock_irqsave(&kinds[kind].lock, flags);
	obj = idr_get_next(&kinds[kind].idr, &next);
	spin_unlock_irqrestore(&kinds[kind].lock, flags);
	if (!obj)
		return -ENOENT;
	*id = next;
	return 0;
}

u32 bpfshim_obj_count(enum bpfshim_obj_kind kind)
{
	return atomic_read(&kinds[kind].live);
}

void bpfshim_mem_charge(s64 bytes)
{
	atomic64_add(bytes, &mem_bytes);
}

u64 bpfshim_mem_charged(void)
{
	return atomic64_read(&mem_bytes);
}

int bpfshim_objects_init(void)
{
	int i;

	for (i = 0; i < BPFSHIM_OBJ_KINDS; i++) {
		spin_lock_init(&kinds[i].lock);
		idr_init(&kinds[i].idr);
		atomic_set(&kinds[i].live, 0);
	}
	init_irq_work(&late_work, late_puts_run);
	free_wq = alloc_workqueue("bpfshim_free", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return free_wq ? 0 : -ENOMEM;
}

/* Module exit: no fd is left, so no reference but what pending frees hold. */
void bpfshim_objects_exit(void)
{
	int i;
	bool left;

	do {
		irq_work_sync(&late_work);
		rcu_barrier();
		flush_workqueue(free_wq);
		left = false;
		for (i = 0; i < BPFSHIM_OBJ_KINDS; i++)
			left |= atomic_read(&kinds[i].live) != 0;
		if (left)
			msleep(1);
	} while (left);
	/* What the last frees left to a grace period of their own. */
	rcu_barrier();
	destroy_workqueue(free_wq);
	for (i = 0; i < BPFSHIM_OBJ_KINDS; i++)
		idr_destroy(&kinds[i].idr);
}
