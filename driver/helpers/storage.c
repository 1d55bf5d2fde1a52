// SPDX-License-Identifier: GPL-2.0
/* Helpers on values that belong to objects. */
#include "helpers.h"
#include "../maps/storage.h"

/* A program's maps are those its run has values of: prog_array.c, for tail calls. */
BPFSHIM_HELPER(get_local_storage)
{
	const struct bpfshim_map *map = bpfshim_ptr(r1);
	const struct bpfshim_run_ctx *rc = bpfshim_run_ctx_current();

	if (map->map_type == BPFSHIM_MAP_TYPE_PERCPU_CGROUP_STORAGE)
		return (unsigned long)this_cpu_ptr(rc->percpu_storage);
	return (unsigned long)rc->storage;
}

BPFSHIM_HELPER(task_storage_get)
{
	return (unsigned long)bpfshim_task_storage_get(bpfshim_ptr(r1), bpfshim_ptr(r2), bpfshim_ptr(r3), r4);
}

BPFSHIM_HELPER(task_storage_delete)
{
	return bpfshim_task_storage_delete(bpfshim_ptr(r1), bpfshim_ptr(r2));
}
