// SPDX-License-Identifier: GPL-2.0
/*
 * Pruning: at places that many paths pass, the running state is compared with
 * checkpoints from which every path ended well; what they cover is not walked
 * again.
 */
#include "env.h"

#define MAX_UNPRIV_STATES	64	/* checkpoints of an unprivileged user's program, at one place */

/* Old ids stand for new ones, one for one. */
static bool match_ids(struct vrf_env *env, u32 old, u32 cur)
{
	struct vrf_idpair *m = env->idmap;
	u32 i;

	if (!old || !cur)
		return old == cur;
	for (i = 0; i < env->nr_idmap; i++) {
		if (m[i].old == old)
			return m[i].cur == cur;
		if (m[i].cur == cur)
			return false;
	}
	if (env->nr_idmap == VRF_IDMAP)
		return false;
	m[i].old = old;
	m[i].cur = cur;
	env->nr_idmap++;
	return true;
}

/* Equal numbers must be equal still; more may be. */
static bool match_scalar_ids(struct vrf_env *env, u32 old, u32 cur)
{
	struct vrf_idpair *m = env->idmap;
	u32 i;

	if (!old)
		return true;
	if (!cur)
		cur = ++env->tmp_id | (1u << 31);	/* equal to nothing else */
	for (i = 0; i < env->nr_idmap; i++)
		if (m[i].old == old)
			return m[i].cur == cur;
	if (env->nr_idmap == VRF_IDMAP)
		return false;
	m[i].old = old;
	m[i].cur = cur;
	env->nr_idmap++;
	return true;
}

static bool same_but_ids(const struct vrf_reg *a, const struct vrf_reg *b)
{
	return a->kind == b->kind && a->flags == b->flags && a->frame == b->frame &&
	       a->off == b->off && a->u.raw == b->u.raw && a->uid == b->uid &&
	       !memcmp(&a->n, &b->n, sizeof(a->n));
}

static bool reg_covers(struct vrf_env *env, const struct vrf_reg *old,
		       const struct vrf_reg *cur, bool precise)
{
	if (old->kind == VK_NONE)
		return true;	/* no path can have used it */
	if (old->kind != cur->kind || old->flags != cur->flags)
		return false;
	switch (old->kind) {
	case VK_SCALAR:
		if (env->alu_limits)
			return bpfshim_v_reg_same(old, cur);
		if (!precise && !env->unpriv)
			return true;
		return bpfshim_num_within(&old->n, &cur->n) &&
		       match_scalar_ids(env, old->id, cur->id);
	case VK_MAP_KEY:
	case VK_MAP_VALUE:
		if (old->flags & VF_NULL)
			break;
		return old->off == cur->off && old->u.map == cur->u.map && old->uid == cur->uid &&
		       bpfshim_num_within(&old->n, &cur->n) && match_ids(env, old->id, cur->id) &&
		       match_ids(env, old->ref, cur->ref);
	case VK_PKT:
	case VK_PKT_META:
		if (old->u.range < 0 || cur->u.range < 0) {
			if (old->u.range != cur->u.range)
				return false;
		} else if (old->u.range > cur->u.range) {
			return false;
		}
		if (old->off != cur->off || (old->id && !match_ids(env, old->id, cur->id)))
			return false;
		return bpfshim_num_within(&old->n, &cur->n);
	}
	return same_but_ids(old, cur) && match_ids(env, old->id, cur->id) &&
	       match_ids(env, old->ref, cur->ref);
}

static bool slot_covers(struct vrf_env *env, const struct vrf_slot *old,
			const struct vrf_slot *cur, bool precise)
{
	bool pointer = vrf_spilled(cur) && cur->reg.kind != VK_SCALAR;
	u32 i;

	for (i = memcmp(old->byte, cur->byte, 8) ? 0 : 8; i < 8; i++) {
		/* Where one path has a dynptr the other must have one too. */
		if (cur->byte[i] == VB_DYNPTR && old->byte[i] != VB_DYNPTR)
			return false;
		/* Root may read what was never written: bytes of no meaning,
		 * with which more can be done than with an address. */
		if ((old->byte[i] == VB_INVALID || (old->byte[i] == VB_MISC && (!env->unpriv || cur->byte[i] == VB_ZERO))) &&
		    !pointer)
			continue;
		if (old->byte[i] != cur->byte[i])
			return false;
	}
	if (vrf_spilled(old))
		return reg_covers(env, &old->reg, &cur->reg, precise);
	if (old->byte[7] == VB_DYNPTR)
		return same_but_ids(&old->reg, &cur->reg) &&
		       match_ids(env, old->reg.id, cur->reg.id);
	return true;
}

static bool frame_covers(struct vrf_env *env, const struct vrf_state *so,
			 const struct vrf_state *sc, u32 no, bool all)
{
	const struct vrf_frame *old = so->frames[no], *cur = sc->frames[no];
	u32 regs = all ? 0x3ff : so->read.reg[no] & 0x3ff, nr, i;
	u64 slots = all ? VRF_U64_MAX : so->read.slot[no];

	/* One frame of both is compared, too: another's ids may be linked with its. */
	if (old->callsite != cur->callsite || old->subprog != cur->subprog ||
	    old->in_cb != cur->in_cb || old->in_async != cur->in_async)
		return false;
	for (; regs; regs &= regs - 1) {
		i = (u32)__builtin_ctz(regs);
		if (!reg_covers(env, &old->regs[i], &cur->regs[i],
				all || (so->precise.reg[no] & (1u << i))))
			return false;
	}
	/* Beyond the old one's stack only a dynptr makes a difference. */
	nr = max(old->stack ? old->stack->nr : 0, cur->stack ? cur->stack->nr : 0);
	if (nr < 64)
		slots &= ((u64)1 << nr) - 1;
	for (; slots; slots &= slots - 1) {
		i = (u32)__builtin_ctzll(slots);
		if (!slot_covers(env, bpfshim_v_slot(old, i), bpfshim_v_slot(cur, i),
				 all || ((so->precise.slot[no] >> i) & 1)))
			return false;
	}
	return true;
}

bool bpfshim_v_state_covers(struct vrf_env *env, struct vrf_state *old,
			    struct vrf_state *cur, bool all)
{
	u32 i;

	if (old->cur != cur->cur || (old->spec && !cur->spec) || old->nr_refs != cur->nr_refs)
		return false;
	env->nr_idmap = 0;
	env->tmp_id = 0;
	if (!match_ids(env, old->lock_id, cur->lock_id))
		return false;
	for (i = 0; i < old->nr_refs; i++) {
		if (old->refs[i].cb_frame != cur->refs[i].cb_frame ||
		    !match_ids(env, old->refs[i].id, cur->refs[i].id))
			return false;
	}
	/* The running frame first: it differs most often. */
	for (i = old->cur + 1; i-- > 0; )
		if (!frame_covers(env, old, cur, i, all))
			return false;
	return true;
}

/* Is the running path back where it was, with nothing changed? */
static bool maybe_looping(const struct vrf_state *old, const struct vrf_state *cur)
{
	const struct vrf_frame *fo, *fc;
	u32 i;

	if (old->cur != cur->cur)
		return false;
	for (i = 0; i <= cur->cur; i++) {
		fo = old->frames[i];
		fc = cur->frames[i];
		/* Another turn of a callback's loop, another firing of a timer. */
		if (fo->cb_turn != fc->cb_turn || fo->async_entry != fc->async_entry)
			return false;
	}
	fo = old->frames[cur->cur];
	fc = cur->frames[cur->cur];
	for (i = 0; i < VRF_REGS; i++)
		if (!bpfshim_v_reg_same(&fo->regs[i], &fc->regs[i]))
			return false;
	return true;
}

/* Scalars that the paths from old relied upon are relied upon from here too. */
static int join_precision(struct vrf_env *env, const struct vrf_state *old)
{
	struct vrf_state *cur = env->st;
	const struct vrf_slot *s;
	struct vrf_marks want;
	u32 f, i;

	memset(&want, 0, sizeof(want));
	for (f = old->cur + 1; f-- > 0; ) {
		u32 regs = old->precise.reg[f] & old->read.reg[f] & 0x3ff;
		u64 slots = old->precise.slot[f] & old->read.slot[f];

		for (i = 0; regs >> i; i++) {
			if (!(regs & (1u << i)) || old->frames[f]->regs[i].kind != VK_SCALAR ||
			    cur->frames[f]->regs[i].kind != VK_SCALAR)
				continue;
			if (env->level & BPFSHIM_LOG_LEVEL2)
				bpfshim_v_log(env, "frame %d: propagating r%d\n", f, i);
			want.reg[f] |= (u16)(1u << i);
		}
		for (i = 0; i < VRF_SLOTS && slots >> i; i++) {
			if (!((slots >> i) & 1))
				continue;
			s = bpfshim_v_slot(old->frames[f], i);
			if (!vrf_spilled(s) || s->reg.kind != VK_SCALAR)
				continue;
			s = bpfshim_v_slot(cur->frames[f], i);
			if (!vrf_spilled(s) || s->reg.kind != VK_SCALAR)
				continue;
			if (env->level & BPFSHIM_LOG_LEVEL2)
				bpfshim_v_log(env, "frame %d: propagating fp%d\n", f, -8 * (s32)(i + 1));
			want.slot[f] |= (u64)1 << i;
		}
	}
	return bpfshim_v_precise_marks(env, &want);
}

static int checkpoint(struct vrf_env *env, struct vrf_state **list)
{
	struct vrf_state *cur = env->st, *cp = bpfshim_v_state_copy(env, cur);

	if (!cp)
		return -ENOMEM;
	cp->insn = env->pc;
	cp->branches = 1;
	cp->hit = cp->miss = 0;
	cp->next = *list;
	*list = cp;
	env->total_states++;
	env->peak_states++;
	env->last_jmps = env->jmps;
	env->last_processed = env->processed;
	cur->parent = cp;
	cur->first_insn = env->pc;
	bpfshim_v_hist_clear(env, cur);
	memset(&cur->written, 0, sizeof(cur->written));
	return bpfshim_v_hist_push(env, cur, 0, true);
}

static int jump_history(struct vrf_env *env)
{
	return env->aux[env->pc].jmp ? bpfshim_v_hist_push(env, env->st, 0, true) : 0;
}

int bpfshim_v_visited(struct vrf_env *env)
{
	struct vrf_state *cur = env->st, *old, **list, **where;
	u32 states = 0;
	bool add;
	int err;

	cur->last_insn = env->prev_pc;
	if (!env->aux[env->pc].prune)
		return jump_history(env);
	/* Few jumps and instructions since the last one: not worth another. */
	add = (!env->unpriv && (env->prog->prog_flags & BPFSHIM_F_TEST_STATE_FREQ)) ||
	      (env->jmps - env->last_jmps >= 2 && env->processed - env->last_processed >= 8);
	list = &env->explored[(env->pc ^ (u32)vrf_cur(env)->callsite) % env->len];
	for (where = list; (old = *where); ) {
		states++;
		if (old->insn != env->pc)
			goto next;
		if (old->branches) {
			if (maybe_looping(old, cur) && bpfshim_v_state_covers(env, old, cur, VRF_EXACT(env))) {
				bpfshim_v_log_line(env, env->pc, "; ");
				bpfshim_v_log(env, "infinite loop detected at insn %d\n", env->pc);
				return -EINVAL;
			}
			/* In a loop each turn differs: keep few of them. */
			if (env->jmps - env->last_jmps < 20 && env->processed - env->last_processed < 100)
				add = false;
		} else if (bpfshim_v_state_covers(env, old, cur, VRF_EXACT(env))) {
			old->hit++;
			bpfshim_v_live_join(env, old, cur);
			err = jump_history(env);
			if (!err)
				err = join_precision(env, old);
			return err ? err : 1;
		}
		if (add)
			old->miss++;
		if (old->miss > old->hit * 3 + 3) {
			/* It is unlikely to help.  Paths under way still mark it. */
			*where = old->next;
			if (!old->branches) {
				bpfshim_v_state_free(env, old);
				env->peak_states--;
			}
			continue;
		}
next:
		where = &old->next;
	}
	if (states > env->max_states_per_insn)
		env->max_states_per_insn = states;
	if (!add || (env->unpriv && states > MAX_UNPRIV_STATES))
		return jump_history(env);
	return checkpoint(env, list);
}
