// SPDX-License-Identifier: Apache-2.0

// Package klog finds in kernel log lines what a healthy kernel does not say.
// What kmemleak reports is no matter of the log: it may be the kernel's own, so
// init looks at the reports themselves.
package klog

import "regexp"

type pattern struct {
	what string
	re   *regexp.Regexp
}

// bad is checked in order; the first match names the finding.
var bad = []pattern{
	{"panic", regexp.MustCompile(`Kernel panic`)},
	{"lockdep", regexp.MustCompile(`possible (recursive locking|circular locking|irq lock inversion|deadlock)|inconsistent lock state|suspicious RCU usage|DEBUG_LOCKS_WARN_ON|lock held when returning to user space|held lock freed|bad unlock balance|Invalid wait context|illegal (RCU )?usage`)},
	{"KASAN", regexp.MustCompile(`KASAN:|KFENCE:|KCSAN:|UBSAN:`)},
	{"RCU stall", regexp.MustCompile(`rcu\S* (self-)?detected (expedited )?stall|rcu: INFO:|rcu_\w+ kthread starved`)},
	{"hung task", regexp.MustCompile(`INFO: task .* blocked for more than`)},
	{"lockup", regexp.MustCompile(`soft lockup|hard LOCKUP|Watchdog detected`)},
	{"bad access", regexp.MustCompile(`unable to handle (kernel|page)|general protection fault|double fault|invalid opcode: |divide error: |kernel stack overflow|stack-protector|kernel tried to execute|int3: `)},
	{"corruption", regexp.MustCompile(`list_(add|del) corruption|Bad page state|Bad rss-counter|refcount_t: |slab error|Objects remaining in|Slab cache still has objects|ODEBUG:|Poison overwritten|Redzone overwritten|Object already free|double free|bad pmd|Trying to vfree|nobody cared`)},
	{"Oops", regexp.MustCompile(`\bOops\b`)},
	{"BUG", regexp.MustCompile(`\bBUG\b`)},
	{"WARNING", regexp.MustCompile(`\bWARNING\b`)},
	{"Call Trace", regexp.MustCompile(`Call Trace:`)},
}

// harmless lines match a pattern above without being a fault.
var harmless = regexp.MustCompile(`DEBUG_INFO_BTF|Booted with the nmi_watchdog`)

// Check names what is wrong with the line; "" when nothing is.
func Check(line string) string {
	if harmless.MatchString(line) {
		return ""
	}
	for _, p := range bad {
		if p.re.MatchString(line) {
			return p.what
		}
	}
	return ""
}
