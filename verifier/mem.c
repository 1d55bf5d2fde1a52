// SPDX-License-Identifier: GPL-2.0
/* Memory: which bytes a load, a store or a helper may touch. */
#include "env.h"

static struct vrf_reg *reg_of(struct vrf_env *env, u32 regno)
{
	return &vrf_regs(env)[regno];
}

/* ---- regions of a known size ------------------------------------------ */

static int in_region(struct vrf_env *env, u32 regno, s64 off, s32 size, u32 limit, bool zero_ok)
{
	const struct vrf_reg *r = reg_of(env, regno);
	bool size_ok = size > 0 || (!size && zero_ok);

	if (off >= 0 && size_ok && (u64)off + (u64)size <= limit)
		return 0;
	switch (r->kind) {
	case VK_MAP_KEY:
		bpfshim_v_log(env, "invalid access to map key, key_size=%d off=%d size=%d\n", limit, (s32)off, size);
		break;
	case VK_MAP_VALUE:
		bpfshim_v_log(env, "invalid access to map value, value_size=%d off=%d size=%d\n",
			      limit, (s32)off, size);
		break;
	case VK_PKT:
	case VK_PKT_META:
	case VK_PKT_END:
		bpfshim_v_log(env, "invalid access to packet, off=%d size=%d, R%d(id=%d,off=%d,r=%d)\n",
			      (s32)off, size, regno, r->id, (s32)off, limit);
		break;
	default:
		bpfshim_v_log(env, "invalid access to memory, mem_size=%u off=%d size=%d\n",
			      limit, (s32)off, size);
	}
	return -EACCES;
}

/* off includes the register's fixed offset, not its variable one. */
static int region(struct vrf_env *env, u32 regno, s32 off, s32 size, u32 limit, bool zero_ok)
{
	const struct vrf_reg *r = reg_of(env, regno);
	s64 lo = r->n.smin;

	if (lo < 0 && (lo == VRF_S64_MIN || off + lo != (s32)(off + lo) || off + lo < 0)) {
		bpfshim_v_log(env, "R%d min value is negative, either use unsigned index or do a if (index >=0) check.\n",
			      regno);
		return -EACCES;
	}
	if (in_region(env, regno, lo + off, size, limit, zero_ok)) {
		bpfshim_v_log(env, "R%d min value is outside of the allowed memory range\n", regno);
		return -EACCES;
	}
	if (r->n.umax >= VRF_MAX_OFF) {
		bpfshim_v_log(env, "R%d unbounded memory access, make sure to bounds check any such access\n",
			      regno);
		return -EACCES;
	}
	if (in_region(env, regno, (s64)r->n.umax + off, size, limit, zero_ok)) {
		bpfshim_v_log(env, "R%d max value is outside of the allowed memory range\n", regno);
		return -EACCES;
	}
	return 0;
}

int bpfshim_v_ptr_off(struct vrf_env *env, const struct vrf_reg *r, u32 regno, bool fixed_ok)
{
	if (r->off < 0) {
		bpfshim_v_log(env, "negative offset %s ptr R%d off=%d disallowed\n",
			      vrf_type_str(env, r), regno, r->off);
		return -EACCES;
	}
	if (!fixed_ok && r->off) {
		bpfshim_v_log(env, "dereference of modified %s ptr R%d off=%d disallowed\n",
			      vrf_type_str(env, r), regno, r->off);
		return -EACCES;
	}
	if (!vrf_num_known_zero(&r->n)) {
		bpfshim_v_log(env, "variable %s access var_off=%s disallowed\n",
			      vrf_type_str(env, r), bpfshim_v_tnum_str(env, r->n.t));
		return -EACCES;
	}
	return 0;
}

/* ---- map values ------------------------------------------------------- */

static bool touches(const struct vrf_reg *r, s32 off, s32 size, s32 field, u32 field_size)
{
	return field >= 0 && r->n.smin + off < field + (s64)field_size &&
	       field < (s64)r->n.umax + off + size;
}

int bpfshim_v_map_access(struct vrf_env *env, u32 regno, s32 off, s32 size, bool zero_ok, enum vrf_src src)
{
	const struct vrf_reg *r = reg_of(env, regno);
	const struct bpfshim_vrf_map *map = r->u.map;
	int err = region(env, regno, off, size, map->value_size, zero_ok);

	if (err)
		return err;
	if (touches(r, off, size, map->spin_lock_off, 4)) {
		bpfshim_v_log(env, "bpf_spin_lock cannot be accessed directly by load/store\n");
		return -EACCES;
	}
	if (touches(r, off, size, map->timer_off, 16)) {
		bpfshim_v_log(env, "bpf_timer cannot be accessed directly by load/store\n");
		return -EACCES;
	}
	return map->nr_kptrs ? bpfshim_v_kptr_touched(env, r, off, size, src) : 0;
}

static int map_allows(struct vrf_env *env, const struct bpfshim_vrf_map *map, s32 off, s32 size, bool write)
{
	if (!(map->map_flags & (write ? BPFSHIM_F_RDONLY_PROG : BPFSHIM_F_WRONLY_PROG)))
		return 0;
	bpfshim_v_log(env, write ? "write into map forbidden, value_size=%d off=%d size=%d\n" :
		      "read from map forbidden, value_size=%d off=%d size=%d\n", map->value_size, off, size);
	return -EACCES;
}

static int map_value(struct vrf_env *env, u32 regno, s32 off, u32 size, bool write, s32 value)
{
	const struct vrf_reg *r = reg_of(env, regno);
	const struct bpfshim_vrf_map *map = r->u.map;
	const struct bpfshim_vrf_kptr *k;
	u32 idx;
	u64 v;
	int err = map_allows(env, map, off, (s32)size, write);

	if (!err)
		err = bpfshim_v_map_access(env, regno, off, (s32)size, false, VRF_DIRECT);
	if (err)
		return err;
	k = map->nr_kptrs && !r->n.t.mask ? bpfshim_v_kptr_at(map, off + (s64)r->n.t.value) : NULL;
	if (k)
		return bpfshim_v_kptr_access(env, k, value);
	if (write || value < 0)
		return 0;
	idx = bpfshim_v_map_idx(env, map);
	/* What a frozen read-only map holds is known. */
	if (!r->n.t.mask && map->frozen_rdonly && bpfshim_v_direct_value(map) && map->max_entries == 1 &&
	    idx < env->nr_maps) {
		v = 0;
		err = env->ops->map_read(env->cookie, idx, (u32)(off + (s32)r->n.t.value), size, &v);
		if (err)
			return err;
		bpfshim_v_reg_const(reg_of(env, (u32)value), v);
		return 0;
	}
	bpfshim_v_reg_unknown(reg_of(env, (u32)value));
	return 0;
}

/* ---- packets ---------------------------------------------------------- */

bool bpfshim_v_pkt_access_ok(struct vrf_env *env, bool pkt_helper, bool helper, bool write)
{
	switch (env->prog_type) {
	case BPFSHIM_PROG_TYPE_LWT_IN:
	case BPFSHIM_PROG_TYPE_LWT_OUT:
	case BPFSHIM_PROG_TYPE_LWT_SEG6LOCAL:
	case BPFSHIM_PROG_TYPE_SK_REUSEPORT:
	case BPFSHIM_PROG_TYPE_FLOW_DISSECTOR:
	case BPFSHIM_PROG_TYPE_CGROUP_SKB:
		if (write)
			return false;
		BPFSHIM_FALLTHROUGH;
	case BPFSHIM_PROG_TYPE_SCHED_CLS:
	case BPFSHIM_PROG_TYPE_SCHED_ACT:
	case BPFSHIM_PROG_TYPE_XDP:
	case BPFSHIM_PROG_TYPE_LWT_XMIT:
	case BPFSHIM_PROG_TYPE_SK_SKB:
	case BPFSHIM_PROG_TYPE_SK_MSG:
		if (helper)
			return pkt_helper;
		env->seen_direct_write = true;
		return true;
	case BPFSHIM_PROG_TYPE_CGROUP_SOCKOPT:
		if (write)
			env->seen_direct_write = true;
		return true;
	}
	return false;
}

static int packet(struct vrf_env *env, u32 regno, s32 off, s32 size, bool zero_ok)
{
	const struct vrf_reg *r = reg_of(env, regno);
	int err;

	if (r->n.smin < 0) {
		bpfshim_v_log(env, "R%d min value is negative, either use unsigned index or do a if (index >=0) check.\n",
			      regno);
		return -EACCES;
	}
	err = r->u.range < 0 ? -EINVAL :
	      in_region(env, regno, off, size, (u32)r->u.range, zero_ok);
	if (err)
		bpfshim_v_log(env, "R%d offset is outside of the packet\n", regno);
	return err;
}

/* ---- alignment -------------------------------------------------------- */

int bpfshim_v_align(struct vrf_env *env, const struct vrf_reg *r, s32 off, u32 size, bool strict_once)
{
	bool strict = env->strict_align || strict_once;
	const char *what = "";
	struct bpfshim_tnum t;
	s32 ip_align = 0;

	switch (r->flags ? 0 : r->kind) {
	case VK_PKT:
	case VK_PKT_META:
		ip_align = 2;	/* as if the Ethernet header were so shifted */
		break;
	case VK_FLOW_KEYS: what = "flow keys "; break;
	case VK_MAP_KEY: what = "key "; break;
	case VK_MAP_VALUE: what = "value "; break;
	case VK_CTX: what = "context "; break;
	case VK_STACK:
		what = "stack ";
		strict = true;	/* or a spill could not be followed */
		break;
	case VK_SOCK: what = "sock "; break;
	case VK_SOCK_COMMON: what = "sock_common "; break;
	case VK_TCP_SOCK: what = "tcp_sock "; break;
	case VK_XDP_SOCK: what = "xdp_sock "; break;
	}
	if (!strict || size == 1)
		return 0;
	t.value = (u64)(s64)(ip_align + r->off + off);
	t.mask = 0;
	t = bpfshim_tnum_add(r->n.t, t);
	if (!((t.value | t.mask) & (size - 1)))
		return 0;
	if (ip_align)
		bpfshim_v_log(env, "misaligned packet access off %d+%s+%d+%d size %d\n", ip_align,
			      bpfshim_v_tnum_str(env, r->n.t), r->off, off, size);
	else
		bpfshim_v_log(env, "misaligned %saccess off %s+%d+%d size %d\n", what,
			      bpfshim_v_tnum_str(env, r->n.t), r->off, off, size);
	return -EACCES;
}

/* ---- contexts and sockets --------------------------------------------- */

static int ctx(struct vrf_env *env, u32 regno, s32 off, u32 size, bool write, s32 value)
{
	const struct vrf_reg *r = reg_of(env, regno);
	struct vrf_aux *aux = &env->aux[env->pc];
	struct vrf_ctx_out out;
	struct vrf_reg *dst;
	int err = bpfshim_v_ptr_off(env, r, regno, false);

	if (err)
		return err;
	memset(&out, 0, sizeof(out));
	out.kind = VK_SCALAR;
	if (!env->ctx || !env->ctx->access(env, off, size, write, &out)) {
		bpfshim_v_log(env, "invalid bpf_context access off=%d size=%d\n", off, size);
		bpfshim_v_log_line(env, env->pc, "; ");
		return -EACCES;
	}
	aux->ctx_access = true;
	if (out.kind != VK_BTF_ID)
		aux->ctx_field_size = out.field_size;
	if (env->res->max_ctx_offset < (u32)off + size)
		env->res->max_ctx_offset = (u32)off + size;
	if (write || value < 0)
		return 0;
	dst = reg_of(env, (u32)value);
	if (out.kind == VK_SCALAR) {
		bpfshim_v_reg_unknown(dst);
		return 0;
	}
	bpfshim_v_reg_ptr(dst, out.kind, out.flags);
	if (out.flags & VF_NULL)
		dst->id = ++env->id_gen;
	if (out.kind == VK_BTF_ID) {
		dst->u.btf = out.btf;
		dst->uid = out.btf_id;
	} else if (out.kind == VK_MEM) {
		dst->u.mem_size = out.mem_size;
	}
	return 0;
}

static int sock(struct vrf_env *env, u32 regno, s32 off, u32 size, bool write)
{
	const struct vrf_reg *r = reg_of(env, regno);
	u8 field = 0;

	if (r->n.smin < 0) {
		bpfshim_v_log(env, "R%d min value is negative, either use unsigned index or do a if (index >=0) check.\n",
			      regno);
		return -EACCES;
	}
	if (!bpfshim_v_sock_access(r->kind, off, size, write, &field)) {
		bpfshim_v_log(env, "R%d invalid %s access off=%d size=%d\n", regno, vrf_type_str(env, r), off, size);
		return -EACCES;
	}
	env->aux[env->pc].ctx_field_size = field;
	env->aux[env->pc].ctx_access = true;
	return 0;
}

static int buffer(struct vrf_env *env, u32 regno, s32 off, s32 size, const char *what)
{
	const struct vrf_reg *r = reg_of(env, regno);

	if (off < 0) {
		bpfshim_v_log(env, "R%d invalid %s buffer access: off=%d, size=%d\n", regno, what, off, size);
		return -EACCES;
	}
	if (!vrf_num_known_zero(&r->n)) {
		bpfshim_v_log(env, "R%d invalid variable buffer offset: off=%d, var_off=%s\n", regno, off,
			      bpfshim_v_tnum_str(env, r->n.t));
		return -EACCES;
	}
	return 0;
}

/* ---- loads and stores ------------------------------------------------- */

/* What an unprivileged user's program must not store an address into. */
static const char *readable(const struct vrf_reg *r)
{
	switch (r->kind) {
	case VK_MAP_VALUE: return "map";
	case VK_MEM: return "mem";
	case VK_CTX: return "ctx";
	case VK_PKT:
	case VK_PKT_META: return "packet";
	case VK_FLOW_KEYS: return "flow keys";
	}
	return NULL;
}

static int bad_access(struct vrf_env *env, u32 regno)
{
	bpfshim_v_log(env, "R%d invalid mem access '%s'\n", regno, vrf_type_str(env, reg_of(env, regno)));
	return -EACCES;
}

static int no_write(struct vrf_env *env, u32 regno)
{
	bpfshim_v_log(env, "R%d cannot write into %s\n", regno, vrf_type_str(env, reg_of(env, regno)));
	return -EACCES;
}

static void unknown(struct vrf_env *env, bool write, s32 value)
{
	if (!write && value >= 0)
		bpfshim_v_reg_unknown(reg_of(env, (u32)value));
}

static int access_kind(struct vrf_env *env, u32 regno, s32 off, u32 size, bool write, s32 value)
{
	const struct vrf_reg *r = reg_of(env, regno);
	int err;

	if (r->kind == VK_BTF_ID && !(r->flags & ~VF_UNTRUSTED & ~VF_USER & ~VF_PERCPU))
		return bpfshim_v_btf_access(env, regno, off, size, write, value);
	if ((r->flags & VF_NULL) || (r->flags && r->kind != VK_MEM && r->kind != VK_BUF))
		return bad_access(env, regno);
	if (write && value >= 0 && readable(r) && vrf_leaks(env, reg_of(env, (u32)value))) {
		bpfshim_v_log(env, "R%d leaks addr into %s\n", value, readable(r));
		return -EACCES;
	}
	switch (r->kind) {
	case VK_MAP_KEY:
		if (write) {
			bpfshim_v_log(env, "write to change key R%d not allowed\n", regno);
			return -EACCES;
		}
		err = region(env, regno, off, (s32)size, r->u.map->key_size, false);
		break;
	case VK_MAP_VALUE:
		return map_value(env, regno, off, size, write, value);
	case VK_MEM:
		if (write && (r->flags & VF_RDONLY))
			return no_write(env, regno);
		err = region(env, regno, off, (s32)size, r->u.mem_size, false);
		break;
	case VK_CTX:
		return ctx(env, regno, off, size, write, value);
	case VK_STACK:
		err = bpfshim_v_stack_bounds(env, regno, off, (s32)size, VRF_DIRECT, write);
		if (err)
			return err;
		return write ? bpfshim_v_stack_write(env, regno, off, size, value) :
			       bpfshim_v_stack_read(env, regno, off, size, value);
	case VK_PKT:
	case VK_PKT_META:
		if (write && !bpfshim_v_pkt_access_ok(env, false, false, true)) {
			bpfshim_v_log(env, "cannot write into packet\n");
			return -EACCES;
		}
		err = packet(env, regno, off, (s32)size, false);
		break;
	case VK_FLOW_KEYS:
		err = 0;
		if (off < 0 || (u64)off + size > 56) {
			bpfshim_v_log(env, "invalid access to flow keys off=%d size=%d\n", off, size);
			err = -EACCES;
		}
		break;
	case VK_SOCK:
	case VK_SOCK_COMMON:
	case VK_TCP_SOCK:
	case VK_XDP_SOCK:
		if (write)
			return no_write(env, regno);
		err = sock(env, regno, off, size, write);
		break;
	case VK_TP_BUFFER:
		err = buffer(env, regno, off, (s32)size, "tracepoint");
		break;
	case VK_CONST_MAP:
		return bpfshim_v_mapptr_access(env, regno, off, size, write, value);
	case VK_BUF:
		if (write && (r->flags & VF_RDONLY))
			return no_write(env, regno);
		err = buffer(env, regno, off, (s32)size, r->flags & VF_RDONLY ? "rdonly" : "rdwr");
		break;
	default:
		return bad_access(env, regno);
	}
	if (!err)
		unknown(env, write, value);
	return err;
}

/*
 * A load (value: the register it goes to, or -1: anywhere) or a store (value:
 * the register stored, or -1: something unknown, or the immediate).
 */
int bpfshim_v_mem(struct vrf_env *env, u32 regno, s32 off, u32 size, bool write,
		  s32 value, bool strict_once)
{
	const struct vrf_reg *r = reg_of(env, regno);
	int err = bpfshim_v_align(env, r, off, size, strict_once);

	if (!err)
		err = access_kind(env, regno, off + r->off, size, write, value);
	if (!err && !write && value >= 0 && size < 8 && reg_of(env, (u32)value)->kind == VK_SCALAR) {
		struct vrf_reg *dst = reg_of(env, (u32)value);

		/* A part of an equal number is no equal number. */
		if (dst->n.umax >> (size * 8))
			dst->id = 0;
		bpfshim_num_zext(&dst->n, size);
	}
	return err;
}

/* ---- helpers' memory -------------------------------------------------- */

int bpfshim_v_helper_mem(struct vrf_env *env, u32 regno, s32 size, bool write,
			 bool zero_ok, struct vrf_call *call)
{
	const struct vrf_reg *r = reg_of(env, regno);

	switch (r->kind) {
	case VK_PKT:
	case VK_PKT_META:
		return packet(env, regno, r->off, size, zero_ok);
	case VK_MAP_KEY:
		if (write)
			return no_write(env, regno);
		return region(env, regno, r->off, size, r->u.map->key_size, false);
	case VK_MAP_VALUE:
		if (map_allows(env, r->u.map, r->off, size, write))
			return -EACCES;
		return bpfshim_v_map_access(env, regno, r->off, size, zero_ok, VRF_HELPER);
	case VK_MEM:
		if (write && (r->flags & VF_RDONLY))
			return no_write(env, regno);
		return region(env, regno, r->off, size, r->u.mem_size, zero_ok);
	case VK_BUF:
		if (write && (r->flags & VF_RDONLY))
			return no_write(env, regno);
		return buffer(env, regno, r->off, size, r->flags & VF_RDONLY ? "rdonly" : "rdwr");
	case VK_STACK:
		return bpfshim_v_stack_range(env, regno, r->off, size, zero_ok, VRF_HELPER, call);
	}
	/* No byte of NULL is fine. */
	if (zero_ok && !size && vrf_is_null(r))
		return 0;
	bpfshim_v_log(env, "R%d type=%s ", regno, vrf_type_str(env, r));
	bpfshim_v_log(env, "expected=fp\n");
	return -EACCES;
}
