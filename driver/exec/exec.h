/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Execution engines: the interpreter and the JIT.  Freestanding, like the
 * verifier: they compile on the host, where tests and fuzzers run them.
 *
 * Both run a program the verifier accepted, in the output encoding that
 * verifier.h describes, after bpfshim_xprog_link() turned ld_imm64 map
 * references into addresses.
 */
#ifndef BPFSHIM_EXEC_H
#define BPFSHIM_EXEC_H

#include "../../verifier/verifier.h"

/* A helper as an engine calls it: five words in, one out. */
typedef u64 (*bpfshim_helper_fn)(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5);
/* What a native (JITed) program, or a run of the interpreter, looks like. */
typedef u64 (*bpfshim_native_fn)(const void *ctx);

#define BPFSHIM_MAX_TAIL_CALLS	33
#define BPFSHIM_HELPER_SLOTS	256

struct bpfshim_xprog;

/*
 * What ld_imm64 of a BPF function becomes: helpers that call back get its
 * address.  Owned by the xprog, immutable.
 */
struct bpfshim_callback {
	const struct bpfshim_xprog *p;
	u32 subprog;
};

/* What the engines need from where they run. One constant instance. */
struct bpfshim_exec_env {
	/* by helper id; NULL: cannot be called */
	bpfshim_helper_fn helpers[BPFSHIM_HELPER_SLOTS];
	/* Fault-tolerant read of size 1,2,4,8; *val = 0 on a fault. */
	void (*probe_load)(u64 addr, u32 size, u64 *val);
	/* tail_call: program in slot `index` of prog array `map`, or NULL.
	 * Called with the caller's guarantees (RCU, preemption off). */
	const struct bpfshim_xprog *(*tail_target)(void *map, u32 index);
	/* Where the engine keeps what runs on this CPU (on the host: in this
	 * thread); only runs that may be called back use it. */
	void **(*run_slot)(void);
	u64 max_call_insns;	/* host tests: stop after so many; 0: no limit */
};

/* A linked, runnable program.  Immutable after linking; owned by its prog. */
struct bpfshim_xprog {
	const struct bpfshim_exec_env *env;
	struct bpfshim_insn *insns;
	u32 len;
	u8 *probe_mem;			/* bitmap, or NULL: no such load */
	const struct bpfshim_vrf_subprog *subprogs;
	u32 nr_subprogs;
	struct bpfshim_callback *callbacks;	/* nr_subprogs, or NULL */
	bool uses_cb;			/* a helper may call back */
	bpfshim_native_fn native;	/* NULL: interpret */
};

/* Who knows where maps are: resolves references when a program is linked. */
struct bpfshim_link_ops {
	/* Address of used map idx, or with value set of byte off of its value
	 * area.  0, or a negative errno that ends the linking. */
	int (*map_addr)(void *cookie, u32 idx, bool value, u32 off, u64 *addr);
	void *(*alloc)(void *cookie, size_t size);	/* zeroed, or NULL */
	void (*free)(void *cookie, void *p);
};

/**
 * bpfshim_xprog_link() - make a verified program runnable.
 * @x:   out; on failure nothing is held
 * @res: the verifier's output; its instructions are rewritten in place and must
 *       outlive @x, so must its subprograms
 * Return: 0, -ENOMEM, -EINVAL (an instruction no engine knows, a helper that
 * @env lacks), or what ops->map_addr said.  Context: process.
 */
int bpfshim_xprog_link(struct bpfshim_xprog *x, struct bpfshim_vrf_result *res,
		       const struct bpfshim_exec_env *env,
		       const struct bpfshim_link_ops *ops, void *cookie);
/** bpfshim_xprog_free() - release what linking allocated (not @res). */
void bpfshim_xprog_free(struct bpfshim_xprog *x, const struct bpfshim_link_ops *ops, void *cookie);

/** bpfshim_callback_run() - a helper calls back: R1..R5 in, R0 out.  Context:
 * the calling program's, whose run this is part of. */
u64 bpfshim_callback_run(const struct bpfshim_callback *cb, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5);

/**
 * bpfshim_interp_run() - run by interpretation.
 * Context: any the program's helpers allow; preemption must be off in the
 * kernel. Uses at most 1.5 KiB of stack. Never sleeps or loops for ever
 * (the verifier bounded the program).
 * Return: R0.
 */
u64 bpfshim_interp_run(const struct bpfshim_xprog *p, const void *ctx);
/* Run one subprogram as a callback (bpf_loop, for_each, timers): R1..R5. */
u64 bpfshim_interp_call(const struct bpfshim_xprog *p, u32 subprog,
			u64 r1, u64 r2, u64 r3, u64 r4, u64 r5);

#endif /* BPFSHIM_EXEC_H */
