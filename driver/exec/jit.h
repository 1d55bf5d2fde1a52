/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The x86-64 JIT's interface.  Freestanding: bytes into a buffer of the
 * caller's, for an address the caller names.
 *
 *   bpfshim_jit_plan()   decides everything and knows the size
 *   (the caller finds memory inside [area_lo, area_hi))
 *   bpfshim_jit_emit()   writes the image for its final address
 *   bpfshim_jit_attach() tells the xprog, once the image may run
 *   bpfshim_jit_done()   frees what planning allocated
 */
#ifndef BPFSHIM_EXEC_JIT_H
#define BPFSHIM_EXEC_JIT_H

#include "exec.h"

#define BPFSHIM_JIT_RETPOLINE	(1U << 0)	/* no indirect jump or call */
#define BPFSHIM_JIT_BLIND	(1U << 1)	/* no constant of the program's in the image */
#define BPFSHIM_JIT_BMI2	(1U << 2)	/* the CPU has shlx, shrx, sarx */
#define BPFSHIM_JIT_ENDBR	(1U << 3)	/* entries begin with endbr64 */
#define BPFSHIM_JIT_ALIGN16	(1U << 4)	/* calls want a 16-byte aligned stack */
#define BPFSHIM_JIT_MOVBE	(1U << 5)
#define BPFSHIM_JIT_NO_FUSE	(1U << 6)	/* one instruction at a time (tests) */
#define BPFSHIM_JIT_MASK	(1U << 7)	/* indices are masked, not only compared */

/* A map whose lookups are inlined. */
enum bpfshim_jit_map_kind {
	BPFSHIM_JIT_MAP_NONE,
	BPFSHIM_JIT_MAP_ARRAY,		/* base + index * elem_size */
	BPFSHIM_JIT_MAP_PERCPU_ARRAY,	/* *(base + index * 8) + this CPU's offset */
	BPFSHIM_JIT_MAP_HASH,		/* element + value_off */
	BPFSHIM_JIT_MAP_PERCPU_HASH,	/* *(element + value_off) + this CPU's offset */
};

#define BPFSHIM_JIT_BUCKET	16	/* bytes of a hash's bucket */

struct bpfshim_jit_map {
	enum bpfshim_jit_map_kind kind;
	u64 base;
	u32 elem_size;
	u32 max_entries;
	/*
	 * Hashes: keys of one or two words k0, k1, whose hash is the upper half
	 * of mul[0] * k0 + mul[1] (+ mul[2] * k1).  base: buckets (bucket.h), each of
	 * which begins with a nulls list of elements by their first word, the end of
	 * bucket n being 2 * n + 1.  Offsets in an element.
	 */
	u32 key_size, bucket_shift;
	u32 hash_off, key_off, value_off;
	u64 mul[3];
};

/* A per-CPU variable, as an offset from gs. */
struct bpfshim_jit_percpu {
	bool known;
	s32 off;
};

/*
 * Facts and wishes.  Constant while a plan lives.  Zero is a valid value of
 * each: without it, the thing is not inlined.
 */
struct bpfshim_jit_opts {
	u32 flags;
	u64 area_lo, area_hi;	/* where the image may come to lie */
	u32 blind_seed;
	u64 ret_thunk;		/* jump there instead of ret; in reach of the area */
	/*
	 * Fault-tolerant loads of 1, 2, 4, 8 bytes, in reach of the area:
	 * address in r11, value (zero-extended; 0 on a fault or for a user
	 * address) in r11; r9 and r10 may change, nothing else.  0: the
	 * program cannot be compiled if it has such loads.
	 */
	u64 probe_stub[4];
	/* Prog arrays: u32 bound and first entry, from the map's address; an
	 * entry is its program's native_tail, or NULL.  parr_entries 0: no
	 * tail calls. */
	u32 parr_max, parr_entries;
	/* The address of one entry, of a map and index known now; 0: look for
	 * it at run time. May be NULL. */
	u64 (*parr_entry)(void *cookie, u32 map_idx, u32 index);
	u32 tail_stack;		/* bytes that frames under tail calls may take */
	struct bpfshim_jit_percpu cpu_number;	/* u32 */
	struct bpfshim_jit_percpu this_cpu_off;	/* u64 */
	struct bpfshim_jit_percpu current_task;	/* u64 */
	/* The verifier's notes, one an instruction, or NULL. */
	const struct bpfshim_vrf_aux *aux;
	/* Used map idx: fill m, or leave its kind NONE. May be NULL. */
	void (*map_info)(void *cookie, u32 idx, struct bpfshim_jit_map *m);
	/* A function to call for this helper on used map idx (or -1), 0: the
	 * env's. May be NULL. */
	u64 (*helper_target)(void *cookie, u32 helper, s32 map_idx);
	void *(*alloc)(void *cookie, size_t size);	/* zeroed, or NULL */
	void (*free)(void *cookie, void *p);
	void *cookie;
};

/* One compilation.  Owned by its caller; private but for the first part. */
struct bpfshim_jit {
	u32 len;		/* bytes of the image */
	/* Code offsets: of instruction i, of the end ([nr insns]). */
	u32 *off;
	/* Code offsets of functions; entry 0 is the program. */
	u32 sub_off[BPFSHIM_VRF_MAX_SUBPROGS];

	const struct bpfshim_xprog *x;
	const struct bpfshim_jit_opts *o;
	struct bpfshim_jit_fn *fns;
	u8 *flags;		/* an instruction: JF_* */
	u16 *live;		/* registers live before it */
	u32 cb_off[BPFSHIM_VRF_MAX_SUBPROGS];	/* entries from C */
	u32 tail_off;
	u8 *buf;
	u32 cap;
	u32 pos;
	u64 base;
	u32 sub;		/* function being emitted */
	u32 thunk_off;
	s32 shift;		/* what follows has moved by so much in this pass */
	bool thunk_used, first, moved, grown;
};

/**
 * bpfshim_jit_plan() - analyse and size a linked program.
 * @j: out; bpfshim_jit_done() frees what it holds, also after a failure
 * Return: 0; -ENOMEM; -ENOTSUPP: the program needs what @o does not give
 * (it can be interpreted).  Context: process.
 */
int bpfshim_jit_plan(struct bpfshim_jit *j, const struct bpfshim_xprog *x,
		     const struct bpfshim_jit_opts *o);
/**
 * bpfshim_jit_emit() - write the image that is to run at addr.
 * @cap: bytes of @buf; never exceeded
 * Return: 0; -ENOSPC: @cap is less than j->len; -ERANGE: @addr is outside
 * the area.
 */
int bpfshim_jit_emit(struct bpfshim_jit *j, u8 *buf, u32 cap, u64 addr);
/** bpfshim_jit_attach() - from now on @x (that was planned) runs natively. */
void bpfshim_jit_attach(const struct bpfshim_jit *j, struct bpfshim_xprog *x, u64 addr);
/** bpfshim_jit_done() - free the plan's memory. */
void bpfshim_jit_done(struct bpfshim_jit *j);

#endif /* BPFSHIM_EXEC_JIT_H */
