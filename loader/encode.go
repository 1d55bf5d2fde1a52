// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"encoding"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"unsafe"
)

// encode turns a key or value into exactly size bytes. What it takes is what
// cilium/ebpf takes: bytes, strings, encoding.BinaryMarshaler, unsafe.Pointer
// to memory of that size, and everything encoding/binary knows.
func encode(data any, size int) ([]byte, error) {
	var b []byte
	var err error
	switch v := data.(type) {
	case nil:
		return nil, errors.New("nil instead of data")
	case unsafe.Pointer:
		return unsafe.Slice((*byte)(v), size), nil
	case []byte:
		b = v
	case string:
		b = []byte(v)
	case encoding.BinaryMarshaler:
		b, err = v.MarshalBinary()
	default:
		b, err = binary.Append(make([]byte, 0, size), binary.NativeEndian, data)
	}
	if err != nil {
		return nil, err
	}
	if len(b) != size {
		return nil, fmt.Errorf("%T has %d bytes, not %d", data, len(b), size)
	}
	return b, nil
}

// decode is the reverse of encode. data points at what receives the bytes;
// *[]byte and *string are replaced.
func decode(data any, b []byte) error {
	switch v := data.(type) {
	case nil:
		return errors.New("nil instead of a place for data")
	case unsafe.Pointer:
		copy(unsafe.Slice((*byte)(v), len(b)), b)
		return nil
	case *[]byte:
		*v = append([]byte(nil), b...)
		return nil
	case []byte:
		if len(v) != len(b) {
			return fmt.Errorf("a slice of %d bytes for %d bytes of data", len(v), len(b))
		}
		copy(v, b)
		return nil
	case *string:
		*v = string(b)
		return nil
	case encoding.BinaryUnmarshaler:
		return v.UnmarshalBinary(b)
	}
	n, err := binary.Decode(b, binary.NativeEndian, data)
	if err != nil {
		return fmt.Errorf("%T: %w", data, err)
	}
	if n != len(b) {
		return fmt.Errorf("%T holds %d of %d bytes", data, n, len(b))
	}
	return nil
}

// align8 is the room that a value has in a per-CPU buffer.
func align8(n int) int { return (n + 7) &^ 7 }

// encodePerCPU lays the elements of a slice out a CPU each.
func encodePerCPU(slice any, size int) ([]byte, error) {
	cpus, err := PossibleCPU()
	if err != nil {
		return nil, err
	}
	v := reflect.ValueOf(slice)
	if v.Kind() != reflect.Slice {
		return nil, fmt.Errorf("per-CPU value: %T instead of a slice", slice)
	}
	if v.Len() > cpus {
		return nil, fmt.Errorf("per-CPU value: %d values for %d CPUs", v.Len(), cpus)
	}
	buf := make([]byte, align8(size)*cpus)
	for i := range v.Len() {
		b, err := encode(v.Index(i).Interface(), size)
		if err != nil {
			return nil, fmt.Errorf("value of CPU %d: %w", i, err)
		}
		copy(buf[i*align8(size):], b)
	}
	return buf, nil
}

// decodePerCPU is the reverse of encodePerCPU. out is a pointer to a slice,
// which is made anew, or a slice of one element a CPU.
func decodePerCPU(out any, size int, buf []byte) error {
	cpus := len(buf) / align8(size)
	v := reflect.ValueOf(out)
	if v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Slice {
		v.Elem().Set(reflect.MakeSlice(v.Type().Elem(), cpus, cpus))
		v = v.Elem()
	}
	if v.Kind() != reflect.Slice {
		return fmt.Errorf("per-CPU value: %T instead of a slice", out)
	}
	if v.Len() < cpus {
		return fmt.Errorf("per-CPU value: room for %d of %d CPUs", v.Len(), cpus)
	}
	for i := range cpus {
		b := buf[i*align8(size):][:size]
		elem := v.Index(i)
		if elem.Kind() == reflect.Pointer {
			if elem.IsNil() {
				elem.Set(reflect.New(elem.Type().Elem()))
			}
		} else {
			elem = elem.Addr()
		}
		if err := decode(elem.Interface(), b); err != nil {
			return fmt.Errorf("value of CPU %d: %w", i, err)
		}
	}
	return nil
}
