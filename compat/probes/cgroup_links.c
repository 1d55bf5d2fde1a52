/* SPDX-License-Identifier: GPL-2.0 */
/* Cgroups are directories with dentries, a task's are linked to its css_set. */
#include <linux/cgroup.h>
#include <linux/sched.h>
struct cgroup *probe(struct task_struct *t, struct cgroup *c);
struct cgroup *probe(struct task_struct *t, struct cgroup *c)
{
	return t->cgroups->cg_links.next && c->dentry && c->root->sb && c->root->hierarchy_id ? c->parent : NULL;
}
