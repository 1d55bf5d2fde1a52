// SPDX-License-Identifier: Apache-2.0

package raw

import "encoding/binary"

// Commands of bpf(2) in Linux 6.1.
const (
	MapCreate = iota
	MapLookup
	MapUpdate
	MapDelete
	MapNextKey
	ProgLoad
	ObjPin
	ObjGet
	ProgAttach
	ProgDetach
	ProgTestRun
	ProgNextID
	MapNextID
	ProgFDByID
	MapFDByID
	ObjInfo
	ProgQuery
	RawTPOpen
	BTFLoad
	BTFFDByID
	TaskFDQuery
	MapLookupDelete
	MapFreeze
	BTFNextID
	MapLookupBatch
	MapLookupDeleteBatch
	MapUpdateBatch
	MapDeleteBatch
	LinkCreate
	LinkUpdate
	LinkFDByID
	LinkNextID
	EnableStats
	IterCreate
	LinkDetach
	ProgBindMap
	NumCmds
)

// The device's own commands.
const (
	ExtInfo       = 0xC0
	ExtKprobe     = 0xC1
	ExtTracepoint = 0xC2
	ExtPerfAttach = 0xC3
	ExtOutputOpen = 0xC4
	ExtSetBTF     = 0xC5
)

// CmdNames are the commands as a test's name has them.
var CmdNames = [NumCmds]string{
	"map_create", "map_lookup", "map_update", "map_delete", "map_next_key", "prog_load", "obj_pin", "obj_get",
	"prog_attach", "prog_detach", "prog_test_run", "prog_next_id", "map_next_id", "prog_fd_by_id", "map_fd_by_id",
	"obj_info", "prog_query", "raw_tp_open", "btf_load", "btf_fd_by_id", "task_fd_query", "map_lookup_delete",
	"map_freeze", "btf_next_id", "map_lookup_batch", "map_lookup_delete_batch", "map_update_batch",
	"map_delete_batch", "link_create", "link_update", "link_fd_by_id", "link_next_id", "enable_stats",
	"iter_create", "link_detach", "prog_bind_map",
}

// ReturnsFD reports whether the command's result is a new fd.
func ReturnsFD(cmd uint32) bool {
	switch cmd {
	case MapCreate, ProgLoad, ObjGet, ProgFDByID, MapFDByID, RawTPOpen, BTFLoad, BTFFDByID,
		LinkCreate, LinkFDByID, EnableStats, IterCreate, ExtKprobe, ExtTracepoint, ExtPerfAttach, ExtOutputOpen:
		return true
	}
	return false
}

// Map types.
const (
	Hash                = 1
	Array               = 2
	ProgArray           = 3
	PerfArray           = 4
	PerCPUHash          = 5
	PerCPUArray         = 6
	StackTrace          = 7
	LRUHash             = 9
	LRUPerCPUHash       = 10
	LPMTrie             = 11
	ArrayOfMaps         = 12
	HashOfMaps          = 13
	CgroupStorage       = 19
	PerCPUCgroupStorage = 21
	Queue               = 22
	Stack               = 23
	Ringbuf             = 27
	TaskStorage         = 29
	BloomFilter         = 30
	UserRingbuf         = 31
	NumMapTypes         = 32
	RdonlyProg          = 1 << 7
	Rdonly              = 1 << 3
	Wronly              = 1 << 4
	NoPrealloc          = 1
	NoCommonLRU         = 2
	NUMANode            = 1 << 2
	ZeroSeed            = 1 << 6
	InnerMap            = 1 << 12
	UpdateAny           = 0
	UpdateNoexist       = 1
	UpdateExist         = 2
)

// Program types.
const (
	SocketFilter  = 1
	Kprobe        = 2
	Tracepoint    = 5
	PerfEvent     = 7
	CgroupSKB     = 8
	RawTracepoint = 17
)

// Map is the attribute of MapCreate.
func Map(typ, key, value, max, flags uint32) *Attr {
	return NewAttr().U32(0, typ).U32(4, key).U32(8, value).U32(12, max).U32(16, flags)
}

// Elem is the attribute of the commands on one element.
func Elem(fd int, key, value, flags uint64) *Attr {
	return NewAttr().U32(0, uint32(fd)).U64(8, key).U64(16, value).U64(24, flags)
}

// Batch is the attribute of the commands on many elements.
func Batch(fd int, in, out, keys, values uint64, count uint32) *Attr {
	return NewAttr().U64(0, in).U64(8, out).U64(16, keys).U64(24, values).U32(32, count).U32(36, uint32(fd))
}

// Insn is one instruction.
type Insn struct {
	Code     uint8
	Dst, Src uint8
	Off      int16
	Imm      int32
}

// Bytes encodes instructions.
func Bytes(insns ...Insn) []byte {
	b := make([]byte, 0, 8*len(insns))
	for _, i := range insns {
		b = append(b, i.Code, i.Dst|i.Src<<4)
		b = binary.NativeEndian.AppendUint16(b, uint16(i.Off))
		b = binary.NativeEndian.AppendUint32(b, uint32(i.Imm))
	}
	return b
}

// Prog is the attribute of ProgLoad.
func Prog(typ uint32, insns ...Insn) *Attr {
	return NewAttr().U32(0, typ).U32(4, uint32(len(insns))).U64(8, Ptr(Bytes(insns...))).U64(16, CStr("GPL"))
}

// Return0 is the smallest program: r0 = 0; exit.
func Return0() []Insn { return []Insn{{Code: 0xb7}, {Code: 0x95}} }
