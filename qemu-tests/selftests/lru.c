// SPDX-License-Identifier: Apache-2.0
/*
 * Linux 6.1's test_lru_map, one process a test: "maps NAME, TYPE: ok" or "maps
 * NAME, TYPE: FAIL ..." after what it printed.
 */
#define main bpfshim_upstream_main
#include "test_lru_map.c"
#undef main

#include <signal.h>

static const char *only;

static void run(const char *name, int type, int flags, void (*fn)(int type, int flags))
{
	int status;
	pid_t pid;

	if (only && strcmp(only, name))
		return;
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		exit(125);
	if (!pid) {
		setvbuf(stdout, NULL, _IOLBF, 0);
		dup2(1, 2);
		fn(type, flags);
		fflush(stdout);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		exit(125);
	printf("maps %s, %s%s: ", name, type == BPF_MAP_TYPE_LRU_HASH ? "LRU_HASH" : "LRU_PERCPU_HASH",
	       flags & BPF_F_NO_COMMON_LRU ? " NO_COMMON_LRU" : "");
	if (WIFSIGNALED(status))
		printf("FAIL signal %d\n", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		printf("FAIL status %d\n", WEXITSTATUS(status));
	else
		printf("ok\n");
	fflush(stdout);
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
