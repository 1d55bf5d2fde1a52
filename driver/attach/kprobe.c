// SPDX-License-Identifier: GPL-2.0
/*
 * kprobe and kretprobe links, on register_kprobe and register_kretprobe.
 * The program's context is the probe's pt_regs.
 */
#include "../link.h"

#define MAXACTIVE_LIMIT	4096
#define BPFSHIM_FD_TYPE_KPROBE		2
#define BPFSHIM_FD_TYPE_KRETPROBE	3

struct kprobe_link {
	struct bpfshim_link link;
	u64 func_ip;		/* 0: not at a function's entry */
	u64 offset;
	bool ret;
	union {
		struct kprobe kp;
		struct kretprobe rp;
	};
	struct list_head list;		/* kretprobes, under links_lock */
	char symbol[KSYM_NAME_LEN];	/* empty: by address */
};

/* Live kretprobes, for the count of lost returns. */
static DEFINE_MUTEX(links_lock);
static LIST_HEAD(kretprobes);
static u64 gone_misses;

static void run(struct kprobe_link *k, struct pt_regs *regs)
{
	struct bpfshim_run_ctx bpfshim_uninit rc;

	bpfshim_run_ctx_init(&rc, regs, k->link.cookie);
	rc.func_ip = k->func_ip;
	bpfshim_prog_run(k->link.prog, regs, &rc, NULL);
}

static int on_entry(struct kprobe *kp, struct pt_regs *regs)
{
	run(container_of(kp, struct kprobe_link, kp), regs);
	return 0;
}

/* The same for programs that may end the function before it runs. */
static int on_entry_override(struct kprobe *kp, struct pt_regs *regs)
{
	struct kprobe_link *k = container_of(kp, struct kprobe_link, kp);
	struct bpfshim_run_ctx bpfshim_uninit rc;

	bpfshim_run_ctx_init(&rc, regs, k->link.cookie);
	rc.func_ip = k->func_ip;
	rc.override = false;
	bpfshim_prog_run(k->link.prog, regs, &rc, NULL);
	if (!rc.override)
		return 0;
	bpfshim_override(regs);
	return 1;
}

/* A probe with one is never turned into a jump, which could not be taken back. */
static void no_jump(struct kprobe *kp, struct pt_regs *regs, unsigned long flags)
{
}

static int on_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct kretprobe *rp = bpfshim_ri_kretprobe(ri);

	/* NULL once the probe is being removed. */
	if (rp)
		run(container_of(rp, struct kprobe_link, rp), regs);
	return 0;
}

static void kprobe_detach(struct bpfshim_link *link)
{
	struct kprobe_link *k = container_of(link, struct kprobe_link, link);

	if (!k->ret) {
		unregister_kprobe(&k->kp);
		return;
	}
	unregister_kretprobe(&k->rp);
	mutex_lock(&links_lock);
	list_del(&k->list);
	gone_misses += k->rp.nmissed;
	mutex_unlock(&links_lock);
}

static void kprobe_free(struct bpfshim_link *link)
{
	bpfshim_kvfree(container_of(link, struct kprobe_link, link));
}

static void kprobe_show(struct bpfshim_link *link, struct seq_file *m)
{
	struct kprobe_link *k = container_of(link, struct kprobe_link, link);

	seq_printf(m, "kprobe:\t%s%s+0x%llx\nmissed:\t%lu\n", k->ret ? "return of " : "",
		   k->symbol[0] ? k->symbol : "address", k->offset,
		   k->ret ? k->rp.nmissed + k->rp.kp.nmissed : k->kp.nmissed);
}

static void kprobe_query(struct bpfshim_link *link, struct bpfshim_link_query *q)
{
	struct kprobe_link *k = container_of(link, struct kprobe_link, link);

	q->fd_type = k->ret ? BPFSHIM_FD_TYPE_KRETPROBE : BPFSHIM_FD_TYPE_KPROBE;
	if (k->symbol[0]) {
		q->name = k->symbol;
		q->offset = k->offset;
	} else {
		q->addr = k->offset;
	}
}

static const struct bpfshim_hook_ops kprobe_ops = {
	.type = BPFSHIM_LINK_TYPE_PERF_EVENT,
	.kind = "perf",
	.detach = kprobe_detach,
	.free = kprobe_free,
	.show = kprobe_show,
	.query = kprobe_query,
};

u64 bpfshim_kretprobe_misses(void)
{
	struct kprobe_link *k;
	u64 sum;

	mutex_lock(&links_lock);
	sum = gone_misses;
	list_for_each_entry(k, &kretprobes, list)
		sum += k->rp.nmissed;
	mutex_unlock(&links_lock);
	return sum;
}

/* Is addr the first byte of a kernel function? */
static bool is_entry(unsigned long addr)
{
	char buf[KSYM_SYMBOL_LEN], *plus;

	sprint_symbol(buf, bpfshim_entry_of(addr));
	plus = strstr(buf, "+0x");
	return plus && !strncmp(plus, "+0x0/", 5);
}

static int copy_symbol(struct kprobe_link *k, u64 from)
{
	long n;

	if (!from)
		return 0;
	n = strncpy_from_user(k->symbol, bpfshim_uptr(from), sizeof(k->symbol));
	if (n < 0)
		return n;
	return n == sizeof(k->symbol) ? -E2BIG : 0;
}

static void aim(struct kprobe_link *k, struct kprobe *kp)
{
	if (k->symbol[0]) {
		kp->symbol_name = k->symbol;
		kp->offset = k->offset;
	} else {
		kp->addr = (kprobe_opcode_t *)(unsigned long)k->offset;
	}
}

static int attach_return(struct kprobe_link *k, u32 maxactive)
{
	int err;

	/*
	 * 3.10 takes a return probe anywhere; away from an entry it would
	 * replace a word of the stack that is no return address.
	 */
	if (k->symbol[0] ? k->offset != 0 : !is_entry(k->offset))
		return -EINVAL;
	k->rp.handler = on_return;
	k->rp.maxactive = maxactive ? maxactive : max_t(u32, 128, 4 * num_possible_cpus());
	aim(k, &k->rp.kp);
	err = register_kretprobe(&k->rp);
	if (err)
		return err;
	mutex_lock(&links_lock);
	list_add(&k->list, &kretprobes);
	mutex_unlock(&links_lock);
	return 0;
}

static int attach_entry(struct kprobe_link *k)
{
	k->kp.pre_handler = k->link.prog->kprobe_override ? on_entry_override : on_entry;
	if (k->link.prog->kprobe_override)
		k->kp.post_handler = no_jump;
	aim(k, &k->kp);
	return register_kprobe(&k->kp);
}

long bpfshim_cmd_kprobe(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	const struct bpfshim_ext_kprobe *a = &attr->ext_kprobe;
	struct bpfshim_prog *prog;
	struct kprobe_link *k;
	unsigned long addr;
	int err;

	if ((a->flags & ~BPFSHIM_KPROBE_RETURN) || a->pad)
		return -EINVAL;
	if (a->maxactive && (!(a->flags & BPFSHIM_KPROBE_RETURN) ||
			     a->maxactive > MAXACTIVE_LIMIT))
		return -EINVAL;
	if (a->symbol && a->offset > UINT_MAX)
		return -EINVAL;
	prog = bpfshim_prog_from_fd(a->prog_fd);
	if (IS_ERR(prog))
		return PTR_ERR(prog);
	err = -EINVAL;
	if (prog->type != BPFSHIM_PROG_TYPE_KPROBE || prog->sleepable)
		goto put;
	err = -ENOMEM;
	k = bpfshim_kvzalloc(sizeof(*k));
	if (!k)
		goto put;
	err = copy_symbol(k, a->symbol);
	if (err) {
		bpfshim_kvfree(k);
		goto put;
	}
	k->offset = a->offset;
	k->ret = a->flags & BPFSHIM_KPROBE_RETURN;
	bpfshim_link_init(&k->link, &kprobe_ops, prog, a->cookie);
	/* The probe may fire before its address is known here. */
	addr = k->symbol[0] ? bpfshim_ksym_lookup(k->symbol) + k->offset : k->offset;
	k->func_ip = is_entry(addr) ? bpfshim_entry_of(addr) : 0;
	if (prog->kprobe_override && !(k->func_ip && bpfshim_may_override(k->func_ip))) {
		bpfshim_link_abort(&k->link);
		return -EINVAL;
	}
	err = k->ret ? attach_return(k, a->maxactive) : attach_entry(k);
	if (err) {
		bpfshim_link_abort(&k->link);
		return err;
	}
	return bpfshim_link_settle(&k->link);
put:
	bpfshim_prog_put(prog);
	return err;
}
