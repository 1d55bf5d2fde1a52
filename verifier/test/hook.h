/* SPDX-License-Identifier: GPL-2.0 */
/* What the test build of the core calls (see env.h). */
#ifndef BPFSHIM_VRF_TEST_HOOK_H
#define BPFSHIM_VRF_TEST_HOOK_H

struct vrf_env;

/* Owner: fuzz.c's main thread. */
extern void (*bpfshim_test_step)(struct vrf_env *env);
extern bool bpfshim_test_exact;

#define VRF_STEP(env)	do { if (bpfshim_test_step) bpfshim_test_step(env); } while (0)
#define VRF_EXACT(env)	((void)(env), bpfshim_test_exact)

#endif /* BPFSHIM_VRF_TEST_HOOK_H */
