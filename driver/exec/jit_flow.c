// SPDX-License-Identifier: GPL-2.0
/* What the JIT knows before it emits: jump targets, live registers. */
#include "jit_emit.h"

#define BIT_(n)		(1U << (n))
#define ARGS		0x3eU	/* R1..R5 */
#define CALLER_SAVED	0x3fU	/* R0..R5 */
#define ALL_REGS	0x7ffU
#define MAX_SWEEPS	24

static void regs_call(const struct bpfshim_jit *j, u32 i, u32 *use, u32 *def)
{
	u32 fl = j->flags[i];

	*use = ARGS;
	if (j->x->insns[i].code == (BPFSHIM_JMP | BPFSHIM_TAIL_CALL)) {
		if (fl & JF_CONST_KEY)
			*use = BIT_(1);
	} else if (fl & (JF_PERCPU | JF_CONST_KEY))
		*use = 0;
	else if (fl & JF_LOOKUP)
		*use = fl & JF_STACK_KEY ? 0 : BIT_(2);
	*def = CALLER_SAVED;
}

void jit_regs(const struct bpfshim_jit *j, u32 i, u32 *use, u32 *def)
{
	const struct bpfshim_insn *in = &j->x->insns[i];
	u32 dst = BIT_(in->dst_reg), src = BIT_(in->src_reg);
	u32 op = BPFSHIM_OP(in->code);
	bool reg = BPFSHIM_SRC(in->code) == BPFSHIM_X;

	*use = 0;
	*def = 0;
	switch (BPFSHIM_CLASS(in->code)) {
	case BPFSHIM_LD:
		*def = dst;
		break;
	case BPFSHIM_LDX:
		*use = src;
		*def = dst;
		break;
	case BPFSHIM_ST:
		*use = in->code == BPFSHIM_NOSPEC_INSN ? 0 : dst;
		break;
	case BPFSHIM_STX:
		*use = dst | src;
		if (BPFSHIM_MODE(in->code) != BPFSHIM_ATOMIC)
			break;
		if (in->imm == BPFSHIM_CMPXCHG) {
			*use |= BIT_(0);
			*def = BIT_(0);
		} else if (in->imm & BPFSHIM_FETCH) {
			*def = src;
		}
		break;
	case BPFSHIM_ALU:
	case BPFSHIM_ALU64:
		*def = dst;
		if (op != BPFSHIM_MOV)
			*use = dst;
		if (reg && op != BPFSHIM_END && op != BPFSHIM_NEG)
			*use |= src;
		break;
	default:
		switch (bpfshim_insn_kind(in)) {
		case BPFSHIM_IK_CALL:
		case BPFSHIM_IK_TAIL:
			regs_call(j, i, use, def);
			break;
		case BPFSHIM_IK_EXIT:
			*use = BIT_(0);
			break;
		case BPFSHIM_IK_COND:
			*use = dst | (reg ? src : 0);
			break;
		default:
			break;
		}
	}
}

u32 jit_live_after(const struct bpfshim_jit *j, u32 i)
{
	const struct bpfshim_insn *in = &j->x->insns[i];

	switch (bpfshim_insn_kind(in)) {
	case BPFSHIM_IK_EXIT:
		return 0;
	case BPFSHIM_IK_JA:
	case BPFSHIM_IK_JA32:
		return j->live[bpfshim_jump_target(j->x->insns, i)];
	case BPFSHIM_IK_COND:
		return j->live[i + 1] | j->live[bpfshim_jump_target(j->x->insns, i)];
	case BPFSHIM_IK_IMM64:
		return j->live[i + 2];
	default:
		return j->live[i + 1];
	}
}

bool jit_stack_key(const struct bpfshim_jit *j, u32 i, s32 *off)
{
	const struct bpfshim_insn *in = j->x->insns;
	u32 use, def;

	/* Back to where R2 was made, through nothing that others jump to. */
	while (i-- > 0 && !(j->flags[i + 1] & JF_LEADER)) {
		if (!in[i].code)
			continue;	/* a second slot */
		if (in[i].code == (BPFSHIM_ALU64 | BPFSHIM_ADD | BPFSHIM_K) && in[i].dst_reg == 2)
			break;
		jit_regs(j, i, &use, &def);
		if (def & BIT_(2))
			return false;
	}
	if (i == ~0U || !i || j->flags[i + 1] & JF_LEADER || j->flags[i] & JF_LEADER)
		return false;
	*off = in[i].imm;
	i--;
	return in[i].code == (BPFSHIM_ALU64 | BPFSHIM_MOV | BPFSHIM_X) && !in[i].off &&
	       in[i].dst_reg == 2 && in[i].src_reg == 10;
}

static void mark_call(struct bpfshim_jit *j, u32 i)
{
	const struct bpfshim_insn *in = &j->x->insns[i];
	const struct bpfshim_jit_opts *o = j->o;
	struct bpfshim_jit_map m;
	s32 off;

	if (in->src_reg)
		return;
	if ((in->imm == BPFSHIM_HELPER_CPU && o->cpu_number.known) ||
	    (in->imm == BPFSHIM_HELPER_TASK && o->current_task.known)) {
		j->flags[i] |= JF_PERCPU;
		return;
	}
	/* An inlined map has sizes that user space chose. */
	if (jit_blinds(j) || in->imm != BPFSHIM_HELPER_LOOKUP || !o->map_info ||
	    !o->aux || o->aux[i].map_idx < 0)
		return;
	jit_map(j, i, &m);
	if (m.kind == BPFSHIM_JIT_MAP_NONE)
		return;
	j->flags[i] |= JF_LOOKUP;
	if (o->aux[i].flags & BPFSHIM_AUX_CONST_KEY &&
	    (m.kind == BPFSHIM_JIT_MAP_ARRAY || m.kind == BPFSHIM_JIT_MAP_PERCPU_ARRAY))
		j->flags[i] |= JF_CONST_KEY;
	else if (jit_stack_key(j, i, &off))
		j->flags[i] |= JF_STACK_KEY;
}

/* Does it nothing but write its register? */
static bool is_pure(const struct bpfshim_insn *in)
{
	u32 class = BPFSHIM_CLASS(in->code);

	return class == BPFSHIM_LD || class == BPFSHIM_LDX || class == BPFSHIM_ALU ||
	       class == BPFSHIM_ALU64;
}

/* Backward to a fixed point; each sweep carries facts over one more loop. */
static void liveness(struct bpfshim_jit *j)
{
	u32 i, sweep, use, def, live;
	bool changed = true;

	for (sweep = 0; changed; sweep++) {
		if (sweep == MAX_SWEEPS) {
			/* Knowing less is right as well. */
			for (i = 0; i <= j->x->len; i++)
				j->live[i] = ALL_REGS;
			return;
		}
		changed = false;
		for (i = j->x->len; i-- > 0;) {
			if (!j->x->insns[i].code)
				continue;	/* a second slot */
			jit_regs(j, i, &use, &def);
			live = jit_live_after(j, i);
			/* What nobody reads is not emitted, and reads nothing. */
			if (is_pure(&j->x->insns[i]) && !(live & def))
				use = 0;
			live = use | (live & ~def);
			if (live != j->live[i]) {
				j->live[i] = live;
				changed = true;
			}
		}
	}
}

void jit_flow(struct bpfshim_jit *j)
{
	const struct bpfshim_xprog *x = j->x;
	u32 i;

	for (i = 0; i < x->nr_subs; i++)
		j->flags[x->subs[i].start] |= JF_LEADER;
	for (i = 0; i < x->len; i++) {
		switch (bpfshim_insn_kind(&x->insns[i])) {
		case BPFSHIM_IK_COND:
		case BPFSHIM_IK_JA:
		case BPFSHIM_IK_JA32:
			j->flags[bpfshim_jump_target(x->insns, i)] |= JF_LEADER;
			break;
		case BPFSHIM_IK_IMM64:
			i++;
			break;
		default:
			break;
		}
	}
	for (i = 0; i < x->len; i++) {
		switch (bpfshim_insn_kind(&x->insns[i])) {
		case BPFSHIM_IK_CALL:
			mark_call(j, i);
			break;
		case BPFSHIM_IK_TAIL:
			if (jit_tail_entry(j, i))
				j->flags[i] |= JF_CONST_KEY;
			break;
		case BPFSHIM_IK_IMM64:
			i++;
			break;
		default:
			break;
		}
	}
	liveness(j);
}
