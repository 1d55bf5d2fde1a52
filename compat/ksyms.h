/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kernel symbols that are not exported, found at load.  compat/ksyms_table.h
 * is the list; bpfshim_ksym.NAME is the pointer (NULL when an optional one is
 * missing).  Constant after module init.
 */
#ifndef BPFSHIM_COMPAT_KSYMS_H
#define BPFSHIM_COMPAT_KSYMS_H

struct bpfshim_ksyms {
#define BPFSHIM_KSYM(required, ret, name, args) ret (*name) args;
#define BPFSHIM_KVAR(required, type, name) type *name;
#include "ksyms_table.h"
#undef BPFSHIM_KSYM
#undef BPFSHIM_KVAR
};
extern struct bpfshim_ksyms bpfshim_ksym;

/* Fill bpfshim_ksym: 0, or -ENOENT after one line that names the symbol. */
int bpfshim_ksyms_init(void);

/* Address of any kernel symbol, or 0.  Process context. */
unsigned long bpfshim_ksym_lookup(const char *name);

/* The kernel's per-CPU variable of that name, as this_cpu_ptr takes it; 0: there
 * is none of that size.  Process context. */
unsigned long bpfshim_percpu_symbol(const char *name, size_t size);

#endif /* BPFSHIM_COMPAT_KSYMS_H */
