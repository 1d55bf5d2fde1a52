// SPDX-License-Identifier: GPL-2.0
/* Conditional jumps, calls, tail calls. */
#include "jit_emit.h"

/* struct bpfshim_jit_opts' tail_stack when it says nothing */
#define TAIL_STACK_DEFAULT	2048

u32 jit_cc(u8 code)
{
	switch (BPFSHIM_OP(code)) {
	case BPFSHIM_JEQ:
		return 0x4;
	case BPFSHIM_JGT:
		return 0x7;
	case BPFSHIM_JGE:
		return 0x3;
	case BPFSHIM_JLT:
		return 0x2;
	case BPFSHIM_JLE:
		return 0x6;
	case BPFSHIM_JSGT:
		return 0xf;
	case BPFSHIM_JSGE:
		return 0xd;
	case BPFSHIM_JSLT:
		return 0xc;
	case BPFSHIM_JSLE:
		return 0xe;
	default:		/* JNE, JSET */
		return 0x5;
	}
}

static void compare_imm(struct bpfshim_jit *j, u32 fl, bool set, u32 dst, s32 imm)
{
	if (set) {
		/* A mask without sign touches no upper half. */
		if (imm >= 0)
			fl = 0;
		if (imm >= 0 && imm <= 0xff) {
			x86_rr(j, X_B_RM, 0xf6, 0, dst);
			emit8(j, imm);
		} else {
			x86_rr(j, fl, 0xf7, 0, dst);
			emit32(j, imm);
		}
	} else if (!imm) {
		x86_rr(j, fl, 0x85, dst, dst);
	} else {
		x86_alu_imm(j, fl, 7, dst, imm);
	}
}

void jit_compare(struct bpfshim_jit *j, u32 i)
{
	const struct bpfshim_insn *in = &j->x->insns[i];
	u32 fl = BPFSHIM_CLASS(in->code) == BPFSHIM_JMP ? X_W : 0;
	bool set = BPFSHIM_OP(in->code) == BPFSHIM_JSET;
	u32 dst;

	if (BPFSHIM_SRC(in->code) == BPFSHIM_K && jit_blinds(j)) {
		jit_blind(j, i, fl, in->imm);
		/* blinding uses r11: R10 cannot be compared as well */
		dst = in->dst_reg == 10 ? RSP : bpfshim_jit_reg(in->dst_reg);
		if (dst == RSP) {
			x86_lea(j, true, R10, jit_mem(j, 10, 0));
			dst = R10;
		}
		x86_rr(j, fl, set ? 0x85 : 0x39, R11, dst);
	} else if (BPFSHIM_SRC(in->code) == BPFSHIM_K) {
		compare_imm(j, fl, set, jit_read(j, in->dst_reg), in->imm);
	} else {
		dst = jit_read(j, in->dst_reg);
		x86_rr(j, fl, set ? 0x85 : 0x39, jit_read(j, in->src_reg), dst);
	}
}

void jit_cond(struct bpfshim_jit *j, u32 i)
{
	u32 t = bpfshim_jump_target(j->x->insns, i);

	if (t == i + 1)
		return;
	jit_compare(j, i);
	jit_jump(j, i, jit_cc(j->x->insns[i].code), t);
}

/* Reachable by a rel32 from wherever the image comes to lie. */
static bool is_near(const struct bpfshim_jit *j, u64 target)
{
	return fits32((s64)(target - j->o->area_lo)) && fits32((s64)(target - j->o->area_hi));
}

void jit_call_near(struct bpfshim_jit *j, u64 target)
{
	emit8(j, 0xe8);
	emit32(j, target - (j->base + j->pos + 4));
}

/* Calls and jumps through r9. */
static void indirect(struct bpfshim_jit *j, bool call)
{
	if (j->o->flags & BPFSHIM_JIT_RETPOLINE) {
		j->thunk_used = true;
		emit8(j, call ? 0xe8 : 0xe9);
		emit32(j, j->thunk_off - (j->pos + 4));
	} else {
		x86_rr(j, 0, 0xff, call ? 2 : 4, R9);
	}
}

void jit_thunk(struct bpfshim_jit *j)
{
	u32 from;

	/* call over; spin: pause; lfence; jmp spin; over: mov [rsp], r9; ret */
	j->thunk_off = j->pos;
	emit8(j, 0xe8);
	emit32(j, 7);
	from = j->pos;
	emit8(j, 0xf3);
	emit8(j, 0x90);
	emit8(j, 0x0f);
	emit8(j, 0xae);
	emit8(j, 0xe8);
	emit8(j, 0xeb);
	emit8(j, from - (j->pos + 1));
	x86_rm(j, X_W, 0x89, R9, mem_at(RSP, 0));
	emit8(j, 0xc3);
}

static void call_helper(struct bpfshim_jit *j, u32 i)
{
	const struct bpfshim_insn *in = &j->x->insns[i];
	const struct bpfshim_jit_opts *o = j->o;
	u64 target = 0;

	if (o->helper_target)
		target = o->helper_target(o->cookie, in->imm, o->aux ? o->aux[i].map_idx : -1);
	if (!target)
		target = (unsigned long)j->x->env->helpers[in->imm];
	if (is_near(j, target)) {
		jit_call_near(j, target);
	} else {
		x86_mov_imm(j, R9, target);
		indirect(j, true);
	}
}

static void call_sub(struct bpfshim_jit *j, u32 i)
{
	const struct bpfshim_xprog *x = j->x;
	u32 n = bpfshim_sub_of(x->subs, x->nr_subs, i + 1 + x->insns[i].imm);
	const struct bpfshim_jit_fn *f = jit_fn(j);
	u32 saved, bytes;

	if (j->fns[n].counts) {
		for (saved = f->saved, bytes = f->frame + 16; saved; saved &= saved - 1)
			bytes += 8;
		x86_rm(j, 0, 0x8b, RAX, mem_at(RSP, JIT_COUNT_SLOT(f)));
		x86_alu_imm(j, 0, 0, RAX, bytes);
	}
	emit8(j, 0xe8);
	emit32(j, j->sub_off[n] - (j->pos + 4));
}

void jit_map(const struct bpfshim_jit *j, u32 i, struct bpfshim_jit_map *m)
{
	m->kind = BPFSHIM_JIT_MAP_NONE;
	j->o->map_info(j->o->cookie, j->o->aux[i].map_idx, m);
	if ((m->kind == BPFSHIM_JIT_MAP_PERCPU_ARRAY || m->kind == BPFSHIM_JIT_MAP_PERCPU_HASH) &&
	    !j->o->this_cpu_off.known)
		m->kind = BPFSHIM_JIT_MAP_NONE;
}

u32 jit_call(struct bpfshim_jit *j, u32 i)
{
	const struct bpfshim_insn *in = &j->x->insns[i];

	if (j->flags[i] & JF_LOOKUP)
		return jit_lookup(j, i);
	if (j->flags[i] & JF_PERCPU) {
		if (in->imm == BPFSHIM_HELPER_CPU)
			x86_gs(j, 0, 0x8b, RAX, j->o->cpu_number.off);
		else
			x86_gs(j, X_W, 0x8b, RAX, j->o->current_task.off);
	} else if (in->src_reg == BPFSHIM_PSEUDO_CALL) {
		call_sub(j, i);
	} else {
		call_helper(j, i);
	}
	return 1;
}

u64 jit_tail_entry(const struct bpfshim_jit *j, u32 i)
{
	const struct bpfshim_jit_opts *o = j->o;

	if (!o->parr_entry || !o->aux || o->aux[i].map_idx < 0 ||
	    !(o->aux[i].flags & BPFSHIM_AUX_CONST_KEY))
		return 0;
	return o->parr_entry(o->cookie, o->aux[i].map_idx, (u32)o->aux[i].const_key);
}

/*
 * R1 context, R2 map, R3 index.  A program that is there is entered behind
 * the instruction that starts a new count, on the stack this one had.
 */
void jit_tail_call(struct bpfshim_jit *j, u32 i)
{
	const struct bpfshim_jit_opts *o = j->o;
	const struct bpfshim_jit_fn *f = jit_fn(j);
	u32 outside = 0, empty, many, deep = 0, limit, saved, bytes;
	bool known = j->flags[i] & JF_CONST_KEY;

	if (!known) {
		x86_rm(j, 0, 0x39, RDX, mem_at(RSI, o->parr_max));
		outside = jump8(j, 0x76);
		if (j->o->flags & BPFSHIM_JIT_MASK) {
			x86_rm(j, 0, 0x3b, RDX, mem_at(RSI, o->parr_max));
			x86_rr(j, 0, 0x19, R10, R10);
			x86_rr(j, 0, 0x21, R10, RDX);
		}
	}
	/* An empty slot counts, too. */
	x86_alu_mem_imm(j, 0, 5, mem_at(RSP, JIT_COUNT_SLOT(f)), JIT_COUNT_ONE);
	many = jump8(j, 0x72);
	if (known) {
		x86_mov_imm(j, R9, jit_tail_entry(j, i));
		x86_rm(j, X_W, 0x8b, R9, mem_at(R9, 0));
	} else {
		x86_mov(j, false, RDX, RDX);
		x86_rm(j, X_W, 0x8b, R9, mem_index(RSI, RDX, 3, o->parr_entries));
	}
	x86_test(j, true, R9);
	empty = jump8(j, 0x74);
	if (j->sub) {
		for (saved = f->saved, bytes = f->frame + 16; saved; saved &= saved - 1)
			bytes += 8;
		limit = o->tail_stack ? o->tail_stack : TAIL_STACK_DEFAULT;
		x86_alu_mem_imm(j, X_16, 7, mem_at(RSP, JIT_COUNT_SLOT(f)),
				limit > bytes ? limit - bytes : 0);
		deep = jump8(j, 0x73);
	}
	jit_unwind(j, true);
	indirect(j, false);
	/* None is left, not -1. */
	patch8(j, many);
	x86_alu_mem_imm(j, 0, 0, mem_at(RSP, JIT_COUNT_SLOT(f)), JIT_COUNT_ONE);
	if (!known)
		patch8(j, outside);
	patch8(j, empty);
	if (j->sub)
		patch8(j, deep);
}
