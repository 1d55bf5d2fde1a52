// SPDX-License-Identifier: GPL-2.0
/*
 * Boundary cases on the host: jumps at the reach of a byte and of the
 * instruction set, images of many instructions, memory that runs out while one
 * is compiled, buffers that are too small.
 */
#include <stdio.h>
#include <stdlib.h>
#include "../jit.h"
#include "host.h"

#define MOV64_K	(BPFSHIM_ALU64 | BPFSHIM_MOV | BPFSHIM_K)
#define ADD64_K	(BPFSHIM_ALU64 | BPFSHIM_ADD | BPFSHIM_K)
#define ADD64_X	(BPFSHIM_ALU64 | BPFSHIM_ADD | BPFSHIM_X)
#define MANY	1000000

static struct bpfshim_insn *insns;
static u32 n, failed, checks;

static void put(u32 code, u32 dst, u32 src, s32 off, s32 imm)
{
	struct bpfshim_insn in = { 0 };

	in.code = code;
	in.dst_reg = dst;
	in.src_reg = src;
	in.off = off;
	in.imm = imm;
	insns[n++] = in;
}

static void expect(const char *what, u32 size, u64 arg, u64 want)
{
	const struct host_engine *e;
	struct host_prog p;
	u32 k;
	u64 got;

	for (k = 0; (e = host_engine_at(k)); k++) {
		if (host_link(&p, e, insns, n, NULL, NULL)) {
			printf("%s: %s, %u: refused\n", e->name, what, size);
			failed++;
			continue;
		}
		got = e->call(&p, arg, 0);
		checks++;
		if (got != want) {
			printf("%s: %s, %u: %llu, not %llu\n", e->name, what, size,
			       (unsigned long long)got, (unsigned long long)want);
			failed++;
		}
		host_free(&p, e);
	}
}

/* four-byte and three-byte additions, 2 and 1; what they add up to */
static u64 fill(u32 fours, u32 threes)
{
	u64 sum = fours * 2 + threes;

	while (fours--)
		put(ADD64_K, 0, 0, 0, 2);
	while (threes--)
		put(ADD64_X, 0, 3, 0, 0);
	return sum;
}

static void begin(void)
{
	n = 0;
	put(MOV64_K, 0, 0, 0, 0);
	put(MOV64_K, 3, 0, 0, 1);
	put(MOV64_K, 4, 0, 0, 0);
}

static void forward(u32 fours, u32 threes)
{
	u64 sum;

	begin();
	put(BPFSHIM_JMP | BPFSHIM_JEQ | BPFSHIM_K, 1, 0, fours + threes, 0);
	sum = fill(fours, threes);
	put(BPFSHIM_JMP | BPFSHIM_EXIT, 0, 0, 0, 0);
	expect("forward, not taken", 4 * fours + 3 * threes, 1, sum);
	expect("forward, taken", 4 * fours + 3 * threes, 0, 0);
}

static void backward(u32 fours, u32 threes)
{
	u64 sum;

	begin();
	sum = fill(fours, threes);
	put(ADD64_K, 4, 0, 0, 1);
	put(BPFSHIM_JMP | BPFSHIM_JNE | BPFSHIM_K, 4, 0, -(s32)(fours + threes + 2), 3);
	put(BPFSHIM_JMP | BPFSHIM_EXIT, 0, 0, 0, 0);
	expect("backward", 4 * fours + 3 * threes, 0, 3 * sum);
}

/* Jumps over jumps that are all at the limit: lengthening one lengthens others. */
static void ladder(u32 steps, u32 apart)
{
	u64 sum = 0;
	u32 i;

	begin();
	for (i = 0; i < steps; i++) {
		put(BPFSHIM_JMP | BPFSHIM_JNE | BPFSHIM_K, 4, 0, i + apart < steps ? 2 * apart : 0, 0);
		put(ADD64_K, 0, 0, 0, 1);
		sum++;
	}
	put(BPFSHIM_JMP | BPFSHIM_EXIT, 0, 0, 0, 0);
	expect("ladder", steps * 100 + apart, 0, sum);
}

static u32 seed;

static u32 below(u32 limit)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % limit;
}

#define BLOCKS 64

/*
 * CVE-2021-29154: an x86 JIT whose jumps were still getting shorter when it
 * wrote them down sent some into the middle of instructions.  Blocks are run in
 * a random order, each jump to the next one crosses others, and most are about
 * as long as a byte reaches; what comes out depends on each of them.
 */
static void maze(u32 blocks, u32 apart)
{
	u32 order[BLOCKS], from[2 * BLOCKS], to[2 * BLOCKS], at[BLOCKS + 1], i, k, t, jumps = 0;
	u64 want = 0;

	for (i = 0; i < blocks; i++)
		order[i] = i;
	for (i = blocks - 1; i > 1; i--) {
		k = 1 + below(i);
		t = order[i];
		order[i] = order[k];
		order[k] = t;
	}
	begin();
	for (i = 0; i < blocks; i++) {
		for (k = 0; order[k] != i; k++)
			;
		at[i] = n;
		put(BPFSHIM_ALU64 | BPFSHIM_MUL | BPFSHIM_K, 0, 0, 0, 3);
		put(ADD64_K, 0, 0, 0, i + 1);
		fill(below(apart), below(4));
		from[jumps] = n;
		to[jumps++] = below(blocks);
		put(BPFSHIM_JMP | BPFSHIM_JNE | BPFSHIM_K, 1, 0, 0, 0);
		from[jumps] = n;
		to[jumps++] = k + 1 < blocks ? order[k + 1] : blocks;
		put(BPFSHIM_JMP | (below(2) ? BPFSHIM_JA : BPFSHIM_JEQ), 1, 0, 0, 0);
		if (insns[n - 1].code == (BPFSHIM_JMP | BPFSHIM_JA))
			insns[n - 1].dst_reg = 0;
	}
	at[blocks] = n;
	put(BPFSHIM_JMP | BPFSHIM_EXIT, 0, 0, 0, 0);
	for (i = 0; i < jumps; i++)
		insns[from[i]].off = (s16)(at[to[i]] - from[i] - 1);
	for (k = 0; k < blocks; k++) {
		u32 b = order[k], end = at[b + 1];

		want = want * 3 + b + 1;
		for (i = at[b] + 2; i < end; i++)
			want += insns[i].code == ADD64_K ? 2 : insns[i].code == ADD64_X;
	}
	expect("maze", blocks * 100 + apart, 0, want);
}

static void large(u32 len)
{
	u32 i;
	u64 want = 0;

	n = 0;
	put(MOV64_K, 0, 0, 0, 0);
	for (i = 0; i < len - 2; i++) {
		put(ADD64_K, 0, 0, 0, i * 77);
		want += (u64)(s64)(s32)(i * 77);
	}
	put(BPFSHIM_JMP | BPFSHIM_EXIT, 0, 0, 0, 0);
	expect("instructions", len, 0, want);
}

/* ---- memory runs out ----------------------------------------------------- */

static u32 left;
static s32 held;

static void *few(void *cookie, size_t size)
{
	if (!left)
		return NULL;
	left--;
	held++;
	return calloc(1, size);
}

static void give_back(void *cookie, void *p)
{
	held -= !!p;
	free(p);
}

static void complain(const char *what, int got)
{
	printf("%s: %d\n", what, got);
	failed++;
}

static void out_of_memory(void)
{
	const struct host_engine *interp = host_engine_at(0);
	struct bpfshim_jit_opts o;
	struct bpfshim_jit j;
	struct host_prog p;
	u8 *buf;
	u32 i, k;
	int err;

	begin();
	fill(100, 100);
	put(BPFSHIM_JMP | BPFSHIM_EXIT, 0, 0, 0, 0);
	if (host_link(&p, interp, insns, n, NULL, NULL))
		exit(2);
	memset(&o, 0, sizeof(o));
	o.area_lo = 0x10000000;
	o.area_hi = o.area_lo + (1 << 20);
	o.alloc = few;
	o.free = give_back;
	for (i = 0, err = -ENOMEM; err == -ENOMEM && i < 100; i++) {
		left = i;
		err = bpfshim_jit_plan(&j, &p.x, &o);
		if (err)
			bpfshim_jit_done(&j);
		checks++;
	}
	if (err || i < 4)
		complain("a plan with all the memory it wants", err);
	/* A buffer that is too small is not written behind. */
	buf = malloc(j.len + 64);
	for (i = 0; i <= j.len; i += i + 8 < j.len ? 7 : 1) {
		memset(buf, 0x5a, j.len + 64);
		err = bpfshim_jit_emit(&j, buf, i, o.area_lo);
		if (err != (i < j.len ? -ENOSPC : 0))
			complain("a small buffer", err);
		for (k = i; k < j.len + 64; k++)
			if (buf[k] != 0x5a)
				complain("written behind a buffer of", i);
		checks++;
	}
	err = bpfshim_jit_emit(&j, buf, j.len, o.area_lo - 1);
	if (err != -ERANGE)
		complain("before the area", err);
	err = bpfshim_jit_emit(&j, buf, j.len, o.area_hi - j.len + 1);
	if (err != -ERANGE)
		complain("behind the area", err);
	err = bpfshim_jit_emit(&j, buf, j.len, o.area_hi - j.len);
	if (err)
		complain("at the area's end", err);
	bpfshim_jit_done(&j);
	if (held)
		complain("not given back", held);
	free(buf);
	host_free(&p, interp);
}

int main(void)
{
	u32 bytes, i;

	host_init();
	insns = calloc(MANY + 8, sizeof(*insns));
	for (bytes = 108; bytes < 144; bytes++) {
		u32 threes = (4 - bytes % 4) % 4;

		forward((bytes + threes - 4 * threes) / 4, threes);
		backward((bytes + threes - 4 * threes) / 4, threes);
	}
	for (i = 1; i < 40; i++)
		ladder(200, i);
	for (i = 0; i < 3000; i++)
		maze(3 + i % (BLOCKS - 3), 1 + i % 23);
	forward(32767, 0);
	forward(0, 32767);
	backward(32766, 0);
	large(4096);
	large(4097);
	large(65537);
	large(MANY);
	out_of_memory();
	free(insns);
	printf("bounds: %u checks, %u wrong\n", checks, failed);
	return failed ? 1 : 0;
}
