// SPDX-License-Identifier: GPL-2.0
/*
 * CLOCK_MONOTONIC and its relatives from any context.  Kernels with all of the
 * ktime_get_*_fast_ns have them ready.  (1160 has the first, which goes back a
 * little when it is read inside the writer.)  Elsewhere ktime_get spins on
 * timekeeping's sequence counter, for ever if this very CPU is inside the
 * writer (a probe in there, an NMI on top of it).  But each writer tells a
 * notifier of the timekeeper's new state.  Two copies of it are kept, of which
 * one is whole at any moment, and read the clocksource against that.
 */
#include "compat.h"

#if !BPFSHIM_FAST_CLOCKS
#include <linux/clocksource.h>
#include <linux/timekeeper_internal.h>
#include <linux/pvclock_gtod.h>

struct base {
	struct clocksource *clock;
	u64 cycles, mask;	/* when it was so */
	u32 mult, shift;
	u64 frac;		/* ns << shift beyond mono */
	u64 mono, boot, tai;	/* ns then; the last two as distances from mono */
};

/* Written by timekeeping's writers, which exclude each other; copy[seq & 1] is
 * never the one that is being written. */
static struct {
	u32 seq;
	struct base copy[2];
} latch;

/* A reader that was held up calls the clock before it knows that it was: the
 * pointer changes at once. */
static void put_base(struct base *to, const struct base *b)
{
	WRITE_ONCE(to->clock, b->clock);
	*to = *b;
}

static int on_update(struct notifier_block *nb, unsigned long was_set, void *of)
{
	const struct timekeeper *tk = of;
	struct base b;

#if BPFSHIM_HAVE_TK_READ_BASE
	b.clock = tk->tkr_mono.clock;
	b.cycles = tk->tkr_mono.cycle_last;
	b.mult = tk->tkr_mono.mult;
	b.shift = tk->tkr_mono.shift;
	b.frac = tk->tkr_mono.xtime_nsec;
#else
	b.clock = tk->clock;
	b.cycles = tk->clock->cycle_last;
	b.mult = tk->mult;
	b.shift = tk->shift;
	b.frac = tk->xtime_nsec;
#endif
	b.mask = b.clock->mask;
	b.mono = (tk->xtime_sec + tk->wall_to_monotonic.tv_sec) * NSEC_PER_SEC + tk->wall_to_monotonic.tv_nsec;
	b.boot = ktime_to_ns(tk->offs_boot);
	b.tai = ktime_to_ns(tk->offs_tai);
	WRITE_ONCE(latch.seq, latch.seq + 1);
	smp_wmb();
	put_base(&latch.copy[0], &b);
	smp_wmb();
	WRITE_ONCE(latch.seq, latch.seq + 1);
	smp_wmb();
	put_base(&latch.copy[1], &b);
	return NOTIFY_OK;
}

/* It turns again only when a writer on another CPU went on meanwhile. */
static struct base last_base(void)
{
	struct base b;
	u32 seq;

	do {
		seq = READ_ONCE(latch.seq);
		smp_rmb();
		b = latch.copy[seq & 1];
		smp_rmb();
	} while (READ_ONCE(latch.seq) != seq);
	return b;
}

static struct notifier_block watch = { .notifier_call = on_update };

int bpfshim_clock_init(void)
{
	/* It is called at once. */
	return pvclock_gtod_register_notifier(&watch);
}

void bpfshim_clock_exit(void)
{
	pvclock_gtod_unregister_notifier(&watch);
}

u64 bpfshim_clock_boot(void)
{
	return bpfshim_clock_mono() + last_base().boot;
}

u64 bpfshim_clock_tai(void)
{
	return bpfshim_clock_mono() + last_base().tai;
}
u64 bpfshim_clock_coarse(void)
{
	struct base b = last_base();

	return b.mono + (b.frac >> b.shift);
}
#else
int bpfshim_clock_init(void)
{
	return 0;
}

u64 bpfshim_clock_coarse(void)
{
	u64 now = bpfshim_clock_mono();

	return now - now % TICK_NSEC;
}

void bpfshim_clock_exit(void)
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

#if BPFSHIM_FAST_CLOCKS
u64 bpfshim_clock_mono(void)
{
	return ktime_get_mono_fast_ns();
}
#else
/* What this CPU was told last: a new slope never takes it back. */
static DEFINE_PER_CPU(u64, told);

u64 bpfshim_clock_mono(void)
{
	const struct base *b;
	u64 cycles, now;
	u32 seq;

	/* As last_base, but for what is not needed. */
	do {
		seq = READ_ONCE(latch.seq);
		smp_rmb();
		b = &latch.copy[seq & 1];
		cycles = (b->clock->read(b->clock) - b->cycles) & b->mask;
		/* CPUs' counters may differ a little; none is half a turn behind. */
		if (cycles > b->mask >> 1)
			cycles = 0;
		now = b->mono + ((cycles * b->mult + b->frac) >> b->shift);
		smp_rmb();
	} while (READ_ONCE(latch.seq) != seq);
	if ((s64)(now - __this_cpu_read(told)) < 0)
		return __this_cpu_read(told);
	__this_cpu_write(told, now);
	return now;
}
#endif
