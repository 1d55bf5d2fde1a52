// SPDX-License-Identifier: GPL-2.0
/* Dynptrs: two stack slots that only helpers may fill and read. */
#include "env.h"

/* The upper of the two slots; the other is one below in memory, one less here. */
static bool slots_of(const struct vrf_reg *r, u32 *slot)
{
	s32 off = r->off;

	if (r->kind != VK_STACK || !vrf_num_known_zero(&r->n) || off % 8 || off > -16 || off < -512)
		return false;
	*slot = (u32)(-off - 1) / 8;
	return true;
}

static bool all_bytes(const struct vrf_slot *s, u8 what)
{
	u32 i;

	for (i = 0; i < 8; i++)
		if (s->byte[i] != what)
			return false;
	return true;
}

static bool any_byte(const struct vrf_slot *s, u8 what)
{
	u32 i;

	for (i = 0; i < 8; i++)
		if (s->byte[i] == what)
			return true;
	return false;
}

int bpfshim_v_dyn_mark(struct vrf_env *env, u32 regno, u32 type)
{
	const struct vrf_reg *r = &vrf_regs(env)[regno];
	u32 slot, id = 0, i, frame = r->frame;
	struct vrf_slot *s;
	int err;

	if (!slots_of(r, &slot))
		return -EINVAL;
	if (type == VRF_DYN_RINGBUF) {
		err = bpfshim_v_ref_acquire(env, (s32)env->pc, &id);
		if (err)
			return err;
	}
	for (i = 0; i < 2; i++) {
		s = bpfshim_v_slot_rw(env, env->st, frame, slot - i);
		if (!s)
			return -ENOMEM;
		memset(s->byte, VB_DYNPTR, 8);
		bpfshim_v_reg_none(&s->reg);
		s->reg.u.dyn.type = (u8)type;
		s->reg.u.dyn.first = !i;
		s->reg.id = id;
		env->scratched_slots |= (u64)1 << (slot - i);
		vrf_slot_written(env, frame, slot - i);
	}
	return 0;
}

int bpfshim_v_dyn_unmark(struct vrf_env *env, u32 regno)
{
	const struct vrf_reg *r = &vrf_regs(env)[regno];
	u32 slot, i, id = 0, frame = r->frame;
	struct vrf_slot *s;

	if (!slots_of(r, &slot))
		return -EINVAL;
	for (i = 0; i < 2; i++) {
		s = bpfshim_v_slot_rw(env, env->st, frame, slot - i);
		if (!s)
			return -ENOMEM;
		if (!i)
			id = s->reg.id;
		memset(s->byte, VB_INVALID, 8);
		bpfshim_v_reg_none(&s->reg);
		env->scratched_slots |= (u64)1 << (slot - i);
		vrf_slot_written(env, frame, slot - i);
	}
	return id ? bpfshim_v_ref_release(env, id) : 0;
}

/* Nothing of another dynptr is there. */
bool bpfshim_v_dyn_uninit_ok(struct vrf_env *env, const struct vrf_reg *r)
{
	const struct vrf_frame *f;
	u32 slot;

	if (!slots_of(r, &slot))
		return true;	/* the write itself is refused */
	f = env->st->frames[r->frame];
	vrf_slot_read(env, r->frame, slot);
	vrf_slot_read(env, r->frame, slot - 1);
	return !any_byte(bpfshim_v_slot(f, slot), VB_DYNPTR) &&
	       !any_byte(bpfshim_v_slot(f, slot - 1), VB_DYNPTR);
}

bool bpfshim_v_dyn_init_ok(struct vrf_env *env, const struct vrf_reg *r)
{
	const struct vrf_frame *f;
	u32 slot;

	if (!slots_of(r, &slot))
		return false;
	f = env->st->frames[r->frame];
	if (!all_bytes(bpfshim_v_slot(f, slot), VB_DYNPTR) ||
	    !all_bytes(bpfshim_v_slot(f, slot - 1), VB_DYNPTR) ||
	    !bpfshim_v_slot(f, slot)->reg.u.dyn.first ||
	    bpfshim_v_slot(f, slot - 1)->reg.u.dyn.first)
		return false;
	vrf_slot_read(env, r->frame, slot);
	vrf_slot_read(env, r->frame, slot - 1);
	return true;
}

const struct vrf_reg *bpfshim_v_dyn_slot(struct vrf_env *env, const struct vrf_reg *r)
{
	u32 slot;

	if (!slots_of(r, &slot))
		return NULL;
	return &bpfshim_v_slot(env->st->frames[r->frame], slot)->reg;
}
