// SPDX-License-Identifier: GPL-2.0
/* Instructions by themselves: known opcodes, and what ld_imm64 refers to. */
#include "env.h"

static bool known_opcode(u8 code)
{
	u8 class = BPFSHIM_CLASS(code), op = BPFSHIM_OP(code), mode = BPFSHIM_MODE(code);
	u8 size = BPFSHIM_SIZE(code);

	switch (class) {
	case BPFSHIM_ALU:
	case BPFSHIM_ALU64:
		if (op == BPFSHIM_NEG)
			return !BPFSHIM_SRC(code);
		if (op == BPFSHIM_END)
			return class == BPFSHIM_ALU;
		return op <= BPFSHIM_ARSH;
	case BPFSHIM_JMP:
	case BPFSHIM_JMP32:
		if (op == BPFSHIM_CALL || op == BPFSHIM_EXIT)
			return class == BPFSHIM_JMP && !BPFSHIM_SRC(code);
		if (op == BPFSHIM_JA)
			return !BPFSHIM_SRC(code);
		return op <= BPFSHIM_JSLE;
	case BPFSHIM_LDX:
	case BPFSHIM_ST:
		return mode == BPFSHIM_MEM;
	case BPFSHIM_STX:
		if (mode == BPFSHIM_ATOMIC)
			return size == BPFSHIM_W || size == BPFSHIM_DW;
		return mode == BPFSHIM_MEM;
	default:	/* LD */
		if (mode == BPFSHIM_IMM)
			return size == BPFSHIM_DW;
		return (mode == BPFSHIM_ABS || mode == BPFSHIM_IND) && size != BPFSHIM_DW;
	}
}

static bool is_trace_type(u32 type)
{
	switch (type) {
	case BPFSHIM_PROG_TYPE_KPROBE:
	case BPFSHIM_PROG_TYPE_TRACEPOINT:
	case BPFSHIM_PROG_TYPE_PERF_EVENT:
	case BPFSHIM_PROG_TYPE_RAW_TRACEPOINT:
	case BPFSHIM_PROG_TYPE_RAW_TRACEPOINT_WRITABLE:
		return true;
	}
	return false;
}

static bool sleepable_map(u32 type)
{
	switch (type) {
	case BPFSHIM_MAP_TYPE_HASH:
	case BPFSHIM_MAP_TYPE_LRU_HASH:
	case BPFSHIM_MAP_TYPE_ARRAY:
	case BPFSHIM_MAP_TYPE_PERCPU_HASH:
	case BPFSHIM_MAP_TYPE_PERCPU_ARRAY:
	case BPFSHIM_MAP_TYPE_LRU_PERCPU_HASH:
	case BPFSHIM_MAP_TYPE_ARRAY_OF_MAPS:
	case BPFSHIM_MAP_TYPE_HASH_OF_MAPS:
	case BPFSHIM_MAP_TYPE_RINGBUF:
	case BPFSHIM_MAP_TYPE_USER_RINGBUF:
	case BPFSHIM_MAP_TYPE_INODE_STORAGE:
	case BPFSHIM_MAP_TYPE_SK_STORAGE:
	case BPFSHIM_MAP_TYPE_TASK_STORAGE:
		return true;
	}
	return false;
}

static int map_for_prog(struct vrf_env *env, const struct bpfshim_vrf_map *map)
{
	bool sleepable = env->prog->prog_flags & BPFSHIM_F_SLEEPABLE;
	const char *who = NULL;

	if (map->spin_lock_off >= 0) {
		if (env->prog_type == BPFSHIM_PROG_TYPE_SOCKET_FILTER)
			who = "socket filter";
		else if (is_trace_type(env->prog_type))
			who = "tracing";
		else if (sleepable)
			who = "sleepable";
		if (who) {
			bpfshim_v_log(env, "%s progs cannot use bpf_spin_lock yet\n", who);
			return -EINVAL;
		}
	}
	if (map->timer_off >= 0 && is_trace_type(env->prog_type)) {
		bpfshim_v_log(env, "tracing progs cannot use bpf_timer yet\n");
		return -EINVAL;
	}
	if (map->map_type == BPFSHIM_MAP_TYPE_STRUCT_OPS) {
		bpfshim_v_log(env, "bpf_struct_ops map cannot be used in prog\n");
		return -EINVAL;
	}
	if (sleepable && !sleepable_map(map->map_type)) {
		bpfshim_v_log(env, "Sleepable programs can only use array, hash, and ringbuf maps\n");
		return -EINVAL;
	}
	return 0;
}

/* Map types whose values can be addressed directly. */
bool bpfshim_v_direct_value(const struct bpfshim_vrf_map *map)
{
	return map->map_type == BPFSHIM_MAP_TYPE_ARRAY;
}

static int map_value_off(struct vrf_env *env, const struct bpfshim_vrf_map *map, u32 off)
{
	int err = 0;

	if (off >= VRF_MAX_OFF) {
		bpfshim_v_log(env, "direct value offset of %u is not allowed\n", off);
		return -EINVAL;
	}
	if (!bpfshim_v_direct_value(map)) {
		bpfshim_v_log(env, "no direct value access support for this map type\n");
		return -EINVAL;
	}
	if (map->max_entries != 1)
		err = -ENOTSUPP;
	else if (off >= map->value_size)
		err = -EINVAL;
	if (err)
		bpfshim_v_log(env, "invalid access to map value pointer, value_size=%u off=%u\n",
			      map->value_size, off);
	return err;
}

static bool is_cgroup_storage(const struct bpfshim_vrf_map *map)
{
	return map->map_type == BPFSHIM_MAP_TYPE_CGROUP_STORAGE ||
	       map->map_type == BPFSHIM_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

static int resolve_map(struct vrf_env *env, u32 i)
{
	const struct bpfshim_insn *in = &env->insns[i];
	bool idx = in->src_reg == BPFSHIM_PSEUDO_MAP_IDX || in->src_reg == BPFSHIM_PSEUDO_MAP_IDX_VALUE;
	bool value = in->src_reg == BPFSHIM_PSEUDO_MAP_VALUE ||
		     in->src_reg == BPFSHIM_PSEUDO_MAP_IDX_VALUE;
	struct bpfshim_vrf_map *map;
	u32 no = 0, k;
	int err;

	if (!value && (in[1].imm || (in->src_reg != BPFSHIM_PSEUDO_MAP_FD && !idx))) {
		bpfshim_v_log(env, "unrecognized bpf_ld_imm64 insn\n");
		return -EINVAL;
	}
	map = bpfshim_v_zalloc(env, sizeof(*map));
	if (!map)
		return -ENOMEM;
	err = env->ops->map_get(env->cookie, in->imm, idx, &no, map);
	if (err == -EPROTO)
		bpfshim_v_log(env, "fd_idx without fd_array is invalid\n");
	else if (err && err != -E2BIG && err != -EFAULT && err != -ENOMEM)
		bpfshim_v_log(env, "fd %d is not pointing to valid bpf_map\n", in->imm);
	if (err)
		return err;
	if (no >= BPFSHIM_VRF_MAX_USED_MAPS)
		return -E2BIG;
	err = map_for_prog(env, map);
	if (!err && value)
		err = map_value_off(env, map, (u32)in[1].imm);
	if (err)
		return err;
	env->aux[i].map_idx = no;
	env->aux[i].map_off = value ? (u32)in[1].imm : 0;
	if (no >= env->nr_maps) {
		if (is_cgroup_storage(map)) {
			for (k = 0; k < env->nr_maps; k++) {
				if (env->maps[k].map_type == map->map_type) {
					bpfshim_v_log(env, "only one cgroup storage of each type is allowed\n");
					return -EBUSY;
				}
			}
		}
		env->maps[no] = *map;
		env->nr_maps = no + 1;
	}
	bpfshim_v_free(env, map, sizeof(*map));
	return 0;
}

static int resolve_ldimm64(struct vrf_env *env, u32 i)
{
	const struct bpfshim_insn *in = &env->insns[i];

	if (i + 1 == env->len || in[1].code || in[1].dst_reg || in[1].src_reg || in[1].off) {
		bpfshim_v_log(env, "invalid bpf_ld_imm64 insn\n");
		return -EINVAL;
	}
	switch (in->src_reg) {
	case 0:
	case BPFSHIM_PSEUDO_FUNC:
		return 0;
	case BPFSHIM_PSEUDO_BTF_ID:
		return bpfshim_v_pseudo_btf_id(env, i);
	}
	return resolve_map(env, i);
}

int bpfshim_v_resolve(struct vrf_env *env)
{
	const struct bpfshim_insn *in;
	u32 i;
	int err;

	for (i = 0; i < env->len; i++) {
		in = &env->insns[i];
		if (BPFSHIM_CLASS(in->code) == BPFSHIM_LDX &&
		    (BPFSHIM_MODE(in->code) != BPFSHIM_MEM || in->imm)) {
			bpfshim_v_log(env, "BPF_LDX uses reserved fields\n");
			return -EINVAL;
		}
		if (vrf_is_ldimm64(in)) {
			err = resolve_ldimm64(env, i);
			if (err)
				return err;
			i++;
			continue;
		}
		if (!known_opcode(in->code)) {
			bpfshim_v_log(env, "unknown opcode %02x\n", in->code);
			return -EINVAL;
		}
	}
	return 0;
}
