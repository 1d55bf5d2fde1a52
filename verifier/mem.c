// SPDX-License-Identifier: GPL-2.0
/* Memory: which bytes a load, a store or a helper may touch. */
#include "env.h"

static u32 size_of(u8 code)
{
	switch (BPFSHIM_SIZE(code)) {
	case BPFSHIM_B: return 1;
	case BPFSHIM_H: return 2;
	case BPFSHIM_W: return 4;
	}
	return 8;
}

/* ---- the stack -------------------------------------------------------- */

static u32 slot_of(s32 off)
{
	return (u32)(-off - 1) / 8;
}

static u32 byte_of(s32 off)
{
	return (u32)(off + 8 * (s32)(slot_of(off) + 1));
}

static int touch_stack(struct vrf_env *env, struct vrf_frame *f, s32 off)
{
	struct vrf_subprog *sub = &env->subs[f->subprog];

	if ((u32)-off > sub->stack)
		sub->stack = (u32)-off;
	return bpfshim_ver_frame_grow(env, f, slot_of(off) + 1);
}

static void misc_slot(struct vrf_slot *s)
{
	u32 i;

	for (i = 0; i < 8; i++)
		if (s->byte[i] == S_SPILL)
			s->byte[i] = S_MISC;
}

/* Range of offsets from fp that r + off .. + size may cover. */
static int stack_range(struct vrf_env *env, u32 regno, const struct vrf_reg *r, s32 off, u32 size,
		       const char *what, s64 *lo, s64 *hi)
{

	if (bpfshim_num_is_const(&r->n)) {
		*lo = (s64)r->n.t.value + r->off + off;
		*hi = *lo + size;
		if (*lo < -BPFSHIM_VRF_MAX_STACK || *hi > 0) {
			bpfshim_ver_log(env, "invalid %s stack R%u off=%lld size=%u\n", what, regno, (long long)*lo, size);
			return *lo >= -BPFSHIM_VRF_MAX_STACK && *lo < 0 ? -EINVAL : -EACCES;
		}
		return 0;
	}
	if (r->n.smax >= MAX_PTR_OFF || r->n.smin <= -MAX_PTR_OFF) {
		bpfshim_ver_log(env, "invalid unbounded variable-offset %s stack R%u\n", what, regno);
		return -EACCES;
	}
	*lo = r->n.smin + r->off + off;
	*hi = r->n.smax + r->off + off + size;
	if (*lo < -BPFSHIM_VRF_MAX_STACK || *hi > 0) {
		char t[48];

		bpfshim_ver_tnum_text(t, sizeof(t), r->n.t);
		bpfshim_ver_log(env, "invalid variable-offset %s stack R%u var_off=%s off=%d size=%u\n",
			what, regno, t, r->off + off, size);
		return *lo >= -BPFSHIM_VRF_MAX_STACK && *lo < 0 ? -EINVAL : -EACCES;
	}
	return 0;
}

static int stack_read(struct vrf_env *env, u32 regno, const struct vrf_reg *r, s32 off, u32 size,
		      struct vrf_reg *out)
{
	struct vrf_frame *f = env->st->frames[r->frame];
	s64 lo, hi;
	struct vrf_slot *s;
	bool zero = true;
	u32 i, b;
	int err;

	err = stack_range(env, regno, r, off, size, "read from", &lo, &hi);
	if (err)
		return err;
	err = touch_stack(env, f, (s32)lo);
	if (err)
		return err;
	bpfshim_ver_reg_unknown(out);
	if (hi - lo != size) {	/* anywhere in there: no pointer may be read in part */
		for (i = slot_of((s32)hi - 1); i <= slot_of((s32)lo); i++) {
			if (f->slots[i].byte[7] == S_SPILL && f->slots[i].reg.kind != K_SCALAR)
				bpfshim_num_unknown(&out->n);
		}
		bpfshim_num_zext(&out->n, size);
		return 0;
	}
	s = &f->slots[slot_of((s32)lo)];
	b = byte_of((s32)lo);
	if (s->byte[7] == S_SPILL) {
		if (size == 8) {
			*out = s->reg;
			return 0;
		}
		if (s->reg.kind != K_SCALAR) {
			bpfshim_ver_log(env, "invalid size of register fill\n");
			return -EACCES;
		}
		if (b == 0) {
			out->n = s->reg.n;
			bpfshim_num_zext(&out->n, size);
			return 0;
		}
	}
	for (i = 0; i < size; i++) {
		if (s->byte[b + i] == S_ZERO ||
		    (s->byte[b + i] == S_SPILL && bpfshim_num_is_const(&s->reg.n) && !s->reg.n.t.value))
			continue;
		zero = false;
	}
	if (zero)
		bpfshim_ver_reg_const(out, 0);
	bpfshim_num_zext(&out->n, size);
	return 0;
}

static int stack_write(struct vrf_env *env, u32 regno, const struct vrf_reg *r, s32 off, u32 size,
		       const struct vrf_reg *value)
{
	struct vrf_frame *f = env->st->frames[r->frame];
	s64 lo, hi, o;
	struct vrf_slot *s;
	bool zero, fixed;
	u32 i, b;
	int err;

	err = stack_range(env, regno, r, off, size, "write to", &lo, &hi);
	if (err)
		return err;
	err = touch_stack(env, f, (s32)lo);
	if (err)
		return err;
	fixed = hi - lo == size;
	if (value && value->kind != K_SCALAR) {
		if (!fixed) {
			for (o = lo; o < hi; o++) {
				misc_slot(&f->slots[slot_of((s32)o)]);
				f->slots[slot_of((s32)o)].byte[byte_of((s32)o)] = S_MISC;
			}
			return 0;
		}
		if (size != 8) {
			bpfshim_ver_log(env, "invalid size of register spill\n");
			return -EACCES;
		}
		if (value->kind == K_STACK && r->frame != env->st->cur && value->frame == env->st->cur) {
			bpfshim_ver_log(env, "cannot spill pointers to stack into stack frame of the caller\n");
			return -EINVAL;
		}
	}
	zero = value && value->kind == K_SCALAR && bpfshim_num_is_const(&value->n) && !value->n.t.value;
	if (!fixed) {
		for (o = lo; o < hi; o++) {
			s = &f->slots[slot_of((s32)o)];
			misc_slot(s);
			b = byte_of((s32)o);
			if (!(zero && s->byte[b] == S_ZERO))
				s->byte[b] = S_MISC;
		}
		return 0;
	}
	s = &f->slots[slot_of((s32)lo)];
	b = byte_of((s32)lo);
	if (size == 8 && value) {
		memset(s->byte, S_SPILL, 8);
		s->reg = *value;
		return 0;
	}
	misc_slot(s);
	for (i = 0; i < size; i++)
		s->byte[b + i] = zero ? S_ZERO : S_MISC;
	return 0;
}

/* A helper's view of stack memory: size bytes, all of them. */
int bpfshim_ver_check_stack_region(struct vrf_env *env, u32 regno, const struct vrf_reg *r, u32 size,
			   bool write, bool uninit_ok)
{
	struct vrf_frame *f = env->st->frames[r->frame];
	s64 lo, hi, o;
	int err;

	(void)uninit_ok;
	if (!size)
		return 0;
	err = stack_range(env, regno, r, 0, size, "indirect access to", &lo, &hi);
	if (err)
		return err;
	err = touch_stack(env, f, (s32)lo);
	if (err || !write)
		return err;
	for (o = lo; o < hi; o++) {
		struct vrf_slot *s = &f->slots[slot_of((s32)o)];

		misc_slot(s);
		s->byte[byte_of((s32)o)] = S_MISC;
	}
	return 0;
}

/* ---- regions with a size ---------------------------------------------- */

static int out_of_region(struct vrf_env *env, const struct vrf_reg *r, s64 off, u32 size, u32 limit)
{
	if (off >= 0 && (u64)off + size <= limit)
		return 0;
	if (r->kind == K_MAP_VALUE)
		bpfshim_ver_log(env, "invalid access to map value, value_size=%u off=%lld size=%u\n",
			limit, (long long)off, size);
	else if (r->kind == K_MAP_KEY)
		bpfshim_ver_log(env, "invalid access to map key, key_size=%u off=%lld size=%u\n",
			limit, (long long)off, size);
	else
		bpfshim_ver_log(env, "invalid access to memory, mem_size=%u off=%lld size=%u\n",
			limit, (long long)off, size);
	return -EACCES;
}

int bpfshim_ver_bounds_error(struct vrf_env *env, u32 regno, const struct vrf_reg *r, s32 off, u32 size, u32 limit, bool map)
{
	s64 fixed = (s64)r->off + off;

	(void)map;
	if (r->n.smin < 0 && (r->n.smin < -(s64)MAX_PTR_OFF || r->n.smin + fixed < 0)) {
		bpfshim_ver_log(env, "R%u min value is negative, either use unsigned index or do a if (index >=0) check.\n", regno);
		return -EACCES;
	}
	if (out_of_region(env, r, r->n.smin + fixed, size, limit)) {
		bpfshim_ver_log(env, "R%u min value is outside of the allowed memory range\n", regno);
		return -EACCES;
	}
	if (r->n.umax >= MAX_PTR_OFF) {
		bpfshim_ver_log(env, "R%u unbounded memory access, make sure to bounds check any such access\n", regno);
		return -EACCES;
	}
	if (out_of_region(env, r, (s64)r->n.umax + fixed, size, limit)) {
		bpfshim_ver_log(env, "R%u max value is outside of the allowed memory range\n", regno);
		return -EACCES;
	}
	return 0;
}

static bool overlaps(const struct vrf_reg *r, s32 off, u32 size, s32 field, u32 field_size)
{
	s64 lo = r->n.smin + r->off + off, hi = (s64)r->n.umax + r->off + off + size;

	return field >= 0 && lo < field + (s64)field_size && field < hi;
}

static int map_value_access(struct vrf_env *env, u32 regno, const struct vrf_reg *r, s32 off, u32 size, bool write)
{
	const struct bpfshim_vrf_map *map = &env->maps[r->map];
	u32 no = write ? BPFSHIM_F_RDONLY_PROG : BPFSHIM_F_WRONLY_PROG;
	int err;

	if (map->map_flags & no) {
		bpfshim_ver_log(env, "%s map forbidden, value_size=%u off=%lld size=%u\n",
			write ? "write into" : "read from", map->value_size,
			(long long)(r->n.smin + r->off + off), size);
		return -EACCES;
	}
	err = bpfshim_ver_bounds_error(env, regno, r, off, size, map->value_size, true);
	if (err)
		return err;
	if (overlaps(r, off, size, map->spin_lock_off, 4)) {
		bpfshim_ver_log(env, "bpf_spin_lock cannot be accessed directly by load/store\n");
		return -EACCES;
	}
	if (overlaps(r, off, size, map->timer_off, 16)) {
		bpfshim_ver_log(env, "bpf_timer cannot be accessed directly by load/store\n");
		return -EACCES;
	}
	return 0;
}

/* Memory for a helper: kernel and user of the region agree on its size. */
int bpfshim_ver_check_region(struct vrf_env *env, u32 regno, u32 size, bool write, bool zero_ok, bool uninit_ok)
{
	const struct vrf_reg *r = &bpfshim_ver_regs(env)[regno];

	if (!size && !zero_ok) {
		bpfshim_ver_log(env, "R%u invalid zero-sized read\n", regno);
		return -EACCES;
	}
	switch (r->kind) {
	case K_STACK:
		return bpfshim_ver_check_stack_region(env, regno, r, size, write, uninit_ok);
	case K_MAP_VALUE:
		return map_value_access(env, regno, r, 0, size, write);
	case K_MAP_KEY:
		if (write) {
			bpfshim_ver_log(env, "R%u cannot write into map_key\n", regno);
			return -EACCES;
		}
		return bpfshim_ver_bounds_error(env, regno, r, 0, size, env->maps[r->map].key_size, false);
	case K_MEM:
		if (write && r->rdonly) {
			bpfshim_ver_log(env, "R%u cannot write into rdonly_mem\n", regno);
			return -EACCES;
		}
		return bpfshim_ver_bounds_error(env, regno, r, 0, size, r->mem_size, false);
	}
	bpfshim_ver_log(env, "R%u type=%s expected=fp, pkt, pkt_meta, map_key, map_value, mem, alloc_mem, buf\n",
		regno, bpfshim_ver_kind_name(r));
	return -EACCES;
}

/* ---- loads and stores ------------------------------------------------- */

static int check_alignment(struct vrf_env *env, const struct vrf_reg *r, s32 off, u32 size)
{
	const char *what = r->kind == K_STACK ? "stack " : r->kind == K_MAP_VALUE ? "value " :
			   r->kind == K_CTX ? "context " : "";
	struct bpfshim_tnum t = r->n.t;
	char text[48];

	if (r->kind != K_STACK && r->kind != K_CTX && !(env->prog->prog_flags & BPFSHIM_F_STRICT_ALIGNMENT))
		return 0;
	t.value += (s64)r->off + off;
	if (!((t.value | t.mask) & (size - 1)))
		return 0;
	bpfshim_ver_tnum_text(text, sizeof(text), r->n.t);
	bpfshim_ver_log(env, "misaligned %saccess off %s+%d+%d size %u\n", what, text, r->off, off, size);
	return -EACCES;
}

/* A known value out of a frozen read-only map. */
static void constant_load(struct vrf_env *env, const struct vrf_reg *r, s32 off, u32 size, struct vrf_reg *out)
{
	const struct bpfshim_vrf_map *map = &env->maps[r->map];
	u64 v;

	if (!map->frozen_rdonly || !bpfshim_num_is_const(&r->n) || map->map_type != BPFSHIM_MAP_TYPE_ARRAY)
		return;
	if (env->ops->map_read(env->cookie, r->map, (u32)(r->n.t.value + r->off + off), size, &v))
		return;
	bpfshim_ver_reg_const(out, v);
}

/*
 * A load (value_reg is the destination) or a store (its source, or -1 for an
 * immediate).  Both registers were found readable.
 */
int bpfshim_ver_check_mem(struct vrf_env *env, u32 regno, s32 off, u8 size_code, bool write, s32 value_reg)
{
	struct vrf_reg *regs = bpfshim_ver_regs(env), *r = &regs[regno];
	struct vrf_insn_aux *aux = &env->aux[env->pc];
	struct vrf_reg out, *value = value_reg >= 0 ? &regs[value_reg] : NULL;
	u32 size = size_of(size_code);
	int err;

	if (r->kind == K_SCALAR || r->maybe_null || r->kind == K_CONST_MAP || r->kind == K_FUNC) {
		bpfshim_ver_log(env, "R%u invalid mem access '%s'\n", regno, bpfshim_ver_kind_name(r));
		return -EACCES;
	}
	/* One instruction, one kind of context access: it may be rewritten. */
	if (aux->ptr_kind && aux->ptr_kind != r->kind && (aux->ptr_kind == K_CTX || r->kind == K_CTX)) {
		bpfshim_ver_log(env, "same insn cannot be used with different pointers\n");
		return -EINVAL;
	}
	aux->ptr_kind = r->kind;
	err = check_alignment(env, r, off, size);
	if (err)
		return err;
	bpfshim_ver_reg_unknown(&out);
	bpfshim_num_zext(&out.n, size);
	switch (r->kind) {
	case K_STACK:
		if (write) {
			struct vrf_reg imm;

			if (!value) {
				bpfshim_ver_reg_const(&imm, (u64)(s64)env->insns[env->pc].imm);
				value = &imm;
			}
			return stack_write(env, regno, r, off, size, value);
		}
		err = stack_read(env, regno, r, off, size, &out);
		break;
	case K_MAP_VALUE:
		err = map_value_access(env, regno, r, off, size, write);
		if (!err && !write)
			constant_load(env, r, off, size, &out);
		break;
	case K_MAP_KEY:
		if (write) {
			bpfshim_ver_log(env, "write to change key R%u not allowed\n", regno);
			return -EACCES;
		}
		err = bpfshim_ver_bounds_error(env, regno, r, off, size, env->maps[r->map].key_size, false);
		break;
	case K_MEM:
		if (write && r->rdonly) {
			bpfshim_ver_log(env, "R%u cannot write into rdonly_mem\n", regno);
			return -EACCES;
		}
		err = bpfshim_ver_bounds_error(env, regno, r, off, size, r->mem_size, false);
		break;
	case K_CTX:
		if (r->off < 0) {
			bpfshim_ver_log(env, "negative offset ctx ptr R%u off=%d disallowed\n", regno, r->off);
			return -EACCES;
		}
		if (r->off) {
			bpfshim_ver_log(env, "dereference of modified ctx ptr R%u off=%d disallowed\n", regno, r->off);
			return -EACCES;
		}
		if (!bpfshim_num_is_const(&r->n) || r->n.t.value) {
			char t[48];

			bpfshim_ver_tnum_text(t, sizeof(t), r->n.t);
			bpfshim_ver_log(env, "variable ctx access var_off=%s disallowed\n", t);
			return -EACCES;
		}
		err = bpfshim_ver_ctx_access(env, off, size, write, &out);
		if (!err) {
			aux->ctx_access = true;
			if ((u32)off + size > env->res->max_ctx_offset)
				env->res->max_ctx_offset = (u32)off + size;
		}
		break;
	default:
		bpfshim_ver_log(env, "R%u invalid mem access '%s'\n", regno, bpfshim_ver_kind_name(r));
		return -EACCES;
	}
	if (err)
		return err;
	if (!write && value_reg >= 0)
		regs[value_reg] = out;
	return 0;
}
