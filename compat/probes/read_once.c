/* SPDX-License-Identifier: GPL-2.0 */
/* READ_ONCE and WRITE_ONCE exist. */
#include <linux/kernel.h>
#include <linux/sched.h>
#ifndef READ_ONCE
#error none
#endif
int probe(int *p);
int probe(int *p) { WRITE_ONCE(*p, 1); return READ_ONCE(*p); }
