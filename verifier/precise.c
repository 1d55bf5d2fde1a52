// SPDX-License-Identifier: GPL-2.0
/*
 * Precision: two states may be taken for one although numbers differ, unless
 * the path relied on the number.  When one is relied upon, the instructions
 * that led here are walked back, and each checkpoint on the way learns which
 * of its scalars the number came from.
 */
#include "env.h"

struct back {
	struct vrf_marks want;
	u32 frame;		/* the one that runs, at this point of the walk back */
};

static bool none_left(const struct back *b)
{
	u32 i;

	for (i = 0; i < VRF_FRAMES; i++)
		if (b->want.reg[i] || b->want.slot[i])
			return false;
	return true;
}

/* When in doubt: every scalar of every checkpoint before. */
static void all_precise(struct vrf_state *st)
{
	for (st = st->parent; st; st = st->parent)
		memset(&st->precise, 0xff, sizeof(st->precise));
}

static void want_links(struct back *b, const struct vrf_hist *h)
{
	bool any = false;
	u32 i, f, what;

	for (i = 0; i < h->nlink; i++) {
		f = h->link[i] >> 8;
		what = h->link[i] & 0x3f;
		any |= h->link[i] & VH_REG ? (b->want.reg[f] >> what) & 1 : (b->want.slot[f] >> what) & 1;
	}
	if (!any)
		return;
	for (i = 0; i < h->nlink; i++) {
		f = h->link[i] >> 8;
		what = h->link[i] & 0x3f;
		if (h->link[i] & VH_REG)
			b->want.reg[f] |= (u16)(1u << what);
		else
			b->want.slot[f] |= (u64)1 << what;
	}
}

static int back_alu(struct back *b, const struct bpfshim_insn *in)
{
	u16 *regs = &b->want.reg[b->frame];
	u16 dst = (u16)(1u << in->dst_reg), src = (u16)(1u << in->src_reg);
	u8 op = BPFSHIM_OP(in->code);

	if (!(*regs & dst) || op == BPFSHIM_END || op == BPFSHIM_NEG)
		return 0;
	if (op == BPFSHIM_MOV)
		*regs &= ~dst;
	if (BPFSHIM_SRC(in->code))
		*regs |= src;
	return 0;
}

static bool is_fetch(const struct bpfshim_insn *in)
{
	return BPFSHIM_CLASS(in->code) == BPFSHIM_STX &&
	       BPFSHIM_MODE(in->code) == BPFSHIM_ATOMIC && (in->imm & BPFSHIM_FETCH);
}

static int back_load(struct back *b, const struct bpfshim_insn *in, const struct vrf_hist *h)
{
	u16 *regs = &b->want.reg[b->frame], into = (u16)(1u << in->dst_reg);

	if (is_fetch(in))
		into = in->imm == BPFSHIM_CMPXCHG ? 1 : (u16)(1u << in->src_reg);
	if (!(*regs & into))
		return 0;
	*regs &= ~into;
	/* Only the stack keeps what is known of a number. */
	if (h && (h->flags & VH_STACK))
		b->want.slot[(h->flags >> 8) & 7] |= (u64)1 << (h->flags & 0x3f);
	return 0;
}

static int back_store(struct back *b, const struct bpfshim_insn *in, const struct vrf_hist *h)
{
	u16 *regs = &b->want.reg[b->frame];
	u64 *slots, bit;

	/* The base is no scalar: a difference of pointers was relied upon. */
	if (*regs & (1u << in->dst_reg))
		return -ENOTSUPP;
	if (!h || !(h->flags & VH_STACK))
		return 0;
	slots = &b->want.slot[(h->flags >> 8) & 7];
	bit = (u64)1 << (h->flags & 0x3f);
	if (!(*slots & bit))
		return 0;
	*slots &= ~bit;
	if (BPFSHIM_CLASS(in->code) == BPFSHIM_STX)
		*regs |= (u16)(1u << in->src_reg);
	return 0;
}

static int back_call(struct vrf_env *env, struct back *b, const struct bpfshim_insn *in, u32 idx, u32 after)
{
	u16 *regs = &b->want.reg[b->frame];

	if (in->src_reg == BPFSHIM_PSEUDO_CALL && after != idx + 1) {
		/* Out of the callee: its arguments are the caller's. */
		if (!b->frame || (*regs & ~VRF_ARGS) || b->want.slot[b->frame])
			return -ENOTSUPP;
		b->want.reg[b->frame - 1] |= *regs;
		*regs = 0;
		b->frame--;
		return 0;
	}
	if (in->src_reg == BPFSHIM_PSEUDO_KFUNC_CALL || (!in->src_reg && bpfshim_v_is_cb_helper(in->imm)))
		return -ENOTSUPP;
	*regs &= ~1u;
	(void)env;
	return *regs & VRF_ARGS ? -ENOTSUPP : 0;
}

static int back_exit(struct vrf_env *env, struct back *b, u32 after)
{
	const struct bpfshim_insn *call = after ? &env->insns[after - 1] : NULL;
	u16 *regs = &b->want.reg[b->frame];

	/* Into the callee, from its end; a callback is another matter. */
	if (!call || !vrf_is_pseudo_call(call) || b->frame + 1 >= VRF_FRAMES || (*regs & VRF_ARGS))
		return -ENOTSUPP;
	b->frame++;
	b->want.reg[b->frame] = *regs & 1;
	b->want.slot[b->frame] = 0;
	*regs &= ~1u;
	return 0;
}

/* What must be precise before instruction idx, after which `after` ran. */
static int back_insn(struct vrf_env *env, struct back *b, u32 idx, u32 after, const struct vrf_hist *h)
{
	const struct bpfshim_insn *in = &env->insns[idx];
	u16 *regs = &b->want.reg[b->frame];
	u8 op = BPFSHIM_OP(in->code);

	if (!in->code)
		return 0;
	if (env->level & BPFSHIM_LOG_LEVEL2) {
		bpfshim_v_log(env, "regs=%x stack=%llx before %d: ", *regs,
			      (unsigned long long)b->want.slot[b->frame], idx);
		bpfshim_v_print_insn(env, in);
	}
	if (h && (h->flags & VH_LINK_ALL))
		return -ENOTSUPP;
	if (h && h->nlink)
		want_links(b, h);
	switch (BPFSHIM_CLASS(in->code)) {
	case BPFSHIM_ALU:
	case BPFSHIM_ALU64:
		return back_alu(b, in);
	case BPFSHIM_LDX:
		return back_load(b, in, h);
	case BPFSHIM_STX:
		if (is_fetch(in))
			return back_load(b, in, h);
		return back_store(b, in, h);
	case BPFSHIM_ST:
		return back_store(b, in, h);
	case BPFSHIM_LD:
		if (!(*regs & (1u << in->dst_reg)))
			return 0;
		*regs &= ~(1u << in->dst_reg);
		return BPFSHIM_MODE(in->code) == BPFSHIM_IMM ? 0 : -ENOTSUPP;
	}
	if (op == BPFSHIM_CALL)
		return back_call(env, b, in, idx, after);
	if (op == BPFSHIM_EXIT)
		return back_exit(env, b, after);
	if (op != BPFSHIM_JA && BPFSHIM_SRC(in->code) &&
	    (*regs & ((1u << in->dst_reg) | (1u << in->src_reg))))
		*regs |= (u16)((1u << in->dst_reg) | (1u << in->src_reg));
	return 0;
}

#define RESCHED_EVERY	65536	/* steps back */
#define ALWAYS 0x8000u	/* in touches: look at it whatever is wanted */

static u32 touched(const struct bpfshim_insn *in)
{
	u32 dst = 1u << in->dst_reg, src = 1u << in->src_reg;
	u8 op = BPFSHIM_OP(in->code);

	switch (BPFSHIM_CLASS(in->code)) {
	case BPFSHIM_JMP:
	case BPFSHIM_JMP32:
		if (op == BPFSHIM_CALL || op == BPFSHIM_EXIT)
			return ALWAYS;
		return op == BPFSHIM_JA || !BPFSHIM_SRC(in->code) ? 0 : dst | src;
	case BPFSHIM_STX:
		return dst | src | 1;
	}
	return dst;
}

/* Which wanted registers make each instruction worth a look. */
int bpfshim_v_precise_prepare(struct vrf_env *env)
{
	u32 i;

	env->touches = bpfshim_v_alloc(env, env->len * sizeof(*env->touches));
	if (!env->touches)
		return -ENOMEM;
	for (i = 0; i < env->len; i++)
		env->touches[i] = (u16)touched(&env->insns[i]);
	return 0;
}

/* Over st's instructions, last to first. 1: nothing is left to look for. */
static int walk_state(struct vrf_env *env, struct vrf_state *st, struct back *b, s32 last, bool skip)
{
	bool all = env->level & BPFSHIM_LOG_LEVEL2;
	const struct vrf_hist_block *block = st->hist;
	u32 nr = block ? block->nr : 0, after = 0;
	const struct vrf_hist *h;
	s64 i = last;
	int err;

	for (;;) {
		if (++env->walked >= RESCHED_EVERY) {
			env->walked = 0;
			err = env->ops->resched(env->cookie);
			if (err)
				return err;
		}
		h = nr && block->e[nr - 1].idx == (u32)i ? &block->e[nr - 1] : NULL;
		if (!skip && (all || (h && (h->flags | h->nlink)) ||
			      (env->touches[i] & (b->want.reg[b->frame] | ALWAYS)))) {
			err = back_insn(env, b, (u32)i, after, h);
			if (err)
				return err;
		}
		skip = false;
		/* Most often the running frame wants something still. */
		if (!b->want.reg[b->frame] && !b->want.slot[b->frame] && none_left(b))
			return 1;
		after = (u32)i;
		if (!nr || (h && nr == 1 && !block->older))
			return 0;	/* st begins here */
		if (h) {
			if (!--nr) {
				block = block->older;
				nr = block->nr;
			}
			i = (s32)h->prev;
			if (i < 0)
				return 0;
			if (i >= env->len)
				return -ENOTSUPP;
		} else if (--i < 0) {
			return 0;
		}
	}
}

/* Marks st's scalars. true: at least one was not marked before. */
static bool mark_state(struct vrf_state *st, struct back *b)
{
	const struct vrf_slot *s;
	bool fresh = false;
	u32 f, i;

	for (f = 0; f < VRF_FRAMES; f++) {
		if (f > st->cur) {
			b->want.reg[f] = 0;
			b->want.slot[f] = 0;
			continue;
		}
		for (i = 0; b->want.reg[f] >> i; i++) {
			if (!(b->want.reg[f] & (1u << i)))
				continue;
			if (st->frames[f]->regs[i].kind != VK_SCALAR)
				b->want.reg[f] &= ~(1u << i);
		}
		for (i = 0; i < VRF_SLOTS && b->want.slot[f] >> i; i++) {
			if (!((b->want.slot[f] >> i) & 1))
				continue;
			s = bpfshim_v_slot(st->frames[f], i);
			if (!vrf_spilled(s) || s->reg.kind != VK_SCALAR)
				b->want.slot[f] &= ~((u64)1 << i);
		}
		fresh |= b->want.reg[f] & ~st->precise.reg[f] || b->want.slot[f] & ~st->precise.slot[f];
		st->precise.reg[f] |= b->want.reg[f];
		st->precise.slot[f] |= b->want.slot[f];
	}
	return fresh;
}

int bpfshim_v_precise_marks(struct vrf_env *env, const struct vrf_marks *want)
{
	struct vrf_state *st = env->st;
	s32 last = (s32)env->pc;
	bool skip = true, fresh;
	struct back b;
	int err;

	b.want = *want;
	b.frame = st->cur;
	if (none_left(&b))
		return 0;
	for (;;) {
		if (env->level & BPFSHIM_LOG_LEVEL2)
			bpfshim_v_log(env, "last_idx %d first_idx %d\n", last, st->first_insn);
		if (last < 0)	/* where the function is entered: its arguments */
			return 0;
		err = walk_state(env, st, &b, last, skip);
		skip = false;
		if (err == 1)
			return 0;
		if (err == -ENOTSUPP) {
			all_precise(st);
			return 0;
		}
		if (err)
			return err;
		if (!st->parent)
			return 0;
		if (b.frame != st->parent->cur) {
			all_precise(st);
			return 0;
		}
		st = st->parent;
		fresh = mark_state(st, &b);
		if (env->level & BPFSHIM_LOG_LEVEL2) {
			bpfshim_v_log(env, "parent %s regs=%x stack=%llx marks:",
				      fresh ? "didn't have" : "already had", b.want.reg[b.frame],
				      (unsigned long long)b.want.slot[b.frame]);
			bpfshim_v_print_state(env, st, st->cur, true);
		}
		if (none_left(&b) || !fresh)
			return 0;
		last = st->last_insn;
	}
}

int bpfshim_v_precise(struct vrf_env *env, u32 regno)
{
	struct vrf_marks want;

	/* An unprivileged user's numbers are all precise. */
	if (env->unpriv || regno == VRF_FP || vrf_regs(env)[regno].kind != VK_SCALAR)
		return 0;
	memset(&want, 0, sizeof(want));
	want.reg[env->st->cur] = (u16)(1u << regno);
	return bpfshim_v_precise_marks(env, &want);
}
