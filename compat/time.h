/* SPDX-License-Identifier: GPL-2.0 */
/* Clocks. */
#ifndef BPFSHIM_COMPAT_TIME_H
#define BPFSHIM_COMPAT_TIME_H

#include <linux/time.h>
#include <linux/ktime.h>
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#if BPFSHIM_HAVE_TIMEKEEPING_H
#include <linux/timekeeping.h>
#endif

/* CLOCK_MONOTONIC, not for probe context: it may spin on the timekeeper. */
static inline u64 bpfshim_now_ns(void)
{
	return ktime_to_ns(ktime_get());
}

/* Time since boot, sleep included; process context. */
u64 bpfshim_boot_ns(void);

/* Cheap, NMI-safe, for durations on one CPU. */
static inline u64 bpfshim_stat_clock(void)
{
	return sched_clock();
}

/* Does the kernel lend all the clocks that programs read? */
#define BPFSHIM_FAST_CLOCKS (BPFSHIM_HAVE_EXPORT_KTIME_GET_MONO_FAST_NS && \
			     BPFSHIM_HAVE_EXPORT_KTIME_GET_BOOT_FAST_NS && \
			     BPFSHIM_HAVE_EXPORT_KTIME_GET_TAI_FAST_NS)

/** bpfshim_clock_mono() - CLOCK_MONOTONIC in ns.  Any context, NMI and
 * timekeeping's own writer included; preemption off. */
u64 bpfshim_clock_mono(void);

/** bpfshim_clock_boot() - the same with the time asleep; bpfshim_clock_tai() -
 * CLOCK_TAI.  The same contexts. */
/** bpfshim_clock_init() - before any of them, 0 or a negative errno;
 * bpfshim_clock_exit() - after the last of them.  Process context. */
int bpfshim_clock_init(void);
void bpfshim_clock_exit(void);
u64 bpfshim_clock_boot(void);
/** bpfshim_clock_coarse() - CLOCK_MONOTONIC as of a tick ago at most. */
u64 bpfshim_clock_coarse(void);
u64 bpfshim_clock_tai(void);

#endif /* BPFSHIM_COMPAT_TIME_H */
