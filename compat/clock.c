// SPDX-License-Identifier: GPL-2.0
/*
 * CLOCK_MONOTONIC from any context.  Kernels with ktime_get_mono_fast_ns have
 * it ready.  Elsewhere ktime_get spins on timekeeping's sequence counter, for
 * ever if this very CPU is inside the writer (a probe in there, an NMI on top
 * of it).  So the counter is looked at first: odd means that a writer is at
 * work, and the time is then told from this CPU's last reading.
 */
#include "compat.h"

#if !BPFSHIM_HAVE_EXPORT_KTIME_GET_MONO_FAST_NS
struct reading {
	u64 mono, clock;
};
/* Written by its CPU alone; one cut short by an NMI is a reading old at most. */
static DEFINE_PER_CPU(struct reading, last);
#endif

u64 bpfshim_clock_mono(void)
{
#if BPFSHIM_HAVE_EXPORT_KTIME_GET_MONO_FAST_NS
	return ktime_get_mono_fast_ns();
#else
	struct reading *r = this_cpu_ptr(&last);
	u64 now;

	if (!bpfshim_ksym.timekeeper_seq || (READ_ONCE(bpfshim_ksym.timekeeper_seq->sequence) & 1)) {
		now = sched_clock() - r->clock;
		return r->mono + ((s64)now > 0 ? now : 0);
	}
	now = bpfshim_now_ns();
	r->mono = now;
	r->clock = sched_clock();
	return now;
#endif
}
