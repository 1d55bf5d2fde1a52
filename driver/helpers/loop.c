// SPDX-License-Identifier: GPL-2.0
/* Helpers that call back into the program. */
#include "helpers.h"

#define MAX_LOOPS	(1 << 23)

BPFSHIM_HELPER(loop)
{
	const struct bpfshim_callback *cb = bpfshim_ptr(r2);
	u32 nr = (u32)r1, i;

	if (r4)
		return -EINVAL;
	if (nr > MAX_LOOPS)
		return -E2BIG;
	for (i = 0; i < nr; i++)
		if (bpfshim_callback_run(cb, i, r3, 0, 0, 0))
			return i + 1;
	return i;
}

BPFSHIM_HELPER(for_each_map_elem)
{
	struct bpfshim_map *map = bpfshim_ptr(r1);

	return map->ops->for_each ? map->ops->for_each(map, bpfshim_ptr(r2), r3, r4) : -EOPNOTSUPP;
}
