// SPDX-License-Identifier: GPL-2.0
/* Two programs with the same .kconfig. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

extern unsigned LINUX_KERNEL_VERSION __kconfig;

SEC("kprobe/one")
int one(void *ctx)
{
	return LINUX_KERNEL_VERSION;
}

SEC("kprobe/two")
int two(void *ctx)
{
	return LINUX_KERNEL_VERSION + 1;
}

char LICENSE[] SEC("license") = "GPL";
