/* SPDX-License-Identifier: GPL-2.0 */
/* Programs linked on the host without a verifier: environment and engines. */
#ifndef BPFSHIM_EXEC_TEST_HOST_H
#define BPFSHIM_EXEC_TEST_HOST_H

#include "vec.h"
#include "../jit.h"

/* A program, its engine's state. */
struct host_prog {
	struct bpfshim_vrf_result res;
	struct bpfshim_xprog x;
	void *image;
	size_t image_size;
	u32 image_used;
};

struct host_engine {
	const char *name;
	int (*prepare)(struct host_prog *p);	/* after linking; 0 or errno */
	u64 (*call)(struct host_prog *p, u64 r1, u64 r2);
	void (*finish)(struct host_prog *p);
};

extern struct bpfshim_exec_env host_env;
/* Words that ld_imm64 gives for map i, and the start of its value. */
extern u64 host_map_addr[64], host_map_value[64];

const struct host_engine *host_engine_at(u32 i);	/* NULL at the end; 0: interpreter */
const struct host_engine *host_engine(const char *name);

/*
 * Link a copy of insns. subs: start of functions from 1 on, ended by 0; stack
 * bytes of each; NULL: functions are found by their calls and get 64 bytes
 * (the first 512, as no other uses any when there is one alone).
 */
int host_link(struct host_prog *p, const struct host_engine *e,
	      const struct bpfshim_insn *insns, u32 n, const u16 *subs, const u16 *stack);
/* The verifier's notes on instruction i, for the next host_link; it clears them. */
struct bpfshim_vrf_aux *host_note(u32 i);
void host_free(struct host_prog *p, const struct host_engine *e);
void host_init(void);

/* host_jit.c */
struct host_jit_facts {
	u32 parr_max, parr_entries;
	u64 (*parr_entry)(void *cookie, u32 map_idx, u32 index);
	void (*map_info)(void *cookie, u32 idx, struct bpfshim_jit_map *m);
	/* low addresses: gs is 0 in a process */
	struct bpfshim_jit_percpu cpu_number, this_cpu_off, current_task;
	u64 bytes;		/* of images so far */
};
extern struct host_jit_facts host_jit_facts;
void host_jit_init(void);
const struct host_engine *host_jit_engine(u32 i);

#endif
