// SPDX-License-Identifier: Apache-2.0

package decode

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/cilium/ebpf/btf"
)

// Parse is the reverse of JSON, for people to type: the bytes of a value of
// type typ, which may be nil, and size. Text is one of
//   - hex:0a00ff01 or "hex 0a 00 ff 01": the bytes themselves;
//   - a number, such as 10, -1 or 0x10, for values of 1, 2, 4 or 8 bytes;
//   - a name of an enum's value, true or false, or characters for an array of
//     char, as typ has it;
//   - JSON as the package's JSON function writes it. Members that it leaves
//     out are zero.
func Parse(typ btf.Type, size int, text string) ([]byte, error) {
	out := make([]byte, size)
	text = strings.TrimSpace(text)
	if rest, ok := cutHex(text); ok {
		b, err := hex.DecodeString(rest)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
		if len(b) != size {
			return nil, fmt.Errorf("%q is %d bytes, not %d", text, len(b), size)
		}
		return b, nil
	}
	if typ == nil {
		return out, putNumber(out, text)
	}
	if _, void := btf.UnderlyingType(typ).(*btf.Void); void {
		return out, putNumber(out, text)
	}
	var v any
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil || dec.InputOffset() != int64(len(text)) {
		v = bareword(text)
	}
	return out, put(out, typ, v, 0)
}

// bareword is text that is no JSON: a name or a number such as 0x10.
type bareword string

func cutHex(text string) (string, bool) {
	rest, ok := strings.CutPrefix(text, "hex:")
	if !ok {
		if rest, ok = strings.CutPrefix(text, "hex "); !ok {
			return "", false
		}
	}
	return strings.Join(strings.Fields(rest), ""), true
}

func putNumber(out []byte, text string) error {
	i, err := strconv.ParseInt(text, 0, 64)
	u := uint64(i)
	if err != nil {
		if u, err = strconv.ParseUint(text, 0, 64); err != nil {
			return fmt.Errorf("%q is no number", text)
		}
	}
	bits := 8 * len(out)
	if bits < 64 && (i >= 0 && u>>bits != 0 || i < 0 && i < -1<<(bits-1)) {
		return fmt.Errorf("%s does not fit %d bytes", text, len(out))
	}
	switch len(out) {
	case 1:
		out[0] = byte(u)
	case 2:
		binary.NativeEndian.PutUint16(out, uint16(u))
	case 4:
		binary.NativeEndian.PutUint32(out, uint32(u))
	case 8:
		binary.NativeEndian.PutUint64(out, u)
	default:
		return fmt.Errorf("a number for %d bytes: give hex:%s", len(out), strings.Repeat("00", min(len(out), 4)))
	}
	return nil
}

func put(out []byte, typ btf.Type, v any, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%v nests too deep", typ)
	}
	switch t := btf.UnderlyingType(typ).(type) {
	case *btf.Struct:
		return putMembers(out, t.Members, v, depth)
	case *btf.Union:
		return putMembers(out, t.Members, v, depth)
	case *btf.Array:
		return putArray(out, t, v, depth)
	case *btf.Enum:
		for _, e := range t.Values {
			if text(v) == e.Name {
				var b [8]byte
				binary.NativeEndian.PutUint64(b[:], e.Value)
				copy(out, b[:]) // little-endian, as every supported machine
				return nil
			}
		}
		return putNumber(out[:t.Size], text(v))
	case *btf.Int:
		s := text(v)
		switch {
		case t.Encoding == btf.Bool && s == "true":
			s = "1"
		case t.Encoding == btf.Bool && s == "false":
			s = "0"
		case isChar(t) && len(s) == 1 && (s[0] < '0' || s[0] > '9'):
			out[0] = s[0]
			return nil
		}
		return putNumber(out[:t.Size], s)
	case *btf.Pointer:
		return putNumber(out[:8], text(v))
	}
	return fmt.Errorf("%v cannot be given as text: use hex:", typ)
}

// text is a scalar as it was typed.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bareword:
		return string(v)
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return fmt.Sprint(v)
}

func putArray(out []byte, t *btf.Array, v any, depth int) error {
	size, err := btf.Sizeof(t.Type)
	if err != nil {
		return err
	}
	if isChar(t.Type) {
		if _, list := v.([]any); !list {
			s := text(v)
			if len(s) > len(out) {
				return fmt.Errorf("%q does not fit %d bytes", s, len(out))
			}
			copy(out, s)
			return nil
		}
	}
	list, ok := v.([]any)
	if !ok {
		return fmt.Errorf("%v: %v instead of an array", t, v)
	}
	if len(list)*size > len(out) {
		return fmt.Errorf("%v: %d elements", t, len(list))
	}
	for i, e := range list {
		if err := put(out[i*size:][:size], t.Type, e, depth+1); err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
	}
	return nil
}

func firstMember(members []btf.Member) string {
	for _, m := range members {
		if m.Name != "" {
			return m.Name
		}
	}
	return "member"
}

func putMembers(out []byte, members []btf.Member, v any, depth int) error {
	obj, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%v is no object, such as {%q: 1}", v, firstMember(members))
	}
	left := len(obj)
	n, err := putInner(out, members, obj, depth)
	if err != nil {
		return err
	}
	if n != left {
		return errors.New("a member that the type does not have: it has " + memberNames(members))
	}
	return nil
}

// putInner returns how many members of obj it found.
func putInner(out []byte, members []btf.Member, obj map[string]any, depth int) (int, error) {
	found := 0
	for _, m := range members {
		size, err := btf.Sizeof(m.Type)
		if err != nil {
			return 0, err
		}
		at := int(m.Offset.Bytes())
		if m.Name == "" {
			var nested []btf.Member
			switch t := btf.UnderlyingType(m.Type).(type) {
			case *btf.Struct:
				nested = t.Members
			case *btf.Union:
				nested = t.Members
			}
			n, err := putInner(out[at:][:size], nested, obj, depth+1)
			if err != nil {
				return 0, err
			}
			found += n
			continue
		}
		v, ok := obj[m.Name]
		if !ok {
			continue
		}
		found++
		if m.BitfieldSize > 0 {
			if err := putBits(out, m, v); err != nil {
				return 0, fmt.Errorf("member %s: %w", m.Name, err)
			}
			continue
		}
		if err := put(out[at:][:size], m.Type, v, depth+1); err != nil {
			return 0, fmt.Errorf("member %s: %w", m.Name, err)
		}
	}
	return found, nil
}

func putBits(out []byte, m btf.Member, v any) error {
	var b [8]byte
	if err := putNumber(b[:], text(v)); err != nil {
		return err
	}
	u := binary.NativeEndian.Uint64(b[:])
	for i := uint32(0); i < uint32(m.BitfieldSize); i++ {
		bit := uint32(m.Offset) + i
		mask := byte(1) << (bit % 8)
		out[bit/8] &^= mask
		if u>>i&1 != 0 {
			out[bit/8] |= mask
		}
	}
	return nil
}

func memberNames(members []btf.Member) string {
	var b bytes.Buffer
	for i, m := range members {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(m.Name)
	}
	return b.String()
}
