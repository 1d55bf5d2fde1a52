// SPDX-License-Identifier: GPL-2.0
/* x86-64 encoding: prefixes, ModRM, immediates. */
#include "jit_emit.h"

static void prefixes(struct bpfshim_jit *j, u32 fl, u32 op, u32 reg, u32 index, u32 rm)
{
	u32 rex = 0x40;

	if (fl & X_LOCK)
		emit8(j, 0xf0);
	if (fl & X_GS)
		emit8(j, 0x65);
	if (fl & X_16)
		emit8(j, 0x66);
	if (fl & X_F3)
		emit8(j, 0xf3);
	if (fl & X_W)
		rex |= 8;
	if (reg != NOREG && reg & 8)
		rex |= 4;
	if (index != NOREG && index & 8)
		rex |= 2;
	if (rm != NOREG && rm & 8)
		rex |= 1;
	/* spl, bpl, sil, dil instead of ah, ch, dh, bh */
	if (rex != 0x40 || (fl & X_B && reg >= 4) || (fl & X_B_RM && rm >= 4))
		emit8(j, rex);
	if (fl & X_0F38) {
		emit8(j, 0x0f);
		emit8(j, 0x38);
	} else if (op & 0x100) {
		emit8(j, 0x0f);
	}
	emit8(j, op & 0xff);
}

void x86_rr(struct bpfshim_jit *j, u32 fl, u32 op, u32 reg, u32 rm)
{
	prefixes(j, fl, op, reg, NOREG, rm);
	emit8(j, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

void x86_rm(struct bpfshim_jit *j, u32 fl, u32 op, u32 reg, struct bpfshim_x86_mem m)
{
	bool sib = m.index != NOREG || (m.base & 7) == RSP;
	u32 mod = fits8(m.disp) ? 1 : 2;

	prefixes(j, fl, op, reg, m.index, m.base);
	if (m.base == NOREG) {
		emit8(j, (reg & 7) << 3 | RSP);
		emit8(j, m.shift << 6 | (m.index & 7) << 3 | RBP);
		emit32(j, m.disp);
		return;
	}
	if (!m.disp && (m.base & 7) != RBP)
		mod = 0;
	emit8(j, mod << 6 | (reg & 7) << 3 | (sib ? RSP : (m.base & 7)));
	if (sib)
		emit8(j, m.shift << 6 | (m.index == NOREG ? RSP : (m.index & 7)) << 3 |
		      (m.base & 7));
	if (mod == 1)
		emit8(j, m.disp);
	else if (mod == 2)
		emit32(j, m.disp);
}

void x86_gs(struct bpfshim_jit *j, u32 fl, u32 op, u32 reg, s32 off)
{
	prefixes(j, fl | X_GS, op, reg, NOREG, NOREG);
	/* no base, no index: an absolute address */
	emit8(j, (reg & 7) << 3 | RSP);
	emit8(j, 0x25);
	emit32(j, off);
}

void x86_alu_imm(struct bpfshim_jit *j, u32 fl, u32 ext, u32 rm, s32 imm)
{
	if (fits8(imm)) {
		x86_rr(j, fl, 0x83, ext, rm);
		emit8(j, imm);
	} else if (rm == RAX) {
		prefixes(j, fl, ext << 3 | 5, NOREG, NOREG, NOREG);
		emit32(j, imm);
	} else {
		x86_rr(j, fl, 0x81, ext, rm);
		emit32(j, imm);
	}
}

/* fl may name 16 bits or bytes here (X_B). */
void x86_alu_mem_imm(struct bpfshim_jit *j, u32 fl, u32 ext, struct bpfshim_x86_mem m, s32 imm)
{
	if (fl & X_B) {
		x86_rm(j, fl & ~X_B, 0x80, ext, m);
		emit8(j, imm);
	} else if (fits8(imm)) {
		x86_rm(j, fl, 0x83, ext, m);
		emit8(j, imm);
	} else {
		x86_rm(j, fl, 0x81, ext, m);
		emit8(j, imm);
		emit8(j, imm >> 8);
		if (!(fl & X_16)) {
			emit8(j, imm >> 16);
			emit8(j, imm >> 24);
		}
	}
}

void x86_mov(struct bpfshim_jit *j, bool w, u32 dst, u32 src)
{
	if (w && dst == src)
		return;
	x86_rr(j, w ? X_W : 0, 0x89, src, dst);
}

void x86_mov_imm(struct bpfshim_jit *j, u32 dst, u64 imm)
{
	if (!imm) {
		x86_rr(j, 0, 0x31, dst, dst);
	} else if (imm == (u32)imm) {
		prefixes(j, 0, 0xb8 + (dst & 7), NOREG, NOREG, dst);
		emit32(j, imm);
	} else if (fits32(imm)) {
		x86_rr(j, X_W, 0xc7, 0, dst);
		emit32(j, imm);
	} else {
		prefixes(j, X_W, 0xb8 + (dst & 7), NOREG, NOREG, dst);
		emit64(j, imm);
	}
}

void x86_shift_imm(struct bpfshim_jit *j, bool w, u32 ext, u32 rm, u32 n)
{
	if (!n) {
		x86_mov(j, w, rm, rm);
	} else if (n == 1) {
		x86_rr(j, w ? X_W : 0, 0xd1, ext, rm);
	} else {
		x86_rr(j, w ? X_W : 0, 0xc1, ext, rm);
		emit8(j, n);
	}
}

void x86_shiftx(struct bpfshim_jit *j, bool w, u32 pp, u32 dst, u32 src, u32 cnt)
{
	emit8(j, 0xc4);
	emit8(j, (dst & 8 ? 0 : 0x80) | 0x40 | (src & 8 ? 0 : 0x20) | 2);
	emit8(j, (w ? 0x80 : 0) | (~cnt & 15) << 3 | pp);
	emit8(j, 0xf7);
	emit8(j, 0xc0 | (dst & 7) << 3 | (src & 7));
}

void x86_push(struct bpfshim_jit *j, u32 reg)
{
	prefixes(j, 0, 0x50 + (reg & 7), NOREG, NOREG, reg);
}

void x86_pop(struct bpfshim_jit *j, u32 reg)
{
	prefixes(j, 0, 0x58 + (reg & 7), NOREG, NOREG, reg);
}

void x86_bswap(struct bpfshim_jit *j, bool w, u32 reg)
{
	prefixes(j, w ? X_W : 0, 0x1c8 + (reg & 7), NOREG, NOREG, reg);
}
