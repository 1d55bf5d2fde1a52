// SPDX-License-Identifier: GPL-2.0
/* Ring buffers: memory, mappings, waiters.  The ring itself is in ring.h. */
#include "ringbuf.h"

/*
 * The area, one run of virtual pages: a home page that only the kernel sees,
 * the consumer's page, the producer's page, the data, the data once more.
 * User space maps what follows the home page.
 */
#define HOME_PAGES	1
#define POS_PAGES	2
#define HEAD_PAGES	(HOME_PAGES + POS_PAGES)

static void wake(struct irq_work *work)
{
	struct bpfshim_ringbuf *rb = container_of(work, struct bpfshim_ringbuf, wake);

	wake_up_all(&rb->wait);
}

/* ---- its life ---------------------------------------------------------- */

static int ringbuf_check(const union bpfshim_attr *attr)
{
	if (attr->map_flags & ~BPFSHIM_F_NUMA_NODE || attr->key_size || attr->value_size ||
	    !is_power_of_2(attr->max_entries) || attr->max_entries & ~PAGE_MASK)
		return -EINVAL;
	return 0;
}

static void ringbuf_free(struct bpfshim_map *map)
{
	struct bpfshim_ringbuf *rb = bpfshim_to_ringbuf(map);
	u32 i;

	/* Programs are gone by a grace period; a wakeup they asked for may not be. */
	irq_work_sync(&rb->wake);
	if (rb->area)
		vunmap(rb->area);
	for (i = 0; i < rb->nr_pages; i++)
		__free_page(rb->pages[i]);
	bpfshim_kvfree(rb->pages);
	bpfshim_kfree(rb);
}

/* Pages first, so that what fails leaves nothing mapped. */
static int get_pages(struct bpfshim_ringbuf *rb, u32 data_pages)
{
	gfp_t gfp = GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN | __GFP_NORETRY;
	u32 nr = HEAD_PAGES + data_pages, i;
	struct sysinfo si;

	si_meminfo(&si);
	if (nr > si.totalram)
		return -ENOMEM;
	/* Twice the data, as vmap wants to be told. */
	rb->pages = bpfshim_kvzalloc((size_t)(nr + data_pages) * sizeof(*rb->pages));
	if (!rb->pages)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		struct page *page = bpfshim_should_fail() ? NULL : alloc_pages_node(rb->map.numa_node, gfp, 0);

		if (!page)
			return -ENOMEM;
		rb->pages[i] = page;
		rb->nr_pages++;
		if (i >= HEAD_PAGES)
			rb->pages[data_pages + i] = page;
		if (!(i & 255))
			cond_resched();
	}
	rb->area = bpfshim_should_fail() ? NULL :
		   vmap(rb->pages, nr + data_pages, VM_MAP | VM_USERMAP, PAGE_KERNEL);
	return rb->area ? 0 : -ENOMEM;
}

static struct bpfshim_map *ringbuf_alloc(const union bpfshim_attr *attr)
{
	struct bpfshim_ringbuf *rb = bpfshim_kzalloc(sizeof(*rb), GFP_KERNEL);
	char *area;

	if (!rb)
		return ERR_PTR(-ENOMEM);
	bpfshim_map_base_init(&rb->map, attr);
	raw_spin_lock_init(&rb->lock);
	init_waitqueue_head(&rb->wait);
	init_irq_work(&rb->wake, wake);
	if (get_pages(rb, attr->max_entries >> PAGE_SHIFT)) {
		bpfshim_map_put(&rb->map);
		return ERR_PTR(-ENOMEM);
	}
	area = rb->area;
	((struct bpfshim_ringbuf_home *)area)->rb = rb;
	rb->ring.consumer = (u64 *)(area + HOME_PAGES * PAGE_SIZE);
	rb->ring.producer = (u64 *)(area + (HOME_PAGES + 1) * PAGE_SIZE);
	rb->ring.data = area + HEAD_PAGES * PAGE_SIZE;
	rb->ring.first_page = HEAD_PAGES;
	rb->ring.size = attr->max_entries;
	bpfshim_map_charge(&rb->map, sizeof(*rb) + ((s64)rb->nr_pages << PAGE_SHIFT));
	return &rb->map;
}

/* ---- user space -------------------------------------------------------- */

static int no_lookup(struct bpfshim_map *map, const void *key, void *value, u64 flags)
{
	return -ENOTSUPP;
}

static int no_update(struct bpfshim_map *map, const void *key, const void *value, u64 flags)
{
	return -ENOTSUPP;
}

static int no_delete(struct bpfshim_map *map, const void *key)
{
	return -ENOTSUPP;
}

static int no_next_key(struct bpfshim_map *map, const void *key, void *next)
{
	return -ENOTSUPP;
}

static int map_pages(struct bpfshim_map *map, struct vm_area_struct *vma)
{
	unsigned long pages = POS_PAGES + 2UL * (map->max_entries >> PAGE_SHIFT);

	/* 3.10's remap_vmalloc_range takes the guard page for a part of the area. */
	if (vma->vm_pgoff >= pages || vma_pages(vma) > pages - vma->vm_pgoff)
		return -EINVAL;
	return remap_vmalloc_range(vma, bpfshim_to_ringbuf(map)->area, vma->vm_pgoff + HOME_PAGES);
}

/* The caller has seen to it that what is not writable stays so. */
static int ringbuf_mmap(struct bpfshim_map *map, struct vm_area_struct *vma)
{
	/* Only the consumer's position is the user's to write. */
	if (vma->vm_flags & VM_WRITE && (vma->vm_pgoff || vma_pages(vma) != 1))
		return -EPERM;
	return map_pages(map, vma);
}

static int user_ringbuf_mmap(struct bpfshim_map *map, struct vm_area_struct *vma)
{
	/* Everything but the consumer's position is. */
	if (vma->vm_flags & VM_WRITE && !vma->vm_pgoff)
		return -EPERM;
	return map_pages(map, vma);
}

static unsigned int user_ringbuf_poll(struct bpfshim_map *map, struct file *file, poll_table *pt)
{
	struct bpfshim_ringbuf *rb = bpfshim_to_ringbuf(map);

	poll_wait(file, &rb->wait, pt);
	return bpfshim_ring_avail(&rb->ring) < rb->ring.size ? POLLOUT | POLLWRNORM : 0;
}

static unsigned int ringbuf_poll(struct bpfshim_map *map, struct file *file, poll_table *pt)
{
	struct bpfshim_ringbuf *rb = bpfshim_to_ringbuf(map);

	poll_wait(file, &rb->wait, pt);
	return bpfshim_ring_avail(&rb->ring) ? POLLIN | POLLRDNORM : 0;
}

const struct bpfshim_map_ops bpfshim_ringbuf_ops = {
	.map_type = BPFSHIM_MAP_TYPE_RINGBUF,
	.alloc_check = ringbuf_check,
	.alloc = ringbuf_alloc,
	.free = ringbuf_free,
	.user_lookup = no_lookup,
	.user_update = no_update,
	.user_delete = no_delete,
	.get_next_key = no_next_key,
	.inner_fits = bpfshim_map_inner_fits,
	.mmap = ringbuf_mmap,
	.poll = ringbuf_poll,
};

const struct bpfshim_map_ops bpfshim_user_ringbuf_ops = {
	.map_type = BPFSHIM_MAP_TYPE_USER_RINGBUF,
	.alloc_check = ringbuf_check,
	.alloc = ringbuf_alloc,
	.free = ringbuf_free,
	.user_lookup = no_lookup,
	.user_update = no_update,
	.user_delete = no_delete,
	.get_next_key = no_next_key,
	.inner_fits = bpfshim_map_inner_fits,
	.mmap = user_ringbuf_mmap,
	.poll = user_ringbuf_poll,
};
