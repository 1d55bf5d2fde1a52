// SPDX-License-Identifier: Apache-2.0

package ioctl

// Cmd is a command: those of bpf(2), and the module's own from CmdExt on.
type Cmd uint32

// Values of Cmd.
const (
	MapCreate               Cmd = 0
	MapLookupElem           Cmd = 1
	MapUpdateElem           Cmd = 2
	MapDeleteElem           Cmd = 3
	MapGetNextKey           Cmd = 4
	ProgLoad                Cmd = 5
	ObjPin                  Cmd = 6
	ObjGet                  Cmd = 7
	ProgAttach              Cmd = 8
	ProgDetach              Cmd = 9
	ProgTestRun             Cmd = 10
	ProgGetNextId           Cmd = 11
	MapGetNextId            Cmd = 12
	ProgGetFdById           Cmd = 13
	MapGetFdById            Cmd = 14
	ObjGetInfoByFd          Cmd = 15
	ProgQuery               Cmd = 16
	RawTracepointOpen       Cmd = 17
	BtfLoad                 Cmd = 18
	BtfGetFdById            Cmd = 19
	TaskFdQuery             Cmd = 20
	MapLookupAndDeleteElem  Cmd = 21
	MapFreeze               Cmd = 22
	BtfGetNextId            Cmd = 23
	MapLookupBatch          Cmd = 24
	MapLookupAndDeleteBatch Cmd = 25
	MapUpdateBatch          Cmd = 26
	MapDeleteBatch          Cmd = 27
	LinkCreate              Cmd = 28
	LinkUpdate              Cmd = 29
	LinkGetFdById           Cmd = 30
	LinkGetNextId           Cmd = 31
	EnableStats             Cmd = 32
	IterCreate              Cmd = 33
	LinkDetach              Cmd = 34
	ProgBindMap             Cmd = 35
	CmdExt                  Cmd = 0xC0
	ExtInfo                 Cmd = 0xC0
	ExtKprobe               Cmd = 0xC1
	ExtTracepoint           Cmd = 0xC2
	ExtPerfAttach           Cmd = 0xC3
	ExtOutputOpen           Cmd = 0xC4
	ExtSetKernelBtf         Cmd = 0xC5
)

// MapType is the kind of a map.
type MapType uint32

// Values of MapType.
const (
	MapTypeUnspec              MapType = 0
	MapTypeHash                MapType = 1
	MapTypeArray               MapType = 2
	MapTypeProgArray           MapType = 3
	MapTypePerfEventArray      MapType = 4
	MapTypePercpuHash          MapType = 5
	MapTypePercpuArray         MapType = 6
	MapTypeStackTrace          MapType = 7
	MapTypeCgroupArray         MapType = 8
	MapTypeLruHash             MapType = 9
	MapTypeLruPercpuHash       MapType = 10
	MapTypeLpmTrie             MapType = 11
	MapTypeArrayOfMaps         MapType = 12
	MapTypeHashOfMaps          MapType = 13
	MapTypeDevmap              MapType = 14
	MapTypeSockmap             MapType = 15
	MapTypeCpumap              MapType = 16
	MapTypeXskmap              MapType = 17
	MapTypeSockhash            MapType = 18
	MapTypeCgroupStorage       MapType = 19
	MapTypeReuseportSockarray  MapType = 20
	MapTypePercpuCgroupStorage MapType = 21
	MapTypeQueue               MapType = 22
	MapTypeStack               MapType = 23
	MapTypeSkStorage           MapType = 24
	MapTypeDevmapHash          MapType = 25
	MapTypeStructOps           MapType = 26
	MapTypeRingbuf             MapType = 27
	MapTypeInodeStorage        MapType = 28
	MapTypeTaskStorage         MapType = 29
	MapTypeBloomFilter         MapType = 30
	MapTypeUserRingbuf         MapType = 31
	MapTypeMax                 MapType = 32
)

// ProgType is the kind of a program.
type ProgType uint32

// Values of ProgType.
const (
	ProgTypeUnspec                ProgType = 0
	ProgTypeSocketFilter          ProgType = 1
	ProgTypeKprobe                ProgType = 2
	ProgTypeSchedCls              ProgType = 3
	ProgTypeSchedAct              ProgType = 4
	ProgTypeTracepoint            ProgType = 5
	ProgTypeXdp                   ProgType = 6
	ProgTypePerfEvent             ProgType = 7
	ProgTypeCgroupSkb             ProgType = 8
	ProgTypeCgroupSock            ProgType = 9
	ProgTypeLwtIn                 ProgType = 10
	ProgTypeLwtOut                ProgType = 11
	ProgTypeLwtXmit               ProgType = 12
	ProgTypeSockOps               ProgType = 13
	ProgTypeSkSkb                 ProgType = 14
	ProgTypeCgroupDevice          ProgType = 15
	ProgTypeSkMsg                 ProgType = 16
	ProgTypeRawTracepoint         ProgType = 17
	ProgTypeCgroupSockAddr        ProgType = 18
	ProgTypeLwtSeg6local          ProgType = 19
	ProgTypeLircMode2             ProgType = 20
	ProgTypeSkReuseport           ProgType = 21
	ProgTypeFlowDissector         ProgType = 22
	ProgTypeCgroupSysctl          ProgType = 23
	ProgTypeRawTracepointWritable ProgType = 24
	ProgTypeCgroupSockopt         ProgType = 25
	ProgTypeTracing               ProgType = 26
	ProgTypeStructOps             ProgType = 27
	ProgTypeExt                   ProgType = 28
	ProgTypeLsm                   ProgType = 29
	ProgTypeSkLookup              ProgType = 30
	ProgTypeSyscall               ProgType = 31
	ProgTypeMax                   ProgType = 32
)

// AttachType says what a program or link attaches to.
type AttachType uint32

// Values of AttachType.
const (
	CgroupInetIngress          AttachType = 0
	CgroupInetEgress           AttachType = 1
	CgroupInetSockCreate       AttachType = 2
	CgroupSockOps              AttachType = 3
	SkSkbStreamParser          AttachType = 4
	SkSkbStreamVerdict         AttachType = 5
	CgroupDevice               AttachType = 6
	SkMsgVerdict               AttachType = 7
	CgroupInet4Bind            AttachType = 8
	CgroupInet6Bind            AttachType = 9
	CgroupInet4Connect         AttachType = 10
	CgroupInet6Connect         AttachType = 11
	CgroupInet4PostBind        AttachType = 12
	CgroupInet6PostBind        AttachType = 13
	CgroupUdp4Sendmsg          AttachType = 14
	CgroupUdp6Sendmsg          AttachType = 15
	LircMode2                  AttachType = 16
	FlowDissector              AttachType = 17
	CgroupSysctl               AttachType = 18
	CgroupUdp4Recvmsg          AttachType = 19
	CgroupUdp6Recvmsg          AttachType = 20
	CgroupGetsockopt           AttachType = 21
	CgroupSetsockopt           AttachType = 22
	TraceRawTp                 AttachType = 23
	TraceFentry                AttachType = 24
	TraceFexit                 AttachType = 25
	ModifyReturn               AttachType = 26
	LsmMac                     AttachType = 27
	TraceIter                  AttachType = 28
	CgroupInet4Getpeername     AttachType = 29
	CgroupInet6Getpeername     AttachType = 30
	CgroupInet4Getsockname     AttachType = 31
	CgroupInet6Getsockname     AttachType = 32
	XdpDevmap                  AttachType = 33
	CgroupInetSockRelease      AttachType = 34
	XdpCpumap                  AttachType = 35
	SkLookup                   AttachType = 36
	Xdp                        AttachType = 37
	SkSkbVerdict               AttachType = 38
	SkReuseportSelect          AttachType = 39
	SkReuseportSelectOrMigrate AttachType = 40
	PerfEvent                  AttachType = 41
	TraceKprobeMulti           AttachType = 42
	LsmCgroup                  AttachType = 43
	AttachTypeMax              AttachType = 44
)

// LinkType is the kind of a link.
type LinkType uint32

// Values of LinkType.
const (
	LinkTypeUnspec        LinkType = 0
	LinkTypeRawTracepoint LinkType = 1
	LinkTypeTracing       LinkType = 2
	LinkTypeCgroup        LinkType = 3
	LinkTypeIter          LinkType = 4
	LinkTypeNetns         LinkType = 5
	LinkTypeXdp           LinkType = 6
	LinkTypePerfEvent     LinkType = 7
	LinkTypeKprobeMulti   LinkType = 8
	LinkTypeStructOps     LinkType = 9
)

// Flags of helpers that get an object's storage.
const LocalStorageGetFCreate = 1
