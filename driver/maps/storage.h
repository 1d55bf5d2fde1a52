/* SPDX-License-Identifier: GPL-2.0 */
/* Maps that hold a value to an object: what helpers do to them. */
#ifndef BPFSHIM_MAPS_STORAGE_H
#define BPFSHIM_MAPS_STORAGE_H

#include "maps.h"

/** bpfshim_task_storage_get() - the task's value; with F_CREATE one is made
 * when there is none, a copy of value, or zero when that is NULL.  NULL: there
 * is none, or no memory for it now, or the task has exited.  In a program. */
void *bpfshim_task_storage_get(struct bpfshim_map *map, struct task_struct *task, const void *value, u64 flags);
/** bpfshim_task_storage_delete() - 0, -ENOENT, -EINVAL (no task).  In a program. */
long bpfshim_task_storage_delete(struct bpfshim_map *map, struct task_struct *task);

#endif /* BPFSHIM_MAPS_STORAGE_H */
