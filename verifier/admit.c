// SPDX-License-Identifier: GPL-2.0
/* Program types and what may be asked of them, before verification. */
#include "admit.h"

#define BTF_ID_MAX	0x000fffffU

/* expected_attach_type that some types need; the others take any. */
static int check_attach_type(u32 type, u32 at)
{
	bool ok = true;

	switch (type) {
	case BPFSHIM_PROG_TYPE_CGROUP_SOCK:
		ok = at == BPFSHIM_CGROUP_INET_SOCK_CREATE ||
		     at == BPFSHIM_CGROUP_INET_SOCK_RELEASE ||
		     at == BPFSHIM_CGROUP_INET4_POST_BIND ||
		     at == BPFSHIM_CGROUP_INET6_POST_BIND;
		break;
	case BPFSHIM_PROG_TYPE_CGROUP_SOCK_ADDR:
		ok = (at >= BPFSHIM_CGROUP_INET4_BIND && at <= BPFSHIM_CGROUP_INET6_CONNECT) ||
		     (at >= BPFSHIM_CGROUP_INET4_GETPEERNAME &&
		      at <= BPFSHIM_CGROUP_INET6_GETSOCKNAME) ||
		     at == BPFSHIM_CGROUP_UDP4_SENDMSG || at == BPFSHIM_CGROUP_UDP6_SENDMSG ||
		     at == BPFSHIM_CGROUP_UDP4_RECVMSG || at == BPFSHIM_CGROUP_UDP6_RECVMSG;
		break;
	case BPFSHIM_PROG_TYPE_CGROUP_SKB:
		ok = at == BPFSHIM_CGROUP_INET_INGRESS || at == BPFSHIM_CGROUP_INET_EGRESS;
		break;
	case BPFSHIM_PROG_TYPE_CGROUP_SOCKOPT:
		ok = at == BPFSHIM_CGROUP_GETSOCKOPT || at == BPFSHIM_CGROUP_SETSOCKOPT;
		break;
	case BPFSHIM_PROG_TYPE_SK_LOOKUP:
		ok = at == BPFSHIM_SK_LOOKUP;
		break;
	case BPFSHIM_PROG_TYPE_SK_REUSEPORT:
		ok = at == BPFSHIM_SK_REUSEPORT_SELECT ||
		     at == BPFSHIM_SK_REUSEPORT_SELECT_OR_MIGRATE;
		break;
	case BPFSHIM_PROG_TYPE_SYSCALL:
	case BPFSHIM_PROG_TYPE_EXT:
		ok = !at;
		break;
	}
	return ok ? 0 : -EINVAL;
}

int bpfshim_vrf_admit_target(u32 prog_type, u32 *expected, u32 btf_id, bool have_btf)
{
	if (prog_type == BPFSHIM_PROG_TYPE_CGROUP_SOCK && !*expected)
		*expected = BPFSHIM_CGROUP_INET_SOCK_CREATE;
	if (prog_type == BPFSHIM_PROG_TYPE_SK_REUSEPORT && !*expected)
		*expected = BPFSHIM_SK_REUSEPORT_SELECT;

	if (btf_id) {
		if (btf_id > BTF_ID_MAX || !have_btf)
			return -EINVAL;
		switch (prog_type) {
		case BPFSHIM_PROG_TYPE_TRACING:
		case BPFSHIM_PROG_TYPE_LSM:
		case BPFSHIM_PROG_TYPE_STRUCT_OPS:
		case BPFSHIM_PROG_TYPE_EXT:
			break;
		default:
			return -EINVAL;
		}
	} else if (have_btf) {
		return -EINVAL;
	}
	return check_attach_type(prog_type, *expected);
}

const char *bpfshim_vrf_admit_sleepable(u32 prog_type, bool sleepable)
{
	if (prog_type == BPFSHIM_PROG_TYPE_SYSCALL)
		return sleepable ? NULL : "Syscall programs can only be sleepable";
	if (!sleepable || prog_type == BPFSHIM_PROG_TYPE_TRACING || prog_type == BPFSHIM_PROG_TYPE_LSM ||
	    prog_type == BPFSHIM_PROG_TYPE_KPROBE)
		return NULL;
	return "Only fentry/fexit/fmod_ret, lsm, and kprobe/uprobe programs can be sleepable";
}
