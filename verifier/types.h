/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The C environment of freestanding code: fixed-width types, bool, errno
 * values.  In the module these come from the kernel (through <linux/types.h>
 * of <linux/kernel.h>); on the host from here.
 */
#ifndef BPFSHIM_TYPES_H
#define BPFSHIM_TYPES_H

#ifdef __KERNEL__
#include <linux/types.h>
#include <linux/stddef.h>
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/bug.h>
#include <linux/kernel.h>
#else
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stddef.h>
#include <string.h>
#include <errno.h>
#include <linux/types.h>
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#ifndef container_of
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))
#endif
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#ifndef min
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#endif
#endif

/* A case that goes on into the next. */
#ifdef __has_attribute
#if __has_attribute(__fallthrough__)
#define BPFSHIM_FALLTHROUGH __attribute__((__fallthrough__))
#endif
#endif
#ifndef BPFSHIM_FALLTHROUGH
#define BPFSHIM_FALLTHROUGH do { } while (0)
#endif

/* Not in user space's errno.h; 6.1 returns it to user space all the same. */
#ifndef ENOTSUPP
#define ENOTSUPP 524
#endif

#endif /* BPFSHIM_TYPES_H */
