/* SPDX-License-Identifier: GPL-2.0 */
/* linux/sched.h was split into linux/sched/. */
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/mm.h>
#include <linux/sched/clock.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
