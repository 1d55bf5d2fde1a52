// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"errors"
	"fmt"

	"github.com/bpfshim/bpfshim/ioctl"
)

func (m *Map) op(verb string) string { return verb + " in map " + m.name }

// encodeKey: a queue's key is empty, and may be nil.
func (m *Map) encodeKey(key any) (ioctl.Pointer, error) {
	if m.keySize == 0 && key == nil {
		return ioctl.Pointer{}, nil
	}
	b, err := encode(key, int(m.keySize))
	if err != nil {
		return ioctl.Pointer{}, fmt.Errorf("key: %w", err)
	}
	return ioctl.SlicePointer(b), nil
}

func (m *Map) encodeValue(value any) (ioctl.Pointer, error) {
	var fd *handle
	switch v := value.(type) {
	case *Map:
		if !canStoreMap(m.typ) {
			return ioctl.Pointer{}, fmt.Errorf("%s does not hold maps", m.typ)
		}
		fd = v.handle
	case *Program:
		if !canStoreProgram(m.typ) {
			return ioctl.Pointer{}, fmt.Errorf("%s does not hold programs", m.typ)
		}
		fd = v.handle
	}
	if fd != nil {
		n, err := fd.value()
		if err != nil {
			return ioctl.Pointer{}, err
		}
		value = n
	}
	var b []byte
	var err error
	if hasPerCPUValue(m.typ) {
		b, err = encodePerCPU(value, int(m.valueSize))
	} else {
		b, err = encode(value, int(m.valueSize))
	}
	if err != nil {
		return ioctl.Pointer{}, fmt.Errorf("value: %w", err)
	}
	return ioctl.SlicePointer(b), nil
}

// valueBuffer has room for what a lookup writes.
func (m *Map) valueBuffer() ([]byte, error) {
	if !hasPerCPUValue(m.typ) {
		return make([]byte, m.valueSize), nil
	}
	cpus, err := PossibleCPU()
	if err != nil {
		return nil, err
	}
	return make([]byte, align8(int(m.valueSize))*cpus), nil
}

func (m *Map) decodeValue(out any, b []byte) error {
	switch v := out.(type) {
	case **Map:
		if !canStoreMap(m.typ) {
			return fmt.Errorf("%s does not hold maps", m.typ)
		}
		var id uint32
		if err := decode(&id, b); err != nil {
			return err
		}
		inner, err := MapByID(m.dev, MapID(id))
		if err != nil {
			return err
		}
		(*v).Close()
		*v = inner
		return nil
	case **Program:
		if !canStoreProgram(m.typ) {
			return fmt.Errorf("%s does not hold programs", m.typ)
		}
		var id uint32
		if err := decode(&id, b); err != nil {
			return err
		}
		p, err := ProgramByID(m.dev, ProgramID(id))
		if err != nil {
			return err
		}
		(*v).Close()
		*v = p
		return nil
	}
	if hasPerCPUValue(m.typ) {
		return decodePerCPU(out, int(m.valueSize), b)
	}
	return decode(out, b)
}

func (m *Map) elem(cmd ioctl.Cmd, verb string, key, value ioctl.Pointer, flags uint64) error {
	fd, err := m.value()
	if err != nil {
		return err
	}
	_, err = ioctl.Do(m.dev, cmd, &ioctl.MapElemAttr{MapFd: fd, Key: key, Value: value, Flags: flags})
	return wrapMap(m.op(verb), err)
}

func (m *Map) fetch(cmd ioctl.Cmd, verb string, key any, flags MapLookupFlags) ([]byte, error) {
	k, err := m.encodeKey(key)
	if err != nil {
		return nil, err
	}
	buf, err := m.valueBuffer()
	if err != nil {
		return nil, err
	}
	if err := m.elem(cmd, verb, k, ioctl.SlicePointer(buf), uint64(flags)); err != nil {
		return nil, err
	}
	return buf, nil
}

// Lookup reads the value of a key: ErrKeyNotExist when there is none. Values
// of per-CPU maps are read into a slice.
func (m *Map) Lookup(key, valueOut any) error { return m.LookupWithFlags(key, valueOut, 0) }

// LookupWithFlags is Lookup with flags.
func (m *Map) LookupWithFlags(key, valueOut any, flags MapLookupFlags) error {
	b, err := m.fetch(ioctl.MapLookupElem, "lookup", key, flags)
	if err != nil {
		return err
	}
	return m.decodeValue(valueOut, b)
}

// LookupBytes is the value's raw bytes, or nil when the key does not exist.
// For per-CPU maps it is all CPUs' values, each padded to 8 bytes.
func (m *Map) LookupBytes(key any) ([]byte, error) {
	b, err := m.fetch(ioctl.MapLookupElem, "lookup", key, 0)
	if errors.Is(err, ErrKeyNotExist) {
		return nil, nil
	}
	return b, err
}

// LookupAndDelete reads a value and removes its key in one step.
func (m *Map) LookupAndDelete(key, valueOut any) error {
	return m.LookupAndDeleteWithFlags(key, valueOut, 0)
}

// LookupAndDeleteWithFlags is LookupAndDelete with flags.
func (m *Map) LookupAndDeleteWithFlags(key, valueOut any, flags MapLookupFlags) error {
	b, err := m.fetch(ioctl.MapLookupAndDeleteElem, "lookup and delete", key, flags)
	if err != nil {
		return err
	}
	return m.decodeValue(valueOut, b)
}

// Put sets the value of a key, whether it is there or not.
func (m *Map) Put(key, value any) error { return m.Update(key, value, UpdateAny) }

// Update sets the value of a key: with UpdateNoExist ErrKeyExist when it is
// there, with UpdateExist ErrKeyNotExist when it is not.
func (m *Map) Update(key, value any, flags MapUpdateFlags) error {
	k, err := m.encodeKey(key)
	if err != nil {
		return err
	}
	v, err := m.encodeValue(value)
	if err != nil {
		return err
	}
	return m.elem(ioctl.MapUpdateElem, "update", k, v, uint64(flags))
}

// Delete removes a key: ErrKeyNotExist when it is not there.
func (m *Map) Delete(key any) error {
	k, err := m.encodeKey(key)
	if err != nil {
		return err
	}
	return m.elem(ioctl.MapDeleteElem, "delete", k, ioctl.Pointer{}, 0)
}

// NextKey reads the key that follows the given one, the first when key is nil
// or not in the map: ErrKeyNotExist at the end.
func (m *Map) NextKey(key, nextKeyOut any) error {
	b, err := m.nextKey(key)
	if err != nil {
		return err
	}
	return decode(nextKeyOut, b)
}

// NextKeyBytes is the key that follows the given one, or nil at the end.
func (m *Map) NextKeyBytes(key any) ([]byte, error) {
	b, err := m.nextKey(key)
	if errors.Is(err, ErrKeyNotExist) {
		return nil, nil
	}
	return b, err
}

func (m *Map) nextKey(key any) ([]byte, error) {
	var k ioctl.Pointer
	if key != nil {
		var err error
		if k, err = m.encodeKey(key); err != nil {
			return nil, err
		}
	}
	next := make([]byte, m.keySize)
	if err := m.elem(ioctl.MapGetNextKey, "next key", k, ioctl.SlicePointer(next), 0); err != nil {
		return nil, err
	}
	return next, nil
}

// MapIterator walks over a map.
type MapIterator struct {
	m     *Map
	key   []byte // the last one; nil before the first
	count uint32
	done  bool
	err   error
}

// Iterate walks over all entries. An entry that comes or goes meanwhile may
// be missed or seen twice, as in the kernel.
func (m *Map) Iterate() *MapIterator { return &MapIterator{m: m} }

// Next reads the next entry, and is false at the end or on an error.
func (it *MapIterator) Next(keyOut, valueOut any) bool {
	if it.done || it.err != nil {
		return false
	}
	// Deletion of the last key seen restarts the walk: not without end.
	for ; it.count <= it.m.maxEntries; it.count++ {
		var prev any
		if it.key != nil {
			prev = it.key
		}
		next, err := it.m.nextKey(prev)
		if errors.Is(err, ErrKeyNotExist) {
			it.done = true
			return false
		}
		if err != nil {
			it.err = err
			return false
		}
		it.key = next
		err = it.m.Lookup(next, valueOut)
		if errors.Is(err, ErrKeyNotExist) {
			continue // it went meanwhile, or an object array's slot is empty
		}
		if err == nil {
			err = decode(keyOut, next)
		}
		it.err = err
		it.count++
		return err == nil
	}
	it.err = fmt.Errorf("%s: %w", it.m.op("iterate"), ErrIterationAborted)
	return false
}

// Err is what ended the walk, nil at the end of the map.
func (it *MapIterator) Err() error { return it.err }
