// SPDX-License-Identifier: GPL-2.0
/* Helpers about who runs, and where. */
#include "helpers.h"

BPFSHIM_HELPER(get_current_pid_tgid)
{
	struct task_struct *task = current;

	return (u64)task->tgid << 32 | (u32)task->pid;
}

BPFSHIM_HELPER(get_current_uid_gid)
{
	return (u64)bpfshim_current_gid() << 32 | bpfshim_current_uid();
}

BPFSHIM_HELPER(get_current_comm)
{
	char comm[TASK_COMM_LEN], *buf = bpfshim_ptr(r1);
	u32 size = (u32)r2, n;

	/* Whoever renames the task meanwhile: the copy is terminated. */
	memcpy(comm, current->comm, sizeof(comm));
	comm[sizeof(comm) - 1] = 0;
	n = min_t(u32, strlen(comm), size - 1);
	memcpy(buf, comm, n);
	buf[n] = 0;
	return 0;
}

BPFSHIM_HELPER(get_current_task)
{
	return (unsigned long)current;
}

BPFSHIM_HELPER(get_smp_processor_id)
{
	return raw_smp_processor_id();
}

BPFSHIM_HELPER(get_numa_node_id)
{
	return numa_node_id();
}

BPFSHIM_HELPER(get_attach_cookie)
{
	struct bpfshim_run_ctx *rc = bpfshim_run_ctx_current();

	return rc ? rc->cookie : 0;
}

BPFSHIM_HELPER(get_func_ip)
{
	struct bpfshim_run_ctx *rc = bpfshim_run_ctx_current();

	return rc ? rc->func_ip : 0;
}

BPFSHIM_HELPER(get_current_task_btf)
{
	return (unsigned long)current;
}

BPFSHIM_HELPER(task_pt_regs)
{
	struct task_struct *task = bpfshim_ptr(r1);

	/* Where a pointer was followed to nothing; loads from 0 read 0. */
	return bpfshim_task_lives(task) ? (unsigned long)task_pt_regs(task) : 0;
}

BPFSHIM_HELPER(get_ns_current_pid_tgid)
{
	struct { u32 pid, tgid; } *out = bpfshim_ptr(r3);
	struct pid_namespace *ns;
	int err = -EINVAL;

	if ((u32)r4 != sizeof(*out) || (u64)(dev_t)r1 != r1)
		goto clear;
	err = -ENOENT;
	ns = task_active_pid_ns(current);
	if (!ns)
		goto clear;
	err = -EINVAL;
	if (!bpfshim_pid_ns_is(ns, (dev_t)r1, r2))
		goto clear;
	out->pid = task_pid_nr_ns(current, ns);
	out->tgid = task_tgid_nr_ns(current, ns);
	return 0;
clear:
	memset(out, 0, (u32)r4);
	return err;
}
