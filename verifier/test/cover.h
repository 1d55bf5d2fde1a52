/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFSHIM_TEST_COVER_H
#define BPFSHIM_TEST_COVER_H

#include "../types.h"

/* Edges of the core that were taken so far; a new one sets cover_fresh. */
extern u32 cover_edges;
extern bool cover_fresh, cover_off;

#endif /* BPFSHIM_TEST_COVER_H */
