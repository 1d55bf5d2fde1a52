/* SPDX-License-Identifier: GPL-2.0 */
/* A perf event knows a native BPF program. */
#include <linux/perf_event.h>
void *probe(struct perf_event *e);
void *probe(struct perf_event *e) { return e->prog; }
