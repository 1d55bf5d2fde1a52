// SPDX-License-Identifier: GPL-2.0
/*
 * Looked-up symbols: through kallsyms_lookup_name where it is exported, else
 * through a kprobe that finds that function's address.
 */
#include "compat.h"

struct bpfshim_ksyms bpfshim_ksym;

#if BPFSHIM_HAVE_EXPORT_KALLSYMS_LOOKUP_NAME
static int find_lookup(void)
{
	return 0;
}

unsigned long bpfshim_ksym_lookup(const char *name)
{
	return kallsyms_lookup_name(name);
}
#else
static unsigned long (*lookup_name)(const char *name);

#define ENDBR64 0xfa1e0ff3U

static int find_lookup(void)
{
	struct kprobe kp = { .symbol_name = "kallsyms_lookup_name" };
	unsigned long addr;
	u32 before;
	int err;

	err = register_kprobe(&kp);
	if (err) {
		pr_err("bpfshim: cannot find kallsyms_lookup_name by a kprobe (%d)\n", err);
		return -ENOENT;
	}
	addr = (unsigned long)kp.addr;
	unregister_kprobe(&kp);
	/* The probe sits behind the landing pad of an indirect call. */
	if (!bpfshim_read_kernel(&before, (void *)(addr - 4), 4) && before == ENDBR64)
		addr -= 4;
	lookup_name = (void *)addr;
	return 0;
}

unsigned long bpfshim_ksym_lookup(const char *name)
{
	return lookup_name(name);
}
#endif

unsigned long bpfshim_percpu_symbol(const char *name, size_t size)
{
	/* Where they are linked from 0 on, the first of them is not found. */
	unsigned long start = bpfshim_ksym_lookup("__per_cpu_start"), end = bpfshim_ksym_lookup("__per_cpu_end");
	unsigned long at = bpfshim_ksym_lookup(name);

	return at && at >= start && at < end && size <= end - at ? at : 0;
}

static const struct {
	const char *name;
	bool required;
	void **slot;
} wanted[] = {
#define BPFSHIM_KSYM(req, ret, sym, args) { #sym, req, (void **)&bpfshim_ksym.sym },
#define BPFSHIM_KVAR(req, type, sym) { #sym, req, (void **)&bpfshim_ksym.sym },
#include "ksyms_table.h"
#undef BPFSHIM_KSYM
#undef BPFSHIM_KVAR
};

int bpfshim_ksyms_init(void)
{
	unsigned int i;
	int err = find_lookup();

	if (err)
		return err;
	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		*wanted[i].slot = (void *)bpfshim_ksym_lookup(wanted[i].name);
		if (*wanted[i].slot || !wanted[i].required)
			continue;
		pr_err("bpfshim: this kernel lacks the symbol %s, cannot load\n",
		       wanted[i].name);
		return -ENOENT;
	}
	return 0;
}
