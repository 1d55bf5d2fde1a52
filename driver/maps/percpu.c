// SPDX-License-Identifier: GPL-2.0
/*
 * Values with a copy for each CPU.
 *
 * Old kernels' per-CPU allocator looks through a chunk's list for each call,
 * with interrupts off: a million small ones take minutes.  So many values
 * share an allocation.
 */
#include "maps.h"

#define BLOCK_BYTES	8192u

static void __percpu **slot(void *slots, size_t stride, u32 i)
{
	return slots + stride * i;
}

static u32 per_block(u32 size)
{
	return max_t(u32, BLOCK_BYTES / size, 1);
}

void bpfshim_percpu_values_free(void *slots, size_t stride, u32 n, u32 size)
{
	u32 i, step = per_block(size);

	for (i = 0; i < n; i += min(step, n - i)) {
		free_percpu(*slot(slots, stride, i));
		cond_resched();
	}
}

int bpfshim_percpu_values_alloc(void *slots, size_t stride, u32 n, u32 size)
{
	u32 i, k, nr, step = per_block(size);
	void __percpu *block;

	for (i = 0; i < n; i += nr) {
		nr = min(step, n - i);
		block = bpfshim_alloc_percpu((size_t)nr * size);
		if (!block) {
			bpfshim_percpu_values_free(slots, stride, i, size);
			return -ENOMEM;
		}
		for (k = 0; k < nr; k++)
			*slot(slots, stride, i + k) = block + (size_t)k * size;
		cond_resched();
	}
	return 0;
}

void bpfshim_percpu_copy_out(void *dst, void __percpu *src, u32 size)
{
	int cpu, off = 0;

	size = round_up(size, 8);
	for_each_possible_cpu(cpu) {
		bpfshim_copy(dst + off, per_cpu_ptr(src, cpu), size);
		off += size;
	}
}

void bpfshim_percpu_copy_in(void __percpu *dst, const void *src, u32 size)
{
	int cpu, off = 0;

	size = round_up(size, 8);
	for_each_possible_cpu(cpu) {
		bpfshim_copy(per_cpu_ptr(dst, cpu), src + off, size);
		off += size;
	}
}
