/* SPDX-License-Identifier: GPL-2.0 */
/* perf reads a counter with its times where it counts. */
#include <linux/perf_event.h>
int probe(struct perf_event *e, u64 *v);
int probe(struct perf_event *e, u64 *v) { return perf_event_read_local(e, v, v, v); }
