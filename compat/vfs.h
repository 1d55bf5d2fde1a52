/* SPDX-License-Identifier: GPL-2.0 */
/* What a file system of the module's own needs of the VFS and of sysfs. */
#ifndef BPFSHIM_COMPAT_VFS_H
#define BPFSHIM_COMPAT_VFS_H

#include <linux/mount.h>
#include <linux/kobject.h>
#include <linux/sysfs.h>
#include <linux/pagemap.h>
#include <linux/fsnotify.h>
#include <linux/security.h>
#include <linux/statfs.h>

/* Heads of the inode operations whose signature differs. */
#if BPFSHIM_HAVE_VFS_USERNS
#define BPFSHIM_MKDIR(fn, dir, dentry, mode) \
	static int fn(struct user_namespace *ns, struct inode *dir, struct dentry *dentry, umode_t mode)
#define BPFSHIM_SYMLINK(fn, dir, dentry, target) \
	static int fn(struct user_namespace *ns, struct inode *dir, struct dentry *dentry, const char *target)
#else
#define BPFSHIM_MKDIR(fn, dir, dentry, mode) \
	static int fn(struct inode *dir, struct dentry *dentry, umode_t mode)
#define BPFSHIM_SYMLINK(fn, dir, dentry, target) \
	static int fn(struct inode *dir, struct dentry *dentry, const char *target)
#endif

static inline int bpfshim_inode_permission(struct inode *inode, int mask)
{
#if BPFSHIM_HAVE_VFS_USERNS
	return inode_permission(&init_user_ns, inode, mask);
#else
	return inode_permission(inode, mask);
#endif
}

/* A new inode with number, owner and times; NULL.  dir: NULL for a root. */
struct inode *bpfshim_inode_new(struct super_block *sb, const struct inode *dir, umode_t mode);
/* The directory changed now. */
void bpfshim_inode_touch(struct inode *dir);

/* Make the inode a symbolic link to text (copied): 0 or -ENOMEM. */
int bpfshim_inode_set_link(struct inode *inode, const char *text);
/* A link's part of evict_inode; nothing for other inodes. */
void bpfshim_inode_evict_link(struct inode *inode);
/* What evict_inode leaves to the end of RCU readers: a member of super_operations. */
#if BPFSHIM_HAVE_INODE_LINK
void bpfshim_inode_free(struct inode *inode);
#define BPFSHIM_SUPER_FREE_INODE	.free_inode = bpfshim_inode_free,
#else
#define BPFSHIM_SUPER_FREE_INODE
#endif

/* Is there an entry of that name in the kobject's directory?  May sleep. */
bool bpfshim_sysfs_has(struct kobject *parent, const char *name);

#endif /* BPFSHIM_COMPAT_VFS_H */
