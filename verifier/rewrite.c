// SPDX-License-Identifier: GPL-2.0
/* Instructions that the engines do not run as they were written. */
#include "env.h"
#include "ctx.h"

static struct bpfshim_insn insn(u8 code, u32 dst, u32 src, s32 off, s32 imm)
{
	struct bpfshim_insn in;

	memset(&in, 0, sizeof(in));
	in.code = code;
	in.dst_reg = dst & 15;
	in.src_reg = src & 15;
	in.off = (s16)off;
	in.imm = imm;
	return in;
}

#define MOV64_REG(d, s)	insn(BPFSHIM_ALU64 | BPFSHIM_MOV | BPFSHIM_X, d, s, 0, 0)
#define MOV64_IMM(d, i)	insn(BPFSHIM_ALU64 | BPFSHIM_MOV | BPFSHIM_K, d, 0, 0, i)
#define ADD64_IMM(d, i)	insn(BPFSHIM_ALU64 | BPFSHIM_ADD | BPFSHIM_K, d, 0, 0, i)
#define CALL(id)	insn(BPFSHIM_JMP | BPFSHIM_CALL, 0, 0, 0, id)
#define EXIT()		insn(BPFSHIM_JMP | BPFSHIM_EXIT, 0, 0, 0, 0)

/* Old packet loads: a call; past the packet's end the function returns 0. */
static int packet_load(const struct bpfshim_insn *in, struct bpfshim_insn *out)
{
	s32 helper;
	u32 n = 0;

	switch (BPFSHIM_SIZE(in->code)) {
	case BPFSHIM_B:
		helper = BPFSHIM_XHELPER_LOAD_BYTE;
		break;
	case BPFSHIM_H:
		helper = BPFSHIM_XHELPER_LOAD_HALF;
		break;
	default:
		helper = BPFSHIM_XHELPER_LOAD_WORD;
	}
	if (BPFSHIM_MODE(in->code) == BPFSHIM_IND) {
		out[n++] = MOV64_REG(2, in->src_reg);
		if (in->imm)
			out[n++] = ADD64_IMM(2, in->imm);
	} else {
		out[n++] = MOV64_IMM(2, in->imm);
	}
	out[n++] = MOV64_REG(1, BPFSHIM_REG_6);
	out[n++] = CALL(helper);
	out[n++] = insn(BPFSHIM_JMP | BPFSHIM_JSGE | BPFSHIM_K, 0, 0, 2, 0);
	out[n++] = MOV64_IMM(0, 0);
	out[n++] = EXIT();
	return (int)n;
}

struct pointer_field {
	s16 from, to;
};

static const struct pointer_field skb_fields[] = {
	{ 76, offsetof(struct bpfshim_skb_ctx, data) },
	{ 80, offsetof(struct bpfshim_skb_ctx, data_end) },
	{ 140, offsetof(struct bpfshim_skb_ctx, data_meta) },
};
static const struct pointer_field xdp_fields[] = {
	{ 0, offsetof(struct bpfshim_xdp_ctx, data) },
	{ 4, offsetof(struct bpfshim_xdp_ctx, data_end) },
	{ 8, offsetof(struct bpfshim_xdp_ctx, data_meta) },
};

/* 32-bit fields that stand for pointers become loads of the pointers. */
static int ctx_load(struct vrf_env *env, const struct bpfshim_insn *in, struct bpfshim_insn *out)
{
	bool xdp = env->prog_type == BPFSHIM_PROG_TYPE_XDP;
	const struct pointer_field *f = xdp ? xdp_fields : skb_fields;
	u32 i;

	for (i = 0; i < 3; i++) {
		if (f[i].from != in->off)
			continue;
		out[0] = insn(BPFSHIM_LDX | BPFSHIM_MEM | BPFSHIM_DW, in->dst_reg, in->src_reg, f[i].to, 0);
		return 1;
	}
	return 0;
}

/* A pointer moves inside of the window that the walk saw (spec.c). */
static int masked_move(const struct bpfshim_insn *in, const struct vrf_aux *aux, struct bpfshim_insn *out)
{
	bool down = BPFSHIM_OP(in->code) == BPFSHIM_SUB;
	s32 flags = 0, by;
	int n = 0;

	if (aux->alu & VA_NEG) {
		flags |= BPFSHIM_MOVE_NEG;
		down = !down;
	}
	if (!(aux->alu & VA_CONST)) {
		flags |= (down ? BPFSHIM_MOVE_DOWN : 0) | (aux->alu & VA_DST ? BPFSHIM_MOVE_DST : 0);
		out[0] = insn(BPFSHIM_MOVE_INSN, in->dst_reg, in->src_reg, flags, (s32)aux->alu_limit);
		return 1;
	}
	by = down ? -(s32)aux->alu_limit : (s32)aux->alu_limit;
	if (aux->alu & VA_DST)
		out[n++] = MOV64_REG(in->dst_reg, in->src_reg);
	out[n++] = ADD64_IMM(in->dst_reg, by);
	return n;
}

int bpfshim_v_rewrite(struct vrf_env *env, u32 i, struct bpfshim_insn *out)
{
	const struct bpfshim_insn *in = &env->insns[i];
	const struct vrf_aux *aux = &env->aux[i];

	if ((aux->alu & VA_MASK) && !aux->nospec)
		return masked_move(in, aux, out);
	if (BPFSHIM_CLASS(in->code) == BPFSHIM_LD && BPFSHIM_MODE(in->code) != BPFSHIM_IMM)
		return packet_load(in, out);
	if (BPFSHIM_CLASS(in->code) == BPFSHIM_LDX && aux->ctx_access && aux->base.kind == VK_CTX &&
	    !env->ctx->raw)
		return ctx_load(env, in, out);
	return 0;
}
