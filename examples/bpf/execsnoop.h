/* SPDX-License-Identifier: GPL-2.0 */
#ifndef EXECSNOOP_H
#define EXECSNOOP_H

#define TASK_COMM_LEN	16
#define FILE_LEN	128
#define ARGS_LEN	512	/* power of two: the bound is a mask */

enum event_kind {
	EVENT_EXEC = 1,
	EVENT_EXIT = 2,
};

/* One exec, or one exit of a process that was seen to exec. */
struct event {
	__u64 ts_ns;		/* bpf_ktime_get_ns */
	__u64 duration_ns;	/* exit: since its exec */
	enum event_kind kind;
	__u32 pid;
	__u32 ppid;
	__u32 uid;
	__s32 exit_code;	/* exit: as wait(2) encodes it */
	__u32 args_len;		/* exec: bytes of args, each followed by a space */
	char comm[TASK_COMM_LEN];
	char filename[FILE_LEN];
	char args[ARGS_LEN];
};

#endif
