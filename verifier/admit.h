/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What PROG_LOAD asks of a program's type before the verifier looks at its
 * instructions, as Linux 6.1 does.  Freestanding as verifier.h is: the driver
 * and the host's verifier share it.
 */
#ifndef BPFSHIM_ADMIT_H
#define BPFSHIM_ADMIT_H

#include "../ioctl/bpfshim.h"
#include "types.h"

/**
 * bpfshim_vrf_admit_target() - may a program of this type attach like that?
 * @expected: expected_attach_type; in and out: some types imply one for 0
 * @btf_id:   attach_btf_id, 0: none
 * @have_btf: there is BTF for it to be an id of
 *
 * Return: 0 or -EINVAL.
 */
int bpfshim_vrf_admit_target(u32 prog_type, u32 *expected, u32 btf_id, bool have_btf);

/** bpfshim_vrf_admit_sleepable() - why a program of this type may not be
 * sleepable, or must be; NULL: nothing is wrong.  The errno is -EINVAL. */
const char *bpfshim_vrf_admit_sleepable(u32 prog_type, bool sleepable);

#endif /* BPFSHIM_ADMIT_H */
