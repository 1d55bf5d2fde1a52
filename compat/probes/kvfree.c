/* SPDX-License-Identifier: GPL-2.0 */
/* kvfree exists. */
#include <linux/mm.h>
#include <linux/slab.h>
void probe(void *p);
void probe(void *p) { kvfree(p); }
