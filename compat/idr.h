/* SPDX-License-Identifier: GPL-2.0 */
/* linux/idr.h */
#ifndef BPFSHIM_COMPAT_IDR_H
#define BPFSHIM_COMPAT_IDR_H

#include <linux/idr.h>

#endif /* BPFSHIM_COMPAT_IDR_H */
