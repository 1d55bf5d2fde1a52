// SPDX-License-Identifier: GPL-2.0
/* Small services: verifier callbacks, names, the user's log, SHA-1. */
#include "internal.h"

void *bpfshim_vrf_alloc(void *cookie, size_t size)
{
	return bpfshim_kvzalloc(size);
}

void bpfshim_vrf_free(void *cookie, void *p)
{
	bpfshim_kvfree(p);
}

int bpfshim_vrf_resched(void *cookie)
{
	if (fatal_signal_pending(current))
		return -EAGAIN;
	cond_resched();
	return 0;
}

u64 bpfshim_vrf_now(void *cookie)
{
	return bpfshim_now_ns();
}

static void no_log(void *cookie, const char *text, u32 len)
{
}

const struct bpfshim_vrf_ops bpfshim_mem_ops = {
	.alloc = bpfshim_vrf_alloc,
	.free = bpfshim_vrf_free,
	.resched = bpfshim_vrf_resched,
	.now_ns = bpfshim_vrf_now,
	.log = no_log,
};

int bpfshim_name_copy(char dst[BPFSHIM_OBJ_NAME_LEN], const char src[BPFSHIM_OBJ_NAME_LEN])
{
	int i;

	memset(dst, 0, BPFSHIM_OBJ_NAME_LEN);
	for (i = 0; i < BPFSHIM_OBJ_NAME_LEN && src[i]; i++) {
		if (!isalnum(src[i]) && src[i] != '_' && src[i] != '.')
			return -EINVAL;
		dst[i] = src[i];
	}
	return i == BPFSHIM_OBJ_NAME_LEN ? -EINVAL : 0;
}

int bpfshim_tail_zero(const void __user *p, u32 known, u32 actual)
{
	int zero;

	if (actual > PAGE_SIZE)
		return -E2BIG;
	if (actual <= known)
		return 0;
	zero = bpfshim_user_zeroed((const u8 __user *)p + known, actual - known);
	if (zero < 0)
		return zero;
	return zero ? 0 : -E2BIG;
}

#define LOG_LEVELS (BPFSHIM_LOG_LEVEL1 | BPFSHIM_LOG_LEVEL2 | BPFSHIM_LOG_STATS)

int bpfshim_log_init(struct bpfshim_log *log, u32 level, u64 buf, u32 size)
{
	memset(log, 0, sizeof(*log));
	if (!level && !buf && !size)
		return 0;
	if (size < 128 || size > UINT_MAX >> 2 || !level || !buf ||
	    (level & ~LOG_LEVELS))
		return -EINVAL;
	log->level = level;
	log->size = size;
	log->buf = bpfshim_uptr(buf);
	return 0;
}

void bpfshim_log_write(struct bpfshim_log *log, const char *text, u32 len)
{
	u32 room;

	if (!log->level || !log->buf)
		return;
	room = log->size - log->used - 1;
	if (len > room)
		len = room;
	if (copy_to_user(log->buf + log->used, text, len) ||
	    put_user('\0', log->buf + log->used + len)) {
		log->buf = NULL;
		return;
	}
	log->used += len;
}

void bpfshim_log_reset(struct bpfshim_log *log, u64 pos)
{
	if (!log->level || !log->buf || pos >= log->used)
		return;
	log->used = (u32)pos;
	if (put_user('\0', log->buf + pos))
		log->buf = NULL;
}

void bpfshim_log_printf(struct bpfshim_log *log, const char *fmt, ...)
{
	char line[160];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vscnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	bpfshim_log_write(log, line, n);
}

int bpfshim_log_result(const struct bpfshim_log *log, int err)
{
	if (!log->level)
		return err;
	if (!log->buf)
		return -EFAULT;
	if (log->used >= log->size - 1)
		return -ENOSPC;
	return err;
}

static u32 rotl(u32 v, int n)
{
	return v << n | v >> (32 - n);
}

static void sha1_block(u32 h[5], const u8 *p)
{
	u32 w[16], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f, k, t;
	int i;

	for (i = 0; i < 80; i++) {
		if (i < 16)
			w[i] = (u32)p[4 * i] << 24 | p[4 * i + 1] << 16 |
			       p[4 * i + 2] << 8 | p[4 * i + 3];
		else
			w[i & 15] = rotl(w[(i + 13) & 15] ^ w[(i + 8) & 15] ^
					 w[(i + 2) & 15] ^ w[i & 15], 1);
		if (i < 20) {
			f = (b & c) | (~b & d);
			k = 0x5a827999;
		} else if (i < 40) {
			f = b ^ c ^ d;
			k = 0x6ed9eba1;
		} else if (i < 60) {
			f = (b & c) | (b & d) | (c & d);
			k = 0x8f1bbcdc;
		} else {
			f = b ^ c ^ d;
			k = 0xca62c1d6;
		}
		t = rotl(a, 5) + f + e + k + w[i & 15];
		e = d;
		d = c;
		c = rotl(b, 30);
		b = a;
		a = t;
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
	h[4] += e;
}

void bpfshim_sha1(const void *data, size_t len, u8 digest[20])
{
	u32 h[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
	u64 bits = (u64)len * 8;
	const u8 *p = data;
	u8 last[128];
	size_t rest, pad;
	int i;

	for (rest = len; rest >= 64; rest -= 64, p += 64)
		sha1_block(h, p);
	memset(last, 0, sizeof(last));
	memcpy(last, p, rest);
	last[rest] = 0x80;
	pad = rest < 56 ? 64 : 128;
	for (i = 0; i < 8; i++)
		last[pad - 1 - i] = bits >> (8 * i);
	sha1_block(h, last);
	if (pad == 128)
		sha1_block(h, last + 64);
	for (i = 0; i < 20; i++)
		digest[i] = h[i / 4] >> (24 - 8 * (i % 4));
}
