/* SPDX-License-Identifier: GPL-2.0 */
/* Programs as text: a line each, "type flags globals insn insn ...", an
 * instruction as 16 hexadecimal digits: code, registers, offset, immediate. */
#ifndef BPFSHIM_TEST_CORPUS_H
#define BPFSHIM_TEST_CORPUS_H

#include <stdio.h>
#include "world.h"

/** corpus_read() - the next program; false: no more. */
bool corpus_read(FILE *f, struct prog *p);
void corpus_write(FILE *f, const struct prog *p);

#endif /* BPFSHIM_TEST_CORPUS_H */
