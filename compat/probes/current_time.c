/* SPDX-License-Identifier: GPL-2.0 */
/* An inode's present is asked of the inode. */
#include <linux/fs.h>
void probe(struct inode *i);
void probe(struct inode *i) { i->i_mtime = current_time(i); }
