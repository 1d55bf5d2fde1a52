// SPDX-License-Identifier: Apache-2.0

package decode

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cilium/ebpf/btf"

	"github.com/bpfshim/bpfshim/loader"
)

// EventType is the type of what programs send to a perf event array or ring
// buffer of the object, nil when nothing says it. The first of these counts:
//
//  1. the map's value type: __type(value, struct event) in its definition;
//  2. a global pointer to a struct that names the type for this purpose, such
//     as `struct event *unused_event __attribute__((unused))`: one whose name
//     or whose struct's name fits the map's (map events: struct event), or the
//     only one when the object has one map of events;
//  3. a struct of the map's name, without a final s, or so called and _t, or
//     just event.
func EventType(spec *loader.CollectionSpec, mapName string) btf.Type {
	m := spec.Maps[mapName]
	if m == nil || spec.Types == nil {
		return nil
	}
	if s := asStruct(m.Value); s != nil {
		return m.Value
	}
	wanted := eventNames(mapName)
	var hints []*btf.Struct
	for _, name := range slices.Sorted(maps.Keys(spec.Variables)) {
		v := spec.Variables[name].Type()
		if v == nil {
			continue
		}
		ptr, ok := btf.UnderlyingType(v.Type).(*btf.Pointer)
		if !ok {
			continue
		}
		s := asStruct(ptr.Target)
		if s == nil {
			continue
		}
		if slices.Contains(wanted, s.Name) || strings.Contains(name, mapName) {
			return s
		}
		hints = append(hints, s)
	}
	if len(hints) == 1 && len(EventMaps(spec)) == 1 {
		return hints[0]
	}
	for _, name := range append(wanted, "event", "event_t") {
		var s *btf.Struct
		if spec.Types.TypeByName(name, &s) == nil {
			return s
		}
	}
	return nil
}

// eventNames are structs' names that fit a map's.
func eventNames(mapName string) []string {
	one := strings.TrimSuffix(mapName, "s")
	names := []string{one, one + "_t", mapName, mapName + "_t"}
	if i := strings.LastIndexByte(one, '_'); i >= 0 {
		names = append(names, one[:i]) // such as exec_events: struct exec
	}
	return names
}

func asStruct(typ btf.Type) *btf.Struct {
	if typ == nil {
		return nil
	}
	s, _ := btf.UnderlyingType(typ).(*btf.Struct)
	return s
}

// EventMaps are the object's perf event arrays and ring buffers, by name.
func EventMaps(spec *loader.CollectionSpec) []string {
	var names []string
	for name, m := range spec.Maps {
		if m.Type == loader.PerfEventArray || m.Type == loader.RingBuf {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// NamedType finds a type of the object by what C calls it: "event",
// "struct event" or a typedef's name.
func NamedType(spec *loader.CollectionSpec, name string) (btf.Type, error) {
	if spec.Types == nil {
		return nil, fmt.Errorf("type %q: the object has no type information", name)
	}
	bare := strings.TrimPrefix(strings.TrimPrefix(name, "struct "), "union ")
	types, err := spec.Types.AnyTypesByName(bare)
	if err != nil {
		return nil, fmt.Errorf("type %q: %w", name, err)
	}
	for _, t := range types {
		switch btf.UnderlyingType(t).(type) {
		case *btf.Struct, *btf.Union, *btf.Int, *btf.Enum, *btf.Array:
			return t, nil
		}
	}
	return nil, fmt.Errorf("type %q: none that can be printed", name)
}
