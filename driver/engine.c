// SPDX-License-Identifier: GPL-2.0
/* From verified to runnable: links a program for its engine. */
#include "native.h"

static char *engine = "";
static bool use_jit;		/* constant after init */
module_param(engine, charp, 0444);
MODULE_PARM_DESC(engine, "jit or interp: how new programs run; default: jit where it can be");

u32 bpfshim_engine(void)
{
	return use_jit ? BPFSHIM_ENGINE_JIT : BPFSHIM_ENGINE_INTERP;
}

u64 bpfshim_engine_features(void)
{
	return BPFSHIM_FEAT_INTERP | (use_jit ? BPFSHIM_FEAT_JIT : 0);
}

u32 bpfshim_prog_jited_len(const struct bpfshim_prog *prog)
{
	return prog->image_len;
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
	int err;

	/* Linking writes addresses into the instructions: keep what to show. */
	prog->xlated = bpfshim_kvzalloc(bytes);
	if (!prog->xlated)
		return -ENOMEM;
	memcpy(prog->xlated, prog->vrf.insns, bytes);
	err = bpfshim_xprog_link(&prog->xprog, &prog->vrf, bpfshim_env(), &link_ops, prog);
	if (!err && prog->want_native)
		err = bpfshim_native_compile(prog);
	if (!err)
		bpfshim_run_add(prog);
	return err;
}

void bpfshim_prog_unlink(struct bpfshim_prog *prog)
{
	bpfshim_run_del(prog);
	bpfshim_native_free(prog);
	bpfshim_xprog_free(&prog->xprog, &link_ops, prog);
	bpfshim_kvfree(prog->xlated);
}

int bpfshim_engine_init(void)
{
	bool possible = bpfshim_native_init();

	use_jit = possible && strcmp(engine, "interp");
	if (!*engine || !strcmp(engine, "interp") || (!strcmp(engine, "jit") && possible))
		return 0;
	pr_err("bpfshim: engine=%s is not offered\n", engine);
	return -EINVAL;
}

void bpfshim_engine_exit(void)
{
}
