/* SPDX-License-Identifier: GPL-2.0 */
/* Programs compiled to machine code. */
#ifndef BPFSHIM_NATIVE_H
#define BPFSHIM_NATIVE_H

#include "internal.h"
#include "exec/jit.h"

/* Once, at load: can programs be compiled here? */
bool bpfshim_native_init(void);
/* A linked program becomes native. 0, -ENOMEM, -ENOTSUPP. Process context. */
int bpfshim_native_compile(struct bpfshim_prog *prog);
/* Nobody runs it any more. */
void bpfshim_native_free(struct bpfshim_prog *prog);

/* maps/array.c, maps/hash.c, maps/prog_array.c: layouts that compiled code relies on */
void bpfshim_array_native(const struct bpfshim_map *map, struct bpfshim_jit_map *m);
void bpfshim_htab_native(const struct bpfshim_map *map, struct bpfshim_jit_map *m);
void bpfshim_prog_array_native(u32 *max_off, u32 *entries_off);
/* Address of the entry at index, which is in bounds; 0: no prog array. */
u64 bpfshim_prog_array_entry(const struct bpfshim_map *map, u32 index);

#endif /* BPFSHIM_NATIVE_H */
