// SPDX-License-Identifier: GPL-2.0
/*
 * Soundness fuzzing.  A program that the verifier accepts
 *  - must be accepted as well when states are compared in all they hold: what
 *    pruning leaves out was safe to leave out;
 *  - runs in a machine that checks every access and helper argument, and that
 *    each step's state is one of those the verifier went through;
 *  - runs as rewritten, on real memory, under ASan;
 *  - is accepted with masks against speculation, too, and does the same with them;
 *    so does what is accepted by the rules for unprivileged users, and root's
 *    accept all of that.
 * Now and then an allocation of the verifier fails: nothing may leak.
 * Programs that reach new edges of the core are kept and changed further.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "gen.h"
#include "corpus.h"
#include "cover.h"
#include "hook.h"
#include "machine.h"
#include "run.h"
#include "trace.h"

#define POOL	4096
#define RUNS	5
#define BUDGET	10		/* of a walk, in 1024 instructions */

static struct {
	u64 programs, accepted, exact, steps, oom, unpriv, masked, excused;
} nr;
static struct machine machine;
static struct prog *pool[POOL];
static u32 pooled;

static void pool_add(const struct prog *p)
{
	u32 i = pooled < POOL ? pooled++ : (u32)(rand() % POOL);

	if (!pool[i])
		pool[i] = malloc(sizeof(*p));
	*pool[i] = *p;
}

static u64 now;			/* the seed at hand */

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void when(void)
{
	fprintf(stderr, "seed %llu, after %.1f s of CPU, %llu programs\n", (unsigned long long)now, cpu_seconds(),
		(unsigned long long)nr.programs);
}

/* ---- one program -------------------------------------------------------- */

static void dump(const struct prog *p, const char *why)
{
	fprintf(stderr, "\nUNSOUND: %s\nprogram: ", why);
	corpus_write(stderr, p);
	fflush(stderr);
}

/*
 * Is what a program is refused for harmless where it was let through?
 *
 * A loop whose counter is a range may come back to a state that is compared
 * in all it holds, though it ends.
 *
 * Root may read bytes of the stack that were never written.  A state with
 * such bytes covers one with a pointer there: reading a part of that is
 * refused where it is seen, and harmless where it is not.  So does an offset
 * that is a range, of which some bytes may be read and each alone may not.
 *
 * A pointer stored at such an offset is bytes without a meaning, whatever its
 * size and frame; at an offset that is known, root stores it whole, and in its
 * own frame.  A number that is known and large is never added to a pointer; of
 * a range, the least must not be large.  Linux has all this so, too.
 */
static bool harmless(const struct prog *p, enum world_rules as, bool exact)
{
	static const struct {
		const char *with, *without;
	} reasons[] = {
		{ "infinite loop detected", NULL },
		{ "invalid size of register fill", NULL },
		{ "invalid size of register spill", NULL },
		{ "cannot spill pointers to stack into stack frame of the caller", NULL },
		{ "math between ", "unbounded min value" },
		{ "pointer be out of bounds", NULL },
		{ " pointer offset ", NULL },
	};
	bool was = bpfshim_test_exact;
	const char *why;
	u32 i;

	bpfshim_test_exact = exact;
	why = world_refusal(p, as);
	bpfshim_test_exact = was;
	for (i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (strstr(why, reasons[i].with) && !(reasons[i].without && strstr(why, reasons[i].without))) {
			nr.excused++;
			return true;
		}
	}
	return false;
}

static const struct prog *running;
static enum world_rules rules;

/* A walk that got too long says nothing. */
static bool no_verdict(int err)
{
	return err == -EAGAIN || err == -E2BIG || err == -ENOMEM;
}

static u64 run_as(enum world_rules as, const struct prog *p, u64 seed, int *err)
{
	struct bpfshim_vrf_result res;
	u64 d = 0;

	*err = world_verify_as(as, p, 4 * BUDGET, &res);
	if (!*err)
		d = run_linked(p, &res, seed);
	world_free_result(&res);
	return d;
}

/*
 * Whether a program without masks does the same wherever its memory lies.  A
 * byte of an address is often the same twice.
 */
static bool steady(const struct prog *p, u64 seed, u64 want)
{
	void *between[8];
	bool same = true;
	u32 i;
	int err;

	for (i = 0; i < ARRAY_SIZE(between); i++) {
		between[i] = malloc(3001 * i + 77);
		same = same && run_as(ROOT, p, seed, &err) == want && !err;
	}
	for (i = 0; i < ARRAY_SIZE(between); i++)
		free(between[i]);
	return same;
}

/* want: what it does without masks. */
static const char *check_masks(const struct prog *p, u64 seed, u64 want)
{
	int err;
	u64 d;

	rules = MASKED;
	d = run_as(MASKED, p, seed, &err);
	/* Masks add paths, and other ones are pruned. */
	if (err && !no_verdict(err) && !harmless(p, MASKED, false))
		return "root's program is refused with masks";
	nr.masked += !err;
	if (!err && d != want && steady(p, seed, want))
		return "masks change what it does";
	rules = UNPRIV;
	d = run_as(UNPRIV, p, seed, &err);
	nr.unpriv += !err;
	if (!err && d != want)
		return "an unprivileged user's program does something else, or knows an address";
	rules = ROOT;
	return NULL;
}

static void last_words(const char *what)
{
	when();
	fprintf(stderr, "UNSOUND: the rewritten program, or the verifier itself, %s\nprogram: ", what);
	if (running)
		corpus_write(stderr, running);
}

void __asan_on_error(void);
void __asan_on_error(void)
{
	last_words("leaves memory");
}

/* UBSan ends that way, and so does run.c. */
static void on_abort(int sig)
{
	(void)sig;
	last_words("does what has no meaning");
	_exit(1);
}

const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
	return "abort_on_error=1";
}

static const char *check(const struct prog *p, u64 seed, bool *accepted)
{
	static char text[256];
	struct bpfshim_vrf_result res, exact;
	const char *why = NULL;
	u64 digest = 0;
	bool strong;
	u32 i;
	int err;

	*accepted = false;
	running = p;
	err = world_verify(p, BUDGET, &res);
	if (err) {
		if (!no_verdict(err) && !world_verify_as(UNPRIV, p, BUDGET, &exact)) {
			world_free_result(&exact);
			rules = UNPRIV;
			return "refused to root, but not to an unprivileged user";
		}
		if (!world_live())
			return NULL;
		snprintf(text, sizeof(text), "%ld allocations leaked (verdict %d)", world_live(), err);
		return text;
	}
	*accepted = true;
	trace_begin();
	bpfshim_test_exact = cover_off = true;
	err = world_verify(p, 2 * BUDGET, &exact);
	bpfshim_test_exact = cover_off = false;
	trace_end();
	world_free_result(&exact);
	strong = !err;
	if (err && err != -EAGAIN && err != -E2BIG && err != -ENOMEM && !harmless(p, ROOT, true)) {
		snprintf(text, sizeof(text), "accepted with pruning, refused (%d) without", err);
		why = text;
	}
	nr.exact += strong;
	for (i = 0; i < RUNS && !why; i++) {
		if (!machine_run(&machine, p, seed + i, strong ? trace_step : NULL)) {
			snprintf(text, sizeof(text), "run %u, at %u: %s", i, machine.pc, machine.bad);
			why = text;
		}
		nr.steps += machine.steps;
	}
	if (!why)
		digest = run_linked(p, &res, seed);
	world_free_result(&res);
	if (!why)
		why = check_masks(p, seed, digest);
	return why ? why : world_live() ? "allocations leaked" : NULL;
}

/* Leave out what is not needed for the same complaint. */
static void minimise(struct prog *p, u64 seed)
{
	struct prog try;
	bool accepted, less = true;
	u32 i;

	while (less) {
		less = false;
		for (i = 0; i + 1 < p->len; i++) {
			u8 code = p->insns[i].code;

			if (!code || code == (BPFSHIM_JMP | BPFSHIM_JA) || code == (BPFSHIM_JMP | BPFSHIM_EXIT))
				continue;
			try = *p;
			memset(&try.insns[i], 0, sizeof(try.insns[i]));
			try.insns[i].code = BPFSHIM_JMP | BPFSHIM_JA;
			if (code == (BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW)) {
				try.insns[i + 1] = try.insns[i];
			}
			if (check(&try, seed, &accepted)) {
				*p = try;
				less = true;
			}
		}
	}
}

static int found(struct prog *p, u64 seed, const char *why)
{
	struct prog small = *p;
	bool accepted;

	dump(p, why);
	minimise(&small, seed);
	bpfshim_test_exact = false;
	dump(&small, "the same, smaller");
	check(&small, seed, &accepted);	/* the rules that it fails by, too */
	bpfshim_test_exact = false;
	world_log(&small, rules);
	bpfshim_test_exact = true;
	fprintf(stderr, "without pruning:\n");
	world_log(&small, rules);
	bpfshim_test_exact = false;
	return 1;
}

/* One allocation fails. */
static const char *check_oom(const struct prog *p, u64 seed)
{
	struct bpfshim_vrf_result res;

	world_fail_alloc((long)(seed % 60));
	if (!world_verify_as(seed % 3, p, BUDGET, &res))
		world_free_result(&res);
	nr.oom += world_fail_alloc(-1) < 0;
	return world_live() ? "a failed allocation leaks others" : NULL;
}

/* ---- the loop ----------------------------------------------------------- */

static int replay(const char *path, FILE *out)
{
	FILE *f = fopen(path, "r");
	struct prog p;
	const char *why;
	bool accepted;
	u64 n = 0, ok = 0;

	if (!f) {
		perror(path);
		return 2;
	}
	while (corpus_read(f, &p)) {
		n++;
		cover_fresh = false;
		why = check(&p, n, &accepted);
		if (why)
			return found(&p, n, why);
		ok += accepted;
		pool_add(&p);
		if (out && accepted && cover_fresh)
			corpus_write(out, &p);
	}
	fclose(f);
	printf("fuzz: corpus of %llu programs, %llu accepted, %u edges\n", (unsigned long long)n, (unsigned long long)ok,
	       cover_edges);
	/* A corpus that is refused shows nothing. */
	return n && ok * 2 > n ? 0 : 1;
}

static int fuzz(u64 seed, double seconds, FILE *out)
{
	u64 s = seed * 0x9e3779b97f4a7c15ULL | 1;
	double begin = cpu_seconds();
	const char *why;
	struct prog p;
	bool accepted;

	for (now = seed; (now & 15) || cpu_seconds() - begin < seconds; now++) {
		if (pooled && below(&s, 5) < 2) {
			p = *pool[below(&s, pooled)];
			gen_mutate(rnd(&s), &p, pool[below(&s, pooled)]);
		} else {
			gen_program(now, &p);
		}
		cover_fresh = false;
		nr.programs++;
		why = check(&p, now, &accepted);
		nr.accepted += accepted;
		if (!why && now % 11 == 0)
			why = check_oom(&p, now);
		if (why) {
			when();
			return found(&p, now, why);
		}
		if (cover_fresh) {
			pool_add(&p);
			if (out && accepted)
				corpus_write(out, &p);
		} else if (accepted && !below(&s, 400)) {
			pool_add(&p);
		}
	}
	printf("fuzz: %llu programs, %llu accepted, %llu of them checked state by state, %llu steps, %llu with a failed allocation, %llu masked, %llu fit for unprivileged users, %llu refused on another path for no harm, %u edges, %.0f s of CPU\n",
	       (unsigned long long)nr.programs, (unsigned long long)nr.accepted, (unsigned long long)nr.exact,
	       (unsigned long long)nr.steps, (unsigned long long)nr.oom, (unsigned long long)nr.masked,
	       (unsigned long long)nr.unpriv, (unsigned long long)nr.excused, cover_edges, cpu_seconds() - begin);
	/* A generator whose programs are all refused proves nothing. */
	return nr.accepted * 20 < nr.programs || nr.exact * 2 < nr.accepted || nr.masked * 2 < nr.accepted || !nr.unpriv;
}

int main(int argc, char **argv)
{
	const char *corpus = NULL, *write = NULL;
	u64 seed = 0;
	double seconds = 10;
	FILE *out = NULL;
	int c, err;

	while ((c = getopt(argc, argv, "t:s:c:w:")) != -1) {
		if (c == 't')
			seconds = atof(optarg);
		else if (c == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (c == 'c')
			corpus = optarg;
		else if (c == 'w')
			write = optarg;
		else
			return 2;
	}
	world_init();
	signal(SIGABRT, on_abort);
	if (!seed)
		seed = (u64)time(NULL) << 20;
	if (write)
		out = fopen(write, "w");
	if (corpus) {
		err = replay(corpus, seconds > 0 ? NULL : out);
		if (err)
			return err;
	}
	if (seconds <= 0) {
		if (out)
			fclose(out);
		return 0;
	}
	printf("fuzz: first seed %llu, %.0f s\n", (unsigned long long)seed, seconds);
	fflush(stdout);
	err = fuzz(seed, seconds, out);
	if (out)
		fclose(out);
	return err;
}
