// SPDX-License-Identifier: GPL-2.0
/*
 * Soundness by running: what the verifier accepts is linked and interpreted
 * under ASan with values, keys and contexts in allocations of exactly their
 * size.  Any access outside, and any helper argument that is not what the
 * prototype promises, ends the run.  Now and then an allocation of the verifier
 * fails: nothing may leak.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "gen.h"
#include "../../driver/exec/exec.h"

static long live;		/* allocations not yet freed */
static long fail_at = -1;	/* the nth allocation from now fails */
static u64 now_seed;

static void *t_alloc(void *cookie, size_t size)
{
	if (fail_at >= 0 && fail_at-- == 0)
		return NULL;
	live++;
	return calloc(1, size ? size : 1);
}

static void t_free(void *cookie, void *p)
{
	if (p)
		live--;
	free(p);
}

static int t_resched(void *cookie) { return 0; }
static u64 t_now(void *cookie) { return 0; }
static void t_log(void *cookie, const char *text, u32 len) { }

/* The maps: an array of one (so that its value can be addressed), a hash with
 * 8-byte keys, a frozen read-only array. */
static struct map {
	u32 type, key, value, flags;
	char *data;
} maps[GEN_MAPS] = {
	{ BPFSHIM_MAP_TYPE_ARRAY, 4, 48, 0, NULL },
	{ BPFSHIM_MAP_TYPE_HASH, 8, 24, 0, NULL },
	{ BPFSHIM_MAP_TYPE_ARRAY, 4, 64, BPFSHIM_F_RDONLY_PROG, NULL },
};

static int t_map_get(void *cookie, s32 ref, bool is_idx, u32 *idx, struct bpfshim_vrf_map *m)
{
	u32 i = (u32)(ref - GEN_FD(0));

	if (is_idx || i >= GEN_MAPS)
		return -EBADF;
	*idx = i;
	m->map_type = maps[i].type;
	m->key_size = maps[i].key;
	m->value_size = maps[i].value;
	m->max_entries = maps[i].type == BPFSHIM_MAP_TYPE_ARRAY ? 1 : 4;
	m->map_flags = maps[i].flags;
	m->id = i + 1;
	m->frozen_rdonly = maps[i].flags & BPFSHIM_F_RDONLY_PROG;
	m->spin_lock_off = m->timer_off = -1;
	return 0;
}

static int t_map_read(void *cookie, u32 idx, u32 off, u32 size, u64 *val)
{
	*val = 0;
	if (idx >= GEN_MAPS || off + size > maps[idx].value)
		return -EINVAL;
	memcpy(val, maps[idx].data + off, size);
	return 0;
}

static const struct bpfshim_vrf_ops ops = {
	.alloc = t_alloc, .free = t_free, .resched = t_resched, .now_ns = t_now, .log = t_log,
	.map_get = t_map_get, .map_read = t_map_read,
};

/* ---- what programs call ------------------------------------------------- */

static u64 world = 1;	/* source of what programs do not know */

static struct map *as_map(u64 r)
{
	u32 i;

	for (i = 0; i < GEN_MAPS; i++)
		if (r == (unsigned long)&maps[i])
			return &maps[i];
	fprintf(stderr, "seed %llu: a helper got %#llx as a map\n", (unsigned long long)now_seed, (unsigned long long)r);
	abort();
}

/* Every byte must be readable: ASan says if one is not. */
static u64 touch(u64 p, u32 n)
{
	const volatile u8 *b = (const volatile u8 *)(unsigned long)p;
	u64 sum = 0;
	u32 i;

	for (i = 0; i < n; i++)
		sum += b[i];
	return sum;
}

static u64 h_lookup(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct map *m = as_map(r1);

	touch(r2, m->key);
	if (m->type == BPFSHIM_MAP_TYPE_ARRAY)
		return memcmp((void *)(unsigned long)r2, "\0\0\0", 4) ? 0 : (unsigned long)m->data;
	return gen_rnd(&world) & 1 ? (unsigned long)m->data : 0;
}

static u64 h_update(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct map *m = as_map(r1);

	touch(r2, m->key);
	touch(r3, m->value);
	return 0;
}

static u64 h_delete(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	touch(r2, as_map(r1)->key);
	return 0;
}

static u64 h_number(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	u64 v = gen_rnd(&world);

	return v >> (v & 63);
}

static u64 h_cpu(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return (u32)h_number(0, 0, 0, 0, 0);
}

static u64 h_comm(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	memset((void *)(unsigned long)r1, 'x', (u32)r2);
	return 0;
}

static struct bpfshim_exec_env env = { .max_call_insns = 4000000 };

static int l_map_addr(void *cookie, u32 idx, bool value, u32 off, u64 *addr)
{
	*addr = value ? (unsigned long)maps[idx].data + off : (unsigned long)&maps[idx];
	return 0;
}

static const struct bpfshim_link_ops link_ops = { l_map_addr, t_alloc, t_free };

/* Fresh allocations of exact size, so that neighbours are poisoned; the
 * read-only map keeps what the verifier saw. */
static void new_data(void)
{
	u32 j, k;

	for (j = 0; j < GEN_MAPS; j++) {
		free(maps[j].data);
		maps[j].data = malloc(maps[j].value);
		for (k = 0; k < maps[j].value; k++)
			maps[j].data[k] = maps[j].flags ? (char)(k * 7) : (char)gen_rnd(&world);
	}
}

static void run(struct bpfshim_vrf_result *res, u32 type)
{
	static const u32 sizes[] = { 168, 96, 184 };
	u32 size = sizes[now_seed % 3], i, j;
	struct bpfshim_xprog x;
	char *ctx;
	int err;

	new_data();
	err = bpfshim_xprog_link(&x, res, &env, &link_ops, NULL);
	if (err) {
		fprintf(stderr, "seed %llu: accepted but does not link: %d\n", (unsigned long long)now_seed, err);
		abort();
	}
	ctx = malloc(size);
	for (i = 0; i < 4; i++) {
		for (j = 0; j < size; j++)
			ctx[j] = (char)gen_rnd(&world);
		bpfshim_interp_run(&x, ctx);
	}
	free(ctx);
	bpfshim_xprog_free(&x, &link_ops, NULL);
}

int main(int argc, char **argv)
{
	static struct bpfshim_insn prog[GEN_MAX];
	static const u32 types[] = { BPFSHIM_PROG_TYPE_KPROBE, BPFSHIM_PROG_TYPE_RAW_TRACEPOINT, BPFSHIM_PROG_TYPE_PERF_EVENT };
	u64 seed = 0, nr = 0, accepted = 0, failed_alloc = 0, end, i;
	u32 seconds = 10, j;
	int c;

	while ((c = getopt(argc, argv, "t:s:")) != -1) {
		if (c == 't')
			seconds = (u32)atoi(optarg);
		else if (c == 's')
			seed = strtoull(optarg, NULL, 0);
		else
			return 2;
	}
	if (!seed)
		seed = (u64)time(NULL) << 20;
	printf("fuzz: first seed %llu, %u s\n", (unsigned long long)seed, seconds);
	fflush(stdout);
	for (j = 0; j < GEN_MAPS; j++) {
		maps[j].data = malloc(maps[j].value);
		for (i = 0; i < maps[j].value; i++)
			maps[j].data[i] = (char)(i * 7);
	}
	env.helpers[1] = h_lookup;
	env.helpers[2] = h_update;
	env.helpers[3] = h_delete;
	env.helpers[5] = h_number;
	env.helpers[7] = h_cpu;
	env.helpers[8] = h_cpu;
	env.helpers[16] = h_comm;
	end = (u64)time(NULL) + seconds;
	for (now_seed = seed; (now_seed & 63) || (u64)time(NULL) < end; now_seed++, nr++) {
		struct bpfshim_vrf_prog in;
		struct bpfshim_vrf_result res;
		u64 avail[4] = { 0 };
		int err;

		memset(&in, 0, sizeof(in));
		memset(prog, 0, sizeof(prog));
		in.insns = prog;
		in.len = gen_program(now_seed, prog);
		in.prog_type = types[now_seed % 3];
		in.gpl_compatible = true;
		in.mem_limit = 64u << 20;
		for (i = 0; i < BPFSHIM_HELPER_SLOTS; i++)
			if (env.helpers[i])
				avail[i / 64] |= (u64)1 << (i % 64);
		in.helper_avail = avail;
		world = now_seed | 1;
		fail_at = now_seed % 11 ? -1 : (long)(gen_rnd(&world) % 60);
		err = bpfshim_verify(&in, &ops, NULL, &res);
		if (fail_at == -1 && !(now_seed % 11))
			failed_alloc++;
		fail_at = -1;
		if (!err) {
			accepted++;
			run(&res, in.prog_type);
			bpfshim_vrf_result_free(&res, &ops, NULL);
		}
		if (live) {
			fprintf(stderr, "seed %llu: %ld allocations leaked (verdict %d)\n", (unsigned long long)now_seed, live, err);
			return 1;
		}
	}
	printf("fuzz: %llu programs, %llu accepted and run, %llu with a failed allocation\n", (unsigned long long)nr,
	       (unsigned long long)accepted, (unsigned long long)failed_alloc);
	/* A generator whose programs are all refused proves nothing. */
	return accepted * 50 < nr;
}
