// SPDX-License-Identifier: GPL-2.0
/*
 * The rewritten program, linked and interpreted under ASan: what fixup made of
 * it stays inside memory as well.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "run.h"
#include "../ctx.h"
#include "../../driver/exec/exec.h"

static u64 state;
static char *values[WORLD_MAPS];	/* one element each; arrays: all */
static char handles[WORLD_MAPS];
static char *packet;
static u32 packet_len;
static void *context;
static u32 context_type;
static char *records[64];
static u32 nr_records;

static u64 addr(const void *p)
{
	return (unsigned long)p;
}

static void *ptr(u64 v)
{
	return (void *)(unsigned long)v;
}

static void fill(void *p, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		((char *)p)[i] = (char)rnd(&state);
}

static u32 map_of(u64 r)
{
	if (r - addr(handles) < WORLD_MAPS)
		return (u32)(r - addr(handles));
	fprintf(stderr, "a helper got %#llx as a map\n", (unsigned long long)r);
	abort();
}

/* Every byte must be readable: ASan says if one is not. */
static void touch(u64 p, u64 n)
{
	const volatile u8 *b = ptr(p);

	while (n--)
		(void)*b++;
}

#define ARGS u64 r1, u64 r2, u64 r3, u64 r4, u64 r5
#define UNUSED do { (void)r1; (void)r2; (void)r3; (void)r4; (void)r5; } while (0)

static u64 h_number(ARGS)
{
	UNUSED;
	return rnd_word(&state);
}

static u64 h_u32(ARGS)
{
	UNUSED;
	return (u32)rnd_word(&state);
}

static u64 h_lookup(ARGS)
{
	u32 m = map_of(r1), i;

	UNUSED;
	touch(r2, world_maps[m].key);
	if (!values[m])
		return 0;
	if (world_maps[m].type == BPFSHIM_MAP_TYPE_HASH)
		return rnd(&state) & 1 ? addr(values[m]) : 0;
	memcpy(&i, ptr(r2), 4);
	return i < world_maps[m].entries ? addr(values[m] + i * world_maps[m].value) : 0;
}

static u64 h_update(ARGS)
{
	u32 m = map_of(r1);

	UNUSED;
	touch(r2, world_maps[m].key);
	touch(r3, world_maps[m].value);
	return 0;
}

static u64 h_delete(ARGS)
{
	UNUSED;
	touch(r2, world_maps[map_of(r1)].key);
	return 0;
}

static u64 h_fill12(ARGS)
{
	UNUSED;
	fill(ptr(r1), (u32)r2);
	return 0;
}

static u64 h_fill23(ARGS)
{
	UNUSED;
	fill(ptr(r2), (u32)r3);
	return r3 ? rnd(&state) % r3 : 0;
}

/* As h_fill23, but that there may be no memory: the helper says so. */
static u64 h_branches(ARGS)
{
	return r2 ? h_fill23(r1, r2, r3, r4, r5) : (u64)-22;
}

/* A type as text: what is described is read, the text written. */
static u64 h_text(ARGS)
{
	UNUSED;
	touch(r3, r4);
	fill(ptr(r1), (u32)r2);
	return rnd_word(&state);
}

static u64 h_fill34(ARGS)
{
	UNUSED;
	fill(ptr(r3), (u32)r4);
	return 0;
}

static u64 h_str(ARGS)
{
	UNUSED;
	fill(ptr(r1), (u32)r2);
	return r2 ? 1 + rnd(&state) % r2 : 0;
}

static u64 h_output(ARGS)
{
	UNUSED;
	touch(r2, r3);
	return 0;
}

static u64 h_strncmp(ARGS)
{
	UNUSED;
	touch(r1, r2);
	return strlen(ptr(r3));
}

static u64 h_reserve(ARGS)
{
	UNUSED;
	if (nr_records == ARRAY_SIZE(records) || r2 > 256 || rnd(&state) % 4 == 0)
		return 0;
	records[nr_records] = malloc(r2);
	fill(records[nr_records], (u32)r2);
	return addr(records[nr_records++]);
}

static u64 h_submit(ARGS)
{
	u32 i;

	UNUSED;
	for (i = 0; i < nr_records; i++) {
		if (addr(records[i]) != r1)
			continue;
		free(records[i]);
		records[i] = records[--nr_records];
		return 0;
	}
	fprintf(stderr, "a record that is none is submitted\n");
	abort();
}

static u64 h_loop(ARGS)
{
	u64 i;

	UNUSED;
	for (i = 0; i < (u32)r1 && i < 6; i++)
		if (bpfshim_callback_run(ptr(r2), i, r3, 0, 0, 0))
			return i + 1;
	return i;
}

static u64 h_for_each(ARGS)
{
	u32 m = map_of(r1), i, n = world_maps[m].type == BPFSHIM_MAP_TYPE_HASH ? 1 : min(world_maps[m].entries, (u32)ELEMS);
	u64 done = 0;
	char *key;

	UNUSED;
	if (!values[m])
		return (u64)-22;
	for (i = 0; i < n && !done; i++) {
		key = malloc(world_maps[m].key);
		fill(key, world_maps[m].key);
		done = bpfshim_callback_run(ptr(r2), r1, addr(key), addr(values[m] + i * world_maps[m].value), r3, 0);
		free(key);
	}
	return i;
}

/* Old packets are poisoned. */
static void new_packet(void)
{
	free(packet);
	packet_len = (u32)(rnd(&state) % 100);
	packet = malloc(packet_len ? packet_len : 1);
	fill(packet, packet_len);
	if (context_type == BPFSHIM_PROG_TYPE_XDP) {
		struct bpfshim_xdp_ctx *x = context;

		x->data = x->data_meta = addr(packet);
		x->data_end = addr(packet) + packet_len;
	} else if (context_type == BPFSHIM_PROG_TYPE_SCHED_CLS || context_type == BPFSHIM_PROG_TYPE_CGROUP_SKB) {
		struct bpfshim_skb_ctx *s = context;

		s->data = s->data_meta = addr(packet);
		s->data_end = addr(packet) + packet_len;
	}
}

static u64 h_packet(ARGS)
{
	UNUSED;
	new_packet();
	return 0;
}

/* A dynptr as this file has it; the verifier knows only its 16 bytes. */
struct dyn {
	u64 data;
	u32 size, ring;
};

static u64 h_dyn_from_mem(ARGS)
{
	struct dyn *d = ptr(r4);

	UNUSED;
	touch(r1, r2);
	d->data = r1;
	d->size = (u32)r2;
	d->ring = 0;
	return 0;
}

static u64 h_dyn_reserve(ARGS)
{
	struct dyn *d = ptr(r4);

	d->data = h_reserve(r1, r2, r3, r4, r5);
	d->size = d->data ? (u32)r2 : 0;
	d->ring = 1;
	return 0;
}

static u64 h_dyn_submit(ARGS)
{
	struct dyn *d = ptr(r1);

	if (d->data)
		h_submit(d->data, r2, r3, r4, r5);
	memset(d, 0, sizeof(*d));
	return 0;
}

static u64 h_dyn_data(ARGS)
{
	struct dyn *d = ptr(r1);

	UNUSED;
	if (!d->data || (u32)r2 > d->size || (u32)r3 > d->size - (u32)r2)
		return 0;
	return d->data + (u32)r2;
}

static u64 h_dyn_read(ARGS)
{
	UNUSED;
	fill(ptr(r1), (u32)r2);
	return ((struct dyn *)ptr(r3))->size < 600 ? 0 : 1;
}

static u64 h_dyn_write(ARGS)
{
	UNUSED;
	touch(r3, r4);
	return ((struct dyn *)ptr(r1))->size < 600 ? 0 : 1;
}

static const struct bpfshim_xprog *no_target(void *map, u32 index)
{
	(void)index;
	map_of(addr(map));
	return NULL;
}

static const struct bpfshim_exec_env env = {
	.helpers = {
		[1] = h_lookup, [2] = h_update, [3] = h_delete, [5] = h_number, [7] = h_u32, [8] = h_u32, [9] = h_packet,
		[12] = h_number, [16] = h_fill12, [25] = h_number, [26] = h_fill34, [28] = h_number, [39] = h_packet,
		[44] = h_packet, [45] = h_str, [65] = h_packet, [67] = h_fill23, [93] = h_number, [94] = h_number,
		[113] = h_fill12, [115] = h_str, [119] = h_branches, [123] = h_number, [130] = h_output, [131] = h_reserve, [132] = h_submit, [133] = h_submit,
		[149] = h_text, [176] = h_fill12,
		[164] = h_for_each, [181] = h_loop, [182] = h_strncmp, [197] = h_dyn_from_mem, [198] = h_dyn_reserve, [199] = h_dyn_submit, [200] = h_dyn_submit,
		[201] = h_dyn_read, [202] = h_dyn_write, [203] = h_dyn_data, [240] = h_number, [241] = h_number, [242] = h_number,
	},
	.tail_target = no_target,
	.max_call_insns = 100000,
};

static int l_map_addr(void *cookie, u32 idx, bool value, u32 off, u64 *at)
{
	u32 map = world_used(idx);

	(void)cookie;
	if (map >= WORLD_MAPS)
		return -EINVAL;
	*at = value ? addr(values[map] + off) : addr(&handles[map]);
	return 0;
}

static void *l_alloc(void *cookie, size_t size)
{
	(void)cookie;
	return calloc(1, size ? size : 1);
}

static void l_free(void *cookie, void *p)
{
	(void)cookie;
	free(p);
}

static const struct bpfshim_link_ops link_ops = { l_map_addr, l_alloc, l_free };

/* Fresh allocations of exact size, so that neighbours are poisoned. */
static void new_data(void)
{
	u32 i, k, n;

	for (i = 0; i < WORLD_MAPS; i++) {
		n = world_maps[i].type == BPFSHIM_MAP_TYPE_HASH ? 1 : world_maps[i].entries;
		if (!world_maps[i].value || i == M_PROGS)
			continue;
		free(values[i]);
		values[i] = malloc(n * world_maps[i].value);
		fill(values[i], n * world_maps[i].value);
		for (k = 0; i == M_FROZEN && k < world_maps[i].value; k++)
			values[i][k] = (char)world_frozen(k);
	}
}

static u32 context_size(u32 type)
{
	switch (type) {
	case BPFSHIM_PROG_TYPE_KPROBE: return 168;
	case BPFSHIM_PROG_TYPE_PERF_EVENT: return 184;
	case BPFSHIM_PROG_TYPE_RAW_TRACEPOINT: return 96;
	case BPFSHIM_PROG_TYPE_XDP: return sizeof(struct bpfshim_xdp_ctx);
	case BPFSHIM_PROG_TYPE_TRACEPOINT: return 8200;
	}
	return sizeof(struct bpfshim_skb_ctx);
}

/* Frames lie where the next ones lay, so that their old bytes are known. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_stack_use_after_return=0";
}

/*
 * Programs may read bytes of their stack that they did not write.  What they
 * run on lies in below, and not where this function's own frame ends: enter()
 * has room for that.  No redzones, which would stay as they are.
 */
#define BARE __attribute__((noinline, no_sanitize_address))
static void BARE clean_stack(void)
{
	volatile char below[16384];
	u32 i;

	for (i = 0; i < sizeof(below); i++)
		below[i] = 0;
}

static u64 BARE enter(const struct bpfshim_xprog *x)
{
	volatile char room[1024];
	u64 r0;

	room[0] = 0;
	r0 = bpfshim_interp_run(x, context);
	return r0 + (u64)room[0];
}

static u64 digest(u64 d, const void *p, u64 n)
{
	const u8 *b = p;

	while (n--)
		d = (d ^ *b++) * 0x100000001b3ULL;
	return d;
}

u64 run_linked(const struct prog *p, struct bpfshim_vrf_result *res, u64 seed)
{
	u64 d = 0xcbf29ce484222325ULL, r0;
	struct bpfshim_xprog x;
	u32 i;
	int err;

	state = seed | 1;
	new_data();
	err = bpfshim_xprog_link(&x, res, &env, &link_ops, NULL);
	if (err) {
		fprintf(stderr, "accepted but does not link: %d\n", err);
		abort();
	}
	context_type = p->type;
	context = malloc(context_size(p->type));
	for (i = 0; i < 2; i++) {
		fill(context, context_size(p->type));
		if (p->type == BPFSHIM_PROG_TYPE_SCHED_CLS || p->type == BPFSHIM_PROG_TYPE_CGROUP_SKB ||
		    p->type == BPFSHIM_PROG_TYPE_SOCKET_FILTER)
			memset((char *)context + 168, 0, 8);	/* no socket */
		new_packet();
		clean_stack();
		r0 = enter(&x);
		d = digest(d, &r0, sizeof(r0));
		while (nr_records)
			free(records[--nr_records]);
	}
	free(context);
	context = NULL;
	for (i = 0; i < WORLD_MAPS; i++)
		if (values[i])
			d = digest(d, values[i], (u64)world_maps[i].value *
				   (world_maps[i].type == BPFSHIM_MAP_TYPE_HASH ? 1 : world_maps[i].entries));
	bpfshim_xprog_free(&x, &link_ops, NULL);
	return d;
}
