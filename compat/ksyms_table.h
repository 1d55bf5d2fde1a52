/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The looked-up symbols (no include guard: included with the macros set).
 * BPFSHIM_KSYM(required, return type, name, (argument types))
 * BPFSHIM_KVAR(required, type, name): a variable.
 * Write required 1 only where the module makes no sense without it.
 */
BPFSHIM_KSYM(0, void *, module_alloc, (unsigned long size))
#ifdef X86_FEATURE_RETHUNK
BPFSHIM_KSYM(0, void, __x86_return_thunk, (void))
#endif
BPFSHIM_KSYM(0, int, set_memory_ro, (unsigned long addr, int pages))
BPFSHIM_KSYM(0, int, set_memory_rw, (unsigned long addr, int pages))
BPFSHIM_KSYM(0, int, set_memory_x, (unsigned long addr, int pages))
BPFSHIM_KSYM(0, int, set_memory_nx, (unsigned long addr, int pages))
#if !BPFSHIM_HAVE_TRACEPOINT_BY_NAME
BPFSHIM_KSYM(1, struct module *, __module_address, (unsigned long addr))
#endif
#if !BPFSHIM_HAVE_FCHECK_FILES
BPFSHIM_KSYM(0, struct file *, fget_task, (struct task_struct *task, unsigned int fd))
#endif
BPFSHIM_KVAR(0, int, kptr_restrict)
BPFSHIM_KSYM(0, struct task_struct *, idle_task, (int cpu))
BPFSHIM_KSYM(0, struct pid *, pidfd_get_pid, (unsigned int fd, unsigned int *flags))
/* What perf does with a sample where an event names no handler of its own. */
BPFSHIM_KSYM(0, void, perf_event_output, (struct perf_event *event,
	struct perf_sample_data *data, struct pt_regs *regs))
#if BPFSHIM_HAVE_BREAK_HANDLER
/* Overriding functions: see override.c. */
BPFSHIM_KVAR(0, void *, sys_call_table)
BPFSHIM_KVAR(0, struct kprobe *, current_kprobe)
BPFSHIM_KVAR(0, struct kprobe *, kprobe_instance)
BPFSHIM_KVAR(0, u8, ftrace_stub)
#endif
#if BPFSHIM_HAVE_NS_MATCH
BPFSHIM_KSYM(0, bool, ns_match, (const struct ns_common *ns, dev_t dev, ino_t ino))
#endif
#if BPFSHIM_HAVE_EVENT_READ_LOCAL
BPFSHIM_KSYM(0, int, perf_event_read_local, (struct perf_event *event, u64 *value,
	u64 *enabled, u64 *running))
#endif
#if BPFSHIM_HAVE_STACK_TRACE_SAVE
BPFSHIM_KSYM(0, struct perf_callchain_entry *, get_perf_callchain, (struct pt_regs *regs,
	u32 init_nr, bool kernel, bool user, u32 max_stack, bool crosstask, bool add_mark))
BPFSHIM_KSYM(0, int, get_callchain_buffers, (int max_stack))
BPFSHIM_KSYM(0, void, put_callchain_buffers, (void))
BPFSHIM_KSYM(0, unsigned int, stack_trace_save_tsk, (struct task_struct *task,
	unsigned long *store, unsigned int size, unsigned int skipnr))
#endif
