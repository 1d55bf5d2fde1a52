/* SPDX-License-Identifier: GPL-2.0 */
/* The lock of an mm is taken through mmap_read_trylock. */
#include <linux/mm.h>
#include <linux/mmap_lock.h>
int probe(struct mm_struct *mm);
int probe(struct mm_struct *mm) { return mmap_read_trylock(mm); }
