// SPDX-License-Identifier: GPL-2.0
/* The program that will run: dead code gone, references by index. */
#include "env.h"

static bool is_ldimm64(const struct bpfshim_insn *i)
{
	return i->code == (BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW);
}

static bool is_cond(const struct bpfshim_insn *i)
{
	u8 class = BPFSHIM_CLASS(i->code), op = BPFSHIM_OP(i->code);

	return (class == BPFSHIM_JMP || class == BPFSHIM_JMP32) && op != BPFSHIM_JA &&
	       op != BPFSHIM_CALL && op != BPFSHIM_EXIT;
}

/* Does instruction i stay?  Branches that never jump go, too. */
static bool stays(const struct vrf_env *env, u32 i)
{
	if (!env->aux[i].seen)
		return false;
	return !(is_cond(&env->insns[i]) && env->aux[i].taken == 2);
}

static void *out_alloc(struct vrf_env *env, size_t size)
{
	void *p = env->ops->alloc(env->cookie, size ? size : 1);

	if (!p)
		env->oom = true;
	return p;
}

static void rewrite_ldimm64(struct vrf_env *env, u32 old, struct bpfshim_insn *out, const u32 *sub_new)
{
	const struct vrf_insn_aux *aux = &env->aux[old];

	switch (out->src_reg) {
	case BPFSHIM_PSEUDO_MAP_FD:
	case BPFSHIM_PSEUDO_MAP_IDX:
		out[0].src_reg = BPFSHIM_PSEUDO_MAP_IDX;
		out[0].imm = (s32)aux->map_idx;
		out[1].imm = 0;
		break;
	case BPFSHIM_PSEUDO_MAP_VALUE:
	case BPFSHIM_PSEUDO_MAP_IDX_VALUE:
		out[0].src_reg = BPFSHIM_PSEUDO_MAP_IDX_VALUE;
		out[0].imm = (s32)aux->map_idx;
		out[1].imm = (s32)aux->map_off;
		break;
	case BPFSHIM_PSEUDO_FUNC:
		out[0].imm = (s32)sub_new[bpfshim_ver_subprog_starting(env, old + 1 + env->insns[old].imm)];
		out[1].imm = 0;
		break;
	}
}

int bpfshim_ver_fixup(struct vrf_env *env)
{
	struct bpfshim_vrf_result *res = env->res;
	u32 i, n = 0, s, nr = 0, *new_idx, *sub_new;
	int err = -ENOMEM;

	/* new_idx[i]: where i, or what comes after it, lands */
	new_idx = bpfshim_ver_alloc(env, (env->len + 1) * sizeof(*new_idx));
	sub_new = bpfshim_ver_alloc(env, BPFSHIM_VRF_MAX_SUBPROGS * sizeof(*sub_new));
	if (!new_idx || !sub_new)
		goto out;
	for (i = 0; i < env->len; i++) {
		u32 slots = is_ldimm64(&env->insns[i]) ? 2 : 1;

		new_idx[i] = n;
		if (stays(env, i))
			n += slots;
		if (slots == 2)
			new_idx[++i] = n - 1;
	}
	new_idx[env->len] = n;
	for (s = 0; s < env->nr_subs; s++)
		sub_new[s] = env->aux[env->subs[s].start].seen ? nr++ : ~0u;

	res->insns = out_alloc(env, n * sizeof(*res->insns));
	res->aux = out_alloc(env, n * sizeof(*res->aux));
	res->subprogs = out_alloc(env, nr * sizeof(*res->subprogs));
	res->line_info = out_alloc(env, env->prog->line_info_cnt * sizeof(*res->line_info));
	if (!res->insns || !res->aux || !res->subprogs || !res->line_info)
		goto out;
	res->len = n;
	res->nr_subprogs = nr;

	for (i = 0, n = 0; i < env->len; i++) {
		const struct bpfshim_insn *in = &env->insns[i];
		bool two = is_ldimm64(in);
		struct bpfshim_insn *out = &res->insns[n];
		struct bpfshim_vrf_aux *aux = &res->aux[n];

		if (!stays(env, i)) {
			i += two;
			continue;
		}
		out[0] = in[0];
		aux->orig_idx = i;
		aux->map_idx = env->aux[i].map_idx_state == 1 ? (s32)env->aux[i].map_idx : -1;
		if (two) {
			out[1] = in[1];
			aux[1].orig_idx = i + 1;
			aux[1].map_idx = -1;
			rewrite_ldimm64(env, i, out, sub_new);
		} else if (is_cond(in) || in->code == (BPFSHIM_JMP | BPFSHIM_JA)) {
			if (is_cond(in) && env->aux[i].taken == 1) {
				out->code = BPFSHIM_JMP | BPFSHIM_JA;
				out->dst_reg = out->src_reg = 0;
				out->imm = 0;
			}
			out->off = (s16)((s64)new_idx[i + 1 + in->off] - (n + 1));
		} else if (in->code == (BPFSHIM_JMP | BPFSHIM_CALL) && in->src_reg == BPFSHIM_PSEUDO_CALL) {
			u32 to = i + 1 + in->imm;

			out->imm = (s32)((s64)new_idx[to] - (n + 1));
			out->off = (s16)sub_new[bpfshim_ver_subprog_starting(env, to)];
		}
		n += 1 + two;
		i += two;
	}
	for (s = 0, nr = 0; s < env->nr_subs; s++) {
		struct bpfshim_vrf_subprog *o = &res->subprogs[nr];

		if (sub_new[s] == ~0u)
			continue;
		o->start = new_idx[env->subs[s].start];
		o->orig_start = env->subs[s].start;
		o->stack_depth = (env->subs[s].stack + 7) & ~7u;
		o->func_info_idx = env->subs[s].func_info;
		o->has_tail_call = env->subs[s].tail_call;
		nr++;
	}
	for (i = 0; i < env->prog->line_info_cnt; i++) {
		struct bpfshim_line_info li = env->prog->line_info[i];

		if (li.insn_off >= env->len || !env->aux[li.insn_off].seen)
			continue;
		li.insn_off = new_idx[li.insn_off];
		/* Of several that land in one place the last one counts. */
		if (res->nr_line_info && res->line_info[res->nr_line_info - 1].insn_off == li.insn_off)
			res->nr_line_info--;
		res->line_info[res->nr_line_info++] = li;
	}
	err = 0;
out:
	bpfshim_ver_free(env, sub_new, BPFSHIM_VRF_MAX_SUBPROGS * sizeof(*sub_new));
	bpfshim_ver_free(env, new_idx, (env->len + 1) * sizeof(*new_idx));
	return err;
}
