/* SPDX-License-Identifier: GPL-2.0 */
/* Cgroups of the unified hierarchy have ids. */
#include <linux/cgroup.h>
#include <linux/sched.h>
u64 probe(struct task_struct *t);
u64 probe(struct task_struct *t) { return cgroup_id(task_dfl_cgroup(t)); }
