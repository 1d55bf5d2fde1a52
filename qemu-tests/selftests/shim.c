// SPDX-License-Identifier: Apache-2.0
/*
 * Turns a program's bpf(2) into the driver's ioctl: link it in with
 * -Wl,--wrap=syscall.  With BPFSHIM_NATIVE set, bpf(2) stays what it is, so
 * that one binary runs on both.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "bpfshim.h"

long __real_syscall(long nr, ...);
long __wrap_syscall(long nr, ...);

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

long __wrap_syscall(long nr, ...)
{
	long a[6];
	va_list ap;
	int i;

	va_start(ap, nr);
	for (i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (nr != SYS_bpf || getenv("BPFSHIM_NATIVE"))
		return __real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	/* The size does not fit the ioctl's number: bpf(2) says E2BIG. */
	if ((unsigned long)a[2] > 4096) {
		errno = E2BIG;
		return -1;
	}
	return ioctl(device(), BPFSHIM_IOC_BPF((unsigned int)a[0], (unsigned int)a[2]), a[1]);
}
