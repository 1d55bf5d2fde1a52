// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/cilium/ebpf/btf"

	"github.com/bpfshim/bpfshim/loader"
	"github.com/bpfshim/bpfshim/loader/decode"
)

// mapView reads and writes a map's entries as text.
type mapView struct {
	m          *loader.Map
	key, value btf.Type // nil: unknown
	perCPU     bool
}

func newMapView(m *loader.Map) (*mapView, error) {
	v := &mapView{m: m}
	switch m.Type() {
	case loader.PerCPUArray, loader.PerCPUHash, loader.LRUCPUHash, loader.PerCPUCGroupStorage:
		v.perCPU = true
	}
	var err error
	if v.key, v.value, err = m.Types(); err != nil {
		return nil, err
	}
	v.key, v.value = fitting(v.key, m.KeySize()), fitting(v.value, m.ValueSize())
	if v.key == nil && m.KeySize() == 4 && isArray(m.Type()) {
		v.key = &btf.Int{Name: "__u32", Size: 4} // an index
	}
	return v, nil
}

func isArray(t loader.MapType) bool {
	switch t {
	case loader.Array, loader.PerCPUArray, loader.ProgramArray, loader.ArrayOfMaps, loader.CGroupArray:
		return true
	}
	return false
}

// fitting drops a type that says nothing about that many bytes.
func fitting(typ btf.Type, size uint32) btf.Type {
	if typ == nil {
		return nil
	}
	if _, void := btf.UnderlyingType(typ).(*btf.Void); void {
		return nil
	}
	n, err := btf.Sizeof(typ)
	if err != nil || uint32(n) != size {
		return nil
	}
	return typ
}

// entryReport is an entry as --json prints it: of a per-CPU map values is
// set, else value. Bytes of unknown type are a number, or hex.
type entryReport struct {
	Key    json.RawMessage   `json:"key"`
	Value  json.RawMessage   `json:"value,omitempty"`
	Values []json.RawMessage `json:"values,omitempty"` // by CPU
	// How print shows it.
	keyText  string
	valTexts []string
}

func (e entryReport) print(w io.Writer) error {
	if e.Values == nil {
		_, err := fmt.Fprintf(w, "%s: %s\n", e.keyText, e.valTexts[0])
		return err
	}
	for cpu, t := range e.valTexts {
		if _, err := fmt.Fprintf(w, "%s cpu %d: %s\n", e.keyText, cpu, t); err != nil {
			return err
		}
	}
	return nil
}

// render is bytes as JSON and as text.
func render(typ btf.Type, b []byte) (json.RawMessage, string, error) {
	if typ == nil {
		text := "hex:" + hex.EncodeToString(b)
		return json.RawMessage(`"` + text + `"`), text, nil
	}
	j, err := decode.JSON(nil, typ, b)
	if err != nil {
		return nil, "", err
	}
	t, err := decode.Text(nil, typ, b)
	return j, string(t), err
}

func (v *mapView) entry(key, value []byte) (entryReport, error) {
	var e entryReport
	var err error
	if e.Key, e.keyText, err = render(v.key, key); err != nil {
		return e, err
	}
	size := int(v.m.ValueSize())
	if !v.perCPU {
		var text string
		e.Value, text, err = render(v.value, value)
		e.valTexts = []string{text}
		return e, err
	}
	stride := (size + 7) &^ 7
	for at := 0; at+size <= len(value); at += stride {
		j, text, err := render(v.value, value[at:][:size])
		if err != nil {
			return e, err
		}
		e.Values = append(e.Values, j)
		e.valTexts = append(e.valTexts, text)
	}
	return e, nil
}

func (v *mapView) each(visit func(entryReport) error) error {
	return v.eachRaw(func(key, value []byte) error {
		e, err := v.entry(key, value)
		if err != nil {
			return err
		}
		return visit(e)
	})
}

// eachRaw is each of the bytes.
func (v *mapView) eachRaw(visit func(key, value []byte) error) error {
	switch v.m.Type() {
	case loader.PerfEventArray, loader.RingBuf, loader.UserRingbuf, loader.Queue, loader.Stack, loader.BloomFilter:
		return fmt.Errorf("a %v map: %w", v.m.Type(), errNoElements)
	}
	var key []byte
	// A key that goes while we stand on it restarts the walk.
	for n := uint32(0); n <= v.m.MaxEntries(); n++ {
		var from any
		if key != nil {
			from = key
		}
		next, err := v.m.NextKeyBytes(from)
		if err != nil || next == nil {
			return err
		}
		key = next
		value, err := v.m.LookupBytes(key)
		if err != nil && !errors.Is(err, loader.ErrKeyNotExist) {
			return err
		}
		if value == nil {
			continue
		}
		if err := visit(key, value); err != nil {
			return err
		}
	}
	return nil
}

func (v *mapView) parseKey(text string) ([]byte, error) {
	b, err := decode.Parse(v.key, int(v.m.KeySize()), text)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	return b, nil
}

// parseValue returns what Update takes.
func (v *mapView) parseValue(text string) (any, error) {
	b, err := decode.Parse(v.value, int(v.m.ValueSize()), text)
	if err != nil {
		return nil, fmt.Errorf("value: %w", err)
	}
	if !v.perCPU {
		return b, nil
	}
	cpus, err := loader.PossibleCPU()
	if err != nil {
		return nil, err
	}
	all := make([][]byte, cpus)
	for i := range all {
		all[i] = b
	}
	return all, nil
}
