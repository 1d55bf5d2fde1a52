/* SPDX-License-Identifier: GPL-2.0 */
/* The interpreter's stack, as linking counts it. Freestanding. */
#ifndef BPFSHIM_EXEC_INTERP_H
#define BPFSHIM_EXEC_INTERP_H

#include "exec.h"

/* Between two frames lie the caller's return address, R6 to R10. */
#define BPFSHIM_FRAME_SAVE	48
/* 512 bytes of program stack and what all calls of the deepest chain save. */
#define BPFSHIM_INTERP_STACK_MAX \
	(BPFSHIM_VRF_MAX_STACK + (BPFSHIM_MAX_FRAMES - 1) * BPFSHIM_FRAME_SAVE)

#endif /* BPFSHIM_EXEC_INTERP_H */
