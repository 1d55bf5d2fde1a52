// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the vectors on the host: conform [engine ...], or writes them:
 * conform -x FILE (format: see export.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include "export.h"
#include "host.h"

static u8 mem[VEC_MEM];
static const struct host_engine *engine;
static u32 failed;

static void complain(const struct vec *v, const struct vec_case *c, u32 i, u64 r0)
{
	u32 k;

	if (++failed > 20)
		return;
	printf("%s: %s, case %u: ", engine->name, v->name, i);
	if (r0 != c->r0)
		printf("R0 0x%llx, not 0x%llx ", (unsigned long long)r0,
		       (unsigned long long)c->r0);
	for (k = 0; k < VEC_MEM; k += 8)
		if (vec_get(mem, k) != vec_get(c->out, k))
			printf("[%u] 0x%llx, not 0x%llx ", k,
			       (unsigned long long)vec_get(mem, k),
			       (unsigned long long)vec_get(c->out, k));
	printf("(before:");
	for (k = 0; k < 10; k++)
		printf(" 0x%llx", (unsigned long long)vec_get(c->in, 8 * k));
	printf(")\n");
}

static void run_vec(struct vec_sink *sink, const struct vec *v, const struct vec_case *c, u32 n)
{
	struct host_prog p;
	u32 i;
	u64 r0;
	int err;

	err = host_link(&p, engine, v->insns, v->n, v->subs + 1, v->stack);
	if (err) {
		printf("%s: %s: does not link: %d\n", engine->name, v->name, err);
		failed++;
		return;
	}
	for (i = 0; i < n; i++) {
		memcpy(mem, c[i].in, VEC_MEM);
		r0 = engine->call(&p, 0, 0);
		if (r0 != c[i].r0 || memcmp(mem, c[i].out, VEC_MEM))
			complain(v, &c[i], i, r0);
	}
	host_free(&p, engine);
}

int main(int argc, char **argv)
{
	struct vec_sink sink = { run_vec };
	u32 i;

	host_init();
	host_map_value[0] = (unsigned long)mem;
	if (argc == 3 && !strcmp(argv[1], "-x"))
		return vec_export(argv[2]);
	for (i = 0; (engine = host_engine_at(i)); i++) {
		if (argc > 1 && strcmp(argv[1], engine->name))
			continue;
		sink.vecs = 0;
		sink.cases = 0;
		vec_all(&sink);
		printf("%s: %u programs, %llu runs, %llu bytes of code, %u wrong\n",
		       engine->name, sink.vecs, (unsigned long long)sink.cases,
		       (unsigned long long)host_jit_facts.bytes, failed);
		host_jit_facts.bytes = 0;
	}
	return failed ? 1 : 0;
}
