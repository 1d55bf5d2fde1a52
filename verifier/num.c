// SPDX-License-Identifier: GPL-2.0
/*
 * The number domain.  Its precision is that of Linux 6.1, on purpose no
 * better: what it would accept more, 6.1 refuses.  Each operator works on two
 * views of a number, 64 and 32 bits wide, which sync makes agree.
 */
#include "num_view.h"
#include "../ioctl/bpfshim.h"

/* ---- known bits ------------------------------------------------------- */

static u32 bit_length(u64 v)
{
	u32 n = 0;

	for (; v >> 8; v >>= 8)
		n += 8;
	for (; v; v >>= 1)
		n++;
	return n;
}

struct bpfshim_tnum bpfshim_tnum_range(u64 lo, u64 hi)
{
	u32 bits = bit_length(lo ^ hi);
	u64 varying;

	if (bits > 63)
		return tnum(0, U64_MAX_);
	varying = ((u64)1 << bits) - 1;
	return tnum(lo & ~varying, varying);
}

bool bpfshim_tnum_in(struct bpfshim_tnum a, struct bpfshim_tnum b)
{
	return !(b.mask & ~a.mask) && (b.value & ~a.mask) == a.value;
}

/* What both know; of a contradiction, something. */
struct bpfshim_tnum bpfshim_num_meet(struct bpfshim_tnum a, struct bpfshim_tnum b)
{
	u64 mask = a.mask & b.mask;

	return tnum((a.value | b.value) & ~mask, mask);
}

struct bpfshim_tnum bpfshim_tnum_add(struct bpfshim_tnum a, struct bpfshim_tnum b)
{
	u64 low_sum = a.value + b.value;
	u64 high_sum = low_sum + a.mask + b.mask;
	u64 mask = (low_sum ^ high_sum) | a.mask | b.mask;

	return tnum(low_sum & ~mask, mask);
}

static struct bpfshim_tnum tnum_sub(struct bpfshim_tnum a, struct bpfshim_tnum b)
{
	u64 diff = a.value - b.value;
	u64 mask = ((diff + a.mask) ^ (diff - b.mask)) | a.mask | b.mask;

	return tnum(diff & ~mask, mask);
}

/* Long multiplication; what is unknown in any partial product adds up. */
static struct bpfshim_tnum tnum_mul(struct bpfshim_tnum a, struct bpfshim_tnum b)
{
	struct bpfshim_tnum unknown = tnum(0, 0);
	u64 known = a.value * b.value;

	for (; a.value | a.mask; a.value >>= 1, a.mask >>= 1, b.value <<= 1, b.mask <<= 1) {
		if (a.value & 1)
			unknown = bpfshim_tnum_add(unknown, tnum(0, b.mask));
		else if (a.mask & 1)
			unknown = bpfshim_tnum_add(unknown, tnum(0, b.value | b.mask));
	}
	return bpfshim_tnum_add(tnum(known, 0), unknown);
}

static struct bpfshim_tnum tnum_bits(struct bpfshim_tnum a, struct bpfshim_tnum b, u8 op)
{
	u64 zero, one, mask;

	switch (op) {
	case BPFSHIM_AND:
		one = a.value & b.value;
		mask = ((a.value | a.mask) & (b.value | b.mask)) & ~one;
		return tnum(one, mask);
	case BPFSHIM_OR:
		one = a.value | b.value;
		return tnum(one, (a.mask | b.mask) & ~one);
	default:
		zero = a.mask | b.mask;
		return tnum((a.value ^ b.value) & ~zero, zero);
	}
}

/* ---- one width -------------------------------------------------------- */

static void any_unsigned(struct view *v)
{
	v->umin = 0;
	v->umax = v->utop;
}

static void any_signed(struct view *v)
{
	v->smin = v->sbot;
	v->smax = v->stop;
}

/* Signed is what unsigned is, where no sign can be. */
static void signed_from_unsigned(struct view *v)
{
	if (v->umax > (u64)v->stop) {
		any_signed(v);
	} else {
		v->smin = (s64)v->umin;
		v->smax = (s64)v->umax;
	}
}

static void known(struct view *v, u64 value)
{
	v->umin = v->umax = value;
	v->smin = v->smax = v->utop == U32_MAX_ ? (s32)value : (s64)value;
}

static bool sum_leaves(const struct view *v, s64 a, s64 b)
{
	return b > 0 ? a > v->stop - b : a < v->sbot - b;
}

static bool diff_leaves(const struct view *v, s64 a, s64 b)
{
	return b > 0 ? a < v->sbot + b : a > v->stop + b;
}

static void view_add(struct view *d, const struct view *s)
{
	if (sum_leaves(d, d->smin, s->smin) || sum_leaves(d, d->smax, s->smax)) {
		any_signed(d);
	} else {
		d->smin += s->smin;
		d->smax += s->smax;
	}
	if (d->umin > d->utop - s->umin || d->umax > d->utop - s->umax) {
		any_unsigned(d);
	} else {
		d->umin += s->umin;
		d->umax += s->umax;
	}
}

static void view_sub(struct view *d, const struct view *s)
{
	if (diff_leaves(d, d->smin, s->smax) || diff_leaves(d, d->smax, s->smin)) {
		any_signed(d);
	} else {
		d->smin -= s->smax;
		d->smax -= s->smin;
	}
	if (d->umin < s->umax) {
		any_unsigned(d);
	} else {
		d->umin -= s->umax;
		d->umax -= s->umin;
	}
}

static void view_mul(struct view *d, const struct view *s)
{
	u64 half = d->utop == U32_MAX_ ? 0xffff : U32_MAX_;

	if (d->smin < 0 || s->smin < 0 || d->umax > half || s->umax > half) {
		any_signed(d);
		any_unsigned(d);
		return;
	}
	d->umin *= s->umin;
	d->umax *= s->umax;
	signed_from_unsigned(d);
}

/* t: the result's bits */
static void view_bits(struct view *d, const struct view *s, struct bpfshim_tnum t, u8 op)
{
	bool positive = d->smin >= 0 && s->smin >= 0;

	if (!d->t.mask && !s->t.mask) {
		known(d, t.value);
		return;
	}
	switch (op) {
	case BPFSHIM_AND:
		d->umin = t.value;
		if (s->umax < d->umax)
			d->umax = s->umax;
		break;
	case BPFSHIM_OR:
		if (s->umin > d->umin)
			d->umin = s->umin;
		d->umax = t.value | t.mask;
		break;
	default:
		d->umin = t.value;
		d->umax = t.value | t.mask;
	}
	if (positive) {
		d->smin = (s64)d->umin;
		d->smax = (s64)d->umax;
	} else {
		any_signed(d);
	}
}

/* ---- making the views agree ------------------------------------------- */

static void view_from_bits(struct view *v)
{
	u64 sign = (u64)v->stop + 1, hi = v->t.value | v->t.mask;
	s64 smin, smax;

	/* The least signed number has the sign bit if it may, all else clear. */
	smin = (s64)(v->t.value | (v->t.mask & sign));
	smax = (s64)(v->t.value | (v->t.mask & ~sign));
	if (v->utop == U32_MAX_) {
		smin = (s32)smin;
		smax = (s32)smax;
	}
	if (smin > v->smin)
		v->smin = smin;
	if (smax < v->smax)
		v->smax = smax;
	if (v->t.value > v->umin)
		v->umin = v->t.value;
	if (hi < v->umax)
		v->umax = hi;
}

static u64 as_unsigned(const struct view *v, s64 x)
{
	return (u64)x & v->utop;
}

/* Signed and unsigned ranges teach each other where no sign is crossed. */
static void view_signs(struct view *v)
{
	u64 a;

	if (v->smin >= 0 || v->smax < 0) {
		a = as_unsigned(v, v->smin);
		if (a > v->umin)
			v->umin = a;
		v->smin = as_signed(v, v->umin);
		a = as_unsigned(v, v->smax);
		if (a < v->umax)
			v->umax = a;
		v->smax = as_signed(v, v->umax);
	} else if (v->umax <= (u64)v->stop) {
		v->smin = (s64)v->umin;
		if ((u64)v->smax < v->umax)
			v->umax = (u64)v->smax;
		v->smax = (s64)v->umax;
	} else if (v->umin > (u64)v->stop) {
		a = as_unsigned(v, v->smin);
		if (a > v->umin)
			v->umin = a;
		v->smin = as_signed(v, v->umin);
		v->smax = as_signed(v, v->umax);
	}
}

static void both_from_bits(struct bpfshim_num *n)
{
	struct view v;

	view32(&v, n);
	view_from_bits(&v);
	store32(n, &v);
	view64(&v, n);
	view_from_bits(&v);
	store64(n, &v);
}

bool bpfshim_num_sync(struct bpfshim_num *n)
{
	struct bpfshim_tnum t;
	struct view v;

	both_from_bits(n);
	view32(&v, n);
	view_signs(&v);
	store32(n, &v);
	view64(&v, n);
	view_signs(&v);
	store64(n, &v);
	t = bpfshim_num_meet(n->t, bpfshim_tnum_range(n->umin, n->umax));
	n->t = join_halves(t, bpfshim_num_meet(low(t), bpfshim_tnum_range(n->u32min, n->u32max)));
	both_from_bits(n);
	return n->smin <= n->smax && n->umin <= n->umax &&
	       n->s32min <= n->s32max && n->u32min <= n->u32max;
}

/* ---- numbers ---------------------------------------------------------- */

void bpfshim_num_const(struct bpfshim_num *n, u64 v)
{
	n->t = tnum(v, 0);
	n->smin = n->smax = (s64)v;
	n->umin = n->umax = v;
	n->s32min = n->s32max = (s32)v;
	n->u32min = n->u32max = (u32)v;
}

void bpfshim_num_any64(struct bpfshim_num *n)
{
	n->smin = S64_MIN_;
	n->smax = S64_MAX_;
	n->umin = 0;
	n->umax = U64_MAX_;
}

void bpfshim_num_any32(struct bpfshim_num *n)
{
	n->s32min = S32_MIN_;
	n->s32max = S32_MAX_;
	n->u32min = 0;
	n->u32max = U32_MAX_;
}

void bpfshim_num_unknown(struct bpfshim_num *n)
{
	n->t = tnum(0, U64_MAX_);
	bpfshim_num_any64(n);
	bpfshim_num_any32(n);
}

void bpfshim_num_urange(struct bpfshim_num *n, u64 lo, u64 hi)
{
	bpfshim_num_unknown(n);
	n->umin = lo;
	n->umax = hi;
	bpfshim_num_sync(n);
}

bool bpfshim_num_is_unknown(const struct bpfshim_num *n)
{
	return n->t.mask == U64_MAX_ && n->smin == S64_MIN_ && n->smax == S64_MAX_ &&
	       !n->umin && n->umax == U64_MAX_ && n->s32min == S32_MIN_ &&
	       n->s32max == S32_MAX_ && !n->u32min && n->u32max == U32_MAX_;
}

bool bpfshim_num_within(const struct bpfshim_num *a, const struct bpfshim_num *b)
{
	return a->umin <= b->umin && a->umax >= b->umax && a->smin <= b->smin &&
	       a->smax >= b->smax && a->u32min <= b->u32min && a->u32max >= b->u32max &&
	       a->s32min <= b->s32min && a->s32max >= b->s32max && bpfshim_tnum_in(a->t, b->t);
}

/* The upper half is zero: the lower half's ranges are the whole's. */
void bpfshim_num_whole_from_low(struct bpfshim_num *n)
{
	n->umin = n->u32min;
	n->umax = n->u32max;
	if (n->s32min >= 0 && n->s32max >= 0) {
		n->smin = n->s32min;
		n->smax = n->s32max;
	} else {
		n->smin = 0;
		n->smax = U32_MAX_;
	}
}

/* The lower half's ranges anew, from the whole's where they fit. */
void bpfshim_num_low_from_whole(struct bpfshim_num *n)
{
	bpfshim_num_any32(n);
	if (n->smin >= S32_MIN_ && n->smax <= S32_MAX_) {
		n->s32min = (s32)n->smin;
		n->s32max = (s32)n->smax;
	}
	if (n->umax <= U32_MAX_) {
		n->u32min = (u32)n->umin;
		n->u32max = (u32)n->umax;
	}
	bpfshim_num_sync(n);
}

void bpfshim_num_zext(struct bpfshim_num *n, u32 bytes)
{
	u64 keep;

	if (bytes >= 8)
		return;
	keep = ((u64)1 << (bytes * 8)) - 1;
	n->t = tnum(n->t.value & keep, n->t.mask & keep);
	if ((n->umin & ~keep) == (n->umax & ~keep)) {
		n->umin &= keep;
		n->umax &= keep;
	} else {
		n->umin = 0;
		n->umax = keep;
	}
	n->smin = (s64)n->umin;
	n->smax = (s64)n->umax;
	if (bytes < 4)
		bpfshim_num_low_from_whole(n);
}

void bpfshim_num_zext32(struct bpfshim_num *n)
{
	n->t = low(n->t);
	bpfshim_num_whole_from_low(n);
	bpfshim_num_sync(n);
}

/* ---- operators -------------------------------------------------------- */

static void shift_left(struct bpfshim_num *d, u32 by, bool w32)
{
	u64 v = d->t.value, m = d->t.mask;

	if (!w32) {
		/* The way compilers extend a sign: left by 32, then right. */
		d->smin = by == 32 ? (s64)((u64)(s64)d->s32min << 32) : S64_MIN_;
		d->smax = by == 32 ? (s64)((u64)(s64)d->s32max << 32) : S64_MAX_;
		if (d->umax > (u64)1 << (63 - by)) {
			d->umin = 0;
			d->umax = U64_MAX_;
		} else {
			d->umin <<= by;
			d->umax <<= by;
		}
	}
	d->s32min = S32_MIN_;
	d->s32max = S32_MAX_;
	if (by > 31 || d->u32max > (u64)1 << (31 - by)) {
		d->u32min = 0;
		d->u32max = U32_MAX_;
	} else {
		d->u32min <<= by;
		d->u32max <<= by;
	}
	d->t = tnum(v << by, m << by);
	if (w32) {
		d->t = low(d->t);
		bpfshim_num_any64(d);
	}
}

static void shift_right(struct bpfshim_num *d, u32 by, bool w32)
{
	if (w32) {
		d->s32min = S32_MIN_;
		d->s32max = S32_MAX_;
		d->t = tnum((d->t.value & LOW32) >> by, (d->t.mask & LOW32) >> by);
		d->u32min >>= by;
		d->u32max >>= by;
		bpfshim_num_any64(d);
		return;
	}
	d->smin = S64_MIN_;
	d->smax = S64_MAX_;
	d->t = tnum(d->t.value >> by, d->t.mask >> by);
	d->umin >>= by;
	d->umax >>= by;
	bpfshim_num_any32(d);
}

static void shift_arith(struct bpfshim_num *d, u32 by, bool w32)
{
	if (w32) {
		d->s32min >>= by;
		d->s32max >>= by;
		d->t = tnum((u32)((s32)d->t.value >> by), (u32)((s32)d->t.mask >> by));
		d->u32min = 0;
		d->u32max = U32_MAX_;
		bpfshim_num_any64(d);
		return;
	}
	d->smin >>= by;
	d->smax >>= by;
	d->t = tnum((u64)((s64)d->t.value >> by), (u64)((s64)d->t.mask >> by));
	d->umin = 0;
	d->umax = U64_MAX_;
	bpfshim_num_any32(d);
}

static void two_views(struct bpfshim_num *d, const struct bpfshim_num *s, u8 op)
{
	struct bpfshim_tnum t;
	struct view a, b;

	switch (op) {
	case BPFSHIM_ADD:
		t = bpfshim_tnum_add(d->t, s->t);
		break;
	case BPFSHIM_SUB:
		t = tnum_sub(d->t, s->t);
		break;
	case BPFSHIM_MUL:
		t = tnum_mul(d->t, s->t);
		break;
	default:
		t = tnum_bits(d->t, s->t, op);
	}
	view32(&a, d);
	view32(&b, s);
	if (op == BPFSHIM_ADD)
		view_add(&a, &b);
	else if (op == BPFSHIM_SUB)
		view_sub(&a, &b);
	else if (op == BPFSHIM_MUL)
		view_mul(&a, &b);
	else
		view_bits(&a, &b, low(t), op);
	store32(d, &a);
	view64(&a, d);
	view64(&b, s);
	if (op == BPFSHIM_ADD)
		view_add(&a, &b);
	else if (op == BPFSHIM_SUB)
		view_sub(&a, &b);
	else if (op == BPFSHIM_MUL)
		view_mul(&a, &b);
	else
		view_bits(&a, &b, t, op);
	store64(d, &a);
	d->t = t;
}

void bpfshim_num_alu(struct bpfshim_num *dst, const struct bpfshim_num *src, u8 op, bool w32)
{
	bool src_known = w32 ? !(u32)src->t.mask : !src->t.mask;
	struct bpfshim_num s = *src;

	switch (op) {
	case BPFSHIM_MOV:
		*dst = s;
		break;
	case BPFSHIM_ADD:
	case BPFSHIM_SUB:
	case BPFSHIM_AND:
		two_views(dst, &s, op);
		break;
	case BPFSHIM_MUL:
	case BPFSHIM_OR:
	case BPFSHIM_XOR:
		if (!src_known) {
			bpfshim_num_unknown(dst);
			return;
		}
		two_views(dst, &s, op);
		break;
	case BPFSHIM_LSH:
	case BPFSHIM_RSH:
	case BPFSHIM_ARSH:
		if (!src_known) {
			bpfshim_num_unknown(dst);
			return;
		}
		/* The whole of a register counts the shift, as 6.1 sees it. */
		if (s.umax >= (w32 ? 32 : 64)) {
			bpfshim_num_unknown(dst);
			break;
		}
		if (op == BPFSHIM_LSH)
			shift_left(dst, (u32)s.umin, w32);
		else if (op == BPFSHIM_RSH)
			shift_right(dst, (u32)s.umin, w32);
		else
			shift_arith(dst, (u32)s.umin, w32);
		break;
	case BPFSHIM_NEG:
		bpfshim_num_unknown(dst);
		return;
	default:
		/* division and modulo: nothing is tracked */
		bpfshim_num_unknown(dst);
		if (!src_known)
			return;
	}
	if (w32) {
		dst->t = low(dst->t);
		both_from_bits(dst);
		bpfshim_num_whole_from_low(dst);
	}
	bpfshim_num_sync(dst);
}
