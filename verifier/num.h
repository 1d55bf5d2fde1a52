/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is known of a 64-bit number: bits (value/mask: a bit set in mask is
 * unknown), and signed and unsigned ranges of the whole and of its lower half.
 * Every concrete value that the number stands for lies in all of them.
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

/** bpfshim_tnum_range() - the bits that all of lo..hi share. */
struct bpfshim_tnum bpfshim_tnum_range(u64 lo, u64 hi);
struct bpfshim_tnum bpfshim_tnum_add(struct bpfshim_tnum a, struct bpfshim_tnum b);
/** bpfshim_tnum_in() - every value of b is a value of a. */
bool bpfshim_tnum_in(struct bpfshim_tnum a, struct bpfshim_tnum b);
/** bpfshim_num_flip() - the op for which `b op a` is `a op' b`. */
u8 bpfshim_num_flip(u8 op);
/** bpfshim_num_is_unknown() - nothing at all is known. */
bool bpfshim_num_is_unknown(const struct bpfshim_num *n);
/** bpfshim_num_zext32() - zero the upper half; ranges of the lower one stay. */
void bpfshim_num_zext32(struct bpfshim_num *n);

/** bpfshim_num_const() - exactly v. */
void bpfshim_num_const(struct bpfshim_num *n, u64 v);
/** bpfshim_num_unknown() - anything. */
void bpfshim_num_unknown(struct bpfshim_num *n);
/** bpfshim_num_urange() - lo..hi, unsigned. */
void bpfshim_num_urange(struct bpfshim_num *n, u64 lo, u64 hi);
/** bpfshim_num_sync() - make bits and ranges agree after one was narrowed.
 * false: nothing is left, the number cannot exist. */
bool bpfshim_num_sync(struct bpfshim_num *n);
static inline bool bpfshim_num_is_const(const struct bpfshim_num *n)
{
	return !n->t.mask;
}
/** bpfshim_num_within() - every value of b is a value of a. */
bool bpfshim_num_within(const struct bpfshim_num *a, const struct bpfshim_num *b);
/** bpfshim_num_zext() - keep the low `bytes` bytes, the rest is zero. */
void bpfshim_num_zext(struct bpfshim_num *n, u32 bytes);
/** bpfshim_num_alu() - dst = dst op src, op a BPFSHIM_ADD..ARSH; w32: at 32
 * bits, zero-extended.  Shifts by an amount out of range are the caller's. */
void bpfshim_num_alu(struct bpfshim_num *dst, const struct bpfshim_num *src, u8 op, bool w32);
/** bpfshim_num_branch() - can `a op b` be true (bit 0), false (bit 1)? */
u32 bpfshim_num_branch(const struct bpfshim_num *a, const struct bpfshim_num *b, u8 op, bool w32);
/** bpfshim_num_assume() - narrow a and b by `a op b` being `truth`.
 * false: it cannot be, and they are what Linux 6.1 goes on with. */
bool bpfshim_num_assume(struct bpfshim_num *a, struct bpfshim_num *b, u8 op, bool w32, bool truth);

#endif /* BPFSHIM_NUM_H */
