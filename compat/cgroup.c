// SPDX-License-Identifier: GPL-2.0
/*
 * Cgroups.  Before version 2 a task's css_set has a list of links, one for each
 * hierarchy, to the cgroup it is in there.  Links come and go under a lock that
 * programs cannot take, and are not kept for RCU.  But while a css_set is the
 * running task's it has its links; so they are read fault-tolerant, from a set
 * that RCU keeps, and count if the task still has that set afterwards.
 */
#include "compat.h"

#define ROOT_ID		1	/* of the version 2 hierarchy's root */

#if BPFSHIM_HAVE_CGROUP_LINKS
#define MAGIC		0x27e0eb	/* of the cgroup file system */
#define HIERARCHIES_MAX	64
#define LEVELS_MAX	64
#define TRIES		4

struct bpfshim_cgroup {
	struct cgroup *cgrp;	/* its dentry is held, and so it stays */
	struct dentry *dentry;
	struct super_block *sb;	/* active */
};

/* What the kernel keeps to itself of a link. */
struct link {
	struct list_head of_cgroup;
	struct cgroup *cgrp;
	struct list_head of_set;
	struct css_set *set;
};

#define PEEK(to, from)	(!bpfshim_read_kernel(&(to), &(from), sizeof(to)))

/* The cgroup that a set has in a hierarchy; NULL: not found, broken: what was
 * read are no links. */
static struct cgroup *cgroup_in(struct css_set *set, const struct cgroupfs_root *root, bool *broken)
{
	struct list_head *pos;
	const struct link *at;
	struct cgroupfs_root *of;
	struct link l;
	u32 i;

	*broken = !PEEK(pos, set->cg_links.next);
	for (i = 0; !*broken && i < HIERARCHIES_MAX && pos != &set->cg_links; i++) {
		at = container_of(pos, struct link, of_set);
		*broken = !PEEK(l, *at) || l.set != set || !PEEK(of, l.cgrp->root);
		if (!*broken && of == root)
			return l.cgrp;
		pos = l.of_set.next;
	}
	return NULL;
}

static bool current_in(const struct cgroup *want, const struct cgroupfs_root *root, bool *broken)
{
	struct css_set *set = NULL;
	struct cgroup *cgrp = NULL;
	u32 i;

	for (i = 0; i < TRIES; i++) {
		set = READ_ONCE(current->cgroups);
		cgrp = cgroup_in(set, root, broken);
		smp_rmb();
		if (READ_ONCE(current->cgroups) == set)
			break;
	}
	for (i = 0; i < LEVELS_MAX && cgrp; i++) {
		if (cgrp == want)
			return true;
		if (!PEEK(cgrp, cgrp->parent))
			break;
	}
	return false;
}

struct bpfshim_cgroup *bpfshim_cgroup_get(int fd)
{
	struct file *file = fget(fd);
	struct bpfshim_cgroup *cg;
	struct dentry *dentry;
	struct cgroup *cgrp;
	bool broken;

	if (!file)
		return ERR_PTR(-EBADF);
	dentry = file->f_path.dentry;
	cgrp = dentry->d_fsdata;
	cg = ERR_PTR(-EBADF);
	if (dentry->d_sb->s_magic != MAGIC || !dentry->d_inode || !S_ISDIR(dentry->d_inode->i_mode) || !cgrp)
		goto out;
	/* Each task is in each hierarchy: else this is not how links look. */
	cg = ERR_PTR(-EOPNOTSUPP);
	rcu_read_lock();
	broken = !cgroup_in(READ_ONCE(current->cgroups), cgrp->root, &broken);
	rcu_read_unlock();
	if (broken)
		goto out;
	cg = bpfshim_kzalloc(sizeof(*cg), GFP_KERNEL);
	if (!cg) {
		cg = ERR_PTR(-ENOMEM);
		goto out;
	}
	cg->cgrp = cgrp;
	cg->dentry = dget(dentry);
	cg->sb = dentry->d_sb;
	atomic_inc(&cg->sb->s_active);
out:
	fput(file);
	return cg;
}

void bpfshim_cgroup_put(struct bpfshim_cgroup *cg)
{
	bpfshim_sync_handlers();
	dput(cg->dentry);
	deactivate_super(cg->sb);
	bpfshim_kfree(cg);
}

bool bpfshim_current_under(const struct bpfshim_cgroup *cg)
{
	bool broken;

	return current_in(cg->cgrp, cg->cgrp->root, &broken);
}
#elif BPFSHIM_HAVE_TASK_CGROUP_ID && BPFSHIM_HAVE_EXPORT_CGROUP_GET_FROM_FD
/* It is the kernel's own. */
struct bpfshim_cgroup *bpfshim_cgroup_get(int fd)
{
	return (struct bpfshim_cgroup *)cgroup_get_from_fd(fd);
}

void bpfshim_cgroup_put(struct bpfshim_cgroup *cg)
{
	/* Freed after a grace period. */
	cgroup_put((struct cgroup *)cg);
}

bool bpfshim_current_under(const struct bpfshim_cgroup *cg)
{
	return task_under_cgroup_hierarchy(current, (struct cgroup *)cg);
}
#else
struct bpfshim_cgroup *bpfshim_cgroup_get(int fd)
{
	return ERR_PTR(-EBADF);
}

void bpfshim_cgroup_put(struct bpfshim_cgroup *cg)
{
}

bool bpfshim_current_under(const struct bpfshim_cgroup *cg)
{
	return false;
}
#endif

#if BPFSHIM_HAVE_TASK_CGROUP_ID
u64 bpfshim_cgroup_id(void)
{
	u64 id;

	rcu_read_lock();
	id = cgroup_id(task_dfl_cgroup(current));
	rcu_read_unlock();
	return id;
}

u64 bpfshim_ancestor_cgroup_id(int level)
{
	struct cgroup *cgrp;
	u64 id = 0;

	rcu_read_lock();
	cgrp = cgroup_ancestor(task_dfl_cgroup(current), level);
	if (cgrp)
		id = cgroup_id(cgrp);
	rcu_read_unlock();
	return id;
}
#else
u64 bpfshim_cgroup_id(void)
{
	return ROOT_ID;
}

u64 bpfshim_ancestor_cgroup_id(int level)
{
	return level ? 0 : ROOT_ID;
}
#endif
