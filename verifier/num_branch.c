// SPDX-License-Identifier: GPL-2.0
/* The number domain's comparisons: which way a branch can go, and what it
 * tells about both sides.  As precise as Linux 6.1's, see num.c. */
#include "num_view.h"
#include "../ioctl/bpfshim.h"

u8 bpfshim_num_flip(u8 op)
{
	switch (op) {
	case BPFSHIM_JGT: return BPFSHIM_JLT;
	case BPFSHIM_JLT: return BPFSHIM_JGT;
	case BPFSHIM_JGE: return BPFSHIM_JLE;
	case BPFSHIM_JLE: return BPFSHIM_JGE;
	case BPFSHIM_JSGT: return BPFSHIM_JSLT;
	case BPFSHIM_JSLT: return BPFSHIM_JSGT;
	case BPFSHIM_JSGE: return BPFSHIM_JSLE;
	case BPFSHIM_JSLE: return BPFSHIM_JSGE;
	}
	return op;	/* JEQ, JNE, JSET */
}

static u32 answer(bool surely, bool never)
{
	return surely ? 1 : never ? 2 : 3;
}

/* Can `a op v` be true (1), false (2)? */
static u32 branch_view(const struct view *a, u64 v, u8 op)
{
	s64 s = as_signed(a, v);

	switch (op) {
	case BPFSHIM_JEQ:
		return a->t.mask ? 3 : answer(a->t.value == v, a->t.value != v);
	case BPFSHIM_JNE:
		return a->t.mask ? 3 : answer(a->t.value != v, a->t.value == v);
	case BPFSHIM_JSET:
		return answer(a->t.value & v, !((a->t.value | a->t.mask) & v));
	case BPFSHIM_JGT:
		return answer(a->umin > v, a->umax <= v);
	case BPFSHIM_JGE:
		return answer(a->umin >= v, a->umax < v);
	case BPFSHIM_JLT:
		return answer(a->umax < v, a->umin >= v);
	case BPFSHIM_JLE:
		return answer(a->umax <= v, a->umin > v);
	case BPFSHIM_JSGT:
		return answer(a->smin > s, a->smax <= s);
	case BPFSHIM_JSGE:
		return answer(a->smin >= s, a->smax < s);
	case BPFSHIM_JSLT:
		return answer(a->smax < s, a->smin >= s);
	case BPFSHIM_JSLE:
		return answer(a->smax <= s, a->smin > s);
	}
	return 3;
}

u32 bpfshim_num_branch(const struct bpfshim_num *a, const struct bpfshim_num *b, u8 op, bool w32)
{
	struct view v;

	if (w32 ? (u32)b->t.mask : b->t.mask)
		return 3;
	if (w32)
		view32(&v, a);
	else
		view64(&v, a);
	return branch_view(&v, w32 ? (u32)b->t.value : b->t.value, op);
}

/* The lower half was narrowed. */
static void after_low(struct bpfshim_num *n)
{
	if (!((n->t.value | n->t.mask) & ~LOW32))
		bpfshim_num_whole_from_low(n);
	else
		bpfshim_num_any64(n);
	bpfshim_num_sync(n);
}

static void narrow_order(struct view *n, u64 v, u8 op, bool truth)
{
	s64 s = as_signed(n, v);

	/* Not greater is less or equal, and so on. */
	if (!truth) {
		switch (op) {
		case BPFSHIM_JGT: op = BPFSHIM_JLE; break;
		case BPFSHIM_JGE: op = BPFSHIM_JLT; break;
		case BPFSHIM_JLT: op = BPFSHIM_JGE; break;
		case BPFSHIM_JLE: op = BPFSHIM_JGT; break;
		case BPFSHIM_JSGT: op = BPFSHIM_JSLE; break;
		case BPFSHIM_JSGE: op = BPFSHIM_JSLT; break;
		case BPFSHIM_JSLT: op = BPFSHIM_JSGE; break;
		case BPFSHIM_JSLE: op = BPFSHIM_JSGT; break;
		}
	}
	switch (op) {
	case BPFSHIM_JGT:
		v++;
		BPFSHIM_FALLTHROUGH;
	case BPFSHIM_JGE:
		if (v > n->umin)
			n->umin = v;
		break;
	case BPFSHIM_JLT:
		v--;
		BPFSHIM_FALLTHROUGH;
	case BPFSHIM_JLE:
		if (v < n->umax)
			n->umax = v;
		break;
	case BPFSHIM_JSGT:
		s++;
		BPFSHIM_FALLTHROUGH;
	case BPFSHIM_JSGE:
		if (s > n->smin)
			n->smin = s;
		break;
	case BPFSHIM_JSLT:
		s--;
		BPFSHIM_FALLTHROUGH;
	case BPFSHIM_JSLE:
		if (s < n->smax)
			n->smax = s;
		break;
	}
}

/* No number of that order exists: v has nothing above, or below it. */
static bool impossible(const struct view *n, u64 v, u8 op, bool truth)
{
	s64 s = as_signed(n, v);

	if ((op == BPFSHIM_JGT && truth) || (op == BPFSHIM_JLE && !truth))
		return v == n->utop;
	if ((op == BPFSHIM_JLT && truth) || (op == BPFSHIM_JGE && !truth))
		return !v;
	if ((op == BPFSHIM_JSGT && truth) || (op == BPFSHIM_JSLE && !truth))
		return s == n->stop;
	if ((op == BPFSHIM_JSLT && truth) || (op == BPFSHIM_JSGE && !truth))
		return s == n->sbot;
	return false;
}

/* The number, or its lower half, is v. */
static void hold(struct bpfshim_num *n, u64 v, bool w32)
{
	if (!w32) {
		bpfshim_num_const(n, v);
		return;
	}
	n->t = join_halves(n->t, tnum((u32)v, 0));
	n->s32min = n->s32max = (s32)v;
	n->u32min = n->u32max = (u32)v;
	after_low(n);
}

/*
 * No number can go this way; 6.1 goes it all the same, with a minimum above
 * the maximum.  What the way tells must stay true on it, as it does of wider
 * ranges: a state may have been left out for one of those.
 */
static void hold_nearest(struct bpfshim_num *n, u64 v, u8 op, bool w32, bool truth)
{
	bool strict = op == BPFSHIM_JGT || op == BPFSHIM_JLT || op == BPFSHIM_JSGT || op == BPFSHIM_JSLT;
	bool above = op == BPFSHIM_JGT || op == BPFSHIM_JGE || op == BPFSHIM_JSGT || op == BPFSHIM_JSGE;

	if (strict == truth)
		v += above == truth ? 1 : (u64)-1;
	hold(n, v, w32);
}

static bool consistent(const struct bpfshim_num *n)
{
	return n->umin <= n->umax && n->smin <= n->smax &&
	       n->u32min <= n->u32max && n->s32min <= n->s32max;
}

static bool narrow_bits(struct bpfshim_num *n, u64 v, bool w32, bool truth)
{
	u64 least = w32 ? n->u32min : n->umin;

	if (truth) {
		if (v && !(v & (v - 1))) {
			n->t.value |= v;
			n->t.mask &= ~v;
		}
	} else {
		if (n->t.value & v) {
			hold(n, least & ~v, w32);
			return false;
		}
		/* 6.1 forgets the ranges here */
		bpfshim_num_any64(n);
		bpfshim_num_any32(n);
		n->t.mask &= ~v;
	}
	if (w32)
		after_low(n);
	else
		bpfshim_num_low_from_whole(n);
	if (consistent(n))
		return true;
	hold(n, least | v, w32);
	return false;
}

static bool holds_value(const struct view *a, u64 v)
{
	s64 s = as_signed(a, v);

	return !((a->t.value ^ v) & ~a->t.mask) && a->umin <= v && v <= a->umax && a->smin <= s && s <= a->smax;
}

/* false: no number goes this way, and n is what to go on with. */
static bool narrow(struct bpfshim_num *n, u64 v, u8 op, bool w32, bool truth)
{
	struct bpfshim_num was = *n;
	struct view w;
	bool can;

	if (op == BPFSHIM_JSET)
		return narrow_bits(n, v, w32, truth);
	if (w32)
		view32(&w, n);
	else
		view64(&w, n);
	if (op == BPFSHIM_JEQ || op == BPFSHIM_JNE) {
		can = true;
		if (truth == (op == BPFSHIM_JEQ)) {
			can = holds_value(&w, v);
			hold(n, v, w32);
		}
		return can;
	}
	if (impossible(&w, v, op, truth))
		return false;
	narrow_order(&w, v, op, truth);
	if (w.umin > w.umax || w.smin > w.smax) {
		hold_nearest(n, v, op, w32, truth);
		return false;
	}
	if (w32) {
		store32(n, &w);
		after_low(n);
	} else {
		store64(n, &w);
		bpfshim_num_low_from_whole(n);
	}
	if (consistent(n))
		return true;
	*n = was;
	return false;
}

static bool same(struct bpfshim_num *a, struct bpfshim_num *b)
{
	if ((a->t.value ^ b->t.value) & ~a->t.mask & ~b->t.mask)
		return false;
	if (a->umin < b->umin)
		a->umin = b->umin;
	if (a->umax > b->umax)
		a->umax = b->umax;
	if (a->smin < b->smin)
		a->smin = b->smin;
	if (a->smax > b->smax)
		a->smax = b->smax;
	b->umin = a->umin;
	b->umax = a->umax;
	b->smin = a->smin;
	b->smax = a->smax;
	a->t = b->t = bpfshim_num_meet(a->t, b->t);
	return bpfshim_num_sync(a) & bpfshim_num_sync(b);
}

bool bpfshim_num_assume(struct bpfshim_num *a, struct bpfshim_num *b, u8 op, bool w32, bool truth)
{
	struct bpfshim_num x = *a, y = *b;

	if (w32 ? !(u32)b->t.mask : !b->t.mask)
		return narrow(a, w32 ? (u32)b->t.value : b->t.value, op, w32, truth);
	if (w32 ? !(u32)a->t.mask : !a->t.mask)
		return narrow(b, w32 ? (u32)a->t.value : a->t.value, bpfshim_num_flip(op), w32, truth);
	if (w32 || !((op == BPFSHIM_JEQ && truth) || (op == BPFSHIM_JNE && !truth)))
		return true;
	if (!same(&x, &y))
		return false;
	*a = x;
	*b = y;
	return true;
}
