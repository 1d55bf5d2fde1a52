// SPDX-License-Identifier: GPL-2.0
/* Objects by id: *_GET_NEXT_ID and *_GET_FD_BY_ID. */
#include "link.h"

static long next_id(enum bpfshim_obj_kind kind, const union bpfshim_attr *attr,
		    void __user *uattr)
{
	union bpfshim_attr __user *u = uattr;
	u32 id = attr->start_id;
	int err;

	if (id >= INT_MAX)
		return -EINVAL;
	err = bpfshim_obj_next_id(kind, &id);
	if (err)
		return err;
	return put_user(id, &u->next_id);
}

long bpfshim_cmd_prog_next_id(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	return next_id(BPFSHIM_OBJ_PROG, attr, uattr);
}

long bpfshim_cmd_map_next_id(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	return next_id(BPFSHIM_OBJ_MAP, attr, uattr);
}

long bpfshim_cmd_btf_next_id(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	return next_id(BPFSHIM_OBJ_BTF, attr, uattr);
}

long bpfshim_cmd_link_next_id(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	return next_id(BPFSHIM_OBJ_LINK, attr, uattr);
}

long bpfshim_cmd_prog_fd_by_id(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	struct bpfshim_obj *obj = bpfshim_obj_by_id(BPFSHIM_OBJ_PROG, attr->prog_id);
	int fd;

	if (IS_ERR(obj))
		return PTR_ERR(obj);
	fd = bpfshim_prog_new_fd(container_of(obj, struct bpfshim_prog, obj));
	if (fd < 0)
		bpfshim_obj_put(obj);
	return fd;
}

long bpfshim_cmd_btf_fd_by_id(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	struct bpfshim_obj *obj = bpfshim_obj_by_id(BPFSHIM_OBJ_BTF, attr->btf_id);
	int fd;

	if (IS_ERR(obj))
		return PTR_ERR(obj);
	fd = bpfshim_btf_new_fd(container_of(obj, struct bpfshim_btf, obj));
	if (fd < 0)
		bpfshim_obj_put(obj);
	return fd;
}

long bpfshim_cmd_map_fd_by_id(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	u32 flags = attr->open_flags;
	struct bpfshim_obj *obj;
	int fd, mode;

	if (flags & ~(BPFSHIM_F_RDONLY | BPFSHIM_F_WRONLY))
		return -EINVAL;
	if (flags == (BPFSHIM_F_RDONLY | BPFSHIM_F_WRONLY))
		return -EINVAL;
	mode = flags & BPFSHIM_F_RDONLY ? O_RDONLY :
	       flags & BPFSHIM_F_WRONLY ? O_WRONLY : O_RDWR;
	obj = bpfshim_obj_by_id(BPFSHIM_OBJ_MAP, attr->map_id);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	/* The fd has a reference of its own. */
	fd = bpfshim_map_new_fd(container_of(obj, struct bpfshim_map, obj), mode);
	bpfshim_obj_put(obj);
	return fd;
}

long bpfshim_cmd_link_fd_by_id(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	struct bpfshim_link *link = bpfshim_link_by_id(attr->link_id);

	if (IS_ERR(link))
		return PTR_ERR(link);
	return bpfshim_link_new_fd(link);
}
