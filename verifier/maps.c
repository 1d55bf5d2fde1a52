// SPDX-License-Identifier: GPL-2.0
/* Which helpers take which maps. */
#include "env.h"

#define H(name) BPFSHIM_HELPER_##name
#define M(name) BPFSHIM_MAP_TYPE_##name

u32 bpfshim_v_map_idx(const struct vrf_env *env, const struct bpfshim_vrf_map *map)
{
	u32 i;

	for (i = 0; i < env->nr_maps; i++)
		if (map == &env->maps[i])
			return i;
	return ~0u;
}

/* Sockets in maps may only be replaced where none of them is locked. */
static bool may_update_sockmap(struct vrf_env *env, s32 id)
{
	if (id != H(map_update_elem) && id != H(map_delete_elem))
		return false;
	switch (env->prog_type) {
	case BPFSHIM_PROG_TYPE_TRACING:
		if (env->attach_type == BPFSHIM_TRACE_ITER)
			return true;
		break;
	case BPFSHIM_PROG_TYPE_SOCK_OPS:
		if (id == H(map_delete_elem))
			return true;
		break;
	case BPFSHIM_PROG_TYPE_SOCKET_FILTER:
	case BPFSHIM_PROG_TYPE_SCHED_CLS:
	case BPFSHIM_PROG_TYPE_SCHED_ACT:
	case BPFSHIM_PROG_TYPE_XDP:
	case BPFSHIM_PROG_TYPE_SK_REUSEPORT:
	case BPFSHIM_PROG_TYPE_FLOW_DISSECTOR:
	case BPFSHIM_PROG_TYPE_SK_LOOKUP:
		return true;
	}
	bpfshim_v_log(env, "cannot update sockmap in this context\n");
	return false;
}

static bool is_ringbuf_helper(s32 id)
{
	return id == H(ringbuf_output) || id == H(ringbuf_reserve) || id == H(ringbuf_query) ||
	       id == H(ringbuf_reserve_dynptr) || id == H(ringbuf_submit_dynptr) ||
	       id == H(ringbuf_discard_dynptr);
}

static bool is_perf_helper(s32 id)
{
	return id == H(perf_event_read) || id == H(perf_event_output) || id == H(skb_output) ||
	       id == H(perf_event_read_value) || id == H(xdp_output);
}

/* From the map's side: maps of these types know few helpers. */
static bool map_takes(struct vrf_env *env, u32 type, s32 id)
{
	switch (type) {
	case M(PROG_ARRAY):
		return id == H(tail_call);
	case M(PERF_EVENT_ARRAY):
		return is_perf_helper(id);
	case M(RINGBUF):
		return is_ringbuf_helper(id);
	case M(USER_RINGBUF):
		return id == H(user_ringbuf_drain);
	case M(STACK_TRACE):
		return id == H(get_stackid);
	case M(CGROUP_ARRAY):
		return id == H(skb_under_cgroup) || id == H(current_task_under_cgroup);
	case M(CGROUP_STORAGE):
	case M(PERCPU_CGROUP_STORAGE):
		return id == H(get_local_storage);
	case M(DEVMAP):
	case M(DEVMAP_HASH):
	case M(XSKMAP):
		return id == H(redirect_map) || id == H(map_lookup_elem);
	case M(CPUMAP):
		return id == H(redirect_map);
	case M(ARRAY_OF_MAPS):
	case M(HASH_OF_MAPS):
		return id == H(map_lookup_elem);
	case M(SOCKMAP):
		return id == H(sk_redirect_map) || id == H(sock_map_update) || id == H(msg_redirect_map) ||
		       id == H(sk_select_reuseport) || id == H(map_lookup_elem) || may_update_sockmap(env, id);
	case M(SOCKHASH):
		return id == H(sk_redirect_hash) || id == H(sock_hash_update) || id == H(msg_redirect_hash) ||
		       id == H(sk_select_reuseport) || id == H(map_lookup_elem) || may_update_sockmap(env, id);
	case M(REUSEPORT_SOCKARRAY):
		return id == H(sk_select_reuseport);
	case M(QUEUE):
	case M(STACK):
		return id == H(map_peek_elem) || id == H(map_pop_elem) || id == H(map_push_elem);
	case M(SK_STORAGE):
		return id == H(sk_storage_get) || id == H(sk_storage_delete);
	case M(INODE_STORAGE):
		return id == H(inode_storage_get) || id == H(inode_storage_delete);
	case M(TASK_STORAGE):
		return id == H(task_storage_get) || id == H(task_storage_delete);
	case M(BLOOM_FILTER):
		return id == H(map_peek_elem) || id == H(map_push_elem);
	}
	return true;
}

/* From the helper's. */
static bool helper_takes(s32 id, u32 type)
{
	if (is_ringbuf_helper(id))
		return type == M(RINGBUF);
	if (is_perf_helper(id))
		return type == M(PERF_EVENT_ARRAY);
	switch (id) {
	case H(tail_call):
		return type == M(PROG_ARRAY);
	case H(user_ringbuf_drain):
		return type == M(USER_RINGBUF);
	case H(get_stackid):
		return type == M(STACK_TRACE);
	case H(current_task_under_cgroup):
	case H(skb_under_cgroup):
		return type == M(CGROUP_ARRAY);
	case H(redirect_map):
		return type == M(DEVMAP) || type == M(DEVMAP_HASH) || type == M(CPUMAP) || type == M(XSKMAP);
	case H(sk_redirect_map):
	case H(msg_redirect_map):
	case H(sock_map_update):
		return type == M(SOCKMAP);
	case H(sk_redirect_hash):
	case H(msg_redirect_hash):
	case H(sock_hash_update):
		return type == M(SOCKHASH);
	case H(get_local_storage):
		return type == M(CGROUP_STORAGE) || type == M(PERCPU_CGROUP_STORAGE);
	case H(sk_select_reuseport):
		return type == M(REUSEPORT_SOCKARRAY) || type == M(SOCKMAP) || type == M(SOCKHASH);
	case H(map_pop_elem):
		return type == M(QUEUE) || type == M(STACK);
	case H(map_peek_elem):
	case H(map_push_elem):
		return type == M(QUEUE) || type == M(STACK) || type == M(BLOOM_FILTER);
	case H(map_lookup_percpu_elem):
		return type == M(PERCPU_ARRAY) || type == M(PERCPU_HASH) || type == M(LRU_PERCPU_HASH);
	case H(sk_storage_get):
	case H(sk_storage_delete):
		return type == M(SK_STORAGE);
	case H(inode_storage_get):
	case H(inode_storage_delete):
		return type == M(INODE_STORAGE);
	case H(task_storage_get):
	case H(task_storage_delete):
		return type == M(TASK_STORAGE);
	}
	return true;
}

int bpfshim_v_map_helper(struct vrf_env *env, const struct bpfshim_vrf_map *map, s32 id)
{
	/* What for_each_map_elem takes is asked with its callback. */
	if (!map || id == H(for_each_map_elem))
		return 0;
	if (map_takes(env, map->map_type, id) && helper_takes(id, map->map_type))
		return 0;
	bpfshim_v_log(env, "cannot pass map_type %d into func %s#%d\n", map->map_type,
		      bpfshim_v_helper_name(id), id);
	return -EINVAL;
}
