// SPDX-License-Identifier: GPL-2.0
/*
 * The verifier's states, copied before each instruction, and the question that
 * decides soundness: is the machine's state one of those that a recorded
 * state stands for?
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../env.h"
#include "hook.h"
#include "trace.h"

#define ARENA	(24u << 20)
#define PER_INSN 400

struct snap_frame {
	struct vrf_reg regs[VRF_REGS];
	u32 subprog;
	s32 callsite;
	u32 nr;
	struct vrf_slot *slots;
};

struct snap {
	struct snap *next;
	u32 nr;
	u32 refs;
	bool locked;
	struct snap_frame f[];
};

static u8 *arena;
static size_t used;
static struct snap *at[PROG_MAX];
static u32 count[PROG_MAX], total;
static bool partial[PROG_MAX];	/* not all states were kept */

static void *keep(size_t n)
{
	void *p;

	n = (n + 15) & ~(size_t)15;
	if (used + n > ARENA)
		return NULL;
	p = arena + used;
	used += n;
	return p;
}

/* The map itself goes with the verifier: its number stays. */
static void keep_map(struct vrf_reg *r)
{
	if (r->kind == VK_CONST_MAP || r->kind == VK_MAP_VALUE || r->kind == VK_MAP_KEY)
		r->u.raw = r->u.map->id - 1;
}

static void record(struct vrf_env *env)
{
	const struct vrf_state *st = env->st;
	u32 i, k, nr = st->cur + 1, pc = env->pc;
	struct snap *s;

	if (pc >= PROG_MAX)
		return;
	if (count[pc] >= PER_INSN) {
		partial[pc] = true;
		return;
	}
	s = keep(sizeof(*s) + nr * sizeof(s->f[0]));
	if (!s) {
		partial[pc] = true;
		return;
	}
	s->nr = nr;
	s->refs = st->nr_refs;
	s->locked = st->lock_id != 0;
	for (i = 0; i < nr; i++) {
		const struct vrf_frame *f = st->frames[i];
		struct snap_frame *o = &s->f[i];

		memcpy(o->regs, f->regs, sizeof(o->regs));
		o->subprog = f->subprog;
		o->callsite = f->callsite;
		o->nr = f->stack ? f->stack->nr : 0;
		o->slots = keep(o->nr * sizeof(*o->slots) + 1);
		if (!o->slots) {
			partial[pc] = true;
			return;
		}
		if (o->nr)
			memcpy(o->slots, f->stack->slot, o->nr * sizeof(*o->slots));
		for (k = 0; k < VRF_REGS; k++)
			keep_map(&o->regs[k]);
		for (k = 0; k < o->nr; k++)
			if (o->slots[k].byte[7] == VB_SPILL)
				keep_map(&o->slots[k].reg);
	}
	s->next = at[pc];
	at[pc] = s;
	count[pc]++;
	total++;
}

void trace_begin(void)
{
	if (!arena)
		arena = malloc(ARENA);
	used = 0;
	total = 0;
	memset(at, 0, sizeof(at));
	memset(count, 0, sizeof(count));
	memset(partial, 0, sizeof(partial));
	bpfshim_test_step = record;
}

void trace_end(void)
{
	bpfshim_test_step = NULL;
}

u32 trace_states(void)
{
	return total;
}

/* ---- is it one of these? ------------------------------------------------ */

/* Names that stand for equal things; the first use says what. */
struct ids {
	u32 nr;
	u32 id[64];
	u8 what[64];
	u64 value[64];
};

static bool same_id(struct ids *t, u32 id, u8 what, u64 value)
{
	u32 i;

	for (i = 0; i < t->nr; i++)
		if (t->id[i] == id && t->what[i] == what)
			return t->value[i] == value;
	if (t->nr < 64) {
		t->id[t->nr] = id;
		t->what[t->nr] = what;
		t->value[t->nr++] = value;
	}
	return true;
}

static bool has(const struct bpfshim_num *n, u64 v)
{
	return (v & ~n->t.mask) == n->t.value && v >= n->umin && v <= n->umax && (s64)v >= n->smin &&
	       (s64)v <= n->smax && (u32)v >= n->u32min && (u32)v <= n->u32max &&
	       (s32)v >= n->s32min && (s32)v <= n->s32max;
}

struct match {
	struct machine *m;
	struct ids ids;
	u32 root;		/* the machine's frame that is the state's first */
};

/* As differs(), of a pointer into o. */
static const char *object_differs(struct match *x, const struct vrf_reg *r, u64 v, const struct obj *o)
{
	struct machine *m = x->m;
	u64 at;

	if (!o)
		return "no pointer";
	if (o->dead)
		return "pointer to what is gone";
	switch (r->kind) {
	case VK_CTX:
		if (o->kind != O_CTX)
			return "not the context";
		break;
	case VK_CONST_MAP:
		return o->kind == O_MAP && o->map == r->u.raw && o->base == v ? NULL : "not that map";
	case VK_MAP_VALUE:
		if (o->kind != O_VALUE || o->map != r->u.raw)
			return "not a value of that map";
		break;
	case VK_MAP_KEY:
		if (o->kind != O_KEY || o->map != r->u.raw)
			return "not a key of that map";
		break;
	case VK_STACK:
		if (o != &m->objs[m->frames[x->root + r->frame].stack])
			return "not that frame's stack";
		return has(&r->n, v - o->base - o->size - (u64)(s64)r->off) ? NULL : "stack offset";
	case VK_MEM:
		if (o->kind != O_RECORD && o->kind != O_VALUE)
			return "not that memory";
		if (o->kind == O_RECORD && o->size == r->u.mem_size)
			break;
		/* a dynptr's slice */
		at = v - o->base - (u64)(s64)r->off - r->n.t.value;
		if (!r->n.t.mask && (at > o->size || r->u.mem_size > o->size - at))
			return "slice";
		return NULL;
	case VK_FUNC:
		return o->kind == O_FUNC && o->map == r->u.subprog ? NULL : "not that function";
	default:
		return NULL;
	}
	return has(&r->n, v - o->base - (u64)(s64)r->off) ? NULL : "offset";
}

/* NULL: v is what r says; else what of it is not so. */
static const char *differs(struct match *x, const struct vrf_reg *r, u64 v)
{
	struct machine *m = x->m;
	const struct obj *o;
	const char *why;
	u32 i;

	if (r->kind == VK_NONE)
		return NULL;
	if (r->kind == VK_SCALAR) {
		if (!has(&r->n, v))
			return "number out of its range";
		return r->id && !same_id(&x->ids, r->id, 0, v) ? "equal numbers are not" : NULL;
	}
	if (r->flags & VF_NULL) {
		if (r->id && !same_id(&x->ids, r->id, 1, !v))
			return "checked together, but one is NULL";
		if (!v)
			return NULL;
	}
	if (r->kind == VK_PKT || r->kind == VK_PKT_META || r->kind == VK_PKT_END) {
		u64 base = v - (u64)(s64)r->off;

		if (r->kind == VK_PKT_END)
			return v == m->pkt_end ? NULL : "not the packet's end";
		if (!has(&r->n, base - (r->kind == VK_PKT ? m->pkt_data : m->pkt_meta)))
			return "packet offset";
		if (r->id && !same_id(&x->ids, r->id, 2, base))
			return "packet pointers of one base";
		if (r->u.range > 0 && base + (u64)r->u.range > (r->kind == VK_PKT ? m->pkt_end : m->pkt_data))
			return "the packet ends before";
		if ((r->u.range == VRF_RANGE_AT_END && v < m->pkt_end) ||
		    (r->u.range == VRF_RANGE_BEYOND_END && v <= m->pkt_end))
			return "not past the packet's end";
		return NULL;
	}
	o = machine_obj(m, v);
	why = object_differs(x, r, v, o);
	/* Moved so far that its address says nothing: is there any object? */
	for (i = 1; why && r->n.umax >= VRF_MAX_OFF && i < m->nr_objs; i++)
		if (!object_differs(x, r, v, &m->objs[i]))
			return NULL;
	return why;
}

static const char *slot_differs(struct match *x, const struct vrf_slot *s, const u8 *b)
{
	u32 i, n = 0;
	struct vrf_reg r;
	u64 v = 0;

	/* byte[i] is the one at b[7 - i] */
	if (s->byte[7] == VB_SPILL) {
		while (n < 8 && s->byte[7 - n] == VB_SPILL)
			n++;
		memcpy(&v, b, n);
		r = s->reg;
		if (n < 8) {
			if (r.kind != VK_SCALAR)
				return "a part of a pointer";
			if (r.n.umax >> (8 * n)) {
				r.id = 0;
				bpfshim_num_zext(&r.n, n);
			}
		}
		return differs(x, &r, v);
	}
	for (i = 0; i < 8; i++)
		if (s->byte[i] == VB_ZERO && b[7 - i])
			return "zero bytes are not";
	return NULL;
}

static const char *state_differs(struct match *x, const struct snap *s, u32 *frame, s32 *where)
{
	struct machine *m = x->m;
	const char *why;
	u32 i, k;

	x->ids.nr = 0;
	*where = -1;
	*frame = 0;
	if (s->nr != m->depth - x->root + 1)
		return "depth";
	/* what was reserved may turn out to be NULL */
	if (s->refs < m->records - m->frames[x->root].records || s->locked != m->locked)
		return "references or lock";
	for (i = 0; i < s->nr; i++) {
		const struct snap_frame *f = &s->f[i];
		const struct mframe *mf = &m->frames[x->root + i];
		const struct obj *stack = &m->objs[mf->stack];

		*frame = i;
		if (f->subprog != mf->sub || (i && f->callsite != (s32)mf->ret))
			return "another call";
		for (k = 0; k < VRF_REGS; k++) {
			*where = (s32)k;
			why = differs(x, &f->regs[k], mf->r[k]);
			if (why)
				return why;
		}
		for (k = 0; k < f->nr; k++) {
			*where = -8 * (s32)(k + 1);
			why = slot_differs(x, &f->slots[k], stack->data + stack->size - 8 * (k + 1));
			if (why)
				return why;
		}
	}
	return NULL;
}

void trace_step(struct machine *m, u32 pc)
{
	const char *why = NULL, *best = "never reached";
	u32 frame, bframe = 0, score, top = 0;
	s32 where, bwhere = 0;
	struct snap *s;
	struct match x;

	if (partial[pc])
		return;
	x.m = m;
	x.root = m->depth;
	while (x.root && !m->frames[x.root].global)
		x.root--;
	for (s = at[pc]; s; s = s->next) {
		why = state_differs(&x, s, &frame, &where);
		if (!why)
			return;
		score = frame * 100 + (where >= 0 ? (u32)where : 16 + (u32)(-where / 8));
		if (score >= top) {
			top = score;
			best = why;
			bframe = frame;
			bwhere = where;
		}
	}
	machine_bad(m, "insn %u: in no state: frame %u, %s%d: %s (%#llx)", pc, bframe, bwhere < 0 ? "fp" : "r", bwhere, best,
		    bwhere >= 0 && bwhere < 11 ? (unsigned long long)m->frames[x.root + bframe].r[bwhere] : 0ULL);
}
