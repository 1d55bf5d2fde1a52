// SPDX-License-Identifier: GPL-2.0
/* Loads, stores, atomics. */
#include "jit_emit.h"

void jit_load(struct bpfshim_jit *j, u8 code, u32 dst, struct bpfshim_x86_mem m)
{
	bool sign = BPFSHIM_MODE(code) == BPFSHIM_MEMSX;

	switch (BPFSHIM_SIZE(code)) {
	case BPFSHIM_B:
		x86_rm(j, sign ? X_W : 0, sign ? 0x1be : 0x1b6, dst, m);
		break;
	case BPFSHIM_H:
		x86_rm(j, sign ? X_W : 0, sign ? 0x1bf : 0x1b7, dst, m);
		break;
	case BPFSHIM_W:
		x86_rm(j, sign ? X_W : 0, sign ? 0x63 : 0x8b, dst, m);
		break;
	default:
		x86_rm(j, X_W, 0x8b, dst, m);
	}
}

static u32 size_index(u8 code)
{
	switch (BPFSHIM_SIZE(code)) {
	case BPFSHIM_B:
		return 0;
	case BPFSHIM_H:
		return 1;
	case BPFSHIM_W:
		return 2;
	default:
		return 3;
	}
}

static void probe(struct bpfshim_jit *j, const struct bpfshim_insn *in)
{
	u32 size = size_index(in->code), dst = bpfshim_jit_reg(in->dst_reg);

	if (in->off || in->src_reg == 10)
		x86_lea(j, true, R11, jit_mem(j, in->src_reg, in->off));
	else
		x86_mov(j, true, R11, bpfshim_jit_reg(in->src_reg));
	jit_call_near(j, j->o->probe_stub[size]);
	if (BPFSHIM_MODE(in->code) == BPFSHIM_PROBE)
		x86_mov(j, true, dst, R11);
	else if (size == 0)
		x86_rr(j, X_W | X_B_RM, 0x1be, dst, R11);
	else if (size == 1)
		x86_rr(j, X_W, 0x1bf, dst, R11);
	else
		x86_rr(j, X_W, 0x63, dst, R11);
}

void jit_store_imm(struct bpfshim_jit *j, u8 code, struct bpfshim_x86_mem m, s32 imm)
{
	switch (BPFSHIM_SIZE(code)) {
	case BPFSHIM_B:
		x86_rm(j, 0, 0xc6, 0, m);
		emit8(j, imm);
		break;
	case BPFSHIM_H:
		x86_rm(j, X_16, 0xc7, 0, m);
		emit8(j, imm);
		emit8(j, imm >> 8);
		break;
	default:
		x86_rm(j, BPFSHIM_SIZE(code) == BPFSHIM_DW ? X_W : 0, 0xc7, 0, m);
		emit32(j, imm);
	}
}

static void store_reg(struct bpfshim_jit *j, u8 code, struct bpfshim_x86_mem m, u32 src)
{
	switch (BPFSHIM_SIZE(code)) {
	case BPFSHIM_B:
		x86_rm(j, X_B, 0x88, src, m);
		break;
	case BPFSHIM_H:
		x86_rm(j, X_16, 0x89, src, m);
		break;
	default:
		x86_rm(j, BPFSHIM_SIZE(code) == BPFSHIM_DW ? X_W : 0, 0x89, src, m);
	}
}

void jit_load_store(struct bpfshim_jit *j, u32 i)
{
	const struct bpfshim_insn *in = &j->x->insns[i];

	if (in->code == BPFSHIM_NOSPEC_INSN) {	/* lfence */
		emit8(j, 0x0f);
		emit8(j, 0xae);
		emit8(j, 0xe8);
		return;
	}
	switch (BPFSHIM_CLASS(in->code)) {
	case BPFSHIM_LDX:
		/* Neither kind of load has another effect than its result. */
		if (!(jit_live_after(j, i) & (1U << in->dst_reg)))
			break;
		if (BPFSHIM_MODE(in->code) == BPFSHIM_PROBE ||
		    BPFSHIM_MODE(in->code) == BPFSHIM_PROBESX)
			probe(j, in);
		else
			jit_load(j, in->code, bpfshim_jit_reg(in->dst_reg),
				 jit_mem(j, in->src_reg, in->off));
		break;
	case BPFSHIM_ST:
		if (jit_blinds(j)) {
			jit_blind(j, i, true, in->imm);
			store_reg(j, in->code, jit_mem(j, in->dst_reg, in->off), R11);
		} else {
			jit_store_imm(j, in->code, jit_mem(j, in->dst_reg, in->off), in->imm);
		}
		break;
	case BPFSHIM_STX:
		store_reg(j, in->code, jit_mem(j, in->dst_reg, in->off),
			  jit_read(j, in->src_reg));
		break;
	}
}

/* and, or, xor that return the old value: a loop around cmpxchg. */
static void fetch_loop(struct bpfshim_jit *j, u32 i, bool w, u32 ext)
{
	const struct bpfshim_insn *in = &j->x->insns[i];
	u32 src = bpfshim_jit_reg(in->src_reg), fl = w ? X_W : 0, loop;
	struct bpfshim_x86_mem m = jit_mem(j, in->dst_reg, in->off);
	bool keep_rax = in->src_reg != 0 && jit_live_after(j, i) & 1;
	u32 operand = src;

	/* rax is taken by cmpxchg. */
	if (m.base == RAX) {
		x86_mov(j, true, R9, RAX);
		m.base = R9;
	}
	if (src == RAX) {
		x86_mov(j, true, R11, RAX);
		operand = R11;
	} else if (keep_rax) {
		x86_mov(j, true, R11, RAX);
	}
	x86_rm(j, fl, 0x8b, RAX, m);
	loop = j->pos;
	x86_mov(j, true, R10, RAX);
	x86_rr(j, fl, ext << 3 | 1, operand, R10);
	x86_rm(j, fl | X_LOCK, 0x1b1, R10, m);
	emit8(j, 0x75);
	emit8(j, loop - (j->pos + 1));
	if (src == RAX) {
		/* A 32-bit cmpxchg that succeeds leaves rax as loaded. */
		return;
	}
	x86_mov(j, true, src, RAX);
	if (keep_rax)
		x86_mov(j, true, RAX, R11);
}

void jit_atomic(struct bpfshim_jit *j, u32 i)
{
	const struct bpfshim_insn *in = &j->x->insns[i];
	bool w = BPFSHIM_SIZE(in->code) == BPFSHIM_DW;
	struct bpfshim_x86_mem m = jit_mem(j, in->dst_reg, in->off);
	u32 fl = (w ? X_W : 0) | X_LOCK;
	u32 src = jit_read(j, in->src_reg);

	switch (in->imm) {
	case BPFSHIM_ADD:
		x86_rm(j, fl, 0x01, src, m);
		break;
	case BPFSHIM_OR:
		x86_rm(j, fl, 0x09, src, m);
		break;
	case BPFSHIM_AND:
		x86_rm(j, fl, 0x21, src, m);
		break;
	case BPFSHIM_XOR:
		x86_rm(j, fl, 0x31, src, m);
		break;
	case BPFSHIM_ADD | BPFSHIM_FETCH:
		x86_rm(j, fl, 0x1c1, src, m);
		break;
	case BPFSHIM_OR | BPFSHIM_FETCH:
		fetch_loop(j, i, w, 1);
		break;
	case BPFSHIM_AND | BPFSHIM_FETCH:
		fetch_loop(j, i, w, 4);
		break;
	case BPFSHIM_XOR | BPFSHIM_FETCH:
		fetch_loop(j, i, w, 6);
		break;
	case BPFSHIM_XCHG:	/* locks by itself */
		x86_rm(j, fl & ~X_LOCK, 0x87, src, m);
		break;
	case BPFSHIM_CMPXCHG:
		x86_rm(j, fl, 0x1b1, src, m);
		/* When it stored, eax was not written. */
		if (!w)
			x86_mov(j, false, RAX, RAX);
		break;
	}
}
