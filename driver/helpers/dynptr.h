/* SPDX-License-Identifier: GPL-2.0 */
/* What a dynptr on a program's stack is: 16 bytes that only helpers touch. */
#ifndef BPFSHIM_HELPERS_DYNPTR_H
#define BPFSHIM_HELPERS_DYNPTR_H

#include "helpers.h"

#define BPFSHIM_DYNPTR_MAX_SIZE	((1U << 24) - 1)
#define BPFSHIM_DYNPTR_RDONLY	(1U << 31)

/* Owner: the program's stack.  data NULL: an invalid one, which every helper
 * takes and refuses at run time. */
struct bpfshim_dynptr {
	void *data;
	u32 size;		/* with BPFSHIM_DYNPTR_RDONLY */
	u32 offset;
};

static inline void bpfshim_dynptr_set(struct bpfshim_dynptr *p, void *data, u32 size)
{
	p->data = data;
	p->size = size;
	p->offset = 0;
}

#endif /* BPFSHIM_HELPERS_DYNPTR_H */
