// SPDX-License-Identifier: GPL-2.0
/* Program objects: fds, references, the end of a program. */
#include "internal.h"

static void prog_free(struct bpfshim_obj *obj)
{
	struct bpfshim_prog *prog = container_of(obj, struct bpfshim_prog, obj);
	u32 i;

	bpfshim_prog_unlink(prog);
	bpfshim_vrf_result_free(&prog->vrf, &bpfshim_mem_ops, NULL);
	for (i = 0; i < prog->nr_used_maps; i++)
		bpfshim_map_put(prog->used_maps[i]);
	bpfshim_kvfree(prog->used_maps);
	bpfshim_kvfree(prog->func_info);
	if (prog->btf)
		bpfshim_btf_put(prog->btf);
	if (prog->stats)
		free_percpu(prog->stats);
	bpfshim_mem_charge(-prog->mem);
	bpfshim_kvfree(prog);
}

struct bpfshim_prog *bpfshim_prog_alloc(void)
{
	struct bpfshim_prog *prog = bpfshim_kvzalloc(sizeof(*prog));

	if (!prog)
		return NULL;
	prog->stats = bpfshim_should_fail() ? NULL : alloc_percpu(struct bpfshim_prog_stats);
	if (!prog->stats) {
		bpfshim_kvfree(prog);
		return NULL;
	}
	mutex_init(&prog->maps_lock);
	INIT_LIST_HEAD(&prog->run_list);
	bpfshim_obj_init(&prog->obj, BPFSHIM_OBJ_PROG, prog_free);
	return prog;
}

void bpfshim_prog_get(struct bpfshim_prog *prog)
{
	bpfshim_obj_get(&prog->obj);
}

void bpfshim_prog_put(struct bpfshim_prog *prog)
{
	bpfshim_obj_put(&prog->obj);
}

static int prog_release(struct inode *inode, struct file *file)
{
	bpfshim_prog_put(file->private_data);
	return 0;
}

BPFSHIM_FDINFO(prog_fdinfo, m, file)
{
	struct bpfshim_prog *prog = file->private_data;
	struct bpfshim_prog_stats st;
	int i;

	bpfshim_prog_stats_sum(prog, &st);
	seq_printf(m, "prog_type:\t%u\nprog_jited:\t%u\nprog_tag:\t",
		   prog->type, prog->xprog.native ? 1 : 0);
	for (i = 0; i < BPFSHIM_TAG_SIZE; i++)
		seq_printf(m, "%02x", prog->tag[i]);
	seq_printf(m, "\nmemlock:\t%llu\nprog_id:\t%u\nrun_time_ns:\t%llu\n"
		   "run_cnt:\t%llu\nrecursion_misses:\t%llu\nverified_insns:\t%u\n",
		   (unsigned long long)PAGE_ALIGN(prog->mem), prog->obj.id,
		   st.nsecs, st.cnt, st.misses, prog->verified_insns);
	BPFSHIM_FDINFO_END;
}

/* read and write make the fd look as a native one does to stat tools. */
static ssize_t no_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	return -EINVAL;
}

static ssize_t no_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	return -EINVAL;
}

const struct file_operations bpfshim_prog_fops = {
	.owner = THIS_MODULE,
	.release = prog_release,
	.show_fdinfo = prog_fdinfo,
	.read = no_read,
	.write = no_write,
};

int bpfshim_prog_new_fd(struct bpfshim_prog *prog)
{
	return bpfshim_new_fd("bpf-prog", &bpfshim_prog_fops, prog,
				O_RDWR | O_CLOEXEC);
}

struct bpfshim_prog *bpfshim_prog_from_fd(int fd)
{
	struct bpfshim_prog *prog = ERR_PTR(-EINVAL);
	struct file *file = fget(fd);

	if (!file)
		return ERR_PTR(-EBADF);
	if (file->f_op == &bpfshim_prog_fops) {
		prog = file->private_data;
		bpfshim_prog_get(prog);
	}
	fput(file);
	return prog;
}

long bpfshim_cmd_prog_bind_map(union bpfshim_attr *attr, void __user *uattr, u32 size)
{
	struct bpfshim_map **maps, *map;
	struct bpfshim_prog *prog;
	long ret = 0;
	u32 i;

	if (attr->prog_bind_map.flags)
		return -EINVAL;
	prog = bpfshim_prog_from_fd(attr->prog_bind_map.prog_fd);
	if (IS_ERR(prog))
		return PTR_ERR(prog);
	map = bpfshim_map_from_fd(attr->prog_bind_map.map_fd);
	if (IS_ERR(map)) {
		bpfshim_prog_put(prog);
		return PTR_ERR(map);
	}
	mutex_lock(&prog->maps_lock);
	for (i = 0; i < prog->nr_used_maps; i++)
		if (prog->used_maps[i] == map)
			goto drop;
	ret = -ENOMEM;
	maps = bpfshim_kvzalloc((prog->nr_used_maps + 1) * sizeof(*maps));
	if (!maps)
		goto drop;
	if (prog->nr_used_maps)
		memcpy(maps, prog->used_maps, prog->nr_used_maps * sizeof(*maps));
	maps[prog->nr_used_maps] = map;
	bpfshim_kvfree(prog->used_maps);
	prog->used_maps = maps;
	prog->nr_used_maps++;
	mutex_unlock(&prog->maps_lock);
	bpfshim_prog_put(prog);
	return 0;
drop:
	mutex_unlock(&prog->maps_lock);
	bpfshim_map_put(map);
	bpfshim_prog_put(prog);
	return ret;
}
