// SPDX-License-Identifier: GPL-2.0
/*
 * Known attacks: for each public flaw of Linux's verifier a program that made
 * use of it, written from the flaw's description.  Each is refused, for the
 * reason given, or runs, under ASan, and does no harm.
 *
 *   attacks [CORPUS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "world.h"
#include "run.h"
#include "corpus.h"

#define I(code, dst, src, off, imm)	{ (code), (dst), (src), (off), (imm) }
#define A64(op, d, i)	I(BPFSHIM_ALU64 | BPFSHIM_##op | BPFSHIM_K, d, 0, 0, i)
#define A64R(op, d, s)	I(BPFSHIM_ALU64 | BPFSHIM_##op | BPFSHIM_X, d, s, 0, 0)
#define A32(op, d, i)	I(BPFSHIM_ALU | BPFSHIM_##op | BPFSHIM_K, d, 0, 0, i)
#define A32R(op, d, s)	I(BPFSHIM_ALU | BPFSHIM_##op | BPFSHIM_X, d, s, 0, 0)
#define J(op, d, i, o)	I(BPFSHIM_JMP | BPFSHIM_##op | BPFSHIM_K, d, 0, o, i)
#define JR(op, d, s, o)	I(BPFSHIM_JMP | BPFSHIM_##op | BPFSHIM_X, d, s, o, 0)
#define J32(op, d, i, o) I(BPFSHIM_JMP32 | BPFSHIM_##op | BPFSHIM_K, d, 0, o, i)
#define LDX(sz, d, s, o) I(BPFSHIM_LDX | BPFSHIM_MEM | BPFSHIM_##sz, d, s, o, 0)
#define STX(sz, d, s, o) I(BPFSHIM_STX | BPFSHIM_MEM | BPFSHIM_##sz, d, s, o, 0)
#define ST(sz, d, o, i)	I(BPFSHIM_ST | BPFSHIM_MEM | BPFSHIM_##sz, d, 0, o, i)
#define IMM64(d, v)	I(BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW, d, 0, 0, (s32)(u32)(v)), \
			I(0, 0, 0, 0, (s32)((u64)(v) >> 32))
#define MAP(d, m)	I(BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW, d, BPFSHIM_PSEUDO_MAP_FD, 0, WORLD_FD(m)), \
			I(0, 0, 0, 0, 0)
#define CALL_(id)	I(BPFSHIM_JMP | BPFSHIM_CALL, 0, 0, 0, id)
#define EXIT_		I(BPFSHIM_JMP | BPFSHIM_EXIT, 0, 0, 0, 0)
#define LEAVE		A64(MOV, 0, 0), EXIT_

/* r0: a value of M_ARRAY1, 48 bytes; r6: a number nobody knows. */
#define VALUE_AND_NUMBER \
	ST(DW, 10, -8, 0), MAP(1, M_ARRAY1), A64R(MOV, 2, 10), A64(ADD, 2, -8), CALL_(1), \
	J(JNE, 0, 0, 2), LEAVE, LDX(DW, 6, 0, 0)

/* r0 + r would be written to. */
#define WRITE_AT(r)	A64R(ADD, 0, r), ST(B, 0, 0, 1), LEAVE

struct attack {
	const char *name;
	const char *reason;	/* in the log; NULL: accepted, and harmless */
	u32 type;		/* | NOBODY: an unprivileged user's program */
	struct bpfshim_insn insns[48];
	u32 ctx_globals;	/* see struct prog */
};

#define KP BPFSHIM_PROG_TYPE_KPROBE
#define TC BPFSHIM_PROG_TYPE_SCHED_CLS
#define NOBODY 0x100
#define SF (BPFSHIM_PROG_TYPE_SOCKET_FILTER | NOBODY)
#define SUB(rel) I(BPFSHIM_JMP | BPFSHIM_CALL, 0, BPFSHIM_PSEUDO_CALL, 0, rel)
/* r6: the packet, of which 8 bytes are there. */
#define PACKET \
	LDX(W, 6, 1, 76), LDX(W, 8, 1, 80), A64R(MOV, 2, 6), A64(ADD, 2, 8), JR(JLE, 2, 8, 2), LEAVE

static const struct attack attacks[] = {
{ "CVE-2017-16995: a 32-bit move is no sign extension", "invalid access to map value", KP, {
	VALUE_AND_NUMBER, A32(MOV, 7, -1), J(JNE, 7, -1, 2), LEAVE,
	A64(AND, 6, 1023), WRITE_AT(6) } },
{ "CVE-2017-17852: 32-bit arithmetic truncates", "invalid access to map value", KP, {
	VALUE_AND_NUMBER, A32(MOV, 7, -1), A32(ADD, 7, 2), A64(RSH, 7, 28), A64(MOV, 8, 16), A64R(SUB, 8, 7),
	A64(MUL, 8, 16), WRITE_AT(8) } },
{ "CVE-2017-17853: a logical shift of negative numbers", "math between", KP, {
	VALUE_AND_NUMBER, J(JSGE, 6, -8, 2), LEAVE, J(JSLE, 6, -1, 2), LEAVE,
	A64(RSH, 6, 1), A64(ADD, 6, 4), WRITE_AT(6) } },
{ "CVE-2017-17854: offsets that overflow", "value", KP, {
	VALUE_AND_NUMBER, A64(ADD, 0, 0x7fffffff), A64(ADD, 0, 0x7fffffff), A64(ADD, 0, 2), ST(B, 0, 0, 1), LEAVE } },
{ "CVE-2017-17855: a write somewhere in the stack over a spilled pointer", "invalid mem access", KP, {
	STX(DW, 10, 1, -16), A64R(MOV, 9, 10), VALUE_AND_NUMBER, A64(AND, 6, 7), A64(ADD, 9, -16), A64R(ADD, 9, 6),
	ST(B, 9, 0, 65), LDX(DW, 7, 10, -16), LDX(DW, 0, 7, 0), EXIT_ } },
{ "CVE-2017-17856: a pointer spilled off the slots", "misaligned stack access", KP, {
	ST(DW, 10, -16, 0), ST(DW, 10, -8, 0), STX(DW, 10, 1, -12), LDX(DW, 7, 10, -12), LDX(DW, 0, 7, 0), EXIT_ } },
{ "CVE-2017-17857: a helper's memory of variable size", "invalid", KP, {
	VALUE_AND_NUMBER, A64(AND, 6, 63), A64R(MOV, 1, 10), A64(ADD, 1, -8), A64R(MOV, 2, 6), A64(MOV, 3, 0),
	CALL_(113), LEAVE } },
{ "CVE-2017-17862: what is never reached is not compiled", NULL, KP, {
	A64(MOV, 0, 0), J(JEQ, 0, 0, 3), A64(MOV, 1, 1), STX(DW, 1, 1, 0), LDX(DW, 0, 1, 0), EXIT_ } },
{ "CVE-2017-17863: the frame pointer moved far away", "math between fp pointer", KP, {
	A64R(MOV, 7, 10), A64(ADD, 7, 0x7fffffff), A64(ADD, 7, 0x7fffffff), ST(B, 7, 0, 1), LEAVE } },
{ "CVE-2017-17864: a pointer's state does not cover a number's", "invalid mem access", KP, {
	VALUE_AND_NUMBER, A64R(MOV, 7, 10), J(JEQ, 6, 5, 1), A64R(MOV, 7, 6), I(BPFSHIM_JMP | BPFSHIM_JA, 0, 0, 0, 0),
	ST(DW, 7, -16, 0), LEAVE } },
{ "CVE-2018-18445: a 32-bit shift looks at 32 bits", "invalid access to map value", KP, {
	VALUE_AND_NUMBER, IMM64(7, 2ULL << 32), A32(RSH, 7, 31), A64(MOV, 8, 4), A64R(SUB, 8, 7), A64(MUL, 8, 16),
	WRITE_AT(8) } },
{ "CVE-2020-8835: bounds after a 32-bit comparison", "invalid access to map value", KP, {
	VALUE_AND_NUMBER, J(JGE, 6, 1, 2), LEAVE, IMM64(9, 0x100000001ULL), JR(JLE, 6, 9, 2), LEAVE,
	J32(JNE, 6, 5, 2), LEAVE, A64(AND, 6, 2), A64(RSH, 6, 1), A64(MUL, 6, 64), WRITE_AT(6) } },
{ "CVE-2020-27194: 32-bit bounds of an or", "unbounded memory access", KP, {
	VALUE_AND_NUMBER, J(JGE, 6, 1, 2), LEAVE, IMM64(9, 0x600000001ULL), JR(JLE, 6, 9, 2), LEAVE,
	A64(OR, 6, 0), A32R(MOV, 7, 6), A64(RSH, 7, 1), A64(MUL, 7, 64), WRITE_AT(7) } },
{ "CVE-2021-3444: a 32-bit modulo by zero truncates", NULL, KP, {
	VALUE_AND_NUMBER, IMM64(6, ~0ULL), A64(MOV, 7, 0), A32R(MOD, 6, 7), A64(RSH, 6, 32), WRITE_AT(6) } },
{ "CVE-2021-3489: a record larger than the ring", NULL, KP, {
	MAP(1, M_RING), A64(MOV, 2, 0x3ffffff8), A64(MOV, 3, 0), CALL_(131), J(JNE, 0, 0, 2), LEAVE,
	ST(DW, 0, 0x7ff0, 1), A64R(MOV, 1, 0), A64(MOV, 2, 0), CALL_(132), LEAVE } },
{ "CVE-2021-3490: 32-bit bounds of a bitwise and", "invalid access to map value", KP, {
	VALUE_AND_NUMBER, A64(LSH, 6, 32), A64R(MOV, 7, 6), A64(OR, 6, 1), A64(OR, 7, 2), A64R(AND, 6, 7),
	A32R(MOV, 8, 6), A64(ADD, 8, 1), A64(MUL, 8, 48), WRITE_AT(8) } },
{ "CVE-2021-31440: 64-bit bounds are not the lower half's", "math between", KP, {
	VALUE_AND_NUMBER, J(JGE, 6, 1, 2), LEAVE, IMM64(9, 0x100000001ULL), JR(JLE, 6, 9, 2), LEAVE,
	A32R(MOV, 7, 6), A64(SUB, 7, 1), A64(MUL, 7, 64), WRITE_AT(7) } },
{ "CVE-2021-33200: two steps down from one bound", "R0 min value is negative", KP, {
	VALUE_AND_NUMBER, A64(AND, 6, 7), A64(ADD, 0, 8), A64R(SUB, 0, 6), A64R(SUB, 0, 6), ST(B, 0, 0, 1), LEAVE } },
{ "CVE-2021-4204: a record given back by a pointer into it", "disallowed", KP, {
	MAP(1, M_RING), A64(MOV, 2, 32), A64(MOV, 3, 0), CALL_(131), J(JNE, 0, 0, 2), LEAVE,
	A64R(MOV, 1, 0), A64(ADD, 1, 8), A64(MOV, 2, 0), CALL_(132), LEAVE } },
{ "CVE-2021-45402: a 32-bit move of a negative number", "unbounded memory access", KP, {
	VALUE_AND_NUMBER, J(JSGE, 6, -16, 2), LEAVE, J(JSLE, 6, 15, 2), LEAVE, A32R(MOV, 7, 6), A64(ADD, 7, 16),
	WRITE_AT(7) } },
{ "CVE-2022-0264: an atomic operation on a spilled pointer", "invalid mem access", KP, {
	STX(DW, 10, 10, -8), A64(MOV, 2, 0), I(BPFSHIM_STX | BPFSHIM_ATOMIC | BPFSHIM_DW, 10, 2, -8, BPFSHIM_ADD | BPFSHIM_FETCH),
	LDX(DW, 3, 10, -8), ST(DW, 3, -16, 1), LEAVE } },
{ "CVE-2022-0500: a helper writes to read-only memory", "write into map forbidden", KP, {
	ST(DW, 10, -8, 0), MAP(1, M_FROZEN), A64R(MOV, 2, 10), A64(ADD, 2, -8), CALL_(1), J(JNE, 0, 0, 2), LEAVE,
	A64R(MOV, 1, 0), A64(MOV, 2, 8), A64(MOV, 3, 0), CALL_(113), LEAVE } },
{ "CVE-2022-2785: bpf(2) from within", "func", BPFSHIM_PROG_TYPE_SYSCALL, {
	A64(MOV, 1, 2), A64R(MOV, 2, 10), A64(ADD, 2, -8), A64(MOV, 3, 8), ST(DW, 10, -8, 0), CALL_(166), LEAVE } },
{ "CVE-2022-2905: a tail call beyond the array", NULL, KP, {
	MAP(2, M_PROGS), A64(MOV, 3, 1 << 30), CALL_(12), LEAVE } },
{ "CVE-2022-23222: arithmetic on what may be NULL", "pointer arithmetic on", KP, {
	ST(DW, 10, -8, 0), MAP(1, M_ARRAY1), A64R(MOV, 2, 10), A64(ADD, 2, -8), CALL_(1), A64R(MOV, 7, 0), A64(ADD, 7, 8),
	J(JNE, 0, 0, 2), LEAVE, LDX(DW, 0, 7, 0), EXIT_ } },
{ "CVE-2022-23222: the same on a ring's record", "pointer arithmetic on", KP, {
	MAP(1, M_RING), A64(MOV, 2, 8), A64(MOV, 3, 0), CALL_(131), A64(ADD, 0, 8), J(JNE, 0, 8, 2), LEAVE, LEAVE } },
{ "CVE-2023-2163: a number that a pruned path relied upon", "map_value", KP, {
	A64(MOV, 6, 1024), A64(MOV, 7, 0), A64(MOV, 8, 0), A64(MOV, 9, (s32)0x80000001u), A64(MOD, 6, 1025),
	I(BPFSHIM_JMP | BPFSHIM_JA, 0, 0, 0, 0), JR(JLE, 6, 9, 2), A64(MOD, 6, 1), A64(MOV, 9, 0), JR(JLE, 6, 9, 1),
	A64(MOV, 6, 0), A64(MOV, 0, 0), STX(DW, 10, 0, -8), MAP(4, M_ARRAY1), A64R(MOV, 1, 4), A64R(MOV, 2, 10),
	A64(ADD, 2, -8), CALL_(1), J(JNE, 0, 0, 1), EXIT_, A64(RSH, 6, 10), A64(MUL, 6, 8192), A64R(MOV, 1, 0),
	A64R(ADD, 0, 6), LDX(DW, 3, 0, 0), STX(DW, 1, 3, 0), EXIT_ } },
{ "CVE-2023-39191: a dynptr's slot overwritten", "dynptr", KP, {
	MAP(1, M_RING), A64(MOV, 2, 8), A64(MOV, 3, 0), A64R(MOV, 4, 10), A64(ADD, 4, -16), CALL_(198),
	ST(B, 10, -9, 1), A64R(MOV, 1, 10), A64(ADD, 1, -16), A64(MOV, 2, 0), CALL_(199), LEAVE } },
{ "a pointer to the packet after the packet changed", "invalid mem access", BPFSHIM_PROG_TYPE_SCHED_CLS, {
	A64R(MOV, 6, 1), LDX(W, 7, 1, 76), LDX(W, 8, 1, 80), A64R(MOV, 2, 7), A64(ADD, 2, 8), JR(JLE, 2, 8, 2), LEAVE,
	A64R(MOV, 1, 6), A64(MOV, 2, 0), CALL_(39), LDX(B, 0, 7, 0), EXIT_ } },
{ "a lock held at the end", "unlock is missing", BPFSHIM_PROG_TYPE_SCHED_CLS, {
	ST(DW, 10, -8, 0), MAP(1, M_LOCK), A64R(MOV, 2, 10), A64(ADD, 2, -8), CALL_(1), J(JNE, 0, 0, 2), LEAVE,
	A64R(MOV, 1, 0), A64(ADD, 1, LOCK_OFF), CALL_(93), LEAVE } },
{ "a record never given back", "Unreleased reference", KP, {
	MAP(1, M_RING), A64(MOV, 2, 8), A64(MOV, 3, 0), CALL_(131), LEAVE } },
{ "CVE-2019-7308: a pointer moved out of bounds, unused", "out of range, prohibited", SF, {
	VALUE_AND_NUMBER, A64(AND, 6, 31), A64(ADD, 0, 47), A64R(ADD, 0, 6), LEAVE } },
{ "CVE-2021-29155: a window of mixed signs", "mixed signed bounds", SF, {
	VALUE_AND_NUMBER, A64(ADD, 0, 16), J(JSGE, 6, -8, 2), LEAVE, J(JSLE, 6, 8, 2), LEAVE, A64R(ADD, 0, 6),
	LDX(B, 0, 0, 0), LEAVE } },
{ "CVE-2021-33624: what a mispredicted branch takes for a pointer", "invalid mem access", SF, {
	ST(DW, 10, -8, 0), MAP(1, M_ARRAY1), A64R(MOV, 2, 10), A64(ADD, 2, -8), CALL_(1), J(JNE, 0, 0, 2), LEAVE,
	LDX(DW, 6, 0, 0), A64R(MOV, 7, 0), A64(MOV, 8, 0), J(JEQ, 6, 0, 2), A64R(MOV, 7, 6), A64(MOV, 8, 1),
	J(JNE, 8, 0, 1), LDX(B, 9, 7, 0), LEAVE } },
{ "CVE-2021-33624: the same, of root's with masks", NULL, KP, {
	ST(DW, 10, -8, 0), MAP(1, M_ARRAY1), A64R(MOV, 2, 10), A64(ADD, 2, -8), CALL_(1), J(JNE, 0, 0, 2), LEAVE,
	LDX(DW, 6, 0, 0), A64R(MOV, 7, 0), A64(MOV, 8, 0), J(JEQ, 6, 0, 2), A64R(MOV, 7, 6), A64(MOV, 8, 1),
	J(JNE, 8, 0, 1), LDX(B, 9, 7, 0), LEAVE } },
{ "CVE-2021-35477: an address left in the stack by an older store", NULL, SF, {
	STX(DW, 10, 1, -8), ST(DW, 10, -8, 0), LDX(DW, 0, 10, -8), EXIT_ } },
{ "CVE-2023-52462: a spilled pointer corrupted by a byte", "attempt to corrupt", SF, {
	STX(DW, 10, 1, -8), ST(B, 10, -5, 1), LEAVE } },
{ "CVE-2023-52452: bytes of the stack nobody wrote", "invalid read from stack", SF, {
	ST(DW, 10, -16, 0), LDX(DW, 0, 10, -8), EXIT_ } },
{ "CVE-2024-26589: flow keys at a variable offset", "pointer arithmetic on flow_keys prohibited",
	BPFSHIM_PROG_TYPE_FLOW_DISSECTOR, {
	LDX(DW, 7, 1, 144), CALL_(7), A64R(MOV, 6, 0), A64(AND, 6, 1023), A64R(ADD, 7, 6), LDX(DW, 0, 7, 0), LEAVE } },
{ "CVE-2024-58098: a global function changed the packet", "invalid mem access", TC, {
	A64R(MOV, 7, 1), PACKET, A64R(MOV, 1, 7), A64(MOV, 2, 0), SUB(3), LDX(B, 0, 6, 0), LEAVE,
	A64(MOV, 2, 8), CALL_(39), LEAVE }, 2 },
{ "CVE-2024-58237: a tail call out of a function changed the packet", "invalid mem access", TC, {
	A64R(MOV, 7, 1), PACKET, A64R(MOV, 1, 7), SUB(3), LDX(B, 0, 6, 0), LEAVE,
	MAP(2, M_PROGS), A64(MOV, 3, 0), CALL_(12), LEAVE } },
{ "no flaw: a context, where a mispredicted path brings a map's value", NULL, TC, {
	A64R(MOV, 6, 1), CALL_(7), A64R(MOV, 8, 0), J(JSGT, 8, 5, 12),
	ST(DW, 10, -8, 0), MAP(1, M_ARRAY1), A64R(MOV, 2, 10), A64(ADD, 2, -8), CALL_(1), J(JEQ, 0, 0, 3),
	A64R(MOV, 6, 0), A64(MOV, 7, 0), J(JNE, 7, 0, 2), LEAVE, LDX(W, 0, 6, 16), LEAVE } },
{ "no flaw: a lookup's result that may be NULL, for branch records", NULL, BPFSHIM_PROG_TYPE_PERF_EVENT, {
	A64R(MOV, 6, 1), ST(DW, 10, -8, 0), MAP(1, M_HASH), A64R(MOV, 2, 10), A64(ADD, 2, -8), CALL_(1),
	A64R(MOV, 1, 6), A64R(MOV, 2, 0), A64(MOV, 3, 24), A64(MOV, 4, 0), CALL_(119), LEAVE } },
};

static u32 length(const struct bpfshim_insn *in)
{
	u32 n = 48;

	while (n && !in[n - 1].code && !in[n - 1].imm && !in[n - 1].dst_reg)
		n--;
	return n;
}

/* Every allocation fails once: -ENOMEM, and nothing is left. */
static const char *without_memory(const struct prog *p, enum world_rules rules, int want)
{
	struct bpfshim_vrf_result res;
	long n;
	int err;

	for (n = 0; n < 100000; n++) {
		world_fail_alloc(n);
		err = world_verify_as(rules, p, 0, &res);
		if (world_fail_alloc(-1) >= 0) {	/* none was left to fail */
			if (!err)
				world_free_result(&res);
			return err == want ? NULL : "another verdict when asked again";
		}
		if (!err)
			world_free_result(&res);
		if (err != -ENOMEM)
			return "a failed allocation is not -ENOMEM";
		if (world_live())
			return "a failed allocation leaks others";
	}
	return "allocations do not end";
}

static const char *check(const struct attack *a)
{
	struct bpfshim_vrf_result res, res2;
	enum world_rules rules;
	struct prog p;
	const char *bad;
	int err, masked;

	memset(&p, 0, sizeof(p));
	p.type = a->type & ~NOBODY;
	p.flags = a->type == BPFSHIM_PROG_TYPE_SYSCALL ? BPFSHIM_F_SLEEPABLE : 0;
	p.len = length(a->insns);
	memcpy(p.insns, a->insns, p.len * sizeof(p.insns[0]));
	rules = a->type & NOBODY ? UNPRIV : ROOT;
	p.ctx_globals = a->ctx_globals;
	err = world_verify_as(rules, &p, 0, &res);
	if (!err && a->reason) {
		world_free_result(&res);
		return "accepted";
	}
	if (err && !a->reason)
		return world_refusal(&p, rules);
	if (err && !strstr(world_refusal(&p, rules), a->reason))
		return world_refusal(&p, rules);
	/* Masks change no verdict of root's. */
	if (rules == ROOT) {
		masked = world_verify_as(MASKED, &p, 0, &res2);
		if (!masked) {
			run_linked(&p, &res2, 1);
			world_free_result(&res2);
		}
		if (!masked != !err)
			return "another verdict with masks";
		world_verify_as(ROOT, &p, 0, &res2);
		world_free_result(&res2);
	}
	if (!err) {
		run_linked(&p, &res, 1);
		world_free_result(&res);
	}
	bad = without_memory(&p, rules, err);
	return bad ? bad : world_live() ? "leaks" : NULL;
}

/* The corpus, each program with every allocation failing in turn. */
static u32 starve(const char *file, u32 *bad)
{
	struct bpfshim_vrf_result res;
	FILE *f = fopen(file, "r");
	const char *why;
	struct prog p;
	u32 n;
	int err;

	if (!f) {
		perror(file);
		exit(2);
	}
	for (n = 0; corpus_read(f, &p); n++) {
		err = world_verify(&p, 0, &res);
		if (!err)
			world_free_result(&res);
		why = without_memory(&p, ROOT, err);
		if (why) {
			fprintf(stderr, "%s, program %u: %s\n", file, n + 1, why);
			(*bad)++;
		}
	}
	fclose(f);
	return n;
}

int main(int argc, char **argv)
{
	u32 i, bad = 0, n = 0;
	const char *why;

	world_init();
	for (i = 0; i < ARRAY_SIZE(attacks); i++) {
		why = check(&attacks[i]);
		if (!why)
			continue;
		fprintf(stderr, "%s: %s\n", attacks[i].name, why);
		bad++;
	}
	if (argc > 1)
		n = starve(argv[1], &bad);
	printf("attacks: %u programs, and %u of the corpus without memory; %u not as they should be\n",
	       (u32)ARRAY_SIZE(attacks), n, bad);
	return bad ? 1 : 0;
}
