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
#define BPFSHIM_MAX_FRAMES	8
#define BPFSHIM_TAIL_OUTSIDE	((const struct bpfshim_xprog *)1UL)

struct bpfshim_xprog;

/* What the engines need from where they run. One constant instance. */
struct bpfshim_exec_env {
	/* by helper id; NULL: cannot be called */
	bpfshim_helper_fn helpers[BPFSHIM_HELPER_SLOTS];
	/* Fault-tolerant read of size 1,2,4,8; *val = 0 on a fault. */
	void (*probe_load)(u64 addr, u32 size, u64 *val);
	/* tail_call: program in slot `index` of prog array `map`; NULL: none;
	 * BPFSHIM_TAIL_OUTSIDE: no such slot.  Called with the caller's
	 * guarantees (RCU, preemption off). */
	const struct bpfshim_xprog *(*tail_target)(void *map, u32 index);
	/* Host tests: give up (R0 = ~0) after so many backward jumps and
	 * calls; 0: no limit.  Not looked at in the kernel. */
	u64 max_call_insns;
};

/*
 * Opcodes of linked programs only.  A load that may fault is LDX|PROBE (and
 * PROBESX, sign-extending); a tail call is JMP|TAIL_CALL.
 */
#define BPFSHIM_PROBE		0x20
#define BPFSHIM_PROBESX		0x40
#define BPFSHIM_TAIL_CALL	0xe0

/*
 * What ld_imm64 of a BPF function becomes: helpers that call back get its
 * address, for bpfshim_callback_run().  Owned by the xprog.
 */
struct bpfshim_callback {
	const struct bpfshim_xprog *p;
	u32 subprog;
	/* set with the program's native; NULL: interpret */
	bpfshim_helper_fn native;
};

/* A function of a linked program. */
struct bpfshim_xsub {
	u32 start, len;			/* instructions */
	u32 frame;			/* bytes of its own stack, rounded to 8 */
	u32 need;			/* bytes the interpreter needs from here down */
	bool tail_call;			/* makes tail calls itself */
	bool tail_reachable;		/* runs below one that may be tail called */
	bool callback;			/* its address is taken */
};

/* A linked, runnable program.  Immutable after linking; owned by its prog. */
struct bpfshim_xprog {
	const struct bpfshim_exec_env *env;
	struct bpfshim_insn *insns;	/* the verifier's, rewritten */
	u32 len;
	u32 nr_subs;
	struct bpfshim_xsub *subs;
	struct bpfshim_callback *callbacks; /* nr_subs, or NULL: no address taken */
	u32 run_class;			/* interpreter: size of its stack */
	bpfshim_native_fn native;	/* NULL: interpret */
	/*
	 * Native programs: where a tail call enters, behind the prologue that
	 * starts a new count.
	 */
	const void *native_tail;
};

/* Who knows where maps are: resolves references when a program is linked. */
struct bpfshim_link_ops {
	/* Address of used map idx, or with value set of byte off of its value
	 * area.  0, or a negative errno that ends the linking. */
	int (*map_addr)(void *cookie, u32 idx, bool value, u32 off, u64 *addr);
	void *(*alloc)(void *cookie, size_t size);	/* zeroed, or NULL */
	void (*free)(void *cookie, void *p);		/* NULL is fine */
};

/**
 * bpfshim_xprog_link() - make a verified program runnable.
 * @x:   out; on failure nothing is held.  It must not move afterwards:
 *       callback handles point to it
 * @res: the verifier's output; its instructions are rewritten in place and
 *       must outlive @x, the rest is not referenced afterwards
 * @env: constant, outlives @x
 *
 * Checks the instructions' form once more (opcodes, registers, jump targets,
 * helpers that exist), so that neither engine can be led astray by a broken
 * rewrite.  Context: process, sleeps as ops do.
 * Return: 0, -ENOMEM, -EINVAL (an instruction no engine knows, a helper that
 * @env lacks), or what ops->map_addr said.
 */
int bpfshim_xprog_link(struct bpfshim_xprog *x, struct bpfshim_vrf_result *res,
		       const struct bpfshim_exec_env *env,
		       const struct bpfshim_link_ops *ops, void *cookie);
/** bpfshim_xprog_free() - release what linking allocated (not @res). */
void bpfshim_xprog_free(struct bpfshim_xprog *x, const struct bpfshim_link_ops *ops,
			void *cookie);

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

/**
 * bpfshim_callback_run() - a helper calls back: R1..R5 in, R0 out.
 * Context: the calling program's, whose run this is part of; or later with
 * the same guarantees while the program is referenced (timers).
 */
static inline u64 bpfshim_callback_run(const struct bpfshim_callback *cb,
				       u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return cb->native ? cb->native(r1, r2, r3, r4, r5) :
	       bpfshim_interp_call(cb->p, cb->subprog, r1, r2, r3, r4, r5);
}

#endif /* BPFSHIM_EXEC_H */
