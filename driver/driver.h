/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the driver's parts share: objects and their lifetimes, the tables that
 * map types, helpers and commands register in, and the run context.
 *
 * Lifetimes.  Maps, programs, BTFs and links are counted objects.  An fd holds
 * one reference; so does each object that uses another (program -> its maps,
 * link -> its program, map -> its BTF).  The last put removes the id and hands
 * the object to a workqueue, which waits for a grace period before freeing, so
 * a put is legal in any context and a program may look at a dying map.
 */
#ifndef BPFSHIM_DRIVER_H
#define BPFSHIM_DRIVER_H

#include "../compat/compat.h"	/* every kernel header comes through here */
#include "../ioctl/bpfshim.h"
#include "../verifier/verifier.h"
#include "../verifier/btf.h"
#include "exec/exec.h"

/* ---- objects ----------------------------------------------------------- */

enum bpfshim_obj_kind {
	BPFSHIM_OBJ_MAP,
	BPFSHIM_OBJ_PROG,
	BPFSHIM_OBJ_BTF,
	BPFSHIM_OBJ_LINK,
	BPFSHIM_OBJ_KINDS
};

/*
 * Head of every counted object.  Owner: its references.  refs: atomic, any
 * context.  id: set once by bpfshim_obj_publish, cleared by the last put.
 */
struct bpfshim_obj {
	atomic_t refs;
	enum bpfshim_obj_kind kind;
	u32 id;
	struct rcu_head rcu;
	struct work_struct work;
	void (*free)(struct bpfshim_obj *obj);	/* process context, after a grace period */
};

/* object.c (D1). */
void bpfshim_obj_init(struct bpfshim_obj *obj, enum bpfshim_obj_kind kind,
		      void (*free)(struct bpfshim_obj *));
int bpfshim_obj_publish(struct bpfshim_obj *obj);	/* allocates the id; may sleep */
void bpfshim_obj_get(struct bpfshim_obj *obj);
void bpfshim_obj_put(struct bpfshim_obj *obj);		/* any context */
struct bpfshim_obj *bpfshim_obj_by_id(enum bpfshim_obj_kind kind, u32 id); /* +1 or ERR_PTR(-ENOENT) */
int bpfshim_obj_next_id(enum bpfshim_obj_kind kind, u32 *id);	/* 0 or -ENOENT */

/* Charge kernel memory of maps and programs to the module's counter. */
void bpfshim_mem_charge(s64 bytes);

/* ---- maps -------------------------------------------------------------- */

struct bpfshim_map;

/*
 * One map type.  alloc_check returns the errno 6.1's map_alloc_check and
 * map_alloc give for bad attributes.  "prog side" functions are what helpers
 * call: any context (NMI included), preemption off, under the module's RCU
 * read side, may not sleep.  "user side": process context, may sleep.
 * Missing function = -EOPNOTSUPP/-ENOTSUPP as 6.1 gives for that command.
 */
struct bpfshim_map_ops {
	u32 map_type;
	int (*alloc_check)(const union bpfshim_attr *attr);
	struct bpfshim_map *(*alloc)(const union bpfshim_attr *attr); /* ERR_PTR */
	void (*stop)(struct bpfshim_map *map);		/* before its memory is counted back: what grows it ends */
	void (*free)(struct bpfshim_map *map);		/* process context, no users left */
	void (*file_release)(struct bpfshim_map *map, struct file *file); /* one fd's file closes */
	void (*release_user)(struct bpfshim_map *map);	/* last user reference (fd) gone */

	/* prog side */
	void *(*lookup)(struct bpfshim_map *map, const void *key);
	long (*update)(struct bpfshim_map *map, const void *key, const void *value, u64 flags);
	long (*delete_elem)(struct bpfshim_map *map, const void *key);
	long (*push)(struct bpfshim_map *map, const void *value, u64 flags);
	long (*pop)(struct bpfshim_map *map, void *value);
	long (*peek)(struct bpfshim_map *map, void *value);
	void *(*lookup_percpu)(struct bpfshim_map *map, const void *key, u32 cpu);
	/* calls cb(map, key, value, ctx) until it returns other than 0 */
	long (*for_each)(struct bpfshim_map *map, const struct bpfshim_callback *cb, u64 ctx, u64 flags);

	/* user side; key/value are kernel copies, value is user_value_size bytes */
	u32 (*user_value_size)(const struct bpfshim_map *map);	/* NULL: value_size */
	bool user_lookup_reads;		/* value comes in, and is asked for */
	int (*user_lookup)(struct bpfshim_map *map, const void *key, void *value, u64 flags);
	int (*user_update)(struct bpfshim_map *map, const void *key, const void *value, u64 flags);
	int (*user_delete)(struct bpfshim_map *map, const void *key);
	int (*user_lookup_and_delete)(struct bpfshim_map *map, const void *key, void *value, u64 flags);
	int (*get_next_key)(struct bpfshim_map *map, const void *key /* or NULL */, void *next);
	/* hash tables, for batches: how many buckets, and one bucket's elements
	 * into keys and values if there are at most room (taken out with remove);
	 * how many there are. */
	u32 (*nr_buckets)(const struct bpfshim_map *map);
	u32 (*bucket_read)(struct bpfshim_map *map, u32 bucket, void *keys, void *values, u32 room, bool remove);
	/* values that are fds (prog array, perf event array, map-in-map) */
	int (*fd_update)(struct bpfshim_map *map, struct file *map_file, const void *key, u32 fd, u64 flags);

	/* address of byte off of the value area, for ld_imm64 map values */
	int (*direct_value)(const struct bpfshim_map *map, u32 off, u64 *addr);
	int (*mmap)(struct bpfshim_map *map, struct vm_area_struct *vma);
	unsigned int (*poll)(struct bpfshim_map *map, struct file *file, poll_table *pt);
	/* the last word on a map's BTF, whose sizes fit; NULL: whatever fits */
	int (*check_btf)(const struct bpfshim_map *map, const struct bpfshim_vrf_btf *btf, u32 key_id, u32 value_id);
	/* is map like the inner maps of an outer one; NULL: this type cannot be inside */
	bool (*inner_fits)(const struct bpfshim_vrf_map *inner, const struct bpfshim_map *map);
	/* may the program, verified, use this map (owner checks of prog arrays) */
	int (*prog_check)(struct bpfshim_map *map, const void *prog);
	void (*describe)(const struct bpfshim_map *map, struct bpfshim_vrf_map *out); /* extra, e.g. inner */
	void (*show)(const struct bpfshim_map *map, struct seq_file *m); /* more lines of fdinfo */
};

/* Kernel pointers in a map's values.  Owner: the map.  Immutable. */
struct bpfshim_map_kptrs {
	u32 nr;
	struct bpfshim_vrf_kptr at[BPFSHIM_VRF_MAX_KPTRS];	/* by offset */
	struct bpfshim_btf *kernel;	/* whose types they may be; or NULL */
};

/*
 * Base of every map; embedded first in each type's own struct.
 * Owner: its references.  Immutable after publish but for: frozen (set once
 * under freeze_lock), writers (user mmaps and updates in flight, atomic),
 * urefs (fds and pins; atomic).
 */
struct bpfshim_map {
	struct bpfshim_obj obj;
	const struct bpfshim_map_ops *ops;
	u32 map_type, key_size, value_size, max_entries, map_flags;
	int numa_node;
	u64 map_extra;
	s64 mem;			/* bytes charged */
	atomic_t urefs;
	atomic_t writers;
	struct mutex freeze_lock;
	bool frozen;
	s32 spin_lock_off, timer_off;
	struct bpfshim_map_kptrs *kptrs;	/* or NULL */
	bool special;			/* values hold one of these three */
	struct bpfshim_btf *btf;	/* or NULL */
	u32 btf_key_type_id, btf_value_type_id;
	char name[BPFSHIM_OBJ_NAME_LEN];
};

/* maps/registry.c (D2): ops for a type, or NULL when it is not offered. */
const struct bpfshim_map_ops *bpfshim_map_ops_of(u32 map_type);
/* maps/map.c (D2): fill the base from attr (after alloc, by the type). */
void bpfshim_map_base_init(struct bpfshim_map *map, const union bpfshim_attr *attr);
/* maps/cmd.c (D2): the MAP_* commands; see the command table in device.c. */
int bpfshim_map_new_fd(struct bpfshim_map *map, int o_flags);
struct bpfshim_map *bpfshim_map_from_fd(int fd);	/* +1 obj ref, or ERR_PTR(-EBADF/-EINVAL) */
void bpfshim_map_get(struct bpfshim_map *map);
void bpfshim_map_put(struct bpfshim_map *map);
/* User references (fds, pins), beside the object's own; process context. */
void bpfshim_map_user_get(struct bpfshim_map *map);
void bpfshim_map_user_put(struct bpfshim_map *map);
/* Memory of maps: zeroed, vmalloc or kmalloc as fits, NULL when out of it. */
void *bpfshim_map_area_alloc(u64 size, int numa_node);
void bpfshim_map_area_free(void *p);

/* ---- BTF --------------------------------------------------------------- */

/* Owner: references. Immutable. */
struct bpfshim_btf {
	struct bpfshim_obj obj;
	void *data;
	u32 size;
	bool kernel;
	char name[64];
	struct bpfshim_vrf_btf *parsed;
};
struct bpfshim_btf *bpfshim_btf_from_fd(int fd);	/* +1, or ERR_PTR */
void bpfshim_btf_get(struct bpfshim_btf *btf);
void bpfshim_btf_put(struct bpfshim_btf *btf);
struct bpfshim_btf *bpfshim_kernel_btf_get(void);	/* +1, or NULL */
/* The same, for a program's run: it stays until that ends. Any context. */
const struct bpfshim_vrf_btf *bpfshim_kernel_btf_now(void);
/* Of the types that are this module's own; as long as it is loaded. */
const struct bpfshim_vrf_btf *bpfshim_own_btf(void);

/* ---- programs ---------------------------------------------------------- */

/* Per-CPU statistics; written with preemption off. */
struct bpfshim_prog_stats {
	u64 cnt, nsecs, misses;
};

/* Owner: references. Immutable after publish, statistics excepted. */
struct bpfshim_prog {
	struct bpfshim_obj obj;
	u32 type, expected_attach_type;
	bool gpl_compatible, sleepable, kprobe_override;
	bool unpriv;				/* verified by the rules for unprivileged users */
	bool want_native;			/* to be compiled: what tail calls go by */
	s64 mem;				/* bytes charged */
	char name[BPFSHIM_OBJ_NAME_LEN];
	u8 tag[BPFSHIM_TAG_SIZE];
	u64 load_time;
	u32 uid;
	u32 verified_insns;
	struct bpfshim_vrf_result vrf;		/* instructions as linked */
	struct bpfshim_xprog xprog;
	void *image;				/* machine code, or NULL */
	u32 image_len;
	/* offsets in the image: of functions, of the end, of vrf.line_info; or NULL */
	u32 *image_at;
	struct bpfshim_insn *xlated;		/* vrf.len, before linking: for dumps */
	struct bpfshim_map **used_maps;
	u32 nr_used_maps;
	/* of them: cgroup storage, shared and per CPU; or NULL */
	struct bpfshim_map *cgroup_storage[2];
	struct mutex maps_lock;			/* used_maps after PROG_BIND_MAP */
	struct bpfshim_btf *btf;
	struct bpfshim_func_info *func_info;	/* of the program as loaded */
	u32 nr_func_info;
	u32 attach_btf_id, attach_btf_obj_id;
	struct bpfshim_prog_stats __percpu *stats;
	/* xprog.native, but NULL while runs are counted; run.c */
	bpfshim_native_fn fast;
	struct list_head run_list;		/* under run.c's mutex */
};
struct bpfshim_prog *bpfshim_prog_from_fd(int fd);	/* +1, or ERR_PTR(-EBADF/-EINVAL) */
void bpfshim_prog_get(struct bpfshim_prog *prog);
void bpfshim_prog_put(struct bpfshim_prog *prog);

/* ---- running ----------------------------------------------------------- */

/*
 * What a helper may ask about the run it is part of.  Lives on the
 * dispatcher's stack; the per-CPU pointer to it is set while a program runs.
 */
struct bpfshim_run_ctx {
	const struct bpfshim_prog *prog;
	struct pt_regs *regs;		/* registers at the hook, or NULL */
	u64 cookie;			/* bpf_get_attach_cookie */
	u64 func_ip;			/* bpf_get_func_ip, 0 if none */
	struct perf_event *event;	/* perf_event programs */
	struct perf_sample_data *sample;
	bool override;			/* override_return was called; set before runs that may */
	/* programs with cgroup_storage: a test run's values, the second per CPU */
	void *storage;
	void __percpu *percpu_storage;
	struct bpfshim_here here;	/* the dispatcher's frame */
};
/* The run on this CPU (preemption off), or NULL. */
struct bpfshim_run_ctx *bpfshim_run_ctx_current(void);

/* Field by field: less than a memset, on the way to every program. */
static inline void bpfshim_run_ctx_init(struct bpfshim_run_ctx *rc, struct pt_regs *regs, u64 cookie)
{
	rc->regs = regs;
	rc->cookie = cookie;
	rc->func_ip = 0;
	rc->event = NULL;
	rc->sample = NULL;
}

/* Written only by its CPU; interrupts and NMIs nest and leave it as it was. */
struct bpfshim_run_cpu {
	int active;		/* runs, and sections that keep runs off */
	struct bpfshim_run_ctx *cur;
	u64 misses;
};
DECLARE_PER_CPU(struct bpfshim_run_cpu, bpfshim_run_cpu);

/* What is not compiled, or is counted while it runs. */
u64 bpfshim_prog_run_slow(struct bpfshim_prog *prog, const void *ctx);
void bpfshim_prog_missed(struct bpfshim_prog *prog);

/*
 * Run a program from a hook: preemption off, RCU held, recursion guard.
 * A run that the guard refuses is counted in stats->misses and returns 0
 * with *ran false (ran may be NULL).  Any context.  rc is initialized.
 */
static inline u64 bpfshim_prog_run(struct bpfshim_prog *prog, const void *ctx,
				   struct bpfshim_run_ctx *rc, bool *ran)
{
	bpfshim_native_fn fast;
	bool first;
	u64 ret = 0;

	bpfshim_read_lock();
	first = this_cpu_inc_return(bpfshim_run_cpu.active) == 1;
	if (likely(first)) {
		rc->prog = prog;
		bpfshim_here_save(&rc->here);
		this_cpu_write(bpfshim_run_cpu.cur, rc);
		fast = READ_ONCE(prog->fast);
		ret = likely(fast) ? fast(ctx) : bpfshim_prog_run_slow(prog, ctx);
		/* Runs do not nest. */
		this_cpu_write(bpfshim_run_cpu.cur, NULL);
	} else {
		bpfshim_prog_missed(prog);
	}
	if (ran)
		*ran = first;
	this_cpu_dec(bpfshim_run_cpu.active);
	bpfshim_read_unlock();
	return ret;
}

/*
 * Process context code that takes a lock programs take too (a map update from
 * user space) stands between these: no program starts on this CPU meanwhile,
 * so none can meet the lock held.  Preemption is off in between.
 */
void bpfshim_guard_enter(void);
void bpfshim_guard_leave(void);

/* maps/prog_array.c (D2): the program in a slot, NULL when empty or outside.
 * Called under the run's guarantees. */
const struct bpfshim_prog *bpfshim_prog_array_target(struct bpfshim_map *map, u32 index);

/* Context of perf_event programs: 6.1's struct bpf_perf_event_data, by value. */
struct bpfshim_perf_ctx {
	struct pt_regs regs;
	u64 sample_period;
	u64 addr;
};

/* ---- helpers (helpers/, D2) -------------------------------------------- */

/* Module load and unload of helpers and maps; exit runs when no object is left. */
int bpfshim_helpers_init(void);
void bpfshim_helpers_exit(void);

/* By helper id; NULL where not implemented.  Built from ioctl/helpers.h. */
extern const bpfshim_helper_fn bpfshim_helper_table[BPFSHIM_HELPER_SLOTS];
/* Bit n: implemented and usable on this kernel for this program type. */
void bpfshim_helper_avail(u32 prog_type, u64 bits[4]);

/* ---- BPF-output events (output.c, D2) ----------------------------------- */

struct bpfshim_output;
int bpfshim_output_open(const struct bpfshim_ext_output_open *attr); /* fd */
u32 bpfshim_output_count(void);		/* open outputs, EXT_INFO */
struct bpfshim_output *bpfshim_output_from_file(struct file *file); /* borrowed, or NULL: not one */
/* Write one sample; 0, -ENOSPC (counted as lost), -EOPNOTSUPP wrong CPU. Any context. */
long bpfshim_output_write(struct bpfshim_output *out, const void *data, u64 size,
			  const void *ctx_data, u64 ctx_size);

/* ---- commands ---------------------------------------------------------- */

/*
 * device.c (D1) owns the table: {cmd, handler, last byte of attr used}. It
 * copies attr once, checks size and zero tail once, and CHECK_ATTR semantics
 * (bytes after the command's last field must be 0, else -EINVAL).  A handler
 * gets the copy and the user pointer for output fields.
 */
typedef long (*bpfshim_cmd_fn)(union bpfshim_attr *attr, void __user *uattr, u32 size);

long bpfshim_cmd_map_create(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_map_lookup(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_map_update(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_map_delete(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_map_next_key(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_map_lookup_and_delete(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_map_freeze(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_map_lookup_batch(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_map_lookup_and_delete_batch(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_map_update_batch(union bpfshim_attr *attr, void __user *uattr, u32 size);
long bpfshim_cmd_map_delete_batch(union bpfshim_attr *attr, void __user *uattr, u32 size);
/* info of one map into a user buffer, OBJ_GET_INFO_BY_FD semantics */
long bpfshim_map_info(struct bpfshim_map *map, union bpfshim_attr *attr, void __user *uattr);

#endif /* BPFSHIM_DRIVER_H */
