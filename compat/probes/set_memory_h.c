/* SPDX-License-Identifier: GPL-2.0 */
/* linux/set_memory.h exists. */
#include <linux/mm.h>
#include <linux/set_memory.h>
