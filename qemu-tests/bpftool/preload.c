// SPDX-License-Identifier: Apache-2.0
/*
 * Turns the bpf(2) of a program that is linked dynamically into the driver's
 * ioctl: preload it.  A mount of bpffs becomes one of bpfshim.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
#include <sys/mount.h>

#define __wrap_syscall syscall
#define __real_syscall libc_syscall
#include "../selftests/shim.c"

__attribute__((visibility("hidden"))) long libc_syscall(long nr, ...)
{
	static long (*next)(long nr, ...);
	long a[6];
	va_list ap;
	int i;

	if (!next)
		next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	va_start(ap, nr);
	for (i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	return next(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data)
{
	if (type && !strcmp(type, "bpf") && !getenv("BPFSHIM_NATIVE"))
		type = "bpfshim";
	return (int)libc_syscall(SYS_mount, source, target, type, flags, data);
}
