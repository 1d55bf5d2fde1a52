//go:build ignore

// SPDX-License-Identifier: GPL-2.0
/* Programs that are fine, and programs that are not, for `bpfshim verify`. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

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

char LICENSE[] SEC("license") = "GPL";
