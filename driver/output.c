// SPDX-License-Identifier: GPL-2.0
/*
 * BPF-output events: what a perf event of type PERF_COUNT_SW_BPF_OUTPUT is on
 * kernels that have it.  Memory layout, records and protocol are perf's.
 */
#include "internal.h"

#define KNOWN_SAMPLES	(PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR | \
			 PERF_SAMPLE_ID | PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD | \
			 PERF_SAMPLE_RAW | SAMPLE_IDENTIFIER)
#define SAMPLE_IDENTIFIER (1U << 16)	/* not in every 3.10 header */
#define MAX_PAGES	(1UL << 16)

/*
 * The buffer.  Owner: the output, and each mapping of it, by refs.  head and
 * lost are the writer's: its CPU with programs held off.  The control page is
 * user space's to scribble on; of it only data_tail is read, and never trusted.
 */
struct ring {
	atomic_t refs;
	struct perf_event_mmap_page *ctl;	/* vmalloc_user area: control page, then data */
	char *data;
	u64 size;				/* of data, power of two */
	unsigned long pages;			/* of the mapping */
	u64 head;
	u64 lost;
	u32 unread;				/* events, or bytes, since the last wakeup */
	struct rcu_head rcu;
	struct work_struct work;
};

/*
 * Owner: its file.  ring is set once under mmap_lock and read by writers under
 * RCU; freed after a grace period with the file.
 */
struct bpfshim_output {
	u32 cpu;
	bool watermark;
	u32 wakeup;
	u64 sample_type;
	u64 id;
	atomic_t enabled;
	atomic_t poll;			/* POLLIN waits to be told */
	atomic64_t count;
	struct ring __rcu *ring;
	struct mutex mmap_lock;
	wait_queue_head_t wait;
	struct irq_work wake;
	struct fasync_struct *fasync;
};

static atomic_t outputs = ATOMIC_INIT(0);
static atomic64_t next_id = ATOMIC64_INIT(0);

u32 bpfshim_output_count(void)
{
	return atomic_read(&outputs);
}

/* ---- writing ----------------------------------------------------------- */

static void put_bytes(struct ring *r, u64 *at, const void *from, u64 n)
{
	u64 off = *at & (r->size - 1), first = min(n, r->size - off);

	memcpy(r->data + off, from, first);
	memcpy(r->data, from + first, n - first);
	*at += n;
}

static void put_u64(struct ring *r, u64 *at, u64 v)
{
	put_bytes(r, at, &v, sizeof(v));
}

static void put_header(struct ring *r, u64 *at, u32 type, u16 misc, u16 size)
{
	struct perf_event_header h = { .type = type, .misc = misc, .size = size };

	put_bytes(r, at, &h, sizeof(h));
}

static u32 fixed_size(u64 type)
{
	/* Each of these is one word. */
	return 8 * hweight64(type & (KNOWN_SAMPLES & ~(u64)PERF_SAMPLE_RAW));
}

static void put_sample(struct bpfshim_output *out, struct ring *r, u64 *at, u32 record,
		       const void *data, u64 size, const void *more, u64 more_size)
{
	struct bpfshim_run_ctx *rc = bpfshim_run_ctx_current();
	struct pt_regs *regs = rc ? rc->regs : NULL;
	u64 type = out->sample_type;
	u32 raw = round_up(size + more_size + sizeof(u32), 8) - sizeof(u32);
	static const char zero[8];

	put_header(r, at, PERF_RECORD_SAMPLE, regs && user_mode(regs) ? PERF_RECORD_MISC_USER :
		   PERF_RECORD_MISC_KERNEL, record);
	if (type & SAMPLE_IDENTIFIER)
		put_u64(r, at, out->id);
	if (type & PERF_SAMPLE_IP)
		put_u64(r, at, regs ? instruction_pointer(regs) : 0);
	if (type & PERF_SAMPLE_TID)
		put_u64(r, at, (u32)current->tgid | (u64)(u32)current->pid << 32);
	if (type & PERF_SAMPLE_TIME)
		put_u64(r, at, bpfshim_clock_mono());
	if (type & PERF_SAMPLE_ADDR)
		put_u64(r, at, 0);
	if (type & PERF_SAMPLE_ID)
		put_u64(r, at, out->id);
	if (type & PERF_SAMPLE_STREAM_ID)
		put_u64(r, at, out->id);
	if (type & PERF_SAMPLE_CPU)
		put_u64(r, at, (u32)raw_smp_processor_id());
	if (type & PERF_SAMPLE_PERIOD)
		put_u64(r, at, 1);
	put_bytes(r, at, &raw, sizeof(raw));
	put_bytes(r, at, data, size);
	put_bytes(r, at, more, more_size);
	put_bytes(r, at, zero, raw - size - more_size);
}

static void notify(struct bpfshim_output *out, struct ring *r, u32 record)
{
	r->unread += out->watermark ? record : 1;
	if (r->unread < out->wakeup)
		return;
	r->unread = 0;
	atomic_set(&out->poll, 1);
	irq_work_queue(&out->wake);
}

/* Programs are held off on this CPU, so nobody else writes. */
static long write_ring(struct bpfshim_output *out, struct ring *r, const void *data, u64 size,
		       const void *more, u64 more_size)
{
	u64 total = sizeof(struct perf_event_header) + fixed_size(out->sample_type) +
		    round_up(size + more_size + sizeof(u32), 8);
	u64 lost_size = sizeof(struct perf_event_header) + 16, need, at, used;

	if (total > U16_MAX)
		return -E2BIG;
	need = total + (r->lost ? lost_size : 0);
	/* Not before its reader is done with the bytes: pairs with its barrier. */
	used = r->head - READ_ONCE(r->ctl->data_tail);
	smp_mb();
	if (used > r->size || r->size - used < need) {
		r->lost++;
		notify(out, r, (u32)total);
		return -ENOSPC;
	}
	at = r->head;
	if (r->lost) {
		put_header(r, &at, PERF_RECORD_LOST, 0, (u16)lost_size);
		put_u64(r, &at, out->id);
		put_u64(r, &at, r->lost);
		r->lost = 0;
	}
	put_sample(out, r, &at, (u32)total, data, size, more, more_size);
	r->head = at;
	smp_wmb();		/* records before the head that shows them */
	WRITE_ONCE(r->ctl->data_head, at);
	notify(out, r, (u32)need);
	return 0;
}

long bpfshim_output_write(struct bpfshim_output *out, const void *data, u64 size,
			  const void *more, u64 more_size)
{
	struct ring *r;

	if (out->cpu != raw_smp_processor_id())
		return -EOPNOTSUPP;
	if (size > U16_MAX || more_size > U16_MAX)
		return -E2BIG;
	if (!atomic_read(&out->enabled))
		return 0;
	atomic64_inc(&out->count);
	r = rcu_dereference_raw(out->ring);
	/* As perf: nobody has mapped it, nobody misses it. */
	return r ? write_ring(out, r, data, size, more, more_size) : 0;
}

static void wake(struct irq_work *work)
{
	struct bpfshim_output *out = container_of(work, struct bpfshim_output, wake);

	wake_up_all(&out->wait);
	kill_fasync(&out->fasync, SIGIO, POLL_IN);
}

/* ---- the buffer's life -------------------------------------------------- */

static void ring_free_work(struct work_struct *work)
{
	struct ring *r = container_of(work, struct ring, work);

	bpfshim_mem_charge(-(s64)(r->pages << PAGE_SHIFT));
	vfree(r->ctl);
	bpfshim_kfree(r);
	module_put(THIS_MODULE);
}

static void ring_free_rcu(struct rcu_head *rcu)
{
	struct ring *r = container_of(rcu, struct ring, rcu);

	INIT_WORK(&r->work, ring_free_work);	/* vfree wants process context */
	schedule_work(&r->work);
}

static void ring_put(struct ring *r)
{
	if (atomic_dec_and_test(&r->refs))
		bpfshim_call_rcu_handlers(&r->rcu, ring_free_rcu);
}

static struct ring *ring_new(unsigned long pages)
{
	struct ring *r = bpfshim_kzalloc(sizeof(*r), GFP_KERNEL);

	if (!r)
		return NULL;
	r->ctl = bpfshim_should_fail() ? NULL : vmalloc_user(pages << PAGE_SHIFT);
	if (!r->ctl) {
		bpfshim_kfree(r);
		return NULL;
	}
	/* Until the memory is gone so is not the code that frees it. */
	__module_get(THIS_MODULE);
	atomic_set(&r->refs, 1);
	r->data = (char *)r->ctl + PAGE_SIZE;
	r->size = (u64)(pages - 1) << PAGE_SHIFT;
	r->pages = pages;
	r->ctl->version = 1;
	/* data_offset, data_size: perf's header has had them since 4.1 only,
	 * behind data_head and data_tail. */
	(&r->ctl->data_tail)[1] = PAGE_SIZE;
	(&r->ctl->data_tail)[2] = r->size;
	bpfshim_mem_charge(pages << PAGE_SHIFT);
	return r;
}

static void vma_open(struct vm_area_struct *vma)
{
	atomic_inc(&((struct ring *)vma->vm_private_data)->refs);
}

static void vma_close(struct vm_area_struct *vma)
{
	ring_put(vma->vm_private_data);
}

static const struct vm_operations_struct output_vm_ops = {
	.open = vma_open,
	.close = vma_close,
};

static int output_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct bpfshim_output *out = file->private_data;
	unsigned long pages = vma_pages(vma);
	struct ring *r, *new = NULL;
	int err;

	if (!(vma->vm_flags & VM_SHARED) || vma->vm_pgoff)
		return -EINVAL;
	if (pages < 2 || pages > MAX_PAGES + 1 || !is_power_of_2(pages - 1))
		return -EINVAL;
	mutex_lock(&out->mmap_lock);
	r = rcu_dereference_protected(out->ring, lockdep_is_held(&out->mmap_lock));
	err = -EINVAL;
	if (r && r->pages != pages)
		goto out;
	err = -ENOMEM;
	if (!r) {
		r = new = ring_new(pages);
		if (!r)
			goto out;
	}
	bpfshim_vma_no_copy(vma, false);
	err = remap_vmalloc_range(vma, r->ctl, 0);
	if (err) {
		if (new)
			ring_put(new);
		goto out;
	}
	atomic_inc(&r->refs);
	vma->vm_private_data = r;
	vma->vm_ops = &output_vm_ops;
	if (new)
		rcu_assign_pointer(out->ring, new);
out:
	mutex_unlock(&out->mmap_lock);
	return err;
}

/* ---- the file ----------------------------------------------------------- */

static bpfshim_poll_t output_poll(struct file *file, poll_table *pt)
{
	struct bpfshim_output *out = file->private_data;

	poll_wait(file, &out->wait, pt);
	if (!rcu_access_pointer(out->ring))
		return (__force bpfshim_poll_t)POLLHUP;
	return (__force bpfshim_poll_t)(atomic_xchg(&out->poll, 0) ? POLLIN : 0);
}

static ssize_t output_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	struct bpfshim_output *out = file->private_data;
	u64 count = atomic64_read(&out->count);

	if (size < sizeof(count))
		return -ENOSPC;
	return copy_to_user(buf, &count, sizeof(count)) ? -EFAULT : sizeof(count);
}

static long output_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct bpfshim_output *out = file->private_data;

	switch (cmd) {
	case PERF_EVENT_IOC_ENABLE:
		atomic_set(&out->enabled, 1);
		return 0;
	case PERF_EVENT_IOC_DISABLE:
		atomic_set(&out->enabled, 0);
		return 0;
	case PERF_EVENT_IOC_RESET:
		atomic64_set(&out->count, 0);
		return 0;
	case _IOR('$', 7, __u64 *):	/* PERF_EVENT_IOC_ID */
		return put_user(out->id, (u64 __user *)arg);
	}
	return -ENOTTY;
}

static int output_fasync(int fd, struct file *file, int on)
{
	struct bpfshim_output *out = file->private_data;

	return fasync_helper(fd, file, on, &out->fasync);
}

static int output_release(struct inode *inode, struct file *file)
{
	struct bpfshim_output *out = file->private_data;
	struct ring *r = rcu_dereference_protected(out->ring, true);

	/* Maps that held the file let go of it a grace period ago. */
	bpfshim_sync_handlers();
	irq_work_sync(&out->wake);
	if (r)
		ring_put(r);
	bpfshim_kfree(out);
	atomic_dec(&outputs);
	return 0;
}

static const struct file_operations output_fops = {
	.owner = THIS_MODULE,
	.release = output_release,
	.mmap = output_mmap,
	.poll = output_poll,
	.read = output_read,
	.unlocked_ioctl = output_ioctl,
	.compat_ioctl = output_ioctl,
	.fasync = output_fasync,
	.llseek = no_llseek,
};

struct bpfshim_output *bpfshim_output_from_file(struct file *file)
{
	return file->f_op == &output_fops ? file->private_data : NULL;
}

int bpfshim_output_open(const struct bpfshim_ext_output_open *attr)
{
	struct bpfshim_output *out;
	int fd;

	if (attr->flags & ~(BPFSHIM_OUTPUT_WATERMARK | BPFSHIM_OUTPUT_CLOEXEC) || attr->pad)
		return -EINVAL;
	if (attr->sample_type & ~(u64)KNOWN_SAMPLES)
		return -EINVAL;
	if (attr->cpu >= nr_cpu_ids || !cpu_possible(attr->cpu))
		return -EINVAL;
	out = bpfshim_kzalloc(sizeof(*out), GFP_KERNEL);
	if (!out)
		return -ENOMEM;
	out->cpu = attr->cpu;
	out->watermark = attr->flags & BPFSHIM_OUTPUT_WATERMARK;
	out->wakeup = attr->wakeup ? attr->wakeup : 1;
	out->sample_type = attr->sample_type | PERF_SAMPLE_RAW;
	out->id = atomic64_inc_return(&next_id);
	atomic_set(&out->enabled, 1);
	mutex_init(&out->mmap_lock);
	init_waitqueue_head(&out->wait);
	init_irq_work(&out->wake, wake);
	atomic_inc(&outputs);
	fd = bpfshim_new_fd("[perf_event]", &output_fops, out, O_RDWR |
			      (attr->flags & BPFSHIM_OUTPUT_CLOEXEC ? O_CLOEXEC : 0));
	if (fd < 0) {
		atomic_dec(&outputs);
		bpfshim_kfree(out);
	}
	return fd;
}
