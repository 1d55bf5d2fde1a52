/* SPDX-License-Identifier: GPL-2.0 */
/*
 * BTF: validation of what BTF_LOAD was given, and lookups in it.  Freestanding
 * as verifier.h is.  A struct bpfshim_vrf_btf is immutable once parsed: it may
 * be read from any context without a lock; its owner frees it.
 */
#ifndef BPFSHIM_BTF_H
#define BPFSHIM_BTF_H

#include "verifier.h"

/**
 * bpfshim_btf_parse() - validate a raw .BTF blob.
 * @data:  the blob; must stay valid and unchanged for the result's lifetime
 * @size:  its bytes
 * @kernel: apply the (laxer) rules of a kernel's own BTF
 * @log_level: 0: no log; ops->log gets lines in 6.1's style
 * @out:   the parsed BTF
 *
 * Return: 0, -EINVAL (malformed; log says where), -E2BIG, -ENOMEM, -ENOTSUPP
 * (unknown version or flags) as Linux 6.1's BPF_BTF_LOAD.
 */
int bpfshim_btf_parse(const void *data, u32 size, bool kernel, u32 log_level,
		      const struct bpfshim_vrf_ops *ops, void *cookie,
		      struct bpfshim_vrf_btf **out);
void bpfshim_btf_free(struct bpfshim_vrf_btf *btf,
		      const struct bpfshim_vrf_ops *ops, void *cookie);

/** bpfshim_btf_map_check() - key and value types of a map fit its sizes, and
 * find a spin lock or timer in the value (offsets or -1).  0 or -EINVAL ... */
int bpfshim_btf_map_check(const struct bpfshim_vrf_btf *btf, u32 key_type_id,
			  u32 value_type_id, u32 map_type, u32 key_size,
			  u32 value_size, u32 max_entries,
			  s32 *spin_lock_off, s32 *timer_off);

#endif /* BPFSHIM_BTF_H */
