/* SPDX-License-Identifier: GPL-2.0 */
/* A command's hold on a map that user space named by fd. */
#ifndef BPFSHIM_MAPS_CMD_H
#define BPFSHIM_MAPS_CMD_H

#include "maps.h"

#define FMODE_CAN_READ_MAP	((__force fmode_t)1)
#define FMODE_CAN_WRITE_MAP	((__force fmode_t)2)

/* On the command's stack; the map lives by the file. */
struct bpfshim_map_access {
	struct file *file;
	struct bpfshim_map *map;
	bool writing;
};

/** bpfshim_map_open() - take a map by fd for FMODE_CAN_*_MAP.  0, -EBADF (no
 * fd), -EINVAL (not a map), -EPERM (the fd's mode, or the map is frozen). */
int bpfshim_map_open(struct bpfshim_map_access *a, u32 fd, fmode_t mode);
void bpfshim_map_close(struct bpfshim_map_access *a);
/** bpfshim_map_user_value_size() - bytes of a value as user space sees it. */
u32 bpfshim_map_user_value_size(const struct bpfshim_map *map);

/*
 * A key or a value on its way, on the command's stack: what is small, as most
 * are, lies in the buffer itself.
 */
struct bpfshim_buf {
	void *p;
	u64 small[16];
};

/** bpfshim_buf_get() - room for size bytes, zeroed.  0 or -ENOMEM; _put() ends
 * it.  Process context. */
int bpfshim_buf_get(struct bpfshim_buf *b, u32 size);
/** bpfshim_buf_from_user() - the same, filled from user space.  0, -ENOMEM or
 * -EFAULT, and then there is nothing to put. */
int bpfshim_buf_from_user(struct bpfshim_buf *b, u64 uaddr, u32 size);
static inline void bpfshim_buf_put(struct bpfshim_buf *b)
{
	if (b->p != b->small)
		bpfshim_kvfree(b->p);
}

/* Copies of keys and values; words take the short way.  0 or -EFAULT. */
static inline int bpfshim_in(void *dst, u64 uaddr, u32 size)
{
	if (size == 8)
		return get_user(*(u64 *)dst, (u64 __user *)bpfshim_uptr(uaddr));
	if (size == 4)
		return get_user(*(u32 *)dst, (u32 __user *)bpfshim_uptr(uaddr));
	return copy_from_user(dst, bpfshim_uptr(uaddr), size) ? -EFAULT : 0;
}

static inline int bpfshim_out(u64 uaddr, const void *src, u32 size)
{
	if (size == 8)
		return put_user(*(const u64 *)src, (u64 __user *)bpfshim_uptr(uaddr));
	if (size == 4)
		return put_user(*(const u32 *)src, (u32 __user *)bpfshim_uptr(uaddr));
	return copy_to_user(bpfshim_uptr(uaddr), src, size) ? -EFAULT : 0;
}

#endif /* BPFSHIM_MAPS_CMD_H */
