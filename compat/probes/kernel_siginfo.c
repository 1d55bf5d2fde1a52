/* SPDX-License-Identifier: GPL-2.0 */
/* struct kernel_siginfo exists. */
#include <linux/signal.h>
struct kernel_siginfo probe;
