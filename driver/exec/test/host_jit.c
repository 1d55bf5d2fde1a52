// SPDX-License-Identifier: GPL-2.0
/*
 * The JIT as engines of the host tests, with several sets of options.  Images
 * are written through one mapping of a file and run through another.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "../jit.h"
#include "host.h"

#define AREA		(256u << 20)
#define FIRST		4096u	/* stubs lie before */
#define FAR_AWAY	0x123400000000ULL

/* As the module's: address and value in r11, user space's addresses refused. */
#define STUB(n, load)							\
	".balign 64\nprobe_stub_" #n ":\n"				\
	"mov %r11, %r9\nshr $47, %r9\njne 1f\n"				\
	"cmp $65536, %r11\njb 1f\n" load "\nret\n"			\
	"1: xor %r11d, %r11d\nret\n"
__asm__(".text\n.globl probe_stubs\nprobe_stubs:\n"
	STUB(1, "movzbl (%r11), %r11d")
	STUB(2, "movzwl (%r11), %r11d")
	STUB(4, "mov (%r11), %r11d")
	STUB(8, "mov (%r11), %r11")
	".balign 64\n");
extern const u8 probe_stubs[];

struct area {
	u8 *rw;
	u64 rx;
};
static struct area near_area, far_area;

struct jit_engine {
	struct host_engine e;
	u32 flags;
	struct area *area;
	bool bmi2;		/* only where the CPU has it */
};

struct host_jit_facts host_jit_facts;

static void *alloc(void *cookie, size_t size)
{
	return calloc(1, size);
}

static void release(void *cookie, void *p)
{
	free(p);
}

static void map_area(struct area *a, u64 at)
{
	int fd = memfd_create("images", 0);
	void *rx;

	if (fd < 0 || ftruncate(fd, AREA)) {
		perror("memfd");
		exit(2);
	}
	a->rw = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	memcpy(a->rw, probe_stubs, 256);
	rx = mmap((void *)at, AREA, PROT_READ | PROT_EXEC,
		  MAP_SHARED | (at ? MAP_FIXED_NOREPLACE : 0), fd, 0);
	if (a->rw == MAP_FAILED || rx == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	a->rx = (unsigned long)rx;
	close(fd);
}

void host_jit_init(void)
{
	/* Beside the program's own text, and out of its reach. */
	map_area(&near_area, ((u64)(unsigned long)&host_jit_init & ~0xfffffULL) - (512u << 20));
	map_area(&far_area, FAR_AWAY);
}

static int prepare(const struct jit_engine *e, struct host_prog *p)
{
	struct bpfshim_jit_opts o;
	struct bpfshim_jit j;
	int err, i;

	memset(&o, 0, sizeof(o));
	o.flags = e->flags | BPFSHIM_JIT_ALIGN16;
	o.area_lo = e->area->rx + FIRST;
	o.area_hi = e->area->rx + AREA;
	o.blind_seed = 0x12345678;
	for (i = 0; i < 4; i++)
		o.probe_stub[i] = e->area->rx + 64 * i;
	o.parr_max = host_jit_facts.parr_max;
	o.parr_entries = host_jit_facts.parr_entries;
	o.parr_entry = host_jit_facts.parr_entry;
	o.map_info = host_jit_facts.map_info;
	o.cpu_number = host_jit_facts.cpu_number;
	o.this_cpu_off = host_jit_facts.this_cpu_off;
	o.current_task = host_jit_facts.current_task;
	o.aux = p->res.aux;
	o.alloc = alloc;
	o.free = release;
	/* Several may live at a time: each a place of its own, in a ring. */
	{
		static u32 at = FIRST;

		err = bpfshim_jit_plan(&j, &p->x, &o);
		if (!err && j.len > AREA - FIRST)
			err = -ENOMEM;
		if (!err) {
			if (at + j.len > AREA)
				at = FIRST;
			p->image_used = at;
			err = bpfshim_jit_emit(&j, e->area->rw + at, j.len, e->area->rx + at);
			p->image = e->area->rw + at;
			p->image_size = j.len;
			at += (j.len + 63) & ~63u;
		}
	}
	if (!err) {
		bpfshim_jit_attach(&j, &p->x, e->area->rx + p->image_used);
		host_jit_facts.bytes += j.len;
	}
	bpfshim_jit_done(&j);
	return err;
}

static u64 call(struct host_prog *p, u64 r1, u64 r2)
{
	return ((u64 (*)(u64, u64))(unsigned long)p->x.native)(r1, r2);
}

static void finish(struct host_prog *p)
{
}

#define ENGINE(id, nm, fl, ar, bmi)					\
static int prepare_##id(struct host_prog *p);				\
static const struct jit_engine id = {					\
	{ nm, prepare_##id, call, finish }, fl, &ar, bmi };		\
static int prepare_##id(struct host_prog *p)				\
{									\
	return prepare(&id, p);						\
}

ENGINE(plain, "jit-plain", BPFSHIM_JIT_NO_FUSE | BPFSHIM_JIT_MASK, near_area, false)
ENGINE(blind, "jit-blind", BPFSHIM_JIT_BLIND | BPFSHIM_JIT_RETPOLINE | BPFSHIM_JIT_MASK, far_area, false)
ENGINE(bmi2, "jit-bmi2", BPFSHIM_JIT_BMI2 | BPFSHIM_JIT_MOVBE | BPFSHIM_JIT_ENDBR,
       near_area, true)
ENGINE(full, "jit", 0, near_area, false)

const struct host_engine *host_jit_engine(u32 i)
{
	static const struct jit_engine *const all[] = { &plain, &blind, &bmi2, &full };
	u32 n;

	for (n = 0; n < ARRAY_SIZE(all); n++) {
		if (all[n]->bmi2 && !__builtin_cpu_supports("bmi2"))
			continue;
		if (!i--)
			return &all[n]->e;
	}
	return NULL;
}
