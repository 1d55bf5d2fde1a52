/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Links: a program on a hook, held by fds and pins.  The last user gone detaches
 * at once, in the closer's context; the memory follows the program's reference
 * after a grace period.
 */
#ifndef BPFSHIM_LINK_H
#define BPFSHIM_LINK_H

#include "internal.h"

struct bpfshim_link;

/* What TASK_FD_QUERY tells of a link. */
struct bpfshim_link_query {
	u32 fd_type;
	u64 offset, addr;
	const char *name;	/* lives as long as the link */
};

struct bpfshim_hook_ops {
	u32 type;			/* BPFSHIM_LINK_TYPE_* */
	const char *kind;		/* shown by fdinfo */
	/* Take the program off: on return it neither runs nor will. May sleep. */
	void (*detach)(struct bpfshim_link *link);
	void (*free)(struct bpfshim_link *link);	/* memory; after a grace period */
	int (*fill_info)(struct bpfshim_link *link, struct bpfshim_link_info *info);
	void (*show)(struct bpfshim_link *link, struct seq_file *m);
	void (*query)(struct bpfshim_link *link, struct bpfshim_link_query *q);
};

/*
 * Base of every link, first in each kind's struct.  Owner: users (fds, pins
 * and lookups in flight).  prog: one reference, immutable until the free.
 */
struct bpfshim_link {
	struct bpfshim_obj obj;
	const struct bpfshim_hook_ops *ops;
	struct bpfshim_prog *prog;
	atomic_t users;
	u64 cookie;
};

/*
 * Takes over the caller's program reference (also on failure of a later
 * step: bpfshim_link_abort drops it).
 */
void bpfshim_link_init(struct bpfshim_link *link, const struct bpfshim_hook_ops *ops,
		       struct bpfshim_prog *prog, u64 cookie);
/* Before attaching failed: free the memory, without detach. */
void bpfshim_link_abort(struct bpfshim_link *link);
/* Attached: publish, make the fd. On failure detaches and frees. fd or errno. */
int bpfshim_link_settle(struct bpfshim_link *link);
void bpfshim_link_put(struct bpfshim_link *link);	/* process context */
struct bpfshim_link *bpfshim_link_from_fd(int fd);	/* +1 user, ERR_PTR */
struct bpfshim_link *bpfshim_link_from_file(struct file *file); /* borrowed or NULL */
struct bpfshim_link *bpfshim_link_by_id(u32 id);	/* +1 user, ERR_PTR */
int bpfshim_link_new_fd(struct bpfshim_link *link);	/* takes the caller's user */

long bpfshim_cmd_link_create(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_link_update(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_link_detach(union bpfshim_attr *attr, void __user *uattr, u32 size);

/* unoffered.c */
u32 bpfshim_type_of_attach(u32 attach_type);	/* its program type, or UNSPEC */
long bpfshim_cmd_prog_attach(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_prog_detach(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_prog_query(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_iter_create(union bpfshim_attr *attr, void __user *uattr, u32 size);

/* pin.c */
long bpfshim_cmd_obj_pin(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_obj_get(union bpfshim_attr *attr, void __user *uattr, u32 size);

/* attach/: the hooks */
long bpfshim_cmd_kprobe(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_tracepoint(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_perf_attach(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_raw_tracepoint_open(union bpfshim_attr *attr, void __user *uattr, u32 size);
/* A perf fd gets prog: link fd or errno; takes the program reference. */
long bpfshim_perf_link_create(struct bpfshim_prog *prog, int perf_fd, u64 cookie);
u64 bpfshim_kretprobe_misses(void);
int bpfshim_tracepoint_init(void);
void bpfshim_tracepoint_exit(void);

#endif /* BPFSHIM_LINK_H */
