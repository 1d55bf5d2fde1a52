/* SPDX-License-Identifier: GPL-2.0 */
/* Maps whose values are maps. */
#ifndef BPFSHIM_MAPS_MAP_IN_MAP_H
#define BPFSHIM_MAPS_MAP_IN_MAP_H

#include "maps.h"

/*
 * What the inner maps of one outer map are like, taken from the map that was
 * named when the outer one was made.  Owner: the outer map.  Constant.
 */
struct bpfshim_inner {
	struct bpfshim_vrf_map vrf;
	struct bpfshim_btf *btf;	/* a reference, or NULL */
};

/** bpfshim_inner_new() - describe the map behind fd.  ERR_PTR: -EBADF, -EINVAL
 * (no map, or itself one of maps), -ENOTSUPP (a type that cannot be inside, or
 * values with a lock), -ENOMEM.  Process context. */
struct bpfshim_inner *bpfshim_inner_new(int fd);
void bpfshim_inner_free(struct bpfshim_inner *in);
/** bpfshim_inner_get() - the map behind fd with a reference, if it fits:
 * ERR_PTR(-EBADF or -EINVAL) otherwise. */
struct bpfshim_map *bpfshim_inner_get(const struct bpfshim_inner *in, int fd);

#endif /* BPFSHIM_MAPS_MAP_IN_MAP_H */
