/* SPDX-License-Identifier: GPL-2.0 */
/* What compiled programs must know of this machine and kernel. */
#ifndef BPFSHIM_COMPAT_NATIVE_H
#define BPFSHIM_COMPAT_NATIVE_H

/* Constant after boot. */
struct bpfshim_native_facts {
	bool retpoline;		/* indirect jumps are to be avoided */
	bool ibt;		/* indirect calls must land on endbr64 */
	bool bmi2, movbe;
	u64 ret_thunk;		/* 0: return by ret */
	u64 clock;		/* CLOCK_MONOTONIC from any context; 0: no such function */
	u64 probe_stub[4];	/* fault-tolerant loads, see exec/jit.h */
	u64 modules_lo, modules_hi;
	/* per-CPU variables, as offsets from gs */
	s32 cpu_number, this_cpu_off, current_task;
	u32 tail_stack;		/* bytes frames under tail calls may take */
};

/* false: programs cannot be compiled on this machine. */
bool bpfshim_native_facts(struct bpfshim_native_facts *f);

#endif /* BPFSHIM_COMPAT_NATIVE_H */
