/* SPDX-License-Identifier: GPL-2.0 */
/* Random programs for random.c. */
#ifndef BPFSHIM_EXEC_TEST_RANDOM_H
#define BPFSHIM_EXEC_TEST_RANDOM_H

#include "vec.h"

#define RANDOM_MAX_INSNS	3000
#define RANDOM_HELPER_MIX	5	/* a hash of its arguments */
/* four values each: of 24 bytes, and for a CPU of 16 */
#define RANDOM_MAP_ARRAY	1
#define RANDOM_MAP_PERCPU	2
#define RANDOM_MAP_PROGS	3	/* a prog array of four, the last empty */
#define RANDOM_MAP_HASH		4	/* keys of 4 bytes */
#define RANDOM_MAP_PERCPU_HASH	5	/* keys of 8 bytes */
#define RANDOM_HELPER_LOOP	6	/* R1 times (mod 4) the callback R2 with R3 */

struct random_prog {
	u32 n, nr_subs;
	struct bpfshim_insn insns[RANDOM_MAX_INSNS];
	struct bpfshim_vrf_aux notes[RANDOM_MAX_INSNS];
	u16 subs[8], stack[8];
};

void random_seed(u64 seed);
u64 random_word(void);		/* of many magnitudes */
/* for_verifier: of what 6.1 knows alone, and as its verifier wants it. */
void random_program(struct random_prog *p, bool tail_calls, bool for_verifier);

#endif
