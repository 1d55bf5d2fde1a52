// SPDX-License-Identifier: GPL-2.0
/* Files of other tasks. */
#include "compat.h"
#include <linux/mount.h>

#if BPFSHIM_HAVE_FCHECK_FILES
struct file *bpfshim_fget_task(struct task_struct *task, unsigned int fd)
{
	struct file *file = NULL;

	task_lock(task);
	rcu_read_lock();
	if (task->files)
		file = fcheck_files(task->files, fd);
	if (file && !atomic_long_inc_not_zero(&file->f_count))
		file = NULL;
	rcu_read_unlock();
	task_unlock(task);
	return file;
}
#else
struct file *bpfshim_fget_task(struct task_struct *task, unsigned int fd)
{
	return bpfshim_ksym.fget_task ? bpfshim_ksym.fget_task(task, fd) : NULL;
}
#endif

bool bpfshim_task_lives(struct task_struct *task)
{
	pid_t pid;

	if (task == current)
		return true;
	/* The kernel knows it by the number it has: nothing else looks like that. */
	if (bpfshim_read_kernel(&pid, &task->pid, sizeof(pid)))
		return false;
	return pid_task(find_pid_ns(pid, &init_pid_ns), PIDTYPE_PID) == task;
}

bool bpfshim_pid_ns_is(struct pid_namespace *ns, dev_t dev, u64 ino)
{
#if BPFSHIM_HAVE_NS_MATCH
	return bpfshim_ksym.ns_match && bpfshim_ksym.ns_match(&ns->ns, dev, ino);
#else
	return ns->proc_inum == ino && ns->proc_mnt && ns->proc_mnt->mnt_sb->s_dev == dev;
#endif
}
