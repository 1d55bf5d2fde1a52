// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a program in user space and says how long one run takes: bench REQUEST
 * PROGRAM prints "ENGINE NANOSECONDS" for interpreter and JIT.  The program is
 * that of a guest's measurement; its maps, by fd: 0 an array and 1 a per-CPU
 * array of 64 words, 2 a buffer that begins with REQUEST.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include "host.h"

#define ENTRIES	64
#define RUNS	2000
#define TRIES	60

enum { ARRAY, PERCPU, BUFFER };

static u64 array[ENTRIES], percpu_ptrs[ENTRIES], percpu_values[ENTRIES];
static u8 buffer[1024], ctx[256];

static u64 lookup(u64 map, u64 key, u64 c, u64 d, u64 e)
{
	u32 i = *(u32 *)(unsigned long)key;

	if (i >= (map == BUFFER ? 1 : ENTRIES))
		return 0;
	return map == BUFFER ? (unsigned long)buffer : (unsigned long)(map == ARRAY ? &array[i] : &percpu_values[i]);
}

static u64 number(u64 a, u64 b, u64 c, u64 d, u64 e)
{
	return 0;
}

static void map_info(void *cookie, u32 idx, struct bpfshim_jit_map *m)
{
	m->kind = idx == PERCPU ? BPFSHIM_JIT_MAP_PERCPU_ARRAY : BPFSHIM_JIT_MAP_ARRAY;
	m->base = idx == BUFFER ? (unsigned long)buffer : (unsigned long)(idx == ARRAY ? array : percpu_ptrs);
	m->elem_size = idx == BUFFER ? sizeof(buffer) : 8;
	m->max_entries = idx == BUFFER ? 1 : ENTRIES;
}

static size_t read_file(const char *name, void *to, size_t max)
{
	FILE *f = fopen(name, "rb");
	size_t n;

	if (!f) {
		perror(name);
		exit(2);
	}
	n = fread(to, 1, max, f);
	fclose(f);
	return n;
}

/* What a verifier would note: the map and key of each lookup. */
static void take_notes(struct bpfshim_insn *insns, u32 n)
{
	s32 map = -1;
	u32 i;

	for (i = 0; i < n; i++) {
		struct bpfshim_insn *in = &insns[i];

		if (in->code == (BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW)) {
			if (in->src_reg) {
				in->src_reg = BPFSHIM_PSEUDO_MAP_IDX;
				map = in->imm;
			}
			i++;
		} else if (in->code == (BPFSHIM_JMP | BPFSHIM_CALL) && in->imm == 1) {
			struct bpfshim_vrf_aux *note = host_note(i);

			note->map_idx = map;
			if (i > 4 && insns[i - 5].code == (BPFSHIM_ST | BPFSHIM_MEM | BPFSHIM_W)) {
				note->flags = BPFSHIM_AUX_CONST_KEY;
				note->const_key = insns[i - 5].imm;
			}
		}
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static double measure(const struct host_engine *e, struct host_prog *p)
{
	double best = 1e18, start;
	u32 i, k;

	for (i = 0; i < TRIES; i++) {
		start = now();
		for (k = 0; k < RUNS; k++)
			e->call(p, (unsigned long)ctx, 0);
		start = now() - start;
		best = start < best ? start : best;
	}
	return best / RUNS;
}

int main(int argc, char **argv)
{
	static const char *const engines[] = { "interp", "jit" };
	static struct bpfshim_insn insns[4096];
	const struct host_engine *e;
	struct host_prog p;
	u32 i, n, *low;

	if (argc != 3) {
		fprintf(stderr, "usage: bench REQUEST PROGRAM\n");
		return 2;
	}
	read_file(argv[1], buffer, sizeof(buffer) / 2);
	host_init();
	/* What lies at gs in the kernel lies at low addresses here. */
	low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (low == MAP_FAILED) {
		perror("mmap");
		return 2;
	}
	host_jit_facts.cpu_number.known = true;
	host_jit_facts.this_cpu_off.known = true;
	host_jit_facts.current_task.known = true;
	host_jit_facts.cpu_number.off = host_jit_facts.this_cpu_off.off =
		host_jit_facts.current_task.off = (u32)(unsigned long)low;
	host_jit_facts.map_info = map_info;
	host_env.helpers[1] = lookup;
	host_env.helpers[8] = number;
	host_env.helpers[35] = number;
	for (i = 0; i < ENTRIES; i++)
		percpu_ptrs[i] = (unsigned long)&percpu_values[i];
	for (i = 0; i < 64; i++)
		host_map_addr[i] = i;
	n = read_file(argv[2], insns, sizeof(insns)) / sizeof(*insns);
	for (i = 0; i < ARRAY_SIZE(engines); i++) {
		e = host_engine(engines[i]);
		take_notes(insns, n);
		if (host_link(&p, e, insns, n, NULL, NULL)) {
			fprintf(stderr, "%s: refused\n", engines[i]);
			return 1;
		}
		printf("%s %.2f\n", e->name, measure(e, &p));
		host_free(&p, e);
	}
	return 0;
}
