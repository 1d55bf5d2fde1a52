/* SPDX-License-Identifier: GPL-2.0 */
/* __vmalloc takes a page protection. */
#include <linux/vmalloc.h>
#include <linux/mm.h>
void *probe(void);
void *probe(void) { return __vmalloc(8, GFP_KERNEL, PAGE_KERNEL); }
