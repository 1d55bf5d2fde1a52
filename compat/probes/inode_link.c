/* SPDX-License-Identifier: GPL-2.0 */
/* A symbolic link's text hangs on its inode and is read under RCU. */
#include <linux/fs.h>
static void f(struct inode *i) { i->i_link = NULL; free_inode_nonrcu(i); }
const struct super_operations probe = { .free_inode = f };
const struct inode_operations *probe_ops = &simple_symlink_inode_operations;
