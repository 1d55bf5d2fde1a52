/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is known of a 64-bit number: bits (value/mask; a bit set in mask is
 * unknown), and signed and unsigned ranges of the whole and of its lower half.
 * Every concrete value the number stands for lies in all of them.
 *
 * Precision is Linux 6.1's, no less and (so that no program is accepted that
 * 6.1 refuses) on purpose no more: division, modulo, negation and byte swaps
 * give an unknown number, comparisons narrow only against a known constant
 * (equality: both sides against each other).
 *
 * Pure functions of their arguments; any context.
 */
#ifndef BPFSHIM_NUM_H
#define BPFSHIM_NUM_H

#include "types.h"

struct bpfshim_tnum {
	u64 value;
	u64 mask;
};

struct bpfshim_num {
	struct bpfshim_tnum t;
	s64 smin, smax;
	u64 umin, umax;
	s32 s32min, s32max;
	u32 u32min, u32max;
};

/* ---- known bits */

struct bpfshim_tnum bpfshim_tnum_range(u64 lo, u64 hi);
struct bpfshim_tnum bpfshim_tnum_add(struct bpfshim_tnum a, struct bpfshim_tnum b);
/** bpfshim_tnum_in() - every value of b is a value of a. */
bool bpfshim_tnum_in(struct bpfshim_tnum a, struct bpfshim_tnum b);
/** bpfshim_tnum_aligned() - every value is a multiple of size (a power of 2). */
static inline bool bpfshim_tnum_aligned(struct bpfshim_tnum t, u64 size)
{
	return !size || !((t.value | t.mask) & (size - 1));
}

/* ---- numbers */

/** bpfshim_num_const() - exactly v. */
void bpfshim_num_const(struct bpfshim_num *n, u64 v);
/** bpfshim_num_unknown() - anything. */
void bpfshim_num_unknown(struct bpfshim_num *n);
/** bpfshim_num_urange() - lo..hi, unsigned. */
void bpfshim_num_urange(struct bpfshim_num *n, u64 lo, u64 hi);
/** bpfshim_num_srange() - lo..hi, signed. */
void bpfshim_num_srange(struct bpfshim_num *n, s64 lo, s64 hi);

static inline bool bpfshim_num_is_const(const struct bpfshim_num *n)
{
	return !n->t.mask;
}
/* The lower half is known. */
static inline bool bpfshim_num_is_const32(const struct bpfshim_num *n)
{
	return !(u32)n->t.mask;
}
/** bpfshim_num_is_unknown() - nothing at all is known. */
bool bpfshim_num_is_unknown(const struct bpfshim_num *n);

/** bpfshim_num_sync() - make bits and ranges agree after one was narrowed.
 * false: nothing is left, the number cannot exist. */
bool bpfshim_num_sync(struct bpfshim_num *n);

/** bpfshim_num_within() - every value that cur allows, old allows, in each of
 * the views (bits, four ranges) on its own. */
bool bpfshim_num_within(const struct bpfshim_num *old, const struct bpfshim_num *cur);

/** bpfshim_num_zext() - keep the low `bytes` (1, 2, 4) bytes, zero the rest. */
void bpfshim_num_zext(struct bpfshim_num *n, u32 bytes);

/**
 * bpfshim_num_alu() - dst = dst op src.
 * @op:  BPFSHIM_ADD ... BPFSHIM_ARSH, BPFSHIM_MOV, BPFSHIM_NEG (src ignored)
 * @w32: at 32 bits, then zero-extended
 *
 * A shift by an amount that may be out of range, and what is not tracked,
 * gives an unknown number (of 32 bits with w32).  dst and src may be the same.
 */
void bpfshim_num_alu(struct bpfshim_num *dst, const struct bpfshim_num *src,
		     u8 op, bool w32);

/** bpfshim_num_branch() - is `a op b` known? 1: true, 0: false, -1: unknown.
 * Only against a constant b (its lower half with w32); else -1.
 * @op: BPFSHIM_JEQ ... BPFSHIM_JSLE, BPFSHIM_JSET */
int bpfshim_num_branch(const struct bpfshim_num *a, const struct bpfshim_num *b,
		       u8 op, bool w32);

/**
 * bpfshim_num_assume() - narrow a and b by `a op b` being `truth`.
 * Narrows against a constant side only; JEQ true and JNE false also narrow
 * two unknowns to what they have in common.
 *
 * Return: false when it cannot be: a and b are then unchanged.
 */
bool bpfshim_num_assume(struct bpfshim_num *a, struct bpfshim_num *b,
			u8 op, bool w32, bool truth);

#endif /* BPFSHIM_NUM_H */
