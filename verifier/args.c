// SPDX-License-Identifier: GPL-2.0
/* Arguments of helpers: what each kind of argument may be. */
#include "env.h"

#define A(name) BPFSHIM_ARG_##name

enum { AF_NULL = 1, AF_RDONLY = 2, AF_WRITE = 4, AF_UNINIT = 8, AF_RELEASE = 16 };

/* Kinds of registers that an argument may be, in the order 6.1's log lists. */
struct accept {
	u8 kind[10];
	u8 alloc;		/* place of a kind that must be VF_ALLOC + 1, or 0 */
};

static const struct accept key_value = { { VK_STACK, VK_PKT, VK_PKT_META, VK_MAP_KEY, VK_MAP_VALUE }, 0 };
static const struct accept memory = {
	{ VK_STACK, VK_PKT, VK_PKT_META, VK_MAP_KEY, VK_MAP_VALUE, VK_MEM, VK_MEM, VK_BUF }, 7
};
static const struct accept socks = { { VK_SOCK_COMMON, VK_SOCK, VK_TCP_SOCK, VK_XDP_SOCK }, 0 };
static const struct accept btf_socks = {
	{ VK_SOCK_COMMON, VK_SOCK, VK_TCP_SOCK, VK_XDP_SOCK, VK_BTF_ID }, 0
};
static const struct accept scalar = { { VK_SCALAR }, 0 };
static const struct accept context = { { VK_CTX }, 0 };
static const struct accept alloc_mem = { { VK_MEM }, 1 };
static const struct accept const_map = { { VK_CONST_MAP }, 0 };
static const struct accept full_sock = { { VK_SOCK }, 0 };
static const struct accept btf_id = { { VK_BTF_ID }, 0 };
static const struct accept map_value = { { VK_MAP_VALUE }, 0 };
static const struct accept func = { { VK_FUNC }, 0 };
static const struct accept stack = { { VK_STACK }, 0 };
static const struct accept dynptr = { { VK_STACK, VK_DYNPTR }, 0 };

struct kind_info {
	const struct accept *accept;
	u8 flags;
	u8 fixed;		/* bytes of memory of a fixed size */
	const char *btf;	/* name of the struct pointed to */
};

static const struct kind_info kinds[BPFSHIM_ARG_KINDS] = {
	[A(MAP)] = { &const_map, 0, 0, NULL },
	[A(KEY)] = { &key_value, 0, 0, NULL },
	[A(VALUE)] = { &key_value, 0, 0, NULL },
	[A(UNINIT_VALUE)] = { &key_value, AF_UNINIT | AF_WRITE, 0, NULL },
	[A(VALUE_OR_NULL)] = { &key_value, AF_NULL, 0, NULL },
	[A(MEM)] = { &memory, AF_RDONLY, 0, NULL },
	[A(MEM_OR_NULL)] = { &memory, AF_RDONLY | AF_NULL, 0, NULL },
	[A(R_MEM)] = { &memory, 0, 0, NULL },
	[A(RW_MEM)] = { &memory, AF_WRITE, 0, NULL },
	[A(RW_MEM_OR_NULL)] = { &memory, AF_NULL | AF_WRITE, 0, NULL },
	[A(W_MEM)] = { &memory, AF_WRITE, 0, NULL },
	[A(UNINIT_MEM)] = { &memory, AF_UNINIT | AF_WRITE, 0, NULL },
	[A(IN20)] = { &memory, 0, 20, NULL },
	[A(IN40)] = { &memory, 0, 40, NULL },
	[A(OUT4)] = { &memory, AF_UNINIT | AF_WRITE, 4, NULL },
	[A(OUT8)] = { &memory, AF_UNINIT | AF_WRITE, 8, NULL },
	[A(SIZE)] = { &scalar, 0, 0, NULL },
	[A(SIZE0)] = { &scalar, 0, 0, NULL },
	[A(ALLOC_SIZE)] = { &scalar, 0, 0, NULL },
	[A(CTX)] = { &context, 0, 0, NULL },
	[A(CTX_OR_NULL)] = { &context, AF_NULL, 0, NULL },
	[A(SOCK_COMMON)] = { &socks, 0, 0, NULL },
	[A(SOCK_OR_NULL)] = { &full_sock, AF_NULL, 0, NULL },
	[A(BTF_SOCK)] = { &btf_socks, 0, 0, "sock_common" },
	[A(BTF_SOCK_RELEASE)] = { &btf_socks, AF_RELEASE, 0, "sock_common" },
	[A(BTF_SOCK_TRACE)] = { &btf_id, 0, 0, "sock_common" },
	[A(BTF_TASK)] = { &btf_id, 0, 0, "task_struct" },
	[A(BTF_SEQ_FILE)] = { &btf_id, 0, 0, "seq_file" },
	[A(BTF_SK_BUFF)] = { &btf_id, 0, 0, "sk_buff" },
	[A(BTF_XDP_BUFF)] = { &btf_id, 0, 0, "xdp_buff" },
	[A(BTF_PATH)] = { &btf_id, 0, 0, "path" },
	[A(BTF_INODE)] = { &btf_id, 0, 0, "inode" },
	[A(BTF_FILE)] = { &btf_id, 0, 0, "file" },
	[A(BTF_BPRM)] = { &btf_id, 0, 0, "linux_binprm" },
	[A(BTF_OR_NULL_RELEASE)] = { &btf_id, AF_NULL | AF_RELEASE, 0, NULL },
	[A(PERCPU_BTF)] = { &btf_id, 0, 0, NULL },
	[A(FUNC)] = { &func, 0, 0, NULL },
	[A(STACK_OR_NULL)] = { &stack, AF_NULL, 0, NULL },
	[A(CONST_STR)] = { &map_value, 0, 0, NULL },
	[A(ALLOC_MEM)] = { &alloc_mem, AF_RELEASE, 0, NULL },
	[A(SPIN_LOCK)] = { &map_value, 0, 0, NULL },
	[A(TIMER)] = { &map_value, 0, 0, NULL },
	[A(KPTR)] = { &map_value, 0, 0, NULL },
	[A(DYNPTR)] = { &dynptr, 0, 0, NULL },
	[A(DYNPTR_LOCAL_UNINIT)] = { &dynptr, AF_UNINIT | AF_WRITE, 0, NULL },
	[A(DYNPTR_RINGBUF_UNINIT)] = { &dynptr, AF_UNINIT | AF_WRITE, 0, NULL },
	[A(DYNPTR_RINGBUF_RELEASE)] = { &dynptr, AF_RELEASE, 0, NULL },
};

static bool is_dynptr(u32 kind)
{
	return kinds[kind].accept == &dynptr;
}

static int check_kind(struct vrf_env *env, u32 regno, u32 kind)
{
	const struct vrf_reg *r = &vrf_regs(env)[regno];
	const struct accept *a = kinds[kind].accept;
	u32 flags = r->flags, i, want;

	if (kinds[kind].flags & AF_RDONLY)
		flags &= ~VF_RDONLY;
	if (kinds[kind].flags & AF_NULL)
		flags &= ~VF_NULL;
	for (i = 0; i < ARRAY_SIZE(a->kind) && a->kind[i]; i++) {
		want = a->alloc == i + 1 ? VF_ALLOC : kind == A(PERCPU_BTF) ? VF_PERCPU : 0;
		if (r->kind == a->kind[i] && flags == want)
			return 0;
	}
	bpfshim_v_log(env, "R%d type=%s expected=", regno, vrf_type_str(env, r));
	for (i = 0; i < ARRAY_SIZE(a->kind) && a->kind[i]; i++)
		bpfshim_v_log(env, "%s%s", i ? ", " : "",
			      bpfshim_v_type_str(env, a->kind[i], a->alloc == i + 1 ? VF_ALLOC :
						 kind == A(PERCPU_BTF) ? VF_PERCPU : 0));
	bpfshim_v_log(env, "\n");
	return -EACCES;
}

static int check_btf(struct vrf_env *env, u32 regno, u32 kind, const struct vrf_call *call)
{
	const struct vrf_reg *r = &vrf_regs(env)[regno];
	const char *name = kinds[kind].btf;
	s32 want;

	if (r->kind != VK_BTF_ID)
		return 0;
	if (call->kptr)
		return bpfshim_v_kptr_match(env, call->kptr, regno) ? -EACCES : 0;
	if (!name)
		return 0;
	want = bpfshim_btf_find(r->u.btf, name, BPFSHIM_BTF_STRUCT);
	if (want > 0 && bpfshim_v_btf_ids_match(r->u.btf, r->uid, r->off, (u32)want,
						(kinds[kind].flags & AF_RELEASE) &&
						call->id != BPFSHIM_HELPER_sk_release))
		return 0;
	bpfshim_v_log(env, "R%d is of type %s but %s is expected\n", regno,
		      bpfshim_v_btf_type_name(r->u.btf, r->uid), name);
	return -EACCES;
}

/* May the pointer have been moved? */
static int check_offset(struct vrf_env *env, u32 regno, u32 kind)
{
	const struct vrf_reg *r = &vrf_regs(env)[regno];

	switch (r->kind) {
	case VK_STACK:
		if (is_dynptr(kind) && r->off % 8) {
			bpfshim_v_log(env, "cannot pass in dynptr at an offset\n");
			return -EINVAL;
		}
		BPFSHIM_FALLTHROUGH;
	case VK_PKT:
	case VK_PKT_META:
	case VK_MAP_KEY:
	case VK_MAP_VALUE:
	case VK_MEM:
	case VK_BUF:
	case VK_SCALAR:
		if (kind != A(ALLOC_MEM) && !(r->flags & ~(VF_RDONLY | VF_ALLOC)))
			return 0;
		break;
	case VK_BTF_ID:
		if (r->flags)
			break;
		if ((kinds[kind].flags & AF_RELEASE) && r->off) {
			bpfshim_v_log(env, "R%d must have zero offset when passed to release func\n", regno);
			return -EINVAL;
		}
		return bpfshim_v_ptr_off(env, r, regno, true);
	}
	return bpfshim_v_ptr_off(env, r, regno, false);
}

static int check_release(struct vrf_env *env, u32 regno, u32 kind, struct vrf_call *call)
{
	const struct vrf_reg *r = &vrf_regs(env)[regno], *d;

	if (is_dynptr(kind)) {
		d = bpfshim_v_dyn_slot(env, r);
		if (!d || !d->id) {
			bpfshim_v_log(env, "arg %d is an unacquired reference\n", regno);
			return -EINVAL;
		}
	} else if (!r->ref && !vrf_is_null(r)) {
		bpfshim_v_log(env, "R%d must be referenced when passed to release function\n", regno);
		return -EINVAL;
	}
	call->release_reg = regno;
	return 0;
}

static int no_map(struct vrf_env *env, const char *what)
{
	bpfshim_v_log(env, "invalid map_ptr to access map->%s\n", what);
	return -EACCES;
}

static int check_map(struct vrf_env *env, const struct vrf_reg *r, struct vrf_call *call)
{
	/* A timer's map was named before by the timer. */
	if (call->map && (call->map != r->u.map || call->map_uid != r->uid)) {
		bpfshim_v_log(env, "timer pointer in R1 map_uid=%d doesn't match map pointer in R2 map_uid=%d\n",
			      call->map_uid, r->uid);
		return -EINVAL;
	}
	call->map = r->u.map;
	call->map_uid = r->uid;
	return 0;
}

/* ---- memory and its size ---------------------------------------------- */

static bool writes(u32 kind)
{
	return kinds[kind].flags & AF_WRITE;
}

static int check_size(struct vrf_env *env, u32 regno, u32 i, bool zero_ok, struct vrf_call *call)
{
	const struct vrf_reg *r = &vrf_regs(env)[regno];
	bool write = i && writes(call->h->arg[i - 1]);
	struct vrf_call *mem = call;
	int err;

	call->msize_max = r->n.umax;
	/* Of a size that varies only a part may be filled: it must be initialised. */
	if (r->n.t.mask)
		mem = NULL;
	if (r->n.smin < 0) {
		bpfshim_v_log(env, "R%d min value is negative, either use unsigned or 'var &= const'\n", regno);
		return -EACCES;
	}
	if (!r->n.umin) {
		err = bpfshim_v_helper_mem(env, regno - 1, 0, write, zero_ok, mem);
		if (err)
			return err;
	}
	if (r->n.umax >= VRF_MAX_OFF) {
		bpfshim_v_log(env, "R%d unbounded memory access, use 'var &= const' or 'if (var < const)'\n", regno);
		return -EACCES;
	}
	err = bpfshim_v_helper_mem(env, regno - 1, (s32)r->n.umax, write, zero_ok, mem);
	return err ? err : bpfshim_v_precise(env, regno);
}

static int check_const_str(struct vrf_env *env, u32 regno)
{
	const struct vrf_reg *r = &vrf_regs(env)[regno];
	const struct bpfshim_vrf_map *map = r->u.map;
	u32 i, idx = bpfshim_v_map_idx(env, map);
	u64 c;
	int err;

	if (!map->frozen_rdonly) {
		bpfshim_v_log(env, "R%d does not point to a readonly map'\n", regno);
		return -EACCES;
	}
	if (r->n.t.mask) {
		bpfshim_v_log(env, "R%d is not a constant address'\n", regno);
		return -EACCES;
	}
	if (!bpfshim_v_direct_value(map) || idx >= env->nr_maps) {
		bpfshim_v_log(env, "no direct value access support for this map type\n");
		return -EACCES;
	}
	err = bpfshim_v_map_access(env, regno, r->off, (s32)map->value_size - r->off, false, VRF_HELPER);
	if (err)
		return err;
	for (i = (u32)r->off + (u32)r->n.t.value; i < map->value_size; i++) {
		c = 0;
		if (env->ops->map_read(env->cookie, idx, i, 1, &c)) {
			bpfshim_v_log(env, "direct value access on string failed\n");
			return -EINVAL;
		}
		if (!c)
			return 0;
	}
	bpfshim_v_log(env, "string is not zero-terminated\n");
	return -EINVAL;
}

/* ---- locks and timers ------------------------------------------------- */

static int field_at(struct vrf_env *env, u32 regno, const char *what, s32 off)
{
	const struct vrf_reg *r = &vrf_regs(env)[regno];
	const struct bpfshim_vrf_map *map = r->u.map;
	s64 at = (s64)r->n.t.value + r->off;

	if (r->n.t.mask) {
		bpfshim_v_log(env, "R%d doesn't have constant offset. %s has to be at the constant offset\n",
			      regno, what);
		return -EINVAL;
	}
	if (!map->btf) {
		bpfshim_v_log(env, "map '%s' has to have BTF in order to use %s\n", map->name, what);
		return -EINVAL;
	}
	if (off < 0) {
		bpfshim_v_log(env, "map '%s' doesn't have 'struct %s'\n", map->name, what);
		return -EINVAL;
	}
	if (at == off)
		return 0;
	if (off == map->timer_off && map->timer_off != map->spin_lock_off)
		bpfshim_v_log(env, "off %lld doesn't point to 'struct %s' that is at %d\n", (long long)at, what, off);
	else
		bpfshim_v_log(env, "off %lld doesn't point to 'struct %s'\n", (long long)at, what);
	return -EINVAL;
}

static int check_lock(struct vrf_env *env, u32 regno, bool lock)
{
	const struct vrf_reg *r = &vrf_regs(env)[regno];
	struct vrf_state *st = env->st;

	if (field_at(env, regno, "bpf_spin_lock", r->u.map->spin_lock_off))
		return -EACCES;
	if (lock) {
		if (st->lock_id) {
			bpfshim_v_log(env, "Locking two bpf_spin_locks are not allowed\n");
			return -EACCES;
		}
		if (!r->id)	/* a lock without a name could not be told from others */
			return -EACCES;
		st->lock_id = r->id;
		return 0;
	}
	if (!st->lock_id) {
		bpfshim_v_log(env, "bpf_spin_unlock without taking a lock\n");
		return -EACCES;
	}
	if (st->lock_id != r->id) {
		bpfshim_v_log(env, "bpf_spin_unlock of different lock\n");
		return -EACCES;
	}
	st->lock_id = 0;
	return 0;
}

static int check_timer(struct vrf_env *env, u32 regno, struct vrf_call *call)
{
	const struct vrf_reg *r = &vrf_regs(env)[regno];

	if (field_at(env, regno, "bpf_timer", r->u.map->timer_off))
		return -EACCES;
	call->map = r->u.map;
	call->map_uid = r->uid;
	return 0;
}

static int check_dynptr(struct vrf_env *env, u32 regno, u32 i, u32 kind, struct vrf_call *call)
{
	const struct vrf_reg *r = &vrf_regs(env)[regno];

	if (r->kind == VK_DYNPTR)
		return 0;
	if (kinds[kind].flags & AF_UNINIT) {
		if (!bpfshim_v_dyn_uninit_ok(env, r)) {
			bpfshim_v_log(env, "Dynptr has to be an uninitialized dynptr\n");
			return -EINVAL;
		}
		call->dyn_uninit_reg = regno;
		return 0;
	}
	if (!bpfshim_v_dyn_init_ok(env, r)) {
		bpfshim_v_log(env, "Expected an initialized dynptr as arg #%d\n", i + 1);
		return -EINVAL;
	}
	if (kind == A(DYNPTR_RINGBUF_RELEASE) &&
	    bpfshim_v_dyn_slot(env, r)->u.dyn.type != VRF_DYN_RINGBUF) {
		bpfshim_v_log(env, "Expected a dynptr of type %s as arg #%d\n", "ringbuf", i + 1);
		return -EINVAL;
	}
	return 0;
}

/* ---- one argument ----------------------------------------------------- */

/* A map's values may be sockets; a filter is asked, not filled. */
static int by_map_type(struct vrf_env *env, struct vrf_call *call, u32 *kind)
{
	if (!call->map)
		return no_map(env, "type");
	switch (call->map->map_type) {
	case BPFSHIM_MAP_TYPE_SOCKMAP:
	case BPFSHIM_MAP_TYPE_SOCKHASH:
		if (*kind != A(VALUE)) {
			bpfshim_v_log(env, "invalid arg_type for sockmap/sockhash\n");
			return -EINVAL;
		}
		*kind = A(BTF_SOCK);
		break;
	case BPFSHIM_MAP_TYPE_BLOOM_FILTER:
		if (call->id == BPFSHIM_HELPER_map_peek_elem)
			*kind = A(VALUE);
		break;
	}
	return 0;
}

static int check_value(struct vrf_env *env, u32 regno, u32 i, u32 kind, struct vrf_call *call)
{
	const struct vrf_reg *r = &vrf_regs(env)[regno];
	const struct kind_info *k = &kinds[kind];

	switch (kind) {
	case A(MAP):
		return check_map(env, r, call);
	case A(KEY):
		if (!call->map)
			return no_map(env, "key");
		return bpfshim_v_helper_mem(env, regno, (s32)call->map->key_size, false, false, NULL);
	case A(VALUE):
	case A(UNINIT_VALUE):
	case A(VALUE_OR_NULL):
		if ((k->flags & AF_NULL) && vrf_is_null(r))
			return 0;
		if (!call->map)
			return no_map(env, "value");
		call->raw = k->flags & AF_UNINIT;
		return bpfshim_v_helper_mem(env, regno, (s32)call->map->value_size, writes(kind), false, call);
	case A(PERCPU_BTF):
		call->ret_btf = r->u.btf;
		call->ret_btf_id = r->uid;
		return 0;
	case A(SPIN_LOCK):
		return check_lock(env, regno, call->id == BPFSHIM_HELPER_spin_lock);
	case A(TIMER):
		return check_timer(env, regno, call);
	case A(KPTR):
		return bpfshim_v_kptr_arg(env, regno, call) ? -EACCES : 0;
	case A(FUNC):
		call->sub = r->u.subprog;
		return 0;
	case A(SIZE):
	case A(SIZE0):
		return check_size(env, regno, i, kind == A(SIZE0), call);
	case A(ALLOC_SIZE):
		if (r->n.t.mask) {
			bpfshim_v_log(env, "R%d is not a known constant'\n", regno);
			return -EACCES;
		}
		call->mem_size = r->n.t.value;
		return bpfshim_v_precise(env, regno);
	case A(CONST_STR):
		return check_const_str(env, regno);
	}
	if (is_dynptr(kind))
		return check_dynptr(env, regno, i, kind, call);
	if (k->accept == &memory) {
		call->raw = k->flags & AF_UNINIT;
		if (k->fixed) {
			int err = bpfshim_v_helper_mem(env, regno, k->fixed, writes(kind), false, call);

			if (!err && writes(kind))
				err = bpfshim_v_align(env, r, 0, k->fixed, true);
			return err;
		}
	}
	return 0;
}

int bpfshim_v_arg(struct vrf_env *env, u32 i, struct vrf_call *call)
{
	u32 regno = i + 1, kind = call->h->arg[i];
	const struct vrf_reg *r;
	int err;

	if (kind == A(NONE))
		return 0;
	err = bpfshim_v_read(env, regno);
	r = &vrf_regs(env)[regno];
	if (!err && kind == A(ANY) && vrf_leaks(env, r)) {
		bpfshim_v_log(env, "R%d leaks addr into helper function\n", regno);
		return -EACCES;
	}
	if (err || kind == A(ANY))
		return err;
	if (vrf_is_pkt(r) && !bpfshim_v_pkt_access_ok(env, call->pkt_ok, true, false)) {
		bpfshim_v_log(env, "helper access to the packet is not allowed\n");
		return -EACCES;
	}
	if (kind == A(VALUE) || kind == A(UNINIT_VALUE) || kind == A(VALUE_OR_NULL)) {
		err = by_map_type(env, call, &kind);
		if (err)
			return err;
	}
	if (!(kinds[kind].flags & AF_NULL) || !vrf_is_null(r)) {
		err = check_kind(env, regno, kind);
		if (!err)
			err = check_btf(env, regno, kind, call);
		if (!err)
			err = check_offset(env, regno, kind);
		if (err)
			return err;
	}
	if (kinds[kind].flags & AF_RELEASE) {
		err = check_release(env, regno, kind, call);
		if (err)
			return err;
	}
	if (r->ref) {
		if (call->ref) {
			bpfshim_v_log(env, "verifier internal error: more than one arg with ref_obj_id R%d %u %u\n",
				      regno, r->ref, call->ref);
			return -EFAULT;
		}
		call->ref = r->ref;
	}
	return check_value(env, regno, i, kind, call);
}
