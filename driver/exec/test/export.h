/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFSHIM_EXEC_TEST_EXPORT_H
#define BPFSHIM_EXEC_TEST_EXPORT_H

/*
 * Write what a verifier accepts to a file, little-endian, for runs in a guest:
 *   "BPFV", u32 mem size, then programs: u32 instructions (0: the end),
 *   u32 cases, u32 flags (VEC_F_*), char name[64], instructions, and a case:
 *   u8 in[mem size], u8 out[mem size], u64 R0.
 * ld_imm64 of memory has src_reg 6 (map 0's value): the runner puts its fd.
 * 0, or 1 and a message.
 */
int vec_export(const char *path);

#endif
