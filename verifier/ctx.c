// SPDX-License-Identifier: GPL-2.0
/* What a program of each type may read of its context. */
#include "env.h"

enum rule {
	RULE_NONE,	/* nothing at all */
	RULE_WORDS,	/* reads at natural alignment within [start, size) */
};

static const struct vrf_ctx contexts[] = {
	/* struct pt_regs of x86-64 */
	{ BPFSHIM_PROG_TYPE_KPROBE, 168, 0, RULE_WORDS, "kprobe" },
	/* The record; its first word is not the program's. */
	{ BPFSHIM_PROG_TYPE_TRACEPOINT, 8192, 8, RULE_WORDS, "tracepoint" },
	/* struct bpf_perf_event_data: registers, period, address */
	{ BPFSHIM_PROG_TYPE_PERF_EVENT, 184, 0, RULE_WORDS, "perf_event" },
	{ BPFSHIM_PROG_TYPE_RAW_TRACEPOINT, 96, 0, RULE_WORDS, "raw_tracepoint" },
	{ BPFSHIM_PROG_TYPE_SOCKET_FILTER, 0, 0, RULE_NONE, "socket_filter" },
};

const struct vrf_ctx *bpfshim_ver_ctx_of(u32 prog_type)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(contexts); i++)
		if (contexts[i].prog_type == prog_type)
			return &contexts[i];
	return NULL;
}

int bpfshim_ver_ctx_access(struct vrf_env *env, s32 off, u32 size, bool write, struct vrf_reg *out)
{
	const struct vrf_ctx *c = env->ctx;

	if (write || c->rule == RULE_NONE || off < (s32)c->start || (u64)off + size > c->size || off % (s32)size) {
		bpfshim_ver_log(env, "invalid bpf_context access off=%d size=%u\n", off, size);
		return -EACCES;
	}
	bpfshim_ver_reg_unknown(out);
	bpfshim_num_zext(&out->n, size);
	return 0;
}
