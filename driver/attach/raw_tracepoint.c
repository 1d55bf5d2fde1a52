// SPDX-License-Identifier: GPL-2.0
/*
 * RAW_TRACEPOINT_OPEN: a program on a tracepoint itself.
 *
 * The probe functions take as many words as the program reads, 12 at most, as
 * many as any tracepoint has, and hand them on as the program's context.  What
 * lies behind the arguments a tracepoint really passes is undefined, as the
 * upper half of an argument narrower than a word is.
 */
#include "../link.h"

#define TP_NAME_MAX			128
#define BPFSHIM_FD_TYPE_RAW_TRACEPOINT	0

struct raw_tp_link {
	struct bpfshim_link link;
	struct bpfshim_tp *tp;
	void *probe;
	char name[TP_NAME_MAX];
};

static __always_inline void hit(struct raw_tp_link *r, const u64 *ctx)
{
	struct bpfshim_run_ctx bpfshim_uninit rc;

	bpfshim_run_ctx_init(&rc, NULL, r->link.cookie);
	bpfshim_prog_run(r->link.prog, ctx, &rc, NULL);
}

#define PARAMS_1	u64 a1
#define PARAMS_2	PARAMS_1, u64 a2
#define PARAMS_3	PARAMS_2, u64 a3
#define PARAMS_4	PARAMS_3, u64 a4
#define PARAMS_5	PARAMS_4, u64 a5
#define PARAMS_6	PARAMS_5, u64 a6
#define PARAMS_12	PARAMS_6, u64 a7, u64 a8, u64 a9, u64 a10, u64 a11, u64 a12
#define ARGS_1		a1
#define ARGS_2		ARGS_1, a2
#define ARGS_3		ARGS_2, a3
#define ARGS_4		ARGS_3, a4
#define ARGS_5		ARGS_4, a5
#define ARGS_6		ARGS_5, a6
#define ARGS_12		ARGS_6, a7, a8, a9, a10, a11, a12

#define ON_HIT(n)							\
static void on_hit_##n(void *data, PARAMS_##n)				\
{									\
	u64 ctx[] = { ARGS_##n };					\
									\
	hit(data, ctx);							\
}
ON_HIT(1)
ON_HIT(2)
ON_HIT(3)
ON_HIT(4)
ON_HIT(5)
ON_HIT(6)
ON_HIT(12)

/* By words that the program reads; a program it tail calls may read more. */
static void *probe_for(const struct bpfshim_prog *prog)
{
	static void *const probes[] = {
		on_hit_1, on_hit_1, on_hit_2, on_hit_3, on_hit_4, on_hit_5, on_hit_6,
	};
	u32 words = DIV_ROUND_UP(prog->vrf.max_ctx_offset, 8);

	return prog->vrf.uses_tail_call || words >= ARRAY_SIZE(probes) ? on_hit_12 : probes[words];
}

static void raw_tp_detach(struct bpfshim_link *link)
{
	struct raw_tp_link *r = container_of(link, struct raw_tp_link, link);

	bpfshim_tp_unregister(r->tp, r->probe, r);
}

static void raw_tp_free(struct bpfshim_link *link)
{
	struct raw_tp_link *r = container_of(link, struct raw_tp_link, link);

	if (r->tp)
		bpfshim_tp_put(r->tp);
	bpfshim_kvfree(r);
}

static int raw_tp_info(struct bpfshim_link *link, struct bpfshim_link_info *info)
{
	struct raw_tp_link *r = container_of(link, struct raw_tp_link, link);
	char __user *to = bpfshim_uptr(info->raw_tracepoint.tp_name);
	u32 want = info->raw_tracepoint.tp_name_len;
	u32 len = strlen(r->name);
	u32 n = want > len ? len : want - 1;

	if (!to != !want)
		return -EINVAL;
	info->raw_tracepoint.tp_name_len = len + 1;
	if (!to)
		return 0;
	if (copy_to_user(to, r->name, n) || put_user('\0', to + n))
		return -EFAULT;
	return want > len ? 0 : -ENOSPC;
}

static void raw_tp_show(struct bpfshim_link *link, struct seq_file *m)
{
	seq_printf(m, "tp_name:\t%s\n", container_of(link, struct raw_tp_link, link)->name);
}

static void raw_tp_query(struct bpfshim_link *link, struct bpfshim_link_query *q)
{
	q->fd_type = BPFSHIM_FD_TYPE_RAW_TRACEPOINT;
	q->name = container_of(link, struct raw_tp_link, link)->name;
}

static const struct bpfshim_hook_ops raw_tp_ops = {
	.type = BPFSHIM_LINK_TYPE_RAW_TRACEPOINT,
	.kind = "raw_tracepoint",
	.detach = raw_tp_detach,
	.free = raw_tp_free,
	.fill_info = raw_tp_info,
	.show = raw_tp_show,
	.query = raw_tp_query,
};

static bool right_type(const struct bpfshim_prog *prog)
{
	return prog->type == BPFSHIM_PROG_TYPE_RAW_TRACEPOINT ||
	       prog->type == BPFSHIM_PROG_TYPE_RAW_TRACEPOINT_WRITABLE;
}

long bpfshim_cmd_raw_tracepoint_open(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	struct bpfshim_prog *prog;
	struct bpfshim_tp *tp;
	struct raw_tp_link *r;
	long ret;

	prog = bpfshim_prog_from_fd(attr->raw_tracepoint.prog_fd);
	if (IS_ERR(prog))
		return PTR_ERR(prog);
	ret = -EINVAL;
	if (!right_type(prog))
		goto put;
	ret = -ENOMEM;
	r = bpfshim_kvzalloc(sizeof(*r));
	if (!r)
		goto put;
	ret = -EFAULT;
	if (strncpy_from_user(r->name, bpfshim_uptr(attr->raw_tracepoint.name),
			      sizeof(r->name) - 1) < 0)
		goto free;
	tp = bpfshim_tp_get(r->name);
	if (IS_ERR(tp)) {
		ret = PTR_ERR(tp);
		goto free;
	}
	r->tp = tp;
	r->probe = probe_for(prog);
	bpfshim_link_init(&r->link, &raw_tp_ops, prog, 0);
	ret = bpfshim_tp_register(tp, r->probe, r);
	if (ret) {
		bpfshim_link_abort(&r->link);
		return ret;
	}
	return bpfshim_link_settle(&r->link);
free:
	bpfshim_kvfree(r);
put:
	bpfshim_prog_put(prog);
	return ret;
}
