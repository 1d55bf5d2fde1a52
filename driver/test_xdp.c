// SPDX-License-Identifier: GPL-2.0
/*
 * BPF_PROG_TEST_RUN of xdp programs: linear frames on the loopback device.
 * Live frames and frames of several buffers need a driver's page pool: refused.
 */
#include "packet.h"

#define HEAD	256
#define TAIL	320	/* 6.1's shared info at a page's end */
#define PACKET_MAX	(4096 - HEAD - TAIL)
#define META_MAX 32

struct md {			/* UAPI's struct xdp_md */
	u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex;
};

struct run {
	struct bpfshim_frame f;
	struct md md;
	u32 size;
};

static void xdp_reset(void *arg)
{
	struct run *r = arg;
	u64 start = (unsigned long)r->f.buf + HEAD - r->md.data;

	memset(&r->f.xdp, 0, sizeof(r->f.xdp));
	r->f.xdp.ingress_ifindex = r->md.ingress_ifindex ? r->md.ingress_ifindex : 1;
	r->f.xdp.rx_queue_index = r->md.rx_queue_index;
	r->f.xdp.data_meta = start;
	r->f.xdp.data = start + r->md.data;
	r->f.xdp.data_end = start + r->size;
}

static int check_md(const struct run *r, bool given)
{
	const struct md *m = &r->md;

	if (!given)
		return 0;
	if (m->data_meta || m->data_end != r->size || m->data > m->data_end ||
	    m->data % 4 || m->data > META_MAX)
		return -EINVAL;
	if (m->egress_ifindex || (!m->ingress_ifindex && m->rx_queue_index))
		return -EINVAL;
	if (m->ingress_ifindex && !bpfshim_netdev_exists(m->ingress_ifindex))
		return -ENODEV;
	return m->rx_queue_index ? -EINVAL : 0;
}

static int run_xdp(struct run *r, struct bpfshim_prog *prog, const union bpfshim_attr *a,
		   union bpfshim_attr __user *u)
{
	u32 retval, ns, meta;
	bool given;
	int err;

	err = bpfshim_test_ctx_in(a, &r->md, sizeof(r->md), &given);
	if (!err)
		err = check_md(r, given);
	if (err)
		return err;
	meta = r->md.data;
	r->size = a->test.data_size_in;
	/* Meta data stands before the frame, in the head room. */
	r->f.buf = bpfshim_test_data(a, HEAD - meta, TAIL + meta, PACKET_MAX + meta);
	if (IS_ERR(r->f.buf)) {
		err = PTR_ERR(r->f.buf);
		r->f.buf = NULL;
		return err;
	}
	r->f.size = HEAD + r->size + TAIL;
	err = bpfshim_test_loop(prog, &r->f.xdp, a->test.repeat, xdp_reset, r, &retval, &ns);
	if (err)
		return err;
	if (given) {
		r->md.data = (u32)(r->f.xdp.data - r->f.xdp.data_meta);
		r->md.data_end = (u32)(r->f.xdp.data_end - r->f.xdp.data_meta);
	}
	err = bpfshim_test_finish(a, u, (void *)(unsigned long)r->f.xdp.data_meta,
				  (u32)(r->f.xdp.data_end - r->f.xdp.data_meta), retval, ns);
	if (!err && given)
		err = bpfshim_test_ctx_out(a, u, &r->md, sizeof(r->md));
	return err;
}

long bpfshim_test_xdp(struct bpfshim_prog *prog, const union bpfshim_attr *a, union bpfshim_attr __user *u)
{
	struct run *r;
	long ret;

	if (prog->expected_attach_type == BPFSHIM_XDP_DEVMAP ||
	    prog->expected_attach_type == BPFSHIM_XDP_CPUMAP)
		return -EINVAL;
	if (a->test.flags || a->test.cpu || a->test.batch_size)
		return -EINVAL;
	r = bpfshim_kvzalloc(sizeof(*r));
	if (!r)
		return -ENOMEM;
	/* check_md compares with it */
	r->size = a->test.data_size_in;
	ret = run_xdp(r, prog, a, u);
	bpfshim_kvfree(r->f.buf);
	bpfshim_kvfree(r);
	return ret;
}
