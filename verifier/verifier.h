/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The verifier's interface: programs in by value; verdict, log and rewritten
 * program out.  Freestanding: the same files compile into the module and on
 * the host.  No kernel header, no global state, no recursion, gnu89.
 *
 * Context: process context, may sleep (it calls ops->resched).  One call owns
 * everything it allocates; any number may run at once.
 */
#ifndef BPFSHIM_VERIFIER_H
#define BPFSHIM_VERIFIER_H

#include "../ioctl/bpfshim.h"
#include "types.h"	/* u8..u64, s8..s64, bool, size_t, NULL, offsetof, container_of, ARRAY_SIZE, errno values */

#define BPFSHIM_VRF_MAX_USED_MAPS	64
#define BPFSHIM_VRF_MAX_SUBPROGS	256
#define BPFSHIM_VRF_MAX_INSNS		1000000	/* program length and processed */
#define BPFSHIM_VRF_MAX_STACK		512

struct bpfshim_vrf_btf;		/* a validated BTF, see btf.h */

#define BPFSHIM_VRF_MAX_KPTRS	8

/* A kernel pointer in a map's value. */
struct bpfshim_vrf_kptr {
	u32 off;		/* in the value, a multiple of 8 */
	bool ref;		/* owns a reference */
	u32 btf_id;		/* of the struct it points to */
	const struct bpfshim_vrf_btf *btf;	/* the kernel's, or the driver's own */
};

/* What the verifier must know of a map.  Filled by ops->map_get. */
struct bpfshim_vrf_map {
	u32 map_type;
	u32 key_size;
	u32 value_size;
	u32 max_entries;
	u32 map_flags;
	u32 id;			/* unique a map: same id, same map */
	char name[BPFSHIM_OBJ_NAME_LEN];
	bool frozen_rdonly;	/* frozen and RDONLY_PROG: contents are constants */
	s32 spin_lock_off;	/* offset in the value, or -1 */
	s32 timer_off;		/* offset in the value, or -1 */
	const struct bpfshim_vrf_kptr *kptrs;	/* nr_kptrs of them, or NULL */
	u32 nr_kptrs;
	const struct bpfshim_vrf_btf *btf; /* NULL when the map has none */
	u32 btf_key_type_id;
	u32 btf_value_type_id;
	/* Map-in-map: description of the inner maps, NULL otherwise. Owned
	 * by the caller, valid until bpfshim_verify returns. */
	const struct bpfshim_vrf_map *inner;
};

/* Services the caller lends.  cookie is passed back unchanged. */
struct bpfshim_vrf_ops {
	/* Zeroed memory or NULL; may sleep. */
	void *(*alloc)(void *cookie, size_t size);
	void (*free)(void *cookie, void *p);
	/* Called every few thousand instructions with no lock held.
	 * 0, or the negative errno the verification ends with (-EAGAIN). */
	int (*resched)(void *cookie);
	/* Monotonic nanoseconds, for the statistics. */
	u64 (*now_ns)(void *cookie);
	/* Log text (not NUL terminated), in order; level filtering is done. */
	void (*log)(void *cookie, const char *text, u32 len);
	/* Drop the log's text after byte pos (of all that log was given): a
	 * path that ended well leaves none.  NULL: the log keeps everything. */
	void (*log_reset)(void *cookie, u64 pos);
	/*
	 * Resolve a map reference of ld_imm64: an fd, or with is_idx an index
	 * into PROG_LOAD's fd_array.  The caller holds a reference on the map
	 * as used map number *idx (0..63, counted up from 0, the same for the
	 * same map) until the program dies.  0, -EBADF (not a map fd), -E2BIG (more than 64 maps),
	 * -EINVAL, -EFAULT.
	 */
	int (*map_get)(void *cookie, s32 ref, bool is_idx, u32 *idx,
		       struct bpfshim_vrf_map *map);
	/* Read `size` (1,2,4,8) bytes at off of a frozen_rdonly array map's
	 * value area.  0 or -EINVAL. */
	int (*map_read)(void *cookie, u32 idx, u32 off, u32 size, u64 *val);
	/* What this_cpu_ptr takes for the kernel's per-CPU variable of that name
	 * and size: 0 or -ENOENT.  NULL: whatever kernel_btf names is there. */
	int (*percpu_addr)(void *cookie, const char *name, u32 size, u64 *addr);
};

/* Input. */
struct bpfshim_vrf_prog {
	const struct bpfshim_insn *insns;	/* read only, copied */
	u32 len;			/* slots */
	u32 prog_type;
	u32 expected_attach_type;
	u32 prog_flags;			/* BPFSHIM_F_STRICT_ALIGNMENT ... */
	bool gpl_compatible;
	/* Program BTF and its records, or NULL/0. Records already copied in,
	 * truncated or zero-extended to the structs of bpfshim.h. */
	const struct bpfshim_vrf_btf *btf;
	const struct bpfshim_func_info *func_info;
	u32 func_info_cnt;
	const struct bpfshim_line_info *line_info;
	u32 line_info_cnt;
	/* Kernel BTF for attach_btf_id and BTF-typed pointers; NULL: none. */
	const struct bpfshim_vrf_btf *kernel_btf;
	u32 attach_btf_id;
	u32 log_level;			/* BPFSHIM_LOG_* bits; 0: no log */
	/* Bit n set: helper n may be called (the driver implements it). NULL:
	 * every helper the table knows for the type. */
	const u64 *helper_avail;
	bool unpriv;			/* 6.1's rules for unprivileged users, mask included */
	bool mask;			/* mask against speculation; verdicts stay root's */
	u32 mem_limit;			/* bytes of arena; 0: default */
};

/* Output only: speculation does not go past it. */
#define BPFSHIM_NOSPEC_INSN	(BPFSHIM_ST | 0xc0)
/*
 * Output only: a pointer moves by a number n, which counts as 0 unless
 * 0 <= n <= imm; decided without a branch.  n is src, and dst the pointer, or
 * with BPFSHIM_MOVE_DST the reverse; with BPFSHIM_MOVE_NEG it is negated
 * first, and with BPFSHIM_MOVE_DOWN the pointer moves down.  These lie in off.
 */
#define BPFSHIM_MOVE_INSN	(BPFSHIM_ALU64 | 0xe0 | BPFSHIM_X)
#define BPFSHIM_MOVE_DST	1
#define BPFSHIM_MOVE_NEG	2
#define BPFSHIM_MOVE_DOWN	4

/* Per output instruction. */
struct bpfshim_vrf_aux {
	u32 orig_idx;		/* index in the input program */
	u8  zext;		/* 32-bit def whose upper half a user reads (for JITs without implicit zext) */
	u8  probe_mem;		/* load may fault: must be fault tolerant, reads 0 */
	u8  flags;		/* BPFSHIM_AUX_* */
	u8  pad;
	/* helper call on a map: used map index known at verification, or -1 */
	s32 map_idx;
	/* known constant key of a lookup etc. (const_key valid if flag set) */
	u64 const_key;
};
#define BPFSHIM_AUX_CONST_KEY	(1 << 0)

struct bpfshim_vrf_subprog {
	u32 start;		/* first output instruction */
	u32 stack_depth;	/* bytes, rounded to 8 */
	u32 orig_start;
	u32 func_info_idx;	/* or ~0 */
	bool has_tail_call;
	bool tail_call_reachable;
	bool is_async_cb;
	bool has_ld_abs;
};

/*
 * Output, all of it from ops->alloc; released by bpfshim_vrf_result_free.
 *
 * Rewritten instructions obey 6.1's encoding with these conventions:
 *  - ld_imm64 of a map: src_reg PSEUDO_MAP_IDX (imm = used map index) or
 *    PSEUDO_MAP_IDX_VALUE (imm = used map index, second imm = offset into the
 *    value); src_reg PSEUDO_FUNC: imm = subprogram index; src_reg 0: a number,
 *    such as the address of a per-CPU variable.
 *  - call with src_reg 0: imm = helper id; src_reg PSEUDO_CALL: imm = distance
 *    from the next instruction, off = target subprogram index.
 *  - context accesses are already rewritten for the type's real context.
 *  - a fault-tolerant load has aux.probe_mem set.
 *  - dead code is gone; ld_abs/ld_ind are gone or refused.
 *  - BPFSHIM_NOSPEC_INSN and BPFSHIM_MOVE_INSN, below, may be there.
 */
struct bpfshim_vrf_result {
	struct bpfshim_insn *insns;
	u32 len;
	struct bpfshim_vrf_aux *aux;		/* len entries */
	struct bpfshim_vrf_subprog *subprogs;
	u32 nr_subprogs;
	struct bpfshim_line_info *line_info;	/* insn_off of the output */
	u32 nr_line_info;
	u64 helpers_used[4];			/* bit n: helper n is called */
	u32 max_ctx_offset;	/* end of the highest context byte accessed, as 6.1's aux */
	bool uses_tail_call;
	bool uses_cb;				/* calls back into itself */
	bool masked;				/* against speculation: engines mask indices, too */
	/* BPF_LOG_STATS figures, valid on failure too */
	u32 insn_processed;
	u32 total_states;
	u32 peak_states;
	u32 max_states_per_insn;
	u32 longest_mark_read_walk;
	u64 time_ns;
	u64 peak_mem;
};

/**
 * bpfshim_verify() - decide whether a program may run.
 * @prog:   the program and its surroundings; only read
 * @ops:    services; @cookie is handed to each
 * @result: out; zeroed first; statistics valid on failure too
 *
 * Return: 0 and a rewritten program; -EACCES, -EINVAL, -EPERM, -E2BIG,
 * -EFAULT, -EBADF ... as Linux 6.1 for the same program, with the reason in
 * the log; -ENOMEM; the value of ops->resched.  On failure result holds no
 * memory.  Context: process, may sleep.
 */
int bpfshim_verify(const struct bpfshim_vrf_prog *prog,
		   const struct bpfshim_vrf_ops *ops, void *cookie,
		   struct bpfshim_vrf_result *result);

/** bpfshim_vrf_result_free() - release what bpfshim_verify allocated. */
void bpfshim_vrf_result_free(struct bpfshim_vrf_result *result,
			     const struct bpfshim_vrf_ops *ops, void *cookie);

#endif /* BPFSHIM_VERIFIER_H */
