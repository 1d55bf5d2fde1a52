// SPDX-License-Identifier: GPL-2.0
/* States: making, copying, comparing; pending paths and explored states. */
#include "env.h"

#define MAX_PENDING 8192	/* as 6.1: "The sequence of %d jumps is too complex" */

void *bpfshim_ver_alloc(struct vrf_env *env, size_t size)
{
	void *p;

	if (env->mem_used + size > env->mem_max) {
		env->oom = true;
		return NULL;
	}
	p = env->ops->alloc(env->cookie, size);
	if (!p) {
		env->oom = true;
		return NULL;
	}
	env->mem_used += size;
	if (env->mem_used > env->mem_peak)
		env->mem_peak = env->mem_used;
	return p;
}

void bpfshim_ver_free(struct vrf_env *env, void *p, size_t size)
{
	if (!p)
		return;
	env->mem_used -= size;
	env->ops->free(env->cookie, p);
}

void bpfshim_ver_reg_none(struct vrf_reg *r)
{
	memset(r, 0, sizeof(*r));
	r->kind = K_NONE;
	bpfshim_num_unknown(&r->n);
}

void bpfshim_ver_reg_unknown(struct vrf_reg *r)
{
	memset(r, 0, sizeof(*r));
	r->kind = K_SCALAR;
	bpfshim_num_unknown(&r->n);
}

void bpfshim_ver_reg_const(struct vrf_reg *r, u64 v)
{
	memset(r, 0, sizeof(*r));
	r->kind = K_SCALAR;
	bpfshim_num_const(&r->n, v);
}

void bpfshim_ver_reg_ptr(struct vrf_reg *r, enum vrf_kind kind)
{
	memset(r, 0, sizeof(*r));
	r->kind = kind;
	bpfshim_num_const(&r->n, 0);
}

struct vrf_frame *bpfshim_ver_frame_new(struct vrf_env *env, u32 subprog, s32 callsite)
{
	struct vrf_frame *f = bpfshim_ver_alloc(env, sizeof(*f));
	u32 i;

	if (!f)
		return NULL;
	for (i = 0; i < REG_COUNT; i++)
		bpfshim_ver_reg_none(&f->regs[i]);
	f->subprog = subprog;
	f->callsite = callsite;
	return f;
}

void bpfshim_ver_frame_free(struct vrf_env *env, struct vrf_frame *f)
{
	if (!f)
		return;
	bpfshim_ver_free(env, f->slots, f->nr_slots * sizeof(*f->slots));
	bpfshim_ver_free(env, f, sizeof(*f));
}

int bpfshim_ver_frame_grow(struct vrf_env *env, struct vrf_frame *f, u32 slots)
{
	struct vrf_slot *n;

	if (slots <= f->nr_slots)
		return 0;
	n = bpfshim_ver_alloc(env, slots * sizeof(*n));
	if (!n)
		return -ENOMEM;
	if (f->nr_slots)
		memcpy(n, f->slots, f->nr_slots * sizeof(*n));
	bpfshim_ver_free(env, f->slots, f->nr_slots * sizeof(*n));
	f->slots = n;
	f->nr_slots = slots;
	return 0;
}

struct vrf_state *bpfshim_ver_state_new(struct vrf_env *env)
{
	return bpfshim_ver_alloc(env, sizeof(struct vrf_state));
}

void bpfshim_ver_state_free(struct vrf_env *env, struct vrf_state *st)
{
	u32 i;

	if (!st)
		return;
	for (i = 0; i < MAX_FRAMES; i++)
		bpfshim_ver_frame_free(env, st->frames[i]);
	bpfshim_ver_free(env, st, sizeof(*st));
}

struct vrf_state *bpfshim_ver_state_clone(struct vrf_env *env, const struct vrf_state *from)
{
	struct vrf_state *st = bpfshim_ver_state_new(env);
	u32 i;

	if (!st)
		return NULL;
	*st = *from;
	memset(st->frames, 0, sizeof(st->frames));
	st->next = NULL;
	st->hit = st->miss = 0;
	st->link = NULL;
	for (i = 0; i <= from->cur; i++) {
		const struct vrf_frame *s = from->frames[i];
		struct vrf_frame *d = bpfshim_ver_alloc(env, sizeof(*d));

		if (!d)
			goto fail;
		*d = *s;
		d->slots = NULL;
		d->nr_slots = 0;
		st->frames[i] = d;
		if (s->nr_slots) {
			d->slots = bpfshim_ver_alloc(env, s->nr_slots * sizeof(*d->slots));
			if (!d->slots)
				goto fail;
			d->nr_slots = s->nr_slots;
			memcpy(d->slots, s->slots, s->nr_slots * sizeof(*d->slots));
		}
	}
	return st;
fail:
	bpfshim_ver_state_free(env, st);
	return NULL;
}

struct vrf_state *bpfshim_ver_push(struct vrf_env *env, u32 insn, u32 prev)
{
	struct vrf_state *st;

	if (env->nr_pending >= MAX_PENDING) {
		bpfshim_ver_log(env, "The sequence of %u jumps is too complex.\n", env->nr_pending);
		return NULL;
	}
	st = bpfshim_ver_state_clone(env, env->st);
	if (!st)
		return NULL;
	st->insn = insn;
	st->prev_insn = prev;
	st->branches = 0;
	if (st->parent)
		st->parent->branches++;
	st->next = env->pending;
	env->pending = st;
	env->nr_pending++;
	return st;
}

int bpfshim_ver_pop(struct vrf_env *env)
{
	struct vrf_state *st = env->pending;

	if (!st)
		return 0;
	env->pending = st->next;
	env->nr_pending--;
	st->next = NULL;
	env->st = st;
	env->pc = st->insn;
	env->prev_pc = st->prev_insn;
	return 1;
}

/* A path ended: ancestors with no other path left become safe to compare with. */
void bpfshim_ver_path_end(struct vrf_env *env, struct vrf_state *st)
{
	struct vrf_state *p, *parent;

	for (p = st->parent; p; p = parent) {
		parent = p->parent;
		if (--p->branches)
			break;
		if (p->link) {	/* evicted before: nothing needs it any more */
			*p->link = p->next;
			if (p->next)
				p->next->link = p->link;
			bpfshim_ver_state_free(env, p);
		}
	}
}

/* Take a state off its list.  While paths that start there run, their count of
 * branches must stay. */
static void evict(struct vrf_env *env, struct vrf_state **where)
{
	struct vrf_state *st = *where;

	*where = st->next;
	env->peak_states--;
	if (!st->branches) {
		bpfshim_ver_state_free(env, st);
		return;
	}
	st->next = env->evicted;
	if (st->next)
		st->next->link = &st->next;
	st->link = &env->evicted;
	env->evicted = st;
}

/* ---- comparing -------------------------------------------------------- */

struct idpair {
	u32 old, cur;
};
#define IDMAP 128
struct idmap {
	struct idpair pair[IDMAP];
	u32 nr;
};

/* Does old's id stand for cur's? Each maps to one, both ways. */
static bool ids_match(struct idmap *m, u32 old, u32 cur)
{
	u32 i;

	if (!old != !cur)
		return false;
	if (!old)
		return true;
	for (i = 0; i < m->nr; i++) {
		if (m->pair[i].old == old)
			return m->pair[i].cur == cur;
		if (m->pair[i].cur == cur)
			return false;
	}
	if (m->nr == IDMAP)
		return false;
	m->pair[m->nr].old = old;
	m->pair[m->nr++].cur = cur;
	return true;
}

/* Whatever was proven safe from `old` holds from `cur`. */
static bool reg_covers(const struct vrf_reg *old, const struct vrf_reg *cur, struct idmap *m, bool exact)
{
	if (old->kind == K_NONE)
		return !exact || cur->kind == K_NONE;
	if (old->kind != cur->kind || old->maybe_null != cur->maybe_null || old->rdonly != cur->rdonly)
		return false;
	if (exact ? memcmp(&old->n, &cur->n, sizeof(old->n)) != 0 : !bpfshim_num_within(&old->n, &cur->n))
		return false;
	if (old->kind == K_SCALAR)
		return !old->id || ids_match(m, old->id, cur->id);
	if (old->off != cur->off || old->frame != cur->frame || old->map != cur->map ||
	    old->mem_size != cur->mem_size)
		return false;
	return ids_match(m, old->id, cur->id) && ids_match(m, old->ref, cur->ref);
}

static bool slot_is_zero(const struct vrf_slot *s, u32 byte)
{
	if (s->byte[byte] == S_ZERO)
		return true;
	return s->byte[byte] == S_SPILL && s->reg.kind == K_SCALAR &&
	       bpfshim_num_is_const(&s->reg.n) && !s->reg.n.t.value;
}

static bool slot_covers(const struct vrf_slot *old, const struct vrf_slot *cur, struct idmap *m, bool exact)
{
	u32 i;

	if (old->byte[7] == S_SPILL) {
		if (cur->byte[7] != S_SPILL || memcmp(old->byte, cur->byte, 8))
			return false;
		return reg_covers(&old->reg, &cur->reg, m, exact);
	}
	for (i = 0; i < 8; i++) {
		if (exact && old->byte[i] != cur->byte[i])
			return false;
		switch (old->byte[i]) {
		case S_INVALID:
			break;
		case S_ZERO:
			if (!slot_is_zero(cur, i))
				return false;
			break;
		default:
			/* A spilled pointer read as bytes is another thing. */
			if (cur->byte[i] == S_INVALID ||
			    (cur->byte[i] == S_SPILL && cur->reg.kind != K_SCALAR))
				return false;
		}
	}
	return true;
}

static bool frame_covers(struct vrf_env *env, const struct vrf_frame *old, const struct vrf_frame *cur,
			 struct idmap *m, u32 live, bool exact)
{
	static const struct vrf_slot nothing;
	u32 i;

	(void)env;
	if (old->callsite != cur->callsite || old->subprog != cur->subprog ||
	    old->in_callback != cur->in_callback || old->cb_lo != cur->cb_lo || old->cb_hi != cur->cb_hi)
		return false;
	for (i = 0; i < REG_COUNT; i++) {
		if (!(live & (1u << i)))
			continue;
		if (!reg_covers(&old->regs[i], &cur->regs[i], m, exact))
			return false;
	}
	for (i = 0; i < old->nr_slots || (exact && i < cur->nr_slots); i++) {
		if (!slot_covers(i < old->nr_slots ? &old->slots[i] : &nothing,
				 i < cur->nr_slots ? &cur->slots[i] : &nothing, m, exact))
			return false;
	}
	return true;
}

static bool state_covers(struct vrf_env *env, const struct vrf_state *old, const struct vrf_state *cur,
			 struct idmap *m, bool exact)
{
	u32 i, live;

	if (old->cur != cur->cur || old->nr_refs != cur->nr_refs || !old->lock_id != !cur->lock_id)
		return false;
	m->nr = 0;
	for (i = 0; i <= old->cur; i++) {
		/* In a caller's frame everything may live on, R1-R5 excepted. */
		live = i == old->cur ? env->aux[cur->insn].live | (1u << 10) : 0x7c0;
		if (!frame_covers(env, old->frames[i], cur->frames[i], m, live, exact))
			return false;
	}
	for (i = 0; i < old->nr_refs; i++) {
		if (!ids_match(m, old->refs[i], cur->refs[i]))
			return false;
	}
	return ids_match(m, old->lock_id, cur->lock_id);
}

int bpfshim_ver_visited(struct vrf_env *env)
{
	struct vrf_state *cur = env->st, *old, **where, *copy;
	struct idmap *m;
	u32 pc = env->pc, states = 0;
	bool add;
	int ret = 0;

	if (!env->aux[pc].prune)
		return 0;
	m = bpfshim_ver_alloc(env, sizeof(*m));
	if (!m)
		return -ENOMEM;
	cur->insn = pc;
	/* Few instructions since the last saved state: not worth saving. */
	add = (env->prog->prog_flags & BPFSHIM_F_TEST_STATE_FREQ) ||
	      (env->jmps - env->last_jmps >= 2 && env->processed - env->last_processed >= 8);
	for (where = &env->explored[pc]; (old = *where) != NULL; ) {
		states++;
		if (old->cur == cur->cur && old->frames[old->cur]->callsite == cur->frames[cur->cur]->callsite) {
			if (old->branches) {
				/* Still being walked: the same state again never ends. */
				if (state_covers(env, old, cur, m, true)) {
					bpfshim_ver_log(env, "infinite loop detected at insn %u\n", pc);
					ret = -EINVAL;
					goto out;
				}
				/* In a loop: states that each turn adds only cost. */
				if (env->jmps - env->last_jmps < 20 && env->processed - env->last_processed < 100)
					add = false;
			} else if (state_covers(env, old, cur, m, false)) {
				old->hit++;
				ret = 1;
				goto out;
			}
		}
		if (add)
			old->miss++;
		/* A state that never helps goes: a long list costs every visit. */
		if (old->miss > old->hit * 3 + 3)
			evict(env, where);
		else
			where = &old->next;
	}
	if (states > env->res->max_states_per_insn)
		env->res->max_states_per_insn = states;
	if (!add)
		goto out;
	copy = bpfshim_ver_state_clone(env, cur);
	if (!copy) {
		ret = -ENOMEM;
		goto out;
	}
	copy->branches = 1;
	copy->next = env->explored[pc];
	env->explored[pc] = copy;
	env->total_states++;
	env->peak_states++;
	env->last_jmps = env->jmps;
	env->last_processed = env->processed;
	cur->parent = copy;
out:
	bpfshim_ver_free(env, m, sizeof(*m));
	return ret;
}
