// SPDX-License-Identifier: GPL-2.0
/* BPF_PROG_TEST_RUN. */
#include "packet.h"

struct raw_tp_run {
	struct bpfshim_prog *prog;
	struct bpfshim_raw_tracepoint_args *ctx;
	u32 retval;
};

/* On the wanted CPU, preemption or interrupts off. */
static void run_raw_tp(void *data)
{
	struct raw_tp_run *r = data;
	struct bpfshim_run_ctx rc;

	memset(&rc, 0, sizeof(rc));
	r->retval = bpfshim_prog_run(r->prog, r->ctx, &rc, NULL);
}

static int test_raw_tp(struct bpfshim_prog *prog, const union bpfshim_attr *a,
		       union bpfshim_attr __user *u)
{
	u32 len = a->test.ctx_size_in, cpu = a->test.cpu;
	struct raw_tp_run r;
	int err = 0, here;

	if (a->test.data_in || a->test.data_out || a->test.ctx_out ||
	    a->test.duration || a->test.repeat || a->test.batch_size)
		return -EINVAL;
	if (len < prog->vrf.max_ctx_offset || len > sizeof(*r.ctx))
		return -EINVAL;
	if (!(a->test.flags & BPFSHIM_F_TEST_RUN_ON_CPU) && cpu)
		return -EINVAL;
	r.prog = prog;
	r.retval = 0;
	/* Whole, whatever the program was found to read. */
	r.ctx = bpfshim_kvzalloc(sizeof(*r.ctx));
	if (!r.ctx)
		return -ENOMEM;
	if (len && copy_from_user(r.ctx, bpfshim_uptr(a->test.ctx_in), len)) {
		bpfshim_kvfree(r.ctx);
		return -EFAULT;
	}
	here = get_cpu();
	if (!(a->test.flags & BPFSHIM_F_TEST_RUN_ON_CPU) || cpu == here)
		run_raw_tp(&r);
	else if (cpu >= nr_cpu_ids || !cpu_online(cpu))
		err = -ENXIO;
	else
		err = smp_call_function_single(cpu, run_raw_tp, &r, 1);
	put_cpu();
	if (!err)
		err = put_user(r.retval, &u->test.retval);
	bpfshim_kvfree(r.ctx);
	return err;
}

long bpfshim_cmd_test_run(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	struct bpfshim_prog *prog;
	long ret = -ENOTSUPP;

	if (!attr->test.ctx_size_in != !attr->test.ctx_in ||
	    !attr->test.ctx_size_out != !attr->test.ctx_out)
		return -EINVAL;
	prog = bpfshim_prog_from_fd(attr->test.prog_fd);
	if (IS_ERR(prog))
		return PTR_ERR(prog);
	switch (prog->type) {
	case BPFSHIM_PROG_TYPE_RAW_TRACEPOINT:
		ret = test_raw_tp(prog, attr, uattr);
		break;
	case BPFSHIM_PROG_TYPE_SOCKET_FILTER:
	case BPFSHIM_PROG_TYPE_SCHED_CLS:
	case BPFSHIM_PROG_TYPE_SCHED_ACT:
	case BPFSHIM_PROG_TYPE_CGROUP_SKB:
	case BPFSHIM_PROG_TYPE_LWT_IN:
	case BPFSHIM_PROG_TYPE_LWT_OUT:
	case BPFSHIM_PROG_TYPE_LWT_XMIT:
		ret = bpfshim_test_skb(prog, attr, uattr);
		break;
	case BPFSHIM_PROG_TYPE_FLOW_DISSECTOR:
		ret = bpfshim_test_flow(prog, attr, uattr);
		break;
	case BPFSHIM_PROG_TYPE_XDP:
		ret = bpfshim_test_xdp(prog, attr, uattr);
		break;
	}
	bpfshim_prog_put(prog);
	return ret;
}
