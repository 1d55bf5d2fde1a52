/* SPDX-License-Identifier: GPL-2.0 */
/* linux/trace_events.h, once linux/ftrace_event.h. */
#include <linux/trace_events.h>
