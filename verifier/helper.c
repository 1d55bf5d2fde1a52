// SPDX-License-Identifier: GPL-2.0
/* Calls of helpers. */
#include "env.h"

#define H(name) BPFSHIM_HELPER_##name
#define MAX_ERRNO 4095

static bool available(const struct vrf_env *env, s32 id)
{
	const u64 *avail = env->prog->helper_avail;

	return !avail || ((avail[id / 64] >> (id % 64)) & 1);
}

/* Helpers that some attach types of a program type have not. */
static bool attach_allows(const struct vrf_env *env, s32 id)
{
	u32 at = env->attach_type, type = env->prog_type;

	switch (id) {
	case H(get_retval):
	case H(set_retval):
		return !(at == BPFSHIM_CGROUP_INET_INGRESS || at == BPFSHIM_CGROUP_INET_EGRESS ||
			 at == BPFSHIM_CGROUP_SOCK_OPS || at == BPFSHIM_CGROUP_UDP4_RECVMSG ||
			 at == BPFSHIM_CGROUP_UDP6_RECVMSG || at == BPFSHIM_CGROUP_INET4_GETPEERNAME ||
			 at == BPFSHIM_CGROUP_INET6_GETPEERNAME || at == BPFSHIM_CGROUP_INET4_GETSOCKNAME ||
			 at == BPFSHIM_CGROUP_INET6_GETSOCKNAME);
	case H(bind):
		return at == BPFSHIM_CGROUP_INET4_CONNECT || at == BPFSHIM_CGROUP_INET6_CONNECT;
	case H(setsockopt):
	case H(getsockopt):
		return type != BPFSHIM_PROG_TYPE_CGROUP_SOCKOPT || at == BPFSHIM_CGROUP_SETSOCKOPT;
	case H(seq_printf):
	case H(seq_write):
	case H(seq_printf_btf):
		return at == BPFSHIM_TRACE_ITER;
	case H(get_func_arg):
	case H(get_func_ret):
	case H(get_func_arg_cnt):
		return at == BPFSHIM_TRACE_FENTRY || at == BPFSHIM_TRACE_FEXIT || at == BPFSHIM_MODIFY_RETURN;
	}
	return true;
}

bool bpfshim_v_changes_packet(s32 id)
{
	switch (id) {
	case H(skb_vlan_push): case H(skb_vlan_pop): case H(skb_store_bytes): case H(skb_change_proto):
	case H(skb_change_head): case H(skb_change_tail): case H(skb_adjust_room): case H(skb_pull_data):
	case H(clone_redirect): case H(l3_csum_replace): case H(l4_csum_replace): case H(xdp_adjust_head):
	case H(xdp_adjust_meta): case H(xdp_adjust_tail): case H(msg_pull_data): case H(msg_push_data):
	case H(msg_pop_data): case H(lwt_seg6_store_bytes): case H(lwt_seg6_adjust_srh):
	case H(lwt_seg6_action): case H(store_hdr_opt): case H(lwt_push_encap):
		return true;
	}
	return false;
}

static bool acquires(s32 id, const struct bpfshim_vrf_map *map)
{
	switch (id) {
	case H(sk_lookup_tcp): case H(sk_lookup_udp): case H(skc_lookup_tcp): case H(ringbuf_reserve):
	case H(kptr_xchg):
		return true;
	case H(map_lookup_elem):
		return map && (map->map_type == BPFSHIM_MAP_TYPE_SOCKMAP ||
			       map->map_type == BPFSHIM_MAP_TYPE_SOCKHASH);
	}
	return false;
}

/* The result is the argument in other clothes: of the same reference. */
static bool casts(s32 id)
{
	switch (id) {
	case H(tcp_sock): case H(sk_fullsock): case H(skc_to_tcp_sock): case H(skc_to_tcp6_sock):
	case H(skc_to_udp6_sock): case H(skc_to_mptcp_sock): case H(skc_to_tcp_timewait_sock):
	case H(skc_to_tcp_request_sock): case H(dynptr_data):
		return true;
	}
	return false;
}

/* Helpers that Linux has for users with CAP_BPF or CAP_PERFMON only. */
static bool privileged(s32 id)
{
	switch (id) {
	case H(spin_lock): case H(spin_unlock): case H(jiffies64): case H(per_cpu_ptr): case H(this_cpu_ptr):
	case H(timer_init): case H(timer_set_callback): case H(timer_start): case H(timer_cancel):
	case H(kptr_xchg): case H(for_each_map_elem): case H(loop): case H(user_ringbuf_drain):
	case H(ringbuf_reserve_dynptr): case H(ringbuf_submit_dynptr): case H(ringbuf_discard_dynptr):
	case H(dynptr_from_mem): case H(dynptr_read): case H(dynptr_write): case H(dynptr_data):
	case H(trace_printk): case H(trace_vprintk): case H(get_current_task): case H(get_current_task_btf):
	case H(task_pt_regs): case H(probe_read_user): case H(probe_read_user_str): case H(probe_read_kernel):
	case H(probe_read_kernel_str): case H(snprintf): case H(snprintf_btf): case H(skc_to_tcp_sock):
	case H(skc_to_tcp6_sock): case H(skc_to_udp6_sock): case H(skc_to_unix_sock): case H(skc_to_mptcp_sock):
	case H(skc_to_tcp_timewait_sock): case H(skc_to_tcp_request_sock):
		return true;
	}
	return false;
}

static bool packet_reg(struct vrf_reg *r, bool change, void *arg)
{
	(void)arg;
	if (!vrf_is_pkt_any(r))
		return false;
	if (change)
		bpfshim_v_reg_unknown(r);
	return true;
}

/* No pointer to the packet is good any longer. */
int bpfshim_v_forget_packet(struct vrf_env *env)
{
	return bpfshim_v_each_reg(env, env->st, packet_reg, NULL);
}

static bool released_reg(struct vrf_reg *r, bool change, void *arg)
{
	if (r->ref != *(const u32 *)arg)
		return false;
	if (change)
		bpfshim_v_reg_unknown(r);
	return true;
}

static bool forgotten_reg(struct vrf_reg *r, bool change, void *arg)
{
	if (r->ref != *(const u32 *)arg)
		return false;
	if (change)
		bpfshim_v_reg_none(r);
	return true;
}

/* The object is gone: no copy of the pointer may be used. */
int bpfshim_v_ref_release(struct vrf_env *env, u32 id)
{
	int err = bpfshim_v_ref_drop(env, env->st, id);

	if (err)
		return err;
	/* What is left is an address still. */
	return bpfshim_v_each_reg(env, env->st, env->unpriv ? forgotten_reg : released_reg, &id);
}

/* ---- facts for the output --------------------------------------------- */

static bool writes_map(s32 id)
{
	return id == H(map_update_elem) || id == H(map_delete_elem) || id == H(map_push_elem) ||
	       id == H(map_pop_elem);
}

static int note_map(struct vrf_env *env, const struct vrf_call *call)
{
	struct vrf_aux *aux = &env->aux[env->pc];
	u32 idx;

	if (!call->map)
		return 0;
	if ((call->map->map_flags & BPFSHIM_F_RDONLY_PROG) && writes_map(call->id)) {
		bpfshim_v_log(env, "write into map forbidden\n");
		return -EACCES;
	}
	idx = bpfshim_v_map_idx(env, call->map);
	if (!aux->map_state && idx < env->nr_maps) {
		aux->map_state = 1;
		aux->map_idx = idx;
	} else if (aux->map_state != 1 || aux->map_idx != idx) {
		aux->map_state = 2;
	}
	return 0;
}

static int note_key(struct vrf_env *env, const struct vrf_call *call)
{
	struct vrf_aux *aux = &env->aux[env->pc];
	const struct vrf_reg *r = &vrf_regs(env)[3];
	u64 key = r->n.t.value;
	int err;

	if (call->id != H(tail_call))
		return 0;
	if (!call->map || call->map->map_type != BPFSHIM_MAP_TYPE_PROG_ARRAY)
		return 0;	/* refused below */
	if (!vrf_is_const(r) || key >= call->map->max_entries) {
		aux->key_state = 2;
		return 0;
	}
	err = bpfshim_v_precise(env, 3);
	if (err)
		return err;
	if (!aux->key_state) {
		aux->key_state = 1;
		aux->key = key;
	} else if (aux->key != key) {
		aux->key_state = 2;
	}
	return 0;
}

/* ---- formats ---------------------------------------------------------- */

static bool is_digit(u64 c)
{
	return c >= '0' && c <= '9';
}

static int fmt_byte(struct vrf_env *env, u32 map, u32 off, u64 *c)
{
	*c = 0;
	return env->ops->map_read(env->cookie, map, off, 1, c);
}

/* snprintf's format has as many conversions as data words at most. */
static int check_snprintf(struct vrf_env *env)
{
	const struct vrf_reg *fmt = &vrf_regs(env)[3], *len = &vrf_regs(env)[5];
	u32 off = (u32)fmt->off + (u32)fmt->n.t.value, map = bpfshim_v_map_idx(env, fmt->u.map);
	u32 args = (u32)(len->n.t.value / 8), used = 0, longs;
	u64 c;

	if (len->n.t.value % 8)
		return -EINVAL;
	for (;; off++) {
		if (off >= fmt->u.map->value_size || fmt_byte(env, map, off, &c))
			goto bad;
		if (!c)
			return 0;
		if (c >= 0x7f || (c < ' ' && !(c >= '\t' && c <= '\r')))
			goto bad;
		if (c != '%')
			continue;
		if (fmt_byte(env, map, ++off, &c))
			goto bad;
		if (c == '%')
			continue;
		if (used++ >= args || used > 12)
			goto bad;
		while (c == '0' || c == '+' || c == '-' || c == ' ')
			if (fmt_byte(env, map, ++off, &c))
				goto bad;
		while (is_digit(c))
			if (fmt_byte(env, map, ++off, &c))
				goto bad;
		if (c == 'p') {
			if (fmt_byte(env, map, off + 1, &c))
				goto bad;
			if (c == 'k' || c == 'u' || c == 'K' || c == 'x' || c == 's' || c == 'S' || c == 'B')
				off++;
			else if (c == 'i' || c == 'I') {
				off += 2;
				if (fmt_byte(env, map, off, &c) || (c != '4' && c != '6'))
					goto bad;
			} else if (is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'z')) {
				goto bad;
			}
			if (c == 'k' || c == 'u') {
				if (fmt_byte(env, map, ++off, &c) || c != 's')
					goto bad;
			}
			continue;
		}
		if (c == 's' || c == 'c')
			continue;
		for (longs = 0; c == 'l' && longs < 2; longs++)
			if (fmt_byte(env, map, ++off, &c))
				goto bad;
		if (c != 'i' && c != 'd' && c != 'u' && c != 'x' && c != 'X')
			goto bad;
	}
bad:
	bpfshim_v_log(env, "Invalid format string\n");
	return -EINVAL;
}

/* ---- the call --------------------------------------------------------- */

static int special_checks(struct vrf_env *env, struct vrf_call *call)
{
	struct vrf_reg *regs = vrf_regs(env);
	const struct vrf_reg *d;
	int err;

	switch (call->id) {
	case H(tail_call):
		err = bpfshim_v_ref_leak(env);
		if (err)
			bpfshim_v_log(env, "tail_call would lead to reference leak\n");
		return err;
	case H(get_local_storage):
		if (vrf_is_null(&regs[2]))
			return 0;
		bpfshim_v_log(env, "get_local_storage() doesn't support non-zero flags\n");
		return -EINVAL;
	case H(snprintf):
		return check_snprintf(env);
	case H(dynptr_from_mem):
		if (regs[1].kind == VK_MAP_VALUE && !regs[1].flags)
			return 0;
		bpfshim_v_log(env, "Unsupported reg type %s for bpf_dynptr_from_mem data\n",
			      vrf_type_str(env, &regs[1]));
		return -EACCES;
	case H(dynptr_data):
		if (regs[1].kind == VK_DYNPTR)
			return 0;
		d = bpfshim_v_dyn_slot(env, &regs[1]);
		if (d)
			call->ref = d->id;
		return 0;
	}
	return 0;
}

static int effects(struct vrf_env *env, struct vrf_call *call)
{
	s32 i;
	int err;

	/* The stack memory that the helper fills. */
	for (i = 0; i < call->raw_size; i++) {
		err = bpfshim_v_mem(env, call->raw_reg, i, 1, true, -1, false);
		if (err)
			return err;
	}
	if (call->dyn_uninit_reg) {
		for (i = 0; i < 16; i += 8) {
			err = bpfshim_v_mem(env, call->dyn_uninit_reg, i, 8, true, -1, false);
			if (err)
				return err;
		}
		err = bpfshim_v_dyn_mark(env, call->dyn_uninit_reg,
					 call->id == H(dynptr_from_mem) ? VRF_DYN_LOCAL : VRF_DYN_RINGBUF);
		if (err)
			return err;
	}
	if (!call->release_reg)
		return 0;
	if (call->h->arg[call->release_reg - 1] == BPFSHIM_ARG_DYNPTR_RINGBUF_RELEASE)
		err = bpfshim_v_dyn_unmark(env, call->release_reg);
	else if (call->ref)
		err = bpfshim_v_ref_release(env, call->ref);
	else
		err = vrf_is_null(&vrf_regs(env)[call->release_reg]) ? 0 : -EINVAL;
	if (err)
		bpfshim_v_log(env, "func %s#%d reference has not been acquired before\n", call->h->name, call->id);
	return err;
}

/* Struct names of the BTF-typed results. */
static const char *btf_result(u8 ret)
{
	switch (ret) {
	case BPFSHIM_RET_BTF_TASK: return "task_struct";
	case BPFSHIM_RET_BTF_PT_REGS: return "pt_regs";
	case BPFSHIM_RET_BTF_TCP: return "tcp_sock";
	case BPFSHIM_RET_BTF_TCP6: return "tcp6_sock";
	case BPFSHIM_RET_BTF_TW: return "tcp_timewait_sock";
	case BPFSHIM_RET_BTF_REQ: return "tcp_request_sock";
	case BPFSHIM_RET_BTF_UDP6: return "udp6_sock";
	case BPFSHIM_RET_BTF_UNIX: return "unix_sock";
	case BPFSHIM_RET_BTF_MPTCP: return "mptcp_sock";
	case BPFSHIM_RET_BTF_SOCKET: return "socket";
	}
	return NULL;
}

static int percpu_result(struct vrf_env *env, struct vrf_reg *r0, const struct vrf_call *call, u32 null)
{
	const struct bpfshim_btf_type *t;
	u32 id, size;

	t = bpfshim_btf_skip(call->ret_btf, call->ret_btf_id, &id);
	if (t && BPFSHIM_BTF_KIND(t->info) == BPFSHIM_BTF_STRUCT) {
		bpfshim_v_reg_ptr(r0, VK_BTF_ID, null);
		r0->u.btf = call->ret_btf;
		r0->uid = call->ret_btf_id;
		return 0;
	}
	if (!t || bpfshim_btf_size(call->ret_btf, id, &size)) {
		bpfshim_v_log(env, "unable to resolve the size of type '%s': %d\n",
			      bpfshim_v_btf_type_name(call->ret_btf, id), -EINVAL);
		return -EINVAL;
	}
	bpfshim_v_reg_ptr(r0, VK_MEM, null | VF_RDONLY);
	r0->u.mem_size = size;
	return 0;
}

static int result(struct vrf_env *env, const struct vrf_call *call)
{
	struct vrf_reg *r0 = &vrf_regs(env)[0];
	u8 ret = call->h->ret;
	s32 id;

	switch (ret) {
	case BPFSHIM_RET_INT:
		bpfshim_v_reg_unknown(r0);
		break;
	case BPFSHIM_RET_VOID:
		bpfshim_v_reg_none(r0);
		break;
	case BPFSHIM_RET_VALUE:
	case BPFSHIM_RET_VALUE_OR_NULL:
		if (!call->map)
			return -EINVAL;
		bpfshim_v_reg_ptr(r0, VK_MAP_VALUE, ret == BPFSHIM_RET_VALUE ? 0 : VF_NULL);
		r0->u.map = call->map;
		r0->uid = call->map_uid;
		if (ret == BPFSHIM_RET_VALUE && call->map->spin_lock_off >= 0)
			r0->id = ++env->id_gen;
		break;
	case BPFSHIM_RET_SOCK_OR_NULL:
		bpfshim_v_reg_ptr(r0, VK_SOCK, VF_NULL);
		break;
	case BPFSHIM_RET_SOCK_COMMON_OR_NULL:
		bpfshim_v_reg_ptr(r0, VK_SOCK_COMMON, VF_NULL);
		break;
	case BPFSHIM_RET_TCP_SOCK_OR_NULL:
		bpfshim_v_reg_ptr(r0, VK_TCP_SOCK, VF_NULL);
		break;
	case BPFSHIM_RET_ALLOC_MEM_OR_NULL:
	case BPFSHIM_RET_DYNPTR_MEM_OR_NULL:
		bpfshim_v_reg_ptr(r0, VK_MEM, VF_NULL | (ret == BPFSHIM_RET_ALLOC_MEM_OR_NULL ? VF_ALLOC : 0));
		r0->u.mem_size = (u32)call->mem_size;
		break;
	case BPFSHIM_RET_PERCPU:
	case BPFSHIM_RET_PERCPU_OR_NULL: {
		int err = percpu_result(env, r0, call, ret == BPFSHIM_RET_PERCPU ? 0 : VF_NULL);

		if (err)
			return err;
		break;
	}
	case BPFSHIM_RET_BTF_KPTR:
		if (!call->kptr)
			return -EINVAL;
		bpfshim_v_reg_ptr(r0, VK_BTF_ID, VF_NULL);
		r0->u.btf = call->ret_btf;
		r0->uid = call->ret_btf_id;
		break;
	default:
		if (!btf_result(ret) || !env->kbtf)
			id = -1;
		else
			id = bpfshim_btf_find(env->kbtf, btf_result(ret), BPFSHIM_BTF_STRUCT);
		if (id < 0) {
			bpfshim_v_log(env, "invalid return type %u of func %s#%d\n", ret, call->h->name, call->id);
			return -EINVAL;
		}
		bpfshim_v_reg_ptr(r0, VK_BTF_ID, ret == BPFSHIM_RET_BTF_TASK || ret == BPFSHIM_RET_BTF_PT_REGS ?
				  0 : VF_NULL);
		r0->u.btf = env->kbtf;
		r0->uid = (u32)id;
	}
	if (r0->flags & VF_NULL)
		r0->id = ++env->id_gen;
	return 0;
}

/* Some never return more than the size they were given. */
static void refine_result(struct vrf_env *env, const struct vrf_call *call)
{
	struct bpfshim_num *n = &vrf_regs(env)[0].n;

	switch (call->id) {
	case H(get_stack): case H(get_task_stack): case H(probe_read_str): case H(probe_read_kernel_str):
	case H(probe_read_user_str):
		n->smax = (s64)call->msize_max;
		n->s32max = (s32)call->msize_max;
		n->smin = -MAX_ERRNO;
		n->s32min = -MAX_ERRNO;
		bpfshim_num_sync(n);
	}
}

static int find(struct vrf_env *env, s32 id, const struct vrf_helper **out)
{
	const struct vrf_helper *h;

	if (id < 0 || id >= BPFSHIM_HELPER_MAX) {
		bpfshim_v_log(env, "invalid func %s#%d\n", "unknown", id);
		return -EINVAL;
	}
	h = bpfshim_v_helper_proto(id, env->prog_type);
	if (!h || !available(env, id) || !attach_allows(env, id) || (env->unpriv && privileged(id))) {
		bpfshim_v_log(env, "unknown func %s#%d\n", bpfshim_v_helper_name(id), id);
		return -EINVAL;
	}
	if ((h->flags & BPFSHIM_HF_GPL) && !env->prog->gpl_compatible) {
		bpfshim_v_log(env, "cannot call GPL-restricted function from non-GPL compatible program\n");
		return -EINVAL;
	}
	if ((h->flags & BPFSHIM_HF_SLEEP) && !(env->prog->prog_flags & BPFSHIM_F_SLEEPABLE)) {
		bpfshim_v_log(env, "helper call might sleep in a non-sleepable prog\n");
		return -EINVAL;
	}
	*out = h;
	return 0;
}

int bpfshim_v_helper(struct vrf_env *env, const struct bpfshim_insn *in)
{
	struct vrf_call call;
	u32 i, id;
	int err;

	memset(&call, 0, sizeof(call));
	call.id = in->imm;
	err = find(env, call.id, &call.h);
	if (err)
		return err;
	call.pkt_ok = call.h->flags & BPFSHIM_HF_PKT;
	for (i = 0; i < 5 && !err; i++)
		err = bpfshim_v_arg(env, i, &call);
	if (!err)
		err = note_map(env, &call);
	if (!err)
		err = note_key(env, &call);
	if (!err)
		err = effects(env, &call);
	if (!err)
		err = special_checks(env, &call);
	if (err)
		return err;
	if (call.id == H(get_func_ip) && env->prog_type != BPFSHIM_PROG_TYPE_KPROBE &&
	    env->prog_type != BPFSHIM_PROG_TYPE_TRACING) {
		bpfshim_v_log(env, "func %s#%d not supported for program type %d\n", call.h->name, call.id,
			      env->prog_type);
		return -ENOTSUPP;
	}
	env->res->helpers_used[call.id / 64] |= (u64)1 << (call.id % 64);
	if (call.id == H(tail_call))
		env->res->uses_tail_call = true;
	if (bpfshim_v_is_cb_helper(call.id)) {
		err = bpfshim_v_map_helper(env, call.map, call.id);
		env->res->uses_cb = true;
		return err ? err : bpfshim_v_callback(env, in, call.sub);
	}
	bpfshim_v_clobber(env);
	err = result(env, &call);
	if (err)
		return err;
	if (casts(call.id)) {
		vrf_regs(env)[0].ref = call.ref;
	} else if (acquires(call.id, call.map)) {
		err = bpfshim_v_ref_acquire(env, (s32)env->pc, &id);
		if (err)
			return err;
		vrf_regs(env)[0].id = id;
		vrf_regs(env)[0].ref = id;
	}
	refine_result(env, &call);
	err = bpfshim_v_map_helper(env, call.map, call.id);
	/* A tail call out of a function returns to its caller, from another program. */
	if (!err && (bpfshim_v_changes_packet(call.id) || (call.id == H(tail_call) && env->st->cur)))
		err = bpfshim_v_forget_packet(env);
	env->pc++;
	return err;
}
