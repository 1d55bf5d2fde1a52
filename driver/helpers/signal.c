// SPDX-License-Identifier: GPL-2.0
/*
 * Signals to the running task.  Where interrupts are off a lock of signals may
 * be held by what was interrupted: the signal is sent by an irq_work then.
 */
#include "helpers.h"

/* Owner: its CPU; work is busy from queueing until it ran. */
struct late_signal {
	struct irq_work work;
	atomic_t busy;
	struct task_struct *task;	/* a reference */
	int sig;
	bool group;
};
static DEFINE_PER_CPU(struct late_signal, late_signals);

static int send(struct task_struct *task, int sig, bool group)
{
	if (!valid_signal(sig))
		return -EINVAL;
	if (!sig)
		return 0;
	return group ? kill_pid(task_tgid(task), sig, 1) : send_sig(sig, task, 1);
}

static void send_late(struct irq_work *work)
{
	struct late_signal *l = container_of(work, struct late_signal, work);
	struct task_struct *task = l->task;

	send(task, l->sig, l->group);
	put_task_struct(task);
	atomic_set(&l->busy, 0);
}

static u64 signal(u32 sig, bool group)
{
	struct late_signal *l;

	if ((current->flags & (PF_KTHREAD | PF_EXITING)) || is_global_init(current))
		return -EPERM;
	if (!irqs_disabled() && !in_nmi())
		return send(current, (int)sig, group);
	if (!valid_signal(sig))
		return -EINVAL;
	l = this_cpu_ptr(&late_signals);
	if (atomic_cmpxchg(&l->busy, 0, 1))
		return -EBUSY;
	get_task_struct(current);
	l->task = current;
	l->sig = (int)sig;
	l->group = group;
	irq_work_queue(&l->work);
	return 0;
}

BPFSHIM_HELPER(send_signal)
{
	return signal((u32)r1, true);
}

BPFSHIM_HELPER(send_signal_thread)
{
	return signal((u32)r1, false);
}

void bpfshim_helper_signal_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		init_irq_work(&per_cpu(late_signals, cpu).work, send_late);
}

/* No program runs any more. */
void bpfshim_helper_signal_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		irq_work_sync(&per_cpu(late_signals, cpu).work);
}
