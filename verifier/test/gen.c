// SPDX-License-Identifier: GPL-2.0
/*
 * Random programs.  Most are built of pieces as compilers emit them (lookups
 * with a null check, bounded indices, spills, branches, loops, calls), with
 * mistakes thrown in: a check left out, a bound off by one, an offset wrong.
 */
#include "gen.h"

u64 gen_rnd(u64 *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

struct gen {
	u64 rng;
	struct bpfshim_insn *out;
	u32 n;
	u32 live;		/* registers that hold something */
	u32 num;		/* of these, numbers */
};

static u32 r(struct gen *g, u32 n)
{
	return (u32)(gen_rnd(&g->rng) % n);
}

static void emit(struct gen *g, u8 code, u8 dst, u8 src, s32 off, s32 imm)
{
	struct bpfshim_insn *i = &g->out[g->n];

	if (g->n >= GEN_MAX - 4)
		return;
	i->code = code;
	i->dst_reg = dst;
	i->src_reg = src;
	i->off = (s16)off;
	i->imm = imm;
	g->n++;
}

static s32 number(struct gen *g)
{
	static const s32 some[] = { 0, 1, 2, 3, 4, 7, 8, 15, 16, 24, 31, 32, 47, 48, 63, 64, -1, -2, -8, 127, 255, 256,
		0x7fffffff, (s32)0x80000000, 511, 512 };

	return r(g, 4) ? some[r(g, sizeof(some) / sizeof(some[0]))] : (s32)gen_rnd(&g->rng);
}

/* A register from a set, mostly; any, sometimes. */
static u8 pick(struct gen *g, u32 set)
{
	u8 i, at = (u8)r(g, 11);

	if (!set || !r(g, 40))
		return at;
	for (i = 0; i < 11; i++)
		if (set & (1u << ((at + i) % 11)))
			return (u8)((at + i) % 11);
	return at;
}

static void made(struct gen *g, u8 reg, bool num)
{
	g->live |= 1u << reg;
	if (num)
		g->num |= 1u << reg;
	else
		g->num &= ~(1u << reg);
}

static u8 dest(struct gen *g)
{
	return (u8)(r(g, 30) ? r(g, 10) : 10);
}

static const u8 ops[] = { BPFSHIM_ADD, BPFSHIM_SUB, BPFSHIM_MUL, BPFSHIM_DIV, BPFSHIM_OR, BPFSHIM_AND, BPFSHIM_LSH,
	BPFSHIM_RSH, BPFSHIM_NEG, BPFSHIM_MOD, BPFSHIM_XOR, BPFSHIM_MOV, BPFSHIM_ARSH };
static const u8 conds[] = { BPFSHIM_JEQ, BPFSHIM_JGT, BPFSHIM_JGE, BPFSHIM_JSET, BPFSHIM_JNE, BPFSHIM_JSGT,
	BPFSHIM_JSGE, BPFSHIM_JLT, BPFSHIM_JLE, BPFSHIM_JSLT, BPFSHIM_JSLE };
static const u8 sizes[] = { BPFSHIM_B, BPFSHIM_H, BPFSHIM_W, BPFSHIM_DW };

static void gen_alu(struct gen *g)
{
	u8 op = ops[r(g, sizeof(ops))], class = r(g, 2) ? BPFSHIM_ALU64 : BPFSHIM_ALU, dst;

	if (op == BPFSHIM_MOV) {
		dst = dest(g);
		if (r(g, 2)) {
			u8 src = pick(g, g->live);

			emit(g, class | op | BPFSHIM_X, dst, src, 0, 0);
			made(g, dst, class == BPFSHIM_ALU || (g->num & (1u << src)));
		} else {
			emit(g, class | op, dst, 0, 0, number(g));
			made(g, dst, true);
		}
		return;
	}
	dst = pick(g, g->num);
	if (op == BPFSHIM_NEG) {
		emit(g, class | op, dst, 0, 0, 0);
	} else if (r(g, 2)) {
		emit(g, class | op | BPFSHIM_X, dst, pick(g, g->num), 0, 0);
	} else {
		s32 v = number(g);

		if (op == BPFSHIM_LSH || op == BPFSHIM_RSH || op == BPFSHIM_ARSH)
			v &= class == BPFSHIM_ALU ? 31 : 63;
		emit(g, class | op, dst, 0, 0, v);
	}
}

static s32 stack_off(struct gen *g, u8 size)
{
	s32 bytes = size == BPFSHIM_B ? 1 : size == BPFSHIM_H ? 2 : size == BPFSHIM_W ? 4 : 8;
	s32 off = -(s32)(8 * (1 + r(g, 6)));

	if (!r(g, 4))
		off += (s32)r(g, 8) / bytes * bytes;
	if (!r(g, 50))
		off = (s32)r(g, 1100) - 560;
	return off;
}

static void gen_stack(struct gen *g)
{
	u8 size = sizes[r(g, 2) ? 3 : r(g, 4)];
	s32 off = stack_off(g, size);
	u8 d;

	switch (r(g, 3)) {
	case 0:
		emit(g, BPFSHIM_ST | BPFSHIM_MEM | size, 10, 0, off, number(g));
		break;
	case 1:
		emit(g, BPFSHIM_STX | BPFSHIM_MEM | size, 10, pick(g, g->live), off, 0);
		break;
	default:
		d = dest(g);
		emit(g, BPFSHIM_LDX | BPFSHIM_MEM | size, d, 10, off, 0);
		made(g, d, true);
	}
}

static void call(struct gen *g, s32 id)
{
	emit(g, BPFSHIM_JMP | BPFSHIM_CALL, 0, 0, 0, id);
	g->live &= ~0x3eu;
	g->num &= ~0x3eu;
	made(g, 0, true);
}

static void ld_map(struct gen *g, u8 dst, u32 m, bool value, s32 off)
{
	emit(g, BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW, dst, value ? BPFSHIM_PSEUDO_MAP_VALUE : BPFSHIM_PSEUDO_MAP_FD, 0,
	     GEN_FD(m));
	emit(g, 0, 0, 0, 0, value ? off : 0);
}

/* Use of a value pointer in `p`: by constant or by bounded variable offset. */
static void gen_use(struct gen *g, u8 p, u32 size)
{
	u8 sz = sizes[r(g, 4)], d = (u8)r(g, 10);
	s32 bytes = sz == BPFSHIM_B ? 1 : sz == BPFSHIM_H ? 2 : sz == BPFSHIM_W ? 4 : 8;
	s32 off = (s32)r(g, size), slack = r(g, 8) ? 0 : (s32)r(g, 3) - 1;
	u8 idx = pick(g, g->num & 0x3ff);

	if (r(g, 3) && idx != p && idx < 10) {
		/* bound the index, some way or other */
		switch (r(g, 6)) {
		case 0:
			emit(g, BPFSHIM_ALU64 | BPFSHIM_AND, idx, 0, 0, 15);
			break;
		case 1:
			emit(g, BPFSHIM_JMP | BPFSHIM_JGT, idx, 0, 2, (s32)size - bytes + slack);
			break;
		case 2:
			emit(g, BPFSHIM_ALU | BPFSHIM_AND, idx, 0, 0, 31);
			break;
		case 3:
			emit(g, BPFSHIM_JMP | BPFSHIM_JSLT, idx, 0, 3, 0);
			emit(g, BPFSHIM_JMP | BPFSHIM_JSGT, idx, 0, 2, (s32)size - bytes + slack);
			break;
		case 4:
			emit(g, BPFSHIM_JMP32 | BPFSHIM_JGT, idx, 0, 2, (s32)size - bytes + slack);
			break;
		default:
			emit(g, BPFSHIM_ALU64 | BPFSHIM_RSH, idx, 0, 0, 58 + (s32)r(g, 6));
		}
		emit(g, BPFSHIM_ALU64 | (r(g, 8) ? BPFSHIM_ADD : BPFSHIM_SUB) | BPFSHIM_X, p, idx, 0, 0);
		off = r(g, 4) ? 0 : (s32)r(g, 5) - 2;
	} else if (r(g, 4)) {
		off = off / bytes * bytes;
		if (off + bytes > (s32)size && r(g, 6))
			off = (s32)size - bytes;
	}
	switch (r(g, 4)) {
	case 0:
		emit(g, BPFSHIM_ST | BPFSHIM_MEM | sz, p, 0, off, number(g));
		break;
	case 1:
		emit(g, BPFSHIM_STX | BPFSHIM_MEM | sz, p, pick(g, g->num), off, 0);
		break;
	case 2:
		emit(g, BPFSHIM_STX | BPFSHIM_ATOMIC | (r(g, 2) ? BPFSHIM_DW : BPFSHIM_W), p, pick(g, g->num), off & ~7,
		     r(g, 2) ? BPFSHIM_ADD | BPFSHIM_FETCH : BPFSHIM_CMPXCHG);
		break;
	default:
		emit(g, BPFSHIM_LDX | BPFSHIM_MEM | sz, d, p, off, 0);
		made(g, d, true);
	}
}

static const u32 value_size[GEN_MAPS] = { 48, 24, 64 };

static void gen_lookup(struct gen *g)
{
	u32 m = r(g, 2);
	u8 p = (u8)r(g, 10);

	emit(g, BPFSHIM_ST | BPFSHIM_MEM | (m ? BPFSHIM_DW : BPFSHIM_W), 10, 0, -8, (s32)r(g, 6));
	emit(g, BPFSHIM_ALU64 | BPFSHIM_MOV | BPFSHIM_X, 2, 10, 0, 0);
	emit(g, BPFSHIM_ALU64 | BPFSHIM_ADD, 2, 0, 0, r(g, 20) ? -8 : (s32)r(g, 16) - 12);
	ld_map(g, 1, m, false, 0);
	call(g, 1);
	g->num &= ~1u;
	if (r(g, 3) == 0) {	/* keep a copy: the check below covers it too */
		emit(g, BPFSHIM_ALU64 | BPFSHIM_MOV | BPFSHIM_X, 7, 0, 0, 0);
		made(g, 7, false);
	}
	if (r(g, 12))
		emit(g, BPFSHIM_JMP | (r(g, 10) ? BPFSHIM_JEQ : BPFSHIM_JNE), 0, 0, 1 + (s32)r(g, 6), 0);
	if (p != 0) {
		emit(g, BPFSHIM_ALU64 | BPFSHIM_MOV | BPFSHIM_X, p, 0, 0, 0);
		made(g, p, false);
	}
	gen_use(g, p, value_size[m]);
	if (!r(g, 3))
		gen_use(g, p, value_size[m]);
}

static void gen_piece(struct gen *g)
{
	u8 d;

	switch (r(g, 12)) {
	case 0: case 1: case 2:
		gen_alu(g);
		break;
	case 3: case 4:
		gen_stack(g);
		break;
	case 5: case 6:
		gen_lookup(g);
		break;
	case 7: {	/* branch ahead */
		u8 class = r(g, 2) ? BPFSHIM_JMP : BPFSHIM_JMP32, c = conds[r(g, sizeof(conds))];

		if (r(g, 2))
			emit(g, class | c, pick(g, g->num), 0, 1 + (s32)r(g, 5), number(g));
		else
			emit(g, class | c | BPFSHIM_X, pick(g, g->num), pick(g, g->num), 1 + (s32)r(g, 5), 0);
		break;
	}
	case 8:		/* unknown numbers */
		call(g, r(g, 2) ? 5 : 7);
		d = (u8)(6 + r(g, 4));
		emit(g, BPFSHIM_ALU64 | BPFSHIM_MOV | BPFSHIM_X, d, 0, 0, 0);
		made(g, d, true);
		break;
	case 9:		/* the context */
		d = dest(g);
		emit(g, BPFSHIM_LDX | BPFSHIM_MEM | sizes[r(g, 4)], d, r(g, 6) ? 6 : 1, (s32)r(g, 24) * 8 - (r(g, 20) ? 0 : 4), 0);
		made(g, d, true);
		break;
	case 10:	/* data of a map, directly */
		d = (u8)(r(g, 10));
		ld_map(g, d, r(g, 2) ? 0 : 2, true, (s32)r(g, 60));
		made(g, d, false);
		gen_use(g, d, 40);
		break;
	default:	/* a loop back */
		d = (u8)(6 + r(g, 4));
		emit(g, BPFSHIM_ALU64 | BPFSHIM_MOV, d, 0, 0, (s32)r(g, 3));
		made(g, d, true);
		gen_alu(g);
		emit(g, BPFSHIM_ALU64 | BPFSHIM_ADD, d, 0, 0, 1);
		emit(g, BPFSHIM_JMP | BPFSHIM_JLT, d, 0, -(s32)(2 + r(g, 2)), (s32)r(g, 20));
	}
}

u32 gen_program(u64 seed, struct bpfshim_insn *out)
{
	struct gen g = { seed * 2685821657736338717ULL + 1, out, 0, 0x402, 0 };
	u32 pieces, i;

	gen_rnd(&g.rng);
	gen_rnd(&g.rng);
	if (!r(&g, 20)) {	/* bytes of chance */
		u32 n = 1 + r(&g, 24);

		for (i = 0; i < n * sizeof(*out); i++)
			((u8 *)out)[i] = (u8)gen_rnd(&g.rng);
		return n;
	}
	emit(&g, BPFSHIM_ALU64 | BPFSHIM_MOV | BPFSHIM_X, 6, 1, 0, 0);
	made(&g, 6, false);
	for (i = 7; i < 10; i++) {
		emit(&g, BPFSHIM_ALU64 | BPFSHIM_MOV, (u8)i, 0, 0, number(&g));
		made(&g, (u8)i, true);
	}
	pieces = 1 + r(&g, 14);
	for (i = 0; i < pieces; i++)
		gen_piece(&g);
	/* Jumps ahead land in here. */
	for (i = 0; i < 7; i++)
		emit(&g, BPFSHIM_ALU64 | BPFSHIM_MOV, (u8)r(&g, 6), 0, 0, 0);
	g.n = g.n > GEN_MAX - 3 ? GEN_MAX - 3 : g.n;
	out[g.n].code = BPFSHIM_ALU64 | BPFSHIM_MOV;
	out[g.n].dst_reg = out[g.n].src_reg = 0;
	out[g.n].off = 0;
	out[g.n++].imm = 0;
	memset(&out[g.n], 0, sizeof(out[0]));
	out[g.n++].code = BPFSHIM_JMP | BPFSHIM_EXIT;
	if (!r(&g, 10)) {	/* one instruction spoilt */
		struct bpfshim_insn *v = &out[r(&g, g.n)];

		((u8 *)v)[r(&g, 8)] ^= (u8)(1 << r(&g, 8));
	}
	return g.n;
}
