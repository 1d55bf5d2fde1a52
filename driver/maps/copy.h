/* SPDX-License-Identifier: GPL-2.0 */
/* Copies of keys and values.  Freestanding. */
#ifndef BPFSHIM_MAPS_COPY_H
#define BPFSHIM_MAPS_COPY_H

#include "../../verifier/types.h"

/** bpfshim_copy() - memcpy() of few bytes, as most keys and values are: word by
 * word, for string instructions begin slowly. */
static inline void bpfshim_copy(void *dst, const void *src, u32 size)
{
	char *d = dst;
	const char *s = src;
	u64 word;
	u32 i;

	if (size > 32) {
		memcpy(d, s, size);
		return;
	}
	for (i = 0; i + 8 <= size; i += 8) {
		memcpy(&word, s + i, 8);
		memcpy(d + i, &word, 8);
		/* Or the compiler makes a call of the loop. */
		__asm__ volatile("" : : : "memory");
	}
	for (; i < size; i++) {
		d[i] = s[i];
		__asm__ volatile("" : : : "memory");
	}
}

#endif /* BPFSHIM_MAPS_COPY_H */
