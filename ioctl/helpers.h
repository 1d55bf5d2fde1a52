/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only list of helpers: ids, names and prototypes of Linux 6.1's.
 *
 *   H(id, name, flags, types, ret, arg1, arg2, arg3, arg4, arg5)
 *   N(id, name)	a number that is taken; no program type may call it
 *   V(...)		as H: the prototype that some types have instead
 *
 * flags: BPFSHIM_HF_<flags>; types, the programs that may call it:
 * BPFSHIM_HT_<types>; ret and args: kinds of enum bpfshim_ret and enum
 * bpfshim_arg (BPFSHIM_RET_*, BPFSHIM_ARG_*), all in verifier/helpers.h.
 * Whether the driver implements a helper is its own table's matter.
 */
#ifndef BPFSHIM_HELPERS_H
#define BPFSHIM_HELPERS_H

#define BPFSHIM_HELPERS(H, N) \
	N(0, unspec) \
	H(1, map_lookup_elem, PKT, ALL, VALUE_OR_NULL, MAP, KEY, NONE, NONE, NONE) \
	H(2, map_update_elem, PKT, ALL, INT, MAP, KEY, VALUE, ANY, NONE) \
	H(3, map_delete_elem, PKT, ALL, INT, MAP, KEY, NONE, NONE, NONE) \
	H(4, probe_read, GPL, TRACE, INT, UNINIT_MEM, SIZE0, ANY, NONE, NONE) \
	H(5, ktime_get_ns, 0, ALL, INT, NONE, NONE, NONE, NONE, NONE) \
	H(6, trace_printk, GPL, ALL, INT, MEM, SIZE, NONE, NONE, NONE) \
	H(7, get_prandom_u32, 0, ALL, INT, NONE, NONE, NONE, NONE, NONE) \
	H(8, get_smp_processor_id, 0, ALL, INT, NONE, NONE, NONE, NONE, NONE) \
	H(9, skb_store_bytes, 0, SKSKB_TC_XMIT, INT, CTX, ANY, MEM, SIZE, ANY) \
	H(10, l3_csum_replace, 0, TC_XMIT, INT, CTX, ANY, ANY, ANY, ANY) \
	H(11, l4_csum_replace, 0, TC_XMIT, INT, CTX, ANY, ANY, ANY, ANY) \
	H(12, tail_call, 0, ALL, VOID, CTX, MAP, ANY, NONE, NONE) \
	H(13, clone_redirect, 0, TC_XMIT, INT, CTX, ANY, ANY, NONE, NONE) \
	H(14, get_current_pid_tgid, 0, CURRENT, INT, NONE, NONE, NONE, NONE, NONE) \
	H(15, get_current_uid_gid, 0, CURRENT, INT, NONE, NONE, NONE, NONE, NONE) \
	H(16, get_current_comm, 0, COMM, INT, UNINIT_MEM, SIZE, NONE, NONE, NONE) \
	H(17, get_cgroup_classid, 0, CLASSID, INT, CTX, NONE, NONE, NONE, NONE) \
	H(18, skb_vlan_push, 0, TC, INT, CTX, ANY, ANY, NONE, NONE) \
	H(19, skb_vlan_pop, 0, TC, INT, CTX, NONE, NONE, NONE, NONE) \
	H(20, skb_get_tunnel_key, 0, TC_XMIT, INT, CTX, UNINIT_MEM, SIZE, ANY, NONE) \
	H(21, skb_set_tunnel_key, 0, TC_XMIT, INT, CTX, MEM, SIZE, ANY, NONE) \
	H(22, perf_event_read, GPL, TRACE, INT, MAP, ANY, NONE, NONE, NONE) \
	H(23, redirect, 0, TC_XDP_XMIT, INT, ANY, ANY, NONE, NONE, NONE) \
	H(24, get_route_realm, 0, TC_LWT, INT, CTX, NONE, NONE, NONE, NONE) \
	H(25, perf_event_output, GPL, OUTPUT, INT, CTX, MAP, ANY, MEM, SIZE0) \
	H(26, skb_load_bytes, 0, LOAD, INT, CTX, ANY, UNINIT_MEM, SIZE, NONE) \
	H(27, get_stackid, GPL, TRACE, INT, CTX, MAP, ANY, NONE, NONE) \
	H(28, csum_diff, PKT, TC_XDP_LWT, INT, MEM_OR_NULL, SIZE0, MEM_OR_NULL, SIZE0, ANY) \
	H(29, skb_get_tunnel_opt, 0, TC_XMIT, INT, CTX, UNINIT_MEM, SIZE, NONE, NONE) \
	H(30, skb_set_tunnel_opt, 0, TC_XMIT, INT, CTX, MEM, SIZE, NONE, NONE) \
	H(31, skb_change_proto, 0, TC, INT, CTX, ANY, ANY, NONE, NONE) \
	H(32, skb_change_type, 0, TC, INT, CTX, ANY, NONE, NONE, NONE) \
	H(33, skb_under_cgroup, 0, TC_LWT, INT, CTX, MAP, ANY, NONE, NONE) \
	H(34, get_hash_recalc, 0, TC_LWT, INT, CTX, NONE, NONE, NONE, NONE) \
	H(35, get_current_task, GPL, ALL, INT, NONE, NONE, NONE, NONE, NONE) \
	H(36, probe_write_user, GPL, TRACE, INT, ANY, MEM, SIZE, NONE, NONE) \
	H(37, current_task_under_cgroup, 0, TRACE, INT, MAP, ANY, NONE, NONE, NONE) \
	H(38, skb_change_tail, 0, SKSKB_TC_XMIT, INT, CTX, ANY, ANY, NONE, NONE) \
	H(39, skb_pull_data, 0, PULL, INT, CTX, ANY, NONE, NONE, NONE) \
	H(40, csum_update, 0, TC_XMIT, INT, CTX, ANY, NONE, NONE, NONE) \
	H(41, set_hash_invalid, 0, TC_XMIT, INT, CTX, NONE, NONE, NONE, NONE) \
	H(42, get_numa_node_id, 0, ALL, INT, NONE, NONE, NONE, NONE, NONE) \
	H(43, skb_change_head, 0, SKSKB_TC_XMIT, INT, CTX, ANY, ANY, NONE, NONE) \
	H(44, xdp_adjust_head, 0, XDP, INT, CTX, ANY, NONE, NONE, NONE) \
	H(45, probe_read_str, GPL, TRACE, INT, UNINIT_MEM, SIZE0, ANY, NONE, NONE) \
	H(46, get_socket_cookie, 0, COOKIE, INT, CTX, NONE, NONE, NONE, NONE) \
	H(47, get_socket_uid, 0, CGSKB_SKF_SKSKB_TC, INT, CTX, NONE, NONE, NONE, NONE) \
	H(48, set_hash, 0, TC, INT, CTX, ANY, NONE, NONE, NONE) \
	H(49, setsockopt, 0, CGADDR_CGOPT_LSM_OPS, INT, BTF_SOCK, ANY, ANY, MEM, SIZE) \
	H(50, skb_adjust_room, 0, SKSKB_TC, INT, CTX, ANY, ANY, ANY, NONE) \
	H(51, redirect_map, 0, XDP, INT, MAP, ANY, ANY, NONE, NONE) \
	H(52, sk_redirect_map, 0, SKSKB, INT, CTX, MAP, ANY, ANY, NONE) \
	H(53, sock_map_update, PKT, OPS, INT, CTX, MAP, KEY, ANY, NONE) \
	H(54, xdp_adjust_meta, 0, XDP, INT, CTX, ANY, NONE, NONE, NONE) \
	H(55, perf_event_read_value, GPL, TRACE, INT, MAP, ANY, UNINIT_MEM, SIZE, NONE) \
	H(56, perf_prog_read_value, GPL, PERF, INT, CTX, UNINIT_MEM, SIZE, NONE, NONE) \
	H(57, getsockopt, 0, CGADDR_CGOPT_LSM_OPS, INT, BTF_SOCK, ANY, ANY, UNINIT_MEM, SIZE) \
	H(58, override_return, GPL, KPROBE, INT, CTX, ANY, NONE, NONE, NONE) \
	H(59, sock_ops_cb_flags_set, 0, OPS, INT, CTX, ANY, NONE, NONE, NONE) \
	H(60, msg_redirect_map, 0, SKMSG, INT, CTX, MAP, ANY, ANY, NONE) \
	H(61, msg_apply_bytes, 0, SKMSG, INT, CTX, ANY, NONE, NONE, NONE) \
	H(62, msg_cork_bytes, 0, SKMSG, INT, CTX, ANY, NONE, NONE, NONE) \
	H(63, msg_pull_data, 0, SKMSG, INT, CTX, ANY, ANY, ANY, NONE) \
	H(64, bind, 0, CGADDR, INT, CTX, MEM, SIZE, NONE, NONE) \
	H(65, xdp_adjust_tail, 0, XDP, INT, CTX, ANY, NONE, NONE, NONE) \
	H(66, skb_get_xfrm_state, 0, TC, INT, CTX, ANY, UNINIT_MEM, SIZE, ANY) \
	H(67, get_stack, GPL, TRACE, INT, CTX, MEM, SIZE0, ANY, NONE) \
	H(68, skb_load_bytes_relative, 0, CGSKB_REUSE_SKF_TC, INT, CTX, ANY, UNINIT_MEM, SIZE, ANY) \
	H(69, fib_lookup, GPL, TC_XDP, INT, CTX, RW_MEM, SIZE, ANY, NONE) \
	H(70, sock_hash_update, PKT, OPS, INT, CTX, MAP, KEY, ANY, NONE) \
	H(71, msg_redirect_hash, 0, SKMSG, INT, CTX, MAP, KEY, ANY, NONE) \
	H(72, sk_redirect_hash, 0, SKSKB, INT, CTX, MAP, KEY, ANY, NONE) \
	H(73, lwt_push_encap, 0, LWTIN_XMIT, INT, CTX, ANY, MEM, SIZE, NONE) \
	H(74, lwt_seg6_store_bytes, 0, SEG6, INT, CTX, ANY, MEM, SIZE, NONE) \
	H(75, lwt_seg6_adjust_srh, 0, SEG6, INT, CTX, ANY, ANY, NONE, NONE) \
	H(76, lwt_seg6_action, 0, SEG6, INT, CTX, ANY, MEM, SIZE, NONE) \
	N(77, rc_repeat) \
	N(78, rc_keydown) \
	H(79, skb_cgroup_id, 0, CGSKB_TC, INT, CTX, NONE, NONE, NONE, NONE) \
	H(80, get_current_cgroup_id, 0, CURRENT, INT, NONE, NONE, NONE, NONE, NONE) \
	H(81, get_local_storage, 0, CGROUP, VALUE, MAP, ANY, NONE, NONE, NONE) \
	H(82, sk_select_reuseport, 0, REUSE, INT, CTX, MAP, KEY, ANY, NONE) \
	H(83, skb_ancestor_cgroup_id, 0, CGSKB_TC, INT, CTX, ANY, NONE, NONE, NONE) \
	H(84, sk_lookup_tcp, PKT, SKFIND, SOCK_OR_NULL, CTX, MEM, SIZE, ANY, ANY) \
	H(85, sk_lookup_udp, PKT, SKFIND, SOCK_OR_NULL, CTX, MEM, SIZE, ANY, ANY) \
	H(86, sk_release, 0, SKREL, INT, BTF_SOCK_RELEASE, NONE, NONE, NONE, NONE) \
	H(87, map_push_elem, PKT, ALL, INT, MAP, VALUE, ANY, NONE, NONE) \
	H(88, map_pop_elem, 0, ALL, INT, MAP, UNINIT_VALUE, NONE, NONE, NONE) \
	H(89, map_peek_elem, 0, ALL, INT, MAP, UNINIT_VALUE, NONE, NONE, NONE) \
	H(90, msg_push_data, 0, SKMSG, INT, CTX, ANY, ANY, ANY, NONE) \
	H(91, msg_pop_data, 0, SKMSG, INT, CTX, ANY, ANY, ANY, NONE) \
	N(92, rc_pointer_rel) \
	H(93, spin_lock, 0, ALL, VOID, SPIN_LOCK, NONE, NONE, NONE, NONE) \
	H(94, spin_unlock, 0, ALL, VOID, SPIN_LOCK, NONE, NONE, NONE, NONE) \
	H(95, sk_fullsock, 0, CGSKB_TC, SOCK_OR_NULL, SOCK_COMMON, NONE, NONE, NONE, NONE) \
	H(96, tcp_sock, 0, CGOPT_CGSKB_OPS_TC, TCP_SOCK_OR_NULL, SOCK_COMMON, NONE, NONE, NONE, NONE) \
	H(97, skb_ecn_set_ce, 0, CGSKB_TC, INT, CTX, NONE, NONE, NONE, NONE) \
	H(98, get_listener_sock, 0, CGSKB_TC, SOCK_OR_NULL, SOCK_COMMON, NONE, NONE, NONE, NONE) \
	H(99, skc_lookup_tcp, PKT, SKFIND, SOCK_COMMON_OR_NULL, CTX, MEM, SIZE, ANY, ANY) \
	H(100, tcp_check_syncookie, GPL_PKT, TC_XDP, INT, BTF_SOCK, MEM, SIZE, MEM, SIZE) \
	H(101, sysctl_get_name, 0, CGCTL, INT, CTX, RW_MEM, SIZE, ANY, NONE) \
	H(102, sysctl_get_current_value, 0, CGCTL, INT, CTX, UNINIT_MEM, SIZE, NONE, NONE) \
	H(103, sysctl_get_new_value, 0, CGCTL, INT, CTX, UNINIT_MEM, SIZE, NONE, NONE) \
	H(104, sysctl_set_new_value, 0, CGCTL, INT, CTX, MEM, SIZE, NONE, NONE) \
	H(105, strtol, 0, ALL, INT, MEM, SIZE, ANY, OUT8, NONE) \
	H(106, strtoul, 0, ALL, INT, MEM, SIZE, ANY, OUT8, NONE) \
	H(107, sk_storage_get, 0, STORAGE, VALUE_OR_NULL, MAP, BTF_SOCK, VALUE_OR_NULL, ANY, NONE) \
	H(108, sk_storage_delete, 0, STORAGE_DEL, INT, MAP, BTF_SOCK, NONE, NONE, NONE) \
	H(109, send_signal, 0, TRACE, INT, ANY, NONE, NONE, NONE, NONE) \
	H(110, tcp_gen_syncookie, GPL_PKT, TC_XDP, INT, BTF_SOCK, MEM, SIZE, MEM, SIZE) \
	H(111, skb_output, GPL, BTFTRACE, INT, BTF_SK_BUFF, MAP, ANY, MEM, SIZE0) \
	H(112, probe_read_user, GPL, ALL, INT, UNINIT_MEM, SIZE0, ANY, NONE, NONE) \
	H(113, probe_read_kernel, GPL, ALL, INT, UNINIT_MEM, SIZE0, ANY, NONE, NONE) \
	H(114, probe_read_user_str, GPL, ALL, INT, UNINIT_MEM, SIZE0, ANY, NONE, NONE) \
	H(115, probe_read_kernel_str, GPL, ALL, INT, UNINIT_MEM, SIZE0, ANY, NONE, NONE) \
	N(116, tcp_send_ack) \
	H(117, send_signal_thread, 0, TRACE, INT, ANY, NONE, NONE, NONE, NONE) \
	H(118, jiffies64, 0, ALL, INT, NONE, NONE, NONE, NONE, NONE) \
	H(119, read_branch_records, GPL, PERF, INT, CTX, RW_MEM_OR_NULL, SIZE0, ANY, NONE) \
	H(120, get_ns_current_pid_tgid, 0, TRACE, INT, ANY, ANY, UNINIT_MEM, SIZE, NONE) \
	H(121, xdp_output, GPL, BTFTRACE, INT, BTF_XDP_BUFF, MAP, ANY, MEM, SIZE0) \
	H(122, get_netns_cookie, 0, CGADDR_CGOPT_CGSOCK_OPS_SKMSG, INT, CTX_OR_NULL, NONE, NONE, NONE, NONE) \
	H(123, get_current_ancestor_cgroup_id, 0, CURRENT, INT, ANY, NONE, NONE, NONE, NONE) \
	H(124, sk_assign, 0, LOOKUP_TC, INT, CTX, BTF_SOCK, ANY, NONE, NONE) \
	H(125, ktime_get_boot_ns, 0, ALL, INT, NONE, NONE, NONE, NONE, NONE) \
	H(126, seq_printf, GPL, BTFTRACE, INT, BTF_SEQ_FILE, MEM, SIZE, MEM_OR_NULL, SIZE0) \
	H(127, seq_write, GPL, BTFTRACE, INT, BTF_SEQ_FILE, MEM, SIZE0, NONE, NONE) \
	H(128, sk_cgroup_id, 0, CGSKB, INT, BTF_SOCK, NONE, NONE, NONE, NONE) \
	H(129, sk_ancestor_cgroup_id, 0, CGSKB, INT, BTF_SOCK, ANY, NONE, NONE, NONE) \
	H(130, ringbuf_output, 0, ALL, INT, MAP, MEM, SIZE0, ANY, NONE) \
	H(131, ringbuf_reserve, 0, ALL, ALLOC_MEM_OR_NULL, MAP, ALLOC_SIZE, ANY, NONE, NONE) \
	H(132, ringbuf_submit, 0, ALL, VOID, ALLOC_MEM, ANY, NONE, NONE, NONE) \
	H(133, ringbuf_discard, 0, ALL, VOID, ALLOC_MEM, ANY, NONE, NONE, NONE) \
	H(134, ringbuf_query, 0, ALL, INT, MAP, ANY, NONE, NONE, NONE) \
	H(135, csum_level, 0, TC_XMIT, INT, CTX, ANY, NONE, NONE, NONE) \
	H(136, skc_to_tcp6_sock, 0, SKBASE, BTF_TCP6, BTF_SOCK, NONE, NONE, NONE, NONE) \
	H(137, skc_to_tcp_sock, 0, SKBASE, BTF_TCP, BTF_SOCK, NONE, NONE, NONE, NONE) \
	H(138, skc_to_tcp_timewait_sock, 0, SKBASE, BTF_TW, BTF_SOCK, NONE, NONE, NONE, NONE) \
	H(139, skc_to_tcp_request_sock, 0, SKBASE, BTF_REQ, BTF_SOCK, NONE, NONE, NONE, NONE) \
	H(140, skc_to_udp6_sock, 0, SKBASE, BTF_UDP6, BTF_SOCK, NONE, NONE, NONE, NONE) \
	H(141, get_task_stack, 0, TRACE, INT, BTF_TASK, UNINIT_MEM, SIZE0, ANY, NONE) \
	H(142, load_hdr_opt, 0, OPS, INT, CTX, W_MEM, SIZE, ANY, NONE) \
	H(143, store_hdr_opt, 0, OPS, INT, CTX, MEM, SIZE, ANY, NONE) \
	H(144, reserve_hdr_opt, 0, OPS, INT, CTX, ANY, ANY, NONE, NONE) \
	H(145, inode_storage_get, 0, LSM, VALUE_OR_NULL, MAP, BTF_INODE, VALUE_OR_NULL, ANY, NONE) \
	H(146, inode_storage_delete, 0, LSM, INT, MAP, BTF_INODE, NONE, NONE, NONE) \
	H(147, d_path, 0, BTFTRACE, INT, BTF_PATH, RW_MEM, SIZE0, NONE, NONE) \
	H(148, copy_from_user, SLEEP, TRACE, INT, UNINIT_MEM, SIZE0, ANY, NONE, NONE) \
	H(149, snprintf_btf, 0, ALL, INT, RW_MEM, SIZE, MEM, SIZE, ANY) \
	H(150, seq_printf_btf, GPL, BTFTRACE, INT, BTF_SEQ_FILE, MEM, SIZE0, ANY, NONE) \
	H(151, skb_cgroup_classid, 0, TC, INT, CTX, NONE, NONE, NONE, NONE) \
	H(152, redirect_neigh, 0, TC, INT, ANY, MEM_OR_NULL, SIZE0, ANY, NONE) \
	H(153, per_cpu_ptr, 0, ALL, PERCPU_OR_NULL, PERCPU_BTF, ANY, NONE, NONE, NONE) \
	H(154, this_cpu_ptr, 0, ALL, PERCPU, PERCPU_BTF, NONE, NONE, NONE, NONE) \
	H(155, redirect_peer, 0, TC, INT, ANY, ANY, NONE, NONE, NONE) \
	H(156, task_storage_get, 0, TRACE, VALUE_OR_NULL, MAP, BTF_TASK, VALUE_OR_NULL, ANY, NONE) \
	H(157, task_storage_delete, 0, TRACE, INT, MAP, BTF_TASK, NONE, NONE, NONE) \
	H(158, get_current_task_btf, GPL, ALL, BTF_TASK, NONE, NONE, NONE, NONE, NONE) \
	H(159, bprm_opts_set, 0, LSM, INT, BTF_BPRM, ANY, NONE, NONE, NONE) \
	H(160, ktime_get_coarse_ns, 0, COARSE, INT, NONE, NONE, NONE, NONE, NONE) \
	H(161, ima_inode_hash, SLEEP, LSM, INT, BTF_INODE, UNINIT_MEM, SIZE, NONE, NONE) \
	H(162, sock_from_file, 0, BTFTRACE, BTF_SOCKET, BTF_FILE, NONE, NONE, NONE, NONE) \
	H(163, check_mtu, GPL, TC_XDP, INT, CTX, ANY, OUT4, ANY, ANY) \
	H(164, for_each_map_elem, 0, ALL, INT, MAP, FUNC, STACK_OR_NULL, ANY, NONE) \
	H(165, snprintf, GPL, ALL, INT, RW_MEM_OR_NULL, SIZE0, CONST_STR, MEM_OR_NULL, SIZE0) \
	H(166, sys_bpf, 0, SYSCALL, INT, ANY, MEM, SIZE, NONE, NONE) \
	H(167, btf_find_by_name_kind, SLEEP, SYSCALL, INT, MEM, SIZE, ANY, ANY, NONE) \
	H(168, sys_close, 0, SYSCALL, INT, ANY, NONE, NONE, NONE, NONE) \
	H(169, timer_init, GPL, ALL, INT, TIMER, MAP, ANY, NONE, NONE) \
	H(170, timer_set_callback, GPL, ALL, INT, TIMER, FUNC, NONE, NONE, NONE) \
	H(171, timer_start, GPL, ALL, INT, TIMER, ANY, ANY, NONE, NONE) \
	H(172, timer_cancel, GPL, ALL, INT, TIMER, NONE, NONE, NONE, NONE) \
	H(173, get_func_ip, GPL, TRACE, INT, CTX, NONE, NONE, NONE, NONE) \
	H(174, get_attach_cookie, 0, ATTACHED, INT, CTX, NONE, NONE, NONE, NONE) \
	H(175, task_pt_regs, GPL, ALL, BTF_PT_REGS, BTF_TASK, NONE, NONE, NONE, NONE) \
	H(176, get_branch_snapshot, GPL, TRACE, INT, UNINIT_MEM, SIZE0, NONE, NONE, NONE) \
	H(177, trace_vprintk, GPL, ALL, INT, MEM, SIZE, MEM_OR_NULL, SIZE0, NONE) \
	H(178, skc_to_unix_sock, 0, SKBASE, BTF_UNIX, BTF_SOCK, NONE, NONE, NONE, NONE) \
	H(179, kallsyms_lookup_name, 0, SYSCALL, INT, RW_MEM, SIZE0, ANY, OUT8, NONE) \
	H(180, find_vma, 0, TRACE, INT, BTF_TASK, ANY, FUNC, STACK_OR_NULL, ANY) \
	H(181, loop, 0, ALL, INT, ANY, FUNC, STACK_OR_NULL, ANY, NONE) \
	H(182, strncmp, 0, ALL, INT, R_MEM, SIZE, CONST_STR, NONE, NONE) \
	H(183, get_func_arg, 0, BTFTRACE, INT, CTX, ANY, OUT8, NONE, NONE) \
	H(184, get_func_ret, 0, BTFTRACE, INT, CTX, OUT8, NONE, NONE, NONE) \
	H(185, get_func_arg_cnt, 0, BTFTRACE, INT, CTX, NONE, NONE, NONE, NONE) \
	H(186, get_retval, 0, CGROUP, INT, NONE, NONE, NONE, NONE, NONE) \
	H(187, set_retval, 0, CGROUP, INT, ANY, NONE, NONE, NONE, NONE) \
	H(188, xdp_get_buff_len, 0, LSM_SYSCALL_TRACING_XDP, INT, BTF_XDP_BUFF, NONE, NONE, NONE, NONE) \
	H(189, xdp_load_bytes, 0, XDP, INT, CTX, ANY, UNINIT_MEM, SIZE, NONE) \
	H(190, xdp_store_bytes, 0, XDP, INT, CTX, ANY, MEM, SIZE, NONE) \
	H(191, copy_from_user_task, GPL_SLEEP, TRACE, INT, UNINIT_MEM, SIZE0, ANY, BTF_TASK, ANY) \
	H(192, skb_set_tstamp, 0, TC, INT, CTX, ANY, ANY, NONE, NONE) \
	H(193, ima_file_hash, SLEEP, LSM, INT, BTF_FILE, UNINIT_MEM, SIZE, NONE, NONE) \
	H(194, kptr_xchg, 0, ALL, BTF_KPTR, KPTR, BTF_OR_NULL_RELEASE, NONE, NONE, NONE) \
	H(195, map_lookup_percpu_elem, PKT, ALL, VALUE_OR_NULL, MAP, KEY, ANY, NONE, NONE) \
	H(196, skc_to_mptcp_sock, 0, SKBASE, BTF_MPTCP, SOCK_COMMON, NONE, NONE, NONE, NONE) \
	H(197, dynptr_from_mem, 0, ALL, INT, UNINIT_MEM, SIZE0, ANY, DYNPTR_LOCAL_UNINIT, NONE) \
	H(198, ringbuf_reserve_dynptr, 0, ALL, INT, MAP, ANY, ANY, DYNPTR_RINGBUF_UNINIT, NONE) \
	H(199, ringbuf_submit_dynptr, 0, ALL, VOID, DYNPTR_RINGBUF_RELEASE, ANY, NONE, NONE, NONE) \
	H(200, ringbuf_discard_dynptr, 0, ALL, VOID, DYNPTR_RINGBUF_RELEASE, ANY, NONE, NONE, NONE) \
	H(201, dynptr_read, 0, ALL, INT, UNINIT_MEM, SIZE0, DYNPTR, ANY, ANY) \
	H(202, dynptr_write, 0, ALL, INT, DYNPTR, ANY, MEM, SIZE0, ANY) \
	H(203, dynptr_data, 0, ALL, DYNPTR_MEM_OR_NULL, DYNPTR, ANY, ALLOC_SIZE, NONE, NONE) \
	H(204, tcp_raw_gen_syncookie_ipv4, GPL_PKT, TC_XDP, INT, IN20, R_MEM, SIZE, NONE, NONE) \
	H(205, tcp_raw_gen_syncookie_ipv6, GPL_PKT, TC_XDP, INT, IN40, R_MEM, SIZE, NONE, NONE) \
	H(206, tcp_raw_check_syncookie_ipv4, GPL_PKT, TC_XDP, INT, IN20, IN20, NONE, NONE, NONE) \
	H(207, tcp_raw_check_syncookie_ipv6, GPL_PKT, TC_XDP, INT, IN40, IN20, NONE, NONE, NONE) \
	H(208, ktime_get_tai_ns, 0, ALL, INT, NONE, NONE, NONE, NONE, NONE) \
	H(209, user_ringbuf_drain, 0, ALL, INT, MAP, FUNC, STACK_OR_NULL, ANY, NONE)

#define BPFSHIM_HELPER_VARIANTS(V) \
	V(17, get_cgroup_classid, 0, CGADDR_CGCTL_CGDEV_CGOPT_CGSOCK_SKMSG, INT, NONE, NONE, NONE, NONE, NONE) \
	V(27, get_stackid, 0, PERF, INT, CTX, MAP, ANY, NONE, NONE) \
	V(46, get_socket_cookie, 0, LSM_REUSE_SYSCALL_TRACING, INT, BTF_SOCK, NONE, NONE, NONE, NONE) \
	V(49, setsockopt, 0, CGADDR_OPS, INT, CTX, ANY, ANY, MEM, SIZE) \
	V(57, getsockopt, 0, CGADDR_OPS, INT, CTX, ANY, ANY, UNINIT_MEM, SIZE) \
	V(67, get_stack, GPL, KPROBE_PERF_TP, INT, CTX, UNINIT_MEM, SIZE0, ANY, NONE) \
	V(84, sk_lookup_tcp, 0, CGADDR, SOCK_OR_NULL, CTX, MEM, SIZE, ANY, ANY) \
	V(85, sk_lookup_udp, 0, CGADDR, SOCK_OR_NULL, CTX, MEM, SIZE, ANY, ANY) \
	V(99, skc_lookup_tcp, 0, CGADDR, SOCK_COMMON_OR_NULL, CTX, MEM, SIZE, ANY, ANY) \
	V(107, sk_storage_get, 0, SYSCALL_TRACING, VALUE_OR_NULL, MAP, BTF_SOCK_TRACE, VALUE_OR_NULL, ANY, NONE) \
	V(107, sk_storage_get, 0, CGSOCK, VALUE_OR_NULL, MAP, CTX, VALUE_OR_NULL, ANY, NONE) \
	V(108, sk_storage_delete, 0, SYSCALL_TRACING, INT, MAP, BTF_SOCK_TRACE, NONE, NONE, NONE) \
	V(124, sk_assign, 0, LOOKUP, INT, CTX, SOCK_OR_NULL, ANY, NONE, NONE) \
	V(188, xdp_get_buff_len, 0, XDP, INT, CTX, NONE, NONE, NONE, NONE)

/* BPFSHIM_HELPER_<name>: the ids */
#define BPFSHIM_HELPER_ID_(id, name, ...) BPFSHIM_HELPER_##name = id,
enum bpfshim_helper_id {
	BPFSHIM_HELPERS(BPFSHIM_HELPER_ID_, BPFSHIM_HELPER_ID_)
	BPFSHIM_HELPER_MAX
};
#undef BPFSHIM_HELPER_ID_

#endif /* BPFSHIM_HELPERS_H */
