/* SPDX-License-Identifier: GPL-2.0 */
/* stack_trace_save in place of struct stack_trace. */
#include <linux/stacktrace.h>
unsigned int probe(unsigned long *s);
unsigned int probe(unsigned long *s) { return stack_trace_save(s, 8, 0); }
