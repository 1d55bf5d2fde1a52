// SPDX-License-Identifier: GPL-2.0
/* From the verifier's output to what an engine runs: references to addresses. */
#include "exec.h"

#define HELPER_TAIL_CALL 12

static void set_imm64(struct bpfshim_insn *in, u64 v)
{
	in[0].src_reg = 0;
	in[0].imm = (s32)(u32)v;
	in[1].imm = (s32)(u32)(v >> 32);
}

static int link_insn(struct bpfshim_xprog *x, struct bpfshim_insn *in, const struct bpfshim_link_ops *ops, void *cookie)
{
	u64 addr;
	int err;

	if (in->code == (BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW)) {
		switch (in->src_reg) {
		case 0:
			return 0;
		case BPFSHIM_PSEUDO_MAP_IDX:
		case BPFSHIM_PSEUDO_MAP_IDX_VALUE:
			err = ops->map_addr(cookie, (u32)in->imm, in->src_reg == BPFSHIM_PSEUDO_MAP_IDX_VALUE,
					    (u32)in[1].imm, &addr);
			if (!err)
				set_imm64(in, addr);
			return err;
		case BPFSHIM_PSEUDO_FUNC:
			if ((u32)in->imm >= x->nr_subprogs)
				return -EINVAL;
			set_imm64(in, (unsigned long)&x->callbacks[in->imm]);
			return 0;
		}
		return -EINVAL;
	}
	if (in->code == (BPFSHIM_JMP | BPFSHIM_CALL) && !in->src_reg) {
		if (in->imm < 0 || in->imm >= BPFSHIM_HELPER_SLOTS)
			return -EINVAL;
		if (in->imm != HELPER_TAIL_CALL && !x->env->helpers[in->imm])
			return -EINVAL;
	}
	return 0;
}

int bpfshim_xprog_link(struct bpfshim_xprog *x, struct bpfshim_vrf_result *res,
		       const struct bpfshim_exec_env *env, const struct bpfshim_link_ops *ops, void *cookie)
{
	u32 i;
	int err;

	memset(x, 0, sizeof(*x));
	x->env = env;
	x->insns = res->insns;
	x->len = res->len;
	x->subprogs = res->subprogs;
	x->nr_subprogs = res->nr_subprogs;
	x->uses_cb = res->uses_cb;
	x->callbacks = ops->alloc(cookie, res->nr_subprogs * sizeof(*x->callbacks));
	if (!x->callbacks)
		return -ENOMEM;
	for (i = 0; i < res->nr_subprogs; i++) {
		x->callbacks[i].p = x;
		x->callbacks[i].subprog = i;
	}
	for (i = 0; i < res->len; i++) {
		if (res->aux[i].probe_mem) {
			if (!x->probe_mem)
				x->probe_mem = ops->alloc(cookie, (res->len + 7) / 8);
			err = -ENOMEM;
			if (!x->probe_mem)
				goto fail;
			x->probe_mem[i / 8] |= (u8)(1 << (i % 8));
		}
		err = link_insn(x, &x->insns[i], ops, cookie);
		if (err)
			goto fail;
		if (x->insns[i].code == (BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW))
			i++;
	}
	return 0;
fail:
	bpfshim_xprog_free(x, ops, cookie);
	return err;
}

void bpfshim_xprog_free(struct bpfshim_xprog *x, const struct bpfshim_link_ops *ops, void *cookie)
{
	if (x->callbacks)
		ops->free(cookie, x->callbacks);
	if (x->probe_mem)
		ops->free(cookie, x->probe_mem);
	x->callbacks = NULL;
	x->probe_mem = NULL;
}

u64 bpfshim_callback_run(const struct bpfshim_callback *cb, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return bpfshim_interp_call(cb->p, cb->subprog, r1, r2, r3, r4, r5);
}
