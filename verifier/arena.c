// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of one verification: pieces of chunks, with free lists by size.
 * The whole goes at once when the verification ends.
 */
#include "env.h"

#define CHUNK	(64u << 10)
#define UNIT	64u
#define SMALL	(128 * UNIT)

struct vrf_chunk {
	struct vrf_chunk *next, *prev;
	u64 size;
	u64 pad[5];		/* pieces are aligned to UNIT within a chunk */
};

void bpfshim_v_arena_init(struct vrf_arena *a, const struct bpfshim_vrf_ops *ops,
			  void *cookie, u64 limit)
{
	memset(a, 0, sizeof(*a));
	a->ops = ops;
	a->cookie = cookie;
	a->limit = limit;
}

void bpfshim_v_arena_done(struct vrf_arena *a)
{
	struct vrf_chunk *c, *next;

	for (c = a->chunks; c; c = next) {
		next = c->next;
		a->ops->free(a->cookie, c);
	}
	a->chunks = NULL;
}

static struct vrf_chunk *chunk_new(struct vrf_arena *a, u64 size)
{
	struct vrf_chunk *c;

	if (size > a->limit || a->used > a->limit - size)
		return NULL;
	c = a->ops->alloc(a->cookie, size);
	if (!c)
		return NULL;
	a->used += size;
	if (a->used > a->peak)
		a->peak = a->used;
	c->size = size;
	c->prev = NULL;
	c->next = a->chunks;
	if (a->chunks)
		a->chunks->prev = c;
	a->chunks = c;
	return c;
}

void *bpfshim_v_alloc(struct vrf_env *env, size_t size)
{
	struct vrf_arena *a = &env->arena;
	u32 units = (u32)((size + UNIT - 1) / UNIT);
	struct vrf_chunk *c;
	void *p;

	if (size > SMALL) {
		c = chunk_new(a, size + sizeof(*c));
		if (!c) {
			env->oom = true;
			return NULL;
		}
		return c + 1;
	}
	p = a->free[units];
	if (p) {
		a->free[units] = *(void **)p;
		return p;
	}
	if (a->left < units * UNIT) {
		/* What is left of the old chunk serves smaller requests. */
		if (a->left) {
			*(void **)a->bump = a->free[a->left / UNIT];
			a->free[a->left / UNIT] = a->bump;
		}
		a->left = 0;
		c = chunk_new(a, CHUNK);
		if (!c) {
			env->oom = true;
			return NULL;
		}
		a->bump = (u8 *)(c + 1);
		a->left = (u32)((CHUNK - sizeof(*c)) / UNIT * UNIT);
	}
	p = a->bump;
	a->bump += units * UNIT;
	a->left -= units * UNIT;
	return p;
}

void *bpfshim_v_zalloc(struct vrf_env *env, size_t size)
{
	void *p = bpfshim_v_alloc(env, size);

	if (p)
		memset(p, 0, size);
	return p;
}

void bpfshim_v_free(struct vrf_env *env, void *p, size_t size)
{
	struct vrf_arena *a = &env->arena;
	u32 units = (u32)((size + UNIT - 1) / UNIT);
	struct vrf_chunk *c;

	if (!p)
		return;
	if (size > SMALL) {
		c = (struct vrf_chunk *)p - 1;
		if (c->prev)
			c->prev->next = c->next;
		else
			a->chunks = c->next;
		if (c->next)
			c->next->prev = c->prev;
		a->used -= c->size;
		a->ops->free(a->cookie, c);
		return;
	}
	*(void **)p = a->free[units];
	a->free[units] = p;
}
