// SPDX-License-Identifier: GPL-2.0
#include "helpers.h"

/* Memory of the running process; never of a thread without one, nor from an
 * interrupt, whose process is anybody's. */
BPFSHIM_HELPER(probe_write_user)
{
	if (in_interrupt() || (current->flags & (PF_KTHREAD | PF_EXITING)))
		return -EPERM;
	return bpfshim_write_user((void __user *)bpfshim_ptr(r1), bpfshim_ptr(r2), (u32)r3);
}
