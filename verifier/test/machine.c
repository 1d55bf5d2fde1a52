// SPDX-License-Identifier: GPL-2.0
/* The checking machine: instructions as 6.1 defines them, every access looked up. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "machine.h"

void machine_bad(struct machine *m, const char *fmt, ...)
{
	va_list ap;

	if (m->bad[0])
		return;
	va_start(ap, fmt);
	vsnprintf(m->bad, sizeof(m->bad), fmt, ap);
	va_end(ap);
}

/* ---- objects ------------------------------------------------------------ */

u32 machine_new(struct machine *m, enum obj_kind kind, u32 size)
{
	struct obj *o;

	if (m->nr_objs == OBJS || size > sizeof(o->data)) {
		m->full = true;
		return 0;
	}
	o = &m->objs[m->nr_objs];
	memset(o, 0, offsetof(struct obj, data));
	o->kind = kind;
	o->size = size;
	o->base = ADDR_BASE + ((u64)m->nr_objs << 32) + 0x80000000u + below(&m->rng, 4096) * 64;
	machine_fill(m, o->data, size);
	return m->nr_objs++;
}

struct obj *machine_obj(struct machine *m, u64 addr)
{
	u64 i = (addr - ADDR_BASE) >> 32;

	return addr >= ADDR_BASE && i < m->nr_objs ? &m->objs[i] : NULL;
}

void machine_fill(struct machine *m, u8 *to, u32 n)
{
	u64 v;

	for (; n >= 8; n -= 8, to += 8) {
		v = rnd_word(&m->rng);
		memcpy(to, &v, 8);
	}
	v = rnd(&m->rng);
	memcpy(to, &v, n);
}

u8 *machine_mem(struct machine *m, u64 addr, u64 size, bool write)
{
	static const char *const names[] = { "?", "stack", "map value", "map key", "context", "packet",
		"record", "map", "function" };
	struct obj *o = machine_obj(m, addr);
	u32 i;

	if (!o) {
		machine_bad(m, "access of %llu bytes at %#llx, which is nothing", (unsigned long long)size,
			    (unsigned long long)addr);
		return NULL;
	}
	if (o->dead || o->kind >= O_MAP || addr < o->base || addr - o->base > o->size ||
	    size > o->size - (addr - o->base)) {
		machine_bad(m, "access of %llu bytes at %lld of a %s of %u bytes%s", (unsigned long long)size,
			    (long long)(addr - o->base), names[o->kind], o->size, o->dead ? " that is gone" : "");
		return NULL;
	}
	if (write && (o->rdonly || o->kind == O_KEY)) {
		machine_bad(m, "write to a read-only %s", names[o->kind]);
		return NULL;
	}
	if (o->kind == O_VALUE && o->map == M_LOCK && addr - o->base < LOCK_OFF + 4 && addr - o->base + size > LOCK_OFF) {
		machine_bad(m, "access to a lock");
		return NULL;
	}
	for (i = 0; i < DYNS && write && o->kind == O_STACK; i++)
		if (m->dyn[i].at && addr < m->dyn[i].at + 16 && m->dyn[i].at < addr + size)
			m->dyn[i].at = 0;	/* written over */
	return o->data + (addr - o->base);
}

static u64 load(struct machine *m, u64 addr, u32 size)
{
	u8 *b = machine_mem(m, addr, size, false);
	u64 v = 0;

	if (b)
		memcpy(&v, b, size);
	return v;
}

static void store(struct machine *m, u64 addr, u32 size, u64 v)
{
	u8 *b = machine_mem(m, addr, size, true);

	if (b)
		memcpy(b, &v, size);
}

/* ---- contexts ----------------------------------------------------------- */

static u32 ctx_size(u32 type)
{
	switch (type) {
	case BPFSHIM_PROG_TYPE_KPROBE: return 168;
	case BPFSHIM_PROG_TYPE_PERF_EVENT: return 184;
	case BPFSHIM_PROG_TYPE_RAW_TRACEPOINT: return 96;
	case BPFSHIM_PROG_TYPE_XDP: return 24;
	case BPFSHIM_PROG_TYPE_TRACEPOINT: return 512;
	}
	return 192;
}

/* A packet where none was: old pointers lead nowhere. */
void machine_packet(struct machine *m)
{
	u32 first = below(&m->rng, 3) * 8, size = below(&m->rng, 3) ? below(&m->rng, 100) : below(&m->rng, 4) * 64;
	struct obj *o;

	m->objs[m->pkt].dead = m->pkt != 0;
	m->pkt = machine_new(m, O_PKT, first + size);
	o = &m->objs[m->pkt];
	o->first = first;
	m->pkt_meta = o->base;
	m->pkt_data = o->base + first;
	m->pkt_end = m->pkt_data + size;
}

/* Fields of a context that are pointers. */
static bool ctx_pointer(struct machine *m, u64 addr, u64 *v)
{
	struct obj *o = machine_obj(m, addr);
	u64 off;

	if (!o || o->kind != O_CTX)
		return false;
	off = addr - o->base;
	switch (m->p->type) {
	case BPFSHIM_PROG_TYPE_XDP:
		if (off > 8)
			return false;
		*v = !off ? m->pkt_data : off == 4 ? m->pkt_end : m->pkt_meta;
		return true;
	case BPFSHIM_PROG_TYPE_SCHED_CLS:
	case BPFSHIM_PROG_TYPE_CGROUP_SKB:
	case BPFSHIM_PROG_TYPE_SOCKET_FILTER:
		if (off != 76 && off != 80 && off != 140 && off != 168)
			return false;
		*v = off == 76 ? m->pkt_data : off == 80 ? m->pkt_end : off == 140 ? m->pkt_meta : 0;
		return true;
	}
	return false;
}

/* ---- instructions ------------------------------------------------------- */

static u64 alu64(u8 op, u64 a, u64 b)
{
	switch (op) {
	case BPFSHIM_ADD: return a + b;
	case BPFSHIM_SUB: return a - b;
	case BPFSHIM_MUL: return a * b;
	case BPFSHIM_DIV: return b ? a / b : 0;
	case BPFSHIM_MOD: return b ? a % b : a;
	case BPFSHIM_OR: return a | b;
	case BPFSHIM_AND: return a & b;
	case BPFSHIM_XOR: return a ^ b;
	case BPFSHIM_LSH: return a << (b & 63);
	case BPFSHIM_RSH: return a >> (b & 63);
	case BPFSHIM_ARSH: return (u64)((s64)a >> (b & 63));
	case BPFSHIM_NEG: return -a;
	}
	return b;
}

static u64 alu32(u8 op, u32 a, u32 b)
{
	switch (op) {
	case BPFSHIM_LSH: return (u32)(a << (b & 31));
	case BPFSHIM_RSH: return a >> (b & 31);
	case BPFSHIM_ARSH: return (u32)((s32)a >> (b & 31));
	}
	return (u32)alu64(op, a, b);
}

static u64 swap(u64 v, u32 bits, bool big)
{
	u64 out = 0;
	u32 i;

	for (i = 0; i < bits; i += 8)
		out |= ((v >> i) & 0xff) << (big ? bits - 8 - i : i);
	return out;
}

static bool holds(u8 op, u64 a, u64 b, s64 sa, s64 sb)
{
	switch (op) {
	case BPFSHIM_JEQ: return a == b;
	case BPFSHIM_JNE: return a != b;
	case BPFSHIM_JGT: return a > b;
	case BPFSHIM_JGE: return a >= b;
	case BPFSHIM_JLT: return a < b;
	case BPFSHIM_JLE: return a <= b;
	case BPFSHIM_JSET: return a & b;
	case BPFSHIM_JSGT: return sa > sb;
	case BPFSHIM_JSGE: return sa >= sb;
	case BPFSHIM_JSLT: return sa < sb;
	case BPFSHIM_JSLE: return sa <= sb;
	}
	return false;
}

static u32 width(u8 code)
{
	switch (BPFSHIM_SIZE(code)) {
	case BPFSHIM_B: return 1;
	case BPFSHIM_H: return 2;
	case BPFSHIM_W: return 4;
	}
	return 8;
}

static void atomic(struct machine *m, const struct bpfshim_insn *in, u64 *r)
{
	u32 size = width(in->code);
	u64 addr = r[in->dst_reg] + (u64)(s64)in->off, mask = size == 4 ? 0xffffffffu : ~0ULL;
	u64 old = load(m, addr, size), src = r[in->src_reg] & mask, v = src;

	switch (in->imm & ~BPFSHIM_FETCH) {
	case BPFSHIM_ADD: v = old + src; break;
	case BPFSHIM_AND: v = old & src; break;
	case BPFSHIM_OR: v = old | src; break;
	case BPFSHIM_XOR: v = old ^ src; break;
	}
	if (in->imm == BPFSHIM_CMPXCHG) {
		if (old != (r[0] & mask))
			v = old;
		r[0] = old;
	} else if (in->imm & BPFSHIM_FETCH) {
		r[in->src_reg] = old;
	}
	store(m, addr, size, v);
}

bool machine_enter(struct machine *m, u32 sub, u32 pc)
{
	struct mframe *f, *from = &m->frames[m->depth];
	u32 i;

	if (m->depth + 1 >= DEPTH) {
		machine_bad(m, "too many frames");
		return false;
	}
	f = &m->frames[++m->depth];
	memset(f, 0, sizeof(*f));
	for (i = 0; i < 10; i++)
		f->r[i] = i >= 1 && i <= 5 ? from->r[i] : rnd_word(&m->rng);
	f->sub = sub;
	f->ret = pc;
	f->global = (m->p->globals >> sub) & 1;
	f->records = m->records;
	f->stack = machine_new(m, O_STACK, 512);
	f->r[10] = m->objs[f->stack].base + 512;
	return !m->full;
}

static u32 sub_at(struct machine *m, u32 pc)
{
	u32 i;

	for (i = 0; i < m->nr_subs; i++)
		if (m->subs[i] == pc)
			return i;
	machine_bad(m, "no function at %u", pc);
	return 0;
}

/* The running function ends. true: so does the program. */
static bool leave(struct machine *m, u32 *pc, u64 r0)
{
	struct mframe *f = &m->frames[m->depth];
	u64 result;
	u32 i;

	if (m->locked)
		machine_bad(m, "a function ends with a lock held");
	if (f->cb.helper && machine_turn(m, r0, &result)) {
		*pc = m->subs[f->sub];
		return false;
	}
	if (f->cb.helper)
		r0 = result;
	m->objs[f->stack].dead = true;
	if (!m->depth) {
		if (m->records)
			machine_bad(m, "%u records leaked", m->records);
		return true;
	}
	*pc = f->ret + 1;
	m->depth--;
	f = &m->frames[m->depth];
	for (i = 1; i < 6; i++)
		f->r[i] = rnd_word(&m->rng);
	f->r[0] = r0;
	return false;
}

static u64 imm64(struct machine *m, u32 pc)
{
	const struct bpfshim_insn *in = &m->p->insns[pc];
	u32 map = (u32)in->imm - WORLD_FD(0);

	switch (in->src_reg) {
	case BPFSHIM_PSEUDO_MAP_FD:
		return m->objs[m->map[map]].base;
	case BPFSHIM_PSEUDO_MAP_VALUE:
		return m->objs[m->value[map][0]].base + (u32)in[1].imm;
	case BPFSHIM_PSEUDO_FUNC:
		return m->objs[m->func[sub_at(m, pc + 1 + (u32)in->imm)]].base;
	}
	return (u32)in->imm | (u64)(u32)in[1].imm << 32;
}

/* One instruction; false: the program has ended. */
static bool step(struct machine *m, u32 *at)
{
	const struct bpfshim_insn *in = &m->p->insns[*at];
	u64 *r = m->frames[m->depth].r, src, v;
	u8 class = BPFSHIM_CLASS(in->code), op = BPFSHIM_OP(in->code);
	bool w32 = class == BPFSHIM_ALU || class == BPFSHIM_JMP32;
	u32 pc = *at;

	src = BPFSHIM_SRC(in->code) ? r[in->src_reg] : (u64)(s64)in->imm;
	switch (class) {
	case BPFSHIM_ALU:
	case BPFSHIM_ALU64:
		if (op == BPFSHIM_END)
			r[in->dst_reg] = swap(r[in->dst_reg], (u32)in->imm, BPFSHIM_SRC(in->code));
		else
			r[in->dst_reg] = w32 ? alu32(op, (u32)r[in->dst_reg], (u32)src) : alu64(op, r[in->dst_reg], src);
		break;
	case BPFSHIM_LDX:
		v = r[in->src_reg] + (u64)(s64)in->off;
		if (!ctx_pointer(m, v, &r[in->dst_reg]))
			r[in->dst_reg] = load(m, v, width(in->code));
		break;
	case BPFSHIM_ST:
		store(m, r[in->dst_reg] + (u64)(s64)in->off, width(in->code), (u64)(s64)in->imm);
		break;
	case BPFSHIM_STX:
		if (BPFSHIM_MODE(in->code) == BPFSHIM_ATOMIC)
			atomic(m, in, r);
		else
			store(m, r[in->dst_reg] + (u64)(s64)in->off, width(in->code), r[in->src_reg]);
		break;
	case BPFSHIM_LD:
		if (BPFSHIM_MODE(in->code) == BPFSHIM_IMM) {
			r[in->dst_reg] = imm64(m, pc);
			*at = pc + 2;
			return true;
		}
		/* An old packet load: a number, or the function returns 0. */
		if (below(&m->rng, 3)) {
			r[0] = rnd_word(&m->rng) & ((1ULL << (8 * width(in->code))) - 1);
			break;
		}
		return !leave(m, at, 0);
	default:
		if (op == BPFSHIM_JA) {
			*at = pc + 1 + (u32)(w32 ? in->imm : in->off);
			return true;
		}
		if (op == BPFSHIM_EXIT)
			return !leave(m, at, r[0]);
		if (op == BPFSHIM_CALL && in->src_reg) {
			u32 sub = sub_at(m, pc + 1 + (u32)in->imm);

			machine_enter(m, sub, pc);
			*at = m->subs[sub];
			return true;
		}
		if (op == BPFSHIM_CALL) {
			u32 depth = m->depth, i;

			if (!machine_helper(m, pc, in->imm))
				return false;
			if (m->depth > depth) {
				*at = m->subs[m->frames[m->depth].sub];
				return true;
			}
			for (i = 1; i < 6; i++)
				r[i] = rnd_word(&m->rng);
			break;
		}
		if (w32 ? holds(op, (u32)r[in->dst_reg], (u32)src, (s32)r[in->dst_reg], (s32)src) :
			  holds(op, r[in->dst_reg], src, (s64)r[in->dst_reg], (s64)src))
			*at += (u32)(s32)in->off;
	}
	++*at;
	return true;
}

/* ---- a run -------------------------------------------------------------- */

static void set_up(struct machine *m)
{
	u32 i, k, o;

	for (i = 0; i < WORLD_MAPS; i++) {
		m->map[i] = machine_new(m, O_MAP, 0);
		m->objs[m->map[i]].map = i;
		for (k = 0; world_maps[i].value && k < world_maps[i].entries && k < ELEMS; k++) {
			o = machine_new(m, O_VALUE, world_maps[i].value);
			m->value[i][k] = o;
			m->objs[o].map = i;
			m->objs[o].rdonly = i == M_FROZEN;
		}
	}
	for (i = 0; i < world_maps[M_FROZEN].value; i++)
		m->objs[m->value[M_FROZEN][0]].data[i] = world_frozen(i);
	for (i = 0; i < m->nr_subs; i++) {
		m->func[i] = machine_new(m, O_FUNC, 0);
		m->objs[m->func[i]].map = i;
	}
	m->present = below(&m->rng, 16);
	m->ctx = machine_new(m, O_CTX, ctx_size(m->p->type));
	machine_packet(m);
}

bool machine_run(struct machine *m, const struct prog *p, u64 seed, void (*watch)(struct machine *m, u32 pc))
{
	struct mframe *f = &m->frames[0];
	u32 pc = 0, i;

	memset(m, 0, offsetof(struct machine, objs));
	m->nr_objs = 1;
	m->depth = m->records = m->steps = 0;
	m->locked = m->full = false;
	memset(m->dyn, 0, sizeof(m->dyn));
	m->bad[0] = 0;
	m->pkt = 0;
	m->p = p;
	m->rng = seed * 2654435761u + 88172645463325252ULL;
	m->nr_subs = world_subs(p, m->subs, ARRAY_SIZE(m->subs));
	set_up(m);
	memset(f, 0, sizeof(*f));
	for (i = 0; i < 10; i++)
		f->r[i] = rnd_word(&m->rng);
	f->stack = machine_new(m, O_STACK, 512);
	f->r[10] = m->objs[f->stack].base + 512;
	f->r[1] = m->objs[m->ctx].base;
	while (!m->bad[0] && !m->full && m->steps++ < STEPS) {
		if (pc >= p->len) {
			machine_bad(m, "ran off the program to %u", pc);
			break;
		}
		if (watch)
			watch(m, pc);
		if (m->bad[0] || !step(m, &pc))
			break;
	}
	m->pc = pc;
	return !m->bad[0];
}
