/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The verifier as a program.  It reads records from stdin and answers each on
 * stdout, until stdin ends; loader/hostverify is the other end, of the same
 * build.  Numbers are in the host's order:
 *
 *   record: u32 kind, u32 size, then size bytes, which start with the struct
 *           of the kind below
 *   answer: s32 result (0 or -errno), u32 size, then size bytes
 *
 * Objects are named by numbers that the other end chooses, as fds are.
 */
#ifndef BPFSHIM_HOST_H
#define BPFSHIM_HOST_H

#include "../../verifier/verifier.h"
#include "../../verifier/btf.h"

enum host_kind {
	HOST_KERNEL_BTF = 1,	/* the blob alone */
	HOST_BTF,		/* struct host_btf, blob; answer: the log */
	HOST_MAP,		/* struct host_map, contents of its first value */
	HOST_PROG,		/* struct host_prog, and what it counts; answer: struct host_figures, log */
	HOST_LIST,		/* instructions; answer: a line for each, as the log has them */
};

struct host_btf {
	u32 fd;
	u32 log_level;
};

/* MAP_CREATE; the contents are given when a program may rely upon them. */
struct host_map {
	u32 fd;
	u32 type;
	u32 key_size;
	u32 value_size;
	u32 max_entries;
	u32 flags;
	u32 inner_fd;
	u32 btf_fd;
	u32 btf_key_type_id;
	u32 btf_value_type_id;
	u32 frozen;
	char name[BPFSHIM_OBJ_NAME_LEN];
};

/* PROG_LOAD; then instructions, func_info, line_info. */
struct host_prog {
	u32 type;
	u32 attach_type;
	u32 flags;
	u32 btf_fd;
	u32 attach_btf_id;
	u32 log_level;
	u32 log_size;
	u32 len;
	u32 func_cnt;
	u32 line_cnt;
	char license[128];
};

struct host_figures {
	u32 len;		/* of the program that would run */
	u32 processed;
	u32 total_states;
	u32 peak_states;
	u32 max_states_per_insn;
	u32 stack_depth;	/* of all functions of the deepest chain of calls */
	u64 time_ns;
	u64 peak_mem;
};

/* One map; its number is the fd that the other end gave it. */
struct map {
	struct bpfshim_vrf_map vrf;
	struct map *next;
	u32 fd;
	u32 value_len;		/* of value, 0: unknown */
	const u8 *value;
	struct bpfshim_vrf_kptr kptrs[BPFSHIM_VRF_MAX_KPTRS];
};

/* One BTF. */
struct btf {
	struct bpfshim_vrf_btf *parsed;
	struct btf *next;
	u32 fd;
};

/* The log of one record: text of at most size - 1 bytes; 0: no bound. */
struct log {
	char *text;
	size_t len, room, size;
};

extern struct map *maps;
extern struct btf *btfs;
extern struct bpfshim_vrf_btf *kernel_btf;
/* Services for what is no program. Cookie: a struct log. */
extern const struct bpfshim_vrf_ops host_ops;

/** die() - a broken request, or no memory: end with status 3. */
void die(const char *why) __attribute__((noreturn));
void *host_alloc(size_t size);
void host_log(void *cookie, const char *text, u32 len);
void host_log_reset(void *cookie, u64 pos);
u64 host_now(void *cookie);

/** find_btf() - NULL: none has that number. */
const struct btf *find_btf(u32 fd);
struct map *find_map(u32 fd);

/** map_create() - MAP_CREATE's checks and the map.  0 or -errno. */
int map_create(const struct host_map *h, const void *value, u32 value_len);
/** prog_verify() - PROG_LOAD up to the verdict.  0 or -errno. */
int prog_verify(const struct host_prog *h, const void *rest, u32 size, struct log *log,
		struct host_figures *fig);
/** prog_list() - the instructions as text. */
void prog_list(const struct bpfshim_insn *insns, u32 len, struct log *log);

/** offered_helpers() - helpers that the driver implements, for this type. */
void offered_helpers(u32 prog_type, u64 bits[4]);
bool offered_map(u32 map_type);

#endif /* BPFSHIM_HOST_H */
