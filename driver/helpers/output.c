// SPDX-License-Identifier: GPL-2.0
/* perf_event_output: a record into this CPU's, or a chosen, event. */
#include "helpers.h"
#include "../maps/perf_event_array.h"

BPFSHIM_HELPER(perf_event_output)
{
	struct bpfshim_map *map = bpfshim_ptr(r2);
	u64 index = r3 & BPFSHIM_F_INDEX_MASK;
	const struct bpfshim_event_entry *e;

	if (r3 & ~BPFSHIM_F_INDEX_MASK)
		return -EINVAL;
	if (index == BPFSHIM_F_CURRENT_CPU)
		index = raw_smp_processor_id();
	if (index >= map->max_entries)
		return -E2BIG;
	e = bpfshim_event_array_entry(map, (u32)index);
	if (!e)
		return -ENOENT;
	if (!e->out)
		return -EINVAL;	/* a counter, not an output event */
	return bpfshim_output_write(e->out, bpfshim_ptr(r4), r5, NULL, 0);
}
