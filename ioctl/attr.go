// SPDX-License-Identifier: Apache-2.0

package ioctl

// MapCreateAttr is the argument of MapCreate.
type MapCreateAttr struct {
	MapType               uint32
	KeySize               uint32
	ValueSize             uint32
	MaxEntries            uint32
	MapFlags              uint32
	InnerMapFd            uint32
	NumaNode              uint32
	MapName               [ObjNameLen]byte
	MapIfindex            uint32
	BtfFd                 uint32
	BtfKeyTypeId          uint32
	BtfValueTypeId        uint32
	BtfVmlinuxValueTypeId uint32
	MapExtra              uint64
}

// MapElemAttr is the argument of the MAP_*_ELEM commands, MapGetNextKey and MapFreeze.
type MapElemAttr struct {
	MapFd uint32
	_     uint32
	Key   Pointer
	Value Pointer `c:"value,next_key"`
	Flags uint64
}

// MapBatchAttr is the argument of the MAP_*_BATCH commands.
type MapBatchAttr struct {
	InBatch   Pointer
	OutBatch  Pointer
	Keys      Pointer
	Values    Pointer
	Count     uint32
	MapFd     uint32
	ElemFlags uint64
	Flags     uint64
}

// ProgLoadAttr is the argument of ProgLoad.
type ProgLoadAttr struct {
	ProgType           uint32
	InsnCnt            uint32
	Insns              Pointer
	License            Pointer
	LogLevel           uint32
	LogSize            uint32
	LogBuf             Pointer
	KernVersion        uint32
	ProgFlags          uint32
	ProgName           [ObjNameLen]byte
	ProgIfindex        uint32
	ExpectedAttachType uint32
	ProgBtfFd          uint32
	FuncInfoRecSize    uint32
	FuncInfo           Pointer
	FuncInfoCnt        uint32
	LineInfoRecSize    uint32
	LineInfo           Pointer
	LineInfoCnt        uint32
	AttachBtfId        uint32
	AttachProgFd       uint32 `c:"attach_prog_fd,attach_btf_obj_fd"`
	CoreReloCnt        uint32
	FdArray            Pointer
	CoreRelos          Pointer
	CoreReloRecSize    uint32
	_                  uint32
}

// ObjPinAttr is the argument of ObjPin and ObjGet.
type ObjPinAttr struct {
	Pathname  Pointer
	BpfFd     uint32
	FileFlags uint32
}

// ProgAttachAttr is the argument of ProgAttach and ProgDetach.
type ProgAttachAttr struct {
	TargetFd     uint32
	AttachBpfFd  uint32
	AttachType   uint32
	AttachFlags  uint32
	ReplaceBpfFd uint32
}

// ProgTestRunAttr is the argument of ProgTestRun.
type ProgTestRunAttr struct {
	ProgFd      uint32
	Retval      uint32
	DataSizeIn  uint32
	DataSizeOut uint32
	DataIn      Pointer
	DataOut     Pointer
	Repeat      uint32
	Duration    uint32
	CtxSizeIn   uint32
	CtxSizeOut  uint32
	CtxIn       Pointer
	CtxOut      Pointer
	Flags       uint32
	Cpu         uint32
	BatchSize   uint32
	_           uint32
}

// IdAttr is the argument of the *_GET_NEXT_ID and *_GET_FD_BY_ID commands.
type IdAttr struct {
	Id        uint32 `c:"start_id,prog_id,map_id,btf_id,link_id"`
	NextId    uint32
	OpenFlags uint32
}

// InfoAttr is the argument of ObjGetInfoByFd.
type InfoAttr struct {
	BpfFd   uint32
	InfoLen uint32
	Info    Pointer
}

// ProgQueryAttr is the argument of ProgQuery.
type ProgQueryAttr struct {
	TargetFd        uint32
	AttachType      uint32
	QueryFlags      uint32
	AttachFlags     uint32
	ProgIds         Pointer
	ProgCnt         uint32
	_               uint32
	ProgAttachFlags Pointer
}

// RawTracepointAttr is the argument of RawTracepointOpen.
type RawTracepointAttr struct {
	Name   Pointer
	ProgFd uint32
	_      uint32
}

// BtfLoadAttr is the argument of BtfLoad.
type BtfLoadAttr struct {
	Btf         Pointer
	BtfLogBuf   Pointer
	BtfSize     uint32
	BtfLogSize  uint32
	BtfLogLevel uint32
	_           uint32
}

// TaskFdQueryAttr is the argument of TaskFdQuery.
type TaskFdQueryAttr struct {
	Pid         uint32
	Fd          uint32
	Flags       uint32
	BufLen      uint32
	Buf         Pointer
	ProgId      uint32
	FdType      uint32
	ProbeOffset uint64
	ProbeAddr   uint64
}

// LinkCreateAttr is the argument of LinkCreate for links onto perf events;
// those of other kinds have types of their own.
type LinkCreateAttr struct {
	ProgFd     uint32
	TargetFd   uint32 `c:"target_fd,target_ifindex"`
	AttachType uint32
	Flags      uint32
	BpfCookie  uint64 `c:"perf_event.bpf_cookie"`
}

// LinkCreateIterAttr is the argument of LinkCreate for iterators.
type LinkCreateIterAttr struct {
	ProgFd      uint32
	TargetFd    uint32
	AttachType  uint32
	Flags       uint32
	IterInfo    Pointer
	IterInfoLen uint32
	_           uint32
}

// LinkCreateKprobeMultiAttr is the argument of LinkCreate for kprobe_multi.
type LinkCreateKprobeMultiAttr struct {
	ProgFd      uint32
	TargetFd    uint32
	AttachType  uint32
	Flags       uint32
	KprobeFlags uint32  `c:"kprobe_multi.flags"`
	Cnt         uint32  `c:"kprobe_multi.cnt"`
	Syms        Pointer `c:"kprobe_multi.syms"`
	Addrs       Pointer `c:"kprobe_multi.addrs"`
	Cookies     Pointer `c:"kprobe_multi.cookies"`
}

// LinkCreateTracingAttr is the argument of LinkCreate for fentry and its kin.
type LinkCreateTracingAttr struct {
	ProgFd      uint32
	TargetFd    uint32
	AttachType  uint32
	Flags       uint32
	TargetBtfId uint32 `c:"target_btf_id,tracing.target_btf_id"`
	_           uint32
	Cookie      uint64 `c:"tracing.cookie"`
}

// LinkUpdateAttr is the argument of LinkUpdate.
type LinkUpdateAttr struct {
	LinkFd    uint32
	NewProgFd uint32
	Flags     uint32
	OldProgFd uint32
}

// LinkDetachAttr is the argument of LinkDetach.
type LinkDetachAttr struct {
	LinkFd uint32
}

// EnableStatsAttr is the argument of EnableStats.
type EnableStatsAttr struct {
	Type uint32
}

// IterCreateAttr is the argument of IterCreate.
type IterCreateAttr struct {
	LinkFd uint32
	Flags  uint32
}

// ProgBindMapAttr is the argument of ProgBindMap.
type ProgBindMapAttr struct {
	ProgFd uint32
	MapFd  uint32
	Flags  uint32
}
