// SPDX-License-Identifier: GPL-2.0
/* Tracepoints by name. */
#include "compat.h"

#if BPFSHIM_HAVE_TRACEPOINT_BY_NAME
/* The kernel keeps the name, so this holds a copy. */
struct bpfshim_tp {
	char name[1];
};

struct bpfshim_tp *bpfshim_tp_get(const char *name)
{
	struct bpfshim_tp *tp;
	char sym[KSYM_NAME_LEN];

	/*
	 * Registering for a name that no one defines would succeed and never
	 * fire: look for the tracepoint's structure.
	 */
	if (snprintf(sym, sizeof(sym), "__tracepoint_%s", name) >= (int)sizeof(sym) ||
	    !bpfshim_ksym_lookup(sym))
		return ERR_PTR(-ENOENT);
	tp = bpfshim_kzalloc(sizeof(*tp) + strlen(name), GFP_KERNEL);
	if (!tp)
		return ERR_PTR(-ENOMEM);
	strcpy(tp->name, name);
	return tp;
}

void bpfshim_tp_put(struct bpfshim_tp *tp)
{
	kfree(tp);
}

int bpfshim_tp_register(struct bpfshim_tp *tp, void *probe, void *data)
{
	return tracepoint_probe_register(tp->name, probe, data);
}

int bpfshim_tp_unregister(struct bpfshim_tp *tp, void *probe, void *data)
{
	int ret = tracepoint_probe_unregister(tp->name, probe, data);

	bpfshim_sync_handlers();
	return ret;
}
#else
struct bpfshim_tp {
	struct tracepoint *tp;
	struct module *mod;
};

struct bpfshim_tp *bpfshim_tp_get(const char *name)
{
	struct bpfshim_tp *tp;
	struct tracepoint *found;
	struct module *mod;
	char sym[KSYM_NAME_LEN];

	if (snprintf(sym, sizeof(sym), "__tracepoint_%s", name) >= (int)sizeof(sym))
		return ERR_PTR(-ENOENT);
	tp = bpfshim_kzalloc(sizeof(*tp), GFP_KERNEL);
	if (!tp)
		return ERR_PTR(-ENOMEM);
	/* A module must not go between the lookup and the reference. */
	preempt_disable();
	found = (struct tracepoint *)bpfshim_ksym_lookup(sym);
	mod = found ? bpfshim_ksym.__module_address((unsigned long)found) : NULL;
	if (mod && !try_module_get(mod))
		found = NULL;
	preempt_enable();
	if (!found) {
		kfree(tp);
		return ERR_PTR(-ENOENT);
	}
	tp->tp = found;
	tp->mod = mod;
	return tp;
}

void bpfshim_tp_put(struct bpfshim_tp *tp)
{
	module_put(tp->mod);
	kfree(tp);
}

int bpfshim_tp_register(struct bpfshim_tp *tp, void *probe, void *data)
{
	return tracepoint_probe_register(tp->tp, probe, data);
}

int bpfshim_tp_unregister(struct bpfshim_tp *tp, void *probe, void *data)
{
	int ret = tracepoint_probe_unregister(tp->tp, probe, data);

	tracepoint_synchronize_unregister();
	bpfshim_sync_handlers();
	return ret;
}
#endif
