// SPDX-License-Identifier: GPL-2.0
/*
 * Linking: a verified program becomes runnable.  Map references become
 * addresses, function references callback handles, and each function's need
 * of interpreter stack is summed up.
 */
#include "insn.h"
#include "interp.h"

static enum bpfshim_insn_kind kind_alu(const struct bpfshim_insn *in, bool is64)
{
	u32 op = BPFSHIM_OP(in->code), off = (u16)in->off;
	bool reg = BPFSHIM_SRC(in->code) == BPFSHIM_X;
	bool ok = off == 0;

	switch (op) {
	case BPFSHIM_ADD: case BPFSHIM_SUB: case BPFSHIM_MUL: case BPFSHIM_OR:
	case BPFSHIM_AND: case BPFSHIM_XOR: case BPFSHIM_LSH: case BPFSHIM_RSH:
	case BPFSHIM_ARSH:
		break;
	case BPFSHIM_DIV: case BPFSHIM_MOD:
		ok = off <= 1;
		break;
	case BPFSHIM_NEG:
		ok = ok && !reg;
		break;
	case BPFSHIM_MOV:
		ok = ok || (reg && (off == 8 || off == 16 || (is64 && off == 32)));
		break;
	case BPFSHIM_END:
		ok = ok && !(is64 && reg) &&
		     (in->imm == 16 || in->imm == 32 || in->imm == 64);
		break;
	case BPFSHIM_OP(BPFSHIM_MOVE_INSN):
		ok = is64 && reg && off < 8 && in->imm >= 0;
		break;
	default:
		ok = false;
	}
	return ok ? BPFSHIM_IK_PLAIN : BPFSHIM_IK_NONE;
}

static enum bpfshim_insn_kind kind_jmp(const struct bpfshim_insn *in, bool is64)
{
	bool reg = BPFSHIM_SRC(in->code) == BPFSHIM_X;

	switch (BPFSHIM_OP(in->code)) {
	case BPFSHIM_JA:
		if (reg)
			return BPFSHIM_IK_NONE;
		return is64 ? BPFSHIM_IK_JA : BPFSHIM_IK_JA32;
	case BPFSHIM_CALL:
		return is64 && !reg ? BPFSHIM_IK_CALL : BPFSHIM_IK_NONE;
	case BPFSHIM_EXIT:
		return is64 && !reg ? BPFSHIM_IK_EXIT : BPFSHIM_IK_NONE;
	case BPFSHIM_TAIL_CALL:
		return is64 && !reg ? BPFSHIM_IK_TAIL : BPFSHIM_IK_NONE;
	case 0xf0:
		return BPFSHIM_IK_NONE;
	default:
		return BPFSHIM_IK_COND;
	}
}

static enum bpfshim_insn_kind kind_mem(const struct bpfshim_insn *in)
{
	u32 size = BPFSHIM_SIZE(in->code), mode = BPFSHIM_MODE(in->code);
	u32 class = BPFSHIM_CLASS(in->code);
	bool ok;

	if (class == BPFSHIM_LD)
		return in->code == BPFSHIM_LD_IMM64 ? BPFSHIM_IK_IMM64 : BPFSHIM_IK_NONE;
	if (mode == BPFSHIM_MEM || in->code == BPFSHIM_NOSPEC_INSN)
		return BPFSHIM_IK_PLAIN;
	if (class == BPFSHIM_LDX) {
		ok = mode == BPFSHIM_PROBE ||
		     ((mode == BPFSHIM_MEMSX || mode == BPFSHIM_PROBESX) &&
		      size != BPFSHIM_DW);
		return ok ? BPFSHIM_IK_PLAIN : BPFSHIM_IK_NONE;
	}
	if (class != BPFSHIM_STX || mode != BPFSHIM_ATOMIC ||
	    (size != BPFSHIM_W && size != BPFSHIM_DW))
		return BPFSHIM_IK_NONE;
	switch (in->imm) {
	case BPFSHIM_ADD: case BPFSHIM_OR: case BPFSHIM_AND: case BPFSHIM_XOR:
	case BPFSHIM_ADD | BPFSHIM_FETCH: case BPFSHIM_OR | BPFSHIM_FETCH:
	case BPFSHIM_AND | BPFSHIM_FETCH: case BPFSHIM_XOR | BPFSHIM_FETCH:
	case BPFSHIM_XCHG: case BPFSHIM_CMPXCHG:
		return BPFSHIM_IK_PLAIN;
	}
	return BPFSHIM_IK_NONE;
}

enum bpfshim_insn_kind bpfshim_insn_kind(const struct bpfshim_insn *in)
{
	u32 class = BPFSHIM_CLASS(in->code);

	if (in->dst_reg >= BPFSHIM_MAX_REG ||
	    (in->src_reg >= BPFSHIM_MAX_REG && in->code != BPFSHIM_LD_IMM64))
		return BPFSHIM_IK_NONE;
	switch (class) {
	case BPFSHIM_ALU:
	case BPFSHIM_ALU64:
		return kind_alu(in, class == BPFSHIM_ALU64);
	case BPFSHIM_JMP:
	case BPFSHIM_JMP32:
		return kind_jmp(in, class == BPFSHIM_JMP);
	default:
		return kind_mem(in);
	}
}

/* A jump stays in its function and hits no second slot. */
static bool jump_ok(const struct bpfshim_xprog *x, const struct bpfshim_xsub *s, u32 i)
{
	s64 t = bpfshim_jump_target(x->insns, i);

	if (t < s->start || t >= (s64)s->start + s->len)
		return false;
	/* The zero code of a second slot is no instruction of its own. */
	return x->insns[t].code != 0;
}

static int link_call(struct bpfshim_xprog *x, struct bpfshim_xsub *s, u32 i)
{
	struct bpfshim_insn *in = &x->insns[i];
	s64 target = (s64)i + 1 + in->imm;
	u32 callee;

	if (in->src_reg == BPFSHIM_PSEUDO_CALL) {
		if (target < 0 || target >= x->len)
			return -EINVAL;
		callee = bpfshim_sub_of(x->subs, x->nr_subs, target);
		if (x->subs[callee].start != target)
			return -EINVAL;
		/* The interpreter finds its frame's size here. */
		in->off = s->frame;
		return 0;
	}
	if (in->src_reg)
		return -EINVAL;
	in->off = 0;
	if (in->imm == BPFSHIM_HELPER_TAIL_CALL) {
		in->code = BPFSHIM_JMP | BPFSHIM_TAIL_CALL;
		s->tail_call = true;
		return 0;
	}
	if ((u32)in->imm >= BPFSHIM_HELPER_SLOTS || !x->env->helpers[in->imm])
		return -EINVAL;
	return 0;
}

static int link_imm64(struct bpfshim_xprog *x, struct bpfshim_xsub *s, u32 i,
		      const struct bpfshim_link_ops *ops, void *cookie)
{
	struct bpfshim_insn *in = &x->insns[i];
	u64 v;
	int err = 0;

	if (i + 1 >= s->start + s->len || in[1].code || in[1].dst_reg ||
	    in[1].src_reg || in[1].off)
		return -EINVAL;
	switch (in->src_reg) {
	case 0:
		return 0;
	case BPFSHIM_PSEUDO_MAP_IDX:
		err = ops->map_addr(cookie, in->imm, false, 0, &v);
		break;
	case BPFSHIM_PSEUDO_MAP_IDX_VALUE:
		err = ops->map_addr(cookie, in->imm, true, in[1].imm, &v);
		break;
	case BPFSHIM_PSEUDO_FUNC:
		if ((u32)in->imm >= x->nr_subs)
			return -EINVAL;
		if (!x->callbacks) {
			x->callbacks = ops->alloc(cookie, x->nr_subs * sizeof(*x->callbacks));
			if (!x->callbacks)
				return -ENOMEM;
		}
		x->subs[in->imm].callback = true;
		x->callbacks[in->imm].p = x;
		x->callbacks[in->imm].subprog = in->imm;
		v = (unsigned long)&x->callbacks[in->imm];
		break;
	default:
		err = -EINVAL;
	}
	if (err)
		return err;
	in->src_reg = 0;
	in->imm = (u32)v;
	in[1].imm = v >> 32;
	return 0;
}

static int link_sub(struct bpfshim_xprog *x, struct bpfshim_xsub *s,
		    const struct bpfshim_vrf_aux *aux,
		    const struct bpfshim_link_ops *ops, void *cookie)
{
	enum bpfshim_insn_kind kind = BPFSHIM_IK_NONE;
	u32 i, end = s->start + s->len;
	struct bpfshim_insn *in;
	int err;

	for (i = s->start; i < end; i++) {
		in = &x->insns[i];
		kind = bpfshim_insn_kind(in);
		err = 0;
		switch (kind) {
		case BPFSHIM_IK_NONE:
		case BPFSHIM_IK_TAIL:	/* only made here */
			return -EINVAL;
		case BPFSHIM_IK_PLAIN:
			if (BPFSHIM_CLASS(in->code) != BPFSHIM_LDX)
				break;
			if (BPFSHIM_MODE(in->code) != BPFSHIM_MEM &&
			    BPFSHIM_MODE(in->code) != BPFSHIM_MEMSX)
				return -EINVAL;
			if (!aux || !aux[i].probe_mem)
				break;
			in->code = BPFSHIM_LDX | BPFSHIM_SIZE(in->code) |
				   (BPFSHIM_MODE(in->code) == BPFSHIM_MEM ?
				    BPFSHIM_PROBE : BPFSHIM_PROBESX);
			break;
		case BPFSHIM_IK_IMM64:
			err = link_imm64(x, s, i, ops, cookie);
			i++;
			break;
		case BPFSHIM_IK_CALL:
			err = link_call(x, s, i);
			break;
		case BPFSHIM_IK_COND:
		case BPFSHIM_IK_JA:
		case BPFSHIM_IK_JA32:
			err = jump_ok(x, s, i) ? 0 : -EINVAL;
			break;
		case BPFSHIM_IK_EXIT:
			break;
		}
		if (err)
			return err;
	}
	/* Nothing falls off the end into the next function. */
	if (kind != BPFSHIM_IK_EXIT && kind != BPFSHIM_IK_JA && kind != BPFSHIM_IK_JA32)
		return -EINVAL;
	return 0;
}

/*
 * Stack needs, bottom up.  One more round is one more level of calls, so
 * more rounds than frames are recursion.
 */
static int sum_needs(struct bpfshim_xprog *x)
{
	bool more = true;
	u32 i, n, round;

	for (round = 0; more; round++) {
		if (round > BPFSHIM_MAX_FRAMES)
			return -EINVAL;
		more = false;
		for (n = 0; n < x->nr_subs; n++) {
			struct bpfshim_xsub *s = &x->subs[n];

			s->need = s->need ? s->need : s->frame;
			for (i = s->start; i < s->start + s->len; i++) {
				const struct bpfshim_insn *in = &x->insns[i];
				struct bpfshim_xsub *c;
				u32 need;

				if (in->code != (BPFSHIM_JMP | BPFSHIM_CALL) ||
				    in->src_reg != BPFSHIM_PSEUDO_CALL)
					continue;
				c = &x->subs[bpfshim_sub_of(x->subs, x->nr_subs,
							    i + 1 + in->imm)];
				need = s->frame + BPFSHIM_FRAME_SAVE +
				       (c->need ? c->need : c->frame);
				if (need > s->need) {
					s->need = need;
					more = true;
				}
			}
		}
	}
	for (n = 0; n < x->nr_subs; n++) {
		if (x->subs[n].need > BPFSHIM_INTERP_STACK_MAX)
			return -EINVAL;
		if (x->subs[n].tail_call)
			x->run_class = BPFSHIM_INTERP_STACK_MAX;
	}
	return 0;
}

static int make_subs(struct bpfshim_xprog *x, const struct bpfshim_vrf_result *res)
{
	u32 n;

	if (res->subprogs[0].start)
		return -EINVAL;
	for (n = 0; n < x->nr_subs; n++) {
		struct bpfshim_xsub *s = &x->subs[n];
		const struct bpfshim_vrf_subprog *v = &res->subprogs[n];
		u32 end = n + 1 < x->nr_subs ? v[1].start : x->len;

		if (v->start >= end || end > x->len ||
		    v->stack_depth > BPFSHIM_VRF_MAX_STACK)
			return -EINVAL;
		s->start = v->start;
		s->len = end - v->start;
		s->frame = (v->stack_depth + 7) & ~7U;
		s->tail_reachable = v->tail_call_reachable;
	}
	return 0;
}

int bpfshim_xprog_link(struct bpfshim_xprog *x, struct bpfshim_vrf_result *res,
		       const struct bpfshim_exec_env *env,
		       const struct bpfshim_link_ops *ops, void *cookie)
{
	int err = -ENOMEM;
	u32 n;

	memset(x, 0, sizeof(*x));
	if (!res->len || res->len > BPFSHIM_VRF_MAX_INSNS || !res->nr_subprogs ||
	    res->nr_subprogs > BPFSHIM_VRF_MAX_SUBPROGS)
		return -EINVAL;
	x->env = env;
	x->insns = res->insns;
	x->len = res->len;
	x->nr_subs = res->nr_subprogs;
	x->subs = ops->alloc(cookie, x->nr_subs * sizeof(*x->subs));
	if (!x->subs)
		return err;
	err = make_subs(x, res);
	for (n = 0; !err && n < x->nr_subs; n++)
		err = link_sub(x, &x->subs[n], res->aux, ops, cookie);
	if (!err)
		err = sum_needs(x);
	if (err)
		bpfshim_xprog_free(x, ops, cookie);
	return err;
}

void bpfshim_xprog_free(struct bpfshim_xprog *x, const struct bpfshim_link_ops *ops,
			void *cookie)
{
	ops->free(cookie, x->subs);
	ops->free(cookie, x->callbacks);
	memset(x, 0, sizeof(*x));
}
