// SPDX-License-Identifier: Apache-2.0

package ioctl

// The defines of bpfshim.h.
const (
	DevicePath = "/dev/bpfshim"
	IocMagic   = 0xBF
	AbiVersion = 1
	ObjNameLen = 16
	TagSize    = 8

	// Update flags.
	Any     = 0
	Noexist = 1
	Exist   = 2
	FLock   = 4

	// map_flags.
	FNoPrealloc    = (1 << 0)
	FNoCommonLru   = (1 << 1)
	FNumaNode      = (1 << 2)
	FRdonly        = (1 << 3)
	FWronly        = (1 << 4)
	FStackBuildId  = (1 << 5)
	FZeroSeed      = (1 << 6)
	FRdonlyProg    = (1 << 7)
	FWronlyProg    = (1 << 8)
	FClone         = (1 << 9)
	FMmapable      = (1 << 10)
	FPreserveElems = (1 << 11)
	FInnerMap      = (1 << 12)

	// prog_flags.
	FStrictAlignment = (1 << 0)
	FAnyAlignment    = (1 << 1)
	FTestRndHi32     = (1 << 2)
	FTestStateFreq   = (1 << 3)
	FSleepable       = (1 << 4)
	FXdpHasFrags     = (1 << 5)
	// FInterp is the module's own: run by the interpreter.
	FInterp = (1 << 31)
	// FMask has the program masked against speculative execution; verdicts do not change.
	FMask = (1 << 30)
	// FUnpriv has it verified by 6.1's rules for unprivileged users, masks included.
	FUnpriv = (1 << 29)

	// log_level bits.
	LogLevel1 = 1
	LogLevel2 = 2
	LogStats  = 4

	// Flags of perf_event_output and perf_event_read.
	FIndexMask  = 0xffffffff
	FCurrentCpu = FIndexMask
	FCtxlenMask = (0xfffff << 32)

	// Flags of get_stack and get_stackid.
	FSkipFieldMask = 0xff
	FUserStack     = (1 << 8)
	FFastStackCmp  = (1 << 9)
	FReuseStackid  = (1 << 10)
	FUserBuildId   = (1 << 11)

	// Flags of ProgTestRun.
	FTestRunOnCpu = (1 << 0)

	// Types of EnableStats.
	StatsRunTime = 0

	// Bits of ExtInfoAttr.Features.
	FeatInterp        = (1 << 0)
	FeatJit           = (1 << 1)
	FeatKprobe        = (1 << 2)
	FeatTracepoint    = (1 << 3)
	FeatRawTracepoint = (1 << 4)
	FeatPerfAttach    = (1 << 5)
	FeatCgroupId      = (1 << 6)
	FeatDebug         = (1 << 7)

	// Values of ExtInfoAttr.Engine.
	EngineInterp = 0
	EngineJit    = 1

	// Flags of ExtKprobe.
	KprobeReturn = (1 << 0)

	// Flags of ExtOutputOpen.
	OutputWatermark = (1 << 0)
	OutputCloexec   = (1 << 1)
)
