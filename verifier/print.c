// SPDX-License-Identifier: GPL-2.0
/* Instructions and states in the log's words: those of Linux 6.1. */
#include "env.h"

static const char *const kind_names[VK_KINDS] = {
	[VK_NONE] = "?",
	[VK_SCALAR] = "scalar",
	[VK_CTX] = "ctx",
	[VK_CONST_MAP] = "map_ptr",
	[VK_MAP_VALUE] = "map_value",
	[VK_MAP_KEY] = "map_key",
	[VK_STACK] = "fp",
	[VK_PKT] = "pkt",
	[VK_PKT_META] = "pkt_meta",
	[VK_PKT_END] = "pkt_end",
	[VK_FLOW_KEYS] = "flow_keys",
	[VK_SOCK] = "sock",
	[VK_SOCK_COMMON] = "sock_common",
	[VK_TCP_SOCK] = "tcp_sock",
	[VK_XDP_SOCK] = "xdp_sock",
	[VK_TP_BUFFER] = "tp_buffer",
	[VK_BTF_ID] = "ptr_",
	[VK_MEM] = "mem",
	[VK_BUF] = "buf",
	[VK_FUNC] = "func",
	[VK_DYNPTR] = "dynptr_ptr",
};

static char *append(char *p, const char *end, const char *s)
{
	while (*s && p < end)
		*p++ = *s++;
	return p;
}

const char *bpfshim_v_type_str(struct vrf_env *env, u32 kind, u32 flags)
{
	char *p = env->type_str, *end = p + sizeof(env->type_str) - 1;
	const char *prefix = "";

	if (flags & VF_RDONLY)
		prefix = "rdonly_";
	if (flags & VF_ALLOC)
		prefix = "alloc_";
	if (flags & VF_USER)
		prefix = "user_";
	if (flags & VF_PERCPU)
		prefix = "percpu_";
	if (flags & VF_UNTRUSTED)
		prefix = "untrusted_";
	p = append(p, end, prefix);
	p = append(p, end, kind_names[kind]);
	if (flags & VF_NULL)
		p = append(p, end, kind == VK_BTF_ID ? "or_null_" : "_or_null");
	*p = 0;
	return env->type_str;
}

static char *append_hex(char *p, u64 v)
{
	char t[20];
	u32 i = sizeof(t);

	t[--i] = 0;
	do {
		t[--i] = "0123456789abcdef"[v & 15];
		v >>= 4;
	} while (v);
	return append(append(p, p + 2, "0x"), p + 32, t + i);
}

const char *bpfshim_v_tnum_str(struct vrf_env *env, struct bpfshim_tnum t)
{
	char *p = env->tnum_str;

	*p++ = '(';
	p = append_hex(p, t.value);
	*p++ = ';';
	*p++ = ' ';
	p = append_hex(p, t.mask);
	*p++ = ')';
	*p = 0;
	return env->tnum_str;
}

static const char *const alu_names[16] = {
	"+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "neg", "%=", "^=", "=", "s>>=", "endian", "?", "?",
};

const char *bpfshim_v_alu_str(u8 op)
{
	return alu_names[op >> 4];
}

static const char *const jmp_names[16] = {
	"jmp", "==", ">", ">=", "&", "!=", "s>", "s>=", "call", "exit", "<", "<=", "s<", "s<=", "?", "?",
};
static const char *const size_names[4] = { "u32", "u16", "u8", "u64" };
static const char *const class_names[8] = { "ld", "ldx", "st", "stx", "alu", "jmp", "jmp32", "alu64" };

static void print_alu(struct vrf_env *env, const struct bpfshim_insn *in)
{
	bool w32 = BPFSHIM_CLASS(in->code) == BPFSHIM_ALU;
	char w = w32 ? 'w' : 'r';
	u8 op = BPFSHIM_OP(in->code);

	if (op == BPFSHIM_END) {
		if (!w32)
			bpfshim_v_log(env, "BUG_alu64_%02x\n", in->code);
		else
			bpfshim_v_log(env, "(%02x) r%d = %s%d r%d\n", in->code, in->dst_reg,
				      BPFSHIM_SRC(in->code) == BPFSHIM_TO_BE ? "be" : "le",
				      in->imm, in->dst_reg);
	} else if (op == BPFSHIM_NEG) {
		bpfshim_v_log(env, "(%02x) %c%d = -%c%d\n", in->code, w, in->dst_reg, w, in->dst_reg);
	} else if (BPFSHIM_SRC(in->code)) {
		bpfshim_v_log(env, "(%02x) %c%d %s %c%d\n", in->code, w, in->dst_reg,
			      alu_names[op >> 4], w, in->src_reg);
	} else {
		bpfshim_v_log(env, "(%02x) %c%d %s %d\n", in->code, w, in->dst_reg,
			      alu_names[op >> 4], in->imm);
	}
}

static void print_atomic(struct vrf_env *env, const struct bpfshim_insn *in)
{
	static const char *const names[16] = { [0] = "add", [5] = "and", [4] = "or", [10] = "xor" };
	const char *size = size_names[BPFSHIM_SIZE(in->code) >> 3];
	const char *wide = BPFSHIM_SIZE(in->code) == BPFSHIM_DW ? "64" : "";

	switch (in->imm) {
	case BPFSHIM_ADD: case BPFSHIM_AND: case BPFSHIM_OR: case BPFSHIM_XOR:
		bpfshim_v_log(env, "(%02x) lock *(%s *)(r%d %+d) %s r%d\n", in->code, size,
			      in->dst_reg, in->off, alu_names[BPFSHIM_OP(in->imm) >> 4], in->src_reg);
		break;
	case BPFSHIM_ADD | BPFSHIM_FETCH: case BPFSHIM_AND | BPFSHIM_FETCH:
	case BPFSHIM_OR | BPFSHIM_FETCH: case BPFSHIM_XOR | BPFSHIM_FETCH:
		bpfshim_v_log(env, "(%02x) r%d = atomic%s_fetch_%s((%s *)(r%d %+d), r%d)\n", in->code,
			      in->src_reg, wide, names[BPFSHIM_OP(in->imm) >> 4], size,
			      in->dst_reg, in->off, in->src_reg);
		break;
	case BPFSHIM_CMPXCHG:
		bpfshim_v_log(env, "(%02x) r0 = atomic%s_cmpxchg((%s *)(r%d %+d), r0, r%d)\n", in->code,
			      wide, size, in->dst_reg, in->off, in->src_reg);
		break;
	case BPFSHIM_XCHG:
		bpfshim_v_log(env, "(%02x) r%d = atomic%s_xchg((%s *)(r%d %+d), r%d)\n", in->code,
			      in->src_reg, wide, size, in->dst_reg, in->off, in->src_reg);
		break;
	default:
		bpfshim_v_log(env, "BUG_%02x\n", in->code);
	}
}

static void print_ld(struct vrf_env *env, const struct bpfshim_insn *in)
{
	const char *size = size_names[BPFSHIM_SIZE(in->code) >> 3];

	if (BPFSHIM_MODE(in->code) == BPFSHIM_ABS)
		bpfshim_v_log(env, "(%02x) r0 = *(%s *)skb[%d]\n", in->code, size, in->imm);
	else if (BPFSHIM_MODE(in->code) == BPFSHIM_IND)
		bpfshim_v_log(env, "(%02x) r0 = *(%s *)skb[r%d + %d]\n", in->code, size, in->src_reg, in->imm);
	else if (!vrf_is_ldimm64(in))
		bpfshim_v_log(env, "BUG_ld_%02x\n", in->code);
	else if (in->src_reg == BPFSHIM_PSEUDO_FUNC)
		bpfshim_v_log(env, "(%02x) r%d = func[%+d]\n", in->code, in->dst_reg, in->imm);
	else
		bpfshim_v_log(env, "(%02x) r%d = 0x%llx\n", in->code, in->dst_reg,
			      (unsigned long long)((u64)(u32)in[1].imm << 32 | (u32)in->imm));
}

static void print_jmp(struct vrf_env *env, const struct bpfshim_insn *in)
{
	char w = BPFSHIM_CLASS(in->code) == BPFSHIM_JMP32 ? 'w' : 'r';
	u8 op = BPFSHIM_OP(in->code);

	if (op == BPFSHIM_CALL) {
		if (in->src_reg == BPFSHIM_PSEUDO_CALL)
			bpfshim_v_log(env, "(%02x) call pc%+d\n", in->code, in->imm);
		else if (in->src_reg)
			bpfshim_v_log(env, "(%02x) call kernel-function#%d\n", in->code, in->imm);
		else
			bpfshim_v_log(env, "(%02x) call %s#%d\n", in->code,
				      bpfshim_v_helper_name(in->imm), in->imm);
	} else if (in->code == (BPFSHIM_JMP | BPFSHIM_JA)) {
		bpfshim_v_log(env, "(%02x) goto pc%+d\n", in->code, in->off);
	} else if (in->code == (BPFSHIM_JMP | BPFSHIM_EXIT)) {
		bpfshim_v_log(env, "(%02x) exit\n", in->code);
	} else if (BPFSHIM_SRC(in->code)) {
		bpfshim_v_log(env, "(%02x) if %c%d %s %c%d goto pc%+d\n", in->code, w, in->dst_reg,
			      jmp_names[op >> 4], w, in->src_reg, in->off);
	} else {
		bpfshim_v_log(env, "(%02x) if %c%d %s 0x%x goto pc%+d\n", in->code, w, in->dst_reg,
			      jmp_names[op >> 4], (u32)in->imm, in->off);
	}
}

void bpfshim_v_print_insn(struct vrf_env *env, const struct bpfshim_insn *in)
{
	const char *size = size_names[BPFSHIM_SIZE(in->code) >> 3];

	switch (BPFSHIM_CLASS(in->code)) {
	case BPFSHIM_ALU:
	case BPFSHIM_ALU64:
		print_alu(env, in);
		break;
	case BPFSHIM_STX:
		if (BPFSHIM_MODE(in->code) == BPFSHIM_MEM)
			bpfshim_v_log(env, "(%02x) *(%s *)(r%d %+d) = r%d\n", in->code, size,
				      in->dst_reg, in->off, in->src_reg);
		else if (BPFSHIM_MODE(in->code) == BPFSHIM_ATOMIC)
			print_atomic(env, in);
		else
			bpfshim_v_log(env, "BUG_%02x\n", in->code);
		break;
	case BPFSHIM_ST:
		if (BPFSHIM_MODE(in->code) == BPFSHIM_MEM)
			bpfshim_v_log(env, "(%02x) *(%s *)(r%d %+d) = %d\n", in->code, size,
				      in->dst_reg, in->off, in->imm);
		else
			bpfshim_v_log(env, "BUG_st_%02x\n", in->code);
		break;
	case BPFSHIM_LDX:
		if (BPFSHIM_MODE(in->code) == BPFSHIM_MEM)
			bpfshim_v_log(env, "(%02x) r%d = *(%s *)(r%d %+d)\n", in->code, in->dst_reg,
				      size, in->src_reg, in->off);
		else
			bpfshim_v_log(env, "BUG_ldx_%02x\n", in->code);
		break;
	case BPFSHIM_LD:
		print_ld(env, in);
		break;
	case BPFSHIM_JMP:
	case BPFSHIM_JMP32:
		print_jmp(env, in);
		break;
	default:
		bpfshim_v_log(env, "(%02x) %s\n", in->code, class_names[BPFSHIM_CLASS(in->code)]);
	}
}

static void print_live(struct vrf_env *env, bool read, bool written, bool done)
{
	if (read || written || done)
		bpfshim_v_log(env, "_%s%s%s", read ? "r" : "", written ? "w" : "", done ? "D" : "");
}

/* The bounds that say more than the ones before them. */
static void print_num(struct vrf_env *env, const struct bpfshim_num *n, const char *sep)
{
#define SHOW(...) do {					\
		bpfshim_v_log(env, "%s", sep);		\
		bpfshim_v_log(env, __VA_ARGS__);	\
		sep = ",";				\
	} while (0)
	if (!n->t.mask) {
		SHOW("imm=%llx", (unsigned long long)n->t.value);
		return;
	}
	if (n->smin != (s64)n->umin && n->smin != VRF_S64_MIN)
		SHOW("smin=%lld", (long long)n->smin);
	if (n->smax != (s64)n->umax && n->smax != VRF_S64_MAX)
		SHOW("smax=%lld", (long long)n->smax);
	if (n->umin)
		SHOW("umin=%llu", (unsigned long long)n->umin);
	if (n->umax != VRF_U64_MAX)
		SHOW("umax=%llu", (unsigned long long)n->umax);
	if (n->t.value || n->t.mask != VRF_U64_MAX)
		SHOW("var_off=%s", bpfshim_v_tnum_str(env, n->t));
	if (n->s32min != n->smin && n->s32min != (s32)0x80000000)
		SHOW("s32_min=%d", n->s32min);
	if (n->s32max != n->smax && n->s32max != 0x7fffffff)
		SHOW("s32_max=%d", n->s32max);
	if (n->u32min != n->umin && n->u32min)
		SHOW("u32_min=%d", (s32)n->u32min);
	if (n->u32max != n->umax && n->u32max != 0xffffffffu)
		SHOW("u32_max=%d", (s32)n->u32max);
}

static void print_reg(struct vrf_env *env, const struct vrf_reg *r)
{
	const char *sep = "";

	if ((r->kind == VK_SCALAR || (r->kind == VK_STACK && !r->flags)) && !r->n.t.mask) {
		bpfshim_v_log(env, "%s%lld", r->kind == VK_STACK ? "fp" : "",
			      (long long)(r->n.t.value + (u64)(s64)r->off));
		return;
	}
	bpfshim_v_log(env, "%s", vrf_type_str(env, r));
	if (r->kind == VK_BTF_ID)
		bpfshim_v_log(env, "%s", bpfshim_v_btf_type_name(r->u.btf, r->uid));
	bpfshim_v_log(env, "(");
	if (r->id)
		SHOW("id=%d", r->id);
	if (r->ref && (r->kind == VK_SOCK || r->kind == VK_TCP_SOCK || r->kind == VK_MEM ||
		       r->kind == VK_BTF_ID))
		SHOW("ref_obj_id=%d", r->ref);
	if (r->kind != VK_SCALAR)
		SHOW("off=%d", r->off);
	if (vrf_is_pkt(r))
		SHOW("r=%d", r->u.range);
	else if (r->kind == VK_CONST_MAP || r->kind == VK_MAP_KEY || r->kind == VK_MAP_VALUE)
		SHOW("ks=%d,vs=%d", r->u.map->key_size, r->u.map->value_size);
	print_num(env, &r->n, sep);
	bpfshim_v_log(env, ")");
#undef SHOW
}

static void print_slot(struct vrf_env *env, const struct vrf_state *st, u32 frame, u32 i)
{
	static const char chars[] = "?rm0d";
	const struct vrf_slot *s = &st->frames[frame]->stack->slot[i];
	u64 bit = (u64)1 << i;
	char t[9];
	u32 j;

	bpfshim_v_log(env, " fp%d", -8 * (s32)(i + 1));
	print_live(env, st->read.slot[frame] & bit, st->written.slot[frame] & bit, false);
	if (vrf_spilled(s)) {
		bpfshim_v_log(env, "=%s", s->reg.kind == VK_SCALAR ? "" : vrf_type_str(env, &s->reg));
		if (s->reg.kind == VK_SCALAR && (st->precise.slot[frame] & bit))
			bpfshim_v_log(env, "P");
		if (vrf_is_const(&s->reg))
			bpfshim_v_log(env, "%lld", (long long)s->reg.n.t.value);
		return;
	}
	for (j = 0; j < 8; j++)
		t[j] = chars[s->byte[j]];
	t[8] = 0;
	bpfshim_v_log(env, "=%s", t);
}

void bpfshim_v_print_state(struct vrf_env *env, const struct vrf_state *st, u32 frame, bool all)
{
	const struct vrf_frame *f = st->frames[frame];
	static const u8 none[8];
	u32 i;

	if (!env->level)
		return;
	if (f->frameno)
		bpfshim_v_log(env, " frame%d:", f->frameno);
	for (i = 0; i < VRF_REGS; i++) {
		if (f->regs[i].kind == VK_NONE || (!all && !(env->scratched_regs & (1u << i))))
			continue;
		bpfshim_v_log(env, " R%d", i);
		print_live(env, st->read.reg[frame] & (1u << i), st->written.reg[frame] & (1u << i), false);
		bpfshim_v_log(env, "=");
		if (f->regs[i].kind == VK_SCALAR && (st->precise.reg[frame] & (1u << i)))
			bpfshim_v_log(env, "P");
		print_reg(env, &f->regs[i]);
	}
	for (i = 0; f->stack && i < f->stack->nr; i++) {
		if (!memcmp(f->stack->slot[i].byte, none, 8) ||
		    (!all && !(env->scratched_slots & ((u64)1 << i))))
			continue;
		print_slot(env, st, frame, i);
	}
	for (i = 0; i < st->nr_refs; i++)
		bpfshim_v_log(env, "%s%d", i ? "," : " refs=", st->refs[i].id);
	if (f->in_cb)
		bpfshim_v_log(env, " cb");
	if (f->in_async)
		bpfshim_v_log(env, " async_cb");
	bpfshim_v_log(env, "\n");
	if (!all) {
		env->scratched_regs = 0;
		env->scratched_slots = 0;
	}
}

/* Behind the instruction when nothing was printed since, else on a line of its own. */
void bpfshim_v_print_insn_state(struct vrf_env *env)
{
	u32 pos, pad;

	if (env->prev_log_pos && env->prev_log_pos == bpfshim_v_log_pos(env)) {
		bpfshim_v_log_reset(env, env->prev_log_pos - 1);
		/* columns of 8 from 40 on */
		pos = env->prev_insn_print;
		pad = pos + 4 > 40 ? pos + 4 : 40;
		pad = (pad + 7) / 8 * 8 - pos - 1;
		while (pad-- > 1)
			bpfshim_v_log(env, " ");
		bpfshim_v_log(env, " ;");
	} else {
		bpfshim_v_log(env, "%d:", env->pc);
	}
	bpfshim_v_print_state(env, env->st, env->st->cur, false);
}
