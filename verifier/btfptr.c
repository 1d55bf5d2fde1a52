// SPDX-License-Identifier: GPL-2.0
/*
 * Pointers whose type BTF tells: loads through them are followed field by
 * field, and run fault-tolerant, so that what the kernel changed meanwhile
 * reads as zero.
 */
#include "env.h"

#define MAX_NESTING 32

/* What a load of some bytes of a struct gives. */
struct field {
	bool pointer;		/* to the struct ptr_id */
	u32 ptr_id;
	u32 flags;
};

static u32 kind(const struct bpfshim_btf_type *t)
{
	return t ? BPFSHIM_BTF_KIND(t->info) : 0;
}

static bool is_composite(const struct bpfshim_btf_type *t)
{
	return kind(t) == BPFSHIM_BTF_STRUCT || kind(t) == BPFSHIM_BTF_UNION;
}

static const char *name_of(const struct bpfshim_vrf_btf *btf, const struct bpfshim_btf_type *t)
{
	const char *s = t ? bpfshim_btf_name(btf, t->name_off) : NULL;

	return s ? s : "";
}

/* A pointer member: the struct behind it, and its address space. */
static void pointer_field(const struct bpfshim_vrf_btf *btf, const struct bpfshim_btf_type *ptr,
			  struct field *f)
{
	const struct bpfshim_btf_type *t = bpfshim_btf_type(btf, ptr->size);
	u32 id;

	f->flags = 0;
	if (kind(t) == BPFSHIM_BTF_TYPE_TAG) {
		if (!strcmp(name_of(btf, t), "user"))
			f->flags = VF_USER;
		else if (!strcmp(name_of(btf, t), "percpu"))
			f->flags = VF_PERCPU;
	}
	t = bpfshim_btf_skip(btf, ptr->size, &id);
	if (kind(t) == BPFSHIM_BTF_STRUCT) {
		f->pointer = true;
		f->ptr_id = id;
	}
}

/* The member of t that holds [off, off + size). */
static const u32 *member_at(const struct bpfshim_vrf_btf *btf, const struct bpfshim_btf_type *t, u32 off,
			    u32 size, u32 *moff, u32 *msize, u32 *bits)
{
	const u32 *m = (const u32 *)(t + 1);
	u32 i, n = BPFSHIM_BTF_VLEN(t->info), bit;

	for (i = 0; i < n; i++, m += 3) {
		bit = BPFSHIM_BTF_KFLAG(t->info) ? m[2] & 0xffffff : m[2];
		*bits = BPFSHIM_BTF_KFLAG(t->info) ? m[2] >> 24 : 0;
		*moff = bit / 8;
		if (*bits) {
			*msize = (bit % 8 + *bits + 7) / 8;
		} else if (bpfshim_btf_size(btf, m[1], msize)) {
			continue;
		}
		if (off >= *moff && off < *moff + *msize && off + size <= *moff + *msize)
			return m;
		/* A union's other members, or bit fields next to this one, may do. */
	}
	return NULL;
}

static int walk(struct vrf_env *env, const struct bpfshim_vrf_btf *btf, u32 id, u32 off, u32 size,
		struct field *f)
{
	const struct bpfshim_btf_type *t = bpfshim_btf_type(btf, id), *mt;
	u32 moff, msize, bits, esize, depth;
	const u32 *m;

	f->pointer = false;
	for (depth = 0; depth < MAX_NESTING; depth++) {
		if (!is_composite(t)) {
			bpfshim_v_log(env, "Type '%s' is not a struct\n", name_of(btf, t));
			return -EINVAL;
		}
		if ((u64)off + size > t->size) {
			bpfshim_v_log(env, "access beyond struct %s at off %u size %u\n", name_of(btf, t), off, size);
			return -EACCES;
		}
		m = member_at(btf, t, off, size, &moff, &msize, &bits);
		if (!m) {
			bpfshim_v_log(env, "struct %s doesn't have field at offset %d\n", name_of(btf, t), off);
			return -EINVAL;
		}
		if (bits)
			return 0;
		off -= moff;
		mt = bpfshim_btf_skip(btf, m[1], NULL);
		while (kind(mt) == BPFSHIM_BTF_ARRAY) {
			const u32 *a = (const u32 *)(mt + 1);

			if (bpfshim_btf_size(btf, a[0], &esize) || !esize)
				return 0;
			off %= esize;
			if (off + size > esize)
				return 0;	/* over several elements: numbers */
			mt = bpfshim_btf_skip(btf, a[0], NULL);
		}
		if (is_composite(mt)) {
			t = mt;
			continue;
		}
		if (kind(mt) == BPFSHIM_BTF_PTR) {
			if (size != 8 || off) {
				const char *mname = bpfshim_btf_name(btf, m[0]);

				bpfshim_v_log(env, "cannot access ptr member %s with moff %u in struct %s with off %u size %u\n",
					      mname ? mname : "", moff, name_of(btf, t), off + moff, size);
				return -EACCES;
			}
			pointer_field(btf, mt, f);
		}
		return 0;
	}
	return -EINVAL;
}

int bpfshim_v_btf_access(struct vrf_env *env, u32 regno, s32 off, u32 size, bool write, s32 value)
{
	const struct vrf_reg *r = &vrf_regs(env)[regno];
	const char *name = bpfshim_v_btf_type_name(r->u.btf, r->uid);
	const struct bpfshim_vrf_btf *btf = r->u.btf;
	u32 untrusted = r->flags & VF_UNTRUSTED;
	struct vrf_reg *dst;
	struct field f;
	int err;

	if (off < 0) {
		bpfshim_v_log(env, "R%d is ptr_%s invalid negative access: off=%d\n", regno, name, off);
		return -EACCES;
	}
	if (!vrf_num_known_zero(&r->n)) {
		bpfshim_v_log(env, "R%d is ptr_%s invalid variable offset: off=%d, var_off=%s\n", regno, name,
			      off, bpfshim_v_tnum_str(env, r->n.t));
		return -EACCES;
	}
	if (r->flags & (VF_USER | VF_PERCPU)) {
		bpfshim_v_log(env, "R%d is ptr_%s access %s memory: off=%d\n", regno, name,
			      r->flags & VF_USER ? "user" : "percpu", off);
		return -EACCES;
	}
	if (write) {
		bpfshim_v_log(env, "only read is supported\n");
		return -EACCES;
	}
	err = walk(env, btf, r->uid, (u32)off, size, &f);
	if (err)
		return err;
	env->aux[env->pc].probe_mem = true;
	if (value < 0)
		return 0;
	dst = &vrf_regs(env)[value];
	if (!f.pointer) {
		bpfshim_v_reg_unknown(dst);
		return 0;
	}
	bpfshim_v_reg_ptr(dst, VK_BTF_ID, f.flags | untrusted);
	dst->u.btf = btf;
	dst->uid = f.ptr_id;
	return 0;
}

/* Fields of the map itself: the driver's maps are not the kernel's. */
int bpfshim_v_mapptr_access(struct vrf_env *env, u32 regno, s32 off, u32 size, bool write, s32 value)
{
	const struct vrf_reg *r = &vrf_regs(env)[regno];
	const char *name = r->u.map->map_type == BPFSHIM_MAP_TYPE_ARRAY ? "bpf_array" :
			   r->u.map->map_type == BPFSHIM_MAP_TYPE_HASH ? "bpf_htab" : "bpf_map";

	(void)size;
	(void)value;
	if (env->unpriv) {
		bpfshim_v_log(env, "%s access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN\n", name);
		return -EPERM;
	}
	if (off < 0) {
		bpfshim_v_log(env, "R%d is %s invalid negative access: off=%d\n", regno, name, off);
		return -EACCES;
	}
	if (write) {
		bpfshim_v_log(env, "only read from %s is supported\n", name);
		return -EACCES;
	}
	bpfshim_v_log(env, "map_ptr access not supported for map type %d\n", r->u.map->map_type);
	return -ENOTSUPP;
}

/* Is (id + off) a `want`, or does it begin with one? */
bool bpfshim_v_btf_ids_match(const struct bpfshim_vrf_btf *btf, u32 id, s32 off, u32 want, bool strict)
{
	const struct bpfshim_btf_type *t;
	const u32 *m;
	u32 depth, moff, msize, bits;

	if (!off && id == want)
		return true;
	if (strict || off < 0)
		return false;
	for (depth = 0; depth < MAX_NESTING; depth++) {
		t = bpfshim_btf_type(btf, id);
		if (kind(t) != BPFSHIM_BTF_STRUCT || !BPFSHIM_BTF_VLEN(t->info))
			return false;
		m = member_at(btf, t, (u32)off, 1, &moff, &msize, &bits);
		if (!m || bits)
			return false;
		off -= (s32)moff;
		bpfshim_btf_skip(btf, m[1], &id);
		if (!off && id == want)
			return true;
	}
	return false;
}

/* Does the section of per-CPU variables list this one? */
static bool is_percpu(const struct bpfshim_vrf_btf *btf, u32 var)
{
	s32 id = bpfshim_btf_find(btf, ".data..percpu", BPFSHIM_BTF_DATASEC);
	const struct bpfshim_btf_type *t = id > 0 ? bpfshim_btf_type(btf, (u32)id) : NULL;
	u32 i;

	if (!t)
		return false;
	for (i = 0; i < BPFSHIM_BTF_VLEN(t->info); i++)
		if (((const u32 *)(t + 1))[3 * i] == var)
			return true;
	return false;
}

/* A reference to a kernel's variable. */
int bpfshim_v_pseudo_btf_id(struct vrf_env *env, u32 insn)
{
	const struct bpfshim_btf_type *t;
	u32 id = (u32)env->insns[insn].imm, size;
	u64 addr = 0;

	if (env->insns[insn + 1].imm) {
		bpfshim_v_log(env, "invalid module BTF object FD specified.\n");
		return -EINVAL;
	}
	if (!env->kbtf) {
		bpfshim_v_log(env, "kernel is missing BTF, make sure CONFIG_DEBUG_INFO_BTF=y is specified in Kconfig.\n");
		return -EINVAL;
	}
	t = bpfshim_btf_type(env->kbtf, id);
	if (!t) {
		bpfshim_v_log(env, "ldimm64 insn specifies invalid btf_id %d.\n", id);
		return -ENOENT;
	}
	if (kind(t) != BPFSHIM_BTF_VAR) {
		bpfshim_v_log(env, "pseudo btf_id %d in ldimm64 isn't KIND_VAR.\n", id);
		return -EINVAL;
	}
	/* pahole writes no others, and only these are checked for being there. */
	if (!is_percpu(env->kbtf, id) || bpfshim_btf_size(env->kbtf, id, &size) ||
	    (env->ops->percpu_addr && env->ops->percpu_addr(env->cookie, name_of(env->kbtf, t), size, &addr))) {
		bpfshim_v_log(env, "ldimm64 failed to find the address for kernel symbol '%s'.\n",
			      name_of(env->kbtf, t));
		return -ENOENT;
	}
	env->aux[insn].var_type = t->size;
	env->aux[insn].key = addr;
	return 0;
}
