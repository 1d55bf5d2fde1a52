// SPDX-License-Identifier: GPL-2.0
/* Memory of compiled programs: see image.h. */
#include "image.h"

#define UNIT		64U
#define CHUNK_BYTES	(64U * 1024)
#define INT3		0xcc

/* One stretch of executable pages.  Under images_lock. */
struct chunk {
	struct list_head list;
	u8 *base;
	u32 nr_pages, units, used;
	struct page **pages;
	unsigned long map[];		/* a bit a unit */
};

static DEFINE_MUTEX(images_lock);
static LIST_HEAD(chunks);

bool bpfshim_image_possible(void)
{
	return bpfshim_ksym.module_alloc && bpfshim_ksym.set_memory_ro &&
	       bpfshim_ksym.set_memory_rw && bpfshim_ksym.set_memory_x &&
	       bpfshim_ksym.set_memory_nx;
}

static void chunk_free(struct chunk *c)
{
	unsigned long addr = (unsigned long)c->base;

	if (c->base) {
		/* In this order it is never writable and executable. */
		bpfshim_ksym.set_memory_nx(addr, c->nr_pages);
		bpfshim_ksym.set_memory_rw(addr, c->nr_pages);
		vfree(c->base);
	}
	bpfshim_kvfree(c->pages);
	bpfshim_kvfree(c);
}

static struct chunk *chunk_new(u32 bytes)
{
	u32 i, nr_pages = DIV_ROUND_UP(bytes, PAGE_SIZE);
	u32 units = nr_pages * (PAGE_SIZE / UNIT);
	struct chunk *c;
	unsigned long addr;

	c = bpfshim_kvzalloc(sizeof(*c) + BITS_TO_LONGS(units) * sizeof(long));
	if (!c)
		return NULL;
	c->nr_pages = nr_pages;
	c->units = units;
	c->pages = bpfshim_kvzalloc(nr_pages * sizeof(*c->pages));
	if (!c->pages || bpfshim_should_fail())
		goto fail;
	c->base = bpfshim_ksym.module_alloc(nr_pages * PAGE_SIZE);
	if (!c->base)
		goto fail;
	addr = (unsigned long)c->base;
	/* 3.10 hands it out executable. */
	if (bpfshim_ksym.set_memory_nx(addr, nr_pages))
		goto fail;
	memset(c->base, INT3, nr_pages * PAGE_SIZE);
	for (i = 0; i < nr_pages; i++)
		c->pages[i] = vmalloc_to_page(c->base + i * PAGE_SIZE);
	if (bpfshim_ksym.set_memory_ro(addr, nr_pages) ||
	    bpfshim_ksym.set_memory_x(addr, nr_pages))
		goto fail;
	bpfshim_mem_charge((s64)nr_pages * PAGE_SIZE);
	return c;
fail:
	chunk_free(c);
	return NULL;
}

static void *take(struct chunk *c, u32 n)
{
	unsigned long at = bitmap_find_next_zero_area(c->map, c->units, 0, n, 0);

	if (at >= c->units)
		return NULL;
	bitmap_set(c->map, at, n);
	c->used += n;
	return c->base + at * UNIT;
}

void *bpfshim_image_alloc(u32 size)
{
	u32 n = DIV_ROUND_UP(size, UNIT);
	struct chunk *c;
	void *p = NULL;

	mutex_lock(&images_lock);
	list_for_each_entry(c, &chunks, list) {
		p = take(c, n);
		if (p)
			goto out;
	}
	c = chunk_new(max_t(u32, n * UNIT, CHUNK_BYTES));
	if (c) {
		list_add_tail(&c->list, &chunks);
		p = take(c, n);
	}
out:
	mutex_unlock(&images_lock);
	return p;
}

static struct chunk *chunk_of(const void *p)
{
	struct chunk *c;

	list_for_each_entry(c, &chunks, list)
		if ((const u8 *)p >= c->base &&
		    (const u8 *)p < c->base + c->nr_pages * PAGE_SIZE)
			return c;
	return NULL;
}

/* Write through a mapping of its own; from NULL: fill with int3. */
static int poke(struct chunk *c, void *at, const void *from, u32 size)
{
	u32 off = (u8 *)at - c->base;
	u32 first = off / PAGE_SIZE;
	u32 n = DIV_ROUND_UP(off % PAGE_SIZE + size, PAGE_SIZE);
	u8 *rw = bpfshim_should_fail() ? NULL : vmap(c->pages + first, n, VM_MAP, PAGE_KERNEL);

	if (!rw)
		return -ENOMEM;
	if (from)
		memcpy(rw + off % PAGE_SIZE, from, size);
	else
		memset(rw + off % PAGE_SIZE, INT3, size);
	vunmap(rw);
	return 0;
}

int bpfshim_image_write(void *at, const void *from, u32 size)
{
	struct chunk *c;
	int err = -EINVAL;

	mutex_lock(&images_lock);
	c = chunk_of(at);
	if (c)
		err = poke(c, at, from, size);
	mutex_unlock(&images_lock);
	return err;
}

void bpfshim_image_free(void *image, u32 size)
{
	u32 n = DIV_ROUND_UP(size, UNIT);
	struct chunk *c;

	if (!image)
		return;
	mutex_lock(&images_lock);
	c = chunk_of(image);
	if (c && c->used == n) {
		list_del(&c->list);
		bpfshim_mem_charge(-(s64)c->nr_pages * PAGE_SIZE);
		chunk_free(c);
	} else if (c) {
		/* Out of memory: stale code stays, unreachable. */
		poke(c, image, NULL, n * UNIT);
		bitmap_clear(c->map, ((u8 *)image - c->base) / UNIT, n);
		c->used -= n;
	}
	mutex_unlock(&images_lock);
}
