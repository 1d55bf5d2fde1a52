// SPDX-License-Identifier: GPL-2.0
/* Dynptrs: memory whose bounds are known when the program runs. */
#include "dynptr.h"

/* Where len bytes at offset lie; NULL: not all of them are inside. */
static void *bytes_at(const struct bpfshim_dynptr *p, u32 offset, u32 len)
{
	u32 size = p->size & BPFSHIM_DYNPTR_MAX_SIZE;

	if (len > size || offset > size - len)
		return NULL;
	return p->data + p->offset + offset;
}

BPFSHIM_HELPER(dynptr_from_mem)
{
	struct bpfshim_dynptr *p = bpfshim_ptr(r4);
	s64 err = 0;

	if ((u32)r2 > BPFSHIM_DYNPTR_MAX_SIZE)
		err = -E2BIG;
	else if (r3)
		err = -EINVAL;
	bpfshim_dynptr_set(p, err ? NULL : bpfshim_ptr(r1), err ? 0 : (u32)r2);
	return err;
}

BPFSHIM_HELPER(dynptr_read)
{
	const struct bpfshim_dynptr *p = bpfshim_ptr(r3);
	const void *from;

	if (!p->data || r5)
		return -EINVAL;
	from = bytes_at(p, (u32)r4, (u32)r2);
	if (!from)
		return -E2BIG;
	memmove(bpfshim_ptr(r1), from, (u32)r2);
	return 0;
}

BPFSHIM_HELPER(dynptr_write)
{
	const struct bpfshim_dynptr *p = bpfshim_ptr(r1);
	void *to;

	if (!p->data || r5 || p->size & BPFSHIM_DYNPTR_RDONLY)
		return -EINVAL;
	to = bytes_at(p, (u32)r2, (u32)r4);
	if (!to)
		return -E2BIG;
	memmove(to, bpfshim_ptr(r3), (u32)r4);
	return 0;
}

BPFSHIM_HELPER(dynptr_data)
{
	const struct bpfshim_dynptr *p = bpfshim_ptr(r1);

	if (!p->data || p->size & BPFSHIM_DYNPTR_RDONLY)
		return 0;
	return (unsigned long)bytes_at(p, (u32)r2, (u32)r3);
}
