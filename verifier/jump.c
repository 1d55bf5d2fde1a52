// SPDX-License-Identifier: GPL-2.0
/* Branches: which ways are open, and what each way teaches. */
#include "env.h"

/* Every scalar that equals the one with this id gets its new bounds. */
static void learn_equal(struct vrf_state *st, const struct vrf_reg *known)
{
	u32 f, i;

	if (!known->id)
		return;
	for (f = 0; f <= st->cur; f++) {
		struct vrf_frame *fr = st->frames[f];

		for (i = 0; i < REG_COUNT; i++)
			if (fr->regs[i].kind == K_SCALAR && fr->regs[i].id == known->id)
				fr->regs[i].n = known->n;
		for (i = 0; i < fr->nr_slots; i++)
			if (fr->slots[i].byte[7] == S_SPILL && fr->slots[i].reg.kind == K_SCALAR &&
			    fr->slots[i].reg.id == known->id)
				fr->slots[i].reg.n = known->n;
	}
}

static void null_reg(struct vrf_reg *r, u32 id, bool is_null)
{
	if (!r->maybe_null || r->id != id)
		return;
	if (is_null) {
		bpfshim_ver_reg_const(r, 0);
		return;
	}
	r->maybe_null = false;
	/* The reference, if any, lives on under ref. */
	if (r->kind != K_MAP_VALUE)
		r->id = 0;
}

/* A maybe-null pointer was found null, or not: so were all its copies. */
static void learn_null(struct vrf_state *st, u32 id, u32 ref, bool is_null)
{
	u32 f, i;

	for (f = 0; f <= st->cur; f++) {
		struct vrf_frame *fr = st->frames[f];

		for (i = 0; i < REG_COUNT; i++)
			null_reg(&fr->regs[i], id, is_null);
		for (i = 0; i < fr->nr_slots; i++)
			if (fr->slots[i].byte[7] == S_SPILL)
				null_reg(&fr->slots[i].reg, id, is_null);
	}
	if (!is_null || !ref)
		return;
	for (i = 0; i < st->nr_refs; i++) {	/* nothing was acquired */
		if (st->refs[i] == ref) {
			st->refs[i] = st->refs[--st->nr_refs];
			return;
		}
	}
}

int bpfshim_ver_check_jump(struct vrf_env *env, const struct bpfshim_insn *in)
{
	struct vrf_reg *regs = bpfshim_ver_regs(env), *dst = &regs[in->dst_reg], *src, imm;
	bool w32 = BPFSHIM_CLASS(in->code) == BPFSHIM_JMP32;
	u8 op = BPFSHIM_OP(in->code);
	struct vrf_state *other;
	u32 can = 3, pc = env->pc;
	int err;

	if (BPFSHIM_SRC(in->code)) {
		err = bpfshim_ver_reg_read(env, in->src_reg);
		if (err)
			return err;
		src = &regs[in->src_reg];
	} else {
		bpfshim_ver_reg_const(&imm, (u64)(s64)in->imm);
		src = &imm;
	}
	err = bpfshim_ver_reg_read(env, in->dst_reg);
	if (err)
		return err;

	if (dst->kind == K_SCALAR && src->kind == K_SCALAR) {
		/* As 6.1: a known right side decides, a known left one does not. */
		if (w32 ? !(u32)src->n.t.mask : bpfshim_num_is_const(&src->n))
			can = bpfshim_num_branch(&dst->n, &src->n, op, w32);
		if (!can)
			can = 3;	/* a state that cannot be: walk on, learn nothing */
		if (dst == src)
			can = op == BPFSHIM_JEQ || op == BPFSHIM_JGE || op == BPFSHIM_JLE ||
			      op == BPFSHIM_JSGE || op == BPFSHIM_JSLE ? 1 :
			      op == BPFSHIM_JSET ? can : 2;
	} else if (!w32 && (op == BPFSHIM_JEQ || op == BPFSHIM_JNE) && src->kind == K_SCALAR &&
		   bpfshim_num_is_const(&src->n) && !src->n.t.value && !dst->maybe_null &&
		   dst->kind != K_SCALAR && dst->kind != K_CTX) {
		can = op == BPFSHIM_JNE ? 1 : 2;	/* it is never null */
	}
	env->aux[pc].taken |= can;
	env->prev_pc = pc;
	if (can == 1) {
		env->pc = pc + 1 + in->off;
		return 0;
	}
	if (can == 2) {
		env->pc = pc + 1;
		return 0;
	}

	/* Both: the jump is walked later. */
	other = bpfshim_ver_push(env, pc + 1 + in->off, pc);
	if (!other)
		return env->oom ? -ENOMEM : -EFAULT;
	if (dst->kind == K_SCALAR && src->kind == K_SCALAR) {
		struct vrf_reg *odst = &other->frames[other->cur]->regs[in->dst_reg];
		struct vrf_reg oimm, *osrc;

		oimm = imm;
		if (BPFSHIM_SRC(in->code))
			osrc = &other->frames[other->cur]->regs[in->src_reg];
		else
			bpfshim_ver_reg_const(&oimm, (u64)(s64)in->imm), osrc = &oimm;
		if (dst != src) {
			bpfshim_num_assume(&odst->n, &osrc->n, op, w32, true);
			bpfshim_num_assume(&dst->n, &src->n, op, w32, false);
			learn_equal(other, odst);
			learn_equal(env->st, dst);
			if (BPFSHIM_SRC(in->code)) {
				learn_equal(other, osrc);
				learn_equal(env->st, src);
			}
		}
	} else if (dst->maybe_null && !w32 && !BPFSHIM_SRC(in->code) && !in->imm &&
		   (op == BPFSHIM_JEQ || op == BPFSHIM_JNE)) {
		u32 id = dst->id, ref = dst->ref;

		learn_null(other, id, ref, op == BPFSHIM_JEQ);
		learn_null(env->st, id, ref, op == BPFSHIM_JNE);
	}
	env->pc = pc + 1;
	return 0;
}
