// SPDX-License-Identifier: GPL-2.0
/* Programs made from others. */
#include <string.h>
#include "gen.h"

/* Room for n instructions at `at`; jumps over it are made longer. */
static void make_room(struct prog *p, u32 at, u32 n)
{
	struct bpfshim_insn *in;
	u32 i;
	s32 to;

	for (i = 0; i < p->len; i++) {
		u8 class, op;

		in = &p->insns[i];
		class = BPFSHIM_CLASS(in->code);
		op = BPFSHIM_OP(in->code);
		if (class == BPFSHIM_JMP || class == BPFSHIM_JMP32) {
			bool call = op == BPFSHIM_CALL;

			if (op == BPFSHIM_EXIT || (call && in->src_reg != BPFSHIM_PSEUDO_CALL))
				continue;
			to = (s32)(i + 1 + (u32)(call ? in->imm : in->off));
			if ((s32)i < (s32)at && to > (s32)at)
				to = (s32)n;
			else if (i >= at && to <= (s32)at)
				to = -(s32)n;
			else
				continue;
			if (call)
				in->imm = (s32)((u32)in->imm + (u32)to);
			else
				in->off = (s16)(in->off + to);
		} else if (in->code == (BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW) && in->src_reg == BPFSHIM_PSEUDO_FUNC) {
			to = (s32)(i + 1 + (u32)in->imm);
			if (i < at && to > (s32)at)
				in->imm = (s32)((u32)in->imm + n);
		}
	}
	memmove(&p->insns[at + n], &p->insns[at], (p->len - at) * sizeof(p->insns[0]));
	p->len += n;
}

static void one(u64 *s, struct prog *p, const struct prog *other)
{
	static const s32 steps[] = { 1, -1, 4, -4, 8, -8 };
	u32 i = below(s, p->len), n, from;
	struct bpfshim_insn *in = &p->insns[i];

	switch (below(s, 11)) {
	case 0:
		in->imm = (s32)((u32)in->imm + (u32)steps[below(s, 6)]);
		break;
	case 1:
		in->imm = (s32)rnd_word(s);
		break;
	case 2:
		in->off = (s16)(in->off + steps[below(s, 6)]);
		break;
	case 3:
		in->dst_reg = below(s, 11) & 15;
		break;
	case 4:
		in->src_reg = below(s, 11) & 15;
		break;
	case 5:		/* the other width */
		if (BPFSHIM_CLASS(in->code) == BPFSHIM_ALU || BPFSHIM_CLASS(in->code) == BPFSHIM_ALU64)
			in->code ^= 3;
		else if (BPFSHIM_CLASS(in->code) == BPFSHIM_JMP || BPFSHIM_CLASS(in->code) == BPFSHIM_JMP32)
			in->code ^= 3;
		else
			in->code = (u8)((in->code & ~0x18) | below(s, 4) << 3);
		break;
	case 6:		/* another operation */
		if (BPFSHIM_CLASS(in->code) >= BPFSHIM_ALU)
			in->code = (u8)((in->code & 0xf) | below(s, 13) << 4);
		break;
	case 7:
		if (in->code && in->code != (BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW)) {
			memset(in, 0, sizeof(*in));
			in->code = BPFSHIM_JMP | BPFSHIM_JA;
		}
		break;
	case 8:
		((u8 *)in)[below(s, 8)] ^= (u8)(1 << below(s, 8));
		break;
	default:	/* a few from elsewhere */
		if (!other)
			other = p;
		n = 1 + below(s, 6);
		from = below(s, other->len);
		if (from + n > other->len || p->len + n > PROG_MAX || !in->code)
			break;
		{
			struct bpfshim_insn copy[8];

			memcpy(copy, &other->insns[from], n * sizeof(copy[0]));
			make_room(p, i, n);
			memcpy(&p->insns[i], copy, n * sizeof(copy[0]));
		}
	}
}

void gen_mutate(u64 seed, struct prog *p, const struct prog *other)
{
	u64 s = seed * 2685821657736338717ULL + 3;
	u32 n;

	rnd(&s);
	n = 1 + below(&s, below(&s, 3) ? 2 : 6);
	while (n-- && p->len)
		one(&s, p, other);
	if (!below(&s, 8))
		p->flags ^= BPFSHIM_F_TEST_STATE_FREQ;
}
