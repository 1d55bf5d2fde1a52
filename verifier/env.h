/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The verifier's insides: abstract state, and what its files share.
 *
 * One struct vrf_env lives as long as one bpfshim_verify(); everything it
 * points to comes from its arena and dies with it, so no path has anything to
 * unwind.  Stored states (checkpoints) never change but for their marks: their
 * frames and stacks are shared with the states that came from them, and are
 * copied when one of those writes.
 */
#ifndef BPFSHIM_VRF_ENV_H
#define BPFSHIM_VRF_ENV_H

#include "verifier.h"
#include "num.h"
#include "btf.h"
#include "helpers.h"

/*
 * Tests look at the state before each instruction (VRF_STEP), and have states
 * compared in all that they hold, not in what matters only (VRF_EXACT).
 */
#ifdef VRF_TEST_HOOK
#include VRF_TEST_HOOK
#else
#define VRF_STEP(env)	do { } while (0)
#define VRF_EXACT(env)	false
#endif

#define VRF_FRAMES	8
#define VRF_SLOTS	(BPFSHIM_VRF_MAX_STACK / 8)
#define VRF_REGS	BPFSHIM_MAX_REG
#define VRF_FP		BPFSHIM_REG_10
#define VRF_MAX_OFF	(1 << 29)	/* beyond: unbounded */
#define VRF_PKT_MAX	0xffff
#define VRF_CALLER_SAVED 0x3fu		/* R0 - R5 */
#define VRF_ARGS	0x3eu		/* R1 - R5 */
#define VRF_U64_MAX	(~(u64)0)
#define VRF_S64_MIN	((s64)((u64)1 << 63))
#define VRF_S64_MAX	((s64)(VRF_U64_MAX >> 1))

enum vrf_kind {
	VK_NONE,		/* never written: reading it is an error */
	VK_SCALAR,
	VK_CTX,
	VK_CONST_MAP,		/* the map itself */
	VK_MAP_VALUE,
	VK_MAP_KEY,		/* callbacks only */
	VK_STACK,
	VK_PKT,
	VK_PKT_META,
	VK_PKT_END,
	VK_FLOW_KEYS,
	VK_SOCK,
	VK_SOCK_COMMON,
	VK_TCP_SOCK,
	VK_XDP_SOCK,
	VK_TP_BUFFER,
	VK_BTF_ID,		/* a kernel object whose type BTF tells */
	VK_MEM,			/* u.mem_size bytes */
	VK_BUF,
	VK_FUNC,		/* a callback: u.subprog */
	VK_DYNPTR,
	VK_KINDS
};

/* flags of a register */
#define VF_NULL		(1 << 0)	/* may be NULL */
#define VF_RDONLY	(1 << 1)
#define VF_ALLOC	(1 << 2)	/* a ring buffer's record */
#define VF_USER		(1 << 3)
#define VF_PERCPU	(1 << 4)
#define VF_UNTRUSTED	(1 << 5)

#define VRF_RANGE_AT_END	(-1)	/* u.range: at or past the packet's end */
#define VRF_RANGE_BEYOND_END	(-2)	/* past it */

/*
 * A register, or a spilled one.  For pointers n is the variable part of the
 * offset, off the fixed one.  Scalars of one id are equal; maybe-NULL pointers
 * of one id are checked together.
 */
struct vrf_reg {
	u8 kind;
	u8 flags;
	u8 frame;		/* VK_STACK: whose */
	u8 pad;
	s32 off;
	u32 id;
	u32 ref;		/* the reference this came with, or 0 */
	union {
		const struct bpfshim_vrf_map *map;	/* VK_*MAP* */
		const struct bpfshim_vrf_btf *btf;	/* VK_BTF_ID */
		u64 raw;
		s32 range;				/* VK_PKT* */
		u32 mem_size;				/* VK_MEM */
		u32 subprog;				/* VK_FUNC */
		struct {
			u8 type;			/* VRF_DYN_* */
			u8 first;
		} dyn;					/* a dynptr's slots */
	} u;
	u32 uid;		/* VK_CONST_MAP: which lookup gave it; VK_BTF_ID: type */
	u32 pad2;
	struct bpfshim_num n;
};

#define VRF_DYN_LOCAL	1
#define VRF_DYN_RINGBUF	2

enum vrf_byte {
	VB_INVALID,
	VB_SPILL,
	VB_MISC,		/* written, value not tracked */
	VB_ZERO,
	VB_DYNPTR,
};

/* Eight bytes of stack, byte[i] at address slot + i in 6.1's reverse order:
 * byte[0] is the highest address (fp-1 of slot 0). */
struct vrf_slot {
	u8 byte[8];
	struct vrf_reg reg;	/* valid when byte[7] is VB_SPILL or VB_DYNPTR */
};

/* Slot i covers fp-8*(i+1) .. fp-8*i-1.  Shared: refs states use it. */
struct vrf_stack {
	u32 refs;
	u32 nr;
	struct vrf_slot slot[];
};

struct vrf_frame {
	u32 refs;		/* states that share it */
	struct vrf_reg regs[VRF_REGS];
	struct vrf_stack *stack;	/* or NULL */
	u32 subprog;
	s32 callsite;		/* instruction of the call, -1 in an outermost frame */
	u32 frameno;
	u32 async_entry;	/* how many times an async callback was entered */
	bool in_cb;		/* called by a helper */
	bool in_async;		/* a timer's callback */
	u32 cb_turn;		/* which turn of a callback's loop */
	struct vrf_state *cb_entry;	/* the turn's beginning, for comparison */
	struct vrf_state *cb_parent;	/* newest checkpoint at that moment */
};

struct vrf_ref {
	u32 id;
	s32 insn;		/* where acquired */
	u32 cb_frame;		/* frame number of the callback that did, or 0 */
};

/* A step that backtracking cannot tell from the code alone; the first entry
 * of a history is the instruction it begins with. */
struct vrf_hist {
	u32 idx, prev;
	u32 flags;		/* VH_* */
	u32 nlink;		/* scalars that were made equal here */
	u16 link[6];		/* frame << 8 | slot << 0, or | VH_REG */
};
#define VH_STACK	(1u << 31)	/* fixed stack access: frame << 8 | slot */
#define VH_LINK_ALL	(1u << 30)	/* too many equal scalars to list */
#define VH_REG		0x80		/* in link: a register, not a slot */

/* See hist.c.  Nothing but the newest block of a state changes. */
#define VRF_HIST_BLOCK	8
struct vrf_hist_block {
	struct vrf_hist_block *older;
	u32 refs;		/* states and newer blocks */
	u32 nr;			/* never 0 */
	struct vrf_hist e[VRF_HIST_BLOCK];
};

/* Marks by frame.  Of a running state: written since its parent.  Of a
 * checkpoint: what was read, and which scalars must stay precise. */
struct vrf_marks {
	u16 reg[VRF_FRAMES];
	u64 slot[VRF_FRAMES];
};

struct vrf_state {
	struct vrf_frame *frames[VRF_FRAMES];
	u32 cur;		/* the running frame */
	u32 branches;		/* paths from here not yet ended */
	struct vrf_state *parent;	/* newest checkpoint before */
	u32 insn;		/* a checkpoint's place */
	u32 first_insn;		/* where the history begins */
	s32 last_insn;		/* last instruction before the next checkpoint */
	u32 lock_id;		/* id of the value whose spin lock is held */
	bool spec;		/* speculative path */
	u16 spec_len;		/* its instructions */
	u16 nr_refs, cap_refs;
	struct vrf_ref *refs;
	struct vrf_hist_block *hist;	/* newest first */
	struct vrf_marks written;
	struct vrf_marks read;
	struct vrf_marks precise;
	struct vrf_state *next;	/* in explored[] */
	u32 hit, miss;
};

/* A path to walk later. */
struct vrf_pending {
	struct vrf_pending *next;
	struct vrf_state *st;
	u32 insn, prev;
	u64 log_pos;
};

/* The pointer that an access starts from. */
struct vrf_base {
	u8 kind, flags;
};

/* Facts of one instruction of the program as written. */
struct vrf_aux {
	struct vrf_base base;	/* of a load or store */
	struct vrf_base spec_base;	/* on mispredicted paths */
	u8 ctx_field_size;	/* whole size of a narrow context access */
	bool ctx_access;	/* rewrite it */
	bool seen;
	bool prune;		/* compare states here */
	bool jmp;		/* record history here */
	bool probe_mem;
	u8 map_state;		/* of a helper's map: 0 none, 1 known, 2 differs */
	u8 key_state;		/* of a tail call's index: same */
	u8 alu;			/* VA_*: how its pointer moves */
	u8 spec_tries;
	bool nospec;		/* barrier before it */
	bool nospec_after;
	u16 spec_depth;		/* of the stack, on mispredicted paths */
	u32 map_idx;		/* used map of ld_imm64 or of a helper */
	u32 map_off;
	u64 key;		/* or the address of a per-CPU variable */
	u32 var_type;		/* of ld_imm64: that variable's type in the kernel's BTF */
	u32 alu_limit;		/* VA_MASK: greatest distance */
	u32 cb_turns;		/* entries of a callback's loop from here */
};
#define VA_MASK		(1 << 0)
#define VA_NUMBER	(1 << 1)	/* numbers, on every path */
#define VA_NEG		(1 << 2)	/* the number is negative */
#define VA_CONST	(1 << 3)	/* ... known */
#define VA_DST		(1 << 4)	/* ... in dst, the pointer in src */

struct vrf_sub {
	u32 start;
	u32 stack;		/* bytes */
	bool tail_call, tail_reach, ld_abs, async_cb, is_cb;
	bool changes_pkt;	/* it or what it calls may change the packet */
	u8 linkage;		/* BTF_FUNC_*: 0 static, 1 global */
	u32 line_idx;
	u32 proto;		/* BTF id of the function's prototype, 0: none */
	u32 name_off;
};
#define VRF_LINK_GLOBAL	1

struct vrf_arena {
	const struct bpfshim_vrf_ops *ops;
	void *cookie;
	u64 used, peak, limit;
	struct vrf_chunk *chunks;
	u8 *bump;
	u32 left;
	void *free[129];	/* by size in units of 64 bytes */
};

struct vrf_idpair {
	u32 old, cur;
};
#define VRF_IDMAP	((VRF_REGS + VRF_SLOTS) * VRF_FRAMES)

struct vrf_ctx_ops;

struct vrf_env {
	const struct bpfshim_vrf_prog *prog;
	const struct bpfshim_vrf_ops *ops;
	void *cookie;
	struct bpfshim_vrf_result *res;
	struct vrf_arena arena;

	struct bpfshim_insn *insns;	/* private copy */
	u32 len;
	struct vrf_aux *aux;
	u16 *touches;			/* precise.c's */
	u32 walked;			/* steps back since the last resched */
	struct bpfshim_vrf_map *maps;	/* BPFSHIM_VRF_MAX_USED_MAPS */
	u32 nr_maps;
	struct vrf_sub *subs;
	u32 nr_subs;
	const struct vrf_ctx_ops *ctx;
	u32 prog_type, attach_type;
	const struct bpfshim_vrf_btf *kbtf;
	u32 attach_proto;		/* BTF id of the attach point's prototype */
	bool strict_align;
	bool unpriv;			/* 6.1's rules for unprivileged users */
	bool mask;			/* against speculation: see spec.c */
	bool alu_limits;
	bool seen_direct_write;

	struct vrf_state *st;		/* the running one */
	struct vrf_pending *pending;
	u32 nr_pending;
	struct vrf_state **explored;
	u32 pc;
	s32 prev_pc;
	u32 id_gen, tmp_id;
	u32 processed, jmps, last_processed, last_jmps;
	u32 total_states, peak_states, max_states_per_insn, longest_walk;
	bool oom;
	struct vrf_idpair *idmap;
	u32 nr_idmap;
	struct vrf_state *free_states;
	struct vrf_reg tmp;		/* room for one register off the C stack */
	struct vrf_reg tmp2;

	/* the log */
	u32 level;
	char *log_buf;
	u32 log_len;
	u64 log_flushed;		/* bytes that ops->log has had */
	u64 prev_log_pos;		/* where the last instruction's line ends */
	u32 prev_insn_print;
	u32 scratched_regs;
	u64 scratched_slots;
	const struct bpfshim_line_info *prev_line;
	char type_str[64];
	char tnum_str[48];
};

/* ---- arena.c */
void bpfshim_v_arena_init(struct vrf_arena *a, const struct bpfshim_vrf_ops *ops,
			  void *cookie, u64 limit);
void bpfshim_v_arena_done(struct vrf_arena *a);
/* Not zeroed; NULL sets env->oom.  Freed by size. */
void *bpfshim_v_alloc(struct vrf_env *env, size_t size);
void *bpfshim_v_zalloc(struct vrf_env *env, size_t size);
void bpfshim_v_free(struct vrf_env *env, void *p, size_t size);

/* ---- log.c: only %d %u %x %lld %llu %llx %s %c %%, + flag, 0 and width */
void bpfshim_v_log(struct vrf_env *env, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void bpfshim_v_log_flush(struct vrf_env *env);
u64 bpfshim_v_log_pos(const struct vrf_env *env);
void bpfshim_v_log_reset(struct vrf_env *env, u64 pos);
/* The source line of an instruction, if it is not the last one printed. */
void bpfshim_v_log_line(struct vrf_env *env, u32 insn, const char *prefix);
static inline bool vrf_logging(const struct vrf_env *env)
{
	return env->level & (BPFSHIM_LOG_LEVEL1 | BPFSHIM_LOG_LEVEL2);
}

/* ---- print.c */
void bpfshim_v_print_insn(struct vrf_env *env, const struct bpfshim_insn *in);
void bpfshim_v_print_state(struct vrf_env *env, const struct vrf_state *st,
			   u32 frame, bool all);
void bpfshim_v_print_insn_state(struct vrf_env *env);
/* In env's buffers: valid until the next call. */
const char *bpfshim_v_type_str(struct vrf_env *env, u32 kind, u32 flags);
const char *bpfshim_v_tnum_str(struct vrf_env *env, struct bpfshim_tnum t);
const char *bpfshim_v_alu_str(u8 op);
const char *bpfshim_v_helper_name(s32 id);
static inline const char *vrf_type_str(struct vrf_env *env, const struct vrf_reg *r)
{
	return bpfshim_v_type_str(env, r->kind, r->flags);
}
const char *bpfshim_v_btf_type_name(const struct bpfshim_vrf_btf *btf, u32 id);

/* ---- reg.c */
void bpfshim_v_reg_none(struct vrf_reg *r);
void bpfshim_v_reg_unknown(struct vrf_reg *r);
void bpfshim_v_reg_const(struct vrf_reg *r, u64 v);
void bpfshim_v_reg_ptr(struct vrf_reg *r, u32 kind, u32 flags);
void bpfshim_v_reg_not_null(struct vrf_reg *r);
/* Same but for the precise mark and liveness. */
bool bpfshim_v_reg_same(const struct vrf_reg *a, const struct vrf_reg *b);

static inline bool vrf_is_scalar(const struct vrf_reg *r)
{
	return r->kind == VK_SCALAR;
}
static inline bool vrf_is_const(const struct vrf_reg *r)
{
	return r->kind == VK_SCALAR && !r->n.t.mask;
}
static inline bool vrf_is_null(const struct vrf_reg *r)
{
	return r->kind == VK_SCALAR && !r->n.t.mask && !r->n.t.value;
}
static inline bool vrf_is_pkt(const struct vrf_reg *r)
{
	return r->kind == VK_PKT || r->kind == VK_PKT_META;
}
static inline bool vrf_is_pkt_any(const struct vrf_reg *r)
{
	return (vrf_is_pkt(r) && !(r->flags & VF_NULL)) || r->kind == VK_PKT_END;
}
static inline bool vrf_is_sk(const struct vrf_reg *r)
{
	return (r->kind >= VK_SOCK && r->kind <= VK_XDP_SOCK) && !r->flags;
}
static inline bool vrf_spilled(const struct vrf_slot *s)
{
	return s->byte[7] == VB_SPILL;
}
static inline bool vrf_num_known_zero(const struct bpfshim_num *n)
{
	return !n->t.mask && !n->t.value;
}

/* ---- state.c */
struct vrf_state *bpfshim_v_state_new(struct vrf_env *env);
/* Shares frames and stacks, but for the running frame. NULL: no memory. */
struct vrf_state *bpfshim_v_state_copy(struct vrf_env *env, const struct vrf_state *from);
void bpfshim_v_state_free(struct vrf_env *env, struct vrf_state *st);
struct vrf_frame *bpfshim_v_frame_new(struct vrf_env *env, u32 subprog, s32 callsite, u32 frameno);
void bpfshim_v_frame_put(struct vrf_env *env, struct vrf_frame *f);
/* Frame no of st, its own to write to.  NULL: no memory. */
struct vrf_frame *bpfshim_v_frame_rw(struct vrf_env *env, struct vrf_state *st, u32 no);
/* Slot of a frame, to write to, growing the stack.  NULL: no memory. */
struct vrf_slot *bpfshim_v_slot_rw(struct vrf_env *env, struct vrf_state *st, u32 frame, u32 slot);
/* To read; the empty slot when it was never touched. */
extern const struct vrf_slot bpfshim_v_no_slot;
static inline const struct vrf_slot *bpfshim_v_slot(const struct vrf_frame *f, u32 slot)
{
	return f->stack && slot < f->stack->nr ? &f->stack->slot[slot] : &bpfshim_v_no_slot;
}
int bpfshim_v_enqueue(struct vrf_env *env, struct vrf_state *st, u32 insn, s32 prev);
/* A copy of st goes on at insn later.  NULL: no memory, or too many wait. */
struct vrf_state *bpfshim_v_push(struct vrf_env *env, struct vrf_state *st, u32 insn, s32 prev);
/* 1: env->st is the next path, 0: none is left */
int bpfshim_v_pop(struct vrf_env *env);
void bpfshim_v_path_end(struct vrf_state *st);
int bpfshim_v_ref_acquire(struct vrf_env *env, s32 insn, u32 *id);
int bpfshim_v_ref_drop(struct vrf_env *env, struct vrf_state *st, u32 id);

/* ---- hist.c: the steps a path took */
static inline struct vrf_hist *bpfshim_v_hist_last(const struct vrf_state *st)
{
	return st->hist ? &st->hist->e[st->hist->nr - 1] : NULL;
}
/* The running instruction is a step of st's; fresh: an entry of its own. */
int bpfshim_v_hist_push(struct vrf_env *env, struct vrf_state *st, u32 flags, bool fresh);
/* st, a copy of from but for this, gets from's history. */
int bpfshim_v_hist_copy(struct vrf_env *env, struct vrf_state *st, const struct vrf_state *from);
void bpfshim_v_hist_clear(struct vrf_env *env, struct vrf_state *st);
/*
 * Every register and spilled register of a state: fn returns true when it
 * wants to change *r; it is then called again with a private copy.
 */
typedef bool (*bpfshim_v_reg_fn)(struct vrf_reg *r, bool change, void *arg);
int bpfshim_v_each_reg(struct vrf_env *env, struct vrf_state *st, bpfshim_v_reg_fn fn, void *arg);

static inline struct vrf_frame *vrf_cur(struct vrf_env *env)
{
	return env->st->frames[env->st->cur];
}
static inline struct vrf_reg *vrf_regs(struct vrf_env *env)
{
	return env->st->frames[env->st->cur]->regs;
}

/* ---- live.c: what a path reads of the states before it */
void bpfshim_v_live_read(struct vrf_env *env, struct vrf_state *st, u32 frame, u16 regs, u64 slots);
/* Marks of the state `old` that st equals become st's own, and its parents'. */
void bpfshim_v_live_join(struct vrf_env *env, const struct vrf_state *old, struct vrf_state *st);
/* Everything from st's parents on down to `until` (not itself) is read and precise. */
void bpfshim_v_live_all(struct vrf_state *st, const struct vrf_state *until);
int bpfshim_v_read(struct vrf_env *env, u32 regno);	/* an instruction reads it */
int bpfshim_v_write(struct vrf_env *env, u32 regno);	/* ... writes it */
void bpfshim_v_clobber(struct vrf_env *env);		/* a call: R0 - R5 */
static inline void vrf_slot_read(struct vrf_env *env, u32 frame, u32 slot)
{
	bpfshim_v_live_read(env, env->st, frame, 0, (u64)1 << slot);
}
static inline void vrf_slot_written(struct vrf_env *env, u32 frame, u32 slot)
{
	env->st->written.slot[frame] |= (u64)1 << slot;
}

/* ---- prune.c */
int bpfshim_v_visited(struct vrf_env *env);	/* 1: safe already; 0: go on */
/* Everything that is possible in cur is possible in old. */
bool bpfshim_v_state_covers(struct vrf_env *env, struct vrf_state *old,
			    struct vrf_state *cur, bool all);

/* ---- precise.c: a number was relied upon */
int bpfshim_v_precise_prepare(struct vrf_env *env);
int bpfshim_v_precise(struct vrf_env *env, u32 regno);
int bpfshim_v_precise_marks(struct vrf_env *env, const struct vrf_marks *want);

/* ---- subprog.c */
int bpfshim_v_find_subprogs(struct vrf_env *env);
int bpfshim_v_check_subprogs(struct vrf_env *env);
s32 bpfshim_v_sub_at(const struct vrf_env *env, u32 insn);	/* that starts there, or -1 */
u32 bpfshim_v_sub_of(const struct vrf_env *env, u32 insn);	/* that holds it */
int bpfshim_v_check_stack_depth(struct vrf_env *env);

/* ---- cfg.c */
int bpfshim_v_check_cfg(struct vrf_env *env);

/* ---- insn.c */
int bpfshim_v_resolve(struct vrf_env *env);	/* opcodes, ld_imm64, maps */
static inline bool vrf_is_ldimm64(const struct bpfshim_insn *in)
{
	return in->code == (BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW);
}
static inline bool vrf_is_pseudo_call(const struct bpfshim_insn *in)
{
	return in->code == (BPFSHIM_JMP | BPFSHIM_CALL) && in->src_reg == BPFSHIM_PSEUDO_CALL;
}
static inline bool vrf_is_helper_call(const struct bpfshim_insn *in)
{
	return in->code == (BPFSHIM_JMP | BPFSHIM_CALL) && !in->src_reg;
}
static inline bool vrf_is_pseudo_func(const struct bpfshim_insn *in)
{
	return vrf_is_ldimm64(in) && in->src_reg == BPFSHIM_PSEUDO_FUNC;
}
static inline u32 vrf_size(u8 code)
{
	switch (BPFSHIM_SIZE(code)) {
	case BPFSHIM_B: return 1;
	case BPFSHIM_H: return 2;
	case BPFSHIM_W: return 4;
	default: return 8;
	}
}

/* ---- info.c: func_info, line_info, arguments by BTF */
int bpfshim_v_check_info(struct vrf_env *env);
int bpfshim_v_func_args(struct vrf_env *env, u32 sub, struct vrf_reg *regs);
int bpfshim_v_call_args(struct vrf_env *env, u32 sub);
int bpfshim_v_attach(struct vrf_env *env);

/* ---- alu.c, jump.c */
int bpfshim_v_alu(struct vrf_env *env, const struct bpfshim_insn *in);
int bpfshim_v_jump(struct vrf_env *env, const struct bpfshim_insn *in);

/* ---- spec.c: see there */
struct vrf_window {
	u8 alu;			/* VA_*, 0: no mask */
	bool left;		/* towards lower addresses */
	u32 from;
};
void bpfshim_v_barrier(struct vrf_env *env, u32 insn);
/* On a speculative path: is it over here; is this errno no verdict? */
bool bpfshim_v_spec_ends(struct vrf_env *env);
bool bpfshim_v_spec_fails(const struct vrf_env *env, int err);
/* The branch at pc is decided, and does not go to next. */
int bpfshim_v_spec_branch(struct vrf_env *env, const struct bpfshim_insn *in, u32 next);
/* A pointer is about to be moved; has been; numbers are added. */
int bpfshim_v_spec_move(struct vrf_env *env, const struct bpfshim_insn *in, const struct vrf_reg *ptr,
			const struct vrf_reg *num, struct vrf_window *w);
int bpfshim_v_spec_moved(struct vrf_env *env, const struct bpfshim_insn *in, const struct vrf_window *w);
int bpfshim_v_spec_number(struct vrf_env *env, const struct bpfshim_insn *in);
int bpfshim_v_spec_inside(struct vrf_env *env, u32 regno);
/* A mispredicted path goes deeper into a stack than any other has; all are walked. */
int bpfshim_v_spec_deeper(struct vrf_env *env, u32 frame, u32 depth);
void bpfshim_v_spec_depths(struct vrf_env *env);
/* Would a program of an unprivileged user learn an address from it? */
static inline bool vrf_leaks(const struct vrf_env *env, const struct vrf_reg *r)
{
	return env->unpriv && r->kind != VK_SCALAR;
}

/* ---- stack.c */
enum vrf_src { VRF_DIRECT, VRF_HELPER };
int bpfshim_v_stack_bounds(struct vrf_env *env, u32 regno, s32 off, s32 size,
			   enum vrf_src src, bool write);
int bpfshim_v_stack_read(struct vrf_env *env, u32 regno, s32 off, u32 size, s32 into);
int bpfshim_v_stack_write(struct vrf_env *env, u32 regno, s32 off, u32 size, s32 from);
struct vrf_call;
int bpfshim_v_stack_range(struct vrf_env *env, u32 regno, s32 off, s32 size,
			  bool zero_ok, enum vrf_src src, struct vrf_call *call);

/* ---- mem.c */
int bpfshim_v_mem(struct vrf_env *env, u32 regno, s32 off, u32 size, bool write,
		  s32 value, bool strict_once);
int bpfshim_v_helper_mem(struct vrf_env *env, u32 regno, s32 size, bool write,
			 bool zero_ok, struct vrf_call *call);
int bpfshim_v_align(struct vrf_env *env, const struct vrf_reg *r, s32 off, u32 size, bool strict_once);
int bpfshim_v_ptr_off(struct vrf_env *env, const struct vrf_reg *r, u32 regno, bool fixed_ok);
int bpfshim_v_map_access(struct vrf_env *env, u32 regno, s32 off, s32 size, bool zero_ok, enum vrf_src src);
bool bpfshim_v_direct_value(const struct bpfshim_vrf_map *map);
bool bpfshim_v_pkt_access_ok(struct vrf_env *env, bool pkt_helper, bool helper, bool write);

/* ---- ctx.c */
/* What an access to a context gives. */
struct vrf_ctx_out {
	u8 kind, flags;		/* VK_SCALAR by default */
	u8 field_size;		/* whole field when the access is a part of it */
	const struct bpfshim_vrf_btf *btf;
	u32 btf_id;
	u32 mem_size;
};
struct vrf_ctx_ops {
	u32 prog_type;
	bool (*access)(struct vrf_env *env, s32 off, u32 size, bool write,
		       struct vrf_ctx_out *out);
	bool raw;		/* accesses need no rewriting */
};
const struct vrf_ctx_ops *bpfshim_v_ctx_ops(u32 prog_type);
bool bpfshim_v_sock_access(u32 kind, s32 off, u32 size, bool write, u8 *field_size);
bool bpfshim_v_narrow_ok(s32 off, u32 size, u32 field_size);

/* ---- call.c, callback.c: BPF functions and callbacks */
struct vrf_frame *bpfshim_v_frame_push(struct vrf_env *env, u32 sub, s32 callsite);
int bpfshim_v_frame_pop(struct vrf_env *env);
int bpfshim_v_depth_ok(struct vrf_env *env);
void bpfshim_v_log_enter(struct vrf_env *env);
void bpfshim_v_bad_scalar(struct vrf_env *env, const struct vrf_reg *r, struct bpfshim_tnum range,
			  const char *where);
int bpfshim_v_callback_exit(struct vrf_env *env);
int bpfshim_v_call(struct vrf_env *env, const struct bpfshim_insn *in);
int bpfshim_v_callback(struct vrf_env *env, const struct bpfshim_insn *in, u32 sub);
int bpfshim_v_exit(struct vrf_env *env, bool *done);
int bpfshim_v_func_exit(struct vrf_env *env);
int bpfshim_v_ref_leak(struct vrf_env *env);
int bpfshim_v_ld_abs(struct vrf_env *env, const struct bpfshim_insn *in);
int bpfshim_v_check_return(struct vrf_env *env);

/* ---- helper.c, args.c, maps.c */
/* A helper call under way. */
struct vrf_call {
	s32 id;
	const struct vrf_helper *h;
	const struct bpfshim_vrf_map *map;
	u32 map_uid;
	bool raw;		/* the memory argument need not be initialised */
	bool pkt_ok;
	u32 raw_reg;		/* stack memory that the helper fills */
	s32 raw_size;
	u64 mem_size;
	u64 msize_max;
	u32 ref;
	u32 release_reg;
	u32 dyn_uninit_reg;
	u32 sub;
	const struct bpfshim_vrf_btf *ret_btf;
	u32 ret_btf_id;
	const struct bpfshim_vrf_kptr *kptr;
};
int bpfshim_v_helper(struct vrf_env *env, const struct bpfshim_insn *in);
int bpfshim_v_arg(struct vrf_env *env, u32 i, struct vrf_call *call);
int bpfshim_v_map_helper(struct vrf_env *env, const struct bpfshim_vrf_map *map, s32 id);
bool bpfshim_v_is_cb_helper(s32 id);
bool bpfshim_v_changes_packet(s32 id);
int bpfshim_v_forget_packet(struct vrf_env *env);
int bpfshim_v_ref_release(struct vrf_env *env, u32 id);
u32 bpfshim_v_map_idx(const struct vrf_env *env, const struct bpfshim_vrf_map *map);

/* ---- kptr.c: kernel pointers in map values */
/* The one at that offset of a value, or NULL. */
const struct bpfshim_vrf_kptr *bpfshim_v_kptr_at(const struct bpfshim_vrf_map *map, s64 off);
int bpfshim_v_kptr_touched(struct vrf_env *env, const struct vrf_reg *r, s32 off, s32 size, enum vrf_src src);
int bpfshim_v_kptr_access(struct vrf_env *env, const struct bpfshim_vrf_kptr *k, s32 value);
int bpfshim_v_kptr_match(struct vrf_env *env, const struct bpfshim_vrf_kptr *k, u32 regno);
int bpfshim_v_kptr_arg(struct vrf_env *env, u32 regno, struct vrf_call *call);

/* ---- dynptr.c */
int bpfshim_v_dyn_mark(struct vrf_env *env, u32 regno, u32 type);
int bpfshim_v_dyn_unmark(struct vrf_env *env, u32 regno);
bool bpfshim_v_dyn_uninit_ok(struct vrf_env *env, const struct vrf_reg *r);
bool bpfshim_v_dyn_init_ok(struct vrf_env *env, const struct vrf_reg *r);
const struct vrf_reg *bpfshim_v_dyn_slot(struct vrf_env *env, const struct vrf_reg *r);

/* ---- btfptr.c: BTF-typed pointers */
int bpfshim_v_btf_access(struct vrf_env *env, u32 regno, s32 off, u32 size, bool write, s32 value);
int bpfshim_v_mapptr_access(struct vrf_env *env, u32 regno, s32 off, u32 size, bool write, s32 value);
bool bpfshim_v_btf_ids_match(const struct bpfshim_vrf_btf *btf, u32 id, s32 off, u32 want, bool strict);
int bpfshim_v_pseudo_btf_id(struct vrf_env *env, u32 insn);

/* ---- fixup.c, rewrite.c */
int bpfshim_v_fixup(struct vrf_env *env);
/* Instructions that take the place of insn i, at most VRF_PATCH of them;
 * 0: it stays as it is.  Negative: an errno. */
#define VRF_PATCH	24
int bpfshim_v_rewrite(struct vrf_env *env, u32 i, struct bpfshim_insn *out);

#endif /* BPFSHIM_VRF_ENV_H */
