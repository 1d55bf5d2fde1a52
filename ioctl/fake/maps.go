// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/ioctl"
)

// mapObject is a map of any type, as bytes. Its keys keep their order.
type mapObject struct {
	attr   ioctl.MapCreateAttr
	btf    *object
	keys   []string
	values map[string][]byte
	frozen bool
	ring   *ring // of a ring buffer
}

// room is a value's size in a call.
func (d *Device) room(m *mapObject) int {
	switch ioctl.MapType(m.attr.MapType) {
	case ioctl.MapTypePercpuArray, ioctl.MapTypePercpuHash, ioctl.MapTypeLruPercpuHash:
		return (int(m.attr.ValueSize) + 7) &^ 7 * d.cpus
	}
	return int(m.attr.ValueSize)
}

func (m *mapObject) isArray() bool {
	switch ioctl.MapType(m.attr.MapType) {
	case ioctl.MapTypeArray, ioctl.MapTypePercpuArray:
		return true
	}
	return m.holdsFDs() && ioctl.MapType(m.attr.MapType) != ioctl.MapTypeHashOfMaps
}

func (m *mapObject) holdsFDs() bool {
	switch ioctl.MapType(m.attr.MapType) {
	case ioctl.MapTypePerfEventArray, ioctl.MapTypeProgArray, ioctl.MapTypeArrayOfMaps, ioctl.MapTypeHashOfMaps:
		return true
	}
	return false
}

func (d *Device) mapCreate(a *ioctl.MapCreateAttr) (int, error) {
	typ := ioctl.MapType(a.MapType)
	if typ == ioctl.MapTypeUnspec || typ >= ioctl.MapTypeMax || a.MaxEntries == 0 {
		return -1, unix.EINVAL
	}
	m := &mapObject{attr: *a, values: map[string][]byte{}}
	if a.BtfFd != 0 {
		o, err := d.get(a.BtfFd, "btf")
		if err != nil {
			return -1, err
		}
		m.btf = o
		if typ == ioctl.MapTypePerfEventArray {
			return -1, unix.Errno(524) // as the kernel: such a map has no BTF
		}
	}
	if typ == ioctl.MapTypeArrayOfMaps || typ == ioctl.MapTypeHashOfMaps {
		if _, err := d.get(a.InnerMapFd, "map"); err != nil {
			return -1, err
		}
	}
	if typ == ioctl.MapTypeRingbuf {
		var err error
		if m.ring, err = newRing(int(a.MaxEntries)); err != nil {
			return -1, err
		}
	}
	if m.isArray() && !m.holdsFDs() {
		for i := range a.MaxEntries {
			k := string(binary.NativeEndian.AppendUint32(nil, i))
			m.keys = append(m.keys, k)
			m.values[k] = make([]byte, d.room(m))
		}
	}
	return d.install(&object{kind: "map", m: m}), nil
}

func (d *Device) mapElem(cmd ioctl.Cmd, a *ioctl.MapElemAttr) error {
	o, err := d.get(a.MapFd, "map")
	if err != nil {
		return err
	}
	m := o.m
	key := string(bytesAt(a.Key, int(m.attr.KeySize)))
	var value []byte
	if cmd != ioctl.MapGetNextKey && cmd != ioctl.MapFreeze && cmd != ioctl.MapDeleteElem {
		value = bytesAt(a.Value, d.room(m))
	}
	old, there := m.values[key]
	switch cmd {
	case ioctl.MapFreeze:
		if m.frozen {
			return unix.EBUSY
		}
		m.frozen = true
	case ioctl.MapLookupElem, ioctl.MapLookupAndDeleteElem:
		if !there {
			return unix.ENOENT
		}
		copy(value, old)
		if cmd == ioctl.MapLookupAndDeleteElem {
			m.remove(key)
		}
	case ioctl.MapUpdateElem:
		switch {
		case m.frozen:
			return unix.EPERM
		case a.Flags == ioctl.Noexist && (there || m.isArray()):
			return unix.EEXIST
		case a.Flags == ioctl.Exist && !there:
			return unix.ENOENT
		case m.isArray() && binary.NativeEndian.Uint32([]byte(key)) >= m.attr.MaxEntries:
			return unix.E2BIG
		case !there && len(m.keys) >= int(m.attr.MaxEntries):
			return unix.E2BIG
		}
		v := slices.Clone(value)
		if m.holdsFDs() {
			// Kept as the object's id, as lookups return it.
			held := d.fds[int(binary.NativeEndian.Uint32(v))]
			if held == nil {
				return unix.EBADF
			}
			v = binary.NativeEndian.AppendUint32(nil, held.id)
		}
		if !there {
			m.keys = append(m.keys, key)
		}
		m.values[key] = v
	case ioctl.MapDeleteElem:
		switch {
		case m.frozen:
			return unix.EPERM
		case m.isArray() && !m.holdsFDs():
			return unix.EINVAL
		case !there:
			return unix.ENOENT
		}
		m.remove(key)
	case ioctl.MapGetNextKey:
		i := 0
		if !a.Key.IsNil() {
			i = slices.Index(m.keys, key) + 1
		}
		if i >= len(m.keys) {
			return unix.ENOENT
		}
		copy(bytesAt(a.Value, int(m.attr.KeySize)), m.keys[i])
	}
	return nil
}

func (m *mapObject) remove(key string) {
	delete(m.values, key)
	m.keys = slices.DeleteFunc(m.keys, func(k string) bool { return k == key })
}

// MapValue is what a live map of that name holds for a key; nil: nothing.
// Of maps that hold objects it is the object's id.
func (d *Device) MapValue(name string, key []byte) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m := d.mapNamed(name); m != nil {
		return m.values[string(key)]
	}
	return nil
}

// Frozen reports whether the live map of that name is.
func (d *Device) Frozen(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := d.mapNamed(name)
	return m != nil && m.frozen
}

func (d *Device) mapNamed(name string) *mapObject {
	for _, o := range d.byID("map") {
		if ioctl.NameString(o.m.attr.MapName[:]) == name {
			return o.m
		}
	}
	return nil
}
