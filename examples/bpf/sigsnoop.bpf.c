// SPDX-License-Identifier: GPL-2.0
/* sigsnoop: who sends which signal to whom, through a ring buffer. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "sigsnoop.h"

const volatile __s32 filter_sig = 0;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");

struct event *unused_event __attribute__((unused));

/* The record of signal:signal_generate. */
struct signal_record {
	__u64 common;
	__s32 sig;
	__s32 err;
	__s32 code;
	char comm[TASK_COMM_LEN];
	__s32 pid;
	__s32 group;
	__s32 result;
};

SEC("tracepoint/signal/signal_generate")
int on_signal(struct signal_record *ctx)
{
	struct event *e;

	if (filter_sig && ctx->sig != filter_sig)
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e)
		return 0;
	e->ts_ns = bpf_ktime_get_ns();
	e->pid = bpf_get_current_pid_tgid() >> 32;
	e->uid = (__u32)bpf_get_current_uid_gid();
	e->sig = ctx->sig;
	e->code = ctx->code;
	e->target = ctx->pid;
	e->result = ctx->result;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	__builtin_memcpy(e->target_comm, ctx->comm, sizeof(e->target_comm));
	bpf_ringbuf_submit(e, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
