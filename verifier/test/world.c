// SPDX-License-Identifier: GPL-2.0
/* The verifier's surroundings in the fuzzer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "world.h"
#include "../btf.h"
#include "hook.h"

void (*bpfshim_test_step)(struct vrf_env *env);
bool bpfshim_test_exact;

const struct world_map world_maps[WORLD_MAPS] = {
	{ BPFSHIM_MAP_TYPE_ARRAY, 4, 48, 1, 0 },
	{ BPFSHIM_MAP_TYPE_HASH, 8, 24, ELEMS, 0 },
	{ BPFSHIM_MAP_TYPE_ARRAY, 4, 64, 1, BPFSHIM_F_RDONLY_PROG },
	{ BPFSHIM_MAP_TYPE_ARRAY, 4, 16, ELEMS, 0 },
	{ BPFSHIM_MAP_TYPE_RINGBUF, 0, 0, 4096, 0 },
	{ BPFSHIM_MAP_TYPE_ARRAY, 4, 40, 1, 0 },
	{ BPFSHIM_MAP_TYPE_PROG_ARRAY, 4, 4, 2, 0 },
};

#define BIT_(n) ((u64)1 << ((n) & 63))
const u64 world_helpers[4] = {
	BIT_(1) | BIT_(2) | BIT_(3) | BIT_(5) | BIT_(7) | BIT_(8) | BIT_(9) | BIT_(12) | BIT_(16) | BIT_(25) |
	BIT_(26) | BIT_(28) | BIT_(39) | BIT_(44) | BIT_(45),
	BIT_(65) | BIT_(67) | BIT_(93) | BIT_(94) | BIT_(113) | BIT_(115) | BIT_(119) | BIT_(123),
	BIT_(130) | BIT_(131) | BIT_(132) | BIT_(133) | BIT_(149) | BIT_(164) | BIT_(176) | BIT_(181) |
	BIT_(182),
	BIT_(197) | BIT_(198) | BIT_(199) | BIT_(200) | BIT_(201) | BIT_(202) | BIT_(203) |
	BIT_(240) | BIT_(241) | BIT_(242),
};

u64 rnd(u64 *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s * 0x2545f4914f6cdd1dULL;
}

u64 rnd_word(u64 *s)
{
	static const u64 edge[] = { 0, 1, 2, 7, 8, 15, 16, 31, 32, 63, 64, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff,
		0x80000000u, 0xffffffffu, 0x100000000ULL, 0x7fffffffffffffffULL, 0x8000000000000000ULL, ~0ULL };
	u64 v = rnd(s);

	switch (below(s, 4)) {
	case 0:
		return edge[v % ARRAY_SIZE(edge)];
	case 1:
		return v >> (v & 63);
	case 2:
		return (u64)(s64)(s8)v;
	default:
		return v & 1 ? v % 80 : v;
	}
}

/* ---- services ----------------------------------------------------------- */

static long live, fail_at = -1;
static u32 resched_left;

static void *t_alloc(void *cookie, size_t size)
{
	(void)cookie;
	if (fail_at >= 0 && fail_at-- == 0)
		return NULL;
	live++;
	return calloc(1, size ? size : 1);
}

static void t_free(void *cookie, void *p)
{
	(void)cookie;
	if (p)
		live--;
	free(p);
}

static int t_resched(void *cookie)
{
	(void)cookie;
	if (!resched_left)
		return 0;
	return --resched_left ? 0 : -EAGAIN;
}

static u64 t_now(void *cookie)
{
	(void)cookie;
	return 0;
}

/* The log's last bytes, when they are wanted. */
static char tail[512];
static bool want_tail;

static void t_log(void *cookie, const char *text, u32 len)
{
	u32 have, drop;

	(void)cookie;
	if (!want_tail) {
		fwrite(text, 1, len, stderr);
		return;
	}
	if (len > 400) {
		text += len - 400;
		len = 400;
	}
	have = (u32)strlen(tail);
	drop = have + len > 510 ? have + len - 510 : 0;
	memmove(tail, tail + drop, have - drop + 1);
	strncat(tail, text, len);
}

static struct bpfshim_vrf_btf *btf;
static u32 used[WORLD_MAPS], nr_used;	/* maps in the order of their first use */

u32 world_used(u32 idx)
{
	return idx < nr_used ? used[idx] : WORLD_MAPS;
}

static int t_map_get(void *cookie, s32 ref, bool is_idx, u32 *idx, struct bpfshim_vrf_map *m)
{
	u32 i = (u32)ref - WORLD_FD(0);

	(void)cookie;
	if (is_idx || i >= WORLD_MAPS)
		return -EBADF;
	for (*idx = 0; *idx < nr_used && used[*idx] != i; ++*idx)
		;
	if (*idx == nr_used)
		used[nr_used++] = i;
	m->map_type = world_maps[i].type;
	m->key_size = world_maps[i].key;
	m->value_size = world_maps[i].value;
	m->max_entries = world_maps[i].entries;
	m->map_flags = world_maps[i].flags;
	m->id = i + 1;
	m->frozen_rdonly = i == M_FROZEN;
	m->spin_lock_off = m->timer_off = -1;
	if (i == M_LOCK) {
		m->spin_lock_off = LOCK_OFF;
		m->btf = btf;
	}
	return 0;
}

u8 world_frozen(u32 off)
{
	return (u8)(off * 7 + (off & 8));
}

static int t_map_read(void *cookie, u32 idx, u32 off, u32 size, u64 *val)
{
	u32 i;

	(void)cookie;
	*val = 0;
	if (world_used(idx) != M_FROZEN || off + size > world_maps[M_FROZEN].value)
		return -EINVAL;
	for (i = 0; i < size; i++)
		*val |= (u64)world_frozen(off + i) << (8 * i);
	return 0;
}

static const struct bpfshim_vrf_ops ops = {
	.alloc = t_alloc, .free = t_free, .resched = t_resched, .now_ns = t_now, .log = t_log,
	.map_get = t_map_get, .map_read = t_map_read,
};

/* ---- functions ---------------------------------------------------------- */

#define INFO(kind, vlen) ((u32)(kind) << 24 | (vlen))
enum { T_INT = 1, T_PROTO, T_STATIC, T_PROTO2, T_GLOBAL, T_SKB, T_SKB_PTR, T_PROTO_CTX, T_GLOBAL_CTX };
#define STRINGS 21	/* bytes */

static const struct {
	u16 magic;
	u8 version, flags;
	u32 hdr_len, type_off, type_len, str_off, str_len;
	u32 types[34];
	char str[STRINGS + 1];
} blob = {
	0xeb9f, 1, 0, 24, 0, sizeof(blob.types), sizeof(blob.types), STRINGS,
	{
		1, INFO(BPFSHIM_BTF_INT, 0), 4, 1 << 24 | 32,
		0, INFO(BPFSHIM_BTF_FUNC_PROTO, 0), T_INT,
		5, INFO(BPFSHIM_BTF_FUNC, 0), T_PROTO,
		0, INFO(BPFSHIM_BTF_FUNC_PROTO, 2), T_INT, 7, T_INT, 9, T_INT,
		5, INFO(BPFSHIM_BTF_FUNC, 1), T_PROTO2,
		11, INFO(BPFSHIM_BTF_STRUCT, 0), 0,
		0, INFO(BPFSHIM_BTF_PTR, 0), T_SKB,
		0, INFO(BPFSHIM_BTF_FUNC_PROTO, 1), T_INT, 7, T_SKB_PTR,
		5, INFO(BPFSHIM_BTF_FUNC, 1), T_PROTO_CTX,
	},
	"\0int\0f\0a\0b\0__sk_buff",
};

void world_init(void)
{
	if (bpfshim_btf_parse(&blob, 24 + sizeof(blob.types) + STRINGS, false, 0, &ops, NULL, &btf)) {
		fprintf(stderr, "the fuzzer's BTF is refused\n");
		exit(2);
	}
	live = 0;
}

static bool calls_func(const struct bpfshim_insn *in)
{
	if (in->code == (BPFSHIM_JMP | BPFSHIM_CALL))
		return in->src_reg == BPFSHIM_PSEUDO_CALL;
	return in->code == (BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW) && in->src_reg == BPFSHIM_PSEUDO_FUNC;
}

u32 world_subs(const struct prog *p, u32 *start, u32 max)
{
	u32 n = 1, i, k, to;

	start[0] = 0;
	for (i = 0; i < p->len; i++) {
		if (!calls_func(&p->insns[i]))
			continue;
		to = i + 1 + (u32)p->insns[i].imm;
		if (to >= p->len)
			continue;
		for (k = 0; k < n && start[k] < to; k++)
			;
		if ((k < n && start[k] == to) || n == max)
			continue;
		memmove(&start[k + 1], &start[k], (n - k) * sizeof(*start));
		start[k] = to;
		n++;
	}
	return n;
}

static int verify(const struct prog *p, enum world_rules rules, u32 budget, u32 level, struct bpfshim_vrf_result *res)
{
	struct bpfshim_func_info info[32];
	struct bpfshim_vrf_prog in;
	u32 start[32], i;

	memset(&in, 0, sizeof(in));
	in.insns = p->insns;
	in.len = p->len;
	in.prog_type = p->type;
	in.prog_flags = p->flags;
	in.gpl_compatible = true;
	in.mem_limit = 64u << 20;
	in.helper_avail = world_helpers;
	in.log_level = level;
	in.mask = rules == MASKED;
	in.unpriv = rules == UNPRIV;
	in.btf = btf;
	in.func_info = info;
	in.func_info_cnt = world_subs(p, start, ARRAY_SIZE(start));
	memset(info, 0, sizeof(info));
	for (i = 0; i < in.func_info_cnt; i++) {
		info[i].insn_off = start[i];
		info[i].type_id = i && (p->globals >> i) & 1 ? T_GLOBAL :
				  i && (p->ctx_globals >> i) & 1 ? T_GLOBAL_CTX : T_STATIC;
	}
	resched_left = budget;
	nr_used = 0;
	return bpfshim_verify(&in, &ops, NULL, res);
}

int world_verify(const struct prog *p, u32 budget, struct bpfshim_vrf_result *res)
{
	return verify(p, ROOT, budget, 0, res);
}

int world_verify_as(enum world_rules rules, const struct prog *p, u32 budget, struct bpfshim_vrf_result *res)
{
	return verify(p, rules, budget, 0, res);
}

void world_log(const struct prog *p, enum world_rules rules)
{
	struct bpfshim_vrf_result res;

	fprintf(stderr, "verdict %d\n", verify(p, rules, 40, BPFSHIM_LOG_LEVEL1 | BPFSHIM_LOG_LEVEL2, &res));
	bpfshim_vrf_result_free(&res, &ops, NULL);
}

const char *world_refusal(const struct prog *p, enum world_rules rules)
{
	struct bpfshim_vrf_result res;

	tail[0] = 0;
	want_tail = true;
	verify(p, rules, 40, BPFSHIM_LOG_LEVEL1, &res);
	bpfshim_vrf_result_free(&res, &ops, NULL);
	want_tail = false;
	return tail;
}

long world_fail_alloc(long n)
{
	long was = fail_at;

	fail_at = n;
	return was;
}

long world_live(void)
{
	return live;
}

void world_free_result(struct bpfshim_vrf_result *res)
{
	bpfshim_vrf_result_free(res, &ops, NULL);
}
