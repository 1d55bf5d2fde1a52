/* SPDX-License-Identifier: GPL-2.0 */
/* struct perf_raw_record is one piece. */
#include <linux/perf_event.h>
void *probe(struct perf_raw_record *r);
void *probe(struct perf_raw_record *r) { return r->data; }
