// SPDX-License-Identifier: GPL-2.0
/* Counters of perf events, as seen from the CPU they count on. */
#include "helpers.h"
#include "../maps/perf_event_array.h"

/* struct bpf_perf_event_value */
struct value {
	u64 counter, enabled, running;
};

static int read_entry(struct bpfshim_map *map, u64 flags, struct value *v)
{
	u64 index = flags & BPFSHIM_F_INDEX_MASK;
	const struct bpfshim_event_entry *e;

	if (flags & ~BPFSHIM_F_INDEX_MASK)
		return -EINVAL;
	if (index == BPFSHIM_F_CURRENT_CPU)
		index = raw_smp_processor_id();
	if (index >= map->max_entries)
		return -E2BIG;
	e = bpfshim_event_array_entry(map, (u32)index);
	if (!e)
		return -ENOENT;
	/* An output has nothing to count. */
	if (!e->event)
		return -EINVAL;
	return bpfshim_event_read_local(e->event, &v->counter, &v->enabled, &v->running);
}

BPFSHIM_HELPER(perf_event_read)
{
	struct value v = { 0 };
	int err = read_entry(bpfshim_ptr(r1), r2, &v);

	return err ? err : v.counter;
}

BPFSHIM_HELPER(perf_event_read_value)
{
	struct value v, *out = bpfshim_ptr(r3);
	int err = -EINVAL;

	if (r4 == sizeof(v))
		err = read_entry(bpfshim_ptr(r1), r2, &v);
	if (err)
		memset(out, 0, r4);
	else
		*out = v;
	return err;
}

BPFSHIM_HELPER(perf_prog_read_value)
{
	struct bpfshim_run_ctx *rc = bpfshim_run_ctx_current();
	struct value v, *out = bpfshim_ptr(r2);
	int err = -EINVAL;

	if (r3 == sizeof(v) && rc && rc->event)
		err = bpfshim_event_read_local(rc->event, &v.counter, &v.enabled, &v.running);
	if (err)
		memset(out, 0, r3);
	else
		*out = v;
	return err;
}
