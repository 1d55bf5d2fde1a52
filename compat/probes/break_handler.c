/* SPDX-License-Identifier: GPL-2.0 */
/* A kprobe has a break_handler: what a pre_handler skips, it cleans up itself. */
#include <linux/kprobes.h>
void *probe(struct kprobe *kp);
void *probe(struct kprobe *kp) { return kp->break_handler; }
