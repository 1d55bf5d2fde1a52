// SPDX-License-Identifier: GPL-2.0
#include "helpers.h"

/* The probed function is not run and returns this: attach/kprobe.c does it
 * when the program has ended, where it saw to it that it can. */
BPFSHIM_HELPER(override_return)
{
	struct bpfshim_run_ctx *rc = bpfshim_run_ctx_current();
	struct pt_regs *regs = bpfshim_ptr(r1);

	bpfshim_set_result(regs, (unsigned long)r2);
	if (rc)
		rc->override = true;
	return 0;
}
