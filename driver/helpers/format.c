// SPDX-License-Identifier: GPL-2.0
/*
 * Formatted text.  The format's checks and conversions are 6.1's; formatting
 * goes conversion by conversion through the kernel's snprintf, what addresses
 * lead to through fault-tolerant reads.
 */
#include "helpers.h"

#define PIECE 512

/* Programs do not nest on a CPU: a buffer each is enough. */
struct piece {
	char text[PIECE];
};
static DEFINE_PER_CPU(struct piece, pieces);

static bool is_size(char c)
{
	return c == 'l' || c == 'h' || c == 'z';
}

/* One conversion, parsed. */
struct conv {
	char spec[20];		/* for snprintf: flags, width, length, type */
	char kind;		/* 'd' number, 'p' pointer, 's' string, 'a' IP address, 'b' %pB, 'c', '%' */
	u8 bytes;		/* of a number: 4 or 8; of an address: 4 or 16 */
	char from;		/* a string's: 'k'ernel, 'u'ser, or 0: as the address says */
};

/* How a pointer prints: %px itself, %p its hash. */
static void as_hex(char *spec, bool width_given)
{
	strcpy(spec, width_given ? "llx" : "016llx");
}

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
			c->from = p[0];
			p += 2;
		} else if (p < end && *p == 'x') {
			/* not hashed; old kernels do not know it */
			c->kind = 'd';
			c->bytes = 8;
			as_hex(c->spec + n, n > 1);
			p++;
		} else if (p < end && *p == 'B') {
			c->kind = 'b';
			p++;
		} else if (p < end && (*p == 'K' || *p == 's' || *p == 'S')) {
			/* symbols by %ps, %pS; an address otherwise */
			c->spec[n++] = 'p';
			if (*p != 'K')
				c->spec[n++] = *p;
			p++;
		} else if (end - p >= 2 && (p[0] == 'i' || p[0] == 'I') && (p[1] == '4' || p[1] == '6')) {
			c->kind = 'a';
			c->bytes = p[1] == '4' ? 4 : 16;
			n = 1;
			c->spec[n++] = 'p';
			c->spec[n++] = *p++;
			c->spec[n++] = *p++;
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

static void read_text(char *piece, u32 size, bool user, u64 from)
{
	u32 h = user ? BPFSHIM_HELPER_PROBE_READ_USER_STR : BPFSHIM_HELPER_PROBE_READ_KERNEL_STR;

	if ((long)bpfshim_helper_table[h]((unsigned long)piece, size, from, 0, 0) < 0)
		piece[0] = 0;
}

/* What 6.1 renders beforehand: no width, and not counted where nothing fits. */
static u32 copy_rendered(char *out, u32 room, const char *text)
{
	u32 n = strlen(text);

	if (!room)
		return 0;
	memcpy(out, text, min(n, room));
	return n;
}

static u32 format_one(char *out, u32 room, const struct conv *c, u64 arg, char *piece, u32 piece_size)
{
	u8 address[16];
	char hex[24];
	u32 n;

	switch (c->kind) {
	case 'p':
		n = strlen(c->spec) - 1;
		/* 3.10 hashes none, and has a word for 0 */
		if (c->spec[n] == 'p') {
			memcpy(hex, c->spec, n);
			as_hex(hex + n, n > 1);
			return snprintf(out, room, hex, (unsigned long long)bpfshim_hash_ptr(arg));
		}
		return snprintf(out, room, c->spec, bpfshim_ptr(arg));
	case 'c':
		return snprintf(out, room, c->spec, (int)arg);
	case 'a':
		if (bpfshim_read_kernel(address, bpfshim_ptr(arg), c->bytes))
			memset(address, 0, c->bytes);
		snprintf(piece, piece_size, c->spec, address);
		return copy_rendered(out, room, piece);
	case 'b':
		snprintf(piece, piece_size, "%pB", bpfshim_ptr(arg));
		return copy_rendered(out, room, piece);
	case 's':
		if (c->from) {
			read_text(piece, piece_size, c->from == 'u', arg);
			return copy_rendered(out, room, piece);
		}
		read_text(piece, piece_size, arg < TASK_SIZE_MAX, arg);
		return snprintf(out, room, c->spec, piece);
	}
	if (c->bytes == 8)
		return snprintf(out, room, c->spec, (unsigned long long)arg);
	return snprintf(out, room, c->spec, (unsigned int)arg);
}

int bpfshim_format(char *out, u32 size, const char *fmt, u32 fmt_size, const u64 *args, u32 nr_args)
{
	u32 used = 0, arg = 0, i, len = strnlen(fmt, fmt_size);
	const char *end = fmt + len, *f = fmt;
	char *piece = this_cpu_ptr(&pieces)->text;

	if (len == fmt_size)
		return -EINVAL;
	for (i = 0; i < len; i++)
		if ((!isprint(fmt[i]) && !isspace(fmt[i])) || !isascii(fmt[i]))
			return -EINVAL;
	while (f < end) {
		/* What does not fit is counted. */
		u32 room = used < size ? size - used : 0;
		struct conv c;

		if (*f == '%') {
			f++;
			if (parse(&f, end, &c))
				return -EINVAL;
			if (c.kind != '%') {
				if (arg >= nr_args)
					return -EINVAL;
				used += format_one(out + used, room, &c, args[arg++], piece, PIECE);
				continue;
			}
		} else {
			f++;
		}
		if (room > 1)
			out[used] = f[-1];
		used++;
	}
	if (size)
		out[min(used, size - 1)] = 0;
	return used;
}
