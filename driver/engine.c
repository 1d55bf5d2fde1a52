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

int bpfshim_prog_link(struct bpfshim_prog *prog)
{
	return -EINVAL;
}

void bpfshim_prog_unlink(struct bpfshim_prog *prog)
{
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
