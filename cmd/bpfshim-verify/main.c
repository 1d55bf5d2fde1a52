// SPDX-License-Identifier: GPL-2.0
/*
 * The verifier as a program: a request on stdin, the verdict on stdout.  The
 * command `bpfshim verify` runs it; both ends are of one build, so the form
 * has no versions: words in the host's order, in the order of struct head.
 *
 *   bpfshim-verify [KERNEL-BTF]
 *
 * Answer: a line of numbers (see answer()), then the log as it is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "../../verifier/verifier.h"
#include "../../verifier/btf.h"

#define MAGIC	0x62767231u
#define MAX_BYTES (256u << 20)

struct head {
	u32 magic, len, prog_type, attach_type, prog_flags, gpl, attach_btf_id, log_level;
	u32 func_cnt, line_cnt, btf_size, nr_maps;
};

struct map_head {
	u32 fd, type, key_size, value_size, max_entries, flags, frozen, btf_size;
	u32 btf_key, btf_value, data_size, inner_fd;
	char name[16];
};

struct map {
	struct bpfshim_vrf_map d;
	u32 fd, inner_fd;
	u8 *data;
	u32 data_size;
};

struct state {
	struct map *maps;
	u32 nr, used_nr;
	u32 used[BPFSHIM_VRF_MAX_USED_MAPS];
	char *log;
	size_t log_len, log_cap;
};

static void die(const char *why)
{
	fprintf(stderr, "bpfshim-verify: %s\n", why);
	exit(2);
}

static void *get(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p || size > MAX_BYTES)
		die("out of memory");
	if (fread(p, 1, size, stdin) != size)
		die("the request ends early");
	return p;
}

static void *op_alloc(void *cookie, size_t size)
{
	(void)cookie;
	return calloc(1, size);
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

static u64 op_now(void *cookie)
{
	struct timespec t;

	(void)cookie;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000u + (u64)t.tv_nsec;
}

static void op_log(void *cookie, const char *text, u32 len)
{
	struct state *s = cookie;

	if (s->log_len + len > s->log_cap) {
		s->log_cap = 2 * (s->log_len + len) + 4096;
		s->log = realloc(s->log, s->log_cap);
		if (!s->log)
			die("out of memory");
	}
	memcpy(s->log + s->log_len, text, len);
	s->log_len += len;
}

static void op_log_reset(void *cookie, u64 pos)
{
	struct state *s = cookie;

	if (pos < s->log_len)
		s->log_len = pos;
}

static int op_map_get(void *cookie, s32 ref, bool is_idx, u32 *idx, struct bpfshim_vrf_map *out)
{
	struct state *s = cookie;
	u32 i, m;

	if (is_idx)
		return -EPROTO;
	for (m = 0; m < s->nr && s->maps[m].fd != (u32)ref; m++)
		;
	if (m == s->nr)
		return -EBADF;
	for (i = 0; i < s->used_nr && s->used[i] != m; i++)
		;
	if (i == s->used_nr) {
		if (i == BPFSHIM_VRF_MAX_USED_MAPS)
			return -E2BIG;
		s->used[s->used_nr++] = m;
	}
	*idx = i;
	*out = s->maps[m].d;
	return 0;
}

static int op_map_read(void *cookie, u32 idx, u32 off, u32 size, u64 *val)
{
	struct state *s = cookie;
	const struct map *m = &s->maps[s->used[idx]];

	if (off > m->data_size || size > m->data_size - off)
		return -EINVAL;
	*val = 0;
	memcpy(val, m->data + off, size);
	return 0;
}

static const struct bpfshim_vrf_ops ops = {
	.alloc = op_alloc, .free = op_free, .resched = op_resched, .now_ns = op_now,
	.log = op_log, .log_reset = op_log_reset, .map_get = op_map_get, .map_read = op_map_read,
};

static struct bpfshim_vrf_btf *parse_btf(struct state *s, void *data, u32 size, bool kernel)
{
	struct bpfshim_vrf_btf *btf = NULL;

	if (size && bpfshim_btf_parse(data, size, kernel, 0, &ops, s, &btf))
		die(kernel ? "the kernel's BTF is damaged" : "BTF is damaged");
	return btf;
}

static void read_map(struct state *s, struct map *m)
{
	struct map_head *h = get(sizeof(*h));
	struct bpfshim_vrf_btf *btf = parse_btf(s, get(h->btf_size), h->btf_size, false);

	m->fd = h->fd;
	m->inner_fd = h->inner_fd;
	m->d.map_type = h->type;
	m->d.key_size = h->key_size;
	m->d.value_size = h->value_size;
	m->d.max_entries = h->max_entries;
	m->d.map_flags = h->flags;
	m->d.id = h->fd;
	memcpy(m->d.name, h->name, sizeof(m->d.name));
	m->d.frozen_rdonly = h->frozen;
	m->d.bypass_spec_v1 = true;
	m->d.spin_lock_off = m->d.timer_off = -1;
	m->d.btf = btf;
	m->d.btf_key_type_id = h->btf_key;
	m->d.btf_value_type_id = h->btf_value;
	if (btf && h->btf_value)
		bpfshim_btf_map_check(btf, h->btf_key, h->btf_value, h->type, h->key_size, h->value_size,
				      h->max_entries, &m->d.spin_lock_off, &m->d.timer_off);
	m->data_size = h->data_size;
	m->data = get(h->data_size);
	free(h);
}

static struct bpfshim_vrf_btf *kernel_btf(struct state *s, const char *path)
{
	FILE *f = fopen(path, "rb");
	long size;
	void *data;

	if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) < 0 || fseek(f, 0, SEEK_SET))
		die("the kernel's BTF cannot be read");
	data = malloc((size_t)size + 1);
	if (!data || fread(data, 1, (size_t)size, f) != (size_t)size)
		die("the kernel's BTF cannot be read");
	fclose(f);
	return parse_btf(s, data, (u32)size, true);
}

static void answer(int err, const struct bpfshim_vrf_result *r, const struct state *s)
{
	u32 i, stack = 0;

	for (i = 0; !err && i < r->nr_subprogs; i++)
		if (r->subprogs[i].stack_depth > stack)
			stack = r->subprogs[i].stack_depth;
	printf("%d %u %u %u %u %llu %llu %u %u\n", -err, r->insn_processed, r->total_states, r->peak_states,
	       r->max_states_per_insn, (unsigned long long)r->time_ns, (unsigned long long)r->peak_mem,
	       stack, err ? 0 : r->len);
	fwrite(s->log, 1, s->log_len, stdout);
}

int main(int argc, char **argv)
{
	struct bpfshim_vrf_prog prog;
	struct bpfshim_vrf_result res;
	struct state s;
	struct head *h;
	u32 i, j;
	int err;

	memset(&prog, 0, sizeof(prog));
	memset(&s, 0, sizeof(s));
	h = get(sizeof(*h));
	if (h->magic != MAGIC)
		die("not a request: this program is part of `bpfshim verify`");
	if (h->len > BPFSHIM_VRF_MAX_INSNS || h->func_cnt > h->len || h->line_cnt > h->len || h->nr_maps > 4096)
		die("the request is damaged");
	prog.insns = get(h->len * sizeof(struct bpfshim_insn));
	prog.len = h->len;
	prog.prog_type = h->prog_type;
	prog.expected_attach_type = h->attach_type;
	prog.prog_flags = h->prog_flags;
	prog.gpl_compatible = h->gpl;
	prog.attach_btf_id = h->attach_btf_id;
	prog.log_level = h->log_level;
	prog.func_info = get(h->func_cnt * sizeof(struct bpfshim_func_info));
	prog.func_info_cnt = h->func_cnt;
	prog.line_info = get(h->line_cnt * sizeof(struct bpfshim_line_info));
	prog.line_info_cnt = h->line_cnt;
	prog.btf = parse_btf(&s, get(h->btf_size), h->btf_size, false);
	s.nr = h->nr_maps;
	s.maps = calloc(s.nr ? s.nr : 1, sizeof(*s.maps));
	if (!s.maps)
		die("out of memory");
	for (i = 0; i < s.nr; i++)
		read_map(&s, &s.maps[i]);
	for (i = 0; i < s.nr; i++)
		for (j = 0; j < s.nr; j++)
			if (s.maps[i].inner_fd && s.maps[i].inner_fd == s.maps[j].fd)
				s.maps[i].d.inner = &s.maps[j].d;
	if (argc > 1)
		prog.kernel_btf = kernel_btf(&s, argv[1]);
	err = bpfshim_verify(&prog, &ops, &s, &res);
	answer(err, &res, &s);
	if (!err)
		bpfshim_vrf_result_free(&res, &ops, &s);
	return 0;
}
