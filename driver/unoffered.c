// SPDX-License-Identifier: GPL-2.0
/*
 * Commands for which this module has no hook: they check their
 * input as 6.1 does and then answer as a kernel that has none either.
 */
#include "link.h"

#define ATTACH_FLAGS	7U	/* ALLOW_OVERRIDE, ALLOW_MULTI, REPLACE */
#define QUERY_FLAGS	1U	/* QUERY_EFFECTIVE */

/* Program type by attach type; 0: a hook that takes no program this way. */
static const u8 types[BPFSHIM_ATTACH_TYPE_MAX] = {
	[BPFSHIM_CGROUP_INET_INGRESS] = BPFSHIM_PROG_TYPE_CGROUP_SKB,
	[BPFSHIM_CGROUP_INET_EGRESS] = BPFSHIM_PROG_TYPE_CGROUP_SKB,
	[BPFSHIM_CGROUP_INET_SOCK_CREATE] = BPFSHIM_PROG_TYPE_CGROUP_SOCK,
	[BPFSHIM_CGROUP_INET_SOCK_RELEASE] = BPFSHIM_PROG_TYPE_CGROUP_SOCK,
	[BPFSHIM_CGROUP_INET4_POST_BIND] = BPFSHIM_PROG_TYPE_CGROUP_SOCK,
	[BPFSHIM_CGROUP_INET6_POST_BIND] = BPFSHIM_PROG_TYPE_CGROUP_SOCK,
	[BPFSHIM_CGROUP_INET4_BIND] = BPFSHIM_PROG_TYPE_CGROUP_SOCK_ADDR,
	[BPFSHIM_CGROUP_INET6_BIND] = BPFSHIM_PROG_TYPE_CGROUP_SOCK_ADDR,
	[BPFSHIM_CGROUP_INET4_CONNECT] = BPFSHIM_PROG_TYPE_CGROUP_SOCK_ADDR,
	[BPFSHIM_CGROUP_INET6_CONNECT] = BPFSHIM_PROG_TYPE_CGROUP_SOCK_ADDR,
	[BPFSHIM_CGROUP_INET4_GETPEERNAME] = BPFSHIM_PROG_TYPE_CGROUP_SOCK_ADDR,
	[BPFSHIM_CGROUP_INET6_GETPEERNAME] = BPFSHIM_PROG_TYPE_CGROUP_SOCK_ADDR,
	[BPFSHIM_CGROUP_INET4_GETSOCKNAME] = BPFSHIM_PROG_TYPE_CGROUP_SOCK_ADDR,
	[BPFSHIM_CGROUP_INET6_GETSOCKNAME] = BPFSHIM_PROG_TYPE_CGROUP_SOCK_ADDR,
	[BPFSHIM_CGROUP_UDP4_SENDMSG] = BPFSHIM_PROG_TYPE_CGROUP_SOCK_ADDR,
	[BPFSHIM_CGROUP_UDP6_SENDMSG] = BPFSHIM_PROG_TYPE_CGROUP_SOCK_ADDR,
	[BPFSHIM_CGROUP_UDP4_RECVMSG] = BPFSHIM_PROG_TYPE_CGROUP_SOCK_ADDR,
	[BPFSHIM_CGROUP_UDP6_RECVMSG] = BPFSHIM_PROG_TYPE_CGROUP_SOCK_ADDR,
	[BPFSHIM_CGROUP_SOCK_OPS] = BPFSHIM_PROG_TYPE_SOCK_OPS,
	[BPFSHIM_CGROUP_DEVICE] = BPFSHIM_PROG_TYPE_CGROUP_DEVICE,
	[BPFSHIM_CGROUP_SYSCTL] = BPFSHIM_PROG_TYPE_CGROUP_SYSCTL,
	[BPFSHIM_CGROUP_GETSOCKOPT] = BPFSHIM_PROG_TYPE_CGROUP_SOCKOPT,
	[BPFSHIM_CGROUP_SETSOCKOPT] = BPFSHIM_PROG_TYPE_CGROUP_SOCKOPT,
	[BPFSHIM_SK_MSG_VERDICT] = BPFSHIM_PROG_TYPE_SK_MSG,
	[BPFSHIM_SK_SKB_STREAM_PARSER] = BPFSHIM_PROG_TYPE_SK_SKB,
	[BPFSHIM_SK_SKB_STREAM_VERDICT] = BPFSHIM_PROG_TYPE_SK_SKB,
	[BPFSHIM_SK_SKB_VERDICT] = BPFSHIM_PROG_TYPE_SK_SKB,
	[BPFSHIM_LIRC_MODE2] = BPFSHIM_PROG_TYPE_LIRC_MODE2,
	[BPFSHIM_FLOW_DISSECTOR] = BPFSHIM_PROG_TYPE_FLOW_DISSECTOR,
	[BPFSHIM_TRACE_RAW_TP] = BPFSHIM_PROG_TYPE_TRACING,
	[BPFSHIM_TRACE_FENTRY] = BPFSHIM_PROG_TYPE_TRACING,
	[BPFSHIM_TRACE_FEXIT] = BPFSHIM_PROG_TYPE_TRACING,
	[BPFSHIM_MODIFY_RETURN] = BPFSHIM_PROG_TYPE_TRACING,
	[BPFSHIM_TRACE_ITER] = BPFSHIM_PROG_TYPE_TRACING,
	[BPFSHIM_LSM_MAC] = BPFSHIM_PROG_TYPE_LSM,
	[BPFSHIM_LSM_CGROUP] = BPFSHIM_PROG_TYPE_LSM,
	[BPFSHIM_SK_LOOKUP] = BPFSHIM_PROG_TYPE_SK_LOOKUP,
	[BPFSHIM_XDP] = BPFSHIM_PROG_TYPE_XDP,
};

u32 bpfshim_type_of_attach(u32 at)
{
	return at < ARRAY_SIZE(types) ? types[at] : BPFSHIM_PROG_TYPE_UNSPEC;
}

/* Does the target of this attach type name a cgroup (or the like) by fd? */
static bool by_fd(u32 at)
{
	switch (bpfshim_type_of_attach(at)) {
	case BPFSHIM_PROG_TYPE_CGROUP_SKB:
	case BPFSHIM_PROG_TYPE_CGROUP_SOCK:
	case BPFSHIM_PROG_TYPE_CGROUP_SOCK_ADDR:
	case BPFSHIM_PROG_TYPE_CGROUP_SOCKOPT:
	case BPFSHIM_PROG_TYPE_CGROUP_SYSCTL:
	case BPFSHIM_PROG_TYPE_CGROUP_DEVICE:
	case BPFSHIM_PROG_TYPE_SOCK_OPS:
		return true;
	default:
		return at == BPFSHIM_LSM_CGROUP;
	}
}

long bpfshim_cmd_prog_attach(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	u32 type = bpfshim_type_of_attach(attr->attach_type);
	struct bpfshim_prog *prog;
	long ret;

	if ((attr->attach_flags & ~ATTACH_FLAGS) || type == BPFSHIM_PROG_TYPE_UNSPEC)
		return -EINVAL;
	prog = bpfshim_prog_from_fd(attr->attach_bpf_fd);
	if (IS_ERR(prog))
		return PTR_ERR(prog);
	ret = prog->type == type && by_fd(attr->attach_type) ? -EBADF : -EINVAL;
	bpfshim_prog_put(prog);
	return ret;
}

long bpfshim_cmd_prog_detach(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	return by_fd(attr->attach_type) ? -EBADF : -EINVAL;
}

long bpfshim_cmd_prog_query(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	if (attr->query.query_flags & ~QUERY_FLAGS)
		return -EINVAL;
	return by_fd(attr->query.attach_type) ? -EBADF : -EINVAL;
}

/* No link of this module is an iterator's. */
long bpfshim_cmd_iter_create(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	struct bpfshim_link *link;

	if (attr->iter_create.flags)
		return -EINVAL;
	link = bpfshim_link_from_fd(attr->iter_create.link_fd);
	if (IS_ERR(link))
		return PTR_ERR(link);
	bpfshim_link_put(link);
	return -EINVAL;
}
