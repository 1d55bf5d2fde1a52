// SPDX-License-Identifier: GPL-2.0
/* General memory and copies from user space. */
#include "compat.h"

#ifdef BPFSHIM_DEBUG
/* Failure injection: the nth allocation from now fails, then 0 (off). */
static int fail_nth;
module_param(fail_nth, int, 0600);
MODULE_PARM_DESC(fail_nth, "fail the nth allocation from now on (debug build)");
/* Fail only allocations of this process (0: of all). */
static int fail_pid;
module_param(fail_pid, int, 0600);
MODULE_PARM_DESC(fail_pid, "fail allocations of this thread group only");

bool bpfshim_should_fail(void)
{
	static DEFINE_SPINLOCK(lock);
	unsigned long flags;
	bool fail = false;

	if (!READ_ONCE(fail_nth))
		return false;
	if (fail_pid && current->tgid != fail_pid)
		return false;
	spin_lock_irqsave(&lock, flags);
	if (fail_nth > 0)
		fail = --fail_nth == 0;
	spin_unlock_irqrestore(&lock, flags);
	return fail;
}
#endif

/* Above this, contiguous pages are hard to come by. */
#define KMALLOC_BOUND	(4 * PAGE_SIZE)

/* What a user asks for may be more than there is: fail, and kill nobody. */
#ifdef __GFP_RETRY_MAYFAIL
#define GFP_TRY	(GFP_KERNEL | __GFP_NOWARN | __GFP_ZERO | __GFP_RETRY_MAYFAIL)
#else
#define GFP_TRY	(GFP_KERNEL | __GFP_NOWARN | __GFP_ZERO | __GFP_NORETRY)
#endif

static void *try_vzalloc(size_t size)
{
#if BPFSHIM_HAVE_VMALLOC_PROT
	return __vmalloc(size, GFP_TRY | __GFP_HIGHMEM, PAGE_KERNEL);
#else
	return __vmalloc(size, GFP_TRY);
#endif
}

void *bpfshim_kvzalloc_node(size_t size, int node)
{
	struct sysinfo si;
	void *p;

	if (bpfshim_should_fail())
		return NULL;
	if (size <= KMALLOC_BOUND) {
		p = kzalloc_node(size, GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY, node);
		if (p)
			return p;
	}
	si_meminfo(&si);
	if (size >> PAGE_SHIFT > si.totalram)
		return NULL;
	/* A node is a wish, and vzalloc_node wakes the OOM killer. */
	if (node != NUMA_NO_NODE && size >> PAGE_SHIFT < si.freeram / 2)
		return vzalloc_node(size, node);
	return try_vzalloc(size);
}

void *bpfshim_kvzalloc(size_t size)
{
	return bpfshim_kvzalloc_node(size, NUMA_NO_NODE);
}

void *bpfshim_kzalloc(size_t size, gfp_t gfp)
{
	if (bpfshim_should_fail())
		return NULL;
	return kzalloc(size, gfp);
}

void __percpu *bpfshim_alloc_percpu(size_t size)
{
	return bpfshim_should_fail() ? NULL : __alloc_percpu(size, 8);
}

void bpfshim_kvfree(const void *p)
{
	if (is_vmalloc_addr(p))
		vfree(p);
	else
		kfree(p);
}

void *bpfshim_kvdup_user(const void __user *src, size_t size)
{
	void *p = bpfshim_kvzalloc(size);

	if (!p)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(p, src, size)) {
		bpfshim_kvfree(p);
		return ERR_PTR(-EFAULT);
	}
	return p;
}

long bpfshim_read_user(void *dst, const void __user *src, size_t size)
{
#if BPFSHIM_HAVE_EXPORT_COPY_FROM_USER_NOFAULT
	return copy_from_user_nofault(dst, src, size);
#else
	mm_segment_t old = get_fs();
	long ret = -EFAULT;

	/* A probe may sit inside a set_fs(KERNEL_DS) section. */
	set_fs(USER_DS);
	if (bpfshim_access_ok(src, size)) {
		pagefault_disable();
		ret = __copy_from_user_inatomic(dst, src, size) ? -EFAULT : 0;
		pagefault_enable();
	}
	set_fs(old);
	return ret;
#endif
}

long bpfshim_write_user(void __user *dst, const void *src, size_t size)
{
#if BPFSHIM_HAVE_EXPORT_COPY_FROM_USER_NOFAULT
	long ret = -EFAULT;

	if (bpfshim_access_ok(dst, size)) {
		pagefault_disable();
		ret = __copy_to_user_inatomic(dst, src, size) ? -EFAULT : 0;
		pagefault_enable();
	}
	return ret;
#else
	mm_segment_t old = get_fs();
	long ret = -EFAULT;

	set_fs(USER_DS);
	if (bpfshim_access_ok(dst, size)) {
		pagefault_disable();
		ret = __copy_to_user_inatomic(dst, src, size) ? -EFAULT : 0;
		pagefault_enable();
	}
	set_fs(old);
	return ret;
#endif
}

int bpfshim_user_zeroed(const void __user *from, size_t size)
{
	u8 buf[64];
	size_t n;

	while (size) {
		n = min_t(size_t, size, sizeof(buf));
		if (copy_from_user(buf, from, n))
			return -EFAULT;
		if (memchr_inv(buf, 0, n))
			return 0;
		from += n;
		size -= n;
	}
	return 1;
}

u64 bpfshim_boot_ns(void)
{
#if BPFSHIM_HAVE_EXPORT_KTIME_GET_WITH_OFFSET
	return ktime_to_ns(ktime_get_boottime());
#else
	struct timespec ts;

	get_monotonic_boottime(&ts);
	return timespec_to_ns(&ts);
#endif
}
