// SPDX-License-Identifier: GPL-2.0
/*
 * Running programs: the dispatcher's guard, the run context, statistics, and
 * what the engines need of the kernel.
 */
#include "internal.h"

/* Written only by its CPU; interrupts and NMIs nest and leave it as it was. */
struct run_cpu {
	int active;
	struct bpfshim_run_ctx *cur;
	u64 misses;
};
static DEFINE_PER_CPU(struct run_cpu, run_cpu);

/* Number of open ENABLE_STATS fds. */
static atomic_t stats_users = ATOMIC_INIT(0);

/* Filled at init, constant after. */
static struct bpfshim_exec_env exec_env;

struct bpfshim_run_ctx *bpfshim_run_ctx_current(void)
{
	return this_cpu_read(run_cpu.cur);
}

void bpfshim_guard_enter(void)
{
	preempt_disable();
	this_cpu_inc(run_cpu.active);
}

void bpfshim_guard_leave(void)
{
	this_cpu_dec(run_cpu.active);
	preempt_enable();
}

u64 bpfshim_xprog_run(const struct bpfshim_xprog *x, const void *ctx)
{
	return x->native ? x->native(ctx) : bpfshim_interp_run(x, ctx);
}

static u64 run_timed(struct bpfshim_prog *prog, const void *ctx)
{
	struct bpfshim_prog_stats *st = this_cpu_ptr(prog->stats);
	u64 start = bpfshim_stat_clock();
	u64 ret = bpfshim_xprog_run(&prog->xprog, ctx);

	st->nsecs += bpfshim_stat_clock() - start;
	st->cnt++;
	return ret;
}

u64 bpfshim_prog_run(struct bpfshim_prog *prog, const void *ctx,
		     struct bpfshim_run_ctx *rc, bool *ran)
{
	u64 ret = 0;

	bpfshim_read_lock();
	if (unlikely(this_cpu_inc_return(run_cpu.active) != 1)) {
		this_cpu_inc(prog->stats->misses);
		this_cpu_inc(run_cpu.misses);
		if (ran)
			*ran = false;
		goto out;
	}
	rc->prog = prog;
	rc->prev = this_cpu_read(run_cpu.cur);
	bpfshim_here_save(&rc->here);
	this_cpu_write(run_cpu.cur, rc);
	if (unlikely(atomic_read(&stats_users)))
		ret = run_timed(prog, ctx);
	else
		ret = bpfshim_xprog_run(&prog->xprog, ctx);
	this_cpu_write(run_cpu.cur, rc->prev);
	if (ran)
		*ran = true;
out:
	this_cpu_dec(run_cpu.active);
	bpfshim_read_unlock();
	return ret;
}

u64 bpfshim_run_misses(void)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu(run_cpu, cpu).misses;
	return sum;
}

void bpfshim_prog_stats_sum(const struct bpfshim_prog *prog, struct bpfshim_prog_stats *sum)
{
	const struct bpfshim_prog_stats *st;
	int cpu;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		st = per_cpu_ptr(prog->stats, cpu);
		sum->cnt += st->cnt;
		sum->nsecs += st->nsecs;
		sum->misses += st->misses;
	}
}

static int stats_release(struct inode *inode, struct file *file)
{
	atomic_dec(&stats_users);
	return 0;
}

static const struct file_operations stats_fops = {
	.owner = THIS_MODULE,
	.release = stats_release,
};

long bpfshim_cmd_enable_stats(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	int fd;

	if (attr->enable_stats.type != BPFSHIM_STATS_RUN_TIME)
		return -EINVAL;
	if (atomic_inc_return(&stats_users) > INT_MAX / 2) {
		atomic_dec(&stats_users);
		return -EBUSY;
	}
	fd = anon_inode_getfd("bpf-stats", &stats_fops, NULL, O_CLOEXEC);
	if (fd < 0)
		atomic_dec(&stats_users);
	return fd;
}

static void probe_load(u64 addr, u32 size, u64 *val)
{
	*val = 0;
	/* Little endian: the low bytes. */
	if (bpfshim_read_kernel(val, (const void *)(unsigned long)addr, size))
		*val = 0;
}

static const struct bpfshim_xprog *tail_target(void *map, u32 index)
{
	const struct bpfshim_prog *prog = bpfshim_prog_array_target(map, index);

	return prog ? &prog->xprog : NULL;
}

const struct bpfshim_exec_env *bpfshim_env(void)
{
	return &exec_env;
}

void bpfshim_run_init(void)
{
	memcpy(exec_env.helpers, bpfshim_helper_table, sizeof(exec_env.helpers));
	exec_env.probe_load = probe_load;
	exec_env.tail_target = tail_target;
}
