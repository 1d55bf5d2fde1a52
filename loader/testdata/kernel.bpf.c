// SPDX-License-Identifier: GPL-2.0
/* Stands in for a kernel's types: struct task lies otherwise here. */
struct task {
	long padding[5];
	int tgid;
	int pid;
};

struct task kernel_task __attribute__((section(".data")));
