// SPDX-License-Identifier: GPL-2.0
/* The walk: every path of the program, one instruction after the other. */
#include "env.h"

#define DEFAULT_MEM	(256u << 20)
#define RESCHED_EVERY	1024u
#define MAX_UNPRIV	4096u	/* instructions of an unprivileged user's program */

/* ---- loads, stores ---------------------------------------------------- */

/* Where one instruction meets several kinds of pointers its rewriting must
 * not depend on which. */
static bool sensitive(u32 kind)
{
	return kind == VK_CTX || kind == VK_BTF_ID || (kind >= VK_SOCK && kind <= VK_XDP_SOCK);
}

static bool differ(const struct vrf_base *a, u32 kind, u32 flags)
{
	return a->kind != VK_NONE && (a->kind != kind || a->flags != flags) && (sensitive(kind) || sensitive(a->kind));
}

/*
 * What a mispredicted path brings along is kept apart, as it must not refuse
 * a path that is real: where the two differ, such a path ends.
 */
static int same_kind(struct vrf_env *env, u32 kind, u32 flags)
{
	struct vrf_aux *aux = &env->aux[env->pc];
	bool spec = env->st->spec && !env->unpriv;
	struct vrf_base *base = spec ? &aux->spec_base : &aux->base;

	if (differ(&aux->base, kind, flags) || (spec && differ(&aux->spec_base, kind, flags))) {
		bpfshim_v_log(env, "same insn cannot be used with different pointers\n");
		return -EINVAL;
	}
	if (!spec && differ(&aux->spec_base, kind, flags))
		bpfshim_v_barrier(env, env->pc);
	if (base->kind == VK_NONE) {
		base->kind = (u8)kind;
		base->flags = (u8)flags;
	}
	return 0;
}

static int load(struct vrf_env *env, const struct bpfshim_insn *in)
{
	u32 kind, flags;
	int err = bpfshim_v_read(env, in->src_reg);

	if (!err)
		err = bpfshim_v_write(env, in->dst_reg);
	if (err)
		return err;
	kind = vrf_regs(env)[in->src_reg].kind;
	flags = vrf_regs(env)[in->src_reg].flags;
	err = bpfshim_v_mem(env, in->src_reg, in->off, vrf_size(in->code), false, in->dst_reg, false);
	return err ? err : same_kind(env, kind, flags);
}

static int store_reg(struct vrf_env *env, const struct bpfshim_insn *in)
{
	u32 kind, flags;
	int err;

	if (BPFSHIM_MODE(in->code) != BPFSHIM_MEM || in->imm) {
		bpfshim_v_log(env, "BPF_STX uses reserved fields\n");
		return -EINVAL;
	}
	err = bpfshim_v_read(env, in->src_reg);
	if (!err)
		err = bpfshim_v_read(env, in->dst_reg);
	if (err)
		return err;
	kind = vrf_regs(env)[in->dst_reg].kind;
	flags = vrf_regs(env)[in->dst_reg].flags;
	err = bpfshim_v_mem(env, in->dst_reg, in->off, vrf_size(in->code), true, in->src_reg, false);
	return err ? err : same_kind(env, kind, flags);
}

static int store_imm(struct vrf_env *env, const struct bpfshim_insn *in)
{
	int err;

	if (BPFSHIM_MODE(in->code) != BPFSHIM_MEM || in->src_reg) {
		bpfshim_v_log(env, "BPF_ST uses reserved fields\n");
		return -EINVAL;
	}
	err = bpfshim_v_read(env, in->dst_reg);
	if (err)
		return err;
	if (vrf_regs(env)[in->dst_reg].kind == VK_CTX) {
		bpfshim_v_log(env, "BPF_ST stores into R%d %s is not allowed\n", in->dst_reg, "ctx");
		return -EACCES;
	}
	return bpfshim_v_mem(env, in->dst_reg, in->off, vrf_size(in->code), true, -1, false);
}

static int leaks_into_mem(struct vrf_env *env, u32 regno)
{
	bpfshim_v_log(env, "R%d leaks addr into mem\n", regno);
	return -EACCES;
}

static int atomic(struct vrf_env *env, const struct bpfshim_insn *in)
{
	const struct vrf_reg *dst;
	u32 size = vrf_size(in->code);
	s32 into = -1;
	int err;

	switch (in->imm) {
	case BPFSHIM_ADD: case BPFSHIM_ADD | BPFSHIM_FETCH: case BPFSHIM_AND: case BPFSHIM_AND | BPFSHIM_FETCH:
	case BPFSHIM_OR: case BPFSHIM_OR | BPFSHIM_FETCH: case BPFSHIM_XOR: case BPFSHIM_XOR | BPFSHIM_FETCH:
	case BPFSHIM_XCHG: case BPFSHIM_CMPXCHG:
		break;
	default:
		bpfshim_v_log(env, "BPF_ATOMIC uses invalid atomic opcode %02x\n", (u32)in->imm);
		return -EINVAL;
	}
	if (size < 4) {
		bpfshim_v_log(env, "invalid atomic operand size\n");
		return -EINVAL;
	}
	err = bpfshim_v_read(env, in->src_reg);
	if (!err)
		err = bpfshim_v_read(env, in->dst_reg);
	if (!err && in->imm == BPFSHIM_CMPXCHG) {
		err = bpfshim_v_read(env, 0);
		if (!err && vrf_leaks(env, &vrf_regs(env)[0]))
			err = leaks_into_mem(env, 0);
	}
	if (!err && vrf_leaks(env, &vrf_regs(env)[in->src_reg]))
		err = leaks_into_mem(env, in->src_reg);
	if (err)
		return err;
	dst = &vrf_regs(env)[in->dst_reg];
	if (dst->kind == VK_CTX || vrf_is_pkt(dst) || dst->kind == VK_FLOW_KEYS || vrf_is_sk(dst)) {
		bpfshim_v_log(env, "BPF_ATOMIC stores into R%d %s is not allowed\n", in->dst_reg, vrf_type_str(env, dst));
		return -EACCES;
	}
	if (in->imm & BPFSHIM_FETCH)
		into = in->imm == BPFSHIM_CMPXCHG ? 0 : (s32)in->src_reg;
	/* What the old value goes to is no base any more, should it have been. */
	if (into >= 0) {
		err = bpfshim_v_write(env, (u32)into);
		if (err)
			return err;
		bpfshim_v_reg_unknown(&vrf_regs(env)[into]);
	}
	/* A load of anything, the load of the old value, a store of anything. */
	err = bpfshim_v_mem(env, in->dst_reg, in->off, size, false, -1, true);
	if (!err && into >= 0)
		err = bpfshim_v_mem(env, in->dst_reg, in->off, size, false, into, true);
	return err ? err : bpfshim_v_mem(env, in->dst_reg, in->off, size, true, -1, true);
}

static int load_imm64(struct vrf_env *env, const struct bpfshim_insn *in)
{
	const struct vrf_aux *aux = &env->aux[env->pc];
	struct vrf_reg *dst;
	s32 sub;
	int err;

	if (BPFSHIM_SIZE(in->code) != BPFSHIM_DW) {
		bpfshim_v_log(env, "invalid BPF_LD_IMM insn\n");
		return -EINVAL;
	}
	if (in->off) {
		bpfshim_v_log(env, "BPF_LD_IMM64 uses reserved fields\n");
		return -EINVAL;
	}
	err = bpfshim_v_write(env, in->dst_reg);
	if (err)
		return err;
	dst = &vrf_regs(env)[in->dst_reg];
	switch (in->src_reg) {
	case 0:
		bpfshim_v_reg_const(dst, (u64)(u32)in[1].imm << 32 | (u32)in->imm);
		return 0;
	case BPFSHIM_PSEUDO_FUNC:
		sub = bpfshim_v_sub_at(env, env->pc + 1 + (u32)in->imm);
		if (!env->prog->func_info_cnt || !env->prog->btf) {
			bpfshim_v_log(env, "missing btf func_info\n");
			return -EINVAL;
		}
		if (sub < 0)
			return -EFAULT;
		if (env->subs[sub].linkage) {
			bpfshim_v_log(env, "callback function not static\n");
			return -EINVAL;
		}
		if (!sub) {
			bpfshim_v_log(env, "callback function cannot be the main program\n");
			return -EINVAL;
		}
		bpfshim_v_reg_ptr(dst, VK_FUNC, 0);
		dst->u.subprog = (u32)sub;
		return 0;
	case BPFSHIM_PSEUDO_BTF_ID:
		bpfshim_v_reg_ptr(dst, VK_BTF_ID, VF_PERCPU);
		dst->u.btf = env->kbtf;
		dst->uid = aux->var_type;
		return 0;
	case BPFSHIM_PSEUDO_MAP_VALUE:
	case BPFSHIM_PSEUDO_MAP_IDX_VALUE:
		bpfshim_v_reg_ptr(dst, VK_MAP_VALUE, 0);
		dst->u.map = &env->maps[aux->map_idx];
		dst->off = (s32)aux->map_off;
		if (dst->u.map->spin_lock_off >= 0)
			dst->id = ++env->id_gen;
		return 0;
	case BPFSHIM_PSEUDO_MAP_FD:
	case BPFSHIM_PSEUDO_MAP_IDX:
		bpfshim_v_reg_ptr(dst, VK_CONST_MAP, 0);
		dst->u.map = &env->maps[aux->map_idx];
		return 0;
	}
	return -EFAULT;
}

/* ---- one instruction -------------------------------------------------- */

static int check_call(struct vrf_env *env, const struct bpfshim_insn *in)
{
	if (BPFSHIM_SRC(in->code) || in->off || in->src_reg > BPFSHIM_PSEUDO_CALL || in->dst_reg ||
	    BPFSHIM_CLASS(in->code) == BPFSHIM_JMP32) {
		bpfshim_v_log(env, "BPF_CALL uses reserved fields\n");
		return -EINVAL;
	}
	if (env->st->lock_id && (in->src_reg || in->imm != BPFSHIM_HELPER_spin_unlock)) {
		bpfshim_v_log(env, "function calls are not allowed while holding a lock\n");
		return -EINVAL;
	}
	return in->src_reg ? bpfshim_v_call(env, in) : bpfshim_v_helper(env, in);
}

static int check_jmp(struct vrf_env *env, const struct bpfshim_insn *in, bool *done)
{
	bool w32 = BPFSHIM_CLASS(in->code) == BPFSHIM_JMP32;

	env->jmps++;
	switch (BPFSHIM_OP(in->code)) {
	case BPFSHIM_CALL:
		return check_call(env, in);
	case BPFSHIM_JA:
		if (BPFSHIM_SRC(in->code) || in->src_reg || in->dst_reg || (w32 ? in->off : in->imm)) {
			bpfshim_v_log(env, "BPF_JA uses reserved fields\n");
			return -EINVAL;
		}
		env->pc += 1 + (u32)(w32 ? in->imm : in->off);
		return 0;
	case BPFSHIM_EXIT:
		if (BPFSHIM_SRC(in->code) || in->imm || in->src_reg || in->dst_reg || w32) {
			bpfshim_v_log(env, "BPF_EXIT uses reserved fields\n");
			return -EINVAL;
		}
		return bpfshim_v_exit(env, done);
	}
	return bpfshim_v_jump(env, in);
}

static int check_insn(struct vrf_env *env, bool *done)
{
	const struct bpfshim_insn *in = &env->insns[env->pc];
	int err;

	switch (BPFSHIM_CLASS(in->code)) {
	case BPFSHIM_ALU:
	case BPFSHIM_ALU64:
		err = bpfshim_v_alu(env, in);
		break;
	case BPFSHIM_LDX:
		err = load(env, in);
		break;
	case BPFSHIM_STX:
		err = BPFSHIM_MODE(in->code) == BPFSHIM_ATOMIC ? atomic(env, in) : store_reg(env, in);
		break;
	case BPFSHIM_ST:
		err = store_imm(env, in);
		break;
	case BPFSHIM_JMP:
	case BPFSHIM_JMP32:
		return check_jmp(env, in, done);
	default:
		if (BPFSHIM_MODE(in->code) == BPFSHIM_ABS || BPFSHIM_MODE(in->code) == BPFSHIM_IND)
			return bpfshim_v_ld_abs(env, in);
		err = load_imm64(env, in);
		env->aux[env->pc + 1].seen |= !env->st->spec;
		env->pc++;
	}
	env->pc++;
	return err;
}

/* ---- all paths -------------------------------------------------------- */

static void log_insn(struct vrf_env *env)
{
	u64 start;

	if (!vrf_logging(env))
		return;
	if (env->scratched_regs || env->scratched_slots)
		bpfshim_v_print_insn_state(env);
	bpfshim_v_log_line(env, env->pc, "; ");
	start = bpfshim_v_log_pos(env);
	bpfshim_v_log(env, "%d: ", env->pc);
	bpfshim_v_print_insn(env, &env->insns[env->pc]);
	env->prev_log_pos = bpfshim_v_log_pos(env);
	env->prev_insn_print = (u32)(env->prev_log_pos - start);
}

static const char *spec_note(const struct vrf_env *env)
{
	return env->st->spec ? " (speculative execution)" : "";
}

static void log_pruned(struct vrf_env *env, bool fresh)
{
	if (!vrf_logging(env))
		return;
	if (fresh)
		bpfshim_v_log(env, "\nfrom %d to %d%s: safe\n", env->prev_pc, env->pc, spec_note(env));
	else
		bpfshim_v_log(env, "%d: safe\n", env->pc);
}

static int walk(struct vrf_env *env)
{
	bool done, fresh = false, inner;
	u32 pc;
	int err;

	for (;;) {
		if (env->pc >= env->len) {
			bpfshim_v_log(env, "invalid insn idx %d insn_cnt %d\n", env->pc, env->len);
			return -EFAULT;
		}
		if (++env->processed > BPFSHIM_VRF_MAX_INSNS) {
			bpfshim_v_log(env, "BPF program is too large. Processed %d insn\n", env->processed);
			return -E2BIG;
		}
		if (!(env->processed % RESCHED_EVERY)) {
			err = env->ops->resched(env->cookie);
			if (err)
				return err;
		}
		pc = env->pc;
		done = bpfshim_v_spec_ends(env);
		err = done ? 0 : bpfshim_v_visited(env);
		if (bpfshim_v_spec_fails(env, err)) {
			bpfshim_v_barrier(env, pc);
			done = true;
		} else if (err < 0) {
			return err;
		} else if (err) {
			log_pruned(env, fresh);
			done = true;
		}
		if (!done) {
			if ((env->level & BPFSHIM_LOG_LEVEL2) && fresh) {
				bpfshim_v_log(env, "\nfrom %d to %d%s:", env->prev_pc, env->pc, spec_note(env));
				bpfshim_v_print_state(env, env->st, env->st->cur, true);
				fresh = false;
			}
			log_insn(env);
			/* What only misprediction reaches is not there to the program. */
			env->aux[pc].seen |= !env->st->spec;
			if (!env->st->spec)
				VRF_STEP(env);
			inner = env->st->cur;
			err = check_insn(env, &done);
			if (bpfshim_v_spec_fails(env, err)) {
				bpfshim_v_barrier(env, pc);
				done = true;
				err = 0;
			}
			if (err)
				return err;
			env->prev_pc = (s32)pc;
			if (inner && env->insns[pc].code == (BPFSHIM_JMP | BPFSHIM_EXIT))
				fresh = true;
		}
		if (!done)
			continue;
		env->scratched_regs = ~0u;
		env->scratched_slots = VRF_U64_MAX;
		bpfshim_v_path_end(env->st->parent);
		bpfshim_v_state_free(env, env->st);
		env->st = NULL;
		if (!bpfshim_v_pop(env))
			return 0;
		fresh = true;
	}
}

/* Checkpoints of one walk are of no use to the next: its entry differs. */
static void forget(struct vrf_env *env)
{
	memset(env->explored, 0, env->len * sizeof(*env->explored));
	env->pending = NULL;
	env->nr_pending = 0;
	env->st = NULL;
}

static int check_from(struct vrf_env *env, u32 sub)
{
	struct vrf_state *st = bpfshim_v_state_new(env);
	struct vrf_reg *regs;
	int err = 0;

	env->prev_line = NULL;
	if (!st)
		return -ENOMEM;
	st->frames[0] = bpfshim_v_frame_new(env, sub, -1, 0);
	if (!st->frames[0])
		return -ENOMEM;
	env->st = st;
	env->pc = env->subs[sub].start;
	env->prev_pc = -1;
	st->first_insn = env->pc;
	st->last_insn = -1;
	regs = st->frames[0]->regs;
	if (sub)
		err = bpfshim_v_func_args(env, sub, regs);
	else
		bpfshim_v_reg_ptr(&regs[1], VK_CTX, 0);
	if (!err)
		err = bpfshim_v_hist_push(env, st, 0, true);
	if (!err)
		err = walk(env);
	if (!err && !(env->level & BPFSHIM_LOG_LEVEL2))
		bpfshim_v_log_reset(env, 0);
	forget(env);
	return err;
}

static int check_all(struct vrf_env *env)
{
	u32 i;
	int err;

	for (i = 1; i < env->nr_subs; i++) {
		if (env->subs[i].linkage != VRF_LINK_GLOBAL)
			continue;
		err = check_from(env, i);
		if (err)
			return err;
		if (vrf_logging(env))
			bpfshim_v_log(env, "Func#%d is safe for any args that match its prototype\n", i);
	}
	return check_from(env, 0);
}

/* ---- beginning and end ------------------------------------------------ */

static int prepare(struct vrf_env *env)
{
	const struct bpfshim_vrf_prog *p = env->prog;

	env->len = p->len;
	env->level = env->ops->log ? p->log_level : 0;
	env->prog_type = p->prog_type;
	env->attach_type = p->expected_attach_type;
	env->kbtf = p->kernel_btf;
	env->unpriv = p->unpriv;
	env->mask = p->unpriv || p->mask;
	env->res->masked = env->mask;
	env->strict_align = (p->prog_flags & BPFSHIM_F_STRICT_ALIGNMENT) &&
			    !(p->prog_flags & BPFSHIM_F_ANY_ALIGNMENT);
	env->insns = bpfshim_v_alloc(env, p->len * sizeof(*env->insns));
	env->aux = bpfshim_v_zalloc(env, (p->len + 2) * sizeof(*env->aux));
	env->maps = bpfshim_v_zalloc(env, BPFSHIM_VRF_MAX_USED_MAPS * sizeof(*env->maps));
	env->subs = bpfshim_v_zalloc(env, (BPFSHIM_VRF_MAX_SUBPROGS + 2) * sizeof(*env->subs));
	env->explored = bpfshim_v_zalloc(env, p->len * sizeof(*env->explored));
	env->idmap = bpfshim_v_alloc(env, VRF_IDMAP * sizeof(*env->idmap));
	env->log_buf = bpfshim_v_alloc(env, 2048);
	if (!env->insns || !env->aux || !env->maps || !env->subs || !env->explored || !env->idmap ||
	    !env->log_buf)
		return -ENOMEM;
	memcpy(env->insns, p->insns, p->len * sizeof(*env->insns));
	env->ctx = bpfshim_v_ctx_ops(p->prog_type);
	return bpfshim_v_precise_prepare(env);
}

static int verify(struct vrf_env *env)
{
	int err = bpfshim_v_find_subprogs(env);

	if (!err)
		err = bpfshim_v_check_subprogs(env);
	if (!err)
		err = bpfshim_v_check_info(env);
	if (!err)
		err = bpfshim_v_attach(env);
	if (!err)
		err = bpfshim_v_resolve(env);
	if (!err)
		err = bpfshim_v_check_cfg(env);
	if (!err)
		err = check_all(env);
	if (!err) {
		bpfshim_v_spec_depths(env);
		err = bpfshim_v_check_stack_depth(env);
	}
	if (!err)
		err = bpfshim_v_fixup(env);
	return err;
}

static void print_stats(struct vrf_env *env)
{
	u32 i;

	if (env->level & BPFSHIM_LOG_STATS) {
		bpfshim_v_log(env, "verification time %lld usec\n", (long long)env->res->time_ns / 1000);
		bpfshim_v_log(env, "stack depth ");
		for (i = 0; i < env->nr_subs; i++)
			bpfshim_v_log(env, "%s%d", i ? "+" : "", env->subs[i].stack);
		bpfshim_v_log(env, "\n");
	}
	bpfshim_v_log(env, "processed %d insns (limit %d) max_states_per_insn %d total_states %d peak_states %d mark_read %d\n",
		      env->processed, BPFSHIM_VRF_MAX_INSNS, env->max_states_per_insn,
		      env->total_states, env->peak_states, env->longest_walk);
}

int bpfshim_verify(const struct bpfshim_vrf_prog *prog, const struct bpfshim_vrf_ops *ops,
		   void *cookie, struct bpfshim_vrf_result *result)
{
	u64 begin = ops->now_ns(cookie);
	struct vrf_env *env;
	int err;

	memset(result, 0, sizeof(*result));
	if (!prog->len || prog->len > (prog->unpriv ? MAX_UNPRIV : BPFSHIM_VRF_MAX_INSNS))
		return -E2BIG;
	if (prog->unpriv && prog->prog_type != BPFSHIM_PROG_TYPE_SOCKET_FILTER &&
	    prog->prog_type != BPFSHIM_PROG_TYPE_CGROUP_SKB)
		return -EPERM;
	if (!bpfshim_v_ctx_ops(prog->prog_type))
		return -EINVAL;
	env = ops->alloc(cookie, sizeof(*env));
	if (!env)
		return -ENOMEM;
	memset(env, 0, sizeof(*env));
	env->prog = prog;
	env->ops = ops;
	env->cookie = cookie;
	env->res = result;
	bpfshim_v_arena_init(&env->arena, ops, cookie, prog->mem_limit ? prog->mem_limit : DEFAULT_MEM);
	err = prepare(env);
	if (!err) {
		err = verify(env);
		if (err == -EFAULT && env->oom)
			err = -ENOMEM;
	}
	result->insn_processed = env->processed;
	result->total_states = env->total_states;
	result->peak_states = env->peak_states;
	result->max_states_per_insn = env->max_states_per_insn;
	result->longest_mark_read_walk = env->longest_walk;
	result->time_ns = ops->now_ns(cookie) - begin;
	result->peak_mem = env->arena.peak;
	if (env->log_buf) {
		print_stats(env);
		bpfshim_v_log_flush(env);
	}
	bpfshim_v_arena_done(&env->arena);
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
	r->len = 0;
	r->nr_subprogs = 0;
	r->nr_line_info = 0;
}
