// SPDX-License-Identifier: Apache-2.0

// Package decode turns bytes into text by their BTF types, and back: events,
// keys and values of maps.
//
// As JSON, structs and unions are objects in the order of their members, and
// anonymous members are part of what holds them. Arrays of char are strings up
// to the first NUL (bytes that are no UTF-8 become U+FFFD), other arrays are
// arrays; an array without a length takes what is left. Enums are names, or
// numbers where no name is known; bool is true or false; numbers and pointers
// are numbers. Members that lie past the end of the bytes are left out.
package decode

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/cilium/ebpf/btf"
)

// JSON appends the JSON of data, which is of type typ, to dst.
func JSON(dst []byte, typ btf.Type, data []byte) ([]byte, error) {
	return (&printer{json: true}).value(dst, typ, data, 0)
}

// Text is like JSON for people: member=value, strings quoted, pointers in hex.
func Text(dst []byte, typ btf.Type, data []byte) ([]byte, error) {
	return (&printer{}).value(dst, typ, data, 0)
}

type printer struct{ json bool }

// maxDepth bounds how deep types nest, against ones that hold themselves.
const maxDepth = 64

func (p *printer) value(dst []byte, typ btf.Type, data []byte, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%v nests too deep", typ)
	}
	switch t := btf.UnderlyingType(typ).(type) {
	case *btf.Struct:
		return p.members(dst, t.Members, data, depth)
	case *btf.Union:
		return p.members(dst, t.Members, data, depth)
	case *btf.Datasec:
		return p.section(dst, t, data, depth)
	case *btf.Var:
		return p.value(dst, t.Type, data, depth+1)
	case *btf.Array:
		return p.array(dst, t, data, depth)
	case *btf.Int:
		u, err := readUint(data, t.Size)
		if err != nil {
			return nil, fmt.Errorf("%v: %w", t, err)
		}
		return p.integer(dst, t, u, 8*t.Size), nil
	case *btf.Enum:
		u, err := readUint(data, t.Size)
		if err != nil {
			return nil, fmt.Errorf("%v: %w", t, err)
		}
		return p.enum(dst, t, u, 8*t.Size), nil
	case *btf.Pointer:
		u, err := readUint(data, 8)
		if err != nil {
			return nil, fmt.Errorf("%v: %w", t, err)
		}
		if p.json {
			return strconv.AppendUint(dst, u, 10), nil
		}
		return fmt.Appendf(dst, "%#x", u), nil
	case *btf.Float:
		u, err := readUint(data, t.Size)
		if err != nil {
			return nil, fmt.Errorf("%v: %w", t, err)
		}
		f := math.Float64frombits(u)
		if t.Size == 4 {
			f = float64(math.Float32frombits(uint32(u)))
		}
		if p.json && (math.IsNaN(f) || math.IsInf(f, 0)) {
			return append(dst, "null"...), nil
		}
		return strconv.AppendFloat(dst, f, 'g', -1, int(8*t.Size)), nil
	}
	return nil, fmt.Errorf("%v cannot be printed", typ)
}

// readUint reads a number of 1, 2, 4, 8 or (its low half) 16 bytes.
func readUint(data []byte, size uint32) (uint64, error) {
	if uint64(len(data)) < uint64(size) {
		return 0, fmt.Errorf("%d of %d bytes", len(data), size)
	}
	switch size {
	case 1:
		return uint64(data[0]), nil
	case 2:
		return uint64(binary.NativeEndian.Uint16(data)), nil
	case 4:
		return uint64(binary.NativeEndian.Uint32(data)), nil
	case 8, 16:
		return binary.NativeEndian.Uint64(data), nil
	}
	return 0, fmt.Errorf("a number of %d bytes", size)
}

func signExtend(u uint64, bits uint32) int64 {
	shift := 64 - min(bits, 64)
	return int64(u<<shift) >> shift
}

func (p *printer) integer(dst []byte, t *btf.Int, u uint64, bits uint32) []byte {
	switch {
	case t.Encoding == btf.Bool:
		return strconv.AppendBool(dst, u != 0)
	case t.Encoding == btf.Signed:
		return strconv.AppendInt(dst, signExtend(u, bits), 10)
	}
	return strconv.AppendUint(dst, u, 10)
}

func (p *printer) enum(dst []byte, t *btf.Enum, u uint64, bits uint32) []byte {
	mask := uint64(math.MaxUint64)
	if bits < 64 {
		mask = 1<<bits - 1
	}
	for _, v := range t.Values {
		if v.Value&mask == u&mask {
			if p.json {
				return p.quote(dst, v.Name)
			}
			return append(dst, v.Name...)
		}
	}
	if t.Signed {
		return strconv.AppendInt(dst, signExtend(u, bits), 10)
	}
	return strconv.AppendUint(dst, u, 10)
}

func (p *printer) quote(dst []byte, s string) []byte {
	if !p.json {
		return strconv.AppendQuote(dst, s)
	}
	b, _ := json.Marshal(strings.ToValidUTF8(s, "\ufffd"))
	return append(dst, b...)
}

// isChar: C's char, which is a signed byte of that name to clang.
func isChar(typ btf.Type) bool {
	t, ok := btf.UnderlyingType(typ).(*btf.Int)
	return ok && t.Size == 1 && (t.Encoding == btf.Char || t.Name == "char")
}

func (p *printer) array(dst []byte, t *btf.Array, data []byte, depth int) ([]byte, error) {
	size, err := btf.Sizeof(t.Type)
	if err != nil {
		return nil, err
	}
	n := int(t.Nelems)
	if n == 0 && size > 0 {
		n = len(data) / size
	}
	if isChar(t.Type) {
		text := data[:min(n, len(data))]
		if i := bytes.IndexByte(text, 0); i >= 0 {
			text = text[:i]
		}
		return p.quote(dst, string(text)), nil
	}
	dst = append(dst, '[')
	for i := range n {
		if (i+1)*size > len(data) {
			break
		}
		if i > 0 {
			dst = p.comma(dst)
		}
		if dst, err = p.value(dst, t.Type, data[i*size:][:size], depth+1); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func (p *printer) comma(dst []byte) []byte {
	if p.json {
		return append(dst, ',')
	}
	return append(dst, ", "...)
}

func (p *printer) name(dst []byte, name string) []byte {
	if p.json {
		return append(p.quote(dst, name), ':')
	}
	return append(append(dst, name...), '=')
}

func (p *printer) members(dst []byte, members []btf.Member, data []byte, depth int) ([]byte, error) {
	dst = append(dst, '{')
	start := len(dst)
	dst, err := p.inner(dst, start, members, data, depth)
	if err != nil {
		return nil, err
	}
	return append(dst, '}'), nil
}

// inner prints members into the object whose text begins at start.
func (p *printer) inner(dst []byte, start int, members []btf.Member, data []byte, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("a type nests too deep")
	}
	for _, m := range members {
		if m.BitfieldSize > 0 {
			u, ok := bits(data, uint32(m.Offset), uint32(m.BitfieldSize))
			if !ok || m.Name == "" {
				continue
			}
			if len(dst) > start {
				dst = p.comma(dst)
			}
			dst = p.name(dst, m.Name)
			switch t := btf.UnderlyingType(m.Type).(type) {
			case *btf.Int:
				dst = p.integer(dst, t, u, uint32(m.BitfieldSize))
			case *btf.Enum:
				dst = p.enum(dst, t, u, uint32(m.BitfieldSize))
			default:
				return nil, fmt.Errorf("bit-field %s of type %v", m.Name, m.Type)
			}
			continue
		}
		off := int(m.Offset.Bytes())
		if off > len(data) {
			continue
		}
		field := data[off:]
		size, err := btf.Sizeof(m.Type)
		if err != nil {
			return nil, fmt.Errorf("member %s: %w", m.Name, err)
		}
		if size > len(field) {
			continue // cut off
		}
		if size > 0 {
			field = field[:size]
		}
		if m.Name == "" {
			var nested []btf.Member
			switch t := btf.UnderlyingType(m.Type).(type) {
			case *btf.Struct:
				nested = t.Members
			case *btf.Union:
				nested = t.Members
			default:
				continue
			}
			if dst, err = p.inner(dst, start, nested, field, depth+1); err != nil {
				return nil, err
			}
			continue
		}
		if len(dst) > start {
			dst = p.comma(dst)
		}
		dst = p.name(dst, m.Name)
		if dst, err = p.value(dst, m.Type, field, depth+1); err != nil {
			return nil, fmt.Errorf("member %s: %w", m.Name, err)
		}
	}
	return dst, nil
}

// bits reads a bit-field of up to 64 bits at a bit offset.
func bits(data []byte, off, size uint32) (uint64, bool) {
	if size > 64 || uint64(off)+uint64(size) > 8*uint64(len(data)) {
		return 0, false
	}
	var u uint64
	for i := uint32(0); i < size; i++ {
		bit := off + i
		u |= uint64(data[bit/8]>>(bit%8)&1) << i
	}
	return u, true
}

// section prints global variables by name.
func (p *printer) section(dst []byte, ds *btf.Datasec, data []byte, depth int) ([]byte, error) {
	dst = append(dst, '{')
	first := true
	for _, v := range ds.Vars {
		if uint64(v.Offset)+uint64(v.Size) > uint64(len(data)) {
			continue
		}
		if !first {
			dst = p.comma(dst)
		}
		first = false
		dst = p.name(dst, v.Type.TypeName())
		var err error
		if dst, err = p.value(dst, v.Type, data[v.Offset:][:v.Size], depth+1); err != nil {
			return nil, fmt.Errorf("variable %s: %w", v.Type.TypeName(), err)
		}
	}
	return append(dst, '}'), nil
}
