// SPDX-License-Identifier: GPL-2.0
/*
 * Callbacks.  A helper may call one any number of times: the walk goes on
 * after the call as if it never did, then walks the callback, and after each
 * turn both goes on after the call and starts another turn, until a turn
 * begins with nothing that an earlier one did not begin with.  What a turn
 * changed in its callers' frames is forgotten before the next, so that this
 * ends soon.
 */
#include "env.h"

#define MAX_TURNS 4096

static void value_reg(struct vrf_env *env, struct vrf_reg *r, const struct bpfshim_vrf_map *map)
{
	bpfshim_v_reg_ptr(r, VK_MAP_VALUE, 0);
	r->u.map = map;
	if (map->spin_lock_off >= 0)
		r->id = ++env->id_gen;
}

static void key_reg(struct vrf_reg *r, const struct bpfshim_vrf_map *map)
{
	bpfshim_v_reg_ptr(r, VK_MAP_KEY, 0);
	r->u.map = map;
}

/* R1 - R5 of the callback, from those of the helper's call. */
static int callback_args(struct vrf_env *env, s32 helper, const struct vrf_reg *from, struct vrf_reg *to)
{
	const struct bpfshim_vrf_map *map;
	s32 vma;

	switch (helper) {
	case BPFSHIM_HELPER_loop:
		bpfshim_v_reg_unknown(&to[1]);
		to[2] = from[3];
		return 0;
	case BPFSHIM_HELPER_for_each_map_elem:
		map = from[1].u.map;
		switch (map->map_type) {
		case BPFSHIM_MAP_TYPE_ARRAY:
		case BPFSHIM_MAP_TYPE_PERCPU_ARRAY:
		case BPFSHIM_MAP_TYPE_HASH:
		case BPFSHIM_MAP_TYPE_LRU_HASH:
		case BPFSHIM_MAP_TYPE_PERCPU_HASH:
		case BPFSHIM_MAP_TYPE_LRU_PERCPU_HASH:
			break;
		default:
			bpfshim_v_log(env, "callback function not allowed for map\n");
			return -ENOTSUPP;
		}
		to[1] = from[1];
		key_reg(&to[2], map);
		value_reg(env, &to[3], map);
		to[4] = from[3];
		return 0;
	case BPFSHIM_HELPER_timer_set_callback:
		map = from[1].u.map;
		bpfshim_v_reg_ptr(&to[1], VK_CONST_MAP, 0);
		to[1].u.map = map;
		key_reg(&to[2], map);
		value_reg(env, &to[3], map);
		return 0;
	case BPFSHIM_HELPER_find_vma:
		vma = env->kbtf ? bpfshim_btf_find(env->kbtf, "vm_area_struct", BPFSHIM_BTF_STRUCT) : -1;
		if (vma < 0)
			return -EINVAL;
		to[1] = from[1];
		bpfshim_v_reg_ptr(&to[2], VK_BTF_ID, 0);
		to[2].u.btf = env->kbtf;
		to[2].uid = (u32)vma;
		to[3] = from[4];
		return 0;
	case BPFSHIM_HELPER_user_ringbuf_drain:
		bpfshim_v_reg_ptr(&to[1], VK_DYNPTR, 0);
		to[2] = from[3];
		return 0;
	}
	return -EFAULT;
}

/* A timer's callback: another program, so to speak, that starts later. */
static int async_callback(struct vrf_env *env, s32 helper, u32 sub)
{
	struct vrf_state *st = bpfshim_v_state_new(env);
	struct vrf_frame *f;
	int err;

	if (!st)
		return -ENOMEM;
	env->subs[sub].async_cb = true;
	f = bpfshim_v_frame_new(env, sub, -1, 0);
	if (!f)
		return -ENOMEM;
	st->frames[0] = f;
	st->first_insn = env->subs[sub].start;
	st->last_insn = -1;
	f->in_async = true;
	f->async_entry = vrf_cur(env)->async_entry + 1;
	err = callback_args(env, helper, vrf_regs(env), f->regs);
	if (err)
		return err;
	return bpfshim_v_enqueue(env, st, env->subs[sub].start, (s32)env->pc);
}

/* Snapshot the turn that begins now. */
static int turn_begins(struct vrf_env *env, struct vrf_state *st)
{
	struct vrf_frame *f = st->frames[st->cur];
	struct vrf_state *entry = bpfshim_v_state_copy(env, st);

	if (!entry)
		return -ENOMEM;
	bpfshim_v_hist_clear(env, entry);
	f->cb_entry = entry;
	f->cb_parent = st->parent;
	return 0;
}

/* The call's registers are checked; on success the next instruction is set. */
int bpfshim_v_callback(struct vrf_env *env, const struct bpfshim_insn *in, u32 sub)
{
	struct vrf_state *st = env->st, *never;
	struct vrf_reg *regs = vrf_regs(env);
	struct vrf_frame *f;
	int err = bpfshim_v_depth_ok(env);

	if (err)
		return err;
	env->subs[sub].is_cb = true;
	if (in->imm == BPFSHIM_HELPER_timer_set_callback) {
		err = async_callback(env, in->imm, sub);
		if (err)
			return err;
		bpfshim_v_clobber(env);
		bpfshim_v_reg_unknown(&vrf_regs(env)[0]);
		env->pc++;
		return 0;
	}
	f = bpfshim_v_frame_push(env, sub, (s32)env->pc);
	if (!f)
		return -ENOMEM;
	st->written.reg[st->cur + 1] = 0xffff;
	f->in_cb = true;
	f->async_entry = vrf_cur(env)->async_entry;
	err = callback_args(env, in->imm, regs, f->regs);
	if (err)
		return err;
	bpfshim_v_clobber(env);
	bpfshim_v_reg_unknown(&vrf_regs(env)[0]);
	st->frames[st->cur + 1] = NULL;
	never = bpfshim_v_push(env, st, env->pc + 1, (s32)env->pc);
	if (!never)
		return env->oom ? -ENOMEM : -EFAULT;
	st->frames[++st->cur] = f;
	err = turn_begins(env, st);
	if (err)
		return err;
	bpfshim_v_log_enter(env);
	env->pc = env->subs[sub].start;
	return 0;
}

/* But for what else a number equals: seen_turn() looks at that. */
static bool same_slot(const struct vrf_slot *a, const struct vrf_slot *b)
{
	if (memcmp(a->byte, b->byte, 8))
		return false;
	if (!vrf_spilled(a))
		return true;
	if (vrf_is_scalar(&a->reg) && vrf_is_scalar(&b->reg))
		return !memcmp(&a->reg.n, &b->reg.n, sizeof(a->reg.n));
	return bpfshim_v_reg_same(&a->reg, &b->reg);
}

/* Numbers that the turn changed in its callers' stacks may change again. */
static int forget_changes(struct vrf_env *env, struct vrf_state *st, const struct vrf_state *entry)
{
	const struct vrf_slot *was, *now;
	struct vrf_slot *s;
	u32 i, k, nr;

	for (i = 0; i < st->cur; i++) {
		if (st->frames[i] == entry->frames[i])
			continue;
		nr = st->frames[i]->stack ? st->frames[i]->stack->nr : 0;
		for (k = 0; k < nr; k++) {
			now = bpfshim_v_slot(st->frames[i], k);
			was = bpfshim_v_slot(entry->frames[i], k);
			if (same_slot(was, now) || now->byte[7] == VB_DYNPTR ||
			    (vrf_spilled(now) && now->reg.kind != VK_SCALAR))
				continue;
			s = bpfshim_v_slot_rw(env, st, i, k);
			if (!s)
				return -ENOMEM;
			memset(s->byte, VB_MISC, 8);
			bpfshim_v_reg_none(&s->reg);
		}
	}
	return 0;
}

/* Has a turn begun like this before? */
static bool seen_turn(struct vrf_env *env, struct vrf_state *st)
{
	struct vrf_state *entry = st->frames[st->cur]->cb_entry;

	for (; entry; entry = entry->frames[entry->cur]->cb_entry) {
		if (bpfshim_v_state_covers(env, entry, st, true))
			return true;
	}
	return false;
}

/* st: a copy of the running state, at the callback's end. */
static int another_turn(struct vrf_env *env, struct vrf_state *st)
{
	struct vrf_frame *old = st->frames[st->cur], *f;
	const struct vrf_state *entry = old->cb_entry;
	const struct vrf_frame *first = entry->frames[entry->cur];
	u32 i;
	int err;

	f = bpfshim_v_frame_new(env, old->subprog, old->callsite, old->frameno);
	if (!f)
		return -ENOMEM;
	f->in_cb = true;
	f->async_entry = old->async_entry;
	f->cb_turn = old->cb_turn + 1;
	f->cb_entry = old->cb_entry;
	memcpy(f->regs, first->regs, sizeof(f->regs));
	for (i = 1; i <= BPFSHIM_REG_5; i++)	/* another element, another lock */
		if (f->regs[i].kind == VK_MAP_VALUE && f->regs[i].id)
			f->regs[i].id = ++env->id_gen;
	bpfshim_v_frame_put(env, old);
	st->frames[st->cur] = f;
	st->written.reg[st->cur] = 0xffff;
	st->written.slot[st->cur] = VRF_U64_MAX;
	err = forget_changes(env, st, entry);
	if (err)
		return err;
	if (seen_turn(env, st)) {
		/* All that such a turn may need, those before must keep. */
		bpfshim_v_live_all(st, first->cb_parent);
		bpfshim_v_state_free(env, st);
		return 0;
	}
	if (f->cb_turn > MAX_TURNS) {
		bpfshim_v_log(env, "callback changes its caller's pointers without end\n");
		return -E2BIG;
	}
	err = turn_begins(env, st);
	if (err)
		return err;
	return bpfshim_v_enqueue(env, st, env->subs[f->subprog].start, (s32)env->pc);
}

int bpfshim_v_callback_exit(struct vrf_env *env)
{
	struct vrf_state *st = env->st, *next;
	const struct vrf_frame *f = vrf_cur(env);
	const struct vrf_reg *r0 = &f->regs[0];
	s32 helper = env->insns[f->callsite].imm;
	int err;

	if (r0->kind != VK_SCALAR) {
		bpfshim_v_log(env, "R0 not a scalar value\n");
		return -EACCES;
	}
	bpfshim_v_live_read(env, st, st->cur, 1, 0);
	err = bpfshim_v_precise(env, 0);
	if (err)
		return err;
	if (!bpfshim_tnum_in(bpfshim_tnum_range(0, 1), r0->n.t)) {
		bpfshim_v_bad_scalar(env, r0, bpfshim_tnum_range(0, 1), "callback return");
		return -EINVAL;
	}
	/* 1 ends the loop. */
	if (helper != BPFSHIM_HELPER_find_vma && bpfshim_tnum_in(r0->n.t, bpfshim_tnum_range(0, 0))) {
		next = bpfshim_v_state_copy(env, st);
		if (!next)
			return -ENOMEM;
		err = another_turn(env, next);
		if (err)
			return err;
	}
	return bpfshim_v_frame_pop(env);
}
