// SPDX-License-Identifier: GPL-2.0
/* Programs linked on the host without a verifier: environment and engines. */
#include <stdio.h>
#include <stdlib.h>
#include "host.h"

struct bpfshim_exec_env host_env;
u64 host_map_addr[64], host_map_value[64];
static struct bpfshim_vrf_aux notes[4096];
static bool noted[4096], any_noted;

static void *alloc(void *cookie, size_t size)
{
	return calloc(1, size);
}

static void release(void *cookie, void *p)
{
	free(p);
}

static int map_addr(void *cookie, u32 idx, bool value, u32 off, u64 *addr)
{
	if (idx >= 64)
		return -EINVAL;
	*addr = value ? host_map_value[idx] + off : host_map_addr[idx];
	return 0;
}

static const struct bpfshim_link_ops ops = { map_addr, alloc, release };

/* Reads fail in the lowest pages and in the non-canonical hole. */
static void probe_load(u64 addr, u32 size, u64 *val)
{
	*val = 0;
	if (addr < 65536 || addr >> 47)
		return;
	memcpy(val, (const void *)(unsigned long)addr, size);
}

static int interp_prepare(struct host_prog *p)
{
	return 0;
}

static u64 interp_call(struct host_prog *p, u64 r1, u64 r2)
{
	return bpfshim_interp_call(&p->x, 0, r1, r2, 0, 0, 0);
}

static void interp_finish(struct host_prog *p)
{
}

static const struct host_engine interp = { "interp", interp_prepare, interp_call, interp_finish };

const struct host_engine *host_engine_at(u32 i)
{
	return i ? host_jit_engine(i - 1) : &interp;
}

const struct host_engine *host_engine(const char *name)
{
	const struct host_engine *e;
	u32 i;

	for (i = 0; (e = host_engine_at(i)); i++)
		if (!strcmp(e->name, name))
			break;
	return e;
}

struct bpfshim_vrf_aux *host_note(u32 i)
{
	memset(&notes[i], 0, sizeof(notes[i]));
	notes[i].map_idx = -1;
	noted[i] = true;
	any_noted = true;
	return &notes[i];
}

static int find_subs(const struct bpfshim_insn *insns, u32 n, u16 *subs)
{
	u32 i, k, nr = 0, end = n;

	for (i = 0; i < n; i++) {
		bool fn = insns[i].code == (BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW) &&
			  insns[i].src_reg == BPFSHIM_PSEUDO_FUNC;
		u32 at = i + 1 + insns[i].imm;

		if (!fn && !(insns[i].code == (BPFSHIM_JMP | BPFSHIM_CALL) &&
			     insns[i].src_reg == BPFSHIM_PSEUDO_CALL))
			continue;
		for (k = 0; k < nr && subs[k] != at; k++)
			;
		if (k < nr || fn)
			continue;
		if (at >= end || nr == 7)
			return -EINVAL;
		for (k = nr++; k && subs[k - 1] > at; k--)
			subs[k] = subs[k - 1];
		subs[k] = at;
	}
	subs[nr] = 0;
	return 0;
}

int host_link(struct host_prog *p, const struct host_engine *e,
	      const struct bpfshim_insn *insns, u32 n, const u16 *subs, const u16 *stack)
{
	u16 found[8], depth[8] = { 512 };
	u32 i;
	int err;

	memset(p, 0, sizeof(*p));
	if (!subs) {
		err = find_subs(insns, n, found);
		if (err)
			return err;
		for (i = 0; found[i]; i++) {
			depth[0] = 64;
			depth[i + 1] = 64;
		}
		subs = found;
		stack = depth;
	}
	p->res.insns = calloc(n, sizeof(*insns));
	memcpy(p->res.insns, insns, n * sizeof(*insns));
	p->res.len = n;
	p->res.aux = calloc(n, sizeof(*p->res.aux));
	p->res.subprogs = calloc(8, sizeof(*p->res.subprogs));
	p->res.nr_subprogs = 1;
	p->res.subprogs[0].stack_depth = stack[0];
	for (i = 0; i < 7 && subs[i]; i++) {
		p->res.subprogs[i + 1].start = subs[i];
		p->res.subprogs[i + 1].stack_depth = stack[i + 1];
		p->res.nr_subprogs++;
	}
	for (i = 0; i < n; i++) {
		p->res.aux[i].map_idx = -1;
		if (any_noted && i < ARRAY_SIZE(noted) && noted[i])
			p->res.aux[i] = notes[i];
	}
	if (any_noted)
		memset(noted, 0, sizeof(noted));
	any_noted = false;
	err = bpfshim_xprog_link(&p->x, &p->res, &host_env, &ops, NULL);
	if (!err) {
		err = e->prepare(p);
		if (err)
			bpfshim_xprog_free(&p->x, &ops, NULL);
	}
	if (err) {
		free(p->res.insns);
		free(p->res.aux);
		free(p->res.subprogs);
	}
	return err;
}

void host_free(struct host_prog *p, const struct host_engine *e)
{
	e->finish(p);
	bpfshim_xprog_free(&p->x, &ops, NULL);
	free(p->res.insns);
	free(p->res.aux);
	free(p->res.subprogs);
}

void host_init(void)
{
	host_env.probe_load = probe_load;
	host_jit_init();
}
