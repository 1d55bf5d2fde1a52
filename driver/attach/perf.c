// SPDX-License-Identifier: GPL-2.0
/*
 * Programs on perf event fds (EXT_PERF_ATTACH, LINK_CREATE with PERF_EVENT).
 *
 * A trace event's fd stands for the event: as natively, the program runs for
 * each hit on every CPU, by counters of our own (tracepoint.c).  A sampling
 * event's overflow handler is replaced while the link lives.
 */
#include "trace.h"

struct perf_link {
	struct bpfshim_link link;
	struct file *file;		/* holds the event */
	struct perf_event *event;
	perf_overflow_handler_t orig;
	bool attached;
};

/* An event has at most one program; guards the check and the exchange. */
static DEFINE_MUTEX(attach_lock);

static void on_sample(struct perf_event *event, struct perf_sample_data *data,
		      struct pt_regs *regs)
{
	struct perf_link *p = event->overflow_handler_context;
	struct bpfshim_perf_ctx ctx;
	struct bpfshim_run_ctx rc;
	bool ran = false;
	u64 ret;

	memset(&rc, 0, sizeof(rc));
	rc.regs = regs;
	rc.cookie = p->link.cookie;
	rc.event = event;
	rc.sample = data;
	ctx.regs = *regs;
	ctx.sample_period = data->period;
	ctx.addr = event->attr.sample_type & PERF_SAMPLE_ADDR ? data->addr : 0;
	ret = bpfshim_prog_run(p->link.prog, &ctx, &rc, &ran);
	/* 0: the program wants the sample dropped. */
	if (!ran || !ret)
		return;
	if (p->orig)
		p->orig(event, data, regs);
	else if (bpfshim_ksym.perf_event_output)
		bpfshim_ksym.perf_event_output(event, data, regs);
}

static void perf_detach(struct bpfshim_link *link)
{
	struct perf_link *p = container_of(link, struct perf_link, link);

	mutex_lock(&attach_lock);
	WRITE_ONCE(p->event->overflow_handler, p->orig);
	/* Handlers read the context after the handler: not before they end. */
	bpfshim_sync_handlers();
	WRITE_ONCE(p->event->overflow_handler_context, NULL);
	mutex_unlock(&attach_lock);
}

static void perf_free(struct bpfshim_link *link)
{
	struct perf_link *p = container_of(link, struct perf_link, link);

	fput(p->file);
	bpfshim_kvfree(p);
}

static void perf_show(struct bpfshim_link *link, struct seq_file *m)
{
	struct perf_link *p = container_of(link, struct perf_link, link);

	seq_printf(m, "perf_type:\t%u\nperf_config:\t%llu\n", p->event->attr.type,
		   (unsigned long long)p->event->attr.config);
}

static const struct bpfshim_hook_ops perf_ops = {
	.type = BPFSHIM_LINK_TYPE_PERF_EVENT,
	.kind = "perf",
	.detach = perf_detach,
	.free = perf_free,
	.show = perf_show,
};

/* The event of a perf fd: ERR_PTR(-EBADF) when there is none. */
static struct file *perf_file_get(int fd)
{
	struct file *file = fget(fd);

	if (!file)
		return ERR_PTR(-EBADF);
	if (bpfshim_is_perf_file(file))
		return file;
	fput(file);
	return ERR_PTR(-EBADF);
}

static int take_event(struct perf_link *p)
{
	struct perf_event *event = p->event;
	int err = 0;

	/*
	 * A child event would take the handler with it and outlive the link.
	 */
	if (event->attr.inherit && (event->attach_state & PERF_ATTACH_TASK))
		return -EOPNOTSUPP;
	mutex_lock(&attach_lock);
	if (event->overflow_handler_context)
		err = event->overflow_handler == on_sample ? -EEXIST : -EINVAL;
#if BPFSHIM_HAVE_EVENT_PROG
	else if (event->prog)
		err = -EEXIST;
#endif
	if (!err) {
		p->orig = event->overflow_handler;
		event->overflow_handler_context = p;
		/* The handler must not be seen before its context. */
		smp_wmb();
		WRITE_ONCE(event->overflow_handler, on_sample);
	}
	mutex_unlock(&attach_lock);
	return err;
}

static long attach_sampling(struct bpfshim_prog *prog, struct file *file, u64 cookie)
{
	struct perf_link *p;
	int err;

	if (prog->type != BPFSHIM_PROG_TYPE_PERF_EVENT) {
		bpfshim_prog_put(prog);
		fput(file);
		return -EINVAL;
	}
	p = bpfshim_kvzalloc(sizeof(*p));
	if (!p) {
		bpfshim_prog_put(prog);
		fput(file);
		return -ENOMEM;
	}
	p->file = file;
	p->event = file->private_data;
	bpfshim_link_init(&p->link, &perf_ops, prog, cookie);
	err = take_event(p);
	if (err) {
		bpfshim_link_abort(&p->link);
		return err;
	}
	return bpfshim_link_settle(&p->link);
}

long bpfshim_perf_link_create(struct bpfshim_prog *prog, int perf_fd, u64 cookie)
{
	struct file *file = perf_file_get(perf_fd);
	struct perf_event *event;
	u64 id;

	if (IS_ERR(file)) {
		bpfshim_prog_put(prog);
		return PTR_ERR(file);
	}
	event = file->private_data;
	if (event->attr.type != PERF_TYPE_TRACEPOINT)
		return attach_sampling(prog, file, cookie);
	id = event->attr.config;
	fput(file);
	if (prog->type != BPFSHIM_PROG_TYPE_TRACEPOINT &&
	    prog->type != BPFSHIM_PROG_TYPE_KPROBE) {
		bpfshim_prog_put(prog);
		return -EINVAL;
	}
	return bpfshim_trace_link_create(prog, id, cookie);
}

long bpfshim_cmd_perf_attach(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	const struct bpfshim_ext_perf_attach *a = &attr->ext_perf_attach;
	struct bpfshim_prog *prog;

	if (a->flags || a->pad)
		return -EINVAL;
	prog = bpfshim_prog_from_fd(a->prog_fd);
	if (IS_ERR(prog))
		return PTR_ERR(prog);
	if (prog->type != BPFSHIM_PROG_TYPE_TRACEPOINT &&
	    prog->type != BPFSHIM_PROG_TYPE_KPROBE &&
	    prog->type != BPFSHIM_PROG_TYPE_PERF_EVENT) {
		bpfshim_prog_put(prog);
		return -EINVAL;
	}
	return bpfshim_perf_link_create(prog, a->perf_fd, a->cookie);
}
