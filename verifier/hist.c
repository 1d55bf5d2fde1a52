// SPDX-License-Identifier: GPL-2.0
/*
 * Histories: what backtracking walks.  Blocks, newest first; the newest is its
 * state's own, older ones are full and shared with the states that were copied
 * from the same path: a copy costs one block however long the path is.
 */
#include "env.h"

static void put(struct vrf_env *env, struct vrf_hist_block *b)
{
	struct vrf_hist_block *older;

	for (; b && !--b->refs; b = older) {
		older = b->older;
		bpfshim_v_free(env, b, sizeof(*b));
	}
}

void bpfshim_v_hist_clear(struct vrf_env *env, struct vrf_state *st)
{
	put(env, st->hist);
	st->hist = NULL;
}

int bpfshim_v_hist_copy(struct vrf_env *env, struct vrf_state *st, const struct vrf_state *from)
{
	st->hist = NULL;
	if (!from->hist)
		return 0;
	st->hist = bpfshim_v_alloc(env, sizeof(*st->hist));
	if (!st->hist)
		return -ENOMEM;
	memcpy(st->hist, from->hist, offsetof(struct vrf_hist_block, e[from->hist->nr]));
	st->hist->refs = 1;
	if (st->hist->older)
		st->hist->older->refs++;
	return 0;
}

int bpfshim_v_hist_push(struct vrf_env *env, struct vrf_state *st, u32 flags, bool fresh)
{
	struct vrf_hist *h = bpfshim_v_hist_last(st);
	struct vrf_hist_block *b = st->hist;

	/* One entry for one execution of an instruction: to come back to it
	 * takes a jump, whose target has an entry. */
	if (!fresh && h && h->idx == env->pc) {
		h->flags |= flags;
		return 0;
	}
	if (!b || b->nr == VRF_HIST_BLOCK) {
		b = bpfshim_v_alloc(env, sizeof(*b));
		if (!b)
			return -ENOMEM;
		b->older = st->hist;
		b->refs = 1;
		b->nr = 0;
		st->hist = b;
	}
	h = &b->e[b->nr++];
	memset(h, 0, sizeof(*h));
	h->idx = env->pc;
	h->prev = (u32)env->prev_pc;
	h->flags = flags;
	return 0;
}
