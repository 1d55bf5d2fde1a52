// SPDX-License-Identifier: GPL-2.0
/*
 * Random numbers without a lock: a generator of its own for each CPU.  Programs
 * do not nest on a CPU, so nothing touches it half-way.
 */
#include "helpers.h"
#include "../packet.h"

static DEFINE_PER_CPU(u64, state);

static u64 mix(u64 x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

BPFSHIM_HELPER(get_prandom_u32)
{
	u64 s = this_cpu_read(state) + 0x9e3779b97f4a7c15ULL;

	this_cpu_write(state, s);
	return (u32)mix(s);
}

static void seed(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		get_random_bytes(per_cpu_ptr(&state, cpu), sizeof(u64));
}

int bpfshim_helpers_init(void)
{
	int err;

	seed();
	bpfshim_hash_ptr_init();
	err = bpfshim_clock_init();
	if (err)
		return err;
	bpfshim_helper_signal_init();
	bpfshim_helper_find_vma_init();
	err = bpfshim_helper_stack_init();
	if (err)
		goto clock;
	err = bpfshim_helper_btf_init();
	if (err)
		goto stack;
	err = bpfshim_sock_init();
	if (!err)
		return 0;
	bpfshim_helper_btf_exit();
stack:
	bpfshim_helper_stack_exit();
clock:
	bpfshim_clock_exit();
	return err;
}

void bpfshim_helpers_exit(void)
{
	bpfshim_sock_exit();
	bpfshim_helper_btf_exit();
	bpfshim_helper_find_vma_exit();
	bpfshim_helper_signal_exit();
	bpfshim_helper_stack_exit();
	bpfshim_clock_exit();
}
