/* SPDX-License-Identifier: GPL-2.0 */
/* The number domain's insides: one width of a number, and what num.c (the
 * operators) and num_branch.c (comparisons) share. */
#ifndef BPFSHIM_NUM_VIEW_H
#define BPFSHIM_NUM_VIEW_H

#include "num.h"

#define U64_MAX_ (~(u64)0)
#define U32_MAX_ (~(u32)0)
#define S64_MIN_ ((s64)((u64)1 << 63))
#define S64_MAX_ ((s64)(U64_MAX_ >> 1))
#define S32_MIN_ ((s32)((u32)1 << 31))
#define S32_MAX_ ((s32)(U32_MAX_ >> 1))
#define LOW32 ((u64)U32_MAX_)

static inline struct bpfshim_tnum tnum(u64 value, u64 mask)
{
	struct bpfshim_tnum t;

	t.value = value;
	t.mask = mask;
	return t;
}

static inline struct bpfshim_tnum low(struct bpfshim_tnum t)
{
	return tnum(t.value & LOW32, t.mask & LOW32);
}

/* a's upper half, b's lower one */
static inline struct bpfshim_tnum join_halves(struct bpfshim_tnum a, struct bpfshim_tnum b)
{
	return tnum((a.value & ~LOW32) | (b.value & LOW32), (a.mask & ~LOW32) | (b.mask & LOW32));
}

/* A number's ranges at one width, in 64-bit variables. */
struct view {
	u64 umin, umax, utop;
	s64 smin, smax, sbot, stop;
	struct bpfshim_tnum t;
};

static inline void view64(struct view *v, const struct bpfshim_num *n)
{
	v->umin = n->umin;
	v->umax = n->umax;
	v->utop = U64_MAX_;
	v->smin = n->smin;
	v->smax = n->smax;
	v->sbot = S64_MIN_;
	v->stop = S64_MAX_;
	v->t = n->t;
}

static inline void view32(struct view *v, const struct bpfshim_num *n)
{
	v->umin = n->u32min;
	v->umax = n->u32max;
	v->utop = U32_MAX_;
	v->smin = n->s32min;
	v->smax = n->s32max;
	v->sbot = S32_MIN_;
	v->stop = S32_MAX_;
	v->t = low(n->t);
}

static inline void store64(struct bpfshim_num *n, const struct view *v)
{
	n->umin = v->umin;
	n->umax = v->umax;
	n->smin = v->smin;
	n->smax = v->smax;
}

static inline void store32(struct bpfshim_num *n, const struct view *v)
{
	n->u32min = (u32)v->umin;
	n->u32max = (u32)v->umax;
	n->s32min = (s32)v->smin;
	n->s32max = (s32)v->smax;
}

static inline s64 as_signed(const struct view *v, u64 x)
{
	return v->utop == U32_MAX_ ? (s32)x : (s64)x;
}

/** bpfshim_num_meet() - the bits that either knows. */
struct bpfshim_tnum bpfshim_num_meet(struct bpfshim_tnum a, struct bpfshim_tnum b);
/** bpfshim_num_any64(), _any32() - forget the ranges of the whole, of the lower half. */
void bpfshim_num_any64(struct bpfshim_num *n);
void bpfshim_num_any32(struct bpfshim_num *n);
/** bpfshim_num_whole_from_low() - the upper half is zero: take the lower half's ranges. */
void bpfshim_num_whole_from_low(struct bpfshim_num *n);
/** bpfshim_num_low_from_whole() - the lower half's ranges anew, where the whole's fit. */
void bpfshim_num_low_from_whole(struct bpfshim_num *n);

#endif /* BPFSHIM_NUM_VIEW_H */
