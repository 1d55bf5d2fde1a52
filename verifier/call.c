// SPDX-License-Identifier: GPL-2.0
/* Calls: helpers, BPF functions, callbacks, and the way back. */
#include "env.h"
#include "helpers.h"

enum { HELPER_MAP_LOOKUP = 1, HELPER_TAIL_CALL = 12, HELPER_FOR_EACH = 164, HELPER_LOOP = 181 };

int bpfshim_ver_reg_read(struct vrf_env *env, u32 regno)
{
	if (bpfshim_ver_regs(env)[regno].kind == K_NONE) {
		bpfshim_ver_log(env, "R%u !read_ok\n", regno);
		return -EACCES;
	}
	return 0;
}

int bpfshim_ver_reg_write(struct vrf_env *env, u32 regno)
{
	if (regno == BPFSHIM_REG_10) {
		bpfshim_ver_log(env, "frame pointer is read only\n");
		return -EACCES;
	}
	return 0;
}

static int expected(struct vrf_env *env, u32 regno, const char *what)
{
	bpfshim_ver_log(env, "R%u type=%s expected=%s\n", regno, bpfshim_ver_kind_name(&bpfshim_ver_regs(env)[regno]), what);
	return -EACCES;
}

/* Which maps a helper takes, and which helpers a map takes. */
static int check_map_helper(struct vrf_env *env, const struct vrf_helper *h, s32 id, const struct bpfshim_vrf_map *map)
{
	bool ok = true;

	switch (map->map_type) {
	case BPFSHIM_MAP_TYPE_PROG_ARRAY:
		ok = id == HELPER_TAIL_CALL;
		break;
	case BPFSHIM_MAP_TYPE_PERF_EVENT_ARRAY:
		ok = id == 22 || id == 25 || id == 55;
		break;
	case BPFSHIM_MAP_TYPE_STACK_TRACE:
		ok = id == 27;
		break;
	case BPFSHIM_MAP_TYPE_CGROUP_ARRAY:
		ok = id == 37;
		break;
	case BPFSHIM_MAP_TYPE_RINGBUF:
		ok = id >= 130 && id <= 134;
		break;
	case BPFSHIM_MAP_TYPE_QUEUE:
	case BPFSHIM_MAP_TYPE_STACK:
		ok = id >= 87 && id <= 89;
		break;
	case BPFSHIM_MAP_TYPE_BLOOM_FILTER:
		ok = id == 87 || id == 89;
		break;
	case BPFSHIM_MAP_TYPE_ARRAY_OF_MAPS:
	case BPFSHIM_MAP_TYPE_HASH_OF_MAPS:
		ok = id == HELPER_MAP_LOOKUP;
		break;
	default:
		break;
	}
	switch (id) {
	case HELPER_TAIL_CALL:
		ok = ok && map->map_type == BPFSHIM_MAP_TYPE_PROG_ARRAY;
		break;
	case 22: case 25: case 55:
		ok = ok && map->map_type == BPFSHIM_MAP_TYPE_PERF_EVENT_ARRAY;
		break;
	case 27:
		ok = ok && map->map_type == BPFSHIM_MAP_TYPE_STACK_TRACE;
		break;
	case 37:
		ok = ok && map->map_type == BPFSHIM_MAP_TYPE_CGROUP_ARRAY;
		break;
	case 130: case 131: case 134:
		ok = ok && map->map_type == BPFSHIM_MAP_TYPE_RINGBUF;
		break;
	case 87: case 88: case 89:
		ok = ok && (map->map_type == BPFSHIM_MAP_TYPE_QUEUE || map->map_type == BPFSHIM_MAP_TYPE_STACK ||
			    map->map_type == BPFSHIM_MAP_TYPE_BLOOM_FILTER);
		break;
	case HELPER_FOR_EACH:
		ok = ok && (map->map_type == BPFSHIM_MAP_TYPE_HASH || map->map_type == BPFSHIM_MAP_TYPE_ARRAY ||
			    map->map_type == BPFSHIM_MAP_TYPE_PERCPU_HASH || map->map_type == BPFSHIM_MAP_TYPE_PERCPU_ARRAY ||
			    map->map_type == BPFSHIM_MAP_TYPE_LRU_HASH || map->map_type == BPFSHIM_MAP_TYPE_LRU_PERCPU_HASH);
		break;
	case 195:
		ok = ok && (map->map_type == BPFSHIM_MAP_TYPE_PERCPU_ARRAY || map->map_type == BPFSHIM_MAP_TYPE_PERCPU_HASH ||
			    map->map_type == BPFSHIM_MAP_TYPE_LRU_PERCPU_HASH);
		break;
	}
	if (ok)
		return 0;
	bpfshim_ver_log(env, "cannot pass map_type %u into func bpf_%s#%d\n", map->map_type, h->name, id);
	return -EINVAL;
}

/* Memory whose size is in the next register. */
static int check_sized(struct vrf_env *env, u32 regno, u8 mem_arg, bool zero_ok)
{
	struct vrf_reg *regs = bpfshim_ver_regs(env), *size = &regs[regno];
	bool write = mem_arg == BPFSHIM_ARG_UNINIT_MEM || mem_arg == BPFSHIM_ARG_MEM_OR_NULL_W;
	bool null_ok = mem_arg == BPFSHIM_ARG_MEM_OR_NULL || mem_arg == BPFSHIM_ARG_MEM_OR_NULL_W;
	struct vrf_reg *mem = &regs[regno - 1];
	int err;

	if (size->kind != K_SCALAR)
		return expected(env, regno, "scalar");
	if (size->n.smin < 0) {
		bpfshim_ver_log(env, "R%u min value is negative, either use unsigned or 'var &= const'\n", regno);
		return -EACCES;
	}
	if (mem->kind == K_SCALAR && null_ok && bpfshim_num_is_const(&mem->n) && !mem->n.t.value) {
		if (size->n.umax) {
			/* NULL with a size: the helper would read it */
			if (size->n.umin || size->n.umax) {
				bpfshim_ver_log(env, "R%u type=scalar expected=fp\n", regno - 1);
				return -EACCES;
			}
		}
		return 0;
	}
	if (!size->n.umin) {
		err = bpfshim_ver_check_region(env, regno - 1, 0, write, zero_ok, write);
		if (err)
			return err;
	}
	if (size->n.umax >= MAX_PTR_OFF) {
		bpfshim_ver_log(env, "R%u unbounded memory access, use 'var &= const' or 'if (var < const)'\n", regno);
		return -EACCES;
	}
	return bpfshim_ver_check_region(env, regno - 1, (u32)size->n.umax, write, zero_ok, write);
}

/* A string constant: read-only, known, with its end in sight. */
static int check_const_str(struct vrf_env *env, u32 regno)
{
	struct vrf_reg *r = &bpfshim_ver_regs(env)[regno];
	const struct bpfshim_vrf_map *map;
	u64 v, off;

	if (r->kind != K_MAP_VALUE || r->maybe_null)
		return expected(env, regno, "map_value");
	map = &env->maps[r->map];
	if (!map->frozen_rdonly) {
		bpfshim_ver_log(env, "R%u does not point to a readonly map'\n", regno);
		return -EACCES;
	}
	if (!bpfshim_num_is_const(&r->n)) {
		bpfshim_ver_log(env, "R%u is not a constant address'\n", regno);
		return -EACCES;
	}
	for (off = r->n.t.value + r->off; off < map->value_size; off++) {
		if (env->ops->map_read(env->cookie, r->map, (u32)off, 1, &v))
			return -EFAULT;
		if (!v)
			return 0;
	}
	bpfshim_ver_log(env, "string is not zero-terminated\n");
	return -EINVAL;
}

struct call {
	const struct vrf_helper *h;
	s32 id;
	s32 map;		/* used map, or -1 */
	u32 alloc_size;
	u32 release;		/* reference that goes */
	s32 func;		/* callback's subprogram, or -1 */
};

static int check_arg(struct vrf_env *env, struct call *c, u32 n)
{
	u32 regno = n + 1;
	struct vrf_reg *r = &bpfshim_ver_regs(env)[regno];
	u8 arg = c->h->arg[n];
	const struct bpfshim_vrf_map *map = c->map >= 0 ? &env->maps[c->map] : NULL;
	int err;

	if (arg == BPFSHIM_ARG_NONE)
		return 0;
	err = bpfshim_ver_reg_read(env, regno);
	if (err)
		return err;
	switch (arg) {
	case BPFSHIM_ARG_ANY:
		return 0;
	case BPFSHIM_ARG_MAP:
		if (r->kind != K_CONST_MAP)
			return expected(env, regno, "map_ptr");
		c->map = (s32)r->map;
		return check_map_helper(env, c->h, c->id, &env->maps[r->map]);
	case BPFSHIM_ARG_KEY:
	case BPFSHIM_ARG_VALUE:
	case BPFSHIM_ARG_UNINIT_VALUE:
		if (!map) {
			bpfshim_ver_log(env, "invalid map_ptr to access map->key\n");
			return -EACCES;
		}
		if (r->kind == K_SCALAR || r->maybe_null || r->kind == K_CTX || r->kind == K_CONST_MAP || r->kind == K_FUNC)
			return expected(env, regno, "fp, pkt, pkt_meta, map_key, map_value, mem, alloc_mem, buf");
		return bpfshim_ver_check_region(env, regno, arg == BPFSHIM_ARG_KEY ? map->key_size : map->value_size,
					arg == BPFSHIM_ARG_UNINIT_VALUE, false, true);
	case BPFSHIM_ARG_MEM:
	case BPFSHIM_ARG_UNINIT_MEM:
	case BPFSHIM_ARG_MEM_OR_NULL:
	case BPFSHIM_ARG_MEM_OR_NULL_W:
		if ((arg == BPFSHIM_ARG_MEM_OR_NULL || arg == BPFSHIM_ARG_MEM_OR_NULL_W) &&
		    r->kind == K_SCALAR && bpfshim_num_is_const(&r->n) && !r->n.t.value)
			return 0;
		if (r->maybe_null || (r->kind != K_STACK && r->kind != K_MAP_VALUE && r->kind != K_MAP_KEY && r->kind != K_MEM))
			return expected(env, regno, "fp, pkt, pkt_meta, map_key, map_value, mem, alloc_mem, buf");
		return 0;	/* with the size */
	case BPFSHIM_ARG_SIZE:
	case BPFSHIM_ARG_SIZE0:
		return check_sized(env, regno, c->h->arg[n - 1], arg == BPFSHIM_ARG_SIZE0);
	case BPFSHIM_ARG_CTX:
		if (r->kind != K_CTX)
			return expected(env, regno, "ctx");
		if (r->off || !bpfshim_num_is_const(&r->n) || r->n.t.value) {
			if (r->off < 0)
				bpfshim_ver_log(env, "negative offset ctx ptr R%u off=%d disallowed\n", regno, r->off);
			else
				bpfshim_ver_log(env, "dereference of modified ctx ptr R%u off=%d disallowed\n", regno, r->off);
			return -EACCES;
		}
		return 0;
	case BPFSHIM_ARG_FUNC:
		if (r->kind != K_FUNC)
			return expected(env, regno, "func");
		c->func = (s32)r->map;
		return 0;
	case BPFSHIM_ARG_STACK_OR_NULL:
		if (r->kind == K_SCALAR && bpfshim_num_is_const(&r->n) && !r->n.t.value)
			return 0;
		if (r->kind != K_STACK)
			return expected(env, regno, "fp");
		return 0;
	case BPFSHIM_ARG_CONST_STR:
		return check_const_str(env, regno);
	case BPFSHIM_ARG_ALLOC_SIZE:
		if (r->kind != K_SCALAR)
			return expected(env, regno, "scalar");
		if (!bpfshim_num_is_const(&r->n)) {
			bpfshim_ver_log(env, "R%u is not a known constant'\n", regno);
			return -EACCES;
		}
		if (r->n.t.value >= MAX_PTR_OFF) {
			bpfshim_ver_log(env, "R%u is too large\n", regno);
			return -EACCES;
		}
		c->alloc_size = (u32)r->n.t.value;
		return 0;
	case BPFSHIM_ARG_ALLOC_MEM:
		if (r->kind != K_MEM || r->maybe_null || !r->ref)
			return expected(env, regno, "alloc_mem");
		if (r->off || !bpfshim_num_is_const(&r->n) || r->n.t.value) {
			bpfshim_ver_log(env, "dereference of modified alloc_mem ptr R%u off=%d disallowed\n", regno, r->off);
			return -EACCES;
		}
		c->release = r->ref;
		return 0;
	}
	bpfshim_ver_log(env, "helper argument R%u is not supported\n", regno);
	return -EINVAL;
}

static void forget_ref(struct vrf_reg *r, u32 ref)
{
	if (r->ref == ref)
		bpfshim_ver_reg_unknown(r);
}

static int release(struct vrf_env *env, u32 ref)
{
	struct vrf_state *st = env->st;
	u32 i, f;

	for (i = 0; i < st->nr_refs && st->refs[i] != ref; i++)
		;
	if (i == st->nr_refs) {
		bpfshim_ver_log(env, "release of unacquired reference\n");
		return -EINVAL;
	}
	st->refs[i] = st->refs[--st->nr_refs];
	for (f = 0; f <= st->cur; f++) {
		struct vrf_frame *fr = st->frames[f];

		for (i = 0; i < REG_COUNT; i++)
			forget_ref(&fr->regs[i], ref);
		for (i = 0; i < fr->nr_slots; i++)
			if (fr->slots[i].byte[7] == S_SPILL)
				forget_ref(&fr->slots[i].reg, ref);
	}
	return 0;
}

static void clobber_args(struct vrf_reg *regs)
{
	u32 i;

	for (i = BPFSHIM_REG_1; i <= BPFSHIM_REG_5; i++)
		bpfshim_ver_reg_none(&regs[i]);
}

/* The callback runs any number of times: verify it once from unknown
 * arguments, and go on after the call as if it had run or not. */
static int push_callback(struct vrf_env *env, const struct call *c)
{
	struct vrf_state *st;
	struct vrf_frame *f;
	struct vrf_reg *args, ctx = bpfshim_ver_regs(env)[3];

	if (env->st->cur + 1 >= MAX_FRAMES) {
		bpfshim_ver_log(env, "the call stack of %u frames is too deep\n", env->st->cur + 2);
		return -E2BIG;
	}
	st = bpfshim_ver_push(env, env->subs[c->func].start, env->pc);
	if (!st)
		return env->oom ? -ENOMEM : -EFAULT;
	/* The caller's registers 1-5 are gone when it goes on. */
	f = bpfshim_ver_frame_new(env, (u32)c->func, (s32)env->pc);
	if (!f)
		return -ENOMEM;
	clobber_args(st->frames[st->cur]->regs);
	st->frames[++st->cur] = f;
	f->in_callback = true;
	f->cb_lo = 0;
	f->cb_hi = 1;
	f->cb_refs = st->nr_refs;
	args = f->regs;
	bpfshim_ver_reg_ptr(&args[10], K_STACK);
	args[10].frame = (u8)st->cur;
	if (c->id == HELPER_LOOP) {
		bpfshim_ver_reg_unknown(&args[1]);
		args[2] = ctx;
	} else {
		bpfshim_ver_reg_ptr(&args[1], K_CONST_MAP);
		args[1].map = (u32)c->map;
		bpfshim_ver_reg_ptr(&args[2], K_MAP_KEY);
		args[2].map = (u32)c->map;
		bpfshim_ver_reg_ptr(&args[3], K_MAP_VALUE);
		args[3].map = (u32)c->map;
		args[3].id = ++env->id_gen;
		args[4] = ctx;
	}
	env->subs[c->func].is_cb = true;
	env->res->uses_cb = true;
	return 0;
}

/* What a callback may have written through its stack argument is unknown. */
static void forget_stack(struct vrf_env *env)
{
	u32 f, i, b;

	for (f = 0; f <= env->st->cur; f++) {
		struct vrf_frame *fr = env->st->frames[f];

		for (i = 0; i < fr->nr_slots; i++) {
			struct vrf_slot *s = &fr->slots[i];

			for (b = 0; b < 8; b++)
				if (s->byte[b] != S_INVALID)
					s->byte[b] = S_MISC;
		}
	}
}

int bpfshim_ver_check_helper(struct vrf_env *env, const struct bpfshim_insn *in)
{
	struct vrf_reg *regs = bpfshim_ver_regs(env);
	struct vrf_insn_aux *aux = &env->aux[env->pc];
	struct call c;
	u32 i, type = env->prog->prog_type;
	int err;

	memset(&c, 0, sizeof(c));
	c.map = c.func = -1;
	c.id = in->imm;
	c.h = bpfshim_ver_helper_of(in->imm);
	if (!c.h || !in->imm) {
		bpfshim_ver_log(env, "invalid func unknown#%d\n", in->imm);
		return -EINVAL;
	}
	if (!c.h->offered || type >= 32 || !(c.h->types & (1u << type)) ||
	    (env->prog->helper_avail && !(env->prog->helper_avail[in->imm / 64] & ((u64)1 << (in->imm % 64))))) {
		bpfshim_ver_log(env, "unknown func bpf_%s#%d\n", c.h->name, in->imm);
		return -EINVAL;
	}
	if (c.h->gpl && !env->prog->gpl_compatible) {
		bpfshim_ver_log(env, "cannot call GPL-restricted function from non-GPL compatible program\n");
		return -EINVAL;
	}
	if (env->st->lock_id && c.id != 94) {
		bpfshim_ver_log(env, "function calls are not allowed while holding a lock\n");
		return -EINVAL;
	}
	for (i = 0; i < 5; i++) {
		err = check_arg(env, &c, i);
		if (err)
			return err;
	}
	if (c.map >= 0) {
		if (!aux->map_idx_state) {
			aux->map_idx_state = 1;
			aux->map_idx = (u32)c.map;
		} else if (aux->map_idx != (u32)c.map) {
			if (c.id == HELPER_TAIL_CALL || aux->map_idx_state)
				aux->map_idx_state = 2;
		}
	}
	/* Map writes against read-only maps. */
	if (c.map >= 0 && (c.id == 2 || c.id == 3 || c.id == 87 || c.id == 88) &&
	    (env->maps[c.map].map_flags & BPFSHIM_F_RDONLY_PROG)) {
		bpfshim_ver_log(env, "write into map forbidden\n");
		return -EACCES;
	}
	if (c.map >= 0 && (c.id == 1 || c.id == 89) && (env->maps[c.map].map_flags & BPFSHIM_F_WRONLY_PROG)) {
		bpfshim_ver_log(env, "read from map forbidden\n");
		return -EACCES;
	}
	if (c.release) {
		err = release(env, c.release);
		if (err)
			return err;
	}
	if (c.id == HELPER_TAIL_CALL) {
		if (env->st->nr_refs) {
			bpfshim_ver_log(env, "tail_call would lead to reference leak\n");
			return -EINVAL;
		}
		env->subs[bpfshim_ver_cur(env)->subprog].tail_call = true;
		env->res->uses_tail_call = true;
	}
	env->res->helpers_used[in->imm / 64] |= (u64)1 << (in->imm % 64);
	if (c.func >= 0) {
		if (env->subs[c.func].start == 0) {
			bpfshim_ver_log(env, "callback function cannot be the main program\n");
			return -EINVAL;
		}
		if (regs[3].kind == K_STACK)
			forget_stack(env);
		err = push_callback(env, &c);
		if (err)
			return err;
	}
	clobber_args(regs);
	switch (c.h->ret) {
	case BPFSHIM_RET_VOID:
		/* tail_call falls through when it fails: R0 is not defined */
		bpfshim_ver_reg_none(&regs[0]);
		break;
	case BPFSHIM_RET_VALUE_OR_NULL:
		if (env->maps[c.map].map_type == BPFSHIM_MAP_TYPE_ARRAY_OF_MAPS ||
		    env->maps[c.map].map_type == BPFSHIM_MAP_TYPE_HASH_OF_MAPS) {
			bpfshim_ver_log(env, "map in map is not supported by this driver\n");
			return -EINVAL;
		}
		bpfshim_ver_reg_ptr(&regs[0], K_MAP_VALUE);
		regs[0].map = (u32)c.map;
		regs[0].maybe_null = true;
		regs[0].id = ++env->id_gen;
		break;
	case BPFSHIM_RET_ALLOC_MEM_OR_NULL:
		if (env->st->nr_refs >= MAX_REFS) {
			bpfshim_ver_log(env, "too many references\n");
			return -E2BIG;
		}
		bpfshim_ver_reg_ptr(&regs[0], K_MEM);
		regs[0].maybe_null = true;
		regs[0].mem_size = c.alloc_size;
		regs[0].id = ++env->id_gen;
		regs[0].ref = regs[0].id;
		env->st->refs[env->st->nr_refs++] = regs[0].id;
		break;
	default:
		bpfshim_ver_reg_unknown(&regs[0]);
	}
	return 0;
}

/* A call of a BPF function of this program. */
int bpfshim_ver_check_call(struct vrf_env *env, const struct bpfshim_insn *in)
{
	struct vrf_state *st = env->st;
	s32 sub = bpfshim_ver_subprog_starting(env, env->pc + 1 + in->imm);
	struct vrf_frame *f;
	u32 i;

	if (sub < 0) {
		bpfshim_ver_log(env, "verifier bug. No program starts at insn %u\n", env->pc + 1 + in->imm);
		return -EFAULT;
	}
	if (st->cur + 1 >= MAX_FRAMES) {
		bpfshim_ver_log(env, "the call stack of %u frames is too deep\n", st->cur + 2);
		return -E2BIG;
	}
	if (st->lock_id) {
		bpfshim_ver_log(env, "function calls are not allowed while holding a lock\n");
		return -EINVAL;
	}
	f = bpfshim_ver_frame_new(env, (u32)sub, (s32)env->pc);
	if (!f)
		return -ENOMEM;
	for (i = BPFSHIM_REG_1; i <= BPFSHIM_REG_5; i++)
		f->regs[i] = bpfshim_ver_regs(env)[i];
	clobber_args(bpfshim_ver_regs(env));
	st->frames[++st->cur] = f;
	bpfshim_ver_reg_ptr(&f->regs[10], K_STACK);
	f->regs[10].frame = (u8)st->cur;
	env->subs[sub].called = true;
	env->prev_pc = env->pc;
	env->pc = env->subs[sub].start;
	return 0;
}

/* Back to the caller, or (done) the end of a path. */
int bpfshim_ver_check_exit(struct vrf_env *env, bool *done)
{
	struct vrf_state *st = env->st;
	struct vrf_frame *f = bpfshim_ver_cur(env);
	struct vrf_reg *r0 = &f->regs[0];
	int err;

	*done = false;
	if (st->lock_id) {
		bpfshim_ver_log(env, "bpf_spin_unlock is missing\n");
		return -EINVAL;
	}
	if (st->cur && !f->in_callback) {
		if (r0->kind == K_STACK && r0->frame == st->cur) {
			bpfshim_ver_log(env, "cannot return stack pointer to the caller\n");
			return -EINVAL;
		}
		st->frames[st->cur] = NULL;
		st->cur--;
		bpfshim_ver_regs(env)[0] = *r0;
		env->prev_pc = env->pc;
		env->pc = (u32)f->callsite + 1;
		bpfshim_ver_frame_free(env, f);
		return 0;
	}
	err = bpfshim_ver_reg_read(env, 0);
	if (err)
		return err;
	if (f->in_callback) {
		if (r0->kind != K_SCALAR || r0->n.umax > (u64)f->cb_hi) {
			bpfshim_ver_log(env, "At callback return the register R0 has value out of the range (0x0; 0x%llx)\n",
				(unsigned long long)f->cb_hi);
			return -EINVAL;
		}
		if (st->nr_refs != f->cb_refs) {
			bpfshim_ver_log(env, "Unreleased reference id=%u alloc_insn=%u\n", st->refs[0], 0);
			return -EINVAL;
		}
		/* The path after the call is walked on its own. */
		*done = true;
		return 0;
	}
	if (st->nr_refs) {
		bpfshim_ver_log(env, "Unreleased reference id=%u alloc_insn=%u\n", st->refs[0], 0);
		return -EINVAL;
	}
	*done = true;
	return 0;
}
