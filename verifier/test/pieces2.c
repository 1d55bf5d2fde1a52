// SPDX-License-Identifier: GPL-2.0
/* More pieces of random programs: dynptrs, and the rarer instructions. */
#include <string.h>
#include "gen.h"

static void stack_arg(struct gen *g, u32 reg, s32 off)
{
	gen_emit(g, MOV64X, reg, 10, 0, 0);
	gen_emit(g, ADD64K, reg, 0, 0, off);
}

static void zero(struct gen *g, u32 reg)
{
	gen_emit(g, MOV64K, reg, 0, 0, BR(g, 30) ? 0 : gen_number(g));
}

/* Where the last one was made stays known: uses may come much later. */
static void use_dynptr(struct gen *g, s32 at, s32 size)
{
	s32 n = gen_find(g, R_NUM), len = 1 + (s32)BR(g, (u32)size);
	u32 d = 6 + BR(g, 4);

	switch (BR(g, 4)) {
	case 0:		/* read */
		stack_arg(g, 1, -96);
		gen_emit(g, MOV64K, 2, 0, 0, len);
		stack_arg(g, 3, at);
		if (n >= 6)
			gen_emit(g, MOV64X, 4, (u32)n, 0, 0);
		else
			gen_emit(g, MOV64K, 4, 0, 0, (s32)BR(g, 8));
		zero(g, 5);
		gen_call_helper(g, 201);
		break;
	case 1:		/* write */
		gen_emit(g, STM | BPFSHIM_DW, 10, 0, -8, gen_number(g));
		stack_arg(g, 1, at);
		gen_emit(g, MOV64K, 2, 0, 0, (s32)BR(g, 8));
		stack_arg(g, 3, -8);
		gen_emit(g, MOV64K, 4, 0, 0, len > 8 && BR(g, 20) ? 8 : len);
		zero(g, 5);
		gen_call_helper(g, 202);
		break;
	case 2:		/* spoil it */
		if (BR(g, 3))
			break;
		gen_emit(g, STM | BPFSHIM_DW, 10, 0, at + 8 * (s32)BR(g, 2), 0);
		break;
	default:	/* a slice */
		stack_arg(g, 1, at);
		if (n >= 6 && BR(g, 2))
			gen_emit(g, MOV64X, 2, (u32)n, 0, 0);
		else
			gen_emit(g, MOV64K, 2, 0, 0, (s32)BR(g, 8));
		gen_emit(g, MOV64K, 3, 0, 0, len);
		gen_call_helper(g, 203);
		g->r[0].kind = R_NONE;
		if (g->r[d].kind > R_NUM)
			return;
		gen_emit(g, MOV64X, d, 0, 0, 0);
		gen_emit(g, BPFSHIM_JMP | BPFSHIM_JEQ, d, 0, BR(g, 2), 0);
		gen_emit(g, LDXM | BPFSHIM_B, BR(g, 6), d, (s32)BR(g, (u32)len + (BR(g, 10) == 0)), 0);
		gen_num(g, g->p->insns[g->p->len - 1].dst_reg, 255);
		memset(&g->r[d], 0, sizeof(g->r[d]));
		if (BR(g, 2)) {
			g->r[d].kind = R_RECORD;
			g->r[d].room = (s16)len;
		}
	}
}

void gen_dynptr(struct gen *g)
{
	s32 at = -16 - 8 * (s32)BR(g, 6), size = 8 + (s32)BR(g, 4) * 8;
	bool ring = BR(g, 2), spoilt = !BR(g, 20);
	u32 n = BR(g, 3), i;

	for (i = 0; i < 12; i++)
		g->slot[i].kind = R_NONE;
	if (ring) {
		gen_ld_map(g, 1, M_RING, false, 0);
		if (BR(g, 4))
			gen_emit(g, MOV64K, 2, 0, 0, size);
		else
			gen_emit(g, MOV64X, 2, 10, 0, 0);
	} else {
		gen_ld_map(g, 1, M_ARRAY1, true, 0);
		gen_emit(g, MOV64K, 2, 0, 0, BR(g, 10) ? size : 49);
	}
	zero(g, 3);
	stack_arg(g, 4, spoilt ? at + 4 : at);
	gen_call_helper(g, ring ? 198 : 197);
	while (n--)
		use_dynptr(g, at, size);
	if (BR(g, 3) == 0)
		gen_pieces(g, 1);
	if (!ring && BR(g, 20))
		return;
	if (!BR(g, 20))
		return;
	stack_arg(g, 1, at);
	zero(g, 2);
	gen_call_helper(g, BR(g, 2) ? 199 : 200);
	g->r[0].kind = R_NONE;
	if (!BR(g, 4))
		use_dynptr(g, at, size);
}

void gen_odd(struct gen *g)
{
	static const u8 sizes[] = { BPFSHIM_B, BPFSHIM_H, BPFSHIM_W };
	s32 ctx = gen_find(g, R_CTX), n = gen_find(g, R_NUM);

	if (ctx < 0)
		return;
	switch (BR(g, 3)) {
	case 0:
		if (g->p->type != BPFSHIM_PROG_TYPE_SOCKET_FILTER && g->p->type != BPFSHIM_PROG_TYPE_SCHED_CLS)
			return;
		if (g->r[6].kind != R_CTX)
			return;
		if (n > 0 && BR(g, 2))
			gen_emit(g, BPFSHIM_LD | BPFSHIM_IND | sizes[BR(g, 3)], 0, (u32)n, 0, (s32)BR(g, 64));
		else
			gen_emit(g, BPFSHIM_LD | BPFSHIM_ABS | sizes[BR(g, 3)], 0, 0, 0, (s32)BR(g, 64));
		for (n = 1; n < 6; n++)
			g->r[n].kind = R_NONE;
		gen_num(g, 0, 0);
		break;
	case 1:
		gen_emit(g, MOV64X, 1, (u32)ctx, 0, 0);
		gen_ld_map(g, 2, M_PROGS, false, 0);
		gen_emit(g, MOV64K, 3, 0, 0, (s32)BR(g, 3));
		gen_call_helper(g, 12);
		g->r[0].kind = R_NONE;
		break;
	default:
		if (g->p->type != BPFSHIM_PROG_TYPE_SCHED_CLS && g->p->type != BPFSHIM_PROG_TYPE_XDP)
			return;
		gen_emit(g, STM | BPFSHIM_DW, 10, 0, -8, gen_number(g));
		stack_arg(g, 1, -8);
		gen_emit(g, MOV64K, 2, 0, 0, BR(g, 8) ? 8 : 16);
		gen_emit(g, MOV64K, 3, 0, 0, 0);
		gen_emit(g, MOV64K, 4, 0, 0, BR(g, 8) ? 0 : 4);
		gen_emit(g, MOV64K, 5, 0, 0, 0);
		gen_call_helper(g, 28);
	}
}
