// SPDX-License-Identifier: GPL-2.0
/* CPU hotplug: states where the kernel has them, a notifier else. */
#include "compat.h"

#if BPFSHIM_HAVE_CPUHP
int bpfshim_cpu_watch_register(struct bpfshim_cpu_watch *w, const char *name)
{
	int ret = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, name, w->up, w->down);

	if (ret < 0)
		return ret;
	w->state = ret;
	return 0;
}

void bpfshim_cpu_watch_unregister(struct bpfshim_cpu_watch *w)
{
	cpuhp_remove_state(w->state);
}
#else
static int notify(struct notifier_block *nb, unsigned long action, void *hcpu)
{
	struct bpfshim_cpu_watch *w = container_of(nb, struct bpfshim_cpu_watch, nb);
	unsigned int cpu = (unsigned long)hcpu;

	switch (action & ~CPU_TASKS_FROZEN) {
	case CPU_ONLINE:
	case CPU_DOWN_FAILED:
		w->up(cpu);
		break;
	case CPU_DOWN_PREPARE:
		w->down(cpu);
		break;
	}
	return NOTIFY_OK;
}

int bpfshim_cpu_watch_register(struct bpfshim_cpu_watch *w, const char *name)
{
	unsigned int cpu, undo;
	int err;

	w->nb.notifier_call = notify;
	/* The notifier's mutex comes before the hotplug lock. */
	err = register_cpu_notifier(&w->nb);
	if (err)
		return err;
	get_online_cpus();
	for_each_online_cpu(cpu) {
		err = w->up(cpu);
		if (!err)
			continue;
		for_each_online_cpu(undo) {
			if (undo == cpu)
				break;
			w->down(undo);
		}
		break;
	}
	put_online_cpus();
	if (err)
		unregister_cpu_notifier(&w->nb);
	return err;
}

void bpfshim_cpu_watch_unregister(struct bpfshim_cpu_watch *w)
{
	unsigned int cpu;

	unregister_cpu_notifier(&w->nb);
	get_online_cpus();
	for_each_online_cpu(cpu)
		w->down(cpu);
	put_online_cpus();
}
#endif
