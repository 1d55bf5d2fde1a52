// SPDX-License-Identifier: GPL-2.0
/*
 * The vectors in a kernel: vectors [-native|-interp|-jit] [-max CASES] [-every N]
 * Loads each program as raw_tracepoint and runs it by PROG_TEST_RUN, through
 * the device (-interp: run by its interpreter; -jit: which must compile), or
 * with -native through bpf(2).  Status 0: all results right.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "../vec.h"

#define NATIVE_BPF	321

static int device = -1;
static int map_fd;
static u64 runs;
static u32 max_cases = 16, every = 1, prog_flags, skipped, refused, wrong, seen;
static char log_text[1 << 16];

static long bpf(int cmd, union bpfshim_attr *attr, u32 size)
{
	if (device < 0)
		return syscall(NATIVE_BPF, cmd, attr, size);
	return ioctl(device, BPFSHIM_IOC_BPF(cmd, size), attr);
}

static int load(const struct vec *v)
{
	struct bpfshim_insn insns[VEC_MAX_INSNS];
	union bpfshim_attr attr;
	u32 i;

	memcpy(insns, v->insns, v->n * sizeof(*insns));
	for (i = 0; i < v->n; i++) {
		if (insns[i].code != (BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW) ||
		    insns[i].src_reg != BPFSHIM_PSEUDO_MAP_IDX_VALUE)
			continue;
		insns[i].src_reg = BPFSHIM_PSEUDO_MAP_VALUE;
		insns[i].imm = map_fd;
	}
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPFSHIM_PROG_TYPE_RAW_TRACEPOINT;
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = v->n;
	attr.license = (unsigned long)"GPL";
	attr.prog_flags = prog_flags;
	return bpf(BPFSHIM_PROG_LOAD, &attr, 48);
}

static void show_log(const struct vec *v)
{
	union bpfshim_attr attr;
	struct bpfshim_insn insns[VEC_MAX_INSNS];
	u32 i;

	memcpy(insns, v->insns, v->n * sizeof(*insns));
	for (i = 0; i < v->n; i++)
		if (insns[i].code == (BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW) &&
		    insns[i].src_reg == BPFSHIM_PSEUDO_MAP_IDX_VALUE) {
			insns[i].src_reg = BPFSHIM_PSEUDO_MAP_VALUE;
			insns[i].imm = map_fd;
		}
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPFSHIM_PROG_TYPE_RAW_TRACEPOINT;
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = v->n;
	attr.license = (unsigned long)"GPL";
	attr.log_level = 1;
	attr.log_buf = (unsigned long)log_text;
	attr.log_size = sizeof(log_text);
	bpf(BPFSHIM_PROG_LOAD, &attr, 48);
	i = strlen(log_text);
	printf("%s\n", log_text + (i > 600 ? i - 600 : 0));
}

static int element(int cmd, void *value)
{
	union bpfshim_attr attr;
	u32 key = 0;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = map_fd;
	attr.key = (unsigned long)&key;
	attr.value = (unsigned long)value;
	return bpf(cmd, &attr, 32);
}

static void run_case(int fd, const struct vec *v, const struct vec_case *c, u32 n)
{
	union bpfshim_attr attr;
	u8 mem[VEC_MEM];
	u32 k;

	memcpy(mem, c->in, VEC_MEM);
	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = fd;
	if (element(BPFSHIM_MAP_UPDATE_ELEM, mem) ||
	    bpf(BPFSHIM_PROG_TEST_RUN, &attr, 80) ||
	    element(BPFSHIM_MAP_LOOKUP_ELEM, mem)) {
		perror(v->name);
		exit(2);
	}
	runs++;
	if (attr.test.retval == (u32)c->r0 && !memcmp(mem, c->out, VEC_MEM))
		return;
	if (wrong++ > 20)
		return;
	printf("%s, case %u: R0 0x%x;", v->name, n, attr.test.retval);
	for (k = 0; k < VEC_MEM; k += 8)
		if (vec_get(mem, k) != vec_get(c->out, k))
			printf(" [%u] 0x%llx, not 0x%llx", k,
			       (unsigned long long)vec_get(mem, k),
			       (unsigned long long)vec_get(c->out, k));
	printf("\n");
}

static void run_vec(struct vec_sink *sink, const struct vec *v, const struct vec_case *c, u32 n)
{
	u32 i, step;
	int fd;

	if (v->flags & (VEC_F_V4 | VEC_F_UNVERIFIED) || seen++ % every) {
		skipped++;
		return;
	}
	fd = load(v);
	if (fd < 0) {
		if (refused++ < 5) {
			perror(v->name);
			show_log(v);
		}
		return;
	}
	step = n > max_cases ? n / max_cases : 1;
	for (i = 0; i < n; i += step)
		run_case(fd, v, &c[i], i);
	close(fd);
}

int main(int argc, char **argv)
{
	struct vec_sink sink = { run_vec };
	union bpfshim_attr attr;
	const char *engine = "the default engine";
	bool native = false;
	int i;

	if (getenv("BPFSHIM_QUICK"))
		every = 8;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-native"))
			native = true, engine = "native";
		else if (!strcmp(argv[i], "-interp"))
			prog_flags = BPFSHIM_F_INTERP, engine = "interp";
		else if (!strcmp(argv[i], "-jit"))
			engine = "jit";
		else if (!strcmp(argv[i], "-max") && i + 1 < argc)
			max_cases = atoi(argv[++i]);
		else if (!strcmp(argv[i], "-every") && i + 1 < argc)
			every = atoi(argv[++i]);
	}
	if (!native) {
		device = open(BPFSHIM_DEVICE, O_RDWR);
		if (device < 0) {
			perror(BPFSHIM_DEVICE);
			return 2;
		}
		memset(&attr, 0, sizeof(attr));
		if (bpf(BPFSHIM_EXT_INFO, &attr, sizeof(attr.ext_info)) ||
		    (!strcmp(engine, "jit") && attr.ext_info.engine != BPFSHIM_ENGINE_JIT)) {
			printf("vectors: no JIT here\n");
			return 2;
		}
	}
	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPFSHIM_MAP_TYPE_ARRAY;
	attr.key_size = 4;
	attr.value_size = VEC_MEM;
	attr.max_entries = 1;
	map_fd = bpf(BPFSHIM_MAP_CREATE, &attr, 20);
	if (map_fd < 0) {
		perror("map");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	vec_all(&sink);
	printf("vectors by %s: %u programs, %llu runs, %u left out, %u refused, %u wrong\n",
	       engine, sink.vecs - skipped, (unsigned long long)runs, skipped, refused, wrong);
	if (wrong || refused || !runs)
		return 1;
	printf("vectors: ok\n");
	return 0;
}
