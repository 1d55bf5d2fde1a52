// SPDX-License-Identifier: GPL-2.0
/* What BTF says of the program: its functions, their arguments, its lines. */
#include "env.h"

static const struct bpfshim_btf_type *strip(const struct bpfshim_vrf_btf *btf, u32 id)
{
	return bpfshim_btf_skip(btf, id, NULL);
}

static u32 kind(const struct bpfshim_btf_type *t)
{
	return t ? BPFSHIM_BTF_KIND(t->info) : 0;
}

static bool is_number(const struct bpfshim_btf_type *t)
{
	u32 k = kind(t);

	return k == BPFSHIM_BTF_INT || k == BPFSHIM_BTF_ENUM || k == BPFSHIM_BTF_ENUM64;
}

static const char *type_name(const struct bpfshim_vrf_btf *btf, const struct bpfshim_btf_type *t)
{
	const char *s = t ? bpfshim_btf_name(btf, t->name_off) : NULL;

	return s ? s : "";
}

const char *bpfshim_v_btf_type_name(const struct bpfshim_vrf_btf *btf, u32 id)
{
	return btf ? type_name(btf, bpfshim_btf_type(btf, id)) : "";
}

/* ---- records ---------------------------------------------------------- */

static int without_info(struct vrf_env *env)
{
	u32 i;

	for (i = 1; i < env->nr_subs; i++) {
		if (env->subs[i].ld_abs) {
			bpfshim_v_log(env, "LD_ABS is not allowed in subprogs without BTF\n");
			return -EINVAL;
		}
		if (env->subs[i].tail_call) {
			bpfshim_v_log(env, "tail_call is not allowed in subprogs without BTF\n");
			return -EINVAL;
		}
	}
	return 0;
}

static int check_funcs(struct vrf_env *env)
{
	const struct bpfshim_func_info *fi = env->prog->func_info;
	const struct bpfshim_vrf_btf *btf = env->prog->btf;
	const struct bpfshim_btf_type *t, *proto, *ret;
	u32 i, n = env->prog->func_info_cnt, prev = 0;
	bool small;

	if (!n || !btf)
		return without_info(env);
	if (n != env->nr_subs) {
		bpfshim_v_log(env, "number of funcs in func_info doesn't match number of subprogs\n");
		return -EINVAL;
	}
	for (i = 0; i < n; i++) {
		if (!i && fi[i].insn_off) {
			bpfshim_v_log(env, "nonzero insn_off %u for the first func info record", fi[i].insn_off);
			return -EINVAL;
		}
		if (i && fi[i].insn_off <= prev) {
			bpfshim_v_log(env, "same or smaller insn offset (%u) than previous func info record (%u)",
				      fi[i].insn_off, prev);
			return -EINVAL;
		}
		if (env->subs[i].start != fi[i].insn_off) {
			bpfshim_v_log(env, "func_info BTF section doesn't match subprog layout in BPF program\n");
			return -EINVAL;
		}
		t = bpfshim_btf_type(btf, fi[i].type_id);
		if (kind(t) != BPFSHIM_BTF_FUNC) {
			bpfshim_v_log(env, "invalid type id %d in func info", fi[i].type_id);
			return -EINVAL;
		}
		proto = bpfshim_btf_type(btf, t->size);
		if (kind(proto) != BPFSHIM_BTF_FUNC_PROTO)
			return -EINVAL;
		env->subs[i].linkage = (u8)BPFSHIM_BTF_VLEN(t->info);
		env->subs[i].proto = t->size;
		env->subs[i].name_off = t->name_off;
		ret = strip(btf, proto->size);
		small = is_number(ret) && ret->size <= 8;
		if (i && !small && env->subs[i].ld_abs) {
			bpfshim_v_log(env, "LD_ABS is only allowed in functions that return 'int'.\n");
			return -EINVAL;
		}
		if (i && !small && env->subs[i].tail_call) {
			bpfshim_v_log(env, "tail_call is only allowed in functions that return 'int'.\n");
			return -EINVAL;
		}
		prev = fi[i].insn_off;
	}
	return 0;
}

static int check_lines(struct vrf_env *env)
{
	const struct bpfshim_line_info *l = env->prog->line_info;
	const struct bpfshim_vrf_btf *btf = env->prog->btf;
	u32 i, s = 0, prev = 0;

	if (!env->prog->line_info_cnt || !btf)
		return 0;
	for (i = 0; i < env->prog->line_info_cnt; i++) {
		if ((i && l[i].insn_off <= prev) || l[i].insn_off >= env->len) {
			bpfshim_v_log(env, "Invalid line_info[%u].insn_off:%u (prev_offset:%u prog->len:%u)\n",
				      i, l[i].insn_off, prev, env->len);
			return -EINVAL;
		}
		if (!env->insns[l[i].insn_off].code) {
			bpfshim_v_log(env, "Invalid insn code at line_info[%u].insn_off\n", i);
			return -EINVAL;
		}
		if (!bpfshim_btf_name(btf, l[i].line_off) || !bpfshim_btf_name(btf, l[i].file_name_off)) {
			bpfshim_v_log(env, "Invalid line_info[%u].line_off or .file_name_off\n", i);
			return -EINVAL;
		}
		if (s != env->nr_subs) {
			if (l[i].insn_off == env->subs[s].start) {
				env->subs[s++].line_idx = i;
			} else if (env->subs[s].start < l[i].insn_off) {
				bpfshim_v_log(env, "missing bpf_line_info for func#%u\n", s);
				return -EINVAL;
			}
		}
		prev = l[i].insn_off;
	}
	if (s != env->nr_subs) {
		bpfshim_v_log(env, "missing bpf_line_info for %u funcs starting from func#%u\n",
			      env->nr_subs - s, s);
		return -EINVAL;
	}
	return 0;
}

int bpfshim_v_check_info(struct vrf_env *env)
{
	int err = check_funcs(env);

	return err ? err : check_lines(env);
}

/* ---- global functions ------------------------------------------------- */

/* The struct that a program of this type calls its context. */
static const char *ctx_name(u32 prog_type)
{
	switch (prog_type) {
	case BPFSHIM_PROG_TYPE_SOCKET_FILTER:
	case BPFSHIM_PROG_TYPE_SCHED_CLS:
	case BPFSHIM_PROG_TYPE_SCHED_ACT:
	case BPFSHIM_PROG_TYPE_CGROUP_SKB:
	case BPFSHIM_PROG_TYPE_LWT_IN:
	case BPFSHIM_PROG_TYPE_LWT_OUT:
	case BPFSHIM_PROG_TYPE_LWT_XMIT:
	case BPFSHIM_PROG_TYPE_LWT_SEG6LOCAL:
	case BPFSHIM_PROG_TYPE_SK_SKB:
	case BPFSHIM_PROG_TYPE_FLOW_DISSECTOR:
		return "__sk_buff";
	case BPFSHIM_PROG_TYPE_XDP: return "xdp_md";
	case BPFSHIM_PROG_TYPE_CGROUP_SOCK: return "bpf_sock";
	case BPFSHIM_PROG_TYPE_CGROUP_SOCK_ADDR: return "bpf_sock_addr";
	case BPFSHIM_PROG_TYPE_SOCK_OPS: return "bpf_sock_ops";
	case BPFSHIM_PROG_TYPE_SK_MSG: return "sk_msg_md";
	case BPFSHIM_PROG_TYPE_KPROBE: return "pt_regs";
	case BPFSHIM_PROG_TYPE_PERF_EVENT: return "bpf_perf_event_data";
	case BPFSHIM_PROG_TYPE_RAW_TRACEPOINT:
	case BPFSHIM_PROG_TYPE_RAW_TRACEPOINT_WRITABLE: return "bpf_raw_tracepoint_args";
	case BPFSHIM_PROG_TYPE_CGROUP_DEVICE: return "bpf_cgroup_dev_ctx";
	case BPFSHIM_PROG_TYPE_CGROUP_SYSCTL: return "bpf_sysctl";
	case BPFSHIM_PROG_TYPE_CGROUP_SOCKOPT: return "bpf_sockopt";
	case BPFSHIM_PROG_TYPE_SK_REUSEPORT: return "sk_reuseport_md";
	case BPFSHIM_PROG_TYPE_SK_LOOKUP: return "bpf_sk_lookup";
	}
	return NULL;
}

/* arg: a pointer to the context's struct */
static bool is_ctx_arg(struct vrf_env *env, const struct bpfshim_btf_type *ptr)
{
	const struct bpfshim_vrf_btf *btf = env->prog->btf;
	const struct bpfshim_btf_type *t = strip(btf, ptr->size);
	const char *name = ctx_name(env->prog_type);

	return kind(t) == BPFSHIM_BTF_STRUCT && name && !strcmp(type_name(btf, t), name);
}

/* Argument types of a function: NULL, or its parameters, and how many. */
static const u32 *params(struct vrf_env *env, u32 sub, u32 *nr)
{
	const struct bpfshim_btf_type *proto = bpfshim_btf_type(env->prog->btf, env->subs[sub].proto);

	if (kind(proto) != BPFSHIM_BTF_FUNC_PROTO)
		return NULL;
	*nr = BPFSHIM_BTF_VLEN(proto->info);
	return (const u32 *)(proto + 1);	/* name_off, type */
}

/* The registers a global function is verified with. */
int bpfshim_v_func_args(struct vrf_env *env, u32 sub, struct vrf_reg *regs)
{
	const struct bpfshim_vrf_btf *btf = env->prog->btf;
	const char *name = bpfshim_btf_name(btf, env->subs[sub].name_off);
	const struct bpfshim_btf_type *proto = bpfshim_btf_type(btf, env->subs[sub].proto), *t;
	const u32 *p;
	u32 i, nr, size;

	if (vrf_logging(env))
		bpfshim_v_log(env, "Validating %s() func#%d...\n", name ? name : "", sub);
	p = params(env, sub, &nr);
	if (!p)
		return -EFAULT;
	if (nr > 5) {
		bpfshim_v_log(env, "Global function %s() with %d > %d args. Buggy compiler.\n", name, nr, 5);
		return -EINVAL;
	}
	if (!is_number(strip(btf, proto->size))) {
		bpfshim_v_log(env, "Global function %s() doesn't return scalar. Only those are supported.\n", name);
		return -EINVAL;
	}
	for (i = 0; i < nr; i++) {
		t = strip(btf, p[2 * i + 1]);
		if (is_number(t)) {
			bpfshim_v_reg_unknown(&regs[i + 1]);
			continue;
		}
		if (kind(t) != BPFSHIM_BTF_PTR) {
			bpfshim_v_log(env, "Arg#%d type %s in %s() is not supported yet.\n", i, type_name(btf, t), name);
			return -EINVAL;
		}
		if (is_ctx_arg(env, t)) {
			bpfshim_v_reg_ptr(&regs[i + 1], VK_CTX, 0);
			continue;
		}
		if (bpfshim_btf_size(btf, t->size, &size)) {
			bpfshim_v_log(env, "arg#%d reference type('%s %s') size cannot be determined: %d\n", i,
				      "UNKNOWN", type_name(btf, strip(btf, t->size)), -EINVAL);
			return -EINVAL;
		}
		bpfshim_v_reg_ptr(&regs[i + 1], VK_MEM, VF_NULL);
		regs[i + 1].u.mem_size = size;
		regs[i + 1].id = ++env->id_gen;
	}
	return 0;
}

static int mem_arg(struct vrf_env *env, u32 regno, u32 size)
{
	struct vrf_reg *r = &vrf_regs(env)[regno];
	bool null = r->flags & VF_NULL;
	int err;

	if (vrf_is_null(r))
		return 0;
	if (null) {
		env->tmp2 = *r;
		bpfshim_v_reg_not_null(r);
	}
	if (size > 0x7fffffff)
		return -EINVAL;
	err = bpfshim_v_helper_mem(env, regno, (s32)size, false, true, NULL);
	if (!err)
		err = bpfshim_v_helper_mem(env, regno, (s32)size, true, true, NULL);
	if (null)
		*r = env->tmp2;
	return err;
}

static bool may_be_moved(const struct vrf_reg *r)
{
	if (r->flags & ~(VF_RDONLY | VF_ALLOC | VF_NULL))
		return false;
	switch (r->kind) {
	case VK_STACK: case VK_PKT: case VK_PKT_META: case VK_MAP_KEY: case VK_MAP_VALUE:
	case VK_MEM: case VK_BUF: case VK_SCALAR:
		return true;
	}
	return false;
}

/* Does a call of a global function pass what it was verified with? */
int bpfshim_v_call_args(struct vrf_env *env, u32 sub)
{
	const struct bpfshim_vrf_btf *btf = env->prog->btf;
	const struct bpfshim_btf_type *t;
	const struct vrf_reg *r;
	const u32 *p;
	u32 i, nr, size;
	int err;

	p = params(env, sub, &nr);
	if (!p)
		return -EFAULT;
	if (nr > 5)
		return -EINVAL;
	for (i = 0; i < nr; i++) {
		r = &vrf_regs(env)[i + 1];
		/* The function may read it. */
		if (r->kind != VK_NONE)
			bpfshim_v_live_read(env, env->st, env->st->cur, (u16)(2u << i), 0);
		t = strip(btf, p[2 * i + 1]);
		if (is_number(t)) {
			if (r->kind == VK_SCALAR)
				continue;
			bpfshim_v_log(env, "R%d is not a scalar\n", i + 1);
			return -EINVAL;
		}
		if (kind(t) != BPFSHIM_BTF_PTR) {
			bpfshim_v_log(env, "Unrecognized arg#%d type %s\n", i, type_name(btf, t));
			return -EINVAL;
		}
		if (!may_be_moved(r)) {
			err = bpfshim_v_ptr_off(env, r, i + 1, false);
			if (err)
				return err;
		}
		if (is_ctx_arg(env, t)) {
			if (r->kind == VK_CTX)
				continue;
			bpfshim_v_log(env, "arg#%d expected pointer to ctx, but got %s\n", i, "PTR");
			return -EINVAL;
		}
		if (bpfshim_btf_size(btf, t->size, &size)) {
			bpfshim_v_log(env, "arg#%d reference type('%s %s') size cannot be determined: %d\n", i,
				      "UNKNOWN", type_name(btf, strip(btf, t->size)), -EINVAL);
			return -EINVAL;
		}
		if (mem_arg(env, i + 1, size))
			return -EINVAL;
	}
	return 0;
}

/* ---- where the program is to be attached ------------------------------ */

static int find_target(struct vrf_env *env)
{
	const struct bpfshim_vrf_btf *btf = env->kbtf;
	const struct bpfshim_btf_type *t;
	const char *name;
	u32 id = env->prog->attach_btf_id;

	if (!id) {
		bpfshim_v_log(env, "Tracing programs must provide btf_id\n");
		return -EINVAL;
	}
	if (!btf) {
		bpfshim_v_log(env, "FENTRY/FEXIT program can only be attached to another program annotated with BTF\n");
		return -EINVAL;
	}
	t = bpfshim_btf_type(btf, id);
	if (!t || !id) {
		bpfshim_v_log(env, "attach_btf_id %u is invalid\n", id);
		return -EINVAL;
	}
	name = type_name(btf, t);
	if (!*name) {
		bpfshim_v_log(env, "attach_btf_id %u doesn't have a name\n", id);
		return -EINVAL;
	}
	if (env->attach_type == BPFSHIM_TRACE_RAW_TP && env->prog_type == BPFSHIM_PROG_TYPE_TRACING) {
		if (kind(t) != BPFSHIM_BTF_TYPEDEF) {
			bpfshim_v_log(env, "attach_btf_id %u is not a typedef\n", id);
			return -EINVAL;
		}
		if (strncmp(name, "btf_trace_", 10)) {
			bpfshim_v_log(env, "attach_btf_id %u points to wrong type name %s\n", id, name);
			return -EINVAL;
		}
		t = bpfshim_btf_type(btf, t->size);
		if (kind(t) != BPFSHIM_BTF_PTR)
			return -EINVAL;
		env->attach_proto = t->size;
	} else {
		if (kind(t) != BPFSHIM_BTF_FUNC) {
			bpfshim_v_log(env, "attach_btf_id %u is not a function\n", id);
			return -EINVAL;
		}
		env->attach_proto = t->size;
	}
	if (kind(bpfshim_btf_type(btf, env->attach_proto)) != BPFSHIM_BTF_FUNC_PROTO)
		return -EINVAL;
	return 0;
}

int bpfshim_v_attach(struct vrf_env *env)
{
	bool sleepable = env->prog->prog_flags & BPFSHIM_F_SLEEPABLE;

	switch (env->prog_type) {
	case BPFSHIM_PROG_TYPE_SYSCALL:
		if (sleepable)
			return 0;
		bpfshim_v_log(env, "Syscall programs can only be sleepable\n");
		return -EINVAL;
	case BPFSHIM_PROG_TYPE_TRACING:
		return find_target(env);
	case BPFSHIM_PROG_TYPE_LSM:
	case BPFSHIM_PROG_TYPE_STRUCT_OPS:
	case BPFSHIM_PROG_TYPE_EXT:
		/* There is nothing on these kernels that such a program could serve. */
		bpfshim_v_log(env, "program type %d is not supported\n", env->prog_type);
		return -EINVAL;
	}
	if (sleepable && env->prog_type != BPFSHIM_PROG_TYPE_KPROBE) {
		bpfshim_v_log(env, "Only fentry/fexit/fmod_ret, lsm, and kprobe/uprobe programs can be sleepable\n");
		return -EINVAL;
	}
	return 0;
}
