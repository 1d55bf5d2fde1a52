// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"errors"
	"fmt"
	"reflect"

	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/ioctl"
)

// MapBatchCursor is how far a walk by batches has come. The zero value is the
// start. It is of one map, and is not used by two walks at once.
type MapBatchCursor struct {
	m   *Map
	pos []byte
}

// sliceLen is the number of elements of a slice.
func sliceLen(s any) (int, error) {
	v := reflect.ValueOf(s)
	if v.Kind() != reflect.Slice {
		return 0, fmt.Errorf("%T instead of a slice", s)
	}
	return v.Len(), nil
}

// batchValues is the room of n values in a call, and of one.
func (m *Map) batchValues(n int) (all, one int, err error) {
	one = int(m.valueSize)
	if hasPerCPUValue(m.typ) {
		cpus, err := PossibleCPU()
		if err != nil {
			return 0, 0, err
		}
		one = align8(one) * cpus
	}
	return n * one, one, nil
}

func (m *Map) batch(cmd ioctl.Cmd, verb string, attr *ioctl.MapBatchAttr, opts *BatchOptions) (int, error) {
	fd, err := m.value()
	if err != nil {
		return 0, err
	}
	attr.MapFd = fd
	if opts != nil {
		attr.ElemFlags, attr.Flags = opts.ElemFlags, opts.Flags
	}
	_, err = ioctl.Do(m.dev, cmd, attr)
	if err != nil && errors.Is(err, unix.EFAULT) {
		// The count may be anything then.
		return 0, wrapMap(m.op(verb), err)
	}
	return int(attr.Count), wrapMap(m.op(verb), err)
}

// encodeAll lays out the elements of a slice, one after the other.
func encodeAll(slice any, n, size int) ([]byte, error) {
	if b, ok := slice.([]byte); ok && len(b) == n*size {
		return b, nil
	}
	return encode(slice, n*size)
}

// BatchLookup reads up to len(keysOut) entries, and how many they are. Both
// outs are slices of that length; values of per-CPU maps take one element a
// CPU. ErrKeyNotExist comes with the last entries.
func (m *Map) BatchLookup(cursor *MapBatchCursor, keysOut, valuesOut any, opts *BatchOptions) (int, error) {
	return m.batchRead(ioctl.MapLookupBatch, "lookup batch", cursor, keysOut, valuesOut, opts)
}

// BatchLookupAndDelete is BatchLookup, and removes what it read.
func (m *Map) BatchLookupAndDelete(cursor *MapBatchCursor, keysOut, valuesOut any, opts *BatchOptions) (int, error) {
	return m.batchRead(ioctl.MapLookupAndDeleteBatch, "lookup and delete batch", cursor, keysOut, valuesOut, opts)
}

func (m *Map) batchRead(cmd ioctl.Cmd, verb string, cursor *MapBatchCursor, keysOut, valuesOut any, opts *BatchOptions) (int, error) {
	n, err := sliceLen(keysOut)
	if err != nil {
		return 0, fmt.Errorf("keys: %w", err)
	}
	if cursor.m != nil && cursor.m != m {
		return 0, errors.New("the cursor is of another map")
	}
	all, one, err := m.batchValues(n)
	if err != nil {
		return 0, err
	}
	if got, err := sliceLen(valuesOut); err != nil || got < n {
		return 0, fmt.Errorf("values: room for %d of %d", got, n)
	}
	keys, values := make([]byte, n*int(m.keySize)), make([]byte, all)
	attr := ioctl.MapBatchAttr{Keys: ioctl.SlicePointer(keys), Values: ioctl.SlicePointer(values), Count: uint32(n)}
	if cursor.m != nil {
		attr.InBatch = ioctl.SlicePointer(cursor.pos)
	} else {
		// A hash's position is 4 bytes, others' a key.
		cursor.pos = make([]byte, max(int(m.keySize), 4))
	}
	attr.OutBatch = ioctl.SlicePointer(cursor.pos)
	got, err := m.batch(cmd, verb, &attr, opts)
	if err != nil && !errors.Is(err, ErrKeyNotExist) {
		return 0, err
	}
	cursor.m = m
	got = min(got, n)
	if derr := decodeFirst(keysOut, keys, got, int(m.keySize)); derr != nil {
		return 0, fmt.Errorf("keys: %w", derr)
	}
	if hasPerCPUValue(m.typ) {
		return got, errors.Join(decodeBatchPerCPU(valuesOut, values, got, one, int(m.valueSize)), err)
	}
	if derr := decodeFirst(valuesOut, values, got, one); derr != nil {
		return 0, fmt.Errorf("values: %w", derr)
	}
	return got, err
}

// decodeFirst fills the first n elements of a slice.
func decodeFirst(out any, data []byte, n, size int) error {
	v := reflect.ValueOf(out)
	for i := range n {
		if err := decode(v.Index(i).Addr().Interface(), data[i*size:][:size]); err != nil {
			return err
		}
	}
	return nil
}

// decodeBatchPerCPU fills a slice of n times as many elements as there are CPUs.
func decodeBatchPerCPU(out any, data []byte, n, one, size int) error {
	v := reflect.ValueOf(out)
	cpus := one / align8(size)
	if v.Len() < n*cpus {
		return fmt.Errorf("values: room for %d of %d", v.Len(), n*cpus)
	}
	for i := range n * cpus {
		if err := decode(v.Index(i).Addr().Interface(), data[i*align8(size):][:size]); err != nil {
			return fmt.Errorf("values: %w", err)
		}
	}
	return nil
}

// BatchUpdate sets several keys, and says how many it got to.
func (m *Map) BatchUpdate(keys, values any, opts *BatchOptions) (int, error) {
	if hasPerCPUValue(m.typ) {
		return 0, fmt.Errorf("batch update of a %s: %w", m.typ, ErrNotSupported)
	}
	n, err := sliceLen(keys)
	if err != nil {
		return 0, fmt.Errorf("keys: %w", err)
	}
	if got, err := sliceLen(values); err != nil || got != n {
		return 0, fmt.Errorf("%d keys, %d values", n, got)
	}
	k, err := encodeAll(keys, n, int(m.keySize))
	if err != nil {
		return 0, fmt.Errorf("keys: %w", err)
	}
	v, err := encodeAll(values, n, int(m.valueSize))
	if err != nil {
		return 0, fmt.Errorf("values: %w", err)
	}
	return m.batch(ioctl.MapUpdateBatch, "update batch",
		&ioctl.MapBatchAttr{Keys: ioctl.SlicePointer(k), Values: ioctl.SlicePointer(v), Count: uint32(n)}, opts)
}

// BatchDelete removes several keys, and says how many it got to.
func (m *Map) BatchDelete(keys any, opts *BatchOptions) (int, error) {
	n, err := sliceLen(keys)
	if err != nil {
		return 0, fmt.Errorf("keys: %w", err)
	}
	k, err := encodeAll(keys, n, int(m.keySize))
	if err != nil {
		return 0, fmt.Errorf("keys: %w", err)
	}
	return m.batch(ioctl.MapDeleteBatch, "delete batch", &ioctl.MapBatchAttr{Keys: ioctl.SlicePointer(k), Count: uint32(n)}, opts)
}
