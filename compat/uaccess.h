/* SPDX-License-Identifier: GPL-2.0 */
/* linux/uaccess.h: copies that may fault, and copies that must not. */
#ifndef BPFSHIM_COMPAT_UACCESS_H
#define BPFSHIM_COMPAT_UACCESS_H

#include <linux/uaccess.h>

#if BPFSHIM_HAVE_ACCESS_OK2
#define bpfshim_access_ok(p, n)	access_ok((p), (n))
#else
#define bpfshim_access_ok(p, n)	access_ok(VERIFY_READ, (p), (n))
#endif

/*
 * Fault-tolerant reads of kernel and of user memory.  Any context, NMI
 * included; 0 or -EFAULT.  On a fault the destination is not all written.
 */
static inline long bpfshim_read_kernel(void *dst, const void *src, size_t size)
{
#if BPFSHIM_HAVE_PROBE_KERNEL_READ
	return probe_kernel_read(dst, (void *)src, size);
#else
	return copy_from_kernel_nofault(dst, src, size);
#endif
}
long bpfshim_read_user(void *dst, const void __user *src, size_t size);
/* Write to user memory of the running task; 0 or -EFAULT. */
long bpfshim_write_user(void __user *dst, const void *src, size_t size);

/* 1: [from, from+size) is all zero, 0: it is not, -EFAULT. May sleep. */
int bpfshim_user_zeroed(const void __user *from, size_t size);

#endif /* BPFSHIM_COMPAT_UACCESS_H */
