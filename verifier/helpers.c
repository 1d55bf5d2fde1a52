// SPDX-License-Identifier: GPL-2.0
/* The table of helpers, made of ioctl/helpers.h. */
#include "env.h"

#define ROW(id_, name_, flags_, types_, ret_, a1, a2, a3, a4, a5) {	\
		.id = id_, .name = "bpf_" #name_,			\
		.types = BPFSHIM_HT_##types_,				\
		.flags = BPFSHIM_HF_##flags_,				\
		.ret = BPFSHIM_RET_##ret_,				\
		.arg = { BPFSHIM_ARG_##a1, BPFSHIM_ARG_##a2,		\
			 BPFSHIM_ARG_##a3, BPFSHIM_ARG_##a4,		\
			 BPFSHIM_ARG_##a5 },				\
	},
#define NOBODY(id_, name_) { .id = id_, .name = "bpf_" #name_ },

static const struct vrf_helper table[] = {
	BPFSHIM_HELPERS(ROW, NOBODY)
};
static const struct vrf_helper variants[] = {
	BPFSHIM_HELPER_VARIANTS(ROW)
};

const struct vrf_helper *bpfshim_v_helper_proto(s32 id, u32 prog_type)
{
	u32 bit = prog_type < 32 ? 1u << prog_type : 0, i;

	if (id < 0 || (u32)id >= ARRAY_SIZE(table) || !(table[id].types & bit))
		return NULL;
	for (i = 0; i < ARRAY_SIZE(variants); i++)
		if (variants[i].id == id && (variants[i].types & bit))
			return &variants[i];
	return &table[id];
}

const char *bpfshim_v_helper_name(s32 id)
{
	if (id < 0 || (u32)id >= ARRAY_SIZE(table))
		return "unknown";
	return table[id].name;
}

bool bpfshim_v_is_cb_helper(s32 id)
{
	return id == BPFSHIM_HELPER_for_each_map_elem || id == BPFSHIM_HELPER_timer_set_callback ||
	       id == BPFSHIM_HELPER_find_vma || id == BPFSHIM_HELPER_loop ||
	       id == BPFSHIM_HELPER_user_ringbuf_drain;
}
