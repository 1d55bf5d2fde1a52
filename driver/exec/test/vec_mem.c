// SPDX-License-Identifier: GPL-2.0
/* Loads and stores: each size, register pair, kind of offset, on map and stack. */
#include "vec.h"

static struct vec_case cases[16];

/* A pointer register holds VEC_DATA + 16 - off. */
static const s16 offs[] = { 0, 1, 8, -8, 127, 128, -128, -129, 1000, 32767, -32768 };
static const u32 sizes[] = { BPFSHIM_B, BPFSHIM_H, BPFSHIM_W, BPFSHIM_DW };
#define AT	(VEC_DATA + 16)

static u32 bytes(u32 size)
{
	return size == BPFSHIM_B ? 1 : size == BPFSHIM_H ? 2 : size == BPFSHIM_W ? 4 : 8;
}

/* reg = memory + VEC_DATA + 16 - off */
static void pointer(struct vec *v, u32 reg, s32 off)
{
	vec_emit(v, BPFSHIM_LDX | BPFSHIM_MEM | BPFSHIM_DW, reg, 10, -8, 0);
	vec_emit(v, BPFSHIM_ALU64 | BPFSHIM_ADD | BPFSHIM_K, reg, 0, 0, AT - off);
}

/* A pointer shall not stay in a register that is compared. */
static void forget(struct vec *v, struct vec_case *c, u32 reg)
{
	if (v)
		vec_emit(v, BPFSHIM_ALU64 | BPFSHIM_MOV | BPFSHIM_K, reg, 0, 0, 0);
	else
		vec_reg_out(c, reg, 0);
}

/* Little-endian bytes, assembled one by one. */
static u64 peek(const u8 *p, u32 n, bool sign)
{
	u64 v = 0;
	u32 i;

	for (i = 0; i < n; i++)
		v += (u64)p[i] << (8 * i);
	if (sign && p[n - 1] & 0x80)
		for (; i < 8; i++)
			v |= 0xffULL << (8 * i);
	return v;
}

static void poke(u8 *p, u32 n, u64 v)
{
	u32 i;

	for (i = 0; i < n; i++)
		p[i] = v >> (8 * i);
}

static void load(struct vec_sink *sink, u32 size, bool sign, u32 dst, u32 src, s32 off)
{
	struct vec v;
	u32 i;

	vec_start(&v, sign ? VEC_F_V4 : 0, "ldx%s%u r%u, [r%u%+d]", sign ? "s" : "",
		  8 * bytes(size), dst, src, off);
	vec_load_regs(&v);
	pointer(&v, src, off);
	vec_emit(&v, BPFSHIM_LDX | (sign ? BPFSHIM_MEMSX : BPFSHIM_MEM) | size, dst, src, off, 0);
	if (src != dst)
		forget(&v, NULL, src);
	vec_store_regs(&v);
	for (i = 0; i < 4; i++) {
		struct vec_case *c = &cases[i];

		vec_case_init(c);
		if (i) {
			vec_put(c->in, AT, i == 1 ? ~0ULL : i == 2 ? 0x8080808080808080ULL : 0x7f);
			memcpy(c->out + AT, c->in + AT, 8);
		}
		if (src != dst)
			forget(NULL, c, src);
		vec_reg_out(c, dst, peek(c->in + AT, bytes(size), sign));
	}
	vec_give(sink, &v, cases, 4);
}

/* src < 0: an immediate */
static void store(struct vec_sink *sink, u32 size, u32 dst, int src, s32 off, s32 imm)
{
	struct vec v;
	u32 i;

	vec_start(&v, 0, "st%u [r%u%+d], %s%d", 8 * bytes(size), dst, off,
		  src < 0 ? "" : "r", src < 0 ? imm : src);
	vec_load_regs(&v);
	pointer(&v, dst, off);
	vec_emit(&v, (src < 0 ? BPFSHIM_ST : BPFSHIM_STX) | BPFSHIM_MEM | size, dst,
		 src < 0 ? 0 : src, off, imm);
	forget(&v, NULL, dst);
	vec_store_regs(&v);
	for (i = 0; i < 2; i++) {
		struct vec_case *c = &cases[i];

		vec_case_init(c);
		poke(c->out + AT, bytes(size),
		     src < 0 ? (u64)(s64)imm : vec_get(c->in, 8 * src));
		forget(NULL, c, dst);
	}
	vec_give(sink, &v, cases, 2);
}

/* Through the frame pointer: store a register, load it back in another size. */
static void stack(struct vec_sink *sink, u32 size, u32 reg, s32 off, bool imm)
{
	struct vec v;
	u32 i, to = (reg + 1) % 10;

	vec_start(&v, 0, "stack%u r%u %d%s", 8 * bytes(size), reg, off, imm ? " imm" : "");
	v.stack[0] = (-off + 7) & ~7;
	if (v.stack[0] < 32)
		v.stack[0] = 32;
	vec_load_regs(&v);
	vec_emit(&v, (imm ? BPFSHIM_ST : BPFSHIM_STX) | BPFSHIM_MEM | size, 10,
		 imm ? 0 : reg, off, imm ? -123456 : 0);
	vec_emit(&v, BPFSHIM_LDX | BPFSHIM_MEM | size, to, 10, off, 0);
	vec_store_regs(&v);
	for (i = 0; i < 2; i++) {
		u64 val;

		vec_case_init(&cases[i]);
		val = imm ? (u64)(s64)-123456 : vec_get(cases[i].in, 8 * reg);
		if (size != BPFSHIM_DW)
			val &= (1ULL << (8 * bytes(size))) - 1;
		vec_reg_out(&cases[i], to, val);
	}
	vec_give(sink, &v, cases, 2);
}

void vec_mem(struct vec_sink *sink)
{
	static const s32 imms[] = { 0, 1, -1, 127, 128, -129, 0x7fffffff, (s32)0x80000000U };
	u32 s, dst, src, k;

	for (s = 0; s < ARRAY_SIZE(sizes); s++) {
		for (dst = 0; dst < 10; dst++) {
			for (src = 0; src < 10; src++) {
				k = (dst * 10 + src) % ARRAY_SIZE(offs);
				load(sink, sizes[s], false, dst, src, offs[k]);
				if (sizes[s] != BPFSHIM_DW)
					load(sink, sizes[s], true, dst, src, offs[k]);
				if (src != dst)
					store(sink, sizes[s], dst, src, offs[k], 0);
			}
			for (k = 0; k < ARRAY_SIZE(offs); k++) {
				load(sink, sizes[s], false, dst, (dst + 5) % 10, offs[k]);
				store(sink, sizes[s], dst, (dst + 5) % 10, offs[k], 0);
				store(sink, sizes[s], dst, -1, offs[k], imms[k % 8]);
			}
			for (k = 0; k < ARRAY_SIZE(imms); k++)
				store(sink, sizes[s], dst, -1, 0, imms[k]);
			stack(sink, sizes[s], dst, -32, false);
			stack(sink, sizes[s], dst, -32, true);
			stack(sink, sizes[s], dst, -128, false);
			stack(sink, sizes[s], dst, -136, true);
			stack(sink, sizes[s], dst, -512, false);
		}
	}
}
