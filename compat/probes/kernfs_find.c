/* SPDX-License-Identifier: GPL-2.0 */
/* sysfs is made of kernfs nodes. */
#include <linux/kobject.h>
#include <linux/kernfs.h>
struct kernfs_node *probe(struct kobject *k);
struct kernfs_node *probe(struct kobject *k) { return kernfs_find_and_get(k->sd, "x"); }
