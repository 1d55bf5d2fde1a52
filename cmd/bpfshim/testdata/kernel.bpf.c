//go:build ignore

// SPDX-License-Identifier: GPL-2.0
/* Stands in for a kernel's types. */
struct task {
	long padding[5];
	int tgid;
};

int kernel_function(struct task *task)
{
	return task->tgid;
}
