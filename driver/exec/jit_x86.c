// SPDX-License-Identifier: GPL-2.0
/*
 * The x86-64 JIT: planning, passes, frames.
 *
 * A function's frame holds only what it needs: the registers of R6 to R9 it
 * writes, its stack, the count of tail calls.  One without these has none.
 * Jumps start short; each pass lengthens those that do not reach, until a
 * pass changes nothing; one more with a buffer writes the same bytes.
 */
#include "jit_emit.h"

#define MAX_PASSES	16

u32 jit_read(struct bpfshim_jit *j, u32 r)
{
	if (r != 10)
		return bpfshim_jit_reg(r);
	x86_lea(j, true, R11, jit_mem(j, 10, 0));
	return R11;
}

struct bpfshim_x86_mem jit_mem(struct bpfshim_jit *j, u32 r, s32 off)
{
	if (r == 10)
		return mem_at(RSP, (s32)jit_fn(j)->stack + off);
	return mem_at(bpfshim_jit_reg(r), off);
}

/* Different for each instruction, the same in every pass. */
static u32 scramble(u32 seed, u32 i)
{
	u32 v = seed ^ (i * 0x9e3779b9U + 0x7f4a7c15U);

	v = (v ^ v >> 16) * 0x85ebca6bU;
	v = (v ^ v >> 13) * 0xc2b2ae35U;
	return v ^ v >> 16;
}

void jit_blind(struct bpfshim_jit *j, u32 i, bool w, s32 imm)
{
	u32 key = scramble(j->o->blind_seed, i);

	if (w) {
		/* sign extension and xor commute */
		x86_rr(j, X_W, 0xc7, 0, R11);
		emit32(j, imm ^ key);
		x86_rr(j, X_W, 0x81, 6, R11);
	} else {
		emit8(j, 0x41);
		emit8(j, 0xbb);
		emit32(j, imm ^ key);
		x86_rr(j, 0, 0x81, 6, R11);
	}
	emit32(j, key);
}

static void load_imm64(struct bpfshim_jit *j, u32 i)
{
	const struct bpfshim_insn *in = &j->x->insns[i];
	u64 v = (u32)in[0].imm | (u64)(u32)in[1].imm << 32;
	u32 dst = bpfshim_jit_reg(in->dst_reg);
	u64 key;

	if (!(jit_live_after(j, i) & (1U << in->dst_reg)))
		return;
	if (!jit_blinds(j)) {
		x86_mov_imm(j, dst, v);
		return;
	}
	key = scramble(j->o->blind_seed, i) |
	      (u64)scramble(j->o->blind_seed + 1, i) << 32;
	/* both always in full length, or passes might differ */
	emit8(j, dst & 8 ? 0x49 : 0x48);
	emit8(j, 0xb8 + (dst & 7));
	emit64(j, v ^ key);
	emit8(j, 0x49);
	emit8(j, 0xbb);
	emit64(j, key);
	x86_rr(j, X_W, 0x31, R11, dst);
}

u32 jit_thread(const struct bpfshim_jit *j, u32 t)
{
	u32 hops = 0;

	while (hops++ < 8 && (j->x->insns[t].code == (BPFSHIM_JMP | BPFSHIM_JA) ||
			      j->x->insns[t].code == (BPFSHIM_JMP32 | BPFSHIM_JA)))
		t = bpfshim_jump_target(j->x->insns, t);
	return t;
}

void jit_jump(struct bpfshim_jit *j, u32 i, int cc, u32 t)
{
	s64 d;

	t = jit_thread(j, t);
	/* Where this pass has not been: as far as it was in the last one. */
	d = (s64)j->off[t] - (s64)(j->pos + 2);
	if (t > i)
		d += (s64)j->shift;
	if (!j->first && !fits8(d) && !(j->flags[i] & JF_LONG)) {
		j->flags[i] |= JF_LONG;
		j->grown = true;
	}
	if (!(j->flags[i] & JF_LONG)) {
		emit8(j, cc < 0 ? 0xeb : 0x70 | cc);
		emit8(j, d);
		return;
	}
	if (cc >= 0) {
		emit8(j, 0x0f);
		emit8(j, 0x80 | cc);
		d -= 4;
	} else {
		emit8(j, 0xe9);
		d -= 3;
	}
	emit32(j, d);
}

/* ---- frames ------------------------------------------------------------ */

static void endbr(struct bpfshim_jit *j)
{
	if (!(j->o->flags & BPFSHIM_JIT_ENDBR))
		return;
	emit8(j, 0xf3);
	emit8(j, 0x0f);
	emit8(j, 0x1e);
	emit8(j, 0xfa);
}

static void enter(struct bpfshim_jit *j)
{
	bool from_c = !j->sub || j->x->subs[j->sub].callback;
	const struct bpfshim_jit_fn *f = jit_fn(j);
	u32 r;

	j->cb_off[j->sub] = j->pos;
	if (!j->sub)
		j->tail_off = j->pos;
	if (from_c)
		endbr(j);
	if (from_c && f->counts) {
		x86_mov_imm(j, RAX, BPFSHIM_MAX_TAIL_CALLS * JIT_COUNT_ONE);
		if (!j->sub) {
			j->tail_off = j->pos;
			endbr(j);
		}
	}
	j->sub_off[j->sub] = j->pos;
	for (r = 0; r < 4; r++)
		if (f->saved & (1 << r))
			x86_push(j, bpfshim_jit_reg(6 + r));
	if (f->counts)
		x86_push(j, RAX);
	if (f->frame)
		x86_alu_imm(j, X_W, 5, RSP, f->frame);
}

void jit_unwind(struct bpfshim_jit *j, bool count)
{
	const struct bpfshim_jit_fn *f = jit_fn(j);
	u32 r, frame = f->frame + (f->counts && !count ? 8 : 0);

	if (frame)
		x86_alu_imm(j, X_W, 0, RSP, frame);
	if (count)
		x86_pop(j, RAX);
	for (r = 4; r-- > 0;)
		if (f->saved & (1 << r))
			x86_pop(j, bpfshim_jit_reg(6 + r));
}

void jit_leave(struct bpfshim_jit *j)
{
	jit_unwind(j, false);
	if (j->o->ret_thunk) {
		emit8(j, 0xe9);
		emit32(j, j->o->ret_thunk - (j->base + j->pos + 4));
	} else {
		emit8(j, 0xc3);
	}
}

/* ---- passes ------------------------------------------------------------ */

static u32 emit_insn(struct bpfshim_jit *j, u32 i)
{
	const struct bpfshim_insn *in = &j->x->insns[i];
	u32 t;

	switch (bpfshim_insn_kind(in)) {
	case BPFSHIM_IK_IMM64:
		load_imm64(j, i);
		return 2;
	case BPFSHIM_IK_COND:
		jit_cond(j, i);
		break;
	case BPFSHIM_IK_JA:
	case BPFSHIM_IK_JA32:
		t = jit_thread(j, bpfshim_jump_target(j->x->insns, i));
		if (j->x->insns[t].code == (BPFSHIM_JMP | BPFSHIM_EXIT))
			jit_leave(j);
		else if (t != i + 1)
			jit_jump(j, i, -1, t);
		break;
	case BPFSHIM_IK_CALL:
		return jit_call(j, i);
	case BPFSHIM_IK_TAIL:
		jit_tail_call(j, i);
		break;
	case BPFSHIM_IK_EXIT:
		jit_leave(j);
		break;
	default:
		if (BPFSHIM_CLASS(in->code) == BPFSHIM_ALU ||
		    BPFSHIM_CLASS(in->code) == BPFSHIM_ALU64)
			jit_alu(j, i);
		else if (in->code == (BPFSHIM_STX | BPFSHIM_ATOMIC | BPFSHIM_W) ||
			 in->code == (BPFSHIM_STX | BPFSHIM_ATOMIC | BPFSHIM_DW))
			jit_atomic(j, i);
		else
			jit_load_store(j, i);
	}
	return 1;
}

static void note(struct bpfshim_jit *j, u32 i, u32 n)
{
	for (; n--; i++) {
		if (j->off[i] != j->pos) {
			j->off[i] = j->pos;
			j->moved = true;
		}
	}
}

static void pass(struct bpfshim_jit *j)
{
	const struct bpfshim_xprog *x = j->x;
	u32 i, n, end, start, thunk = j->thunk_off;
	u32 old[2];

	j->pos = 0;
	j->moved = false;
	j->grown = false;
	j->thunk_used = false;
	for (j->sub = 0; j->sub < x->nr_subs; j->sub++) {
		old[0] = j->sub_off[j->sub];
		enter(j);
		if (old[0] != j->sub_off[j->sub])
			j->moved = true;
		end = x->subs[j->sub].start + x->subs[j->sub].len;
		for (i = x->subs[j->sub].start; i < end; i += n) {
			j->shift = (s32)(j->pos - j->off[i]);
			start = j->pos;
			note(j, i, 1);
			n = j->o->flags & (BPFSHIM_JIT_NO_FUSE | BPFSHIM_JIT_BLIND) ?
			    0 : jit_fuse(j, i);
			if (!n)
				n = emit_insn(j, i);
			/* What went together begins together. */
			if (n > 1) {
				u32 here = j->pos;

				j->pos = start;
				note(j, i + 1, n - 1);
				j->pos = here;
			}
		}
	}
	note(j, x->len, 1);
	if (j->thunk_used)
		jit_thunk(j);
	if (j->thunk_off != thunk)
		j->moved = true;
}

static void set_frames(struct bpfshim_jit *j)
{
	const struct bpfshim_xprog *x = j->x;
	bool changed = true;
	u32 n, i, use, def, r;

	for (n = 0; n < x->nr_subs; n++) {
		struct bpfshim_jit_fn *f = &j->fns[n];

		f->stack = x->subs[n].frame;
		f->counts = x->subs[n].tail_call;
		for (i = x->subs[n].start; i < x->subs[n].start + x->subs[n].len; i++) {
			enum bpfshim_insn_kind kind = bpfshim_insn_kind(&x->insns[i]);

			if (kind == BPFSHIM_IK_CALL)
				f->calls = true;
			if (kind == BPFSHIM_IK_IMM64)
				f->saved |= 1U << x->insns[i++].dst_reg >> 6;
			if (kind != BPFSHIM_IK_PLAIN)
				continue;
			jit_regs(j, i, &use, &def);
			f->saved |= (def >> 6) & 15;
		}
	}
	/* A caller of one that counts has to pass the count. */
	while (changed) {
		changed = false;
		for (i = 0; i < x->len; i++) {
			u32 to;

			if (x->insns[i].code != (BPFSHIM_JMP | BPFSHIM_CALL) ||
			    x->insns[i].src_reg != BPFSHIM_PSEUDO_CALL)
				continue;
			n = bpfshim_sub_of(x->subs, x->nr_subs, i);
			to = bpfshim_sub_of(x->subs, x->nr_subs, i + 1 + x->insns[i].imm);
			if (j->fns[to].counts && !j->fns[n].counts) {
				j->fns[n].counts = true;
				changed = true;
			}
		}
	}
	for (n = 0; n < x->nr_subs; n++) {
		struct bpfshim_jit_fn *f = &j->fns[n];
		u32 pushed = f->counts ? 16 : 8;

		f->frame = f->stack;
		for (r = 0; r < 4; r++)
			pushed += f->saved & (1 << r) ? 8 : 0;
		if (j->o->flags & BPFSHIM_JIT_ALIGN16 && f->calls && (f->frame + pushed) & 15)
			f->frame += 8;
	}
}

static int check_needs(const struct bpfshim_jit *j)
{
	const struct bpfshim_xprog *x = j->x;
	const struct bpfshim_jit_opts *o = j->o;
	u32 i;

	for (i = 0; i < x->len; i++) {
		const struct bpfshim_insn *in = &x->insns[i];

		if (in->code == (BPFSHIM_JMP | BPFSHIM_TAIL_CALL) && !o->parr_entries)
			return -ENOTSUPP;
		if (BPFSHIM_CLASS(in->code) == BPFSHIM_LDX && !o->probe_stub[0] &&
		    (BPFSHIM_MODE(in->code) == BPFSHIM_PROBE ||
		     BPFSHIM_MODE(in->code) == BPFSHIM_PROBESX))
			return -ENOTSUPP;
	}
	return 0;
}

int bpfshim_jit_plan(struct bpfshim_jit *j, const struct bpfshim_xprog *x,
		     const struct bpfshim_jit_opts *o)
{
	u32 i, passes;
	int err;

	memset(j, 0, sizeof(*j));
	j->x = x;
	j->o = o;
	err = check_needs(j);
	if (err)
		return err;
	j->off = o->alloc(o->cookie, (x->len + 1) * sizeof(*j->off));
	j->live = o->alloc(o->cookie, (x->len + 1) * sizeof(*j->live));
	j->flags = o->alloc(o->cookie, x->len + 1);
	j->fns = o->alloc(o->cookie, x->nr_subs * sizeof(*j->fns));
	if (!j->off || !j->live || !j->flags || !j->fns)
		return -ENOMEM;
	jit_flow(j);
	set_frames(j);
	j->base = o->area_lo;
	j->first = true;
	for (passes = 0; passes == 0 || j->moved || j->grown; passes++) {
		if (passes == MAX_PASSES)
			for (i = 0; i < x->len; i++)
				j->flags[i] |= JF_LONG;
		pass(j);
		j->first = false;
	}
	j->len = j->pos;
	return 0;
}

int bpfshim_jit_emit(struct bpfshim_jit *j, u8 *buf, u32 cap, u64 addr)
{
	if (addr < j->o->area_lo || addr + j->len > j->o->area_hi)
		return -ERANGE;
	j->buf = buf;
	j->cap = cap;
	j->base = addr;
	pass(j);
	j->cap = 0;
	j->buf = NULL;
	if (j->moved || j->grown || j->pos != j->len)
		return -EINVAL;
	return j->len > cap ? -ENOSPC : 0;
}

void bpfshim_jit_attach(const struct bpfshim_jit *j, struct bpfshim_xprog *x, u64 addr)
{
	u32 n;

	for (n = 0; x->callbacks && n < x->nr_subs; n++)
		x->callbacks[n].native = (bpfshim_helper_fn)(unsigned long)(addr + j->cb_off[n]);
	x->native_tail = (const void *)(unsigned long)(addr + j->tail_off);
	x->native = (bpfshim_native_fn)(unsigned long)(addr + j->cb_off[0]);
}

void bpfshim_jit_done(struct bpfshim_jit *j)
{
	const struct bpfshim_jit_opts *o = j->o;

	o->free(o->cookie, j->off);
	o->free(o->cookie, j->live);
	o->free(o->cookie, j->flags);
	o->free(o->cookie, j->fns);
	j->off = NULL;
	j->live = NULL;
	j->flags = NULL;
	j->fns = NULL;
}
