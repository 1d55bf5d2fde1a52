// SPDX-License-Identifier: GPL-2.0
/*
 * A lock in a map's value.  Programs of types that run in probes may not use
 * one, and a program holds one at a time, without calls in between: the
 * verifier sees to it.  So interrupts are off for a few instructions.
 */
#include "helpers.h"
#include "../maps/maps.h"

static DEFINE_PER_CPU(unsigned long, saved_flags);

BPFSHIM_HELPER(spin_lock)
{
	unsigned long irq;

	local_irq_save(irq);
	bpfshim_value_lock(bpfshim_ptr(r1));
	__this_cpu_write(saved_flags, irq);
	return 0;
}

BPFSHIM_HELPER(spin_unlock)
{
	unsigned long irq = __this_cpu_read(saved_flags);

	bpfshim_value_unlock(bpfshim_ptr(r1));
	local_irq_restore(irq);
	return 0;
}
