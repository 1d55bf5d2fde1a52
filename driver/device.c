// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/bpfshim: one ioctl that is bpf(2).  The table says each command's
 * handler and last attribute byte; size and zero rules are checked here, once.
 */
#include "pin.h"

#define VERSION "0.1.0"

struct command {
	bpfshim_cmd_fn fn;
	u16 end;	/* bytes of attr the command knows; the rest must be 0 */
};

#define CMD(fn, field)	{ fn, offsetofend_attr(field) }
#define offsetofend_attr(field) \
	(offsetof(union bpfshim_attr, field) + sizeof(((union bpfshim_attr *)0)->field))

static long cmd_ext_info(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	struct bpfshim_ext_info info;

	if (attr->ext_info.flags)
		return -EINVAL;
	memset(&info, 0, sizeof(info));
	info.abi_version = BPFSHIM_ABI_VERSION;
	info.features = bpfshim_engine_features() | BPFSHIM_FEAT_KPROBE |
			BPFSHIM_FEAT_TRACEPOINT | BPFSHIM_FEAT_RAW_TRACEPOINT |
			BPFSHIM_FEAT_PERF_ATTACH;
#if BPFSHIM_HAVE_TASK_CGROUP_ID
	info.features |= BPFSHIM_FEAT_CGROUP_ID;
#endif
#ifdef BPFSHIM_DEBUG
	info.features |= BPFSHIM_FEAT_DEBUG;
#endif
	info.nr_maps = bpfshim_obj_count(BPFSHIM_OBJ_MAP);
	info.nr_progs = bpfshim_obj_count(BPFSHIM_OBJ_PROG);
	info.nr_links = bpfshim_obj_count(BPFSHIM_OBJ_LINK);
	info.nr_btfs = bpfshim_btf_count();
	info.nr_outputs = bpfshim_output_count();
	info.engine = bpfshim_engine();
	info.prog_misses = bpfshim_run_misses();
	info.kretprobe_misses = bpfshim_kretprobe_misses();
	info.mem_bytes = bpfshim_mem_charged();
	strncpy(info.version, VERSION, sizeof(info.version) - 1);
	return copy_to_user(uattr, &info, min_t(u32, size, sizeof(info))) ? -EFAULT : 0;
}

static long cmd_output_open(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	return bpfshim_output_open(&attr->ext_output_open);
}

static const struct command commands[] = {
	[BPFSHIM_MAP_CREATE] = CMD(bpfshim_cmd_map_create, map_extra),
	[BPFSHIM_MAP_LOOKUP_ELEM] = CMD(bpfshim_cmd_map_lookup, flags),
	[BPFSHIM_MAP_UPDATE_ELEM] = CMD(bpfshim_cmd_map_update, flags),
	[BPFSHIM_MAP_DELETE_ELEM] = CMD(bpfshim_cmd_map_delete, key),
	[BPFSHIM_MAP_GET_NEXT_KEY] = CMD(bpfshim_cmd_map_next_key, next_key),
	[BPFSHIM_PROG_LOAD] = CMD(bpfshim_cmd_prog_load, core_relo_rec_size),
	[BPFSHIM_OBJ_PIN] = CMD(bpfshim_cmd_obj_pin, file_flags),
	[BPFSHIM_OBJ_GET] = CMD(bpfshim_cmd_obj_get, file_flags),
	[BPFSHIM_PROG_ATTACH] = CMD(bpfshim_cmd_prog_attach, replace_bpf_fd),
	[BPFSHIM_PROG_DETACH] = CMD(bpfshim_cmd_prog_detach, attach_type),
	[BPFSHIM_PROG_QUERY] = CMD(bpfshim_cmd_prog_query, query.prog_attach_flags),
	[BPFSHIM_PROG_TEST_RUN] = CMD(bpfshim_cmd_test_run, test.batch_size),
	[BPFSHIM_PROG_GET_NEXT_ID] = CMD(bpfshim_cmd_prog_next_id, next_id),
	[BPFSHIM_MAP_GET_NEXT_ID] = CMD(bpfshim_cmd_map_next_id, next_id),
	[BPFSHIM_PROG_GET_FD_BY_ID] = CMD(bpfshim_cmd_prog_fd_by_id, prog_id),
	[BPFSHIM_MAP_GET_FD_BY_ID] = CMD(bpfshim_cmd_map_fd_by_id, open_flags),
	[BPFSHIM_OBJ_GET_INFO_BY_FD] = CMD(bpfshim_cmd_info_by_fd, info.info),
	[BPFSHIM_RAW_TRACEPOINT_OPEN] = CMD(bpfshim_cmd_raw_tracepoint_open, raw_tracepoint.prog_fd),
	[BPFSHIM_BTF_LOAD] = CMD(bpfshim_cmd_btf_load, btf_log_level),
	[BPFSHIM_BTF_GET_FD_BY_ID] = CMD(bpfshim_cmd_btf_fd_by_id, btf_id),
	[BPFSHIM_TASK_FD_QUERY] = CMD(bpfshim_cmd_task_fd_query, task_fd_query.probe_addr),
	[BPFSHIM_MAP_LOOKUP_AND_DELETE_ELEM] = CMD(bpfshim_cmd_map_lookup_and_delete, flags),
	[BPFSHIM_MAP_FREEZE] = CMD(bpfshim_cmd_map_freeze, map_fd),
	[BPFSHIM_BTF_GET_NEXT_ID] = CMD(bpfshim_cmd_btf_next_id, next_id),
	[BPFSHIM_MAP_LOOKUP_BATCH] = CMD(bpfshim_cmd_map_lookup_batch, batch.flags),
	[BPFSHIM_MAP_LOOKUP_AND_DELETE_BATCH] =
		CMD(bpfshim_cmd_map_lookup_and_delete_batch, batch.flags),
	[BPFSHIM_MAP_UPDATE_BATCH] = CMD(bpfshim_cmd_map_update_batch, batch.flags),
	[BPFSHIM_MAP_DELETE_BATCH] = CMD(bpfshim_cmd_map_delete_batch, batch.flags),
	[BPFSHIM_LINK_CREATE] = CMD(bpfshim_cmd_link_create, link_create.kprobe_multi.cookies),
	[BPFSHIM_LINK_UPDATE] = CMD(bpfshim_cmd_link_update, link_update.old_prog_fd),
	[BPFSHIM_LINK_GET_FD_BY_ID] = CMD(bpfshim_cmd_link_fd_by_id, link_id),
	[BPFSHIM_LINK_GET_NEXT_ID] = CMD(bpfshim_cmd_link_next_id, next_id),
	[BPFSHIM_ENABLE_STATS] = CMD(bpfshim_cmd_enable_stats, enable_stats.type),
	[BPFSHIM_ITER_CREATE] = CMD(bpfshim_cmd_iter_create, iter_create.flags),
	[BPFSHIM_LINK_DETACH] = CMD(bpfshim_cmd_link_detach, link_detach.link_fd),
	[BPFSHIM_PROG_BIND_MAP] = CMD(bpfshim_cmd_prog_bind_map, prog_bind_map.flags),

	[BPFSHIM_EXT_INFO] = CMD(cmd_ext_info, ext_info),
	[BPFSHIM_EXT_KPROBE] = CMD(bpfshim_cmd_kprobe, ext_kprobe),
	[BPFSHIM_EXT_TRACEPOINT] = CMD(bpfshim_cmd_tracepoint, ext_tracepoint),
	[BPFSHIM_EXT_PERF_ATTACH] = CMD(bpfshim_cmd_perf_attach, ext_perf_attach),
	[BPFSHIM_EXT_OUTPUT_OPEN] = CMD(cmd_output_open, ext_output_open),
	[BPFSHIM_EXT_SET_KERNEL_BTF] = CMD(bpfshim_cmd_set_kernel_btf, ext_set_kernel_btf),
};

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *uattr = (void __user *)arg;
	u32 nr = _IOC_NR(cmd), size = _IOC_SIZE(cmd);
	const struct command *c;
	union bpfshim_attr attr;
	int err;

	if (_IOC_TYPE(cmd) != BPFSHIM_IOC_MAGIC ||
	    _IOC_DIR(cmd) != (_IOC_READ | _IOC_WRITE))
		return -ENOTTY;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	err = bpfshim_tail_zero(uattr, sizeof(attr), size);
	if (err)
		return err;
	size = min_t(u32, size, sizeof(attr));
	if (copy_from_user(&attr, uattr, size))
		return -EFAULT;
	if (nr >= ARRAY_SIZE(commands) || !commands[nr].fn)
		return -EINVAL;
	c = &commands[nr];
	/* No handler looks behind its end: what lies there must be zero if it
	 * came from the user, and is nobody's otherwise. */
	if (size < c->end)
		memset((u8 *)&attr + size, 0, c->end - size);
	else if (memchr_inv((u8 *)&attr + c->end, 0, size - c->end))
		return -EINVAL;
	return c->fn(&attr, uattr, size);
}

#ifdef CONFIG_COMPAT
static long device_compat_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return device_ioctl(file, cmd, (unsigned long)compat_ptr(arg));
}
#endif

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = device_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl = device_compat_ioctl,
#endif
	.llseek = noop_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "bpfshim",
	.fops = &device_fops,
	.mode = 0600,
};

static int __init bpfshim_init(void)
{
	int err;

	BUILD_BUG_ON(sizeof(union bpfshim_attr) > 256);
	err = bpfshim_ksyms_init();
	if (err)
		return err;
	err = bpfshim_btf_init();
	if (err)
		return err;
	err = bpfshim_objects_init();
	if (err)
		goto btf;
	bpfshim_run_init();
	err = bpfshim_engine_init();
	if (err)
		goto objects;
	err = bpfshim_helpers_init();
	if (err)
		goto engine;
	err = bpfshim_tracepoint_init();
	if (err)
		goto helpers;
	err = bpfshim_pinfs_init();
	if (err)
		goto tracepoint;
	err = misc_register(&device);
	if (err)
		goto pinfs;
	return 0;
pinfs:
	bpfshim_pinfs_exit();
tracepoint:
	bpfshim_tracepoint_exit();
helpers:
	bpfshim_helpers_exit();
engine:
	bpfshim_engine_exit();
objects:
	bpfshim_objects_exit();
btf:
	bpfshim_btf_exit();
	return err;
}

/* No fd of ours is open here, so nothing runs; wait for what is being freed. */
static void __exit bpfshim_exit(void)
{
	misc_deregister(&device);
	bpfshim_pinfs_exit();
	bpfshim_btf_drop_kernel();
	bpfshim_tracepoint_exit();
	bpfshim_objects_exit();
	bpfshim_btf_exit();
	bpfshim_helpers_exit();
	bpfshim_engine_exit();
}

module_init(bpfshim_init);
module_exit(bpfshim_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Linux 6.1's eBPF for kernels without one");
MODULE_VERSION(VERSION);
