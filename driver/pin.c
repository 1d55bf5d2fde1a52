// SPDX-License-Identifier: GPL-2.0
/* OBJ_PIN and OBJ_GET. */
#include "pin.h"

#define OPEN_FLAGS	(BPFSHIM_F_RDONLY | BPFSHIM_F_WRONLY)

static struct bpfshim_map *map_of(struct bpfshim_obj *obj)
{
	return container_of(obj, struct bpfshim_map, obj);
}

static struct bpfshim_link *link_of(struct bpfshim_obj *obj)
{
	return container_of(obj, struct bpfshim_link, obj);
}

void bpfshim_pin_hold(struct bpfshim_obj *obj)
{
	if (obj->kind == BPFSHIM_OBJ_LINK) {
		atomic_inc(&link_of(obj)->users);
		return;
	}
	bpfshim_obj_get(obj);
	if (obj->kind == BPFSHIM_OBJ_MAP)
		bpfshim_map_user_get(map_of(obj));
}

void bpfshim_pin_drop(struct bpfshim_obj *obj)
{
	if (obj->kind == BPFSHIM_OBJ_LINK) {
		bpfshim_link_put(link_of(obj));
		return;
	}
	if (obj->kind == BPFSHIM_OBJ_MAP)
		bpfshim_map_user_put(map_of(obj));
	bpfshim_obj_put(obj);
}

/* What an fd stands for, with a user reference; NULL: nothing that can be pinned. */
static struct bpfshim_obj *from_fd(int fd)
{
	struct bpfshim_map *map = bpfshim_map_from_fd(fd);
	struct bpfshim_link *link;
	struct bpfshim_prog *prog;

	if (!IS_ERR(map)) {
		bpfshim_map_user_get(map);
		return &map->obj;
	}
	prog = bpfshim_prog_from_fd(fd);
	if (!IS_ERR(prog))
		return &prog->obj;
	link = bpfshim_link_from_fd(fd);
	return IS_ERR(link) ? NULL : &link->obj;
}

long bpfshim_cmd_obj_pin(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	struct bpfshim_obj *obj;
	struct dentry *dentry;
	struct path path;
	int err;

	if (attr->file_flags)
		return -EINVAL;
	obj = from_fd(attr->bpf_fd);
	if (!obj)
		return -EINVAL;
	dentry = user_path_create(AT_FDCWD, bpfshim_uptr(attr->pathname), &path, 0);
	if (IS_ERR(dentry)) {
		err = PTR_ERR(dentry);
	} else {
		err = bpfshim_pin_create(path.dentry->d_inode, dentry, obj);
		done_path_create(&path, dentry);
	}
	if (err)
		bpfshim_pin_drop(obj);
	return err;
}

/* The object named by a path, with a user reference. */
static struct bpfshim_obj *from_path(u64 name, int may)
{
	struct bpfshim_obj *obj;
	struct path path;
	int err;

	err = user_path_at(AT_FDCWD, bpfshim_uptr(name), LOOKUP_FOLLOW, &path);
	if (err)
		return ERR_PTR(err);
	err = bpfshim_inode_permission(path.dentry->d_inode, may);
	obj = err ? ERR_PTR(err) : bpfshim_pin_of(path.dentry->d_inode);
	if (!obj)
		obj = ERR_PTR(-EACCES);
	if (!IS_ERR(obj)) {
		/* The path keeps the inode, and that its object, until here. */
		bpfshim_pin_hold(obj);
		touch_atime(&path);
	}
	path_put(&path);
	return obj;
}

long bpfshim_cmd_obj_get(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	u32 flags = attr->file_flags;
	struct bpfshim_obj *obj;
	int mode, may, fd;

	if (attr->bpf_fd || (flags & ~OPEN_FLAGS) || (flags & OPEN_FLAGS) == OPEN_FLAGS)
		return -EINVAL;
	mode = flags & BPFSHIM_F_RDONLY ? O_RDONLY : flags & BPFSHIM_F_WRONLY ? O_WRONLY : O_RDWR;
	may = flags & BPFSHIM_F_RDONLY ? MAY_READ : flags & BPFSHIM_F_WRONLY ? MAY_WRITE : MAY_READ | MAY_WRITE;
	obj = from_path(attr->pathname, may);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	switch (obj->kind) {
	case BPFSHIM_OBJ_MAP:
		/* The fd has a reference of its own. */
		fd = bpfshim_map_new_fd(map_of(obj), mode);
		bpfshim_pin_drop(obj);
		return fd;
	case BPFSHIM_OBJ_PROG:
		fd = bpfshim_prog_new_fd(container_of(obj, struct bpfshim_prog, obj));
		if (fd < 0)
			bpfshim_pin_drop(obj);
		return fd;
	default:
		if (mode != O_RDWR) {
			bpfshim_pin_drop(obj);
			return -EINVAL;
		}
		return bpfshim_link_new_fd(link_of(obj));
	}
}
