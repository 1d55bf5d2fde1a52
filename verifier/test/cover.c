// SPDX-License-Identifier: GPL-2.0
/* Which edges the core takes.  Built without sanitizers: it runs often. */
#include "cover.h"

u32 cover_edges;
bool cover_fresh, cover_off;
static u8 edges[1 << 16];

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
	static unsigned long last;
	unsigned long pc = (unsigned long)__builtin_return_address(0);
	u32 at;

	if (cover_off)
		return;
	at = (u32)((pc ^ (last << 3)) * 0x9e3779b1u >> 8) & 0xffff;
	last = pc;
	if (edges[at])
		return;
	edges[at] = 1;
	cover_edges++;
	cover_fresh = true;
}
