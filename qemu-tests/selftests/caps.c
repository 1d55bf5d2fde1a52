// SPDX-License-Identifier: Apache-2.0
/*
 * test_verifier wants CAP_BPF and CAP_PERFMON, which 3.10 does not know, and
 * gives CAP_SYS_ADMIN up, which the device asks for.  These take the place of
 * its cap_helpers.c: it runs as the root it is.
 */
#include <linux/types.h>

int cap_enable_effective(__u64 caps, __u64 *old_caps);
int cap_disable_effective(__u64 caps, __u64 *old_caps);

int cap_enable_effective(__u64 caps, __u64 *old_caps)
{
	(void)caps;
	if (old_caps)
		*old_caps = ~(__u64)0;
	return 0;
}

int cap_disable_effective(__u64 caps, __u64 *old_caps)
{
	return cap_enable_effective(caps, old_caps);
}
