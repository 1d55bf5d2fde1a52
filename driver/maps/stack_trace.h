/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFSHIM_MAPS_STACK_TRACE_H
#define BPFSHIM_MAPS_STACK_TRACE_H

#include "maps.h"

/** bpfshim_stackid() - keep a call chain; its id, or -EEXIST (another chain is
 * there), -ENOMEM.  flags: those of get_stackid.  A program's context. */
long bpfshim_stackid(struct bpfshim_map *map, const u64 *ips, u32 nr, u64 flags);

#endif /* BPFSHIM_MAPS_STACK_TRACE_H */
