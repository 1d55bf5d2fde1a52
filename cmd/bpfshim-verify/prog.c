// SPDX-License-Identifier: GPL-2.0
/* Programs: what PROG_LOAD checks, in its order, and the verifier. */
#include <stdlib.h>
#include "host.h"
#include "../../verifier/admit.h"
#include "../../verifier/env.h"

#define PROG_FLAGS (BPFSHIM_F_STRICT_ALIGNMENT | BPFSHIM_F_ANY_ALIGNMENT |	\
		    BPFSHIM_F_TEST_STATE_FREQ | BPFSHIM_F_SLEEPABLE |		\
		    BPFSHIM_F_TEST_RND_HI32 | BPFSHIM_F_XDP_HAS_FRAGS |		\
		    BPFSHIM_F_INTERP | BPFSHIM_F_MASK | BPFSHIM_F_UNPRIV)
#define LOG_LEVELS (BPFSHIM_LOG_LEVEL1 | BPFSHIM_LOG_LEVEL2 | BPFSHIM_LOG_STATS)

/* One PROG_LOAD: the cookie of the verifier's callbacks. */
struct load {
	struct log *log;
	const struct map *used[BPFSHIM_VRF_MAX_USED_MAPS];
	u32 nr_used;
};

static void load_log(void *cookie, const char *text, u32 len)
{
	host_log(((struct load *)cookie)->log, text, len);
}

static void load_log_reset(void *cookie, u64 pos)
{
	host_log_reset(((struct load *)cookie)->log, pos);
}

static int load_map_get(void *cookie, s32 ref, bool is_idx, u32 *idx, struct bpfshim_vrf_map *out)
{
	struct load *l = cookie;
	const struct map *m;
	u32 i;

	if (is_idx)
		return -EPROTO;	/* the other end sends no fd_array */
	m = find_map((u32)ref);
	if (!m)
		return -EBADF;
	for (i = 0; i < l->nr_used && l->used[i] != m; i++)
		;
	if (i == BPFSHIM_VRF_MAX_USED_MAPS)
		return -E2BIG;
	if (i == l->nr_used)
		l->used[l->nr_used++] = m;
	*idx = i;
	*out = m->vrf;
	return 0;
}

static int load_map_read(void *cookie, u32 idx, u32 off, u32 size, u64 *val)
{
	struct load *l = cookie;
	const struct map *m;

	if (idx >= l->nr_used)
		return -EINVAL;
	m = l->used[idx];
	if (off > m->value_len || size > m->value_len - off)
		return -EINVAL;
	*val = 0;
	memcpy(val, m->value + off, size);
	return 0;
}

static bool is_gpl(const char *license)
{
	static const char *const yes[] = {
		"GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL",
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(yes); i++)
		if (!strcmp(license, yes[i]))
			return true;
	return false;
}

static int init_log(struct log *log, u32 level, u32 size)
{
	if (!level && !size)
		return 0;
	if (size < 128 || size > (u32)~0 >> 2 || !level || (level & ~LOG_LEVELS))
		return -EINVAL;
	log->size = size;
	return 0;
}

/* The deepest of the functions; 6.1 prints each, and bounds their sums. */
static u32 stack_depth(const struct bpfshim_vrf_result *res)
{
	u32 i, deepest = 0;

	for (i = 0; i < res->nr_subprogs; i++)
		if (res->subprogs[i].stack_depth > deepest)
			deepest = res->subprogs[i].stack_depth;
	return deepest;
}

static int verify(struct bpfshim_vrf_prog *in, struct load *l, struct host_figures *fig)
{
	struct bpfshim_vrf_ops ops = host_ops;
	struct bpfshim_vrf_result res;
	int err;

	ops.log = load_log;
	ops.log_reset = load_log_reset;
	ops.map_get = load_map_get;
	ops.map_read = load_map_read;
	memset(&res, 0, sizeof(res));
	err = bpfshim_verify(in, &ops, l, &res);
	fig->len = res.len;
	fig->processed = res.insn_processed;
	fig->total_states = res.total_states;
	fig->peak_states = res.peak_states;
	fig->max_states_per_insn = res.max_states_per_insn;
	fig->stack_depth = err ? 0 : stack_depth(&res);
	fig->time_ns = res.time_ns;
	fig->peak_mem = res.peak_mem;
	if (!err)
		bpfshim_vrf_result_free(&res, &ops, l);
	return err;
}

int prog_verify(const struct host_prog *h, const void *rest, u32 size, struct log *log, struct host_figures *fig)
{
	u64 want = (u64)h->len * sizeof(struct bpfshim_insn) + (u64)h->func_cnt * sizeof(struct bpfshim_func_info) +
		   (u64)h->line_cnt * sizeof(struct bpfshim_line_info);
	u32 expected = h->attach_type;
	struct bpfshim_vrf_prog in;
	const struct btf *btf;
	const char *why;
	u64 avail[4];
	struct load l;
	int err;

	if (want != size || !memchr(h->license, 0, sizeof(h->license)))
		die("a program of another length than it says");
	memset(&l, 0, sizeof(l));
	memset(&in, 0, sizeof(in));
	l.log = log;
	in.insns = rest;
	in.len = h->len;
	in.func_info = (const void *)(in.insns + h->len);
	in.func_info_cnt = h->func_cnt;
	in.line_info = (const void *)(in.func_info + h->func_cnt);
	in.line_info_cnt = h->line_cnt;
	if (h->flags & ~PROG_FLAGS)
		return -EINVAL;
	if (!h->len || h->len > BPFSHIM_VRF_MAX_INSNS)
		return -E2BIG;
	if (h->attach_btf_id && !kernel_btf)
		return -EINVAL;
	err = bpfshim_vrf_admit_target(h->type, &expected, h->attach_btf_id, h->attach_btf_id != 0);
	if (err)
		return err;
	if (h->type == BPFSHIM_PROG_TYPE_UNSPEC || h->type >= BPFSHIM_PROG_TYPE_MAX)
		return -EINVAL;
	err = init_log(log, h->log_level, h->log_size);
	if (err)
		return err;
	if (h->func_cnt || h->line_cnt) {
		btf = find_btf(h->btf_fd);
		if (!btf)
			return -EBADF;
		in.btf = btf->parsed;
		if (h->func_cnt > h->len || h->line_cnt > h->len)
			return -EINVAL;
	}
	why = bpfshim_vrf_admit_sleepable(h->type, h->flags & BPFSHIM_F_SLEEPABLE);
	if (why) {
		host_log(log, why, h->log_level ? (u32)strlen(why) : 0);
		err = -EINVAL;
	} else {
		offered_helpers(h->type, avail);
		in.prog_type = h->type;
		in.expected_attach_type = expected;
		in.prog_flags = h->flags;
		in.gpl_compatible = is_gpl(h->license);
		in.kernel_btf = kernel_btf;
		in.attach_btf_id = h->attach_btf_id;
		in.unpriv = h->flags & BPFSHIM_F_UNPRIV;
		in.mask = h->flags & BPFSHIM_F_MASK;
		in.log_level = h->log_level;
		in.helper_avail = avail;
		err = verify(&in, &l, fig);
	}
	return log->size && log->len >= log->size - 1 ? -ENOSPC : err;
}

/* The log's own printer: what stands there is how people know instructions. */
void prog_list(const struct bpfshim_insn *insns, u32 len, struct log *log)
{
	struct bpfshim_insn two[2];
	struct vrf_env *env = host_alloc(sizeof(*env));
	char number[16], buf[2048];
	u32 i;

	env->log_buf = buf;	/* of the size that log.c expects */
	env->ops = &host_ops;
	env->cookie = log;
	env->level = BPFSHIM_LOG_LEVEL1;
	for (i = 0; i < len; i++) {
		memset(two, 0, sizeof(two));
		memcpy(two, insns + i, (i + 1 < len ? 2 : 1) * sizeof(*two));
		host_log(log, number, (u32)sprintf(number, "%u: ", i));
		bpfshim_v_print_insn(env, two);
		bpfshim_v_log_flush(env);
		if (vrf_is_ldimm64(two))
			i++;
	}
	free(env);
}
