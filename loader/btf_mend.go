// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"
)

// Kinds of types, as the head of a record names them.
const (
	kindInt      = 1
	kindPtr      = 2
	kindArray    = 3
	kindStruct   = 4
	kindUnion    = 5
	kindEnum     = 6
	kindFwd      = 7
	kindTypedef  = 8
	kindVolatile = 9
	kindConst    = 10
	kindRestrict = 11
	kindFunc     = 12
	kindProto    = 13
	kindVar      = 14
	kindDatasec  = 15
	kindDeclTag  = 17
	kindTypeTag  = 18
	kindEnum64   = 19
	btfHeaderLen = 24
	btfHeadLen   = 12
)

var errBTF = errors.New("damaged BTF")

// rawTypes are the records of BTF, in place.
type rawTypes struct {
	types, strs []byte
	at          []uint32 // where the record of an id is; [0] is void's, of which there is none
}

var word = binary.NativeEndian.Uint32

// mendBTF repairs, in place, what pahole makes of a 3.10 kernel. Ids stay.
//
// Debug information knows no size of structures that hold arrays of variable
// length (gcc's, in the kernel's crypto code), and 0 is less than where their
// members are, so that BTF_LOAD would refuse all of the kernel's types.
//
// That kernel has pairs of different structures of one name (ring_buffer), and
// pahole keeps apart whatever leads to them: there are two of perf_event, of
// task_struct and of a hundred others. They are made one again.
func mendBTF(raw []byte) error {
	t, err := scanBTF(raw)
	if err != nil {
		return err
	}
	for id := 1; id < len(t.at); id++ {
		if t.kind(id) == kindStruct {
			t.stretch(id)
		}
	}
	t.merge()
	return nil
}

// scanBTF finds the records.
func scanBTF(raw []byte) (*rawTypes, error) {
	if len(raw) < btfHeaderLen || binary.NativeEndian.Uint16(raw) != 0xeb9f {
		return nil, errBTF
	}
	part := func(off, length uint32) []byte {
		start := uint64(word(raw[4:])) + uint64(off)
		if start+uint64(length) > uint64(len(raw)) {
			return nil
		}
		return raw[start : start+uint64(length)]
	}
	t := &rawTypes{at: []uint32{0}}
	t.types, t.strs = part(word(raw[8:]), word(raw[12:])), part(word(raw[16:]), word(raw[20:]))
	if t.types == nil || t.strs == nil {
		return nil, errBTF
	}
	for pos := uint32(0); uint32(len(t.types))-pos >= btfHeadLen; {
		t.at = append(t.at, pos)
		id := len(t.at) - 1
		n, more := uint32(t.count(id)), uint32(0)
		switch t.kind(id) {
		case kindInt, kindVar, kindDeclTag:
			more = 4
		case kindArray:
			more = 12
		case kindStruct, kindUnion, kindDatasec, kindEnum64:
			more = 12 * n
		case kindEnum, kindProto:
			more = 8 * n
		}
		pos += btfHeadLen
		if uint32(len(t.types))-pos < more {
			return nil, errBTF
		}
		pos += more
	}
	return t, nil
}

// field is a word of a record.
func (t *rawTypes) field(id int, off uint32) uint32 { return word(t.types[t.at[id]+off:]) }

func (t *rawTypes) set(id int, off, v uint32) {
	binary.NativeEndian.PutUint32(t.types[t.at[id]+off:], v)
}

func (t *rawTypes) kind(id int) uint32 { return t.field(id, 4) >> 24 & 0x1f }
func (t *rawTypes) count(id int) int   { return int(t.field(id, 4) & 0xffff) }

func (t *rawTypes) name(id int) string { return t.text(t.field(id, 0)) }

func (t *rawTypes) text(off uint32) string {
	if off >= uint32(len(t.strs)) {
		return ""
	}
	return unix.ByteSliceToString(t.strs[off:])
}

// stretch makes a structure large enough for where its members are, and puts
// none before the one ahead of it, whose end nobody knows.
func (t *rawTypes) stretch(id int) {
	size, last := t.field(id, 8), uint32(0)
	unknown := size == 0
	for i := range t.count(id) {
		off := btfHeadLen + 12*uint32(i) + 8
		bits, length := t.field(id, off), uint32(0)
		if t.field(id, 4)>>31 != 0 {
			bits, length = bits&0xffffff, bits&^0xffffff // the rest is a bit field's length
		}
		if unknown && bits < last {
			bits = last
			t.set(id, off, bits|length)
		}
		last = bits
		size = max(size, (bits+7)/8)
	}
	t.set(id, 8, size)
}

// merge has everything refer to the first of structures and unions that are
// the same, and takes the name from the others.
func (t *rawTypes) merge() {
	byName := map[string][]int{}
	first := map[uint32]uint32{}
	for id := 1; id < len(t.at); id++ {
		if k := t.kind(id); k != kindStruct && k != kindUnion || t.field(id, 0) == 0 {
			continue
		}
		name := t.name(id)
		same := 0
		for _, other := range byName[name] {
			if t.sameMembers(other, id, 0) {
				same = other
				break
			}
		}
		if same == 0 {
			byName[name] = append(byName[name], id)
		} else {
			first[uint32(id)] = uint32(same)
		}
	}
	if len(first) == 0 {
		return
	}
	for id := 1; id < len(t.at); id++ {
		t.references(id, func(off uint32) {
			if to, ok := first[t.field(id, off)]; ok {
				t.set(id, off, to)
			}
		})
	}
	for id := range first {
		t.set(int(id), 0, 0)
	}
}

// references calls f with where the record names other types.
func (t *rawTypes) references(id int, f func(off uint32)) {
	list := func(first, step uint32) {
		for i := range t.count(id) {
			f(btfHeadLen + step*uint32(i) + first)
		}
	}
	switch t.kind(id) {
	case kindPtr, kindTypedef, kindVolatile, kindConst, kindRestrict, kindFunc, kindVar, kindDeclTag, kindTypeTag:
		f(8)
	case kindArray:
		f(btfHeadLen)
		f(btfHeadLen + 4)
	case kindStruct, kindUnion:
		list(4, 12)
	case kindProto:
		f(8)
		list(4, 8)
	case kindDatasec:
		list(0, 12)
	}
}

// sameMembers: two structures or unions of the same layout, whose members have
// the same names and are of the same types. What pointers lead to is told by
// its name.
func (t *rawTypes) sameMembers(a, b, depth int) bool {
	if t.field(a, 4) != t.field(b, 4) || t.field(a, 8) != t.field(b, 8) || depth > 32 {
		return false
	}
	for i := range t.count(a) {
		off := btfHeadLen + 12*uint32(i)
		if t.field(a, off+8) != t.field(b, off+8) || t.text(t.field(a, off)) != t.text(t.field(b, off)) ||
			!t.sameType(t.field(a, off+4), t.field(b, off+4), false, depth+1) {
			return false
		}
	}
	return true
}

func (t *rawTypes) sameType(x, y uint32, pointed bool, depth int) bool {
	a, b := int(x), int(y)
	switch {
	case a == b:
		return true
	case a == 0 || b == 0 || a >= len(t.at) || b >= len(t.at) || depth > 32:
		return false
	}
	name, kind := t.name(a), t.kind(a)
	if name != t.name(b) {
		return false
	}
	aggregate := func(k uint32) bool { return k == kindStruct || k == kindUnion || k == kindFwd }
	if pointed && name != "" && aggregate(kind) && aggregate(t.kind(b)) {
		return true
	}
	if kind != t.kind(b) {
		return false
	}
	switch kind {
	case kindPtr:
		return t.sameType(t.field(a, 8), t.field(b, 8), true, depth+1)
	case kindTypedef, kindVolatile, kindConst, kindRestrict, kindTypeTag:
		return t.sameType(t.field(a, 8), t.field(b, 8), pointed, depth+1)
	case kindArray:
		return t.field(a, btfHeadLen+8) == t.field(b, btfHeadLen+8) &&
			t.sameType(t.field(a, btfHeadLen), t.field(b, btfHeadLen), false, depth+1)
	case kindStruct, kindUnion:
		if name != "" {
			return t.field(a, 4) == t.field(b, 4) && t.field(a, 8) == t.field(b, 8)
		}
		return t.sameMembers(a, b, depth+1)
	case kindProto:
		if t.count(a) != t.count(b) || !t.sameType(t.field(a, 8), t.field(b, 8), false, depth+1) {
			return false
		}
		for i := range t.count(a) {
			off := btfHeadLen + 8*uint32(i) + 4
			if !t.sameType(t.field(a, off), t.field(b, off), false, depth+1) {
				return false
			}
		}
		return true
	case kindInt, kindEnum, kindEnum64:
		return t.field(a, 4) == t.field(b, 4) && t.field(a, 8) == t.field(b, 8)
	}
	return true
}
