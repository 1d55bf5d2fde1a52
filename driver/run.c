// SPDX-License-Identifier: GPL-2.0
/*
 * Running programs: the dispatcher's guard, the run context, statistics, and
 * what the engines need of the kernel.
 */
#include "internal.h"

DEFINE_PER_CPU(struct bpfshim_run_cpu, bpfshim_run_cpu);

/*
 * Statistics cost nothing while nobody wants them: programs are entered
 * through prog->fast, which is NULL while an ENABLE_STATS fd is open.
 */
static DEFINE_MUTEX(stats_lock);	/* stats_users, progs, every prog->fast */
static LIST_HEAD(progs);
static u32 stats_users;

/* Filled at init, constant after. */
static struct bpfshim_exec_env exec_env;

struct bpfshim_run_ctx *bpfshim_run_ctx_current(void)
{
	return this_cpu_read(bpfshim_run_cpu.cur);
}

void bpfshim_guard_enter(void)
{
	preempt_disable();
	this_cpu_inc(bpfshim_run_cpu.active);
}

void bpfshim_guard_leave(void)
{
	this_cpu_dec(bpfshim_run_cpu.active);
	preempt_enable();
}

u64 bpfshim_xprog_run(const struct bpfshim_xprog *x, const void *ctx)
{
	return x->native ? x->native(ctx) : bpfshim_interp_run(x, ctx);
}

u64 bpfshim_prog_run_slow(struct bpfshim_prog *prog, const void *ctx)
{
	struct bpfshim_prog_stats *st;
	u64 start, ret;

	if (likely(!READ_ONCE(stats_users)))
		return bpfshim_xprog_run(&prog->xprog, ctx);
	st = this_cpu_ptr(prog->stats);
	start = bpfshim_stat_clock();
	ret = bpfshim_xprog_run(&prog->xprog, ctx);
	st->nsecs += bpfshim_stat_clock() - start;
	st->cnt++;
	return ret;
}

void bpfshim_prog_missed(struct bpfshim_prog *prog)
{
	this_cpu_inc(prog->stats->misses);
	this_cpu_inc(bpfshim_run_cpu.misses);
}

static void set_fast(struct bpfshim_prog *prog)
{
	WRITE_ONCE(prog->fast, stats_users ? NULL : prog->xprog.native);
}

void bpfshim_run_add(struct bpfshim_prog *prog)
{
	mutex_lock(&stats_lock);
	list_add(&prog->run_list, &progs);
	set_fast(prog);
	mutex_unlock(&stats_lock);
}

void bpfshim_run_del(struct bpfshim_prog *prog)
{
	mutex_lock(&stats_lock);
	list_del_init(&prog->run_list);
	mutex_unlock(&stats_lock);
}

struct bpfshim_prog *bpfshim_prog_of_tail(const void *tail)
{
	struct bpfshim_prog *prog, *found = NULL;

	mutex_lock(&stats_lock);
	list_for_each_entry(prog, &progs, run_list) {
		if (prog->xprog.native_tail == tail) {
			found = prog;
			break;
		}
	}
	mutex_unlock(&stats_lock);
	return found;
}

static int stats_count(int by)
{
	struct bpfshim_prog *prog;
	int err = 0;

	mutex_lock(&stats_lock);
	if (by > 0 && stats_users > INT_MAX / 2) {
		err = -EBUSY;
	} else {
		stats_users += by;
		list_for_each_entry(prog, &progs, run_list)
			set_fast(prog);
	}
	mutex_unlock(&stats_lock);
	return err;
}

u64 bpfshim_run_misses(void)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu(bpfshim_run_cpu, cpu).misses;
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
	stats_count(-1);
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
	fd = stats_count(1);
	if (fd)
		return fd;
	fd = bpfshim_new_fd("bpf-stats", &stats_fops, NULL, O_CLOEXEC);
	if (fd < 0)
		stats_count(-1);
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
	const struct bpfshim_prog *prog;

	if (index >= ((struct bpfshim_map *)map)->max_entries)
		return BPFSHIM_TAIL_OUTSIDE;
	prog = bpfshim_prog_array_target(map, index);
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
