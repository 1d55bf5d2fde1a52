// SPDX-License-Identifier: GPL-2.0
/* What can be said of an instruction alone: encoding, ld_imm64, maps. */
#include "env.h"

static int reserved(struct vrf_env *env, const char *what)
{
	bpfshim_ver_log(env, "%s uses reserved fields\n", what);
	return -EINVAL;
}

static int check_alu(struct vrf_env *env, const struct bpfshim_insn *in)
{
	u8 op = BPFSHIM_OP(in->code), class = BPFSHIM_CLASS(in->code);

	if (op == BPFSHIM_END) {
		if (in->src_reg || in->off || (in->imm != 16 && in->imm != 32 && in->imm != 64) ||
		    class == BPFSHIM_ALU64)
			return reserved(env, "BPF_END");
		return 0;
	}
	if (op == BPFSHIM_NEG) {
		if (BPFSHIM_SRC(in->code) || in->src_reg || in->off || in->imm)
			return reserved(env, "BPF_NEG");
		return 0;
	}
	if (op > BPFSHIM_END) {
		bpfshim_ver_log(env, "invalid BPF_ALU opcode %x\n", op);
		return -EINVAL;
	}
	if (BPFSHIM_SRC(in->code) ? in->imm || in->off : in->src_reg || in->off)
		return reserved(env, op == BPFSHIM_MOV ? "BPF_MOV" : "BPF_ALU");
	if (BPFSHIM_SRC(in->code))
		return 0;
	if ((op == BPFSHIM_DIV || op == BPFSHIM_MOD) && !in->imm) {
		bpfshim_ver_log(env, "div by zero\n");
		return -EINVAL;
	}
	if (op == BPFSHIM_LSH || op == BPFSHIM_RSH || op == BPFSHIM_ARSH) {
		s32 width = class == BPFSHIM_ALU64 ? 64 : 32;

		if (in->imm < 0 || in->imm >= width) {
			bpfshim_ver_log(env, "invalid shift %d\n", in->imm);
			return -EINVAL;
		}
	}
	return 0;
}

static int check_jmp(struct vrf_env *env, const struct bpfshim_insn *in)
{
	u8 op = BPFSHIM_OP(in->code);
	bool j32 = BPFSHIM_CLASS(in->code) == BPFSHIM_JMP32;

	if (op == BPFSHIM_CALL) {
		if (j32 || BPFSHIM_SRC(in->code) || in->off ||
		    (in->src_reg != 0 && in->src_reg != BPFSHIM_PSEUDO_CALL &&
		     in->src_reg != BPFSHIM_PSEUDO_KFUNC_CALL) || in->dst_reg)
			return reserved(env, "BPF_CALL");
		return 0;
	}
	if (op == BPFSHIM_EXIT) {
		if (j32 || BPFSHIM_SRC(in->code) || in->imm || in->src_reg || in->dst_reg || in->off)
			return reserved(env, "BPF_EXIT");
		return 0;
	}
	if (op == BPFSHIM_JA) {
		if (j32 || BPFSHIM_SRC(in->code) || in->imm || in->src_reg || in->dst_reg)
			return reserved(env, "BPF_JA");
		return 0;
	}
	if (op > BPFSHIM_JSLE) {
		bpfshim_ver_log(env, "invalid BPF_JMP/JMP32 opcode %x\n", op);
		return -EINVAL;
	}
	if (BPFSHIM_SRC(in->code) ? in->imm != 0 : in->src_reg != 0)
		return reserved(env, "BPF_JMP/JMP32");
	return 0;
}

static int check_mem(struct vrf_env *env, const struct bpfshim_insn *in)
{
	u8 class = BPFSHIM_CLASS(in->code), mode = BPFSHIM_MODE(in->code), size = BPFSHIM_SIZE(in->code);

	if (class == BPFSHIM_LDX) {
		if (mode != BPFSHIM_MEM || in->imm)
			return reserved(env, "BPF_LDX");
		return 0;
	}
	if (class == BPFSHIM_ST) {
		if (mode != BPFSHIM_MEM || in->src_reg)
			return reserved(env, "BPF_ST");
		return 0;
	}
	if (mode == BPFSHIM_ATOMIC) {
		switch (in->imm) {
		case BPFSHIM_ADD:
		case BPFSHIM_ADD | BPFSHIM_FETCH:
		case BPFSHIM_AND:
		case BPFSHIM_AND | BPFSHIM_FETCH:
		case BPFSHIM_OR:
		case BPFSHIM_OR | BPFSHIM_FETCH:
		case BPFSHIM_XOR:
		case BPFSHIM_XOR | BPFSHIM_FETCH:
		case BPFSHIM_XCHG:
		case BPFSHIM_CMPXCHG:
			break;
		default:
			bpfshim_ver_log(env, "BPF_ATOMIC uses invalid atomic opcode %02x\n", in->imm);
			return -EINVAL;
		}
		if (size != BPFSHIM_W && size != BPFSHIM_DW) {
			bpfshim_ver_log(env, "invalid atomic operand size\n");
			return -EINVAL;
		}
		return 0;
	}
	if (mode != BPFSHIM_MEM || in->imm)
		return reserved(env, "BPF_STX");
	return 0;
}

/* A map reference: resolved once, remembered by index. */
static int resolve_map(struct vrf_env *env, u32 i)
{
	struct bpfshim_insn *in = &env->insns[i];
	bool is_idx = in->src_reg == BPFSHIM_PSEUDO_MAP_IDX || in->src_reg == BPFSHIM_PSEUDO_MAP_IDX_VALUE;
	bool value = in->src_reg == BPFSHIM_PSEUDO_MAP_VALUE || in->src_reg == BPFSHIM_PSEUDO_MAP_IDX_VALUE;
	struct bpfshim_vrf_map *map;
	u32 idx = 0, off;
	int err;

	if (!value && in[1].imm) {
		bpfshim_ver_log(env, "unrecognized bpf_ld_imm64 insn\n");
		return -EINVAL;
	}
	/* Into the next free place; the caller says which place it is for. */
	map = &env->maps[BPFSHIM_VRF_MAX_USED_MAPS];
	memset(map, 0, sizeof(*map));
	err = env->ops->map_get(env->cookie, in->imm, is_idx, &idx, map);
	if (err) {
		if (err != -E2BIG)
			bpfshim_ver_log(env, "fd %d is not pointing to valid bpf_map\n", in->imm);
		return err;
	}
	if (idx >= BPFSHIM_VRF_MAX_USED_MAPS)
		return -E2BIG;
	env->maps[idx] = *map;
	map = &env->maps[idx];
	if (idx >= env->nr_maps)
		env->nr_maps = idx + 1;
	off = value ? (u32)in[1].imm : 0;
	if (value) {
		if (off >= BPFSHIM_VRF_MAX_INSNS * 512u) {
			bpfshim_ver_log(env, "direct value offset of %u is not allowed\n", off);
			return -EINVAL;
		}
		if (map->map_type != BPFSHIM_MAP_TYPE_ARRAY) {
			bpfshim_ver_log(env, "no direct value access support for this map type\n");
			return -EINVAL;
		}
		if (map->max_entries != 1) {
			bpfshim_ver_log(env, "invalid access to map value pointer, value_size=%u off=%u\n",
				map->value_size, off);
			return -ENOTSUPP;
		}
		if (off >= map->value_size) {
			bpfshim_ver_log(env, "invalid access to map value pointer, value_size=%u off=%u\n",
				map->value_size, off);
			return -EINVAL;
		}
	}
	env->aux[i].map_idx = idx;
	env->aux[i].map_off = off;
	return 0;
}

static int check_ldimm64(struct vrf_env *env, u32 i)
{
	struct bpfshim_insn *in = &env->insns[i];

	if (i + 1 >= env->len || in[1].code || in[1].dst_reg || in[1].src_reg || in[1].off) {
		bpfshim_ver_log(env, "invalid bpf_ld_imm64 insn\n");
		return -EINVAL;
	}
	if (in->off) {
		bpfshim_ver_log(env, "BPF_LD_IMM64 uses reserved fields\n");
		return -EINVAL;
	}
	switch (in->src_reg) {
	case 0:
		return 0;
	case BPFSHIM_PSEUDO_FUNC:
		if (in[1].imm) {
			bpfshim_ver_log(env, "unrecognized bpf_ld_imm64 insn\n");
			return -EINVAL;
		}
		return 0;
	case BPFSHIM_PSEUDO_BTF_ID:
		bpfshim_ver_log(env, "kernel variables are not supported by this driver\n");
		return -EINVAL;
	case BPFSHIM_PSEUDO_MAP_FD:
	case BPFSHIM_PSEUDO_MAP_VALUE:
	case BPFSHIM_PSEUDO_MAP_IDX:
	case BPFSHIM_PSEUDO_MAP_IDX_VALUE:
		return resolve_map(env, i);
	}
	bpfshim_ver_log(env, "unrecognized bpf_ld_imm64 insn\n");
	return -EINVAL;
}

/* Is there such an opcode at all? */
static bool known_opcode(u8 code)
{
	u8 class = BPFSHIM_CLASS(code), op = BPFSHIM_OP(code), mode = BPFSHIM_MODE(code), size = BPFSHIM_SIZE(code);

	switch (class) {
	case BPFSHIM_ALU:
	case BPFSHIM_ALU64:
		if (op == BPFSHIM_END)
			return class == BPFSHIM_ALU;
		if (op == BPFSHIM_NEG)
			return !BPFSHIM_SRC(code);
		return op < BPFSHIM_END;
	case BPFSHIM_JMP:
	case BPFSHIM_JMP32:
		if (op == BPFSHIM_JA || op == BPFSHIM_CALL || op == BPFSHIM_EXIT)
			return class == BPFSHIM_JMP && !BPFSHIM_SRC(code);
		return op <= BPFSHIM_JSLE;
	case BPFSHIM_LD:
		if (mode == BPFSHIM_IMM)
			return size == BPFSHIM_DW;
		return (mode == BPFSHIM_ABS || mode == BPFSHIM_IND) && size != BPFSHIM_DW;
	case BPFSHIM_STX:
		if (mode == BPFSHIM_ATOMIC)
			return size == BPFSHIM_W || size == BPFSHIM_DW;
		break;
	}
	return mode == BPFSHIM_MEM;
}

int bpfshim_ver_check_insns(struct vrf_env *env)
{
	u32 i;
	int err;

	for (i = 0; i < env->len; i++) {
		const struct bpfshim_insn *in = &env->insns[i];

		if (BPFSHIM_CLASS(in->code) == BPFSHIM_LDX &&
		    (BPFSHIM_MODE(in->code) != BPFSHIM_MEM || in->imm))
			return reserved(env, "BPF_LDX");
		if (in->code == (BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW)) {
			err = check_ldimm64(env, i);
			if (err)
				return err;
			i++;
			continue;
		}
		if (!known_opcode(in->code)) {
			bpfshim_ver_log(env, "unknown opcode %02x\n", in->code);
			return -EINVAL;
		}
	}
	return 0;
}

int bpfshim_ver_check_form(struct vrf_env *env, const struct bpfshim_insn *in)
{
	u8 class = BPFSHIM_CLASS(in->code);

	if (in->dst_reg >= REG_COUNT || in->src_reg >= REG_COUNT) {
		bpfshim_ver_log(env, "R%d is invalid\n", in->dst_reg >= REG_COUNT ? in->dst_reg : in->src_reg);
		return -EINVAL;
	}
	switch (class) {
	case BPFSHIM_ALU:
	case BPFSHIM_ALU64:
		return check_alu(env, in);
	case BPFSHIM_JMP:
	case BPFSHIM_JMP32:
		return check_jmp(env, in);
	case BPFSHIM_LD:
		if (BPFSHIM_MODE(in->code) == BPFSHIM_IMM)
			return 0;
		bpfshim_ver_log(env, "BPF_LD_[ABS|IND] instructions not allowed for this program type\n");
		return -EINVAL;
	default:
		return check_mem(env, in);
	}
}
