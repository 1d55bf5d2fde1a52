// SPDX-License-Identifier: GPL-2.0
/* What compiled programs must know of this machine and kernel. */
#include "compat.h"
#include "native.h"
#include <linux/linkage.h>
#include <linux/thread_info.h>
#ifdef CONFIG_X86_64
#include <asm/asm.h>
#include <asm/cpufeature.h>
#include <asm/percpu.h>
#include <asm/pgtable.h>
#include <asm/current.h>

#ifdef ASM_RET
#define STUB_RET	ASM_RET
#else
#define STUB_RET	"ret\n"
#endif

/*
 * Address in r11, value there; an address of user space, and a fault, give 0.
 * Any context: a fault on a kernel address is resolved by the table alone.
 */
#define PROBE_STUB(n, load)						\
	".type bpfshim_probe_" #n ", @function\n"			\
	"bpfshim_probe_" #n ":\n"					\
	"	test %r11, %r11\n"					\
	"	jns 2f\n"						\
	"1:	" load "\n"						\
	STUB_RET "\n"							\
	"2:	xor %r11d, %r11d\n"					\
	STUB_RET "\n"							\
	".size bpfshim_probe_" #n ", . - bpfshim_probe_" #n "\n"	\
	_ASM_EXTABLE(1b, 2b)

asm(".text\n"
    PROBE_STUB(1, "movzbl (%r11), %r11d")
    PROBE_STUB(2, "movzwl (%r11), %r11d")
    PROBE_STUB(4, "mov (%r11), %r11d")
    PROBE_STUB(8, "mov (%r11), %r11"));
void bpfshim_probe_1(void);
void bpfshim_probe_2(void);
void bpfshim_probe_4(void);
void bpfshim_probe_8(void);

bool bpfshim_native_facts(struct bpfshim_native_facts *f)
{
	memset(f, 0, sizeof(*f));
#ifdef CONFIG_RETPOLINE
	f->retpoline = true;
#ifdef X86_FEATURE_RETPOLINE
	f->retpoline = boot_cpu_has(X86_FEATURE_RETPOLINE);
#endif
#endif
#ifdef X86_FEATURE_RETHUNK
	if (boot_cpu_has(X86_FEATURE_RETHUNK))
		f->ret_thunk = (unsigned long)bpfshim_ksym.__x86_return_thunk;
	if (boot_cpu_has(X86_FEATURE_RETHUNK) && !f->ret_thunk)
		return false;
#endif
#ifdef X86_FEATURE_IBT
	f->ibt = boot_cpu_has(X86_FEATURE_IBT);
#endif
#if BPFSHIM_FAST_CLOCKS
	f->clock = (unsigned long)ktime_get_mono_fast_ns;
#else
	f->clock = (unsigned long)bpfshim_clock_mono;
#endif
	f->bmi2 = boot_cpu_has(X86_FEATURE_BMI2);
	f->movbe = boot_cpu_has(X86_FEATURE_MOVBE);
	f->probe_stub[0] = (unsigned long)bpfshim_probe_1;
	f->probe_stub[1] = (unsigned long)bpfshim_probe_2;
	f->probe_stub[2] = (unsigned long)bpfshim_probe_4;
	f->probe_stub[3] = (unsigned long)bpfshim_probe_8;
	f->modules_lo = MODULES_VADDR;
	f->modules_hi = MODULES_END;
	f->cpu_number = (s32)(unsigned long)&cpu_number;
	f->this_cpu_off = (s32)(unsigned long)&this_cpu_off;
	f->current_task = (s32)(unsigned long)&current_task;
	f->tail_stack = THREAD_SIZE / 4;
	return true;
}
#else
bool bpfshim_native_facts(struct bpfshim_native_facts *f)
{
	return false;
}
#endif
