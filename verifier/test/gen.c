// SPDX-License-Identifier: GPL-2.0
/*
 * Random programs: arithmetic, branches, loops, functions and callbacks.
 * The generator keeps a rough idea of what registers hold, so that the
 * verifier accepts many; it is the verifier that is asked, not the generator.
 */
#include <string.h>
#include "gen.h"

void gen_emit(struct gen *g, u8 code, u32 dst, u32 src, s32 off, s32 imm)
{
	struct bpfshim_insn *i = &g->p->insns[g->p->len];

	if (g->p->len >= PROG_MAX - 12)
		return;
	i->code = code;
	i->dst_reg = dst & 15;
	i->src_reg = src & 15;
	i->off = (s16)off;
	i->imm = imm;
	g->p->len++;
}

s32 gen_number(struct gen *g)
{
	static const s32 some[] = { 0, 1, 2, 3, 4, 7, 8, 15, 16, 23, 24, 31, 32, 39, 40, 47, 48, 63, 64, -1, -2, -8, 127,
		128, 255, 256, 0x7fffffff, (s32)0x80000000, 0xffff, 0x10000 };

	return BR(g, 5) ? some[BR(g, ARRAY_SIZE(some))] : (s32)rnd(&g->rng);
}

s32 gen_away(struct gen *g)
{
	return BR(g, 5) ? TO_END : (s32)BR(g, 4);
}

s32 gen_find(struct gen *g, u8 kind)
{
	u32 at = BR(g, 10), i;

	for (i = 0; i < 10; i++)
		if (g->r[(at + i) % 10].kind == kind)
			return (s32)((at + i) % 10);
	return -1;
}

void gen_num(struct gen *g, u32 reg, u32 max)
{
	if (reg > 9)
		return;
	memset(&g->r[reg], 0, sizeof(g->r[reg]));
	g->r[reg].kind = R_NUM;
	g->r[reg].max = max;
}

/* Somewhere a new value may go, mostly no pointer. */
static u32 target(struct gen *g)
{
	u32 i, at = BR(g, 10);

	for (i = 0; i < 10; i++)
		if (g->r[(at + i) % 10].kind <= R_NUM)
			return (at + i) % 10;
	return at;
}

void gen_call_helper(struct gen *g, s32 id)
{
	u32 i;

	gen_emit(g, BPFSHIM_JMP | BPFSHIM_CALL, 0, 0, 0, id);
	for (i = 1; i < 6; i++)
		g->r[i].kind = R_NONE;
	gen_num(g, 0, 0);
}

/* An unknown number, out of one source or the other. */
u32 gen_any_num(struct gen *g)
{
	static const u8 sizes[] = { BPFSHIM_B, BPFSHIM_H, BPFSHIM_W, BPFSHIM_DW };
	u32 d = target(g);
	s32 p;

	switch (BR(g, 4)) {
	case 0:
		gen_call_helper(g, BR(g, 2) ? 7 : 5);
		d = 6 + BR(g, 4);
		if (g->r[d].kind > R_NUM)
			return 0;
		gen_emit(g, MOV64X, d, 0, 0, 0);
		break;
	case 1:
		p = gen_find(g, R_VALUE);
		if (p < 0)
			gen_ld_map(g, d, M_ARRAY1, true, 0);
		gen_emit(g, LDXM | sizes[BR(g, 4)], d, p < 0 ? d : (u32)p, 0, 0);
		break;
	case 2:
		p = gen_find(g, R_CTX);
		if (p < 0)
			return 0;
		gen_emit(g, LDXM | BPFSHIM_DW, d, (u32)p, g->p->type == BPFSHIM_PROG_TYPE_XDP ? 12 : 16, 0);
		if (g->p->type != BPFSHIM_PROG_TYPE_KPROBE && g->p->type != BPFSHIM_PROG_TYPE_PERF_EVENT &&
		    g->p->type != BPFSHIM_PROG_TYPE_RAW_TRACEPOINT && g->p->type != BPFSHIM_PROG_TYPE_TRACEPOINT)
			g->p->insns[g->p->len - 1].code = LDXM | BPFSHIM_W;
		break;
	default:
		p = gen_find(g, R_NUM);
		return p < 0 ? 0 : (u32)p;
	}
	gen_num(g, d, 0);
	return d;
}

/* ---- arithmetic --------------------------------------------------------- */

static const u8 ops[] = { BPFSHIM_ADD, BPFSHIM_SUB, BPFSHIM_MUL, BPFSHIM_DIV, BPFSHIM_OR, BPFSHIM_AND, BPFSHIM_LSH,
	BPFSHIM_RSH, BPFSHIM_NEG, BPFSHIM_MOD, BPFSHIM_XOR, BPFSHIM_MOV, BPFSHIM_ARSH };
static const u8 conds[] = { BPFSHIM_JEQ, BPFSHIM_JGT, BPFSHIM_JGE, BPFSHIM_JSET, BPFSHIM_JNE, BPFSHIM_JSGT,
	BPFSHIM_JSGE, BPFSHIM_JLT, BPFSHIM_JLE, BPFSHIM_JSLT, BPFSHIM_JSLE };

static bool is_shift(u8 op)
{
	return op == BPFSHIM_LSH || op == BPFSHIM_RSH || op == BPFSHIM_ARSH;
}

static void alu(struct gen *g)
{
	u8 op = ops[BR(g, ARRAY_SIZE(ops))], class = BR(g, 2) ? BPFSHIM_ALU64 : BPFSHIM_ALU;
	s32 d = gen_find(g, R_NUM), s = gen_find(g, R_NUM), v = gen_number(g);

	if (d < 0)
		return;
	if (op == BPFSHIM_MOV)
		d = (s32)target(g);
	if (op == BPFSHIM_NEG) {
		gen_emit(g, class | op, (u32)d, 0, 0, 0);
	} else if (BR(g, 3) && s >= 0) {
		gen_emit(g, class | op | BPFSHIM_X, (u32)d, (u32)s, 0, 0);
	} else if (!BR(g, 12)) {
		gen_emit(g, BPFSHIM_ALU | BPFSHIM_END | (BR(g, 2) ? BPFSHIM_X : 0), (u32)d, 0, 0, 16 << BR(g, 3));
	} else {
		if (is_shift(op))
			v &= class == BPFSHIM_ALU ? 31 : 63;
		else if (op == BPFSHIM_DIV || op == BPFSHIM_MOD)
			v = v ? v : 3;
		gen_emit(g, class | op, (u32)d, 0, 0, v);
	}
	gen_num(g, (u32)d, 0);
}

/* Make a number small, by one of many ways; max is what the programmer meant. */
static void bound(struct gen *g)
{
	u32 d = gen_any_num(g), max = BR(g, 3) ? 1 + BR(g, 40) : 7u << BR(g, 4), bits;
	s32 skip = gen_away(g);

	if (g->r[d].kind != R_NUM)
		return;
	switch (BR(g, 9)) {
	case 0:
		gen_emit(g, AND64K, d, 0, 0, (s32)max);
		break;
	case 1:
		gen_emit(g, BPFSHIM_ALU | BPFSHIM_AND, d, 0, 0, (s32)max);
		break;
	case 2:
		bits = 1 + BR(g, 6);
		gen_emit(g, BPFSHIM_ALU64 | BPFSHIM_RSH, d, 0, 0, 64 - (s32)bits);
		max = (1u << bits) - 1;
		break;
	case 3:
		bits = 1 + BR(g, 6);
		gen_emit(g, BPFSHIM_ALU | BPFSHIM_RSH, d, 0, 0, 32 - (s32)bits);
		max = (1u << bits) - 1;
		break;
	case 4:
		gen_emit(g, BPFSHIM_JMP | BPFSHIM_JGT, d, 0, skip, (s32)max);
		gen_emit(g, BPFSHIM_JMP | BPFSHIM_JLT, d, 0, skip, (s32)BR(g, 4));
		break;
	case 5:
		gen_emit(g, BPFSHIM_JMP | BPFSHIM_JSGT, d, 0, skip, (s32)max);
		gen_emit(g, BPFSHIM_JMP | BPFSHIM_JSLT, d, 0, skip, (s32)BR(g, 3) - 1);
		break;
	case 6:
		gen_emit(g, BPFSHIM_JMP32 | BPFSHIM_JGT, d, 0, skip, (s32)max);
		if (BR(g, 3))
			gen_emit(g, BPFSHIM_ALU | BPFSHIM_MOV | BPFSHIM_X, d, d, 0, 0);
		break;
	case 7:
		gen_emit(g, BPFSHIM_ALU64 | BPFSHIM_LSH, d, 0, 0, 32);
		gen_emit(g, BPFSHIM_ALU64 | (BR(g, 2) ? BPFSHIM_ARSH : BPFSHIM_RSH), d, 0, 0, 32);
		gen_emit(g, BPFSHIM_JMP | BPFSHIM_JGT, d, 0, skip, (s32)max);
		break;
	default:
		gen_emit(g, AND64K, d, 0, 0, (s32)max);
		gen_emit(g, BPFSHIM_ALU64 | (BR(g, 2) ? BPFSHIM_LSH : BPFSHIM_MUL), d, 0, 0, (s32)BR(g, 4));
		gen_emit(g, BPFSHIM_ALU64 | (BR(g, 2) ? BPFSHIM_ARSH : BPFSHIM_RSH), d, 0, 0, (s32)BR(g, 4));
	}
	gen_num(g, d, max);
}

/* One number in two places, one of them checked, the other used. */
static void equals(struct gen *g)
{
	u32 a = gen_any_num(g), b = target(g), max = 1 + BR(g, 40);

	if (g->r[a].kind != R_NUM || a == b)
		return;
	if (BR(g, 3) == 0)
		gen_emit(g, BPFSHIM_ALU | BPFSHIM_MOV | BPFSHIM_X, a, a, 0, 0);
	if (BR(g, 4)) {
		gen_emit(g, BR(g, 5) ? MOV64X : BPFSHIM_ALU | BPFSHIM_MOV | BPFSHIM_X, b, a, 0, 0);
	} else {
		gen_emit(g, STXM | (BR(g, 2) ? BPFSHIM_DW : BPFSHIM_W), 10, a, -8, 0);
		gen_emit(g, LDXM | (BR(g, 2) ? BPFSHIM_DW : BPFSHIM_W), b, 10, -8, 0);
		gen_num(g, 0, 0);
		g->slot[0] = g->r[a];
	}
	gen_num(g, b, 0);
	if (!BR(g, 6))
		gen_emit(g, ADD64K, BR(g, 2) ? a : b, 0, 0, gen_number(g));
	gen_emit(g, (BR(g, 3) ? BPFSHIM_JMP : BPFSHIM_JMP32) | BPFSHIM_JGT, a, 0, gen_away(g), (s32)max);
	g->r[a].max = g->r[b].max = max;
}

/* Equal on one way, not on the other; then one is checked, the other used. */
static void maybe_equal(struct gen *g)
{
	u32 a = gen_any_num(g), b = 6 + BR(g, 4), c = gen_any_num(g), max = 1 + BR(g, 30), at;
	s32 other = gen_find(g, R_NUM), v;

	if (g->r[a].kind != R_NUM || g->r[c].kind != R_NUM || a == b || g->r[b].kind > R_NUM)
		return;
	if (other >= 0 && (u32)other != a)
		gen_emit(g, MOV64X, b, (u32)other, 0, 0);
	else
		gen_emit(g, MOV64K, b, 0, 0, gen_number(g));
	at = g->p->len;
	gen_emit(g, BPFSHIM_JMP | conds[BR(g, ARRAY_SIZE(conds))], c, 0, 1, gen_number(g));
	if (BR(g, 4)) {
		gen_emit(g, MOV64X, b, a, 0, 0);
	} else {	/* in memory */
		gen_emit(g, STXM | BPFSHIM_DW, 10, b, -24, 0);
		gen_emit(g, STXM | BPFSHIM_DW, 10, a, -24, 0);
		gen_emit(g, LDXM | BPFSHIM_DW, b, 10, -24, 0);
		g->slot[2].kind = R_NONE;
		if (at < g->p->len)
			g->p->insns[at].off = (s16)(1 + BR(g, 2));
	}
	gen_num(g, b, 0);
	if (BR(g, 2))
		gen_piece(g);
	if (g->r[a].kind != R_NUM || g->r[b].kind != R_NUM)
		return;
	gen_emit(g, (BR(g, 4) ? BPFSHIM_JMP : BPFSHIM_JMP32) | BPFSHIM_JGT, a, 0, TO_END, (s32)max);
	g->r[a].max = g->r[b].max = max;
	v = gen_find(g, R_VALUE);
	if (v < 0 || g->r[v].room < (s32)max + 8) {
		v = (s32)BR(g, 6);
		if ((u32)v == b || g->r[v].kind > R_NUM)
			return;
		gen_ld_map(g, (u32)v, M_ARRAY1, true, 0);
		g->r[v].kind = R_NONE;
	}
	gen_emit(g, ADD64X, (u32)v, b, 0, 0);
	gen_emit(g, LDXM | BPFSHIM_B, b, (u32)v, 0, 0);
	g->r[v].kind = R_NONE;
	gen_num(g, b, 255);
}

/* A number that two ways set differently, and that matters only later. */
static void chosen(struct gen *g)
{
	u32 c = gen_any_num(g), d = 6 + BR(g, 4), op = conds[BR(g, ARRAY_SIZE(conds))], v = BR(g, 40);

	if (g->r[c].kind != R_NUM || g->r[d].kind > R_NUM || c == d)
		return;
	gen_emit(g, MOV64K, d, 0, 0, (s32)(BR(g, 2) ? BR(g, 16) : v));
	gen_emit(g, (BR(g, 2) ? BPFSHIM_JMP : BPFSHIM_JMP32) | (u8)op, c, 0, 1, gen_number(g));
	gen_emit(g, BR(g, 3) ? MOV64K : ADD64K, d, 0, 0, (s32)(BR(g, 4) ? BR(g, 16) : BR(g, 70)));
	gen_num(g, d, 15);
	if (BR(g, 2)) {	/* by way of the stack */
		gen_emit(g, STXM | BPFSHIM_DW, 10, d, -16, 0);
		g->slot[1] = g->r[d];
	}
	/* Things that end in a place where states are compared. */
	gen_pieces(g, 1 + BR(g, 3));
	if (g->r[d].kind == R_NUM && BR(g, 2)) {
		gen_emit(g, (BR(g, 2) ? BPFSHIM_JMP : BPFSHIM_JMP32) | conds[BR(g, ARRAY_SIZE(conds))], d, 0, 1, (s32)BR(g, 32));
		gen_emit(g, MOV64K, d, 0, 0, (s32)BR(g, 16));
	}
}

/* ---- control flow ------------------------------------------------------- */

/* What both ways agree on is known after them. */
static void merge(struct gen *g, const struct greg *was)
{
	u32 i;

	for (i = 0; i < 10; i++) {
		if (g->r[i].kind != was[i].kind || g->r[i].map != was[i].map)
			g->r[i].kind = R_NONE;
		if (was[i].max > g->r[i].max || !was[i].max)
			g->r[i].max = was[i].max;
	}
}

static void patch(struct gen *g, u32 at)
{
	g->p->insns[at].off = (s16)(g->p->len - at - 1);
}

static void branch(struct gen *g)
{
	u8 class = BR(g, 2) ? BPFSHIM_JMP : BPFSHIM_JMP32, c = conds[BR(g, ARRAY_SIZE(conds))];
	struct greg was[11], end[11];
	s32 d = gen_find(g, R_NUM), s = gen_find(g, R_NUM);
	u32 at, over;

	if (d < 0 || g->depth > 3)
		return;
	at = g->p->len;
	if (BR(g, 3) && s >= 0)
		gen_emit(g, class | c | BPFSHIM_X, (u32)d, (u32)s, 0, 0);
	else
		gen_emit(g, class | c, (u32)d, 0, 0, gen_number(g));
	if (g->p->len == at)
		return;
	memcpy(was, g->r, sizeof(was));
	gen_pieces(g, 1 + BR(g, 2));
	if (BR(g, 2)) {
		over = g->p->len;
		gen_emit(g, BPFSHIM_JMP | BPFSHIM_JA, 0, 0, 0, 0);
		patch(g, at);
		if (g->p->len == over)
			return;
		memcpy(end, g->r, sizeof(end));
		memcpy(g->r, was, sizeof(was));
		gen_pieces(g, 1 + BR(g, 2));
		patch(g, over);
		merge(g, end);
	} else {
		patch(g, at);
		merge(g, was);
	}
}

static void loop(struct gen *g)
{
	u32 c = 6 + BR(g, 4), i, start, n = 1 + BR(g, 6);
	struct greg was[11];

	if (g->r[c].kind > R_NUM || g->depth > 2)
		return;
	gen_emit(g, MOV64K, c, 0, 0, 0);
	g->r[c].kind = R_NONE;		/* not to be touched */
	/* What the body leaves behind must do for its beginning. */
	for (i = 1; i < 6; i++)
		g->r[i].kind = R_NONE;
	gen_num(g, 0, 0);
	gen_emit(g, MOV64K, 0, 0, 0, 0);
	memcpy(was, g->r, sizeof(was));
	start = g->p->len;
	gen_pieces(g, 1 + BR(g, 2));
	for (i = 6; i < 10; i++)
		if (i != c && g->r[i].kind != was[i].kind && was[i].kind == R_NUM)
			gen_emit(g, MOV64K, i, 0, 0, 0);
	gen_emit(g, BR(g, 4) ? ADD64K : BPFSHIM_ALU | BPFSHIM_ADD, c, 0, 0, 1 + (s32)(BR(g, 6) == 0));
	i = g->p->len;
	gen_emit(g, (BR(g, 3) ? BPFSHIM_JMP : BPFSHIM_JMP32) | (BR(g, 5) ? BPFSHIM_JLT : BPFSHIM_JNE), c, 0, 0, (s32)n);
	if (g->p->len == i)
		return;
	g->p->insns[i].off = (s16)((s32)start - (s32)i - 1);
	memcpy(g->r, was, sizeof(was));
	gen_num(g, c, n + 1);
}

/* ---- functions ---------------------------------------------------------- */

static void call_func(struct gen *g)
{
	static const u8 cb_maps[] = { M_ARRAY1, M_HASH };
	u8 sig = (u8)BR(g, 6);
	u32 i, map;
	s32 s;

	if (g->nfuncs == ARRAY_SIZE(g->func) || g->p->len > PROG_MAX - 60)
		return;
	g->func[g->nfuncs].sig = sig;
	switch (sig) {
	case SIG_NUMS:
	case SIG_GLOBAL:
		for (i = 1; i < 3; i++) {
			s = gen_find(g, R_NUM);
			if (s >= 0 && BR(g, 4))
				gen_emit(g, MOV64X, i, (u32)s, 0, 0);
			else
				gen_emit(g, MOV64K, i, 0, 0, gen_number(g));
		}
		break;
	case SIG_PTR:
		s = gen_find(g, R_VALUE);
		gen_emit(g, STM | BPFSHIM_DW, 10, 0, -40, gen_number(g));
		gen_emit(g, MOV64X, 1, s >= 0 && BR(g, 2) && g->r[s].map == M_ARRAY1 ? (u32)s : 10, 0, 0);
		if (g->p->insns[g->p->len - 1].src_reg == 10)
			gen_emit(g, ADD64K, 1, 0, 0, -40);
		gen_emit(g, MOV64K, 2, 0, 0, (s32)BR(g, 32));
		break;
	default:
		gen_emit(g, STM | BPFSHIM_DW, 10, 0, -48, (s32)BR(g, 20));
		map = cb_maps[sig == SIG_EACH_HASH];
		if (sig == SIG_LOOP)
			gen_emit(g, MOV64K, 1, 0, 0, 1 + (s32)BR(g, 8));
		else
			gen_ld_map(g, 1, map, false, 0);
		gen_emit(g, BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW, 2, BPFSHIM_PSEUDO_FUNC, 0, 0);
		g->func[g->nfuncs].call = g->p->len - 1;
		gen_emit(g, 0, 0, 0, 0, 0);
		if (BR(g, 5)) {
			gen_emit(g, MOV64X, 3, 10, 0, 0);
			gen_emit(g, ADD64K, 3, 0, 0, -48);
		} else {
			gen_emit(g, MOV64K, 3, 0, 0, 0);
		}
		gen_emit(g, MOV64K, 4, 0, 0, 0);
		gen_call_helper(g, sig == SIG_LOOP ? 181 : 164);
		g->slot[5].kind = R_NONE;
		g->nfuncs++;
		return;
	}
	g->func[g->nfuncs++].call = g->p->len;
	gen_call_helper(g, 0);
	g->p->insns[g->p->len - 1].src_reg = BPFSHIM_PSEUDO_CALL;
	for (i = 0; i < 12; i++)
		g->slot[i].kind = R_NONE;
}

static void set(struct gen *g, u32 reg, u8 kind, u8 map)
{
	memset(&g->r[reg], 0, sizeof(g->r[reg]));
	g->r[reg].kind = kind;
	g->r[reg].map = map;
	g->r[reg].room = (s16)(kind == R_VALUE ? (s32)world_maps[map].value : kind == R_FP ? 8 : 0);
}

/* Jumps of the function that begins at start: to its end, and not into the
 * middle of an instruction. */
static void resolve(struct gen *g, u32 start)
{
	u32 i, end = g->p->len - 2;
	struct bpfshim_insn *in;
	s32 to;

	for (i = start; i < g->p->len; i++) {
		in = &g->p->insns[i];
		if ((BPFSHIM_CLASS(in->code) != BPFSHIM_JMP && BPFSHIM_CLASS(in->code) != BPFSHIM_JMP32) ||
		    BPFSHIM_OP(in->code) == BPFSHIM_CALL || BPFSHIM_OP(in->code) == BPFSHIM_EXIT)
			continue;
		to = (s32)i + 1 + in->off;
		if (in->off == TO_END || to > (s32)end)
			to = (s32)end;
		if (to > 0 && g->p->insns[to - 1].code == (BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW))
			to++;
		in->off = (s16)(to - (s32)i - 1);
	}
}

static void finish(struct gen *g, u32 start, bool small)
{
	u32 i;

	if (small) {
		i = gen_find(g, R_NUM) >= 0 ? (u32)gen_find(g, R_NUM) : 10;
		if (i < 10 && BR(g, 2)) {
			gen_emit(g, MOV64X, 0, i, 0, 0);
			gen_emit(g, AND64K, 0, 0, 0, 1);
		} else {
			gen_emit(g, MOV64K, 0, 0, 0, BR(g, 8) ? 0 : 1);
		}
		gen_emit(g, BPFSHIM_JMP | BPFSHIM_JA, 0, 0, 1, 0);
	} else if (g->r[0].kind == R_NUM && BR(g, 2)) {
		gen_emit(g, BPFSHIM_JMP | BPFSHIM_JA, 0, 0, 1, 0);
	}
	if (g->p->len > PROG_MAX - 4)
		g->p->len = PROG_MAX - 4;
	memset(&g->p->insns[g->p->len], 0, 2 * sizeof(g->p->insns[0]));
	g->p->insns[g->p->len++].code = MOV64K;
	g->p->insns[g->p->len++].code = BPFSHIM_JMP | BPFSHIM_EXIT;
	resolve(g, start);
}

static void function(struct gen *g, u32 n)
{
	u32 start = g->p->len;

	memset(g->r, 0, sizeof(g->r));
	memset(g->slot, 0, sizeof(g->slot));
	set(g, 10, R_FP, 0);
	g->in_callback = g->func[n].sig >= SIG_LOOP;
	switch (g->func[n].sig) {
	case SIG_NUMS:
	case SIG_GLOBAL:
		gen_num(g, 1, 0);
		gen_num(g, 2, 0);
		break;
	case SIG_PTR:
		set(g, 1, R_VALUE, M_HASH);
		g->r[1].room = 8;
		gen_num(g, 2, 31);
		break;
	case SIG_LOOP:
		gen_num(g, 1, 0);
		set(g, 2, R_VALUE, M_HASH);
		g->r[2].room = 8;
		break;
	default:
		set(g, 3, R_VALUE, g->func[n].sig == SIG_EACH_HASH ? M_HASH : M_ARRAY1);
		set(g, 4, R_VALUE, M_HASH);
		g->r[4].room = 8;
	}
	if (g->p->len > PROG_MAX - 24) {
		gen_emit(g, MOV64K, 0, 0, 0, 0);
		gen_emit(g, BPFSHIM_JMP | BPFSHIM_EXIT, 0, 0, 0, 0);
	} else {
		gen_pieces(g, 1 + BR(g, 3));
		finish(g, start, g->in_callback);
	}
	g->p->insns[g->func[n].call].imm = (s32)(start - g->func[n].call - 1);
}

/* ---- programs ----------------------------------------------------------- */

void gen_piece(struct gen *g)
{
	switch (BR(g, 22)) {
	case 0: case 1: case 2:
		alu(g);
		break;
	case 3: case 4:
		bound(g);
		break;
	case 5:
		if (BR(g, 3))
			equals(g);
		else
			maybe_equal(g);
		break;
	case 6:
		chosen(g);
		break;
	case 7: case 8:
		branch(g);
		break;
	case 9:
		loop(g);
		break;
	case 10:
		call_func(g);
		break;
	case 11: case 12: case 13:
		gen_lookup(g);
		break;
	case 14:
		gen_packet(g);
		break;
	case 15:
		if (BR(g, 2))
			gen_record(g);
		else
			gen_lock(g);
		break;
	case 16:
		gen_dynptr(g);
		break;
	case 17:
		if (!BR(g, 3))
			gen_odd(g);
		else
			gen_memory(g);
		break;
	default:
		gen_memory(g);
	}
}

void gen_pieces(struct gen *g, u32 n)
{
	if (g->depth > 4)
		return;
	g->depth++;
	while (n-- && g->p->len < PROG_MAX - 50)
		gen_piece(g);
	g->depth--;
}

void gen_program(u64 seed, struct prog *p)
{
	static const u8 types[] = { BPFSHIM_PROG_TYPE_KPROBE, BPFSHIM_PROG_TYPE_RAW_TRACEPOINT,
		BPFSHIM_PROG_TYPE_PERF_EVENT, BPFSHIM_PROG_TYPE_SCHED_CLS, BPFSHIM_PROG_TYPE_XDP,
		BPFSHIM_PROG_TYPE_SOCKET_FILTER, BPFSHIM_PROG_TYPE_SCHED_CLS, BPFSHIM_PROG_TYPE_CGROUP_SKB };
	struct gen gen, *g = &gen;
	u32 i, start[32], n;

	memset(p, 0, sizeof(*p));
	memset(g, 0, sizeof(*g));
	g->rng = seed * 2685821657736338717ULL + 1;
	rnd(&g->rng);
	rnd(&g->rng);
	g->p = p;
	p->type = types[BR(g, ARRAY_SIZE(types))];
	p->flags = BR(g, 2) ? 0 : BPFSHIM_F_TEST_STATE_FREQ;
	if (!BR(g, 60)) {	/* bytes of chance */
		p->len = 1 + BR(g, 24);
		for (i = 0; i < p->len * sizeof(p->insns[0]); i++)
			((u8 *)p->insns)[i] = (u8)rnd(&g->rng);
		return;
	}
	set(g, 1, R_CTX, 0);
	set(g, 10, R_FP, 0);
	gen_emit(g, MOV64X, 6, 1, 0, 0);
	set(g, 6, R_CTX, 0);
	for (i = 0; i < 10; i++) {
		if (i == 1 || i == 6 || (i < 6 && BR(g, 2)))
			continue;
		gen_emit(g, MOV64K, i, 0, 0, gen_number(g));
		gen_num(g, i, 0);
	}
	gen_pieces(g, 2 + BR(g, 8));
	finish(g, 0, p->type == BPFSHIM_PROG_TYPE_CGROUP_SKB);
	for (i = 0; i < g->nfuncs; i++)
		function(g, i);
	n = world_subs(p, start, ARRAY_SIZE(start));
	for (i = 0; i < g->nfuncs && i + 1 < n; i++)
		if (g->func[i].sig == SIG_GLOBAL)
			p->globals |= 1u << (i + 1);
	if (!BR(g, 6))
		gen_mutate(rnd(&g->rng), p, NULL);
}
