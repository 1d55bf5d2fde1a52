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
