// SPDX-License-Identifier: GPL-2.0
/* Calls between BPF functions: arguments, saved registers, frames, depth. */
#include "vec.h"

#define OP(class, op, src) (BPFSHIM_##class | BPFSHIM_##op | BPFSHIM_##src)
#define LDX_DW	(BPFSHIM_LDX | BPFSHIM_MEM | BPFSHIM_DW)
#define STX_DW	(BPFSHIM_STX | BPFSHIM_MEM | BPFSHIM_DW)

static struct vec_case cases[8];
static u32 pending[8];		/* call instructions to patch, by callee */

static void call(struct vec *v, u32 sub)
{
	pending[sub] = v->n;
	vec_emit(v, BPFSHIM_JMP | BPFSHIM_CALL, 0, BPFSHIM_PSEUDO_CALL, 0, 0);
}

static void begin_sub(struct vec *v, u32 sub, u32 stack)
{
	v->subs[sub] = v->n;
	v->stack[sub] = stack;
	v->insns[pending[sub]].imm = v->n - pending[sub] - 1;
}

static void ret(struct vec *v)
{
	vec_emit(v, BPFSHIM_JMP | BPFSHIM_EXIT, 0, 0, 0, 0);
}

/* R0 = R1 - R2 of a function that uses `used` callee-saved registers. */
static void plain(struct vec_sink *sink, u32 used, u32 stack)
{
	struct vec v;
	u32 i;

	vec_start(&v, 0, "call: %u saved, %u stack", used, stack);
	vec_load_regs(&v);
	call(&v, 1);
	for (i = 1; i < 6; i++)
		vec_emit(&v, OP(ALU64, MOV, K), i, 0, 0, 0);
	vec_store_regs(&v);
	begin_sub(&v, 1, stack);
	vec_emit(&v, OP(ALU64, MOV, X), 0, 1, 0, 0);
	vec_emit(&v, OP(ALU64, SUB, X), 0, 2, 0, 0);
	for (i = 0; i < used; i++) {
		vec_emit(&v, OP(ALU64, MOV, X), 6 + i, 3, 0, 0);
		vec_emit(&v, OP(ALU64, ADD, X), 0, 6 + i, 0, 0);
	}
	if (stack) {
		vec_emit(&v, STX_DW, 10, 4, -(s32)stack, 0);
		vec_emit(&v, LDX_DW, 4, 10, -(s32)stack, 0);
		vec_emit(&v, OP(ALU64, XOR, X), 0, 4, 0, 0);
	}
	ret(&v);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vec_case *c = &cases[i];
		u64 r0;
		u32 r;

		vec_case_init(c);
		r0 = vec_get(c->in, 8) - vec_get(c->in, 16) + used * vec_get(c->in, 24);
		if (stack)
			r0 ^= vec_get(c->in, 32);
		vec_reg_out(c, 0, r0);
		for (r = 1; r < 6; r++)
			vec_reg_out(c, r, 0);
	}
	vec_give(sink, &v, cases, ARRAY_SIZE(cases));
}

/* A chain of functions, each with R6 and a stack slot of its own. */
static void chain(struct vec_sink *sink, u32 depth, u32 stack)
{
	struct vec v;
	u32 d, i;

	vec_start(&v, 0, "chain of %u, %u stack each", depth, stack);
	vec_load_regs(&v);
	call(&v, 1);
	for (i = 1; i < 6; i++)
		vec_emit(&v, OP(ALU64, MOV, K), i, 0, 0, 0);
	vec_store_regs(&v);
	for (d = 1; d <= depth; d++) {
		begin_sub(&v, d, stack);
		vec_emit(&v, OP(ALU64, MOV, X), 6, 1, 0, 0);
		vec_emit(&v, OP(ALU64, MUL, K), 6, 0, 0, 3);
		if (d == depth) {
			vec_emit(&v, OP(ALU64, MOV, X), 0, 6, 0, 0);
			ret(&v);
			break;
		}
		vec_emit(&v, STX_DW, 10, 1, -8, 0);
		vec_emit(&v, OP(ALU64, ADD, K), 1, 0, 0, 7);
		call(&v, d + 1);
		vec_emit(&v, OP(ALU64, ADD, X), 0, 6, 0, 0);
		vec_emit(&v, LDX_DW, 6, 10, -8, 0);
		vec_emit(&v, OP(ALU64, SUB, X), 0, 6, 0, 0);
		ret(&v);
	}
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vec_case *c = &cases[i];
		u64 arg, sum;
		u32 r;

		vec_case_init(c);
		arg = vec_get(c->in, 8) + 7 * (u64)(depth - 1);
		sum = arg * 3;
		for (d = 1; d < depth; d++) {
			arg -= 7;
			sum += arg * 3 - arg;
		}
		vec_reg_out(c, 0, sum);
		for (r = 1; r < 6; r++)
			vec_reg_out(c, r, 0);
	}
	vec_give(sink, &v, cases, ARRAY_SIZE(cases));
}

/* A pointer to the caller's stack as an argument. */
static void by_pointer(struct vec_sink *sink)
{
	struct vec v;
	u32 i;

	vec_start(&v, 0, "callee writes the caller's stack");
	vec_load_regs(&v);
	vec_emit(&v, STX_DW, 10, 2, -32, 0);
	vec_emit(&v, OP(ALU64, MOV, X), 1, 10, 0, 0);
	vec_emit(&v, OP(ALU64, ADD, K), 1, 0, 0, -32);
	call(&v, 1);
	for (i = 1; i < 6; i++)
		vec_emit(&v, OP(ALU64, MOV, K), i, 0, 0, 0);
	vec_emit(&v, LDX_DW, 5, 10, -32, 0);
	vec_store_regs(&v);
	begin_sub(&v, 1, 8);
	vec_emit(&v, LDX_DW, 0, 1, 0, 0);
	vec_emit(&v, STX_DW, 10, 3, -8, 0);
	vec_emit(&v, LDX_DW, 4, 10, -8, 0);
	vec_emit(&v, STX_DW, 1, 4, 0, 0);
	ret(&v);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vec_case *c = &cases[i];
		u32 r;

		vec_case_init(c);
		for (r = 1; r < 5; r++)
			vec_reg_out(c, r, 0);
		vec_reg_out(c, 0, vec_get(c->in, 16));
		vec_reg_out(c, 5, vec_get(c->in, 24));
	}
	vec_give(sink, &v, cases, ARRAY_SIZE(cases));
}

void vec_call(struct vec_sink *sink)
{
	u32 i;

	for (i = 0; i < 5; i++) {
		plain(sink, i, 0);
		plain(sink, i, 8);
		plain(sink, i, 256);
	}
	for (i = 1; i < 8; i++) {
		chain(sink, i, 8);
		chain(sink, i, 32);
		chain(sink, i, 64);
	}
	by_pointer(sink);
}
