// SPDX-License-Identifier: GPL-2.0
/* Helpers on maps. */
#include "helpers.h"

BPFSHIM_HELPER(map_lookup_elem)
{
	struct bpfshim_map *map = bpfshim_ptr(r1);

	return (unsigned long)map->ops->lookup(map, bpfshim_ptr(r2));
}

BPFSHIM_HELPER(map_update_elem)
{
	struct bpfshim_map *map = bpfshim_ptr(r1);

	return map->ops->update ? map->ops->update(map, bpfshim_ptr(r2), bpfshim_ptr(r3), r4) : -EOPNOTSUPP;
}

BPFSHIM_HELPER(map_delete_elem)
{
	struct bpfshim_map *map = bpfshim_ptr(r1);

	return map->ops->delete_elem ? map->ops->delete_elem(map, bpfshim_ptr(r2)) : -EOPNOTSUPP;
}

BPFSHIM_HELPER(map_push_elem)
{
	struct bpfshim_map *map = bpfshim_ptr(r1);

	return map->ops->push ? map->ops->push(map, bpfshim_ptr(r2), r3) : -EOPNOTSUPP;
}

BPFSHIM_HELPER(map_pop_elem)
{
	struct bpfshim_map *map = bpfshim_ptr(r1);

	return map->ops->pop ? map->ops->pop(map, bpfshim_ptr(r2)) : -EOPNOTSUPP;
}

BPFSHIM_HELPER(map_peek_elem)
{
	struct bpfshim_map *map = bpfshim_ptr(r1);

	return map->ops->peek ? map->ops->peek(map, bpfshim_ptr(r2)) : -EOPNOTSUPP;
}

/* See maps/kptr.c. */
BPFSHIM_HELPER(kptr_xchg)
{
	return xchg((unsigned long *)bpfshim_ptr(r1), (unsigned long)r2);
}

BPFSHIM_HELPER(map_lookup_percpu_elem)
{
	struct bpfshim_map *map = bpfshim_ptr(r1);

	return map->ops->lookup_percpu ?
	       (unsigned long)map->ops->lookup_percpu(map, bpfshim_ptr(r2), (u32)r3) : 0;
}
