// SPDX-License-Identifier: Apache-2.0

package ioctl

// ExtInfoAttr is the argument of ExtInfo; all of it is output but Flags.
type ExtInfoAttr struct {
	AbiVersion      uint32
	Flags           uint32
	Features        uint64
	NrMaps          uint32
	NrProgs         uint32
	NrLinks         uint32
	NrBtfs          uint32
	NrOutputs       uint32
	Engine          uint32
	ProgMisses      uint64
	KretprobeMisses uint64
	MemBytes        uint64
	Version         [32]byte
}

// ExtKprobeAttr is the argument of ExtKprobe.
type ExtKprobeAttr struct {
	ProgFd    uint32
	Flags     uint32
	Symbol    Pointer
	Offset    uint64
	Cookie    uint64
	Maxactive uint32
	_         uint32 `c:"pad"`
}

// ExtTracepointAttr is the argument of ExtTracepoint.
type ExtTracepointAttr struct {
	ProgFd  uint32
	Flags   uint32
	EventId uint64
	Cookie  uint64
}

// ExtPerfAttachAttr is the argument of ExtPerfAttach.
type ExtPerfAttachAttr struct {
	ProgFd uint32
	PerfFd uint32
	Cookie uint64
	Flags  uint32
	_      uint32 `c:"pad"`
}

// ExtOutputOpenAttr is the argument of ExtOutputOpen.
type ExtOutputOpenAttr struct {
	Cpu        uint32
	Flags      uint32
	SampleType uint64
	Wakeup     uint32
	_          uint32 `c:"pad"`
}

// ExtSetKernelBtfAttr is the argument of ExtSetKernelBtf.
type ExtSetKernelBtfAttr struct {
	BtfFd uint32
	Flags uint32
}
