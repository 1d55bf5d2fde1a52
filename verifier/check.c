// SPDX-License-Identifier: GPL-2.0
/* The walk: every path of the program, one instruction after the other. */
#include "env.h"

#define DEFAULT_MEM (256u << 20)

static int check_load(struct vrf_env *env, const struct bpfshim_insn *in)
{
	int err = bpfshim_ver_reg_read(env, in->src_reg);

	if (!err)
		err = bpfshim_ver_reg_write(env, in->dst_reg);
	if (!err)
		err = bpfshim_ver_check_mem(env, in->src_reg, in->off, in->code, false, in->dst_reg);
	return err;
}

static int check_store(struct vrf_env *env, const struct bpfshim_insn *in)
{
	int err = bpfshim_ver_reg_read(env, in->dst_reg);

	if (!err && bpfshim_ver_regs(env)[in->dst_reg].kind == K_CTX &&
	    (BPFSHIM_CLASS(in->code) == BPFSHIM_ST)) {
		bpfshim_ver_log(env, "BPF_ST stores into R%u ctx is not allowed\n", in->dst_reg);
		return -EACCES;
	}
	if (!err && BPFSHIM_CLASS(in->code) == BPFSHIM_STX)
		err = bpfshim_ver_reg_read(env, in->src_reg);
	if (!err)
		err = bpfshim_ver_check_mem(env, in->dst_reg, in->off, in->code, true,
				    BPFSHIM_CLASS(in->code) == BPFSHIM_STX ? (s32)in->src_reg : -1);
	return err;
}

static int check_atomic(struct vrf_env *env, const struct bpfshim_insn *in)
{
	struct vrf_reg *regs = bpfshim_ver_regs(env), loaded, keep;
	s32 into = -1;
	int err;

	err = bpfshim_ver_reg_read(env, in->src_reg);
	if (!err)
		err = bpfshim_ver_reg_read(env, in->dst_reg);
	if (err)
		return err;
	if (in->imm == BPFSHIM_CMPXCHG) {
		err = bpfshim_ver_reg_read(env, 0);
		if (err)
			return err;
		into = 0;
	} else if (in->imm & BPFSHIM_FETCH) {
		into = in->src_reg;
	}
	if (regs[in->dst_reg].kind == K_CTX) {
		bpfshim_ver_log(env, "BPF_ATOMIC stores into R%u ctx is not allowed\n", in->dst_reg);
		return -EACCES;
	}
	if (into >= 0) {
		err = bpfshim_ver_reg_write(env, (u32)into);
		if (err)
			return err;
	}
	/* As a load (of something unknown), then as a store of something unknown. */
	keep = regs[in->dst_reg];
	err = bpfshim_ver_check_mem(env, in->dst_reg, in->off, in->code, false, -1);
	if (err)
		return err;
	regs[in->dst_reg] = keep;
	bpfshim_ver_reg_unknown(&loaded);
	bpfshim_num_zext(&loaded.n, BPFSHIM_SIZE(in->code) == BPFSHIM_DW ? 8 : 4);
	keep = regs[in->src_reg];
	/* What is there afterwards is not known; R0 lends its place. */
	{
		struct vrf_reg r0 = regs[0], dst = regs[in->dst_reg];

		if (in->dst_reg == 0) {
			regs[in->src_reg] = loaded;
			err = bpfshim_ver_check_mem(env, in->dst_reg, in->off, in->code, true, in->src_reg);
			regs[in->src_reg] = keep;
		} else {
			regs[0] = loaded;
			err = bpfshim_ver_check_mem(env, in->dst_reg, in->off, in->code, true, 0);
			regs[0] = r0;
		}
		regs[in->dst_reg] = dst;
	}
	if (!err && into >= 0)
		regs[into] = loaded;
	return err;
}

static int check_ldimm64(struct vrf_env *env, const struct bpfshim_insn *in)
{
	struct vrf_reg *dst = &bpfshim_ver_regs(env)[in->dst_reg];
	struct vrf_insn_aux *aux = &env->aux[env->pc];
	int err = bpfshim_ver_reg_write(env, in->dst_reg);
	s32 sub;

	if (err)
		return err;
	switch (in->src_reg) {
	case 0:
		bpfshim_ver_reg_const(dst, (u32)in[0].imm | (u64)(u32)in[1].imm << 32);
		return 0;
	case BPFSHIM_PSEUDO_FUNC:
		sub = bpfshim_ver_subprog_starting(env, env->pc + 1 + in->imm);
		if (sub < 0)
			return -EFAULT;
		bpfshim_ver_reg_ptr(dst, K_FUNC);
		dst->map = (u32)sub;
		return 0;
	case BPFSHIM_PSEUDO_MAP_FD:
	case BPFSHIM_PSEUDO_MAP_IDX:
		bpfshim_ver_reg_ptr(dst, K_CONST_MAP);
		dst->map = aux->map_idx;
		return 0;
	default:
		bpfshim_ver_reg_ptr(dst, K_MAP_VALUE);
		dst->map = aux->map_idx;
		dst->off = (s32)aux->map_off;
		if (env->maps[aux->map_idx].spin_lock_off >= 0)
			dst->id = ++env->id_gen;
		return 0;
	}
}

/* One instruction. done: the path ended. */
static int check_insn(struct vrf_env *env, bool *done)
{
	const struct bpfshim_insn *in = &env->insns[env->pc];
	u8 class = BPFSHIM_CLASS(in->code), op = BPFSHIM_OP(in->code);
	int err;

	*done = false;
	err = bpfshim_ver_check_form(env, in);
	if (err)
		return err;
	switch (class) {
	case BPFSHIM_ALU:
	case BPFSHIM_ALU64:
		err = bpfshim_ver_check_alu(env, in);
		break;
	case BPFSHIM_LDX:
		err = check_load(env, in);
		break;
	case BPFSHIM_STX:
		err = BPFSHIM_MODE(in->code) == BPFSHIM_ATOMIC ?
			check_atomic(env, in) : check_store(env, in);
		break;
	case BPFSHIM_ST:
		err = check_store(env, in);
		break;
	case BPFSHIM_LD:
		err = check_ldimm64(env, in);
		if (!err) {
			env->prev_pc = env->pc;
			env->pc += 2;
			return 0;
		}
		break;
	default:
		env->jmps++;
		if (op == BPFSHIM_CALL) {
			if (in->src_reg == BPFSHIM_PSEUDO_CALL)
				return bpfshim_ver_check_call(env, in);
			if (in->src_reg == BPFSHIM_PSEUDO_KFUNC_CALL) {
				bpfshim_ver_log(env, "calling kernel function is not allowed\n");
				return -EINVAL;
			}
			err = bpfshim_ver_check_helper(env, in);
			break;
		}
		if (op == BPFSHIM_EXIT)
			return bpfshim_ver_check_exit(env, done);
		if (op == BPFSHIM_JA) {
			env->prev_pc = env->pc;
			env->pc += 1 + in->off;
			return 0;
		}
		return bpfshim_ver_check_jump(env, in);
	}
	if (err)
		return err;
	env->prev_pc = env->pc++;
	return 0;
}

static int start(struct vrf_env *env)
{
	struct vrf_frame *f;

	env->st = bpfshim_ver_state_new(env);
	f = bpfshim_ver_frame_new(env, 0, -1);
	if (!env->st || !f) {
		bpfshim_ver_frame_free(env, f);
		return -ENOMEM;
	}
	env->st->frames[0] = f;
	bpfshim_ver_reg_ptr(&f->regs[1], K_CTX);
	bpfshim_ver_reg_ptr(&f->regs[10], K_STACK);
	return 0;
}

static int walk(struct vrf_env *env)
{
	u32 level = env->prog->log_level;
	bool done;
	int err = start(env);

	while (!err) {
		if (env->pc >= env->len) {
			bpfshim_ver_log(env, "invalid insn idx %u insn_cnt %u\n", env->pc, env->len);
			return -EFAULT;
		}
		if (++env->processed > BPFSHIM_VRF_MAX_INSNS) {
			bpfshim_ver_log(env, "BPF program is too large. Processed %u insn\n", env->processed);
			return -E2BIG;
		}
		if (!(env->processed & 1023)) {
			err = env->ops->resched(env->cookie);
			if (err)
				return err;
		}
		err = bpfshim_ver_visited(env);
		if (err < 0)
			return err;
		done = err;
		err = 0;
		if (done) {
			if (level & BPFSHIM_LOG_LEVEL2)
				bpfshim_ver_log(env, "%u: safe\n", env->pc);
		} else {
			if (level & (BPFSHIM_LOG_LEVEL1 | BPFSHIM_LOG_LEVEL2)) {
				if (level & BPFSHIM_LOG_LEVEL2) {
					bpfshim_ver_log(env, "%u:", env->pc);
					bpfshim_ver_print_state(env, bpfshim_ver_cur(env));
				}
				bpfshim_ver_print_insn(env, env->pc);
			}
			env->aux[env->pc].seen = true;
			if (env->insns[env->pc].code == (BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW))
				env->aux[env->pc + 1].seen = true;
			err = check_insn(env, &done);
			if (err)
				return err;
		}
		if (done) {
			bpfshim_ver_path_end(env, env->st);
			bpfshim_ver_state_free(env, env->st);
			env->st = NULL;
			if (!bpfshim_ver_pop(env))
				return 0;
			if (level & BPFSHIM_LOG_LEVEL2)
				bpfshim_ver_log(env, "\nfrom %u to %u:\n", env->prev_pc, env->pc);
		}
	}
	return err;
}

static void print_stats(struct vrf_env *env)
{
	struct bpfshim_vrf_result *r = env->res;
	u32 i;

	if (env->prog->log_level & BPFSHIM_LOG_STATS) {
		bpfshim_ver_log(env, "verification time %llu usec\n", (unsigned long long)r->time_ns / 1000);
		bpfshim_ver_log(env, "stack depth ");
		for (i = 0; i < env->nr_subs; i++)
			bpfshim_ver_log(env, "%u%s", env->subs[i].stack, i + 1 < env->nr_subs ? "+" : "");
		bpfshim_ver_log(env, "\n");
	}
	bpfshim_ver_log(env, "processed %u insns (limit %u) max_states_per_insn %u total_states %u peak_states %u mark_read %u\n",
		r->insn_processed, BPFSHIM_VRF_MAX_INSNS, r->max_states_per_insn,
		r->total_states, r->peak_states, r->longest_mark_read_walk);
}

static void cleanup(struct vrf_env *env)
{
	struct vrf_state *st, *next;
	u32 i;

	bpfshim_ver_state_free(env, env->st);
	for (st = env->pending; st; st = next) {
		next = st->next;
		bpfshim_ver_state_free(env, st);
	}
	if (env->explored) {
		for (i = 0; i <= env->len; i++) {
			for (st = env->explored[i]; st; st = next) {
				next = st->next;
				bpfshim_ver_state_free(env, st);
			}
		}
	}
	for (st = env->evicted; st; st = next) {
		next = st->next;
		bpfshim_ver_state_free(env, st);
	}
	bpfshim_ver_free(env, env->explored, (env->len + 1) * sizeof(*env->explored));
	bpfshim_ver_free(env, env->subs, BPFSHIM_VRF_MAX_SUBPROGS * sizeof(*env->subs));
	bpfshim_ver_free(env, env->maps, (BPFSHIM_VRF_MAX_USED_MAPS + 1) * sizeof(*env->maps));
	bpfshim_ver_free(env, env->aux, (env->len + 1) * sizeof(*env->aux));
	bpfshim_ver_free(env, env->insns, env->len * sizeof(*env->insns));
}

static int prepare(struct vrf_env *env)
{
	const struct bpfshim_vrf_prog *p = env->prog;

	env->len = p->len;
	env->insns = bpfshim_ver_alloc(env, p->len * sizeof(*env->insns));
	env->aux = bpfshim_ver_alloc(env, (p->len + 1) * sizeof(*env->aux));
	env->maps = bpfshim_ver_alloc(env, (BPFSHIM_VRF_MAX_USED_MAPS + 1) * sizeof(*env->maps));
	env->subs = bpfshim_ver_alloc(env, BPFSHIM_VRF_MAX_SUBPROGS * sizeof(*env->subs));
	env->explored = bpfshim_ver_alloc(env, (p->len + 1) * sizeof(*env->explored));
	if (!env->insns || !env->aux || !env->maps || !env->subs || !env->explored)
		return -ENOMEM;
	memcpy(env->insns, p->insns, p->len * sizeof(*env->insns));
	env->ctx = bpfshim_ver_ctx_of(p->prog_type);
	if (!env->ctx)
		return -EINVAL;
	return 0;
}

int bpfshim_verify(const struct bpfshim_vrf_prog *prog, const struct bpfshim_vrf_ops *ops,
		   void *cookie, struct bpfshim_vrf_result *result)
{
	u64 begin = ops->now_ns(cookie);
	struct vrf_env *env;
	int err;

	memset(result, 0, sizeof(*result));
	if (!prog->len || prog->len > BPFSHIM_VRF_MAX_INSNS)
		return -E2BIG;
	env = ops->alloc(cookie, sizeof(*env));
	if (!env)
		return -ENOMEM;
	env->prog = prog;
	env->ops = ops;
	env->cookie = cookie;
	env->res = result;
	env->mem_max = prog->mem_limit ? prog->mem_limit : DEFAULT_MEM;

	err = prepare(env);
	if (!err)
		err = bpfshim_ver_find_subprogs(env);
	if (!err)
		err = bpfshim_ver_check_info(env);
	if (!err)
		err = bpfshim_ver_check_insns(env);
	if (!err)
		err = bpfshim_ver_check_cfg(env);
	if (!err)
		err = bpfshim_ver_liveness(env);
	if (!err)
		err = walk(env);
	if (!err)
		err = bpfshim_ver_check_stack_depth(env);
	if (!err)
		err = bpfshim_ver_fixup(env);

	result->insn_processed = env->processed;
	result->total_states = env->total_states;
	result->peak_states = env->peak_states;
	result->time_ns = ops->now_ns(cookie) - begin;
	result->peak_mem = env->mem_peak;
	if (prog->log_level)
		print_stats(env);
	cleanup(env);
	ops->free(cookie, env);
	if (err)
		bpfshim_vrf_result_free(result, ops, cookie);
	return err;
}

void bpfshim_vrf_result_free(struct bpfshim_vrf_result *r, const struct bpfshim_vrf_ops *ops, void *cookie)
{
	if (r->insns)
		ops->free(cookie, r->insns);
	if (r->aux)
		ops->free(cookie, r->aux);
	if (r->subprogs)
		ops->free(cookie, r->subprogs);
	if (r->line_info)
		ops->free(cookie, r->line_info);
	r->insns = NULL;
	r->aux = NULL;
	r->subprogs = NULL;
	r->line_info = NULL;
	r->len = r->nr_subprogs = r->nr_line_info = 0;
}
