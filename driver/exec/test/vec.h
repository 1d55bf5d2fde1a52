/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The conformance vectors: programs, inputs and the results they must give.
 * Expected values come from C here, never from an engine.
 *
 * Every program finds its memory, VEC_MEM bytes of map 0's value, through
 * ld_imm64; its operands come from there, so that a verifier cannot fold them.
 */
#ifndef BPFSHIM_EXEC_TEST_VEC_H
#define BPFSHIM_EXEC_TEST_VEC_H

#include "../exec.h"

#define VEC_MEM		256
#define VEC_IN		0	/* R0..R9 before */
#define VEC_OUT		80	/* R0..R9 after */
#define VEC_MARK	160	/* path taken, or a second result */
#define VEC_DATA	168	/* what memory instructions work on */
#define VEC_MAX_INSNS	160

#define VEC_F_V4	1	/* instructions Linux 6.1 does not know */
#define VEC_F_UNVERIFIED 2	/* no verifier accepts it */

struct vec {
	char name[64];
	u32 flags;
	u32 n;
	struct bpfshim_insn insns[VEC_MAX_INSNS];
	/* functions other than the first: where they start; 0: none left */
	u16 subs[8];
	u16 stack[8];		/* bytes a function uses, [0]: the first's */
};

/* Memory before, and memory and R0 after. */
struct vec_case {
	u8 in[VEC_MEM];
	u8 out[VEC_MEM];
	u64 r0;
};

struct vec_sink {
	void (*vec)(struct vec_sink *sink, const struct vec *v,
		    const struct vec_case *cases, u32 n);
	u32 vecs;
	u64 cases;
};

/* All of them, each group's generator in vec_*.c. */
void vec_all(struct vec_sink *sink);
void vec_alu(struct vec_sink *sink);
void vec_misc(struct vec_sink *sink);	/* moves, swaps, negation, ld_imm64 */
void vec_jmp(struct vec_sink *sink);
void vec_mem(struct vec_sink *sink);
void vec_atomic(struct vec_sink *sink);
void vec_call(struct vec_sink *sink);

/* ---- building programs ---- */

void vec_start(struct vec *v, u32 flags, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void vec_emit(struct vec *v, u32 code, u32 dst, u32 src, s32 off, s32 imm);
void vec_imm64(struct vec *v, u32 dst, u64 val);
void vec_mem_ptr(struct vec *v, u32 dst);	/* dst = memory */
/* Memory pointer to [r10-8], all registers from VEC_IN. */
void vec_load_regs(struct vec *v);
/* All registers to VEC_OUT, [r10-24] to VEC_MARK, R0 = 0, exit. Uses [r10-16]. */
void vec_store_regs(struct vec *v);
void vec_give(struct vec_sink *sink, const struct vec *v, const struct vec_case *c, u32 n);

/* ---- building cases ---- */

u64 vec_rand(void);		/* the same sequence in every run */
void vec_reseed(void);
u64 vec_rand_word(void);	/* of many magnitudes */
extern const u64 vec_edges[];
extern const u32 vec_nr_edges;
extern const s32 vec_imms[];
extern const u32 vec_nr_imms;
/* Random registers and memory, out = in; out's VEC_OUT = registers. */
void vec_case_init(struct vec_case *c);
u64 vec_get(const u8 *mem, u32 off);
void vec_put(u8 *mem, u32 off, u64 val);
/* Set register before (and, unless changed later, after). */
void vec_reg_in(struct vec_case *c, u32 reg, u64 val);
void vec_reg_out(struct vec_case *c, u32 reg, u64 val);

#endif
