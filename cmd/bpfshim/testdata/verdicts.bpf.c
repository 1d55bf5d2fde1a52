//go:build ignore

// SPDX-License-Identifier: GPL-2.0
/* Programs that are fine, and programs that are not, for `bpfshim verify`. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* The kernel's is another: see kernel.bpf.c. */
struct task {
	int tgid;
	int absent;
} __attribute__((preserve_access_index));

struct counts {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

/* A type that the driver has not. */
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, int(void *));
} tails SEC(".maps") = { .values = { (void *)0 } };

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct counts);
} outer SEC(".maps");

const volatile __u32 limit = 3;

SEC("raw_tracepoint/sys_enter")
int good(void *ctx)
{
	__u32 key = limit;
	__u64 *n = bpf_map_lookup_elem(&counts, &key);

	if (n)
		__sync_fetch_and_add(n, 1);
	return 0;
}

/* limit is a constant: what is behind this branch does not exist. */
SEC("raw_tracepoint/sys_enter")
int good_dead(void *ctx)
{
	if (limit == 4)
		return *(volatile int *)0;
	return 0;
}

static __attribute__((noinline)) long step(__u32 i, __u64 *sum)
{
	*sum += i;
	return *sum > 100;
}

/* A callback, a call, a loop, maps of maps and of programs. */
SEC("?kprobe/vfs_read")
int good_calls(void *ctx)
{
	__u64 sum = 0;
	__u32 key = 0, i;
	void *inner = bpf_map_lookup_elem(&outer, &key);

	bpf_loop(10, step, &sum, 0);
	for (i = 0; i < 4; i++)
		step(i, &sum);
	if (inner)
		bpf_map_update_elem(inner, &key, &sum, BPF_ANY);
	bpf_tail_call(ctx, &tails, 0);
	return sum > 3;
}

SEC("kprobe/vfs_read")
int good_core(struct task *task)
{
	return bpf_core_field_exists(task->tgid) ? bpf_core_field_offset(struct task, tgid) : *(int *)1;
}

SEC("fentry/kernel_function")
int good_typed(__u64 *args)
{
	struct task *task = (void *)args[0];

	return task->tgid && 0;
}

SEC("nothing/known")
int good_as_xdp(struct xdp_md *xdp)
{
	__u8 *data = (void *)(long)xdp->data, *end = (void *)(long)xdp->data_end;

	return data + 14 <= end && data[13] == 8 ? XDP_PASS : XDP_DROP;
}

SEC("raw_tracepoint/sys_enter")
int bad_null(void *ctx)
{
	__u32 key = 1;
	__u64 *n = bpf_map_lookup_elem(&counts, &key);

	*n = 1;
	return 0;
}

SEC("xdp")
int bad_packet(struct xdp_md *xdp)
{
	return *(__u8 *)(long)xdp->data;
}

SEC("raw_tracepoint/sys_enter")
int bad_loop(void *ctx)
{
	for (;;)
		bpf_get_prandom_u32();
}

SEC("raw_tracepoint/sys_enter")
int bad_stack(void *ctx)
{
	char text[8];

	return bpf_get_current_comm(text, 16) + text[0];
}

/* bpf_get_route_realm: in 6.1, not in the driver. */
SEC("tc")
int bad_helper(struct __sk_buff *ctx)
{
	return bpf_get_route_realm(ctx);
}

SEC("xdp")
int bad_map(void *ctx)
{
	return bpf_redirect_map(&sockets, 0, 0);
}

SEC("kprobe/vfs_read")
int bad_core(struct task *task)
{
	return bpf_core_field_offset(struct task, absent);
}

char LICENSE[] SEC("license") = "GPL";
