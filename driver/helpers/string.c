// SPDX-License-Identifier: GPL-2.0
#include "helpers.h"

BPFSHIM_HELPER(strncmp)
{
	return (s64)strncmp(bpfshim_ptr(r1), bpfshim_ptr(r3), (u32)r2);
}
