// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// CollectionSpec is what an object file holds. It is cilium/ebpf's in all but
// its methods that load. ([ebpf.CollectionSpec] converts to and from it.)
type CollectionSpec ebpf.CollectionSpec

// LoadCollectionSpec reads an object file.
func LoadCollectionSpec(file string) (*CollectionSpec, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	spec, err := LoadCollectionSpecFromReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return spec, nil
}

// LoadCollectionSpecFromReader reads an object file from memory or elsewhere.
func LoadCollectionSpecFromReader(rd io.ReaderAt) (*CollectionSpec, error) {
	patched, weak, err := strongConfig(rd)
	if err != nil {
		return nil, err
	}
	spec, err := ebpf.LoadCollectionSpecFromReader(patched)
	if err != nil {
		return nil, err
	}
	if len(weak) > 0 && spec.Types != nil {
		rememberWeak(spec.Types, weak)
	}
	return (*CollectionSpec)(spec), nil
}

func (cs *CollectionSpec) ebpf() *ebpf.CollectionSpec { return (*ebpf.CollectionSpec)(cs) }

// Copy returns a deep copy.
func (cs *CollectionSpec) Copy() *CollectionSpec {
	return (*CollectionSpec)(cs.ebpf().Copy())
}

// RewriteConstants sets constants by name.
//
// Deprecated: set CollectionSpec.Variables.
func (cs *CollectionSpec) RewriteConstants(consts map[string]any) error {
	//lint:ignore SA1019 offered because cilium/ebpf does
	return cs.ebpf().RewriteConstants(consts)
}

// RewriteMaps makes programs use the given maps, and drops their specs.
//
// Deprecated: use CollectionOptions.MapReplacements.
func (cs *CollectionSpec) RewriteMaps(maps map[string]*Map) error {
	for name, m := range maps {
		used := false
		for prog, spec := range cs.Programs {
			err := spec.Instructions.AssociateMap(name, m)
			switch {
			case err == nil:
				used = true
			case !errors.Is(err, asm.ErrUnreferencedSymbol):
				return fmt.Errorf("program %s: %w", prog, err)
			}
		}
		if !used {
			return fmt.Errorf("no program uses map %s", name)
		}
		delete(cs.Maps, name)
	}
	return nil
}

// Assign fills the fields of a struct, tagged `ebpf:"name"`, with specs.
func (cs *CollectionSpec) Assign(to any) error { return cs.ebpf().Assign(to) }

// LoadAndAssign loads what the fields of a struct ask for, and only that.
// to points at a struct whose fields are tagged `ebpf:"name"` and are of type
// *Map, *Program or *Variable, or structs of such. opts may be nil.
func (cs *CollectionSpec) LoadAndAssign(to any, opts *CollectionOptions) error {
	l, err := newCollectionLoader(cs, opts)
	if err != nil {
		return err
	}
	defer l.close()
	var keep []string
	err = assign(to, func(typ reflect.Type, name string) (any, error) {
		switch typ {
		case reflect.TypeFor[*Program]():
			keep = append(keep, "prog "+name)
			return l.program(name)
		case reflect.TypeFor[*Map]():
			keep = append(keep, "map "+name)
			return l.mapNamed(name)
		case reflect.TypeFor[*Variable]():
			return l.variable(name)
		}
		return nil, fmt.Errorf("a field of type %v cannot be loaded", typ)
	})
	if err != nil {
		return err
	}
	if err := l.fill(); err != nil {
		return err
	}
	kept := map[string]bool{}
	for _, k := range keep {
		kept[k] = true
	}
	for name := range l.maps {
		if canStoreProgram(l.maps[name].typ) && !kept["map "+name] && len(cs.Maps[name].Contents) > 0 {
			// The kernel empties it with its last descriptor.
			return fmt.Errorf("program array %s has contents, and must be assigned to be kept", name)
		}
	}
	for name := range l.maps {
		if kept["map "+name] {
			delete(l.maps, name)
		}
	}
	for name := range l.programs {
		if kept["prog "+name] {
			delete(l.programs, name)
		}
	}
	// Variables keep the maps they live in.
	for _, v := range l.vars {
		for name, m := range l.maps {
			if v.m == m {
				delete(l.maps, name)
			}
		}
	}
	return nil
}

// assign sets the tagged fields of the struct that to points at.
func assign(to any, get func(reflect.Type, string) (any, error)) error {
	ptr := reflect.ValueOf(to)
	if ptr.Kind() != reflect.Pointer || ptr.IsNil() || ptr.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("%T is not a pointer to a struct", to)
	}
	type target struct {
		field reflect.Value
		value any
	}
	var targets []target
	seen := map[string]string{}
	var visit func(v reflect.Value, path string) error
	visit = func(v reflect.Value, path string) error {
		for i := range v.NumField() {
			f, sf := v.Field(i), v.Type().Field(i)
			where := path + "." + sf.Name
			tag, tagged := sf.Tag.Lookup("ebpf")
			if !tagged {
				switch {
				case f.Kind() == reflect.Struct:
					if err := visit(f, where); err != nil {
						return err
					}
				case f.Kind() == reflect.Pointer && sf.Anonymous && sf.Type.Elem().Kind() == reflect.Struct:
					if f.IsNil() {
						return fmt.Errorf("field %s is nil", where)
					}
					if err := visit(f.Elem(), where); err != nil {
						return err
					}
				}
				continue
			}
			if tag == "" {
				return fmt.Errorf("field %s: empty ebpf tag", where)
			}
			if !f.CanSet() {
				return fmt.Errorf("field %s is not exported", where)
			}
			key := f.Type().String() + " " + tag
			if other, dup := seen[key]; dup {
				return fmt.Errorf("fields %s and %s both ask for %q", other, where, tag)
			}
			seen[key] = where
			value, err := get(f.Type(), tag)
			if err != nil {
				return fmt.Errorf("field %s: %w", where, err)
			}
			targets = append(targets, target{f, value})
		}
		return nil
	}
	if err := visit(ptr.Elem(), ptr.Elem().Type().Name()); err != nil {
		return err
	}
	for _, t := range targets {
		t.field.Set(reflect.ValueOf(t.value))
	}
	return nil
}
