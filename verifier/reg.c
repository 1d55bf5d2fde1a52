// SPDX-License-Identifier: GPL-2.0
/* Single registers. */
#include "env.h"

#define UNKNOWN {					\
	.t = { 0, VRF_U64_MAX },			\
	.smin = VRF_S64_MIN, .smax = VRF_S64_MAX,	\
	.umin = 0, .umax = VRF_U64_MAX,			\
	.s32min = (s32)0x80000000, .s32max = 0x7fffffff, \
	.u32min = 0, .u32max = 0xffffffff,		\
}

static const struct vrf_reg none = { .kind = VK_NONE, .n = UNKNOWN };
static const struct vrf_reg unknown = { .kind = VK_SCALAR, .n = UNKNOWN };

void bpfshim_v_reg_none(struct vrf_reg *r)
{
	*r = none;
}

void bpfshim_v_reg_unknown(struct vrf_reg *r)
{
	*r = unknown;
}

void bpfshim_v_reg_const(struct vrf_reg *r, u64 v)
{
	memset(r, 0, sizeof(*r));
	r->kind = VK_SCALAR;
	bpfshim_num_const(&r->n, v);
}

void bpfshim_v_reg_ptr(struct vrf_reg *r, u32 kind, u32 flags)
{
	memset(r, 0, sizeof(*r));
	r->kind = (u8)kind;
	r->flags = (u8)flags;
	bpfshim_num_const(&r->n, 0);
}

/* What a maybe-NULL pointer is once it is known not to be NULL. */
void bpfshim_v_reg_not_null(struct vrf_reg *r)
{
	const struct bpfshim_vrf_map *map = r->u.map;

	r->flags &= ~VF_NULL;
	if (r->kind != VK_MAP_VALUE)
		return;
	if (map->inner) {
		r->kind = VK_CONST_MAP;
		r->u.map = map->inner;
		/* Each lookup may give another map: timers must not mix them up. */
		if (map->inner->timer_off >= 0)
			r->uid = r->id;
	} else if (map->map_type == BPFSHIM_MAP_TYPE_XSKMAP) {
		r->kind = VK_XDP_SOCK;
	} else if (map->map_type == BPFSHIM_MAP_TYPE_SOCKMAP ||
		   map->map_type == BPFSHIM_MAP_TYPE_SOCKHASH) {
		r->kind = VK_SOCK;
	}
	if (r->kind != VK_MAP_VALUE && r->kind != VK_CONST_MAP)
		r->u.raw = 0;
}

bool bpfshim_v_reg_same(const struct vrf_reg *a, const struct vrf_reg *b)
{
	return !memcmp(a, b, sizeof(*a));
}
