// SPDX-License-Identifier: GPL-2.0
/* Events through a ring buffer: as they are made, and reserved first. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct call {
	__u64 nr;
	__u32 pid, seq;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16384);
} calls SEC(".maps");

const volatile __u32 filter_pid = 0;
__u32 seq;
struct call *unused_call __attribute__((unused));

struct enter_args {
	__u64 regs, nr;
};

SEC("raw_tp/sys_enter")
int enter(struct enter_args *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct call *c;

	if (pid != filter_pid)
		return 0;
	c = bpf_ringbuf_reserve(&calls, sizeof(*c), 0);
	if (!c)
		return 0;
	c->nr = ctx->nr;
	c->pid = pid;
	c->seq = ++seq;
	bpf_get_current_comm(c->comm, sizeof(c->comm));
	if (c->nr == 39) {	/* getpid: nobody wants to know */
		bpf_ringbuf_discard(c, 0);
		return 0;
	}
	bpf_ringbuf_submit(c, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
