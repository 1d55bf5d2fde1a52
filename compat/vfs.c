// SPDX-License-Identifier: GPL-2.0
/* Inodes, symbolic links and sysfs directories on every kernel. */
#include "compat.h"
#if BPFSHIM_HAVE_KERNFS_FIND
#include <linux/kernfs.h>
#endif

static void set_times(struct inode *inode)
{
#if BPFSHIM_HAVE_CURRENT_TIME
	inode->i_mtime = current_time(inode);
#else
	inode->i_mtime = CURRENT_TIME;
#endif
	inode->i_ctime = inode->i_mtime;
}

struct inode *bpfshim_inode_new(struct super_block *sb, const struct inode *dir, umode_t mode)
{
	struct inode *inode = bpfshim_should_fail() ? NULL : new_inode(sb);

	if (!inode)
		return NULL;
	inode->i_ino = get_next_ino();
	set_times(inode);
	inode->i_atime = inode->i_mtime;
#if BPFSHIM_HAVE_VFS_USERNS
	inode_init_owner(&init_user_ns, inode, dir, mode);
#else
	inode_init_owner(inode, dir, mode);
#endif
	return inode;
}

void bpfshim_inode_touch(struct inode *dir)
{
	set_times(dir);
}

#if BPFSHIM_HAVE_INODE_LINK
int bpfshim_inode_set_link(struct inode *inode, const char *text)
{
	inode->i_link = bpfshim_should_fail() ? NULL : kstrdup(text, GFP_KERNEL);
	if (!inode->i_link)
		return -ENOMEM;
	inode->i_op = &simple_symlink_inode_operations;
	return 0;
}

void bpfshim_inode_evict_link(struct inode *inode)
{
}

void bpfshim_inode_free(struct inode *inode)
{
	if (S_ISLNK(inode->i_mode))
		kfree(inode->i_link);
	free_inode_nonrcu(inode);
}
#else
/* Whoever follows a link holds its dentry, so the text lives as long as the inode. */
static void *follow_link(struct dentry *dentry, struct nameidata *nd)
{
	nd_set_link(nd, dentry->d_inode->i_private);
	return NULL;
}

static const struct inode_operations link_iops = {
	.readlink = generic_readlink,
	.follow_link = follow_link,
};

int bpfshim_inode_set_link(struct inode *inode, const char *text)
{
	inode->i_private = bpfshim_should_fail() ? NULL : kstrdup(text, GFP_KERNEL);
	if (!inode->i_private)
		return -ENOMEM;
	inode->i_op = &link_iops;
	return 0;
}

void bpfshim_inode_evict_link(struct inode *inode)
{
	if (inode->i_op == &link_iops)
		kfree(inode->i_private);
}
#endif

bool bpfshim_sysfs_has(struct kobject *parent, const char *name)
{
#if BPFSHIM_HAVE_KERNFS_FIND
	struct kernfs_node *kn = kernfs_find_and_get(parent->sd, name);

	kernfs_put(kn);
	return kn != NULL;
#else
	struct sysfs_dirent *sd = sysfs_get_dirent(parent->sd, NULL, name);

	if (sd)
		sysfs_put(sd);
	return sd != NULL;
#endif
}
