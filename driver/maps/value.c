// SPDX-License-Identifier: GPL-2.0
/*
 * Values that hold a bpf_spin_lock, a bpf_timer or kernel pointers: copies leave
 * them alone.
 * The lock word is 0 or 1; it is taken with interrupts off, by programs of
 * types that never run in interrupts (the verifier sees to both) and by
 * commands, so a holder is never interrupted by another taker.
 */
#include "maps.h"

void bpfshim_value_lock(u32 *lock)
{
	while (cmpxchg(lock, 0, 1))
		cpu_relax();
}

void bpfshim_value_unlock(u32 *lock)
{
	smp_mb();
	*(volatile u32 *)lock = 0;
}

#define HOLES	(2 + BPFSHIM_VRF_MAX_KPTRS)

/* Ascending. */
static void add_hole(s32 *off, s32 *len, u32 *n, s32 at, s32 size)
{
	u32 i = (*n)++;

	for (; i && off[i - 1] > at; i--) {
		off[i] = off[i - 1];
		len[i] = len[i - 1];
	}
	off[i] = at;
	len[i] = size;
}

/* The parts of the value that none of them covers. */
void bpfshim_value_copy_around(const struct bpfshim_map *map, void *to, const void *from)
{
	const u8 *src = from;
	u8 *dst = to;
	s32 off[HOLES], len[HOLES], pos = 0;
	u32 i, n = 0;

	if (map->spin_lock_off >= 0)
		add_hole(off, len, &n, map->spin_lock_off, 4);
	if (map->timer_off >= 0)
		add_hole(off, len, &n, map->timer_off, 16);
	for (i = 0; map->kptrs && i < map->kptrs->nr; i++)
		add_hole(off, len, &n, map->kptrs->at[i].off, 8);
	for (i = 0; i < n; i++) {
		memcpy(dst + pos, src + pos, off[i] - pos);
		pos = off[i] + len[i];
	}
	memcpy(dst + pos, src + pos, map->value_size - pos);
}

void bpfshim_value_hide(const struct bpfshim_map *map, void *value)
{
	if (map->spin_lock_off >= 0)
		memset((u8 *)value + map->spin_lock_off, 0, 4);
	if (map->timer_off >= 0)
		memset((u8 *)value + map->timer_off, 0, 16);
	bpfshim_value_drop_kptrs(map, value);
}

void bpfshim_value_copy_locked(const struct bpfshim_map *map, void *dst, const void *src, void *elem)
{
	u32 *lock = (u32 *)((u8 *)elem + map->spin_lock_off);
	unsigned long irq;

	local_irq_save(irq);
	bpfshim_value_lock(lock);
	bpfshim_value_copy(map, dst, src);
	bpfshim_value_unlock(lock);
	local_irq_restore(irq);
}

void bpfshim_value_out_special(const struct bpfshim_map *map, void *dst, void *elem, u64 flags)
{
	if (flags & BPFSHIM_F_LOCK)
		bpfshim_value_copy_locked(map, dst, elem, elem);
	else
		bpfshim_value_copy(map, dst, elem);
	bpfshim_value_hide(map, dst);
}
