// SPDX-License-Identifier: GPL-2.0
/* From verified to runnable: links a program for its engine. */
#include "internal.h"

static char *engine = "interp";
module_param(engine, charp, 0444);
MODULE_PARM_DESC(engine, "interp or jit: how new programs run");

u32 bpfshim_engine(void)
{
	return BPFSHIM_ENGINE_INTERP;
}

u64 bpfshim_engine_features(void)
{
	return BPFSHIM_FEAT_INTERP;
}

u32 bpfshim_prog_jited_len(const struct bpfshim_prog *prog)
{
	return 0;
}

static int map_addr(void *cookie, u32 idx, bool value, u32 off, u64 *addr)
{
	struct bpfshim_prog *prog = cookie;
	struct bpfshim_map *map;

	if (idx >= prog->nr_used_maps)
		return -EINVAL;
	map = prog->used_maps[idx];
	if (!value) {
		*addr = (unsigned long)map;
		return 0;
	}
	return map->ops->direct_value ? map->ops->direct_value(map, off, addr) : -EINVAL;
}

static const struct bpfshim_link_ops link_ops = {
	.map_addr = map_addr,
	.alloc = bpfshim_vrf_alloc,
	.free = bpfshim_vrf_free,
};

int bpfshim_prog_link(struct bpfshim_prog *prog)
{
	size_t bytes = (size_t)prog->vrf.len * sizeof(*prog->xlated);

	/* Linking writes addresses into the instructions: keep what to show. */
	prog->xlated = bpfshim_kvzalloc(bytes);
	if (!prog->xlated)
		return -ENOMEM;
	memcpy(prog->xlated, prog->vrf.insns, bytes);
	return bpfshim_xprog_link(&prog->xprog, &prog->vrf, bpfshim_env(), &link_ops, prog);
}

void bpfshim_prog_unlink(struct bpfshim_prog *prog)
{
	bpfshim_xprog_free(&prog->xprog, &link_ops, prog);
	bpfshim_kvfree(prog->xlated);
}

int bpfshim_engine_init(void)
{
	if (strcmp(engine, "interp")) {
		pr_err("bpfshim: engine=%s is not offered\n", engine);
		return -EINVAL;
	}
	return 0;
}

void bpfshim_engine_exit(void)
{
}
