// SPDX-License-Identifier: GPL-2.0
/* Pieces of random programs that have to do with memory. */
#include <string.h>
#include "gen.h"

static const u8 sizes[] = { BPFSHIM_B, BPFSHIM_H, BPFSHIM_W, BPFSHIM_DW };

static s32 bytes_of(u8 size)
{
	return size == BPFSHIM_B ? 1 : size == BPFSHIM_H ? 2 : size == BPFSHIM_W ? 4 : 8;
}

void gen_ld_map(struct gen *g, u32 dst, u32 map, bool value, s32 off)
{
	gen_emit(g, BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW, dst, value ? BPFSHIM_PSEUDO_MAP_VALUE : BPFSHIM_PSEUDO_MAP_FD, 0,
		 WORLD_FD((s32)map));
	gen_emit(g, 0, 0, 0, 0, value ? off : 0);
}

static void forget_slots(struct gen *g)
{
	memset(g->slot, 0, sizeof(g->slot));
}

static u32 free_reg(struct gen *g)
{
	u32 i, at = BR(g, 10);

	for (i = 0; i < 10; i++)
		if (g->r[(at + i) % 10].kind <= R_NUM)
			return (at + i) % 10;
	return at;
}

/* One access at reg + off: load, store or atomic. */
static void access(struct gen *g, u32 reg, s32 off, u8 size, bool write_ok)
{
	s32 n = gen_find(g, R_NUM);
	u32 d;

	switch (write_ok ? BR(g, 4) : 3) {
	case 0:
		gen_emit(g, STM | size, reg, 0, off, gen_number(g));
		break;
	case 1:
		gen_emit(g, STXM | size, reg, n < 0 ? 10 : (u32)n, off, 0);
		break;
	case 2:
		if (n >= 0 && (u32)n != reg) {
			static const s32 aops[] = { BPFSHIM_ADD, BPFSHIM_ADD | BPFSHIM_FETCH, BPFSHIM_AND | BPFSHIM_FETCH,
				BPFSHIM_OR, BPFSHIM_XOR | BPFSHIM_FETCH, BPFSHIM_XCHG, BPFSHIM_CMPXCHG };

			gen_emit(g, BPFSHIM_STX | BPFSHIM_ATOMIC | (BR(g, 2) ? BPFSHIM_DW : BPFSHIM_W), reg, (u32)n, off & ~7,
				 aops[BR(g, g->r[0].kind == R_NUM ? 7 : 6)]);
			break;
		}
		/* fall through */
	default:
		d = free_reg(g);
		if (d == reg)
			return;
		gen_emit(g, LDXM | size, d, reg, off, 0);
		gen_num(g, d, 0);
	}
}

/* Use a pointer with `room` bytes: by a constant, or a bounded offset. */
void gen_use(struct gen *g, u32 reg)
{
	u8 size = sizes[BR(g, 4)];
	s32 room = g->r[reg].room, n, bytes = bytes_of(size), off;
	u32 p = reg, max;
	bool write_ok = g->r[reg].map != M_FROZEN || !BR(g, 30);

	if (room <= 0)
		return;
	n = gen_find(g, R_NUM);
	if (n >= 0 && BR(g, 2)) {
		max = g->r[n].max;
		p = free_reg(g);
		if (p == (u32)n || g->r[p].kind > R_NUM)
			return;
		if (!max || BR(g, 4) == 0) {
			max = (u32)room - 1;
			if (BR(g, 3))
				gen_emit(g, (BR(g, 4) ? BPFSHIM_JMP : BPFSHIM_JMP32) | BPFSHIM_JGT, (u32)n, 0, gen_away(g), (s32)max);
			else
				gen_emit(g, AND64K, (u32)n, 0, 0, (s32)(max = (u32)room / 2 - 1));
		}
		gen_emit(g, MOV64X, p, reg, 0, 0);
		if (BR(g, 4) == 0)
			gen_emit(g, ADD64K, p, 0, 0, (s32)BR(g, 9));
		gen_emit(g, BPFSHIM_ALU64 | (BR(g, 10) ? BPFSHIM_ADD : BPFSHIM_SUB) | BPFSHIM_X, p, (u32)n, 0, 0);
		off = room - (s32)max - bytes;
		if (off > 0)
			off = (s32)BR(g, (u32)off + 1);
		else if (BR(g, 2))
			off = 0;
		g->r[p].kind = R_NONE;
		access(g, p, off, size, write_ok);
		return;
	}
	off = (s32)BR(g, (u32)room + 1);
	if (BR(g, 8)) {
		off = off / bytes * bytes;
		if (off + bytes > room)
			off = room - bytes;
	}
	access(g, p, off, size, write_ok);
}

/* ---- lookups ------------------------------------------------------------ */

void gen_lookup(struct gen *g)
{
	static const u8 maps[] = { M_ARRAY1, M_HASH, M_ARRAY4, M_HASH };
	u32 map = maps[BR(g, 4)], d, e;
	bool copy = BR(g, 3) == 0, spill = BR(g, 4) == 0;

	if (BR(g, 3) == 0) {	/* direct */
		d = free_reg(g);
		map = BR(g, 3) ? M_ARRAY1 : M_FROZEN;
		gen_ld_map(g, d, map, true, (s32)BR(g, 4) * 8);
		memset(&g->r[d], 0, sizeof(g->r[d]));
		g->r[d].kind = R_VALUE;
		g->r[d].map = (u8)map;
		g->r[d].room = (s16)(world_maps[map].value - 24);
		gen_use(g, d);
		return;
	}
	gen_emit(g, STM | BPFSHIM_DW, 10, 0, -8, (s32)BR(g, 5));
	g->slot[0].kind = R_NONE;
	gen_emit(g, MOV64X, 2, 10, 0, 0);
	gen_emit(g, ADD64K, 2, 0, 0, BR(g, 20) ? -8 : (s32)BR(g, 16) - 12);
	gen_ld_map(g, 1, map, false, 0);
	gen_call_helper(g, 1);
	d = 6 + BR(g, 4);
	e = 6 + BR(g, 4);
	if (spill)
		gen_emit(g, STXM | BPFSHIM_DW, 10, 0, -24, 0);
	if (copy)
		gen_emit(g, MOV64X, e, 0, 0, 0);
	if (BR(g, 2)) {
		gen_emit(g, MOV64X, d, 0, 0, 0);
		copy = copy && e != d;
	} else {
		d = 0;
	}
	if (BR(g, 25))
		gen_emit(g, BPFSHIM_JMP | (BR(g, 15) ? BPFSHIM_JEQ : BPFSHIM_JNE), copy && BR(g, 2) ? e : BR(g, 3) ? d : 0, 0,
			 gen_away(g), 0);
	memset(&g->r[d], 0, sizeof(g->r[d]));
	g->r[d].kind = R_VALUE;
	g->r[d].map = (u8)map;
	g->r[d].room = (s16)world_maps[map].value;
	g->r[0].kind = R_NONE;
	if (copy)
		g->r[e] = g->r[d];
	if (spill && BR(g, 2)) {
		e = 1 + BR(g, 5);
		gen_emit(g, LDXM | BPFSHIM_DW, e, 10, -24, 0);
		g->r[e] = g->r[d];
		gen_use(g, e);
	}
	gen_use(g, copy && BR(g, 2) ? e : d);
}

/* ---- packets ------------------------------------------------------------ */

static bool has_packet(u32 type)
{
	return type == BPFSHIM_PROG_TYPE_SCHED_CLS || type == BPFSHIM_PROG_TYPE_XDP ||
	       type == BPFSHIM_PROG_TYPE_CGROUP_SKB;
}

static void change_packet(struct gen *g, u32 ctx)
{
	bool xdp = g->p->type == BPFSHIM_PROG_TYPE_XDP;
	u32 i;

	gen_emit(g, MOV64X, 1, ctx, 0, 0);
	gen_emit(g, MOV64K, 2, 0, 0, (s32)BR(g, 64));
	gen_call_helper(g, xdp ? (BR(g, 2) ? 44 : 65) : 39);
	for (i = 0; i < 10; i++)
		if ((g->r[i].kind == R_PKT || g->r[i].kind == R_PKT_END) && BR(g, 12))
			g->r[i].kind = R_NONE;
}

void gen_packet(struct gen *g)
{
	bool xdp = g->p->type == BPFSHIM_PROG_TYPE_XDP, write_ok = g->p->type != BPFSHIM_PROG_TYPE_CGROUP_SKB;
	s32 ctx = gen_find(g, R_CTX), n, room = 1 + (s32)BR(g, 40), q;
	u32 d, e, t;

	if (!has_packet(g->p->type) || ctx < 0) {
		gen_memory(g);
		return;
	}
	q = gen_find(g, R_PKT);
	if (q >= 0 && BR(g, 3)) {	/* again */
		access(g, (u32)q, (s32)BR(g, (u32)max(g->r[q].room, (s16)1)), sizes[BR(g, 4)], write_ok);
		if (!BR(g, 4))
			change_packet(g, (u32)ctx);
		return;
	}
	d = 7 + BR(g, 3);
	e = 1 + BR(g, 5);
	t = e == 5 ? 4 : e + 1;
	n = gen_find(g, R_NUM);
	gen_emit(g, LDXM | BPFSHIM_W, d, (u32)ctx, xdp ? 0 : 76, 0);
	gen_emit(g, LDXM | BPFSHIM_W, e, (u32)ctx, xdp ? 4 : 80, 0);
	if (!BR(g, 6) && (xdp || g->p->type == BPFSHIM_PROG_TYPE_SCHED_CLS)) {
		gen_emit(g, LDXM | BPFSHIM_W, d, (u32)ctx, xdp ? 8 : 140, 0);
		gen_emit(g, LDXM | BPFSHIM_W, e, (u32)ctx, xdp ? 0 : 76, 0);
	}
	if (n >= 0 && (u32)n != d && (u32)n != e && BR(g, 2)) {
		if (!g->r[n].max || g->r[n].max > 0xffff)
			gen_emit(g, AND64K, (u32)n, 0, 0, BR(g, 3) ? 0xff : 0x7fff);
		gen_emit(g, ADD64X, d, (u32)n, 0, 0);
		if (!BR(g, 6))
			gen_emit(g, ADD64K, d, 0, 0, (s32)BR(g, 16) - 4);
	}
	gen_emit(g, MOV64X, t, d, 0, 0);
	gen_emit(g, ADD64K, t, 0, 0, room);
	/* t > e: past the end */
	switch (BR(g, 6)) {
	case 0:
		gen_emit(g, BPFSHIM_JMP | BPFSHIM_JLT | BPFSHIM_X, e, t, TO_END, 0);
		break;
	case 1:
		gen_emit(g, BPFSHIM_JMP | BPFSHIM_JGE | BPFSHIM_X, t, e, BR(g, 4) ? TO_END : 3, 0);
		room++;
		break;
	case 2:
		gen_emit(g, BPFSHIM_JMP | BPFSHIM_JLE | BPFSHIM_X, t, e, 1, 0);
		gen_emit(g, BPFSHIM_JMP | BPFSHIM_JA, 0, 0, TO_END, 0);
		break;
	default:
		gen_emit(g, BPFSHIM_JMP | BPFSHIM_JGT | BPFSHIM_X, t, e, BR(g, 4) ? TO_END : 3, 0);
	}
	memset(&g->r[d], 0, sizeof(g->r[d]));
	g->r[d].kind = R_PKT;
	g->r[d].room = (s16)room;
	g->r[e].kind = R_PKT_END;
	g->r[t].kind = R_NONE;
	q = bytes_of(sizes[BR(g, 4)]);
	access(g, d, room - q > 0 ? (s32)BR(g, (u32)(room - q + 1)) : 0,
	       q == 1 ? BPFSHIM_B : q == 2 ? BPFSHIM_H : q == 4 ? BPFSHIM_W : BPFSHIM_DW, write_ok);
	if (!BR(g, 5))
		change_packet(g, (u32)ctx);
}

/* ---- what must be given back -------------------------------------------- */

void gen_record(struct gen *g)
{
	s32 size = (s32)BR(g, 5) * 8 + 8;
	u32 d = 6 + BR(g, 4), at;

	gen_ld_map(g, 1, M_RING, false, 0);
	gen_emit(g, MOV64K, 2, 0, 0, size);
	gen_emit(g, MOV64K, 3, 0, 0, 0);
	gen_call_helper(g, 131);
	gen_emit(g, MOV64X, d, 0, 0, 0);
	at = g->p->len;
	gen_emit(g, BPFSHIM_JMP | BPFSHIM_JEQ, BR(g, 2) ? 0 : d, 0, 0, 0);
	memset(&g->r[d], 0, sizeof(g->r[d]));
	g->r[d].kind = R_RECORD;
	g->r[d].room = (s16)size;
	g->r[0].kind = R_NONE;
	gen_use(g, d);
	if (BR(g, 2))
		gen_memory(g);
	if (BR(g, 15)) {
		gen_emit(g, MOV64X, 1, d, 0, 0);
		gen_emit(g, MOV64K, 2, 0, 0, 0);
		gen_call_helper(g, BR(g, 2) ? 132 : 133);
	}
	if (at < g->p->len)
		g->p->insns[at].off = (s16)(g->p->len - at - 1);
	g->r[0].kind = R_NONE;
	if (BR(g, 10))
		g->r[d].kind = R_NONE;
}

void gen_lock(struct gen *g)
{
	u32 d = 6 + BR(g, 4);

	if (!has_packet(g->p->type)) {
		gen_record(g);
		return;
	}
	if (BR(g, 2)) {
		gen_ld_map(g, d, M_LOCK, true, 0);
	} else {
		gen_emit(g, STM | BPFSHIM_W, 10, 0, -8, 0);
		gen_emit(g, MOV64X, 2, 10, 0, 0);
		gen_emit(g, ADD64K, 2, 0, 0, -8);
		gen_ld_map(g, 1, M_LOCK, false, 0);
		gen_call_helper(g, 1);
		gen_emit(g, BPFSHIM_JMP | BPFSHIM_JEQ, 0, 0, TO_END, 0);
		gen_emit(g, MOV64X, d, 0, 0, 0);
	}
	g->r[d].kind = R_NONE;
	gen_emit(g, MOV64X, 1, d, 0, 0);
	gen_emit(g, ADD64K, 1, 0, 0, BR(g, 20) ? LOCK_OFF : 4);
	gen_call_helper(g, 93);
	g->r[0].kind = R_NONE;
	gen_emit(g, STM | BPFSHIM_DW, d, 0, BR(g, 10) ? 16 : 8, gen_number(g));
	gen_emit(g, MOV64X, 1, d, 0, 0);
	gen_emit(g, ADD64K, 1, 0, 0, LOCK_OFF);
	if (BR(g, 20))
		gen_call_helper(g, 94);
	g->r[0].kind = R_NONE;
}

/* ---- the stack, and helpers that read and write memory ------------------ */

static void spill(struct gen *g)
{
	u8 size = BR(g, 2) ? BPFSHIM_DW : sizes[BR(g, 4)];
	u32 s = BR(g, 6), i, d;

	for (i = 0; i < 10; i++)
		if (g->r[(s + i) % 10].kind != R_NONE)
			break;
	s = (s + i) % 10;
	i = BR(g, 12);
	if (g->r[s].kind > R_NUM && BR(g, 20))
		size = BPFSHIM_DW;
	if (BR(g, 3)) {
		gen_emit(g, STXM | size, 10, s, -8 * (s32)(i + 1) + (BR(g, 6) ? 0 : bytes_of(size) & 7), 0);
		g->slot[i] = g->r[s];
		return;
	}
	if (BR(g, 3) == 0) {
		gen_emit(g, STM | size, 10, 0, -8 * (s32)(i + 1) + (BR(g, 4) ? 0 : bytes_of(size) & 7), gen_number(g));
		gen_num(g, 0, 0);
		g->slot[i] = g->r[0];
		g->r[0].kind = R_NONE;
		return;
	}
	for (d = 0; d < 12 && g->slot[(i + d) % 12].kind == R_NONE; d++)
		;
	i = (i + d) % 12;
	d = free_reg(g);
	gen_emit(g, LDXM | size, d, 10, -8 * (s32)(i + 1) + (BR(g, 6) ? 0 : bytes_of(size) & 7), 0);
	g->r[d] = g->slot[i];
	if (size != BPFSHIM_DW || g->r[d].kind == R_NONE)
		gen_num(g, d, 0);
	else if (g->r[d].kind == R_VALUE)
		gen_use(g, d);
}

/* fp + a number that varies */
static void vary(struct gen *g)
{
	s32 n = gen_find(g, R_NUM);
	u32 d = free_reg(g), slots = 1 + BR(g, 4), i;
	u8 size = sizes[BR(g, 4)];

	if (n < 0 || d == (u32)n)
		return;
	if (BR(g, 3))
		for (i = 0; i < slots; i++)
			gen_emit(g, STM | BPFSHIM_DW, 10, 0, -8 * (s32)(i + 1), BR(g, 2) ? 0 : gen_number(g));
	gen_emit(g, AND64K, (u32)n, 0, 0, (s32)(slots * 8 - 1) & -bytes_of(size));
	gen_emit(g, MOV64X, d, 10, 0, 0);
	gen_emit(g, ADD64X, d, (u32)n, 0, 0);
	g->r[d].kind = R_NONE;
	access(g, d, -8 * (s32)slots - (BR(g, 8) ? 0 : 8), size, true);
	forget_slots(g);
}

static void helper_mem(struct gen *g)
{
	s32 ctx = gen_find(g, R_CTX), n = gen_find(g, R_NUM), v = gen_find(g, R_VALUE);
	u32 room = 8 * (1 + BR(g, 5));
	bool pass_value = v >= 0 && g->r[v].room > 0 && BR(g, 2), wrote = true;
	u32 a = 1;
	s32 id;

	switch (BR(g, 8)) {
	case 6: id = has_packet(g->p->type) || g->p->type == BPFSHIM_PROG_TYPE_SOCKET_FILTER ? 113 : 176; break;
	case 7:
		id = g->p->type == BPFSHIM_PROG_TYPE_PERF_EVENT ? 119 : 149;
		a = id == 119 ? 2 : 1;
		wrote = false;
		break;
	case 0: id = has_packet(g->p->type) || g->p->type == BPFSHIM_PROG_TYPE_SOCKET_FILTER ? 113 : 16; break;
	case 1: id = 113; break;
	case 2: id = 115; break;
	case 3: id = 130; a = 2; wrote = false; break;
	case 4: id = 182; wrote = false; break;
	default: id = g->p->type == BPFSHIM_PROG_TYPE_SCHED_CLS || g->p->type == BPFSHIM_PROG_TYPE_SOCKET_FILTER ? 26 :
			has_packet(g->p->type) ? 113 : 67; a = id == 26 ? 3 : id == 67 ? 2 : 1;
	}
	if (a > 1 && id != 130 && ctx < 0)
		return;
	/* the size first: it may lie in an argument's register */
	if (pass_value)
		room = (u32)g->r[v].room;
	if (n >= 0 && BR(g, 2)) {
		if (!g->r[n].max || g->r[n].max > room || !BR(g, 6)) {
			if (BR(g, 2))
				gen_emit(g, BPFSHIM_JMP | BPFSHIM_JGT, (u32)n, 0, gen_away(g), (s32)(room + (BR(g, 10) ? 0 : 1)));
			else
				gen_emit(g, AND64K, (u32)n, 0, 0, (s32)(room / 2));
		}
		gen_emit(g, MOV64X, a + 1, (u32)n, 0, 0);
		if (!wrote || !BR(g, 3)) {
			u32 i;

			for (i = 0; i < room / 8 && !pass_value; i++)
				gen_emit(g, STM | BPFSHIM_DW, 10, 0, -8 * (s32)(i + 1), 0);
		}
	} else {
		gen_emit(g, MOV64K, a + 1, 0, 0, (s32)(BR(g, 10) ? 1 + BR(g, room) : room + 1));
	}
	if (pass_value && (u32)v != a + 1) {
		gen_emit(g, MOV64X, a, (u32)v, 0, 0);
	} else {
		gen_emit(g, MOV64X, a, 10, 0, 0);
		gen_emit(g, ADD64K, a, 0, 0, -(s32)(room & ~7u));
	}
	if (id == 130)
		gen_ld_map(g, 1, M_RING, false, 0);
	else if (a > 1)
		gen_emit(g, MOV64X, 1, (u32)ctx, 0, 0);
	if (id == 182)
		gen_ld_map(g, 3, M_FROZEN, true, 0);
	if (id == 26)
		gen_emit(g, MOV64K, 2, 0, 0, gen_number(g));
	if (id == 149) {
		/* What is shown: two words, mostly initialised. */
		gen_emit(g, MOV64X, 3, 10, 0, 0);
		gen_emit(g, ADD64K, 3, 0, 0, -(s32)(8 * (1 + BR(g, 3))));
		gen_emit(g, MOV64K, 4, 0, 0, BR(g, 8) ? 16 : 8);
		gen_emit(g, MOV64K, 5, 0, 0, 0);
	}
	if (a + 2 <= 5 && id != 182 && id != 149)
		gen_emit(g, MOV64K, a + 2, 0, 0, 0);
	gen_call_helper(g, id);
	if ((id == 115 || id == 67) && BR(g, 2)) {
		gen_emit(g, BPFSHIM_JMP | BPFSHIM_JSLT, 0, 0, TO_END, 0);
		gen_num(g, 0, room);
	}
	forget_slots(g);
}

static void map_change(struct gen *g)
{
	s32 v = gen_find(g, R_VALUE);

	gen_emit(g, STM | BPFSHIM_DW, 10, 0, -8, (s32)BR(g, 5));
	gen_emit(g, MOV64X, 3, v >= 0 && g->r[v].room >= 24 ? (u32)v : 10, 0, 0);
	if (g->p->len && g->p->insns[g->p->len - 1].src_reg == 10)
		gen_emit(g, ADD64K, 3, 0, 0, -32);
	gen_emit(g, MOV64X, 2, 10, 0, 0);
	gen_emit(g, ADD64K, 2, 0, 0, -8);
	gen_ld_map(g, 1, M_HASH, false, 0);
	gen_emit(g, MOV64K, 4, 0, 0, 0);
	gen_call_helper(g, BR(g, 3) ? 2 : 3);
}

void gen_memory(struct gen *g)
{
	s32 p;

	switch (BR(g, 9)) {
	case 0: case 1: case 2:
		spill(g);
		break;
	case 3:
		vary(g);
		break;
	case 4:
		helper_mem(g);
		break;
	case 5:
		map_change(g);
		break;
	default:
		p = gen_find(g, R_VALUE);
		if (p < 0)
			p = gen_find(g, R_RECORD);
		if (p >= 0)
			gen_use(g, (u32)p);
	}
}
