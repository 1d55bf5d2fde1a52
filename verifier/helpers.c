// SPDX-License-Identifier: GPL-2.0
#include "helpers.h"

#define H_ROW(id, name, gpl, types, ret, a1, a2, a3, a4, a5) \
	[id] = { #name, true, gpl, BPFSHIM_HT_##types, BPFSHIM_RET_##ret, \
		 { BPFSHIM_ARG_##a1, BPFSHIM_ARG_##a2, BPFSHIM_ARG_##a3, BPFSHIM_ARG_##a4, BPFSHIM_ARG_##a5 } },
#define N_ROW(id, name) [id] = { #name, false, false, 0, 0, { 0 } },

static const struct vrf_helper helpers[] = {
	BPFSHIM_HELPERS(H_ROW, N_ROW)
};

const struct vrf_helper *bpfshim_ver_helper_of(s32 id)
{
	if (id < 0 || id >= (s32)ARRAY_SIZE(helpers) || !helpers[id].name)
		return NULL;
	return &helpers[id];
}
