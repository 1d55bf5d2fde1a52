/* SPDX-License-Identifier: GPL-2.0 */
/* Random programs for random.c. */
#ifndef BPFSHIM_EXEC_TEST_RANDOM_H
#define BPFSHIM_EXEC_TEST_RANDOM_H

#include "vec.h"

#define RANDOM_MAX_INSNS	3000
#define RANDOM_HELPER_MIX	5	/* a hash of its arguments */
#define RANDOM_MAP_PROGS	3	/* a prog array of four, the last empty */
#define RANDOM_HELPER_LOOP	6	/* R1 times (mod 4) the callback R2 with R3 */

struct random_prog {
	u32 n, nr_subs;
	struct bpfshim_insn insns[RANDOM_MAX_INSNS];
	struct bpfshim_vrf_aux notes[RANDOM_MAX_INSNS];
	u16 subs[8], stack[8];
};

void random_seed(u64 seed);
u64 random_word(void);		/* of many magnitudes */
void random_program(struct random_prog *p, bool tail_calls);

#endif
