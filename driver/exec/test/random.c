// SPDX-License-Identifier: GPL-2.0
/*
 * Random programs: every engine must leave the same memory and result as the
 * interpreter.  random [-t seconds | -n programs] [-s first seed] [-v]
 *
 * The programs are what a verifier would accept: registers are set before they
 * are read, memory accesses lie inside, loops end.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include "host.h"
#include "../bucket.h"
#include "random.h"

#define THIS_CPU_OFF	0x1000

static u8 mem[VEC_MEM];
static u8 array[4 * 24], percpu_values[4][16];
static u64 percpu_ptrs[4];

/* A table as the driver's: four elements in two buckets. */
struct elem {
	u64 next;
	u32 hash, pad;
	u64 key;
	u8 value[24];
};
static const u32 bucket_shift[2] = { 31, 32 };	/* two buckets, and one */
static struct elem elems[2][4];		/* of the hash, of the per-CPU hash */
static struct { u64 first, pad; } buckets[2][2];
static u8 hash_values[4][16];
static const u64 mul[3] = { 0x9e3779b97f4a7c15ULL, 0x123456789abcdefULL, 0xbf58476d1ce4e5b9ULL };

static u64 mix(u64 a, u64 b, u64 c, u64 d, u64 e)
{
	return ((a * 31 + b) * 31 + c) * 31 + (d ^ e);
}

/* bpf_loop: at most three times, ends when the callback says so. */
static u64 call_back(u64 n, u64 cb, u64 ctx, u64 d, u64 e)
{
	u64 i;

	for (i = 0; i < (n & 3); i++)
		if (bpfshim_callback_run((void *)(unsigned long)cb, i, ctx, 0, 0, 0) & 1)
			break;
	return i;
}

static void make_table(u32 t)
{
	u32 i, b;

	buckets[t][0].first = 1;
	buckets[t][1].first = 3;
	for (i = 0; i < 4; i++) {
		struct elem *e = &elems[t][i];

		e->key = i;
		e->hash = (mul[0] * i + mul[1]) >> 32;
		b = bpfshim_bucket_no(e->hash, bucket_shift[t]);
		e->next = buckets[t][b].first;
		buckets[t][b].first = (unsigned long)e;
		vec_put(e->value, 0, (unsigned long)hash_values[i] - THIS_CPU_OFF);
	}
}

static u64 lookup(u64 map, u64 key, u64 c, u64 d, u64 e)
{
	u64 i = *(u32 *)(unsigned long)key;

	if (map == RANDOM_MAP_PERCPU_HASH)
		i = *(u64 *)(unsigned long)key;
	if (i >= 4)
		return 0;
	if (map == RANDOM_MAP_HASH)
		return (unsigned long)elems[0][i].value;
	if (map == RANDOM_MAP_PERCPU_HASH)
		return (unsigned long)hash_values[i];
	return map == 1 ? (unsigned long)(array + 24 * i) : (unsigned long)percpu_values[i];
}

/* Programs that tail calls go to: those before this one, and nothing. */
#define TARGETS 3

static struct {
	u32 max, pad;
	const void *entry[TARGETS + 1];
} progs = { TARGETS + 1, 0, { NULL } };
static struct host_prog target[TARGETS];

static const struct bpfshim_xprog *tail_target(void *map, u32 index)
{
	if (map != &progs)
		abort();
	if (index > TARGETS)
		return BPFSHIM_TAIL_OUTSIDE;
	return index < TARGETS && target[index].x.insns ? &target[index].x : NULL;
}

static u64 parr_entry(void *cookie, u32 map_idx, u32 index)
{
	return map_idx == RANDOM_MAP_PROGS ? (unsigned long)&progs.entry[index] : 0;
}

static u64 number_cpu(u64 a, u64 b, u64 c, u64 d, u64 e)
{
	return 5;
}

static void table_info(struct bpfshim_jit_map *m, u32 t)
{
	m->kind = t ? BPFSHIM_JIT_MAP_PERCPU_HASH : BPFSHIM_JIT_MAP_HASH;
	m->base = (unsigned long)buckets[t];
	m->bucket_shift = bucket_shift[t];
	m->key_size = t ? 8 : 4;
	m->hash_off = offsetof(struct elem, hash);
	m->key_off = offsetof(struct elem, key);
	m->value_off = offsetof(struct elem, value);
	memcpy(m->mul, mul, sizeof(mul));
}

static void map_info(void *cookie, u32 idx, struct bpfshim_jit_map *m)
{
	if (idx == RANDOM_MAP_HASH || idx == RANDOM_MAP_PERCPU_HASH) {
		table_info(m, idx == RANDOM_MAP_PERCPU_HASH);
		return;
	}
	m->kind = idx == 1 ? BPFSHIM_JIT_MAP_ARRAY :
		  idx == 2 ? BPFSHIM_JIT_MAP_PERCPU_ARRAY : BPFSHIM_JIT_MAP_NONE;
	m->base = idx == 1 ? (unsigned long)array : (unsigned long)percpu_ptrs;
	m->elem_size = idx == 1 ? 24 : 16;
	m->max_entries = 4;
}

static void facts(void)
{
	u32 *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	u32 i;

	if (low == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	low[0] = 5;
	*(u64 *)(low + 2) = THIS_CPU_OFF;
	for (i = 0; i < 4; i++)
		percpu_ptrs[i] = (unsigned long)percpu_values[i] - THIS_CPU_OFF;
	make_table(0);
	make_table(1);
	host_jit_facts.cpu_number.known = true;
	host_jit_facts.cpu_number.off = (u32)(unsigned long)low;
	host_jit_facts.this_cpu_off.known = true;
	host_jit_facts.this_cpu_off.off = (u32)(unsigned long)low + 8;
	host_jit_facts.map_info = map_info;
	host_env.helpers[1] = lookup;
	host_env.helpers[8] = number_cpu;
	host_env.helpers[RANDOM_HELPER_MIX] = mix;
	host_env.helpers[RANDOM_HELPER_LOOP] = call_back;
	for (i = 0; i < 64; i++) {
		host_map_addr[i] = i;
		host_map_value[i] = (unsigned long)mem;
	}
	host_map_addr[RANDOM_MAP_PROGS] = (unsigned long)&progs;
	host_env.tail_target = tail_target;
	host_jit_facts.parr_entries = offsetof(__typeof__(progs), entry);
	host_jit_facts.parr_entry = parr_entry;
}

static void start_state(u64 seed, u32 run)
{
	u32 i;

	random_seed(seed * 7919 + run);
	for (i = 0; i < VEC_MEM; i += 8)
		vec_put(mem, i, random_word());
	for (i = 0; i < sizeof(array); i++)
		array[i] = random_word();
	for (i = 0; i < sizeof(percpu_values); i++)
		((u8 *)percpu_values)[i] = random_word();
	for (i = 0; i < sizeof(hash_values); i++)
		((u8 *)hash_values)[i] = random_word();
	for (i = 0; i < 4 * 24; i++)
		elems[0][i / 24].value[i % 24] = random_word();
}

static u64 checksum(const void *p, u32 n, u64 h)
{
	const u8 *b = p;

	while (n--)
		h = (h ^ *b++) * 0x100000001b3ULL;
	return h;
}

#define RUNS 4

static u64 state(u64 r0)
{
	u64 h = checksum(mem, sizeof(mem), r0 + 0xcbf29ce484222325ULL);
	u32 i;

	h = checksum(hash_values, sizeof(hash_values), h);
	for (i = 0; i < 4; i++)
		h = checksum(elems[0][i].value, 24, h);

	return checksum(percpu_values, sizeof(percpu_values), checksum(array, sizeof(array), h));
}

static void show(const struct random_prog *r)
{
	u32 i;

	for (i = 0; i < r->n; i++)
		printf("%4u: %02x dst r%u src r%u off %d imm %d\n", i, r->insns[i].code,
		       r->insns[i].dst_reg, r->insns[i].src_reg, r->insns[i].off,
		       r->insns[i].imm);
	for (i = 1; i < r->nr_subs; i++)
		printf("function %u at %u\n", i, r->subs[i]);
}

static void make(struct host_prog *p, const struct host_engine *e, const struct random_prog *r)
{
	u32 i;
	int err;

	for (i = 0; i < r->n; i++)
		if (r->notes[i].map_idx >= 0 || r->notes[i].probe_mem)
			*host_note(i) = r->notes[i];
	err = host_link(p, e, r->insns, r->n, r->subs + 1, r->stack);
	if (err) {
		printf("%s: a program is refused: %d\n", e->name, err);
		exit(1);
	}
}

static int one(u64 seed, bool verbose)
{
	static struct random_prog r, t[TARGETS];
	const struct host_engine *e;
	u64 want[RUNS], got;
	struct host_prog p;
	u32 i, k, run;
	int bad = 0;

	random_seed(seed);
	for (i = 0; i < TARGETS; i++)
		random_program(&t[i], seed % 4 == 0, false);
	random_program(&r, seed % 4 == 0, false);
	if (verbose)
		show(&r);
	for (k = 0; (e = host_engine_at(k)); k++) {
		for (i = 0; i < TARGETS && seed % 4 == 0; i++) {
			make(&target[i], e, &t[i]);
			progs.entry[i] = target[i].x.native_tail;
		}
		make(&p, e, &r);
		for (run = 0; run < RUNS; run++) {
			start_state(seed, run);
			got = state(e->call(&p, (unsigned long)mem, run));
			if (!k) {
				want[run] = got;
			} else if (got != want[run]) {
				printf("seed %llu, run %u: %s differs\n",
				       (unsigned long long)seed, run, e->name);
				bad = 1;
				break;
			}
		}
		host_free(&p, e);
		for (i = 0; i < TARGETS && seed % 4 == 0; i++) {
			host_free(&target[i], e);
			memset(&target[i], 0, sizeof(target[i]));
		}
		if (bad)
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	u64 seed = 1, n = 20000, done = 0;
	u32 seconds = 0, bad = 0;
	bool verbose = false;
	time_t end;
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-v"))
			verbose = true;
		else if (i + 1 == argc)
			break;
		else if (!strcmp(argv[i], "-t"))
			seconds = atoi(argv[++i]);
		else if (!strcmp(argv[i], "-n"))
			n = strtoull(argv[++i], NULL, 0);
		else if (!strcmp(argv[i], "-s"))
			seed = strtoull(argv[++i], NULL, 0);
	}
	host_init();
	facts();
	end = time(NULL) + seconds;
	while ((seconds ? time(NULL) < end : done < n) && bad < 10) {
		bad += one(seed + done, verbose);
		done++;
	}
	printf("random: %llu programs from seed %llu, %u differ\n", (unsigned long long)done,
	       (unsigned long long)seed, bad);
	return bad ? 1 : 0;
}
