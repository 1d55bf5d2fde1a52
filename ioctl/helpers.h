/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only list of helpers: ids and names of Linux 6.1, and of those that the
 * verifier knows the prototype.
 *
 *   H(id, name, gpl_only, types, ret, arg1, arg2, arg3, arg4, arg5)
 *   N(id, name)	a number that is taken; calling it is refused
 *
 * types: which programs may call it (BPFSHIM_HT_<types>); ret and args name
 * kinds of enum bpfshim_ret and enum bpfshim_arg in verifier/helpers.h.
 * The driver's table takes every H row that has an implementation.
 */
#ifndef BPFSHIM_HELPERS_H
#define BPFSHIM_HELPERS_H

#define BPFSHIM_HELPERS(H, N) \
	N(0, unspec) \
	H(1, map_lookup_elem, 0, ALL, VALUE_OR_NULL, MAP, KEY, NONE, NONE, NONE) \
	H(2, map_update_elem, 0, ALL, INT, MAP, KEY, VALUE, ANY, NONE) \
	H(3, map_delete_elem, 0, ALL, INT, MAP, KEY, NONE, NONE, NONE) \
	H(4, probe_read, 1, TRACE, INT, UNINIT_MEM, SIZE0, ANY, NONE, NONE) \
	H(5, ktime_get_ns, 0, ALL, INT, NONE, NONE, NONE, NONE, NONE) \
	H(6, trace_printk, 1, ALL, INT, MEM, SIZE, ANY, ANY, ANY) \
	H(7, get_prandom_u32, 0, ALL, INT, NONE, NONE, NONE, NONE, NONE) \
	H(8, get_smp_processor_id, 0, ALL, INT, NONE, NONE, NONE, NONE, NONE) \
	N(9, skb_store_bytes) \
	N(10, l3_csum_replace) \
	N(11, l4_csum_replace) \
	H(12, tail_call, 0, ALL, VOID, CTX, MAP, ANY, NONE, NONE) \
	N(13, clone_redirect) \
	H(14, get_current_pid_tgid, 0, ALL, INT, NONE, NONE, NONE, NONE, NONE) \
	H(15, get_current_uid_gid, 0, ALL, INT, NONE, NONE, NONE, NONE, NONE) \
	H(16, get_current_comm, 0, ALL, INT, UNINIT_MEM, SIZE, NONE, NONE, NONE) \
	N(17, get_cgroup_classid) \
	N(18, skb_vlan_push) \
	N(19, skb_vlan_pop) \
	N(20, skb_get_tunnel_key) \
	N(21, skb_set_tunnel_key) \
	H(22, perf_event_read, 1, TRACE, INT, MAP, ANY, NONE, NONE, NONE) \
	N(23, redirect) \
	N(24, get_route_realm) \
	H(25, perf_event_output, 1, TRACE, INT, CTX, MAP, ANY, MEM, SIZE0) \
	N(26, skb_load_bytes) \
	H(27, get_stackid, 1, TRACE, INT, CTX, MAP, ANY, NONE, NONE) \
	N(28, csum_diff) \
	N(29, skb_get_tunnel_opt) \
	N(30, skb_set_tunnel_opt) \
	N(31, skb_change_proto) \
	N(32, skb_change_type) \
	N(33, skb_under_cgroup) \
	N(34, get_hash_recalc) \
	H(35, get_current_task, 1, ALL, INT, NONE, NONE, NONE, NONE, NONE) \
	H(36, probe_write_user, 1, TRACE, INT, ANY, MEM, SIZE, NONE, NONE) \
	H(37, current_task_under_cgroup, 0, TRACE, INT, MAP, ANY, NONE, NONE, NONE) \
	N(38, skb_change_tail) \
	N(39, skb_pull_data) \
	N(40, csum_update) \
	N(41, set_hash_invalid) \
	H(42, get_numa_node_id, 0, ALL, INT, NONE, NONE, NONE, NONE, NONE) \
	N(43, skb_change_head) \
	N(44, xdp_adjust_head) \
	H(45, probe_read_str, 1, TRACE, INT, UNINIT_MEM, SIZE0, ANY, NONE, NONE) \
	N(46, get_socket_cookie) \
	N(47, get_socket_uid) \
	N(48, set_hash) \
	N(49, setsockopt) \
	N(50, skb_adjust_room) \
	N(51, redirect_map) \
	N(52, sk_redirect_map) \
	N(53, sock_map_update) \
	N(54, xdp_adjust_meta) \
	H(55, perf_event_read_value, 1, TRACE, INT, MAP, ANY, UNINIT_MEM, SIZE, NONE) \
	H(56, perf_prog_read_value, 1, PERF, INT, CTX, UNINIT_MEM, SIZE, NONE, NONE) \
	N(57, getsockopt) \
	H(58, override_return, 1, KPROBE, INT, CTX, ANY, NONE, NONE, NONE) \
	N(59, sock_ops_cb_flags_set) \
	N(60, msg_redirect_map) \
	N(61, msg_apply_bytes) \
	N(62, msg_cork_bytes) \
	N(63, msg_pull_data) \
	N(64, bind) \
	N(65, xdp_adjust_tail) \
	N(66, skb_get_xfrm_state) \
	H(67, get_stack, 1, TRACE, INT, CTX, UNINIT_MEM, SIZE0, ANY, NONE) \
	N(68, skb_load_bytes_relative) \
	N(69, fib_lookup) \
	N(70, sock_hash_update) \
	N(71, msg_redirect_hash) \
	N(72, sk_redirect_hash) \
	N(73, lwt_push_encap) \
	N(74, lwt_seg6_store_bytes) \
	N(75, lwt_seg6_adjust_srh) \
	N(76, lwt_seg6_action) \
	N(77, rc_repeat) \
	N(78, rc_keydown) \
	N(79, skb_cgroup_id) \
	H(80, get_current_cgroup_id, 0, ALL, INT, NONE, NONE, NONE, NONE, NONE) \
	N(81, get_local_storage) \
	N(82, sk_select_reuseport) \
	N(83, skb_ancestor_cgroup_id) \
	N(84, sk_lookup_tcp) \
	N(85, sk_lookup_udp) \
	N(86, sk_release) \
	H(87, map_push_elem, 0, ALL, INT, MAP, VALUE, ANY, NONE, NONE) \
	H(88, map_pop_elem, 0, ALL, INT, MAP, UNINIT_VALUE, NONE, NONE, NONE) \
	H(89, map_peek_elem, 0, ALL, INT, MAP, UNINIT_VALUE, NONE, NONE, NONE) \
	N(90, msg_push_data) \
	N(91, msg_pop_data) \
	N(92, rc_pointer_rel) \
	H(93, spin_lock, 0, ALL, VOID, SPIN_LOCK, NONE, NONE, NONE, NONE) \
	H(94, spin_unlock, 0, ALL, VOID, SPIN_LOCK, NONE, NONE, NONE, NONE) \
	N(95, sk_fullsock) \
	N(96, tcp_sock) \
	N(97, skb_ecn_set_ce) \
	N(98, get_listener_sock) \
	N(99, skc_lookup_tcp) \
	N(100, tcp_check_syncookie) \
	N(101, sysctl_get_name) \
	N(102, sysctl_get_current_value) \
	N(103, sysctl_get_new_value) \
	N(104, sysctl_set_new_value) \
	N(105, strtol) \
	N(106, strtoul) \
	N(107, sk_storage_get) \
	N(108, sk_storage_delete) \
	H(109, send_signal, 0, TRACE, INT, ANY, NONE, NONE, NONE, NONE) \
	N(110, tcp_gen_syncookie) \
	N(111, skb_output) \
	H(112, probe_read_user, 1, TRACE, INT, UNINIT_MEM, SIZE0, ANY, NONE, NONE) \
	H(113, probe_read_kernel, 1, TRACE, INT, UNINIT_MEM, SIZE0, ANY, NONE, NONE) \
	H(114, probe_read_user_str, 1, TRACE, INT, UNINIT_MEM, SIZE0, ANY, NONE, NONE) \
	H(115, probe_read_kernel_str, 1, TRACE, INT, UNINIT_MEM, SIZE0, ANY, NONE, NONE) \
	N(116, tcp_send_ack) \
	H(117, send_signal_thread, 0, TRACE, INT, ANY, NONE, NONE, NONE, NONE) \
	H(118, jiffies64, 0, ALL, INT, NONE, NONE, NONE, NONE, NONE) \
	N(119, read_branch_records) \
	H(120, get_ns_current_pid_tgid, 0, ALL, INT, ANY, ANY, UNINIT_MEM, SIZE, NONE) \
	N(121, xdp_output) \
	N(122, get_netns_cookie) \
	H(123, get_current_ancestor_cgroup_id, 0, ALL, INT, ANY, NONE, NONE, NONE, NONE) \
	N(124, sk_assign) \
	H(125, ktime_get_boot_ns, 0, ALL, INT, NONE, NONE, NONE, NONE, NONE) \
	N(126, seq_printf) \
	N(127, seq_write) \
	N(128, sk_cgroup_id) \
	N(129, sk_ancestor_cgroup_id) \
	H(130, ringbuf_output, 0, ALL, INT, MAP, MEM, SIZE0, ANY, NONE) \
	H(131, ringbuf_reserve, 0, ALL, ALLOC_MEM_OR_NULL, MAP, ALLOC_SIZE, ANY, NONE, NONE) \
	H(132, ringbuf_submit, 0, ALL, VOID, ALLOC_MEM, ANY, NONE, NONE, NONE) \
	H(133, ringbuf_discard, 0, ALL, VOID, ALLOC_MEM, ANY, NONE, NONE, NONE) \
	H(134, ringbuf_query, 0, ALL, INT, MAP, ANY, NONE, NONE, NONE) \
	N(135, csum_level) \
	N(136, skc_to_tcp6_sock) \
	N(137, skc_to_tcp_sock) \
	N(138, skc_to_tcp_timewait_sock) \
	N(139, skc_to_tcp_request_sock) \
	N(140, skc_to_udp6_sock) \
	N(141, get_task_stack) \
	N(142, load_hdr_opt) \
	N(143, store_hdr_opt) \
	N(144, reserve_hdr_opt) \
	N(145, inode_storage_get) \
	N(146, inode_storage_delete) \
	N(147, d_path) \
	N(148, copy_from_user) \
	N(149, snprintf_btf) \
	N(150, seq_printf_btf) \
	N(151, skb_cgroup_classid) \
	N(152, redirect_neigh) \
	N(153, per_cpu_ptr) \
	N(154, this_cpu_ptr) \
	N(155, redirect_peer) \
	N(156, task_storage_get) \
	N(157, task_storage_delete) \
	N(158, get_current_task_btf) \
	N(159, bprm_opts_set) \
	H(160, ktime_get_coarse_ns, 0, ALL, INT, NONE, NONE, NONE, NONE, NONE) \
	N(161, ima_inode_hash) \
	N(162, sock_from_file) \
	N(163, check_mtu) \
	H(164, for_each_map_elem, 0, ALL, INT, MAP, FUNC, STACK_OR_NULL, ANY, NONE) \
	H(165, snprintf, 1, ALL, INT, MEM_OR_NULL_W, SIZE0, CONST_STR, MEM_OR_NULL, SIZE0) \
	N(166, sys_bpf) \
	N(167, btf_find_by_name_kind) \
	N(168, sys_close) \
	N(169, timer_init) \
	N(170, timer_set_callback) \
	N(171, timer_start) \
	N(172, timer_cancel) \
	H(173, get_func_ip, 1, KPROBE, INT, CTX, NONE, NONE, NONE, NONE) \
	H(174, get_attach_cookie, 0, TRACE, INT, CTX, NONE, NONE, NONE, NONE) \
	H(175, task_pt_regs, 1, NONE, INT, ANY, NONE, NONE, NONE, NONE) \
	N(176, get_branch_snapshot) \
	H(177, trace_vprintk, 1, ALL, INT, MEM, SIZE, MEM_OR_NULL, SIZE0, NONE) \
	N(178, skc_to_unix_sock) \
	N(179, kallsyms_lookup_name) \
	N(180, find_vma) \
	H(181, loop, 0, ALL, INT, ANY, FUNC, STACK_OR_NULL, ANY, NONE) \
	H(182, strncmp, 0, ALL, INT, MEM, SIZE, CONST_STR, NONE, NONE) \
	N(183, get_func_arg) \
	N(184, get_func_ret) \
	N(185, get_func_arg_cnt) \
	N(186, get_retval) \
	N(187, set_retval) \
	N(188, xdp_get_buff_len) \
	N(189, xdp_load_bytes) \
	N(190, xdp_store_bytes) \
	N(191, copy_from_user_task) \
	N(192, skb_set_tstamp) \
	N(193, ima_file_hash) \
	N(194, kptr_xchg) \
	H(195, map_lookup_percpu_elem, 0, ALL, VALUE_OR_NULL, MAP, KEY, ANY, NONE, NONE) \
	N(196, skc_to_mptcp_sock) \
	N(197, dynptr_from_mem) \
	N(198, ringbuf_reserve_dynptr) \
	N(199, ringbuf_submit_dynptr) \
	N(200, ringbuf_discard_dynptr) \
	N(201, dynptr_read) \
	N(202, dynptr_write) \
	N(203, dynptr_data) \
	N(204, tcp_raw_gen_syncookie_ipv4) \
	N(205, tcp_raw_gen_syncookie_ipv6) \
	N(206, tcp_raw_check_syncookie_ipv4) \
	N(207, tcp_raw_check_syncookie_ipv6) \
	H(208, ktime_get_tai_ns, 0, ALL, INT, NONE, NONE, NONE, NONE, NONE) \
	N(209, user_ringbuf_drain) \
	N(210, x)

#endif /* BPFSHIM_HELPERS_H */
