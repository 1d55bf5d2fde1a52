// SPDX-License-Identifier: GPL-2.0
/* Which bytes of its context a program may read and write, by program type. */
#include "env.h"

#define PT_REGS_SIZE	168	/* x86-64's struct pt_regs */
#define TRACE_MAX	8192	/* longest record perf copies */
#define RAW_ARGS	96	/* 12 words */

static bool field(struct vrf_ctx_out *out, u32 size, u32 whole)
{
	out->field_size = (u8)whole;
	return size <= whole && !(size & (size - 1));
}

static bool gives(struct vrf_ctx_out *out, u32 kind, u32 flags)
{
	out->kind = (u8)kind;
	out->flags = (u8)flags;
	return true;
}

static bool aligned_in(s32 off, u32 size, u32 limit)
{
	return off >= 0 && off < (s32)limit && !((u32)off % size);
}

static bool within(s32 off, s32 lo, s32 hi)
{
	return off >= lo && off < hi;
}

/* ---- tracing ---------------------------------------------------------- */

static bool kprobe_access(struct vrf_env *env, s32 off, u32 size, bool write, struct vrf_ctx_out *out)
{
	(void)env;
	(void)out;
	return !write && aligned_in(off, size, PT_REGS_SIZE) && (u32)off + size <= PT_REGS_SIZE;
}

static bool tracepoint_access(struct vrf_env *env, s32 off, u32 size, bool write, struct vrf_ctx_out *out)
{
	(void)env;
	(void)out;
	return !write && off >= 8 && aligned_in(off, size, TRACE_MAX);
}

static bool raw_tp_access(struct vrf_env *env, s32 off, u32 size, bool write, struct vrf_ctx_out *out)
{
	(void)env;
	(void)out;
	return !write && aligned_in(off, size, RAW_ARGS);
}

static bool raw_tp_writable_access(struct vrf_env *env, s32 off, u32 size, bool write, struct vrf_ctx_out *out)
{
	if (!off) {
		if (size != 8 || write)
			return false;
		gives(out, VK_TP_BUFFER, 0);
	}
	return raw_tp_access(env, off, size, write, out);
}

static bool perf_event_access(struct vrf_env *env, s32 off, u32 size, bool write, struct vrf_ctx_out *out)
{
	(void)env;
	if (write || !aligned_in(off, size, PT_REGS_SIZE + 16))
		return false;
	if (off >= PT_REGS_SIZE)
		return field(out, size, 8);
	return size == 8;
}

static bool syscall_access(struct vrf_env *env, s32 off, u32 size, bool write, struct vrf_ctx_out *out)
{
	(void)env;
	(void)write;
	(void)out;
	return aligned_in(off, size, 0xffff);
}

/* Arguments of a kernel function, typed by the kernel's BTF. */
static bool tracing_access(struct vrf_env *env, s32 off, u32 size, bool write, struct vrf_ctx_out *out)
{
	const struct bpfshim_vrf_btf *btf = env->kbtf;
	const struct bpfshim_btf_type *proto, *t;
	const u32 *arg;
	u32 i = (u32)off / 8, nr, id;

	if (write || !aligned_in(off, size, RAW_ARGS) || !btf || !env->attach_proto)
		return false;
	proto = bpfshim_btf_type(btf, env->attach_proto);
	if (!proto || BPFSHIM_BTF_KIND(proto->info) != BPFSHIM_BTF_FUNC_PROTO)
		return false;
	if (off % 8) {
		bpfshim_v_log(env, "func '%s' offset %d is not multiple of 8\n", "", off);
		return false;
	}
	arg = (const u32 *)(proto + 1);
	nr = BPFSHIM_BTF_VLEN(proto->info);
	/* tp_btf's typedef has a leading void * that programs do not see */
	if (env->attach_type == BPFSHIM_TRACE_RAW_TP && nr) {
		arg += 2;
		nr--;
	}
	if (i > nr || (i == nr && env->attach_type != BPFSHIM_TRACE_FEXIT &&
		       env->attach_type != BPFSHIM_MODIFY_RETURN)) {
		bpfshim_v_log(env, "func '%s' doesn't have %d-th argument\n", "", i + 1);
		return false;
	}
	id = i < nr ? arg[2 * i + 1] : proto->size;
	t = bpfshim_btf_skip(btf, id, &id);
	if (!t)
		return false;
	switch (BPFSHIM_BTF_KIND(t->info)) {
	case BPFSHIM_BTF_INT:
	case BPFSHIM_BTF_ENUM:
	case BPFSHIM_BTF_ENUM64:
		return true;
	case BPFSHIM_BTF_PTR:
		break;
	default:
		return !id;	/* a void return reads as a number */
	}
	if (size != 8)
		return false;
	t = bpfshim_btf_skip(btf, t->size, &id);
	if (!t || (BPFSHIM_BTF_KIND(t->info) != BPFSHIM_BTF_STRUCT &&
		   BPFSHIM_BTF_KIND(t->info) != BPFSHIM_BTF_UNION))
		return true;	/* char *, void *: a number */
	out->btf = btf;
	out->btf_id = id;
	return gives(out, VK_BTF_ID, 0);
}

/* ---- __sk_buff -------------------------------------------------------- */

enum skb {
	SKB_MARK = 8, SKB_QUEUE = 12, SKB_PRIORITY = 32, SKB_TC_INDEX = 44, SKB_CB = 48, SKB_CB_END = 68,
	SKB_CLASSID = 72, SKB_DATA = 76, SKB_DATA_END = 80, SKB_FAMILY = 88, SKB_REMOTE_IP4 = 92,
	SKB_LOCAL_PORT = 136, SKB_REMOTE_PORT = 132, SKB_DATA_META = 140, SKB_FLOW_KEYS = 144,
	SKB_TSTAMP = 152, SKB_WIRE_LEN = 160, SKB_SK = 168, SKB_TSTAMP_TYPE = 180, SKB_HWTSTAMP = 184,
	SKB_SIZE = 192,
};

static bool in4(s32 off, s32 start)
{
	return within(off, start, start + 4);
}

static bool in8(s32 off, s32 start)
{
	return within(off, start, start + 8);
}

/* What holds for all types that get an skb. */
static bool skb_access(s32 off, u32 size, bool write, struct vrf_ctx_out *out)
{
	if (!aligned_in(off, size, SKB_SIZE))
		return false;
	if (within(off, SKB_CB, SKB_CB_END) && (u32)off + size > SKB_CB_END)
		return false;
	/* addresses and pointers: as a whole */
	if (within(off, SKB_REMOTE_IP4, SKB_REMOTE_PORT) || in4(off, SKB_DATA) ||
	    in4(off, SKB_DATA_END) || in4(off, SKB_DATA_META))
		return size == 4;
	if (in8(off, SKB_FLOW_KEYS) || within(off, SKB_TSTAMP_TYPE, SKB_HWTSTAMP))
		return false;
	if (in8(off, SKB_HWTSTAMP))
		return !write && size == 8;
	if (in8(off, SKB_TSTAMP))
		return size == 8;
	if (in8(off, SKB_SK)) {
		if (write || size != 8)
			return false;
		return gives(out, VK_SOCK_COMMON, VF_NULL);
	}
	if (within(off, SKB_CB, SKB_CB_END))
		return true;
	return write ? size == 4 : field(out, size, 4);
}

static void skb_pointers(s32 off, struct vrf_ctx_out *out)
{
	if (off == SKB_DATA)
		gives(out, VK_PKT, 0);
	else if (off == SKB_DATA_META)
		gives(out, VK_PKT_META, 0);
	else if (off == SKB_DATA_END)
		gives(out, VK_PKT_END, 0);
}

static bool is_cb(s32 off)
{
	return within(off, SKB_CB, SKB_CB_END);
}

static bool socket_filter_access(struct vrf_env *env, s32 off, u32 size, bool write, struct vrf_ctx_out *out)
{
	(void)env;
	if (in4(off, SKB_CLASSID) || in4(off, SKB_DATA) || in4(off, SKB_DATA_META) ||
	    in4(off, SKB_DATA_END) || in8(off, SKB_TSTAMP) || in4(off, SKB_WIRE_LEN) ||
	    in8(off, SKB_HWTSTAMP) || within(off, SKB_FAMILY, SKB_LOCAL_PORT + 4) || (write && !is_cb(off)))
		return false;
	return skb_access(off, size, write, out);
}

static bool cgroup_skb_access(struct vrf_env *env, s32 off, u32 size, bool write, struct vrf_ctx_out *out)
{
	if (in4(off, SKB_CLASSID) || in4(off, SKB_DATA_META) || in4(off, SKB_WIRE_LEN))
		return false;
	if (env->unpriv && (in4(off, SKB_DATA) || in4(off, SKB_DATA_END) || (write && in8(off, SKB_TSTAMP))))
		return false;
	if (write && !in4(off, SKB_MARK) && !in4(off, SKB_PRIORITY) && !is_cb(off) && !in8(off, SKB_TSTAMP))
		return false;
	skb_pointers(off, out);
	return skb_access(off, size, write, out);
}

static bool lwt_access(struct vrf_env *env, s32 off, u32 size, bool write, struct vrf_ctx_out *out)
{
	(void)env;
	if (in4(off, SKB_CLASSID) || within(off, SKB_FAMILY, SKB_LOCAL_PORT + 4) || in4(off, SKB_DATA_META) ||
	    in8(off, SKB_TSTAMP) || in4(off, SKB_WIRE_LEN) || in8(off, SKB_HWTSTAMP))
		return false;
	if (write && !in4(off, SKB_MARK) && !in4(off, SKB_PRIORITY) && !is_cb(off))
		return false;
	skb_pointers(off, out);
	return skb_access(off, size, write, out);
}

static bool sched_access(struct vrf_env *env, s32 off, u32 size, bool write, struct vrf_ctx_out *out)
{
	(void)env;
	if (write && !in4(off, SKB_MARK) && !in4(off, SKB_TC_INDEX) && !in4(off, SKB_PRIORITY) &&
	    !in4(off, SKB_CLASSID) && !is_cb(off) && !in8(off, SKB_TSTAMP) && !in4(off, SKB_QUEUE))
		return false;
	if (within(off, SKB_FAMILY, SKB_LOCAL_PORT + 4))
		return false;
	if (off == SKB_TSTAMP_TYPE)
		return size == 1 && !write;
	skb_pointers(off, out);
	return skb_access(off, size, write, out);
}

static bool sk_skb_access(struct vrf_env *env, s32 off, u32 size, bool write, struct vrf_ctx_out *out)
{
	(void)env;
	if (in4(off, SKB_CLASSID) || in4(off, SKB_DATA_META) || in8(off, SKB_TSTAMP) ||
	    in4(off, SKB_WIRE_LEN) || in8(off, SKB_HWTSTAMP))
		return false;
	if (write && !in4(off, SKB_TC_INDEX) && !in4(off, SKB_PRIORITY))
		return false;
	if (in4(off, SKB_MARK))
		return false;
	skb_pointers(off, out);
	return skb_access(off, size, write, out);
}

static bool flow_dissector_access(struct vrf_env *env, s32 off, u32 size, bool write, struct vrf_ctx_out *out)
{
	(void)env;
	if (write || !aligned_in(off, size, SKB_SIZE))
		return false;
	if (off == SKB_DATA || off == SKB_DATA_END) {
		skb_pointers(off, out);
		return size == 4;
	}
	if (in8(off, SKB_FLOW_KEYS))
		return size == 8 && gives(out, VK_FLOW_KEYS, 0);
	return false;
}

static bool xdp_access(struct vrf_env *env, s32 off, u32 size, bool write, struct vrf_ctx_out *out)
{
	if (write || (off == 20 && env->attach_type != BPFSHIM_XDP_DEVMAP))
		return false;
	if (!off)
		gives(out, VK_PKT, 0);
	else if (off == 4)
		gives(out, VK_PKT_END, 0);
	else if (off == 8)
		gives(out, VK_PKT_META, 0);
	return aligned_in(off, size, 24) && size == 4;
}

/* ---- sockets ---------------------------------------------------------- */

enum { SOCK_SIZE = 80, SOCK_DST_PORT = 48, SOCK_DST_IP4 = 52, SOCK_STATE = 72 };

static bool bpf_sock_access(s32 off, u32 size, struct vrf_ctx_out *out)
{
	if (!aligned_in(off, size, SOCK_SIZE))
		return false;
	if (off == 4 || off == 8 || off == 12 || within(off, 24, 44) || off == 44 ||
	    within(off, SOCK_DST_IP4, SOCK_STATE) || off == SOCK_STATE || off == 76)
		return field(out, size, 4);
	if (within(off, SOCK_DST_PORT, SOCK_DST_PORT + 2)) {
		if (size == 4) {	/* as old programs read it */
			out->field_size = 4;
			return true;
		}
		return field(out, size, 2);
	}
	if (within(off, SOCK_DST_PORT + 2, SOCK_DST_IP4))
		return false;
	return size == 4;
}

bool bpfshim_v_sock_access(u32 kind, s32 off, u32 size, bool write, u8 *field_size)
{
	struct vrf_ctx_out out;
	bool ok;

	memset(&out, 0, sizeof(out));
	switch (kind) {
	case VK_SOCK_COMMON:
		if (within(off, 8, 24))
			return false;
		BPFSHIM_FALLTHROUGH;
	case VK_SOCK:
		ok = !write && bpf_sock_access(off, size, &out);
		break;
	case VK_TCP_SOCK:
		ok = !write && aligned_in(off, size, 112) && (within(off, 80, 96) ? size == 8 : size == 4);
		break;
	case VK_XDP_SOCK:
		ok = !write && !off && size == 4;
		break;
	default:
		ok = false;
	}
	*field_size = out.field_size;
	return ok;
}

static bool cgroup_sock_access(struct vrf_env *env, s32 off, u32 size, bool write, struct vrf_ctx_out *out)
{
	u32 at = env->attach_type;
	bool create = at == BPFSHIM_CGROUP_INET_SOCK_CREATE || at == BPFSHIM_CGROUP_INET_SOCK_RELEASE;

	if (!bpf_sock_access(off, size, out))
		return false;
	if (!off || off == 16 || off == 20)
		return create;
	if (write)
		return false;
	if (in4(off, 24))
		return at == BPFSHIM_CGROUP_INET4_POST_BIND;
	if (within(off, 28, 44))
		return at == BPFSHIM_CGROUP_INET6_POST_BIND;
	if (in4(off, 44))
		return at == BPFSHIM_CGROUP_INET4_POST_BIND || at == BPFSHIM_CGROUP_INET6_POST_BIND;
	return true;
}

static bool is_v4_addr(u32 at)
{
	return at == BPFSHIM_CGROUP_INET4_BIND || at == BPFSHIM_CGROUP_INET4_CONNECT ||
	       at == BPFSHIM_CGROUP_INET4_GETPEERNAME || at == BPFSHIM_CGROUP_INET4_GETSOCKNAME ||
	       at == BPFSHIM_CGROUP_UDP4_SENDMSG || at == BPFSHIM_CGROUP_UDP4_RECVMSG;
}

static bool is_v6_addr(u32 at)
{
	return at == BPFSHIM_CGROUP_INET6_BIND || at == BPFSHIM_CGROUP_INET6_CONNECT ||
	       at == BPFSHIM_CGROUP_INET6_GETPEERNAME || at == BPFSHIM_CGROUP_INET6_GETSOCKNAME ||
	       at == BPFSHIM_CGROUP_UDP6_SENDMSG || at == BPFSHIM_CGROUP_UDP6_RECVMSG;
}

static bool wide(s32 off, u32 size, s32 start)
{
	return size == 8 && off >= start && off + 8 <= start + 16 && !(off % 8);
}

static bool sock_addr_access(struct vrf_env *env, s32 off, u32 size, bool write, struct vrf_ctx_out *out)
{
	enum { IP4 = 4, IP6 = 8, PORT = 24, SRC4 = 40, SRC6 = 44, SK = 64 };
	u32 at = env->attach_type;

	if (!aligned_in(off, size, 72))
		return false;
	if ((in4(off, IP4) && !is_v4_addr(at)) || (within(off, IP6, PORT) && !is_v6_addr(at)) ||
	    (in4(off, SRC4) && at != BPFSHIM_CGROUP_UDP4_SENDMSG) ||
	    (within(off, SRC6, SRC6 + 16) && at != BPFSHIM_CGROUP_UDP6_SENDMSG))
		return false;
	if (in4(off, IP4) || within(off, IP6, PORT) || in4(off, SRC4) || within(off, SRC6, SRC6 + 16) ||
	    in4(off, PORT)) {
		if (wide(off, size, IP6) || wide(off, size, SRC6))
			return true;
		return write ? size == 4 : field(out, size, 4);
	}
	if (in8(off, SK))
		return !write && size == 8 && gives(out, VK_SOCK, 0);
	return !write && size == 4;
}

static bool sock_ops_access(struct vrf_env *env, s32 off, u32 size, bool write, struct vrf_ctx_out *out)
{
	(void)env;
	if (!aligned_in(off, size, 216))
		return false;
	if (write)
		return (within(off, 4, 20) || in4(off, 164)) && size == 4;
	if (within(off, 168, 184))
		return size == 8;
	switch (off) {
	case 184:
		return size == 8 && gives(out, VK_SOCK, VF_NULL);
	case 192:
		return size == 8 && gives(out, VK_PKT, 0);
	case 200:
		return size == 8 && gives(out, VK_PKT_END, 0);
	}
	if (in4(off, 212))
		return field(out, size, 4);
	return size == 4;
}

static bool sk_msg_access(struct vrf_env *env, s32 off, u32 size, bool write, struct vrf_ctx_out *out)
{
	(void)env;
	if (write || !aligned_in(off, size, 80))
		return false;
	switch (off) {
	case 0:
		return size == 8 && gives(out, VK_PKT, 0);
	case 8:
		return size == 8 && gives(out, VK_PKT_END, 0);
	case 72:
		return size == 8 && gives(out, VK_SOCK, 0);
	}
	return within(off, 16, 72) && size == 4;
}

static bool sk_reuseport_access(struct vrf_env *env, s32 off, u32 size, bool write, struct vrf_ctx_out *out)
{
	(void)env;
	if (write || !aligned_in(off, size, 56))
		return false;
	switch (off) {
	case 0:
		return size == 8 && gives(out, VK_PKT, 0);
	case 8:
		return size == 8 && gives(out, VK_PKT_END, 0);
	case 32:
		return size == 4;
	case 40:
		return size == 8 && gives(out, VK_SOCK, 0);
	case 48:
		return size == 8 && gives(out, VK_SOCK_COMMON, VF_NULL);
	}
	if (in4(off, 20) && size < 2)
		return false;
	return within(off, 16, 32) && field(out, size, 4);
}

static bool sk_lookup_access(struct vrf_env *env, s32 off, u32 size, bool write, struct vrf_ctx_out *out)
{
	(void)env;
	if (write || !aligned_in(off, size, 72))
		return false;
	if (!off)
		return size == 8 && gives(out, VK_SOCK, VF_NULL);
	if (within(off, 36, 38)) {	/* remote_port: two bytes, read as four by old programs */
		if (size == 4)
			return true;
		return field(out, size, 2);
	}
	if (within(off, 38, 40))	/* zero padding */
		return field(out, size, 2);
	if (within(off, 8, 36) || within(off, 40, 68))
		return field(out, size, 4);
	return false;
}

static bool cgroup_device_access(struct vrf_env *env, s32 off, u32 size, bool write, struct vrf_ctx_out *out)
{
	(void)env;
	if (write || !aligned_in(off, size, 12))
		return false;
	return in4(off, 0) ? field(out, size, 4) : size == 4;
}

static bool cgroup_sysctl_access(struct vrf_env *env, s32 off, u32 size, bool write, struct vrf_ctx_out *out)
{
	(void)env;
	if (!aligned_in(off, size, 8) || (u32)off + size > 8)
		return false;
	if (in4(off, 0))
		return !write && field(out, size, 4);
	return write ? size == 4 : field(out, size, 4);
}

static bool cgroup_sockopt_access(struct vrf_env *env, s32 off, u32 size, bool write, struct vrf_ctx_out *out)
{
	u32 at = env->attach_type;

	if (!aligned_in(off, size, 40))
		return false;
	if (write) {
		switch (off) {
		case 36:
			return size == 4 && at == BPFSHIM_CGROUP_GETSOCKOPT;
		case 24:
		case 28:
			return size == 4 && at == BPFSHIM_CGROUP_SETSOCKOPT;
		case 32:
			return size == 4;
		}
		return false;
	}
	switch (off) {
	case 0:
		return size == 8 && gives(out, VK_SOCK, 0);
	case 8:
		return size == 8 && gives(out, VK_PKT, 0);
	case 16:
		return size == 8 && gives(out, VK_PKT_END, 0);
	case 36:
		return size == 4 && at == BPFSHIM_CGROUP_GETSOCKOPT;
	}
	return size == 4;
}

static const struct vrf_ctx_ops ops_table[] = {
	{ BPFSHIM_PROG_TYPE_SOCKET_FILTER, socket_filter_access, false },
	{ BPFSHIM_PROG_TYPE_KPROBE, kprobe_access, true },
	{ BPFSHIM_PROG_TYPE_SCHED_CLS, sched_access, false },
	{ BPFSHIM_PROG_TYPE_SCHED_ACT, sched_access, false },
	{ BPFSHIM_PROG_TYPE_TRACEPOINT, tracepoint_access, true },
	{ BPFSHIM_PROG_TYPE_XDP, xdp_access, false },
	{ BPFSHIM_PROG_TYPE_PERF_EVENT, perf_event_access, true },
	{ BPFSHIM_PROG_TYPE_CGROUP_SKB, cgroup_skb_access, false },
	{ BPFSHIM_PROG_TYPE_CGROUP_SOCK, cgroup_sock_access, true },
	{ BPFSHIM_PROG_TYPE_LWT_IN, lwt_access, false },
	{ BPFSHIM_PROG_TYPE_LWT_OUT, lwt_access, false },
	{ BPFSHIM_PROG_TYPE_LWT_XMIT, lwt_access, false },
	{ BPFSHIM_PROG_TYPE_LWT_SEG6LOCAL, lwt_access, false },
	{ BPFSHIM_PROG_TYPE_SOCK_OPS, sock_ops_access, true },
	{ BPFSHIM_PROG_TYPE_SK_SKB, sk_skb_access, false },
	{ BPFSHIM_PROG_TYPE_CGROUP_DEVICE, cgroup_device_access, true },
	{ BPFSHIM_PROG_TYPE_SK_MSG, sk_msg_access, true },
	{ BPFSHIM_PROG_TYPE_RAW_TRACEPOINT, raw_tp_access, true },
	{ BPFSHIM_PROG_TYPE_CGROUP_SOCK_ADDR, sock_addr_access, true },
	{ BPFSHIM_PROG_TYPE_SK_REUSEPORT, sk_reuseport_access, true },
	{ BPFSHIM_PROG_TYPE_FLOW_DISSECTOR, flow_dissector_access, false },
	{ BPFSHIM_PROG_TYPE_CGROUP_SYSCTL, cgroup_sysctl_access, true },
	{ BPFSHIM_PROG_TYPE_RAW_TRACEPOINT_WRITABLE, raw_tp_writable_access, true },
	{ BPFSHIM_PROG_TYPE_CGROUP_SOCKOPT, cgroup_sockopt_access, true },
	{ BPFSHIM_PROG_TYPE_TRACING, tracing_access, true },
	{ BPFSHIM_PROG_TYPE_LSM, tracing_access, true },
	{ BPFSHIM_PROG_TYPE_SK_LOOKUP, sk_lookup_access, true },
	{ BPFSHIM_PROG_TYPE_SYSCALL, syscall_access, true },
};

const struct vrf_ctx_ops *bpfshim_v_ctx_ops(u32 prog_type)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(ops_table); i++)
		if (ops_table[i].prog_type == prog_type)
			return &ops_table[i];
	return NULL;
}
