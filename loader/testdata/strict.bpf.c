// SPDX-License-Identifier: GPL-2.0
/* Needs what the kernel of kernel.bpf.c lacks. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

struct task {
	int absent;
} __attribute__((preserve_access_index));

extern void no_such_symbol __ksym;
const volatile int want_symbol;

SEC("kprobe/needs_field")
int needs_field(void *ctx)
{
	struct task *t = (void *)bpf_get_current_task();

	return BPF_CORE_READ(t, absent);
}

SEC("?kprobe/needs_symbol")
int needs_symbol(void *ctx)
{
	return &no_such_symbol != ctx;
}

char LICENSE[] SEC("license") = "GPL";
