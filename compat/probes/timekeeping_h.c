/* SPDX-License-Identifier: GPL-2.0 */
/* linux/timekeeping.h exists. */
#include <linux/ktime.h>
#include <linux/timekeeping.h>
