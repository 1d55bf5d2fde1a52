// SPDX-License-Identifier: GPL-2.0
/* Call chains: kept in a map, or copied out. */
#include "helpers.h"
#include "../maps/stack_trace.h"

#define STACKID_FLAGS	(BPFSHIM_F_SKIP_FIELD_MASK | BPFSHIM_F_USER_STACK | \
			 BPFSHIM_F_FAST_STACK_CMP | BPFSHIM_F_REUSE_STACKID)

/* Programs do not nest on a CPU: a buffer each is enough. */
static u64 __percpu *buffers;

int bpfshim_helper_stack_init(void)
{
	int err;

	buffers = bpfshim_alloc_percpu(BPFSHIM_STACK_DEPTH * sizeof(u64));
	if (!buffers)
		return -ENOMEM;
	err = bpfshim_stack_init();
	if (err)
		free_percpu(buffers);
	return err;
}

void bpfshim_helper_stack_exit(void)
{
	bpfshim_stack_exit();
	free_percpu(buffers);
}

/* At the first instruction of a function?  A breakpoint's address is one less. */
static bool at_entry(const struct bpfshim_run_ctx *rc)
{
	return rc && rc->regs && rc->func_ip && rc->regs->ip - rc->func_ip <= 1;
}

/* The chain of the hook, into this CPU's buffer: its length. */
static u32 chain(u64 *ips, bool user, u32 max)
{
	struct bpfshim_run_ctx *rc = bpfshim_run_ctx_current();
	struct pt_regs *regs = rc ? rc->regs : NULL;

	max = min_t(u32, max, BPFSHIM_STACK_DEPTH);
	return user ? bpfshim_stack_user(regs, ips, max) :
	       bpfshim_stack_kernel(regs, at_entry(rc), rc ? &rc->here : NULL, ips, max);
}

BPFSHIM_HELPER(get_stackid)
{
	struct bpfshim_map *map = bpfshim_ptr(r2);
	u64 *ips = this_cpu_ptr(buffers);
	u32 skip = r3 & BPFSHIM_F_SKIP_FIELD_MASK, nr;

	if (r3 & ~(u64)STACKID_FLAGS)
		return -EINVAL;
	nr = chain(ips, r3 & BPFSHIM_F_USER_STACK, map->value_size / 8 + skip);
	if (nr <= skip)
		return -EFAULT;
	return bpfshim_stackid(map, ips + skip, nr - skip, r3);
}

/* What both kinds of copies share: flags, sizes, skipping, filling up. */
static long copy_stack(struct task_struct *task, void *buf, u32 size, u64 flags)
{
	u32 skip = flags & BPFSHIM_F_SKIP_FIELD_MASK, want = size / 8, nr, max;
	bool user = flags & BPFSHIM_F_USER_STACK;
	struct bpfshim_run_ctx *rc = bpfshim_run_ctx_current();
	u64 *ips = this_cpu_ptr(buffers);
	long err = -EINVAL;

	/* Build ids in place of addresses (USER_BUILD_ID) are not offered. */
	if ((flags & ~(u64)(BPFSHIM_F_SKIP_FIELD_MASK | BPFSHIM_F_USER_STACK)) || size % 8)
		goto clear;
	err = -EFAULT;
	if (task && user && !user_mode(task_pt_regs(task)))
		goto clear;
	err = -EOPNOTSUPP;
	if (task && user && task != current)
		goto clear;
	max = min_t(u32, want + skip, BPFSHIM_STACK_DEPTH);
	if (!task)
		nr = chain(ips, user, max);
	else if (user)
		nr = bpfshim_stack_user(NULL, ips, max);
	else if (task == current)
		nr = bpfshim_stack_kernel(NULL, false, rc ? &rc->here : NULL, ips, max);
	else
		nr = bpfshim_stack_task(task, ips, max);
	err = -EFAULT;
	if (nr < skip)
		goto clear;
	nr = min(nr - skip, want);
	memcpy(buf, ips + skip, nr * 8);
	memset(buf + nr * 8, 0, size - nr * 8);
	return nr * 8;
clear:
	memset(buf, 0, size);
	return err;
}

BPFSHIM_HELPER(get_stack)
{
	return copy_stack(NULL, bpfshim_ptr(r2), (u32)r3, r4);
}

BPFSHIM_HELPER(get_task_stack)
{
	struct task_struct *task = bpfshim_ptr(r1);

	if (bpfshim_task_lives(task))
		return copy_stack(task, bpfshim_ptr(r2), (u32)r3, r4);
	memset(bpfshim_ptr(r2), 0, (u32)r3);
	return -EFAULT;
}
