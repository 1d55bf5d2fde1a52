/* SPDX-License-Identifier: GPL-2.0 */
/* access_ok takes two arguments. */
#include <linux/uaccess.h>
int probe(void __user *p);
int probe(void __user *p) { return access_ok(p, 8); }
