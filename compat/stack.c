// SPDX-License-Identifier: GPL-2.0
/*
 * Call chains.  Where the kernel has perf's own unwinder for such callers, it
 * is asked; 3.10 has none that starts at a hook's registers and exports only
 * walks of what it keeps frame pointers for, so its chain of frame pointers is
 * followed here, by reads that may fault.
 */
#include "compat.h"
#include <asm/segment.h>

#define FRAMES_MAX	1024	/* a chain that goes on longer is a circle */
#define SWITCHES_MAX	8	/* from one of the CPU's stacks to another */

/* Drop what leads from this module's caller to here. */
static u32 drop_own(u64 *ips, u32 n)
{
	u32 i;

	for (i = n; i > 0; i--)
		if (within_module_core(ips[i - 1], THIS_MODULE))
			break;
	memmove(ips, ips + i, (n - i) * sizeof(*ips));
	return n - i;
}

#if BPFSHIM_HAVE_STACK_TRACE_SAVE
int bpfshim_stack_init(void)
{
	if (!bpfshim_ksym.get_callchain_buffers || !bpfshim_ksym.put_callchain_buffers ||
	    !bpfshim_ksym.get_perf_callchain) {
		bpfshim_ksym.get_perf_callchain = NULL;
		return 0;
	}
	return bpfshim_ksym.get_callchain_buffers(BPFSHIM_STACK_DEPTH);
}

void bpfshim_stack_exit(void)
{
	if (bpfshim_ksym.get_perf_callchain)
		bpfshim_ksym.put_callchain_buffers();
}

static u32 perf_chain(struct pt_regs *regs, bool user, u64 *ips, u32 max)
{
	struct perf_callchain_entry *e;
	u32 n;

	e = bpfshim_ksym.get_perf_callchain(regs, 0, !user, user, max, false, false);
	if (!e)
		return 0;
	n = min_t(u32, e->nr, max);
	memcpy(ips, e->ip, n * sizeof(*ips));
	return n;
}

/* From the hook's address on, which an exception's frame shows. */
static u32 cut_to(u64 *ips, u32 n, unsigned long ip)
{
	u32 i;

	for (i = 0; i < n; i++)
		if (ips[i] == ip)
			break;
	if (i == n)
		return drop_own(ips, n);
	memmove(ips, ips + i, (n - i) * sizeof(*ips));
	return n - i;
}

/*
 * Registers that a tracepoint made up hold an address and a stack pointer: perf
 * walks there from where it is called, and so through the compiled program.
 */
static bool made_up(const struct pt_regs *regs)
{
#ifdef CONFIG_X86_64
	return !(regs->flags & X86_EFLAGS_FIXED);
#else
	return false;
#endif
}

noinline u32 bpfshim_stack_kernel(struct pt_regs *regs, bool entry, const struct bpfshim_here *from,
				  u64 *ips, u32 max)
{
	struct pt_regs here;
	u32 n;

	if (regs && user_mode(regs))
		return 0;
	if (!bpfshim_ksym.get_perf_callchain) {
		n = stack_trace_save((unsigned long *)ips, BPFSHIM_STACK_DEPTH, 0);
	} else if (regs && !made_up(regs)) {
		return perf_chain(regs, false, ips, max);
	} else {
		memset(&here, 0, sizeof(here));
		perf_fetch_caller_regs(&here);
#ifdef CONFIG_X86_64
		if (from && from->ip) {
			here.ip = from->ip;
			here.sp = from->sp;
			here.bp = from->bp;
			here.flags = X86_EFLAGS_FIXED;	/* take these, not your own */
		}
#endif
		n = perf_chain(&here, false, ips, BPFSHIM_STACK_DEPTH);
	}
	return min(regs ? cut_to(ips, n, regs->ip) : drop_own(ips, n), max);
}

u32 bpfshim_stack_task(struct task_struct *task, u64 *ips, u32 max)
{
	return bpfshim_ksym.stack_trace_save_tsk ?
	       bpfshim_ksym.stack_trace_save_tsk(task, (unsigned long *)ips, max, 0) : 0;
}

/* Entry code keeps all registers. */
static unsigned long user_frame(struct pt_regs *regs, const struct pt_regs *user)
{
	return user->bp;
}

#else /* !BPFSHIM_HAVE_STACK_TRACE_SAVE */

#ifdef CONFIG_FRAME_POINTER
static bool is_text(unsigned long addr)
{
#ifdef CONFIG_X86_64
	return addr >= __START_KERNEL_map && addr < (unsigned long)-4096;
#else
	return addr >= PAGE_OFFSET;
#endif
}

static bool is_user(unsigned long addr)
{
	return addr < TASK_SIZE_MAX;
}

/*
 * Return addresses behind the frame pointer.  *end is where the chain leaves
 * the kernel: what user space had in the register when it came in, as no
 * assembly on the way touches it.
 */
static u32 walk_frames(unsigned long bp, u64 *ips, u32 max, unsigned long *end)
{
	u32 n = 0, i, switches = 0;
	unsigned long frame[2];

	for (i = 0; i < FRAMES_MAX; i++) {
		*end = bp;
		if (is_user(bp) || bp & (sizeof(bp) - 1) ||
		    bpfshim_read_kernel(frame, (void *)bp, sizeof(frame)) || !is_text(frame[1]))
			break;
		if (n < max)
			ips[n++] = frame[1];
		/* Frames lie ever higher, but where stacks change. */
		if (frame[0] <= bp && !is_user(frame[0]) && ++switches > SWITCHES_MAX)
			break;
		bp = frame[0];
	}
	return n;
}
#endif

int bpfshim_stack_init(void)
{
	return 0;
}

void bpfshim_stack_exit(void)
{
}

/* What the kernel finds itself; task: NULL for who runs here. */
static u32 __maybe_unused saved(struct task_struct *task, u64 *ips, u32 max)
{
	struct stack_trace trace = { .max_entries = max, .entries = (unsigned long *)ips };

	if (task)
		save_stack_trace_tsk(task, &trace);
	else
		save_stack_trace(&trace);
	/* The mark at the end is no address. */
	while (trace.nr_entries && ips[trace.nr_entries - 1] == ULONG_MAX)
		trace.nr_entries--;
	return trace.nr_entries;
}

noinline u32 bpfshim_stack_kernel(struct pt_regs *regs, bool entry, const struct bpfshim_here *from,
				  u64 *ips, u32 max)
{
#ifdef CONFIG_FRAME_POINTER
	unsigned long end, ret;
	u32 n = 0;

	if (!regs) {
		n = walk_frames((unsigned long)__builtin_frame_address(0), ips, BPFSHIM_STACK_DEPTH, &end);
		return min(drop_own(ips, n), max);
	}
	if (user_mode(regs))
		return 0;
	if (n < max)
		ips[n++] = regs->ip;
	/* No frame yet: the caller is on top of the stack. */
	if (entry && n < max && !bpfshim_read_kernel(&ret, (void *)regs->sp, sizeof(ret)) && is_text(ret))
		ips[n++] = ret;
	return n + walk_frames(regs->bp, ips + n, max - n, &end);
#else
	return regs && user_mode(regs) ? 0 : min(drop_own(ips, saved(NULL, ips, BPFSHIM_STACK_DEPTH)), max);
#endif
}

u32 bpfshim_stack_task(struct task_struct *task, u64 *ips, u32 max)
{
	return saved(task, ips, max);
}

/*
 * Where a system call's entry saves all registers it clears this one, so that
 * the kernel's chain ends in 0.  Elsewhere task_pt_regs has for it whatever lay
 * there; but the first function that was called saved it, at the chain's end.
 */
static unsigned long user_frame(struct pt_regs *regs, const struct pt_regs *user)
{
#ifdef CONFIG_FRAME_POINTER
	unsigned long end = 0;

	walk_frames(regs ? regs->bp : (unsigned long)__builtin_frame_address(0), NULL, 0, &end);
	if (end)
		return is_user(end) ? end : 0;
#endif
	return user->bp;
}
#endif /* BPFSHIM_HAVE_STACK_TRACE_SAVE */

#ifdef CONFIG_X86_64
static u32 walk_user32(unsigned long bp, u64 *ips, u32 max)
{
	u32 n, frame[2];

	for (n = 0; n < max; n++) {
		if (bpfshim_read_user(frame, (void __user *)(bp & U32_MAX), sizeof(frame)))
			break;
		ips[n] = frame[1];
		bp = frame[0];
	}
	return n;
}
#endif

/* As bpfshim_read_user() reads; but what surrounds the reads, once for all. */
static u32 walk_user(unsigned long bp, u64 *ips, u32 max)
{
	u32 n = 0;
#if BPFSHIM_HAVE_EXPORT_COPY_FROM_USER_NOFAULT
	unsigned long frame[2];

	for (; n < max; n++) {
		if (bpfshim_read_user(frame, (void __user *)bp, sizeof(frame)))
			break;
		ips[n] = frame[1];
		bp = frame[0];
	}
#else
	unsigned long ret;
	mm_segment_t old = get_fs();

	set_fs(USER_DS);
	pagefault_disable();
	for (; n < max && bpfshim_access_ok((void __user *)bp, 2 * sizeof(bp)); n++) {
		if (__get_user(ret, (unsigned long __user *)bp + 1) || __get_user(bp, (unsigned long __user *)bp))
			break;
		ips[n] = ret;
	}
	pagefault_enable();
	set_fs(old);
#endif
	return n;
}

u32 bpfshim_stack_user(struct pt_regs *regs, u64 *ips, u32 max)
{
	struct pt_regs *user;
	unsigned long bp;

	if (!current->mm || current->flags & PF_KTHREAD)
		return 0;
	user = regs && user_mode(regs) ? regs : task_pt_regs(current);
#if BPFSHIM_HAVE_STACK_TRACE_SAVE
	if (bpfshim_ksym.get_perf_callchain)
		return perf_chain(user, true, ips, max);
#endif
	if (!max)
		return 0;
	bp = user == regs ? regs->bp : user_frame(regs, user);
	*ips = user->ip;
#ifdef CONFIG_X86_64
	if (user->cs == __USER32_CS)
		return 1 + walk_user32(bp, ips + 1, max - 1);
#endif
	return 1 + walk_user(bp, ips + 1, max - 1);
}
