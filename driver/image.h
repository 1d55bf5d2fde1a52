/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory of compiled programs.  Lies within reach of a 32-bit call from kernel
 * text, packed many images to a chunk, filled with int3 where unused.  It is
 * mapped read-only and executable from before the first byte of a program;
 * bytes get there through a second, writable and never executable mapping that
 * lives for the write alone.
 */
#ifndef BPFSHIM_IMAGE_H
#define BPFSHIM_IMAGE_H

#include "internal.h"

/* Does this kernel give what images need? Constant after init. */
bool bpfshim_image_possible(void);
/* Room for size bytes, 64-byte aligned: its address, or NULL. Process context. */
void *bpfshim_image_alloc(u32 size);
/* Fill part of an image that no CPU runs yet: 0 or -ENOMEM. */
int bpfshim_image_write(void *at, const void *from, u32 size);
/* No CPU runs it any more. NULL is fine. */
void bpfshim_image_free(void *image, u32 size);

#endif /* BPFSHIM_IMAGE_H */
