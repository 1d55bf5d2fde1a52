// SPDX-License-Identifier: GPL-2.0
/* Links: their fds and the LINK_* commands. */
#include "link.h"

static void link_free(struct bpfshim_obj *obj)
{
	struct bpfshim_link *link = container_of(obj, struct bpfshim_link, obj);
	struct bpfshim_prog *prog = link->prog;

	link->ops->free(link);
	bpfshim_prog_put(prog);
}

void bpfshim_link_init(struct bpfshim_link *link, const struct bpfshim_hook_ops *ops,
		       struct bpfshim_prog *prog, u64 cookie)
{
	link->ops = ops;
	link->prog = prog;
	link->cookie = cookie;
	atomic_set(&link->users, 1);
	bpfshim_obj_init(&link->obj, BPFSHIM_OBJ_LINK, link_free);
}

void bpfshim_link_abort(struct bpfshim_link *link)
{
	bpfshim_obj_put(&link->obj);
}

void bpfshim_link_put(struct bpfshim_link *link)
{
	if (!atomic_dec_and_test(&link->users))
		return;
	link->ops->detach(link);
	bpfshim_obj_put(&link->obj);
}

static int link_release(struct inode *inode, struct file *file)
{
	bpfshim_link_put(file->private_data);
	return 0;
}

BPFSHIM_FDINFO(link_fdinfo, m, file)
{
	struct bpfshim_link *link = file->private_data;
	int i;

	seq_printf(m, "link_type:\t%s\nlink_id:\t%u\nprog_tag:\t",
		   link->ops->kind, link->obj.id);
	for (i = 0; i < BPFSHIM_TAG_SIZE; i++)
		seq_printf(m, "%02x", link->prog->tag[i]);
	seq_printf(m, "\nprog_id:\t%u\n", link->prog->obj.id);
	if (link->ops->show)
		link->ops->show(link, m);
	BPFSHIM_FDINFO_END;
}

static ssize_t no_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	return -EINVAL;
}

static ssize_t no_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	return -EINVAL;
}

static const struct file_operations link_fops = {
	.owner = THIS_MODULE,
	.release = link_release,
	.show_fdinfo = link_fdinfo,
	.read = no_read,
	.write = no_write,
};

static int new_fd(struct bpfshim_link *link, const char *name)
{
	int fd = bpfshim_new_fd(name, &link_fops, link, O_CLOEXEC);

	if (fd < 0)
		bpfshim_link_put(link);
	return fd;
}

/* Not the name of a link's first fd: so it is natively, and so tools know it. */
int bpfshim_link_new_fd(struct bpfshim_link *link)
{
	return new_fd(link, "bpf-link");
}

int bpfshim_link_settle(struct bpfshim_link *link)
{
	int err = bpfshim_obj_publish(&link->obj);

	if (err) {
		bpfshim_link_put(link);
		return err;
	}
	return new_fd(link, "bpf_link");
}

struct bpfshim_link *bpfshim_link_from_file(struct file *file)
{
	return file->f_op == &link_fops ? file->private_data : NULL;
}

struct bpfshim_link *bpfshim_link_from_fd(int fd)
{
	struct file *file = fget(fd);
	struct bpfshim_link *link;

	if (!file)
		return ERR_PTR(-EBADF);
	link = bpfshim_link_from_file(file);
	if (link)
		atomic_inc(&link->users);
	fput(file);
	return link ? link : ERR_PTR(-EINVAL);
}

struct bpfshim_link *bpfshim_link_by_id(u32 id)
{
	struct bpfshim_obj *obj = bpfshim_obj_by_id(BPFSHIM_OBJ_LINK, id);
	struct bpfshim_link *link;

	if (IS_ERR(obj))
		return ERR_CAST(obj);
	link = container_of(obj, struct bpfshim_link, obj);
	/* Being detached: as good as gone. */
	if (!atomic_inc_not_zero(&link->users))
		link = ERR_PTR(-ENOENT);
	/* The user just taken keeps the object. */
	bpfshim_obj_put(obj);
	return link;
}

long bpfshim_cmd_link_create(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	u32 at = attr->link_create.attach_type;
	struct bpfshim_prog *prog;
	long ret = -EINVAL;

	prog = bpfshim_prog_from_fd(attr->link_create.prog_fd);
	if (IS_ERR(prog))
		return PTR_ERR(prog);
	switch (prog->type) {
	case BPFSHIM_PROG_TYPE_KPROBE:
	case BPFSHIM_PROG_TYPE_TRACEPOINT:
	case BPFSHIM_PROG_TYPE_PERF_EVENT:
		if (at == BPFSHIM_TRACE_KPROBE_MULTI &&
		    prog->type == BPFSHIM_PROG_TYPE_KPROBE) {
			/* What 6.1 answers without an fprobe. */
			ret = -EOPNOTSUPP;
			break;
		}
		if (at != BPFSHIM_PERF_EVENT || attr->link_create.flags ||
		    (prog->type == BPFSHIM_PROG_TYPE_KPROBE &&
		     prog->expected_attach_type == BPFSHIM_TRACE_KPROBE_MULTI))
			break;
		return bpfshim_perf_link_create(prog, attr->link_create.target_fd,
						attr->link_create.perf_event.bpf_cookie);
	default:
		/* No hook of this module takes other types through a link. */
		if (bpfshim_type_of_attach(at) == prog->type)
			ret = -EOPNOTSUPP;
		break;
	}
	bpfshim_prog_put(prog);
	return ret;
}

#define F_REPLACE	(1U << 2)

/* No link of this module can change its program: the checks, then -EINVAL. */
long bpfshim_cmd_link_update(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	struct bpfshim_prog *prog, *old;
	struct bpfshim_link *link;
	long ret = -EINVAL;

	if (attr->link_update.flags & ~F_REPLACE)
		return -EINVAL;
	link = bpfshim_link_from_fd(attr->link_update.link_fd);
	if (IS_ERR(link))
		return PTR_ERR(link);
	prog = bpfshim_prog_from_fd(attr->link_update.new_prog_fd);
	if (IS_ERR(prog)) {
		ret = PTR_ERR(prog);
		goto put_link;
	}
	if (attr->link_update.flags & F_REPLACE) {
		old = bpfshim_prog_from_fd(attr->link_update.old_prog_fd);
		if (IS_ERR(old))
			ret = PTR_ERR(old);
		else
			bpfshim_prog_put(old);
	}
	bpfshim_prog_put(prog);
put_link:
	bpfshim_link_put(link);
	return ret;
}

long bpfshim_cmd_link_detach(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	struct bpfshim_link *link = bpfshim_link_from_fd(attr->link_detach.link_fd);

	if (IS_ERR(link))
		return PTR_ERR(link);
	/* 6.1's kprobe, tracepoint and perf links offer no forced detach. */
	bpfshim_link_put(link);
	return -EOPNOTSUPP;
}
