// SPDX-License-Identifier: GPL-2.0
/*
 * BPF_PROG_TEST_RUN of program types whose context is a packet: input checks,
 * results and errnos of 6.1.  The packet is a plain buffer, no sk_buff: what a
 * program can see of one is in its context.
 */
#include "packet.h"

#define HEAD	1024	/* room that helpers may take */
#define TAIL	4096
#define PACKET_MAX	3712	/* a page less 6.1's head room and shared info */
#define REPEAT_MAX (1000 * 1000)
#define ETHERTYPE_IP	0x0800
#define ETHERTYPE_IPV6	0x86dd

/* ---- what the types share --------------------------------------------- */

/* Values of its own for a program with cgroup storage, as long as the test. */
static int storage_new(const struct bpfshim_prog *prog, struct bpfshim_run_ctx *rc)
{
	const struct bpfshim_map *map = prog->cgroup_storage[0], *percpu = prog->cgroup_storage[1];

	memset(rc, 0, sizeof(*rc));
	if (map)
		rc->storage = bpfshim_map_area_alloc(round_up(map->value_size, 8), map->numa_node);
	if (percpu)
		rc->percpu_storage = bpfshim_alloc_percpu(round_up(percpu->value_size, 8));
	return (map && !rc->storage) || (percpu && !rc->percpu_storage) ? -ENOMEM : 0;
}

static void storage_free(struct bpfshim_run_ctx *rc)
{
	bpfshim_map_area_free(rc->storage);
	free_percpu(rc->percpu_storage);
}

static int test_loop(struct bpfshim_prog *prog, const void *ctx, u32 repeat, struct bpfshim_run_ctx *rc,
		     void (*reset)(void *arg), void *arg, u32 *retval, u32 *ns)
{
	u64 spent = 0, start;
	int err = 0;
	u32 i = 0;

	if (!repeat)
		repeat = 1;
	*retval = 0;
	preempt_disable();
	start = bpfshim_clock_mono();
	for (;;) {
		if (reset)
			reset(arg);
		*retval = (u32)bpfshim_prog_run(prog, ctx, rc, NULL);
		/* The last run is over: its result is not thrown away. */
		if (++i == repeat)
			break;
		if (signal_pending(current)) {
			err = -EINTR;
			break;
		}
		/* Time spent elsewhere is not the program's. */
		if (need_resched()) {
			spent += bpfshim_clock_mono() - start;
			preempt_enable();
			cond_resched();
			preempt_disable();
			start = bpfshim_clock_mono();
		}
	}
	spent += bpfshim_clock_mono() - start;
	preempt_enable();
	spent = div_u64(spent, repeat);
	*ns = spent > U32_MAX ? U32_MAX : (u32)spent;
	return err;
}

int bpfshim_test_loop(struct bpfshim_prog *prog, const void *ctx, u32 repeat,
		      void (*reset)(void *arg), void *arg, u32 *retval, u32 *ns)
{
	struct bpfshim_run_ctx rc;
	int err = storage_new(prog, &rc);

	if (!err)
		err = test_loop(prog, ctx, repeat, &rc, reset, arg, retval, ns);
	storage_free(&rc);
	return err;
}

u8 *bpfshim_test_data(const union bpfshim_attr *a, u32 head, u32 tail, u32 max)
{
	u32 size = a->test.data_size_in;
	u8 *buf;

	if (size < BPFSHIM_ETH_HLEN || size > max)
		return ERR_PTR(-EINVAL);
	buf = bpfshim_kvzalloc(head + size + tail);
	if (!buf)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(buf + head, bpfshim_uptr(a->test.data_in), size)) {
		bpfshim_kvfree(buf);
		return ERR_PTR(-EFAULT);
	}
	return buf;
}

int bpfshim_test_ctx_in(const union bpfshim_attr *a, void *ctx, u32 size, bool *given)
{
	u32 n = min_t(u32, a->test.ctx_size_in, size);
	int err;

	memset(ctx, 0, size);
	*given = a->test.ctx_in || a->test.ctx_out;
	if (!a->test.ctx_in)
		return 0;
	err = bpfshim_tail_zero(bpfshim_uptr(a->test.ctx_in), size, a->test.ctx_size_in);
	if (err)
		return err;
	return copy_from_user(ctx, bpfshim_uptr(a->test.ctx_in), n) ? -EFAULT : 0;
}

int bpfshim_test_finish(const union bpfshim_attr *a, union bpfshim_attr __user *u,
			const void *data, u32 size, u32 retval, u32 ns)
{
	u32 copy = size;
	int err = 0;

	if (a->test.data_size_out && copy > a->test.data_size_out) {
		copy = a->test.data_size_out;
		err = -ENOSPC;
	}
	if (a->test.data_out && copy_to_user(bpfshim_uptr(a->test.data_out), data, copy))
		return -EFAULT;
	if (put_user(size, &u->test.data_size_out) || put_user(retval, &u->test.retval) ||
	    put_user(ns, &u->test.duration))
		return -EFAULT;
	return err;
}

int bpfshim_test_ctx_out(const union bpfshim_attr *a, union bpfshim_attr __user *u,
			 const void *ctx, u32 size)
{
	u32 copy = size;
	int err = 0;

	if (!a->test.ctx_out)
		return 0;
	if (copy > a->test.ctx_size_out) {
		copy = a->test.ctx_size_out;
		err = -ENOSPC;
	}
	if (copy_to_user(bpfshim_uptr(a->test.ctx_out), ctx, copy) ||
	    put_user(size, &u->test.ctx_size_out))
		return -EFAULT;
	return err;
}

/* ---- __sk_buff -------------------------------------------------------- */

static bool all_zero(const u8 *p, u32 from, u32 to)
{
	for (; from < to; from++)
		if (p[from])
			return false;
	return true;
}

/* Only what a test may set is set. */
static int check_ctx(struct bpfshim_skb_ctx *c, u32 len)
{
	const u8 *p = c->skb;
	u32 *wire = bpfshim_skb_u32(c, BPFSHIM_SKB_WIRE_LEN);

	if (!all_zero(p, 0, BPFSHIM_SKB_MARK) ||
	    !all_zero(p, BPFSHIM_SKB_MARK + 4, BPFSHIM_SKB_PRIORITY) ||
	    !all_zero(p, BPFSHIM_SKB_IFINDEX + 4, BPFSHIM_SKB_CB) ||
	    !all_zero(p, BPFSHIM_SKB_CB + 20, BPFSHIM_SKB_TSTAMP) ||
	    !all_zero(p, BPFSHIM_SKB_GSO_SEGS + 4, BPFSHIM_SKB_GSO_SIZE) ||
	    !all_zero(p, BPFSHIM_SKB_GSO_SIZE + 4, BPFSHIM_SKB_HWTSTAMP) ||
	    !all_zero(p, BPFSHIM_SKB_HWTSTAMP + 8, BPFSHIM_SKB_SIZE))
		return -EINVAL;
	if (!*wire)
		*wire = len;
	else if (*wire < len || *wire > 65536)
		return -EINVAL;
	return *bpfshim_skb_u32(c, BPFSHIM_SKB_GSO_SEGS) > 65535 ? -EINVAL : 0;
}

/* As the network stack takes a frame from the loopback device. */
static void classify(struct bpfshim_packet *p, u32 len)
{
	static const u8 zero[6];
	const u8 *eth = p->buf + p->mac, *ip = p->buf + p->net;
	u32 type = 0, proto = (u32)eth[12] << 8 | eth[13];

	if (eth[0] & 1)
		type = (eth[0] & eth[1] & eth[2] & eth[3] & eth[4] & eth[5]) == 0xff ? 1 : 2;
	else if (memcmp(eth, zero, sizeof(zero)))
		type = 3;
	*bpfshim_skb_u32(&p->skb, BPFSHIM_SKB_PKT_TYPE) = type;
	if (proto < 0x600) {
		proto = len >= 2 && ip[0] == 0xff && ip[1] == 0xff ? 1 : 4;
		*bpfshim_skb_u32(&p->skb, BPFSHIM_SKB_PROTOCOL) = htons((u16)proto);
		return;
	}
	memcpy(bpfshim_skb_u32(&p->skb, BPFSHIM_SKB_PROTOCOL), eth + 12, 2);
	if (proto == ETHERTYPE_IP && len >= 20) {
		p->sk->family = AF_INET;
		memcpy(&p->sk->src_ip4, ip + 12, 4);
		memcpy(&p->sk->dst_ip4, ip + 16, 4);
	} else if (proto == ETHERTYPE_IPV6 && len >= 40) {
		p->sk->family = AF_INET6;
		memcpy(p->sk->src_ip6, ip + 8, 16);
		memcpy(p->sk->dst_ip6, ip + 24, 16);
	}
	*bpfshim_skb_u32(&p->skb, BPFSHIM_SKB_FAMILY) = p->sk->family;
	*bpfshim_skb_u32(&p->skb, BPFSHIM_SKB_LOCAL_IP4) = p->sk->src_ip4;
	*bpfshim_skb_u32(&p->skb, BPFSHIM_SKB_REMOTE_IP4) = p->sk->dst_ip4;
	memcpy(bpfshim_skb_u32(&p->skb, BPFSHIM_SKB_LOCAL_IP6), p->sk->src_ip6, 16);
	memcpy(bpfshim_skb_u32(&p->skb, BPFSHIM_SKB_REMOTE_IP6), p->sk->dst_ip6, 16);
}

static void set_data(struct bpfshim_packet *p, u32 start, u32 end)
{
	p->skb.data = p->skb.data_meta = (unsigned long)p->buf + start;
	p->skb.data_end = (unsigned long)p->buf + end;
	*bpfshim_skb_u32(&p->skb, BPFSHIM_SKB_LEN) = end - start;
}

static int run_skb(struct bpfshim_packet *p, struct bpfshim_prog *prog,
		   const union bpfshim_attr *a, union bpfshim_attr __user *u)
{
	u32 size = a->test.data_size_in, retval, ns, len, ifindex;
	bool l2 = prog->type == BPFSHIM_PROG_TYPE_SCHED_CLS || prog->type == BPFSHIM_PROG_TYPE_SCHED_ACT;
	bool given;
	u8 *data;
	int err;

	err = bpfshim_test_ctx_in(a, p->skb.skb, sizeof(p->skb.skb), &given);
	if (err)
		return err;
	ifindex = *bpfshim_skb_u32(&p->skb, BPFSHIM_SKB_IFINDEX);
	if (ifindex > 1 && !bpfshim_netdev_exists(ifindex))
		return -ENODEV;
	len = l2 ? size : size - BPFSHIM_ETH_HLEN;
	err = given ? check_ctx(&p->skb, len) : 0;
	if (err)
		return err;
	if (!ifindex)
		*bpfshim_skb_u32(&p->skb, BPFSHIM_SKB_IFINDEX) = 1;
	p->mac = HEAD;
	p->net = HEAD + BPFSHIM_ETH_HLEN;
	p->size = HEAD + size + TAIL;
	p->sk->state = 7;	/* closed */
	p->sk->rx_queue_mapping = -1;
	p->sk->borrowed = 1;
	classify(p, size - BPFSHIM_ETH_HLEN);
	*bpfshim_skb_u64(&p->skb, BPFSHIM_SKB_SK) = (unsigned long)p->sk;
	set_data(p, l2 ? p->mac : p->net, HEAD + size);
	err = bpfshim_test_loop(prog, &p->skb, a->test.repeat, NULL, NULL, &retval, &ns);
	if (err)
		return err;
	data = (u8 *)(unsigned long)p->skb.data;
	len = (u32)(p->skb.data_end - p->skb.data);
	if (!l2) {
		/* The frame's header is a blank one. */
		data -= BPFSHIM_ETH_HLEN;
		len += BPFSHIM_ETH_HLEN;
		memset(data, 0, BPFSHIM_ETH_HLEN);
	}
	err = bpfshim_test_finish(a, u, data, len, retval, ns);
	if (err || !given)
		return err;
	/* What the test did not set is not told either. */
	memset(p->skb.skb, 0, BPFSHIM_SKB_MARK);
	memset(p->skb.skb + BPFSHIM_SKB_MARK + 4, 0, BPFSHIM_SKB_PRIORITY - BPFSHIM_SKB_MARK - 4);
	memset(p->skb.skb + 44, 0, BPFSHIM_SKB_CB - 44);
	memset(p->skb.skb + BPFSHIM_SKB_CB + 20, 0, BPFSHIM_SKB_TSTAMP - BPFSHIM_SKB_CB - 20);
	*bpfshim_skb_u64(&p->skb, BPFSHIM_SKB_SK) = 0;
	return bpfshim_test_ctx_out(a, u, p->skb.skb, sizeof(p->skb.skb));
}

long bpfshim_test_skb(struct bpfshim_prog *prog, const union bpfshim_attr *a, union bpfshim_attr __user *u)
{
	struct bpfshim_packet *p;
	long ret = -ENOMEM;

	if (a->test.flags || a->test.cpu || a->test.batch_size)
		return -EINVAL;
	p = bpfshim_kvzalloc(sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->sk = bpfshim_sock_alloc(GFP_KERNEL);
	if (!p->sk)
		goto out;
	p->buf = bpfshim_test_data(a, HEAD, TAIL, PACKET_MAX);
	if (IS_ERR(p->buf)) {
		ret = PTR_ERR(p->buf);
		p->buf = NULL;
		goto out;
	}
	ret = run_skb(p, prog, a, u);
out:
	bpfshim_kvfree(p->buf);
	bpfshim_sock_free(p->sk);
	bpfshim_kvfree(p);
	return ret;
}

/* ---- flow_dissector --------------------------------------------------- */

#define FLOW_KEYS_SIZE	56
struct flow {
	struct bpfshim_packet p;
	u8 keys[FLOW_KEYS_SIZE] __aligned(8);	/* UAPI's struct bpf_flow_keys */
	u32 flags;
};

static void flow_reset(void *arg)
{
	struct flow *f = arg;
	u16 off = BPFSHIM_ETH_HLEN;

	memset(f->keys, 0, sizeof(f->keys));
	memcpy(f->keys, &off, 2);		/* nhoff */
	memcpy(f->keys + 2, &off, 2);		/* thoff */
	memcpy(f->keys + 8, f->p.buf + 12, 2);	/* n_proto */
	memcpy(f->keys + 48, &f->flags, 4);
}

static void clamp_u16(u8 *at, u32 lo, u32 hi)
{
	u16 v;

	memcpy(&v, at, 2);
	v = (u16)clamp_t(u32, v, lo, hi);
	memcpy(at, &v, 2);
}

long bpfshim_test_flow(struct bpfshim_prog *prog, const union bpfshim_attr *a, union bpfshim_attr __user *u)
{
	u32 size = a->test.data_size_in, retval, ns;
	u8 given[FLOW_KEYS_SIZE] __aligned(8);
	struct flow *f;
	bool have;
	u16 nhoff;
	long ret;

	if (a->test.flags || a->test.cpu || a->test.batch_size)
		return -EINVAL;
	if (size < BPFSHIM_ETH_HLEN)
		return -EINVAL;
	f = bpfshim_kvzalloc(sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->p.buf = bpfshim_test_data(a, 0, 0, PAGE_SIZE);
	if (IS_ERR(f->p.buf)) {
		ret = PTR_ERR(f->p.buf);
		f->p.buf = NULL;
		goto out;
	}
	ret = bpfshim_test_ctx_in(a, given, sizeof(given), &have);
	if (ret)
		goto out;
	ret = -EINVAL;
	if (!all_zero(given, 0, 48) || !all_zero(given, 52, sizeof(given)))
		goto out;
	memcpy(&f->flags, given + 48, 4);
	set_data(&f->p, 0, size);
	*bpfshim_skb_u64(&f->p.skb, BPFSHIM_SKB_FLOW_KEYS) = (unsigned long)f->keys;
	ret = bpfshim_test_loop(prog, &f->p.skb, a->test.repeat, flow_reset, f, &retval, &ns);
	if (ret)
		goto out;
	clamp_u16(f->keys, BPFSHIM_ETH_HLEN, size);
	memcpy(&nhoff, f->keys, 2);
	clamp_u16(f->keys + 2, nhoff, size);
	ret = bpfshim_test_finish(a, u, f->keys, sizeof(f->keys), retval, ns);
	if (!ret && have)
		ret = bpfshim_test_ctx_out(a, u, given, sizeof(given));
out:
	bpfshim_kvfree(f->p.buf);
	bpfshim_kvfree(f);
	return ret;
}
