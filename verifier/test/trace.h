/* SPDX-License-Identifier: GPL-2.0 */
/* States that the verifier went through, and whether a machine is in one. */
#ifndef BPFSHIM_TEST_TRACE_H
#define BPFSHIM_TEST_TRACE_H

#include "machine.h"

/** trace_begin() - record from now on, what was recorded is gone. */
void trace_begin(void);
void trace_end(void);
/** trace_step() - a machine's step: its state must be one that was recorded. */
void trace_step(struct machine *m, u32 pc);
/** trace_states() - how many were recorded. */
u32 trace_states(void);

#endif /* BPFSHIM_TEST_TRACE_H */
