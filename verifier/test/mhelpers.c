// SPDX-License-Identifier: GPL-2.0
/* Helpers of the checking machine: arguments by prototype, then effects. */
#include <string.h>
#include "machine.h"
#include "../helpers.h"

#define H(name) BPFSHIM_HELPER_##name
#define A(name) BPFSHIM_ARG_##name

/* A map by its address; WORLD_MAPS: it is none. */
static u32 map_of(struct machine *m, u64 v)
{
	struct obj *o = machine_obj(m, v);

	if (o && o->kind == O_MAP && o->base == v)
		return o->map;
	machine_bad(m, "a helper got %#llx as a map", (unsigned long long)v);
	return WORLD_MAPS;
}

static struct obj *lock_of(struct machine *m, u64 v)
{
	struct obj *o = machine_obj(m, v);

	if (o && !o->dead && o->kind == O_VALUE && o->map == M_LOCK && v - o->base == LOCK_OFF)
		return o;
	machine_bad(m, "a helper got %#llx as a lock", (unsigned long long)v);
	return NULL;
}

static void want_ctx(struct machine *m, u64 v)
{
	if (v != m->objs[m->ctx].base)
		machine_bad(m, "a helper got %#llx as the context", (unsigned long long)v);
}

static bool is_mem(u8 kind)
{
	return kind >= A(MEM) && kind <= A(UNINIT_MEM);
}

static bool is_written(u8 kind)
{
	return kind == A(UNINIT_MEM) || kind == A(W_MEM) || kind == A(RW_MEM) || kind == A(RW_MEM_OR_NULL);
}

/* Memory with its size in the next register. */
static void mem_arg(struct machine *m, const struct vrf_helper *h, u32 i, const u64 *r)
{
	u64 size = r[i + 2];
	u8 *b;

	if (!r[i + 1] && (h->arg[i] == A(MEM_OR_NULL) || h->arg[i] == A(RW_MEM_OR_NULL) || !size))
		return;
	if ((s64)size < 0 || (!size && h->arg[i + 1] == A(SIZE))) {
		machine_bad(m, "helper %d got a size of %lld", h->id, (long long)size);
		return;
	}
	if (!size)
		return;
	/* dynptr_read may write over its dynptr: not before it has read it. */
	b = machine_mem(m, r[i + 1], size, is_written(h->arg[i]) && h->id != H(dynptr_read));
	if (b && is_written(h->arg[i]) && h->id != H(dynptr_read))
		machine_fill(m, b, (u32)size);
}

static void check_args(struct machine *m, const struct vrf_helper *h, const u64 *r)
{
	u32 i, map = WORLD_MAPS;
	struct obj *o;

	for (i = 0; i < 5 && !m->bad[0]; i++) {
		u64 v = r[i + 1];

		switch (h->arg[i]) {
		case A(MAP):
			map = map_of(m, v);
			break;
		case A(KEY):
			machine_mem(m, v, world_maps[map % WORLD_MAPS].key, false);
			break;
		case A(VALUE):
			/* a lock in it is passed over */
			o = machine_obj(m, v);
			if (map != M_LOCK || !o || o->kind != O_VALUE || o->map != M_LOCK || o->base != v)
				machine_mem(m, v, world_maps[map % WORLD_MAPS].value, false);
			break;
		case A(CTX):
			want_ctx(m, v);
			break;
		case A(SPIN_LOCK):
			lock_of(m, v);
			break;
		case A(ALLOC_MEM):
			o = machine_obj(m, v);
			if (!o || o->dead || o->kind != O_RECORD || o->base != v)
				machine_bad(m, "helper %d got %#llx as a record", h->id, (unsigned long long)v);
			break;
		case A(FUNC):
			o = machine_obj(m, v);
			if (!o || o->kind != O_FUNC || o->base != v)
				machine_bad(m, "helper %d got %#llx as a function", h->id, (unsigned long long)v);
			break;
		case A(STACK_OR_NULL):
			/* Maybe far outside of it: only its use is checked, as in 6.1. */
			o = machine_obj(m, v);
			if (o && o->kind != O_STACK)
				machine_bad(m, "helper %d got %#llx as a stack pointer", h->id, (unsigned long long)v);
			break;
		case A(CONST_STR):
			o = machine_obj(m, v);
			if (!o || o->kind != O_VALUE || o->map != M_FROZEN || !machine_mem(m, v, 1, false) ||
			    !memchr(o->data + (v - o->base), 0, o->size - (u32)(v - o->base)))
				machine_bad(m, "helper %d got %#llx as a string", h->id, (unsigned long long)v);
			break;
		default:
			if (is_mem(h->arg[i]))
				mem_arg(m, h, i, r);
		}
	}
}

/* ---- dynptrs ------------------------------------------------------------ */

static struct mdyn *dyn_at(struct machine *m, u64 at)
{
	u32 i;

	for (i = 0; i < DYNS; i++)
		if (at && m->dyn[i].at == at)
			return &m->dyn[i];
	machine_bad(m, "a helper got %#llx as a dynptr", (unsigned long long)at);
	return NULL;
}

static void dyn_new(struct machine *m, u64 at, u64 data, u64 size, u32 record)
{
	u8 *b = machine_mem(m, at, 16, true);
	u32 i;

	for (i = 0; i < DYNS && m->dyn[i].at; i++)
		;
	if (i == DYNS)
		m->full = true;
	if (!b || i == DYNS)
		return;
	machine_fill(m, b, 16);
	m->dyn[i].at = at;
	m->dyn[i].data = data;
	m->dyn[i].size = (u32)size;
	m->dyn[i].record = record;
}

static u64 dynptr(struct machine *m, s32 id, const u64 *r)
{
	struct mdyn *d;
	u8 *from, *to;
	u32 o;

	switch (id) {
	case H(dynptr_from_mem):
		dyn_new(m, r[4], r[1], r[2], 0);
		return 0;
	case H(ringbuf_reserve_dynptr):
		/* Even one that fails must be given back. */
		o = r[2] && r[2] <= 256 && below(&m->rng, 3) ? machine_new(m, O_RECORD, (u32)r[2]) : 0;
		m->records++;
		dyn_new(m, r[4], o ? m->objs[o].base : 0, o ? r[2] : 0, o + 1);
		return o ? 0 : (u64)-22;
	case H(ringbuf_submit_dynptr):
	case H(ringbuf_discard_dynptr):
		d = dyn_at(m, r[1]);
		if (!d || !d->record) {
			machine_bad(m, "no record's dynptr");
			return 0;
		}
		if (d->record > 1)
			m->objs[d->record - 1].dead = true;
		m->records--;
		d->at = 0;
		return 0;
	case H(dynptr_data):
		d = dyn_at(m, r[1]);
		if (!d || !d->data || (u32)r[2] > d->size || (u32)r[3] > d->size - (u32)r[2])
			return 0;
		return d->data + (u32)r[2];
	case H(dynptr_read):
		d = dyn_at(m, r[3]);
		if (!d || !d->data || (u32)r[4] > d->size || (u32)r[2] > d->size - (u32)r[4])
			return (u64)-7;
		from = machine_mem(m, d->data + (u32)r[4], (u32)r[2], false);
		to = machine_mem(m, r[1], (u32)r[2], true);
		break;
	default:
		d = dyn_at(m, r[1]);
		if (!d || !d->data || (u32)r[2] > d->size || (u32)r[4] > d->size - (u32)r[2])
			return (u64)-7;
		from = machine_mem(m, r[3], (u32)r[4], false);
		to = machine_mem(m, d->data + (u32)r[2], (u32)r[4], true);
	}
	if (from && to)
		memmove(to, from, (u32)(id == H(dynptr_read) ? r[2] : r[4]));
	return 0;
}

/* ---- effects ------------------------------------------------------------ */

/* The element that a key names; ELEMS: none can be. */
static u32 element(struct machine *m, u32 map, u64 key)
{
	const u8 *k = machine_mem(m, key, world_maps[map].key, false);
	u32 i;

	if (!k)
		return ELEMS;
	if (world_maps[map].type == BPFSHIM_MAP_TYPE_HASH)
		return (k[0] ^ k[1] ^ k[4]) % ELEMS;
	memcpy(&i, k, 4);
	return i < world_maps[map].entries ? i : ELEMS;
}

static u64 lookup(struct machine *m, const u64 *r)
{
	u32 map = map_of(m, r[1]), e;

	if (map >= WORLD_MAPS || !world_maps[map].value || map == M_PROGS)
		return 0;
	e = element(m, map, r[2]);
	if (e == ELEMS || (map == M_HASH && !((m->present >> e) & 1)))
		return 0;
	return m->objs[m->value[map][e]].base;
}

static u64 update(struct machine *m, const u64 *r, bool drop)
{
	u32 map = map_of(m, r[1]), e;
	u8 *v;

	if (map >= WORLD_MAPS || !world_maps[map].value || map == M_PROGS)
		return (u64)-22;
	e = element(m, map, r[2]);
	if (e == ELEMS)
		return (u64)-7;
	if (drop) {
		if (map == M_HASH)
			m->present &= ~(1u << e);
		return map == M_HASH ? 0 : (u64)-22;
	}
	if (map == M_HASH)
		m->present |= 1u << e;
	if (map == M_LOCK)
		return 0;
	v = machine_mem(m, r[3], world_maps[map].value, false);
	if (!v || m->objs[m->value[map][e]].rdonly)
		return (u64)-22;
	memmove(m->objs[m->value[map][e]].data, v, world_maps[map].value);
	return 0;
}

static u64 reserve(struct machine *m, const u64 *r)
{
	u32 o;

	if (map_of(m, r[1]) != M_RING || r[2] > 256 || !r[2] || !below(&m->rng, 4))
		return 0;
	o = machine_new(m, O_RECORD, (u32)r[2]);
	m->records++;
	return m->objs[o].base;
}

/* The callback's arguments for the turn that m->frames[depth].cb says. */
static void arguments(struct machine *m)
{
	struct mframe *f = &m->frames[m->depth];
	u32 map, i;

	for (i = 0; i < 10; i++)
		f->r[i] = rnd_word(&m->rng);
	if (f->cb.helper == H(loop)) {
		f->r[1] = f->cb.i;
		f->r[2] = f->cb.ctx;
		return;
	}
	map = f->cb.n >> 8;
	i = machine_new(m, O_KEY, world_maps[map].key);
	m->objs[i].map = map;
	if (world_maps[map].key == 4)
		memcpy(m->objs[i].data, &f->cb.i, 4);
	f->r[1] = m->objs[m->map[map]].base;
	f->r[2] = m->objs[i].base;
	f->r[3] = m->objs[m->value[map][f->cb.i]].base;
	f->r[4] = f->cb.ctx;
}

bool machine_turn(struct machine *m, u64 r0, u64 *result)
{
	struct mframe *f = &m->frames[m->depth];
	u32 i = f->cb.i + 1, n = f->cb.n & 0xff, old = f->stack;

	*result = i;
	if (r0 > 1)
		machine_bad(m, "a callback returned %#llx", (unsigned long long)r0);
	if (r0 || i >= n || m->bad[0])
		return false;
	/* A stack of its own each turn. */
	m->objs[old].dead = true;
	f->stack = machine_new(m, O_STACK, 512);
	f->cb.i = i;
	arguments(m);
	f->r[10] = m->objs[f->stack].base + 512;
	return !m->full;
}

static bool call_back(struct machine *m, u32 pc, s32 helper, u64 func, u64 ctx, u32 n)
{
	struct mframe *f;

	if (!machine_enter(m, machine_obj(m, func)->map, pc))
		return false;
	f = &m->frames[m->depth];
	f->global = false;
	f->cb.helper = helper;
	f->cb.n = n;
	f->cb.ctx = ctx;
	arguments(m);
	f->r[10] = m->objs[f->stack].base + 512;
	return true;
}

static bool changes_packet(s32 id)
{
	return id == H(skb_store_bytes) || id == H(skb_pull_data) || id == H(xdp_adjust_head) ||
	       id == H(xdp_adjust_tail);
}

bool machine_helper(struct machine *m, u32 pc, s32 id)
{
	const struct vrf_helper *h = bpfshim_v_helper_proto(id, m->p->type);
	u64 *r = m->frames[m->depth].r, v;
	u32 map;

	if (!h) {
		machine_bad(m, "no helper %d for this type", id);
		return false;
	}
	if (m->locked && id != H(spin_unlock))
		machine_bad(m, "helper %d called with a lock held", id);
	check_args(m, h, r);
	if (m->bad[0])
		return false;
	v = rnd_word(&m->rng);
	switch (id) {
	case H(map_lookup_elem):
		v = lookup(m, r);
		break;
	case H(map_update_elem):
	case H(map_delete_elem):
		v = update(m, r, id == H(map_delete_elem));
		break;
	case H(get_prandom_u32):
	case H(get_smp_processor_id):
		v = (u32)v;
		break;
	case H(probe_read_str):
	case H(probe_read_kernel_str):
	case H(probe_read_user_str):
	case H(get_stack):
	case H(get_task_stack):
		map = id == H(get_stack) || id == H(get_task_stack) ? (u32)r[3] : (u32)r[2];
		v = below(&m->rng, 3) ? below(&m->rng, map + 1) : (u64)-(s64)below(&m->rng, 200);
		break;
	case H(read_branch_records):
	case H(get_branch_snapshot):
		/* whole records of 24 bytes, or an error */
		map = id == H(read_branch_records) ? (u32)r[3] : (u32)r[2];
		v = below(&m->rng, 2) ? below(&m->rng, map / 24 + 1) * 24 : (u64)-2;
		break;
	case H(snprintf_btf):
		v = below(&m->rng, 4) ? below(&m->rng, 10000) : (u64)-22;
		break;
	case H(ringbuf_reserve):
		v = reserve(m, r);
		break;
	case H(ringbuf_submit):
	case H(ringbuf_discard):
		machine_obj(m, r[1])->dead = true;
		m->records--;
		break;
	case H(spin_lock):
		if (m->locked)
			machine_bad(m, "two locks");
		m->locked = true;
		break;
	case H(spin_unlock):
		if (!m->locked)
			machine_bad(m, "unlock without a lock");
		m->locked = false;
		break;
	case H(loop):
		if (r[4] || (s64)r[1] < 0) {
			v = (u64)-22;
			break;
		}
		v = 0;
		if (!(u32)r[1])
			break;
		return call_back(m, pc, id, r[2], r[3], min((u32)r[1], (u32)6));
	case H(for_each_map_elem):
		map = map_of(m, r[1]);
		if (r[4] || map >= WORLD_MAPS || !world_maps[map].value || map == M_PROGS)
			return true;
		return call_back(m, pc, id, r[2], r[3], map << 8 | min(world_maps[map].entries, (u32)ELEMS));
	default:
		if (id >= H(dynptr_from_mem) && id <= H(dynptr_data))
			v = dynptr(m, id, r);
	}
	r[0] = v;
	if (changes_packet(id))
		machine_packet(m);
	return !m->bad[0];
}
