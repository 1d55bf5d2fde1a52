// SPDX-License-Identifier: GPL-2.0
/*
 * Several instructions of a program in fewer of the machine: what compilers
 * write for want of operands in memory, of three operands, of an extension.
 *
 * Each function looks at instruction i and those behind it that nobody jumps
 * to, and returns how many it dealt with; 0: nothing was emitted.
 */
#include "jit_emit.h"

#define ALU64_K(op)	(BPFSHIM_ALU64 | (op) | BPFSHIM_K)

/* Instruction i, unless somebody jumps there. */
static const struct bpfshim_insn *follower(const struct bpfshim_jit *j, u32 i)
{
	if (i >= j->x->len || j->flags[i] & JF_LEADER)
		return NULL;
	return &j->x->insns[i];
}

static bool live_after(const struct bpfshim_jit *j, u32 i, u32 r)
{
	return jit_live_after(j, i) & (1U << r);
}

static bool is_alu(const struct bpfshim_insn *in)
{
	return BPFSHIM_CLASS(in->code) == BPFSHIM_ALU || BPFSHIM_CLASS(in->code) == BPFSHIM_ALU64;
}

static bool is_w(const struct bpfshim_insn *in)
{
	return BPFSHIM_CLASS(in->code) == BPFSHIM_ALU64 || BPFSHIM_CLASS(in->code) == BPFSHIM_JMP;
}

static bool is_k(const struct bpfshim_insn *in)
{
	return BPFSHIM_SRC(in->code) == BPFSHIM_K;
}

/* ModRM extension of what has both a register and an immediate form, or -1. */
static int two_operand_ext(const struct bpfshim_insn *in)
{
	switch (BPFSHIM_OP(in->code)) {
	case BPFSHIM_ADD:
		return 0;
	case BPFSHIM_OR:
		return 1;
	case BPFSHIM_AND:
		return 4;
	case BPFSHIM_SUB:
		return 5;
	case BPFSHIM_XOR:
		return 6;
	default:
		return -1;
	}
}

/* ---- extensions: r <<= n; r >>= n -------------------------------------- */

/* d = the lower bits of s, extended, when the two shifts at i say so. */
static u32 extend(struct bpfshim_jit *j, u32 i, u32 d, u32 s)
{
	const struct bpfshim_insn *a = &j->x->insns[i], *b = follower(j, i + 1);
	u32 bits;
	bool sgn;

	if (!b || a->code != ALU64_K(BPFSHIM_LSH) || b->dst_reg != a->dst_reg ||
	    b->imm != a->imm)
		return 0;
	sgn = b->code == ALU64_K(BPFSHIM_ARSH);
	if (!sgn && b->code != ALU64_K(BPFSHIM_RSH))
		return 0;
	bits = 64 - (u32)a->imm;
	if (!live_after(j, i + 1, b->dst_reg))
		return 0;
	if (bits == 32 && sgn)
		x86_rr(j, X_W, 0x63, d, s);
	else if (bits == 32)
		x86_mov(j, false, d, s);
	else if (bits == 16)
		x86_rr(j, sgn ? X_W : 0, sgn ? 0x1bf : 0x1b7, d, s);
	else if (bits == 8)
		x86_rr(j, X_B_RM | (sgn ? X_W : 0), sgn ? 0x1be : 0x1b6, d, s);
	else
		return 0;
	return 2;
}

/* ---- d = s; d op= ... --------------------------------------------------- */

static bool lea_imm(struct bpfshim_jit *j, bool w, u32 d, u32 s, s64 imm)
{
	if (!fits32(imm) || !imm)
		return false;
	if (s == 10 && !fits32(imm + (s64)jit_fn(j)->stack))
		return false;
	x86_lea(j, w, d, jit_mem(j, s, (s32)imm));
	return true;
}

static bool lea_reg(struct bpfshim_jit *j, bool w, u32 d, u32 s, u32 t)
{
	struct bpfshim_x86_mem m = jit_mem(j, s, 0);

	m.index = bpfshim_jit_reg(t);
	x86_lea(j, w, d, m);
	return true;
}

static bool and_extend(struct bpfshim_jit *j, u32 d, u32 s, s32 imm)
{
	if (imm != 0xff && imm != 0xffff)
		return false;
	x86_rr(j, imm == 0xff ? X_B_RM : 0, imm == 0xff ? 0x1b6 : 0x1b7, d, s);
	return true;
}

static bool move_op_imm(struct bpfshim_jit *j, const struct bpfshim_insn *b, u32 s)
{
	u32 d = bpfshim_jit_reg(b->dst_reg);
	bool w = is_w(b);

	switch (BPFSHIM_OP(b->code)) {
	case BPFSHIM_ADD:
		return lea_imm(j, w, d, s, b->imm);
	case BPFSHIM_SUB:
		return lea_imm(j, w, d, s, -(s64)b->imm);
	}
	if (s == 10)
		return false;
	switch (BPFSHIM_OP(b->code)) {
	case BPFSHIM_AND:
		return and_extend(j, d, bpfshim_jit_reg(s), b->imm);
	case BPFSHIM_LSH:
		if (b->imm < 1 || b->imm > 3)
			return false;
		x86_lea(j, w, d, b->imm == 1 ? mem_index(bpfshim_jit_reg(s), bpfshim_jit_reg(s), 0, 0) :
			mem_index(NOREG, bpfshim_jit_reg(s), b->imm, 0));
		return true;
	case BPFSHIM_MUL:
		/* Shifts do for powers of 2. */
		if (!((u32)b->imm & ((u32)b->imm - 1)))
			return false;
		jit_mul_imm(j, w, d, bpfshim_jit_reg(s), b->imm);
		return true;
	}
	return false;
}

static bool move_op_reg(struct bpfshim_jit *j, const struct bpfshim_insn *b, u32 s)
{
	/* d op= d after d = s: by s. */
	u32 t = b->src_reg == b->dst_reg ? s : b->src_reg;
	u32 d = bpfshim_jit_reg(b->dst_reg), pp;
	bool w = is_w(b);

	if (t == 10)
		return false;
	switch (BPFSHIM_OP(b->code)) {
	case BPFSHIM_ADD:
		return lea_reg(j, w, d, s, t);
	case BPFSHIM_LSH:
		pp = 1;
		break;
	case BPFSHIM_RSH:
		pp = 3;
		break;
	case BPFSHIM_ARSH:
		pp = 2;
		break;
	default:
		return false;
	}
	if (s == 10 || !(j->o->flags & BPFSHIM_JIT_BMI2))
		return false;
	x86_shiftx(j, w, pp, d, bpfshim_jit_reg(s), bpfshim_jit_reg(t));
	return true;
}

static u32 fuse_move(struct bpfshim_jit *j, u32 i)
{
	const struct bpfshim_insn *a = &j->x->insns[i], *b = follower(j, i + 1);
	bool done;
	u32 n;

	if (a->off || !b || !is_alu(b) || b->dst_reg != a->dst_reg ||
	    a->src_reg == a->dst_reg || !live_after(j, i + 1, b->dst_reg))
		return 0;
	/* 32 bits may be moved when no more are used. */
	if (!is_w(a) && is_w(b))
		return 0;
	if (a->src_reg != 10) {
		n = extend(j, i + 1, bpfshim_jit_reg(a->dst_reg), bpfshim_jit_reg(a->src_reg));
		if (n)
			return n + 1;
	}
	if (b->off || BPFSHIM_OP(b->code) == BPFSHIM_END || BPFSHIM_OP(b->code) == BPFSHIM_NEG)
		return 0;
	done = is_k(b) ? move_op_imm(j, b, a->src_reg) : move_op_reg(j, b, a->src_reg);
	return done ? 2 : 0;
}

/* d = imm; [m] = d, and d is not wanted any more */
static u32 fuse_store(struct bpfshim_jit *j, u32 i)
{
	const struct bpfshim_insn *a = &j->x->insns[i], *b = follower(j, i + 1);

	if (!b || BPFSHIM_CLASS(b->code) != BPFSHIM_STX || BPFSHIM_MODE(b->code) != BPFSHIM_MEM ||
	    b->src_reg != a->dst_reg || b->dst_reg == a->dst_reg || live_after(j, i + 1, a->dst_reg))
		return 0;
	/* A store of 64 bits extends its sign. */
	if (BPFSHIM_SIZE(b->code) == BPFSHIM_DW && !is_w(a) && a->imm < 0)
		return 0;
	jit_store_imm(j, b->code, jit_mem(j, b->dst_reg, b->off), a->imm);
	return 2;
}

/* ---- operands in memory -------------------------------------------------- */

/* Opcode bits and flags of an operation on memory of that size. */
static u32 size_flags(u8 code, bool *byte)
{
	*byte = BPFSHIM_SIZE(code) == BPFSHIM_B;
	switch (BPFSHIM_SIZE(code)) {
	case BPFSHIM_H:
		return X_16;
	case BPFSHIM_DW:
		return X_W;
	default:
		return 0;
	}
}

static void mem_op_imm(struct bpfshim_jit *j, u8 code, u32 ext, struct bpfshim_x86_mem m, s32 imm)
{
	bool byte;
	u32 fl = size_flags(code, &byte);

	x86_alu_mem_imm(j, fl | (byte ? X_B : 0), ext, m, fl == X_16 ? (s16)imm : imm);
}

/* x = [m]; x op= ...; [m] = x */
static u32 load_op_store(struct bpfshim_jit *j, u32 i)
{
	const struct bpfshim_insn *a = &j->x->insns[i], *b = follower(j, i + 1), *c = follower(j, i + 2);
	int ext = two_operand_ext(b);
	struct bpfshim_x86_mem m;
	bool byte;
	u32 fl;

	if (!c || ext < 0 || b->dst_reg != a->dst_reg || a->src_reg == a->dst_reg ||
	    c->code != (BPFSHIM_STX | BPFSHIM_MEM | BPFSHIM_SIZE(a->code)) ||
	    c->dst_reg != a->src_reg || c->src_reg != a->dst_reg || c->off != a->off ||
	    live_after(j, i + 2, a->dst_reg))
		return 0;
	if (BPFSHIM_SIZE(a->code) == BPFSHIM_DW && !is_w(b))
		return 0;
	m = jit_mem(j, a->src_reg, a->off);
	if (is_k(b)) {
		mem_op_imm(j, a->code, ext, m, b->imm);
		return 3;
	}
	if (b->src_reg == a->dst_reg)
		return 0;
	fl = size_flags(a->code, &byte);
	x86_rm(j, fl | (byte ? X_B : 0), ext << 3 | !byte, jit_read(j, b->src_reg), m);
	return 3;
}

/* x = [m]; y op= x, and x is not wanted any more */
static u32 load_op(struct bpfshim_jit *j, u32 i)
{
	const struct bpfshim_insn *a = &j->x->insns[i], *b = follower(j, i + 1);
	int ext = two_operand_ext(b);
	bool mul = BPFSHIM_OP(b->code) == BPFSHIM_MUL;
	u32 size = BPFSHIM_SIZE(a->code);

	if (is_k(b) || b->src_reg != a->dst_reg || b->dst_reg == a->dst_reg ||
	    (ext < 0 && !mul) || live_after(j, i + 1, a->dst_reg) ||
	    !live_after(j, i + 1, b->dst_reg))
		return 0;
	/* Memory must hold all that is operated on. */
	if (size != BPFSHIM_DW && (size != BPFSHIM_W || is_w(b)))
		return 0;
	x86_rm(j, is_w(b) ? X_W : 0, mul ? 0x1af : (u32)ext << 3 | 3, bpfshim_jit_reg(b->dst_reg),
	       jit_mem(j, a->src_reg, a->off));
	return 2;
}

static bool is_signed(u8 code)
{
	u32 op = BPFSHIM_OP(code);

	return op == BPFSHIM_JSGT || op == BPFSHIM_JSGE || op == BPFSHIM_JSLT || op == BPFSHIM_JSLE;
}

/* Is comparing the value of that size, extended by zeros, as good in memory? */
static bool compares(u32 size, const struct bpfshim_insn *b)
{
	s64 most = size == BPFSHIM_B ? 0xff : size == BPFSHIM_H ? 0xffff : 0x7fffffff;

	if (BPFSHIM_OP(b->code) == BPFSHIM_JSET)
		return false;
	if (size == BPFSHIM_DW)
		return is_w(b);
	if (size == BPFSHIM_W && !is_w(b))
		return true;
	return b->imm >= 0 && b->imm <= most && !is_signed(b->code);
}

/* x = [m]; if x ... goto, and x is not wanted any more */
static u32 load_compare(struct bpfshim_jit *j, u32 i)
{
	const struct bpfshim_insn *a = &j->x->insns[i], *b = follower(j, i + 1);
	u32 t = bpfshim_jump_target(j->x->insns, i + 1);

	if (bpfshim_insn_kind(b) != BPFSHIM_IK_COND || !is_k(b) || b->dst_reg != a->dst_reg ||
	    t == i + 2 || live_after(j, i + 1, a->dst_reg) || !compares(BPFSHIM_SIZE(a->code), b))
		return 0;
	mem_op_imm(j, a->code, 7, jit_mem(j, a->src_reg, a->off), b->imm);
	jit_jump(j, i + 1, jit_cc(b->code), t);
	return 2;
}

static u32 fuse_load(struct bpfshim_jit *j, u32 i)
{
	const struct bpfshim_insn *b = follower(j, i + 1);
	u32 n;

	if (!b)
		return 0;
	if (!is_alu(b))
		return load_compare(j, i);
	if (b->off)
		return 0;
	n = load_op_store(j, i);
	return n ? n : load_op(j, i);
}

/* ---- jumps ---------------------------------------------------------------- */

/* Does the machine's instruction for it leave ZF as its result has it? */
static bool sets_zf(const struct bpfshim_insn *in)
{
	int ext = two_operand_ext(in);

	if (!is_alu(in) || ext < 0 || in->off)
		return false;
	if (!is_k(in))
		return in->src_reg != 10;
	if (ext == 4)
		return in->imm != -1 && in->imm != 0xff && in->imm != 0xffff && in->imm;
	return in->imm != 0;
}

/* r op= ...; if r == 0 goto */
static u32 fuse_zero(struct bpfshim_jit *j, u32 i)
{
	const struct bpfshim_insn *a = &j->x->insns[i], *b = follower(j, i + 1);
	u32 t;

	if (!b || bpfshim_insn_kind(b) != BPFSHIM_IK_COND || !is_k(b) || b->imm ||
	    b->dst_reg != a->dst_reg || !sets_zf(a) || (is_w(a) && !is_w(b)))
		return 0;
	if (BPFSHIM_OP(b->code) != BPFSHIM_JEQ && BPFSHIM_OP(b->code) != BPFSHIM_JNE)
		return 0;
	t = bpfshim_jump_target(j->x->insns, i + 1);
	if (t == i + 2)
		return 0;
	jit_alu(j, i);
	jit_jump(j, i + 1, jit_cc(b->code), t);
	return 2;
}

/* if ... goto +1; goto: the other way round */
static u32 fuse_jumps(struct bpfshim_jit *j, u32 i)
{
	const struct bpfshim_insn *b = follower(j, i + 1);
	u32 t;

	if (!b || bpfshim_jump_target(j->x->insns, i) != i + 2 ||
	    (bpfshim_insn_kind(b) != BPFSHIM_IK_JA && bpfshim_insn_kind(b) != BPFSHIM_IK_JA32))
		return 0;
	t = bpfshim_jump_target(j->x->insns, i + 1);
	if (t == i + 2)
		return 0;
	jit_compare(j, i);
	jit_jump(j, i + 1, jit_cc(j->x->insns[i].code) ^ 1, t);
	return 2;
}

u32 jit_fuse(struct bpfshim_jit *j, u32 i)
{
	const struct bpfshim_insn *in = &j->x->insns[i];
	u32 n;

	switch (BPFSHIM_CLASS(in->code)) {
	case BPFSHIM_LDX:
		return BPFSHIM_MODE(in->code) == BPFSHIM_MEM ? fuse_load(j, i) : 0;
	case BPFSHIM_ALU:
	case BPFSHIM_ALU64:
		if (BPFSHIM_OP(in->code) == BPFSHIM_MOV)
			return is_k(in) ? fuse_store(j, i) : fuse_move(j, i);
		n = extend(j, i, bpfshim_jit_reg(in->dst_reg), bpfshim_jit_reg(in->dst_reg));
		return n ? n : fuse_zero(j, i);
	case BPFSHIM_JMP:
	case BPFSHIM_JMP32:
		return bpfshim_insn_kind(in) == BPFSHIM_IK_COND ? fuse_jumps(j, i) : 0;
	default:
		return 0;
	}
}
