// SPDX-License-Identifier: GPL-2.0
/* Which helper is which function: the rows of ioctl/helpers.h that are written. */
#include "helpers.h"
#include "../../ioctl/helpers.h"

/* A row without an implementation links to nothing, and stays NULL. */
#define DECLARE(id, name, ...) \
	u64 __weak bpfshim_helper_##name(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5);
#define NOTHING(id, name)
BPFSHIM_HELPERS(DECLARE, NOTHING)

#define ROW(id, name, ...) [id] = bpfshim_helper_##name,
const bpfshim_helper_fn bpfshim_helper_table[BPFSHIM_HELPER_SLOTS] = {
	BPFSHIM_HELPERS(ROW, NOTHING)
};

/* The engines do it themselves. */
#define HELPER_TAIL_CALL 12

void bpfshim_helper_avail(u32 prog_type, u64 bits[4])
{
	u32 i;

	memset(bits, 0, 4 * sizeof(*bits));
	for (i = 0; i < BPFSHIM_HELPER_SLOTS; i++)
		if (bpfshim_helper_table[i] || i == HELPER_TAIL_CALL)
			bits[i / 64] |= 1ULL << (i % 64);
}
