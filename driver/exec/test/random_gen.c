// SPDX-License-Identifier: GPL-2.0
/*
 * Makes random programs.  A function is a list of units; jumps go from unit to
 * unit.  Stack: [-8] the memory pointer, [-16] a spare, [-24] turns of loops
 * left, [-32 .. -96) data, [-104] keys, [-112] the first function's context.
 */
#include <stdio.h>
#include <stdlib.h>
#include "random.h"

#define OP(class, op, src) (BPFSHIM_##class | BPFSHIM_##op | BPFSHIM_##src)
#define LDX_DW	(BPFSHIM_LDX | BPFSHIM_MEM | BPFSHIM_DW)
#define STX_DW	(BPFSHIM_STX | BPFSHIM_MEM | BPFSHIM_DW)
#define ST_DW	(BPFSHIM_ST | BPFSHIM_MEM | BPFSHIM_DW)
#define MAX_UNITS 200

static u64 rng;
static struct random_prog *p;
static u32 unit_at[MAX_UNITS], nr_units;
/* jumps to patch: instruction, target unit */
static u32 jump_at[MAX_UNITS], jump_to[MAX_UNITS], nr_jumps;
static u32 fn, nr_fns;
static bool tails, verified;
static u32 busy;		/* a register with an address in it */
/* calls to patch: instruction, function */
static u32 call_at[400], call_to[400], nr_calls;

void random_seed(u64 seed)
{
	rng = seed * 0x9e3779b97f4a7c15ULL + 0x1234567;
}

static u64 rnd(void)
{
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return rng * 0x2545f4914f6cdd1dULL;
}

static u32 below(u32 n)
{
	return (rnd() >> 33) % n;
}

u64 random_word(void)
{
	switch (below(7)) {
	case 0:
		return vec_edges[below(vec_nr_edges)];
	case 1:
		return (u64)(s64)vec_imms[below(vec_nr_imms)];
	case 2:
		return below(256);
	case 3:
		return (u32)rnd();
	case 4:
		return (u64)(s64)(s32)rnd();
	default:
		return rnd();
	}
}

static void put(u32 code, u32 dst, u32 src, s32 off, s32 imm)
{
	struct bpfshim_insn *in = &p->insns[p->n];

	if (p->n == RANDOM_MAX_INSNS) {
		fprintf(stderr, "random program too long\n");
		exit(2);
	}
	memset(&p->notes[p->n], 0, sizeof(p->notes[0]));
	p->notes[p->n].map_idx = -1;
	p->n++;
	in->code = code;
	in->dst_reg = dst;
	in->src_reg = src;
	in->off = off;
	in->imm = imm;
}

static s32 imm(void)
{
	return (s32)random_word();
}

static u32 reg(void)
{
	u32 r;

	do {
		r = below(10);
	} while (verified && r == busy);
	return r;
}

/* Another register than r. */
static u32 other(u32 r)
{
	u32 o;

	do {
		o = (r + 1 + below(9)) % 10;
	} while (verified && o == busy);
	return o;
}

static void imm64(u32 dst, u64 v)
{
	put(OP(LD, IMM, DW), dst, 0, 0, (s32)v);
	put(0, 0, 0, 0, (s32)(v >> 32));
}

static void memory(u32 dst)
{
	put(OP(LD, IMM, DW), dst, BPFSHIM_PSEUDO_MAP_IDX_VALUE, 0, 0);
	put(0, 0, 0, 0, 0);
}

static void alu(u32 dst)
{
	static const u8 ops[] = { BPFSHIM_ADD, BPFSHIM_SUB, BPFSHIM_MUL, BPFSHIM_DIV,
		BPFSHIM_OR, BPFSHIM_AND, BPFSHIM_LSH, BPFSHIM_RSH, BPFSHIM_MOD,
		BPFSHIM_XOR, BPFSHIM_MOV, BPFSHIM_ARSH, BPFSHIM_ADD, BPFSHIM_MOV };
	u32 op = ops[below(ARRAY_SIZE(ops))];
	u32 class = below(2) ? BPFSHIM_ALU : BPFSHIM_ALU64;
	bool divides = op == BPFSHIM_DIV || op == BPFSHIM_MOD;
	s32 v = imm(), off = divides && !below(3) && !verified;

	if (divides && verified && !v)
		v = 7;

	if (below(2)) {
		if (op == BPFSHIM_LSH || op == BPFSHIM_RSH || op == BPFSHIM_ARSH)
			v &= class == BPFSHIM_ALU ? 31 : 63;
		put(class | op | BPFSHIM_K, dst, 0, off, v);
	} else {
		if (op == BPFSHIM_MOV && !below(4) && !verified)
			off = class == BPFSHIM_ALU ? 8 << below(2) : 8 << below(3);
		put(class | op | BPFSHIM_X, dst, reg(), off, 0);
	}
}

static u32 access(u32 *size)
{
	static const u8 codes[] = { BPFSHIM_B, BPFSHIM_H, BPFSHIM_W, BPFSHIM_DW };
	u32 i = below(4);

	*size = 1u << i;
	return codes[i];
}

static const u8 conditions[] = { BPFSHIM_JEQ, BPFSHIM_JNE, BPFSHIM_JGT, BPFSHIM_JGE,
	BPFSHIM_JLT, BPFSHIM_JLE, BPFSHIM_JSGT, BPFSHIM_JSGE, BPFSHIM_JSLT,
	BPFSHIM_JSLE, BPFSHIM_JSET };

/* if r ... goto +off */
static void condition(u32 r, s32 off)
{
	u32 class = below(2) ? BPFSHIM_JMP : BPFSHIM_JMP32, op = conditions[below(11)];

	if (below(2))
		put(class | op | BPFSHIM_K, r, 0, off, imm());
	else
		put(class | op | BPFSHIM_X, r, reg(), off, 0);
}

/* Pairs that compilers write, and that a JIT may take together. */
static void idiom(void)
{
	u32 a = reg(), b = other(a), n = 8u << below(3);

	switch (below(12)) {
	case 9:		/* a constant for memory alone */
		put(below(2) ? OP(ALU64, MOV, K) : OP(ALU, MOV, K), a, 0, 0, imm());
		put(BPFSHIM_STX | BPFSHIM_MEM | access(&n), 10, a, -96 + 8 * (s32)below(8), 0);
		put(OP(ALU64, MOV, K), a, 0, 0, imm());
		break;
	case 10:	/* a value that is only compared */
		put(BPFSHIM_LDX | BPFSHIM_MEM | access(&n), a, 10, -96 + 8 * (s32)below(8), 0);
		condition(a, 1);
		put(OP(ALU64, XOR, K), b, 0, 0, imm());
		put(OP(ALU64, MOV, K), a, 0, 0, imm());
		break;
	case 11:	/* is the result zero? */
		alu(a);
		put((below(2) ? BPFSHIM_JMP : BPFSHIM_JMP32) |
		    (below(2) ? BPFSHIM_JEQ : BPFSHIM_JNE) | BPFSHIM_K, a, 0, 1, 0);
		put(OP(ALU64, XOR, K), b, 0, 0, imm());
		break;
	case 0:
		put(OP(ALU64, MOV, X), a, b, 0, 0);
		put(OP(ALU64, ADD, K), a, 0, 0, imm());
		break;
	case 1:
		put(OP(ALU64, MOV, X), a, b, 0, 0);
		put(OP(ALU64, ADD, X), a, reg(), 0, 0);
		break;
	case 2:
		put(OP(ALU64, LSH, K), a, 0, 0, 64 - n);
		put(below(2) ? OP(ALU64, RSH, K) : OP(ALU64, ARSH, K), a, 0, 0,
		    below(8) ? 64 - n : below(64));
		break;
	case 3:
		put(OP(ALU64, MOV, X), a, b, 0, 0);
		put(OP(ALU64, LSH, K), a, 0, 0, 64 - n);
		put(below(2) ? OP(ALU64, RSH, K) : OP(ALU64, ARSH, K), a, 0, 0, 64 - n);
		break;
	case 4:
		put(below(2) ? OP(ALU64, MOV, X) : OP(ALU, MOV, X), a, b, 0, 0);
		put(below(2) ? OP(ALU64, AND, K) : OP(ALU, AND, K), a, 0, 0,
		    below(2) ? 0xff : below(2) ? 0xffff : imm());
		break;
	case 5:
		put(OP(ALU, MOV, X), a, b, 0, 0);
		put(OP(ALU, ADD, K), a, 0, 0, imm());
		break;
	case 6:
		put(below(2) ? OP(ALU64, MOV, X) : OP(ALU, MOV, X), a, b, 0, 0);
		put(below(2) ? OP(ALU64, MUL, K) : OP(ALU, MUL, K), a, 0, 0, imm());
		break;
	case 7:
		put(below(2) ? OP(ALU64, MOV, X) : OP(ALU, MOV, X), a, b, 0, 0);
		put(below(2) ? OP(ALU64, LSH, K) : OP(ALU, LSH, K), a, 0, 0, below(5));
		break;
	default:
		put(OP(ALU, MOV, X), a, a, 0, 0);
		put(OP(ALU64, MOV, X), b, a, 0, 0);
	}
}

/* Mode of a load of that size. */
static u32 extending(u32 size)
{
	return !verified && size < 8 && below(2) ? BPFSHIM_MEMSX : BPFSHIM_MEM;
}

static void stack_access(void)
{
	u32 size, code = access(&size), r = reg();
	s32 off = -96 + (s32)below(64 / size) * (s32)size;

	switch (below(4)) {
	case 0:
		put(BPFSHIM_ST | BPFSHIM_MEM | code, 10, 0, off, imm());
		break;
	case 1:
		put(BPFSHIM_STX | BPFSHIM_MEM | code, 10, r, off, 0);
		break;
	case 2:
		put(BPFSHIM_LDX | extending(size) | code,
		    r, 10, off, 0);
		break;
	default:
		put(OP(ALU64, MOV, X), r, 10, 0, 0);
		put(OP(ALU64, ADD, K), r, 0, 0, off);
		put(BPFSHIM_LDX | BPFSHIM_MEM | code, r, r, 0, 0);
	}
}

static void atomic(u32 ptr, s32 off)
{
	static const s32 ops[] = { BPFSHIM_ADD, BPFSHIM_OR, BPFSHIM_AND, BPFSHIM_XOR,
		BPFSHIM_ADD | 1, BPFSHIM_OR | 1, BPFSHIM_AND | 1, BPFSHIM_XOR | 1,
		BPFSHIM_XCHG, BPFSHIM_CMPXCHG };
	s32 op = ops[below(10)];
	u32 src = other(ptr);

	if (op == BPFSHIM_CMPXCHG && !ptr)
		op = BPFSHIM_XCHG;
	put(BPFSHIM_STX | BPFSHIM_ATOMIC | (below(2) ? BPFSHIM_W : BPFSHIM_DW), ptr, src,
	    off & ~7, op);
}

static void memory_access(void)
{
	u32 ptr = reg(), r = other(ptr), size, code = access(&size), i;
	s32 off = VEC_DATA + (s32)below(80);

	if (below(2))
		memory(ptr);
	else
		put(LDX_DW, ptr, 10, -8, 0);
	busy = ptr;
	switch (below(7)) {
	case 0:
		put(BPFSHIM_ST | BPFSHIM_MEM | code, ptr, 0, off, imm());
		break;
	case 1:
		put(BPFSHIM_STX | BPFSHIM_MEM | code, ptr, r, off, 0);
		break;
	case 2:		/* read, change, write back */
		put(BPFSHIM_LDX | BPFSHIM_MEM | code, r, ptr, off, 0);
		for (i = below(3); i; i--)
			alu(r);
		put(BPFSHIM_STX | BPFSHIM_MEM | code, ptr, r, off, 0);
		if (below(2))
			put(OP(ALU64, MOV, K), r, 0, 0, imm());
		break;
	case 3:		/* read, combine */
		put(BPFSHIM_LDX | BPFSHIM_MEM | code, r, ptr, off, 0);
		put(OP(ALU64, ADD, X), other(r), r, 0, 0);
		put(OP(ALU64, MOV, K), r, 0, 0, imm());
		break;
	case 4:
		atomic(ptr, off);
		break;
	case 5:		/* a load that may fault: sometimes it does */
		if (verified) {
			put(BPFSHIM_LDX | BPFSHIM_MEM | code, ptr, ptr, off, 0);
		} else if (below(2)) {
			put(BPFSHIM_LDX | extending(size) | code,
			    r, ptr, off, 0);
			p->notes[p->n - 1].probe_mem = 1;
		} else {
			imm64(ptr, below(2) ? below(4096) : 0xdead000000000000ULL | rnd() >> 16);
			put(BPFSHIM_LDX | BPFSHIM_MEM | code, r, ptr, below(64), 0);
			p->notes[p->n - 1].probe_mem = 1;
		}
		break;
	default:
		put(BPFSHIM_LDX | extending(size) | code,
		    below(2) ? r : ptr, ptr, off, 0);
	}
	/* addresses differ between runs: none may stay */
	put(OP(ALU64, MOV, K), ptr, 0, 0, imm());
	busy = 10;
}

/* After a call R1 to R5 are gone. */
static void after_call(void)
{
	u32 i;

	for (i = 1; i < 6; i++) {
		if (below(2))
			put(OP(ALU64, MOV, K), i, 0, 0, imm());
		else
			put(OP(ALU64, MOV, X), i, below(2) ? 0 : 6 + below(4), 0, 0);
	}
}

static void lookup(void)
{
	static const u8 maps[] = { RANDOM_MAP_ARRAY, RANDOM_MAP_PERCPU, RANDOM_MAP_HASH, RANDOM_MAP_PERCPU_HASH };
	u32 map = maps[below(4)], key = below(6), r = 1 + below(9);
	bool constant = below(2);

	if (constant)
		put(BPFSHIM_ST | BPFSHIM_MEM | BPFSHIM_W, 10, 0, -104, key);
	else
		put(BPFSHIM_STX | BPFSHIM_MEM | (below(2) ? BPFSHIM_B : BPFSHIM_W), 10, reg(), -104, 0);
	put(OP(LD, IMM, DW), 1, BPFSHIM_PSEUDO_MAP_IDX, 0, map);
	put(0, 0, 0, 0, 0);
	put(OP(ALU64, MOV, X), 2, 10, 0, 0);
	put(OP(ALU64, ADD, K), 2, 0, 0, -104);
	put(OP(JMP, CALL, K), 0, 0, 0, 1);
	p->notes[p->n - 1].map_idx = map;
	if (constant && below(2) && map < RANDOM_MAP_PROGS) {
		p->notes[p->n - 1].flags = BPFSHIM_AUX_CONST_KEY;
		p->notes[p->n - 1].const_key = key;
	}
	/* R8 may go into the value: no address, which each engine's map has of its own. */
	if (r == 8)
		r = 7;
	if (below(4) == 0)
		put(OP(ALU64, MOV, X), r, 0, 0, 0);
	if (below(2)) {
		put(OP(JMP, JEQ, K), 0, 0, below(2) ? 3 : 4, 0);
		put(LDX_DW, 6, 0, 8, 0);
		put(OP(ALU64, ADD, K), 6, 0, 0, 1);
		put(STX_DW, 0, 6, 8, 0);
	} else {
		put(OP(JMP, JNE, K), 0, 0, 1, 0);
		put(OP(JMP, JA, K), 0, 0, 2, 0);
		put(LDX_DW, 7, 0, 0, 0);
		put(STX_DW, 0, 8, 0, 0);
	}
	put(OP(ALU64, MOV, K), 0, 0, 0, imm());
	put(OP(ALU64, MOV, K), 0, 0, 0, imm());
	put(OP(ALU64, MOV, K), r, 0, 0, imm());
	after_call();
}

/* Behind it, when it went nowhere, R0 to R5 are as after any call. */
static void tail_call(void)
{
	u32 index = below(6);
	bool known = index < 4 && below(2);

	if (verified)
		put(LDX_DW, 1, 10, -112, 0);
	put(OP(LD, IMM, DW), 2, BPFSHIM_PSEUDO_MAP_IDX, 0, RANDOM_MAP_PROGS);
	put(0, 0, 0, 0, 0);
	if (known)
		put(OP(ALU64, MOV, K), 3, 0, 0, index);
	else
		put(OP(ALU64, AND, K), 3, 0, 0, 7);
	put(OP(JMP, CALL, K), 0, 0, 0, 12);
	p->notes[p->n - 1].map_idx = RANDOM_MAP_PROGS;
	if (known) {
		p->notes[p->n - 1].flags = BPFSHIM_AUX_CONST_KEY;
		p->notes[p->n - 1].const_key = index;
	}
	put(OP(ALU64, MOV, K), 0, 0, 0, imm());
	after_call();
}

static void call_function(u32 to)
{
	call_at[nr_calls] = p->n;
	call_to[nr_calls++] = to;
	put(OP(JMP, CALL, K), 0, BPFSHIM_PSEUDO_CALL, 0, 0);
}

static void call(void)
{
	u32 to = fn + 1 + below(3);

	switch (verified ? 1 + 2 * below(2) : below(4)) {
	case 0:
		put(OP(JMP, CALL, K), 0, 0, 0, RANDOM_HELPER_MIX);
		break;
	case 1:
		put(OP(JMP, CALL, K), 0, 0, 0, 8);
		break;
	case 2:
		if (to >= nr_fns || nr_calls == ARRAY_SIZE(call_at))
			return;
		call_at[nr_calls] = p->n;
		call_to[nr_calls++] = to;
		put(OP(LD, IMM, DW), 2, BPFSHIM_PSEUDO_FUNC, 0, to);
		put(0, 0, 0, 0, 0);
		put(OP(JMP, CALL, K), 0, 0, 0, RANDOM_HELPER_LOOP);
		break;
	default:
		if (to >= nr_fns || nr_calls == ARRAY_SIZE(call_at))
			return;
		call_function(to);
	}
	after_call();
}

static void jump(u32 unit, u32 units)
{
	u32 r = reg(), to = unit + 1 + below(units - unit);

	if (below(5) == 0 && unit) {
		/* back, while turns are left */
		put(STX_DW, 10, r, -16, 0);
		put(LDX_DW, r, 10, -24, 0);
		put(OP(ALU64, ADD, K), r, 0, 0, -1);
		put(STX_DW, 10, r, -24, 0);
		put(OP(JMP, JSLT, K), r, 0, 2, 0);
		put(LDX_DW, r, 10, -16, 0);
		jump_to[nr_jumps] = below(unit + 1);
		jump_at[nr_jumps++] = p->n;
		put(OP(JMP, JA, K), 0, 0, 0, 0);
		put(LDX_DW, r, 10, -16, 0);
		return;
	}
	jump_to[nr_jumps] = to;
	jump_at[nr_jumps++] = p->n;
	/* What lies behind a jump that is always taken may be reached by nobody. */
	if (!verified && below(8) == 0)
		put(below(2) ? OP(JMP, JA, K) : OP(JMP32, JA, K), 0, 0, 0, 0);
	else
		condition(r, 0);
}

static void unit(u32 n, u32 units)
{
	switch (below(12)) {
	case 0:
	case 1:
	case 2:
		alu(reg());
		break;
	case 3:
	case 4:
		idiom();
		break;
	case 5:
		imm64(reg(), random_word());
		break;
	case 6:
		put(verified || below(3) ? OP(ALU, END, K) | (below(2) ? BPFSHIM_TO_BE : 0) :
		    OP(ALU64, END, K), reg(), 0, 0, 16 << below(3));
		break;
	case 7:
		stack_access();
		break;
	case 8:
		memory_access();
		break;
	case 9:
		if (tails && !fn && below(2))
			tail_call();
		else if (below(2))
			lookup();
		else
			call();
		break;
	default:
		jump(n, units);
	}
}

static void function(u32 units)
{
	u32 i;
	s32 off;

	p->subs[fn] = p->n;
	p->stack[fn] = 112 + 8 * below(3);
	nr_units = nr_jumps = 0;
	if (!fn) {
		put(STX_DW, 10, 1, -112, 0);
		memory(9);
		put(STX_DW, 10, 9, -8, 0);
		for (i = 0; i < 10; i++)
			put(LDX_DW, i, 9, 8 * i, 0);
	} else {
		memory(0);
		put(STX_DW, 10, 0, -8, 0);
		for (i = 6; i < 10; i++)
			put(OP(ALU64, MOV, X), i, 1 + below(5), 0, 0);
		put(OP(ALU64, MOV, K), 0, 0, 0, imm());
	}
	put(ST_DW, 10, 0, -16, 0);
	put(ST_DW, 10, 0, -24, 10);
	put(ST_DW, 10, 0, -104, 0);
	for (off = -96; off < -32; off += 8)
		put(ST_DW, 10, 0, off, imm());
	for (i = 0; i < units; i++) {
		unit_at[i] = p->n;
		unit(i, units);
	}
	unit_at[units] = p->n;
	/* A function that nobody calls is refused. */
	for (i = 1; verified && !fn && i < nr_fns; i++) {
		call_function(i);
		after_call();
	}
	if (!fn) {
		put(STX_DW, 10, 9, -16, 0);
		put(LDX_DW, 9, 10, -8, 0);
		for (i = 0; i < 9; i++)
			put(STX_DW, 9, i, 80 + 8 * i, 0);
		put(LDX_DW, 8, 10, -16, 0);
		put(STX_DW, 9, 8, 152, 0);
	}
	put(OP(JMP, EXIT, K), 0, 0, 0, 0);
	for (i = 0; i < nr_jumps; i++) {
		s32 d = (s32)unit_at[jump_to[i]] - (s32)jump_at[i] - 1;

		if (p->insns[jump_at[i]].code == OP(JMP32, JA, K))
			p->insns[jump_at[i]].imm = d;
		else
			p->insns[jump_at[i]].off = d;
	}
}

void random_program(struct random_prog *prog, bool tail_calls, bool for_verifier)
{
	u32 i;

	tails = tail_calls;
	verified = for_verifier;
	busy = 10;
	p = prog;
	memset(p->subs, 0, sizeof(p->subs));
	p->n = 0;
	nr_calls = 0;
	nr_fns = below(3) ? 1 : 1 + below(4);
	p->nr_subs = nr_fns;
	for (fn = 0; fn < nr_fns; fn++)
		function(5 + below(fn ? 10 : 60));
	for (i = 0; i < nr_calls; i++) {
		struct bpfshim_insn *in = &p->insns[call_at[i]];

		if (in->src_reg == BPFSHIM_PSEUDO_CALL)
			in->imm = (s32)p->subs[call_to[i]] - (s32)call_at[i] - 1;
	}
}
