/* SPDX-License-Identifier: GPL-2.0 */
/* The operations of the interpreter that C has no operator for. Freestanding. */
#ifndef BPFSHIM_EXEC_INTERP_OPS_H
#define BPFSHIM_EXEC_INTERP_OPS_H

#include "exec.h"

#ifndef noinline
#define noinline __attribute__((noinline))
#endif

/*
 * objtool follows the indirect jumps of a function only through a table in
 * the section of this name.  The # makes the rest a comment to the assembler:
 * without it the compiler would mark the section writable.
 */
#ifdef __KERNEL__
#define BPFSHIM_JUMP_TABLE __attribute__((__section__(".rodata..c_jump_table,\"a\",@progbits #")))
#else
#define BPFSHIM_JUMP_TABLE
#endif

#define BPFSHIM_BIG_ENDIAN (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)

/* Unaligned, and of any type to the compiler. */
#define BPFSHIM_UNALIGNED(T) struct { T v; } __attribute__((packed, may_alias))
#define LOAD(T, addr) (((const BPFSHIM_UNALIGNED(T) *)(unsigned long)(addr))->v)
#define STORE(T, addr, val) \
	((void)(((BPFSHIM_UNALIGNED(T) *)(unsigned long)(addr))->v = (T)(val)))

static inline u32 max_u32(u32 a, u32 b)
{
	return a > b ? a : b;
}

static inline u32 bpfshim_access_size(u8 code)
{
	switch (BPFSHIM_SIZE(code)) {
	case BPFSHIM_B:
		return 1;
	case BPFSHIM_H:
		return 2;
	case BPFSHIM_W:
		return 4;
	default:
		return 8;
	}
}

static inline s64 bpfshim_sext(u64 v, u32 bits)
{
	return bits == 8 ? (s64)(s8)v : bits == 16 ? (s64)(s16)v :
	       bits == 32 ? (s64)(s32)v : (s64)v;
}

/* The low bits of v, swapped or not, the rest zero. */
static inline u64 bpfshim_swap(u64 v, u32 bits, bool swap)
{
	switch (bits) {
	case 16:
		return swap ? __builtin_bswap16((u16)v) : (u16)v;
	case 32:
		return swap ? __builtin_bswap32((u32)v) : (u32)v;
	default:
		return swap ? __builtin_bswap64(v) : v;
	}
}

/* x / 0 = 0, x % 0 = x; MIN / -1 = MIN, MIN % -1 = 0. sgn: insn->off. */
static inline u64 bpfshim_div64(u64 a, u64 b, int sgn)
{
	if (!b)
		return 0;
	if (!sgn)
		return a / b;
	return b == ~0ULL ? -a : (u64)((s64)a / (s64)b);
}

static inline u32 bpfshim_div32(u32 a, u32 b, int sgn)
{
	if (!b)
		return 0;
	if (!sgn)
		return a / b;
	return b == ~0U ? -a : (u32)((s32)a / (s32)b);
}

static inline u64 bpfshim_mod64(u64 a, u64 b, int sgn)
{
	if (!b)
		return a;
	if (!sgn)
		return a % b;
	return b == ~0ULL ? 0 : (u64)((s64)a % (s64)b);
}

static inline u32 bpfshim_mod32(u32 a, u32 b, int sgn)
{
	if (!b)
		return a;
	if (!sgn)
		return a % b;
	return b == ~0U ? 0 : (u32)((s32)a % (s32)b);
}

/* BPFSHIM_MOVE_INSN: what the pointer becomes. */
static inline u64 bpfshim_move(u64 dst, u64 src, s32 flags, s32 limit)
{
	u64 n = flags & BPFSHIM_MOVE_DST ? dst : src;
	u64 ptr = flags & BPFSHIM_MOVE_DST ? src : dst;

	if (flags & BPFSHIM_MOVE_NEG)
		n = -n;
	/* All ones unless n or limit - n is negative: no branch to mispredict. */
	n &= ~(u64)((s64)(n | ((u64)limit - n)) >> 63);
	return flags & BPFSHIM_MOVE_DOWN ? ptr - n : ptr + n;
}

/* Nothing behind it begins before everything in front is done. */
static inline void bpfshim_nospec(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__asm__ __volatile__("lfence" : : : "memory");
#elif defined(__aarch64__)
	__asm__ __volatile__("dsb nsh\n\tisb" : : : "memory");
#else
	__sync_synchronize();
#endif
}

/*
 * One atomic operation.  Those that return the old value, and the exchanges,
 * order all memory as 6.1's do; a 32-bit result is zero-extended.
 */
#define BPFSHIM_ATOMIC_FN(bits)						\
static inline void bpfshim_atomic##bits(u64 addr, s32 op, u64 *src, u64 *r0) \
{									\
	u##bits *m = (u##bits *)(unsigned long)addr;			\
	u##bits s = (u##bits)*src, old;					\
									\
	switch (op) {							\
	case BPFSHIM_ADD:						\
		__sync_fetch_and_add(m, s);				\
		break;							\
	case BPFSHIM_OR:						\
		__sync_fetch_and_or(m, s);				\
		break;							\
	case BPFSHIM_AND:						\
		__sync_fetch_and_and(m, s);				\
		break;							\
	case BPFSHIM_XOR:						\
		__sync_fetch_and_xor(m, s);				\
		break;							\
	case BPFSHIM_ADD | BPFSHIM_FETCH:				\
		*src = __sync_fetch_and_add(m, s);			\
		break;							\
	case BPFSHIM_OR | BPFSHIM_FETCH:				\
		*src = __sync_fetch_and_or(m, s);			\
		break;							\
	case BPFSHIM_AND | BPFSHIM_FETCH:				\
		*src = __sync_fetch_and_and(m, s);			\
		break;							\
	case BPFSHIM_XOR | BPFSHIM_FETCH:				\
		*src = __sync_fetch_and_xor(m, s);			\
		break;							\
	case BPFSHIM_XCHG:						\
		do {							\
			old = *(volatile u##bits *)m;			\
		} while (!__sync_bool_compare_and_swap(m, old, s));	\
		*src = old;						\
		break;							\
	case BPFSHIM_CMPXCHG:						\
		*r0 = __sync_val_compare_and_swap(m, (u##bits)*r0, s);	\
		break;							\
	}								\
}
BPFSHIM_ATOMIC_FN(32)
BPFSHIM_ATOMIC_FN(64)

#endif /* BPFSHIM_EXEC_INTERP_OPS_H */
