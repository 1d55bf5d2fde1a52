// SPDX-License-Identifier: Apache-2.0
/*
 * Turns a program's bpf(2) into the driver's ioctl, and a BPF-output event of
 * perf_event_open(2) into the driver's: link it in with -Wl,--wrap=syscall.
 * With BPFSHIM_NATIVE set, both stay what they are, so that one binary runs on
 * both.  With BPFSHIM_UNPRIV set (and --wrap=fopen), bpf(2) is offered to
 * everybody, by the driver's rules for unprivileged users.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "bpfshim.h"

#define PROG_LOAD	5
#define PROG_FLAGS_END	48	/* bytes of the attributes, prog_flags included */

bool shim_unprivileged;

FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);
long __real_syscall(long nr, ...);
long __wrap_syscall(long nr, ...);

/* Kernels without it do not say that bpf(2) is root's only. */
FILE *__wrap_fopen(const char *path, const char *mode)
{
	static char zero[] = "0\n";

	if (getenv("BPFSHIM_UNPRIV") && strstr(path, "unprivileged_bpf_disabled"))
		return fmemopen(zero, sizeof(zero) - 1, mode);
	return __real_fopen(path, mode);
}

static int device(void)
{
	static int fd = -1;

	if (fd < 0) {
		fd = open(BPFSHIM_DEVICE, O_RDWR | O_CLOEXEC);
		if (fd < 0) {
			perror(BPFSHIM_DEVICE);
			exit(125);
		}
	}
	return fd;
}

/* What the kernel's own event of this kind is to its own programs. */
static long output(const struct perf_event_attr *pe, int cpu, unsigned long flags)
{
	struct bpfshim_ext_output_open o;

	memset(&o, 0, sizeof(o));
	o.cpu = cpu;
	o.flags = flags & PERF_FLAG_FD_CLOEXEC ? BPFSHIM_OUTPUT_CLOEXEC : 0;
	if (pe->watermark)
		o.flags |= BPFSHIM_OUTPUT_WATERMARK;
	o.sample_type = pe->sample_type;
	o.wakeup = pe->wakeup_events;
	return ioctl(device(), BPFSHIM_IOC_BPF(BPFSHIM_EXT_OUTPUT_OPEN, sizeof(o)), &o);
}

long __wrap_syscall(long nr, ...)
{
	long a[6];
	va_list ap;
	int i;

	va_start(ap, nr);
	for (i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (nr == SYS_perf_event_open && !getenv("BPFSHIM_NATIVE")) {
		const struct perf_event_attr *pe = (const void *)a[0];

		if (pe && pe->type == PERF_TYPE_SOFTWARE && pe->config == PERF_COUNT_SW_BPF_OUTPUT)
			return output(pe, a[2], a[4]);
	}
	if (nr != SYS_bpf || getenv("BPFSHIM_NATIVE"))
		return __real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	/* The size does not fit the ioctl's number: bpf(2) says E2BIG. */
	if ((unsigned long)a[2] > 4096) {
		errno = E2BIG;
		return -1;
	}
	if (shim_unprivileged && a[0] == PROG_LOAD && a[2] >= PROG_FLAGS_END) {
		unsigned int *flags = (unsigned int *)(a[1] + PROG_FLAGS_END) - 1;
		long ret;

		*flags |= BPFSHIM_F_UNPRIV;
		ret = ioctl(device(), BPFSHIM_IOC_BPF((unsigned int)a[0], (unsigned int)a[2]), a[1]);
		*flags &= ~BPFSHIM_F_UNPRIV;
		return ret;
	}
	return ioctl(device(), BPFSHIM_IOC_BPF((unsigned int)a[0], (unsigned int)a[2]), a[1]);
}
