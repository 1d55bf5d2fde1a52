// SPDX-License-Identifier: GPL-2.0
/* OBJ_GET_INFO_BY_FD for programs, BTF and links; maps have their own. */
#include "link.h"

/* Copy min(have, want) items of a list to user space; the result is have. */
static int put_list(u64 to, const void *from, u32 have, u32 want, u32 item)
{
	u32 n = min_t(u32, have, want);

	if (n && copy_to_user(bpfshim_uptr(to), from, (size_t)n * item))
		return -EFAULT;
	return 0;
}

static int put_map_ids(struct bpfshim_prog *prog, struct bpfshim_prog_info *info)
{
	u32 i, want = info->nr_map_ids;
	u32 __user *to = bpfshim_uptr(info->map_ids);
	int err = 0;

	mutex_lock(&prog->maps_lock);
	info->nr_map_ids = prog->nr_used_maps;
	for (i = 0; i < min_t(u32, want, prog->nr_used_maps) && !err; i++)
		err = put_user(prog->used_maps[i]->obj.id, to + i);
	mutex_unlock(&prog->maps_lock);
	return err;
}

/* Records are only handed out in the sizes this module keeps. */
static int check_rec_sizes(struct bpfshim_prog_info *info)
{
	if ((info->nr_func_info || info->func_info_rec_size) &&
	    info->func_info_rec_size != sizeof(struct bpfshim_func_info))
		return -EINVAL;
	if ((info->nr_line_info || info->line_info_rec_size) &&
	    info->line_info_rec_size != sizeof(struct bpfshim_line_info))
		return -EINVAL;
	if ((info->nr_jited_line_info || info->jited_line_info_rec_size) &&
	    info->jited_line_info_rec_size != sizeof(u64))
		return -EINVAL;
	info->func_info_rec_size = sizeof(struct bpfshim_func_info);
	info->line_info_rec_size = sizeof(struct bpfshim_line_info);
	info->jited_line_info_rec_size = sizeof(u64);
	return 0;
}

/*
 * Instructions as user space may see them: map references as map ids instead
 * of kernel addresses.
 */
static int put_xlated(struct bpfshim_prog *prog, struct bpfshim_prog_info *info, u32 want)
{
	u32 i, len = prog->vrf.len * sizeof(struct bpfshim_insn);
	struct bpfshim_insn *copy;
	int err;

	if (!want || !len)
		return 0;
	copy = bpfshim_kvzalloc(len);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, prog->xlated, len);
	mutex_lock(&prog->maps_lock);
	for (i = 0; i + 1 < prog->vrf.len; i++) {
		u32 src = copy[i].src_reg, idx = copy[i].imm;

		if (copy[i].code != (BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW))
			continue;
		if (src == BPFSHIM_PSEUDO_MAP_IDX || src == BPFSHIM_PSEUDO_MAP_IDX_VALUE) {
			copy[i].src_reg = src == BPFSHIM_PSEUDO_MAP_IDX ?
					  BPFSHIM_PSEUDO_MAP_FD : BPFSHIM_PSEUDO_MAP_VALUE;
			copy[i].imm = idx < prog->nr_used_maps ?
				      prog->used_maps[idx]->obj.id : 0;
			if (src == BPFSHIM_PSEUDO_MAP_IDX)
				copy[i + 1].imm = 0;
		}
		i++;
	}
	mutex_unlock(&prog->maps_lock);
	err = copy_to_user(bpfshim_uptr(info->xlated_prog_insns), copy,
			   min_t(u32, want, len)) ? -EFAULT : 0;
	bpfshim_kvfree(copy);
	return err;
}

/* May this caller see addresses?  As kptr_restrict has it for /proc/kallsyms. */
static bool shows_addresses(void)
{
	return capable(CAP_SYSLOG) &&
	       !(bpfshim_ksym.kptr_restrict && READ_ONCE(*bpfshim_ksym.kptr_restrict) >= 2);
}

/* A function's tag: the program's where it is the only one. */
static int sub_tag(const struct bpfshim_prog *prog, u32 sub, u8 tag[BPFSHIM_TAG_SIZE])
{
	u32 i, from, n, end = prog->vrf.len;
	struct bpfshim_insn *copy;
	u8 digest[20];

	if (prog->vrf.nr_subprogs < 2) {
		memcpy(tag, prog->tag, BPFSHIM_TAG_SIZE);
		return 0;
	}
	from = prog->vrf.subprogs[sub].start;
	if (sub + 1 < prog->vrf.nr_subprogs)
		end = prog->vrf.subprogs[sub + 1].start;
	n = end - from;
	copy = bpfshim_kvzalloc(n * sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	memcpy(copy, prog->xlated + from, n * sizeof(*copy));
	for (i = 0; i + 1 < n; i++) {
		if (copy[i].code != (BPFSHIM_LD | BPFSHIM_IMM | BPFSHIM_DW))
			continue;
		if (copy[i].src_reg == BPFSHIM_PSEUDO_MAP_IDX ||
		    copy[i].src_reg == BPFSHIM_PSEUDO_MAP_IDX_VALUE)
			copy[i].imm = copy[i + 1].imm = 0;
		i++;
	}
	bpfshim_sha1(copy, n * sizeof(*copy), digest);
	memcpy(tag, digest, BPFSHIM_TAG_SIZE);
	bpfshim_kvfree(copy);
	return 0;
}

static int put_functions(struct bpfshim_prog *prog, struct bpfshim_prog_info *info)
{
	u32 i, n = prog->vrf.nr_subprogs ? prog->vrf.nr_subprogs : 1;
	u32 ksyms = info->nr_jited_ksyms, lens = info->nr_jited_func_lens;
	u32 tags = info->nr_prog_tags;
	const u32 *at = prog->image_at;
	u64 addr = (unsigned long)prog->image;
	u32 __user *ulens = bpfshim_uptr(info->jited_func_lens);
	u64 __user *usyms = bpfshim_uptr(info->jited_ksyms);
	u8 __user *utags = bpfshim_uptr(info->prog_tags);
	u8 tag[BPFSHIM_TAG_SIZE];
	int err;

	if (ksyms && !shows_addresses()) {
		info->jited_ksyms = 0;
		ksyms = 0;
	}
	info->nr_jited_ksyms = n;
	info->nr_jited_func_lens = n;
	info->nr_prog_tags = n;
	for (i = 0; i < n; i++) {
		if (i < ksyms && put_user(at ? addr + at[i] : 0, usyms + i))
			return -EFAULT;
		if (i < lens && put_user(at ? at[i + 1] - at[i] : 0, ulens + i))
			return -EFAULT;
		if (i >= tags)
			continue;
		err = sub_tag(prog, i, tag);
		if (err)
			return err;
		if (copy_to_user(utags + i * BPFSHIM_TAG_SIZE, tag, BPFSHIM_TAG_SIZE))
			return -EFAULT;
	}
	return 0;
}

/* Functions as they lie in the instructions that info hands out. */
static int put_func_info(struct bpfshim_prog *prog, struct bpfshim_prog_info *info)
{
	struct bpfshim_func_info __user *to = bpfshim_uptr(info->func_info);
	u32 i, n = 0, want = info->nr_func_info;
	struct bpfshim_func_info fi;

	for (i = 0; prog->nr_func_info && i < prog->vrf.nr_subprogs; i++) {
		const struct bpfshim_vrf_subprog *sub = &prog->vrf.subprogs[i];

		if (sub->func_info_idx >= prog->nr_func_info)
			continue;
		fi = prog->func_info[sub->func_info_idx];
		fi.insn_off = sub->start;
		if (n < want && copy_to_user(to + n, &fi, sizeof(fi)))
			return -EFAULT;
		n++;
	}
	info->nr_func_info = n;
	return 0;
}

/*
 * Addresses of the code of each of the program's lines.  A function's first
 * line has the prologue: readers find functions in the list by their address.
 */
static int put_jited_lines(struct bpfshim_prog *prog, struct bpfshim_prog_info *info)
{
	u32 i, sub = 0, want = info->nr_jited_line_info, n = prog->image_at ? prog->vrf.nr_line_info : 0;
	u64 __user *to = bpfshim_uptr(info->jited_line_info);
	u64 base = (unsigned long)prog->image;
	const struct bpfshim_vrf_result *v = &prog->vrf;
	u32 at, last = 0;

	info->nr_jited_line_info = n;
	if (n && want && !shows_addresses()) {
		info->jited_line_info = 0;
		return 0;
	}
	for (i = 0; i < min(n, want); i++) {
		while (sub < v->nr_subprogs && v->subprogs[sub].start < v->line_info[i].insn_off)
			sub++;
		if (sub < v->nr_subprogs && v->subprogs[sub].start == v->line_info[i].insn_off)
			at = prog->image_at[sub];
		else
			at = prog->image_at[prog->xprog.nr_subs + 1 + i];
		/* They grow: a line whose code is part of the next one's has its first byte. */
		if (i && at <= last)
			at = last + 1;
		last = at;
		if (put_user(base + at, to + i))
			return -EFAULT;
	}
	return 0;
}

static int put_prog_lists(struct bpfshim_prog *prog, struct bpfshim_prog_info *info)
{
	u32 want;
	int err;

	want = info->xlated_prog_len;
	info->xlated_prog_len = prog->vrf.len * sizeof(struct bpfshim_insn);
	err = put_xlated(prog, info, want);
	if (err)
		return err;
	want = info->jited_prog_len;
	info->jited_prog_len = bpfshim_prog_jited_len(prog);
	if (want && info->jited_prog_len && !shows_addresses()) {
		info->jited_prog_insns = 0;
		want = 0;
	}
	err = put_list(info->jited_prog_insns, prog->image,
		       info->jited_prog_len, want, 1);
	if (err)
		return err;
	err = put_functions(prog, info);
	if (err)
		return err;
	err = put_func_info(prog, info);
	if (err)
		return err;
	want = info->nr_line_info;
	info->nr_line_info = prog->vrf.nr_line_info;
	err = put_list(info->line_info, prog->vrf.line_info, info->nr_line_info, want,
		       sizeof(struct bpfshim_line_info));
	return err ? err : put_jited_lines(prog, info);
}

static int finish(const void *info, u32 len, union bpfshim_attr *attr, void __user *uattr)
{
	union bpfshim_attr __user *u = uattr;

	if (copy_to_user(bpfshim_uptr(attr->info.info), info, len) ||
	    put_user(len, &u->info.info_len))
		return -EFAULT;
	return 0;
}

static long prog_info(struct bpfshim_prog *prog, union bpfshim_attr *attr, void __user *uattr)
{
	const void __user *from = bpfshim_uptr(attr->info.info);
	const u32 known = offsetof(struct bpfshim_prog_info, attach_btf_id) + sizeof(u32);
	struct bpfshim_prog_stats stats;
	struct bpfshim_prog_info info;
	u32 len = attr->info.info_len;
	int err;

	err = bpfshim_tail_zero(from, known, len);
	if (err)
		return err;
	len = min_t(u32, len, sizeof(info));
	memset(&info, 0, sizeof(info));
	if (copy_from_user(&info, from, len))
		return -EFAULT;
	info.type = prog->type;
	info.id = prog->obj.id;
	info.load_time = prog->load_time;
	info.created_by_uid = from_kuid_munged(current_user_ns(),
					       make_kuid(&init_user_ns, prog->uid));
	info.gpl_compatible = prog->gpl_compatible;
	memcpy(info.tag, prog->tag, sizeof(info.tag));
	memcpy(info.name, prog->name, sizeof(info.name));
	err = put_map_ids(prog, &info);
	if (err)
		return err;
	err = check_rec_sizes(&info);
	if (err)
		return err;
	bpfshim_prog_stats_sum(prog, &stats);
	info.run_time_ns = stats.nsecs;
	info.run_cnt = stats.cnt;
	info.recursion_misses = stats.misses;
	info.verified_insns = prog->verified_insns;
	if (prog->btf)
		info.btf_id = prog->btf->obj.id;
	info.attach_btf_id = prog->attach_btf_id;
	info.attach_btf_obj_id = prog->attach_btf_obj_id;
	err = put_prog_lists(prog, &info);
	return err ? err : finish(&info, len, attr, uattr);
}

static long btf_info(struct bpfshim_btf *btf, union bpfshim_attr *attr, void __user *uattr)
{
	u32 want, len = attr->info.info_len, name_len = strlen(btf->name);
	struct bpfshim_btf_info info;
	char __user *name;
	long ret = 0;
	int err;

	err = bpfshim_tail_zero(bpfshim_uptr(attr->info.info), sizeof(info), len);
	if (err)
		return err;
	len = min_t(u32, len, sizeof(info));
	memset(&info, 0, sizeof(info));
	if (copy_from_user(&info, bpfshim_uptr(attr->info.info), len))
		return -EFAULT;
	info.id = btf->obj.id;
	want = min_t(u32, btf->size, info.btf_size);
	if (copy_to_user(bpfshim_uptr(info.btf), btf->data, want))
		return -EFAULT;
	info.btf_size = btf->size;
	info.kernel_btf = btf->kernel;
	name = bpfshim_uptr(info.name);
	want = info.name_len;
	if (!name != !want)
		return -EINVAL;
	info.name_len = name_len;
	if (name) {
		u32 n = want > name_len ? name_len : want - 1;

		if (copy_to_user(name, btf->name, n) || put_user('\0', name + n))
			return -EFAULT;
		if (n < name_len)
			ret = -ENOSPC;
	}
	err = finish(&info, len, attr, uattr);
	return err ? err : ret;
}

static long link_info(struct bpfshim_link *link, union bpfshim_attr *attr, void __user *uattr)
{
	const void __user *from = bpfshim_uptr(attr->info.info);
	struct bpfshim_link_info info;
	u32 len = attr->info.info_len;
	int err;

	err = bpfshim_tail_zero(from, sizeof(info), len);
	if (err)
		return err;
	len = min_t(u32, len, sizeof(info));
	memset(&info, 0, sizeof(info));
	if (copy_from_user(&info, from, len))
		return -EFAULT;
	info.type = link->ops->type;
	info.id = link->obj.id;
	info.prog_id = link->prog->obj.id;
	if (link->ops->fill_info) {
		err = link->ops->fill_info(link, &info);
		if (err)
			return err;
	}
	return finish(&info, len, attr, uattr);
}

long bpfshim_cmd_info_by_fd(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	struct file *file = fget(attr->info.bpf_fd);
	struct bpfshim_link *link;
	struct bpfshim_map *map;
	long ret;

	if (!file)
		return -EBADFD;
	link = bpfshim_link_from_file(file);
	if (file->f_op == &bpfshim_prog_fops) {
		ret = prog_info(file->private_data, attr, uattr);
	} else if (file->f_op == &bpfshim_btf_fops) {
		ret = btf_info(file->private_data, attr, uattr);
	} else if (link) {
		ret = link_info(link, attr, uattr);
	} else {
		map = bpfshim_map_from_fd(attr->info.bpf_fd);
		if (IS_ERR(map)) {
			ret = -EINVAL;
		} else {
			ret = bpfshim_map_info(map, attr, uattr);
			bpfshim_map_put(map);
		}
	}
	fput(file);
	return ret;
}
