// SPDX-License-Identifier: GPL-2.0
/* BPF functions: calls, returns, and the end of a program. */
#include "env.h"

/* ---- in --------------------------------------------------------------- */

/* A frame on top of the running one; its registers are the caller's to fill. */
struct vrf_frame *bpfshim_v_frame_push(struct vrf_env *env, u32 sub, s32 callsite)
{
	struct vrf_state *st = env->st;
	struct vrf_frame *f;
	u32 no = st->cur + 1;

	f = bpfshim_v_frame_new(env, sub, callsite, no);
	if (!f)
		return NULL;
	st->frames[no] = f;
	/* Nothing in it was there before, but for the arguments. */
	st->written.reg[no] = (u16)(~VRF_ARGS | (st->written.reg[st->cur] & VRF_ARGS));
	st->written.slot[no] = VRF_U64_MAX;
	return f;
}

int bpfshim_v_depth_ok(struct vrf_env *env)
{
	if (env->st->cur + 1 < VRF_FRAMES)
		return 0;
	bpfshim_v_log(env, "the call stack of %d frames is too deep\n", env->st->cur + 2);
	return -E2BIG;
}

void bpfshim_v_log_enter(struct vrf_env *env)
{
	struct vrf_state *st = env->st;

	if (!vrf_logging(env))
		return;
	bpfshim_v_log(env, "caller:\n");
	bpfshim_v_print_state(env, st, st->cur - 1, true);
	bpfshim_v_log(env, "callee:\n");
	bpfshim_v_print_state(env, st, st->cur, true);
}

int bpfshim_v_call(struct vrf_env *env, const struct bpfshim_insn *in)
{
	s32 sub = bpfshim_v_sub_at(env, env->pc + 1 + (u32)in->imm);
	struct vrf_reg *regs = vrf_regs(env);
	struct vrf_frame *f;
	int err;

	if (sub < 0)
		return -EFAULT;
	err = bpfshim_v_depth_ok(env);
	if (err)
		return err;
	if (env->subs[sub].linkage == VRF_LINK_GLOBAL) {
		err = bpfshim_v_call_args(env, (u32)sub);
		if (err) {
			bpfshim_v_log(env, "Caller passes invalid args into func#%d\n", sub);
			return err;
		}
		if (vrf_logging(env))
			bpfshim_v_log(env, "Func#%d is global and valid. Skipping.\n", sub);
		bpfshim_v_clobber(env);
		bpfshim_v_reg_unknown(&vrf_regs(env)[0]);
		env->pc++;
		return env->subs[sub].changes_pkt ? bpfshim_v_forget_packet(env) : 0;
	}
	f = bpfshim_v_frame_push(env, (u32)sub, (s32)env->pc);
	if (!f)
		return -ENOMEM;
	memcpy(&f->regs[1], &regs[1], 5 * sizeof(*regs));
	f->async_entry = vrf_cur(env)->async_entry;
	bpfshim_v_clobber(env);
	env->st->cur++;
	bpfshim_v_log_enter(env);
	env->pc = env->subs[sub].start;
	return 0;
}

/* ---- out -------------------------------------------------------------- */

/* What was acquired here must be gone when the program, or a callback, ends. */
int bpfshim_v_ref_leak(struct vrf_env *env)
{
	const struct vrf_state *st = env->st;
	const struct vrf_frame *f = vrf_cur(env);
	int err = 0;
	u32 i;

	if (f->frameno && !f->in_cb)
		return 0;
	for (i = 0; i < st->nr_refs; i++) {
		if (f->in_cb && st->refs[i].cb_frame != f->frameno)
			continue;
		bpfshim_v_log(env, "Unreleased reference id=%d alloc_insn=%d\n", st->refs[i].id, st->refs[i].insn);
		err = -EINVAL;
	}
	return err;
}

void bpfshim_v_bad_scalar(struct vrf_env *env, const struct vrf_reg *r, struct bpfshim_tnum range,
			  const char *where)
{
	bpfshim_v_log(env, "At %s the register R0 ", where);
	if (r->n.t.mask != VRF_U64_MAX)
		bpfshim_v_log(env, "has value %s", bpfshim_v_tnum_str(env, r->n.t));
	else
		bpfshim_v_log(env, "has unknown scalar value");
	bpfshim_v_log(env, " should have been in %s\n", bpfshim_v_tnum_str(env, range));
}

/* Back to the caller; the running frame goes. */
int bpfshim_v_frame_pop(struct vrf_env *env)
{
	struct vrf_state *st = env->st;
	struct vrf_frame *f = vrf_cur(env);
	s32 callsite = f->callsite;

	if (vrf_logging(env)) {
		bpfshim_v_log(env, "returning from callee:\n");
		bpfshim_v_print_state(env, st, st->cur, true);
		bpfshim_v_log(env, "to caller at %d:\n", callsite + 1);
		bpfshim_v_print_state(env, st, st->cur - 1, true);
	}
	bpfshim_v_frame_put(env, f);
	st->frames[st->cur--] = NULL;
	env->pc = (u32)callsite + 1;
	return bpfshim_v_frame_rw(env, st, st->cur) ? 0 : -ENOMEM;
}

int bpfshim_v_func_exit(struct vrf_env *env)
{
	struct vrf_state *st = env->st;
	struct vrf_reg *r0 = &vrf_regs(env)[0];
	struct vrf_frame *caller;

	if (r0->kind == VK_STACK) {
		bpfshim_v_log(env, "cannot return stack pointer to the caller\n");
		return -EINVAL;
	}
	if (vrf_cur(env)->in_cb)
		return bpfshim_v_callback_exit(env);
	caller = bpfshim_v_frame_rw(env, st, st->cur - 1);
	if (!caller)
		return -ENOMEM;
	bpfshim_v_live_read(env, st, st->cur, 1, 0);
	caller->regs[0] = *r0;
	st->written.reg[st->cur - 1] |= 1;
	return bpfshim_v_frame_pop(env);
}

static struct bpfshim_tnum range(u64 lo, u64 hi)
{
	return bpfshim_tnum_range(lo, hi);
}

/* What R0 may be when a program of this type ends; false: anything. */
static bool return_range(const struct vrf_env *env, struct bpfshim_tnum *r, int *err)
{
	u32 at = env->attach_type;

	*err = 0;
	*r = range(0, 1);
	switch (env->prog_type) {
	case BPFSHIM_PROG_TYPE_CGROUP_SOCK_ADDR:
		if (at == BPFSHIM_CGROUP_UDP4_RECVMSG || at == BPFSHIM_CGROUP_UDP6_RECVMSG ||
		    at == BPFSHIM_CGROUP_INET4_GETPEERNAME || at == BPFSHIM_CGROUP_INET6_GETPEERNAME ||
		    at == BPFSHIM_CGROUP_INET4_GETSOCKNAME || at == BPFSHIM_CGROUP_INET6_GETSOCKNAME)
			*r = range(1, 1);
		else if (at == BPFSHIM_CGROUP_INET4_BIND || at == BPFSHIM_CGROUP_INET6_BIND)
			*r = range(0, 3);
		return true;
	case BPFSHIM_PROG_TYPE_CGROUP_SKB:
		if (at == BPFSHIM_CGROUP_INET_EGRESS)
			*r = range(0, 3);
		return true;
	case BPFSHIM_PROG_TYPE_CGROUP_SOCK:
	case BPFSHIM_PROG_TYPE_SOCK_OPS:
	case BPFSHIM_PROG_TYPE_CGROUP_DEVICE:
	case BPFSHIM_PROG_TYPE_CGROUP_SYSCTL:
	case BPFSHIM_PROG_TYPE_CGROUP_SOCKOPT:
	case BPFSHIM_PROG_TYPE_SK_LOOKUP:
		return true;
	case BPFSHIM_PROG_TYPE_TRACING:
		if (at == BPFSHIM_TRACE_FENTRY || at == BPFSHIM_TRACE_FEXIT) {
			*r = range(0, 0);
			return true;
		}
		if (at == BPFSHIM_TRACE_ITER)
			return true;
		if (at != BPFSHIM_TRACE_RAW_TP && at != BPFSHIM_MODIFY_RETURN)
			*err = -ENOTSUPP;
		return false;
	}
	return false;
}

static int not_number(struct vrf_env *env, const char *where)
{
	bpfshim_v_log(env, "%s (%s)\n", where, vrf_type_str(env, &vrf_regs(env)[0]));
	return -EINVAL;
}

int bpfshim_v_check_return(struct vrf_env *env)
{
	const struct vrf_frame *f = env->st->frames[0];
	const struct vrf_reg *r0 = &vrf_regs(env)[0];
	struct bpfshim_tnum r;
	int err = bpfshim_v_read(env, 0);

	if (err)
		return err;
	if (vrf_leaks(env, r0)) {
		bpfshim_v_log(env, "R0 leaks addr as return value\n");
		return -EACCES;
	}
	if (f->in_async) {
		if (r0->kind != VK_SCALAR)
			return not_number(env, "In async callback the register R0 is not a known value");
		if (!bpfshim_tnum_in(range(0, 0), r0->n.t)) {
			bpfshim_v_bad_scalar(env, r0, range(0, 0), "async callback");
			return -EINVAL;
		}
		return 0;
	}
	if (f->subprog) {
		if (r0->kind != VK_SCALAR)
			return not_number(env, "At subprogram exit the register R0 is not a scalar value");
		return 0;
	}
	if (!return_range(env, &r, &err))
		return err;
	if (r0->kind != VK_SCALAR)
		return not_number(env, "At program exit the register R0 is not a known value");
	if (!bpfshim_tnum_in(r, r0->n.t)) {
		bpfshim_v_bad_scalar(env, r0, r, "program exit");
		return -EINVAL;
	}
	/* Another path with another number must not be taken for this one. */
	return bpfshim_v_precise(env, 0);
}

int bpfshim_v_exit(struct vrf_env *env, bool *done)
{
	int err;

	if (env->st->lock_id) {
		bpfshim_v_log(env, "bpf_spin_unlock is missing\n");
		return -EINVAL;
	}
	err = bpfshim_v_ref_leak(env);
	if (err)
		return err;
	if (env->st->cur)
		return bpfshim_v_func_exit(env);
	err = bpfshim_v_check_return(env);
	*done = true;
	return err;
}

/* ---- old packet loads ------------------------------------------------- */

int bpfshim_v_ld_abs(struct vrf_env *env, const struct bpfshim_insn *in)
{
	u8 mode = BPFSHIM_MODE(in->code);
	struct vrf_reg *r6;
	int err;

	/* It becomes a call of a helper of the driver's own. */
	if ((env->prog->helper_avail &&
	     !((env->prog->helper_avail[BPFSHIM_XHELPER_LOAD_BYTE / 64] >> (BPFSHIM_XHELPER_LOAD_BYTE % 64)) & 1)) ||
	    (env->prog_type != BPFSHIM_PROG_TYPE_SOCKET_FILTER &&
	    env->prog_type != BPFSHIM_PROG_TYPE_SCHED_CLS && env->prog_type != BPFSHIM_PROG_TYPE_SCHED_ACT)) {
		bpfshim_v_log(env, "BPF_LD_[ABS|IND] instructions not allowed for this program type\n");
		return -EINVAL;
	}
	if (in->dst_reg || in->off || BPFSHIM_SIZE(in->code) == BPFSHIM_DW ||
	    (mode == BPFSHIM_ABS && in->src_reg)) {
		bpfshim_v_log(env, "BPF_LD_[ABS|IND] uses reserved fields\n");
		return -EINVAL;
	}
	err = bpfshim_v_read(env, BPFSHIM_REG_6);
	if (err)
		return err;
	/* It may end the program. */
	err = bpfshim_v_ref_leak(env);
	if (err) {
		bpfshim_v_log(env, "BPF_LD_[ABS|IND] cannot be mixed with socket references\n");
		return err;
	}
	if (env->st->lock_id) {
		bpfshim_v_log(env, "BPF_LD_[ABS|IND] cannot be used inside bpf_spin_lock-ed region\n");
		return -EINVAL;
	}
	r6 = &vrf_regs(env)[BPFSHIM_REG_6];
	if (r6->kind != VK_CTX) {
		bpfshim_v_log(env, "at the time of BPF_LD_ABS|IND R6 != pointer to skb\n");
		return -EINVAL;
	}
	if (mode == BPFSHIM_IND) {
		err = bpfshim_v_read(env, in->src_reg);
		if (err)
			return err;
	}
	err = bpfshim_v_ptr_off(env, r6, BPFSHIM_REG_6, false);
	if (err)
		return err;
	bpfshim_v_clobber(env);
	bpfshim_v_reg_unknown(&vrf_regs(env)[0]);
	env->pc++;
	if (!env->st->cur)
		return 0;
	/* In a function: past the packet's end it returns 0 to its caller. */
	if (!bpfshim_v_push(env, env->st, env->pc, (s32)env->pc - 1))
		return env->oom ? -ENOMEM : -EFAULT;
	env->pc--;
	bpfshim_v_reg_const(&vrf_regs(env)[0], 0);
	return bpfshim_v_func_exit(env);
}
