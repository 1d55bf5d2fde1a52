// SPDX-License-Identifier: GPL-2.0
/* Which helper is which function: the rows of ioctl/helpers.h that are written. */
#include "helpers.h"
#include "../../verifier/helpers.h"

/* A row without an implementation links to nothing, and stays NULL. */
#define DECLARE(id, name, ...) \
	u64 __weak bpfshim_helper_##name(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5);
#define NOTHING(id, name)
BPFSHIM_HELPERS(DECLARE, NOTHING)

/* Old packet loads, which the verifier turns into calls. */
u64 bpfshim_helper_load_byte(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5);
u64 bpfshim_helper_load_half(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5);
u64 bpfshim_helper_load_word(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5);

#define ROW(id, name, ...) [id] = bpfshim_helper_##name,
const bpfshim_helper_fn bpfshim_helper_table[BPFSHIM_HELPER_SLOTS] = {
	BPFSHIM_HELPERS(ROW, NOTHING)
	[BPFSHIM_XHELPER_LOAD_BYTE] = bpfshim_helper_load_byte,
	[BPFSHIM_XHELPER_LOAD_HALF] = bpfshim_helper_load_half,
	[BPFSHIM_XHELPER_LOAD_WORD] = bpfshim_helper_load_word,
};

/* The engines do it themselves. */
#define HELPER_TAIL_CALL 12

/* Helpers whose implementation takes a test's packet or snapshot of a socket. */
static bool wants_packet(u32 id)
{
	return id == 17 || id == 46 || id == 47 || (id >= 84 && id <= 86) ||
	       (id >= 95 && id <= 99) || id == 122;
}

static bool possible(u32 id)
{
	if (id == 84 || id == 99)	/* sk_lookup_tcp, skc_lookup_tcp */
		return bpfshim_sock_can(IPPROTO_TCP);
	if (id == 85)			/* sk_lookup_udp */
		return bpfshim_sock_can(IPPROTO_UDP);
	return id != 58 || bpfshim_can_override();
}

void bpfshim_helper_avail(u32 prog_type, u64 bits[4])
{
	bool kernel = prog_type == BPFSHIM_PROG_TYPE_TRACING || prog_type == BPFSHIM_PROG_TYPE_LSM ||
		      prog_type == BPFSHIM_PROG_TYPE_SYSCALL;
	u32 i;

	memset(bits, 0, 4 * sizeof(*bits));
	for (i = 0; i < BPFSHIM_HELPER_SLOTS; i++)
		if ((bpfshim_helper_table[i] && possible(i) && !(kernel && wants_packet(i))) || i == HELPER_TAIL_CALL)
			bits[i / 64] |= 1ULL << (i % 64);
}
