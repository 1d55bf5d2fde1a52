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

	if (size > 32) {
		memcpy(d, s, size);
		return;
	}
	for (; size >= 8; size -= 8, s += 8, d += 8) {
		memcpy(&word, s, 8);
		memcpy(d, &word, 8);
		/* Or the compiler makes a call of the loop. */
		__asm__ volatile("" : : : "memory");
	}
	for (; size; size--) {
		*d++ = *s++;
		__asm__ volatile("" : : : "memory");
	}
}

#endif /* BPFSHIM_MAPS_COPY_H */
