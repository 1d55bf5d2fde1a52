// SPDX-License-Identifier: GPL-2.0
/* Building blocks of the vectors. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "vec.h"

#define MEM_OP(class, size) (BPFSHIM_##class | BPFSHIM_MEM | BPFSHIM_##size)

const u64 vec_edges[] = {
	0, 1, 2, 3, 7, 8, 31, 32, 33, 63, 64, 65, 0x7f, 0x80, 0xff, 0x100,
	0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0x80000001,
	0xfffffffe, 0xffffffff, 0x100000000ULL, 0x100000001ULL, 0x123456789abcdef0ULL,
	0x7fffffff00000000ULL, 0x7fffffffffffffffULL, 0x8000000000000000ULL,
	0x8000000000000001ULL, 0xffffffff00000000ULL, 0xffffffff7fffffffULL,
	0xffffffff80000000ULL, 0xffffffff80000001ULL, 0xffffffffffffff7fULL,
	0xffffffffffffff80ULL, 0xfffffffffffffffeULL, 0xffffffffffffffffULL,
};
const u32 vec_nr_edges = ARRAY_SIZE(vec_edges);

const s32 vec_imms[] = {
	0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 16, 31, 32, 33, 63, 64, 100, 126, 127, 128, 129,
	255, 256, 1000, 4096, 32767, 32768, 65535, 65536, 0x1000000, 0x7ffffffe,
	0x7fffffff, -1, -2, -3, -7, -8, -127, -128, -129, -256, -32768, -65536,
	-0x7fffffff, (s32)0x80000000U,
};
const u32 vec_nr_imms = ARRAY_SIZE(vec_imms);

static u64 seed = 1;

void vec_reseed(void)
{
	seed = 0x9e3779b97f4a7c15ULL;
}

u64 vec_rand(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 0x2545f4914f6cdd1dULL;
}

u64 vec_rand_word(void)
{
	u64 v = vec_rand();

	switch (v >> 61) {
	case 0:
		return vec_edges[v % vec_nr_edges];
	case 1:
		return (u64)(s64)vec_imms[v % vec_nr_imms];
	case 2:
		return vec_rand() & 0xff;
	case 3:
		return (u32)vec_rand();
	case 4:
		return (u64)(s64)(s32)vec_rand();
	default:
		return vec_rand();
	}
}

void vec_start(struct vec *v, u32 flags, const char *fmt, ...)
{
	va_list ap;

	memset(v, 0, sizeof(*v));
	v->flags = flags;
	v->stack[0] = 32;
	va_start(ap, fmt);
	vsnprintf(v->name, sizeof(v->name), fmt, ap);
	va_end(ap);
}

void vec_emit(struct vec *v, u32 code, u32 dst, u32 src, s32 off, s32 imm)
{
	struct bpfshim_insn *in = &v->insns[v->n++];

	if (v->n > VEC_MAX_INSNS) {
		fprintf(stderr, "%s: too long\n", v->name);
		exit(2);
	}
	in->code = code;
	in->dst_reg = dst;
	in->src_reg = src;
	in->off = off;
	in->imm = imm;
}

void vec_imm64(struct vec *v, u32 dst, u64 val)
{
	vec_emit(v, BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW, dst, 0, 0, (s32)val);
	vec_emit(v, 0, 0, 0, 0, (s32)(val >> 32));
}

void vec_mem_ptr(struct vec *v, u32 dst)
{
	vec_emit(v, BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW, dst,
		 BPFSHIM_PSEUDO_MAP_IDX_VALUE, 0, 0);
	vec_emit(v, 0, 0, 0, 0, 0);
}

void vec_load_regs(struct vec *v)
{
	u32 i;

	vec_mem_ptr(v, 9);
	vec_emit(v, MEM_OP(STX, DW), 10, 9, -8, 0);
	vec_emit(v, MEM_OP(ST, DW), 10, 0, -24, 0);
	for (i = 0; i < 10; i++)
		vec_emit(v, MEM_OP(LDX, DW), i, 9, VEC_IN + 8 * i, 0);
}

void vec_store_regs(struct vec *v)
{
	u32 i;

	vec_emit(v, MEM_OP(STX, DW), 10, 9, -16, 0);
	vec_emit(v, MEM_OP(LDX, DW), 9, 10, -8, 0);
	for (i = 0; i < 9; i++)
		vec_emit(v, MEM_OP(STX, DW), 9, i, VEC_OUT + 8 * i, 0);
	vec_emit(v, MEM_OP(LDX, DW), 0, 10, -16, 0);
	vec_emit(v, MEM_OP(STX, DW), 9, 0, VEC_OUT + 72, 0);
	vec_emit(v, MEM_OP(LDX, DW), 0, 10, -24, 0);
	vec_emit(v, MEM_OP(STX, DW), 9, 0, VEC_MARK, 0);
	vec_emit(v, BPFSHIM_ALU64 | BPFSHIM_MOV | BPFSHIM_K, 0, 0, 0, 0);
	vec_emit(v, BPFSHIM_JMP | BPFSHIM_EXIT, 0, 0, 0, 0);
}

void vec_give(struct vec_sink *sink, const struct vec *v, const struct vec_case *c, u32 n)
{
	sink->vecs++;
	sink->cases += n;
	sink->vec(sink, v, c, n);
}

u64 vec_get(const u8 *mem, u32 off)
{
	u64 v;

	memcpy(&v, mem + off, 8);
	return v;
}

void vec_put(u8 *mem, u32 off, u64 val)
{
	memcpy(mem + off, &val, 8);
}

void vec_reg_in(struct vec_case *c, u32 reg, u64 val)
{
	vec_put(c->in, VEC_IN + 8 * reg, val);
	vec_put(c->out, VEC_IN + 8 * reg, val);
	vec_put(c->out, VEC_OUT + 8 * reg, val);
}

void vec_reg_out(struct vec_case *c, u32 reg, u64 val)
{
	vec_put(c->out, VEC_OUT + 8 * reg, val);
}

void vec_case_init(struct vec_case *c)
{
	u32 i;

	for (i = 0; i < VEC_MEM; i += 8)
		vec_put(c->in, i, vec_rand());
	memcpy(c->out, c->in, VEC_MEM);
	for (i = 0; i < 10; i++)
		vec_reg_in(c, i, vec_rand_word());
	vec_put(c->out, VEC_MARK, 0);
	c->r0 = 0;
}

void vec_all(struct vec_sink *sink)
{
	vec_reseed();
	vec_alu(sink);
	vec_misc(sink);
	vec_jmp(sink);
	vec_mem(sink);
	vec_atomic(sink);
	vec_call(sink);
}
