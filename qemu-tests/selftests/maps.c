// SPDX-License-Identifier: Apache-2.0
/*
 * Linux 6.1's test_maps, one process a test: the original stops at the first
 * that fails, and this has to name each.  A line "maps NAME: ok" or "maps
 * NAME: FAIL ..." follows what the test itself printed.
 */
#define main bpfshim_upstream_main
#include "test_maps.c"
#undef main

#include "child.h"

struct test {
	unsigned int flags;
	void (*fn)(void);
};

static void body(const void *arg, int *answer)
{
	const struct test *t = arg;
	int before = skips;

	map_opts.map_flags = t->flags;
	t->fn();
	answer[0] = skips - before;
}

static void run(const char *name, unsigned int flags, void (*fn)(void))
{
	struct test t = { flags, fn };
	struct child c = in_child(body, &t);

	printf("maps %s%s: ", name, flags & BPF_F_NO_PREALLOC ? ", no preallocation" : "");
	verdict(&c, c.answer[0] ? "SKIP" : "ok");
}

/* Those of run_all_tests, which take a task and its data or nothing. */
#define WITH_TASK(name) static void one_##name(void) { test_##name(0, NULL); }
WITH_TASK(hashmap)
WITH_TASK(hashmap_percpu)
WITH_TASK(hashmap_walk)
WITH_TASK(arraymap)
WITH_TASK(arraymap_percpu)
WITH_TASK(devmap)
WITH_TASK(devmap_hash)
WITH_TASK(sockmap)
WITH_TASK(queuemap)
WITH_TASK(stackmap)

static const struct {
	const char *name;
	void (*fn)(void);
} tests[] = {
	{ "hashmap", one_hashmap },
	{ "hashmap_percpu", one_hashmap_percpu },
	{ "hashmap_walk", one_hashmap_walk },
	{ "hashmap_zero_seed", test_hashmap_zero_seed },
	{ "arraymap", one_arraymap },
	{ "arraymap_percpu", one_arraymap_percpu },
	{ "arraymap_percpu_many_keys", test_arraymap_percpu_many_keys },
	{ "devmap", one_devmap },
	{ "devmap_hash", one_devmap_hash },
	{ "sockmap", one_sockmap },
	{ "map_large", test_map_large },
	{ "map_parallel", test_map_parallel },
	{ "map_stress", test_map_stress },
	{ "map_rdonly", test_map_rdonly },
	{ "map_wronly", test_map_wronly },
	{ "reuseport_array", test_reuseport_array },
	{ "queuemap", one_queuemap },
	{ "stackmap", one_stackmap },
	{ "map_in_map", test_map_in_map },
};

int main(int argc, char **argv)
{
	static const unsigned int flags[] = { 0, BPF_F_NO_PREALLOC };
	unsigned int f, i;

	srand(1);
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	for (f = 0; f < ARRAY_SIZE(flags); f++)
		for (i = 0; i < ARRAY_SIZE(tests); i++)
			if (argc < 2 || !strcmp(argv[1], tests[i].name))
				run(tests[i].name, flags[f], tests[i].fn);
#define DEFINE_TEST(name) if (argc < 2 || !strcmp(argv[1], #name)) run(#name, 0, test_##name);
#include <map_tests/tests.h>
#undef DEFINE_TEST
	printf("maps: done\n");
	return 0;
}
