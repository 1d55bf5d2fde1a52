/* SPDX-License-Identifier: GPL-2.0 */
/* A ring's memory on the host: the driver's layout, nothing mapped around it. */
#ifndef RING_HOST_H
#define RING_HOST_H

#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "../ring.h"

#define PAGE		4096UL
#define HEAD_PAGES	3
#define REQUIRE(x) do { \
	if (!(x)) { \
		fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
		abort(); \
	} } while (0)

static void ring_host_init(struct bpfshim_ring *r, u64 size)
{
	u64 head = HEAD_PAGES * PAGE;
	int fd = memfd_create("ring", 0);
	char *area;

	REQUIRE(fd >= 0 && !ftruncate(fd, (off_t)(head + size)));
	area = mmap(NULL, PAGE + head + 2 * size + PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	REQUIRE(area != MAP_FAILED);
	area += PAGE;
	REQUIRE(mmap(area, head + size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == area);
	REQUIRE(mmap(area + head + size, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, (off_t)head) ==
		area + head + size);
	close(fd);
	memset(r, 0, sizeof(*r));
	r->size = size;
	r->first_page = HEAD_PAGES;
	r->consumer = (u64 *)(area + PAGE);
	r->producer = (u64 *)(area + 2 * PAGE);
	r->data = area + head;
}

static inline void ring_host_free(struct bpfshim_ring *r)
{
	munmap(r->data - HEAD_PAGES * PAGE - PAGE, (HEAD_PAGES + 2) * PAGE + 2 * r->size);
}

static inline u64 ring_host_rand(u64 *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

#endif
