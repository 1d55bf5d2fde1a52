/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SIGSNOOP_H
#define SIGSNOOP_H

#define TASK_COMM_LEN	16

/* One signal, as it is made. */
struct event {
	__u64 ts_ns;		/* bpf_ktime_get_ns */
	__u32 pid;		/* who sends it: whoever ran, for the kernel's own */
	__u32 uid;
	__s32 sig;
	__s32 code;		/* SI_*: 0 is kill(2) */
	__s32 target;		/* the thread that it is for */
	__s32 result;		/* 0: delivered; else ignored, pending already or lost */
	char comm[TASK_COMM_LEN];
	char target_comm[TASK_COMM_LEN];
};

#endif
