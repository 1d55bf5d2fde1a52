// SPDX-License-Identifier: GPL-2.0
/* Cgroups of the running task. */
#include "helpers.h"
#include "../maps/cgroup_array.h"

BPFSHIM_HELPER(current_task_under_cgroup)
{
	return bpfshim_cgroup_array_has(bpfshim_ptr(r1), (u32)r2);
}

/* A packet's socket is the task's that runs the test. */
BPFSHIM_HELPER(skb_under_cgroup)
{
	return bpfshim_cgroup_array_has(bpfshim_ptr(r2), (u32)r3);
}

BPFSHIM_HELPER(get_current_cgroup_id)
{
	return bpfshim_cgroup_id();
}

BPFSHIM_HELPER(get_current_ancestor_cgroup_id)
{
	return bpfshim_ancestor_cgroup_id((int)r1);
}
