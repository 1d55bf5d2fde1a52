// SPDX-License-Identifier: GPL-2.0
/*
 * The log: text goes through a small buffer, so that its end can be taken
 * back (6.1 drops the text of a path that ended well), to ops->log.
 */
#include "env.h"

#define LOG_BUF 2048u

u64 bpfshim_v_log_pos(const struct vrf_env *env)
{
	return env->log_flushed + env->log_len;
}

void bpfshim_v_log_flush(struct vrf_env *env)
{
	if (env->log_len && env->ops->log)
		env->ops->log(env->cookie, env->log_buf, env->log_len);
	env->log_flushed += env->log_len;
	env->log_len = 0;
}

void bpfshim_v_log_reset(struct vrf_env *env, u64 pos)
{
	if (!env->level || pos >= bpfshim_v_log_pos(env))
		return;
	if (pos >= env->log_flushed) {
		env->log_len = (u32)(pos - env->log_flushed);
		return;
	}
	if (!env->ops->log_reset)
		return;
	env->ops->log_reset(env->cookie, pos);
	env->log_flushed = pos;
	env->log_len = 0;
}

static void put(struct vrf_env *env, const char *s, u32 n)
{
	u32 k;

	while (n) {
		if (env->log_len == LOG_BUF) {
			/* Keep a little: the last new line may be taken back. */
			u32 keep = 8;

			if (env->ops->log)
				env->ops->log(env->cookie, env->log_buf, LOG_BUF - keep);
			env->log_flushed += LOG_BUF - keep;
			memmove(env->log_buf, env->log_buf + LOG_BUF - keep, keep);
			env->log_len = keep;
		}
		k = LOG_BUF - env->log_len;
		if (k > n)
			k = n;
		memcpy(env->log_buf + env->log_len, s, k);
		env->log_len += k;
		s += k;
		n -= k;
	}
}

struct spec {
	bool plus, zero;
	u32 width, longs;
};

static void put_number(struct vrf_env *env, u64 v, bool neg, u32 base, const struct spec *sp)
{
	char t[24];
	u32 i = sizeof(t), n;

	do {
		t[--i] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	n = sizeof(t) - i + (neg || sp->plus);
	if (sp->zero) {
		if (neg || sp->plus)
			put(env, neg ? "-" : "+", 1);
		for (; n < sp->width; n++)
			put(env, "0", 1);
	} else {
		for (; n < sp->width; n++)
			put(env, " ", 1);
		if (neg || sp->plus)
			put(env, neg ? "-" : "+", 1);
	}
	put(env, t + i, sizeof(t) - i);
}

static const char *parse_spec(const char *f, struct spec *sp)
{
	memset(sp, 0, sizeof(*sp));
	for (; ; f++) {
		if (*f == '+')
			sp->plus = true;
		else if (*f == '0' && !sp->width)
			sp->zero = true;
		else if (*f >= '0' && *f <= '9')
			sp->width = sp->width * 10 + (u32)(*f - '0');
		else if (*f == 'l')
			sp->longs++;
		else
			return f;
	}
}

void bpfshim_v_log(struct vrf_env *env, const char *fmt, ...)
{
	const char *f, *s;
	struct spec sp;
	__builtin_va_list ap;
	char c;
	u64 u;
	s64 d;

	if (!env->level)
		return;
	__builtin_va_start(ap, fmt);
	for (f = fmt; *f; f++) {
		if (*f != '%') {
			for (s = f; f[1] && f[1] != '%'; f++)
				;
			put(env, s, (u32)(f - s) + 1);
			continue;
		}
		f = parse_spec(f + 1, &sp);
		switch (*f) {
		case 'd':
			d = sp.longs ? __builtin_va_arg(ap, long long) : __builtin_va_arg(ap, int);
			put_number(env, d < 0 ? 0 - (u64)d : (u64)d, d < 0, 10, &sp);
			break;
		case 'u':
		case 'x':
			u = sp.longs ? __builtin_va_arg(ap, unsigned long long) : __builtin_va_arg(ap, unsigned int);
			put_number(env, u, false, *f == 'x' ? 16 : 10, &sp);
			break;
		case 's':
			s = __builtin_va_arg(ap, const char *);
			put(env, s, (u32)strlen(s));
			break;
		case 'c':
			c = (char)__builtin_va_arg(ap, int);
			put(env, &c, 1);
			break;
		default:
			put(env, f, 1);
		}
	}
	__builtin_va_end(ap);
}

static const struct bpfshim_line_info *find_line(const struct vrf_env *env, u32 insn)
{
	const struct bpfshim_line_info *l = env->prog->line_info;
	u32 lo = 0, hi = env->prog->line_info_cnt, mid;

	if (!hi || insn >= env->len)
		return NULL;
	/* the last record at or before the instruction */
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (l[mid].insn_off <= insn)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? &l[lo - 1] : NULL;
}

void bpfshim_v_log_line(struct vrf_env *env, u32 insn, const char *prefix)
{
	const struct bpfshim_line_info *l;
	const char *s;

	if (!env->level || !env->prog->btf)
		return;
	l = find_line(env, insn);
	if (!l || l == env->prev_line)
		return;
	s = bpfshim_btf_name(env->prog->btf, l->line_off);
	if (!s)
		return;
	while (*s == ' ' || (*s >= '\t' && *s <= '\r'))
		s++;
	bpfshim_v_log(env, "%s%s\n", prefix, s);
	env->prev_line = l;
}
