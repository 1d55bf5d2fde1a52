/* SPDX-License-Identifier: GPL-2.0 */
/* The verifier's insides: abstract state and what its files share. */
#ifndef BPFSHIM_VRF_ENV_H
#define BPFSHIM_VRF_ENV_H

#include "verifier.h"
#include "num.h"

#define MAX_FRAMES	8
#define MAX_SLOTS	(BPFSHIM_VRF_MAX_STACK / 8)
#define MAX_REFS	16
#define MAX_PTR_OFF	(1 << 29)
#define REG_COUNT	BPFSHIM_MAX_REG

enum vrf_kind {
	K_NONE,			/* never written: reading it is an error */
	K_SCALAR,
	K_CTX,
	K_CONST_MAP,		/* struct bpfshim_map * */
	K_MAP_VALUE,
	K_MAP_KEY,		/* callbacks only */
	K_STACK,
	K_MEM,			/* mem_size bytes, e.g. a ring buffer record */
	K_FUNC,			/* a callback's subprogram, in `map` */
	K_KINDS
};

/*
 * A register, or a spilled one.  For pointers, n is the variable part of the
 * offset and off the fixed one.  Scalars with the same id are equal; so are
 * maybe-null pointers with the same id: a check of one checks all.
 */
struct vrf_reg {
	u8 kind;
	bool maybe_null;
	bool rdonly;		/* memory that must not be written */
	u8 frame;		/* K_STACK: whose */
	s32 off;
	u32 id;
	u32 ref;		/* reference this pointer came with, or 0 */
	u32 map;		/* K_*MAP*: index in env->maps; K_FUNC: subprogram */
	u32 mem_size;		/* K_MEM */
	struct bpfshim_num n;
};

enum vrf_slot_kind {
	S_INVALID,
	S_MISC,			/* written, value not tracked */
	S_ZERO,
	S_SPILL,
};

/* Eight bytes of stack. byte[i] is the byte at address slot + i. */
struct vrf_slot {
	u8 byte[8];
	struct vrf_reg reg;	/* valid when byte[7] == S_SPILL */
};

struct vrf_frame {
	struct vrf_reg regs[REG_COUNT];
	struct vrf_slot *slots;	/* slot i covers fp-8*(i+1) .. fp-8*i-1 */
	u32 nr_slots;
	u32 subprog;
	s32 callsite;		/* instruction of the call, -1 in the main frame */
	bool in_callback;
	s64 cb_lo, cb_hi;	/* what a callback may return */
	u32 cb_refs;		/* references held when it was called */
};

struct vrf_state {
	struct vrf_frame *frames[MAX_FRAMES];
	u32 cur;		/* index of the running frame */
	u32 refs[MAX_REFS];
	u32 nr_refs;
	u32 lock_id;		/* id of the value whose spin lock is held */
	u32 branches;		/* unfinished paths that start here */
	struct vrf_state *parent;
	u32 insn;		/* where explored states lie, where pending ones start */
	u32 prev_insn;
	u32 hit, miss;
	struct vrf_state *next;
	struct vrf_state **link;	/* evicted: what points at it; else NULL */
};

/* Facts of one instruction that all paths agree on. */
struct vrf_insn_aux {
	u8 ptr_kind;		/* of a load's or store's base */
	bool seen;
	bool prune;		/* compare states here */
	bool jmp_point;
	bool ctx_access;
	u8 map_idx_state;	/* 0 none, 1 map known, 2 differs */
	bool probe_mem;
	u8 taken;		/* branch outcomes seen: bit 0 taken, bit 1 not */
	u16 live;		/* registers read later */
	u32 map_idx;		/* helper's map, ld_imm64's map */
	u32 map_off;
	u32 subprog;
};

struct vrf_helper;

struct vrf_subprog {
	u32 start, end;
	u32 stack;		/* bytes used, positive */
	u32 func_info;
	bool global, is_cb, tail_call, verified, called;
};

struct vrf_env {
	const struct bpfshim_vrf_prog *prog;
	const struct bpfshim_vrf_ops *ops;
	void *cookie;
	struct bpfshim_vrf_result *res;
	struct bpfshim_insn *insns;	/* the copy that is rewritten */
	u32 len;
	struct vrf_insn_aux *aux;
	struct bpfshim_vrf_map *maps;	/* BPFSHIM_VRF_MAX_USED_MAPS */
	u32 nr_maps;
	struct vrf_subprog *subs;
	u32 nr_subs;
	struct vrf_state *st;		/* the running one */
	struct vrf_state *pending;	/* stack of paths to walk */
	u32 nr_pending;
	struct vrf_state **explored;	/* by instruction */
	struct vrf_state *evicted;	/* off the lists, paths that start there unfinished */
	u32 pc, prev_pc;
	u32 id_gen;
	u32 processed, jmps;
	u32 last_processed, last_jmps;
	u32 total_states, peak_states;
	u64 mem_used, mem_peak, mem_max;
	u32 line_hint;			/* last line_info record printed */
	const struct vrf_ctx *ctx;	/* context layout of the type */
	bool oom;
	char buf[256];
};

/* ---- log.c */
__attribute__((format(printf, 2, 3)))
void bpfshim_ver_log(struct vrf_env *env, const char *fmt, ...);
void bpfshim_ver_print_insn(struct vrf_env *env, u32 idx);
void bpfshim_ver_print_state(struct vrf_env *env, const struct vrf_frame *f);
const char *bpfshim_ver_kind_name(const struct vrf_reg *r);
void bpfshim_ver_tnum_text(char *out, u32 size, struct bpfshim_tnum t);

/* ---- state.c */
void *bpfshim_ver_alloc(struct vrf_env *env, size_t size);
void bpfshim_ver_free(struct vrf_env *env, void *p, size_t size);
struct vrf_state *bpfshim_ver_state_new(struct vrf_env *env);
struct vrf_state *bpfshim_ver_state_clone(struct vrf_env *env, const struct vrf_state *from);
void bpfshim_ver_state_free(struct vrf_env *env, struct vrf_state *st);
struct vrf_frame *bpfshim_ver_frame_new(struct vrf_env *env, u32 subprog, s32 callsite);
void bpfshim_ver_frame_free(struct vrf_env *env, struct vrf_frame *f);
int bpfshim_ver_frame_grow(struct vrf_env *env, struct vrf_frame *f, u32 slots);
struct vrf_state *bpfshim_ver_push(struct vrf_env *env, u32 insn, u32 prev);	/* a path for later */
int bpfshim_ver_pop(struct vrf_env *env);	/* 1: env->st is the next path; 0: none left */
void bpfshim_ver_path_end(struct vrf_env *env, struct vrf_state *st);
int bpfshim_ver_visited(struct vrf_env *env);	/* 1: prune; 0: go on; or an errno */
void bpfshim_ver_reg_none(struct vrf_reg *r);
void bpfshim_ver_reg_unknown(struct vrf_reg *r);
void bpfshim_ver_reg_const(struct vrf_reg *r, u64 v);
void bpfshim_ver_reg_ptr(struct vrf_reg *r, enum vrf_kind kind);
static inline struct vrf_frame *bpfshim_ver_cur(struct vrf_env *env)
{
	return env->st->frames[env->st->cur];
}
static inline struct vrf_reg *bpfshim_ver_regs(struct vrf_env *env)
{
	return bpfshim_ver_cur(env)->regs;
}

/* ---- cfg.c */
int bpfshim_ver_find_subprogs(struct vrf_env *env);
int bpfshim_ver_check_cfg(struct vrf_env *env);
int bpfshim_ver_liveness(struct vrf_env *env);
int bpfshim_ver_check_stack_depth(struct vrf_env *env);
u32 bpfshim_ver_subprog_of(struct vrf_env *env, u32 insn);
s32 bpfshim_ver_subprog_starting(struct vrf_env *env, u32 insn);	/* index or -1 */

/* ---- insn.c */
int bpfshim_ver_check_insns(struct vrf_env *env);	/* opcodes, ld_imm64, maps */
int bpfshim_ver_check_form(struct vrf_env *env, const struct bpfshim_insn *insn);	/* the rest */

/* ---- info.c */
int bpfshim_ver_check_info(struct vrf_env *env);	/* func_info, line_info */

/* ---- mem.c */
int bpfshim_ver_check_mem(struct vrf_env *env, u32 regno, s32 off, u8 size_code, bool write, s32 value_reg);
int bpfshim_ver_check_region(struct vrf_env *env, u32 regno, u32 size, bool write, bool zero_ok, bool uninit_ok);
int bpfshim_ver_check_stack_region(struct vrf_env *env, u32 regno, const struct vrf_reg *r, u32 size, bool write, bool uninit_ok);
int bpfshim_ver_bounds_error(struct vrf_env *env, u32 regno, const struct vrf_reg *r, s32 off, u32 size, u32 limit, bool map);

/* ---- alu.c */
int bpfshim_ver_check_alu(struct vrf_env *env, const struct bpfshim_insn *insn);
/* ---- jump.c */
int bpfshim_ver_check_jump(struct vrf_env *env, const struct bpfshim_insn *insn);
/* ---- call.c */
int bpfshim_ver_check_helper(struct vrf_env *env, const struct bpfshim_insn *insn);
int bpfshim_ver_check_call(struct vrf_env *env, const struct bpfshim_insn *insn);
int bpfshim_ver_check_exit(struct vrf_env *env, bool *done);
int bpfshim_ver_reg_read(struct vrf_env *env, u32 regno);
int bpfshim_ver_reg_write(struct vrf_env *env, u32 regno);

/* ---- ctx.c */
/* One readable or writable field of a context. */
struct vrf_ctx {
	u32 prog_type;
	u32 size;		/* end of what may be read */
	u32 start;		/* first readable byte */
	u8 rule;		/* how: see ctx.c */
	const char *name;
};
const struct vrf_ctx *bpfshim_ver_ctx_of(u32 prog_type);
int bpfshim_ver_ctx_access(struct vrf_env *env, s32 off, u32 size, bool write, struct vrf_reg *out);

/* ---- fixup.c */
int bpfshim_ver_fixup(struct vrf_env *env);

#endif /* BPFSHIM_VRF_ENV_H */
