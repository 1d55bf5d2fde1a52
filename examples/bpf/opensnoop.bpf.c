// SPDX-License-Identifier: GPL-2.0
/*
 * opensnoop: each open(2), creat(2) and openat(2) with its result.
 *
 * One object for every kernel: ksyscall sections resolve to the syscall
 * function whatever its name is, and the task's fields are CO-RE reads.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "opensnoop.h"

/* Filters, set by the front end before load; 0 or false: off. */
const volatile __u32 filter_pid = 0;
const volatile __u32 filter_uid_set = 0;
const volatile __u32 filter_uid = 0;
const volatile bool failed_only = false;

struct args {
	const char *path;
	int flags;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, __u64);
	__type(value, struct args);
} start SEC(".maps");

/* Too large for the stack beside the rest. */
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

/* Names the type of the records in `events` for whoever prints them. */
struct event *unused_event __attribute__((unused));

static __always_inline int enter(const char *path, int flags)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct args args = { .path = path, .flags = flags };

	if (filter_pid && filter_pid != id >> 32)
		return 0;
	if (filter_uid_set && filter_uid != (__u32)bpf_get_current_uid_gid())
		return 0;
	bpf_map_update_elem(&start, &id, &args, BPF_ANY);
	return 0;
}

static __always_inline int leave(void *ctx, long ret)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct task_struct *task;
	struct args *args;
	struct event *e;
	__u32 zero = 0;

	args = bpf_map_lookup_elem(&start, &id);
	if (!args)
		return 0;	/* entered before we were attached, or filtered */
	if (failed_only && ret >= 0)
		goto out;
	e = bpf_map_lookup_elem(&heap, &zero);
	if (!e)
		goto out;
	task = (struct task_struct *)bpf_get_current_task();
	e->ts_ns = bpf_ktime_get_ns();
	e->pid = id >> 32;
	e->tid = (__u32)id;
	e->ppid = BPF_CORE_READ(task, real_parent, tgid);
	e->uid = (__u32)bpf_get_current_uid_gid();
	e->ret = ret;
	e->flags = args->flags;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	if (bpf_probe_read_user_str(e->path, sizeof(e->path), args->path) < 0)
		e->path[0] = 0;
	bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, e, sizeof(*e));
out:
	bpf_map_delete_elem(&start, &id);
	return 0;
}

SEC("ksyscall/open")
int BPF_KSYSCALL(open_enter, const char *path, int flags)
{
	return enter(path, flags);
}

SEC("ksyscall/openat")
int BPF_KSYSCALL(openat_enter, int dfd, const char *path, int flags)
{
	return enter(path, flags);
}

/* 3.10's creat calls open's function: that probe then replaces the entry. */
SEC("ksyscall/creat")
int BPF_KSYSCALL(creat_enter, const char *path)
{
	return enter(path, 01 | 0100 | 01000); /* O_WRONLY|O_CREAT|O_TRUNC */
}

SEC("kretsyscall/open")
int BPF_KRETPROBE(open_leave, long ret)
{
	return leave(ctx, ret);
}

SEC("kretsyscall/openat")
int BPF_KRETPROBE(openat_leave, long ret)
{
	return leave(ctx, ret);
}

SEC("kretsyscall/creat")
int BPF_KRETPROBE(creat_leave, long ret)
{
	return leave(ctx, ret);
}

char LICENSE[] SEC("license") = "GPL";
