/* SPDX-License-Identifier: GPL-2.0 */
/* x86-64 encoding for the JIT. Freestanding. */
#ifndef BPFSHIM_EXEC_JIT_EMIT_H
#define BPFSHIM_EXEC_JIT_EMIT_H

#include "insn.h"
#include "jit.h"

/* Short names here, the module's prefix for the linker. */
#define x86_rr bpfshim_x86_rr
#define x86_rm bpfshim_x86_rm
#define x86_gs bpfshim_x86_gs
#define x86_alu_imm bpfshim_x86_alu_imm
#define x86_alu_mem_imm bpfshim_x86_alu_mem_imm
#define x86_mov bpfshim_x86_mov
#define x86_mov_imm bpfshim_x86_mov_imm
#define x86_shift_imm bpfshim_x86_shift_imm
#define x86_shiftx bpfshim_x86_shiftx
#define x86_bswap bpfshim_x86_bswap
#define x86_push bpfshim_x86_push
#define x86_pop bpfshim_x86_pop
#define jit_read bpfshim_jit_read
#define jit_mem bpfshim_jit_mem
#define jit_blind bpfshim_jit_blind
#define jit_live_after bpfshim_jit_live_after
#define jit_jump bpfshim_jit_jump
#define jit_thread bpfshim_jit_thread
#define jit_unwind bpfshim_jit_unwind
#define jit_leave bpfshim_jit_leave
#define jit_alu bpfshim_jit_alu
#define jit_load_store bpfshim_jit_load_store
#define jit_atomic bpfshim_jit_atomic
#define jit_cond bpfshim_jit_cond
#define jit_call bpfshim_jit_call
#define jit_tail_call bpfshim_jit_tail_call
#define jit_fuse bpfshim_jit_fuse
#define jit_compare bpfshim_jit_compare
#define jit_store_imm bpfshim_jit_store_imm
#define jit_stack_key bpfshim_jit_stack_key
#define jit_lookup bpfshim_jit_lookup
#define jit_mul_imm bpfshim_jit_mul_imm
#define jit_load bpfshim_jit_load
#define jit_cc bpfshim_jit_cc
#define jit_map bpfshim_jit_map
#define jit_tail_entry bpfshim_jit_tail_entry
#define jit_call_near bpfshim_jit_call_near
#define jit_thunk bpfshim_jit_thunk
#define jit_regs bpfshim_jit_regs
#define jit_flow bpfshim_jit_flow

enum bpfshim_x86_reg {
	RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI,
	R8, R9, R10, R11, R12, R13, R14, R15,
	NOREG = 0xff
};

/*
 * Registers of a program.  R1 to R5 lie where a C function expects its
 * arguments and R0 where it leaves its result; R6 to R9 where C preserves
 * them.  R10 has no register: it is rsp plus a constant.  r9, r10, r11 are
 * free for the compiler; rbp stays the caller's, for its back traces.
 */
static inline u32 bpfshim_jit_reg(u32 bpf)
{
	static const u8 map[10] = { RAX, RDI, RSI, RDX, RCX, R8, RBX, R13, R14, R15 };

	return map[bpf];
}

/* Flags of instructions (struct bpfshim_jit.flags). */
#define JF_LEADER	(1 << 0)	/* somebody jumps here */
#define JF_LONG		(1 << 1)	/* its jump needs 32 bits */
#define JF_LOOKUP	(1 << 2)	/* call: a lookup that is inlined */
#define JF_CONST_KEY	(1 << 3)	/* ... with a key known now; tail call: its entry is */
#define JF_PERCPU	(1 << 4)	/* call: one per-CPU word */
#define JF_STACK_KEY	(1 << 5)	/* lookup: its key is at a place of the stack known now */

/* What each function needs. */
struct bpfshim_jit_fn {
	u8 saved;		/* bit n: R6+n is written */
	bool counts;		/* keeps the count of tail calls */
	bool calls;
	bool framed;		/* set up with stack */
	u32 stack;		/* bytes for the program, rounded to 8 */
	u32 frame;		/* what is subtracted from rsp */
};

/*
 * The count of tail calls is pushed before the frame.  Its upper half says how
 * many are left, its lower how many bytes of stack are in use below the first
 * function's caller.
 */
#define JIT_COUNT_SLOT(f)	((s32)(f)->frame)
#define JIT_COUNT_ONE		0x10000

struct bpfshim_x86_mem {
	u8 base, index, shift;	/* NOREG: none, of one of them */
	s32 disp;
};

static inline struct bpfshim_x86_mem mem_at(u32 base, s32 disp)
{
	struct bpfshim_x86_mem m;

	m.base = base;
	m.index = NOREG;
	m.shift = 0;
	m.disp = disp;
	return m;
}

static inline struct bpfshim_x86_mem mem_index(u32 base, u32 index, u32 shift, s32 disp)
{
	struct bpfshim_x86_mem m = mem_at(base, disp);

	m.index = index;
	m.shift = shift;
	return m;
}

#define X_W	1	/* 64-bit */
#define X_16	2	/* 16-bit: operand size prefix */
#define X_B	4	/* the register operand is a byte */
#define X_B_RM	8	/* the r/m operand, a register, is a byte */
#define X_LOCK	16
#define X_GS	32
#define X_F3	64
#define X_0F38	128	/* opcode is in that map; otherwise 0x100 means 0f */

static inline bool fits8(s64 v)
{
	return v == (s8)v;
}

static inline bool fits32(s64 v)
{
	return v == (s32)v;
}

static inline void emit8(struct bpfshim_jit *j, u32 b)
{
	if (j->pos < j->cap)
		j->buf[j->pos] = b;
	j->pos++;
}

static inline void emit32(struct bpfshim_jit *j, u32 v)
{
	emit8(j, v);
	emit8(j, v >> 8);
	emit8(j, v >> 16);
	emit8(j, v >> 24);
}

static inline void emit64(struct bpfshim_jit *j, u64 v)
{
	emit32(j, v);
	emit32(j, v >> 32);
}

/* A jump over what follows: patched by patch8(j, the result). */
static inline u32 jump8(struct bpfshim_jit *j, u32 opcode)
{
	emit8(j, opcode);
	emit8(j, 0);
	return j->pos;
}

static inline void patch8(struct bpfshim_jit *j, u32 from)
{
	if (from <= j->cap)
		j->buf[from - 1] = j->pos - from;
}

/* jit_emit.c */
void x86_rr(struct bpfshim_jit *j, u32 fl, u32 op, u32 reg, u32 rm);
void x86_rm(struct bpfshim_jit *j, u32 fl, u32 op, u32 reg, struct bpfshim_x86_mem m);
/* gs:[off] as the memory operand */
void x86_gs(struct bpfshim_jit *j, u32 fl, u32 op, u32 reg, s32 off);
/* add, or, and, sub, xor, cmp with an immediate: ext 0, 1, 4, 5, 6, 7 */
void x86_alu_imm(struct bpfshim_jit *j, u32 fl, u32 ext, u32 rm, s32 imm);
void x86_alu_mem_imm(struct bpfshim_jit *j, u32 fl, u32 ext, struct bpfshim_x86_mem m, s32 imm);
void x86_mov(struct bpfshim_jit *j, bool w, u32 dst, u32 src);	/* nothing when w and equal */
void x86_mov_imm(struct bpfshim_jit *j, u32 dst, u64 imm);	/* shortest; changes flags */
/* shl, shr, sar: ext 4, 5, 7; n below the width; n 0: zero-extends only */
void x86_shift_imm(struct bpfshim_jit *j, bool w, u32 ext, u32 rm, u32 n);
/* dst = src shifted by cnt: pp 1 shl, 3 shr, 2 sar (BMI2) */
void x86_shiftx(struct bpfshim_jit *j, bool w, u32 pp, u32 dst, u32 src, u32 cnt);
void x86_bswap(struct bpfshim_jit *j, bool w, u32 reg);
void x86_push(struct bpfshim_jit *j, u32 reg);
void x86_pop(struct bpfshim_jit *j, u32 reg);

#define x86_lea(j, w, dst, m)	x86_rm(j, (w) ? X_W : 0, 0x8d, dst, m)
#define x86_test(j, w, r)	x86_rr(j, (w) ? X_W : 0, 0x85, r, r)

/* jit_x86.c: what the emitters of instructions share */

/* Register holding BPF register r for reading; R10 is computed into r11. */
u32 jit_read(struct bpfshim_jit *j, u32 r);
/* Memory at BPF register r + off */
struct bpfshim_x86_mem jit_mem(struct bpfshim_jit *j, u32 r, s32 off);
/* r11 = imm, sign-extended (w) or zero-extended, without its bits in the image */
void jit_blind(struct bpfshim_jit *j, u32 i, bool w, s32 imm);
/* Registers live after instruction i (bit n: Rn). */
u32 jit_live_after(const struct bpfshim_jit *j, u32 i);
/* Jump to instruction t on condition cc (-1: always); i: whose JF_LONG. */
void jit_jump(struct bpfshim_jit *j, u32 i, int cc, u32 t);
/* Where a jump to t ends, through unconditional jumps. */
u32 jit_thread(const struct bpfshim_jit *j, u32 t);
/* Undo the frame, r0 and the rest are kept; with count, that comes into rax. */
void jit_unwind(struct bpfshim_jit *j, bool count);
void jit_leave(struct bpfshim_jit *j);

static inline struct bpfshim_jit_fn *jit_fn(struct bpfshim_jit *j)
{
	return &j->fns[j->sub];
}

static inline bool jit_blinds(const struct bpfshim_jit *j)
{
	return j->o->flags & BPFSHIM_JIT_BLIND;
}

/* Emit instruction i, all its forms but the fused. jit_alu.c, jit_mem.c, jit_jmp.c */
void jit_alu(struct bpfshim_jit *j, u32 i);
void jit_load_store(struct bpfshim_jit *j, u32 i);
void jit_atomic(struct bpfshim_jit *j, u32 i);
void jit_cond(struct bpfshim_jit *j, u32 i);
/* Sets the flags for the conditional jump at i. */
void jit_compare(struct bpfshim_jit *j, u32 i);
/* Memory of an access code's size at m = imm, which is sign-extended. */
void jit_store_imm(struct bpfshim_jit *j, u8 code, struct bpfshim_x86_mem m, s32 imm);
/* How many instructions it dealt with. */
u32 jit_call(struct bpfshim_jit *j, u32 i);
void jit_tail_call(struct bpfshim_jit *j, u32 i);
/* jit_lookup.c: the inlined lookup at i; how many instructions it dealt with. */
u32 jit_lookup(struct bpfshim_jit *j, u32 i);
/* jit_fuse.c: several at once; 0: nothing done. */
u32 jit_fuse(struct bpfshim_jit *j, u32 i);

/* dst = src * imm */
void jit_mul_imm(struct bpfshim_jit *j, bool w, u32 dst, u32 src, s32 imm);
/* dst = the value of an access code's size and mode at m */
void jit_load(struct bpfshim_jit *j, u8 code, u32 dst, struct bpfshim_x86_mem m);
/* Condition code of a conditional jump. */
u32 jit_cc(u8 code);
/* The inlined map behind the call at i. */
void jit_map(const struct bpfshim_jit *j, u32 i, struct bpfshim_jit_map *m);
/* Address of the prog array's entry that the tail call at i takes, or 0. */
u64 jit_tail_entry(const struct bpfshim_jit *j, u32 i);

void jit_call_near(struct bpfshim_jit *j, u64 target);
/* Behind the last function: what RETPOLINE's indirect jumps go through. */
void jit_thunk(struct bpfshim_jit *j);

/* jit_flow.c */
/* Registers an instruction reads and writes. */
void jit_regs(const struct bpfshim_jit *j, u32 i, u32 *use, u32 *def);
void jit_flow(struct bpfshim_jit *j);
/* Does the call at i find its key, R2, at R10 + *off? */
bool jit_stack_key(const struct bpfshim_jit *j, u32 i, s32 *off);

#endif /* BPFSHIM_EXEC_JIT_EMIT_H */
