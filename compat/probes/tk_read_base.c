/* SPDX-License-Identifier: GPL-2.0 */
/* The timekeeper has its clocks' readings in structures of their own. */
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/clocksource.h>
#include <linux/timekeeper_internal.h>
u64 probe(struct timekeeper *tk);
u64 probe(struct timekeeper *tk) { return tk->tkr_mono.cycle_last + ktime_to_ns(tk->tkr_mono.base); }
