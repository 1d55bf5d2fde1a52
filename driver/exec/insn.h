/* SPDX-License-Identifier: GPL-2.0 */
/* What the engines share about instructions. Freestanding. */
#ifndef BPFSHIM_EXEC_INSN_H
#define BPFSHIM_EXEC_INSN_H

#include "exec.h"

#define BPFSHIM_LD_IMM64	(BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW)
/* helpers the engines know by number */
#define BPFSHIM_HELPER_LOOKUP	1
#define BPFSHIM_HELPER_CPU	8
#define BPFSHIM_HELPER_TAIL_CALL 12
#define BPFSHIM_HELPER_TASK	35

/* How an instruction may be used; 0: unknown to the engines. */
enum bpfshim_insn_kind {
	BPFSHIM_IK_NONE,
	BPFSHIM_IK_PLAIN,	/* goes on with the next one */
	BPFSHIM_IK_IMM64,	/* takes two slots */
	BPFSHIM_IK_COND,	/* conditional jump by off */
	BPFSHIM_IK_JA,		/* jump by off */
	BPFSHIM_IK_JA32,	/* jump by imm */
	BPFSHIM_IK_CALL,	/* helper or subprogram */
	BPFSHIM_IK_TAIL,
	BPFSHIM_IK_EXIT,
};

/* Kind of an instruction as linked; checks every field the engines read. */
enum bpfshim_insn_kind bpfshim_insn_kind(const struct bpfshim_insn *insn);

/* Target of a jump, valid for the kinds COND, JA, JA32. */
static inline s64 bpfshim_jump_target(const struct bpfshim_insn *insns, u32 i)
{
	const struct bpfshim_insn *in = &insns[i];

	return (s64)i + 1 + (in->code == (BPFSHIM_JMP32 | BPFSHIM_JA) ? in->imm : in->off);
}

/* The function that instruction i belongs to. */
static inline u32 bpfshim_sub_of(const struct bpfshim_xsub *subs, u32 nr, u32 i)
{
	u32 lo = 0, hi = nr;

	while (hi - lo > 1) {
		u32 mid = lo + (hi - lo) / 2;

		if (subs[mid].start <= i)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

#endif /* BPFSHIM_EXEC_INSN_H */
