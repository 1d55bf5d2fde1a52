// SPDX-License-Identifier: GPL-2.0
/*
 * Functions that end before they begin.  Newer kernels annotate those that may;
 * where they do, and are built for it, they are offered natively.  Kernels of
 * this module's age annotate none, and the functions of the system call table
 * are taken: each may fail by its contract, and none was entered with a lock.
 *
 * A pre_handler that returns 1 has moved the registers.  Kernels whose kprobes
 * have break handlers leave the rest to it: the probe that is running, and with
 * a breakpoint the preemption that was turned off.  A probe that is a jump does
 * not look at what the handler returns; one with a post_handler is never a jump.
 */
#include "compat.h"
#include <linux/preempt.h>

#if BPFSHIM_HAVE_BREAK_HANDLER && defined(CONFIG_X86_64)
#define TABLE_MAX	512	/* more than there are system calls */
#define RET		0xc3

bool bpfshim_can_override(void)
{
	u8 first;

	return bpfshim_ksym.sys_call_table && bpfshim_ksym.current_kprobe && bpfshim_ksym.kprobe_instance &&
	       bpfshim_ksym.ftrace_stub && !bpfshim_read_kernel(&first, bpfshim_ksym.ftrace_stub, 1) &&
	       first == RET;
}

bool bpfshim_may_override(unsigned long addr)
{
	char name[KSYM_SYMBOL_LEN];
	unsigned long entry;
	u32 i;

	if (!bpfshim_can_override())
		return false;
	/* Some entries are assembly, which is no function. */
	sprint_symbol(name, addr);
	if (strncasecmp(name, "sys_", 4))
		return false;
	for (i = 0; i < TABLE_MAX; i++) {
		if (bpfshim_read_kernel(&entry, bpfshim_ksym.sys_call_table + i, sizeof(entry)))
			return false;
		if (entry == addr)
			return true;
	}
	return false;
}

void bpfshim_override(struct pt_regs *regs)
{
	struct kprobe **running = this_cpu_ptr((struct kprobe * __percpu *)bpfshim_ksym.current_kprobe);
	struct kprobe **one = this_cpu_ptr((struct kprobe * __percpu *)bpfshim_ksym.kprobe_instance);
	bool breakpoint = true;

	/* A return of the kernel's own: no task is ever in this module's code. */
	regs->ip = (unsigned long)bpfshim_ksym.ftrace_stub;
#ifdef CONFIG_KPROBES_ON_FTRACE
	breakpoint = !*running || !kprobe_ftrace(*running);
#endif
	*one = NULL;
	*running = NULL;
	if (breakpoint)
		preempt_enable_no_resched();
}
#else
bool bpfshim_can_override(void)
{
	return false;
}

bool bpfshim_may_override(unsigned long addr)
{
	return false;
}

void bpfshim_override(struct pt_regs *regs)
{
}
#endif
