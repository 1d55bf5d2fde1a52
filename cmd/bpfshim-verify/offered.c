// SPDX-License-Identifier: GPL-2.0
/* What the driver offers: offered.h is made from its sources by the Makefile. */
#include "host.h"
#include "../../verifier/helpers.h"
#include "offered.h"

/* The engines make tail calls themselves. */
#define HELPER_TAIL_CALL 12

#define ID(id, name, ...) HELPER_##name = id,
enum {
	BPFSHIM_HELPERS(ID, ID)
	HELPER_load_byte = BPFSHIM_XHELPER_LOAD_BYTE,
	HELPER_load_half = BPFSHIM_XHELPER_LOAD_HALF,
	HELPER_load_word = BPFSHIM_XHELPER_LOAD_WORD,
	HELPER_SLOTS = 256
};

#define BIT_OF(name) [HELPER_##name] = true,
static const bool helpers[HELPER_SLOTS] = {
	OFFERED_HELPERS(BIT_OF)
	[HELPER_TAIL_CALL] = true,
};

#define MAP(name) [BPFSHIM_MAP_TYPE_##name] = true,
static const bool map_types[BPFSHIM_MAP_TYPE_MAX] = { OFFERED_MAPS(MAP) };

/* Helpers whose implementation takes a test's packet or snapshot of a socket. */
static bool wants_packet(u32 id)
{
	return id == 17 || id == 46 || id == 47 || (id >= 84 && id <= 86) || (id >= 95 && id <= 99) || id == 122;
}

void offered_helpers(u32 prog_type, u64 bits[4])
{
	bool kernel = prog_type == BPFSHIM_PROG_TYPE_TRACING || prog_type == BPFSHIM_PROG_TYPE_LSM ||
		      prog_type == BPFSHIM_PROG_TYPE_SYSCALL;
	u32 i;

	memset(bits, 0, 4 * sizeof(*bits));
	for (i = 0; i < HELPER_SLOTS; i++)
		if (helpers[i] && !(kernel && wants_packet(i)))
			bits[i / 64] |= (u64)1 << (i % 64);
}

bool offered_map(u32 map_type)
{
	return map_type < BPFSHIM_MAP_TYPE_MAX && map_types[map_type];
}
