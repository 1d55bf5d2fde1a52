/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFSHIM_TEST_RUN_H
#define BPFSHIM_TEST_RUN_H

#include "world.h"

/** run_linked() - the verifier's output, interpreted on real memory in
 * allocations of exactly their size: ASan watches it.  Returns a digest of
 * what it returned and left in maps, the same for one seed unless addresses
 * have a part in it. */
u64 run_linked(const struct prog *p, struct bpfshim_vrf_result *res, u64 seed);

#endif /* BPFSHIM_TEST_RUN_H */
