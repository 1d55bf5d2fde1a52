// SPDX-License-Identifier: GPL-2.0
/* Atomic operations, alone on their CPU: each form, width, register pair. */
#include "vec.h"

static const struct {
	const char *name;
	s32 imm;
} ops[] = {
	{ "add", BPFSHIM_ADD }, { "or", BPFSHIM_OR }, { "and", BPFSHIM_AND },
	{ "xor", BPFSHIM_XOR }, { "fetch_add", BPFSHIM_ADD | BPFSHIM_FETCH },
	{ "fetch_or", BPFSHIM_OR | BPFSHIM_FETCH },
	{ "fetch_and", BPFSHIM_AND | BPFSHIM_FETCH },
	{ "fetch_xor", BPFSHIM_XOR | BPFSHIM_FETCH },
	{ "xchg", BPFSHIM_XCHG }, { "cmpxchg", BPFSHIM_CMPXCHG },
};

static struct vec_case cases[16];
#define AT	(VEC_DATA + 16)

static void one(struct vec_sink *sink, u32 o, u32 bits, u32 dst, u32 src, s32 off, bool stack)
{
	const u64 mask = bits == 64 ? ~0ULL : 0xffffffffULL;
	u32 i, base = stack ? 10 : dst;
	struct vec v;

	vec_start(&v, 0, "atomic%u %s [r%u%+d], r%u", bits, ops[o].name, base, off, src);
	v.stack[0] = 136;
	vec_load_regs(&v);
	if (stack) {
		/* through a register that comes back from its input */
		vec_emit(&v, BPFSHIM_LDX | BPFSHIM_MEM | BPFSHIM_DW, dst, 10, -8, 0);
		vec_emit(&v, BPFSHIM_LDX | BPFSHIM_MEM | BPFSHIM_DW, dst, dst, AT, 0);
		vec_emit(&v, BPFSHIM_STX | BPFSHIM_MEM | BPFSHIM_DW, 10, dst, off, 0);
	} else {
		vec_emit(&v, BPFSHIM_LDX | BPFSHIM_MEM | BPFSHIM_DW, dst, 10, -8, 0);
		vec_emit(&v, BPFSHIM_ALU64 | BPFSHIM_ADD | BPFSHIM_K, dst, 0, 0, AT - off);
	}
	vec_emit(&v, BPFSHIM_STX | BPFSHIM_ATOMIC | (bits == 64 ? BPFSHIM_DW : BPFSHIM_W),
		 base, src, off, ops[o].imm);
	if (stack)
		vec_emit(&v, BPFSHIM_LDX | BPFSHIM_MEM | BPFSHIM_DW, dst, 10, off, 0);
	else
		vec_emit(&v, BPFSHIM_ALU64 | BPFSHIM_MOV | BPFSHIM_K, dst, 0, 0, 0);
	vec_store_regs(&v);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vec_case *c = &cases[i];
		u64 m, s, r0, res, cell;

		vec_case_init(c);
		vec_put(c->in, AT, vec_rand_word());
		memcpy(c->out + AT, c->in + AT, 8);
		cell = vec_get(c->in, AT);
		m = cell & mask;
		s = vec_get(c->in, 8 * src) & mask;
		if (i & 1) {
			/* let it meet; the upper half must not matter below 64 */
			vec_reg_in(c, 0, i & 2 ? cell : m);
			s = vec_get(c->in, 8 * src) & mask;
		}
		r0 = vec_get(c->in, 0) & mask;
		res = m;
		switch (ops[o].imm & ~BPFSHIM_FETCH) {
		case BPFSHIM_ADD:
			res = (m + s) & mask;
			break;
		case BPFSHIM_OR:
			res = m | s;
			break;
		case BPFSHIM_AND:
			res = m & s;
			break;
		case BPFSHIM_XOR:
			res = m ^ s;
			break;
		case BPFSHIM_XCHG & ~BPFSHIM_FETCH:
			res = s;
			break;
		case BPFSHIM_CMPXCHG & ~BPFSHIM_FETCH:
			res = m == r0 ? s : m;
			vec_reg_out(c, 0, m);
			break;
		}
		if (ops[o].imm & BPFSHIM_FETCH && ops[o].imm != BPFSHIM_CMPXCHG)
			vec_reg_out(c, src, m);
		cell = (cell & ~mask) | res;
		if (stack) {
			vec_reg_out(c, dst, cell);
		} else {
			vec_put(c->out, AT, cell);
			vec_reg_out(c, dst, 0);
		}
	}
	vec_give(sink, &v, cases, ARRAY_SIZE(cases));
}

void vec_atomic(struct vec_sink *sink)
{
	static const s32 offs[] = { 0, 16, -16, 120, 128, -128, -136, 1000 };
	u32 o, bits, dst, src;

	for (o = 0; o < ARRAY_SIZE(ops); o++) {
		bool cmp = ops[o].imm == BPFSHIM_CMPXCHG;

		for (bits = 32; bits <= 64; bits += 32) {
			for (dst = 0; dst < 10; dst++) {
				for (src = 0; src < 10; src++) {
					/* operand and pointer must differ */
					if (src == dst || (cmp && !dst))
						continue;
					one(sink, o, bits, dst, src, offs[(dst + src) % 8], false);
					one(sink, o, bits, dst, src, src & 1 ? -32 : -136, true);
				}
			}
		}
	}
}
