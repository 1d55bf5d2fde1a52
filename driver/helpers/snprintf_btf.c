// SPDX-License-Identifier: GPL-2.0
/*
 * Kernel memory as text, by its type in the kernel's BTF.  The text is 6.1's to
 * the byte, its oddities included: elements of an array of pointers all show
 * the first, and what lies in an element has no names.
 *
 * An aggregate inside another is walked twice: once without a word, to see
 * whether anything in it is not zero.  The walk keeps its own stack, as the
 * kernel's may be short, and memory is read 32 bytes at a time, fault-tolerant.
 */
#include "helpers.h"

#define COMPACT		(1ULL << 0)
#define NONAME		(1ULL << 1)
#define PTR_RAW		(1ULL << 2)
#define ZERO		(1ULL << 3)

#define DEPTH		32	/* aggregates in each other */
#define STEPS		(1 << 20)
#define NAME		80
#define WINDOW		32	/* bytes of memory looked at */
#define BASE		16	/* the longest basic type */
#define LINKS		10	/* typedefs, pointers and arrays to a name */

/* struct btf_ptr */
struct ptr {
	u64 at;
	u32 type_id, flags;
};

struct member {
	u32 name_off, type, offset;
};

/* An aggregate that is being walked. */
struct level {
	const struct bpfshim_btf_type *t;
	const struct member *member;	/* that it is, or NULL */
	u64 at;
	u32 type_id, i, n;
	u32 elem_id, elem_size;		/* arrays */
	bool array, looking, inside;	/* inside: its member i is on top of it */
};

struct walk {
	const struct bpfshim_vrf_btf *btf;
	u64 flags;
	char *to;
	u32 left;
	s32 len;			/* of all text, whether or not it fit */
	long status;
	u32 steps;
	/* what 6.1 goes by */
	const struct bpfshim_btf_type *type;
	const struct member *member;
	u32 type_id;
	u32 depth, depth_to_show, depth_check;
	bool array_member, array_terminated;
	u8 encoding;
	/* the window: bytes of memory from `from` on */
	u64 head, from;
	u32 size;
	bool filled;
	u8 bytes[WINDOW + 3 * BASE];	/* whatever a type claims, reads end in here */
	char name[NAME];
	u32 nr;
	struct level level[DEPTH];
};

/* Programs do not nest on a CPU: one each is enough. */
static struct walk __percpu *walks;

static u32 kind(const struct bpfshim_btf_type *t)
{
	return t ? BPFSHIM_BTF_KIND(t->info) : 0;
}

static bool is_aggregate(const struct bpfshim_btf_type *t)
{
	return kind(t) == BPFSHIM_BTF_STRUCT || kind(t) == BPFSHIM_BTF_UNION || kind(t) == BPFSHIM_BTF_ARRAY;
}

static const char *string(const struct walk *w, u32 off)
{
	const char *s = bpfshim_btf_name(w->btf, off);

	return s ? s : "";
}

/* Qualifiers go, typedefs stay. */
static const struct bpfshim_btf_type *unqualified(const struct walk *w, u32 id)
{
	const struct bpfshim_btf_type *t = bpfshim_btf_type(w->btf, id);
	u32 i;

	for (i = 0; i < DEPTH; i++) {
		u32 k = kind(t);

		if (k != BPFSHIM_BTF_CONST && k != BPFSHIM_BTF_VOLATILE && k != BPFSHIM_BTF_RESTRICT &&
		    k != BPFSHIM_BTF_TYPE_TAG)
			break;
		t = bpfshim_btf_type(w->btf, t->size);
	}
	return t;
}

/* ---- text --------------------------------------------------------------- */

static void out(struct walk *w, const char *text)
{
	u32 n, fits;

	if (w->depth_check)
		return;
	n = strlen(text);
	w->len += n;
	if (!w->left)
		return;
	fits = min(n, w->left - 1);
	memcpy(w->to, text, fits);
	w->to[fits] = 0;
	w->to += fits;
	w->left = n > fits ? 0 : w->left - n;
}

static void indent(struct walk *w)
{
	static const char spaces[] = "                                ";
	u32 n = min_t(u32, w->depth, sizeof(spaces) - 1);

	if (!(w->flags & COMPACT))
		out(w, spaces + sizeof(spaces) - 1 - n);
}

static void newline(struct walk *w)
{
	if (!(w->flags & COMPACT))
		out(w, "\n");
}

static void delim(struct walk *w)
{
	if (w->depth)
		out(w, (w->flags & COMPACT) && kind(w->type) == BPFSHIM_BTF_UNION ? "|" : ",");
}

/* ".member = (type *[])" and the parenthesis that opens an aggregate. */
static void name(struct walk *w)
{
	const struct bpfshim_btf_type *t;
	const char *of = NULL, *prefix = "", *open = "", *member = "";
	char stars[LINKS + 2], arrays[2 * LINKS + 1];
	u32 id = w->type_id, nr_stars = 0, nr_arrays = 0, i;
	bool is_typedef = false;

	if (w->array_member)
		return;
	if (w->member) {
		member = string(w, w->member->name_off);
		id = w->member->type;
	}
	t = bpfshim_btf_type(w->btf, id);
	for (i = 0; t && i < LINKS; i++) {
		if (kind(t) == BPFSHIM_BTF_TYPEDEF) {
			if (!of)
				of = string(w, t->name_off);
			is_typedef = true;
			id = t->size;
		} else if (kind(t) == BPFSHIM_BTF_ARRAY) {
			arrays[2 * nr_arrays] = '[';
			arrays[2 * nr_arrays++ + 1] = ']';
			open = "[";
			id = ((const u32 *)(t + 1))[0];
		} else if (kind(t) == BPFSHIM_BTF_PTR) {
			nr_stars++;
			id = t->size;
		} else {
			break;
		}
		if (!id)
			break;
		t = unqualified(w, id);
	}
	if (!t || i == LINKS)
		return;
	if (!of)
		of = string(w, t->name_off);
	if (kind(t) == BPFSHIM_BTF_STRUCT || kind(t) == BPFSHIM_BTF_UNION) {
		prefix = kind(t) == BPFSHIM_BTF_STRUCT ? "struct" : "union";
		if (!nr_arrays)
			open = "{";
	} else if (kind(t) == BPFSHIM_BTF_ENUM || kind(t) == BPFSHIM_BTF_ENUM64) {
		prefix = "enum";
	}
	if (nr_stars)
		open = "";
	if (is_typedef)
		prefix = "";
	if (w->flags & NONAME) {
		out(w, open);
		return;
	}
	arrays[2 * nr_arrays] = 0;
	stars[0] = ' ';
	memset(stars + 1, '*', nr_stars);
	stars[nr_stars ? nr_stars + 1 : 0] = 0;
	snprintf(w->name, NAME, "%s%s%s(%s%s%s%s%s)%s", *member ? "." : "", member, *member ? " = " : "", prefix,
		 *prefix && *of ? " " : "", of, stars, arrays, open);
	out(w, w->name);
}

static void value(struct walk *w, bool zero, const char *text)
{
	if (zero && !(w->flags & ZERO) && w->depth)
		return;
	indent(w);
	name(w);
	out(w, text);
	delim(w);
	newline(w);
	w->depth_to_show = max(w->depth_to_show, w->depth);
}

__printf(3, 4)
static void print(struct walk *w, bool zero, const char *fmt, ...)
{
	char text[48];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	value(w, zero, text);
}

/* ---- memory ------------------------------------------------------------- */

/* The bytes at an address where a t begins, as many as a basic type has; NULL:
 * they cannot be read, and status says so. */
static const u8 *begin(struct walk *w, const struct bpfshim_btf_type *t, u32 size, u32 type_id, u64 at)
{
	u64 end;
	s64 have;

	w->type = t;
	w->type_id = type_id;
	if (!w->depth) {
		w->size = size;
		w->head = at;
	} else if (w->filled && at >= w->from && at - w->from + min_t(u32, size, BASE) < WINDOW) {
		return w->bytes + (at - w->from);
	}
	end = w->head + w->size;
	have = min_t(s64, end - at, WINDOW);
	w->status = -EFAULT;
	if (have >= 0)
		w->status = bpfshim_probe_kernel(w->bytes, have, at);
	if (w->status)
		return NULL;
	w->from = at;
	w->filled = true;
	return w->bytes;
}

static void end(struct walk *w)
{
	w->type = NULL;
	w->type_id = 0;
}

static u64 word(const u8 *p, u32 size)
{
	u64 v = 0;

	memcpy(&v, p, size);
	return v;
}

/* ---- basic types -------------------------------------------------------- */

/* A number of bits, up to 128. */
static void show_bits(struct walk *w, const u8 *p, u32 bit, u32 nr)
{
	u8 b[17] = { 0 };
	u64 lo, hi;

	if (!nr || nr > 128 || bit > 7)
		return;
	memcpy(b, p, min_t(u32, DIV_ROUND_UP(bit + nr, 8), BASE));
	lo = word(b, 8) >> bit;
	hi = word(b + 8, 8) >> bit;
	if (bit)
		lo |= word(b + 8, 8) << (64 - bit);
	if (nr < 64)
		lo &= (1ULL << nr) - 1;
	if (nr <= 64)
		hi = 0;
	else if (nr < 128)
		hi &= (1ULL << (nr - 64)) - 1;
	if (hi)
		print(w, false, "0x%llx%016llx", (unsigned long long)hi, (unsigned long long)lo);
	else
		print(w, !lo, "0x%llx", (unsigned long long)lo);
}

#define INT_SIGNED	1
#define INT_CHAR	2

static void show_int(struct walk *w, const struct bpfshim_btf_type *t, const u8 *p, u32 bit)
{
	u32 how = *(const u32 *)(t + 1), nr = how & 0xff, at = (how >> 16) & 0xff;
	bool sign = (how >> 24) & INT_SIGNED;
	s64 v;

	if (bit || at || (nr != 8 && nr != 16 && nr != 32 && nr != 64)) {
		bit += at;
		show_bits(w, p + min_t(u32, bit / 8, BASE), bit % 8, nr);
		return;
	}
	v = word(p, nr / 8);
	if (nr == 8 && w->encoding == INT_CHAR) {
		if (w->array_terminated)
			return;
		if (!v) {
			w->array_terminated = true;
			return;
		}
		if (isprint((int)v)) {
			print(w, false, "'%c'", (int)v);
			return;
		}
	}
	if (sign && nr < 64)
		v = v << (64 - nr) >> (64 - nr);
	if (sign)
		print(w, !v, "%lld", (long long)v);
	else
		print(w, !v, "%llu", (unsigned long long)v);
}

static void show_enum(struct walk *w, const struct bpfshim_btf_type *t, const u8 *p)
{
	bool wide = kind(t) == BPFSHIM_BTF_ENUM64;
	const u32 *e = (const u32 *)(t + 1);
	u32 i, words = wide ? 3 : 2;
	u64 v = word(p, wide ? 8 : 4);

	for (i = 0; i < BPFSHIM_BTF_VLEN(t->info); i++, e += words) {
		if (v != (wide ? (u64)e[2] << 32 | e[1] : e[1]))
			continue;
		value(w, false, e[0] ? string(w, e[0]) : "(anon)");
		return;
	}
	if (!BPFSHIM_BTF_KFLAG(t->info))
		print(w, !v, "%llu", (unsigned long long)v);
	else
		print(w, !v, "%lld", wide ? (long long)v : (long long)(s32)v);
}

static void show_ptr(struct walk *w, const u8 *p)
{
	u64 v = word(p, 8);

	if (!(w->flags & PTR_RAW))
		v = bpfshim_hash_ptr(v);
	print(w, !v, "0x%016llx", (unsigned long long)v);
}

static void show_basic(struct walk *w, const struct bpfshim_btf_type *t, u32 type_id, u64 at, u32 bit)
{
	const u8 *p;
	u32 size;

	switch (kind(t)) {
	case BPFSHIM_BTF_INT:
	case BPFSHIM_BTF_ENUM:
	case BPFSHIM_BTF_ENUM64:
		size = t->size;
		break;
	case BPFSHIM_BTF_PTR:
		size = 8;
		break;
	default:
		snprintf(w->name, NAME, "<unsupported kind:%u>", kind(t));
		out(w, w->name);
		return;
	}
	p = begin(w, t, size, type_id, at);
	if (!p)
		return;
	if (kind(t) == BPFSHIM_BTF_INT)
		show_int(w, t, p, bit);
	else if (kind(t) == BPFSHIM_BTF_PTR)
		show_ptr(w, p);
	else
		show_enum(w, t, p);
	end(w);
}

/* ---- aggregates --------------------------------------------------------- */

/* One walk over an aggregate begins. */
static bool enter(struct walk *w, struct level *l)
{
	const struct bpfshim_btf_type *elem;
	u32 size;

	l->i = 0;
	l->inside = false;
	if (l->array) {
		elem = bpfshim_btf_skip(w->btf, l->elem_id, NULL);
		w->encoding = kind(elem) == BPFSHIM_BTF_INT ? *(const u32 *)(elem + 1) >> 24 : 0;
		if (kind(elem) == BPFSHIM_BTF_INT && l->elem_size == 1)
			w->encoding = INT_CHAR;
		w->array_terminated = false;
	}
	if (bpfshim_btf_size(w->btf, l->type_id, &size)) {
		w->status = -EINVAL;
		return false;
	}
	if (!begin(w, l->t, size, l->type_id, l->at))
		return false;
	indent(w);
	name(w);
	newline(w);
	w->depth++;
	return true;
}

static void leave(struct walk *w, struct level *l)
{
	if (l->array) {
		w->encoding = 0;
		w->array_terminated = false;
	}
	w->depth--;
	indent(w);
	out(w, l->array ? "]" : "}");
	delim(w);
	newline(w);
	end(w);
}

/* The walk over it is over; was it only to look?  Then again, if it is worth
 * showing.  false: that was all of it. */
static bool again(struct walk *w, struct level *l)
{
	while (l->looking) {
		l->looking = false;
		w->member = l->member;
		if (w->depth_check != w->depth + 1)
			return false;
		w->depth_check = 0;
		if (w->depth_to_show <= w->depth)
			return false;
		if (enter(w, l))
			return true;
	}
	return false;
}

/* The member or element is done. */
static void next(struct walk *w, struct level *l)
{
	w->member = NULL;
	if (l->array) {
		w->array_member = false;
		if (w->array_terminated)
			l->i = l->n - 1;
	}
	l->i++;
	l->inside = false;
}

/* Put an aggregate on top; it may be done at once. */
static void push(struct walk *w, const struct bpfshim_btf_type *t, u32 type_id, u64 at)
{
	const struct bpfshim_btf_type *elem;
	struct level *l = &w->level[w->nr];
	const u32 *a = (const u32 *)(t + 1);

	if (w->nr == DEPTH) {
		w->steps = STEPS;
		return;
	}
	memset(l, 0, sizeof(*l));
	l->t = t;
	l->type_id = type_id;
	l->at = at;
	l->member = w->member;
	l->array = kind(t) == BPFSHIM_BTF_ARRAY;
	l->n = BPFSHIM_BTF_VLEN(t->info);
	if (l->array) {
		l->elem_id = a[0];
		l->n = a[2];
		elem = bpfshim_btf_skip(w->btf, a[0], NULL);
		/* As 6.1 has it, only what records its size has one. */
		if (kind(elem) != BPFSHIM_BTF_PTR && kind(elem) != BPFSHIM_BTF_ARRAY && kind(elem) != 0 &&
		    kind(elem) != BPFSHIM_BTF_FWD && kind(elem) != BPFSHIM_BTF_FUNC_PROTO)
			l->elem_size = elem->size;
	}
	if (w->depth && !(w->flags & ZERO)) {
		if (!w->depth_check) {
			w->depth_check = w->depth + 1;
			w->depth_to_show = 0;
		}
		l->looking = true;
	}
	w->nr++;
	if (!enter(w, l) && !again(w, l))
		w->nr--;
}

/* What the walk comes to: shown, or put on top of the stack. */
static void show(struct walk *w, u32 type_id, u64 at, u32 bit)
{
	const struct bpfshim_btf_type *t = bpfshim_btf_skip(w->btf, type_id, NULL);

	if (kind(t) == BPFSHIM_BTF_VAR)
		t = bpfshim_btf_skip(w->btf, t->size, &type_id);
	if (is_aggregate(t))
		push(w, t, type_id, at);
	else if (t)
		show_basic(w, t, type_id, at, bit);
}

static void show_member(struct walk *w, struct level *l)
{
	const struct member *m = (const struct member *)(l->t + 1) + l->i;
	u32 bits = 0, off = m->offset, size;
	const u8 *p;

	w->member = m;
	if (BPFSHIM_BTF_KFLAG(l->t->info)) {
		bits = off >> 24;
		off &= 0xffffff;
	}
	if (!bits) {
		show(w, m->type, l->at + off / 8, off % 8);
		return;
	}
	if (bpfshim_btf_size(w->btf, m->type, &size)) {
		w->status = -EINVAL;
		return;
	}
	p = begin(w, bpfshim_btf_type(w->btf, m->type), size, m->type, l->at + off / 8);
	if (p)
		show_bits(w, p, off % 8, bits);
	end(w);
}

static void walk(struct walk *w, u32 type_id, u64 at)
{
	struct level *l;
	u32 nr;

	show(w, type_id, at, 0);
	while (w->nr && w->steps++ < STEPS) {
		nr = w->nr;
		l = &w->level[nr - 1];
		if (l->inside) {
			next(w, l);
		} else if (l->i < l->n) {
			l->inside = true;
			if (l->array) {
				w->array_member = true;
				w->member = NULL;
				show(w, l->elem_id, l->at + (u64)l->i * l->elem_size, 0);
			} else {
				show_member(w, l);
			}
		} else {
			leave(w, l);
			if (!again(w, l))
				w->nr--;
		}
	}
	if (w->nr)
		w->status = -E2BIG;
}

BPFSHIM_HELPER(snprintf_btf)
{
	const struct bpfshim_vrf_btf *btf = bpfshim_kernel_btf_now();
	const struct ptr *p = bpfshim_ptr(r3);
	struct walk *w = this_cpu_ptr(walks);

	if ((r5 & ~(COMPACT | NONAME | PTR_RAW | ZERO)) || (u32)r4 != sizeof(*p) || !btf || !p->type_id)
		return -EINVAL;
	if (!bpfshim_btf_type(btf, p->type_id))
		return -ENOENT;
	memset(w, 0, offsetof(struct walk, level));
	w->btf = btf;
	w->flags = r5;
	w->to = bpfshim_ptr(r1);
	w->left = (u32)r2;
	walk(w, p->type_id, p->at);
	return w->status ? w->status : w->len;
}

int bpfshim_helper_btf_init(void)
{
	walks = bpfshim_alloc_percpu(sizeof(struct walk));
	return walks ? 0 : -ENOMEM;
}

void bpfshim_helper_btf_exit(void)
{
	free_percpu(walks);
}
