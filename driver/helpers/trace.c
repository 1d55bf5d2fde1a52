// SPDX-License-Identifier: GPL-2.0
/* Formatted text to the kernel's trace pipe, and to programs. */
#include "helpers.h"

#define LINE 512

/* Programs do not nest on a CPU: a buffer each is enough. */
struct lines {
	char line[LINE];
};
static DEFINE_PER_CPU(struct lines, lines);

static u64 print(const char *fmt, u32 fmt_size, const u64 *args, u32 nr_args)
{
	struct lines *l = this_cpu_ptr(&lines);
	int n = bpfshim_format(l->line, LINE, fmt, fmt_size, args, nr_args);

	if (n >= 0)
		__trace_puts(_THIS_IP_, l->line, min(n, LINE - 1));
	return n;
}

BPFSHIM_HELPER(trace_printk)
{
	u64 args[3] = { r3, r4, r5 };

	return print(bpfshim_ptr(r1), (u32)r2, args, 3);
}

BPFSHIM_HELPER(trace_vprintk)
{
	u32 len = (u32)r4;

	if (len % 8 || len > 12 * 8 || (len && !r3))
		return -EINVAL;
	return print(bpfshim_ptr(r1), (u32)r2, bpfshim_ptr(r3), len / 8);
}

BPFSHIM_HELPER(snprintf)
{
	const char *fmt = bpfshim_ptr(r3);
	u32 len = (u32)r5;
	int n;

	if (len % 8 || len > 12 * 8 || (len && !r4))
		return -EINVAL;
	/* The verifier saw to it that the format ends. */
	n = bpfshim_format(bpfshim_ptr(r1), (u32)r2, fmt, strlen(fmt) + 1, bpfshim_ptr(r4), len / 8);
	return n < 0 ? n : n + 1;
}
