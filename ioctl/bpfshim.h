/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * bpfshim: the contract between user space and the module.
 *
 * ioctl(fd, BPFSHIM_IOC_BPF(cmd, size), attr) on BPFSHIM_DEVICE is
 * bpf(cmd, attr, size) of Linux 6.1: the same command numbers, attribute
 * layouts, flags, errno values and log semantics.  union bpfshim_attr lies in
 * memory exactly as that kernel's union bpf_attr does, so a C program may
 * keep using <linux/bpf.h> and replace one system call.
 *
 * Commands from BPFSHIM_CMD_EXT on are the module's own: what bpf(2) leaves
 * to perf_event_open(2) and its ioctls.
 *
 * Nothing but <linux/types.h> and <linux/ioctl.h> is needed or included.
 */
#ifndef BPFSHIM_UAPI_H
#define BPFSHIM_UAPI_H

#include <linux/types.h>
#include <linux/ioctl.h>

#define BPFSHIM_DEVICE		"/dev/bpfshim"
#define BPFSHIM_IOC_MAGIC	0xBF
/* size: bytes of attr, at most 4096 (-E2BIG above, as bpf(2)). */
#define BPFSHIM_IOC_BPF(cmd, size) \
	_IOC(_IOC_READ | _IOC_WRITE, BPFSHIM_IOC_MAGIC, (cmd), (size))

/* Bumped when an extension command changes incompatibly. */
#define BPFSHIM_ABI_VERSION	1

#define BPFSHIM_OBJ_NAME_LEN	16U
#define BPFSHIM_TAG_SIZE	8

/* ---- instructions ------------------------------------------------------ */

/* One 64-bit instruction slot; a 64-bit immediate load takes two. */
struct bpfshim_insn {
	__u8	code;		/* opcode */
	__u8	dst_reg:4;	/* little-endian bit order; see ABI.md */
	__u8	src_reg:4;
	__s16	off;		/* signed offset */
	__s32	imm;		/* signed immediate */
};

/* classes */
#define BPFSHIM_CLASS(code)	((code) & 0x07)
#define BPFSHIM_LD		0x00
#define BPFSHIM_LDX		0x01
#define BPFSHIM_ST		0x02
#define BPFSHIM_STX		0x03
#define BPFSHIM_ALU		0x04
#define BPFSHIM_JMP		0x05
#define BPFSHIM_JMP32		0x06
#define BPFSHIM_ALU64		0x07
/* ld/ldx sizes */
#define BPFSHIM_SIZE(code)	((code) & 0x18)
#define BPFSHIM_W		0x00
#define BPFSHIM_H		0x08
#define BPFSHIM_B		0x10
#define BPFSHIM_DW		0x18
/* ld/st modes */
#define BPFSHIM_MODE(code)	((code) & 0xe0)
#define BPFSHIM_IMM		0x00
#define BPFSHIM_ABS		0x20
#define BPFSHIM_IND		0x40
#define BPFSHIM_MEM		0x60
#define BPFSHIM_MEMSX		0x80	/* ISA v4; not accepted by 6.1 */
#define BPFSHIM_ATOMIC		0xc0
/* alu/jmp source */
#define BPFSHIM_SRC(code)	((code) & 0x08)
#define BPFSHIM_K		0x00
#define BPFSHIM_X		0x08
/* alu operations */
#define BPFSHIM_OP(code)	((code) & 0xf0)
#define BPFSHIM_ADD		0x00
#define BPFSHIM_SUB		0x10
#define BPFSHIM_MUL		0x20
#define BPFSHIM_DIV		0x30
#define BPFSHIM_OR		0x40
#define BPFSHIM_AND		0x50
#define BPFSHIM_LSH		0x60
#define BPFSHIM_RSH		0x70
#define BPFSHIM_NEG		0x80
#define BPFSHIM_MOD		0x90
#define BPFSHIM_XOR		0xa0
#define BPFSHIM_MOV		0xb0
#define BPFSHIM_ARSH		0xc0
#define BPFSHIM_END		0xd0
#define BPFSHIM_TO_LE		0x00
#define BPFSHIM_TO_BE		0x08
/* jump operations */
#define BPFSHIM_JA		0x00
#define BPFSHIM_JEQ		0x10
#define BPFSHIM_JGT		0x20
#define BPFSHIM_JGE		0x30
#define BPFSHIM_JSET		0x40
#define BPFSHIM_JNE		0x50
#define BPFSHIM_JSGT		0x60
#define BPFSHIM_JSGE		0x70
#define BPFSHIM_CALL		0x80
#define BPFSHIM_EXIT		0x90
#define BPFSHIM_JLT		0xa0
#define BPFSHIM_JLE		0xb0
#define BPFSHIM_JSLT		0xc0
#define BPFSHIM_JSLE		0xd0
/* atomic operations (imm of STX|ATOMIC); ADD, OR, AND, XOR as above */
#define BPFSHIM_FETCH		0x01
#define BPFSHIM_XCHG		(0xe0 | BPFSHIM_FETCH)
#define BPFSHIM_CMPXCHG		(0xf0 | BPFSHIM_FETCH)

#define BPFSHIM_REG_0		0
#define BPFSHIM_REG_1		1
#define BPFSHIM_REG_2		2
#define BPFSHIM_REG_3		3
#define BPFSHIM_REG_4		4
#define BPFSHIM_REG_5		5
#define BPFSHIM_REG_6		6
#define BPFSHIM_REG_7		7
#define BPFSHIM_REG_8		8
#define BPFSHIM_REG_9		9
#define BPFSHIM_REG_10		10
#define BPFSHIM_MAX_REG		11

/* src_reg of ld_imm64 */
#define BPFSHIM_PSEUDO_MAP_FD		1
#define BPFSHIM_PSEUDO_MAP_VALUE	2
#define BPFSHIM_PSEUDO_BTF_ID		3
#define BPFSHIM_PSEUDO_FUNC		4
#define BPFSHIM_PSEUDO_MAP_IDX		5
#define BPFSHIM_PSEUDO_MAP_IDX_VALUE	6
/* src_reg of call */
#define BPFSHIM_PSEUDO_CALL		1
#define BPFSHIM_PSEUDO_KFUNC_CALL	2

/* ---- enumerations ------------------------------------------------------ */

enum bpfshim_cmd {
	BPFSHIM_MAP_CREATE = 0,
	BPFSHIM_MAP_LOOKUP_ELEM = 1,
	BPFSHIM_MAP_UPDATE_ELEM = 2,
	BPFSHIM_MAP_DELETE_ELEM = 3,
	BPFSHIM_MAP_GET_NEXT_KEY = 4,
	BPFSHIM_PROG_LOAD = 5,
	BPFSHIM_OBJ_PIN = 6,
	BPFSHIM_OBJ_GET = 7,
	BPFSHIM_PROG_ATTACH = 8,
	BPFSHIM_PROG_DETACH = 9,
	BPFSHIM_PROG_TEST_RUN = 10,
	BPFSHIM_PROG_GET_NEXT_ID = 11,
	BPFSHIM_MAP_GET_NEXT_ID = 12,
	BPFSHIM_PROG_GET_FD_BY_ID = 13,
	BPFSHIM_MAP_GET_FD_BY_ID = 14,
	BPFSHIM_OBJ_GET_INFO_BY_FD = 15,
	BPFSHIM_PROG_QUERY = 16,
	BPFSHIM_RAW_TRACEPOINT_OPEN = 17,
	BPFSHIM_BTF_LOAD = 18,
	BPFSHIM_BTF_GET_FD_BY_ID = 19,
	BPFSHIM_TASK_FD_QUERY = 20,
	BPFSHIM_MAP_LOOKUP_AND_DELETE_ELEM = 21,
	BPFSHIM_MAP_FREEZE = 22,
	BPFSHIM_BTF_GET_NEXT_ID = 23,
	BPFSHIM_MAP_LOOKUP_BATCH = 24,
	BPFSHIM_MAP_LOOKUP_AND_DELETE_BATCH = 25,
	BPFSHIM_MAP_UPDATE_BATCH = 26,
	BPFSHIM_MAP_DELETE_BATCH = 27,
	BPFSHIM_LINK_CREATE = 28,
	BPFSHIM_LINK_UPDATE = 29,
	BPFSHIM_LINK_GET_FD_BY_ID = 30,
	BPFSHIM_LINK_GET_NEXT_ID = 31,
	BPFSHIM_ENABLE_STATS = 32,
	BPFSHIM_ITER_CREATE = 33,
	BPFSHIM_LINK_DETACH = 34,
	BPFSHIM_PROG_BIND_MAP = 35,

	/* Extension commands: this module's own. */
	BPFSHIM_CMD_EXT = 0xC0,
	BPFSHIM_EXT_INFO = 0xC0,	/* ABI version, features, counters */
	BPFSHIM_EXT_KPROBE = 0xC1,	/* kprobe or kretprobe link */
	BPFSHIM_EXT_TRACEPOINT = 0xC2,	/* trace event link, by id */
	BPFSHIM_EXT_PERF_ATTACH = 0xC3,	/* program onto a perf event fd: link */
	BPFSHIM_EXT_OUTPUT_OPEN = 0xC4,	/* BPF-output event fd */
	BPFSHIM_EXT_SET_KERNEL_BTF = 0xC5, /* a BTF fd becomes "vmlinux" */
};

enum bpfshim_map_type {
	BPFSHIM_MAP_TYPE_UNSPEC = 0,
	BPFSHIM_MAP_TYPE_HASH = 1,
	BPFSHIM_MAP_TYPE_ARRAY = 2,
	BPFSHIM_MAP_TYPE_PROG_ARRAY = 3,
	BPFSHIM_MAP_TYPE_PERF_EVENT_ARRAY = 4,
	BPFSHIM_MAP_TYPE_PERCPU_HASH = 5,
	BPFSHIM_MAP_TYPE_PERCPU_ARRAY = 6,
	BPFSHIM_MAP_TYPE_STACK_TRACE = 7,
	BPFSHIM_MAP_TYPE_CGROUP_ARRAY = 8,
	BPFSHIM_MAP_TYPE_LRU_HASH = 9,
	BPFSHIM_MAP_TYPE_LRU_PERCPU_HASH = 10,
	BPFSHIM_MAP_TYPE_LPM_TRIE = 11,
	BPFSHIM_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPFSHIM_MAP_TYPE_HASH_OF_MAPS = 13,
	BPFSHIM_MAP_TYPE_DEVMAP = 14,
	BPFSHIM_MAP_TYPE_SOCKMAP = 15,
	BPFSHIM_MAP_TYPE_CPUMAP = 16,
	BPFSHIM_MAP_TYPE_XSKMAP = 17,
	BPFSHIM_MAP_TYPE_SOCKHASH = 18,
	BPFSHIM_MAP_TYPE_CGROUP_STORAGE = 19,
	BPFSHIM_MAP_TYPE_REUSEPORT_SOCKARRAY = 20,
	BPFSHIM_MAP_TYPE_PERCPU_CGROUP_STORAGE = 21,
	BPFSHIM_MAP_TYPE_QUEUE = 22,
	BPFSHIM_MAP_TYPE_STACK = 23,
	BPFSHIM_MAP_TYPE_SK_STORAGE = 24,
	BPFSHIM_MAP_TYPE_DEVMAP_HASH = 25,
	BPFSHIM_MAP_TYPE_STRUCT_OPS = 26,
	BPFSHIM_MAP_TYPE_RINGBUF = 27,
	BPFSHIM_MAP_TYPE_INODE_STORAGE = 28,
	BPFSHIM_MAP_TYPE_TASK_STORAGE = 29,
	BPFSHIM_MAP_TYPE_BLOOM_FILTER = 30,
	BPFSHIM_MAP_TYPE_USER_RINGBUF = 31,
	BPFSHIM_MAP_TYPE_MAX
};

enum bpfshim_prog_type {
	BPFSHIM_PROG_TYPE_UNSPEC = 0,
	BPFSHIM_PROG_TYPE_SOCKET_FILTER = 1,
	BPFSHIM_PROG_TYPE_KPROBE = 2,
	BPFSHIM_PROG_TYPE_SCHED_CLS = 3,
	BPFSHIM_PROG_TYPE_SCHED_ACT = 4,
	BPFSHIM_PROG_TYPE_TRACEPOINT = 5,
	BPFSHIM_PROG_TYPE_XDP = 6,
	BPFSHIM_PROG_TYPE_PERF_EVENT = 7,
	BPFSHIM_PROG_TYPE_CGROUP_SKB = 8,
	BPFSHIM_PROG_TYPE_CGROUP_SOCK = 9,
	BPFSHIM_PROG_TYPE_LWT_IN = 10,
	BPFSHIM_PROG_TYPE_LWT_OUT = 11,
	BPFSHIM_PROG_TYPE_LWT_XMIT = 12,
	BPFSHIM_PROG_TYPE_SOCK_OPS = 13,
	BPFSHIM_PROG_TYPE_SK_SKB = 14,
	BPFSHIM_PROG_TYPE_CGROUP_DEVICE = 15,
	BPFSHIM_PROG_TYPE_SK_MSG = 16,
	BPFSHIM_PROG_TYPE_RAW_TRACEPOINT = 17,
	BPFSHIM_PROG_TYPE_CGROUP_SOCK_ADDR = 18,
	BPFSHIM_PROG_TYPE_LWT_SEG6LOCAL = 19,
	BPFSHIM_PROG_TYPE_LIRC_MODE2 = 20,
	BPFSHIM_PROG_TYPE_SK_REUSEPORT = 21,
	BPFSHIM_PROG_TYPE_FLOW_DISSECTOR = 22,
	BPFSHIM_PROG_TYPE_CGROUP_SYSCTL = 23,
	BPFSHIM_PROG_TYPE_RAW_TRACEPOINT_WRITABLE = 24,
	BPFSHIM_PROG_TYPE_CGROUP_SOCKOPT = 25,
	BPFSHIM_PROG_TYPE_TRACING = 26,
	BPFSHIM_PROG_TYPE_STRUCT_OPS = 27,
	BPFSHIM_PROG_TYPE_EXT = 28,
	BPFSHIM_PROG_TYPE_LSM = 29,
	BPFSHIM_PROG_TYPE_SK_LOOKUP = 30,
	BPFSHIM_PROG_TYPE_SYSCALL = 31,
	BPFSHIM_PROG_TYPE_MAX
};

enum bpfshim_attach_type {
	BPFSHIM_CGROUP_INET_INGRESS = 0,
	BPFSHIM_CGROUP_INET_EGRESS = 1,
	BPFSHIM_CGROUP_INET_SOCK_CREATE = 2,
	BPFSHIM_CGROUP_SOCK_OPS = 3,
	BPFSHIM_SK_SKB_STREAM_PARSER = 4,
	BPFSHIM_SK_SKB_STREAM_VERDICT = 5,
	BPFSHIM_CGROUP_DEVICE = 6,
	BPFSHIM_SK_MSG_VERDICT = 7,
	BPFSHIM_CGROUP_INET4_BIND = 8,
	BPFSHIM_CGROUP_INET6_BIND = 9,
	BPFSHIM_CGROUP_INET4_CONNECT = 10,
	BPFSHIM_CGROUP_INET6_CONNECT = 11,
	BPFSHIM_CGROUP_INET4_POST_BIND = 12,
	BPFSHIM_CGROUP_INET6_POST_BIND = 13,
	BPFSHIM_CGROUP_UDP4_SENDMSG = 14,
	BPFSHIM_CGROUP_UDP6_SENDMSG = 15,
	BPFSHIM_LIRC_MODE2 = 16,
	BPFSHIM_FLOW_DISSECTOR = 17,
	BPFSHIM_CGROUP_SYSCTL = 18,
	BPFSHIM_CGROUP_UDP4_RECVMSG = 19,
	BPFSHIM_CGROUP_UDP6_RECVMSG = 20,
	BPFSHIM_CGROUP_GETSOCKOPT = 21,
	BPFSHIM_CGROUP_SETSOCKOPT = 22,
	BPFSHIM_TRACE_RAW_TP = 23,
	BPFSHIM_TRACE_FENTRY = 24,
	BPFSHIM_TRACE_FEXIT = 25,
	BPFSHIM_MODIFY_RETURN = 26,
	BPFSHIM_LSM_MAC = 27,
	BPFSHIM_TRACE_ITER = 28,
	BPFSHIM_CGROUP_INET4_GETPEERNAME = 29,
	BPFSHIM_CGROUP_INET6_GETPEERNAME = 30,
	BPFSHIM_CGROUP_INET4_GETSOCKNAME = 31,
	BPFSHIM_CGROUP_INET6_GETSOCKNAME = 32,
	BPFSHIM_XDP_DEVMAP = 33,
	BPFSHIM_CGROUP_INET_SOCK_RELEASE = 34,
	BPFSHIM_XDP_CPUMAP = 35,
	BPFSHIM_SK_LOOKUP = 36,
	BPFSHIM_XDP = 37,
	BPFSHIM_SK_SKB_VERDICT = 38,
	BPFSHIM_SK_REUSEPORT_SELECT = 39,
	BPFSHIM_SK_REUSEPORT_SELECT_OR_MIGRATE = 40,
	BPFSHIM_PERF_EVENT = 41,
	BPFSHIM_TRACE_KPROBE_MULTI = 42,
	BPFSHIM_LSM_CGROUP = 43,
	BPFSHIM_ATTACH_TYPE_MAX
};

enum bpfshim_link_type {
	BPFSHIM_LINK_TYPE_UNSPEC = 0,
	BPFSHIM_LINK_TYPE_RAW_TRACEPOINT = 1,
	BPFSHIM_LINK_TYPE_TRACING = 2,
	BPFSHIM_LINK_TYPE_CGROUP = 3,
	BPFSHIM_LINK_TYPE_ITER = 4,
	BPFSHIM_LINK_TYPE_NETNS = 5,
	BPFSHIM_LINK_TYPE_XDP = 6,
	BPFSHIM_LINK_TYPE_PERF_EVENT = 7,
	BPFSHIM_LINK_TYPE_KPROBE_MULTI = 8,
	BPFSHIM_LINK_TYPE_STRUCT_OPS = 9,
};

/* update flags */
#define BPFSHIM_ANY		0
#define BPFSHIM_NOEXIST		1
#define BPFSHIM_EXIST		2
#define BPFSHIM_F_LOCK		4
/* flags of helpers that get an object's storage */
#define BPFSHIM_LOCAL_STORAGE_GET_F_CREATE	1

/* map_flags */
#define BPFSHIM_F_NO_PREALLOC	(1U << 0)
#define BPFSHIM_F_NO_COMMON_LRU	(1U << 1)
#define BPFSHIM_F_NUMA_NODE	(1U << 2)
#define BPFSHIM_F_RDONLY	(1U << 3)
#define BPFSHIM_F_WRONLY	(1U << 4)
#define BPFSHIM_F_STACK_BUILD_ID (1U << 5)
#define BPFSHIM_F_ZERO_SEED	(1U << 6)
#define BPFSHIM_F_RDONLY_PROG	(1U << 7)
#define BPFSHIM_F_WRONLY_PROG	(1U << 8)
#define BPFSHIM_F_CLONE		(1U << 9)
#define BPFSHIM_F_MMAPABLE	(1U << 10)
#define BPFSHIM_F_PRESERVE_ELEMS (1U << 11)
#define BPFSHIM_F_INNER_MAP	(1U << 12)

/* prog_flags */
#define BPFSHIM_F_STRICT_ALIGNMENT	(1U << 0)
#define BPFSHIM_F_ANY_ALIGNMENT		(1U << 1)
#define BPFSHIM_F_TEST_RND_HI32		(1U << 2)
#define BPFSHIM_F_TEST_STATE_FREQ	(1U << 3)
#define BPFSHIM_F_SLEEPABLE		(1U << 4)
#define BPFSHIM_F_XDP_HAS_FRAGS		(1U << 5)
/* This module's own: run by the interpreter, whatever the default is. */
#define BPFSHIM_F_INTERP		(1U << 31)
/* ... masked against speculative execution; verdicts do not change. */
#define BPFSHIM_F_MASK			(1U << 30)
/* ... verified by 6.1's rules for unprivileged users, masks included. */
#define BPFSHIM_F_UNPRIV		(1U << 29)

/* log_level bits */
#define BPFSHIM_LOG_LEVEL1	1
#define BPFSHIM_LOG_LEVEL2	2
#define BPFSHIM_LOG_STATS	4

/* perf_event_output, perf_event_read: flags */
#define BPFSHIM_F_INDEX_MASK	0xffffffffULL
#define BPFSHIM_F_CURRENT_CPU	BPFSHIM_F_INDEX_MASK
#define BPFSHIM_F_CTXLEN_MASK	(0xfffffULL << 32)
/* get_stack, get_stackid: flags */
#define BPFSHIM_F_SKIP_FIELD_MASK	0xffULL
#define BPFSHIM_F_USER_STACK		(1ULL << 8)
#define BPFSHIM_F_FAST_STACK_CMP	(1ULL << 9)
#define BPFSHIM_F_REUSE_STACKID		(1ULL << 10)
#define BPFSHIM_F_USER_BUILD_ID		(1ULL << 11)
/* PROG_TEST_RUN */
#define BPFSHIM_F_TEST_RUN_ON_CPU	(1U << 0)
/* ENABLE_STATS type */
#define BPFSHIM_STATS_RUN_TIME	0

/* ---- attributes -------------------------------------------------------- */

/* Argument of BPFSHIM_EXT_INFO; every field is output but flags. */
struct bpfshim_ext_info {
	__u32	abi_version;		/* BPFSHIM_ABI_VERSION */
	__u32	flags;			/* input: must be 0 */
	__u64	features;		/* BPFSHIM_FEAT_* */
	__u32	nr_maps;		/* live objects */
	__u32	nr_progs;
	__u32	nr_links;
	__u32	nr_btfs;		/* without the kernel's own */
	__u32	nr_outputs;
	__u32	engine;			/* BPFSHIM_ENGINE_* new programs get */
	__u64	prog_misses;		/* runs skipped by the recursion guard */
	__u64	kretprobe_misses;	/* returns lost: no free instance */
	__u64	mem_bytes;		/* held by maps and programs */
	char	version[32];		/* module version, NUL terminated */
};
#define BPFSHIM_FEAT_INTERP	(1ULL << 0)
#define BPFSHIM_FEAT_JIT	(1ULL << 1)
#define BPFSHIM_FEAT_KPROBE	(1ULL << 2)
#define BPFSHIM_FEAT_TRACEPOINT	(1ULL << 3)
#define BPFSHIM_FEAT_RAW_TRACEPOINT (1ULL << 4)
#define BPFSHIM_FEAT_PERF_ATTACH (1ULL << 5)
#define BPFSHIM_FEAT_CGROUP_ID	(1ULL << 6)	/* get_current_cgroup_id is not 0 */
#define BPFSHIM_FEAT_DEBUG	(1ULL << 7)	/* built with failure injection */
#define BPFSHIM_ENGINE_INTERP	0
#define BPFSHIM_ENGINE_JIT	1

/* BPFSHIM_EXT_KPROBE: returns a link fd. */
struct bpfshim_ext_kprobe {
	__u32	prog_fd;
	__u32	flags;			/* BPFSHIM_KPROBE_RETURN */
	__u64	symbol;			/* user pointer, NUL terminated; or 0 */
	__u64	offset;			/* from symbol; or the address itself */
	__u64	cookie;			/* bpf_get_attach_cookie */
	__u32	maxactive;		/* kretprobe instances; 0: default */
	__u32	pad;			/* 0 */
};
#define BPFSHIM_KPROBE_RETURN	(1U << 0)

/* BPFSHIM_EXT_TRACEPOINT: returns a link fd. */
struct bpfshim_ext_tracepoint {
	__u32	prog_fd;
	__u32	flags;			/* 0 */
	__u64	event_id;		/* events/CATEGORY/NAME/id of tracefs */
	__u64	cookie;
};

/* BPFSHIM_EXT_PERF_ATTACH: returns a link fd. */
struct bpfshim_ext_perf_attach {
	__u32	prog_fd;
	__u32	perf_fd;		/* from perf_event_open(2) */
	__u64	cookie;
	__u32	flags;			/* 0 */
	__u32	pad;			/* 0 */
};

/* BPFSHIM_EXT_OUTPUT_OPEN: returns an fd that mmap, poll and the perf
 * ioctls ENABLE, DISABLE, RESET and ID of perf_event_open(2) work on. */
struct bpfshim_ext_output_open {
	__u32	cpu;			/* the CPU this buffer serves */
	__u32	flags;			/* BPFSHIM_OUTPUT_* */
	__u64	sample_type;		/* PERF_SAMPLE_*; RAW always set */
	__u32	wakeup;			/* events, or bytes with WATERMARK */
	__u32	pad;			/* 0 */
};
#define BPFSHIM_OUTPUT_WATERMARK (1U << 0)
#define BPFSHIM_OUTPUT_CLOEXEC	 (1U << 1)

struct bpfshim_ext_set_kernel_btf {
	__u32	btf_fd;
	__u32	flags;			/* 0 */
};

/* Field for field the memory layout of Linux 6.1's union bpf_attr. */
union bpfshim_attr {
	struct {			/* MAP_CREATE */
		__u32	map_type;
		__u32	key_size;
		__u32	value_size;
		__u32	max_entries;
		__u32	map_flags;
		__u32	inner_map_fd;
		__u32	numa_node;
		char	map_name[BPFSHIM_OBJ_NAME_LEN];
		__u32	map_ifindex;
		__u32	btf_fd;
		__u32	btf_key_type_id;
		__u32	btf_value_type_id;
		__u32	btf_vmlinux_value_type_id;
		__u64	map_extra;
	};
	struct {			/* MAP_*_ELEM, MAP_GET_NEXT_KEY, MAP_FREEZE */
		__u32	map_fd;
		__aligned_u64 key;
		union {
			__aligned_u64 value;
			__aligned_u64 next_key;
		};
		__u64	flags;
	};
	struct {			/* MAP_*_BATCH */
		__aligned_u64 in_batch;
		__aligned_u64 out_batch;
		__aligned_u64 keys;
		__aligned_u64 values;
		__u32	count;
		__u32	map_fd;
		__u64	elem_flags;
		__u64	flags;
	} batch;
	struct {			/* PROG_LOAD */
		__u32	prog_type;
		__u32	insn_cnt;
		__aligned_u64 insns;
		__aligned_u64 license;
		__u32	log_level;
		__u32	log_size;
		__aligned_u64 log_buf;
		__u32	kern_version;
		__u32	prog_flags;
		char	prog_name[BPFSHIM_OBJ_NAME_LEN];
		__u32	prog_ifindex;
		__u32	expected_attach_type;
		__u32	prog_btf_fd;
		__u32	func_info_rec_size;
		__aligned_u64 func_info;
		__u32	func_info_cnt;
		__u32	line_info_rec_size;
		__aligned_u64 line_info;
		__u32	line_info_cnt;
		__u32	attach_btf_id;
		union {
			__u32	attach_prog_fd;
			__u32	attach_btf_obj_fd;
		};
		__u32	core_relo_cnt;
		__aligned_u64 fd_array;
		__aligned_u64 core_relos;
		__u32	core_relo_rec_size;
	};
	struct {			/* OBJ_PIN, OBJ_GET */
		__aligned_u64 pathname;
		__u32	bpf_fd;
		__u32	file_flags;
	};
	struct {			/* PROG_ATTACH, PROG_DETACH */
		__u32	target_fd;
		__u32	attach_bpf_fd;
		__u32	attach_type;
		__u32	attach_flags;
		__u32	replace_bpf_fd;
	};
	struct {			/* PROG_TEST_RUN */
		__u32	prog_fd;
		__u32	retval;
		__u32	data_size_in;
		__u32	data_size_out;
		__aligned_u64 data_in;
		__aligned_u64 data_out;
		__u32	repeat;
		__u32	duration;
		__u32	ctx_size_in;
		__u32	ctx_size_out;
		__aligned_u64 ctx_in;
		__aligned_u64 ctx_out;
		__u32	flags;
		__u32	cpu;
		__u32	batch_size;
	} test;
	struct {			/* *_GET_NEXT_ID, *_GET_FD_BY_ID */
		union {
			__u32	start_id;
			__u32	prog_id;
			__u32	map_id;
			__u32	btf_id;
			__u32	link_id;
		};
		__u32	next_id;
		__u32	open_flags;
	};
	struct {			/* OBJ_GET_INFO_BY_FD */
		__u32	bpf_fd;
		__u32	info_len;
		__aligned_u64 info;
	} info;
	struct {			/* PROG_QUERY */
		__u32	target_fd;
		__u32	attach_type;
		__u32	query_flags;
		__u32	attach_flags;
		__aligned_u64 prog_ids;
		__u32	prog_cnt;
		__aligned_u64 prog_attach_flags;
	} query;
	struct {			/* RAW_TRACEPOINT_OPEN */
		__u64	name;
		__u32	prog_fd;
	} raw_tracepoint;
	struct {			/* BTF_LOAD */
		__aligned_u64 btf;
		__aligned_u64 btf_log_buf;
		__u32	btf_size;
		__u32	btf_log_size;
		__u32	btf_log_level;
	};
	struct {			/* TASK_FD_QUERY */
		__u32	pid;
		__u32	fd;
		__u32	flags;
		__u32	buf_len;
		__aligned_u64 buf;
		__u32	prog_id;
		__u32	fd_type;
		__u64	probe_offset;
		__u64	probe_addr;
	} task_fd_query;
	struct {			/* LINK_CREATE */
		__u32	prog_fd;
		union {
			__u32	target_fd;
			__u32	target_ifindex;
		};
		__u32	attach_type;
		__u32	flags;
		union {
			__u32	target_btf_id;
			struct {
				__aligned_u64 iter_info;
				__u32	iter_info_len;
			};
			struct {
				__u64	bpf_cookie;
			} perf_event;
			struct {
				__u32	flags;
				__u32	cnt;
				__aligned_u64 syms;
				__aligned_u64 addrs;
				__aligned_u64 cookies;
			} kprobe_multi;
			struct {
				__u32	target_btf_id;
				__u64	cookie;
			} tracing;
		};
	} link_create;
	struct {			/* LINK_UPDATE */
		__u32	link_fd;
		__u32	new_prog_fd;
		__u32	flags;
		__u32	old_prog_fd;
	} link_update;
	struct {			/* LINK_DETACH */
		__u32	link_fd;
	} link_detach;
	struct {			/* ENABLE_STATS */
		__u32	type;
	} enable_stats;
	struct {			/* ITER_CREATE */
		__u32	link_fd;
		__u32	flags;
	} iter_create;
	struct {			/* PROG_BIND_MAP */
		__u32	prog_fd;
		__u32	map_fd;
		__u32	flags;
	} prog_bind_map;

	/* extension commands */
	struct bpfshim_ext_info ext_info;
	struct bpfshim_ext_kprobe ext_kprobe;
	struct bpfshim_ext_tracepoint ext_tracepoint;
	struct bpfshim_ext_perf_attach ext_perf_attach;
	struct bpfshim_ext_output_open ext_output_open;
	struct bpfshim_ext_set_kernel_btf ext_set_kernel_btf;
} __attribute__((aligned(8)));

/* ---- OBJ_GET_INFO_BY_FD results ---------------------------------------- */

struct bpfshim_prog_info {
	__u32	type;
	__u32	id;
	__u8	tag[BPFSHIM_TAG_SIZE];
	__u32	jited_prog_len;
	__u32	xlated_prog_len;
	__aligned_u64 jited_prog_insns;
	__aligned_u64 xlated_prog_insns;
	__u64	load_time;		/* ns since boot */
	__u32	created_by_uid;
	__u32	nr_map_ids;
	__aligned_u64 map_ids;
	char	name[BPFSHIM_OBJ_NAME_LEN];
	__u32	ifindex;
	__u32	gpl_compatible:1;
	__u32	:31;
	__u64	netns_dev;
	__u64	netns_ino;
	__u32	nr_jited_ksyms;
	__u32	nr_jited_func_lens;
	__aligned_u64 jited_ksyms;
	__aligned_u64 jited_func_lens;
	__u32	btf_id;
	__u32	func_info_rec_size;
	__aligned_u64 func_info;
	__u32	nr_func_info;
	__u32	nr_line_info;
	__aligned_u64 line_info;
	__aligned_u64 jited_line_info;
	__u32	nr_jited_line_info;
	__u32	line_info_rec_size;
	__u32	jited_line_info_rec_size;
	__u32	nr_prog_tags;
	__aligned_u64 prog_tags;
	__u64	run_time_ns;
	__u64	run_cnt;
	__u64	recursion_misses;
	__u32	verified_insns;
	__u32	attach_btf_obj_id;
	__u32	attach_btf_id;
	__u32	:32;
} __attribute__((aligned(8)));

struct bpfshim_map_info {
	__u32	type;
	__u32	id;
	__u32	key_size;
	__u32	value_size;
	__u32	max_entries;
	__u32	map_flags;
	char	name[BPFSHIM_OBJ_NAME_LEN];
	__u32	ifindex;
	__u32	btf_vmlinux_value_type_id;
	__u64	netns_dev;
	__u64	netns_ino;
	__u32	btf_id;
	__u32	btf_key_type_id;
	__u32	btf_value_type_id;
	__u32	:32;
	__u64	map_extra;
} __attribute__((aligned(8)));

struct bpfshim_btf_info {
	__aligned_u64 btf;
	__u32	btf_size;
	__u32	id;
	__aligned_u64 name;
	__u32	name_len;
	__u32	kernel_btf;
} __attribute__((aligned(8)));

struct bpfshim_link_info {
	__u32	type;
	__u32	id;
	__u32	prog_id;
	union {
		struct {
			__aligned_u64 tp_name;
			__u32	tp_name_len;
		} raw_tracepoint;
		struct {
			__u32	attach_type;
			__u32	target_obj_id;
			__u32	target_btf_id;
		} tracing;
		struct {
			__u64	cgroup_id;
			__u32	attach_type;
		} cgroup;
		struct {
			__aligned_u64 target_name;
			__u32	target_name_len;
			union {
				struct {
					__u32	map_id;
				} map;
			};
			union {
				struct {
					__u64	cgroup_id;
					__u32	order;
				} cgroup;
				struct {
					__u32	tid;
					__u32	pid;
				} task;
			};
		} iter;
		struct {
			__u32	netns_ino;
			__u32	attach_type;
		} netns;
		struct {
			__u32	ifindex;
		} xdp;
	};
} __attribute__((aligned(8)));

struct bpfshim_func_info {
	__u32	insn_off;
	__u32	type_id;
};

struct bpfshim_line_info {
	__u32	insn_off;
	__u32	file_name_off;
	__u32	line_off;
	__u32	line_col;		/* line << 10 | column */
};

/* ---- program contexts whose layout is ABI ------------------------------ */

/* Memory of raw_tracepoint programs' context: one word an argument. */
struct bpfshim_raw_tracepoint_args {
	__u64	args[12];
};

#endif /* BPFSHIM_UAPI_H */
