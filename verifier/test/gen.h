/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFSHIM_GEN_H
#define BPFSHIM_GEN_H

#include "../verifier.h"

#define GEN_MAX		96
#define GEN_MAPS	3	/* fds 10, 11, 12: array, hash, read-only array */
#define GEN_FD(i)	(10 + (i))

/** gen_program() - a program from a seed: plausible ones mostly, and bytes of
 * chance.  Returns its length in instructions. */
u32 gen_program(u64 seed, struct bpfshim_insn *out);
u64 gen_rnd(u64 *state);

#endif /* BPFSHIM_GEN_H */
