/* SPDX-License-Identifier: GPL-2.0 */
/* What the helpers' files share. */
#ifndef BPFSHIM_DRIVER_HELPERS_H
#define BPFSHIM_DRIVER_HELPERS_H

#include "../internal.h"

/* A helper: five words in, one out.  Runs in a program: any context. */
#define BPFSHIM_HELPER(name) \
	u64 bpfshim_helper_##name(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5); \
	u64 bpfshim_helper_##name(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)

/* Helpers that helpers use. */
#define BPFSHIM_HELPER_PROBE_READ_USER_STR	114
#define BPFSHIM_HELPER_PROBE_READ_KERNEL_STR	115

/* stack.c */
int bpfshim_helper_stack_init(void);
void bpfshim_helper_stack_exit(void);

/* format.c: text of at most size bytes with its NUL; returns how long the whole
 * would be, without.  -EINVAL: the format, which ends with a NUL within fmt_size,
 * or too few arguments.  In a program. */
int bpfshim_format(char *out, u32 size, const char *fmt, u32 fmt_size, const u64 *args, u32 nr_args);

/* signal.c */
void bpfshim_helper_signal_init(void);
void bpfshim_helper_signal_exit(void);

/* probe_read.c: as probe_read_kernel. */
long bpfshim_probe_kernel(void *dst, u32 size, u64 src);

/* snprintf_btf.c; 0 or -ENOMEM */
int bpfshim_helper_btf_init(void);
void bpfshim_helper_btf_exit(void);

/* hash_ptr.c: an address as %p shows it: 32 bits; 0 and errors are themselves. */
u64 bpfshim_hash_ptr(u64 p);
void bpfshim_hash_ptr_init(void);

/* find_vma.c */
void bpfshim_helper_find_vma_init(void);
void bpfshim_helper_find_vma_exit(void);

static inline void *bpfshim_ptr(u64 r)
{
	return (void *)(unsigned long)r;
}

#endif /* BPFSHIM_DRIVER_HELPERS_H */
