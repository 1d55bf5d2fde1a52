// SPDX-License-Identifier: Apache-2.0
/*
 * Linux 6.1's test_lru_map, one process a test: "maps NAME, TYPE: ok" or "maps
 * NAME, TYPE: FAIL ..." after what it printed.
 */
#define main bpfshim_upstream_main
#include "test_lru_map.c"
#undef main

#include "child.h"

static const char *only;

struct test {
	int type, flags;
	void (*fn)(int type, int flags);
};

static void body(const void *arg, int *answer)
{
	const struct test *t = arg;

	t->fn(t->type, t->flags);
}

static void run(const char *name, int type, int flags, void (*fn)(int type, int flags))
{
	struct test t = { type, flags, fn };
	struct child c;

	if (only && strcmp(only, name))
		return;
	c = in_child(body, &t);
	printf("maps %s, %s%s: ", name, type == BPF_MAP_TYPE_LRU_HASH ? "LRU_HASH" : "LRU_PERCPU_HASH",
	       flags & BPF_F_NO_COMMON_LRU ? " NO_COMMON_LRU" : "");
	verdict(&c, "ok");
}

/* As the original's main: what a free list is filled up to. */
#define TARGET(flags) ((flags) & BPF_F_NO_COMMON_LRU ? PERCPU_FREE_TARGET : LOCAL_FREE_TARGET)
#define SIZED(name) static void name(int type, int flags) { test_lru_##name(type, flags, TARGET(flags)); }
SIZED(sanity1)
SIZED(sanity2)
SIZED(sanity3)
SIZED(sanity4)
SIZED(sanity6)

/* Those that say of themselves that they are of one kind of lists do nothing
 * with the other. */
#define COMMON	1
#define OWN	2

static const struct {
	const char *name;
	void (*fn)(int type, int flags);
	int lists;
} tests[] = {
	{ "lru_sanity0", test_lru_sanity0, COMMON | OWN },
	{ "lru_sanity1", sanity1, COMMON },
	{ "lru_sanity2", sanity2, COMMON },
	{ "lru_sanity3", sanity3, COMMON },
	{ "lru_sanity4", sanity4, COMMON | OWN },
	{ "lru_sanity5", test_lru_sanity5, COMMON },
	{ "lru_sanity6", sanity6, OWN },
	{ "lru_sanity7", test_lru_sanity7, COMMON | OWN },
	{ "lru_sanity8", test_lru_sanity8, COMMON | OWN },
};

int main(int argc, char **argv)
{
	static const int types[] = { BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH };
	unsigned int own, t, i;

	only = argc > 1 ? argv[1] : NULL;
	nr_cpus = bpf_num_possible_cpus();
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	for (own = 0; own < 2; own++)
		for (t = 0; t < ARRAY_SIZE(types); t++)
			for (i = 0; i < ARRAY_SIZE(tests); i++)
				if (tests[i].lists & (own ? OWN : COMMON))
					run(tests[i].name, types[t], own ? BPF_F_NO_COMMON_LRU : 0, tests[i].fn);
	printf("maps: done\n");
	return 0;
}
