// SPDX-License-Identifier: GPL-2.0
/* Conditional jumps: which ways are open, and what each way teaches. */
#include "env.h"

/* ---- equal numbers ---------------------------------------------------- */

static void note_link(struct vrf_hist *h, u32 frame, u32 what)
{
	if (h->nlink == ARRAY_SIZE(h->link))
		h->flags |= VH_LINK_ALL;
	else
		h->link[h->nlink++] = (u16)(frame << 8 | what);
}

/* All that equals `known` gets its bounds; h remembers who they are. */
static int learn_equal(struct vrf_env *env, struct vrf_state *st,
		       const struct vrf_reg *known, struct vrf_hist *h)
{
	struct vrf_reg copy = *known;
	struct vrf_frame *f;
	struct vrf_slot *s;
	u32 i, k;

	if (!copy.id)
		return 0;
	for (i = 0; i <= st->cur; i++) {
		f = st->frames[i];
		for (k = 0; k < VRF_REGS; k++) {
			if (f->regs[k].kind != VK_SCALAR || f->regs[k].id != copy.id)
				continue;
			note_link(h, i, VH_REG | k);
			if (bpfshim_v_reg_same(&f->regs[k], &copy))
				continue;
			f = bpfshim_v_frame_rw(env, st, i);
			if (!f)
				return -ENOMEM;
			f->regs[k] = copy;
		}
		for (k = 0; f->stack && k < f->stack->nr; k++) {
			if (!vrf_spilled(&f->stack->slot[k]) || f->stack->slot[k].reg.kind != VK_SCALAR ||
			    f->stack->slot[k].reg.id != copy.id)
				continue;
			note_link(h, i, k);
			if (bpfshim_v_reg_same(&f->stack->slot[k].reg, &copy))
				continue;
			s = bpfshim_v_slot_rw(env, st, i, k);
			if (!s)
				return -ENOMEM;
			f = st->frames[i];
			s->reg = copy;
		}
	}
	return 0;
}

/* One register's equals: fewer than two are no news. */
static int learn(struct vrf_env *env, struct vrf_state *st, const struct vrf_reg *r)
{
	struct vrf_hist h, *last;
	int err;

	if (r->kind != VK_SCALAR || !r->id)
		return 0;
	memset(&h, 0, sizeof(h));
	err = learn_equal(env, st, r, &h);
	if (err || h.nlink < 2)
		return err;
	err = bpfshim_v_hist_push(env, st, h.flags, false);
	if (err)
		return err;
	/* Two operands may each have equals: an entry of its own each. */
	last = bpfshim_v_hist_last(st);
	if (last->nlink) {
		last->flags |= VH_LINK_ALL;
		return 0;
	}
	last->nlink = h.nlink;
	memcpy(last->link, h.link, sizeof(h.link));
	return 0;
}

/* ---- NULL checks ------------------------------------------------------ */

struct null_check {
	u32 id;
	bool is_null;
};

static bool null_reg(struct vrf_reg *r, bool change, void *arg)
{
	struct null_check *c = arg;

	if (!(r->flags & VF_NULL) || r->id != c->id)
		return false;
	if (!change)
		return true;
	if (r->off || !vrf_num_known_zero(&r->n))
		return true;	/* cannot be: no arithmetic before the check */
	if (c->is_null) {
		bpfshim_v_reg_const(r, 0);
		return true;
	}
	bpfshim_v_reg_not_null(r);
	/* A value with a lock keeps its id: it is that lock's name. */
	if (r->kind != VK_MAP_VALUE || r->u.map->spin_lock_off < 0)
		r->id = 0;
	return true;
}

static int learn_null(struct vrf_env *env, struct vrf_state *st, u32 id, u32 ref, bool is_null)
{
	struct null_check c;

	c.id = id;
	c.is_null = is_null;
	if (ref && ref == id && is_null)
		bpfshim_v_ref_drop(env, st, ref);	/* nothing was acquired */
	return bpfshim_v_each_reg(env, st, null_reg, &c);
}

/* ---- packets ---------------------------------------------------------- */

struct pkt_check {
	u32 kind, id;
	s32 range;
};

static bool range_reg(struct vrf_reg *r, bool change, void *arg)
{
	struct pkt_check *c = arg;

	if (r->kind != c->kind || r->flags || r->id != c->id || r->u.range >= c->range)
		return false;
	if (change)
		r->u.range = c->range;
	return true;
}

/* ptr was compared with the end: so many bytes from its base are there. */
static int good_packet(struct vrf_env *env, struct vrf_state *st, const struct vrf_reg *ptr, bool open)
{
	struct pkt_check c;

	if (ptr->off < 0 || (!ptr->off && open) || ptr->n.umax > VRF_PKT_MAX ||
	    ptr->n.umax + (u64)ptr->off > VRF_PKT_MAX)
		return 0;
	c.kind = ptr->kind;
	c.id = ptr->id;
	c.range = ptr->off + open;
	return bpfshim_v_each_reg(env, st, range_reg, &c);
}

static void past_end(struct vrf_state *st, u32 regno, bool open)
{
	struct vrf_reg *r = &st->frames[st->cur]->regs[regno];

	if (r->kind == VK_PKT && !r->flags)
		r->u.range = open ? VRF_RANGE_BEYOND_END : VRF_RANGE_AT_END;
}

static bool is_packet_start(const struct vrf_reg *r)
{
	return r->kind == VK_PKT && !r->flags && !r->id && !r->off && vrf_num_known_zero(&r->n);
}

/* a runs up to b: data to data_end, or meta to data. */
static bool ends_at(const struct vrf_reg *a, const struct vrf_reg *b)
{
	if (a->flags || b->flags)
		return false;
	return (a->kind == VK_PKT && b->kind == VK_PKT_END) ||
	       (a->kind == VK_PKT_META && is_packet_start(b));
}

/*
 * `ptr <op> end`: one way the bytes before ptr are inside, the other way ptr
 * is at or past the end.  1: it was such a comparison.
 */
static int compare_packet(struct vrf_env *env, const struct bpfshim_insn *in, struct vrf_state *other)
{
	struct vrf_state *st = env->st, *in_range, *outside;
	const struct vrf_reg *dst = &vrf_regs(env)[in->dst_reg], *src = &vrf_regs(env)[in->src_reg];
	u8 op = BPFSHIM_OP(in->code);
	const struct vrf_reg *ptr = dst;
	u32 regno = in->dst_reg;
	struct vrf_reg copy;
	bool open;
	int err;

	if (!BPFSHIM_SRC(in->code) || BPFSHIM_CLASS(in->code) == BPFSHIM_JMP32)
		return 0;
	if (!ends_at(dst, src)) {
		if (!ends_at(src, dst))
			return 0;
		ptr = src;
		regno = in->src_reg;
		op = bpfshim_num_flip(op);
	}
	switch (op) {
	case BPFSHIM_JGT:	/* beyond the end when taken */
	case BPFSHIM_JGE:
		in_range = st;
		outside = other;
		break;
	case BPFSHIM_JLT:
	case BPFSHIM_JLE:
		in_range = other;
		outside = st;
		break;
	default:
		return 0;
	}
	/* ptr < end: the byte at ptr is there too; ptr > end: one is missing. */
	open = op == BPFSHIM_JGE || op == BPFSHIM_JLT;
	copy = *ptr;
	/* Packets' offsets have no window to stay in. */
	if (env->mask && !env->unpriv)
		bpfshim_v_barrier(env, in_range == st ? env->pc + 1 : env->pc + 1 + (u32)(s32)in->off);
	err = good_packet(env, in_range, &copy, open);
	if (err)
		return err;
	past_end(outside, regno, !open);
	return 1;
}

/* Is the outcome known from an earlier comparison with the end? */
static u32 packet_branch(const struct vrf_reg *dst, const struct vrf_reg *src, u8 op)
{
	const struct vrf_reg *pkt = dst;

	if (src->kind != VK_PKT_END) {
		if (dst->kind != VK_PKT_END)
			return 3;
		pkt = src;
		op = bpfshim_num_flip(op);
	}
	if (!vrf_is_pkt(pkt) || pkt->u.range >= 0)
		return 3;
	switch (op) {
	case BPFSHIM_JLE:
	case BPFSHIM_JGT:
		if (pkt->u.range == VRF_RANGE_BEYOND_END)
			return op == BPFSHIM_JGT ? 1 : 2;
		break;
	case BPFSHIM_JLT:
	case BPFSHIM_JGE:
		return op == BPFSHIM_JGE ? 1 : 2;
	}
	return 3;
}

/* ---- the jump --------------------------------------------------------- */

/* Pointers that are never NULL. */
static bool never_null(const struct vrf_reg *r)
{
	if (r->flags)
		return false;
	return r->kind == VK_SOCK || r->kind == VK_TCP_SOCK || r->kind == VK_MAP_VALUE ||
	       r->kind == VK_MAP_KEY || r->kind == VK_SOCK_COMMON;
}

/* Can the jump be taken (1), fall through (2)? */
static u32 ways(const struct vrf_reg *dst, const struct vrf_reg *src, u8 op, bool w32)
{
	if (src->kind == VK_SCALAR && !(w32 ? (u32)src->n.t.mask : src->n.t.mask)) {
		if (dst->kind == VK_SCALAR)
			return bpfshim_num_branch(&dst->n, &src->n, op, w32);
		if (!never_null(dst) || (w32 ? (u32)src->n.t.value : src->n.t.value))
			return 3;
		return op == BPFSHIM_JEQ ? 2 : op == BPFSHIM_JNE ? 1 : 3;
	}
	if (!w32 && vrf_is_pkt_any(dst) && vrf_is_pkt_any(src))
		return packet_branch(dst, src, op);
	return 3;
}

/* Of the ways not known, those that numbers can go; learns from a single one. */
static int possible_ways(struct vrf_env *env, struct vrf_reg *dst, struct vrf_reg *src, u8 op, bool w32)
{
	int can = 0, truth, err = 0;

	for (truth = 0; truth < 2; truth++) {
		struct bpfshim_num a = dst->n, b = src->n;

		if (bpfshim_num_assume(&a, &b, op, w32, truth))
			can |= truth ? 1 : 2;
	}
	if (can != 1 && can != 2)
		return 3;
	bpfshim_num_assume(&dst->n, &src->n, op, w32, can == 1);
	if (src->id)
		err = learn(env, env->st, src);
	if (!err && dst->id)
		err = learn(env, env->st, dst);
	return err ? err : can;
}

static int learn_numbers(struct vrf_env *env, const struct bpfshim_insn *in, struct vrf_state *other,
			 struct vrf_reg *src)
{
	bool w32 = BPFSHIM_CLASS(in->code) == BPFSHIM_JMP32;
	struct vrf_reg *dst = &vrf_regs(env)[in->dst_reg];
	struct vrf_reg *oregs = other->frames[other->cur]->regs, *osrc = &env->tmp2;
	u8 op = BPFSHIM_OP(in->code);
	int err;

	if (BPFSHIM_SRC(in->code))
		osrc = &oregs[in->src_reg];
	else
		*osrc = *src;
	if (dst != src) {
		bpfshim_num_assume(&oregs[in->dst_reg].n, &osrc->n, op, w32, true);
		bpfshim_num_assume(&dst->n, &src->n, op, w32, false);
	}
	if (BPFSHIM_SRC(in->code) && src->id) {
		err = learn(env, env->st, src);
		if (!err)
			err = learn(env, other, osrc);
		if (err)
			return err;
	}
	if (dst->id && !(BPFSHIM_SRC(in->code) && dst->id == src->id)) {
		err = learn(env, env->st, dst);
		if (!err)
			err = learn(env, other, &oregs[in->dst_reg]);
		if (err)
			return err;
	}
	return 0;
}

static int known_way(struct vrf_env *env, const struct bpfshim_insn *in, u32 can)
{
	u32 taken = env->pc + 1 + (u32)(s32)in->off;
	int err = bpfshim_v_precise(env, in->dst_reg);

	if (!err && BPFSHIM_SRC(in->code))
		err = bpfshim_v_precise(env, in->src_reg);
	if (!err)
		err = bpfshim_v_spec_branch(env, in, can == 1 ? env->pc + 1 : taken);
	if (err)
		return err;
	if (vrf_logging(env))
		bpfshim_v_print_insn_state(env);
	env->pc = can == 1 ? taken : env->pc + 1;
	return 0;
}

static int no_comparison(struct vrf_env *env, u32 regno)
{
	bpfshim_v_log(env, "R%d pointer comparison prohibited\n", regno);
	return -EACCES;
}

int bpfshim_v_jump(struct vrf_env *env, const struct bpfshim_insn *in)
{
	struct vrf_reg *regs = vrf_regs(env), *dst, *src = &env->tmp;
	bool w32 = BPFSHIM_CLASS(in->code) == BPFSHIM_JMP32;
	u8 op = BPFSHIM_OP(in->code);
	struct vrf_state *other;
	int can, err;

	if (op == BPFSHIM_JA || op > BPFSHIM_JSLE) {
		bpfshim_v_log(env, "invalid BPF_JMP/JMP32 opcode %x\n", op);
		return -EINVAL;
	}
	err = bpfshim_v_read(env, in->dst_reg);
	if (err)
		return err;
	dst = &regs[in->dst_reg];
	if (BPFSHIM_SRC(in->code) ? in->imm : in->src_reg) {
		bpfshim_v_log(env, "BPF_JMP/JMP32 uses reserved fields\n");
		return -EINVAL;
	}
	if (BPFSHIM_SRC(in->code)) {
		err = bpfshim_v_read(env, in->src_reg);
		if (err)
			return err;
		src = &regs[in->src_reg];
		if (vrf_leaks(env, src) && !(vrf_is_pkt_any(dst) && vrf_is_pkt_any(src)))
			return no_comparison(env, in->src_reg);
	} else {
		bpfshim_v_reg_const(src, (u64)(s64)in->imm);
	}
	can = ways(dst, src, op, w32);
	/* 6.1 goes ways that cannot be gone; tests that compare states in all
	 * they hold must not stumble over what it makes up there. */
	if (VRF_EXACT(env) && can == 3 && dst != src && dst->kind == VK_SCALAR && src->kind == VK_SCALAR)
		can = possible_ways(env, dst, src, op, w32);
	if (can < 0)
		return can;
	if (can != 3)
		return known_way(env, in, can);

	other = bpfshim_v_push(env, env->st, env->pc + 1 + (u32)(s32)in->off, (s32)env->pc);
	if (!other)
		return env->oom ? -ENOMEM : -EFAULT;
	if (dst->kind == VK_SCALAR && src->kind == VK_SCALAR)
		err = learn_numbers(env, in, other, src);
	if (err)
		return err;
	if (!w32 && !BPFSHIM_SRC(in->code) && !in->imm && (op == BPFSHIM_JEQ || op == BPFSHIM_JNE) &&
	    (dst->flags & VF_NULL)) {
		u32 id = dst->id, ref = dst->ref;

		err = learn_null(env, env->st, id, ref, op == BPFSHIM_JNE);
		if (!err)
			err = learn_null(env, other, id, ref, op == BPFSHIM_JEQ);
	} else {
		err = compare_packet(env, in, other);
		if (!err && vrf_leaks(env, dst))
			return no_comparison(env, in->dst_reg);
		if (err > 0)
			err = 0;
	}
	if (err)
		return err;
	if (vrf_logging(env))
		bpfshim_v_print_insn_state(env);
	env->pc++;
	return 0;
}
