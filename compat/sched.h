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
#include <linux/cgroup.h>

/* ids of the current task, as user space of the first namespace sees them */
static inline u32 bpfshim_current_uid(void)
{
	return from_kuid(&init_user_ns, current_uid());
}

static inline u32 bpfshim_current_gid(void)
{
	return from_kgid(&init_user_ns, current_gid());
}

/* Id of the current task's cgroup in the unified hierarchy; 0 where there is none. */
static inline u64 bpfshim_cgroup_id(void)
{
#if BPFSHIM_HAVE_TASK_CGROUP_ID
	u64 id;

	rcu_read_lock();
	id = cgroup_id(task_dfl_cgroup(current));
	rcu_read_unlock();
	return id;
#else
	return 0;
#endif
}

/* Is the pid namespace the one whose file has that number, and device? */
bool bpfshim_pid_ns_is(struct pid_namespace *ns, dev_t dev, u64 ino);

#endif /* BPFSHIM_COMPAT_SCHED_H */
