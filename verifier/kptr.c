// SPDX-License-Identifier: GPL-2.0
/*
 * Kernel pointers in map values.  A member that is tagged "kptr" holds a pointer
 * that a program came by: it may be stale when it is loaded again, so it is
 * untrusted.  One that is tagged "kptr_ref" owns a reference, and only
 * bpf_kptr_xchg() changes it.
 */
#include "env.h"

/* ---- which members are such ------------------------------------------- */

/*
 * 6.1's kernel has types of its own whose references maps may keep: those that
 * its tests of this use, no others.  So has this.
 */
static const struct {
	u16 magic;
	u8 version, flags;
	u32 hdr_len, type_off, type_len, str_off, str_len;
	u32 types[40];
	char strs[82];
} own = {
	0xeb9f, 1, 0, 24, 0, sizeof(own.types), sizeof(own.types), sizeof(own.strs),
	{	/* [1] int, [2] to [4] structs, [5] a pointer to the last */
		1, 1u << 24, 4, 1u << 24 | 32,
		5, 4u << 24 | 1, 4, 23, 1, 0,
		25, 4u << 24 | 2, 8, 42, 2, 0, 44, 1, 32,
		46, 4u << 24 | 5, 32,
			23, 1, 0, 66, 1, 32, 68, 3, 64, 73, 5, 128, 78, 1, 192,
		0, 2u << 24, 4,
	},
	"\0"
	"int\0"
	"prog_test_member1\0"
	"a\0"
	"prog_test_member\0"
	"m\0"
	"c\0"
	"prog_test_ref_kfunc\0"
	"b\0"
	"memb\0"
	"next\0"
	"cnt"
};

const void *bpfshim_own_types(u32 *size)
{
	*size = offsetof(__typeof__(own), strs) + sizeof(own.strs);
	return &own;
}

static u32 kind(const struct bpfshim_btf_type *t)
{
	return t ? BPFSHIM_BTF_KIND(t->info) : 0;
}

static const char *name_of(const struct bpfshim_vrf_btf *btf, const struct bpfshim_btf_type *t)
{
	const char *s = t ? bpfshim_btf_name(btf, t->name_off) : NULL;

	return s ? s : "";
}

/* 1: a member of this type is a kernel pointer, to the struct *name; 0: not. */
static int tagged(const struct bpfshim_vrf_btf *btf, u32 id, bool *ref, const char **name)
{
	const struct bpfshim_btf_type *t = bpfshim_btf_type(btf, id);
	const char *tag;

	if (kind(t) != BPFSHIM_BTF_PTR)
		return 0;
	t = bpfshim_btf_type(btf, t->size);
	if (kind(t) != BPFSHIM_BTF_TYPE_TAG)
		return 0;
	tag = name_of(btf, t);
	if (kind(bpfshim_btf_type(btf, t->size)) == BPFSHIM_BTF_TYPE_TAG)
		return -EINVAL;
	*ref = !strcmp(tag, "kptr_ref");
	if (!*ref && strcmp(tag, "kptr"))
		return -EINVAL;
	t = bpfshim_btf_skip(btf, t->size, NULL);
	if (kind(t) != BPFSHIM_BTF_STRUCT)
		return -EINVAL;
	*name = name_of(btf, t);
	return 1;
}

/* The type of that name: the driver's own, or the kernel's, which keeps no references. */
static int resolve(struct bpfshim_vrf_kptr *k, const char *name, const struct bpfshim_vrf_btf *kernel,
		   const struct bpfshim_vrf_btf *owned)
{
	s32 id = owned ? bpfshim_btf_find(owned, name, BPFSHIM_BTF_STRUCT) : -ENOENT;

	k->btf = owned;
	if (id < 0 && kernel && !k->ref) {
		id = bpfshim_btf_find(kernel, name, BPFSHIM_BTF_STRUCT);
		k->btf = kernel;
	}
	if (id < 0)
		return -ENOENT;
	k->btf_id = (u32)id;
	return 0;
}

int bpfshim_kptrs_find(const struct bpfshim_vrf_btf *btf, u32 value_id, const struct bpfshim_vrf_btf *kernel,
		       const struct bpfshim_vrf_btf *owned, struct bpfshim_vrf_kptr out[BPFSHIM_VRF_MAX_KPTRS])
{
	const struct bpfshim_btf_type *t = bpfshim_btf_skip(btf, value_id, NULL), *var;
	const u32 *m = t ? (const u32 *)(t + 1) : NULL;
	u32 i, n = 0, bits, type;
	const char *name;
	bool ref;
	int ret;

	if (kind(t) != BPFSHIM_BTF_STRUCT && kind(t) != BPFSHIM_BTF_UNION && kind(t) != BPFSHIM_BTF_DATASEC)
		return -EINVAL;
	for (i = 0; i < BPFSHIM_BTF_VLEN(t->info); i++, m += 3) {
		if (kind(t) == BPFSHIM_BTF_DATASEC) {
			var = bpfshim_btf_type(btf, m[0]);
			if (m[2] != 8 || !var)
				continue;
			type = var->size;
			bits = m[1] * 8;
		} else {
			type = m[1];
			bits = BPFSHIM_BTF_KFLAG(t->info) ? m[2] & 0xffffff : m[2];
		}
		/* As 6.1, which asks it of every member. */
		if (bits % 64)
			return -EINVAL;
		ret = tagged(btf, type, &ref, &name);
		if (ret < 0)
			return ret;
		if (!ret)
			continue;
		if (n == BPFSHIM_VRF_MAX_KPTRS)
			return -E2BIG;
		out[n].off = bits / 8;
		out[n].ref = ref;
		ret = resolve(&out[n++], name, kernel, owned);
		if (ret)
			return ret;
	}
	return (int)n;
}

const struct bpfshim_vrf_kptr *bpfshim_v_kptr_at(const struct bpfshim_vrf_map *map, s64 off)
{
	u32 i;

	for (i = 0; i < map->nr_kptrs; i++)
		if (map->kptrs[i].off == off)
			return &map->kptrs[i];
	return NULL;
}

/* ---- loads and stores -------------------------------------------------- */

/* The access [off, off + size), the register's variable part aside. */
int bpfshim_v_kptr_touched(struct vrf_env *env, const struct vrf_reg *r, s32 off, s32 size, enum vrf_src src)
{
	const struct bpfshim_vrf_map *map = r->u.map;
	s64 at;
	u32 i;

	for (i = 0; i < map->nr_kptrs; i++) {
		at = map->kptrs[i].off;
		if (r->n.smin + off >= at + 8 || at >= (s64)r->n.umax + off + size)
			continue;
		if (src != VRF_DIRECT) {
			bpfshim_v_log(env, "kptr cannot be accessed indirectly by helper\n");
			return -EACCES;
		}
		if (r->n.t.mask) {
			bpfshim_v_log(env, "kptr access cannot have variable offset\n");
			return -EACCES;
		}
		if (at != off + (s64)r->n.t.value) {
			bpfshim_v_log(env, "kptr access misaligned expected=%u off=%llu\n", (u32)at,
				      (unsigned long long)(off + (s64)r->n.t.value));
			return -EACCES;
		}
		if (size != 8) {
			bpfshim_v_log(env, "kptr access size must be BPF_DW\n");
			return -EACCES;
		}
		break;
	}
	return 0;
}

/* May the register's pointer be kept there? */
int bpfshim_v_kptr_match(struct vrf_env *env, const struct bpfshim_vrf_kptr *k, u32 regno)
{
	const struct vrf_reg *r = &vrf_regs(env)[regno];
	const char *name = "";
	u32 ok = VF_NULL | (k->ref ? 0 : VF_UNTRUSTED);

	if (r->kind == VK_BTF_ID && !(r->flags & ~ok)) {
		name = bpfshim_v_btf_type_name(r->u.btf, r->uid);
		if (bpfshim_v_ptr_off(env, r, regno, true))
			return -EACCES;
		if (r->u.btf == k->btf && bpfshim_v_btf_ids_match(k->btf, r->uid, r->off, k->btf_id, k->ref))
			return 0;
	}
	bpfshim_v_log(env, "invalid kptr access, R%d type=%s%s ", regno, vrf_type_str(env, r), name);
	bpfshim_v_log(env, "expected=%s%s", bpfshim_v_type_str(env, VK_BTF_ID, 0),
		      bpfshim_v_btf_type_name(k->btf, k->btf_id));
	if (!k->ref)
		bpfshim_v_log(env, " or %s%s", bpfshim_v_type_str(env, VK_BTF_ID, VF_UNTRUSTED),
			      bpfshim_v_btf_type_name(k->btf, k->btf_id));
	bpfshim_v_log(env, "\n");
	return -EINVAL;
}

/* An instruction loads it into the register value, or stores that, or 0. */
int bpfshim_v_kptr_access(struct vrf_env *env, const struct bpfshim_vrf_kptr *k, s32 value)
{
	const struct bpfshim_insn *in = &env->insns[env->pc];
	u8 class = BPFSHIM_CLASS(in->code);
	struct vrf_reg *r;

	if (BPFSHIM_MODE(in->code) != BPFSHIM_MEM) {
		bpfshim_v_log(env, "kptr in map can only be accessed using BPF_MEM instruction mode\n");
		return -EACCES;
	}
	if (class != BPFSHIM_LDX && k->ref) {
		bpfshim_v_log(env, "store to referenced kptr disallowed\n");
		return -EACCES;
	}
	switch (class) {
	case BPFSHIM_LDX:
		r = &vrf_regs(env)[value];
		bpfshim_v_reg_ptr(r, VK_BTF_ID, VF_NULL | VF_UNTRUSTED);
		r->u.btf = k->btf;
		r->uid = k->btf_id;
		r->id = ++env->id_gen;
		return 0;
	case BPFSHIM_STX:
		if (vrf_is_null(&vrf_regs(env)[value]) || !bpfshim_v_kptr_match(env, k, (u32)value))
			return 0;
		return -EACCES;
	case BPFSHIM_ST:
		if (!in->imm)
			return 0;
		bpfshim_v_log(env, "BPF_ST imm must be 0 when storing to kptr at off=%u\n", k->off);
		return -EACCES;
	}
	return -EACCES;
}

/* ---- bpf_kptr_xchg ------------------------------------------------------ */

int bpfshim_v_kptr_arg(struct vrf_env *env, u32 regno, struct vrf_call *call)
{
	const struct vrf_reg *r = &vrf_regs(env)[regno];
	const struct bpfshim_vrf_map *map = r->u.map;
	const struct bpfshim_vrf_kptr *k;
	s64 at = (s64)r->n.t.value + r->off;

	if (r->n.t.mask) {
		bpfshim_v_log(env, "R%d doesn't have constant offset. kptr has to be at the constant offset\n", regno);
		return -EINVAL;
	}
	if (!map->btf) {
		bpfshim_v_log(env, "map '%s' has to have BTF in order to use bpf_kptr_xchg\n", map->name);
		return -EINVAL;
	}
	if (!map->nr_kptrs) {
		bpfshim_v_log(env, "map '%s' has no valid kptr\n", map->name);
		return -EINVAL;
	}
	call->map = map;
	k = bpfshim_v_kptr_at(map, at);
	if (!k || !k->ref) {
		bpfshim_v_log(env, k ? "off=%d kptr isn't referenced kptr\n" : "off=%d doesn't point to kptr\n", (s32)at);
		return -EACCES;
	}
	call->kptr = k;
	call->ret_btf = k->btf;
	call->ret_btf_id = k->btf_id;
	return 0;
}
