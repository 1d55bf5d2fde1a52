// SPDX-License-Identifier: GPL-2.0
/* Clocks that never wait: see compat/clock.c for how. */
#include "helpers.h"

BPFSHIM_HELPER(ktime_get_ns)
{
	return bpfshim_clock_mono();
}

BPFSHIM_HELPER(ktime_get_boot_ns)
{
	return bpfshim_clock_boot();
}

BPFSHIM_HELPER(ktime_get_tai_ns)
{
	return bpfshim_clock_tai();
}

/* As of a tick ago at most, like the kernel's own coarse clock. */
BPFSHIM_HELPER(ktime_get_coarse_ns)
{
	u64 now = bpfshim_clock_mono();

	return now - now % TICK_NSEC;
}

BPFSHIM_HELPER(jiffies64)
{
	return get_jiffies_64();
}
