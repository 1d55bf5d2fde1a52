// SPDX-License-Identifier: GPL-2.0
/* The stack: spilled registers, and bytes. */
#include "env.h"

static struct vrf_reg *reg_of(struct vrf_env *env, u32 regno)
{
	return &vrf_regs(env)[regno];
}

/* Where byte `off` (negative) of a frame lies. */
static u32 slot_of(s32 off)
{
	return (u32)(-off - 1) / 8;
}

static u32 byte_of(s32 off)
{
	return (u32)(-off - 1) % 8;
}

/* What is left of a dynptr stays one: nobody reads it. */
static void spoil(u8 *byte)
{
	if (*byte != VB_INVALID && *byte != VB_DYNPTR)
		*byte = VB_MISC;
}

/* The whole of the access is in the stack; the stack grows to hold it. */
int bpfshim_v_stack_bounds(struct vrf_env *env, u32 regno, s32 off, s32 size,
			   enum vrf_src src, bool write)
{
	const struct vrf_reg *r = reg_of(env, regno);
	const char *what = src == VRF_HELPER ? " indirect access to" : write ? " write to" : " read from";
	const struct vrf_frame *f = env->st->frames[r->frame];
	bool fixed = !r->n.t.mask;
	s64 lo, hi;
	u32 depth;
	int err = 0;

	if (fixed) {
		lo = (s64)r->n.t.value + off;
		hi = lo + size;
	} else {
		if (r->n.smax >= VRF_MAX_OFF || r->n.smin <= -VRF_MAX_OFF) {
			bpfshim_v_log(env, "invalid unbounded variable-offset%s stack R%d\n", what, regno);
			return -EACCES;
		}
		lo = r->n.smin + off;
		hi = r->n.smax + off + size;
	}
	/* Below what was written nothing is there for an unprivileged user to read. */
	if (lo < (env->unpriv && !write ? -8 * (s64)(f->stack ? f->stack->nr : 0) : -(s64)BPFSHIM_VRF_MAX_STACK) ||
	    lo > -1)
		err = -EACCES;
	else if (hi > 0)
		err = -EINVAL;
	else if (size < 0)
		err = -EFAULT;
	if (err) {
		if (fixed)
			bpfshim_v_log(env, "invalid%s stack R%d off=%d size=%d\n", what, regno, off, size);
		else
			bpfshim_v_log(env, "invalid variable-offset%s stack R%d var_off=%s size=%d\n", what,
				      regno, bpfshim_v_tnum_str(env, r->n.t), size);
		return err;
	}
	depth = (u32)(-lo + 7) / 8 * 8;
	if (depth > env->subs[f->subprog].stack) {
		if (env->st->spec && !env->unpriv)
			return bpfshim_v_spec_deeper(env, r->frame, depth);
		env->subs[f->subprog].stack = depth;
	}
	return 0;
}

/* A fixed access: backtracking cannot find its slot from the code alone. */
static int note_access(struct vrf_env *env, u32 frame, u32 slot)
{
	return bpfshim_v_hist_push(env, env->st, VH_STACK | frame << 8 | slot, false);
}

/* ---- writing ---------------------------------------------------------- */

static void spill(struct vrf_env *env, struct vrf_slot *s, const struct vrf_reg *r,
		  u32 frame, u32 slot, u32 size)
{
	u32 i;

	s->reg = *r;
	if (size == 8)
		vrf_slot_written(env, frame, slot);
	for (i = 8; i > 8 - size; i--)
		s->byte[i - 1] = VB_SPILL;
	for (; i; i--)
		spoil(&s->byte[i - 1]);
}

static bool fits(u64 v, u32 size)
{
	return size >= 8 || !(v >> (size * 8));
}

/*
 * May a load that overtakes this store see something of another kind: an
 * address for a number, or a number for an address?
 */
static bool store_races(const struct vrf_slot *s, const struct vrf_reg *r, u32 top, u32 size)
{
	u32 i;

	if (r && r->kind != VK_SCALAR)
		return true;
	for (i = 0; i < size; i++)
		if (s->byte[(top - i) % 8] != VB_MISC && s->byte[(top - i) % 8] != VB_ZERO)
			return true;
	return false;
}

static int write_fixed(struct vrf_env *env, u32 frame, s32 off, u32 size, s32 from)
{
	const struct bpfshim_insn *in = &env->insns[env->pc];
	const struct vrf_reg *r = from >= 0 ? reg_of(env, (u32)from) : NULL;
	bool store_imm = !r && BPFSHIM_CLASS(in->code) == BPFSHIM_ST && BPFSHIM_MODE(in->code) == BPFSHIM_MEM;
	u32 slot = slot_of(off), i, top = byte_of(off);
	struct vrf_slot *s;
	bool zero;
	int err;

	if (r && r->kind != VK_SCALAR) {
		/* Root may tear an address apart only by storing all of it. */
		if (size != 8) {
			bpfshim_v_log_line(env, env->pc, "; ");
			bpfshim_v_log(env, "invalid size of register spill\n");
			return -EACCES;
		}
		if (frame != env->st->cur && r->kind == VK_STACK) {
			bpfshim_v_log(env, "cannot spill pointers to stack into stack frame of the caller\n");
			return -EINVAL;
		}
	}
	if (env->unpriv && vrf_spilled(bpfshim_v_slot(env->st->frames[frame], slot)) && size != 8) {
		bpfshim_v_log(env, "attempt to corrupt spilled pointer on stack\n");
		return -EACCES;
	}
	if (env->mask && store_races(bpfshim_v_slot(env->st->frames[frame], slot), r, top, size))
		env->aux[env->pc].nospec_after = true;
	zero = r ? vrf_is_null(r) : store_imm && !in->imm;
	if (zero && r) {
		/* A zero byte is taken for what it is, wherever it came from. */
		err = bpfshim_v_precise(env, (u32)from);
		if (err)
			return err;
	}
	s = bpfshim_v_slot_rw(env, env->st, frame, slot);
	if (!s)
		return -ENOMEM;
	env->scratched_slots |= (u64)1 << slot;
	r = from >= 0 ? reg_of(env, (u32)from) : NULL;
	if (r && r->kind != VK_SCALAR) {
		spill(env, s, r, frame, slot, 8);
		return note_access(env, frame, slot);
	}
	if (r && !zero && !(off % 8) && !bpfshim_num_is_unknown(&r->n) && !env->unpriv) {
		/* Whether somebody has equalled it before must not tell states apart there. */
		if (VRF_EXACT(env) && !r->id)
			reg_of(env, (u32)from)->id = ++env->id_gen;
		spill(env, s, r, frame, slot, size);
		/* A part does not equal the whole. */
		if (!fits(r->n.umax, size))
			s->reg.id = 0;
		return note_access(env, frame, slot);
	}
	if (store_imm && !zero && !(off % 8) && !env->unpriv) {
		bpfshim_v_reg_const(&env->tmp2, (u64)(s64)in->imm);
		spill(env, s, &env->tmp2, frame, slot, size);
		return note_access(env, frame, slot);
	}
	/* Bytes.  What was spilled there is gone. */
	if (vrf_spilled(s))
		for (i = 0; i < 8; i++)
			spoil(&s->byte[i]);
	bpfshim_v_reg_none(&s->reg);
	if (size == 8)
		vrf_slot_written(env, frame, slot);
	for (i = 0; i < size; i++)
		s->byte[(top - i) % 8] = zero ? VB_ZERO : VB_MISC;
	return 0;
}

static int write_var(struct vrf_env *env, u32 regno, s32 off, u32 size, s32 from)
{
	const struct vrf_reg *r = reg_of(env, regno);
	s32 lo = (s32)r->n.smin + off, hi = (s32)r->n.smax + off + (s32)size, i;
	bool zero = from >= 0 && vrf_is_null(reg_of(env, (u32)from)), used = false;
	u32 frame = r->frame;
	struct vrf_slot *s;
	u8 *b;

	if (env->mask)
		env->aux[env->pc].nospec_after = true;
	/* Any of these bytes may be written, none must be. */
	for (i = lo; i < hi; i++) {
		s = bpfshim_v_slot_rw(env, env->st, frame, slot_of(i));
		if (!s)
			return -ENOMEM;
		env->scratched_slots |= (u64)1 << slot_of(i);
		b = &s->byte[byte_of(i)];
		if (zero && *b == VB_ZERO) {
			used = true;
			continue;
		}
		if (vrf_spilled(s)) {
			u32 k;

			for (k = 0; k < 8; k++)
				spoil(&s->byte[k]);
		}
		bpfshim_v_reg_none(&s->reg);
		*b = VB_MISC;
	}
	return used ? bpfshim_v_precise(env, (u32)from) : 0;
}

int bpfshim_v_stack_write(struct vrf_env *env, u32 regno, s32 off, u32 size, s32 from)
{
	const struct vrf_reg *r = reg_of(env, regno);

	if (!r->n.t.mask)
		return write_fixed(env, r->frame, off + (s32)r->n.t.value, size, from);
	if (env->unpriv) {
		bpfshim_v_log(env, "R%d variable offset stack access prohibited for !root, var_off=%s\n", regno,
			      bpfshim_v_tnum_str(env, r->n.t));
		return -EACCES;
	}
	return write_var(env, regno, off, size, from);
}

/* ---- reading ---------------------------------------------------------- */

/* R<into> = bytes lo .. hi-1 of a frame, which are no whole spill. */
static void read_bytes(struct vrf_env *env, u32 frame, s32 lo, s32 hi, u32 into)
{
	struct vrf_reg *dst = reg_of(env, into);
	s32 i;

	for (i = lo; i < hi; i++)
		if (bpfshim_v_slot(env->st->frames[frame], slot_of(i))->byte[byte_of(i)] != VB_ZERO)
			break;
	if (i == hi)
		bpfshim_v_reg_const(dst, 0);
	else
		bpfshim_v_reg_unknown(dst);
	env->st->written.reg[env->st->cur] |= (u16)(1u << into);
}

static int bad_byte(struct vrf_env *env, const struct vrf_slot *s, s32 off, u32 size, bool zero_ok)
{
	u32 i;

	for (i = 0; i < size; i++) {
		u8 b = s->byte[(byte_of(off) - i) % 8];

		/* Linux refuses zeroes beside a spilled number, and not what covers them. */
		if (b == VB_ZERO && VRF_EXACT(env))
			continue;
		if (b == VB_SPILL || b == VB_MISC || (b == VB_INVALID && !env->unpriv) || (b == VB_ZERO && zero_ok))
			continue;
		bpfshim_v_log(env, "invalid read from stack off %d+%d size %d\n", off, i, size);
		return -EACCES;
	}
	return 0;
}

static int read_fixed(struct vrf_env *env, u32 frame, s32 off, u32 size, s32 into)
{
	u32 slot = slot_of(off), spilled = 1;
	const struct vrf_slot *s = bpfshim_v_slot(env->st->frames[frame], slot);
	struct vrf_reg *dst = into >= 0 ? reg_of(env, (u32)into) : NULL;
	int err;

	if (!vrf_spilled(s)) {
		err = bad_byte(env, s, off, size, true);
		if (err)
			return err;
		vrf_slot_read(env, frame, slot);
		if (dst)
			read_bytes(env, frame, off, off + (s32)size, (u32)into);
		return 0;
	}
	while (spilled < 8 && s->byte[7 - spilled] == VB_SPILL)
		spilled++;
	if (s->reg.kind != VK_SCALAR && (size != 8 || spilled != 8)) {
		bpfshim_v_log_line(env, env->pc, "; ");
		bpfshim_v_log(env, "invalid size of register fill\n");
		return -EACCES;
	}
	if (!dst && vrf_leaks(env, &s->reg)) {
		bpfshim_v_log(env, "leaking pointer from stack off %d\n", off);
		return -EACCES;
	}
	vrf_slot_read(env, frame, slot);
	if (!dst)
		return bad_byte(env, s, off, size, true);
	env->st->written.reg[env->st->cur] |= (u16)(1u << into);
	if (!(off % 8) && size == spilled) {
		*dst = s->reg;
		return note_access(env, frame, slot);
	}
	err = bad_byte(env, s, off, size, false);
	if (err)
		return err;
	bpfshim_v_reg_unknown(dst);
	return 0;
}

int bpfshim_v_stack_read(struct vrf_env *env, u32 regno, s32 off, u32 size, s32 into)
{
	const struct vrf_reg *r = reg_of(env, regno);
	s32 lo, hi;
	u32 frame;
	int err;

	if (!r->n.t.mask)
		return read_fixed(env, r->frame, off + (s32)r->n.t.value, size, into);
	if (into < 0) {
		bpfshim_v_log(env, "variable offset stack pointer cannot be passed into helper function; var_off=%s off=%d size=%d\n",
			      bpfshim_v_tnum_str(env, r->n.t), off, size);
		return -EACCES;
	}
	err = bpfshim_v_stack_range(env, regno, off, (s32)size, false, VRF_DIRECT, NULL);
	if (err)
		return err;
	frame = r->frame;
	lo = (s32)r->n.smin + off;
	hi = (s32)r->n.smax + off + (s32)size;
	read_bytes(env, frame, lo, hi, (u32)into);
	return 0;
}

/*
 * Bytes that a helper, or a load at a variable offset, may read; a helper may
 * write them as well.  call->raw: it only writes, they need not be there.
 */
int bpfshim_v_stack_range(struct vrf_env *env, u32 regno, s32 off, s32 size,
			  bool zero_ok, enum vrf_src src, struct vrf_call *call)
{
	const struct vrf_reg *r = reg_of(env, regno);
	const char *what = src == VRF_HELPER ? " indirect" : "";
	const struct vrf_slot *s;
	struct vrf_slot *w;
	u32 frame, k;
	s32 lo, hi, i;
	bool fixed;
	int err;
	u8 b;

	if (!size && !zero_ok) {
		bpfshim_v_log(env, "invalid zero-sized read\n");
		return -EACCES;
	}
	err = bpfshim_v_stack_bounds(env, regno, off, size, src, src == VRF_HELPER);
	if (err)
		return err;
	fixed = !r->n.t.mask;
	frame = r->frame;
	if (env->unpriv && !fixed) {
		bpfshim_v_log(env, "R%d%s variable offset stack access prohibited for !root, var_off=%s\n", regno, what,
			      bpfshim_v_tnum_str(env, r->n.t));
		return -EACCES;
	}
	lo = fixed ? (s32)r->n.t.value + off : (s32)r->n.smin + off;
	hi = (fixed ? lo : (s32)r->n.smax + off) + size;
	if (call && call->raw && fixed) {
		call->raw_reg = regno;
		call->raw_size = size;
		return 0;
	}
	for (i = lo; i < hi; i++) {
		s = bpfshim_v_slot(env->st->frames[frame], slot_of(i));
		b = s->byte[byte_of(i)];
		if (b == VB_DYNPTR || (env->unpriv && (b == VB_INVALID || (vrf_spilled(s) && s->reg.kind != VK_SCALAR &&
								    b != VB_MISC)))) {
			if (fixed)
				bpfshim_v_log(env, "invalid%s read from stack R%d off %d+%d size %d\n", what,
					      regno, lo, i - lo, size);
			else
				bpfshim_v_log(env, "invalid%s read from stack R%d var_off %s+%d size %d\n", what,
					      regno, bpfshim_v_tnum_str(env, r->n.t), i - lo, size);
			return -EACCES;
		}
		if (src == VRF_HELPER && b != VB_MISC) {
			w = bpfshim_v_slot_rw(env, env->st, frame, slot_of(i));
			if (!w)
				return -ENOMEM;
			if (vrf_spilled(w)) {
				for (k = 0; k < 8; k++)
					spoil(&w->byte[k]);
				bpfshim_v_reg_none(&w->reg);
			}
			w->byte[byte_of(i)] = VB_MISC;
			r = reg_of(env, regno);
		}
		vrf_slot_read(env, frame, slot_of(i));
	}
	return 0;
}
