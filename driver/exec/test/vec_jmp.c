// SPDX-License-Identifier: GPL-2.0
/* Conditional jumps: each condition, width, register pair, immediate. */
#include "vec.h"

static const struct {
	const char *name;
	u32 op;
} ops[] = {
	{ "jeq", BPFSHIM_JEQ }, { "jne", BPFSHIM_JNE }, { "jgt", BPFSHIM_JGT },
	{ "jge", BPFSHIM_JGE }, { "jlt", BPFSHIM_JLT }, { "jle", BPFSHIM_JLE },
	{ "jsgt", BPFSHIM_JSGT }, { "jsge", BPFSHIM_JSGE }, { "jslt", BPFSHIM_JSLT },
	{ "jsle", BPFSHIM_JSLE }, { "jset", BPFSHIM_JSET },
};

static struct vec_case cases[64 * 64];

/* Signed order is unsigned order with the sign bit turned over. */
static bool holds(u32 op, u32 bits, u64 a, u64 b)
{
	u64 sign = 1ULL << (bits - 1);
	u64 sa, sb;

	if (bits == 32) {
		a &= 0xffffffff;
		b &= 0xffffffff;
	}
	sa = a ^ sign;
	sb = b ^ sign;
	switch (op) {
	case BPFSHIM_JEQ:
		return !(a ^ b);
	case BPFSHIM_JNE:
		return !!(a ^ b);
	case BPFSHIM_JGT:
		return b < a;
	case BPFSHIM_JGE:
		return !(a < b);
	case BPFSHIM_JLT:
		return a < b;
	case BPFSHIM_JLE:
		return !(b < a);
	case BPFSHIM_JSGT:
		return sb < sa;
	case BPFSHIM_JSGE:
		return !(sa < sb);
	case BPFSHIM_JSLT:
		return sa < sb;
	case BPFSHIM_JSLE:
		return !(sb < sa);
	}
	return (a & b) != 0;
}

static void one(struct vec_sink *sink, u32 o, u32 bits, u32 dst, int src, s32 imm, bool full,
		bool back)
{
	u32 class = bits == 64 ? BPFSHIM_JMP : BPFSHIM_JMP32;
	u32 code = class | ops[o].op | (src < 0 ? BPFSHIM_K : BPFSHIM_X);
	u32 i, n = full ? vec_nr_edges * (src < 0 ? 1 : vec_nr_edges) : 8;
	struct vec v;

	if (src < 0)
		vec_start(&v, 0, "%s%u%s r%u, %d", ops[o].name, bits, back ? " back" : "", dst, imm);
	else
		vec_start(&v, 0, "%s%u%s r%u, r%d", ops[o].name, bits, back ? " back" : "", dst, src);
	vec_load_regs(&v);
	src = src < 0 ? -1 : src;
	if (back) {
		/* over the target, then back to it */
		vec_emit(&v, BPFSHIM_JMP | BPFSHIM_JA, 0, 0, 2, 0);
		vec_emit(&v, BPFSHIM_ST | BPFSHIM_MEM | BPFSHIM_DW, 10, 0, -24, 1);
		vec_emit(&v, BPFSHIM_JMP | BPFSHIM_JA, 0, 0, 2, 0);
		vec_emit(&v, code, dst, src < 0 ? 0 : src, -3, imm);
		vec_emit(&v, BPFSHIM_ST | BPFSHIM_MEM | BPFSHIM_DW, 10, 0, -24, 2);
	} else {
		vec_emit(&v, code, dst, src < 0 ? 0 : src, 2, imm);
		vec_emit(&v, BPFSHIM_ST | BPFSHIM_MEM | BPFSHIM_DW, 10, 0, -24, 2);
		vec_emit(&v, BPFSHIM_JMP | BPFSHIM_JA, 0, 0, 1, 0);
		vec_emit(&v, BPFSHIM_ST | BPFSHIM_MEM | BPFSHIM_DW, 10, 0, -24, 1);
	}
	vec_store_regs(&v);
	for (i = 0; i < n; i++) {
		struct vec_case *c = &cases[i];
		u64 a, b;

		vec_case_init(c);
		if (full) {
			vec_reg_in(c, dst, vec_edges[i % vec_nr_edges]);
			if (src >= 0)
				vec_reg_in(c, src, vec_edges[i / vec_nr_edges]);
		}
		if (i % 4 == 0)		/* near: equal, or one apart */
			vec_reg_in(c, dst, (src < 0 ? (u64)(s64)imm :
					    vec_get(c->in, 8 * src)) + (i % 3) - 1);
		a = vec_get(c->in, 8 * dst);
		b = src < 0 ? (u64)(s64)imm : vec_get(c->in, 8 * src);
		vec_put(c->out, VEC_MARK, holds(ops[o].op, bits, a, b) ? 1 : 2);
	}
	vec_give(sink, &v, cases, n);
}

/* Loops: count in R6, as long as a verifier's patience allows. */
static void loop(struct vec_sink *sink, u32 bits, s32 count)
{
	u32 class = bits == 64 ? BPFSHIM_JMP : BPFSHIM_JMP32;
	struct vec v;

	vec_start(&v, 0, "loop%u %d", bits, count);
	vec_load_regs(&v);
	vec_emit(&v, BPFSHIM_ALU64 | BPFSHIM_MOV | BPFSHIM_K, 6, 0, 0, 0);
	vec_emit(&v, BPFSHIM_ALU64 | BPFSHIM_ADD | BPFSHIM_X, 7, 8, 0, 0);
	vec_emit(&v, BPFSHIM_ALU64 | BPFSHIM_ADD | BPFSHIM_K, 6, 0, 0, 1);
	vec_emit(&v, class | BPFSHIM_JLT | BPFSHIM_K, 6, 0, -3, count);
	vec_store_regs(&v);
	vec_case_init(&cases[0]);
	vec_reg_out(&cases[0], 6, count);
	vec_reg_out(&cases[0], 7, vec_get(cases[0].in, 56) +
				  (u64)count * vec_get(cases[0].in, 64));
	vec_give(sink, &v, cases, 1);
}

/* JMP32|JA jumps by imm. */
static void long_jump(struct vec_sink *sink)
{
	struct vec v;

	vec_start(&v, VEC_F_V4, "ja32");
	vec_load_regs(&v);
	vec_emit(&v, BPFSHIM_JMP | BPFSHIM_JA, 0, 0, 2, 0);
	vec_emit(&v, BPFSHIM_ST | BPFSHIM_MEM | BPFSHIM_DW, 10, 0, -24, 5);
	vec_emit(&v, BPFSHIM_JMP32 | BPFSHIM_JA, 0, 0, 0, 1);
	vec_emit(&v, BPFSHIM_JMP32 | BPFSHIM_JA, 0, 0, 0, -3);
	vec_store_regs(&v);
	vec_case_init(&cases[0]);
	vec_put(cases[0].out, VEC_MARK, 5);
	vec_give(sink, &v, cases, 1);
}

void vec_jmp(struct vec_sink *sink)
{
	u32 o, bits, dst, src, k;

	for (o = 0; o < ARRAY_SIZE(ops); o++) {
		for (bits = 32; bits <= 64; bits += 32) {
			for (dst = 0; dst < 10; dst++) {
				for (src = 0; src < 10; src++)
					one(sink, o, bits, dst, src, 0, src == (dst + 3) % 10,
					    false);
				for (k = 0; k < vec_nr_imms; k++)
					one(sink, o, bits, dst, -1, vec_imms[k],
					    k % 10 == dst, k % 5 == 4);
			}
		}
	}
	loop(sink, 32, 10);
	loop(sink, 64, 300);
	long_jump(sink);
}
