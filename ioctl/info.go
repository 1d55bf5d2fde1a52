// SPDX-License-Identifier: Apache-2.0

package ioctl

// ProgInfo is what ObjGetInfoByFd tells of a program.
type ProgInfo struct {
	Type                 uint32
	Id                   uint32
	Tag                  [TagSize]byte
	JitedProgLen         uint32
	XlatedProgLen        uint32
	JitedProgInsns       Pointer
	XlatedProgInsns      Pointer
	LoadTime             uint64
	CreatedByUid         uint32
	NrMapIds             uint32
	MapIds               Pointer
	Name                 [ObjNameLen]byte
	Ifindex              uint32
	Bits                 uint32 `c:"gpl_compatible"` // bit 0: gpl_compatible
	NetnsDev             uint64
	NetnsIno             uint64
	NrJitedKsyms         uint32
	NrJitedFuncLens      uint32
	JitedKsyms           Pointer
	JitedFuncLens        Pointer
	BtfId                uint32
	FuncInfoRecSize      uint32
	FuncInfo             Pointer
	NrFuncInfo           uint32
	NrLineInfo           uint32
	LineInfo             Pointer
	JitedLineInfo        Pointer
	NrJitedLineInfo      uint32
	LineInfoRecSize      uint32
	JitedLineInfoRecSize uint32
	NrProgTags           uint32
	ProgTags             Pointer
	RunTimeNs            uint64
	RunCnt               uint64
	RecursionMisses      uint64
	VerifiedInsns        uint32
	AttachBtfObjId       uint32
	AttachBtfId          uint32
	_                    uint32
}

// MapInfo is what ObjGetInfoByFd tells of a map.
type MapInfo struct {
	Type                  uint32
	Id                    uint32
	KeySize               uint32
	ValueSize             uint32
	MaxEntries            uint32
	MapFlags              uint32
	Name                  [ObjNameLen]byte
	Ifindex               uint32
	BtfVmlinuxValueTypeId uint32
	NetnsDev              uint64
	NetnsIno              uint64
	BtfId                 uint32
	BtfKeyTypeId          uint32
	BtfValueTypeId        uint32
	_                     uint32
	MapExtra              uint64
}

// BtfInfo is what ObjGetInfoByFd tells of a BTF.
type BtfInfo struct {
	Btf       Pointer
	BtfSize   uint32
	Id        uint32
	Name      Pointer
	NameLen   uint32
	KernelBtf uint32
}

// LinkInfo is what ObjGetInfoByFd tells of a link of any kind. Rest holds
// what depends on the kind, laid out as the LinkInfo* types.
type LinkInfo struct {
	Type   uint32
	Id     uint32
	ProgId uint32
	_      uint32
	Rest   [32]byte `c:"-"`
}

// LinkInfoRawTracepoint is LinkInfo of LinkTypeRawTracepoint.
type LinkInfoRawTracepoint struct {
	Type      uint32
	Id        uint32
	ProgId    uint32
	_         uint32
	TpName    Pointer `c:"raw_tracepoint.tp_name"`
	TpNameLen uint32  `c:"raw_tracepoint.tp_name_len"`
	_         uint32
}

// LinkInfoTracing is LinkInfo of LinkTypeTracing.
type LinkInfoTracing struct {
	Type        uint32
	Id          uint32
	ProgId      uint32
	_           uint32
	AttachType  uint32 `c:"tracing.attach_type"`
	TargetObjId uint32 `c:"tracing.target_obj_id"`
	TargetBtfId uint32 `c:"tracing.target_btf_id"`
}

// LinkInfoCgroup is LinkInfo of LinkTypeCgroup.
type LinkInfoCgroup struct {
	Type       uint32
	Id         uint32
	ProgId     uint32
	_          uint32
	CgroupId   uint64 `c:"cgroup.cgroup_id"`
	AttachType uint32 `c:"cgroup.attach_type"`
	_          uint32
}

// LinkInfoIter is LinkInfo of LinkTypeIter over cgroups; over tasks the
// last two words are tid and pid.
type LinkInfoIter struct {
	Type          uint32
	Id            uint32
	ProgId        uint32
	_             uint32
	TargetName    Pointer `c:"iter.target_name"`
	TargetNameLen uint32  `c:"iter.target_name_len"`
	MapId         uint32  `c:"iter.map.map_id"`
	CgroupId      uint64  `c:"iter.cgroup.cgroup_id"`
	CgroupOrder   uint32  `c:"iter.cgroup.order"`
	_             uint32
}

// LinkInfoIterTask is LinkInfo of LinkTypeIter over tasks.
type LinkInfoIterTask struct {
	Type          uint32
	Id            uint32
	ProgId        uint32
	_             uint32
	TargetName    Pointer `c:"iter.target_name"`
	TargetNameLen uint32  `c:"iter.target_name_len"`
	_             uint32
	Tid           uint32 `c:"iter.task.tid"`
	Pid           uint32 `c:"iter.task.pid"`
}

// LinkInfoNetns is LinkInfo of LinkTypeNetns.
type LinkInfoNetns struct {
	Type       uint32
	Id         uint32
	ProgId     uint32
	_          uint32
	NetnsIno   uint32 `c:"netns.netns_ino"`
	AttachType uint32 `c:"netns.attach_type"`
}

// LinkInfoXdp is LinkInfo of LinkTypeXdp.
type LinkInfoXdp struct {
	Type    uint32
	Id      uint32
	ProgId  uint32
	_       uint32
	Ifindex uint32 `c:"xdp.ifindex"`
}

// FuncInfo is one record of a program's func_info.
type FuncInfo struct {
	InsnOff uint32
	TypeId  uint32
}

// LineInfo is one record of a program's line_info.
type LineInfo struct {
	InsnOff     uint32
	FileNameOff uint32
	LineOff     uint32
	LineCol     uint32
}

// RawTracepointArgs is the context of raw tracepoint programs.
type RawTracepointArgs struct {
	Args [12]uint64
}
