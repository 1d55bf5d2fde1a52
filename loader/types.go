// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"github.com/cilium/ebpf"
)

// What describes objects before they are loaded is cilium/ebpf's.
type (
	MapSpec        = ebpf.MapSpec
	MapKV          = ebpf.MapKV
	MapType        = ebpf.MapType
	ProgramSpec    = ebpf.ProgramSpec
	ProgramType    = ebpf.ProgramType
	VariableSpec   = ebpf.VariableSpec
	AttachType     = ebpf.AttachType
	PinType        = ebpf.PinType
	LogLevel       = ebpf.LogLevel
	MapUpdateFlags = ebpf.MapUpdateFlags
	MapLookupFlags = ebpf.MapLookupFlags
	BatchOptions   = ebpf.BatchOptions
	MapID          = ebpf.MapID
	ProgramID      = ebpf.ProgramID
)

// Map types.
const (
	UnspecifiedMap      = ebpf.UnspecifiedMap
	Hash                = ebpf.Hash
	Array               = ebpf.Array
	ProgramArray        = ebpf.ProgramArray
	PerfEventArray      = ebpf.PerfEventArray
	PerCPUHash          = ebpf.PerCPUHash
	PerCPUArray         = ebpf.PerCPUArray
	StackTrace          = ebpf.StackTrace
	CGroupArray         = ebpf.CGroupArray
	LRUHash             = ebpf.LRUHash
	LRUCPUHash          = ebpf.LRUCPUHash
	LPMTrie             = ebpf.LPMTrie
	ArrayOfMaps         = ebpf.ArrayOfMaps
	HashOfMaps          = ebpf.HashOfMaps
	CGroupStorage       = ebpf.CGroupStorage
	PerCPUCGroupStorage = ebpf.PerCPUCGroupStorage
	Queue               = ebpf.Queue
	Stack               = ebpf.Stack
	RingBuf             = ebpf.RingBuf
	TaskStorage         = ebpf.TaskStorage
	BloomFilter         = ebpf.BloomFilter
	UserRingbuf         = ebpf.UserRingbuf
)

// Program types.
const (
	UnspecifiedProgram    = ebpf.UnspecifiedProgram
	Kprobe                = ebpf.Kprobe
	TracePoint            = ebpf.TracePoint
	PerfEvent             = ebpf.PerfEvent
	RawTracepoint         = ebpf.RawTracepoint
	RawTracepointWritable = ebpf.RawTracepointWritable
	Tracing               = ebpf.Tracing
)

// Flags of updates and lookups.
const (
	UpdateAny     = ebpf.UpdateAny
	UpdateNoExist = ebpf.UpdateNoExist
	UpdateExist   = ebpf.UpdateExist
	UpdateLock    = ebpf.UpdateLock
	LookupLock    = ebpf.LookupLock
)

// Ways to pin a map.
const (
	PinNone   = ebpf.PinNone
	PinByName = ebpf.PinByName
)

// Levels of the verifier's log.
const (
	LogLevelBranch      = ebpf.LogLevelBranch
	LogLevelInstruction = ebpf.LogLevelInstruction
	LogLevelStats       = ebpf.LogLevelStats
)

func hasPerCPUValue(t MapType) bool {
	return t == PerCPUHash || t == PerCPUArray || t == LRUCPUHash || t == PerCPUCGroupStorage
}

func canStoreMap(t MapType) bool { return t == ArrayOfMaps || t == HashOfMaps }

func canStoreProgram(t MapType) bool { return t == ProgramArray }

func storesObjects(t MapType) bool { return canStoreMap(t) || canStoreProgram(t) }

// LogBuffer sizes of a program load: from the start size up, doubled while
// the log does not fit.
const (
	minLogSize = 64 * 1024
	maxLogSize = 1<<30 - 1
)

// Kinds of devices, for OpenDevice.
const (
	DeviceAuto   = "auto"
	DeviceDriver = "driver"
	DeviceNative = "native"
)
