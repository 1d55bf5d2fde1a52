/* SPDX-License-Identifier: GPL-2.0 */
/* The hash of long keys, without the kernel. */
#ifndef BPFSHIM_MAPS_HASH_LONG_H
#define BPFSHIM_MAPS_HASH_LONG_H

#include "../../verifier/types.h"

/** bpfshim_hash_long() - a hash of size bytes, of which all 64 bits are good,
 * as long as nobody knows mul. */
u64 bpfshim_hash_long(const u64 mul[4], const void *key, u32 size);

#endif /* BPFSHIM_MAPS_HASH_LONG_H */
