// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/ioctl"
)

// MapOptions control the creation of maps.
type MapOptions struct {
	// PinPath is the directory of maps that are pinned by name.
	PinPath string
	// Device makes the map; nil: the default device.
	Device ioctl.Device
}

// Map is a map of the device. It is not safe to close a Map that other
// goroutines use.
type Map struct {
	*handle
	name       string
	typ        MapType
	keySize    uint32
	valueSize  uint32
	maxEntries uint32
	flags      uint32
	pinned     string
}

// NewMap creates a map.
func NewMap(spec *MapSpec) (*Map, error) {
	return NewMapWithOptions(spec, MapOptions{})
}

// NewMapWithOptions creates a map, fills it with the spec's contents and
// freezes it when it is one of constants.
func NewMapWithOptions(spec *MapSpec, opts MapOptions) (*Map, error) {
	dev, err := orDefault(opts.Device)
	if err != nil {
		return nil, err
	}
	opts.Device = dev
	m, err := newMap(spec, opts)
	if err != nil {
		return nil, err
	}
	if err := m.finalize(spec, spec.Contents); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// fixedSpec is the spec with what its type implies filled in.
func fixedSpec(spec *MapSpec) (*MapSpec, error) {
	if spec.Type != PerfEventArray && !canStoreMap(spec.Type) {
		return spec, nil
	}
	spec = spec.Copy()
	if spec.ValueSize != 0 && spec.ValueSize != 4 {
		return nil, fmt.Errorf("a value of %s has 4 bytes, not %d", spec.Type, spec.ValueSize)
	}
	spec.ValueSize = 4
	if spec.Type != PerfEventArray {
		return spec, nil
	}
	if spec.KeySize != 0 && spec.KeySize != 4 {
		return nil, fmt.Errorf("a key of %s has 4 bytes, not %d", spec.Type, spec.KeySize)
	}
	spec.KeySize = 4
	cpus, err := PossibleCPU()
	if err != nil {
		return nil, err
	}
	if spec.MaxEntries == 0 || spec.MaxEntries > uint32(cpus) {
		spec.MaxEntries = uint32(cpus)
	}
	return spec, nil
}

// newMap creates a map, or opens the one that is pinned under its name. It
// stays empty.
func newMap(spec *MapSpec, opts MapOptions) (*Map, error) {
	spec, err := fixedSpec(spec)
	if err != nil {
		return nil, err
	}
	switch spec.Pinning {
	case PinNone:
		return createMap(opts.Device, spec)
	case PinByName:
	default:
		return nil, fmt.Errorf("pin type %d: %w", spec.Pinning, ErrNotSupported)
	}
	if spec.Name == "" || opts.PinPath == "" {
		return nil, errors.New("to be pinned by name, a map needs a name and MapOptions.PinPath")
	}
	path := filepath.Join(opts.PinPath, spec.Name)
	m, err := loadPinnedMap(opts.Device, path, 0)
	if err == nil {
		if err := compatible(spec, m); err != nil {
			m.Close()
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return m, nil
	}
	if !errors.Is(err, unix.ENOENT) {
		return nil, err
	}
	if m, err = createMap(opts.Device, spec); err != nil {
		return nil, err
	}
	if err := m.Pin(path); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

func createMap(dev ioctl.Device, spec *MapSpec) (*Map, error) {
	attr := ioctl.MapCreateAttr{
		MapType:    uint32(spec.Type),
		KeySize:    spec.KeySize,
		ValueSize:  spec.ValueSize,
		MaxEntries: spec.MaxEntries,
		MapFlags:   spec.Flags,
		NumaNode:   spec.NumaNode,
		MapName:    ioctl.ObjName(spec.Name),
		MapExtra:   spec.MapExtra,
	}
	if canStoreMap(spec.Type) {
		if spec.InnerMap == nil {
			return nil, fmt.Errorf("%s without InnerMap", spec.Type)
		}
		inner, err := fixedSpec(spec.InnerMap)
		if err != nil {
			return nil, fmt.Errorf("inner map: %w", err)
		}
		// A pattern for the kernel only.
		template, err := createMap(dev, inner)
		if err != nil {
			return nil, fmt.Errorf("inner map: %w", err)
		}
		defer template.Close()
		attr.InnerMapFd = uint32(template.FD())
	}
	if mapNeedsKernelTypes(spec.Value) {
		giveKernelTypes(dev)
	}
	if spec.Key != nil || spec.Value != nil {
		h, key, value, err := loadMapBTF(dev, spec.Key, spec.Value)
		if err != nil {
			return nil, err
		}
		defer h.Close()
		attr.BtfFd, attr.BtfKeyTypeId, attr.BtfValueTypeId = uint32(h.FD()), uint32(key), uint32(value)
	}
	fd, err := ioctl.Do(dev, ioctl.MapCreate, &attr)
	if err != nil && attr.BtfFd != 0 && (errors.Is(err, enotsupp) || errors.Is(err, unix.EINVAL)) {
		// Some types take no BTF.
		attr.BtfFd, attr.BtfKeyTypeId, attr.BtfValueTypeId = 0, 0, 0
		fd, err = ioctl.Do(dev, ioctl.MapCreate, &attr)
	}
	if err != nil {
		return nil, createError(spec, err)
	}
	return &Map{
		handle: newHandle(dev, fd), name: spec.Name, typ: spec.Type,
		keySize: spec.KeySize, valueSize: spec.ValueSize, maxEntries: spec.MaxEntries, flags: spec.Flags,
	}, nil
}

func createError(spec *MapSpec, err error) error {
	op := fmt.Sprintf("create %s map (key %d, value %d, %d entries, flags %#x)",
		spec.Type, spec.KeySize, spec.ValueSize, spec.MaxEntries, spec.Flags)
	switch {
	case errors.Is(err, unix.EINVAL) && spec.MaxEntries == 0:
		op += ": max_entries is 0"
	case errors.Is(err, unix.EPERM):
		op += ": CAP_SYS_ADMIN is missing, or RLIMIT_MEMLOCK too low"
	}
	return wrapCall(op, err)
}

func loadMapBTF(dev ioctl.Device, key, value btf.Type) (_ *handle, keyID, valueID btf.TypeID, err error) {
	var b btf.Builder
	if key != nil {
		if keyID, err = b.Add(key); err != nil {
			return nil, 0, 0, fmt.Errorf("key type: %w", err)
		}
	}
	if value != nil {
		if valueID, err = b.Add(value); err != nil {
			return nil, 0, 0, fmt.Errorf("value type: %w", err)
		}
	}
	h, err := loadBTF(dev, &b)
	return h, keyID, valueID, err
}

// finalize fills a map and freezes it when it holds constants.
func (m *Map) finalize(spec *MapSpec, contents []MapKV) error {
	for _, kv := range contents {
		if err := m.Put(kv.Key, kv.Value); err != nil {
			return fmt.Errorf("key %v: %w", kv.Key, err)
		}
	}
	if isConstantSection(spec.Name) {
		return m.Freeze()
	}
	return nil
}

// isDataSection: a map of global variables.
func isDataSection(name string) bool {
	return name == ".bss" || strings.HasPrefix(name, ".data") || strings.HasPrefix(name, ".rodata")
}

func isConstantSection(name string) bool {
	return strings.HasPrefix(name, ".rodata") || name == ".kconfig"
}

// compatible says whether a map can stand in for the spec.
func compatible(spec *MapSpec, m *Map) error {
	spec, err := fixedSpec(spec)
	if err != nil {
		return err
	}
	var diffs []string
	differ := func(what string, want, have any) {
		if want != have {
			diffs = append(diffs, fmt.Sprintf("%s: %v instead of %v", what, have, want))
		}
	}
	differ("type", spec.Type, m.typ)
	differ("key size", spec.KeySize, m.keySize)
	differ("value size", spec.ValueSize, m.valueSize)
	differ("max entries", spec.MaxEntries, m.maxEntries)
	differ("flags", spec.Flags, m.flags)
	if diffs == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", strings.Join(diffs, ", "), ErrMapIncompatible)
}

// NewMapFromFD takes over a map's file descriptor of the default device.
func NewMapFromFD(fd int) (*Map, error) {
	dev, err := DefaultDevice()
	if err != nil {
		return nil, err
	}
	return newMapFromHandle(newHandle(dev, fd))
}

// NewMapFromID opens a map of the default device by its id.
func NewMapFromID(id MapID) (*Map, error) {
	dev, err := DefaultDevice()
	if err != nil {
		return nil, err
	}
	return MapByID(dev, id)
}

// MapByID opens a map by its id: errors.Is(err, unix.ENOENT) when there is none.
func MapByID(dev ioctl.Device, id MapID) (*Map, error) {
	fd, err := ioctl.Do(dev, ioctl.MapGetFdById, &ioctl.IdAttr{Id: uint32(id)})
	if err != nil {
		return nil, wrapCall(fmt.Sprintf("map %d", id), err)
	}
	return newMapFromHandle(newHandle(dev, fd))
}

// newMapFromHandle closes h on errors.
func newMapFromHandle(h *handle) (*Map, error) {
	info, err := mapInfo(h)
	if err != nil {
		h.Close()
		return nil, err
	}
	return &Map{
		handle: h, name: info.Name, typ: info.Type, keySize: info.KeySize,
		valueSize: info.ValueSize, maxEntries: info.MaxEntries, flags: info.Flags,
	}, nil
}

// String says type, name and file descriptor.
func (m *Map) String() string { return fmt.Sprintf("%s(%s)#%d", m.typ, m.name, m.FD()) }

// Type is the map's type.
func (m *Map) Type() MapType { return m.typ }

// KeySize is the size of a key in bytes.
func (m *Map) KeySize() uint32 { return m.keySize }

// ValueSize is the size of a value in bytes; of one CPU's value in per-CPU maps.
func (m *Map) ValueSize() uint32 { return m.valueSize }

// MaxEntries is the most entries the map can hold.
func (m *Map) MaxEntries() uint32 { return m.maxEntries }

// Flags are those of the map's creation.
func (m *Map) Flags() uint32 { return m.flags }

// Device is whose map it is.
func (m *Map) Device() ioctl.Device { return m.dev }

// Close closes the map's file descriptor. The map itself goes with its last
// user.
func (m *Map) Close() error {
	if m == nil {
		return nil
	}
	return m.handle.Close()
}

// Clone opens the map a second time.
func (m *Map) Clone() (*Map, error) {
	if m == nil {
		return nil, nil
	}
	h, err := m.dup()
	if err != nil {
		return nil, err
	}
	dup := *m
	dup.handle, dup.pinned = h, ""
	return &dup, nil
}

// Freeze makes the map read-only for user space, and its contents constants
// for the verifier.
func (m *Map) Freeze() error {
	fd, err := m.value()
	if err != nil {
		return err
	}
	_, err = ioctl.Do(m.dev, ioctl.MapFreeze, &ioctl.MapElemAttr{MapFd: fd})
	return wrapCall("freeze map "+m.name, err)
}
