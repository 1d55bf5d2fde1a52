// SPDX-License-Identifier: GPL-2.0
/* Writes the vectors for runs in a guest: see export.h. */
#include <stdio.h>
#include "export.h"
#include "vec.h"

struct file_sink {
	struct vec_sink sink;
	FILE *f;
};

static void put32(FILE *f, u32 v)
{
	fwrite(&v, 4, 1, f);
}

static void write_vec(struct vec_sink *sink, const struct vec *v,
		      const struct vec_case *c, u32 n)
{
	FILE *f = container_of(sink, struct file_sink, sink)->f;
	u32 i;

	if (v->flags & VEC_F_UNVERIFIED)
		return;
	/* Full tables are for the host: a guest is slow. */
	n = n > 40 ? 40 : n;
	put32(f, v->n);
	put32(f, n);
	put32(f, v->flags);
	fwrite(v->name, sizeof(v->name), 1, f);
	fwrite(v->insns, sizeof(v->insns[0]), v->n, f);
	for (i = 0; i < n; i++) {
		fwrite(c[i].in, VEC_MEM, 1, f);
		fwrite(c[i].out, VEC_MEM, 1, f);
		fwrite(&c[i].r0, 8, 1, f);
	}
}

int vec_export(const char *path)
{
	struct file_sink s = { { write_vec } };

	s.f = fopen(path, "wb");
	if (!s.f) {
		perror(path);
		return 1;
	}
	fwrite("BPFV", 4, 1, s.f);
	put32(s.f, VEC_MEM);
	vec_all(&s.sink);
	put32(s.f, 0);
	if (ferror(s.f) | fclose(s.f)) {
		perror(path);
		return 1;
	}
	return 0;
}
