/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFSHIM_TEST_GEN_H
#define BPFSHIM_TEST_GEN_H

#include "world.h"

/** gen_program() - a program from a seed: pieces as compilers emit them, with
 * mistakes thrown in now and then, and bytes of chance. */
void gen_program(u64 seed, struct prog *p);
/** gen_mutate() - change a few instructions; with other, parts of that one. */
void gen_mutate(u64 seed, struct prog *p, const struct prog *other);

/* ---- gen.c to pieces.c */
enum reg_kind { R_NONE, R_NUM, R_CTX, R_FP, R_VALUE, R_MAYBE, R_PKT, R_PKT_END, R_RECORD, R_MAYBE_REC };

struct greg {
	u8 kind;
	u8 map;			/* R_VALUE, R_MAYBE */
	u8 group;		/* R_MAYBE: of one lookup */
	s16 room;		/* bytes that may be accessed, if known */
	u32 max;		/* R_NUM: at most, 0: anything */
};

struct gen {
	u64 rng;
	struct prog *p;
	struct greg r[11];
	struct greg slot[12];	/* 8 bytes each, fp-8*(i+1) */
	u32 nfuncs;
	struct {
		u32 call;	/* its instruction, to be patched */
		u8 sig;
	} func[4];
	u8 group;
	u8 depth;
	bool in_callback;
};
enum { SIG_NUMS, SIG_PTR, SIG_GLOBAL, SIG_LOOP, SIG_EACH_ARRAY, SIG_EACH_HASH };

void gen_emit(struct gen *g, u8 code, u32 dst, u32 src, s32 off, s32 imm);
void gen_piece(struct gen *g);
void gen_pieces(struct gen *g, u32 n);
s32 gen_number(struct gen *g);
/* A register of that kind; -1: none. */
s32 gen_find(struct gen *g, u8 kind);
u32 gen_any_num(struct gen *g);
void gen_num(struct gen *g, u32 reg, u32 max);
void gen_memory(struct gen *g);		/* pieces that access memory */
void gen_packet(struct gen *g);
void gen_lookup(struct gen *g);
void gen_record(struct gen *g);
void gen_lock(struct gen *g);
void gen_dynptr(struct gen *g);
void gen_odd(struct gen *g);	/* old packet loads, tail calls, checksums */
void gen_call_helper(struct gen *g, s32 id);
void gen_ld_map(struct gen *g, u32 dst, u32 map, bool value, s32 off);
void gen_use(struct gen *g, u32 reg);

/* A jump's offset: to the function's end.  Filled in when that is known. */
#define TO_END	0x7abc
s32 gen_away(struct gen *g);	/* TO_END mostly, or a few instructions */
#define BR(g, n) below(&(g)->rng, n)

/* Instruction codes by short names. */
#define MOV64X	(BPFSHIM_ALU64 | BPFSHIM_MOV | BPFSHIM_X)
#define MOV64K	(BPFSHIM_ALU64 | BPFSHIM_MOV)
#define ADD64X	(BPFSHIM_ALU64 | BPFSHIM_ADD | BPFSHIM_X)
#define ADD64K	(BPFSHIM_ALU64 | BPFSHIM_ADD)
#define AND64K	(BPFSHIM_ALU64 | BPFSHIM_AND)
#define LDXM	(BPFSHIM_LDX | BPFSHIM_MEM)
#define STXM	(BPFSHIM_STX | BPFSHIM_MEM)
#define STM	(BPFSHIM_ST | BPFSHIM_MEM)

#endif /* BPFSHIM_TEST_GEN_H */
