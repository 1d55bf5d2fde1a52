/* SPDX-License-Identifier: GPL-2.0 */
/* A sample says which of its fields are set; the others are not even NULL. */
#include <linux/perf_event.h>
unsigned long probe(const struct perf_sample_data *data);
unsigned long probe(const struct perf_sample_data *data) { return data->sample_flags; }
