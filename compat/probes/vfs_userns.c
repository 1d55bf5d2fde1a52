/* SPDX-License-Identifier: GPL-2.0 */
/* Inode operations and permissions take a user namespace. */
#include <linux/fs.h>
static int mk(struct user_namespace *ns, struct inode *dir, struct dentry *d, umode_t m)
{
	return inode_permission(ns, dir, MAY_READ);
}
const struct inode_operations probe = { .mkdir = mk };
