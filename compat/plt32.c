// SPDX-License-Identifier: GPL-2.0
/*
 * plt32 FILE...: turn R_X86_64_PLT32 relocations of x86-64 relocatable files
 * into R_X86_64_PC32, in place.
 *
 * binutils since 2.31 write PLT32 for every branch to an external symbol.
 * Module loaders before 4.16 refuse the type.  Without a procedure linkage
 * table, as in a module, both mean S + A - P.  Newer loaders take PC32 too, so
 * the tool runs on every build.  Written for the host's plain C compiler.
 */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef R_X86_64_PC32
#define R_X86_64_PC32 2
#endif
#ifndef R_X86_64_PLT32
#define R_X86_64_PLT32 4
#endif

static long fix(unsigned char *buf, size_t size)
{
	Elf64_Ehdr eh;
	Elf64_Shdr sh;
	Elf64_Rela r;
	size_t i, off, end;
	long n = 0;

	if (size < sizeof(eh))
		return -1;
	memcpy(&eh, buf, sizeof(eh));
	if (memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 ||
	    eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_type != ET_REL)
		return -1;
	if (eh.e_machine != EM_X86_64)
		return 0;
	if (eh.e_shentsize != sizeof(sh) || eh.e_shoff > size ||
	    (size - eh.e_shoff) / sizeof(sh) < eh.e_shnum)
		return -1;
	for (i = 0; i < eh.e_shnum; i++) {
		memcpy(&sh, buf + eh.e_shoff + i * sizeof(sh), sizeof(sh));
		if (sh.sh_type != SHT_RELA)
			continue;
		if (sh.sh_offset > size || sh.sh_size > size - sh.sh_offset)
			return -1;
		end = sh.sh_offset + sh.sh_size;
		for (off = sh.sh_offset; off + sizeof(r) <= end; off += sizeof(r)) {
			memcpy(&r, buf + off, sizeof(r));
			if (ELF64_R_TYPE(r.r_info) != R_X86_64_PLT32)
				continue;
			r.r_info = ELF64_R_INFO(ELF64_R_SYM(r.r_info), R_X86_64_PC32);
			memcpy(buf + off, &r, sizeof(r));
			n++;
		}
	}
	return n;
}

static int fix_file(const char *path)
{
	unsigned char *buf = NULL;
	FILE *f;
	long size, n;
	int ret = 1;

	f = fopen(path, "r+b");
	if (!f || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0 ||
	    fseek(f, 0, SEEK_SET) != 0) {
		perror(path);
		goto out;
	}
	buf = malloc(size ? size : 1);
	if (!buf || fread(buf, 1, size, f) != (size_t)size) {
		perror(path);
		goto out;
	}
	n = fix(buf, size);
	if (n < 0) {
		fprintf(stderr, "%s: not a relocatable ELF64 file\n", path);
		goto out;
	}
	if (n > 0 && (fseek(f, 0, SEEK_SET) != 0 ||
		      fwrite(buf, 1, size, f) != (size_t)size)) {
		perror(path);
		goto out;
	}
	ret = 0;
out:
	free(buf);
	if (f && fclose(f) != 0) {
		perror(path);
		ret = 1;
	}
	return ret;
}

int main(int argc, char **argv)
{
	int i, ret = 0;

	for (i = 1; i < argc; i++)
		ret |= fix_file(argv[i]);
	return ret;
}
