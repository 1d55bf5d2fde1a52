// SPDX-License-Identifier: GPL-2.0
/* Compiled programs: facts for the compiler, images, their ends. */
#include "native.h"
#include "image.h"
#include "maps/maps.h"
#include "../compat/native.h"

/* Constant after init. */
static struct bpfshim_native_facts facts;
static bool possible;

static bool blind;
module_param(blind, bool, 0644);
MODULE_PARM_DESC(blind, "keep programs' constants out of the machine code of those loaded from now on");

bool bpfshim_native_init(void)
{
	possible = bpfshim_image_possible() && bpfshim_native_facts(&facts);
	return possible;
}

static void *jit_alloc(void *cookie, size_t size)
{
	return bpfshim_kvzalloc(size);
}

static void jit_free(void *cookie, void *p)
{
	bpfshim_kvfree(p);
}

static struct bpfshim_map *map_of(const struct bpfshim_prog *prog, s32 idx)
{
	return idx >= 0 && (u32)idx < prog->nr_used_maps ? prog->used_maps[idx] : NULL;
}

static void map_info(void *cookie, u32 idx, struct bpfshim_jit_map *m)
{
	struct bpfshim_map *map = map_of(cookie, idx);

	if (!map)
		return;
	bpfshim_array_native(map, m);
	bpfshim_htab_native(map, m);
}

/* Straight to the map type's function, past the helper that looks it up. */
static u64 helper_target(void *cookie, u32 helper, s32 map_idx)
{
	struct bpfshim_map *map = map_of(cookie, map_idx);

	if (helper == 5)
		return facts.clock;
	if (!map)
		return 0;
	switch (helper) {
	case 1:
		return (unsigned long)map->ops->lookup;
	case 2:
		return (unsigned long)map->ops->update;
	case 3:
		return (unsigned long)map->ops->delete_elem;
	case 87:
		return (unsigned long)map->ops->push;
	case 88:
		return (unsigned long)map->ops->pop;
	case 89:
		return (unsigned long)map->ops->peek;
	}
	return 0;
}

static u64 parr_entry(void *cookie, u32 map_idx, u32 index)
{
	struct bpfshim_map *map = map_of(cookie, map_idx);

	return map ? bpfshim_prog_array_entry(map, index) : 0;
}

static void set_opts(struct bpfshim_jit_opts *o, struct bpfshim_prog *prog)
{
	memset(o, 0, sizeof(*o));
	o->flags = (blind ? BPFSHIM_JIT_BLIND : 0) |
		   (facts.retpoline ? BPFSHIM_JIT_RETPOLINE : 0) |
		   (facts.ibt ? BPFSHIM_JIT_ENDBR : 0) |
		   (facts.bmi2 ? BPFSHIM_JIT_BMI2 : 0) |
		   (facts.movbe ? BPFSHIM_JIT_MOVBE : 0) |
		   (prog->vrf.masked ? BPFSHIM_JIT_MASK : 0);
	/* Nor shall somebody else's constants be code. */
	if (prog->unpriv)
		o->flags |= BPFSHIM_JIT_BLIND;
	if (o->flags & BPFSHIM_JIT_BLIND)
		get_random_bytes(&o->blind_seed, sizeof(o->blind_seed));
	o->area_lo = facts.modules_lo;
	o->area_hi = facts.modules_hi;
	o->ret_thunk = facts.ret_thunk;
	memcpy(o->probe_stub, facts.probe_stub, sizeof(o->probe_stub));
	bpfshim_prog_array_native(&o->parr_max, &o->parr_entries);
	o->parr_entry = parr_entry;
	o->tail_stack = facts.tail_stack;
	o->cpu_number.known = true;
	o->cpu_number.off = facts.cpu_number;
	o->this_cpu_off.known = true;
	o->this_cpu_off.off = facts.this_cpu_off;
	o->current_task.known = true;
	o->current_task.off = facts.current_task;
	o->aux = prog->vrf.aux;
	o->map_info = map_info;
	o->helper_target = helper_target;
	o->alloc = jit_alloc;
	o->free = jit_free;
	o->cookie = prog;
}

/* Where functions and lines begin, for those who look at programs. */
static int keep_offsets(struct bpfshim_prog *prog, const struct bpfshim_jit *j)
{
	u32 i, nr = prog->xprog.nr_subs, lines = prog->vrf.nr_line_info;

	prog->image_at = bpfshim_kvzalloc(((size_t)nr + 1 + lines) * sizeof(u32));
	if (!prog->image_at)
		return -ENOMEM;
	for (i = 0; i < nr; i++)
		prog->image_at[i] = j->cb_off[i];
	prog->image_at[nr] = j->len;
	for (i = 0; i < lines; i++)
		prog->image_at[nr + 1 + i] = j->off[min(prog->vrf.line_info[i].insn_off, prog->vrf.len)];
	return 0;
}

int bpfshim_native_compile(struct bpfshim_prog *prog)
{
	struct bpfshim_jit_opts o;
	struct bpfshim_jit *j;
	int err = -ENOTSUPP;
	u8 *buf = NULL;

	if (!possible)
		return err;
	j = bpfshim_kvzalloc(sizeof(*j));
	if (!j)
		return -ENOMEM;
	set_opts(&o, prog);
	err = bpfshim_jit_plan(j, &prog->xprog, &o);
	if (err)
		goto done;
	err = -ENOMEM;
	prog->image_len = j->len;
	prog->image = bpfshim_image_alloc(j->len);
	buf = bpfshim_kvzalloc(j->len);
	if (!prog->image || !buf)
		goto done;
	err = bpfshim_jit_emit(j, buf, j->len, (unsigned long)prog->image);
	if (!err)
		err = keep_offsets(prog, j);
	if (!err)
		err = bpfshim_image_write(prog->image, buf, j->len);
	if (!err)
		bpfshim_jit_attach(j, &prog->xprog, (unsigned long)prog->image);
done:
	if (err)
		bpfshim_native_free(prog);
	bpfshim_kvfree(buf);
	bpfshim_jit_done(j);
	bpfshim_kvfree(j);
	return err;
}

void bpfshim_native_free(struct bpfshim_prog *prog)
{
	bpfshim_image_free(prog->image, prog->image_len);
	bpfshim_kvfree(prog->image_at);
	prog->image = NULL;
	prog->image_at = NULL;
	prog->image_len = 0;
}
