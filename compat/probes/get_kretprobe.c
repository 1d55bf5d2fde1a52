/* SPDX-License-Identifier: GPL-2.0 */
/* The kretprobe of an instance comes from get_kretprobe. */
#include <linux/kprobes.h>
struct kretprobe *probe(struct kretprobe_instance *ri);
struct kretprobe *probe(struct kretprobe_instance *ri) { return get_kretprobe(ri); }
