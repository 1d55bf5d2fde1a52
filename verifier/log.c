// SPDX-License-Identifier: GPL-2.0
/* The log, in the words of Linux 6.1's: people and tools match them. */
#include "env.h"

void bpfshim_ver_log(struct vrf_env *env, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (!env->prog->log_level || !env->ops->log)
		return;
	va_start(ap, fmt);
	n = vsnprintf(env->buf, sizeof(env->buf), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if (n >= (int)sizeof(env->buf))
		n = sizeof(env->buf) - 1;
	env->ops->log(env->cookie, env->buf, (u32)n);
}

void bpfshim_ver_tnum_text(char *out, u32 size, struct bpfshim_tnum t)
{
	snprintf(out, size, "(0x%llx; 0x%llx)", (unsigned long long)t.value, (unsigned long long)t.mask);
}

static const char *const alu_ops[16] = {
	"+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "neg", "%=", "^=", "=", "s>>=", "endian",
};
static const char *const jmp_ops[16] = {
	"jmp", "==", ">", ">=", "&", "!=", "s>", "s>=", "call", "exit", "<", "<=", "s<", "s<=",
};
static const char *const size_names[4] = { "u32", "u16", "u8", "u64" };

static const char *atomic_name(s32 imm)
{
	switch (imm & ~BPFSHIM_FETCH) {
	case BPFSHIM_ADD: return "add";
	case BPFSHIM_OR: return "or";
	case BPFSHIM_AND: return "and";
	case BPFSHIM_XOR: return "xor";
	case 0xe0: return "xchg";
	case 0xf0: return "cmpxchg";
	}
	return "?";
}

void bpfshim_ver_print_insn(struct vrf_env *env, u32 idx)
{
	const struct bpfshim_insn *i = &env->insns[idx];
	u8 class = BPFSHIM_CLASS(i->code), op = BPFSHIM_OP(i->code);
	const char *size = size_names[BPFSHIM_SIZE(i->code) >> 3];

	bpfshim_ver_log(env, "%u: (%02x) ", idx, i->code);
	switch (class) {
	case BPFSHIM_ALU:
	case BPFSHIM_ALU64: {
		char r = class == BPFSHIM_ALU ? 'w' : 'r';

		if (op == BPFSHIM_END)
			bpfshim_ver_log(env, "r%d = %s%d r%d\n", i->dst_reg,
				BPFSHIM_SRC(i->code) == BPFSHIM_TO_BE ? "be" : "le", i->imm, i->dst_reg);
		else if (op == BPFSHIM_NEG)
			bpfshim_ver_log(env, "%c%d = -%c%d\n", r, i->dst_reg, r, i->dst_reg);
		else if (BPFSHIM_SRC(i->code))
			bpfshim_ver_log(env, "%c%d %s %c%d\n", r, i->dst_reg, alu_ops[op >> 4] ? alu_ops[op >> 4] : "?", r, i->src_reg);
		else
			bpfshim_ver_log(env, "%c%d %s %d\n", r, i->dst_reg, alu_ops[op >> 4] ? alu_ops[op >> 4] : "?", i->imm);
		break;
	}
	case BPFSHIM_LDX:
		bpfshim_ver_log(env, "r%d = *(%s *)(r%d %+d)\n", i->dst_reg, size, i->src_reg, i->off);
		break;
	case BPFSHIM_ST:
		bpfshim_ver_log(env, "*(%s *)(r%d %+d) = %d\n", size, i->dst_reg, i->off, i->imm);
		break;
	case BPFSHIM_STX:
		if (BPFSHIM_MODE(i->code) == BPFSHIM_ATOMIC)
			bpfshim_ver_log(env, "lock *(%s *)(r%d %+d) %s r%d\n", size, i->dst_reg, i->off,
				atomic_name(i->imm), i->src_reg);
		else
			bpfshim_ver_log(env, "*(%s *)(r%d %+d) = r%d\n", size, i->dst_reg, i->off, i->src_reg);
		break;
	case BPFSHIM_LD:
		if (i->code == (BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW))
			bpfshim_ver_log(env, "r%d = 0x%llx\n", i->dst_reg,
				(unsigned long long)((u32)i[0].imm | (u64)(u32)i[1].imm << 32));
		else
			bpfshim_ver_log(env, "BUG_ld_%02x\n", i->code);
		break;
	default:
		if (op == BPFSHIM_CALL) {
			if (i->src_reg == BPFSHIM_PSEUDO_CALL)
				bpfshim_ver_log(env, "call pc%+d\n", i->imm);
			else
				bpfshim_ver_log(env, "call %s#%d\n", "helper", i->imm);
		} else if (op == BPFSHIM_EXIT) {
			bpfshim_ver_log(env, "exit\n");
		} else if (op == BPFSHIM_JA) {
			bpfshim_ver_log(env, "goto pc%+d\n", i->off);
		} else {
			char r = class == BPFSHIM_JMP32 ? 'w' : 'r';

			if (BPFSHIM_SRC(i->code))
				bpfshim_ver_log(env, "if %c%d %s %c%d goto pc%+d\n", r, i->dst_reg, jmp_ops[op >> 4] ? jmp_ops[op >> 4] : "?", r, i->src_reg, i->off);
			else
				bpfshim_ver_log(env, "if %c%d %s 0x%x goto pc%+d\n", r, i->dst_reg, jmp_ops[op >> 4] ? jmp_ops[op >> 4] : "?", i->imm, i->off);
		}
	}
}

const char *bpfshim_ver_kind_name(const struct vrf_reg *r)
{
	switch (r->kind) {
	case K_NONE: return "?";
	case K_SCALAR: return "scalar";
	case K_CTX: return "ctx";
	case K_CONST_MAP: return "map_ptr";
	case K_MAP_VALUE: return r->maybe_null ? "map_value_or_null" : "map_value";
	case K_MAP_KEY: return "map_key";
	case K_STACK: return "fp";
	case K_MEM: return r->maybe_null ? "mem_or_null" : "mem";
	case K_FUNC: return "func";
	}
	return "?";
}

static void print_scalar(struct vrf_env *env, const struct bpfshim_num *n)
{
	const char *sep = "";

	if (bpfshim_num_is_const(n)) {
		bpfshim_ver_log(env, "%lld", (long long)n->t.value);
		return;
	}
	bpfshim_ver_log(env, "scalar(");
	if (n->umin) {
		bpfshim_ver_log(env, "umin=%llu", (unsigned long long)n->umin);
		sep = ",";
	}
	if (n->umax != ~(u64)0) {
		bpfshim_ver_log(env, "%sumax=%llu", sep, (unsigned long long)n->umax);
		sep = ",";
	}
	if (~n->t.mask)
		bpfshim_ver_log(env, "%svar_off=(0x%llx; 0x%llx)", sep, (unsigned long long)n->t.value,
			(unsigned long long)n->t.mask);
	bpfshim_ver_log(env, ")");
}

static void print_reg(struct vrf_env *env, const struct vrf_reg *r)
{
	if (r->kind == K_SCALAR) {
		print_scalar(env, &r->n);
		return;
	}
	bpfshim_ver_log(env, "%s", bpfshim_ver_kind_name(r));
	if (r->kind == K_STACK) {
		bpfshim_ver_log(env, "%d", r->off);
		return;
	}
	bpfshim_ver_log(env, "(off=%d", r->off);
	if (r->id)
		bpfshim_ver_log(env, ",id=%u", r->id);
	if (r->kind == K_MAP_VALUE || r->kind == K_CONST_MAP)
		bpfshim_ver_log(env, ",ks=%u,vs=%u", env->maps[r->map].key_size, env->maps[r->map].value_size);
	if (bpfshim_num_is_const(&r->n))
		bpfshim_ver_log(env, ",imm=%lld)", (long long)r->n.t.value);
	else
		bpfshim_ver_log(env, ",umax=%llu,var_off=(0x%llx; 0x%llx))", (unsigned long long)r->n.umax,
			(unsigned long long)r->n.t.value, (unsigned long long)r->n.t.mask);
}

void bpfshim_ver_print_state(struct vrf_env *env, const struct vrf_frame *f)
{
	u32 i;

	for (i = 0; i < REG_COUNT; i++) {
		if (f->regs[i].kind == K_NONE)
			continue;
		bpfshim_ver_log(env, " R%u=", i);
		print_reg(env, &f->regs[i]);
	}
	for (i = 0; i < f->nr_slots; i++) {
		if (f->slots[i].byte[7] == S_SPILL) {
			bpfshim_ver_log(env, " fp-%u=", (i + 1) * 8);
			print_reg(env, &f->slots[i].reg);
		} else if (f->slots[i].byte[7] != S_INVALID || f->slots[i].byte[0] != S_INVALID) {
			static const char text[] = "?m0r";
			char b[9];
			u32 j;

			for (j = 0; j < 8; j++)
				b[j] = text[f->slots[i].byte[7 - j] & 3];
			b[8] = 0;
			bpfshim_ver_log(env, " fp-%u=%s", (i + 1) * 8, b);
		}
	}
	bpfshim_ver_log(env, "\n");
}
