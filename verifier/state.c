// SPDX-License-Identifier: GPL-2.0
/* States: making, sharing and copying them; paths that wait. */
#include "env.h"

#define MAX_PENDING 8192

const struct vrf_slot bpfshim_v_no_slot;

static size_t stack_size(u32 nr)
{
	return sizeof(struct vrf_stack) + nr * sizeof(struct vrf_slot);
}

static void stack_put(struct vrf_env *env, struct vrf_stack *s)
{
	if (s && !--s->refs)
		bpfshim_v_free(env, s, stack_size(s->nr));
}

struct vrf_frame *bpfshim_v_frame_new(struct vrf_env *env, u32 subprog, s32 callsite, u32 frameno)
{
	struct vrf_frame *f = bpfshim_v_zalloc(env, sizeof(*f));
	u32 i;

	if (!f)
		return NULL;
	f->refs = 1;
	for (i = 0; i < VRF_REGS; i++)
		bpfshim_v_reg_none(&f->regs[i]);
	bpfshim_v_reg_ptr(&f->regs[VRF_FP], VK_STACK, 0);
	f->regs[VRF_FP].frame = (u8)frameno;
	f->subprog = subprog;
	f->callsite = callsite;
	f->frameno = frameno;
	return f;
}

void bpfshim_v_frame_put(struct vrf_env *env, struct vrf_frame *f)
{
	if (!f || --f->refs)
		return;
	stack_put(env, f->stack);
	bpfshim_v_free(env, f, sizeof(*f));
}

static struct vrf_frame *frame_clone(struct vrf_env *env, const struct vrf_frame *from)
{
	struct vrf_frame *f = bpfshim_v_alloc(env, sizeof(*f));

	if (!f)
		return NULL;
	memcpy(f, from, sizeof(*f));
	f->refs = 1;
	if (f->stack)
		f->stack->refs++;
	return f;
}

struct vrf_frame *bpfshim_v_frame_rw(struct vrf_env *env, struct vrf_state *st, u32 no)
{
	struct vrf_frame *f = st->frames[no], *own;

	if (f->refs == 1)
		return f;
	own = frame_clone(env, f);
	if (!own)
		return NULL;
	f->refs--;
	st->frames[no] = own;
	return own;
}

struct vrf_slot *bpfshim_v_slot_rw(struct vrf_env *env, struct vrf_state *st, u32 frame, u32 slot)
{
	struct vrf_frame *f = bpfshim_v_frame_rw(env, st, frame);
	struct vrf_stack *s;
	u32 nr, old;

	if (!f)
		return NULL;
	old = f->stack ? f->stack->nr : 0;
	if (f->stack && f->stack->refs == 1 && slot < old)
		return &f->stack->slot[slot];
	nr = slot < old ? old : slot + 1;
	s = bpfshim_v_alloc(env, stack_size(nr));
	if (!s)
		return NULL;
	s->refs = 1;
	s->nr = nr;
	if (old)
		memcpy(s->slot, f->stack->slot, old * sizeof(s->slot[0]));
	memset(&s->slot[old], 0, (nr - old) * sizeof(s->slot[0]));
	stack_put(env, f->stack);
	f->stack = s;
	return &s->slot[slot];
}

struct vrf_state *bpfshim_v_state_new(struct vrf_env *env)
{
	struct vrf_state *st = bpfshim_v_zalloc(env, sizeof(*st));

	if (st)
		st->branches = 1;
	return st;
}

void bpfshim_v_state_free(struct vrf_env *env, struct vrf_state *st)
{
	u32 i;

	if (!st)
		return;
	for (i = 0; i < VRF_FRAMES; i++)
		bpfshim_v_frame_put(env, st->frames[i]);
	bpfshim_v_free(env, st->refs, st->cap_refs * sizeof(*st->refs));
	bpfshim_v_hist_clear(env, st);
	bpfshim_v_free(env, st, sizeof(*st));
}

struct vrf_state *bpfshim_v_state_copy(struct vrf_env *env, const struct vrf_state *from)
{
	struct vrf_state *st = bpfshim_v_alloc(env, sizeof(*st));
	u32 i;

	if (!st)
		return NULL;
	memcpy(st, from, sizeof(*st));
	memset(st->frames, 0, sizeof(st->frames));
	st->refs = NULL;
	st->hist = NULL;
	st->cap_refs = 0;
	for (i = 0; i < from->cur; i++) {
		st->frames[i] = from->frames[i];
		st->frames[i]->refs++;
	}
	st->frames[i] = frame_clone(env, from->frames[i]);
	if (!st->frames[i])
		goto fail;
	if (from->nr_refs) {
		st->cap_refs = from->nr_refs;
		st->refs = bpfshim_v_alloc(env, st->cap_refs * sizeof(*st->refs));
		if (!st->refs)
			goto fail;
		memcpy(st->refs, from->refs, st->nr_refs * sizeof(*st->refs));
	}
	if (bpfshim_v_hist_copy(env, st, from))
		goto fail;
	return st;
fail:
	if (!st->refs)
		st->cap_refs = 0;
	bpfshim_v_state_free(env, st);
	return NULL;
}

/* st goes on at insn later.  -ENOMEM, or -EFAULT: too many wait. */
int bpfshim_v_enqueue(struct vrf_env *env, struct vrf_state *st, u32 insn, s32 prev)
{
	struct vrf_pending *p = bpfshim_v_alloc(env, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->st = st;
	p->insn = insn;
	p->prev = (u32)prev;
	p->log_pos = bpfshim_v_log_pos(env);
	p->next = env->pending;
	env->pending = p;
	if (++env->nr_pending > MAX_PENDING) {
		bpfshim_v_log(env, "The sequence of %d jumps is too complex.\n", env->nr_pending);
		return -EFAULT;
	}
	if (st->parent)
		st->parent->branches++;
	return 0;
}

struct vrf_state *bpfshim_v_push(struct vrf_env *env, struct vrf_state *st, u32 insn, s32 prev)
{
	struct vrf_state *copy = bpfshim_v_state_copy(env, st);

	if (!copy || bpfshim_v_enqueue(env, copy, insn, prev))
		return NULL;
	return copy;
}

int bpfshim_v_pop(struct vrf_env *env)
{
	struct vrf_pending *p = env->pending;

	if (!p)
		return 0;
	env->pending = p->next;
	env->nr_pending--;
	if (!(env->level & BPFSHIM_LOG_LEVEL2))
		bpfshim_v_log_reset(env, p->log_pos);
	env->st = p->st;
	env->pc = p->insn;
	env->prev_pc = (s32)p->prev;
	bpfshim_v_free(env, p, sizeof(*p));
	return 1;
}

/* The running path ended well: checkpoints that nothing is left of are final. */
void bpfshim_v_path_end(struct vrf_state *st)
{
	while (st) {
		if (--st->branches)
			break;
		st = st->parent;
	}
}

int bpfshim_v_ref_acquire(struct vrf_env *env, s32 insn, u32 *id)
{
	struct vrf_state *st = env->st;
	struct vrf_frame *f = vrf_cur(env);
	struct vrf_ref *r;

	if (st->nr_refs == st->cap_refs) {
		u32 cap = st->cap_refs + 8u;

		if (cap > 0xffff)
			return -ENOMEM;
		r = bpfshim_v_alloc(env, cap * sizeof(*r));
		if (!r)
			return -ENOMEM;
		if (st->nr_refs)
			memcpy(r, st->refs, st->nr_refs * sizeof(*r));
		bpfshim_v_free(env, st->refs, st->cap_refs * sizeof(*r));
		st->refs = r;
		st->cap_refs = (u16)cap;
	}
	r = &st->refs[st->nr_refs++];
	r->id = *id = ++env->id_gen;
	r->insn = insn;
	r->cb_frame = f->in_cb ? f->frameno : 0;
	return 0;
}

/* Forget a reference. -EINVAL: there is none; -EACCES: a callback's caller has it. */
int bpfshim_v_ref_drop(struct vrf_env *env, struct vrf_state *st, u32 id)
{
	const struct vrf_frame *f = st->frames[st->cur];
	u32 i;

	(void)env;
	for (i = 0; i < st->nr_refs; i++) {
		if (st->refs[i].id != id)
			continue;
		if (f->in_cb && st->refs[i].cb_frame != f->frameno)
			return -EACCES;
		st->refs[i] = st->refs[--st->nr_refs];
		return 0;
	}
	return -EINVAL;
}

int bpfshim_v_each_reg(struct vrf_env *env, struct vrf_state *st, bpfshim_v_reg_fn fn, void *arg)
{
	struct vrf_frame *f;
	struct vrf_slot *s;
	u32 i, k;

	for (i = 0; i <= st->cur; i++) {
		f = st->frames[i];
		for (k = 0; k < VRF_REGS; k++) {
			if (f->regs[k].kind == VK_NONE || !fn(&f->regs[k], false, arg))
				continue;
			f = bpfshim_v_frame_rw(env, st, i);
			if (!f)
				return -ENOMEM;
			fn(&f->regs[k], true, arg);
		}
		for (k = 0; f->stack && k < f->stack->nr; k++) {
			if (!vrf_spilled(&f->stack->slot[k]) || !fn(&f->stack->slot[k].reg, false, arg))
				continue;
			s = bpfshim_v_slot_rw(env, st, i, k);
			if (!s)
				return -ENOMEM;
			f = st->frames[i];
			fn(&s->reg, true, arg);
		}
	}
	return 0;
}
