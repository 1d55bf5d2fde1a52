/* SPDX-License-Identifier: GPL-2.0 */
/* linux/sched.h and the headers it was split into. */
#ifndef BPFSHIM_COMPAT_SCHED_H
#define BPFSHIM_COMPAT_SCHED_H

#include <linux/sched.h>
#if BPFSHIM_HAVE_SCHED_SPLIT
#include <linux/sched/signal.h>
#include <linux/sched/mm.h>
#include <linux/sched/clock.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#endif
#include <linux/uidgid.h>
#include <linux/user_namespace.h>
#include <linux/pid_namespace.h>
#include <linux/nsproxy.h>

/* ids of the current task, as user space of the first namespace sees them */
static inline u32 bpfshim_current_uid(void)
{
	return from_kuid(&init_user_ns, current_uid());
}

static inline u32 bpfshim_current_gid(void)
{
	return from_kgid(&init_user_ns, current_gid());
}

/*
 * Is this a task, and not what a program took for one?  Then it stays one until
 * the caller's RCU read side ends.  Any context.
 */
bool bpfshim_task_lives(struct task_struct *task);

/* Is the pid namespace the one whose file has that number, and device? */
bool bpfshim_pid_ns_is(struct pid_namespace *ns, dev_t dev, u64 ino);

/* The task a descriptor stands for, +1: a pidfd where there are such, or the
 * directory /proc/PID, or /proc/PID/task/TID, which are held open.
 * ERR_PTR: -EBADF (it is neither), -ENOENT (that one is gone).  Process context. */
struct pid *bpfshim_pid_of_fd(int fd);
/* Is it a task, and not yet about to be freed?  One that is will be there until
 * after this read section, and sched_process_free comes later.  task may be any
 * address.  Any context, under the module's read side. */
bool bpfshim_task_is_there(const struct task_struct *task);

#endif /* BPFSHIM_COMPAT_SCHED_H */
