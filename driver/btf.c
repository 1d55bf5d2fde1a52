// SPDX-License-Identifier: GPL-2.0
/* BTF objects: BTF_LOAD checks and keeps them; one can serve as the kernel's. */
#include "internal.h"

#define BTF_SIZE_MAX	(16U << 20)

/* The kernel's BTF, set by SET_KERNEL_BTF: one reference. */
static DEFINE_MUTEX(kernel_btf_lock);
static struct bpfshim_btf *kernel_btf;

/* Set at init, constant after. */
static struct bpfshim_vrf_btf *own_btf;

const struct bpfshim_vrf_btf *bpfshim_own_btf(void)
{
	return own_btf;
}

static void btf_free(struct bpfshim_obj *obj)
{
	struct bpfshim_btf *btf = container_of(obj, struct bpfshim_btf, obj);

	if (btf->parsed)
		bpfshim_btf_free(btf->parsed, &bpfshim_mem_ops, NULL);
	bpfshim_kvfree(btf->data);
	bpfshim_kvfree(btf);
}

void bpfshim_btf_get(struct bpfshim_btf *btf)
{
	bpfshim_obj_get(&btf->obj);
}

void bpfshim_btf_put(struct bpfshim_btf *btf)
{
	bpfshim_obj_put(&btf->obj);
}

static int btf_release(struct inode *inode, struct file *file)
{
	bpfshim_btf_put(file->private_data);
	return 0;
}

BPFSHIM_FDINFO(btf_fdinfo, m, file)
{
	struct bpfshim_btf *btf = file->private_data;

	seq_printf(m, "btf_id:\t%u\n", btf->obj.id);
	BPFSHIM_FDINFO_END;
}

const struct file_operations bpfshim_btf_fops = {
	.owner = THIS_MODULE,
	.release = btf_release,
	.show_fdinfo = btf_fdinfo,
};

int bpfshim_btf_new_fd(struct bpfshim_btf *btf)
{
	return bpfshim_new_fd("btf", &bpfshim_btf_fops, btf, O_RDONLY | O_CLOEXEC);
}

struct bpfshim_btf *bpfshim_btf_from_fd(int fd)
{
	struct bpfshim_btf *btf = ERR_PTR(-EINVAL);
	struct file *file = fget(fd);

	if (!file)
		return ERR_PTR(-EBADF);
	if (file->f_op == &bpfshim_btf_fops) {
		btf = file->private_data;
		bpfshim_btf_get(btf);
	}
	fput(file);
	return btf;
}

struct bpfshim_btf *bpfshim_kernel_btf_get(void)
{
	struct bpfshim_btf *btf;

	mutex_lock(&kernel_btf_lock);
	btf = kernel_btf;
	if (btf)
		bpfshim_btf_get(btf);
	mutex_unlock(&kernel_btf_lock);
	return btf;
}

const struct bpfshim_vrf_btf *bpfshim_kernel_btf_now(void)
{
	const struct bpfshim_btf *btf = READ_ONCE(kernel_btf);

	return btf ? btf->parsed : NULL;
}

static void btf_log(void *cookie, const char *text, u32 len)
{
	bpfshim_log_write(cookie, text, len);
}

static const struct bpfshim_vrf_ops parse_ops = {
	.alloc = bpfshim_vrf_alloc,
	.free = bpfshim_vrf_free,
	.resched = bpfshim_vrf_resched,
	.now_ns = bpfshim_vrf_now,
	.log = btf_log,
};

static struct bpfshim_btf *btf_alloc(u32 size)
{
	struct bpfshim_btf *btf = bpfshim_kvzalloc(sizeof(*btf));

	if (!btf)
		return NULL;
	btf->data = bpfshim_kvzalloc(size ? size : 1);
	if (!btf->data) {
		bpfshim_kvfree(btf);
		return NULL;
	}
	btf->size = size;
	bpfshim_obj_init(&btf->obj, BPFSHIM_OBJ_BTF, btf_free);
	return btf;
}

long bpfshim_cmd_btf_load(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	struct bpfshim_btf *btf;
	struct bpfshim_log log;
	long ret;

	if (attr->btf_size > BTF_SIZE_MAX)
		return -E2BIG;
	ret = bpfshim_log_init(&log, attr->btf_log_level, attr->btf_log_buf,
			       attr->btf_log_size);
	if (ret)
		return ret;
	btf = btf_alloc(attr->btf_size);
	if (!btf)
		return -ENOMEM;
	ret = -EFAULT;
	if (copy_from_user(btf->data, bpfshim_uptr(attr->btf), btf->size))
		goto put;
	ret = bpfshim_btf_parse(btf->data, btf->size, false, log.level,
				&parse_ops, &log, &btf->parsed);
	if (!ret && log.level && log.buf && log.used >= log.size - 1)
		ret = -ENOSPC;
	if (ret)
		goto put;
	ret = bpfshim_obj_publish(&btf->obj);
	if (!ret)
		ret = bpfshim_btf_new_fd(btf);
	if (ret >= 0)
		return ret;
put:
	bpfshim_btf_put(btf);
	return ret;
}

/*
 * The kernel's own BTF follows laxer rules, so the blob is parsed again under
 * them, into an object of its own named vmlinux.
 */
long bpfshim_cmd_set_kernel_btf(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	struct bpfshim_btf *from, *btf, *old;
	long ret;

	if (attr->ext_set_kernel_btf.flags)
		return -EINVAL;
	from = bpfshim_btf_from_fd(attr->ext_set_kernel_btf.btf_fd);
	if (IS_ERR(from))
		return PTR_ERR(from);
	btf = btf_alloc(from->size);
	if (!btf) {
		bpfshim_btf_put(from);
		return -ENOMEM;
	}
	memcpy(btf->data, from->data, from->size);
	bpfshim_btf_put(from);
	btf->kernel = true;
	strcpy(btf->name, "vmlinux");
	ret = bpfshim_btf_parse(btf->data, btf->size, true, 0, &bpfshim_mem_ops,
				NULL, &btf->parsed);
	if (!ret)
		ret = bpfshim_obj_publish(&btf->obj);
	if (ret) {
		bpfshim_btf_put(btf);
		return ret;
	}
	mutex_lock(&kernel_btf_lock);
	old = kernel_btf;
	kernel_btf = btf;
	mutex_unlock(&kernel_btf_lock);
	if (old)
		bpfshim_btf_put(old);
	return 0;
}

u32 bpfshim_btf_count(void)
{
	u32 n = bpfshim_obj_count(BPFSHIM_OBJ_BTF);

	mutex_lock(&kernel_btf_lock);
	n -= kernel_btf && n;
	mutex_unlock(&kernel_btf_lock);
	return n;
}

int bpfshim_btf_init(void)
{
	u32 size;
	const void *blob = bpfshim_own_types(&size);

	return bpfshim_btf_parse(blob, size, true, 0, &bpfshim_mem_ops, NULL, &own_btf);
}

/* After the last map and program. */
void bpfshim_btf_exit(void)
{
	bpfshim_btf_free(own_btf, &bpfshim_mem_ops, NULL);
}

void bpfshim_btf_drop_kernel(void)
{
	if (kernel_btf)
		bpfshim_btf_put(kernel_btf);
	kernel_btf = NULL;
}
