/* SPDX-License-Identifier: GPL-2.0 */
/* Files: fdinfo's signature, poll's type, names of anon inodes. */
#ifndef BPFSHIM_COMPAT_FS_H
#define BPFSHIM_COMPAT_FS_H

#if BPFSHIM_HAVE_POLL_T
typedef __poll_t bpfshim_poll_t;
#else
typedef unsigned int bpfshim_poll_t;
#endif

/* Body of a show_fdinfo: BPFSHIM_FDINFO(name, m, file) { ...; BPFSHIM_FDINFO_END; } */
#if BPFSHIM_HAVE_FDINFO_VOID
#define BPFSHIM_FDINFO(fn, m, f)	static void fn(struct seq_file *m, struct file *f)
#define BPFSHIM_FDINFO_END		do { } while (0)
#else
#define BPFSHIM_FDINFO(fn, m, f)	static int fn(struct seq_file *m, struct file *f)
#define BPFSHIM_FDINFO_END		return 0
#endif

/* A new fd of an anonymous inode; -EMFILE, -ENOMEM.  May sleep. */
static inline int bpfshim_new_fd(const char *name, const struct file_operations *ops, void *data, int flags)
{
	return bpfshim_should_fail() ? -ENOMEM : anon_inode_getfd(name, ops, data, flags);
}

/* A file of another task's table, +1; NULL. */
struct file *bpfshim_fget_task(struct task_struct *task, unsigned int fd);

#endif /* BPFSHIM_COMPAT_FS_H */
