// SPDX-License-Identifier: GPL-2.0
/*
 * The output: what no path reached is gone, jumps that always go one way are
 * jumps or nothing, references and accesses are in the engines' terms.
 */
#include "env.h"

struct fix {
	u32 *at;		/* new index of each instruction; at[len]: the new length */
	u8 *keep;		/* KEEP_* */
	u32 *sub;		/* new index of each function, or NONE */
	struct bpfshim_insn *patch;	/* VRF_PATCH of them */
};

enum { DROP, KEEP, KEEP_JUMP, KEEP_STUB, KEEP_BARRIER };
#define NONE (~0u)
#define STUB 2			/* a function that is named but never called: r0 = 0; exit */

static bool is_cond(const struct bpfshim_insn *in)
{
	u8 class = BPFSHIM_CLASS(in->code), op = BPFSHIM_OP(in->code);

	return (class == BPFSHIM_JMP || class == BPFSHIM_JMP32) && op != BPFSHIM_JA &&
	       op != BPFSHIM_CALL && op != BPFSHIM_EXIT;
}

static bool is_ja(const struct bpfshim_insn *in)
{
	return in->code == (BPFSHIM_JMP | BPFSHIM_JA) || in->code == (BPFSHIM_JMP32 | BPFSHIM_JA);
}

static u32 target(const struct bpfshim_insn *in, u32 i)
{
	return i + 1 + (u32)(in->code == (BPFSHIM_JMP32 | BPFSHIM_JA) ? in->imm : (s32)in->off);
}

/* A jump that is none any more: speculation ends there all the same. */
static u8 drop(const struct vrf_env *env, u32 i)
{
	return env->aux[i].nospec ? KEEP_BARRIER : DROP;
}

static void choose(struct vrf_env *env, struct fix *f)
{
	const struct bpfshim_insn *in;
	u32 i, k;

	for (i = 0; i < env->len; i++) {
		in = &env->insns[i];
		f->keep[i] = env->aux[i].seen ? KEEP : DROP;
		if (f->keep[i] && is_cond(in)) {
			if (!env->aux[i + 1].seen)
				f->keep[i] = KEEP_JUMP;
			else if (!env->aux[target(in, i)].seen)
				f->keep[i] = drop(env, i);
		}
	}
	/* Functions that are referred to stay, if only as a stub. */
	for (i = 0; i < env->len; i++) {
		in = &env->insns[i];
		if (!f->keep[i] || !vrf_is_pseudo_func(in))
			continue;
		k = i + 1 + (u32)in->imm;
		if (!env->aux[k].seen)
			f->keep[k] = KEEP_STUB;
	}
	/* Jumps over nothing, last first: one may lie in another's way. */
	for (i = env->len; i-- > 0; ) {
		in = &env->insns[i];
		if (f->keep[i] != KEEP_JUMP && !(f->keep[i] == KEEP && is_ja(in)))
			continue;
		if (target(in, i) <= i)
			continue;
		for (k = i + 1; k < target(in, i) && !f->keep[k]; k++)
			;
		if (k == target(in, i))
			f->keep[i] = drop(env, i);
	}
}

static int place(struct vrf_env *env, struct fix *f)
{
	u32 i, n = 0, s = 0;
	int k;

	for (i = 0; i < env->len; i++) {
		f->at[i] = n;
		if (f->keep[i] == KEEP_STUB) {
			n += STUB;
		} else if (f->keep[i] == KEEP) {
			k = bpfshim_v_rewrite(env, i, f->patch);
			if (k < 0)
				return k;
			n += (k ? (u32)k : 1) + env->aux[i].nospec + env->aux[i].nospec_after;
		} else if (f->keep[i]) {
			n += 1 + (u32)(f->keep[i] == KEEP_JUMP && env->aux[i].nospec);
		}
	}
	f->at[env->len] = n;
	for (i = 0; i < env->nr_subs; i++)
		f->sub[i] = f->at[env->subs[i].start] < f->at[env->subs[i + 1].start] ? s++ : NONE;
	env->res->len = n;
	env->res->nr_subprogs = s;
	return 0;
}

static int set_offset(struct vrf_env *env, struct bpfshim_insn *out, u32 i, s64 off, bool in_imm)
{
	if (in_imm) {
		out->imm = (s32)off;
		return 0;
	}
	if (off != (s16)off) {
		bpfshim_v_log(env, "insn %d cannot be patched due to 16-bit range\n", i);
		return -ERANGE;
	}
	out->off = (s16)off;
	return 0;
}

/* The instruction as the engines want it, at `at`. */
static int translate(struct vrf_env *env, struct fix *f, u32 i, u32 at, struct bpfshim_insn *out,
		     struct bpfshim_vrf_aux *oaux)
{
	const struct bpfshim_insn *in = &env->insns[i];
	const struct vrf_aux *aux = &env->aux[i];
	s64 off;
	s32 sub;

	*out = *in;
	if (is_cond(in) || is_ja(in)) {
		if (f->keep[i] == KEEP_JUMP) {
			memset(out, 0, sizeof(*out));
			out->code = BPFSHIM_JMP | BPFSHIM_JA;
		}
		off = (s64)f->at[target(in, i)] - at - 1;
		return set_offset(env, out, i, off, in->code == (BPFSHIM_JMP32 | BPFSHIM_JA));
	}
	if (vrf_is_pseudo_call(in)) {
		sub = bpfshim_v_sub_at(env, i + 1 + (u32)in->imm);
		if (sub < 0 || f->sub[sub] == NONE)
			return -EFAULT;
		out->imm = (s32)(f->at[env->subs[sub].start] - at - 1);
		out->off = (s16)f->sub[sub];
		return 0;
	}
	if (vrf_is_helper_call(in)) {
		/* The bound that masks the index must be one. */
		if (env->unpriv && in->imm == BPFSHIM_HELPER_tail_call && aux->map_state != 1) {
			bpfshim_v_log(env, "tail_call abusing map_ptr\n");
			return -EINVAL;
		}
		if (aux->map_state == 1)
			oaux->map_idx = (s32)aux->map_idx;
		if (aux->key_state == 1) {
			oaux->const_key = aux->key;
			oaux->flags |= BPFSHIM_AUX_CONST_KEY;
		}
		return 0;
	}
	/* Its other half. */
	if (i && vrf_is_ldimm64(in - 1) && in[-1].src_reg == BPFSHIM_PSEUDO_BTF_ID)
		out->imm = (s32)(aux[-1].key >> 32);
	if (!vrf_is_ldimm64(in))
		return 0;
	switch (in->src_reg) {
	case BPFSHIM_PSEUDO_FUNC:
		sub = bpfshim_v_sub_at(env, i + 1 + (u32)in->imm);
		if (sub < 0 || f->sub[sub] == NONE)
			return -EFAULT;
		out->imm = (s32)f->sub[sub];
		break;
	case BPFSHIM_PSEUDO_BTF_ID:
		out->src_reg = 0;
		out->imm = (s32)(u32)aux->key;
		break;
	case BPFSHIM_PSEUDO_MAP_FD:
	case BPFSHIM_PSEUDO_MAP_IDX:
		out->src_reg = BPFSHIM_PSEUDO_MAP_IDX;
		out->imm = (s32)aux->map_idx;
		break;
	case BPFSHIM_PSEUDO_MAP_VALUE:
	case BPFSHIM_PSEUDO_MAP_IDX_VALUE:
		out->src_reg = BPFSHIM_PSEUDO_MAP_IDX_VALUE;
		out->imm = (s32)aux->map_idx;
		break;
	}
	return 0;
}

/* A 32-bit result: the upper half must read as zero. */
static bool is_def32(const struct bpfshim_insn *in)
{
	u8 class = BPFSHIM_CLASS(in->code);

	if (class == BPFSHIM_ALU)
		return !(BPFSHIM_OP(in->code) == BPFSHIM_END && in->imm == 64);
	if (class == BPFSHIM_LDX)
		return BPFSHIM_SIZE(in->code) != BPFSHIM_DW;
	return class == BPFSHIM_STX && BPFSHIM_MODE(in->code) == BPFSHIM_ATOMIC &&
	       BPFSHIM_SIZE(in->code) == BPFSHIM_W && (in->imm & BPFSHIM_FETCH);
}

static void emit_barrier(struct vrf_env *env, u32 i, u32 at)
{
	memset(&env->res->insns[at], 0, sizeof(env->res->insns[at]));
	env->res->insns[at].code = BPFSHIM_NOSPEC_INSN;
	env->res->aux[at].orig_idx = i;
	env->res->aux[at].map_idx = -1;
}

static int emit(struct vrf_env *env, struct fix *f)
{
	struct bpfshim_vrf_result *r = env->res;
	struct bpfshim_vrf_aux *aux;
	u32 i, j, n;
	int k, err;

	for (i = 0; i < env->len; i++) {
		if (!f->keep[i])
			continue;
		n = f->at[i];
		if (f->keep[i] != KEEP_STUB && env->aux[i].nospec)
			emit_barrier(env, i, n++);
		if (f->keep[i] == KEEP_BARRIER)
			continue;
		k = f->keep[i] == KEEP ? bpfshim_v_rewrite(env, i, f->patch) : 0;
		if (f->keep[i] == KEEP_STUB) {
			memset(f->patch, 0, STUB * sizeof(*f->patch));
			f->patch[0].code = BPFSHIM_ALU64 | BPFSHIM_MOV | BPFSHIM_K;
			f->patch[1].code = BPFSHIM_JMP | BPFSHIM_EXIT;
			k = STUB;
		}
		for (j = 0; j < (k ? (u32)k : 1); j++) {
			aux = &r->aux[n + j];
			aux->orig_idx = i;
			aux->map_idx = -1;
			if (k) {
				r->insns[n + j] = f->patch[j];
			} else {
				err = translate(env, f, i, n, &r->insns[n], aux);
				if (err)
					return err;
				aux->probe_mem = env->aux[i].probe_mem;
			}
			aux->zext = is_def32(&r->insns[n + j]);
		}
		if (f->keep[i] == KEEP && env->aux[i].nospec_after)
			emit_barrier(env, i, n + j);
		/* A patch's call of a driver's own helper counts as used. */
		for (j = 0; k > 0 && j < (u32)k; j++)
			if (vrf_is_helper_call(&f->patch[j]) && f->patch[j].imm < 256)
				r->helpers_used[f->patch[j].imm / 64] |= (u64)1 << (f->patch[j].imm % 64);
	}
	return 0;
}

static void describe_subs(struct vrf_env *env, const struct fix *f)
{
	struct bpfshim_vrf_subprog *o;
	const struct vrf_sub *s;
	u32 i;

	for (i = 0; i < env->nr_subs; i++) {
		if (f->sub[i] == NONE)
			continue;
		s = &env->subs[i];
		o = &env->res->subprogs[f->sub[i]];
		o->start = f->at[s->start];
		o->orig_start = s->start;
		o->stack_depth = s->stack;
		o->func_info_idx = env->prog->func_info_cnt ? i : NONE;
		o->has_tail_call = s->tail_call;
		o->tail_call_reachable = s->tail_reach;
		o->is_async_cb = s->async_cb;
		o->has_ld_abs = s->ld_abs;
	}
}

/* Records of what is gone go, the last of those that fall together stays. */
static void move_lines(struct vrf_env *env, const struct fix *f)
{
	const struct bpfshim_line_info *l = env->prog->line_info;
	struct bpfshim_line_info *o = env->res->line_info;
	u32 i, at, n = 0;

	for (i = 0; i < env->prog->line_info_cnt; i++) {
		at = f->at[l[i].insn_off];
		if (at >= env->res->len)
			continue;
		if (n && o[n - 1].insn_off == at)
			n--;
		o[n] = l[i];
		o[n++].insn_off = at;
	}
	env->res->nr_line_info = n;
}

static void *out_alloc(struct vrf_env *env, u64 n, u32 size)
{
	return env->ops->alloc(env->cookie, (size_t)(n * size));
}

int bpfshim_v_fixup(struct vrf_env *env)
{
	struct bpfshim_vrf_result *r = env->res;
	struct fix f;
	int err;

	f.at = bpfshim_v_alloc(env, (env->len + 1) * sizeof(*f.at));
	f.keep = bpfshim_v_alloc(env, env->len);
	f.sub = bpfshim_v_alloc(env, env->nr_subs * sizeof(*f.sub));
	f.patch = bpfshim_v_alloc(env, VRF_PATCH * sizeof(*f.patch));
	if (!f.at || !f.keep || !f.sub || !f.patch)
		return -ENOMEM;
	choose(env, &f);
	err = place(env, &f);
	if (err)
		return err;
	r->insns = out_alloc(env, r->len, sizeof(*r->insns));
	r->aux = out_alloc(env, r->len, sizeof(*r->aux));
	r->subprogs = out_alloc(env, r->nr_subprogs, sizeof(*r->subprogs));
	if (!r->insns || !r->aux || !r->subprogs)
		return -ENOMEM;
	if (env->prog->line_info_cnt) {
		r->line_info = out_alloc(env, env->prog->line_info_cnt, sizeof(*r->line_info));
		if (!r->line_info)
			return -ENOMEM;
		move_lines(env, &f);
	}
	describe_subs(env, &f);
	return emit(env, &f);
}
