// SPDX-License-Identifier: GPL-2.0
/* Two-operand arithmetic: each operation, width, register pair, immediate. */
#include "vec.h"

static const struct alu_op {
	const char *name;
	u32 op, off, flags;
} ops[] = {
	{ "add", BPFSHIM_ADD }, { "sub", BPFSHIM_SUB }, { "mul", BPFSHIM_MUL },
	{ "div", BPFSHIM_DIV }, { "mod", BPFSHIM_MOD }, { "or", BPFSHIM_OR },
	{ "and", BPFSHIM_AND }, { "xor", BPFSHIM_XOR }, { "lsh", BPFSHIM_LSH },
	{ "rsh", BPFSHIM_RSH }, { "arsh", BPFSHIM_ARSH }, { "mov", BPFSHIM_MOV },
	{ "sdiv", BPFSHIM_DIV, 1, VEC_F_V4 }, { "smod", BPFSHIM_MOD, 1, VEC_F_V4 },
};

/*
 * The meaning, computed the long way round: shifts bit by bit's worth through
 * 128-bit products and quotients, signed division by magnitudes.
 */
static u64 meaning(const struct alu_op *o, u32 bits, u64 a, u64 b)
{
	typedef unsigned __int128 u128;
	const u64 mask = bits == 64 ? ~0ULL : 0xffffffffULL;
	const u64 sign = 1ULL << (bits - 1);
	u64 ua, ub, q, r, n;
	u128 p;

	a &= mask;
	b &= mask;
	n = b % bits;
	ua = a & sign ? (~a + 1) & mask : a;
	ub = b & sign ? (~b + 1) & mask : b;
	switch (o->op) {
	case BPFSHIM_ADD:
		return (u64)((u128)a + b) & mask;
	case BPFSHIM_SUB:
		return (u64)((u128)a + (~b & mask) + 1) & mask;
	case BPFSHIM_MUL:
		return (u64)((u128)a * b) & mask;
	case BPFSHIM_OR:
		return ~(~a & ~b) & mask;
	case BPFSHIM_AND:
		return ~(~a | ~b) & mask;
	case BPFSHIM_XOR:
		return (a | b) - (a & b);
	case BPFSHIM_MOV:
		return b;
	case BPFSHIM_LSH:
		return (u64)((u128)a * ((u128)1 << n)) & mask;
	case BPFSHIM_RSH:
		return (u64)((u128)a / ((u128)1 << n));
	case BPFSHIM_ARSH:
		p = (u128)a / ((u128)1 << n);
		if (a & sign)
			p |= ~(((u128)mask) / ((u128)1 << n)) & mask;
		return (u64)p;
	}
	if (!b)
		return o->op == BPFSHIM_DIV ? 0 : a;
	if (!o->off)
		return o->op == BPFSHIM_DIV ? a / b : a - a / b * b;
	q = ua / ub;
	r = ua - q * ub;
	if (o->op == BPFSHIM_DIV)
		return ((a ^ b) & sign ? ~q + 1 : q) & mask;
	return (a & sign ? ~r + 1 : r) & mask;
}

static u32 fill(const struct alu_op *o, u32 bits, u32 dst, int src, s32 imm, bool full,
		struct vec_case *c)
{
	u32 i, n = full ? vec_nr_edges * (src < 0 ? 1 : vec_nr_edges) : 8;

	for (i = 0; i < n; i++) {
		u64 a, b;

		vec_case_init(&c[i]);
		if (full) {
			vec_reg_in(&c[i], dst, vec_edges[i % vec_nr_edges]);
			if (src >= 0)
				vec_reg_in(&c[i], src, vec_edges[i / vec_nr_edges]);
		}
		a = vec_get(c[i].in, 8 * dst);
		b = src < 0 ? (u64)(s64)imm : vec_get(c[i].in, 8 * src);
		vec_reg_out(&c[i], dst, meaning(o, bits, a, b));
	}
	return n;
}

static void one(struct vec_sink *sink, const struct alu_op *o, u32 bits, u32 dst, int src,
		s32 imm, bool full)
{
	static struct vec_case cases[64 * 64];
	u32 class = bits == 64 ? BPFSHIM_ALU64 : BPFSHIM_ALU;
	u32 flags = o->flags;
	struct vec v;

	if (src < 0 && (((o->op == BPFSHIM_DIV || o->op == BPFSHIM_MOD) && !imm) ||
			((o->op == BPFSHIM_LSH || o->op == BPFSHIM_RSH ||
			  o->op == BPFSHIM_ARSH) && (imm < 0 || imm >= (s32)bits))))
		flags |= VEC_F_UNVERIFIED;
	if (src < 0)
		vec_start(&v, flags, "%s%u r%u, %d", o->name, bits, dst, imm);
	else
		vec_start(&v, flags, "%s%u r%u, r%d", o->name, bits, dst, src);
	vec_load_regs(&v);
	vec_emit(&v, class | o->op | (src < 0 ? BPFSHIM_K : BPFSHIM_X), dst,
		 src < 0 ? 0 : src, o->off, src < 0 ? imm : 0);
	vec_store_regs(&v);
	vec_give(sink, &v, cases, fill(o, bits, dst, src, imm, full, cases));
}

void vec_alu(struct vec_sink *sink)
{
	u32 i, bits, dst, src, k;

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		for (bits = 32; bits <= 64; bits += 32) {
			for (dst = 0; dst < 10; dst++) {
				for (src = 0; src < 10; src++)
					one(sink, &ops[i], bits, dst, src, 0,
					    src == (dst + 3) % 10);
				for (k = 0; k < vec_nr_imms; k++)
					one(sink, &ops[i], bits, dst, -1, vec_imms[k],
					    k % 10 == dst);
			}
		}
	}
}
