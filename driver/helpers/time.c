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

BPFSHIM_HELPER(ktime_get_coarse_ns)
{
	return bpfshim_clock_coarse();
}

BPFSHIM_HELPER(jiffies64)
{
	return get_jiffies_64();
}
