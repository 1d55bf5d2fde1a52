// SPDX-License-Identifier: GPL-2.0
/* bpfshim-verify: records in, answers out.  See host.h. */
#include <stdlib.h>
#include <time.h>
#include "host.h"

#define RECORD_MAX	(256u << 20)

struct map *maps;
struct btf *btfs;
struct bpfshim_vrf_btf *kernel_btf;

void die(const char *why)
{
	fprintf(stderr, "bpfshim-verify: %s\n", why);
	exit(3);
}

void *host_alloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p)
		die("out of memory");
	return p;
}

/* ---- services of the verifier ------------------------------------------- */

static void *op_alloc(void *cookie, size_t size)
{
	(void)cookie;
	return calloc(1, size ? size : 1);
}

static void op_free(void *cookie, void *p)
{
	(void)cookie;
	free(p);
}

static int op_resched(void *cookie)
{
	(void)cookie;
	return 0;
}

u64 host_now(void *cookie)
{
	struct timespec t;

	(void)cookie;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000u + (u64)t.tv_nsec;
}

void host_log(void *cookie, const char *text, u32 len)
{
	struct log *l = cookie;
	char *grown;

	if (l->size && len > l->size - 1 - l->len)
		len = (u32)(l->size - 1 - l->len);
	if (len > l->room - l->len) {
		l->room = 2 * (l->len + len) + 4096;
		grown = realloc(l->text, l->room);
		if (!grown)
			die("out of memory");
		l->text = grown;
	}
	if (len)
		memcpy(l->text + l->len, text, len);
	l->len += len;
}

void host_log_reset(void *cookie, u64 pos)
{
	struct log *l = cookie;

	if (pos < l->len)
		l->len = (size_t)pos;
}

const struct bpfshim_vrf_ops host_ops = {
	.alloc = op_alloc, .free = op_free, .resched = op_resched, .now_ns = host_now,
	.log = host_log, .log_reset = host_log_reset,
};

/* ---- objects ------------------------------------------------------------ */

const struct btf *find_btf(u32 fd)
{
	const struct btf *b;

	for (b = btfs; b && b->fd != fd; b = b->next)
		;
	return b;
}

struct map *find_map(u32 fd)
{
	struct map *m;

	for (m = maps; m && m->fd != fd; m = m->next)
		;
	return m;
}

static int add_btf(const struct host_btf *h, const void *data, u32 size, struct log *log)
{
	struct btf *b = host_alloc(sizeof(*b));
	int err = bpfshim_btf_parse(data, size, false, h->log_level, &host_ops, log, &b->parsed);

	if (err) {
		free(b);
		return err;
	}
	b->fd = h->fd;
	b->next = btfs;
	btfs = b;
	return 0;
}

static int set_kernel_btf(const void *data, u32 size, struct log *log)
{
	if (kernel_btf)
		die("two kernels' BTF");
	return bpfshim_btf_parse(data, size, true, 0, &host_ops, log, &kernel_btf);
}

/* ---- records ------------------------------------------------------------ */

static void put(const void *p, size_t size)
{
	if (size && fwrite(p, 1, size, stdout) != size)
		die("nobody reads the answer");
}

static void answer(int err, const void *fixed, size_t size, const struct log *log)
{
	u32 head[2];

	head[0] = (u32)err;
	head[1] = (u32)(size + log->len);
	put(head, sizeof(head));
	put(fixed, size);
	put(log->text, log->len);
	if (fflush(stdout))
		die("nobody reads the answer");
}

/* The rest of a record behind its first bytes, of which there must be enough. */
static const void *after(const void *record, u32 *size, size_t first)
{
	if (*size < first)
		die("a short record");
	*size -= (u32)first;
	return (const u8 *)record + first;
}

/* A record as read. BTF and maps point into theirs, which stay, in a list: a
 * leak that a sanitizer reports is a true one. */
struct record {
	struct record *next;
	u64 data[];
};

static struct record *records;

static void serve(u32 kind, void *data, u32 size)
{
	struct host_figures fig;
	struct log log;
	const void *rest;
	int err;

	memset(&log, 0, sizeof(log));
	memset(&fig, 0, sizeof(fig));
	switch (kind) {
	case HOST_KERNEL_BTF:
		answer(set_kernel_btf(data, size, &log), NULL, 0, &log);
		break;
	case HOST_BTF:
		rest = after(data, &size, sizeof(struct host_btf));
		answer(add_btf(data, rest, size, &log), NULL, 0, &log);
		break;
	case HOST_MAP:
		rest = after(data, &size, sizeof(struct host_map));
		answer(map_create(data, rest, size), NULL, 0, &log);
		break;
	case HOST_PROG:
		rest = after(data, &size, sizeof(struct host_prog));
		err = prog_verify(data, rest, size, &log, &fig);
		answer(err, &fig, sizeof(fig), &log);
		break;
	case HOST_LIST:
		prog_list(data, size / sizeof(struct bpfshim_insn), &log);
		answer(0, NULL, 0, &log);
		break;
	default:
		die("not a request: this program is run by `bpfshim verify`");
	}
	free(log.text);
}

int main(void)
{
	struct record *r;
	u32 head[2];
	size_t n;

	while ((n = fread(head, 1, sizeof(head), stdin)) == sizeof(head)) {
		if (head[1] > RECORD_MAX)
			die("not a request: this program is run by `bpfshim verify`");
		r = host_alloc(sizeof(*r) + head[1]);
		if (fread(r->data, 1, head[1], stdin) != head[1])
			die("the request ends early");
		serve(head[0], r->data, head[1]);
		if (head[0] == HOST_PROG || head[0] == HOST_LIST) {
			free(r);
			continue;
		}
		r->next = records;
		records = r;
	}
	if (n)
		die("the request ends early");
	return 0;
}
