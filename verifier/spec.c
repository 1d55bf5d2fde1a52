// SPDX-License-Identifier: GPL-2.0
/*
 * Speculative execution.  A CPU goes ways that a branch does not go, and loads
 * what an older store has yet to write; what it touched there can be measured.
 * With env->mask:
 *  - a pointer that a register moves stays in the window that the walk saw,
 *    whatever is in the register when a comparison was mispredicted;
 *  - the way that a decided branch does not go is walked, too, with what was
 *    compared unknown; and so is what follows a move that its mask made none;
 *  - a store to the stack is waited for where the slot held something of
 *    another kind before (stack.c).
 * With env->unpriv what cannot be masked is refused, as Linux 6.1 refuses it to
 * unprivileged users.  Without, verdicts stay root's: what cannot be masked, or
 * goes wrong on a speculative way only, gets a barrier, where that way ends.
 */
#include "env.h"

#define TRIES		16	/* speculative ways from one instruction */
#define MAX_WAITING	4096	/* paths, before barriers take their place */
#define LENGTH		256	/* instructions of one speculative way */

enum why { FINE, BOUNDS, TYPE, PATHS, LIMIT, PUSH };

void bpfshim_v_barrier(struct vrf_env *env, u32 insn)
{
	struct vrf_aux *aux = &env->aux[insn];

	if (!aux->nospec && vrf_logging(env))
		bpfshim_v_log(env, "speculation barrier before insn %d\n", insn);
	aux->nospec = true;
}

/* Does an errno mean that the program does what it must not? */
bool bpfshim_v_spec_fails(const struct vrf_env *env, int err)
{
	if (!env->st->spec || env->unpriv || env->oom)
		return false;
	return err == -EACCES || err == -EINVAL || err == -EPERM || err == -E2BIG || err == -ENOTSUPP || err == -ENOENT;
}

bool bpfshim_v_spec_ends(struct vrf_env *env)
{
	if (!env->st->spec)
		return false;
	if (!env->unpriv && (++env->st->spec_len > LENGTH || env->processed > BPFSHIM_VRF_MAX_INSNS / 2))
		bpfshim_v_barrier(env, env->pc);
	return env->aux[env->pc].nospec;
}

/* May one more way from here wait?  6.1 has no limit but memory and its own. */
static bool try_more(struct vrf_env *env)
{
	struct vrf_aux *aux = &env->aux[env->pc];

	if (env->unpriv)
		return true;
	if (aux->spec_tries >= TRIES || env->nr_pending >= MAX_WAITING)
		return false;
	aux->spec_tries++;
	return true;
}

static struct vrf_state *push(struct vrf_env *env, u32 next)
{
	struct vrf_state *st = bpfshim_v_push(env, env->st, next, (s32)env->pc);

	if (st)
		st->spec = true;
	return st;
}

int bpfshim_v_spec_branch(struct vrf_env *env, const struct bpfshim_insn *in, u32 next)
{
	struct vrf_reg *regs;
	struct vrf_state *st;

	if (!env->mask || env->aux[next].nospec)
		return 0;
	if (!try_more(env)) {
		bpfshim_v_barrier(env, next);
		return 0;
	}
	st = push(env, next);
	if (!st)
		return env->oom ? -ENOMEM : -EFAULT;
	regs = st->frames[st->cur]->regs;
	bpfshim_v_reg_unknown(&regs[in->dst_reg]);
	if (BPFSHIM_SRC(in->code))
		bpfshim_v_reg_unknown(&regs[in->src_reg]);
	return 0;
}

/* ---- pointers --------------------------------------------------------- */

static bool masks(const struct vrf_env *env, const struct bpfshim_insn *in)
{
	u8 op = BPFSHIM_OP(in->code);

	return env->mask && BPFSHIM_SRC(in->code) && (op == BPFSHIM_ADD || op == BPFSHIM_SUB) &&
	       !env->aux[env->pc].nospec;
}

static int refuse(struct vrf_env *env, const struct bpfshim_insn *in, enum why why, bool in_dst)
{
	static const char *const never = "pointer arithmetic with it prohibited for !root";
	const char *op = BPFSHIM_OP(in->code) == BPFSHIM_ADD ? "add" : "sub";
	u32 dst = in->dst_reg, src = in->src_reg;

	if (!env->unpriv) {
		bpfshim_v_barrier(env, env->pc);
		return 0;
	}
	switch (why) {
	case BOUNDS:
		bpfshim_v_log(env, "R%d has unknown scalar with mixed signed bounds, %s\n", in_dst ? dst : src, never);
		break;
	case TYPE:
		bpfshim_v_log(env, "R%d has pointer with unsupported alu operation, %s\n", in_dst ? src : dst, never);
		break;
	case PATHS:
		bpfshim_v_log(env, "R%d tried to %s from different maps, paths or scalars, %s\n", dst, op, never);
		break;
	case LIMIT:
		bpfshim_v_log(env, "R%d tried to %s beyond pointer bounds, %s\n", dst, op, never);
		break;
	default:
		bpfshim_v_log(env, "R%d could not be pushed for speculative verification, %s\n", dst, never);
	}
	return -EACCES;
}

/* How far a pointer is from its object's beginning, when it can be told. */
static enum why distance(const struct vrf_reg *ptr, bool left, u32 *out)
{
	s64 at, size;

	if (ptr->kind == VK_STACK && !ptr->n.t.mask) {
		/* The frame pointer itself is a fine place to go down from. */
		size = BPFSHIM_VRF_MAX_STACK + left;
		at = -((s64)ptr->n.t.value + ptr->off);
	} else if (ptr->kind == VK_MAP_VALUE && !ptr->flags) {
		size = ptr->u.map->value_size;
		at = left ? ptr->n.smin : (s64)ptr->n.umax;
		/* No object is that large, and no sum overflows. */
		if (at < -(1LL << 32) || at > 1LL << 32)
			return LIMIT;
		at += ptr->off;
	} else {
		return TYPE;
	}
	if (at < 0 || at >= size)
		return LIMIT;
	*out = (u32)at;
	return FINE;
}

int bpfshim_v_spec_move(struct vrf_env *env, const struct bpfshim_insn *in, const struct vrf_reg *ptr,
			const struct vrf_reg *num, struct vrf_window *w)
{
	struct vrf_reg *dst = &vrf_regs(env)[in->dst_reg], saved;
	bool known = !num->n.t.mask, neg = num->n.smin < 0, in_dst = ptr != dst;
	bool add = BPFSHIM_OP(in->code) == BPFSHIM_ADD;
	struct vrf_state *st;
	enum why why;

	w->alu = 0;
	if (!masks(env, in))
		return 0;
	/* Which window it is the other paths have said. */
	if (!env->st->spec) {
		if (!known && neg != (num->n.smax < 0))
			return refuse(env, in, BOUNDS, in_dst);
		w->left = add == neg;
		why = distance(ptr, w->left, &w->from);
		if (why)
			return refuse(env, in, why, in_dst);
		w->alu = VA_MASK | (neg ? VA_NEG : 0) | (known ? VA_CONST : 0) | (in_dst ? VA_DST : 0);
		/* Another number may want another window: do not take one for the other. */
		if (!known)
			env->alu_limits = env->unpriv;
	}
	if (known)
		return 0;
	/* A number outside of the window counts as none. */
	if (!try_more(env))
		return refuse(env, in, PUSH, in_dst);
	saved = *dst;
	*dst = *ptr;
	st = push(env, env->pc + 1);
	*dst = saved;
	if (st)
		return 0;
	return env->oom ? -ENOMEM : env->unpriv ? refuse(env, in, PUSH, in_dst) : -EFAULT;
}

int bpfshim_v_spec_moved(struct vrf_env *env, const struct bpfshim_insn *in, const struct vrf_window *w)
{
	const struct vrf_reg *dst = &vrf_regs(env)[in->dst_reg];
	struct vrf_aux *aux = &env->aux[env->pc];
	u32 to, limit;
	enum why why;

	if (!w->alu || aux->nospec)
		return 0;
	why = distance(dst, w->left, &to);
	if (why)
		return refuse(env, in, why, w->alu & VA_DST);
	limit = to > w->from ? to - w->from : w->from - to;
	if (aux->alu && (aux->alu != w->alu || aux->alu_limit != limit))
		return refuse(env, in, PATHS, w->alu & VA_DST);
	aux->alu = w->alu;
	aux->alu_limit = limit;
	return 0;
}

int bpfshim_v_spec_number(struct vrf_env *env, const struct bpfshim_insn *in)
{
	struct vrf_aux *aux = &env->aux[env->pc];

	if (!masks(env, in))
		return 0;
	if (aux->alu && aux->alu != VA_NUMBER)
		return refuse(env, in, PATHS, false);
	aux->alu = VA_NUMBER;
	return 0;
}

/*
 * What only misprediction reaches makes no frame larger, which might be too
 * much for the program.  Where it leaves what the other paths made of the
 * frame it ends, once that is known.
 */
int bpfshim_v_spec_deeper(struct vrf_env *env, u32 frame, u32 depth)
{
	struct vrf_aux *aux = &env->aux[env->pc];

	if (frame != env->st->cur)
		return -EACCES;
	aux->spec_depth = max(aux->spec_depth, (u16)depth);
	return 0;
}

void bpfshim_v_spec_depths(struct vrf_env *env)
{
	u32 i;

	for (i = 0; i < env->len; i++)
		if (env->aux[i].spec_depth && env->aux[i].spec_depth > env->subs[bpfshim_v_sub_of(env, i)].stack)
			bpfshim_v_barrier(env, i);
}

/* Where an unprivileged program's pointer has come to be, used or not. */
int bpfshim_v_spec_inside(struct vrf_env *env, u32 regno)
{
	const struct vrf_reg *r = &vrf_regs(env)[regno];
	s64 at;

	if (!env->unpriv || r->flags)
		return 0;
	if (r->kind == VK_STACK) {
		at = (s64)r->n.t.value + r->off;
		if (r->n.t.mask)
			bpfshim_v_log(env, "R%d variable stack access prohibited for !root, var_off=%s off=%d\n", regno,
				      bpfshim_v_tnum_str(env, r->n.t), (s32)at);
		else if (at >= 0 || at < -BPFSHIM_VRF_MAX_STACK)
			bpfshim_v_log(env, "R%d stack pointer arithmetic goes out of range, prohibited for !root; off=%d\n",
				      regno, (s32)at);
		else
			return 0;
		return -EACCES;
	}
	if (r->kind == VK_MAP_VALUE && bpfshim_v_map_access(env, regno, r->off, 1, false, VRF_HELPER)) {
		bpfshim_v_log(env, "R%d pointer arithmetic of map value goes out of range, prohibited for !root\n",
			      regno);
		return -EACCES;
	}
	return 0;
}
