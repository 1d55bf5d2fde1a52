/* SPDX-License-Identifier: GPL-2.0 */
/* What trace event and perf event attachment share. */
#ifndef BPFSHIM_ATTACH_TRACE_H
#define BPFSHIM_ATTACH_TRACE_H

#include "../link.h"

/* Program onto the trace event of that id: link fd or errno. Takes prog. */
long bpfshim_trace_link_create(struct bpfshim_prog *prog, u64 id, u64 cookie);

#endif /* BPFSHIM_ATTACH_TRACE_H */
