// SPDX-License-Identifier: GPL-2.0
/*
 * Liveness: which registers and stack slots of a checkpoint the paths from it
 * read.  A read walks back over the checkpoints until one between which and
 * the next the register was written, or which knows already.
 */
#include "env.h"

void bpfshim_v_live_read(struct vrf_env *env, struct vrf_state *st, u32 frame, u16 regs, u64 slots)
{
	struct vrf_state *p;
	u32 steps = 0;

	for (;;) {
		regs &= ~st->written.reg[frame];
		slots &= ~st->written.slot[frame];
		p = st->parent;
		if (!p || !(regs | slots))
			break;
		/*
		 * The frame was made since: what it did not write itself are
		 * arguments, the caller's R1 - R5.
		 */
		if (p->cur < frame) {
			frame = p->cur;
			regs &= VRF_ARGS;
			slots = 0;
		}
		regs &= ~p->read.reg[frame];
		slots &= ~p->read.slot[frame];
		if (!(regs | slots))
			break;
		p->read.reg[frame] |= regs;
		p->read.slot[frame] |= slots;
		st = p;
		steps++;
	}
	if (steps > env->longest_walk)
		env->longest_walk = steps;
}

void bpfshim_v_live_join(struct vrf_env *env, const struct vrf_state *old, struct vrf_state *st)
{
	u32 i;

	for (i = 0; i <= st->cur; i++)
		bpfshim_v_live_read(env, st, i, old->read.reg[i], old->read.slot[i]);
}

void bpfshim_v_live_all(struct vrf_state *st, const struct vrf_state *until)
{
	for (st = st->parent; st && st != until; st = st->parent) {
		memset(&st->read, 0xff, sizeof(st->read));
		memset(&st->precise, 0xff, sizeof(st->precise));
	}
}

int bpfshim_v_read(struct vrf_env *env, u32 regno)
{
	struct vrf_state *st = env->st;

	if (regno >= VRF_REGS) {
		bpfshim_v_log(env, "R%d is invalid\n", regno);
		return -EINVAL;
	}
	env->scratched_regs |= 1u << regno;
	if (vrf_regs(env)[regno].kind == VK_NONE) {
		bpfshim_v_log(env, "R%d !read_ok\n", regno);
		return -EACCES;
	}
	if (regno != VRF_FP && !(st->written.reg[st->cur] & (1u << regno)))
		bpfshim_v_live_read(env, st, st->cur, (u16)(1u << regno), 0);
	return 0;
}

int bpfshim_v_write(struct vrf_env *env, u32 regno)
{
	struct vrf_state *st = env->st;

	if (regno >= VRF_REGS) {
		bpfshim_v_log(env, "R%d is invalid\n", regno);
		return -EINVAL;
	}
	env->scratched_regs |= 1u << regno;
	if (regno == VRF_FP) {
		bpfshim_v_log(env, "frame pointer is read only\n");
		return -EACCES;
	}
	st->written.reg[st->cur] |= (u16)(1u << regno);
	return 0;
}

void bpfshim_v_clobber(struct vrf_env *env)
{
	struct vrf_state *st = env->st;
	struct vrf_reg *regs = vrf_regs(env);
	u32 i;

	for (i = 0; i <= BPFSHIM_REG_5; i++)
		bpfshim_v_reg_none(&regs[i]);
	st->written.reg[st->cur] |= VRF_CALLER_SAVED;
	env->scratched_regs |= VRF_CALLER_SAVED;
}
