// SPDX-License-Identifier: GPL-2.0
/*
 * The control-flow graph, walked once depth first: everything is reachable,
 * no call recurses; where paths meet states will be compared, and where the
 * order of instructions is not the code's, history is kept.
 */
#include "env.h"

enum { NEW = 0, FOUND = 0x10, FELL = 0x11, BRANCHED = 0x12, DONE = 0x20 };

struct walk {
	u8 *state;
	u32 *stack;
	u32 top;
};

/* An edge t -> w. 1: w is to be walked first, 0: nothing to do there. */
static int edge(struct vrf_env *env, struct walk *k, u32 t, s64 w, u8 label, bool loop_ok)
{
	if (k->state[t] >= label)
		return 0;
	if (w < 0 || w >= env->len) {
		bpfshim_v_log_line(env, t, "");
		bpfshim_v_log(env, "jump out of range from insn %d to %d\n", t, (s32)w);
		return -EINVAL;
	}
	if (label == BRANCHED) {
		env->aux[w].prune = true;
		env->aux[w].jmp = true;
	}
	if (k->state[w] == NEW) {
		k->state[t] = label;
		k->state[w] = FOUND;
		if (k->top >= env->len)
			return -E2BIG;
		k->stack[k->top++] = (u32)w;
		return 1;
	}
	if (k->state[w] == DONE) {
		k->state[t] = label;
		return 0;
	}
	if (loop_ok && !env->unpriv)
		return 0;
	bpfshim_v_log_line(env, t, "");
	bpfshim_v_log_line(env, (u32)w, "");
	bpfshim_v_log(env, "back-edge from insn %d to %d\n", t, (s32)w);
	return -EINVAL;
}

static int visit_call(struct vrf_env *env, struct walk *k, u32 t, bool callee)
{
	const struct bpfshim_insn *in = &env->insns[t];
	u32 next = t + (vrf_is_ldimm64(in) ? 2 : 1);
	int ret = edge(env, k, t, next, FELL, false);

	if (ret)
		return ret;
	env->aux[next].prune = true;
	env->aux[next].jmp = true;	/* reached from the callee's exit */
	if (!callee)
		return 0;
	env->aux[t].prune = true;
	return edge(env, k, t, (s64)t + in->imm + 1, BRANCHED, vrf_is_pseudo_func(in));
}

static int visit(struct vrf_env *env, struct walk *k, u32 t)
{
	const struct bpfshim_insn *in = &env->insns[t];
	u8 class = BPFSHIM_CLASS(in->code);
	s64 to;
	int ret;

	if (vrf_is_pseudo_func(in))
		return visit_call(env, k, t, true);
	if (class != BPFSHIM_JMP && class != BPFSHIM_JMP32)
		return edge(env, k, t, (s64)t + (vrf_is_ldimm64(in) ? 2 : 1), FELL, false);
	switch (BPFSHIM_OP(in->code)) {
	case BPFSHIM_EXIT:
		return 0;
	case BPFSHIM_CALL:
		/* Compare before a callback is started once more. */
		if (bpfshim_v_is_cb_helper(in->imm) && !in->src_reg)
			env->aux[t].prune = true;
		return visit_call(env, k, t, in->src_reg == BPFSHIM_PSEUDO_CALL);
	case BPFSHIM_JA:
		if (BPFSHIM_SRC(in->code))
			return -EINVAL;
		to = (s64)t + 1 + (class == BPFSHIM_JMP ? in->off : in->imm);
		ret = edge(env, k, t, to, FELL, true);
		if (ret)
			return ret;
		env->aux[to].prune = true;
		env->aux[to].jmp = true;
		return 0;
	default:
		env->aux[t].prune = true;
		ret = edge(env, k, t, (s64)t + 1, FELL, true);
		return ret ? ret : edge(env, k, t, (s64)t + 1 + in->off, BRANCHED, true);
	}
}

int bpfshim_v_check_cfg(struct vrf_env *env)
{
	struct walk k;
	u32 i, t, n = 0;
	int ret = 0;

	k.state = bpfshim_v_zalloc(env, env->len + 1);
	k.stack = bpfshim_v_alloc(env, (env->len + 1) * sizeof(*k.stack));
	if (!k.state || !k.stack)
		return -ENOMEM;
	k.state[0] = FOUND;
	k.stack[0] = 0;
	k.top = 1;
	while (k.top) {
		t = k.stack[k.top - 1];
		ret = visit(env, &k, t);
		if (ret < 0)
			return ret;
		if (!ret) {
			k.state[t] = DONE;
			k.top--;
		}
		if (++n % 16384 == 0) {
			ret = env->ops->resched(env->cookie);
			if (ret)
				return ret;
		}
	}
	for (i = 0; i < env->len; i++) {
		if (k.state[i] != DONE) {
			bpfshim_v_log(env, "unreachable insn %d\n", i);
			return -EINVAL;
		}
		if (vrf_is_ldimm64(&env->insns[i])) {
			if (k.state[i + 1] != NEW) {
				bpfshim_v_log(env, "jump into the middle of ldimm64 insn %d\n", i);
				return -EINVAL;
			}
			i++;
		}
	}
	bpfshim_v_free(env, k.stack, (env->len + 1) * sizeof(*k.stack));
	bpfshim_v_free(env, k.state, env->len + 1);
	return 0;
}
