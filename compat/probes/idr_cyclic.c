/* SPDX-License-Identifier: GPL-2.0 */
/* required: ids are handed out in a ring. */
#include <linux/idr.h>
#include <linux/gfp.h>
int probe(struct idr *i, void *p);
int probe(struct idr *i, void *p) { return idr_alloc_cyclic(i, p, 1, 0, GFP_NOWAIT); }
