// SPDX-License-Identifier: GPL-2.0
/* Arithmetic, moves, swaps. */
#include "jit_emit.h"

static bool power_of_2(u64 v)
{
	return v && !(v & (v - 1));
}

static u32 log_2(u64 v)
{
	u32 n = 0;

	while (v >>= 1)
		n++;
	return n;
}

/* Is BPF register r wanted after instruction i, when dst is what i writes? */
static bool keep(const struct bpfshim_jit *j, u32 i, u32 r)
{
	return j->x->insns[i].dst_reg != r && jit_live_after(j, i) & (1U << r);
}

/* add, or, and, sub, xor by name of their ModRM extension */
static void two_operand(struct bpfshim_jit *j, bool w, u32 ext, u32 dst, u32 src)
{
	x86_rr(j, w ? X_W : 0, ext << 3 | 1, src, dst);
}

static void and_imm(struct bpfshim_jit *j, bool w, u32 dst, s32 imm)
{
	/* A mask without sign leaves no upper half. */
	if (imm >= 0)
		w = false;
	if (imm == 0xff)
		x86_rr(j, X_B_RM, 0x1b6, dst, dst);
	else if (imm == 0xffff)
		x86_rr(j, 0, 0x1b7, dst, dst);
	else if (!imm)
		x86_mov_imm(j, dst, 0);
	else if (imm == -1)
		x86_mov(j, w, dst, dst);
	else
		x86_alu_imm(j, w ? X_W : 0, 4, dst, imm);
}

static void add_imm(struct bpfshim_jit *j, bool w, u32 ext, u32 dst, s32 imm)
{
	if (!imm) {
		x86_mov(j, w, dst, dst);
		return;
	}
	/* 128 does not fit a byte, -128 does. */
	if (imm == 128) {
		ext = ext ? 0 : 5;
		imm = -128;
	}
	x86_alu_imm(j, w ? X_W : 0, ext, dst, imm);
}

void jit_mul_imm(struct bpfshim_jit *j, bool w, u32 dst, u32 src, s32 imm)
{
	u32 fl = w ? X_W : 0;

	if (!imm) {
		x86_mov_imm(j, dst, 0);
	} else if (imm == 3 || imm == 5 || imm == 9) {
		x86_lea(j, w, dst, mem_index(src, src, imm == 3 ? 1 : imm == 5 ? 2 : 3, 0));
	} else if (dst == src && power_of_2((u32)imm) && imm > 0) {
		x86_shift_imm(j, w, 4, dst, log_2(imm));
	} else if (fits8(imm)) {
		x86_rr(j, fl, 0x6b, dst, src);
		emit8(j, imm);
	} else {
		x86_rr(j, fl, 0x69, dst, src);
		emit32(j, imm);
	}
}

static void shift_reg(struct bpfshim_jit *j, u32 i, bool w, u32 op, u32 dst, u32 src)
{
	u32 ext = op == BPFSHIM_LSH ? 4 : op == BPFSHIM_RSH ? 5 : 7;
	u32 fl = w ? X_W : 0;

	if (j->o->flags & BPFSHIM_JIT_BMI2) {
		x86_shiftx(j, w, ext == 4 ? 1 : ext == 5 ? 3 : 2, dst, dst, src);
	} else if (src == RCX) {
		x86_rr(j, fl, 0xd3, ext, dst);
	} else if (dst == RCX) {
		x86_mov(j, true, R10, RCX);
		x86_mov(j, false, RCX, src);
		x86_rr(j, fl, 0xd3, ext, R10);
		x86_mov(j, true, RCX, R10);
	} else {
		bool save = keep(j, i, 4);

		if (save)
			x86_mov(j, true, R10, RCX);
		x86_mov(j, false, RCX, src);
		x86_rr(j, fl, 0xd3, ext, dst);
		if (save)
			x86_mov(j, true, RCX, R10);
	}
}

/* rax / d, with what the instruction would trap on decided before. */
static void divide_signed(struct bpfshim_jit *j, u32 fl, bool mod, u32 d)
{
	u32 minus, zero, end1, end2;

	x86_alu_imm(j, fl, 7, d, -1);
	minus = jump8(j, 0x74);
	x86_rr(j, fl, 0x85, d, d);
	zero = jump8(j, 0x74);
	if (fl)
		emit8(j, 0x48);
	emit8(j, 0x99);		/* cdq, cqo */
	x86_rr(j, fl, 0xf7, 7, d);
	end1 = jump8(j, 0xeb);
	patch8(j, minus);
	if (mod)
		x86_mov_imm(j, RDX, 0);
	else
		x86_rr(j, fl, 0xf7, 3, RAX);
	end2 = jump8(j, 0xeb);
	patch8(j, zero);
	if (mod)
		x86_rr(j, fl, 0x89, RAX, RDX);
	else
		x86_mov_imm(j, RAX, 0);
	patch8(j, end1);
	patch8(j, end2);
}

/* maybe_zero: the divisor is not a constant */
static void divide_unsigned(struct bpfshim_jit *j, u32 fl, bool mod, u32 d, bool maybe_zero)
{
	u32 nonzero, end = 0;

	if (maybe_zero) {
		x86_rr(j, fl, 0x85, d, d);
		nonzero = jump8(j, 0x75);
		if (mod)
			x86_rr(j, fl, 0x89, RAX, RDX);
		else
			x86_mov_imm(j, RAX, 0);
		end = jump8(j, 0xeb);
		patch8(j, nonzero);
	}
	x86_mov_imm(j, RDX, 0);
	x86_rr(j, fl, 0xf7, 6, d);
	if (maybe_zero)
		patch8(j, end);
}

/* src: a register, r11 for a constant */
static void divide(struct bpfshim_jit *j, u32 i, bool w, bool mod, u32 dst, u32 src)
{
	bool keep_rax = keep(j, i, 0), keep_rdx = keep(j, i, 3);
	const struct bpfshim_insn *in = &j->x->insns[i];
	u32 fl = w ? X_W : 0;

	if (src == RAX || src == RDX) {
		x86_mov(j, true, R11, src);
		src = R11;
	}
	if (keep_rdx)
		x86_mov(j, true, R10, RDX);
	if (keep_rax)
		x86_mov(j, true, R9, RAX);
	if (dst != RAX)
		x86_mov(j, w, RAX, dst);
	if (in->off)
		divide_signed(j, fl, mod, src);
	else
		divide_unsigned(j, fl, mod, src, BPFSHIM_SRC(in->code) == BPFSHIM_X ||
						 !in->imm);
	x86_mov(j, w, dst, mod ? RDX : RAX);
	if (keep_rdx)
		x86_mov(j, true, RDX, R10);
	if (keep_rax)
		x86_mov(j, true, RAX, R9);
}

static void divide_imm(struct bpfshim_jit *j, u32 i, bool w, bool mod, u32 dst, s32 imm)
{
	u64 d = w ? (u64)(s64)imm : (u32)imm;
	bool sgn = j->x->insns[i].off;

	if (jit_blinds(j)) {
		jit_blind(j, i, w, imm);
	} else if (!sgn && power_of_2(d) && (!mod || d <= 1ULL << 31)) {
		if (!mod)
			x86_shift_imm(j, w, 5, dst, log_2(d));
		else if (d == 1ULL << 31)
			x86_alu_imm(j, 0, 4, dst, 0x7fffffff);
		else
			and_imm(j, w, dst, (s32)d - 1);
		return;
	} else {
		x86_mov_imm(j, R11, d);
	}
	divide(j, i, w, mod, dst, R11);
}

static void swap_bytes(struct bpfshim_jit *j, u32 dst, u32 bits, bool swap)
{
	if (bits == 16) {
		if (swap) {	/* rol by 8 */
			x86_rr(j, X_16, 0xc1, 0, dst);
			emit8(j, 8);
		}
		x86_rr(j, 0, 0x1b7, dst, dst);
	} else if (!swap) {
		x86_mov(j, bits == 64, dst, dst);
	} else {
		x86_bswap(j, bits == 64, dst);
	}
}

static void move(struct bpfshim_jit *j, u32 i, bool w)
{
	const struct bpfshim_insn *in = &j->x->insns[i];
	u32 dst = bpfshim_jit_reg(in->dst_reg);

	if (BPFSHIM_SRC(in->code) == BPFSHIM_K) {
		u64 v = w ? (u64)(s64)in->imm : (u32)in->imm;

		if (jit_blinds(j)) {
			jit_blind(j, i, w, in->imm);
			x86_mov(j, true, dst, R11);
		} else {
			x86_mov_imm(j, dst, v);
		}
	} else if (in->src_reg == 10 && w && !in->off) {
		x86_lea(j, true, dst, jit_mem(j, 10, 0));
	} else {
		u32 src = jit_read(j, in->src_reg);

		if (!in->off)
			x86_mov(j, w, dst, src);
		else if (in->off == 8)
			x86_rr(j, X_B_RM | (w ? X_W : 0), 0x1be, dst, src);
		else if (in->off == 16)
			x86_rr(j, w ? X_W : 0, 0x1bf, dst, src);
		else
			x86_rr(j, X_W, 0x63, dst, src);
	}
}

/* BPFSHIM_MOVE_INSN.  Nothing in it branches. */
static void masked_move(struct bpfshim_jit *j, const struct bpfshim_insn *in)
{
	u32 dst = bpfshim_jit_reg(in->dst_reg);
	bool in_dst = in->off & BPFSHIM_MOVE_DST;

	x86_mov(j, true, R9, in_dst ? dst : jit_read(j, in->src_reg));
	if (in->off & BPFSHIM_MOVE_NEG)
		x86_rr(j, X_W, 0xf7, 3, R9);
	/* r10 = all ones when r9 and imm - r9 have no sign */
	x86_mov_imm(j, R10, (u32)in->imm);
	two_operand(j, true, 5, R10, R9);
	two_operand(j, true, 1, R10, R9);
	x86_shift_imm(j, true, 7, R10, 63);
	x86_rr(j, X_W, 0xf7, 2, R10);
	two_operand(j, true, 4, R9, R10);
	if (in_dst)
		x86_mov(j, true, dst, jit_read(j, in->src_reg));
	two_operand(j, true, in->off & BPFSHIM_MOVE_DOWN ? 5 : 0, dst, R9);
}

static void reg_form(struct bpfshim_jit *j, u32 i, bool w, u32 dst, u32 src)
{
	u32 op = BPFSHIM_OP(j->x->insns[i].code);

	switch (op) {
	case BPFSHIM_ADD:
		two_operand(j, w, 0, dst, src);
		break;
	case BPFSHIM_OR:
		two_operand(j, w, 1, dst, src);
		break;
	case BPFSHIM_AND:
		two_operand(j, w, 4, dst, src);
		break;
	case BPFSHIM_SUB:
		two_operand(j, w, 5, dst, src);
		break;
	case BPFSHIM_XOR:
		two_operand(j, w, 6, dst, src);
		break;
	case BPFSHIM_MUL:
		x86_rr(j, w ? X_W : 0, 0x1af, dst, src);
		break;
	case BPFSHIM_DIV:
	case BPFSHIM_MOD:
		divide(j, i, w, op == BPFSHIM_MOD, dst, src);
		break;
	default:
		shift_reg(j, i, w, op, dst, src);
	}
}

static void imm_form(struct bpfshim_jit *j, u32 i, bool w, u32 dst, s32 imm)
{
	u32 op = BPFSHIM_OP(j->x->insns[i].code);
	u32 fl = w ? X_W : 0;

	switch (op) {
	case BPFSHIM_LSH:
	case BPFSHIM_RSH:
	case BPFSHIM_ARSH:
		x86_shift_imm(j, w, op == BPFSHIM_LSH ? 4 : op == BPFSHIM_RSH ? 5 : 7,
			      dst, imm & (w ? 63 : 31));
		return;
	case BPFSHIM_DIV:
	case BPFSHIM_MOD:
		divide_imm(j, i, w, op == BPFSHIM_MOD, dst, imm);
		return;
	}
	if (jit_blinds(j)) {
		jit_blind(j, i, w, imm);
		reg_form(j, i, w, dst, R11);
		return;
	}
	switch (op) {
	case BPFSHIM_ADD:
		add_imm(j, w, 0, dst, imm);
		break;
	case BPFSHIM_SUB:
		add_imm(j, w, 5, dst, imm);
		break;
	case BPFSHIM_AND:
		and_imm(j, w, dst, imm);
		break;
	case BPFSHIM_OR:
	case BPFSHIM_XOR:
		if (imm)
			x86_alu_imm(j, fl, op == BPFSHIM_OR ? 1 : 6, dst, imm);
		else
			x86_mov(j, w, dst, dst);
		break;
	case BPFSHIM_MUL:
		jit_mul_imm(j, w, dst, dst, imm);
		break;
	}
}

void jit_alu(struct bpfshim_jit *j, u32 i)
{
	const struct bpfshim_insn *in = &j->x->insns[i];
	bool w = BPFSHIM_CLASS(in->code) == BPFSHIM_ALU64;
	u32 op = BPFSHIM_OP(in->code);
	u32 dst;

	/* Nobody reads it. */
	if (!(jit_live_after(j, i) & (1U << in->dst_reg)))
		return;
	dst = bpfshim_jit_reg(in->dst_reg);
	switch (op) {
	case BPFSHIM_MOV:
		move(j, i, w);
		break;
	case BPFSHIM_OP(BPFSHIM_MOVE_INSN):
		masked_move(j, in);
		break;
	case BPFSHIM_NEG:
		x86_rr(j, w ? X_W : 0, 0xf7, 3, dst);
		break;
	case BPFSHIM_END:
		swap_bytes(j, dst, in->imm, w || BPFSHIM_SRC(in->code) == BPFSHIM_TO_BE);
		break;
	default:
		if (BPFSHIM_SRC(in->code) == BPFSHIM_K)
			imm_form(j, i, w, dst, in->imm);
		else
			reg_form(j, i, w, dst, jit_read(j, in->src_reg));
	}
}
