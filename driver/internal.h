/* SPDX-License-Identifier: GPL-2.0 */
/* What the driver's core files share among themselves (not maps, helpers). */
#ifndef BPFSHIM_INTERNAL_H
#define BPFSHIM_INTERNAL_H

#include "driver.h"

/* object.c */
int bpfshim_objects_init(void);
void bpfshim_objects_exit(void);
u32 bpfshim_obj_count(enum bpfshim_obj_kind kind);	/* allocated, not yet freed */
u32 bpfshim_btf_count(void);		/* the same, without the kernel's own */
u64 bpfshim_mem_charged(void);

/* util.c */
extern const struct bpfshim_vrf_ops bpfshim_mem_ops;	/* alloc, free, resched, now_ns; no log */
void *bpfshim_vrf_alloc(void *cookie, size_t size);
void bpfshim_vrf_free(void *cookie, void *p);
int bpfshim_vrf_resched(void *cookie);
u64 bpfshim_vrf_now(void *cookie);
static inline void __user *bpfshim_uptr(u64 addr)
{
	return (void __user *)(unsigned long)addr;
}
/* Copy an object name: 0 or -EINVAL (characters, no terminator). */
int bpfshim_name_copy(char dst[BPFSHIM_OBJ_NAME_LEN], const char src[BPFSHIM_OBJ_NAME_LEN]);
/* -E2BIG when user bytes [known, actual) are not zero, or are too many. */
int bpfshim_tail_zero(const void __user *p, u32 known, u32 actual);
/* SHA-1 of a buffer. */
void bpfshim_sha1(const void *data, size_t len, u8 digest[20]);

/*
 * The user's log buffer.  Text that does not fit is dropped, the terminator
 * always fits, and the writer remembers: -ENOSPC is the command's result then.
 */
struct bpfshim_log {
	char __user *buf;	/* NULL after a fault */
	u32 level, size, used;
};
/* 0, or -EINVAL: level, size and buffer do not fit together. */
int bpfshim_log_init(struct bpfshim_log *log, u32 level, u64 buf, u32 size);
void bpfshim_log_write(struct bpfshim_log *log, const char *text, u32 len);
/* Drop the text after byte pos. */
void bpfshim_log_reset(struct bpfshim_log *log, u64 pos);
__printf(2, 3) void bpfshim_log_printf(struct bpfshim_log *log, const char *fmt, ...);
/* The log's say in the result: err, -ENOSPC or -EFAULT. */
int bpfshim_log_result(const struct bpfshim_log *log, int err);

/* run.c */
const struct bpfshim_exec_env *bpfshim_env(void);
void bpfshim_run_init(void);
/* Run without guard and context: the caller has both. */
u64 bpfshim_xprog_run(const struct bpfshim_xprog *x, const void *ctx);
u64 bpfshim_run_misses(void);
/* A linked program may run from now on; or never again. */
void bpfshim_run_add(struct bpfshim_prog *prog);
void bpfshim_run_del(struct bpfshim_prog *prog);
/* The linked program that tail calls enter there; its reference is the caller's
 * already.  NULL: none.  Process context. */
struct bpfshim_prog *bpfshim_prog_of_tail(const void *tail);
void bpfshim_prog_stats_sum(const struct bpfshim_prog *prog, struct bpfshim_prog_stats *sum);
/* ENABLE_STATS: an fd whose life keeps run time statistics on. */
long bpfshim_cmd_enable_stats(union bpfshim_attr *attr, void __user *uattr, u32 size);

/* prog.c */
struct bpfshim_prog *bpfshim_prog_alloc(void);	/* one reference; NULL */
extern const struct file_operations bpfshim_prog_fops;
int bpfshim_prog_new_fd(struct bpfshim_prog *prog);	/* consumes no reference */
/* engine.c */
u32 bpfshim_engine(void);				/* BPFSHIM_ENGINE_* of new programs */
u64 bpfshim_engine_features(void);			/* BPFSHIM_FEAT_INTERP, _JIT */
int bpfshim_engine_init(void);
void bpfshim_engine_exit(void);
u32 bpfshim_prog_jited_len(const struct bpfshim_prog *prog);
/* Make a verified program runnable: fills xprog. 0, -ENOMEM, -EINVAL. */
int bpfshim_prog_link(struct bpfshim_prog *prog);
void bpfshim_prog_unlink(struct bpfshim_prog *prog);

/* load.c */
long bpfshim_cmd_prog_load(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_prog_bind_map(union bpfshim_attr *attr, void __user *uattr, u32 size);

/* btf.c */
extern const struct file_operations bpfshim_btf_fops;
int bpfshim_btf_new_fd(struct bpfshim_btf *btf);
int bpfshim_btf_init(void);
void bpfshim_btf_exit(void);
void bpfshim_btf_drop_kernel(void);
long bpfshim_cmd_btf_load(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_set_kernel_btf(union bpfshim_attr *attr, void __user *uattr, u32 size);

/* info.c, ids.c, test_run.c */
long bpfshim_cmd_info_by_fd(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_prog_next_id(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_map_next_id(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_btf_next_id(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_link_next_id(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_prog_fd_by_id(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_map_fd_by_id(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_btf_fd_by_id(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_link_fd_by_id(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_test_run(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_task_fd_query(union bpfshim_attr *attr, void __user *uattr, u32 size);

#endif /* BPFSHIM_INTERNAL_H */
