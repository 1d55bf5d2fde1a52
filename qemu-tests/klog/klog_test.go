// SPDX-License-Identifier: Apache-2.0

package klog

import "testing"

func TestCheck(t *testing.T) {
	for line, want := range map[string]string{
		"WARNING: CPU: 0 PID: 1 at kernel/foo.c:12 foo+0x1/0x2":                     "WARNING",
		"WARNING: at kernel/foo.c:12 foo+0x1/0x2()":                                 "WARNING",
		"BUG: sleeping function called from invalid context at mm/slub.c:941":       "BUG",
		"BUG: scheduling while atomic: sh/1/0x00000002":                             "BUG",
		"BUG: unable to handle kernel NULL pointer dereference at 0000000000000008": "bad access",
		"BUG: unable to handle page fault for address: ffffffffc0000000":            "bad access",
		"BUG: kernel NULL pointer dereference, address: 0000000000000000":           "BUG",
		"Oops: 0000 [#1] SMP": "Oops",
		"Call Trace:":         "Call Trace",
		"[ INFO: possible circular locking dependency detected ]":                  "lockdep",
		"WARNING: possible recursive locking detected":                             "lockdep",
		"[ INFO: suspicious RCU usage. ]":                                          "lockdep",
		"kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)":  "",
		"INFO: rcu_sched self-detected stall on CPU { 0}":                          "RCU stall",
		"rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:":                    "RCU stall",
		"INFO: task sh:12 blocked for more than 120 seconds.":                      "hung task",
		"watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [sh:1]":                 "lockup",
		"Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100":  "panic",
		"general protection fault: 0000 [#1] SMP":                                  "bad access",
		"bpfshim: loading out-of-tree module taints kernel.":                       "",
		"hello: module verification failed: signature and/or required key missing": "",
		"perf: interrupt took too long (2501 > 2500), lowering sample rate":        "",
		"Clocksource tsc unstable (delta = 187 ns)":                                "",
		"random: crng init done":                                                   "",
		"debug: nothing":                                                           "",
		"BUG kmalloc-64 (Tainted: G           O   ): Redzone overwritten":          "corruption",
		"refcount_t: underflow; use-after-free.":                                   "corruption",
	} {
		if got := Check(line); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}
