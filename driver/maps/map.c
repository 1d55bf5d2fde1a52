// SPDX-License-Identifier: GPL-2.0
/* What all maps share: base, memory, references, fds. */
#include "maps.h"

void *bpfshim_map_area_alloc(u64 size, int numa_node)
{
	if (size > (u64)1 << 36)
		return NULL;
	return bpfshim_kvzalloc_node(size ? size : 1, numa_node);
}

void bpfshim_map_area_free(void *p)
{
	bpfshim_kvfree(p);
}

static void map_free(struct bpfshim_obj *obj)
{
	struct bpfshim_map *map = container_of(obj, struct bpfshim_map, obj);

	if (map->ops->stop)
		map->ops->stop(map);
	bpfshim_mem_charge(-map->mem);
	if (map->btf)
		bpfshim_btf_put(map->btf);
	bpfshim_map_free_kptrs(map->kptrs);
	map->ops->free(map);
}

void bpfshim_map_base_init(struct bpfshim_map *map, const union bpfshim_attr *attr)
{
	bpfshim_obj_init(&map->obj, BPFSHIM_OBJ_MAP, map_free);
	map->ops = bpfshim_map_ops_of(attr->map_type);
	map->map_type = attr->map_type;
	map->key_size = attr->key_size;
	map->value_size = attr->value_size;
	map->max_entries = attr->max_entries;
	map->map_flags = attr->map_flags & ~(BPFSHIM_F_RDONLY | BPFSHIM_F_WRONLY);
	map->numa_node = attr->map_flags & BPFSHIM_F_NUMA_NODE ? (int)attr->numa_node : NUMA_NO_NODE;
	map->map_extra = attr->map_extra;
	map->spin_lock_off = map->timer_off = -1;
	mutex_init(&map->freeze_lock);
}

void bpfshim_map_charge(struct bpfshim_map *map, s64 bytes)
{
	map->mem += bytes;
	bpfshim_mem_charge(bytes);
}

void bpfshim_map_get(struct bpfshim_map *map)
{
	bpfshim_obj_get(&map->obj);
}

void bpfshim_map_put(struct bpfshim_map *map)
{
	bpfshim_obj_put(&map->obj);
}

void bpfshim_map_user_get(struct bpfshim_map *map)
{
	atomic_inc(&map->urefs);
}

void bpfshim_map_user_put(struct bpfshim_map *map)
{
	if (atomic_dec_and_test(&map->urefs) && map->ops->release_user)
		map->ops->release_user(map);
}

/* ---- fds --------------------------------------------------------------- */

static int map_release(struct inode *inode, struct file *file)
{
	struct bpfshim_map *map = file->private_data;

	if (map->ops->file_release)
		map->ops->file_release(map, file);
	bpfshim_map_user_put(map);
	bpfshim_map_put(map);
	return 0;
}

static void vma_open(struct vm_area_struct *vma)
{
	struct bpfshim_map *map = vma->vm_file->private_data;

	if (vma->vm_flags & VM_MAYWRITE)
		atomic_inc(&map->writers);
}

static void vma_close(struct vm_area_struct *vma)
{
	struct bpfshim_map *map = vma->vm_file->private_data;

	if (vma->vm_flags & VM_MAYWRITE)
		atomic_dec(&map->writers);
}

static const struct vm_operations_struct map_vm_ops = {
	.open = vma_open,
	.close = vma_close,
};

static int map_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct bpfshim_map *map = file->private_data;
	int err;

	if (!map->ops->mmap || map->spin_lock_off >= 0 || map->timer_off >= 0 || map->kptrs)
		return -ENOTSUPP;
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	mutex_lock(&map->freeze_lock);
	if (vma->vm_flags & VM_WRITE) {
		err = -EPERM;
		if (map->frozen)
			goto out;
		err = -EACCES;
		if (map->map_flags & BPFSHIM_F_RDONLY_PROG)
			goto out;
	}
	bpfshim_vma_no_copy(vma, !(vma->vm_flags & VM_WRITE));
	vma->vm_ops = &map_vm_ops;
	err = map->ops->mmap(map, vma);
	if (!err && (vma->vm_flags & VM_MAYWRITE))
		atomic_inc(&map->writers);
out:
	mutex_unlock(&map->freeze_lock);
	return err;
}

static bpfshim_poll_t map_poll(struct file *file, poll_table *pt)
{
	struct bpfshim_map *map = file->private_data;

	return map->ops->poll ? (bpfshim_poll_t)map->ops->poll(map, file, pt) : (bpfshim_poll_t)POLLERR;
}

BPFSHIM_FDINFO(map_fdinfo, m, file)
{
	const struct bpfshim_map *map = file->private_data;

	seq_printf(m, "map_type:\t%u\nkey_size:\t%u\nvalue_size:\t%u\nmax_entries:\t%u\n"
		   "map_flags:\t%#x\nmap_extra:\t%#llx\nmemlock:\t%llu\nmap_id:\t%u\nfrozen:\t%u\n",
		   map->map_type, map->key_size, map->value_size, map->max_entries, map->map_flags,
		   (unsigned long long)map->map_extra, (unsigned long long)map->mem, map->obj.id, map->frozen);
	if (map->ops->show)
		map->ops->show(map, m);
	BPFSHIM_FDINFO_END;
}

/* bpf(2) is the way to read and write; these only make the fd say that it can. */
static ssize_t map_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	return -EINVAL;
}

static ssize_t map_write(struct file *file, const char __user *buf, size_t size, loff_t *pos)
{
	return -EINVAL;
}

static const struct file_operations map_fops = {
	.owner = THIS_MODULE,
	.release = map_release,
	.read = map_read,
	.write = map_write,
	.mmap = map_mmap,
	.poll = map_poll,
	.show_fdinfo = map_fdinfo,
};

int bpfshim_map_new_fd(struct bpfshim_map *map, int o_flags)
{
	int fd;

	bpfshim_map_get(map);
	bpfshim_map_user_get(map);
	fd = bpfshim_new_fd("bpf-map", &map_fops, map, o_flags | O_CLOEXEC);
	if (fd < 0) {
		bpfshim_map_user_put(map);
		bpfshim_map_put(map);
	}
	return fd;
}

struct bpfshim_map *bpfshim_map_of_file(struct file *file)
{
	return file->f_op == &map_fops ? file->private_data : NULL;
}

struct bpfshim_map *bpfshim_map_from_fd(int fd)
{
	struct file *file = fget(fd);
	struct bpfshim_map *map;

	if (!file)
		return ERR_PTR(-EBADF);
	map = bpfshim_map_of_file(file);
	if (map)
		bpfshim_map_get(map);
	fput(file);
	return map ? map : ERR_PTR(-EINVAL);
}
