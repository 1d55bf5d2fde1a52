// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include "corpus.h"

bool corpus_read(FILE *f, struct prog *p)
{
	static char line[64 + PROG_MAX * 17];
	unsigned long long v;
	char *s, *end;

	do {
		if (!fgets(line, sizeof(line), f))
			return false;
	} while (line[0] == '#' || line[0] == '\n');
	memset(p, 0, sizeof(*p));
	p->type = (u32)strtoul(line, &s, 16);
	p->flags = (u32)strtoul(s, &s, 16);
	p->globals = (u32)strtoul(s, &s, 16);
	while (p->len < PROG_MAX) {
		struct bpfshim_insn *in = &p->insns[p->len];

		v = strtoull(s, &end, 16);
		if (end == s)
			break;
		s = end;
		in->code = (u8)(v >> 56);
		in->src_reg = (v >> 52) & 15;
		in->dst_reg = (v >> 48) & 15;
		in->off = (s16)(v >> 32);
		in->imm = (s32)v;
		p->len++;
	}
	return true;
}

void corpus_write(FILE *f, const struct prog *p)
{
	u32 i;

	fprintf(f, "%x %x %x", p->type, p->flags, p->globals);
	for (i = 0; i < p->len; i++) {
		const struct bpfshim_insn *in = &p->insns[i];

		fprintf(f, " %02x%x%x%04x%08x", in->code, in->src_reg, in->dst_reg, (u16)in->off, (u32)in->imm);
	}
	fputc('\n', f);
}
