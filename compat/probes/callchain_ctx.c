/* SPDX-License-Identifier: GPL-2.0 */
/* Callchain entries come from a per-CPU context (4 arguments of get_perf_callchain or more). */
#include <linux/perf_event.h>
u64 probe(struct perf_callchain_entry *e);
u64 probe(struct perf_callchain_entry *e) { return e->nr + sysctl_perf_event_max_stack; }
