// SPDX-License-Identifier: Apache-2.0
/*
 * What Linux 6.1's prog_tests need around them, smaller than its test_progs:
 * one process a test, and "progs NAME: ok", "SKIP" or "FAIL ..." after what it
 * printed.  PROG_TESTS names the tests, as "T(name)".
 */
#include "test_progs.h"
#include "child.h"

struct test_env env = { .worker_id = -1 };

static int errors, skipped, subtests_ok, subtests_bad;
static int sub_errors;
static bool in_subtest;
static char subtest[128];

void test__end_subtest(void)
{
	if (!in_subtest)
		return;
	in_subtest = false;
	if (sub_errors)
		subtests_bad++;
	else
		subtests_ok++;
	printf("progs subtest %s: %s\n", subtest, sub_errors ? "FAIL" : "ok");
}

bool test__start_subtest(const char *name)
{
	test__end_subtest();
	in_subtest = true;
	sub_errors = 0;
	snprintf(subtest, sizeof(subtest), "%s", name);
	return true;
}

void test__skip(void) { skipped++; }
void test__force_log(void) { }

void test__fail(void)
{
	errors++;
	if (in_subtest)
		sub_errors++;
}

int test__join_cgroup(const char *path)
{
	errno = EOPNOTSUPP;
	return -1;
}

int bpf_find_map(const char *test, struct bpf_object *obj, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, name);

	if (!map) {
		printf("%s: no map %s\n", test, name);
		test__fail();
		return -1;
	}
	return bpf_map__fd(map);
}

/* Every key of the first is in the second, with some value. */
int compare_map_keys(int map1_fd, int map2_fd)
{
	char value[sizeof(__u64) * 127];
	__u32 key, next;
	int err;

	err = bpf_map_get_next_key(map1_fd, NULL, &key);
	if (err)
		return err;
	for (;;) {
		err = bpf_map_lookup_elem(map2_fd, &key, value);
		if (err)
			return err;
		if (bpf_map_get_next_key(map1_fd, &key, &next))
			return errno == ENOENT ? 0 : -1;
		key = next;
	}
}

/* Every stack of the first has an equal in the second, under the same key. */
int compare_stack_ips(int smap_fd, int amap_fd, int stack_trace_len)
{
	char *a = malloc(stack_trace_len), *b = malloc(stack_trace_len);
	__u32 key, next;
	int err;

	err = bpf_map_get_next_key(smap_fd, NULL, &key);
	while (!err) {
		if (bpf_map_lookup_elem(smap_fd, &key, a) || bpf_map_lookup_elem(amap_fd, &key, b) ||
		    memcmp(a, b, stack_trace_len)) {
			err = -1;
			break;
		}
		if (bpf_map_get_next_key(smap_fd, &key, &next)) {
			err = errno == ENOENT ? 0 : -1;
			break;
		}
		key = next;
	}
	free(a);
	free(b);
	return err;
}

#define T(name) void test_##name(void);
PROG_TESTS
#undef T

struct test {
	void (*fn)(void);
};

static void body(const void *arg, int *answer)
{
	const struct test *t = arg;

	alarm(600);
	t->fn();
	test__end_subtest();
	answer[0] = errors;
	answer[1] = skipped;
	answer[2] = subtests_ok;
	answer[3] = subtests_bad;
}

static void run(const char *name, void (*fn)(void))
{
	struct test t = { fn };
	struct child c;
	char bad[80];

	printf("progs run %s\n", name);
	c = in_child(body, &t);
	printf("progs %s: ", name);
	snprintf(bad, sizeof(bad), "FAIL %d errors, %d of %d subtests", c.answer[0], c.answer[3], c.answer[2] + c.answer[3]);
	verdict(&c, !c.answered ? "FAIL it left early" : c.answer[0] ? bad : c.answer[1] ? "SKIP" : "ok");
}

int main(int argc, char **argv)
{
	env.jit_enabled = true;
	env.nr_cpus = libbpf_num_possible_cpus();
	env.stdout = stdout;
	env.stderr = stderr;
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	signal(SIGPIPE, SIG_IGN);
#define T(name) if (argc < 2 || !strcmp(argv[1], #name)) run(#name, test_##name);
	PROG_TESTS
#undef T
	printf("progs: done\n");
	return 0;
}
