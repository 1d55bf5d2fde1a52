// SPDX-License-Identifier: GPL-2.0
/* One of everything that the loader handles. Built by its tests. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

struct task {
	int pid;
	int tgid;
	int absent;
} __attribute__((preserve_access_index));

enum kind { KIND_A = 1, KIND_B = 2 };

struct event {
	__u64 ts;
	__u32 pid;
	enum kind kind;
	char comm[16];
	union {
		__u32 code;
		__u8 bytes[4];
	};
	_Bool flag;
	__s16 delta;
	__u32 low : 3, high : 5;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} events SEC(".maps");

struct value {
	__u64 count;
	char name[8];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct value);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} slots SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} inner_a SEC(".maps"), inner_b SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps") = {
	.values = { &inner_a, 0, &inner_b },
};

int tail_target(void *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 3);
	__uint(key_size, 4);
	__array(values, int(void *));
} tails SEC(".maps") = {
	.values = { [1] = &tail_target },
};

const volatile __u32 filter_pid = 0;
const volatile char prefix[8] = "none";
__u64 total = 5;
__u64 zeroed;

struct event *unused_event __attribute__((unused));

extern unsigned LINUX_KERNEL_VERSION __kconfig;
extern _Bool LINUX_HAS_SYSCALL_WRAPPER __kconfig;
extern int CONFIG_NO_SUCH_OPTION __kconfig __weak;
extern void no_such_symbol __ksym __weak;

static __noinline int helper(struct task *t)
{
	return bpf_core_field_exists(t->absent) ? 1 : bpf_core_field_offset(t->tgid);
}

SEC("kprobe/do_exit+0x4")
int probe(void *ctx)
{
	struct task *t = (void *)bpf_get_current_task();
	struct value v = {};
	__u32 key = LINUX_KERNEL_VERSION + CONFIG_NO_SUCH_OPTION;

	if (&no_such_symbol)
		key++;
	if (filter_pid)
		key += filter_pid + prefix[0];
	v.count = helper(t) + LINUX_HAS_SYSCALL_WRAPPER;
	total += v.count;
	zeroed++;
	bpf_map_update_elem(&counts, &key, &v, BPF_ANY);
	bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &v, sizeof(v));
	bpf_map_lookup_elem(&outer, &key);
	bpf_map_lookup_elem(&slots, &key);
	bpf_tail_call(ctx, &tails, 1);
	return 0;
}

SEC("kprobe")
int tail_target(void *ctx)
{
	return 1;
}

SEC("kretprobe/do_exit")
int probe_ret(void *ctx)
{
	return 0;
}

SEC("raw_tp/sched_switch")
int raw(void *ctx)
{
	return 0;
}

SEC("?kprobe/optional")
int optional(void *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
