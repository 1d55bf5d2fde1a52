// SPDX-License-Identifier: GPL-2.0
/*
 * The interpreter.
 *
 * One run owns one `struct run` on the kernel's stack: registers, the frames
 * of BPF callers, and the program's own stack, which all its frames and
 * callbacks share (the verifier bounds their sum).  Nothing here recurses:
 * a BPF call pushes a frame; only a helper that calls back enters again, and
 * then it continues on the same `struct run`.
 */
#include "exec.h"

#define FRAMES		16	/* 8, and 8 of a program that was tail-called */
#define TAIL_ROOM	256	/* stack of callers when a tail call is made */
#define FRAME_ALIGN	8
#define BPFSHIM_HELPER_TAIL_CALL 12

/* A caller's state while its callee runs. */
struct frame {
	const struct bpfshim_xprog *p;	/* a tail call may have left it */
	const struct bpfshim_insn *ret;
	u64 saved[4];		/* R6..R9 */
	u64 fp;
};

struct run {
	struct frame frames[FRAMES];
	u32 depth;		/* frames in use */
	u8 *sp;			/* lowest byte of stack in use */
	u32 tail_calls;
	u64 stack[(BPFSHIM_VRF_MAX_STACK + TAIL_ROOM) / 8];
};

static const struct bpfshim_vrf_subprog *subprog_at(const struct bpfshim_xprog *p, u32 idx)
{
	return &p->subprogs[idx];
}

static u32 frame_size(const struct bpfshim_xprog *p, u32 idx)
{
	return (subprog_at(p, idx)->stack_depth + FRAME_ALIGN - 1) & ~(u32)(FRAME_ALIGN - 1);
}

static bool is_probe_mem(const struct bpfshim_xprog *p, const struct bpfshim_insn *insn)
{
	u32 i;

	if (likely(!p->probe_mem))
		return false;
	i = insn - p->insns;
	return p->probe_mem[i / 8] & (1 << (i % 8));
}

static u64 bswap_to(u64 v, s32 width, bool swap)
{
	switch (width) {
	case 16:
		return swap ? __builtin_bswap16((u16)v) : (u16)v;
	case 32:
		return swap ? __builtin_bswap32((u32)v) : (u32)v;
	default:
		return swap ? __builtin_bswap64(v) : v;
	}
}

static void atomic32(u32 *p, u64 *src, u64 *r0, s32 op)
{
	u32 v = (u32)*src, old;

	switch (op) {
	case BPFSHIM_ADD:
		__atomic_fetch_add(p, v, __ATOMIC_RELAXED);
		break;
	case BPFSHIM_AND:
		__atomic_fetch_and(p, v, __ATOMIC_RELAXED);
		break;
	case BPFSHIM_OR:
		__atomic_fetch_or(p, v, __ATOMIC_RELAXED);
		break;
	case BPFSHIM_XOR:
		__atomic_fetch_xor(p, v, __ATOMIC_RELAXED);
		break;
	case BPFSHIM_ADD | BPFSHIM_FETCH:
		*src = __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);
		break;
	case BPFSHIM_AND | BPFSHIM_FETCH:
		*src = __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST);
		break;
	case BPFSHIM_OR | BPFSHIM_FETCH:
		*src = __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST);
		break;
	case BPFSHIM_XOR | BPFSHIM_FETCH:
		*src = __atomic_fetch_xor(p, v, __ATOMIC_SEQ_CST);
		break;
	case BPFSHIM_XCHG:
		*src = __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);
		break;
	case BPFSHIM_CMPXCHG:
		old = (u32)*r0;
		__atomic_compare_exchange_n(p, &old, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
		*r0 = old;
		break;
	}
}

static void atomic64(u64 *p, u64 *src, u64 *r0, s32 op)
{
	u64 v = *src, old;

	switch (op) {
	case BPFSHIM_ADD:
		__atomic_fetch_add(p, v, __ATOMIC_RELAXED);
		break;
	case BPFSHIM_AND:
		__atomic_fetch_and(p, v, __ATOMIC_RELAXED);
		break;
	case BPFSHIM_OR:
		__atomic_fetch_or(p, v, __ATOMIC_RELAXED);
		break;
	case BPFSHIM_XOR:
		__atomic_fetch_xor(p, v, __ATOMIC_RELAXED);
		break;
	case BPFSHIM_ADD | BPFSHIM_FETCH:
		*src = __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);
		break;
	case BPFSHIM_AND | BPFSHIM_FETCH:
		*src = __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST);
		break;
	case BPFSHIM_OR | BPFSHIM_FETCH:
		*src = __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST);
		break;
	case BPFSHIM_XOR | BPFSHIM_FETCH:
		*src = __atomic_fetch_xor(p, v, __ATOMIC_SEQ_CST);
		break;
	case BPFSHIM_XCHG:
		*src = __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);
		break;
	case BPFSHIM_CMPXCHG:
		old = *r0;
		__atomic_compare_exchange_n(p, &old, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
		*r0 = old;
		break;
	}
}

static u64 load(u64 addr, u8 size)
{
	switch (size) {
	case BPFSHIM_B:
		return *(const u8 *)(unsigned long)addr;
	case BPFSHIM_H:
		return *(const u16 *)(unsigned long)addr;
	case BPFSHIM_W:
		return *(const u32 *)(unsigned long)addr;
	default:
		return *(const u64 *)(unsigned long)addr;
	}
}

/*
 * One ALU operation at width `bits`; signed and unsigned types of the width
 * are st and ut.  dst is written whole: 32-bit results zero-extend.
 */
#define ALU_OP(ut, st, bits, operand)						\
	do {									\
		ut s_ = (ut)(operand), d_ = (ut)*dst;				\
		switch (BPFSHIM_OP(insn->code)) {				\
		case BPFSHIM_ADD: d_ += s_; break;				\
		case BPFSHIM_SUB: d_ -= s_; break;				\
		case BPFSHIM_MUL: d_ *= s_; break;				\
		case BPFSHIM_DIV: d_ = s_ ? d_ / s_ : 0; break;			\
		case BPFSHIM_MOD: d_ = s_ ? d_ % s_ : d_; break;		\
		case BPFSHIM_OR: d_ |= s_; break;				\
		case BPFSHIM_AND: d_ &= s_; break;				\
		case BPFSHIM_XOR: d_ ^= s_; break;				\
		case BPFSHIM_LSH: d_ <<= s_ & (bits - 1); break;		\
		case BPFSHIM_RSH: d_ >>= s_ & (bits - 1); break;		\
		case BPFSHIM_ARSH: d_ = (ut)((st)d_ >> (s_ & (bits - 1))); break; \
		case BPFSHIM_NEG: d_ = (ut)0 - d_; break;			\
		case BPFSHIM_MOV: d_ = s_; break;				\
		}								\
		*dst = d_;							\
	} while (0)

static bool jump_taken(u8 op, u64 d, u64 s, s64 sd, s64 ss)
{
	switch (op) {
	case BPFSHIM_JEQ: return d == s;
	case BPFSHIM_JNE: return d != s;
	case BPFSHIM_JGT: return d > s;
	case BPFSHIM_JGE: return d >= s;
	case BPFSHIM_JLT: return d < s;
	case BPFSHIM_JLE: return d <= s;
	case BPFSHIM_JSET: return d & s;
	case BPFSHIM_JSGT: return sd > ss;
	case BPFSHIM_JSGE: return sd >= ss;
	case BPFSHIM_JSLT: return sd < ss;
	case BPFSHIM_JSLE: return sd <= ss;
	}
	return true;	/* JA */
}

/* Run subprogram `idx` with regs[1..5] set.  R10 and the frame are made here. */
static u64 interp_loop(const struct bpfshim_xprog *p, struct run *run, u64 *regs, u32 idx)
{
	const struct bpfshim_insn *insn = p->insns + subprog_at(p, idx)->start;
	u32 base = run->depth;
	u64 left = p->env->max_call_insns;
	u8 *base_sp = run->sp;
	u64 *dst, src, s32v;

	regs[BPFSHIM_REG_10] = (unsigned long)run->sp;
	run->sp -= frame_size(p, idx);
	for (;; insn++) {
		if (unlikely(left) && !--left)
			break;
		dst = &regs[insn->dst_reg];
		src = regs[insn->src_reg];
		s32v = (u64)(s64)insn->imm;
		switch (BPFSHIM_CLASS(insn->code)) {
		case BPFSHIM_ALU64:
			if (BPFSHIM_OP(insn->code) == BPFSHIM_END) {	/* v4 bswap */
				*dst = bswap_to(*dst, insn->imm, true);
				break;
			}
			ALU_OP(u64, s64, 64, BPFSHIM_SRC(insn->code) ? src : s32v);
			break;
		case BPFSHIM_ALU:
			if (BPFSHIM_OP(insn->code) == BPFSHIM_END) {
				*dst = bswap_to(*dst, insn->imm, BPFSHIM_SRC(insn->code) == BPFSHIM_TO_BE);
				break;
			}
			ALU_OP(u32, s32, 32, BPFSHIM_SRC(insn->code) ? src : s32v);
			break;
		case BPFSHIM_LD:	/* ld_imm64: two slots */
			*dst = (u32)insn[0].imm | (u64)(u32)insn[1].imm << 32;
			insn++;
			break;
		case BPFSHIM_LDX:
			if (is_probe_mem(p, insn)) {
				u64 v = 0;

				p->env->probe_load(src + (s64)insn->off,
						   BPFSHIM_SIZE(insn->code) == BPFSHIM_DW ? 8 :
						   BPFSHIM_SIZE(insn->code) == BPFSHIM_W ? 4 :
						   BPFSHIM_SIZE(insn->code) == BPFSHIM_H ? 2 : 1, &v);
				*dst = v;
				break;
			}
			*dst = load(src + (s64)insn->off, BPFSHIM_SIZE(insn->code));
			break;
		case BPFSHIM_ST:
			src = s32v;
			/* fall through */
		case BPFSHIM_STX: {
			unsigned long addr = *dst + (s64)insn->off;

			if (BPFSHIM_MODE(insn->code) == BPFSHIM_ATOMIC &&
			    BPFSHIM_CLASS(insn->code) == BPFSHIM_STX) {
				if (BPFSHIM_SIZE(insn->code) == BPFSHIM_DW)
					atomic64((u64 *)addr, &regs[insn->src_reg], &regs[0], insn->imm);
				else
					atomic32((u32 *)addr, &regs[insn->src_reg], &regs[0], insn->imm);
				break;
			}
			switch (BPFSHIM_SIZE(insn->code)) {
			case BPFSHIM_B:
				*(u8 *)addr = src;
				break;
			case BPFSHIM_H:
				*(u16 *)addr = src;
				break;
			case BPFSHIM_W:
				*(u32 *)addr = src;
				break;
			default:
				*(u64 *)addr = src;
			}
			break;
		}
		case BPFSHIM_JMP32: {
			u32 d = (u32)*dst, s = BPFSHIM_SRC(insn->code) ? (u32)src : (u32)insn->imm;

			if (BPFSHIM_OP(insn->code) == BPFSHIM_JA)
				insn += insn->imm;
			else if (jump_taken(BPFSHIM_OP(insn->code), d, s, (s32)d, (s32)s))
				insn += insn->off;
			break;
		}
		case BPFSHIM_JMP:
			if (BPFSHIM_OP(insn->code) == BPFSHIM_CALL) {
				struct frame *f;

				if (insn->src_reg != BPFSHIM_PSEUDO_CALL &&
				    insn->imm == BPFSHIM_HELPER_TAIL_CALL) {
					const struct bpfshim_xprog *t;

					t = p->env->tail_target((void *)(unsigned long)regs[2], (u32)regs[3]);
					if (!t || run->tail_calls >= BPFSHIM_MAX_TAIL_CALLS)
						break;
					/* Room for all that the target may use. */
					if (run->depth > FRAMES / 2 ||
					    regs[10] - (unsigned long)run->stack < BPFSHIM_VRF_MAX_STACK)
						break;
					run->tail_calls++;
					p = t;
					run->sp = (u8 *)(unsigned long)regs[10] - frame_size(p, 0);
					insn = p->insns - 1;
					break;
				}
				if (insn->src_reg != BPFSHIM_PSEUDO_CALL) {
					regs[0] = p->env->helpers[insn->imm & (BPFSHIM_HELPER_SLOTS - 1)](
						regs[1], regs[2], regs[3], regs[4], regs[5]);
					break;
				}
				f = &run->frames[run->depth++];
				f->p = p;
				f->ret = insn;
				f->saved[0] = regs[6];
				f->saved[1] = regs[7];
				f->saved[2] = regs[8];
				f->saved[3] = regs[9];
				f->fp = regs[10];
				regs[10] = (unsigned long)run->sp;
				run->sp -= frame_size(p, insn->off);
				insn += insn->imm;
				break;
			}
			if (BPFSHIM_OP(insn->code) == BPFSHIM_EXIT) {
				struct frame *f;

				if (run->depth == base) {
					run->sp = base_sp;
					return regs[0];
				}
				f = &run->frames[--run->depth];
				run->sp = (u8 *)(unsigned long)regs[10];
				p = f->p;
				insn = f->ret;
				regs[6] = f->saved[0];
				regs[7] = f->saved[1];
				regs[8] = f->saved[2];
				regs[9] = f->saved[3];
				regs[10] = f->fp;
				break;
			}
			if (!BPFSHIM_SRC(insn->code))
				src = s32v;
			if (jump_taken(BPFSHIM_OP(insn->code), *dst, src, (s64)*dst, (s64)src))
				insn += insn->off;
			break;
		}
	}
	run->sp = base_sp;
	run->depth = base;
	return 0;
}

u64 bpfshim_interp_run(const struct bpfshim_xprog *p, const void *ctx)
{
	u64 regs[BPFSHIM_MAX_REG];
	struct run run;
	void **slot = NULL, *outer = NULL;
	u64 ret;

	run.depth = 0;
	run.tail_calls = 0;
	run.sp = (u8 *)run.stack + sizeof(run.stack);
	regs[BPFSHIM_REG_1] = (unsigned long)ctx;
	if (p->uses_cb) {
		slot = p->env->run_slot();
		outer = *slot;
		*slot = &run;
	}
	ret = interp_loop(p, &run, regs, 0);
	if (slot)
		*slot = outer;
	return ret;
}

u64 bpfshim_interp_call(const struct bpfshim_xprog *p, u32 subprog,
			u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	u64 regs[BPFSHIM_MAX_REG] = { 0, r1, r2, r3, r4, r5 };

	return interp_loop(p, *p->env->run_slot(), regs, subprog);
}
