/* SPDX-License-Identifier: GPL-2.0 */
/* required: in-kernel perf counters with a context. */
#include <linux/perf_event.h>
struct perf_event *probe(struct perf_event_attr *a, perf_overflow_handler_t h);
struct perf_event *probe(struct perf_event_attr *a, perf_overflow_handler_t h)
{ return perf_event_create_kernel_counter(a, 0, NULL, h, NULL); }
