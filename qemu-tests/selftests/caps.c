// SPDX-License-Identifier: Apache-2.0
/*
 * test_verifier wants CAP_BPF and CAP_PERFMON, which 3.10 does not know, and
 * gives CAP_SYS_ADMIN up, which the device asks for.  These take the place of
 * its cap_helpers.c: it runs as the root it is, and the shim is told when it
 * would be nobody.  Natively it becomes nobody, if BPFSHIM_UNPRIV is set.
 */
#include <linux/capability.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

extern bool shim_unprivileged;
int cap_enable_effective(__u64 caps, __u64 *old_caps);
int cap_disable_effective(__u64 caps, __u64 *old_caps);

static int set(__u64 caps, bool on)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];
	int i;

	memset(data, 0, sizeof(data));
	if (syscall(SYS_capget, &head, data))
		return -1;
	for (i = 0; i < 2; i++) {
		__u32 bits = (__u32)(caps >> (32 * i));

		data[i].effective = on ? data[i].effective | bits : data[i].effective & ~bits;
	}
	return (int)syscall(SYS_capset, &head, data);
}

static int change(__u64 caps, __u64 *old_caps, bool on)
{
	if (old_caps)
		*old_caps = ~(__u64)0;
	if (!caps || !getenv("BPFSHIM_UNPRIV"))
		return 0;
	shim_unprivileged = !on;
	return getenv("BPFSHIM_NATIVE") ? set(caps, on) : 0;
}

int cap_enable_effective(__u64 caps, __u64 *old_caps)
{
	return change(caps, old_caps, true);
}

int cap_disable_effective(__u64 caps, __u64 *old_caps)
{
	return change(caps, old_caps, false);
}
