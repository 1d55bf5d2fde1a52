// SPDX-License-Identifier: GPL-2.0
/* What kind of hook a perf event stands for. */
#include "compat.h"
#if BPFSHIM_HAVE_TRACE_EVENTS_H
#include <linux/trace_events.h>
#else
#include <linux/ftrace_event.h>
#endif

bool bpfshim_event_is_probe(const struct perf_event *event)
{
	char name[KSYM_SYMBOL_LEN], *fn;

	if (!event->tp_event || !event->tp_event->class->reg)
		return false;
	/* kprobe_register or trace_uprobe_register; neither is exported. */
	sprint_symbol(name, (unsigned long)event->tp_event->class->reg);
	fn = strstr(name, "probe_register+0x0/");
	return fn == name + 1 || (fn && !strncmp(name, "trace_uprobe", 12));
}

bool bpfshim_is_perf_file(const struct file *file)
{
	char name[KSYM_SYMBOL_LEN];

	if (!file->f_op->unlocked_ioctl || !file->private_data)
		return false;
	/* perf's file_operations are not exported; its ioctl has a name. */
	sprint_symbol(name, (unsigned long)file->f_op->unlocked_ioctl);
	return !strncmp(name, "perf_ioctl+0x0/", 15);
}

#if BPFSHIM_HAVE_EVENT_READ_LOCAL
int bpfshim_event_read_local(struct perf_event *event, u64 *count, u64 *enabled, u64 *running)
{
	if (!bpfshim_ksym.perf_event_read_local)
		return -EOPNOTSUPP;
	return bpfshim_ksym.perf_event_read_local(event, count, enabled, running);
}
#else
int bpfshim_event_read_local(struct perf_event *event, u64 *count, u64 *enabled, u64 *running)
{
	unsigned long irq;
	int err = 0;
	u64 now;

	/* No scheduling between the look at the CPU and the counter. */
	local_irq_save(irq);
	if (event->attr.inherit) {
		err = -EOPNOTSUPP;
	} else if (event->attach_state & PERF_ATTACH_TASK) {
		if (!event->ctx || event->ctx->task != current)
			err = -EINVAL;
	} else if (event->cpu != smp_processor_id()) {
		err = -EINVAL;
	}
	if (err)
		goto out;
	if (event->state == PERF_EVENT_STATE_ACTIVE) {
		now = event->shadow_ctx_time + local_clock();
		*enabled = now - event->tstamp_enabled;
		*running = now - event->tstamp_running;
	} else {
		*enabled = event->total_time_enabled;
		*running = event->total_time_running;
	}
	if (event->oncpu == smp_processor_id())
		event->pmu->read(event);
	*count = local64_read(&event->count);
out:
	local_irq_restore(irq);
	return err;
}
#endif
