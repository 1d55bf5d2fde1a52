// SPDX-License-Identifier: Apache-2.0
/* Programs and maps for bpftool to show. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

struct seen {
	__u64 times;
	__u32 last;
	char name[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct seen);
} seen_by_key SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} each_cpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 4);
	__uint(value_size, 4);
} waiting SEC(".maps");

__u64 total;

static __attribute__((noinline)) int note(__u32 key)
{
	struct seen *s = bpf_map_lookup_elem(&seen_by_key, &key);

	if (!s)
		return 0;
	s->times++;
	s->last = bpf_get_smp_processor_id();
	return 1;
}

SEC("raw_tp/sched_process_exit")
int on_exit(void *ctx)
{
	__sync_fetch_and_add(&total, 1);
	return note(1);
}

SEC("kprobe/user_statfs")
int on_statfs(void *ctx)
{
	__u32 zero = 0;
	__u64 *n = bpf_map_lookup_elem(&each_cpu, &zero);

	if (n)
		*n += 1;
	return note(2) + note(3);
}
