// SPDX-License-Identifier: GPL-2.0
/*
 * Reads of memory that may not be there.  A failed read leaves the destination
 * zeroed.  The kernel variants refuse user addresses and the other way round;
 * the old probe_read takes what the address is.
 */
#include "helpers.h"

static bool user_address(u64 addr)
{
	return addr < TASK_SIZE_MAX;
}

/* As 6.1: what cannot be a kernel address is -ERANGE to the kernel variants,
 * whatever the size; what cannot be read is -EFAULT. */
static bool kernel_address(u64 addr)
{
	return addr >= TASK_SIZE_MAX + PAGE_SIZE && (s64)addr < 0 && (s64)(addr << 16) >> 16 == (s64)addr;
}

static long read_any(void *dst, u32 size, u64 src, bool user)
{
	long err;

	if (user ? !user_address(src) : !kernel_address(src))
		err = user ? -EFAULT : -ERANGE;
	else if (!size)
		return 0;
	else if (user)
		err = bpfshim_read_user(dst, (const void __user *)(unsigned long)src, size) ? -EFAULT : 0;
	else
		err = bpfshim_read_kernel(dst, bpfshim_ptr(src), size) ? -EFAULT : 0;
	if (err)
		memset(dst, 0, size);
	return err;
}

long bpfshim_probe_kernel(void *dst, u32 size, u64 src)
{
	return read_any(dst, size, src, false);
}

/*
 * A string of at most size bytes, always terminated.  Read a piece at a time
 * that does not cross a page, so that a string may end right before a hole.
 */
static long read_str(char *dst, u32 size, u64 src, bool user)
{
	char piece[64];
	u32 done = 0, n, len;
	long err;

	if (!size)
		return 0;
	while (done < size) {
		n = min_t(u32, size - done, PAGE_SIZE - ((src + done) & (PAGE_SIZE - 1)));
		n = min_t(u32, n, sizeof(piece));
		err = read_any(piece, n, src + done, user);
		if (err) {
			memset(dst, 0, size);
			return err;
		}
		len = strnlen(piece, n);
		memcpy(dst + done, piece, min(len + 1, n));
		if (len < n) {
			done += len + 1;
			/* As 6.1, which copies user strings by words: the last one whole. */
			if (user && round_up(done, 8) <= size)
				memset(dst + done, 0, round_up(done, 8) - done);
			return done;
		}
		done += n;
	}
	dst[size - 1] = 0;
	return size;
}

BPFSHIM_HELPER(probe_read)
{
	return read_any(bpfshim_ptr(r1), (u32)r2, r3, user_address(r3));
}

BPFSHIM_HELPER(probe_read_str)
{
	return read_str(bpfshim_ptr(r1), (u32)r2, r3, user_address(r3));
}

BPFSHIM_HELPER(probe_read_user)
{
	return read_any(bpfshim_ptr(r1), (u32)r2, r3, true);
}

BPFSHIM_HELPER(probe_read_user_str)
{
	return read_str(bpfshim_ptr(r1), (u32)r2, r3, true);
}

BPFSHIM_HELPER(probe_read_kernel)
{
	return read_any(bpfshim_ptr(r1), (u32)r2, r3, false);
}

BPFSHIM_HELPER(probe_read_kernel_str)
{
	return read_str(bpfshim_ptr(r1), (u32)r2, r3, false);
}
