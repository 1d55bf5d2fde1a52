/* SPDX-License-Identifier: GPL-2.0 */
/* struct perf_raw_record is made of fragments. */
#include <linux/perf_event.h>
void *probe(struct perf_raw_record *r);
void *probe(struct perf_raw_record *r) { return r->frag.data; }
