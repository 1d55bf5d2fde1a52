// SPDX-License-Identifier: GPL-2.0
/*
 * trace_printk: formatted text to the kernel's trace pipe.  The format's
 * checks and conversions are 6.1's; formatting goes conversion by conversion
 * through the kernel's snprintf, strings through fault-tolerant reads.
 */
#include "helpers.h"

#define LINE 512

/* Programs do not nest on a CPU: a buffer each is enough. */
struct lines {
	char line[LINE];
	char piece[128];
};
static DEFINE_PER_CPU(struct lines, lines);

static bool is_size(char c)
{
	return c == 'l' || c == 'h' || c == 'z';
}

/* One conversion, parsed. */
struct conv {
	char spec[16];		/* for snprintf: flags, width, length, type */
	char kind;		/* 'd' number, 'p' pointer, 's' string, 'c', '%' */
	u8 bytes;		/* of a number: 4 or 8 */
	bool user;		/* a user string */
};

/* Parse at *f (behind the '%'); moves it on.  0 or -EINVAL. */
static int parse(const char **f, const char *end, struct conv *c)
{
	const char *p = *f;
	u32 n = 0, longs = 0;

	memset(c, 0, sizeof(*c));
	c->spec[n++] = '%';
	if (p < end && *p == '%') {
		c->kind = '%';
		*f = p + 1;
		return 0;
	}
	while (p < end && (*p == '0' || *p == '+' || *p == '-' || *p == ' ' || *p == '#') && n < 6)
		c->spec[n++] = *p++;
	while (p < end && *p >= '0' && *p <= '9' && n < 9)
		c->spec[n++] = *p++;
	if (p >= end)
		return -EINVAL;
	switch (*p) {
	case 'p':
		p++;
		c->kind = 'p';
		if (end - p >= 2 && (p[0] == 'k' || p[0] == 'u') && p[1] == 's') {
			c->kind = 's';
			c->user = p[0] == 'u';
			p += 2;
			c->spec[n++] = 's';
		} else if (p < end && (*p == 'K' || *p == 'x' || *p == 's' || *p == 'S' || *p == 'B')) {
			/* symbols by %ps, %pS, %pB; addresses otherwise */
			c->spec[n++] = 'p';
			if (*p != 'x' && *p != 'K')
				c->spec[n++] = *p;
			p++;
		} else if (p < end && (isalnum(*p) || ispunct(*p)) && *p != '%' && isalpha(*p)) {
			return -EINVAL;
		} else {
			c->spec[n++] = 'p';
		}
		break;
	case 's':
		c->kind = 's';
		c->spec[n++] = *p++;
		break;
	case 'c':
		c->kind = 'c';
		c->spec[n++] = *p++;
		break;
	default:
		while (p < end && is_size(*p)) {
			if (*p != 'l' || ++longs > 2)
				return -EINVAL;
			p++;
		}
		if (p >= end || !strchr("diuxX", *p))
			return -EINVAL;
		c->kind = 'd';
		c->bytes = longs ? 8 : 4;
		if (longs) {
			c->spec[n++] = 'l';
			c->spec[n++] = 'l';
		}
		c->spec[n++] = *p++;
	}
	*f = p;
	return 0;
}

static int format_one(char *out, u32 room, const struct conv *c, u64 arg, char *piece, u32 piece_size)
{
	long n;

	switch (c->kind) {
	case 'p':
		return snprintf(out, room, c->spec, bpfshim_ptr(arg));
	case 'c':
		return snprintf(out, room, c->spec, (int)arg);
	case 's':
		/* %s takes what the address is, %pks and %pus say it. */
		if (c->user || (c->spec[1] == 's' && arg < TASK_SIZE_MAX))
			n = bpfshim_helper_table[BPFSHIM_HELPER_PROBE_READ_USER_STR]((unsigned long)piece, piece_size, arg, 0, 0);
		else
			n = bpfshim_helper_table[BPFSHIM_HELPER_PROBE_READ_KERNEL_STR]((unsigned long)piece, piece_size, arg, 0, 0);
		if (n < 0)
			piece[0] = 0;
		return snprintf(out, room, c->spec, piece);
	}
	if (c->bytes == 8)
		return snprintf(out, room, c->spec, (unsigned long long)arg);
	return snprintf(out, room, c->spec, (unsigned int)arg);
}

/* The whole text: its length, or -EINVAL. */
static int format(struct lines *l, const char *fmt, u32 fmt_size, const u64 *args, u32 nr_args)
{
	const char *end = fmt + fmt_size, *f = fmt;
	u32 used = 0, arg = 0, i;

	if (!fmt_size || fmt[fmt_size - 1])
		return -EINVAL;
	end--;
	for (i = 0; i < fmt_size - 1; i++)
		if ((!isprint(fmt[i]) && !isspace(fmt[i])) || !isascii(fmt[i]))
			return -EINVAL;
	while (f < end) {
		struct conv c;
		int n;

		if (*f != '%') {
			if (used < LINE - 1)
				l->line[used++] = *f;
			f++;
			continue;
		}
		f++;
		if (parse(&f, end, &c))
			return -EINVAL;
		if (c.kind == '%') {
			if (used < LINE - 1)
				l->line[used++] = '%';
			continue;
		}
		if (arg >= nr_args)
			return -EINVAL;
		n = format_one(l->line + used, LINE - used, &c, args[arg++], l->piece, sizeof(l->piece));
		used = min_t(u32, used + n, LINE - 1);
	}
	l->line[used] = 0;
	return used;
}

static u64 print(const char *fmt, u32 fmt_size, const u64 *args, u32 nr_args)
{
	struct lines *l = this_cpu_ptr(&lines);
	int n = format(l, fmt, fmt_size, args, nr_args);

	if (n >= 0)
		__trace_puts(_THIS_IP_, l->line, n);
	return n;
}

BPFSHIM_HELPER(trace_printk)
{
	u64 args[3] = { r3, r4, r5 };

	return print(bpfshim_ptr(r1), (u32)r2, args, 3);
}

BPFSHIM_HELPER(trace_vprintk)
{
	u32 len = (u32)r4;

	if (len % 8 || len > 12 * 8 || (len && !r3))
		return -EINVAL;
	return print(bpfshim_ptr(r1), (u32)r2, bpfshim_ptr(r3), len / 8);
}
