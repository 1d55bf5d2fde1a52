// SPDX-License-Identifier: GPL-2.0
/*
 * The interpreter: threaded code on the linked instructions.  Calls between
 * BPF functions do not recurse in C: a frame is saved on the program's own
 * stack, between the caller's frame and the callee's.
 */
#include "insn.h"
#include "interp.h"
#include "interp_ops.h"

#ifdef __clang__
#pragma clang diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic ignored "-Woverride-init"
#endif

/* What a call of a BPF function saves, at the callee's frame pointer. */
struct frame {
	const struct bpfshim_insn *ret;
	u64 r6, r7, r8, r9, fp;
};

/* As many bytes as link.c counts. */
typedef char frame_size_ok[sizeof(struct frame) == BPFSHIM_FRAME_SAVE ? 1 : -1];

#define DST	r[insn->dst_reg]
#define SRC	r[insn->src_reg]
#define IMM	((u64)(s64)insn->imm)

#define NEXT do { insn++; goto *jumptable[insn->code]; } while (0)
#define JUMP(d) do { insn += (d); CHECK_BUDGET((d) < 0); NEXT; } while (0)

#ifdef __KERNEL__
#define CHECK_BUDGET(c)	do { } while (0)
#else
/* Test programs need not come from a verifier. */
#define CHECK_BUDGET(c) do {						\
	if ((c) && budget && !--budget)					\
		return ~0ULL;						\
} while (0)
#endif

/* One ALU operation, four ways. E computes from a and b of type T. */
#define ALU_LABELS(op)							\
	[BPFSHIM_ALU64 | BPFSHIM_##op | BPFSHIM_X] = &&alu64_##op##_x,	\
	[BPFSHIM_ALU64 | BPFSHIM_##op | BPFSHIM_K] = &&alu64_##op##_k,	\
	[BPFSHIM_ALU | BPFSHIM_##op | BPFSHIM_X] = &&alu32_##op##_x,	\
	[BPFSHIM_ALU | BPFSHIM_##op | BPFSHIM_K] = &&alu32_##op##_k
#define ALU_CODE(op, E64, E32)						\
	alu64_##op##_x: { u64 a = DST, b = SRC; DST = (E64); } NEXT;	\
	alu64_##op##_k: { u64 a = DST, b = IMM; DST = (E64); } NEXT;	\
	alu32_##op##_x: { u32 a = DST, b = SRC; DST = (u32)(E32); } NEXT; \
	alu32_##op##_k: { u32 a = DST, b = insn->imm; DST = (u32)(E32); } NEXT

#define JMP_LABELS(op)							\
	[BPFSHIM_JMP | BPFSHIM_##op | BPFSHIM_X] = &&jmp64_##op##_x,	\
	[BPFSHIM_JMP | BPFSHIM_##op | BPFSHIM_K] = &&jmp64_##op##_k,	\
	[BPFSHIM_JMP32 | BPFSHIM_##op | BPFSHIM_X] = &&jmp32_##op##_x,	\
	[BPFSHIM_JMP32 | BPFSHIM_##op | BPFSHIM_K] = &&jmp32_##op##_k
/* T64, T32: the types compared; C: the condition on a and b. */
#define JMP_CASE(name, T, bval, C)					\
	name: {								\
		T a = (T)DST, b = (T)(bval);				\
		if (C)							\
			JUMP(insn->off);				\
	} NEXT
#define JMP_CODE(op, T64, T32, C)					\
	JMP_CASE(jmp64_##op##_x, T64, SRC, C);				\
	JMP_CASE(jmp64_##op##_k, T64, IMM, C);				\
	JMP_CASE(jmp32_##op##_x, T32, SRC, C);				\
	JMP_CASE(jmp32_##op##_k, T32, insn->imm, C)

#define MEM_LABELS(sz)							\
	[BPFSHIM_LDX | BPFSHIM_MEM | BPFSHIM_##sz] = &&ldx_##sz,	\
	[BPFSHIM_LDX | BPFSHIM_PROBE | BPFSHIM_##sz] = &&probe,		\
	[BPFSHIM_ST | BPFSHIM_MEM | BPFSHIM_##sz] = &&st_##sz,		\
	[BPFSHIM_STX | BPFSHIM_MEM | BPFSHIM_##sz] = &&stx_##sz
#define SX_LABELS(sz)							\
	[BPFSHIM_LDX | BPFSHIM_MEMSX | BPFSHIM_##sz] = &&ldsx_##sz,	\
	[BPFSHIM_LDX | BPFSHIM_PROBESX | BPFSHIM_##sz] = &&probe_sx
#define MEM_CODE(sz, T)							\
	ldx_##sz: DST = LOAD(T, SRC + OFF); NEXT;			\
	st_##sz: STORE(T, DST + OFF, insn->imm); NEXT;			\
	stx_##sz: STORE(T, DST + OFF, SRC); NEXT

#define OFF	((u64)(s64)insn->off)

/*
 * Run from insn on.  area is the program's stack; the first frame pointer is
 * its end.  The first five arguments are already in r.
 */
static u64 run(const struct bpfshim_xprog *p, const struct bpfshim_insn *insn,
	       u64 *r, u8 *area, u32 size)
{
	static const void *const jumptable[256] BPFSHIM_JUMP_TABLE = {
		/* Linking refuses what is not below; objtool wants no gaps. */
		[0 ... 255] = &&unknown,
		ALU_LABELS(ADD), ALU_LABELS(SUB), ALU_LABELS(MUL),
		ALU_LABELS(DIV), ALU_LABELS(MOD), ALU_LABELS(OR),
		ALU_LABELS(AND), ALU_LABELS(XOR), ALU_LABELS(LSH),
		ALU_LABELS(RSH), ALU_LABELS(ARSH), ALU_LABELS(MOV),
		[BPFSHIM_MOVE_INSN] = &&move,
		[BPFSHIM_NOSPEC_INSN] = &&nospec,
		[BPFSHIM_ALU64 | BPFSHIM_NEG] = &&neg64,
		[BPFSHIM_ALU | BPFSHIM_NEG] = &&neg32,
		[BPFSHIM_ALU | BPFSHIM_END | BPFSHIM_TO_LE] = &&to_le,
		[BPFSHIM_ALU | BPFSHIM_END | BPFSHIM_TO_BE] = &&to_be,
		[BPFSHIM_ALU64 | BPFSHIM_END] = &&bswap,
		JMP_LABELS(JEQ), JMP_LABELS(JNE), JMP_LABELS(JGT),
		JMP_LABELS(JGE), JMP_LABELS(JLT), JMP_LABELS(JLE),
		JMP_LABELS(JSGT), JMP_LABELS(JSGE), JMP_LABELS(JSLT),
		JMP_LABELS(JSLE), JMP_LABELS(JSET),
		[BPFSHIM_JMP | BPFSHIM_JA] = &&ja,
		[BPFSHIM_JMP32 | BPFSHIM_JA] = &&ja32,
		[BPFSHIM_JMP | BPFSHIM_CALL] = &&call,
		[BPFSHIM_JMP | BPFSHIM_TAIL_CALL] = &&tail_call,
		[BPFSHIM_JMP | BPFSHIM_EXIT] = &&leave,
		MEM_LABELS(B), MEM_LABELS(H), MEM_LABELS(W), MEM_LABELS(DW),
		SX_LABELS(B), SX_LABELS(H), SX_LABELS(W),
		[BPFSHIM_STX | BPFSHIM_ATOMIC | BPFSHIM_W] = &&atomic32,
		[BPFSHIM_STX | BPFSHIM_ATOMIC | BPFSHIM_DW] = &&atomic64,
		[BPFSHIM_LD_IMM64] = &&ld_imm64,
	};
	const u64 top = (u64)(unsigned long)(area + size);
	u32 tail_calls = 0;
#ifndef __KERNEL__
	u64 budget = p->env->max_call_insns;
#endif

	r[10] = top;
	goto *jumptable[insn->code];

	ALU_CODE(ADD, a + b, a + b);
	ALU_CODE(SUB, a - b, a - b);
	ALU_CODE(MUL, a * b, a * b);
	ALU_CODE(OR, a | b, a | b);
	ALU_CODE(AND, a & b, a & b);
	ALU_CODE(XOR, a ^ b, a ^ b);
	ALU_CODE(LSH, a << (b & 63), a << (b & 31));
	ALU_CODE(RSH, a >> (b & 63), a >> (b & 31));
	ALU_CODE(ARSH, (s64)a >> (b & 63), (s32)a >> (b & 31));
	ALU_CODE(DIV, bpfshim_div64(a, b, insn->off), bpfshim_div32(a, b, insn->off));
	ALU_CODE(MOD, bpfshim_mod64(a, b, insn->off), bpfshim_mod32(a, b, insn->off));

alu64_MOV_x:
	DST = insn->off ? (u64)bpfshim_sext(SRC, insn->off) : SRC;
	NEXT;
alu64_MOV_k:
	DST = IMM;
	NEXT;
alu32_MOV_x:
	DST = insn->off ? (u32)bpfshim_sext(SRC, insn->off) : (u32)SRC;
	NEXT;
alu32_MOV_k:
	DST = (u32)insn->imm;
	NEXT;
move:
	DST = bpfshim_move(DST, SRC, insn->off, insn->imm);
	NEXT;
nospec:
	bpfshim_nospec();
	NEXT;
neg64:
	DST = -DST;
	NEXT;
neg32:
	DST = (u32)-(u32)DST;
	NEXT;
to_le:
	DST = bpfshim_swap(DST, insn->imm, BPFSHIM_BIG_ENDIAN);
	NEXT;
to_be:
	DST = bpfshim_swap(DST, insn->imm, !BPFSHIM_BIG_ENDIAN);
	NEXT;
bswap:
	DST = bpfshim_swap(DST, insn->imm, true);
	NEXT;
ld_imm64:
	DST = (u32)insn[0].imm | (u64)(u32)insn[1].imm << 32;
	insn++;
	NEXT;

ja:
	JUMP(insn->off);
ja32:
	JUMP(insn->imm);
	JMP_CODE(JEQ, u64, u32, a == b);
	JMP_CODE(JNE, u64, u32, a != b);
	JMP_CODE(JGT, u64, u32, a > b);
	JMP_CODE(JGE, u64, u32, a >= b);
	JMP_CODE(JLT, u64, u32, a < b);
	JMP_CODE(JLE, u64, u32, a <= b);
	JMP_CODE(JSGT, s64, s32, a > b);
	JMP_CODE(JSGE, s64, s32, a >= b);
	JMP_CODE(JSLT, s64, s32, a < b);
	JMP_CODE(JSLE, s64, s32, a <= b);
	JMP_CODE(JSET, u64, u32, a & b);

	MEM_CODE(B, u8);
	MEM_CODE(H, u16);
	MEM_CODE(W, u32);
	MEM_CODE(DW, u64);
ldsx_B:
	DST = (u64)(s64)LOAD(s8, SRC + OFF);
	NEXT;
ldsx_H:
	DST = (u64)(s64)LOAD(s16, SRC + OFF);
	NEXT;
ldsx_W:
	DST = (u64)(s64)LOAD(s32, SRC + OFF);
	NEXT;
probe:
	p->env->probe_load(SRC + OFF, bpfshim_access_size(insn->code), &DST);
	NEXT;
probe_sx:
	p->env->probe_load(SRC + OFF, bpfshim_access_size(insn->code), &DST);
	DST = bpfshim_sext(DST, 8 * bpfshim_access_size(insn->code));
	NEXT;
atomic32:
	bpfshim_atomic32(DST + OFF, insn->imm, &SRC, &r[0]);
	NEXT;
atomic64:
	bpfshim_atomic64(DST + OFF, insn->imm, &SRC, &r[0]);
	NEXT;

call:
	if (insn->src_reg == BPFSHIM_PSEUDO_CALL) {
		struct frame *f = (struct frame *)(unsigned long)
				  (r[10] - (u16)insn->off - sizeof(*f));

		CHECK_BUDGET(true);
		f->ret = insn;
		f->r6 = r[6];
		f->r7 = r[7];
		f->r8 = r[8];
		f->r9 = r[9];
		f->fp = r[10];
		r[10] = (u64)(unsigned long)f;
		insn += insn->imm;
		NEXT;
	}
	CHECK_BUDGET(true);
	r[0] = p->env->helpers[insn->imm](r[1], r[2], r[3], r[4], r[5]);
	NEXT;
tail_call: {
		const struct bpfshim_xprog *t;

		/* No program there, or too many: go on behind the call. An
		 * empty slot counts, as upstream. */
		t = p->env->tail_target((void *)(unsigned long)r[2], (u32)r[3]);
		if (t == BPFSHIM_TAIL_OUTSIDE || tail_calls >= BPFSHIM_MAX_TAIL_CALLS)
			NEXT;
		tail_calls++;
		/* Below a BPF function the rest of the stack may not do. */
		if (!t || r[10] - (u64)(unsigned long)area < t->subs[0].need)
			NEXT;
		p = t;
		insn = t->insns;
		goto *jumptable[insn->code];
	}
leave:
	if (r[10] != top) {
		const struct frame *f = (const struct frame *)(unsigned long)r[10];

		insn = f->ret;
		r[6] = f->r6;
		r[7] = f->r7;
		r[8] = f->r8;
		r[9] = f->r9;
		r[10] = f->fp;
		NEXT;
	}
	return r[0];
unknown:
	return 0;
}

/* A run with no more stack than its functions need. */
#define RUN_CLASS(n)							\
static noinline u64 run_##n(const struct bpfshim_xprog *p, u32 start,	\
			    u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)	\
{									\
	u64 area[(n) / 8];						\
	u64 r[BPFSHIM_MAX_REG];						\
									\
	r[1] = r1;							\
	r[2] = r2;							\
	r[3] = r3;							\
	r[4] = r4;							\
	r[5] = r5;							\
	return run(p, p->insns + start, r, (u8 *)area, sizeof(area));	\
}

RUN_CLASS(64)
RUN_CLASS(128)
RUN_CLASS(256)
RUN_CLASS(512)
RUN_CLASS(848)
typedef char max_class_ok[BPFSHIM_INTERP_STACK_MAX == 848 ? 1 : -1];

static u64 run_sub(const struct bpfshim_xprog *p, const struct bpfshim_xsub *s,
		   u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	u32 need = max_u32(s->need, p->run_class);

	if (need <= 64)
		return run_64(p, s->start, r1, r2, r3, r4, r5);
	if (need <= 128)
		return run_128(p, s->start, r1, r2, r3, r4, r5);
	if (need <= 256)
		return run_256(p, s->start, r1, r2, r3, r4, r5);
	if (need <= 512)
		return run_512(p, s->start, r1, r2, r3, r4, r5);
	return run_848(p, s->start, r1, r2, r3, r4, r5);
}

u64 bpfshim_interp_run(const struct bpfshim_xprog *p, const void *ctx)
{
	return run_sub(p, &p->subs[0], (unsigned long)ctx, 0, 0, 0, 0);
}

u64 bpfshim_interp_call(const struct bpfshim_xprog *p, u32 subprog,
			u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return run_sub(p, &p->subs[subprog], r1, r2, r3, r4, r5);
}
