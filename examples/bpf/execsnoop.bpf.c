// SPDX-License-Identifier: GPL-2.0
/* execsnoop: each new program with its arguments, and how it ended. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "execsnoop.h"

const volatile __u32 filter_uid_set = 0;
const volatile __u32 filter_uid = 0;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, __u32);
	__type(value, __u64);
} started SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct event);
} heap SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} events SEC(".maps");

struct event *unused_event __attribute__((unused));

/*
 * The record of sched:sched_process_exec.  Declared here: the name of the
 * kernel's own struct for it changed, the record did not.
 */
struct exec_record {
	__u64 common;
	__u32 filename;		/* offset in the record | length << 16 */
	__s32 pid;
	__s32 old_pid;
};

static __always_inline void fill(struct event *e, struct task_struct *task)
{
	e->ts_ns = bpf_ktime_get_ns();
	e->pid = bpf_get_current_pid_tgid() >> 32;
	e->ppid = BPF_CORE_READ(task, real_parent, tgid);
	e->uid = (__u32)bpf_get_current_uid_gid();
	bpf_get_current_comm(e->comm, sizeof(e->comm));
}

SEC("tracepoint/sched/sched_process_exec")
int on_exec(struct exec_record *ctx)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	unsigned long arg_start, arg_end, len, i;
	struct mm_struct *mm;
	struct event *e;
	__u32 zero = 0;

	if (filter_uid_set && filter_uid != (__u32)bpf_get_current_uid_gid())
		return 0;
	e = bpf_map_lookup_elem(&heap, &zero);
	if (!e)
		return 0;
	fill(e, task);
	e->kind = EVENT_EXEC;
	e->duration_ns = 0;
	e->exit_code = 0;
	bpf_probe_read_kernel_str(e->filename, sizeof(e->filename),
				  (void *)ctx + (ctx->filename & 0xffff));

	mm = BPF_CORE_READ(task, mm);
	arg_start = BPF_CORE_READ(mm, arg_start);
	arg_end = BPF_CORE_READ(mm, arg_end);
	len = arg_end - arg_start;
	if (len > ARGS_LEN - 1)
		len = ARGS_LEN - 1;
	len &= ARGS_LEN - 1;
	if (bpf_probe_read_user(e->args, len, (void *)arg_start))
		len = 0;
	/* Arguments end in NUL: make them one line.  Not unrolled: a loop. */
#pragma clang loop unroll(disable)
	for (i = 0; i < ARGS_LEN - 1; i++) {
		if (i >= len)
			break;
		if (!e->args[i])
			e->args[i] = ' ';
	}
	e->args[len & (ARGS_LEN - 1)] = 0;
	e->args_len = len;

	bpf_map_update_elem(&started, &e->pid, &e->ts_ns, BPF_ANY);
	bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, e, sizeof(*e));
	return 0;
}

SEC("tracepoint/sched/sched_process_exit")
int on_exit(void *ctx)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u64 id = bpf_get_current_pid_tgid();
	__u32 pid = id >> 32, zero = 0;
	__u64 *since;
	struct event *e;

	if (pid != (__u32)id)
		return 0;	/* a thread, not the process */
	since = bpf_map_lookup_elem(&started, &pid);
	if (!since)
		return 0;
	e = bpf_map_lookup_elem(&heap, &zero);
	if (e) {
		fill(e, task);
		e->kind = EVENT_EXIT;
		e->duration_ns = e->ts_ns - *since;
		e->exit_code = BPF_CORE_READ(task, exit_code);
		e->filename[0] = 0;
		e->args[0] = 0;
		e->args_len = 0;
		bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, e, sizeof(*e));
	}
	bpf_map_delete_elem(&started, &pid);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
