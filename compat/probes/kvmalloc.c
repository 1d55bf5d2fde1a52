/* SPDX-License-Identifier: GPL-2.0 */
/* kvzalloc exists. */
#include <linux/mm.h>
#include <linux/slab.h>
void *probe(void);
void *probe(void) { return kvzalloc(8, GFP_KERNEL); }
