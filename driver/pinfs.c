// SPDX-License-Identifier: GPL-2.0
/*
 * The file system bpfshim, in which objects get names that outlive processes.
 * It answers as 6.1's bpffs: directories, symbolic and hard links, renames;
 * no name with a dot, no reading; mount option mode=, others are ignored.
 */
#include "pin.h"

#define FS_MAGIC	0xcafe4a11U	/* bpffs's: loaders look for it */

/* Where it is meant to be mounted: bpf, unless something else has that. */
static struct kobject *mount_point;

static const struct inode_operations dir_iops;
static const struct inode_operations pin_iops;

/* Objects are reached by OBJ_GET, not by reading their names. */
static int pin_open(struct inode *inode, struct file *file)
{
	return -EIO;
}

static const struct file_operations pin_fops = {
	.owner = THIS_MODULE,
	.open = pin_open,
};

static void settle(struct inode *dir, struct dentry *dentry, struct inode *inode)
{
	d_instantiate(dentry, inode);
	dget(dentry);	/* nothing but memory backs it */
	bpfshim_inode_touch(dir);
}

/* Names with dots are reserved, as natively. */
static struct dentry *pin_lookup(struct inode *dir, struct dentry *dentry, unsigned int flags)
{
	if (strchr(dentry->d_name.name, '.'))
		return ERR_PTR(-EPERM);
	return simple_lookup(dir, dentry, flags);
}

static void make_dir(struct inode *inode)
{
	inode->i_op = &dir_iops;
	inode->i_fop = &simple_dir_operations;
	inc_nlink(inode);
}

BPFSHIM_MKDIR(pin_mkdir, dir, dentry, mode)
{
	struct inode *inode = bpfshim_inode_new(dir->i_sb, dir, mode | S_IFDIR);

	if (!inode)
		return -ENOSPC;
	make_dir(inode);
	inc_nlink(dir);
	settle(dir, dentry, inode);
	return 0;
}

BPFSHIM_SYMLINK(pin_symlink, dir, dentry, target)
{
	struct inode *inode = bpfshim_inode_new(dir->i_sb, dir, S_IFLNK | S_IRWXUGO);
	int err;

	if (!inode)
		return -ENOSPC;
	err = bpfshim_inode_set_link(inode, target);
	if (err) {
		iput(inode);
		return err;
	}
	settle(dir, dentry, inode);
	return 0;
}

static const struct inode_operations dir_iops = {
	.lookup = pin_lookup,
	.mkdir = pin_mkdir,
	.symlink = pin_symlink,
	.rmdir = simple_rmdir,
	.rename = simple_rename,
	.link = simple_link,
	.unlink = simple_unlink,
};

int bpfshim_pin_create(struct inode *dir, struct dentry *dentry, struct bpfshim_obj *obj)
{
	umode_t mode = S_IFREG | ((S_IRUSR | S_IWUSR) & ~current_umask());
	struct inode *inode;
	int err;

	if (dir->i_op != &dir_iops)
		return -EPERM;
	err = bpfshim_inode_permission(dir, MAY_WRITE | MAY_EXEC);
	if (!err)
		err = security_inode_create(dir, dentry, mode);
	if (err)
		return err;
	inode = bpfshim_inode_new(dir->i_sb, dir, mode);
	if (!inode)
		return -ENOSPC;
	inode->i_op = &pin_iops;
	inode->i_fop = &pin_fops;
	inode->i_private = obj;
	settle(dir, dentry, inode);
	fsnotify_create(dir, dentry);
	return 0;
}

struct bpfshim_obj *bpfshim_pin_of(const struct inode *inode)
{
	return inode->i_op == &pin_iops ? inode->i_private : NULL;
}

static void pin_evict(struct inode *inode)
{
	truncate_inode_pages(&inode->i_data, 0);
	clear_inode(inode);
	bpfshim_inode_evict_link(inode);
	if (bpfshim_pin_of(inode))
		bpfshim_pin_drop(bpfshim_pin_of(inode));
}

static int show_options(struct seq_file *m, struct dentry *root)
{
	umode_t mode = root->d_inode->i_mode & S_IALLUGO & ~S_ISVTX;

	if (mode != S_IRWXUGO)
		seq_printf(m, ",mode=%o", mode);
	return 0;
}

static const struct super_operations super_ops = {
	.statfs = simple_statfs,
	.drop_inode = generic_delete_inode,
	.evict_inode = pin_evict,
	.show_options = show_options,
	BPFSHIM_SUPER_FREE_INODE
};

/* mode=OCTAL; what is not known has always been ignored. */
static int parse_options(char *options, umode_t *mode)
{
	unsigned int v;
	char *opt;

	while ((opt = strsep(&options, ",")) != NULL) {
		if (!strcmp(opt, "mode"))
			return -EINVAL;
		if (strncmp(opt, "mode=", 5))
			continue;
		if (kstrtouint(opt + 5, 8, &v))
			return -EINVAL;
		*mode = v & S_IALLUGO;
	}
	return 0;
}

static int fill_super(struct super_block *sb, void *data, int silent)
{
	umode_t mode = S_IRWXUGO;
	struct inode *root;
	int err = parse_options(data, &mode);

	if (err)
		return err;
	sb->s_maxbytes = MAX_LFS_FILESIZE;
	sb->s_blocksize = PAGE_SIZE;
	sb->s_blocksize_bits = PAGE_SHIFT;
	sb->s_magic = FS_MAGIC;
	sb->s_op = &super_ops;
	sb->s_time_gran = 1;
	root = bpfshim_inode_new(sb, NULL, S_IFDIR | S_ISVTX | mode);
	if (!root)
		return -ENOMEM;
	make_dir(root);
	sb->s_root = d_make_root(root);	/* puts root when it fails */
	return sb->s_root ? 0 : -ENOMEM;
}

static struct dentry *pin_mount(struct file_system_type *type, int flags, const char *dev, void *data)
{
	return mount_nodev(type, flags, data, fill_super);
}

static struct file_system_type pin_type = {
	.owner = THIS_MODULE,
	.name = "bpfshim",
	.mount = pin_mount,
	.kill_sb = kill_litter_super,
};
MODULE_ALIAS_FS("bpfshim");

int bpfshim_pinfs_init(void)
{
	const char *name = bpfshim_sysfs_has(fs_kobj, "bpf") ? "bpfshim" : "bpf";
	int err;

	/* Without it any directory will do. */
	if (!bpfshim_sysfs_has(fs_kobj, name))
		mount_point = kobject_create_and_add(name, fs_kobj);
	err = register_filesystem(&pin_type);
	if (err && mount_point)
		kobject_put(mount_point);
	return err;
}

void bpfshim_pinfs_exit(void)
{
	unregister_filesystem(&pin_type);
	if (mount_point)
		kobject_put(mount_point);
}
