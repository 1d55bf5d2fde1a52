/* SPDX-License-Identifier: GPL-2.0 */
/* fault handlers take the vm_fault alone. */
#include <linux/mm.h>
static vm_fault_t fault(struct vm_fault *vmf) { return 0; }
const struct vm_operations_struct probe = { .fault = fault };
