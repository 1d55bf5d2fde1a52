// SPDX-License-Identifier: GPL-2.0
/* Lookups in maps, without a call. */
#include "jit_emit.h"
#include "bucket.h"

/* A null check of R0 right behind a lookup: 0 none, 1 jumps on NULL, 2 on a value. */
static u32 null_check(const struct bpfshim_jit *j, u32 i)
{
	const struct bpfshim_insn *in = &j->x->insns[i];

	if (j->flags[i] & JF_LEADER || in->dst_reg || in->imm ||
	    j->o->flags & BPFSHIM_JIT_NO_FUSE)
		return 0;
	if (in->code == (BPFSHIM_JMP | BPFSHIM_JEQ | BPFSHIM_K))
		return 1;
	return in->code == (BPFSHIM_JMP | BPFSHIM_JNE | BPFSHIM_K) ? 2 : 0;
}

/* Who goes where there is NULL may not want it in R0. */
static bool wants_null(const struct bpfshim_jit *j, u32 i, u32 check)
{
	u32 to = i + 1;

	if (check == 1)
		to = bpfshim_jump_target(j->x->insns, i + 1);
	else if (check == 2)
		to = i + 2;
	return j->live[to] & 1;
}

static struct bpfshim_x86_mem key_of(struct bpfshim_jit *j, u32 i)
{
	s32 off;

	if (j->flags[i] & JF_STACK_KEY && jit_stack_key(j, i, &off))
		return jit_mem(j, 10, off);
	return mem_at(RSI, 0);
}

static u32 lookup_const(struct bpfshim_jit *j, u32 i, const struct bpfshim_jit_map *m)
{
	u64 key = (u32)j->o->aux[i].const_key;
	u32 check = null_check(j, i + 1);
	bool found = key < m->max_entries;

	if (!found)
		x86_mov_imm(j, RAX, 0);
	else if (m->kind == BPFSHIM_JIT_MAP_ARRAY)
		x86_mov_imm(j, RAX, m->base + key * m->elem_size);
	else
		x86_mov_imm(j, RAX, ((const u64 *)(unsigned long)m->base)[key]);
	if (found && m->kind == BPFSHIM_JIT_MAP_PERCPU_ARRAY)
		x86_gs(j, X_W, 0x03, RAX, j->o->this_cpu_off.off);
	if (!check)
		return 1;
	if (found == (check == 2))
		jit_jump(j, i + 1, -1, bpfshim_jump_target(j->x->insns, i + 1));
	return 2;
}

static u32 lookup_array(struct bpfshim_jit *j, u32 i, const struct bpfshim_jit_map *m)
{
	u32 check = null_check(j, i + 1), end = 0, shift;

	x86_rm(j, 0, 0x8b, R9, key_of(j, i));
	if (wants_null(j, i, check))
		x86_mov_imm(j, RAX, 0);
	x86_alu_imm(j, 0, 7, R9, m->max_entries);
	if (check == 1)
		jit_jump(j, i + 1, 0x3, bpfshim_jump_target(j->x->insns, i + 1));
	else
		end = jump8(j, 0x73);
	/* sbb: all ones while the index is below the bound, or 0 */
	if (j->o->flags & BPFSHIM_JIT_MASK) {
		x86_rr(j, 0, 0x19, R10, R10);
		x86_rr(j, 0, 0x21, R10, R9);
	}
	x86_mov_imm(j, RAX, m->base);
	if (m->kind == BPFSHIM_JIT_MAP_PERCPU_ARRAY) {
		x86_rm(j, X_W, 0x8b, RAX, mem_index(RAX, R9, 3, 0));
		x86_gs(j, X_W, 0x03, RAX, j->o->this_cpu_off.off);
	} else if (m->elem_size == 8) {
		x86_lea(j, true, RAX, mem_index(RAX, R9, 3, 0));
	} else {
		for (shift = 4; shift < 31 && m->elem_size != 1U << shift; shift++)
			;
		if (shift < 31)
			x86_shift_imm(j, true, 4, R9, shift);
		else
			jit_mul_imm(j, true, R9, R9, m->elem_size);
		x86_rr(j, X_W, 0x01, R9, RAX);
	}
	if (check == 2)
		jit_jump(j, i + 1, -1, bpfshim_jump_target(j->x->insns, i + 1));
	if (check != 1)
		patch8(j, end);
	return check ? 2 : 1;
}

/* r9 = the key, eax = its hash; r10, r11 change */
static void hash_key(struct bpfshim_jit *j, const struct bpfshim_jit_map *m, struct bpfshim_x86_mem key)
{
	bool two = m->key_size == 8;

	x86_rm(j, two ? X_W : 0, 0x8b, R9, key);
	if (two) {
		x86_mov(j, true, R11, R9);
		x86_shift_imm(j, true, 5, R11, 32);
		x86_mov_imm(j, R10, m->mul[2]);
		x86_rr(j, X_W, 0x1af, R11, R10);
		x86_mov_imm(j, R10, m->mul[0]);
		x86_mov(j, false, RAX, R9);
		x86_rr(j, X_W, 0x1af, RAX, R10);
		x86_rr(j, X_W, 0x01, R11, RAX);
	} else {
		x86_mov_imm(j, RAX, m->mul[0]);
		x86_rr(j, X_W, 0x1af, RAX, R9);
	}
	x86_mov_imm(j, R10, m->mul[1]);
	x86_rr(j, X_W, 0x01, R10, RAX);
	x86_shift_imm(j, true, 5, RAX, 32);
}

/*
 * The walk of the table's own lookup: an element may be reused under it, and
 * lead to another bucket's end.
 */
static u32 lookup_hash(struct bpfshim_jit *j, u32 i, const struct bpfshim_jit_map *m)
{
	u32 check = null_check(j, i + 1), again, loop, end, other1, other2, found = 0;

	hash_key(j, m, key_of(j, i));
	/* r10 = the bucket's offset */
	x86_mov(j, false, R10, RAX);
	x86_shift_imm(j, false, 5, R10, 16);
	x86_rr(j, 0, 0x31, RAX, R10);
	jit_mul_imm(j, false, R10, R10, (s32)BPFSHIM_BUCKET_MUL);
	if (m->bucket_shift < 32)
		x86_shift_imm(j, false, 5, R10, m->bucket_shift);
	else
		x86_mov_imm(j, R10, 0);
	x86_shift_imm(j, true, 4, R10, 4);
	again = j->pos;
	x86_mov_imm(j, R11, m->base);
	x86_rm(j, X_W, 0x8b, R11, mem_index(R11, R10, 0, 0));
	loop = j->pos;
	x86_rr(j, X_B_RM, 0xf6, 0, R11);	/* test r11b, 1 */
	emit8(j, 1);
	end = jump8(j, 0x75);
	x86_rm(j, 0, 0x39, RAX, mem_at(R11, m->hash_off));
	other1 = jump8(j, 0x75);
	x86_rm(j, m->key_size == 8 ? X_W : 0, 0x39, R9, mem_at(R11, m->key_off));
	other2 = jump8(j, 0x75);
	if (m->kind == BPFSHIM_JIT_MAP_HASH) {
		x86_lea(j, true, RAX, mem_at(R11, m->value_off));
	} else {
		x86_rm(j, X_W, 0x8b, RAX, mem_at(R11, m->value_off));
		x86_gs(j, X_W, 0x03, RAX, j->o->this_cpu_off.off);
	}
	if (check == 2)
		jit_jump(j, i + 1, -1, bpfshim_jump_target(j->x->insns, i + 1));
	else
		found = jump8(j, 0xeb);
	patch8(j, other1);
	patch8(j, other2);
	x86_rm(j, X_W, 0x8b, R11, mem_at(R11, 0));
	emit8(j, 0xeb);
	emit8(j, loop - (j->pos + 1));
	patch8(j, end);
	/* 2 * bucket + 1: as its offset */
	x86_lea(j, true, R11, mem_index(NOREG, R11, 3, -8));
	x86_rr(j, X_W, 0x39, R11, R10);
	emit8(j, 0x75);
	emit8(j, again - (j->pos + 1));
	if (wants_null(j, i, check))
		x86_mov_imm(j, RAX, 0);
	if (check == 1)
		jit_jump(j, i + 1, -1, bpfshim_jump_target(j->x->insns, i + 1));
	if (check != 2)
		patch8(j, found);
	return check ? 2 : 1;
}

u32 jit_lookup(struct bpfshim_jit *j, u32 i)
{
	struct bpfshim_jit_map m;

	jit_map(j, i, &m);
	if (m.kind == BPFSHIM_JIT_MAP_HASH || m.kind == BPFSHIM_JIT_MAP_PERCPU_HASH)
		return lookup_hash(j, i, &m);
	return j->flags[i] & JF_CONST_KEY ? lookup_const(j, i, &m) : lookup_array(j, i, &m);
}
