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

#if !BPFSHIM_HAVE_EXPORT_KTIME_GET_MONO_FAST_NS || !BPFSHIM_HAVE_EXPORT_KTIME_GET_TAI_FAST_NS
/* How far the other clocks are from CLOCK_MONOTONIC: they move with it but for
 * a sleep or a set clock, so what was last seen serves while a writer works. */
static struct {
	u64 boot, tai;
} offset;

/* May the clocks be read here?  Their writer has interrupts off. */
static bool may_look(void)
{
	if (bpfshim_ksym.timekeeper_seq)
		return !(READ_ONCE(bpfshim_ksym.timekeeper_seq->sequence) & 1);
	return !irqs_disabled() && !in_nmi();
}

static u64 differ(u64 (*clock)(void))
{
	u64 before, there, after;
	u32 tries = 3;

	/* Interrupted in between, the two are of different times. */
	do {
		before = bpfshim_now_ns();
		there = clock();
		after = bpfshim_now_ns();
	} while (after - before > 10 * NSEC_PER_USEC && --tries);
	return there - before - (after - before) / 2;
}

static u64 tai(void)
{
	return ktime_to_ns(ktime_get_clocktai());
}

void bpfshim_clock_init(void)
{
	WRITE_ONCE(offset.boot, differ(bpfshim_boot_ns));
	WRITE_ONCE(offset.tai, differ(tai));
}

static u64 away(u64 *offset, u64 (*clock)(void))
{
	if (may_look())
		WRITE_ONCE(*offset, differ(clock));
	return bpfshim_clock_mono() + READ_ONCE(*offset);
}

u64 bpfshim_clock_boot(void)
{
	return away(&offset.boot, bpfshim_boot_ns);
}

u64 bpfshim_clock_tai(void)
{
	return away(&offset.tai, tai);
}
#else
void bpfshim_clock_init(void)
{
}

u64 bpfshim_clock_boot(void)
{
	return ktime_get_boot_fast_ns();
}

u64 bpfshim_clock_tai(void)
{
	return ktime_get_tai_fast_ns();
}
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
