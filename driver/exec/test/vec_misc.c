// SPDX-License-Identifier: GPL-2.0
/* Moves with extension, byte swaps, negation, 64-bit immediates, masked moves. */
#include "vec.h"

static struct vec_case cases[64];

/* The low bits of v, byte by byte the other way round. */
static u64 reversed(u64 v, u32 bits)
{
	u64 out = 0;
	u32 i;

	for (i = 0; i < bits; i += 8)
		out = out << 8 | (v >> i & 0xff);
	return out;
}

static u64 low(u64 v, u32 bits)
{
	return bits == 64 ? v : v & ((1ULL << bits) - 1);
}

/* Two's complement by subtraction. */
static u64 extended(u64 v, u32 bits)
{
	v = low(v, bits);
	return bits < 64 && v >> (bits - 1) ? v - (1ULL << bits) : v;
}

enum what { NEG, TO_LE, TO_BE, SWAP, MOVSX };

static void one(struct vec_sink *sink, enum what what, u32 width, u32 bits, u32 dst, u32 src)
{
	static const char *const names[] = { "neg", "le", "be", "bswap", "movsx" };
	u32 class = width == 64 ? BPFSHIM_ALU64 : BPFSHIM_ALU;
	struct vec v;
	u32 i;

	vec_start(&v, what == SWAP || what == MOVSX ? VEC_F_V4 : 0,
		  "%s%u/%u r%u r%u", names[what], bits, width, dst, src);
	vec_load_regs(&v);
	switch (what) {
	case NEG:
		vec_emit(&v, class | BPFSHIM_NEG, dst, 0, 0, 0);
		break;
	case TO_LE:
		vec_emit(&v, BPFSHIM_ALU | BPFSHIM_END | BPFSHIM_TO_LE, dst, 0, 0, bits);
		break;
	case TO_BE:
		vec_emit(&v, BPFSHIM_ALU | BPFSHIM_END | BPFSHIM_TO_BE, dst, 0, 0, bits);
		break;
	case SWAP:
		vec_emit(&v, BPFSHIM_ALU64 | BPFSHIM_END, dst, 0, 0, bits);
		break;
	case MOVSX:
		vec_emit(&v, class | BPFSHIM_MOV | BPFSHIM_X, dst, src, bits, 0);
		break;
	}
	vec_store_regs(&v);
	for (i = 0; i < vec_nr_edges; i++) {
		u64 a = vec_edges[i], r = 0;

		vec_case_init(&cases[i]);
		vec_reg_in(&cases[i], what == MOVSX ? src : dst, a);
		switch (what) {
		case NEG:
			r = low(0 - a, width);
			break;
		case TO_LE:
			r = low(a, bits);
			break;
		case TO_BE:
		case SWAP:
			r = reversed(a, bits);
			break;
		case MOVSX:
			r = low(extended(a, bits), width);
			break;
		}
		vec_reg_out(&cases[i], dst, r);
	}
	vec_give(sink, &v, cases, vec_nr_edges);
}

static void imm64(struct vec_sink *sink, u32 dst, u64 val)
{
	struct vec v;

	vec_start(&v, 0, "ld_imm64 r%u, 0x%llx", dst, (unsigned long long)val);
	vec_load_regs(&v);
	vec_imm64(&v, dst, val);
	vec_store_regs(&v);
	vec_case_init(&cases[0]);
	vec_reg_out(&cases[0], dst, val);
	vec_give(sink, &v, cases, 1);
}

/* A 32-bit result that 64-bit code goes on with: every way to make one. */
static void upper_half(struct vec_sink *sink)
{
	static const u8 codes[] = { BPFSHIM_ADD, BPFSHIM_SUB, BPFSHIM_MUL, BPFSHIM_DIV,
		BPFSHIM_OR, BPFSHIM_AND, BPFSHIM_LSH, BPFSHIM_RSH, BPFSHIM_MOD,
		BPFSHIM_XOR, BPFSHIM_ARSH, BPFSHIM_MOV };
	struct vec v;
	u32 i, dst;

	/* The operation leaves the low half as it is: identities. */
	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		bool one_id = codes[i] == BPFSHIM_MUL || codes[i] == BPFSHIM_DIV;
		s32 id = one_id ? 1 : codes[i] == BPFSHIM_AND ? -1 : 0;

		if (codes[i] == BPFSHIM_MOD || codes[i] == BPFSHIM_MOV)
			continue;
		for (dst = 0; dst < 10; dst++) {
			vec_start(&v, 0, "zext op %x r%u", codes[i], dst);
			vec_load_regs(&v);
			vec_emit(&v, BPFSHIM_ALU | codes[i] | BPFSHIM_K, dst, 0, 0, id);
			vec_emit(&v, BPFSHIM_ALU64 | BPFSHIM_RSH | BPFSHIM_K, dst, 0, 0, 1);
			vec_store_regs(&v);
			vec_case_init(&cases[0]);
			vec_reg_in(&cases[0], dst, 0xfedcba9887654321ULL);
			vec_reg_out(&cases[0], dst, 0x87654321ULL >> 1);
			vec_give(sink, &v, cases, 1);
		}
	}
}

/* A pointer moved inside a window; src 10: the frame pointer, taken off again. */
static void masked(struct vec_sink *sink, u32 flags, s32 limit, u32 dst, u32 src)
{
	u32 num = flags & BPFSHIM_MOVE_DST ? dst : src, ptr = num == dst ? src : dst, i;
	struct vec v;

	vec_start(&v, VEC_F_UNVERIFIED, "masked %x %d r%u r%u", flags, limit, dst, src);
	vec_load_regs(&v);
	vec_emit(&v, BPFSHIM_NOSPEC_INSN, 0, 0, 0, 0);
	vec_emit(&v, BPFSHIM_MOVE_INSN, dst, src, (s32)flags, limit);
	if (src == 10)
		vec_emit(&v, BPFSHIM_ALU64 | BPFSHIM_SUB | BPFSHIM_X, dst, 10, 0, 0);
	vec_store_regs(&v);
	for (i = 0; i < 16; i++) {
		u64 n = i < 4 ? (u64)limit - 1 + i : i < 8 ? i - 5ULL : vec_rand_word(), at = vec_rand();

		if (flags & BPFSHIM_MOVE_NEG && i < 8)
			n = 0 - n;
		vec_case_init(&cases[i]);
		vec_reg_in(&cases[i], num, n);
		if (ptr == 10)
			at = 0;
		else
			vec_reg_in(&cases[i], ptr, at);
		if (flags & BPFSHIM_MOVE_NEG)
			n = 0 - n;
		if (n > (u64)limit)
			n = 0;
		vec_reg_out(&cases[i], dst, flags & BPFSHIM_MOVE_DOWN ? at - n : at + n);
	}
	vec_give(sink, &v, cases, 16);
}

static void all_masked(struct vec_sink *sink)
{
	static const s32 limits[] = { 0, 1, 63, 4095, 0x7fffffff };
	u32 dst, src, flags, n = 0;

	for (dst = 0; dst < 10; dst++) {
		for (src = 0; src <= 10; src++) {
			for (flags = 0; flags < 8; flags++)
				if (src != dst && (src < 10 || flags & BPFSHIM_MOVE_DST))
					masked(sink, flags, limits[n++ % ARRAY_SIZE(limits)], dst, src);
		}
	}
}

void vec_misc(struct vec_sink *sink)
{
	u32 dst, src, bits, i;

	all_masked(sink);
	for (dst = 0; dst < 10; dst++) {
		one(sink, NEG, 32, 32, dst, 0);
		one(sink, NEG, 64, 64, dst, 0);
		for (bits = 16; bits <= 64; bits *= 2) {
			one(sink, TO_LE, 32, bits, dst, 0);
			one(sink, TO_BE, 32, bits, dst, 0);
			one(sink, SWAP, 64, bits, dst, 0);
		}
		for (src = 0; src < 10; src++) {
			for (bits = 8; bits <= 32; bits *= 2) {
				if (bits < 32)
					one(sink, MOVSX, 32, bits, dst, src);
				one(sink, MOVSX, 64, bits, dst, src);
			}
		}
		for (i = 0; i < vec_nr_edges; i++)
			imm64(sink, dst, vec_edges[i]);
	}
	upper_half(sink);
}
