// SPDX-License-Identifier: GPL-2.0
/*
 * Random programs in a kernel: random [-n PROGRAMS] [-s SEED] [-native]
 *
 * What its verifier accepts is run by interpreter and JIT, and with -native by
 * the kernel's own bpf(2), from the same states of memory and maps: each must
 * leave the same.  Programs stay in a prog array for a while, and those behind
 * them tail call them.  Status 0: all alike.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "../random.h"

#define NATIVE_BPF	321
#define RUNS		16
#define TARGETS		3
#define ENTRIES		4

enum {
	MEMORY, ARRAY = RANDOM_MAP_ARRAY, PERCPU = RANDOM_MAP_PERCPU, PROGS = RANDOM_MAP_PROGS,
	HASH = RANDOM_MAP_HASH, PERCPU_HASH = RANDOM_MAP_PERCPU_HASH, MAPS
};

struct engine {
	const char *name;
	bool native;
	u32 flags;
	int maps[MAPS], targets[TARGETS];
};

static struct engine engines[] = {
	{ "interp", false, BPFSHIM_F_INTERP }, { "jit", false, 0 }, { "native", true, 0 },
};
static u32 nr_engines = 2;
static int device;
static u32 cpus;

static const struct { u32 type, key, value, entries; } specs[MAPS] = {
	{ BPFSHIM_MAP_TYPE_ARRAY, 4, VEC_MEM, 1 }, { BPFSHIM_MAP_TYPE_ARRAY, 4, 24, ENTRIES },
	{ BPFSHIM_MAP_TYPE_PERCPU_ARRAY, 4, 16, ENTRIES }, { BPFSHIM_MAP_TYPE_PROG_ARRAY, 4, 4, TARGETS + 1 },
	{ BPFSHIM_MAP_TYPE_HASH, 4, 24, ENTRIES }, { BPFSHIM_MAP_TYPE_PERCPU_HASH, 8, 16, ENTRIES },
};

/* What one run leaves. */
struct state {
	u8 mem[VEC_MEM], array[2][ENTRIES][24];
	u8 percpu[2][ENTRIES][16 * 64];
	u32 retval;
};

static long bpf(const struct engine *e, int cmd, union bpfshim_attr *attr, u32 size)
{
	if (e->native)
		return syscall(NATIVE_BPF, cmd, attr, size);
	return ioctl(device, BPFSHIM_IOC_BPF(cmd, size), attr);
}

static void die(const struct engine *e, const char *what)
{
	printf("%s: %s: %s\n", e->name, what, strerror(errno));
	exit(2);
}

static long element(const struct engine *e, int cmd, u32 map, u64 key, void *value)
{
	union bpfshim_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = e->maps[map];
	attr.key = (unsigned long)&key;
	attr.value = (unsigned long)value;
	return bpf(e, cmd, &attr, 32);
}

static void must(const struct engine *e, int cmd, u32 map, u32 key, void *value)
{
	if (element(e, cmd, map, key, value))
		die(e, "map element");
}

static void make_maps(struct engine *e)
{
	union bpfshim_attr attr;
	u32 i;

	for (i = 0; i < MAPS; i++) {
		memset(&attr, 0, sizeof(attr));
		attr.map_type = specs[i].type;
		attr.key_size = specs[i].key;
		attr.value_size = specs[i].value;
		attr.max_entries = specs[i].entries;
		e->maps[i] = bpf(e, BPFSHIM_MAP_CREATE, &attr, 20);
		if (e->maps[i] < 0)
			die(e, "map");
	}
	for (i = 0; i < TARGETS; i++)
		e->targets[i] = -1;
}

static char log_text[1 << 20];

/* With a log: says why not, and loads nothing. */
static int load(const struct engine *e, const struct random_prog *r, bool log)
{
	static struct bpfshim_insn insns[RANDOM_MAX_INSNS];
	union bpfshim_attr attr;
	u32 i;

	memcpy(insns, r->insns, r->n * sizeof(*insns));
	for (i = 0; i < r->n; i++) {
		struct bpfshim_insn *in = &insns[i];

		if (in->code != (BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW) || !in->src_reg)
			continue;
		in->src_reg = in->src_reg == BPFSHIM_PSEUDO_MAP_IDX ? BPFSHIM_PSEUDO_MAP_FD :
			      BPFSHIM_PSEUDO_MAP_VALUE;
		in->imm = e->maps[in->imm];
	}
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPFSHIM_PROG_TYPE_RAW_TRACEPOINT;
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = r->n;
	attr.license = (unsigned long)"GPL";
	attr.prog_flags = e->flags;
	if (log) {
		attr.log_level = 1;
		attr.log_buf = (unsigned long)log_text;
		attr.log_size = sizeof(log_text);
	}
	return bpf(e, BPFSHIM_PROG_LOAD, &attr, 48);
}

static void show(const struct random_prog *r)
{
	u32 i;

	for (i = 0; i < r->n; i++)
		printf("%4u: %02x dst r%u src r%u off %d imm %d\n", i, r->insns[i].code,
		       r->insns[i].dst_reg, r->insns[i].src_reg, r->insns[i].off, r->insns[i].imm);
}

/* Maps as they are before a program's runs: the same for each engine. */
static void fill_maps(const struct engine *e, u64 seed)
{
	u8 value[16 * 64];
	u32 i, k;

	random_seed(seed ^ 0x5eed);
	for (i = 0; i < ENTRIES; i++) {
		for (k = 0; k < sizeof(value); k++)
			value[k] = random_word();
		must(e, BPFSHIM_MAP_UPDATE_ELEM, ARRAY, i, value);
		must(e, BPFSHIM_MAP_UPDATE_ELEM, PERCPU, i, value);
		must(e, BPFSHIM_MAP_UPDATE_ELEM, HASH, i, value);
		must(e, BPFSHIM_MAP_UPDATE_ELEM, PERCPU_HASH, i, value);
	}
}

static void run(const struct engine *e, int fd, u64 seed, u32 n, struct state *s)
{
	union bpfshim_attr attr;
	u32 i;

	random_seed(seed * 7919 + n);
	for (i = 0; i < VEC_MEM; i += 8)
		vec_put(s->mem, i, random_word());
	must(e, BPFSHIM_MAP_UPDATE_ELEM, MEMORY, 0, s->mem);
	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = fd;
	if (bpf(e, BPFSHIM_PROG_TEST_RUN, &attr, 80))
		die(e, "run");
	s->retval = attr.test.retval;
	must(e, BPFSHIM_MAP_LOOKUP_ELEM, MEMORY, 0, s->mem);
	for (i = 0; n == RUNS - 1 && i < ENTRIES; i++) {
		must(e, BPFSHIM_MAP_LOOKUP_ELEM, ARRAY, i, s->array[0][i]);
		must(e, BPFSHIM_MAP_LOOKUP_ELEM, PERCPU, i, s->percpu[0][i]);
		must(e, BPFSHIM_MAP_LOOKUP_ELEM, HASH, i, s->array[1][i]);
		must(e, BPFSHIM_MAP_LOOKUP_ELEM, PERCPU_HASH, i, s->percpu[1][i]);
	}
}

static bool differ(const struct state *a, const struct state *b, bool last)
{
	u32 i;

	if (a->retval != b->retval || memcmp(a->mem, b->mem, VEC_MEM))
		return true;
	if (!last)
		return false;
	for (i = 0; i < 2 * ENTRIES; i++)
		if (memcmp(a->array[i / ENTRIES][i % ENTRIES], b->array[i / ENTRIES][i % ENTRIES], 24) ||
		    memcmp(a->percpu[i / ENTRIES][i % ENTRIES], b->percpu[i / ENTRIES][i % ENTRIES], 16 * cpus))
			return true;
	return false;
}

static u64 ran, accepted, refused, verdicts, wrong;

static void one(u64 seed)
{
	static struct random_prog r;
	static struct state want[RUNS], got;
	int fds[3];
	u32 k, n, ok = 0;

	random_seed(seed);
	random_program(&r, seed % 4 == 0, true);
	for (k = 0; k < nr_engines; k++) {
		fds[k] = load(&engines[k], &r, false);
		ok += fds[k] >= 0;
	}
	if (ok && ok < nr_engines) {
		/* 6.1 tells the bounds of few things otherwise: not for long. */
		if (verdicts++ < 3)
			printf("seed %llu: %s accepts, %s refuses\n", (unsigned long long)seed,
			       fds[0] >= 0 ? "the driver" : "6.1", fds[0] >= 0 ? "6.1" : "the driver");
	}
	accepted += ok == nr_engines;
	if (!ok && refused++ < 8) {
		load(&engines[1], &r, true);
		n = strlen(log_text);
		printf("seed %llu is refused: %s\n", (unsigned long long)seed, log_text + (n > 200 ? n - 200 : 0));
	}
	for (k = 0; ok == nr_engines && k < nr_engines; k++) {
		fill_maps(&engines[k], seed);
		for (n = 0; n < RUNS; n++) {
			run(&engines[k], fds[k], seed, n, k ? &got : &want[n]);
			ran++;
			if (!k || !differ(&got, &want[n], n == RUNS - 1))
				continue;
			printf("seed %llu, run %u: %s differs from %s\n", (unsigned long long)seed, n,
			       engines[k].name, engines[0].name);
			if (!wrong++)
				show(&r);
			break;
		}
	}
	for (k = 0; k < nr_engines; k++) {
		int *target = &engines[k].targets[seed % TARGETS];

		if (fds[k] < 0)
			continue;
		if (ok < nr_engines) {
			close(fds[k]);
			continue;
		}
		must(&engines[k], BPFSHIM_MAP_UPDATE_ELEM, PROGS, seed % TARGETS, &fds[k]);
		if (*target >= 0)
			close(*target);
		*target = fds[k];
	}
}

int main(int argc, char **argv)
{
	u64 seed = 1, n = getenv("BPFSHIM_QUICK") ? 400 : 20000, i;
	struct engine *e;
	cpu_set_t cpu;
	u32 k;

	for (k = 1; (int)k < argc; k++) {
		if (!strcmp(argv[k], "-native"))
			nr_engines = 3;
		else if (!strcmp(argv[k], "-n") && (int)k + 1 < argc)
			n = strtoull(argv[++k], NULL, 0);
		else if (!strcmp(argv[k], "-s") && (int)k + 1 < argc)
			seed = strtoull(argv[++k], NULL, 0);
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* One CPU, whose number programs ask for. */
	cpus = sysconf(_SC_NPROCESSORS_CONF);
	CPU_ZERO(&cpu);
	CPU_SET(0, &cpu);
	device = open(BPFSHIM_DEVICE, O_RDWR);
	if (device < 0 || cpus > 64 || sched_setaffinity(0, sizeof(cpu), &cpu)) {
		perror(BPFSHIM_DEVICE);
		return 2;
	}
	for (e = engines; e < engines + nr_engines; e++)
		make_maps(e);
	for (i = 0; i < n && wrong < 10; i++)
		one(seed + i);
	printf("random: %llu programs by %u engines, %llu runs; %llu refused, %llu by one side only; %llu differ\n",
	       (unsigned long long)accepted, nr_engines, (unsigned long long)ran,
	       (unsigned long long)refused, (unsigned long long)verdicts, (unsigned long long)wrong);
	if (wrong || accepted < n / 2)
		return 1;
	printf("random: ok\n");
	return 0;
}
