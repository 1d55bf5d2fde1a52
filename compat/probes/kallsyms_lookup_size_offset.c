/* SPDX-License-Identifier: GPL-2.0 */
/* kallsyms_lookup_size_offset is declared. */
#include <linux/kallsyms.h>
int probe(unsigned long a, unsigned long *s, unsigned long *o);
int probe(unsigned long a, unsigned long *s, unsigned long *o) { return kallsyms_lookup_size_offset(a, s, o); }
