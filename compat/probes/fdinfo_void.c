/* SPDX-License-Identifier: GPL-2.0 */
/* show_fdinfo returns nothing. */
#include <linux/fs.h>
#include <linux/seq_file.h>
static void show(struct seq_file *m, struct file *f) { }
const struct file_operations probe = { .show_fdinfo = show };
