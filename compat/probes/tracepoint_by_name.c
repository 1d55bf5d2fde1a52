/* SPDX-License-Identifier: GPL-2.0 */
/* tracepoint_probe_register takes the tracepoint's name. */
#include <linux/tracepoint.h>
int probe(void *fn);
int probe(void *fn) { return tracepoint_probe_register("x", fn, NULL); }
