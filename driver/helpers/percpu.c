// SPDX-License-Identifier: GPL-2.0
/* Copies of the kernel's per-CPU variables, which the verifier found by BTF. */
#include "helpers.h"

BPFSHIM_HELPER(per_cpu_ptr)
{
	u32 cpu = (u32)r2;

	if (cpu >= nr_cpu_ids || !cpu_possible(cpu))
		return 0;
	return (unsigned long)per_cpu_ptr((void __percpu *)bpfshim_ptr(r1), cpu);
}

BPFSHIM_HELPER(this_cpu_ptr)
{
	return (unsigned long)this_cpu_ptr((void __percpu *)bpfshim_ptr(r1));
}
