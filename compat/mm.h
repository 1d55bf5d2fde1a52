/* SPDX-License-Identifier: GPL-2.0 */
/* linux/mm.h, vmalloc.h and page protections. */
#ifndef BPFSHIM_COMPAT_MM_H
#define BPFSHIM_COMPAT_MM_H

#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/vmalloc.h>
#include <linux/highmem.h>
#include <asm/pgtable.h>
#if BPFSHIM_HAVE_SET_MEMORY_H
#include <linux/set_memory.h>
#else
#include <asm/cacheflush.h>
#endif
#if BPFSHIM_HAVE_MMAP_LOCK
#include <linux/mmap_lock.h>
#endif

/*
 * The one door to general memory.  kmalloc for small sizes, vmalloc else;
 * zeroed; NULL when there is none.  May sleep.  BPFSHIM_DEBUG builds fail the
 * nth call on demand (module parameter fail_nth).
 */
void *bpfshim_kvzalloc(size_t size);
void *bpfshim_kvzalloc_node(size_t size, int node);
/* Releases what either returned; NULL is fine.  Process context. */
void bpfshim_kvfree(const void *p);
/* Small memory with a gfp of its own, under the same failure injection. */
void *bpfshim_kzalloc(size_t size, gfp_t gfp);
static inline void bpfshim_kfree(const void *p)
{
	kfree(p);
}
/* Zeroed memory a CPU each, 8-byte aligned; NULL. May sleep. free_percpu frees. */
void __percpu *bpfshim_alloc_percpu(size_t size);
/* True when a debug build wants this allocation to fail. */
#ifdef BPFSHIM_DEBUG
bool bpfshim_should_fail(void);
#else
static inline bool bpfshim_should_fail(void)
{
	return false;
}
#endif

/* A mapping of module memory: never executable; no_write: nor writable later. */
static inline void bpfshim_vma_no_copy(struct vm_area_struct *vma, bool no_write)
{
	vma->vm_flags &= ~(VM_MAYEXEC | (no_write ? VM_MAYWRITE : 0));
}

/* memdup_user without kmalloc's size limit: ERR_PTR on failure. */
void *bpfshim_kvdup_user(const void __user *src, size_t size);

static inline bool bpfshim_mm_trylock(struct mm_struct *mm)
{
#if BPFSHIM_HAVE_MMAP_LOCK
	return mmap_read_trylock(mm);
#else
	return down_read_trylock(&mm->mmap_sem);
#endif
}

static inline void bpfshim_mm_unlock(struct mm_struct *mm)
{
#if BPFSHIM_HAVE_MMAP_LOCK
	mmap_read_unlock(mm);
#else
	up_read(&mm->mmap_sem);
#endif
}

/*
 * The lock's holder passes it to somebody else, an irq_work for one, who gives
 * it back with bpfshim_mm_unlock_late.
 */
static inline void bpfshim_mm_hand_over(struct mm_struct *mm)
{
#ifdef CONFIG_DEBUG_LOCK_ALLOC
#if BPFSHIM_HAVE_MMAP_LOCK
	rwsem_release(&mm->mmap_lock.dep_map, _RET_IP_);
#else
	rwsem_release(&mm->mmap_sem.dep_map, 1, _RET_IP_);
#endif
#endif
}

static inline void bpfshim_mm_unlock_late(struct mm_struct *mm)
{
#if BPFSHIM_HAVE_MMAP_LOCK
	mmap_read_unlock_non_owner(mm);
#else
	up_read_non_owner(&mm->mmap_sem);
#endif
}

#endif /* BPFSHIM_COMPAT_MM_H */
