/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFSHIM_MAPS_CGROUP_ARRAY_H
#define BPFSHIM_MAPS_CGROUP_ARRAY_H

#include "maps.h"

/* Is the running task below the cgroup in that slot?  1 or 0; -E2BIG: no such
 * slot, -EAGAIN: an empty one.  In a program, any context. */
long bpfshim_cgroup_array_has(const struct bpfshim_map *map, u32 index);

#endif /* BPFSHIM_MAPS_CGROUP_ARRAY_H */
