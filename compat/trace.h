/* SPDX-License-Identifier: GPL-2.0 */
/* kprobes, tracepoints and perf events. */
#ifndef BPFSHIM_COMPAT_TRACE_H
#define BPFSHIM_COMPAT_TRACE_H

static inline struct kretprobe *bpfshim_ri_kretprobe(struct kretprobe_instance *ri)
{
#if BPFSHIM_HAVE_GET_KRETPROBE
	return get_kretprobe(ri);
#else
	return ri->rp;
#endif
}

/* A probe at a function's entry sits behind the landing pad, where there is one. */
static inline unsigned long bpfshim_entry_of(unsigned long addr)
{
	u32 before;

	if (addr > 4 && !bpfshim_read_kernel(&before, (void *)(addr - 4), 4) &&
	    before == 0xfa1e0ff3U)
		return addr - 4;
	return addr;
}

/*
 * A named tracepoint.  3.10 registers probes by name; newer kernels by the
 * tracepoint's structure.
 */
struct bpfshim_tp;
/* ERR_PTR(-ENOENT): no tracepoint of that name. Holds its module, if any. */
struct bpfshim_tp *bpfshim_tp_get(const char *name);
void bpfshim_tp_put(struct bpfshim_tp *tp);
int bpfshim_tp_register(struct bpfshim_tp *tp, void *probe, void *data);
/* On return no CPU runs the probe. */
int bpfshim_tp_unregister(struct bpfshim_tp *tp, void *probe, void *data);

/* The contiguous raw record of a tracepoint sample, or NULL. */
static inline void *bpfshim_raw_data(struct perf_sample_data *data, u32 *size)
{
	struct perf_raw_record *raw = data->raw;

	if (!raw)
		return NULL;
#if BPFSHIM_HAVE_RAW_FRAG
	*size = raw->size ? raw->size : raw->frag.size;
	return raw->frag.data;
#else
	*size = raw->size;
	return raw->data;
#endif
}

/* Branches that came with a sample; NULL: the event did not ask for them. */
static inline const struct perf_branch_stack *bpfshim_branch_stack(const struct perf_event *event,
								   const struct perf_sample_data *data)
{
#if BPFSHIM_HAVE_SAMPLE_FLAGS
	return data->sample_flags & PERF_SAMPLE_BRANCH_STACK ? data->br_stack : NULL;
#else
	return event->attr.sample_type & PERF_SAMPLE_BRANCH_STACK ? data->br_stack : NULL;
#endif
}

/* What the function whose registers these are returns. */
static inline void bpfshim_set_result(struct pt_regs *regs, unsigned long v)
{
#ifdef CONFIG_X86
	regs->ax = v;
#endif
}

/** bpfshim_can_override() - can probes end functions before they run?
 * Process context, after bpfshim_ksyms_init. */
bool bpfshim_can_override(void);
/** bpfshim_may_override() - may the function that begins at addr be ended
 * so: system calls may, as each may fail.  Process context. */
bool bpfshim_may_override(unsigned long addr);
/** bpfshim_override() - by a kprobe's pre_handler at the function's entry, that
 * returns 1 then; regs return to the function's caller. */
void bpfshim_override(struct pt_regs *regs);

/* Is a PERF_TYPE_TRACEPOINT event one of kprobe_events or uprobe_events? */
bool bpfshim_event_is_probe(const struct perf_event *event);
/* A counter's value and times, in ns, on the CPU or in the task it counts;
 * -EINVAL elsewhere, -EOPNOTSUPP when children inherit it.  Any context. */
int bpfshim_event_read_local(struct perf_event *event, u64 *count, u64 *enabled, u64 *running);
/* Is this file perf_event_open's, its private_data a struct perf_event? */
bool bpfshim_is_perf_file(const struct file *file);

#endif /* BPFSHIM_COMPAT_TRACE_H */
