/* SPDX-License-Identifier: GPL-2.0 */
/* struct tcp_sock keeps its round trip time in microseconds. */
#include <linux/tcp.h>
u32 probe(const struct tcp_sock *tp);
u32 probe(const struct tcp_sock *tp) { return tp->srtt_us; }
