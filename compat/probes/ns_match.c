/* SPDX-License-Identifier: GPL-2.0 */
/* Namespaces are told by a filesystem of their own. */
#include <linux/proc_ns.h>
bool probe(const struct ns_common *ns);
bool probe(const struct ns_common *ns) { return ns_match(ns, 0, 0); }
