// SPDX-License-Identifier: GPL-2.0
/* Functions of a program: where they begin, that jumps stay inside, and how
 * deep their frames stack up. */
#include "env.h"

s32 bpfshim_v_sub_at(const struct vrf_env *env, u32 insn)
{
	u32 lo = 0, hi = env->nr_subs, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (env->subs[mid].start == insn)
			return (s32)mid;
		if (env->subs[mid].start < insn)
			lo = mid + 1;
		else
			hi = mid;
	}
	return -1;
}

u32 bpfshim_v_sub_of(const struct vrf_env *env, u32 insn)
{
	u32 i;

	for (i = env->nr_subs; i-- > 1; )
		if (env->subs[i].start <= insn)
			return i;
	return 0;
}

static int add_sub(struct vrf_env *env, s64 start)
{
	u32 i;

	if (start < 0 || start >= env->len) {
		bpfshim_v_log(env, "call to invalid destination\n");
		return -EINVAL;
	}
	if (bpfshim_v_sub_at(env, (u32)start) >= 0)
		return 0;
	if (env->nr_subs >= BPFSHIM_VRF_MAX_SUBPROGS) {
		bpfshim_v_log(env, "too many subprograms\n");
		return -E2BIG;
	}
	for (i = env->nr_subs; i && env->subs[i - 1].start > start; i--)
		env->subs[i] = env->subs[i - 1];
	memset(&env->subs[i], 0, sizeof(env->subs[i]));
	env->subs[i].start = (u32)start;
	env->nr_subs++;
	/* A sentinel: where the last one ends. */
	env->subs[env->nr_subs].start = env->len;
	return 0;
}

int bpfshim_v_find_subprogs(struct vrf_env *env)
{
	const struct bpfshim_insn *in;
	u32 i;
	int err = add_sub(env, 0);

	for (i = 0; i < env->len && !err; i++) {
		in = &env->insns[i];
		if (env->unpriv && (vrf_is_pseudo_func(in) || (in->code == (BPFSHIM_JMP | BPFSHIM_CALL) && in->src_reg))) {
			bpfshim_v_log(env, "loading/calling other bpf or kernel functions are allowed for CAP_BPF and CAP_SYS_ADMIN\n");
			return -EPERM;
		}
		if (in->code == (BPFSHIM_JMP | BPFSHIM_CALL) &&
		    in->src_reg == BPFSHIM_PSEUDO_KFUNC_CALL) {
			/* The driver has none to call. */
			if (env->kbtf) {
				bpfshim_v_log(env, "kernel function btf_id %d is not a kernel function\n", in->imm);
				return -EINVAL;
			}
			bpfshim_v_log(env, "calling kernel function is not supported without CONFIG_DEBUG_INFO_BTF\n");
			return -ENOTSUPP;
		}
		if (vrf_is_pseudo_call(in) || vrf_is_pseudo_func(in))
			err = add_sub(env, (s64)i + in->imm + 1);
	}
	if (err)
		return err;
	if (env->level & BPFSHIM_LOG_LEVEL2)
		for (i = 0; i < env->nr_subs; i++)
			bpfshim_v_log(env, "func#%d @%d\n", i, env->subs[i].start);
	return 0;
}

/* Who calls a function that may change the packet may change it. */
static void spread_packet_changes(struct vrf_env *env)
{
	bool more = env->nr_subs > 1;
	u32 i, sub;
	s32 to;

	while (more) {
		more = false;
		for (i = 0, sub = 0; i < env->len; i++) {
			const struct bpfshim_insn *in = &env->insns[i];

			if (i == env->subs[sub + 1].start)
				sub++;
			if (env->subs[sub].changes_pkt || (!vrf_is_pseudo_call(in) && !vrf_is_pseudo_func(in)))
				continue;
			to = bpfshim_v_sub_at(env, i + 1 + (u32)in->imm);
			if (to >= 0 && env->subs[to].changes_pkt)
				env->subs[sub].changes_pkt = more = true;
		}
	}
}

/* Every jump stays in its function, which ends in an exit or a jump. */
int bpfshim_v_check_subprogs(struct vrf_env *env)
{
	u32 i, sub = 0;
	s64 to;

	for (i = 0; i < env->len; i++) {
		const struct bpfshim_insn *in = &env->insns[i];
		u8 class = BPFSHIM_CLASS(in->code), op = BPFSHIM_OP(in->code);

		if (vrf_is_helper_call(in) && in->imm == BPFSHIM_HELPER_tail_call)
			env->subs[sub].tail_call = true;
		if (vrf_is_helper_call(in) &&
		    (in->imm == BPFSHIM_HELPER_tail_call || bpfshim_v_changes_packet(in->imm)))
			env->subs[sub].changes_pkt = true;
		if (class == BPFSHIM_LD && (BPFSHIM_MODE(in->code) == BPFSHIM_ABS ||
					    BPFSHIM_MODE(in->code) == BPFSHIM_IND))
			env->subs[sub].ld_abs = true;
		if ((class == BPFSHIM_JMP || class == BPFSHIM_JMP32) &&
		    op != BPFSHIM_EXIT && op != BPFSHIM_CALL) {
			to = (s64)i + 1 + (in->code == (BPFSHIM_JMP32 | BPFSHIM_JA) ? in->imm : in->off);
			if (to < env->subs[sub].start || to >= env->subs[sub + 1].start) {
				bpfshim_v_log(env, "jump out of range from insn %d to %d\n", i, (s32)to);
				return -EINVAL;
			}
		}
		if (i + 1 != env->subs[sub + 1].start)
			continue;
		if (in->code != (BPFSHIM_JMP | BPFSHIM_EXIT) && in->code != (BPFSHIM_JMP | BPFSHIM_JA) &&
		    in->code != (BPFSHIM_JMP32 | BPFSHIM_JA)) {
			bpfshim_v_log(env, "last insn is not an exit or jmp\n");
			return -EINVAL;
		}
		sub++;
	}
	spread_packet_changes(env);
	return 0;
}

static u32 frame_size(const struct vrf_sub *s)
{
	return ((s->stack ? s->stack : 1) + 31) & ~31u;
}

/* Depth of all chains of calls from one function. */
static int check_depth(struct vrf_env *env, u32 sub)
{
	u32 back_insn[VRF_FRAMES], back_sub[VRF_FRAMES];
	u32 depth = 0, frame = 0, i, j;
	bool tail = false;
	s32 next;

	i = env->subs[sub].start;
enter:
	/* A tail call leaves the frames before it in place, 33 times over. */
	if (sub && env->subs[sub].tail_call && depth >= 256) {
		bpfshim_v_log(env, "tail_calls are not allowed when call stack of previous frames is %d bytes. Too large\n",
			      depth);
		return -EACCES;
	}
	depth += frame_size(&env->subs[sub]);
	if (depth > BPFSHIM_VRF_MAX_STACK) {
		bpfshim_v_log(env, "combined stack size of %d calls is %d. Too large\n", frame + 1, depth);
		return -EACCES;
	}
resume:
	for (; i < env->subs[sub + 1].start; i++) {
		const struct bpfshim_insn *in = &env->insns[i];

		if (!vrf_is_pseudo_call(in) && !vrf_is_pseudo_func(in))
			continue;
		next = bpfshim_v_sub_at(env, i + 1 + (u32)in->imm);
		if (next < 0)
			return -EFAULT;
		/* A timer's callback runs on a stack of its own. */
		if (env->subs[next].async_cb && !vrf_is_pseudo_call(in))
			continue;
		back_insn[frame] = i + 1;
		back_sub[frame] = sub;
		sub = (u32)next;
		i = env->subs[sub].start;
		tail |= env->subs[sub].tail_call;
		if (++frame >= VRF_FRAMES) {
			bpfshim_v_log(env, "the call stack of %d frames is too deep !\n", frame);
			return -E2BIG;
		}
		if (++env->processed % 4096 == 0) {
			int err = env->ops->resched(env->cookie);

			if (err)
				return err;
			if (env->processed > 4 * BPFSHIM_VRF_MAX_INSNS)
				return -E2BIG;
		}
		goto enter;
	}
	if (tail)
		for (j = 0; j < frame; j++)
			env->subs[back_sub[j]].tail_reach = true;
	if (!frame)
		return 0;
	depth -= frame_size(&env->subs[sub]);
	frame--;
	i = back_insn[frame];
	sub = back_sub[frame];
	goto resume;
}

int bpfshim_v_check_stack_depth(struct vrf_env *env)
{
	u32 i, processed = env->processed;
	int err = 0;

	for (i = 0; i < env->nr_subs && !err; i++)
		if (!i || env->subs[i].async_cb)
			err = check_depth(env, i);
	env->processed = processed;
	return err;
}
