/* SPDX-License-Identifier: GPL-2.0 */
/* Which bucket a hash goes to: the tables and the code that walks them agree. */
#ifndef BPFSHIM_EXEC_BUCKET_H
#define BPFSHIM_EXEC_BUCKET_H

#include "../../verifier/types.h"

#define BPFSHIM_BUCKET_MUL	0x85ebca6bU

/** bpfshim_bucket_no() - the bucket of 2^(32 - shift), shift being 1 to 32.
 * A linear hash alone would put numbers that follow each other into one bucket
 * for a secret in a hundred. */
static inline u32 bpfshim_bucket_no(u32 hash, u32 shift)
{
	return (u32)((u64)((hash ^ hash >> 16) * BPFSHIM_BUCKET_MUL) >> shift);
}

#endif /* BPFSHIM_EXEC_BUCKET_H */
