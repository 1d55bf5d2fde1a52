/* SPDX-License-Identifier: GPL-2.0 */
/* What the map types share. */
#ifndef BPFSHIM_MAPS_H
#define BPFSHIM_MAPS_H

#include "../internal.h"
#include "copy.h"
#include "hash_long.h"

extern const struct bpfshim_map_ops bpfshim_array_ops;
extern const struct bpfshim_map_ops bpfshim_percpu_array_ops;
extern const struct bpfshim_map_ops bpfshim_hash_ops;
extern const struct bpfshim_map_ops bpfshim_percpu_hash_ops;
extern const struct bpfshim_map_ops bpfshim_lru_hash_ops;
extern const struct bpfshim_map_ops bpfshim_lru_percpu_hash_ops;
extern const struct bpfshim_map_ops bpfshim_lpm_trie_ops;
extern const struct bpfshim_map_ops bpfshim_perf_event_array_ops;
extern const struct bpfshim_map_ops bpfshim_prog_array_ops;
extern const struct bpfshim_map_ops bpfshim_cgroup_array_ops;
extern const struct bpfshim_map_ops bpfshim_ringbuf_ops;
extern const struct bpfshim_map_ops bpfshim_user_ringbuf_ops;
extern const struct bpfshim_map_ops bpfshim_array_of_maps_ops;
extern const struct bpfshim_map_ops bpfshim_hash_of_maps_ops;
extern const struct bpfshim_map_ops bpfshim_queue_ops;
extern const struct bpfshim_map_ops bpfshim_stack_ops;
extern const struct bpfshim_map_ops bpfshim_bloom_ops;
extern const struct bpfshim_map_ops bpfshim_task_storage_ops;
extern const struct bpfshim_map_ops bpfshim_cgroup_storage_ops;
extern const struct bpfshim_map_ops bpfshim_percpu_cgroup_storage_ops;

/* 6.1's KMALLOC_MAX_SIZE, the bound of a value there; 3.10's own differs. */
#define BPFSHIM_MAP_MAX_VALUE	(1U << 22)
/* The same of values that belong to objects: as 6.1, whose elements begin with 128 bytes. */
#define BPFSHIM_STORAGE_MAX_VALUE	(65535U - 128)
extern const struct bpfshim_map_ops bpfshim_stack_trace_ops;

/**
 * bpfshim_index_nospec() - i, which was compared with max, for use as an index.
 * Where the comparison was mispredicted it is 0: no load depends on more.
 */
static inline u32 bpfshim_index_nospec(u32 i, u32 max)
{
	u64 mask = (u64)i - max;

	/* The compiler must not conclude from the comparison what this is. */
	__asm__ __volatile__("" : "+r" (mask));
	return i & (u32)((s64)mask >> 63);
}

/** bpfshim_map_charge() - count memory for the map; given back when it is freed. */
void bpfshim_map_charge(struct bpfshim_map *map, s64 bytes);
/** bpfshim_map_of_file() - the map an open file stands for, borrowed; or NULL. */
struct bpfshim_map *bpfshim_map_of_file(struct file *file);

/** bpfshim_map_no_btf() - check_btf of the types that take none: -ENOTSUPP. */
int bpfshim_map_no_btf(const struct bpfshim_map *map, const struct bpfshim_vrf_btf *btf, u32 key_id, u32 value_id);
/** bpfshim_map_inner_fits() - inner_fits of most types. */
bool bpfshim_map_inner_fits(const struct bpfshim_vrf_map *inner, const struct bpfshim_map *map);

/** bpfshim_percpu_values_alloc() - n per-CPU values of size bytes (a multiple
 * of 8), zeroed; their pointers go to slots[0], to stride bytes after it, and
 * so on.  -ENOMEM, and nothing held.  May sleep; _free() too, and it takes what
 * _alloc() was given, or slots that are still all NULL. */
int bpfshim_percpu_values_alloc(void *slots, size_t stride, u32 n, u32 size);
void bpfshim_percpu_values_free(void *slots, size_t stride, u32 n, u32 size);
/** bpfshim_percpu_copy_out() - every possible CPU's value, in CPU order, each
 * rounded up to 8 bytes; bpfshim_percpu_copy_in() the other way. */
void bpfshim_percpu_copy_out(void *dst, void __percpu *src, u32 size);
void bpfshim_percpu_copy_in(void __percpu *dst, const void *src, u32 size);
static inline u32 bpfshim_percpu_user_size(const struct bpfshim_map *map)
{
	return round_up(map->value_size, 8) * num_possible_cpus();
}

/* kptr.c.  bpfshim_map_find_kptrs() - the kernel pointers in values of that type
 * of btf: map->kptrs.  -ENOMEM; -EACCES, -EOPNOTSUPP: not in this map. */
int bpfshim_map_find_kptrs(struct bpfshim_map *map, const struct bpfshim_btf *btf, u32 value_id);
void bpfshim_map_free_kptrs(struct bpfshim_map_kptrs *k);
void bpfshim_kptrs_drop(const struct bpfshim_map *map, void *value);
/* Zero them in an element that was updated, or is no more. */
static inline void bpfshim_value_drop_kptrs(const struct bpfshim_map *map, void *value)
{
	if (unlikely(map->special))
		bpfshim_kptrs_drop(map, value);
}

/* value.c, and what it is asked for seldom. */
void bpfshim_value_copy_around(const struct bpfshim_map *map, void *dst, const void *src);
void bpfshim_value_out_special(const struct bpfshim_map *map, void *dst, void *elem, u64 flags);
/* Copies of one value that leave its lock, timer and kernel pointers alone. */
static inline void bpfshim_value_copy(const struct bpfshim_map *map, void *dst, const void *src)
{
	if (unlikely(map->special))
		bpfshim_value_copy_around(map, dst, src);
	else
		bpfshim_copy(dst, src, map->value_size);
}
/* The same with the lock in elem held: elem is dst or src. */
void bpfshim_value_copy_locked(const struct bpfshim_map *map, void *dst, const void *src, void *elem);
/* Zero all these in a copy, or a new element. */
void bpfshim_value_hide(const struct bpfshim_map *map, void *value);
/* An element's value for user space; flags: BPFSHIM_F_LOCK or 0. */
static inline void bpfshim_value_out(const struct bpfshim_map *map, void *dst, void *elem, u64 flags)
{
	if (unlikely(map->special))
		bpfshim_value_out_special(map, dst, elem, flags);
	else
		bpfshim_copy(dst, elem, map->value_size);
}
/* Interrupts are off from the one to the other. */
void bpfshim_value_lock(u32 *lock);
void bpfshim_value_unlock(u32 *lock);

#endif /* BPFSHIM_MAPS_H */
