// SPDX-License-Identifier: GPL-2.0
/*
 * The area of a task's memory that holds an address.  The lock of the memory
 * is tried, never waited for.  Giving it back may wake tasks, which takes locks
 * that are held with interrupts off: where they are off an irq_work does it.
 */
#include "helpers.h"

/* Owner: its CPU; busy from the lock's taking until the work gave it back. */
struct late_unlock {
	struct irq_work work;
	atomic_t busy;
	struct mm_struct *mm;
};
static DEFINE_PER_CPU(struct late_unlock, late_unlocks);

static void unlock_late(struct irq_work *work)
{
	struct late_unlock *l = container_of(work, struct late_unlock, work);
	struct mm_struct *mm = l->mm;

	/* The memory of who runs here: it outlives the interrupt. */
	atomic_set(&l->busy, 0);
	bpfshim_mm_unlock_late(mm);
}

static long call_back(struct mm_struct *mm, u64 task, u64 start, const struct bpfshim_callback *cb, u64 ctx)
{
	struct vm_area_struct *vma = find_vma(mm, (unsigned long)start);

	if (!vma || vma->vm_start > start || vma->vm_end <= start)
		return -ENOENT;
	bpfshim_callback_run(cb, task, (unsigned long)vma, ctx, 0, 0);
	return 0;
}

static long of_current(u64 start, const struct bpfshim_callback *cb, u64 ctx)
{
	struct mm_struct *mm = current->mm;
	struct late_unlock *l = NULL;
	long ret;

	if (!mm)
		return -ENOENT;
	if (irqs_disabled() || in_nmi()) {
		l = this_cpu_ptr(&late_unlocks);
		if (atomic_cmpxchg(&l->busy, 0, 1))
			return -EBUSY;
	}
	if (!bpfshim_mm_trylock(mm)) {
		if (l)
			atomic_set(&l->busy, 0);
		return -EBUSY;
	}
	ret = call_back(mm, (unsigned long)current, start, cb, ctx);
	if (l) {
		l->mm = mm;
		bpfshim_mm_hand_over(mm);
		irq_work_queue(&l->work);
	} else {
		bpfshim_mm_unlock(mm);
	}
	return ret;
}

/*
 * Another task's memory may go any time, but not while its lock is held, under
 * which the task lets go of it.  In interrupts that lock's holder may be what
 * was interrupted, and nobody could give the memory's lock back: -EBUSY there.
 */
static long of_other(struct task_struct *task, u64 start, const struct bpfshim_callback *cb, u64 ctx)
{
	long ret = -EBUSY;

	if (irqs_disabled() || in_interrupt() || !spin_trylock(&task->alloc_lock))
		return -EBUSY;
	if (!task->mm) {
		ret = -ENOENT;
	} else if (bpfshim_mm_trylock(task->mm)) {
		ret = call_back(task->mm, (unsigned long)task, start, cb, ctx);
		bpfshim_mm_unlock(task->mm);
	}
	spin_unlock(&task->alloc_lock);
	return ret;
}

BPFSHIM_HELPER(find_vma)
{
	struct task_struct *task = bpfshim_ptr(r1);

	if (r5)
		return -EINVAL;
	if (task == current)
		return of_current(r2, bpfshim_ptr(r3), r4);
	return bpfshim_task_lives(task) ? of_other(task, r2, bpfshim_ptr(r3), r4) : -ENOENT;
}

void bpfshim_helper_find_vma_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		init_irq_work(&per_cpu(late_unlocks, cpu).work, unlock_late);
}

/* No program runs any more. */
void bpfshim_helper_find_vma_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		irq_work_sync(&per_cpu(late_unlocks, cpu).work);
}
