// SPDX-License-Identifier: GPL-2.0
/* The program's shape: subprograms, reachability, live registers, stack depth. */
#include "env.h"

static bool is_jump(u8 class)
{
	return class == BPFSHIM_JMP || class == BPFSHIM_JMP32;
}

static bool is_ldimm64(const struct bpfshim_insn *i)
{
	return i->code == (BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW);
}

static bool is_bpf_call(const struct bpfshim_insn *i)
{
	return i->code == (BPFSHIM_JMP | BPFSHIM_CALL) && i->src_reg == BPFSHIM_PSEUDO_CALL;
}

s32 bpfshim_ver_subprog_starting(struct vrf_env *env, u32 insn)
{
	u32 i;

	for (i = 0; i < env->nr_subs; i++)
		if (env->subs[i].start == insn)
			return (s32)i;
	return -1;
}

u32 bpfshim_ver_subprog_of(struct vrf_env *env, u32 insn)
{
	u32 i;

	for (i = env->nr_subs; i-- > 1; )
		if (env->subs[i].start <= insn)
			return i;
	return 0;
}

static int add_subprog(struct vrf_env *env, s64 start)
{
	u32 i;

	if (start < 0 || start >= env->len) {
		bpfshim_ver_log(env, "call to invalid destination\n");
		return -EINVAL;
	}
	if (bpfshim_ver_subprog_starting(env, (u32)start) >= 0)
		return 0;
	if (env->nr_subs >= BPFSHIM_VRF_MAX_SUBPROGS) {
		bpfshim_ver_log(env, "too many subprograms\n");
		return -E2BIG;
	}
	/* sorted by start */
	for (i = env->nr_subs; i > 0 && env->subs[i - 1].start > (u32)start; i--)
		env->subs[i] = env->subs[i - 1];
	memset(&env->subs[i], 0, sizeof(env->subs[i]));
	env->subs[i].start = (u32)start;
	env->subs[i].func_info = ~0u;
	env->nr_subs++;
	return 0;
}

int bpfshim_ver_find_subprogs(struct vrf_env *env)
{
	u32 i, s;
	int err;

	err = add_subprog(env, 0);
	for (i = 0; i < env->len && !err; i++) {
		const struct bpfshim_insn *in = &env->insns[i];

		if (is_bpf_call(in))
			err = add_subprog(env, (s64)i + 1 + in->imm);
		else if (is_ldimm64(in) && in->src_reg == BPFSHIM_PSEUDO_FUNC)
			err = add_subprog(env, (s64)i + 1 + in->imm);
		if (is_ldimm64(in))
			i++;
	}
	if (err)
		return err;
	for (s = 0; s < env->nr_subs; s++)
		env->subs[s].end = s + 1 < env->nr_subs ? env->subs[s + 1].start : env->len;
	/* Jumps stay in their subprogram, which does not run off its end. */
	for (s = 0; s < env->nr_subs; s++) {
		u32 start = env->subs[s].start, end = env->subs[s].end;

		for (i = start; i < end; i++) {
			const struct bpfshim_insn *in = &env->insns[i];
			u8 class = BPFSHIM_CLASS(in->code), op = BPFSHIM_OP(in->code);
			s64 to;

			if (is_jump(class) && op != BPFSHIM_CALL && op != BPFSHIM_EXIT) {
				to = (s64)i + 1 + in->off;
				if (to < start || to >= end) {
					bpfshim_ver_log(env, "jump out of range from insn %u to %lld\n", i, (long long)to);
					return -EINVAL;
				}
			}
			if (i == end - 1 && in->code != (BPFSHIM_JMP | BPFSHIM_EXIT) &&
			    in->code != (BPFSHIM_JMP | BPFSHIM_JA)) {
				bpfshim_ver_log(env, "last insn is not an exit or jmp\n");
				return -EINVAL;
			}
		}
	}
	return 0;
}

/* Successors of an instruction: 0 to 2 of them (calls: 3). */
static u32 successors(struct vrf_env *env, u32 i, u32 out[3])
{
	const struct bpfshim_insn *in = &env->insns[i];
	u8 class = BPFSHIM_CLASS(in->code), op = BPFSHIM_OP(in->code);
	u32 n = 0;

	if (is_ldimm64(in)) {
		out[n++] = i + 2;
		if (in->src_reg == BPFSHIM_PSEUDO_FUNC)
			out[n++] = i + 1 + in->imm;
		return n;
	}
	if (!is_jump(class)) {
		out[n++] = i + 1;
		return n;
	}
	if (op == BPFSHIM_EXIT)
		return 0;
	if (op == BPFSHIM_CALL) {
		out[n++] = i + 1;
		if (in->src_reg == BPFSHIM_PSEUDO_CALL)
			out[n++] = i + 1 + in->imm;
		return n;
	}
	if (op != BPFSHIM_JA)
		out[n++] = i + 1;
	out[n++] = i + 1 + in->off;
	return n;
}

/*
 * Depth first, as 6.1 walks: an edge back to an instruction still being walked
 * is a loop, which only a jump may close; falling or calling into one may not.
 */
enum { SEEN = 1, DONE = 2 };

struct cfg_walk {
	u32 *stack;
	u8 *state;
	u8 *edge;		/* next edge to follow */
	u32 top;
};

static int visit_edge(struct vrf_env *env, struct cfg_walk *w, u32 from, u32 to, bool loop_ok)
{
	if (to >= env->len) {
		bpfshim_ver_log(env, "jump out of range from insn %u to %u\n", from, to);
		return -EINVAL;
	}
	if (!w->state[to]) {
		w->state[to] = SEEN;
		w->stack[w->top++] = to;
		return 0;
	}
	if (w->state[to] == SEEN && !loop_ok) {
		bpfshim_ver_log(env, "back-edge from insn %u to %u\n", from, to);
		return -EINVAL;
	}
	return 0;
}

int bpfshim_ver_check_cfg(struct vrf_env *env)
{
	struct cfg_walk w;
	u32 i, n, out[3];
	int err = 0;

	memset(&w, 0, sizeof(w));
	w.stack = bpfshim_ver_alloc(env, (env->len + 1) * sizeof(*w.stack));
	w.state = bpfshim_ver_alloc(env, env->len);
	w.edge = bpfshim_ver_alloc(env, env->len);
	if (!w.stack || !w.state || !w.edge) {
		err = -ENOMEM;
		goto out;
	}
	w.stack[w.top++] = 0;
	w.state[0] = SEEN;
	while (w.top) {
		const struct bpfshim_insn *in;
		bool jump, loop_ok;

		i = w.stack[w.top - 1];
		in = &env->insns[i];
		n = successors(env, i, out);
		jump = is_jump(BPFSHIM_CLASS(in->code)) && BPFSHIM_OP(in->code) != BPFSHIM_CALL;
		if (w.edge[i] >= n) {
			w.state[i] = DONE;
			w.top--;
			continue;
		}
		n = w.edge[i]++;
		loop_ok = jump || (is_ldimm64(in) && n == 1);
		/* The targets of jumps, and what follows them, see states compared. */
		if (is_jump(BPFSHIM_CLASS(in->code)) || n)
			if (out[n] < env->len)
				env->aux[out[n]].prune = true;
		err = visit_edge(env, &w, i, out[n], loop_ok);
		if (err)
			goto out;
	}
	for (i = 0; i < env->len; i++) {
		if (!w.state[i]) {
			bpfshim_ver_log(env, "unreachable insn %u\n", i);
			err = -EINVAL;
			goto out;
		}
		if (is_ldimm64(&env->insns[i])) {
			if (w.state[i + 1]) {
				bpfshim_ver_log(env, "jump into the middle of ldimm64 insn %u\n", i);
				err = -EINVAL;
				goto out;
			}
			i++;
		}
	}
out:
	bpfshim_ver_free(env, w.stack, (env->len + 1) * sizeof(*w.stack));
	bpfshim_ver_free(env, w.state, env->len);
	bpfshim_ver_free(env, w.edge, env->len);
	return err;
}

/* Registers an instruction reads (use) and overwrites (def). */
static void use_def(const struct bpfshim_insn *in, u32 *use, u32 *def)
{
	u8 class = BPFSHIM_CLASS(in->code), op = BPFSHIM_OP(in->code);
	u32 src = 1u << in->src_reg, dst = 1u << in->dst_reg;

	*use = *def = 0;
	switch (class) {
	case BPFSHIM_ALU:
	case BPFSHIM_ALU64:
		*def = dst;
		if (op != BPFSHIM_MOV)
			*use = dst;
		if (BPFSHIM_SRC(in->code) && op != BPFSHIM_END)
			*use |= src;
		break;
	case BPFSHIM_LDX:
		*use = src;
		*def = dst;
		break;
	case BPFSHIM_ST:
		*use = dst;
		break;
	case BPFSHIM_STX:
		*use = dst | src;
		if (BPFSHIM_MODE(in->code) == BPFSHIM_ATOMIC && in->imm == BPFSHIM_CMPXCHG)
			*use |= 1;
		break;
	case BPFSHIM_LD:
		*def = dst;
		break;
	default:
		if (op == BPFSHIM_CALL) {
			*use = 0x3e;
			*def = 0x3f;
		} else if (op == BPFSHIM_EXIT) {
			*use = 1;
		} else if (op != BPFSHIM_JA) {
			*use = dst;
			if (BPFSHIM_SRC(in->code))
				*use |= src;
		}
	}
}

/* live = use + (live of successors - def), to a fixed point. */
int bpfshim_ver_liveness(struct vrf_env *env)
{
	bool changed = true;
	u32 i, n, k, out[3], use, def, live;

	while (changed) {
		int err = env->ops->resched(env->cookie);

		if (err)
			return err;
		changed = false;
		for (i = env->len; i-- > 0; ) {
			const struct bpfshim_insn *in = &env->insns[i];

			if (!in->code)
				continue;	/* second half of ld_imm64 */
			n = successors(env, i, out);
			if (n > 1 && (is_bpf_call(in) || is_ldimm64(in)))
				n = 1;		/* the callee has registers of its own */
			live = 0;
			for (k = 0; k < n; k++)
				live |= env->aux[out[k]].live;
			use_def(in, &use, &def);
			live = use | (live & ~def);
			/* What a call saves and does not touch stays live. */
			if (live != env->aux[i].live) {
				env->aux[i].live = (u16)live;
				changed = true;
			}
		}
	}
	return 0;
}

/*
 * Deepest chain of frames: 512 bytes in all, 256 for what tail calls, 8 frames.
 * Walks the call graph by an explicit stack of (subprogram, position).
 */
int bpfshim_ver_check_stack_depth(struct vrf_env *env)
{
	u32 ret_insn[MAX_FRAMES], ret_sub[MAX_FRAMES], depths[MAX_FRAMES];
	u32 depth = 0, frame = 0, sub = 0, i, size;
	bool tail_reachable;
	u64 steps = 0;
	s32 next;

	i = env->subs[0].start;
enter:
	size = env->subs[sub].stack ? env->subs[sub].stack : 1;
	size = (size + 31) & ~31u;
	depths[frame] = size;
	depth += size;
	tail_reachable = env->subs[sub].tail_call;
	if (depth > BPFSHIM_VRF_MAX_STACK) {
		bpfshim_ver_log(env, "combined stack size of %u calls is %u. Too large\n", frame + 1, depth);
		return -EACCES;
	}
	if (frame && tail_reachable && depth - size >= 256) {
		bpfshim_ver_log(env, "tail_calls are not allowed when call stack of previous frames is %u bytes. Too large\n",
			depth - size);
		return -EACCES;
	}
resume:
	for (; i < env->subs[sub].end; i++) {
		const struct bpfshim_insn *in = &env->insns[i];

		if (!is_bpf_call(in) && !(is_ldimm64(in) && in->src_reg == BPFSHIM_PSEUDO_FUNC))
			continue;
		if (!env->aux[i].seen)
			continue;	/* dead: it goes */
		if (++steps > BPFSHIM_VRF_MAX_INSNS) {
			bpfshim_ver_log(env, "the call graph is too complex\n");
			return -E2BIG;
		}
		next = bpfshim_ver_subprog_starting(env, i + 1 + in->imm);
		if (next < 0)
			return -EFAULT;
		if (frame + 1 >= MAX_FRAMES) {
			bpfshim_ver_log(env, "the call stack of %u frames is too deep !\n", frame + 1);
			return -E2BIG;
		}
		ret_insn[frame] = i + 1;
		ret_sub[frame] = sub;
		frame++;
		sub = (u32)next;
		i = env->subs[sub].start;
		goto enter;
	}
	if (!frame)
		return 0;
	depth -= depths[frame];
	frame--;
	i = ret_insn[frame];
	sub = ret_sub[frame];
	goto resume;
}
