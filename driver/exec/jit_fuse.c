// SPDX-License-Identifier: GPL-2.0
/* Several instructions of a program in fewer of the machine. */
#include "jit_emit.h"

u32 jit_fuse(struct bpfshim_jit *j, u32 i)
{
	return 0;
}
