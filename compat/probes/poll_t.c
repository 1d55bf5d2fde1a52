/* SPDX-License-Identifier: GPL-2.0 */
/* __poll_t is the type poll returns. */
#include <linux/fs.h>
#include <linux/poll.h>
static __poll_t p(struct file *f, poll_table *t) { return 0; }
const struct file_operations probe = { .poll = p };
