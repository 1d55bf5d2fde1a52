/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A machine that runs programs as they were written and checks all they do:
 * objects at addresses far apart, so that no wrong access hits anything.
 */
#ifndef BPFSHIM_TEST_MACHINE_H
#define BPFSHIM_TEST_MACHINE_H

#include "world.h"

#define OBJS		192
#define STEPS		12000
#define ADDR_BASE	0xffff900000000000ULL
#define DEPTH		9

enum obj_kind { O_NONE, O_STACK, O_VALUE, O_KEY, O_CTX, O_PKT, O_RECORD, O_MAP, O_FUNC };

struct obj {
	enum obj_kind kind;
	bool dead, rdonly;
	u32 map;		/* O_VALUE, O_KEY, O_MAP; O_FUNC: the function */
	u32 size;
	u32 first;		/* O_PKT: bytes before the packet's own */
	u64 base;
	u8 data[512];
};

/* A helper that calls back, under way. */
struct turns {
	s32 helper;
	u32 i, n;
	u64 ctx;
};

struct mframe {
	u64 r[11];
	u32 stack;		/* object */
	u32 sub;
	u32 ret;		/* call instruction */
	bool global;		/* verified by itself */
	u32 records;		/* held when it began */
	struct turns cb;
};

/* A dynptr on a stack. */
struct mdyn {
	u64 at;			/* 0: no dynptr */
	u64 data;
	u32 size;
	u32 record;		/* object to be given back + 1; 0: local memory */
};
#define DYNS	8

struct machine {
	const struct prog *p;
	struct obj objs[OBJS];
	u32 nr_objs;
	struct mframe frames[DEPTH];
	u32 depth;		/* the running frame */
	u32 subs[32], func[32], nr_subs;
	u64 rng;
	u32 ctx, pkt;		/* objects */
	u64 pkt_meta, pkt_data, pkt_end;
	u32 map[WORLD_MAPS];
	u32 value[WORLD_MAPS][ELEMS];
	u32 present;		/* elements of M_HASH */
	u32 records;		/* reserved, not yet submitted */
	struct mdyn dyn[DYNS];
	bool locked;
	u32 steps;
	u32 pc;			/* where the run ended */
	bool full;		/* no room left: end this run, without a verdict */
	char bad[200];		/* what went wrong, or "" */
};

/** machine_run() - from the start on random data; step is called before each
 * instruction and may set m->bad.  false: m->bad says what is wrong. */
bool machine_run(struct machine *m, const struct prog *p, u64 seed,
		 void (*step)(struct machine *m, u32 pc));
/** machine_obj() - the object that an address belongs to, alive or dead. */
struct obj *machine_obj(struct machine *m, u64 addr);
void machine_bad(struct machine *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- for mhelpers.c */
u32 machine_new(struct machine *m, enum obj_kind kind, u32 size);
/* The bytes at addr; NULL and m->bad when not all may be accessed so. */
u8 *machine_mem(struct machine *m, u64 addr, u64 size, bool write);
void machine_fill(struct machine *m, u8 *to, u32 n);
void machine_packet(struct machine *m);
/* A call of a helper by the running frame: R0 is set, or a callback entered. */
bool machine_helper(struct machine *m, u32 pc, s32 id);
/* The callback that the running frame is has ended with R0: another turn? */
bool machine_turn(struct machine *m, u64 r0, u64 *result);
bool machine_enter(struct machine *m, u32 sub, u32 pc);

#endif /* BPFSHIM_TEST_MACHINE_H */
