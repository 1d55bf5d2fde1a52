/* SPDX-License-Identifier: GPL-2.0 */
/* Compiler, RCU and CPU hotplug. */
#ifndef BPFSHIM_COMPAT_BASE_H
#define BPFSHIM_COMPAT_BASE_H

#if !BPFSHIM_HAVE_READ_ONCE
#ifndef READ_ONCE
#define READ_ONCE(x)		(*(const volatile typeof(x) *)&(x))
#endif
#ifndef WRITE_ONCE
#define WRITE_ONCE(x, v)	(*(volatile typeof(x) *)&(x) = (v))
#endif
#endif

/* A variable that kernels which clear the stack are not to clear: on the way to
 * every program, and each member is set before it is read. */
#ifdef __has_attribute
#if __has_attribute(uninitialized)
#define bpfshim_uninit	__attribute__((uninitialized))
#endif
#endif
#ifndef bpfshim_uninit
#define bpfshim_uninit
#endif

/*
 * The module's read side is a preemption-off section in which rcu_read_lock
 * is held too, so the ordinary flavour of RCU covers it on every kernel.
 */
static inline void bpfshim_read_lock(void)
{
	preempt_disable_notrace();
	rcu_read_lock();
}

static inline void bpfshim_read_unlock(void)
{
	rcu_read_unlock();
	preempt_enable_notrace();
}

/* Call f once every run that may have seen head's object is over. Any context but NMI. */
static inline void bpfshim_call_rcu_handlers(struct rcu_head *head,
					     void (*f)(struct rcu_head *head))
{
	call_rcu(head, f);
}

/* Wait until no CPU is in a probe handler that ran before the call. */
static inline void bpfshim_sync_handlers(void)
{
#if BPFSHIM_HAVE_SYNCHRONIZE_SCHED
	synchronize_sched();
#endif
	synchronize_rcu();
}

/*
 * CPU hotplug.  up runs in process context once a CPU is online, down before
 * it goes; both are also run for the CPUs online at register time (down: at
 * unregister time) on every kernel.
 */
struct bpfshim_cpu_watch {
	int (*up)(unsigned int cpu);
	int (*down)(unsigned int cpu);
#if BPFSHIM_HAVE_CPUHP
	int state;
#else
	struct notifier_block nb;
#endif
};
int bpfshim_cpu_watch_register(struct bpfshim_cpu_watch *w, const char *name);
void bpfshim_cpu_watch_unregister(struct bpfshim_cpu_watch *w);

#endif /* BPFSHIM_COMPAT_BASE_H */
