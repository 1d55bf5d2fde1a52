/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPENSNOOP_H
#define OPENSNOOP_H

#define TASK_COMM_LEN	16
#define PATH_LEN	256

/* One finished open. */
struct event {
	__u64 ts_ns;		/* bpf_ktime_get_ns at return */
	__u32 pid;		/* process */
	__u32 tid;		/* thread */
	__u32 ppid;		/* parent process */
	__u32 uid;
	__s32 ret;		/* file descriptor, or -errno */
	__s32 flags;		/* O_* as given */
	char comm[TASK_COMM_LEN];
	char path[PATH_LEN];	/* as given, not resolved */
};

#endif
