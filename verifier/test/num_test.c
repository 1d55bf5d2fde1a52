// SPDX-License-Identifier: GPL-2.0
/*
 * The number domain against brute force.  Abstract numbers are made from sets
 * of concrete ones, around zero, the 32-bit edges and the signs, so that every
 * view (bits, signed, unsigned, lower half) matters; each operation and each
 * branch must keep every concrete result.
 */
#include <stdio.h>
#include <stdlib.h>
#include "../num.h"
#include "../../ioctl/bpfshim.h"

static u64 rng = 88172645463325252ULL;

static u64 rnd(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng;
}

static bool in(const struct bpfshim_num *n, u64 v)
{
	return (s64)v >= n->smin && (s64)v <= n->smax && v >= n->umin && v <= n->umax &&
	       (s32)v >= n->s32min && (s32)v <= n->s32max && (u32)v >= n->u32min && (u32)v <= n->u32max &&
	       (v & ~n->t.mask) == n->t.value;
}

/* The tightest number that holds all of vs, view by view. */
static void cover(struct bpfshim_num *n, const u64 *vs, u32 nr)
{
	u64 ones = ~(u64)0, any = 0;
	u32 i;

	bpfshim_num_const(n, vs[0]);
	for (i = 0; i < nr; i++) {
		u64 v = vs[i];

		ones &= v;
		any |= v;
		if ((s64)v < n->smin) n->smin = (s64)v;
		if ((s64)v > n->smax) n->smax = (s64)v;
		if (v < n->umin) n->umin = v;
		if (v > n->umax) n->umax = v;
		if ((s32)v < n->s32min) n->s32min = (s32)v;
		if ((s32)v > n->s32max) n->s32max = (s32)v;
		if ((u32)v < n->u32min) n->u32min = (u32)v;
		if ((u32)v > n->u32max) n->u32max = (u32)v;
	}
	n->t.value = ones;
	n->t.mask = any & ~ones;
}

static u64 concrete(u64 d, u64 s, u8 op, bool w32)
{
	u32 d32 = (u32)d, s32v = (u32)s, r = 0;
	u64 x = 0;

	if (w32) {
		switch (op) {
		case BPFSHIM_ADD: r = d32 + s32v; break;
		case BPFSHIM_SUB: r = d32 - s32v; break;
		case BPFSHIM_MUL: r = d32 * s32v; break;
		case BPFSHIM_DIV: r = s32v ? d32 / s32v : 0; break;
		case BPFSHIM_MOD: r = s32v ? d32 % s32v : d32; break;
		case BPFSHIM_AND: r = d32 & s32v; break;
		case BPFSHIM_OR: r = d32 | s32v; break;
		case BPFSHIM_XOR: r = d32 ^ s32v; break;
		case BPFSHIM_LSH: r = d32 << (s32v & 31); break;
		case BPFSHIM_RSH: r = d32 >> (s32v & 31); break;
		case BPFSHIM_ARSH: r = (u32)((s32)d32 >> (s32v & 31)); break;
		case BPFSHIM_NEG: r = 0u - d32; break;
		case BPFSHIM_MOV: r = s32v; break;
		}
		return r;
	}
	switch (op) {
	case BPFSHIM_ADD: x = d + s; break;
	case BPFSHIM_SUB: x = d - s; break;
	case BPFSHIM_MUL: x = d * s; break;
	case BPFSHIM_DIV: x = s ? d / s : 0; break;
	case BPFSHIM_MOD: x = s ? d % s : d; break;
	case BPFSHIM_AND: x = d & s; break;
	case BPFSHIM_OR: x = d | s; break;
	case BPFSHIM_XOR: x = d ^ s; break;
	case BPFSHIM_LSH: x = d << (s & 63); break;
	case BPFSHIM_RSH: x = d >> (s & 63); break;
	case BPFSHIM_ARSH: x = (u64)((s64)d >> (s & 63)); break;
	case BPFSHIM_NEG: x = 0 - d; break;
	case BPFSHIM_MOV: x = s; break;
	}
	return x;
}

static bool holds(u64 a, u64 b, u8 op, bool w32)
{
	s64 sa = (s64)a, sb = (s64)b;

	if (w32) {
		a = (u32)a;
		b = (u32)b;
		sa = (s32)a;
		sb = (s32)b;
	}
	switch (op) {
	case BPFSHIM_JEQ: return a == b;
	case BPFSHIM_JNE: return a != b;
	case BPFSHIM_JGT: return a > b;
	case BPFSHIM_JGE: return a >= b;
	case BPFSHIM_JLT: return a < b;
	case BPFSHIM_JLE: return a <= b;
	case BPFSHIM_JSET: return (a & b) != 0;
	case BPFSHIM_JSGT: return sa > sb;
	case BPFSHIM_JSGE: return sa >= sb;
	case BPFSHIM_JSLT: return sa < sb;
	default: return sa <= sb;
	}
}

static const u8 alu[] = { BPFSHIM_ADD, BPFSHIM_SUB, BPFSHIM_MUL, BPFSHIM_DIV, BPFSHIM_MOD, BPFSHIM_AND,
	BPFSHIM_OR, BPFSHIM_XOR, BPFSHIM_LSH, BPFSHIM_RSH, BPFSHIM_ARSH, BPFSHIM_NEG, BPFSHIM_MOV };
static const u8 jmp[] = { BPFSHIM_JEQ, BPFSHIM_JNE, BPFSHIM_JGT, BPFSHIM_JGE, BPFSHIM_JLT, BPFSHIM_JLE,
	BPFSHIM_JSET, BPFSHIM_JSGT, BPFSHIM_JSGE, BPFSHIM_JSLT, BPFSHIM_JSLE };
static u64 checks;

static void fail(const char *what, u8 op, bool w32, u64 a, u64 b, const struct bpfshim_num *n)
{
	fprintf(stderr, "num_test: %s op %02x w32 %d a %#llx b %#llx: result not in umin %#llx umax %#llx smin %lld smax %lld tnum %#llx/%#llx\n",
		what, op, w32, (unsigned long long)a, (unsigned long long)b, (unsigned long long)n->umin,
		(unsigned long long)n->umax, (long long)n->smin, (long long)n->smax,
		(unsigned long long)n->t.value, (unsigned long long)n->t.mask);
	exit(1);
}

static void check(const u64 *as, u32 na, const u64 *bs, u32 nb)
{
	struct bpfshim_num a, b, r, x[2], y[2];
	u32 o, i, j, w, truth;

	cover(&a, as, na);
	cover(&b, bs, nb);
	r = a;
	if (!bpfshim_num_sync(&r))
		fail("sync", 0, false, as[0], bs[0], &r);
	for (i = 0; i < na; i++)
		if (!in(&r, as[i]))
			fail("sync", 0, false, as[i], 0, &r);
	for (w = 1; w <= 4; w *= 2) {
		r = a;
		bpfshim_num_zext(&r, w);
		for (i = 0; i < na; i++)
			if (!in(&r, as[i] & (((u64)1 << (w * 8)) - 1)))
				fail("zext", (u8)w, false, as[i], 0, &r);
	}
	for (w = 0; w < 2; w++) {
		for (o = 0; o < sizeof(alu); o++) {
			r = a;
			bpfshim_num_alu(&r, &b, alu[o], w);
			for (i = 0; i < na; i++)
				for (j = 0; j < nb; j++, checks++)
					if (!in(&r, concrete(as[i], bs[j], alu[o], w)))
						fail("alu", alu[o], w, as[i], bs[j], &r);
		}
		for (o = 0; o < sizeof(jmp); o++) {
			u32 can = bpfshim_num_branch(&a, &b, jmp[o], w);
			bool may[2];

			for (truth = 0; truth < 2; truth++) {
				x[truth] = a;
				y[truth] = b;
				may[truth] = bpfshim_num_assume(&x[truth], &y[truth], jmp[o], w, truth);
			}
			for (i = 0; i < na; i++) {
				for (j = 0; j < nb; j++, checks++) {
					truth = holds(as[i], bs[j], jmp[o], w);
					if (!(can & (truth ? 1 : 2)))
						fail("branch", jmp[o], w, as[i], bs[j], &a);
					if (!may[truth] || !in(&x[truth], as[i]) || !in(&y[truth], bs[j]))
						fail("assume", jmp[o], w, as[i], bs[j], &x[truth]);
				}
			}
		}
	}
}

/* Numbers where something happens. */
static u64 edge(void)
{
	static const u64 base[] = { 0, 1, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000u, 0xffffffffu, (u64)1 << 32,
		0x7fffffffffffffffULL, 0x8000000000000000ULL, ~(u64)0, 0xffffffff80000000ULL };
	u64 v = base[rnd() % (sizeof(base) / sizeof(base[0]))];

	switch (rnd() % 4) {
	case 0: return v;
	case 1: return v + rnd() % 9 - 4;
	case 2: return v ^ ((u64)1 << (rnd() % 64));
	default: return rnd() >> (rnd() % 64);
	}
}

#define BITS	8		/* at most: then a day or so */
#define MAX	(1 << BITS)

/* Everything that known bits can say of numbers of so many bits, in pairs. */
static void all_tnums(u32 bits, u64 at)
{
	u32 full = 1u << bits, va, ma, vb, mb, i, na, nb;
	u64 as[MAX], bs[MAX];

	for (ma = 0; ma < full; ma++) {
		for (va = 0; va < full; va++) {
			if (va & ma)
				continue;
			for (i = 0, na = 0; i < full; i++)
				if (!((i ^ va) & ~ma & (full - 1)))
					as[na++] = at + i;
			for (mb = 0; mb < full; mb++) {
				for (vb = 0; vb < full; vb++) {
					if (vb & mb)
						continue;
					for (i = 0, nb = 0; i < full; i++)
						if (!((i ^ vb) & ~mb & (full - 1)))
							bs[nb++] = i;
					check(as, na, bs, nb);
				}
			}
		}
	}
}

/* Every pair of ranges of numbers of so many bits. */
static void all_ranges(u32 bits, u64 at)
{
	u32 full = 1u << bits, lo, hi, lo2, hi2, i, na, nb;
	u64 as[MAX], bs[MAX];

	for (lo = 0; lo < full; lo++) {
		for (hi = lo; hi < full; hi++) {
			for (i = lo, na = 0; i <= hi; i++)
				as[na++] = at + i;
			for (lo2 = 0; lo2 < full; lo2++) {
				for (hi2 = lo2; hi2 < full; hi2++) {
					for (i = lo2, nb = 0; i <= hi2; i++)
						bs[nb++] = i;
					check(as, na, bs, nb);
				}
			}
		}
	}
}

int main(int argc, char **argv)
{
	u64 as[8], bs[8];
	u32 i, j, n, bits = argc > 1 ? (u32)atoi(argv[1]) : 4;

	if (bits < 1 || bits > BITS)
		return 2;
	all_tnums(bits, 0);
	all_tnums(bits, 0x80000000u - (1u << bits) / 2);
	all_ranges(bits, 0);
	all_ranges(bits, (u64)0 - (1u << bits) / 2);

	/* Every pair of ranges of small numbers, around zero and both edges. */
	{
		static const u64 at[] = { 0, 0x80000000u - 4, 0xfffffff8u, 0x7ffffffffffffffcULL, ~(u64)0 - 3 };
		u32 lo, hi, lo2, hi2, b;

		for (b = 0; b < 5; b++)
			for (lo = 0; lo < 8; lo++)
				for (hi = lo; hi < 8; hi++)
					for (lo2 = 0; lo2 < 8; lo2++)
						for (hi2 = lo2; hi2 < 8; hi2++) {
							for (i = lo, n = 0; i <= hi; i++)
								as[n++] = at[b] + i;
							for (i = lo2, j = 0; i <= hi2; i++)
								bs[j++] = at[(b + lo2) % 5] + i;
							check(as, n, bs, j);
						}
	}
	for (i = 0; i < 200000; i++) {
		u32 na = 1 + rnd() % 4, nb = 1 + rnd() % 3;

		for (j = 0; j < na; j++)
			as[j] = edge();
		for (j = 0; j < nb; j++)
			bs[j] = rnd() % 3 ? edge() : rnd() % 64;
		check(as, na, bs, nb);
	}
	printf("num_test: %llu results, each within its bounds\n", (unsigned long long)checks);
	return 0;
}
