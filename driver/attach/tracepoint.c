// SPDX-License-Identifier: GPL-2.0
/*
 * Programs on trace events, by an event's id: one in-kernel perf counter on
 * each online CPU, period 1.  Its overflow handler gets the event's record and
 * the registers.  Any event under tracing/events works so, kprobe_events and
 * uprobe_events too.
 *
 * CPUs come and go: a worker compares what there is with what there should
 * be.  It runs outside of the hotplug lock, since opening a counter may want
 * that lock itself.
 */
#include "trace.h"

#define BPFSHIM_FD_TYPE_TRACEPOINT	1

/* A counter of one CPU.  gen: the CPU's generation it was opened in. */
struct counter {
	struct perf_event *event;
	unsigned int gen;
};

struct trace_link {
	struct bpfshim_link link;
	u64 id;
	bool regs_ctx;			/* kprobe programs get pt_regs */
	u32 need;			/* bytes of record the program reads */
	struct list_head list;		/* under links_lock */
	struct counter *counters;	/* a CPU each; under links_lock */
};

static DEFINE_MUTEX(links_lock);
static LIST_HEAD(links);
/* Counts a CPU's departures: perf kills its counters then. */
static DEFINE_PER_CPU(unsigned int, cpu_gen);

static void refresh(struct work_struct *work);
static DECLARE_WORK(refresh_work, refresh);

static void on_overflow(struct perf_event *event, struct perf_sample_data *data,
			struct pt_regs *regs)
{
	struct trace_link *t = event->overflow_handler_context;
	struct bpfshim_run_ctx bpfshim_uninit rc;
	u32 size = 0;
	void *raw;

	bpfshim_run_ctx_init(&rc, regs, t->link.cookie);
	if (t->regs_ctx) {
		bpfshim_prog_run(t->link.prog, regs, &rc, NULL);
		return;
	}
	raw = bpfshim_raw_data(data, &size);
	/* The verifier bounded reads by what a record can hold, not by this one. */
	if (!raw || size < t->need) {
		this_cpu_inc(t->link.prog->stats->misses);
		return;
	}
	bpfshim_prog_run(t->link.prog, raw, &rc, NULL);
}

static int open_counter(struct trace_link *t, int cpu)
{
	struct perf_event_attr attr;
	struct perf_event *event;

	if (bpfshim_should_fail())
		return -ENOMEM;
	memset(&attr, 0, sizeof(attr));
	attr.type = PERF_TYPE_TRACEPOINT;
	attr.size = sizeof(attr);
	attr.config = t->id;
	attr.sample_period = 1;
	attr.sample_type = PERF_SAMPLE_RAW;
	event = perf_event_create_kernel_counter(&attr, cpu, NULL, on_overflow, t);
	if (IS_ERR(event))
		return PTR_ERR(event);
	t->counters[cpu].event = event;
	t->counters[cpu].gen = per_cpu(cpu_gen, cpu);
	return 0;
}

static void close_counter(struct trace_link *t, int cpu)
{
	struct perf_event *event = t->counters[cpu].event;

	t->counters[cpu].event = NULL;
	if (event)
		perf_event_release_kernel(event);
}

static void refresh(struct work_struct *work)
{
	struct trace_link *t;
	struct counter *c;
	int cpu;

	mutex_lock(&links_lock);
	list_for_each_entry(t, &links, list) {
		for_each_possible_cpu(cpu) {
			c = &t->counters[cpu];
			if (c->event && (!cpu_online(cpu) || c->gen != per_cpu(cpu_gen, cpu)))
				close_counter(t, cpu);
			/* A failure leaves this CPU unwatched until the next change. */
			if (!c->event && cpu_online(cpu))
				open_counter(t, cpu);
		}
	}
	mutex_unlock(&links_lock);
}

static void trace_detach(struct bpfshim_link *link)
{
	struct trace_link *t = container_of(link, struct trace_link, link);
	int cpu;

	mutex_lock(&links_lock);
	list_del(&t->list);
	mutex_unlock(&links_lock);
	for_each_possible_cpu(cpu)
		close_counter(t, cpu);
	bpfshim_sync_handlers();
}

static void trace_free(struct bpfshim_link *link)
{
	struct trace_link *t = container_of(link, struct trace_link, link);

	bpfshim_kvfree(t->counters);
	bpfshim_kvfree(t);
}

static void trace_show(struct bpfshim_link *link, struct seq_file *m)
{
	seq_printf(m, "event_id:\t%llu\n", container_of(link, struct trace_link, link)->id);
}

static void trace_query(struct bpfshim_link *link, struct bpfshim_link_query *q)
{
	q->fd_type = BPFSHIM_FD_TYPE_TRACEPOINT;
}

static const struct bpfshim_hook_ops trace_ops = {
	.type = BPFSHIM_LINK_TYPE_PERF_EVENT,
	.kind = "perf",
	.detach = trace_detach,
	.free = trace_free,
	.show = trace_show,
	.query = trace_query,
};

static int open_all(struct trace_link *t)
{
	int cpu, err, opened = 0;

	for_each_possible_cpu(cpu) {
		if (!cpu_online(cpu))
			continue;
		err = open_counter(t, cpu);
		/* Probes take kprobe programs, other events tracepoint ones. */
		if (!err && bpfshim_event_is_probe(t->counters[cpu].event) != t->regs_ctx)
			err = -EINVAL;
		if (!err) {
			opened++;
			continue;
		}
		/* It may have left meanwhile; the worker knows. */
		if (err == -ENODEV && !cpu_online(cpu))
			continue;
		for_each_possible_cpu(cpu)
			close_counter(t, cpu);
		return err;
	}
	return opened ? 0 : -ENODEV;
}

long bpfshim_trace_link_create(struct bpfshim_prog *prog, u64 id, u64 cookie)
{
	struct trace_link *t;
	int err = -ENOMEM;

	/* No trace event is hit where a program may sleep, nor ends a function. */
	if (prog->sleepable || prog->kprobe_override) {
		err = -EINVAL;
		goto put;
	}
	t = bpfshim_kvzalloc(sizeof(*t));
	if (!t)
		goto put;
	t->counters = bpfshim_kvzalloc(nr_cpu_ids * sizeof(*t->counters));
	if (!t->counters) {
		bpfshim_kvfree(t);
		goto put;
	}
	t->id = id;
	t->regs_ctx = prog->type == BPFSHIM_PROG_TYPE_KPROBE;
	t->need = prog->vrf.max_ctx_offset;
	bpfshim_link_init(&t->link, &trace_ops, prog, cookie);
	mutex_lock(&links_lock);
	err = open_all(t);
	if (!err)
		list_add(&t->list, &links);
	mutex_unlock(&links_lock);
	if (err) {
		/* Counters that were open for a moment may have fired. */
		bpfshim_sync_handlers();
		bpfshim_link_abort(&t->link);
		return err;
	}
	return bpfshim_link_settle(&t->link);
put:
	bpfshim_prog_put(prog);
	return err;
}

long bpfshim_cmd_tracepoint(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	const struct bpfshim_ext_tracepoint *a = &attr->ext_tracepoint;
	struct bpfshim_prog *prog;

	if (a->flags)
		return -EINVAL;
	prog = bpfshim_prog_from_fd(a->prog_fd);
	if (IS_ERR(prog))
		return PTR_ERR(prog);
	if (prog->type != BPFSHIM_PROG_TYPE_TRACEPOINT &&
	    prog->type != BPFSHIM_PROG_TYPE_KPROBE) {
		bpfshim_prog_put(prog);
		return -EINVAL;
	}
	return bpfshim_trace_link_create(prog, a->event_id, a->cookie);
}

static int cpu_up_cb(unsigned int cpu)
{
	schedule_work(&refresh_work);
	return 0;
}

static int cpu_down_cb(unsigned int cpu)
{
	per_cpu(cpu_gen, cpu)++;
	schedule_work(&refresh_work);
	return 0;
}

static struct bpfshim_cpu_watch cpu_watch = {
	.up = cpu_up_cb,
	.down = cpu_down_cb,
};

int bpfshim_tracepoint_init(void)
{
	return bpfshim_cpu_watch_register(&cpu_watch, "bpfshim:trace");
}

void bpfshim_tracepoint_exit(void)
{
	bpfshim_cpu_watch_unregister(&cpu_watch);
	cancel_work_sync(&refresh_work);
}
