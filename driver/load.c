// SPDX-License-Identifier: GPL-2.0
/* PROG_LOAD: the checks of 6.1 in its order, the verifier, the engine. */
#include "internal.h"
#include "../verifier/admit.h"
#include "../ioctl/helpers.h"

#define PROG_FLAGS (BPFSHIM_F_STRICT_ALIGNMENT | BPFSHIM_F_ANY_ALIGNMENT |	\
		    BPFSHIM_F_TEST_STATE_FREQ | BPFSHIM_F_SLEEPABLE |		\
		    BPFSHIM_F_TEST_RND_HI32 | BPFSHIM_F_XDP_HAS_FRAGS |		\
		    BPFSHIM_F_INTERP | BPFSHIM_F_MASK | BPFSHIM_F_UNPRIV)
#define REC_SIZE_MAX	252

static bool spectre;
module_param(spectre, bool, 0644);
MODULE_PARM_DESC(spectre, "mask new programs against speculative execution; default: 0, as only root loads");

/* One PROG_LOAD: owned by its task, the cookie of the verifier's callbacks. */
struct load {
	struct bpfshim_prog *prog;
	const union bpfshim_attr *attr;
	void __user *uattr;
	struct bpfshim_log log;
	struct bpfshim_insn *insns;
	struct bpfshim_line_info *line_info;
	struct bpfshim_btf *kernel_btf;
	struct bpfshim_map *maps[BPFSHIM_VRF_MAX_USED_MAPS];
	u32 nr_maps;
	u64 avail[4];
};

static void load_log(void *cookie, const char *text, u32 len)
{
	bpfshim_log_write(&((struct load *)cookie)->log, text, len);
}

static void load_log_reset(void *cookie, u64 pos)
{
	bpfshim_log_reset(&((struct load *)cookie)->log, pos);
}

static void describe_map(const struct bpfshim_map *map, struct bpfshim_vrf_map *out)
{
	memset(out, 0, sizeof(*out));
	out->map_type = map->map_type;
	out->key_size = map->key_size;
	out->value_size = map->value_size;
	out->max_entries = map->max_entries;
	out->map_flags = map->map_flags;
	out->id = map->obj.id;
	memcpy(out->name, map->name, sizeof(out->name));
	out->frozen_rdonly = (map->map_flags & BPFSHIM_F_RDONLY_PROG) &&
			     READ_ONCE(map->frozen) &&
			     !atomic_read(&map->writers) && map->ops->direct_value;
	out->spin_lock_off = map->spin_lock_off;
	out->timer_off = map->timer_off;
	if (map->kptrs) {
		out->kptrs = map->kptrs->at;
		out->nr_kptrs = map->kptrs->nr;
	}
	out->btf = map->btf ? map->btf->parsed : NULL;
	out->btf_key_type_id = map->btf_key_type_id;
	out->btf_value_type_id = map->btf_value_type_id;
	if (map->ops->describe)
		map->ops->describe(map, out);
}

static int load_map_get(void *cookie, s32 ref, bool is_idx, u32 *idx,
			struct bpfshim_vrf_map *out)
{
	struct load *l = cookie;
	struct bpfshim_map *map;
	s32 fd = ref;
	u32 i;

	if (is_idx) {
		if (!l->attr->fd_array)
			return -EPROTO;
		if (copy_from_user(&fd, bpfshim_uptr(l->attr->fd_array +
						    (u64)(u32)ref * sizeof(fd)), sizeof(fd)))
			return -EFAULT;
	}
	map = bpfshim_map_from_fd(fd);
	if (IS_ERR(map))
		return PTR_ERR(map);
	for (i = 0; i < l->nr_maps && l->maps[i] != map; i++)
		;
	if (i < l->nr_maps) {
		bpfshim_map_put(map);
	} else {
		if (l->nr_maps == BPFSHIM_VRF_MAX_USED_MAPS) {
			bpfshim_map_put(map);
			return -E2BIG;
		}
		l->maps[l->nr_maps++] = map;
	}
	describe_map(map, out);
	*idx = i;
	return 0;
}

static int load_map_read(void *cookie, u32 idx, u32 off, u32 size, u64 *val)
{
	struct load *l = cookie;
	struct bpfshim_map *map;
	u64 addr;

	if (idx >= l->nr_maps)
		return -EINVAL;
	map = l->maps[idx];
	if (!map->ops->direct_value || off > map->value_size ||
	    size > map->value_size - off || map->ops->direct_value(map, off, &addr))
		return -EINVAL;
	*val = 0;
	memcpy(val, (const void *)(unsigned long)addr, size);
	return 0;
}

static int load_percpu_addr(void *cookie, const char *name, u32 size, u64 *addr)
{
	*addr = bpfshim_percpu_symbol(name, size);
	return *addr ? 0 : -ENOENT;
}

static const struct bpfshim_vrf_ops load_ops = {
	.alloc = bpfshim_vrf_alloc,
	.free = bpfshim_vrf_free,
	.resched = bpfshim_vrf_resched,
	.now_ns = bpfshim_vrf_now,
	.log = load_log,
	.log_reset = load_log_reset,
	.map_get = load_map_get,
	.map_read = load_map_read,
	.percpu_addr = load_percpu_addr,
};

/* What the program attaches to by BTF, and whether its type may. */
static int check_target(struct load *l, u32 *expected)
{
	const union bpfshim_attr *a = l->attr;
	struct bpfshim_prog *target;
	struct bpfshim_btf *btf;
	bool have_btf = false;

	if (a->attach_prog_fd) {
		target = bpfshim_prog_from_fd(a->attach_prog_fd);
		if (!IS_ERR(target)) {
			/* Programs on programs: not offered. */
			bpfshim_prog_put(target);
			return -EINVAL;
		}
		btf = bpfshim_btf_from_fd(a->attach_btf_obj_fd);
		if (IS_ERR(btf))
			return -EINVAL;
		have_btf = btf->kernel;
		bpfshim_btf_put(btf);
		if (!have_btf)
			return -ENOTSUPP;
	} else if (a->attach_btf_id) {
		btf = bpfshim_kernel_btf_get();
		if (!btf)
			return -EINVAL;
		bpfshim_btf_put(btf);
		have_btf = true;
	}
	*expected = a->expected_attach_type;
	return bpfshim_vrf_admit_target(a->prog_type, expected, a->attach_btf_id, have_btf);
}

/*
 * Copy records whose size user space states: shorter ones are filled with
 * zeros, longer ones must end in zeros.
 */
static int copy_records(struct load *l, const char *what, u64 from, u32 cnt,
			u32 rec, u32 min, u32 known, size_t rec_attr, void **out)
{
	u8 __user *src = bpfshim_uptr(from);
	u32 i, n = min_t(u32, rec, known);
	int err;
	u8 *dst;

	*out = NULL;
	if (!cnt)
		return 0;
	if (rec < min || rec > REC_SIZE_MAX || rec % sizeof(u32)) {
		bpfshim_log_printf(&l->log, "invalid %s info rec size %u\n", what, rec);
		return -EINVAL;
	}
	if (cnt > INT_MAX / known)
		return -EINVAL;
	dst = bpfshim_kvzalloc((size_t)cnt * known);
	if (!dst)
		return -ENOMEM;
	for (i = 0; i < cnt; i++, src += rec) {
		if (!(i & 1023)) {
			err = bpfshim_vrf_resched(NULL);
			if (err)
				goto fail;
		}
		err = bpfshim_tail_zero(src, known, rec);
		if (err == -E2BIG) {
			bpfshim_log_printf(&l->log, "nonzero tailing record in %s info", what);
			/* Tell the loader what this kernel knows. */
			if (copy_to_user((u8 __user *)l->uattr + rec_attr, &n, sizeof(n)))
				err = -EFAULT;
		}
		if (!err && copy_from_user(dst + (size_t)i * known, src, n))
			err = -EFAULT;
		if (err)
			goto fail;
	}
	*out = dst;
	return 0;
fail:
	bpfshim_kvfree(dst);
	return err;
}

static int load_btf(struct load *l)
{
	const union bpfshim_attr *a = l->attr;
	struct bpfshim_prog *prog = l->prog;
	struct bpfshim_btf *btf;
	void *p;
	int err;

	if (!a->func_info_cnt && !a->line_info_cnt)
		return 0;
	btf = bpfshim_btf_from_fd(a->prog_btf_fd);
	if (IS_ERR(btf))
		return PTR_ERR(btf);
	prog->btf = btf;
	if (btf->kernel)
		return -EACCES;
	/* A program has no more functions and lines than instructions. */
	if (a->func_info_cnt > a->insn_cnt || a->line_info_cnt > a->insn_cnt)
		return -EINVAL;
	err = copy_records(l, "func", a->func_info, a->func_info_cnt,
			   a->func_info_rec_size, sizeof(struct bpfshim_func_info),
			   sizeof(struct bpfshim_func_info),
			   offsetof(union bpfshim_attr, func_info_rec_size), &p);
	if (err)
		return err;
	prog->func_info = p;
	prog->nr_func_info = a->func_info_cnt;
	err = copy_records(l, "line", a->line_info, a->line_info_cnt,
			   a->line_info_rec_size, sizeof(struct bpfshim_line_info),
			   sizeof(struct bpfshim_line_info),
			   offsetof(union bpfshim_attr, line_info_rec_size), &p);
	l->line_info = p;
	return err;
}

/* The tag: SHA-1 over the instructions, map references taken as 0. */
static int calc_tag(struct load *l)
{
	u32 i, cnt = l->attr->insn_cnt;
	struct bpfshim_insn *tmp;
	u8 digest[20];

	tmp = bpfshim_kvzalloc((size_t)cnt * sizeof(*tmp));
	if (!tmp)
		return -ENOMEM;
	memcpy(tmp, l->insns, (size_t)cnt * sizeof(*tmp));
	for (i = 0; i < cnt; i++) {
		if (tmp[i].code != (BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW) ||
		    (tmp[i].src_reg != BPFSHIM_PSEUDO_MAP_FD &&
		     tmp[i].src_reg != BPFSHIM_PSEUDO_MAP_VALUE))
			continue;
		tmp[i].imm = 0;
		if (i + 1 < cnt && !tmp[i + 1].code)
			tmp[++i].imm = 0;
	}
	bpfshim_sha1(tmp, (size_t)cnt * sizeof(*tmp), digest);
	memcpy(l->prog->tag, digest, BPFSHIM_TAG_SIZE);
	bpfshim_kvfree(tmp);
	return 0;
}

static int check_sleepable(struct load *l)
{
	const char *why = bpfshim_vrf_admit_sleepable(l->prog->type, l->prog->sleepable);

	if (!why)
		return 0;
	bpfshim_log_printf(&l->log, "%s\n", why);
	return -EINVAL;
}

static bool calls(const struct bpfshim_prog *prog, u32 helper)
{
	return (prog->vrf.helpers_used[helper / 64] >> (helper % 64)) & 1;
}

/* What follows from the helpers that a verified program calls. */
static int heed_helpers(struct load *l)
{
	struct bpfshim_prog *prog = l->prog;
	u32 i;

	if (calls(prog, BPFSHIM_HELPER_probe_write_user))
		pr_warn_ratelimited("%s[%d] is installing a program with bpf_probe_write_user helper that may corrupt user memory!\n",
				    current->comm, task_pid_nr(current));
	prog->kprobe_override = calls(prog, BPFSHIM_HELPER_override_return);
	if (!prog->kprobe_override)
		return 0;
	pr_warn_ratelimited("%s[%d] is installing a program with bpf_override_return helper that may cause unexpected behavior!\n",
			    current->comm, task_pid_nr(current));
	/* Called from another it would not be looked at. */
	for (i = 0; i < l->nr_maps; i++)
		if (l->maps[i]->map_type == BPFSHIM_MAP_TYPE_PROG_ARRAY)
			return -EINVAL;
	return 0;
}

static int verify(struct load *l)
{
	const union bpfshim_attr *a = l->attr;
	struct bpfshim_prog *prog = l->prog;
	struct bpfshim_vrf_prog in;
	int err;

	err = bpfshim_log_init(&l->log, a->log_level, a->log_buf, a->log_size);
	if (err)
		return err;
	err = load_btf(l);
	if (err)
		goto done;
	err = check_sleepable(l);
	if (err)
		goto done;
	err = calc_tag(l);
	if (err)
		goto done;
	l->kernel_btf = bpfshim_kernel_btf_get();
	bpfshim_helper_avail(prog->type, l->avail);

	memset(&in, 0, sizeof(in));
	in.insns = l->insns;
	in.len = a->insn_cnt;
	in.prog_type = prog->type;
	in.expected_attach_type = prog->expected_attach_type;
	in.prog_flags = a->prog_flags;
	in.gpl_compatible = prog->gpl_compatible;
	in.btf = prog->btf ? prog->btf->parsed : NULL;
	in.func_info = prog->func_info;
	in.func_info_cnt = prog->nr_func_info;
	in.line_info = l->line_info;
	in.line_info_cnt = l->line_info ? a->line_info_cnt : 0;
	in.kernel_btf = l->kernel_btf ? l->kernel_btf->parsed : NULL;
	in.attach_btf_id = a->attach_btf_id;
	in.log_level = l->log.level;
	in.unpriv = prog->unpriv;
	in.mask = READ_ONCE(spectre) || (a->prog_flags & BPFSHIM_F_MASK);
	in.helper_avail = l->avail;
	err = bpfshim_verify(&in, &load_ops, l, &prog->vrf);
	prog->verified_insns = prog->vrf.insn_processed;
	if (!err)
		err = heed_helpers(l);
done:
	return bpfshim_log_result(&l->log, err);
}

/* The program owns the maps it uses from here on. */
static int keep_maps(struct load *l)
{
	struct bpfshim_prog *prog = l->prog;
	u32 i, type;

	if (!l->nr_maps)
		return 0;
	prog->used_maps = bpfshim_kvzalloc(l->nr_maps * sizeof(l->maps[0]));
	if (!prog->used_maps)
		return -ENOMEM;
	memcpy(prog->used_maps, l->maps, l->nr_maps * sizeof(l->maps[0]));
	prog->nr_used_maps = l->nr_maps;
	l->nr_maps = 0;
	for (i = 0; i < prog->nr_used_maps; i++) {
		type = prog->used_maps[i]->map_type;
		if (type == BPFSHIM_MAP_TYPE_CGROUP_STORAGE)
			prog->cgroup_storage[0] = prog->used_maps[i];
		else if (type == BPFSHIM_MAP_TYPE_PERCPU_CGROUP_STORAGE)
			prog->cgroup_storage[1] = prog->used_maps[i];
	}
	return 0;
}

/* Maps that not every program may use. */
static int check_maps(struct bpfshim_prog *prog)
{
	struct bpfshim_map *map;
	int err = 0;
	u32 i;

	for (i = 0; i < prog->nr_used_maps && !err; i++) {
		map = prog->used_maps[i];
		if (map->ops->prog_check)
			err = map->ops->prog_check(map, prog);
	}
	return err;
}

static long load(struct load *l, bool gpl, u32 expected)
{
	const union bpfshim_attr *a = l->attr;
	struct bpfshim_prog *prog = l->prog;
	long ret;

	prog->expected_attach_type = expected;
	prog->attach_btf_id = a->attach_btf_id;
	prog->sleepable = a->prog_flags & BPFSHIM_F_SLEEPABLE;
	prog->gpl_compatible = gpl;
	prog->want_native = bpfshim_engine() == BPFSHIM_ENGINE_JIT &&
			    !(a->prog_flags & BPFSHIM_F_INTERP);
	prog->unpriv = a->prog_flags & BPFSHIM_F_UNPRIV;
	prog->uid = bpfshim_current_uid();

	l->insns = bpfshim_kvdup_user(bpfshim_uptr(a->insns),
				      (size_t)a->insn_cnt * sizeof(*l->insns));
	if (IS_ERR(l->insns)) {
		ret = PTR_ERR(l->insns);
		l->insns = NULL;
		return ret;
	}
	/* Nothing here runs on a network device. */
	if (a->prog_ifindex)
		return -EINVAL;
	if (a->prog_type == BPFSHIM_PROG_TYPE_UNSPEC || a->prog_type >= BPFSHIM_PROG_TYPE_MAX)
		return -EINVAL;
	prog->type = a->prog_type;
	prog->load_time = bpfshim_boot_ns();
	ret = bpfshim_name_copy(prog->name, a->prog_name);
	if (ret)
		return ret;
	ret = verify(l);
	if (ret)
		return ret;
	ret = keep_maps(l);
	if (!ret)
		ret = check_maps(prog);
	if (ret)
		return ret;
	ret = bpfshim_prog_link(prog);
	if (ret)
		return ret;
	prog->mem = sizeof(*prog) + (s64)prog->vrf.len *
		    (2 * sizeof(struct bpfshim_insn) + sizeof(struct bpfshim_vrf_aux));
	bpfshim_mem_charge(prog->mem);
	ret = bpfshim_obj_publish(&prog->obj);
	if (ret)
		return ret;
	return bpfshim_prog_new_fd(prog);
}

long bpfshim_cmd_prog_load(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	char license[128];
	struct load *l;
	u32 expected, i;
	long ret;

	if (attr->prog_flags & ~PROG_FLAGS)
		return -EINVAL;
	memset(license, 0, sizeof(license));
	if (strncpy_from_user(license, bpfshim_uptr(attr->license), sizeof(license) - 1) < 0)
		return -EFAULT;
	if (!attr->insn_cnt || attr->insn_cnt > BPFSHIM_VRF_MAX_INSNS)
		return -E2BIG;
	l = bpfshim_kvzalloc(sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->attr = attr;
	l->uattr = uattr;
	ret = check_target(l, &expected);
	if (ret)
		goto out;
	ret = -ENOMEM;
	l->prog = bpfshim_prog_alloc();
	if (!l->prog)
		goto out;
	ret = load(l, license_is_gpl_compatible(license), expected);
	if (ret < 0)
		bpfshim_prog_put(l->prog);
out:
	for (i = 0; i < l->nr_maps; i++)
		bpfshim_map_put(l->maps[i]);
	if (l->kernel_btf)
		bpfshim_btf_put(l->kernel_btf);
	bpfshim_kvfree(l->line_info);
	bpfshim_kvfree(l->insns);
	bpfshim_kvfree(l);
	return ret;
}
