/* SPDX-License-Identifier: GPL-2.0 */
/* Cgroups: directories that tasks lie below. */
#ifndef BPFSHIM_COMPAT_CGROUP_H
#define BPFSHIM_COMPAT_CGROUP_H

#include <linux/cgroup.h>

/*
 * A cgroup that is referred to.  Owner: who got it.  Immutable.
 * With a version 2 hierarchy one of that, as on 6.1; on kernels that have only
 * version 1 a directory of any hierarchy, systemd's without controllers too.
 */
struct bpfshim_cgroup;

/* The cgroup whose directory that fd is: -EBADF: it is none; -EOPNOTSUPP: the
 * kernel does not show which its tasks are in; -ENOMEM.  Process context. */
struct bpfshim_cgroup *bpfshim_cgroup_get(int fd);
/* Process context; waits until no program looks at it. */
void bpfshim_cgroup_put(struct bpfshim_cgroup *cg);
/* Is the running task in it, or below?  Any context, in a program. */
bool bpfshim_current_under(const struct bpfshim_cgroup *cg);

/*
 * Ids in the version 2 hierarchy: of the running task's cgroup, and of the one
 * at a level above it, 0: so deep it does not lie.  Where there is no such
 * hierarchy all tasks are in its root, as 6.1 sees those that nobody moved.
 */
u64 bpfshim_cgroup_id(void);
u64 bpfshim_ancestor_cgroup_id(int level);

#endif /* BPFSHIM_COMPAT_CGROUP_H */
