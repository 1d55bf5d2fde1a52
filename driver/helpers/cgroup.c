// SPDX-License-Identifier: GPL-2.0
/* Cgroups of the running task: see maps/cgroup_array.c for why there are none. */
#include "helpers.h"

BPFSHIM_HELPER(current_task_under_cgroup)
{
	struct bpfshim_map *map = bpfshim_ptr(r1);

	if (in_interrupt())
		return -EINVAL;
	/* Inside the array, the slot is empty. */
	return (u32)r2 >= map->max_entries ? -E2BIG : -EAGAIN;
}

BPFSHIM_HELPER(skb_under_cgroup)
{
	struct bpfshim_map *map = bpfshim_ptr(r2);

	return (u32)r3 >= map->max_entries ? -E2BIG : -EAGAIN;
}
