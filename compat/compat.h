/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every kernel header the module uses, and one name for what differs between
 * kernels.  config.h holds what compat/probe.sh found: BPFSHIM_HAVE_* is
 * always defined, 0 or 1.  Nothing outside compat/ asks for a kernel version.
 *
 * Never include linux/bpf.h or linux/filter.h: late 3.10 minors and 6.1 have
 * BPF's own names there.
 */
#ifndef BPFSHIM_COMPAT_H
#define BPFSHIM_COMPAT_H

#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/kernel.h>
#include <linux/types.h>
#include <linux/errno.h>
#include <linux/err.h>
#include <linux/string.h>
#include <linux/ctype.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/hash.h>
#include <linux/jhash.h>
#include <linux/bitmap.h>
#include <linux/slab.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <linux/cpu.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/delay.h>
#include <linux/rcupdate.h>
#include <linux/rculist_nulls.h>
#include <linux/kallsyms.h>
#include <linux/fs.h>
#include <linux/file.h>
#include <linux/namei.h>
#include <linux/path.h>
#include <linux/fdtable.h>
#include <linux/compat.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/anon_inodes.h>
#include <linux/miscdevice.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/irq_work.h>
#include <linux/hardirq.h>
#include <linux/interrupt.h>
#include <linux/kprobes.h>
#include <linux/perf_event.h>
#include <linux/tracepoint.h>
#include <linux/stacktrace.h>
#include <linux/ptrace.h>
#include <linux/random.h>
#include <linux/license.h>
#include <linux/in.h>
#include <linux/socket.h>

#include "config.h"

#include "base.h"
#include "idr.h"
#include "mm.h"
#include "sched.h"
#include "cgroup.h"
#include "uaccess.h"
#include "time.h"
#include "fs.h"
#include "vfs.h"
#include "net.h"
#include "trace.h"
#include "stack.h"
#include "ksyms.h"

#endif /* BPFSHIM_COMPAT_H */
