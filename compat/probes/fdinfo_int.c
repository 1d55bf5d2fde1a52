/* SPDX-License-Identifier: GPL-2.0 */
/* show_fdinfo returns an int. */
#include <linux/fs.h>
#include <linux/seq_file.h>
static int show(struct seq_file *m, struct file *f) { return 0; }
const struct file_operations probe = { .show_fdinfo = show };
