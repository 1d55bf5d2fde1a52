// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"encoding/hex"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/ioctl"
)

// objInfo asks about an object into one of ioctl's *Info types.
func objInfo[T any](h *handle, out *T) error {
	fd, err := h.value()
	if err != nil {
		return err
	}
	_, err = ioctl.Do(h.dev, ioctl.ObjGetInfoByFd, &ioctl.InfoAttr{
		BpfFd: fd, InfoLen: uint32(unsafe.Sizeof(*out)), Info: ioctl.NewPointer(unsafe.Pointer(out)),
	})
	return wrapCall("object info", err)
}

// MapInfo describes a map.
type MapInfo struct {
	Type       MapType
	Name       string
	KeySize    uint32
	ValueSize  uint32
	MaxEntries uint32
	Flags      uint32
	id         uint32
	btf        uint32
	key, value uint32
	extra      uint64
}

// ID is the map's id.
func (i *MapInfo) ID() (MapID, bool) { return MapID(i.id), i.id != 0 }

// BTFID is the id of the map's type information.
func (i *MapInfo) BTFID() (btf.ID, bool) { return btf.ID(i.btf), i.btf != 0 }

// MapExtra is what some map types were given beside their flags.
func (i *MapInfo) MapExtra() (uint64, bool) { return i.extra, true }

func mapInfo(h *handle) (*MapInfo, error) {
	var i ioctl.MapInfo
	if err := objInfo(h, &i); err != nil {
		return nil, err
	}
	return &MapInfo{
		Type: MapType(i.Type), Name: ioctl.NameString(i.Name[:]), KeySize: i.KeySize, ValueSize: i.ValueSize,
		MaxEntries: i.MaxEntries, Flags: i.MapFlags, id: i.Id, btf: i.BtfId, key: i.BtfKeyTypeId, value: i.BtfValueTypeId,
		extra: i.MapExtra,
	}, nil
}

// Info describes the map.
func (m *Map) Info() (*MapInfo, error) { return mapInfo(m.handle) }

// Types are the types of keys and values, nil where the map has none.
func (m *Map) Types() (key, value btf.Type, err error) {
	info, err := m.Info()
	if err != nil || info.btf == 0 {
		return nil, nil, err
	}
	spec, err := readBTF(m.dev, info.btf)
	if err != nil {
		return nil, nil, err
	}
	typ := func(id uint32) (btf.Type, error) {
		if id == 0 {
			return nil, nil
		}
		return spec.TypeByID(btf.TypeID(id))
	}
	if key, err = typ(info.key); err != nil {
		return nil, nil, fmt.Errorf("key type of map %s: %w", m.name, err)
	}
	if value, err = typ(info.value); err != nil {
		return nil, nil, fmt.Errorf("value type of map %s: %w", m.name, err)
	}
	return key, value, nil
}

// ProgramInfo describes a program.
type ProgramInfo struct {
	Type ProgramType
	Tag  string
	Name string

	// LoadedAt is the time of its load, since boot.
	LoadedAt time.Duration
	// UID loaded it.
	UID uint32
	// GPL tells whether its licence is compatible with the GPL.
	GPL bool
	// Xlated and Jited are the program's sizes in bytes, as the verifier left
	// it and as machine code; 0: interpreted, or hidden.
	Xlated, Jited uint32
	// Verified is how many instructions the verifier looked at.
	Verified uint32
	// RunCount and Runtime are counted while statistics are on, see
	// EnableStats; Misses are runs that the recursion guard skipped.
	RunCount uint64
	Runtime  time.Duration
	Misses   uint64

	id   uint32
	btf  uint32
	maps []MapID
}

// ID is the program's id.
func (i *ProgramInfo) ID() (ProgramID, bool) { return ProgramID(i.id), i.id != 0 }

// BTFID is the id of the program's type information.
func (i *ProgramInfo) BTFID() (btf.ID, bool) { return btf.ID(i.btf), i.btf != 0 }

// MapIDs are the maps that the program uses.
func (i *ProgramInfo) MapIDs() ([]MapID, bool) { return i.maps, true }

// Info describes the program.
func (p *Program) Info() (*ProgramInfo, error) {
	var i ioctl.ProgInfo
	if err := objInfo(p.handle, &i); err != nil {
		return nil, err
	}
	out := &ProgramInfo{
		Type: ProgramType(i.Type), Tag: hex.EncodeToString(i.Tag[:]), Name: ioctl.NameString(i.Name[:]),
		LoadedAt: time.Duration(i.LoadTime), UID: i.CreatedByUid, GPL: i.Bits&1 != 0,
		Xlated: i.XlatedProgLen, Jited: i.JitedProgLen, Verified: i.VerifiedInsns,
		RunCount: i.RunCnt, Runtime: time.Duration(i.RunTimeNs), Misses: i.RecursionMisses,
		id: i.Id, btf: i.BtfId,
	}
	if i.NrMapIds == 0 {
		return out, nil
	}
	out.maps = make([]MapID, i.NrMapIds)
	i = ioctl.ProgInfo{NrMapIds: uint32(len(out.maps)), MapIds: ioctl.SlicePointer(out.maps)}
	if err := objInfo(p.handle, &i); err != nil {
		return nil, err
	}
	out.maps = out.maps[:min(int(i.NrMapIds), len(out.maps))]
	return out, nil
}

// nextID walks over ids: ErrIterationAborted never, unix.ENOENT at the end.
func nextID(dev ioctl.Device, cmd ioctl.Cmd, id uint32) (uint32, error) {
	a := ioctl.IdAttr{Id: id}
	if _, err := ioctl.Do(dev, cmd, &a); err != nil {
		return 0, err
	}
	return a.NextId, nil
}

// each opens every object that there is, in order of ids, and closes it again.
func each(dev ioctl.Device, cmd ioctl.Cmd, visit func(id uint32) error) error {
	for id := uint32(0); ; {
		next, err := nextID(dev, cmd, id)
		if errors.Is(err, unix.ENOENT) {
			return nil
		}
		if err != nil {
			return wrapCall("next id", err)
		}
		id = next
		// It may have gone meanwhile.
		if err := visit(id); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
}

// EachProgram calls visit with every program of the device; it is closed
// afterwards.
func EachProgram(dev ioctl.Device, visit func(*Program) error) error {
	return each(dev, ioctl.ProgGetNextId, func(id uint32) error {
		p, err := ProgramByID(dev, ProgramID(id))
		if err != nil {
			return err
		}
		defer p.Close()
		return visit(p)
	})
}

// EachMap calls visit with every map of the device; it is closed afterwards.
func EachMap(dev ioctl.Device, visit func(*Map) error) error {
	return each(dev, ioctl.MapGetNextId, func(id uint32) error {
		m, err := MapByID(dev, MapID(id))
		if err != nil {
			return err
		}
		defer m.Close()
		return visit(m)
	})
}

// ProgramGetNextID is the id after the given one, of the default device:
// errors.Is(err, os.ErrNotExist) at the end.
func ProgramGetNextID(id ProgramID) (ProgramID, error) {
	dev, err := DefaultDevice()
	if err != nil {
		return 0, err
	}
	next, err := nextID(dev, ioctl.ProgGetNextId, uint32(id))
	return ProgramID(next), wrapCall("next program", err)
}

// MapGetNextID is the id after the given one, of the default device:
// errors.Is(err, os.ErrNotExist) at the end.
func MapGetNextID(id MapID) (MapID, error) {
	dev, err := DefaultDevice()
	if err != nil {
		return 0, err
	}
	next, err := nextID(dev, ioctl.MapGetNextId, uint32(id))
	return MapID(next), wrapCall("next map", err)
}
