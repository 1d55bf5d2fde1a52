// SPDX-License-Identifier: GPL-2.0
#include "owned.h"

static void set(struct bpfshim_owned **slot, struct bpfshim_owned *n)
{
	__atomic_store_n(slot, n, __ATOMIC_RELEASE);
}

static struct bpfshim_owned **slot_of(struct bpfshim_owned **slot, const void *owner)
{
	while (*slot && (*slot)->owner != owner)
		slot = &(*slot)->next;
	return slot;
}

void bpfshim_owned_put(struct bpfshim_owned **chain, struct bpfshim_owned *n, struct bpfshim_owned *old)
{
	struct bpfshim_owned **slot = chain;

	if (old) {
		/* At the same place: a reader sees the one or the other. */
		slot = slot_of(chain, old->owner);
		n->next = old->next;
	} else {
		n->next = *chain;
	}
	set(slot, n);
}

struct bpfshim_owned *bpfshim_owned_take(struct bpfshim_owned **chain, const void *owner)
{
	struct bpfshim_owned **slot = slot_of(chain, owner), *n = *slot;

	if (n)
		set(slot, n->next);
	return n;
}
