// SPDX-License-Identifier: GPL-2.0
/* Tasks: by a descriptor of user space's, and whether there is one. */
#include "compat.h"
#include <linux/magic.h>
#if BPFSHIM_HAVE_PROC_PID_NS
#include <linux/proc_fs.h>
#endif

static struct pid_namespace *proc_ns(struct super_block *sb)
{
#if BPFSHIM_HAVE_PROC_PID_NS
	return proc_pid_ns(sb);
#else
	return sb->s_fs_info;
#endif
}

/* A directory's name as a number; 0: it is none. */
static int number_of(const struct dentry *d)
{
	const unsigned char *s = d->d_name.name;
	int nr = 0;

	if (!*s || *s == '0')
		return 0;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || nr > (INT_MAX - 9) / 10)
			return 0;
		nr = nr * 10 + (*s - '0');
	}
	return nr;
}

/* The number in /proc/N and /proc/M/task/N; 0: another directory. */
static int proc_number(struct dentry *d)
{
	struct dentry *up = d->d_parent;

	if (IS_ROOT(up))
		return number_of(d);
	if (strcmp((const char *)up->d_name.name, "task"))
		return 0;
	up = up->d_parent;
	return number_of(up) && IS_ROOT(up->d_parent) ? number_of(d) : 0;
}

/*
 * The directory knows the process it was opened for, and says whether that
 * still is; where it keeps it is procfs's own matter.  A process that is there
 * after its number was looked up was what the number stood for.
 */
static struct pid *pid_of_dir(struct dentry *d)
{
	struct pid *pid;
	int nr = 0;

	if (d->d_sb->s_magic == PROC_SUPER_MAGIC && d->d_inode && S_ISDIR(d->d_inode->i_mode) &&
	    d->d_op && d->d_op->d_revalidate)
		nr = proc_number(d);
	if (!nr)
		return ERR_PTR(-EBADF);
	rcu_read_lock();
	pid = get_pid(find_pid_ns(nr, proc_ns(d->d_sb)));
	rcu_read_unlock();
	if (pid && d->d_op->d_revalidate(d, 0) > 0)
		return pid;
	put_pid(pid);
	return ERR_PTR(-ENOENT);
}

struct pid *bpfshim_pid_of_fd(int fd)
{
	struct pid *pid;
	struct file *file;
	unsigned int flags;

	if (bpfshim_ksym.pidfd_get_pid) {
		pid = bpfshim_ksym.pidfd_get_pid((unsigned int)fd, &flags);
		if (!IS_ERR(pid))
			return pid;
	}
	file = fget((unsigned int)fd);
	if (!file)
		return ERR_PTR(-EBADF);
	pid = pid_of_dir(file->f_path.dentry);
	fput(file);
	return pid;
}

bool bpfshim_task_is_there(const struct task_struct *task)
{
	pid_t nr;
	int cpu;

	if (bpfshim_read_kernel(&nr, &task->pid, sizeof(nr)))
		return false;
	if (nr)
		return nr > 0 && pid_task(find_pid_ns(nr, &init_pid_ns), PIDTYPE_PID) == task;
	/* The idle tasks have no pid, and never exit. */
	if (bpfshim_ksym.idle_task)
		for_each_possible_cpu(cpu)
			if (bpfshim_ksym.idle_task(cpu) == task)
				return true;
	return false;
}
