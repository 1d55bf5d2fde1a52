/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFSHIM_PERF_EVENT_ARRAY_H
#define BPFSHIM_PERF_EVENT_ARRAY_H

#include "maps.h"

/* One slot's event.  Owner: its slot; freed after a grace period.  Immutable. */
struct bpfshim_event_entry {
	struct file *file;		/* a reference */
	const struct file *owner;	/* the map fd it came through; not dereferenced */
	struct bpfshim_output *out;	/* ours, or */
	struct perf_event *event;	/* the kernel's */
	struct rcu_head rcu;
};

/** bpfshim_event_array_entry() - what is in slot i, or NULL.  Context: a program's. */
const struct bpfshim_event_entry *bpfshim_event_array_entry(struct bpfshim_map *map, u32 i);

#endif /* BPFSHIM_PERF_EVENT_ARRAY_H */
