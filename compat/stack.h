/* SPDX-License-Identifier: GPL-2.0 */
/* Call chains of the kernel and of user space. */
#ifndef BPFSHIM_COMPAT_STACK_H
#define BPFSHIM_COMPAT_STACK_H

/* As perf's default limit. */
#define BPFSHIM_STACK_DEPTH	127

/*
 * Where the dispatcher stands, for kernels that unwind by tables: those know
 * nothing of compiled programs, so a walk cannot begin in one.
 */
struct bpfshim_here {
	unsigned long ip, sp, bp;
};

static inline void bpfshim_here_save(struct bpfshim_here *h)
{
#if defined(CONFIG_X86_64) && !defined(CONFIG_FRAME_POINTER)
	asm volatile("lea 0(%%rip), %0\n\tmov %%rsp, %1\n\tmov %%rbp, %2"
		     : "=&r" (h->ip), "=&r" (h->sp), "=&r" (h->bp));
#endif
}

/* Once, at load and at unload. 0 or -ENOMEM. */
int bpfshim_stack_init(void);
void bpfshim_stack_exit(void);

/*
 * Each fills at most max (up to BPFSHIM_STACK_DEPTH) addresses, innermost
 * first, and returns how many.  Any context, NMI included; preemption off.
 */

/* From a hook's registers; NULL: from the first caller outside this module,
 * here being what was saved on the way in, or NULL.  entry: regs are those of
 * a function's first instruction. */
u32 bpfshim_stack_kernel(struct pt_regs *regs, bool entry, const struct bpfshim_here *here,
			 u64 *ips, u32 max);
/* The running task's, by its frame pointers; regs may be NULL. */
u32 bpfshim_stack_user(struct pt_regs *regs, u64 *ips, u32 max);
/* Of a task that does not run here. */
u32 bpfshim_stack_task(struct task_struct *task, u64 *ips, u32 max);

#endif /* BPFSHIM_COMPAT_STACK_H */
