// SPDX-License-Identifier: GPL-2.0
/* The map types this module offers. */
#include "maps.h"

static const struct bpfshim_map_ops *const types[BPFSHIM_MAP_TYPE_MAX] = {
	[BPFSHIM_MAP_TYPE_HASH] = &bpfshim_hash_ops,
	[BPFSHIM_MAP_TYPE_ARRAY] = &bpfshim_array_ops,
	[BPFSHIM_MAP_TYPE_PROG_ARRAY] = &bpfshim_prog_array_ops,
	[BPFSHIM_MAP_TYPE_PERF_EVENT_ARRAY] = &bpfshim_perf_event_array_ops,
	[BPFSHIM_MAP_TYPE_CGROUP_ARRAY] = &bpfshim_cgroup_array_ops,
	[BPFSHIM_MAP_TYPE_PERCPU_HASH] = &bpfshim_percpu_hash_ops,
	[BPFSHIM_MAP_TYPE_LRU_HASH] = &bpfshim_lru_hash_ops,
	[BPFSHIM_MAP_TYPE_LRU_PERCPU_HASH] = &bpfshim_lru_percpu_hash_ops,
	[BPFSHIM_MAP_TYPE_PERCPU_ARRAY] = &bpfshim_percpu_array_ops,
	[BPFSHIM_MAP_TYPE_LPM_TRIE] = &bpfshim_lpm_trie_ops,
	[BPFSHIM_MAP_TYPE_QUEUE] = &bpfshim_queue_ops,
	[BPFSHIM_MAP_TYPE_STACK] = &bpfshim_stack_ops,
	[BPFSHIM_MAP_TYPE_RINGBUF] = &bpfshim_ringbuf_ops,
	[BPFSHIM_MAP_TYPE_CGROUP_STORAGE] = &bpfshim_cgroup_storage_ops,
	[BPFSHIM_MAP_TYPE_PERCPU_CGROUP_STORAGE] = &bpfshim_percpu_cgroup_storage_ops,
	[BPFSHIM_MAP_TYPE_TASK_STORAGE] = &bpfshim_task_storage_ops,
	[BPFSHIM_MAP_TYPE_BLOOM_FILTER] = &bpfshim_bloom_ops,
	[BPFSHIM_MAP_TYPE_USER_RINGBUF] = &bpfshim_user_ringbuf_ops,
	[BPFSHIM_MAP_TYPE_STACK_TRACE] = &bpfshim_stack_trace_ops,
	[BPFSHIM_MAP_TYPE_ARRAY_OF_MAPS] = &bpfshim_array_of_maps_ops,
	[BPFSHIM_MAP_TYPE_HASH_OF_MAPS] = &bpfshim_hash_of_maps_ops,
};

const struct bpfshim_map_ops *bpfshim_map_ops_of(u32 map_type)
{
	return map_type < BPFSHIM_MAP_TYPE_MAX ? types[map_type] : NULL;
}

