/* SPDX-License-Identifier: GPL-2.0 */
/* Kinds that the rows of ioctl/helpers.h name. */
#ifndef BPFSHIM_VRF_HELPERS_H
#define BPFSHIM_VRF_HELPERS_H

#include "verifier.h"
#include "../ioctl/helpers.h"

enum bpfshim_arg {
	BPFSHIM_ARG_NONE,
	BPFSHIM_ARG_ANY,		/* any initialised register */
	BPFSHIM_ARG_MAP,		/* struct bpfshim_map *, constant */
	BPFSHIM_ARG_KEY,		/* key_size readable bytes */
	BPFSHIM_ARG_VALUE,		/* value_size readable bytes */
	BPFSHIM_ARG_UNINIT_VALUE,	/* value_size writable bytes */
	BPFSHIM_ARG_MEM,		/* readable; the next argument is its size */
	BPFSHIM_ARG_MEM_OR_NULL,
	BPFSHIM_ARG_UNINIT_MEM,		/* writable; the next argument is its size */
	BPFSHIM_ARG_MEM_OR_NULL_W,	/* writable or NULL */
	BPFSHIM_ARG_SIZE,		/* of the argument before; not 0 */
	BPFSHIM_ARG_SIZE0,		/* may be 0 */
	BPFSHIM_ARG_CTX,
	BPFSHIM_ARG_FUNC,		/* a static subprogram */
	BPFSHIM_ARG_STACK_OR_NULL,
	BPFSHIM_ARG_CONST_STR,		/* NUL-terminated, in a frozen read-only map */
	BPFSHIM_ARG_ALLOC_SIZE,		/* a known number */
	BPFSHIM_ARG_ALLOC_MEM,		/* what an acquiring helper returned */
	BPFSHIM_ARG_SPIN_LOCK,
};

enum bpfshim_ret {
	BPFSHIM_RET_INT,
	BPFSHIM_RET_VOID,
	BPFSHIM_RET_VALUE_OR_NULL,	/* of the map in R1 */
	BPFSHIM_RET_ALLOC_MEM_OR_NULL,	/* reference to release; size from ALLOC_SIZE */
};

/* Types that may call a helper. */
#define BPFSHIM_HT_NONE		0u
#define BPFSHIM_HT_KPROBE	(1u << BPFSHIM_PROG_TYPE_KPROBE)
#define BPFSHIM_HT_PERF		(1u << BPFSHIM_PROG_TYPE_PERF_EVENT)
#define BPFSHIM_HT_TRACE	(BPFSHIM_HT_KPROBE | BPFSHIM_HT_PERF | \
				 (1u << BPFSHIM_PROG_TYPE_TRACEPOINT) | \
				 (1u << BPFSHIM_PROG_TYPE_RAW_TRACEPOINT) | \
				 (1u << BPFSHIM_PROG_TYPE_RAW_TRACEPOINT_WRITABLE) | \
				 (1u << BPFSHIM_PROG_TYPE_TRACING))
#define BPFSHIM_HT_ALL		(~0u)

struct vrf_helper {
	const char *name;
	bool offered, gpl;
	u32 types;
	u8 ret;
	u8 arg[5];
};

/** bpfshim_ver_helper_of() - the row of a helper id; NULL: no such id. */
const struct vrf_helper *bpfshim_ver_helper_of(s32 id);

#endif /* BPFSHIM_VRF_HELPERS_H */
