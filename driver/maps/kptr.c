// SPDX-License-Identifier: GPL-2.0
/*
 * Kernel pointers in map values.  User space sees zeros there, and what it
 * writes does not reach them; an element that is replaced loses them.
 *
 * Programs store pointers that nobody owns, or exchange references.  No helper
 * here gives a program a reference of a type that a map may keep, so a member
 * that owns one is always NULL, and there is nothing to release.
 */
#include "../../verifier/btf.h"
#include "maps.h"

int bpfshim_map_find_kptrs(struct bpfshim_map *map, const struct bpfshim_btf *btf, u32 value_id)
{
	struct bpfshim_map_kptrs *k;
	int n, i;

	k = bpfshim_kzalloc(sizeof(*k), GFP_KERNEL);
	if (!k)
		return -ENOMEM;
	k->kernel = bpfshim_kernel_btf_get();
	n = bpfshim_kptrs_find(btf->parsed, value_id, k->kernel ? k->kernel->parsed : NULL,
			       bpfshim_own_btf(), k->at);
	if (n <= 0) {
		/* A plain member, then, as 6.1 takes it. */
		bpfshim_map_free_kptrs(k);
		return 0;
	}
	k->nr = n;
	/* Ascending, as copies go. */
	for (i = 1; i < n; i++)
		if (k->at[i].off <= k->at[i - 1].off)
			break;
	if (i < n) {
		bpfshim_map_free_kptrs(k);
		return -EINVAL;
	}
	map->kptrs = k;
	if (map->map_flags & (BPFSHIM_F_RDONLY_PROG | BPFSHIM_F_WRONLY_PROG))
		return -EACCES;
	switch (map->map_type) {
	case BPFSHIM_MAP_TYPE_HASH:
	case BPFSHIM_MAP_TYPE_LRU_HASH:
	case BPFSHIM_MAP_TYPE_ARRAY:
		return 0;
	}
	return -EOPNOTSUPP;
}

void bpfshim_map_free_kptrs(struct bpfshim_map_kptrs *k)
{
	if (k && k->kernel)
		bpfshim_btf_put(k->kernel);
	bpfshim_kfree(k);
}

void bpfshim_kptrs_drop(const struct bpfshim_map *map, void *value)
{
	u32 i;

	for (i = 0; map->kptrs && i < map->kptrs->nr; i++)
		WRITE_ONCE(*(u64 *)((u8 *)value + map->kptrs->at[i].off), 0);
}
