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

#endif /* BPFSHIM_MAPS_CMD_H */
