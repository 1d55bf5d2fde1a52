// SPDX-License-Identifier: GPL-2.0
#include "num.h"
#include "../ioctl/bpfshim.h"

#define S64_MIN_ ((s64)1 << 63)
#define S64_MAX_ ((s64)~((u64)1 << 63))
#define S32_MIN_ ((s32)0x80000000)
#define S32_MAX_ ((s32)0x7fffffff)
#define U64_MAX_ (~(u64)0)
#define U32_MAX_ (~(u32)0)
#define MIN_(a, b) ((a) < (b) ? (a) : (b))
#define MAX_(a, b) ((a) > (b) ? (a) : (b))

static struct bpfshim_tnum tnum(u64 value, u64 mask)
{
	struct bpfshim_tnum t;

	t.value = value;
	t.mask = mask;
	return t;
}

/* Index of the highest set bit, plus one. */
static u32 top_bit(u64 v)
{
	return v ? 64 - __builtin_clzll(v) : 0;
}

static struct bpfshim_tnum tnum_range(u64 lo, u64 hi)
{
	u32 bits = top_bit(lo ^ hi);
	u64 delta;

	if (bits > 63)
		return tnum(0, U64_MAX_);
	delta = ((u64)1 << bits) - 1;
	return tnum(lo & ~delta, delta);
}

static struct bpfshim_tnum tnum_and_both(struct bpfshim_tnum a, struct bpfshim_tnum b, bool *empty)
{
	u64 mask = a.mask & b.mask;

	if ((a.value ^ b.value) & ~a.mask & ~b.mask)
		*empty = true;
	return tnum((a.value | b.value) & ~mask, mask);
}

static struct bpfshim_tnum tnum_add(struct bpfshim_tnum a, struct bpfshim_tnum b)
{
	u64 sm = a.mask + b.mask, sv = a.value + b.value;
	u64 carries = (sm + sv) ^ sv;
	u64 mask = carries | a.mask | b.mask;

	return tnum(sv & ~mask, mask);
}

static struct bpfshim_tnum tnum_sub(struct bpfshim_tnum a, struct bpfshim_tnum b)
{
	u64 dv = a.value - b.value;
	u64 mask = ((dv + a.mask) ^ (dv - b.mask)) | a.mask | b.mask;

	return tnum(dv & ~mask, mask);
}

/* Long multiplication: sum of the shifted multiplicands, unknown bits apart. */
static struct bpfshim_tnum tnum_mul(struct bpfshim_tnum a, struct bpfshim_tnum b)
{
	struct bpfshim_tnum acc = tnum(0, 0);
	u64 known = a.value * b.value;

	while (a.value | a.mask) {
		if (a.value & 1)
			acc = tnum_add(acc, tnum(0, b.mask));
		else if (a.mask & 1)
			acc = tnum_add(acc, tnum(0, b.value | b.mask));
		a.value >>= 1;
		a.mask >>= 1;
		b.value <<= 1;
		b.mask <<= 1;
	}
	return tnum_add(tnum(known, 0), acc);
}

void bpfshim_num_const(struct bpfshim_num *n, u64 v)
{
	n->t = tnum(v, 0);
	n->smin = n->smax = (s64)v;
	n->umin = n->umax = v;
	n->s32min = n->s32max = (s32)v;
	n->u32min = n->u32max = (u32)v;
}

void bpfshim_num_unknown(struct bpfshim_num *n)
{
	n->t = tnum(0, U64_MAX_);
	n->smin = S64_MIN_;
	n->smax = S64_MAX_;
	n->umin = 0;
	n->umax = U64_MAX_;
	n->s32min = S32_MIN_;
	n->s32max = S32_MAX_;
	n->u32min = 0;
	n->u32max = U32_MAX_;
}

void bpfshim_num_urange(struct bpfshim_num *n, u64 lo, u64 hi)
{
	bpfshim_num_unknown(n);
	n->umin = lo;
	n->umax = hi;
	bpfshim_num_sync(n);
}

/* One round: each view narrows the others. */
static void narrow(struct bpfshim_num *n, bool *empty)
{
	u64 m = n->t.mask, v = n->t.value;
	u32 m32 = (u32)m, v32 = (u32)v;
	u64 sign = (u64)1 << 63;
	u32 sign32 = (u32)1 << 31;

	/* bits -> ranges */
	n->umin = MAX_(n->umin, v);
	n->umax = MIN_(n->umax, v | m);
	n->smin = MAX_(n->smin, (s64)(v | (m & sign)));
	n->smax = MIN_(n->smax, (s64)(v | (m & ~sign)));
	n->u32min = MAX_(n->u32min, v32);
	n->u32max = MIN_(n->u32max, v32 | m32);
	n->s32min = MAX_(n->s32min, (s32)(v32 | (m32 & sign32)));
	n->s32max = MIN_(n->s32max, (s32)(v32 | (m32 & ~sign32)));

	/* unsigned <-> signed, where neither crosses the other's edge */
	if ((s64)n->umin <= (s64)n->umax) {
		n->smin = MAX_(n->smin, (s64)n->umin);
		n->smax = MIN_(n->smax, (s64)n->umax);
	}
	if ((u64)n->smin <= (u64)n->smax) {
		n->umin = MAX_(n->umin, (u64)n->smin);
		n->umax = MIN_(n->umax, (u64)n->smax);
	}
	if ((s32)n->u32min <= (s32)n->u32max) {
		n->s32min = MAX_(n->s32min, (s32)n->u32min);
		n->s32max = MIN_(n->s32max, (s32)n->u32max);
	}
	if ((u32)n->s32min <= (u32)n->s32max) {
		n->u32min = MAX_(n->u32min, (u32)n->s32min);
		n->u32max = MIN_(n->u32max, (u32)n->s32max);
	}

	/* the whole <-> its lower half, where the upper half is one value */
	if (n->umin >> 32 == n->umax >> 32) {
		u64 hi = n->umin & ~(u64)U32_MAX_;

		n->u32min = MAX_(n->u32min, (u32)n->umin);
		n->u32max = MIN_(n->u32max, (u32)n->umax);
		n->umin = MAX_(n->umin, hi | n->u32min);
		n->umax = MIN_(n->umax, hi | n->u32max);
	}
	if (n->smin >= S32_MIN_ && n->smax <= S32_MAX_) {
		n->s32min = MAX_(n->s32min, (s32)n->smin);
		n->s32max = MIN_(n->s32max, (s32)n->smax);
		n->smin = MAX_(n->smin, n->s32min);
		n->smax = MIN_(n->smax, n->s32max);
	}

	if (n->umin > n->umax || n->smin > n->smax ||
	    n->u32min > n->u32max || n->s32min > n->s32max) {
		*empty = true;
		return;
	}

	/* ranges -> bits */
	n->t = tnum_and_both(n->t, tnum_range(n->umin, n->umax), empty);
	{
		struct bpfshim_tnum low = tnum_range(n->u32min, n->u32max);

		low.mask |= ~(u64)U32_MAX_;
		low.value &= U32_MAX_;
		n->t = tnum_and_both(n->t, low, empty);
	}
}

bool bpfshim_num_sync(struct bpfshim_num *n)
{
	bool empty = false;

	/* Two rounds let what the last step found reach the first. */
	narrow(n, &empty);
	if (!empty)
		narrow(n, &empty);
	return !empty;
}

bool bpfshim_num_within(const struct bpfshim_num *a, const struct bpfshim_num *b)
{
	return a->umin <= b->umin && a->umax >= b->umax &&
	       a->smin <= b->smin && a->smax >= b->smax &&
	       a->u32min <= b->u32min && a->u32max >= b->u32max &&
	       a->s32min <= b->s32min && a->s32max >= b->s32max &&
	       !(b->t.mask & ~a->t.mask) &&
	       !((a->t.value ^ b->t.value) & ~a->t.mask);
}

void bpfshim_num_zext(struct bpfshim_num *n, u32 bytes)
{
	u64 keep = bytes >= 8 ? U64_MAX_ : ((u64)1 << (bytes * 8)) - 1;
	struct bpfshim_num old = *n;

	if (bytes >= 8)
		return;
	bpfshim_num_unknown(n);
	n->t = tnum(old.t.value & keep, old.t.mask & keep);
	n->umin = 0;
	n->umax = keep;
	if (bytes == 4) {
		n->u32min = old.u32min;
		n->u32max = old.u32max;
		n->s32min = old.s32min;
		n->s32max = old.s32max;
	}
	if (old.umax <= keep) {
		n->umin = old.umin;
		n->umax = old.umax;
	}
	bpfshim_num_sync(n);
}

/* The lower half as a number of its own. */
static void lower(struct bpfshim_num *out, const struct bpfshim_num *n)
{
	*out = *n;
	bpfshim_num_zext(out, 4);
}

static void add_sub(struct bpfshim_num *d, const struct bpfshim_num *s, bool sub)
{
	struct bpfshim_num r;
	u64 lo, hi;
	s64 slo, shi;
	u32 lo32, hi32;
	s32 slo32, shi32;

	bpfshim_num_unknown(&r);
	if (sub) {
		r.t = tnum_sub(d->t, s->t);
		if (d->umin >= s->umax) {
			r.umin = d->umin - s->umax;
			r.umax = d->umax - s->umin;
		}
		if (!__builtin_sub_overflow(d->smin, s->smax, &slo) &&
		    !__builtin_sub_overflow(d->smax, s->smin, &shi)) {
			r.smin = slo;
			r.smax = shi;
		}
		if (d->u32min >= s->u32max) {
			r.u32min = d->u32min - s->u32max;
			r.u32max = d->u32max - s->u32min;
		}
		if (!__builtin_sub_overflow(d->s32min, s->s32max, &slo32) &&
		    !__builtin_sub_overflow(d->s32max, s->s32min, &shi32)) {
			r.s32min = slo32;
			r.s32max = shi32;
		}
	} else {
		r.t = tnum_add(d->t, s->t);
		if (!__builtin_add_overflow(d->umin, s->umin, &lo) &&
		    !__builtin_add_overflow(d->umax, s->umax, &hi)) {
			r.umin = lo;
			r.umax = hi;
		}
		if (!__builtin_add_overflow(d->smin, s->smin, &slo) &&
		    !__builtin_add_overflow(d->smax, s->smax, &shi)) {
			r.smin = slo;
			r.smax = shi;
		}
		if (!__builtin_add_overflow(d->u32min, s->u32min, &lo32) &&
		    !__builtin_add_overflow(d->u32max, s->u32max, &hi32)) {
			r.u32min = lo32;
			r.u32max = hi32;
		}
		if (!__builtin_add_overflow(d->s32min, s->s32min, &slo32) &&
		    !__builtin_add_overflow(d->s32max, s->s32max, &shi32)) {
			r.s32min = slo32;
			r.s32max = shi32;
		}
	}
	*d = r;
}

static void mul(struct bpfshim_num *d, const struct bpfshim_num *s)
{
	struct bpfshim_num r;

	bpfshim_num_unknown(&r);
	r.t = tnum_mul(d->t, s->t);
	if (d->umax <= U32_MAX_ && s->umax <= U32_MAX_) {
		r.umin = d->umin * s->umin;
		r.umax = d->umax * s->umax;
	}
	if ((u64)d->u32max * s->u32max <= U32_MAX_) {
		r.u32min = d->u32min * s->u32min;
		r.u32max = d->u32max * s->u32max;
	}
	*d = r;
}

static void bits(struct bpfshim_num *d, const struct bpfshim_num *s, u8 op)
{
	struct bpfshim_num r;
	u64 v, m;

	bpfshim_num_unknown(&r);
	switch (op) {
	case BPFSHIM_AND:
		v = d->t.value & s->t.value;
		m = (d->t.value | d->t.mask) & (s->t.value | s->t.mask) & ~v;
		r.umax = MIN_(d->umax, s->umax);
		r.u32max = MIN_(d->u32max, s->u32max);
		break;
	case BPFSHIM_OR:
		v = d->t.value | s->t.value;
		m = (d->t.mask | s->t.mask) & ~v;
		r.umin = MAX_(d->umin, s->umin);
		r.u32min = MAX_(d->u32min, s->u32min);
		break;
	default:
		m = d->t.mask | s->t.mask;
		v = (d->t.value ^ s->t.value) & ~m;
	}
	r.t = tnum(v, m);
	*d = r;
}

/* Shift by a known amount below the width. */
static void shift(struct bpfshim_num *d, u32 by, u8 op)
{
	struct bpfshim_num r;

	bpfshim_num_unknown(&r);
	switch (op) {
	case BPFSHIM_LSH:
		r.t = tnum(d->t.value << by, d->t.mask << by);
		if (top_bit(d->umax) + by <= 64) {
			r.umin = d->umin << by;
			r.umax = d->umax << by;
		}
		if (by < 32 && top_bit(d->u32max) + by <= 32) {
			r.u32min = d->u32min << by;
			r.u32max = d->u32max << by;
		}
		break;
	case BPFSHIM_RSH:
		r.t = tnum(d->t.value >> by, d->t.mask >> by);
		r.umin = d->umin >> by;
		r.umax = d->umax >> by;
		break;
	default:
		r.t = tnum((u64)((s64)d->t.value >> by), (u64)((s64)d->t.mask >> by));
		r.smin = d->smin >> by;
		r.smax = d->smax >> by;
	}
	*d = r;
}

static void shift32(struct bpfshim_num *d, u32 by, u8 op)
{
	struct bpfshim_num r;
	u32 v = (u32)d->t.value, m = (u32)d->t.mask;

	bpfshim_num_unknown(&r);
	switch (op) {
	case BPFSHIM_LSH:
		v <<= by;
		m <<= by;
		if (top_bit(d->u32max) + by <= 32) {
			r.u32min = d->u32min << by;
			r.u32max = d->u32max << by;
		}
		break;
	case BPFSHIM_RSH:
		v >>= by;
		m >>= by;
		r.u32min = d->u32min >> by;
		r.u32max = d->u32max >> by;
		break;
	default:
		v = (u32)((s32)v >> by);
		m = (u32)((s32)m >> by);
		r.s32min = d->s32min >> by;
		r.s32max = d->s32max >> by;
	}
	r.t = tnum(v, m);
	*d = r;
}

void bpfshim_num_alu(struct bpfshim_num *dst, const struct bpfshim_num *src, u8 op, bool w32)
{
	struct bpfshim_num s;

	if (w32) {
		lower(&s, src);
		lower(dst, dst);
	} else {
		s = *src;
	}
	switch (op) {
	case BPFSHIM_MOV:
		*dst = s;
		break;
	case BPFSHIM_ADD:
	case BPFSHIM_SUB:
		add_sub(dst, &s, op == BPFSHIM_SUB);
		break;
	case BPFSHIM_MUL:
		mul(dst, &s);
		break;
	case BPFSHIM_AND:
	case BPFSHIM_OR:
	case BPFSHIM_XOR:
		bits(dst, &s, op);
		break;
	case BPFSHIM_LSH:
	case BPFSHIM_RSH:
	case BPFSHIM_ARSH:
		if (!bpfshim_num_is_const(&s) || s.umax >= (w32 ? 32 : 64)) {
			u64 max = dst->umax;

			bpfshim_num_unknown(dst);
			if (op == BPFSHIM_RSH)	/* it never grows */
				dst->umax = max;
		} else if (w32) {
			shift32(dst, (u32)s.umin, op);
		} else {
			shift(dst, (u32)s.umin, op);
		}
		break;
	case BPFSHIM_NEG:
		bpfshim_num_const(&s, 0);
		{
			struct bpfshim_num d = *dst;

			add_sub(&s, &d, true);
			*dst = s;
		}
		break;
	case BPFSHIM_DIV:
		/* by zero gives zero, so the result never exceeds dst */
		{
			u64 max = dst->umax;

			bpfshim_num_unknown(dst);
			dst->umax = s.umin ? max / s.umin : max;
		}
		break;
	case BPFSHIM_MOD:
		/* by zero leaves dst */
		{
			u64 max = dst->umax;

			bpfshim_num_unknown(dst);
			dst->umax = s.umin ? MIN_(max, s.umax - 1) : max;
		}
		break;
	default:
		bpfshim_num_unknown(dst);
	}
	bpfshim_num_sync(dst);
	if (w32)
		bpfshim_num_zext(dst, 4);
}

/* `a op b` with truth folded in: the negation of each op is an op, but JSET. */
static u8 negate(u8 op)
{
	switch (op) {
	case BPFSHIM_JEQ: return BPFSHIM_JNE;
	case BPFSHIM_JNE: return BPFSHIM_JEQ;
	case BPFSHIM_JGT: return BPFSHIM_JLE;
	case BPFSHIM_JLE: return BPFSHIM_JGT;
	case BPFSHIM_JGE: return BPFSHIM_JLT;
	case BPFSHIM_JLT: return BPFSHIM_JGE;
	case BPFSHIM_JSGT: return BPFSHIM_JSLE;
	case BPFSHIM_JSLE: return BPFSHIM_JSGT;
	case BPFSHIM_JSGE: return BPFSHIM_JSLT;
	default: return BPFSHIM_JSGE;	/* JSLT */
	}
}

/* a < b + slack (slack 1: a <= b), unsigned, at 64 or 32 bits. */
static void assume_less(struct bpfshim_num *a, struct bpfshim_num *b, bool w32, bool or_equal, bool *empty)
{
	if (w32) {
		u32 amax = b->u32max, bmin = a->u32min;

		if (!or_equal) {
			if (!amax || bmin == U32_MAX_) {
				*empty = true;
				return;
			}
			amax--;
			bmin++;
		}
		a->u32max = MIN_(a->u32max, amax);
		b->u32min = MAX_(b->u32min, bmin);
	} else {
		u64 amax = b->umax, bmin = a->umin;

		if (!or_equal) {
			if (!amax || bmin == U64_MAX_) {
				*empty = true;
				return;
			}
			amax--;
			bmin++;
		}
		a->umax = MIN_(a->umax, amax);
		b->umin = MAX_(b->umin, bmin);
	}
}

static void assume_sless(struct bpfshim_num *a, struct bpfshim_num *b, bool w32, bool or_equal, bool *empty)
{
	if (w32) {
		s32 amax = b->s32max, bmin = a->s32min;

		if (!or_equal) {
			if (amax == S32_MIN_ || bmin == S32_MAX_) {
				*empty = true;
				return;
			}
			amax--;
			bmin++;
		}
		a->s32max = MIN_(a->s32max, amax);
		b->s32min = MAX_(b->s32min, bmin);
	} else {
		s64 amax = b->smax, bmin = a->smin;

		if (!or_equal) {
			if (amax == S64_MIN_ || bmin == S64_MAX_) {
				*empty = true;
				return;
			}
			amax--;
			bmin++;
		}
		a->smax = MIN_(a->smax, amax);
		b->smin = MAX_(b->smin, bmin);
	}
}

static void assume_equal(struct bpfshim_num *a, struct bpfshim_num *b, bool w32, bool *empty)
{
	struct bpfshim_tnum t;

	a->u32min = b->u32min = MAX_(a->u32min, b->u32min);
	a->u32max = b->u32max = MIN_(a->u32max, b->u32max);
	a->s32min = b->s32min = MAX_(a->s32min, b->s32min);
	a->s32max = b->s32max = MIN_(a->s32max, b->s32max);
	if (w32) {
		u64 high = ~(u64)U32_MAX_;

		t = tnum_and_both(tnum(a->t.value & ~high, a->t.mask & ~high),
				  tnum(b->t.value & ~high, b->t.mask & ~high), empty);
		a->t = tnum((a->t.value & high) | t.value, (a->t.mask & high) | t.mask);
		b->t = tnum((b->t.value & high) | t.value, (b->t.mask & high) | t.mask);
		return;
	}
	a->t = b->t = tnum_and_both(a->t, b->t, empty);
	a->umin = b->umin = MAX_(a->umin, b->umin);
	a->umax = b->umax = MIN_(a->umax, b->umax);
	a->smin = b->smin = MAX_(a->smin, b->smin);
	a->smax = b->smax = MIN_(a->smax, b->smax);
}

/* a != v, a known number: only an edge of a range can go. */
static void assume_not(struct bpfshim_num *a, u64 v, bool w32, bool *empty)
{
	if (w32) {
		u32 v32 = (u32)v;

		if (a->u32min == a->u32max && a->u32min == v32)
			*empty = true;
		else if (a->u32min == v32)
			a->u32min++;
		else if (a->u32max == v32)
			a->u32max--;
		if (*empty)
			return;
		if (a->s32min == (s32)v32 && a->s32min < a->s32max)
			a->s32min++;
		else if (a->s32max == (s32)v32 && a->s32min < a->s32max)
			a->s32max--;
		return;
	}
	if (a->umin == a->umax && a->umin == v)
		*empty = true;
	else if (a->umin == v)
		a->umin++;
	else if (a->umax == v)
		a->umax--;
	if (*empty)
		return;
	if (a->smin == (s64)v && a->smin < a->smax)
		a->smin++;
	else if (a->smax == (s64)v && a->smin < a->smax)
		a->smax--;
}

static void assume_jset(struct bpfshim_num *a, const struct bpfshim_num *b, bool w32, bool truth, bool *empty)
{
	u64 v = w32 ? (u32)b->t.value : b->t.value;
	u64 maybe = w32 ? (u32)(a->t.value | a->t.mask) : a->t.value | a->t.mask;

	if (!bpfshim_num_is_const(b) && (!w32 || (u32)b->t.mask))
		return;
	if (truth) {
		if (!(maybe & v))
			*empty = true;
		else if (!(v & (v - 1)) && (a->t.mask & v)) {	/* one bit: it is set */
			a->t.value |= v;
			a->t.mask &= ~v;
		}
	} else {
		if (a->t.value & v)
			*empty = true;
		a->t.mask &= ~v;
	}
}

bool bpfshim_num_assume(struct bpfshim_num *a, struct bpfshim_num *b, u8 op, bool w32, bool truth)
{
	bool empty = false, a_ok, b_ok;

	if (op == BPFSHIM_JSET) {
		assume_jset(a, b, w32, truth, &empty);
	} else {
		if (!truth)
			op = negate(op);
		switch (op) {
		case BPFSHIM_JEQ:
			assume_equal(a, b, w32, &empty);
			break;
		case BPFSHIM_JNE:
			if (w32 ? !(u32)b->t.mask : !b->t.mask)
				assume_not(a, b->t.value, w32, &empty);
			else if (w32 ? !(u32)a->t.mask : !a->t.mask)
				assume_not(b, a->t.value, w32, &empty);
			break;
		case BPFSHIM_JLT:
			assume_less(a, b, w32, false, &empty);
			break;
		case BPFSHIM_JLE:
			assume_less(a, b, w32, true, &empty);
			break;
		case BPFSHIM_JGT:
			assume_less(b, a, w32, false, &empty);
			break;
		case BPFSHIM_JGE:
			assume_less(b, a, w32, true, &empty);
			break;
		case BPFSHIM_JSLT:
			assume_sless(a, b, w32, false, &empty);
			break;
		case BPFSHIM_JSLE:
			assume_sless(a, b, w32, true, &empty);
			break;
		case BPFSHIM_JSGT:
			assume_sless(b, a, w32, false, &empty);
			break;
		case BPFSHIM_JSGE:
			assume_sless(b, a, w32, true, &empty);
			break;
		}
	}
	if (empty)
		return false;
	a_ok = bpfshim_num_sync(a);
	b_ok = bpfshim_num_sync(b);
	return a_ok && b_ok;
}

u32 bpfshim_num_branch(const struct bpfshim_num *a, const struct bpfshim_num *b, u8 op, bool w32)
{
	struct bpfshim_num x = *a, y = *b;
	u32 can = 0;

	if (bpfshim_num_assume(&x, &y, op, w32, true))
		can |= 1;
	x = *a;
	y = *b;
	if (bpfshim_num_assume(&x, &y, op, w32, false))
		can |= 2;
	return can;
}
