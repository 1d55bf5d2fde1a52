// SPDX-License-Identifier: GPL-2.0
/* Helpers on a test's xdp frame, and redirection's verdicts. */
#include "helpers.h"
#include "../packet.h"

#define MIN_LEN	14	/* an Ethernet header stays */
#define META_MAX 32

static struct bpfshim_frame *frame(u64 r)
{
	return bpfshim_ptr(r);
}

static s64 clamp_delta(u64 r)
{
	return (s32)r;
}

BPFSHIM_HELPER(xdp_adjust_head)
{
	struct bpfshim_frame *f = frame(r1);
	u64 data = f->xdp.data + clamp_delta(r2), meta = f->xdp.data - f->xdp.data_meta;

	/* 6.1 keeps a struct of its own at the head room's start */
	if (data < (unsigned long)f->buf + 40 + meta || data > f->xdp.data_end - MIN_LEN)
		return -EINVAL;
	if (meta)
		memmove(bpfshim_ptr(data - meta), bpfshim_ptr(f->xdp.data_meta), meta);
	f->xdp.data_meta = data - meta;
	f->xdp.data = data;
	return 0;
}

BPFSHIM_HELPER(xdp_adjust_tail)
{
	struct bpfshim_frame *f = frame(r1);
	u64 end = f->xdp.data_end + clamp_delta(r2), hard = (unsigned long)f->buf + 4096 - 320;

	if (end > hard || end > (unsigned long)f->buf + f->size || end < f->xdp.data + MIN_LEN)
		return -EINVAL;
	if (end > f->xdp.data_end)
		memset(bpfshim_ptr(f->xdp.data_end), 0, end - f->xdp.data_end);
	f->xdp.data_end = end;
	return 0;
}

BPFSHIM_HELPER(xdp_adjust_meta)
{
	struct bpfshim_frame *f = frame(r1);
	u64 meta = f->xdp.data_meta + clamp_delta(r2);

	if (meta < (unsigned long)f->buf + 40 || meta > f->xdp.data)
		return -EINVAL;
	if ((f->xdp.data - meta) % 4 || f->xdp.data - meta > META_MAX)
		return -EACCES;
	f->xdp.data_meta = meta;
	return 0;
}

static bool in_frame(const struct bpfshim_frame *f, u64 off, u64 len)
{
	return off <= 0xffff && len <= 0xffff && off + len <= f->xdp.data_end - f->xdp.data;
}

BPFSHIM_HELPER(xdp_load_bytes)
{
	if (!in_frame(frame(r1), (u32)r2, (u32)r4))
		return (u32)r2 > 0xffff || (u32)r4 > 0xffff ? -EFAULT : -EINVAL;
	memcpy(bpfshim_ptr(r3), bpfshim_ptr(frame(r1)->xdp.data + (u32)r2), (u32)r4);
	return 0;
}

BPFSHIM_HELPER(xdp_store_bytes)
{
	if (!in_frame(frame(r1), (u32)r2, (u32)r4))
		return (u32)r2 > 0xffff || (u32)r4 > 0xffff ? -EFAULT : -EINVAL;
	memcpy(bpfshim_ptr(frame(r1)->xdp.data + (u32)r2), bpfshim_ptr(r3), (u32)r4);
	return 0;
}

BPFSHIM_HELPER(xdp_get_buff_len)
{
	return frame(r1)->xdp.data_end - frame(r1)->xdp.data;
}

/* The verdict alone: a test's packet goes nowhere. */
BPFSHIM_HELPER(redirect)
{
	const struct bpfshim_run_ctx *rc = bpfshim_run_ctx_current();

	if (rc && rc->prog->type == BPFSHIM_PROG_TYPE_XDP)
		return r2 ? 0 : 4;		/* XDP_ABORTED, XDP_REDIRECT */
	return r2 & ~1ull ? 2 : 7;		/* TC_ACT_SHOT, TC_ACT_REDIRECT */
}
