// SPDX-License-Identifier: GPL-2.0
/* The program's own BTF records: functions and lines must fit its shape. */
#include "env.h"
#include "btf.h"

#define KIND_FUNC	12

static u32 kind_of(const struct bpfshim_btf_type *t)
{
	return (t->info >> 24) & 0x1f;
}

static int check_funcs(struct vrf_env *env)
{
	const struct bpfshim_vrf_prog *p = env->prog;
	u32 i;

	if (p->func_info_cnt != env->nr_subs) {
		bpfshim_ver_log(env, "number of funcs in func_info doesn't match number of subprogs\n");
		return -EINVAL;
	}
	for (i = 0; i < p->func_info_cnt; i++) {
		const struct bpfshim_func_info *f = &p->func_info[i];
		const struct bpfshim_btf_type *t;

		if (!i && f->insn_off) {
			bpfshim_ver_log(env, "nonzero insn_off %u for the first func info record\n", f->insn_off);
			return -EINVAL;
		}
		if (i && f->insn_off <= f[-1].insn_off) {
			bpfshim_ver_log(env, "same or smaller insn offset (%u) than previous func info record (%u)\n",
					f->insn_off, f[-1].insn_off);
			return -EINVAL;
		}
		if (env->subs[i].start != f->insn_off) {
			bpfshim_ver_log(env, "func_info BTF section doesn't match subprog layout in BPF program\n");
			return -EINVAL;
		}
		t = bpfshim_btf_type(p->btf, f->type_id);
		if (!t || kind_of(t) != KIND_FUNC) {
			bpfshim_ver_log(env, "invalid type id %u in func info\n", f->type_id);
			return -EINVAL;
		}
		env->subs[i].func_info = i;
	}
	return 0;
}

static int check_lines(struct vrf_env *env)
{
	const struct bpfshim_vrf_prog *p = env->prog;
	u32 i, s = 0, prev = 0;

	for (i = 0; i < p->line_info_cnt; i++) {
		const struct bpfshim_line_info *l = &p->line_info[i];

		if ((i && l->insn_off <= prev) || l->insn_off >= env->len) {
			bpfshim_ver_log(env, "Invalid line_info[%u].insn_off:%u (prev_offset:%u prog->len:%u)\n",
					i, l->insn_off, prev, env->len);
			return -EINVAL;
		}
		if (!env->insns[l->insn_off].code) {
			bpfshim_ver_log(env, "Invalid insn code at line_info[%u].insn_off\n", i);
			return -EINVAL;
		}
		if (!bpfshim_btf_name(p->btf, l->line_off) || !bpfshim_btf_name(p->btf, l->file_name_off)) {
			bpfshim_ver_log(env, "Invalid line_info[%u].line_off or .file_name_off\n", i);
			return -EINVAL;
		}
		if (s < env->nr_subs) {
			if (l->insn_off == env->subs[s].start) {
				s++;
			} else if (env->subs[s].start < l->insn_off) {
				bpfshim_ver_log(env, "missing bpf_line_info for func#%u\n", s);
				return -EINVAL;
			}
		}
		prev = l->insn_off;
	}
	if (s != env->nr_subs) {
		bpfshim_ver_log(env, "missing bpf_line_info for %u funcs starting from func#%u\n",
				env->nr_subs - s, s);
		return -EINVAL;
	}
	return 0;
}

int bpfshim_ver_check_info(struct vrf_env *env)
{
	const struct bpfshim_vrf_prog *p = env->prog;
	int err = 0;

	if (!p->func_info_cnt && !p->line_info_cnt)
		return 0;
	if (!p->btf)
		return -EINVAL;
	if (p->func_info_cnt)
		err = check_funcs(env);
	if (!err && p->line_info_cnt)
		err = check_lines(env);
	return err;
}
