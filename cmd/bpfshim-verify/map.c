// SPDX-License-Identifier: GPL-2.0
/* Maps: what MAP_CREATE checks, and what the verifier is told of them. */
#include <stdlib.h>
#include "host.h"

/* A size that a type asks for. */
#define ANY	(-1)	/* more than 0 */

/* The sizes that types have; a row of zeros: any key, any value. */
static const struct {
	u8 given;
	s8 key, value;
} sizes[BPFSHIM_MAP_TYPE_MAX] = {
	[BPFSHIM_MAP_TYPE_ARRAY] = { 1, 4, ANY },
	[BPFSHIM_MAP_TYPE_PERCPU_ARRAY] = { 1, 4, ANY },
	[BPFSHIM_MAP_TYPE_PROG_ARRAY] = { 1, 4, 4 },
	[BPFSHIM_MAP_TYPE_PERF_EVENT_ARRAY] = { 1, 4, 4 },
	[BPFSHIM_MAP_TYPE_CGROUP_ARRAY] = { 1, 4, 4 },
	[BPFSHIM_MAP_TYPE_ARRAY_OF_MAPS] = { 1, 4, 4 },
	[BPFSHIM_MAP_TYPE_HASH_OF_MAPS] = { 1, ANY, 4 },
	[BPFSHIM_MAP_TYPE_STACK_TRACE] = { 1, 4, ANY },
	[BPFSHIM_MAP_TYPE_QUEUE] = { 1, 0, ANY },
	[BPFSHIM_MAP_TYPE_STACK] = { 1, 0, ANY },
	[BPFSHIM_MAP_TYPE_BLOOM_FILTER] = { 1, 0, ANY },
	[BPFSHIM_MAP_TYPE_TASK_STORAGE] = { 1, 4, ANY },
	[BPFSHIM_MAP_TYPE_RINGBUF] = { 1, 0, 0 },
	[BPFSHIM_MAP_TYPE_USER_RINGBUF] = { 1, 0, 0 },
};

/* A value to an object: as many as there are. */
static bool no_entries(u32 type)
{
	return type == BPFSHIM_MAP_TYPE_TASK_STORAGE || type == BPFSHIM_MAP_TYPE_CGROUP_STORAGE ||
	       type == BPFSHIM_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

static bool fits(s8 want, u32 size)
{
	return want == ANY ? size > 0 : size == (u32)want;
}

/* As 6.1: some types take no BTF at all. */
static bool no_btf(u32 type)
{
	return type == BPFSHIM_MAP_TYPE_PERF_EVENT_ARRAY || type == BPFSHIM_MAP_TYPE_PROG_ARRAY ||
	       type == BPFSHIM_MAP_TYPE_CGROUP_ARRAY || type == BPFSHIM_MAP_TYPE_ARRAY_OF_MAPS ||
	       type == BPFSHIM_MAP_TYPE_HASH_OF_MAPS;
}

static int check(const struct host_map *h)
{
	u32 rw = BPFSHIM_F_RDONLY | BPFSHIM_F_WRONLY;
	u32 rw_prog = BPFSHIM_F_RDONLY_PROG | BPFSHIM_F_WRONLY_PROG;
	bool ring = h->type == BPFSHIM_MAP_TYPE_RINGBUF || h->type == BPFSHIM_MAP_TYPE_USER_RINGBUF;

	if (h->btf_key_type_id && !h->btf_value_type_id)
		return -EINVAL;
	if (!offered_map(h->type) || (h->flags & rw) == rw || (h->flags & rw_prog) == rw_prog ||
	    !h->max_entries != no_entries(h->type))
		return -EINVAL;
	if (ring && (h->max_entries & (h->max_entries - 1) || h->max_entries & 4095))
		return -EINVAL;
	if (sizes[h->type].given)
		return fits(sizes[h->type].key, h->key_size) && fits(sizes[h->type].value, h->value_size) ? 0 : -EINVAL;
	return h->key_size && h->value_size ? 0 : -EINVAL;
}

/* Kernel pointers in the values, and whether they may be there. */
static int find_kptrs(const struct host_map *h, struct map *map, const struct bpfshim_vrf_btf *btf)
{
	static struct bpfshim_vrf_btf *own;
	const void *blob;
	struct log log;
	u32 size;
	int n;

	memset(&log, 0, sizeof(log));
	blob = bpfshim_own_types(&size);
	if (!own && bpfshim_btf_parse(blob, size, true, 0, &host_ops, &log, &own))
		die("the driver's own types");
	n = bpfshim_kptrs_find(btf, h->btf_value_type_id, kernel_btf, own, map->kptrs);
	if (n <= 0)
		return 0;
	map->vrf.kptrs = map->kptrs;
	map->vrf.nr_kptrs = (u32)n;
	if (h->flags & (BPFSHIM_F_RDONLY_PROG | BPFSHIM_F_WRONLY_PROG))
		return -EACCES;
	return h->type == BPFSHIM_MAP_TYPE_HASH || h->type == BPFSHIM_MAP_TYPE_LRU_HASH ||
	       h->type == BPFSHIM_MAP_TYPE_ARRAY ? 0 : -EOPNOTSUPP;
}

static int attach_btf(const struct host_map *h, struct map *map)
{
	struct bpfshim_vrf_map *m = &map->vrf;
	const struct btf *btf;
	int err = -EINVAL;

	if (!h->btf_key_type_id && !h->btf_value_type_id)
		return 0;
	btf = find_btf(h->btf_fd);
	if (!btf)
		return -EBADF;
	/* Only global data, and a filter, has values without keys. */
	if (h->btf_key_type_id || no_btf(h->type) || h->type == BPFSHIM_MAP_TYPE_BLOOM_FILTER ||
	    (h->type == BPFSHIM_MAP_TYPE_ARRAY && h->max_entries == 1))
		err = bpfshim_btf_map_check(btf->parsed, h->btf_key_type_id, h->btf_value_type_id, h->type,
					    h->key_size, h->value_size, h->max_entries,
					    &m->spin_lock_off, &m->timer_off);
	if (err)
		return err;
	if ((m->spin_lock_off >= 0 || m->timer_off >= 0) && (h->flags & BPFSHIM_F_RDONLY_PROG))
		return -EACCES;
	if (m->spin_lock_off >= 0 && h->type != BPFSHIM_MAP_TYPE_HASH && h->type != BPFSHIM_MAP_TYPE_ARRAY &&
	    h->type != BPFSHIM_MAP_TYPE_CGROUP_STORAGE && h->type != BPFSHIM_MAP_TYPE_TASK_STORAGE)
		return -ENOTSUPP;
	if (m->timer_off >= 0 && h->type != BPFSHIM_MAP_TYPE_HASH && h->type != BPFSHIM_MAP_TYPE_LRU_HASH &&
	    h->type != BPFSHIM_MAP_TYPE_ARRAY)
		return -EOPNOTSUPP;
	err = find_kptrs(h, map, btf->parsed);
	if (err)
		return err;
	if (no_btf(h->type))
		return -ENOTSUPP;
	m->btf = btf->parsed;
	m->btf_key_type_id = h->btf_key_type_id;
	m->btf_value_type_id = h->btf_value_type_id;
	return 0;
}

static bool of_maps(u32 type)
{
	return type == BPFSHIM_MAP_TYPE_ARRAY_OF_MAPS || type == BPFSHIM_MAP_TYPE_HASH_OF_MAPS;
}

static int attach_inner(const struct host_map *h, struct bpfshim_vrf_map *m)
{
	const struct map *inner;

	if (!of_maps(h->type))
		return 0;
	inner = find_map(h->inner_fd);
	if (!inner)
		return -EBADF;
	if (of_maps(inner->vrf.map_type))
		return -EINVAL;
	if (inner->vrf.map_type == BPFSHIM_MAP_TYPE_PROG_ARRAY || inner->vrf.spin_lock_off >= 0 ||
	    inner->vrf.nr_kptrs)
		return -ENOTSUPP;
	m->inner = &inner->vrf;
	return 0;
}

int map_create(const struct host_map *h, const void *value, u32 value_len)
{
	bool direct = h->type == BPFSHIM_MAP_TYPE_ARRAY && h->max_entries == 1;
	int err = check(h);
	struct map *m;

	if (err)
		return err;
	m = host_alloc(sizeof(*m));	/* lives as long as the process */
	m->fd = h->fd;
	m->next = maps;
	maps = m;
	m->vrf.map_type = h->type;
	m->vrf.key_size = h->key_size;
	m->vrf.value_size = h->value_size;
	m->vrf.max_entries = h->max_entries;
	m->vrf.map_flags = h->flags & ~(BPFSHIM_F_RDONLY | BPFSHIM_F_WRONLY);
	m->vrf.id = h->fd;
	memcpy(m->vrf.name, h->name, sizeof(m->vrf.name));
	m->vrf.name[sizeof(m->vrf.name) - 1] = 0;
	m->vrf.frozen_rdonly = h->frozen && (h->flags & BPFSHIM_F_RDONLY_PROG) && h->type == BPFSHIM_MAP_TYPE_ARRAY;
	m->vrf.spin_lock_off = m->vrf.timer_off = -1;
	if (direct && value_len == h->value_size) {
		m->value = value;
		m->value_len = value_len;
	}
	err = attach_inner(h, &m->vrf);
	if (!err)
		err = attach_btf(h, m);
	if (err) {
		maps = m->next;
		free(m);
	}
	return err;
}
