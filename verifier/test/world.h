/* SPDX-License-Identifier: GPL-2.0 */
/* Programs to verify, and the maps and services that they are verified with. */
#ifndef BPFSHIM_TEST_WORLD_H
#define BPFSHIM_TEST_WORLD_H

#include "../verifier.h"

#define PROG_MAX	160
#define WORLD_FD(m)	(10 + (m))

/* Maps by number. */
enum {
	M_ARRAY1,	/* of one: its value can be addressed */
	M_HASH,		/* keys of 8 bytes */
	M_FROZEN,	/* read-only, its contents are known */
	M_ARRAY4,
	M_RING,
	M_LOCK,		/* a spin lock in the value */
	M_PROGS,
	WORLD_MAPS
};
#define ELEMS	4	/* of M_HASH and M_ARRAY4 */
#define LOCK_OFF	8

struct world_map {
	u32 type, key, value, entries, flags;
};
extern const struct world_map world_maps[WORLD_MAPS];

/* A program.  func_info follows from its calls: functions of `globals` (bit n:
 * the nth function) are global, with two int arguments; the rest static. */
struct prog {
	u32 type;
	u32 flags;
	u32 globals;
	u32 ctx_globals;	/* global, with the context (an __sk_buff) as argument */
	u32 len;
	struct bpfshim_insn insns[PROG_MAX];
};

/** world_frozen() - the byte at off of M_FROZEN's value. */
u8 world_frozen(u32 off);
/** world_subs() - first instructions of the functions, sorted; how many (at
 * most max). */
u32 world_subs(const struct prog *p, u32 *start, u32 max);
/** world_verify() - budget: processed instructions / 1024, 0: no limit. */
int world_verify(const struct prog *p, u32 budget, struct bpfshim_vrf_result *res);
/* Rules: root's; root's with masks against speculation; an unprivileged user's. */
enum world_rules { ROOT, MASKED, UNPRIV };
int world_verify_as(enum world_rules rules, const struct prog *p, u32 budget, struct bpfshim_vrf_result *res);
/** world_used() - the map that the last verification's used map idx is. */
u32 world_used(u32 idx);
/** world_log() - verify again, with the log to stderr. */
void world_log(const struct prog *p, enum world_rules rules);
/** world_refusal() - verify again: the end of the log, with the reason. */
const char *world_refusal(const struct prog *p, enum world_rules rules);
/** world_fail_alloc() - the nth allocation from now fails; -1: none.  Returns
 * what was left of the last count. */
long world_fail_alloc(long n);
/** world_live() - allocations not yet freed. */
long world_live(void);
void world_free_result(struct bpfshim_vrf_result *res);
void world_init(void);
/* Helpers that exist here. */
extern const u64 world_helpers[4];

u64 rnd(u64 *state);
static inline u32 below(u64 *state, u32 n)
{
	return (u32)((rnd(state) >> 11) % n);
}
/** rnd_word() - a number of a size and shape that matters. */
u64 rnd_word(u64 *state);

#endif /* BPFSHIM_TEST_WORLD_H */
