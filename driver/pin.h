/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pins: objects held by names in the file system bpfshim.
 *
 * A pinned file is an inode whose i_private is the object's head.  It owns
 * one reference of the kind that an fd has: a map's user reference, a
 * program's reference, a link's user.  All names of one inode (link(2)) share
 * it; it goes when the inode does, by unlink or with the superblock.  The
 * VFS's locks guard names; the object of an inode never changes.
 */
#ifndef BPFSHIM_PIN_H
#define BPFSHIM_PIN_H

#include "link.h"

/** bpfshim_pinfs_init() - make the mount point and register the file system; 0 or errno. */
int bpfshim_pinfs_init(void);
/** bpfshim_pinfs_exit() - undo it; no superblock is left, as each holds the module. */
void bpfshim_pinfs_exit(void);

/** bpfshim_pin_create() - name the object in dir, which is locked; takes over the
 * caller's user reference when it returns 0.  -EPERM: dir is of another file system. */
int bpfshim_pin_create(struct inode *dir, struct dentry *dentry, struct bpfshim_obj *obj);
/** bpfshim_pin_of() - the object a file pins, borrowed from the inode; NULL: none. */
struct bpfshim_obj *bpfshim_pin_of(const struct inode *inode);

/** bpfshim_pin_hold() - one more user reference, as an fd has; bpfshim_pin_drop() gives
 * it back, in process context: a link's last one detaches. */
void bpfshim_pin_hold(struct bpfshim_obj *obj);
void bpfshim_pin_drop(struct bpfshim_obj *obj);

#endif /* BPFSHIM_PIN_H */
