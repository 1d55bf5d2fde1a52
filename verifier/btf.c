// SPDX-License-Identifier: GPL-2.0
/* Validation of BTF blobs, and the few questions the driver asks them. */
#include "btf.h"

#define BTF_MAGIC	0xeB9F
#define MAX_TYPES	0x000fffff
#define MAX_NAME	0x00ffffff
#define MAX_SIZE	(16 * 1024 * 1024)	/* bytes of a blob */
#define MAX_DEPTH	32

enum {
	KIND_UNKN, KIND_INT, KIND_PTR, KIND_ARRAY, KIND_STRUCT, KIND_UNION, KIND_ENUM, KIND_FWD,
	KIND_TYPEDEF, KIND_VOLATILE, KIND_CONST, KIND_RESTRICT, KIND_FUNC, KIND_FUNC_PROTO, KIND_VAR,
	KIND_DATASEC, KIND_FLOAT, KIND_DECL_TAG, KIND_TYPE_TAG, KIND_ENUM64, KINDS
};

struct header {
	u16 magic;
	u8 version, flags;
	u32 hdr_len, type_off, type_len, str_off, str_len;
};

struct type {
	u32 name, info, size;	/* size or type */
};

struct bpfshim_vrf_btf {
	const u8 *data;
	const char *strs;
	u32 str_len;
	u32 nr_types;		/* with void */
	const struct type **types;
};

struct ctx {
	struct bpfshim_vrf_btf *btf;
	const struct bpfshim_vrf_ops *ops;
	void *cookie;
	u32 level;
};

static u32 kind_of(const struct type *t)
{
	return (t->info >> 24) & 0x1f;
}

static u32 vlen_of(const struct type *t)
{
	return t->info & 0xffff;
}

static bool kflag_of(const struct type *t)
{
	return t->info >> 31;
}

__attribute__((format(printf, 2, 3)))
static void blog(struct ctx *c, const char *fmt, ...)
{
	char buf[160];
	va_list ap;
	int n;

	if (!c->level || !c->ops->log)
		return;
	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	c->ops->log(c->cookie, buf, n < (int)sizeof(buf) ? (u32)n : (u32)sizeof(buf) - 1);
}

static const char *const kind_names[KINDS] = {
	"UNKN", "INT", "PTR", "ARRAY", "STRUCT", "UNION", "ENUM", "FWD", "TYPEDEF", "VOLATILE", "CONST", "RESTRICT",
	"FUNC", "FUNC_PROTO", "VAR", "DATASEC", "FLOAT", "DECL_TAG", "TYPE_TAG", "ENUM64",
};

/* Bytes that follow the type's head; -1: unknown kind. */
static s64 tail_of(const struct type *t)
{
	switch (kind_of(t)) {
	case KIND_INT: case KIND_VAR: case KIND_DECL_TAG:
		return 4;
	case KIND_ARRAY:
		return 12;
	case KIND_STRUCT: case KIND_UNION: case KIND_DATASEC: case KIND_ENUM64:
		return (s64)vlen_of(t) * 12;
	case KIND_ENUM: case KIND_FUNC_PROTO:
		return (s64)vlen_of(t) * 8;
	case KIND_PTR: case KIND_FWD: case KIND_TYPEDEF: case KIND_VOLATILE: case KIND_CONST:
	case KIND_RESTRICT: case KIND_FUNC: case KIND_FLOAT: case KIND_TYPE_TAG:
		return 0;
	}
	return -1;
}

static const char *name_at(const struct bpfshim_vrf_btf *b, u32 off)
{
	return off < b->str_len ? b->strs + off : NULL;
}

static bool is_identifier(const char *s, bool dots)
{
	u32 i;

	if (!s || !*s)
		return false;
	for (i = 0; s[i]; i++) {
		char ch = s[i];

		if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_' || (i && ch >= '0' && ch <= '9') ||
		    (dots && (ch == '.' || (ch >= '0' && ch <= '9'))))
			continue;
		return false;
	}
	return i < 512;
}

static int bad(struct ctx *c, u32 id, const char *why)
{
	blog(c, "[%u] %s\n", id, why);
	return -EINVAL;
}

/* Facts of one type that need no other type. */
static int check_type(struct ctx *c, u32 id, const struct type *t)
{
	u32 kind = kind_of(t), vlen = vlen_of(t), i;
	const u32 *x = (const u32 *)(t + 1);
	const char *name = name_at(c->btf, t->name);

	if (t->info & 0x60ff0000 & ~(0x1fu << 24))
		return bad(c, id, "Invalid btf_info");
	if (!name)
		return bad(c, id, "Invalid name_offset");
	if (t->name && kind != KIND_DATASEC && kind != KIND_DECL_TAG && kind != KIND_TYPE_TAG &&
	    kind != KIND_INT && kind != KIND_FLOAT && !is_identifier(name, kind == KIND_VAR))
		return bad(c, id, "Invalid name");
	if (kflag_of(t) && kind != KIND_STRUCT && kind != KIND_UNION && kind != KIND_FWD &&
	    kind != KIND_ENUM && kind != KIND_ENUM64)
		return bad(c, id, "Invalid btf_info kind_flag");
	switch (kind) {
	case KIND_INT:
		if (vlen)
			return bad(c, id, "vlen != 0");
		if (x[0] & ~0x0fff00ffu)
			return bad(c, id, "Invalid int_data");
		if ((x[0] & 0xff) > 128 || ((x[0] & 0xff) + ((x[0] >> 16) & 0xff) > t->size * 8))
			return bad(c, id, "nr_bits exceeds type_size");
		if (((x[0] >> 24) & 0xf) & (((x[0] >> 24) & 0xf) - 1) || ((x[0] >> 24) & 0xf) > 4) {
			bad(c, id, "Unsupported encoding");
			return -ENOTSUPP;
		}
		return 0;
	case KIND_PTR: case KIND_VOLATILE: case KIND_CONST: case KIND_RESTRICT:
		if (t->name)
			return bad(c, id, "Invalid name");
		return vlen ? bad(c, id, "vlen != 0") : 0;
	case KIND_TYPEDEF: case KIND_FWD:
		if (!t->name)
			return bad(c, id, "Invalid name");
		return vlen ? bad(c, id, "vlen != 0") : 0;
	case KIND_ARRAY:
		if (t->name || t->size)
			return bad(c, id, t->name ? "Invalid name" : "size != 0");
		return vlen ? bad(c, id, "vlen != 0") : 0;
	case KIND_STRUCT: case KIND_UNION: {
		u64 last = 0;

		for (i = 0; i < vlen; i++, x += 3) {
			u32 bits = kflag_of(t) ? x[2] & 0xffffff : x[2];

			if (!name_at(c->btf, x[0]))
				return bad(c, id, "Invalid member name_offset");
			if (kind == KIND_UNION && bits)
				return bad(c, id, "Invalid member bits_offset");
			if (bits < last)
				return bad(c, id, "Invalid member bits_offset");
			if (bits > (u64)t->size * 8)
				return bad(c, id, "Member bits_offset exceeds its struct size");
			last = bits;
		}
		return 0;
	}
	case KIND_ENUM:
		if (t->size > 8 || !t->size || (t->size & (t->size - 1)))
			return bad(c, id, "Unexpected size");
		for (i = 0; i < vlen; i++, x += 2)
			if (!is_identifier(name_at(c->btf, x[0]), false))
				return bad(c, id, "Invalid name");
		return 0;
	case KIND_ENUM64:
		if (t->size > 8 || !t->size || (t->size & (t->size - 1)))
			return bad(c, id, "Unexpected size");
		for (i = 0; i < vlen; i++, x += 3)
			if (!is_identifier(name_at(c->btf, x[0]), false))
				return bad(c, id, "Invalid name");
		return 0;
	case KIND_FUNC:
		if (!t->name || !is_identifier(name, false))
			return bad(c, id, "Invalid name");
		return vlen > 2 ? bad(c, id, "Invalid func linkage") : 0;
	case KIND_FUNC_PROTO:
		if (t->name)
			return bad(c, id, "Invalid name");
		return 0;
	case KIND_VAR:
		if (vlen || !t->name)
			return bad(c, id, vlen ? "vlen != 0" : "Invalid name");
		return x[0] > 1 ? bad(c, id, "Linkage not supported") : 0;
	case KIND_DATASEC: {
		u64 end = 0;

		if (!t->name || !is_identifier(name, true))
			return bad(c, id, "Invalid name");
		for (i = 0; i < vlen; i++, x += 3) {
			if (x[1] < end)
				return bad(c, id, "Invalid offset");
			end = (u64)x[1] + x[2];
			if (end > t->size)
				return bad(c, id, "Invalid offset+size");
		}
		return 0;
	}
	case KIND_FLOAT:
		if (t->size != 2 && t->size != 4 && t->size != 8 && t->size != 12 && t->size != 16)
			return bad(c, id, "Invalid type_size");
		return vlen ? bad(c, id, "vlen != 0") : 0;
	case KIND_DECL_TAG:
		if (!t->name || !*name)
			return bad(c, id, "Invalid value");
		if (vlen)
			return bad(c, id, "vlen != 0");
		return (s32)x[0] < -1 ? bad(c, id, "Invalid component_idx") : 0;
	case KIND_TYPE_TAG:
		if (!t->name || !*name)
			return bad(c, id, "Invalid name");
		return vlen ? bad(c, id, "vlen != 0") : 0;
	}
	return bad(c, id, "Invalid kind");
}

static bool valid_ref(const struct bpfshim_vrf_btf *b, u32 id)
{
	return id < b->nr_types;
}

/* References of one type to others. */
static int check_refs(struct ctx *c, u32 id, const struct type *t)
{
	const struct bpfshim_vrf_btf *b = c->btf;
	const u32 *x = (const u32 *)(t + 1);
	u32 i, vlen = vlen_of(t), k;

	switch (kind_of(t)) {
	case KIND_PTR: case KIND_TYPEDEF: case KIND_VOLATILE: case KIND_CONST: case KIND_RESTRICT:
	case KIND_TYPE_TAG:
		return valid_ref(b, t->size) ? 0 : bad(c, id, "Invalid type_id");
	case KIND_FUNC:
		if (!valid_ref(b, t->size) || !t->size || kind_of(b->types[t->size]) != KIND_FUNC_PROTO)
			return bad(c, id, "Invalid type_id");
		return 0;
	case KIND_VAR: case KIND_DECL_TAG:
		if (!valid_ref(b, t->size) || !t->size)
			return bad(c, id, "Invalid type_id");
		return 0;
	case KIND_ARRAY:
		if (!valid_ref(b, x[0]) || !x[0])
			return bad(c, id, "Invalid elem");
		if (!valid_ref(b, x[1]) || !x[1])
			return bad(c, id, "Invalid index");
		return 0;
	case KIND_STRUCT: case KIND_UNION:
		for (i = 0; i < vlen; i++, x += 3)
			if (!valid_ref(b, x[1]) || !x[1])
				return bad(c, id, "Invalid member type_id");
		return 0;
	case KIND_FUNC_PROTO:
		if (!valid_ref(b, t->size))
			return bad(c, id, "Invalid return type");
		for (i = 0; i < vlen; i++, x += 2)
			if (!valid_ref(b, x[1]) || (!x[1] && i + 1 != vlen))
				return bad(c, id, "Invalid arg type");
		return 0;
	case KIND_DATASEC:
		for (i = 0; i < vlen; i++, x += 3) {
			if (!valid_ref(b, x[0]) || !x[0])
				return bad(c, id, "Invalid type_id");
			k = kind_of(b->types[x[0]]);
			if (k != KIND_VAR && k != KIND_FUNC)
				return bad(c, id, "Not a VAR kind member");
		}
		return 0;
	}
	return 0;
}

/* Through typedefs and qualifiers; NULL: a chain that does not end, or void. */
static const struct type *strip(const struct bpfshim_vrf_btf *b, u32 id)
{
	u32 i;

	for (i = 0; i < MAX_DEPTH && id && valid_ref(b, id); i++) {
		const struct type *t = b->types[id];

		switch (kind_of(t)) {
		case KIND_TYPEDEF: case KIND_VOLATILE: case KIND_CONST: case KIND_RESTRICT: case KIND_TYPE_TAG:
			id = t->size;
			continue;
		}
		return t;
	}
	return NULL;
}

/* Bytes of a type, or -1. */
static s64 size_of(const struct bpfshim_vrf_btf *b, u32 id)
{
	u64 n = 1;
	u32 i;

	for (i = 0; i < MAX_DEPTH; i++) {
		const struct type *t = strip(b, id);
		const u32 *x;

		if (!t)
			return -1;
		x = (const u32 *)(t + 1);
		switch (kind_of(t)) {
		case KIND_INT: case KIND_STRUCT: case KIND_UNION: case KIND_ENUM: case KIND_ENUM64:
		case KIND_FLOAT: case KIND_DATASEC:
			n *= t->size;
			return n > 0x7fffffff ? -1 : (s64)n;
		case KIND_PTR:
			n *= 8;
			return n > 0x7fffffff ? -1 : (s64)n;
		case KIND_VAR:
			id = t->size;
			continue;
		case KIND_ARRAY:
			n *= x[2];
			if (n > 0x7fffffff)
				return -1;
			id = x[0];
			continue;
		}
		return -1;
	}
	return -1;
}

int bpfshim_btf_parse(const void *data, u32 size, bool kernel, u32 log_level,
		      const struct bpfshim_vrf_ops *ops, void *cookie, struct bpfshim_vrf_btf **out)
{
	const struct header *h = data;
	struct ctx c;
	struct bpfshim_vrf_btf *b;
	const u8 *p, *end;
	u32 n = 1, pass;
	int err;

	(void)kernel;
	c.ops = ops;
	c.cookie = cookie;
	c.level = log_level;
	if (size > MAX_SIZE)
		return -E2BIG;
	if (size < 8) {
		blog(&c, "hdr_len not found\n");
		return -EINVAL;
	}
	if (h->hdr_len < sizeof(*h) || size < h->hdr_len) {
		blog(&c, "btf_header not found\n");
		return -EINVAL;
	}
	if (h->magic != BTF_MAGIC) {
		blog(&c, "Invalid magic\n");
		return -EINVAL;
	}
	if (h->version != 1) {
		blog(&c, "Unsupported version\n");
		return -ENOTSUPP;
	}
	if (h->flags) {
		blog(&c, "Unsupported flags\n");
		return -ENOTSUPP;
	}
	for (p = (const u8 *)data + sizeof(*h); p < (const u8 *)data + h->hdr_len; p++)
		if (*p)
			return -E2BIG;
	if (size == h->hdr_len) {
		blog(&c, "No data\n");
		return -EINVAL;
	}
	size -= h->hdr_len;
	if (h->type_off & 3 || h->type_off > size || h->type_len > size - h->type_off ||
	    h->str_off > size || h->str_len > size - h->str_off) {
		blog(&c, "Invalid section offset\n");
		return -EINVAL;
	}
	if ((u64)h->type_off + h->type_len > h->str_off || (u64)h->str_off + h->str_len != size) {
		blog(&c, "Unsupported section found\n");
		return -EINVAL;
	}
	if (!h->type_len) {
		blog(&c, "No type found\n");
		return -EINVAL;
	}
	if (!h->str_len || h->str_len > MAX_NAME ||
	    ((const char *)data + h->hdr_len)[h->str_off] ||
	    ((const char *)data + h->hdr_len)[h->str_off + h->str_len - 1]) {
		blog(&c, "Invalid string section\n");
		return -EINVAL;
	}
	blog(&c, "magic: 0x%x\nversion: %u\nflags: 0x%x\nhdr_len: %u\n", h->magic, h->version, h->flags, h->hdr_len);
	blog(&c, "type_off: %u\ntype_len: %u\nstr_off: %u\nstr_len: %u\nbtf_total_size: %u\n",
	     h->type_off, h->type_len, h->str_off, h->str_len, size + h->hdr_len);
	b = ops->alloc(cookie, sizeof(*b));
	if (!b)
		return -ENOMEM;
	c.btf = b;
	b->data = data;
	b->strs = (const char *)data + h->hdr_len + h->str_off;
	b->str_len = h->str_len;
	end = (const u8 *)data + h->hdr_len + h->type_off + h->type_len;
	/* Once to count, once to remember, once for the references. */
	for (pass = 0; pass < 2; pass++) {
		for (p = (const u8 *)data + h->hdr_len + h->type_off, n = 1; p < end; n++) {
			const struct type *t = (const struct type *)p;
			s64 tail;

			if ((u64)(end - p) < sizeof(*t)) {
				err = bad(&c, n, "meta_left too small");
				goto fail;
			}
			tail = tail_of(t);
			if (tail < 0) {
				err = bad(&c, n, "Invalid kind");
				goto fail;
			}
			if (end - p < (s64)sizeof(*t) + tail) {
				err = bad(&c, n, "meta_left too small");
				goto fail;
			}
			if (n > MAX_TYPES) {
				err = -E2BIG;
				goto fail;
			}
			if (!pass) {
				err = check_type(&c, n, t);
				if (err)
					goto fail;
				blog(&c, "[%u] %s %s size=%u vlen=%u\n", n, kind_names[kind_of(t)],
				     t->name ? name_at(b, t->name) : "(anon)", t->size, vlen_of(t));
			} else {
				b->types[n] = t;
			}
			p += sizeof(*t) + tail;
		}
		if (!pass) {
			b->nr_types = n;
			b->types = ops->alloc(cookie, n * sizeof(*b->types));
			err = -ENOMEM;
			if (!b->types)
				goto fail;
		}
	}
	for (n = 1; n < b->nr_types; n++) {
		err = check_refs(&c, n, b->types[n]);
		if (err)
			goto fail;
		/* A chain of typedefs and qualifiers must end. */
		if (kind_of(b->types[n]) == KIND_TYPEDEF || kind_of(b->types[n]) == KIND_CONST ||
		    kind_of(b->types[n]) == KIND_VOLATILE || kind_of(b->types[n]) == KIND_RESTRICT) {
			u32 id = n, i;

			for (i = 0; id && i <= MAX_DEPTH; i++) {
				u32 k = kind_of(b->types[id]);

				if (k != KIND_TYPEDEF && k != KIND_CONST && k != KIND_VOLATILE &&
				    k != KIND_RESTRICT && k != KIND_TYPE_TAG)
					break;
				id = b->types[id]->size;
			}
			if (i > MAX_DEPTH) {
				bad(&c, n, "Exceeded max resolving depth");
				err = -E2BIG;
				goto fail;
			}
		}
	}
	*out = b;
	return 0;
fail:
	bpfshim_btf_free(b, ops, cookie);
	return err;
}

void bpfshim_btf_free(struct bpfshim_vrf_btf *b, const struct bpfshim_vrf_ops *ops, void *cookie)
{
	if (!b)
		return;
	if (b->types)
		ops->free(cookie, b->types);
	ops->free(cookie, b);
}

/* Offset of the one member of that struct type in a struct, or -1; -2: two. */
static s32 find_member(const struct bpfshim_vrf_btf *b, const struct type *t, const char *name, u32 size)
{
	const u32 *x = (const u32 *)(t + 1);
	u32 i, vlen = vlen_of(t);
	s32 found = -1;

	if (kind_of(t) != KIND_STRUCT)
		return -1;
	for (i = 0; i < vlen; i++, x += 3) {
		const struct type *m = strip(b, x[1]);

		if (!m || kind_of(m) != KIND_STRUCT || m->size != size || strcmp(b->strs + m->name, name))
			continue;
		if (found >= 0)
			return -2;
		found = (s32)((kflag_of(t) ? x[2] & 0xffffff : x[2]) / 8);
	}
	return found;
}

int bpfshim_btf_map_check(const struct bpfshim_vrf_btf *b, u32 key_id, u32 value_id, u32 map_type,
			  u32 key_size, u32 value_size, u32 max_entries, s32 *spin_lock_off, s32 *timer_off)
{
	const struct type *v;

	(void)map_type;
	(void)max_entries;
	*spin_lock_off = *timer_off = -1;
	if (key_id && (!valid_ref(b, key_id) || size_of(b, key_id) != key_size))
		return -EINVAL;
	if (!value_id || !valid_ref(b, value_id) || size_of(b, value_id) != value_size)
		return -EINVAL;
	v = strip(b, value_id);
	if (!v)
		return -EINVAL;
	*spin_lock_off = find_member(b, v, "bpf_spin_lock", 4);
	*timer_off = find_member(b, v, "bpf_timer", 16);
	if (*spin_lock_off == -2 || *timer_off == -2)
		return -E2BIG;
	return 0;
}

/* ---- questions -------------------------------------------------------- */

const struct bpfshim_btf_type *bpfshim_btf_type(const struct bpfshim_vrf_btf *b, u32 id)
{
	static const struct type nothing;

	if (!valid_ref(b, id))
		return NULL;
	return (const struct bpfshim_btf_type *)(id ? b->types[id] : &nothing);
}

const char *bpfshim_btf_name(const struct bpfshim_vrf_btf *b, u32 off)
{
	return name_at(b, off);
}

u32 bpfshim_btf_nr_types(const struct bpfshim_vrf_btf *b)
{
	return b->nr_types;
}

const struct bpfshim_btf_type *bpfshim_btf_skip(const struct bpfshim_vrf_btf *b, u32 id, u32 *res_id)
{
	u32 i;

	for (i = 0; i < MAX_DEPTH && id && valid_ref(b, id); i++) {
		u32 k = kind_of(b->types[id]);

		if (k != KIND_TYPEDEF && k != KIND_CONST && k != KIND_VOLATILE &&
		    k != KIND_RESTRICT && k != KIND_TYPE_TAG)
			break;
		id = b->types[id]->size;
	}
	if (res_id)
		*res_id = id;
	return bpfshim_btf_type(b, id);
}

int bpfshim_btf_size(const struct bpfshim_vrf_btf *b, u32 id, u32 *size)
{
	s64 n = valid_ref(b, id) ? size_of(b, id) : -1;

	if (n < 0)
		return -EINVAL;
	*size = (u32)n;
	return 0;
}

s32 bpfshim_btf_find(const struct bpfshim_vrf_btf *b, const char *name, u32 kind)
{
	u32 i;

	for (i = 1; i < b->nr_types; i++)
		if (kind_of(b->types[i]) == kind && !strcmp(b->strs + b->types[i]->name, name))
			return (s32)i;
	return -ENOENT;
}
