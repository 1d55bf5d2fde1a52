// SPDX-License-Identifier: GPL-2.0
/* TASK_FD_QUERY: what hook a task's fd stands for. */
#include "link.h"

static struct file *task_file(u32 pid, u32 fd)
{
	struct task_struct *task;
	struct file *file;

	rcu_read_lock();
	task = get_pid_task(find_vpid(pid), PIDTYPE_PID);
	rcu_read_unlock();
	if (!task)
		return ERR_PTR(-ENOENT);
	file = bpfshim_fget_task(task, fd);
	put_task_struct(task);
	return file ? file : ERR_PTR(-EBADF);
}

static int put_name(union bpfshim_attr *attr, union bpfshim_attr __user *u, const char *name)
{
	char __user *to = bpfshim_uptr(attr->task_fd_query.buf);
	u32 want = attr->task_fd_query.buf_len;
	u32 len = name ? strlen(name) : 0, n;

	if (put_user(len, &u->task_fd_query.buf_len))
		return -EFAULT;
	if (!to || !want)
		return 0;
	n = want > len ? len : want - 1;
	if ((n && copy_to_user(to, name, n)) || put_user('\0', to + n))
		return -EFAULT;
	return n < len ? -ENOSPC : 0;
}

long bpfshim_cmd_task_fd_query(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	union bpfshim_attr __user *u = uattr;
	struct bpfshim_link_query q;
	struct bpfshim_link *link;
	struct file *file;
	long ret = -ENOTSUPP;
	int err;

	if (attr->task_fd_query.flags)
		return -EINVAL;
	file = task_file(attr->task_fd_query.pid, attr->task_fd_query.fd);
	if (IS_ERR(file))
		return PTR_ERR(file);
	link = bpfshim_link_from_file(file);
	if (!link || !link->ops->query)
		goto out;
	memset(&q, 0, sizeof(q));
	link->ops->query(link, &q);
	err = put_name(attr, u, q.name);
	ret = err;
	if (err && err != -ENOSPC)
		goto out;
	if (put_user(link->prog->obj.id, &u->task_fd_query.prog_id) ||
	    put_user(q.fd_type, &u->task_fd_query.fd_type) ||
	    put_user(q.offset, &u->task_fd_query.probe_offset) ||
	    put_user(q.addr, &u->task_fd_query.probe_addr))
		ret = -EFAULT;
out:
	fput(file);
	return ret;
}
