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

/** bpfshim_kptrs_find() - the members of a map's value that keep kernel
 * pointers.  kernel: the kernel's BTF; owned: bpfshim_own_types(), parsed; either
 * may be NULL.  How many; -EINVAL (it has none, or they are not well-formed),
 * -E2BIG, -ENOENT (no such type): the map has none then, as 6.1 takes it. */
int bpfshim_kptrs_find(const struct bpfshim_vrf_btf *btf, u32 value_id, const struct bpfshim_vrf_btf *kernel,
		       const struct bpfshim_vrf_btf *owned, struct bpfshim_vrf_kptr out[BPFSHIM_VRF_MAX_KPTRS]);
/** bpfshim_own_types() - a BTF blob: types whose references maps may keep. */
const void *bpfshim_own_types(u32 *size);

/* ---- questions ---------------------------------------------------------- */

/* A record as it lies in the blob; what follows depends on the kind. */
struct bpfshim_btf_type {
	u32 name_off;
	u32 info;
	u32 size;		/* or the id of another type */
};
#define BPFSHIM_BTF_KIND(info)	(((info) >> 24) & 0x1f)
#define BPFSHIM_BTF_VLEN(info)	((info) & 0xffff)
#define BPFSHIM_BTF_KFLAG(info)	((info) >> 31)
#define BPFSHIM_BTF_INT		1
#define BPFSHIM_BTF_PTR		2
#define BPFSHIM_BTF_ARRAY	3
#define BPFSHIM_BTF_STRUCT	4
#define BPFSHIM_BTF_UNION	5
#define BPFSHIM_BTF_ENUM	6
#define BPFSHIM_BTF_FWD		7
#define BPFSHIM_BTF_TYPEDEF	8
#define BPFSHIM_BTF_VOLATILE	9
#define BPFSHIM_BTF_CONST	10
#define BPFSHIM_BTF_RESTRICT	11
#define BPFSHIM_BTF_FUNC	12
#define BPFSHIM_BTF_FUNC_PROTO	13
#define BPFSHIM_BTF_VAR		14
#define BPFSHIM_BTF_DATASEC	15
#define BPFSHIM_BTF_FLOAT	16
#define BPFSHIM_BTF_DECL_TAG	17
#define BPFSHIM_BTF_TYPE_TAG	18
#define BPFSHIM_BTF_ENUM64	19

/** bpfshim_btf_type() - the record of an id; NULL past the end.  0 is void. */
const struct bpfshim_btf_type *bpfshim_btf_type(const struct bpfshim_vrf_btf *btf, u32 id);
/** bpfshim_btf_name() - the string at an offset; NULL outside. */
const char *bpfshim_btf_name(const struct bpfshim_vrf_btf *btf, u32 off);
u32 bpfshim_btf_nr_types(const struct bpfshim_vrf_btf *btf);
/** bpfshim_btf_skip() - through typedefs and modifiers; *res_id: where it ends. */
const struct bpfshim_btf_type *bpfshim_btf_skip(const struct bpfshim_vrf_btf *btf,
						u32 id, u32 *res_id);
/** bpfshim_btf_size() - bytes of a type. 0 or -EINVAL (it has none). */
int bpfshim_btf_size(const struct bpfshim_vrf_btf *btf, u32 id, u32 *size);
/** bpfshim_btf_find() - the first type of that kind and name, or -ENOENT. */
s32 bpfshim_btf_find(const struct bpfshim_vrf_btf *btf, const char *name, u32 kind);

#endif /* BPFSHIM_BTF_H */
