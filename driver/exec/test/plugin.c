// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin for Alan Jowett's bpf_conformance: the program as hex bytes on
 * stdin (or after --program), its memory as hex bytes as the first argument;
 * R0 in hex on stdout.  R1 = memory, R2 = its length.
 * Option: --engine NAME (interp, jit (default), jit-plain, ...).
 */
#include <stdio.h>
#include <stdlib.h>
#include "host.h"

static u8 program[1 << 16];

/* Hex bytes with or without blanks between; the count, or -1. */
static long unhex(const char *s, u8 *to, size_t max)
{
	unsigned int byte;
	size_t n = 0;
	int used;

	for (;;) {
		while (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\r')
			s++;
		if (!*s)
			return n;
		if (n == max || sscanf(s, "%2x%n", &byte, &used) != 1 || used != 2)
			return -1;
		to[n++] = byte;
		s += 2;
	}
}

static char *read_stdin(void)
{
	size_t size = 0, n;
	char *s = malloc(1 << 18);

	while ((n = fread(s + size, 1, (1 << 18) - 1 - size, stdin)))
		size += n;
	s[size] = 0;
	return s;
}

/* What the vectors call: answers depend on the arguments alone. */
static u64 gather_bytes(u64 a, u64 b, u64 c, u64 d, u64 e)
{
	return (u64)(u8)a << 32 | (u32)(u8)b << 24 | (u32)(u8)c << 16 |
	       (u32)(u8)d << 8 | (u8)e;
}

static u64 nothing(u64 a, u64 b, u64 c, u64 d, u64 e)
{
	return 0;
}

int main(int argc, char **argv)
{
	const struct host_engine *e;
	const char *name = "jit";
	const char *text = NULL, *hexmem = "";
	char *in = NULL;
	struct host_prog p;
	long n, mem_len;
	u8 *mem;
	int i, err;
	u64 r0;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--engine") && i + 1 < argc) {
			name = argv[++i];
		} else if (!strcmp(argv[i], "--program") && i + 1 < argc) {
			text = argv[++i];
		} else if (strncmp(argv[i], "--", 2)) {
			hexmem = argv[i];
		}	/* else --debug and what else runners pass */
	}
	e = host_engine(name);
	if (!e) {
		fprintf(stderr, "no such engine\n");
		return 1;
	}
	if (!text)
		text = in = read_stdin();
	mem = malloc(strlen(hexmem) / 2 + 1);
	mem_len = unhex(hexmem, mem, strlen(hexmem) / 2 + 1);
	n = unhex(text, program, sizeof(program));
	free(in);
	if (mem_len < 0 || n <= 0 || n % 8) {
		fprintf(stderr, "bad hex\n");
		return 1;
	}
	host_init();
	for (i = 0; i < BPFSHIM_HELPER_SLOTS; i++)
		host_env.helpers[i] = i == 0 ? gather_bytes : nothing;
	err = host_link(&p, e, (struct bpfshim_insn *)program, n / 8, NULL, NULL);
	if (err) {
		fprintf(stderr, "refused: %d\n", err);
		return 1;
	}
	r0 = e->call(&p, (unsigned long)mem, mem_len);
	printf("%llx\n", (unsigned long long)r0);
	host_free(&p, e);
	free(mem);
	return 0;
}
