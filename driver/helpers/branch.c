// SPDX-License-Identifier: GPL-2.0
/* What the processor recorded of its last branches. */
#include "helpers.h"

/* BPF_F_GET_BRANCH_RECORDS_SIZE */
#define RECORDS_SIZE	(1ULL << 0)

/* Those that came with the sample: of an event that asked for them. */
BPFSHIM_HELPER(read_branch_records)
{
	const u32 entry = sizeof(struct perf_branch_entry);
	struct bpfshim_run_ctx *rc = bpfshim_run_ctx_current();
	const struct perf_branch_stack *stack;
	u32 size = (u32)r3, have;

	if (r4 & ~RECORDS_SIZE)
		return -EINVAL;
	stack = rc && rc->sample && rc->event ? bpfshim_branch_stack(rc->event, rc->sample) : NULL;
	if (!stack)
		return -ENOENT;
	have = (u32)stack->nr * entry;
	if (r4 & RECORDS_SIZE)
		return have;
	if (!r2 || size % entry)
		return -EINVAL;
	have = min(have, size);
	memcpy(bpfshim_ptr(r2), stack->entries, have);
	return have;
}

/*
 * The branches up to this call.  A kernel before 5.16 has no way to stop the
 * recording so near to it: as on a processor that records none.
 */
BPFSHIM_HELPER(get_branch_snapshot)
{
	/* What the verifier takes for filled. */
	memset(bpfshim_ptr(r1), 0, (u32)r2);
	return r3 ? -EINVAL : -ENOENT;
}
