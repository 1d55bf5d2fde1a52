// SPDX-License-Identifier: GPL-2.0
/* Text to numbers. */
#include "helpers.h"

#define BASE_MASK	31
#define DIGITS		63	/* what is looked at behind blanks and sign */

static u32 digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/* How many bytes were used, or -EINVAL, -ERANGE. */
static int parse(const char *buf, u32 len, u64 flags, u64 *number, bool *negative)
{
	const char *p = buf, *end = buf + len, *digits;
	u32 base = flags & BASE_MASK;
	bool over = false;
	u64 n = 0;

	if (!len || (flags & ~(u64)BASE_MASK) || (base && base != 8 && base != 10 && base != 16))
		return -EINVAL;
	while (p < end && isspace(*p))
		p++;
	*negative = p < end && *p == '-';
	if (*negative)
		p++;
	if (p == end)
		return -EINVAL;
	if (end - p > DIGITS)
		end = p + DIGITS;
	if (!base) {
		base = 10;
		if (*p == '0') {
			base = 8;
			if (end - p > 2 && (p[1] == 'x' || p[1] == 'X') && digit(p[2]) < 16)
				base = 16;
		}
	}
	if (base == 16 && end - p > 1 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
		p += 2;
	for (digits = p; p < end && digit(*p) < base; p++) {
		if (n > div_u64(U64_MAX - digit(*p), base))
			over = true;
		n = n * base + digit(*p);
	}
	if (over)
		return -ERANGE;
	if (p == digits)
		return -EINVAL;
	*number = n;
	return p - buf;
}

BPFSHIM_HELPER(strtol)
{
	s64 *out = bpfshim_ptr(r4);
	bool negative;
	u64 n;
	int used = parse(bpfshim_ptr(r1), (u32)r2, r3, &n, &negative);

	*out = 0;
	if (used < 0)
		return used;
	if (n > (u64)S64_MAX + negative)
		return -ERANGE;
	*out = negative ? -n : n;
	return used;
}

BPFSHIM_HELPER(strtoul)
{
	u64 *out = bpfshim_ptr(r4);
	bool negative;
	u64 n;
	int used = parse(bpfshim_ptr(r1), (u32)r2, r3, &n, &negative);

	*out = 0;
	if (used < 0)
		return used;
	if (negative)
		return -EINVAL;
	*out = n;
	return used;
}
