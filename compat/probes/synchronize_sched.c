/* SPDX-License-Identifier: GPL-2.0 */
/* RCU has a flavour of its own for preemption-off sections. */
#include <linux/rcupdate.h>
void probe(void);
void probe(void) { synchronize_sched(); }
