// SPDX-License-Identifier: GPL-2.0
/* Arithmetic: on numbers, and on the few pointers that allow it. */
#include "env.h"

/* A pointer plus or minus a number. */
static int pointer_math(struct vrf_env *env, const struct bpfshim_insn *in, u32 dst_no,
			const struct vrf_reg *ptr, const struct vrf_reg *num)
{
	static const char *const names[16] = {
		"+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "neg", "%=", "^=", "=", "s>>=",
	};
	u8 op = BPFSHIM_OP(in->code);
	struct vrf_reg r = *ptr;
	bool known = bpfshim_num_is_const(&num->n);
	s64 fixed;

	if (BPFSHIM_CLASS(in->code) != BPFSHIM_ALU64) {
		if (op == BPFSHIM_SUB) {	/* only a number comes of it */
			bpfshim_ver_reg_unknown(&bpfshim_ver_regs(env)[dst_no]);
			bpfshim_num_zext(&bpfshim_ver_regs(env)[dst_no].n, 4);
			return 0;
		}
		bpfshim_ver_log(env, "R%u 32-bit pointer arithmetic prohibited\n", dst_no);
		return -EACCES;
	}
	if (ptr->maybe_null) {
		bpfshim_ver_log(env, "R%u pointer arithmetic on %s prohibited, null-check it first\n", dst_no, bpfshim_ver_kind_name(ptr));
		return -EACCES;
	}
	if (ptr->kind == K_CONST_MAP && known && !num->n.t.value && op == BPFSHIM_ADD) {
		bpfshim_ver_regs(env)[dst_no] = *ptr;
		return 0;
	}
	if (ptr->kind == K_CONST_MAP || ptr->kind == K_FUNC) {
		bpfshim_ver_log(env, "R%u pointer arithmetic on %s prohibited\n", dst_no, bpfshim_ver_kind_name(ptr));
		return -EACCES;
	}
	if (op == BPFSHIM_AND || op == BPFSHIM_OR || op == BPFSHIM_XOR) {
		bpfshim_ver_log(env, "R%u bitwise operator %s on pointer prohibited\n", dst_no, names[op >> 4]);
		return -EACCES;
	}
	if (op != BPFSHIM_ADD && op != BPFSHIM_SUB) {
		bpfshim_ver_log(env, "R%u pointer arithmetic with %s operator prohibited\n", dst_no, names[op >> 4]);
		return -EACCES;
	}
	if (op == BPFSHIM_SUB && ptr->kind == K_STACK) {
		bpfshim_ver_log(env, "R%u subtraction from stack pointer prohibited\n", dst_no);
		return -EACCES;
	}
	if (known && (num->n.smin >= MAX_PTR_OFF || num->n.smin <= -MAX_PTR_OFF)) {
		bpfshim_ver_log(env, "math between %s pointer and %lld is not allowed\n",
			bpfshim_ver_kind_name(ptr), (long long)num->n.smin);
		return -EINVAL;
	}
	if (!known && num->n.smin == (s64)((u64)1 << 63)) {
		bpfshim_ver_log(env, "math between %s pointer and register with unbounded min value is not allowed\n",
			bpfshim_ver_kind_name(ptr));
		return -EINVAL;
	}
	if (!known && (num->n.smin >= MAX_PTR_OFF || num->n.smin <= -MAX_PTR_OFF)) {
		bpfshim_ver_log(env, "value %lld makes %s pointer be out of bounds\n",
			(long long)num->n.smin, bpfshim_ver_kind_name(ptr));
		return -EINVAL;
	}
	fixed = op == BPFSHIM_ADD ? (s64)ptr->off + (s64)num->n.t.value : (s64)ptr->off - (s64)num->n.t.value;
	if (known && fixed > -MAX_PTR_OFF && fixed < MAX_PTR_OFF) {
		r.off = (s32)fixed;
	} else if (known) {
		bpfshim_ver_log(env, "%s pointer offset %lld is not allowed\n", bpfshim_ver_kind_name(ptr), (long long)fixed);
		return -EINVAL;
	} else {
		bpfshim_num_alu(&r.n, &num->n, op, false);
		if (r.n.smin <= -MAX_PTR_OFF || r.n.smin >= MAX_PTR_OFF) {
			if (r.n.smin == (s64)((u64)1 << 63))
				bpfshim_ver_log(env, "math between %s pointer and register with unbounded min value is not allowed\n",
					bpfshim_ver_kind_name(ptr));
			else
				bpfshim_ver_log(env, "value %lld makes %s pointer be out of bounds\n",
					(long long)r.n.smin, bpfshim_ver_kind_name(ptr));
			return -EINVAL;
		}
	}
	bpfshim_ver_regs(env)[dst_no] = r;
	return 0;
}

static int check_op(struct vrf_env *env, const struct bpfshim_insn *in)
{
	struct vrf_reg *regs = bpfshim_ver_regs(env), *dst = &regs[in->dst_reg], src;
	bool w32 = BPFSHIM_CLASS(in->code) == BPFSHIM_ALU;
	u8 op = BPFSHIM_OP(in->code);

	if (BPFSHIM_SRC(in->code))
		src = regs[in->src_reg];
	else
		bpfshim_ver_reg_const(&src, (u64)(s64)in->imm);
	if (dst->kind != K_SCALAR && src.kind != K_SCALAR) {
		/* The distance of two pointers is a number (root may have it). */
		if (op == BPFSHIM_SUB && !w32) {
			bpfshim_ver_reg_unknown(dst);
			return 0;
		}
		bpfshim_ver_log(env, "R%u pointer %s pointer prohibited\n", in->dst_reg, op == BPFSHIM_ADD ? "+=" : "op");
		return -EACCES;
	}
	if (dst->kind != K_SCALAR)
		return pointer_math(env, in, in->dst_reg, dst, &src);
	if (src.kind != K_SCALAR) {
		if (op == BPFSHIM_ADD) {
			struct vrf_reg num = *dst;

			return pointer_math(env, in, in->dst_reg, &src, &num);
		}
		if (op == BPFSHIM_SUB) {
			bpfshim_ver_log(env, "R%u tried to subtract pointer from scalar\n", in->dst_reg);
			return -EACCES;
		}
		return pointer_math(env, in, in->dst_reg, &src, dst);
	}
	dst->id = 0;
	bpfshim_num_alu(&dst->n, &src.n, op, w32);
	return 0;
}

int bpfshim_ver_check_alu(struct vrf_env *env, const struct bpfshim_insn *in)
{
	struct vrf_reg *regs = bpfshim_ver_regs(env), *dst = &regs[in->dst_reg];
	u8 op = BPFSHIM_OP(in->code);
	bool w32 = BPFSHIM_CLASS(in->code) == BPFSHIM_ALU;
	int err;

	if (BPFSHIM_SRC(in->code) && op != BPFSHIM_END) {
		err = bpfshim_ver_reg_read(env, in->src_reg);
		if (err)
			return err;
	}
	if (op != BPFSHIM_MOV) {
		err = bpfshim_ver_reg_read(env, in->dst_reg);
		if (err)
			return err;
	}
	err = bpfshim_ver_reg_write(env, in->dst_reg);
	if (err)
		return err;
	if (op == BPFSHIM_NEG || op == BPFSHIM_END) {
		if (dst->kind != K_SCALAR)	/* root may: a number comes of it */
			bpfshim_ver_reg_unknown(dst);
		dst->id = 0;
		if (op == BPFSHIM_NEG) {
			bpfshim_num_alu(&dst->n, &dst->n, BPFSHIM_NEG, w32);
		} else if (BPFSHIM_SRC(in->code) == BPFSHIM_TO_LE) {
			bpfshim_num_zext(&dst->n, (u32)in->imm / 8);
		} else {
			bpfshim_num_unknown(&dst->n);
			bpfshim_num_zext(&dst->n, (u32)in->imm / 8);
		}
		return 0;
	}
	if (op != BPFSHIM_MOV)
		return check_op(env, in);
	if (!BPFSHIM_SRC(in->code)) {
		bpfshim_ver_reg_const(dst, w32 ? (u64)(u32)in->imm : (u64)(s64)in->imm);
		return 0;
	}
	if (!w32) {
		struct vrf_reg *src = &regs[in->src_reg];

		/* Copies of one number learn from each other's checks. */
		if (src->kind == K_SCALAR && !src->id && !bpfshim_num_is_const(&src->n))
			src->id = ++env->id_gen;
		*dst = *src;
		return 0;
	}
	if (regs[in->src_reg].kind != K_SCALAR) {
		/* root may look at an address, but it is no pointer any more */
		bpfshim_ver_reg_unknown(dst);
	} else {
		u32 id = regs[in->src_reg].n.umax <= 0xffffffffu ? regs[in->src_reg].id : 0;

		*dst = regs[in->src_reg];
		dst->id = id;
	}
	bpfshim_num_zext(&dst->n, 4);
	return 0;
}
