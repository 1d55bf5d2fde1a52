// SPDX-License-Identifier: GPL-2.0
/* Arithmetic: on numbers, and on those pointers that allow it. */
#include "env.h"

/* A pointer's variable part plus this must stay far from overflow. */
static bool sane_offset(struct vrf_env *env, const struct vrf_reg *r, const struct vrf_reg *ptr)
{
	s64 v = (s64)r->n.t.value;

	if (!r->n.t.mask && (v >= VRF_MAX_OFF || v <= -VRF_MAX_OFF)) {
		bpfshim_v_log(env, "math between %s pointer and %lld is not allowed\n",
			      vrf_type_str(env, ptr), (long long)v);
		return false;
	}
	if (r->off >= VRF_MAX_OFF || r->off <= -VRF_MAX_OFF) {
		bpfshim_v_log(env, "%s pointer offset %d is not allowed\n", vrf_type_str(env, ptr), r->off);
		return false;
	}
	if (r->n.smin == VRF_S64_MIN) {
		bpfshim_v_log(env, "math between %s pointer and register with unbounded min value is not allowed\n",
			      vrf_type_str(env, ptr));
		return false;
	}
	if (r->n.smin >= VRF_MAX_OFF || r->n.smin <= -VRF_MAX_OFF) {
		bpfshim_v_log(env, "value %lld makes %s pointer be out of bounds\n",
			      (long long)r->n.smin, vrf_type_str(env, ptr));
		return false;
	}
	return true;
}

static bool math_allowed(const struct vrf_reg *ptr, const struct vrf_reg *num, u8 op)
{
	bool known = !num->n.t.mask;

	switch (ptr->kind) {
	case VK_FLOW_KEYS:
		return known;
	case VK_CONST_MAP:
		return known && !num->n.t.value && op == BPFSHIM_ADD;
	case VK_PKT_END:
	case VK_SOCK:
	case VK_SOCK_COMMON:
	case VK_TCP_SOCK:
	case VK_XDP_SOCK:
		return false;
	}
	return true;
}

/* r += or -= a number that is not known. */
static void move_pointer(struct vrf_env *env, struct vrf_reg *r, const struct vrf_reg *num, u8 op)
{
	bool grows = op == BPFSHIM_ADD || num->n.smin < 0;

	bpfshim_num_alu(&r->n, &num->n, op, false);
	if (!vrf_is_pkt(r))
		return;
	/* Another base: what was checked of the old one holds no longer. */
	r->id = ++env->id_gen;
	if (grows)
		r->u.raw = 0;
}

/* R<dst> = ptr op num; num may lie in R<dst> (then it was copied). */
static int pointer_math(struct vrf_env *env, const struct bpfshim_insn *in,
			const struct vrf_reg *ptr, const struct vrf_reg *num)
{
	u8 op = BPFSHIM_OP(in->code);
	struct vrf_reg *dst = &vrf_regs(env)[in->dst_reg];
	bool known = !num->n.t.mask, from_scalar = dst != ptr;
	s64 fixed = (s64)num->n.t.value;
	struct vrf_window window;
	int err;

	if (BPFSHIM_CLASS(in->code) != BPFSHIM_ALU64) {
		if (op == BPFSHIM_SUB && !env->unpriv) {	/* a number, of no meaning */
			bpfshim_v_reg_unknown(dst);
			return 0;
		}
		bpfshim_v_log(env, "R%d 32-bit pointer arithmetic prohibited\n", in->dst_reg);
		return -EACCES;
	}
	if (ptr->flags & VF_NULL) {
		bpfshim_v_log(env, "R%d pointer arithmetic on %s prohibited, null-check it first\n",
			      in->dst_reg, vrf_type_str(env, ptr));
		return -EACCES;
	}
	if (!math_allowed(ptr, num, op)) {
		bpfshim_v_log(env, "R%d pointer arithmetic on %s prohibited\n",
			      in->dst_reg, vrf_type_str(env, ptr));
		return -EACCES;
	}
	if (!sane_offset(env, num, ptr) || !sane_offset(env, ptr, ptr))
		return -EINVAL;
	err = bpfshim_v_spec_move(env, in, ptr, num, &window);
	if (err)
		return err;
	if (op != BPFSHIM_ADD && op != BPFSHIM_SUB) {
		bool bitwise = op == BPFSHIM_AND || op == BPFSHIM_OR || op == BPFSHIM_XOR;

		bpfshim_v_log(env, bitwise ? "R%d bitwise operator %s on pointer prohibited\n" :
			      "R%d pointer arithmetic with %s operator prohibited\n",
			      in->dst_reg, bpfshim_v_alu_str(op));
		return -EACCES;
	}
	if (op == BPFSHIM_SUB && from_scalar) {
		bpfshim_v_log(env, "R%d tried to subtract pointer from scalar\n", in->dst_reg);
		return -EACCES;
	}
	if (op == BPFSHIM_SUB && ptr->kind == VK_STACK) {
		bpfshim_v_log(env, "R%d subtraction from stack pointer prohibited\n", in->dst_reg);
		return -EACCES;
	}
	if (from_scalar)
		*dst = *ptr;
	fixed = op == BPFSHIM_ADD ? dst->off + fixed : dst->off - fixed;
	/* "Past the packet's end" may not hold any more, further down. */
	if (vrf_is_pkt(dst) && dst->u.range < 0 && !(known && fixed >= dst->off))
		dst->u.raw = 0;
	if (known && fixed == (s32)fixed)
		dst->off = (s32)fixed;
	else
		move_pointer(env, dst, num, op);
	if (!sane_offset(env, dst, dst))
		return -EINVAL;
	err = bpfshim_v_spec_inside(env, in->dst_reg);
	return err ? err : bpfshim_v_spec_moved(env, in, &window);
}

static int two_operands(struct vrf_env *env, const struct bpfshim_insn *in)
{
	struct vrf_reg *regs = vrf_regs(env), *dst = &regs[in->dst_reg], *src;
	bool w32 = BPFSHIM_CLASS(in->code) == BPFSHIM_ALU;
	u8 op = BPFSHIM_OP(in->code);
	int err;

	if (dst->kind == VK_SCALAR)
		dst->id = 0;
	if (!BPFSHIM_SRC(in->code)) {
		src = &env->tmp;
		bpfshim_v_reg_const(src, (u64)(s64)in->imm);
	} else {
		src = &regs[in->src_reg];
		if (src->kind != VK_SCALAR && dst->kind != VK_SCALAR) {
			if (op == BPFSHIM_SUB && !env->unpriv) {	/* their distance */
				bpfshim_v_reg_unknown(dst);
				return bpfshim_v_spec_number(env, in);
			}
			bpfshim_v_log(env, "R%d pointer %s pointer prohibited\n", in->dst_reg,
				      bpfshim_v_alu_str(op));
			return -EACCES;
		}
		if (src->kind != VK_SCALAR) {
			err = bpfshim_v_precise(env, in->dst_reg);
			if (err)
				return err;
			env->tmp = *dst;
			return pointer_math(env, in, src, &env->tmp);
		}
		if (dst->kind != VK_SCALAR) {
			err = bpfshim_v_precise(env, in->src_reg);
			if (err)
				return err;
		}
	}
	if (dst->kind != VK_SCALAR)
		return pointer_math(env, in, dst, src);
	err = bpfshim_v_spec_number(env, in);
	if (!err)
		bpfshim_num_alu(&dst->n, &src->n, op, w32);
	return err;
}

static int negate_or_swap(struct vrf_env *env, const struct bpfshim_insn *in)
{
	int err;

	if (BPFSHIM_OP(in->code) == BPFSHIM_NEG) {
		if (BPFSHIM_SRC(in->code) || in->src_reg || in->off || in->imm) {
			bpfshim_v_log(env, "BPF_NEG uses reserved fields\n");
			return -EINVAL;
		}
	} else if (in->src_reg || in->off || (in->imm != 16 && in->imm != 32 && in->imm != 64) ||
		   BPFSHIM_CLASS(in->code) == BPFSHIM_ALU64) {
		bpfshim_v_log(env, "BPF_END uses reserved fields\n");
		return -EINVAL;
	}
	err = bpfshim_v_read(env, in->dst_reg);
	if (err)
		return err;
	if (vrf_leaks(env, &vrf_regs(env)[in->dst_reg])) {
		bpfshim_v_log(env, "R%d pointer arithmetic prohibited\n", in->dst_reg);
		return -EACCES;
	}
	err = bpfshim_v_write(env, in->dst_reg);
	if (!err)
		bpfshim_v_reg_unknown(&vrf_regs(env)[in->dst_reg]);
	return err;
}

static int move(struct vrf_env *env, const struct bpfshim_insn *in)
{
	struct vrf_reg *regs = vrf_regs(env), *dst = &regs[in->dst_reg], *src = &regs[in->src_reg];
	bool w32 = BPFSHIM_CLASS(in->code) == BPFSHIM_ALU;
	int err;

	if (in->off || (BPFSHIM_SRC(in->code) ? in->imm : in->src_reg)) {
		bpfshim_v_log(env, "BPF_MOV uses reserved fields\n");
		return -EINVAL;
	}
	if (BPFSHIM_SRC(in->code)) {
		err = bpfshim_v_read(env, in->src_reg);
		if (err)
			return err;
	}
	err = bpfshim_v_write(env, in->dst_reg);
	if (err)
		return err;
	if (!BPFSHIM_SRC(in->code)) {
		bpfshim_v_reg_const(dst, w32 ? (u64)(u32)in->imm : (u64)(s64)in->imm);
		return 0;
	}
	if (!w32) {
		/* What is learnt of one copy holds for the other. */
		if (src->kind == VK_SCALAR && !src->id)
			src->id = ++env->id_gen;
		*dst = *src;
		return 0;
	}
	if (vrf_leaks(env, src)) {
		bpfshim_v_log(env, "R%d partial copy of pointer\n", in->src_reg);
		return -EACCES;
	}
	if (src->kind == VK_SCALAR) {
		*dst = *src;
		dst->id = 0;
	} else {
		bpfshim_v_reg_unknown(dst);	/* half an address: a number */
	}
	bpfshim_num_zext32(&dst->n);
	return 0;
}

int bpfshim_v_alu(struct vrf_env *env, const struct bpfshim_insn *in)
{
	s32 width = BPFSHIM_CLASS(in->code) == BPFSHIM_ALU64 ? 64 : 32;
	u8 op = BPFSHIM_OP(in->code);
	int err;

	if (op == BPFSHIM_END || op == BPFSHIM_NEG)
		return negate_or_swap(env, in);
	if (op == BPFSHIM_MOV)
		return move(env, in);
	if (op > BPFSHIM_END) {
		bpfshim_v_log(env, "invalid BPF_ALU opcode %x\n", op);
		return -EINVAL;
	}
	if (in->off || (BPFSHIM_SRC(in->code) ? in->imm : in->src_reg)) {
		bpfshim_v_log(env, "BPF_ALU uses reserved fields\n");
		return -EINVAL;
	}
	if (BPFSHIM_SRC(in->code)) {
		err = bpfshim_v_read(env, in->src_reg);
		if (err)
			return err;
	}
	err = bpfshim_v_read(env, in->dst_reg);
	if (err)
		return err;
	if (!BPFSHIM_SRC(in->code)) {
		if ((op == BPFSHIM_MOD || op == BPFSHIM_DIV) && !in->imm) {
			bpfshim_v_log(env, "div by zero\n");
			return -EINVAL;
		}
		if ((op == BPFSHIM_LSH || op == BPFSHIM_RSH || op == BPFSHIM_ARSH) &&
		    (in->imm < 0 || in->imm >= width)) {
			bpfshim_v_log(env, "invalid shift %d\n", in->imm);
			return -EINVAL;
		}
	}
	err = bpfshim_v_write(env, in->dst_reg);
	return err ? err : two_operands(env, in);
}
