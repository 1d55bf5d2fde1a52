// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"fmt"
	"maps"
	"slices"

	"github.com/bpfshim/bpfshim/ioctl"
)

// CollectionOptions control the loading of a collection.
type CollectionOptions struct {
	Maps     MapOptions
	Programs ProgramOptions
	// MapReplacements are used in the place of the spec's maps of these names.
	// They stay the caller's.
	MapReplacements map[string]*Map
	// Device is used for maps and programs whose options name none; nil: the
	// default device.
	Device ioctl.Device
}

// Collection is what was loaded of an object file.
type Collection struct {
	Programs  map[string]*Program
	Maps      map[string]*Map
	Variables map[string]*Variable
}

// NewCollection loads all of a spec.
func NewCollection(spec *CollectionSpec) (*Collection, error) {
	return NewCollectionWithOptions(spec, CollectionOptions{})
}

// LoadCollection loads all of an object file.
func LoadCollection(file string) (*Collection, error) {
	spec, err := LoadCollectionSpec(file)
	if err != nil {
		return nil, err
	}
	return NewCollection(spec)
}

// NewCollectionWithOptions loads all of a spec. Sections that name no program
// type are left out, as are those whose name starts with a question mark.
func NewCollectionWithOptions(spec *CollectionSpec, opts CollectionOptions) (*Collection, error) {
	l, err := newCollectionLoader(spec, &opts)
	if err != nil {
		return nil, err
	}
	defer l.close()
	// In order of names, so that errors are the same each time.
	for _, name := range slices.Sorted(maps.Keys(spec.Maps)) {
		if _, err := l.mapNamed(name); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(spec.Programs)) {
		p := spec.Programs[name]
		if p.Type == UnspecifiedProgram || len(p.SectionName) > 0 && p.SectionName[0] == '?' {
			continue
		}
		if _, err := l.program(name); err != nil {
			return nil, err
		}
	}
	for name := range spec.Variables {
		if _, err := l.variable(name); err != nil {
			return nil, err
		}
	}
	if err := l.fill(); err != nil {
		return nil, err
	}
	coll := &Collection{Programs: l.programs, Maps: l.maps, Variables: l.vars}
	l.programs, l.maps = nil, nil
	return coll, nil
}

// Close closes all maps and programs. Links keep what they need.
func (c *Collection) Close() {
	for _, p := range c.Programs {
		p.Close()
	}
	for _, m := range c.Maps {
		m.Close()
	}
}

// DetachMap takes a map out of the collection: Close leaves it alone.
func (c *Collection) DetachMap(name string) *Map {
	m := c.Maps[name]
	delete(c.Maps, name)
	return m
}

// DetachProgram takes a program out of the collection: Close leaves it alone.
func (c *Collection) DetachProgram(name string) *Program {
	p := c.Programs[name]
	delete(c.Programs, name)
	return p
}

// Assign fills the fields of a struct, tagged `ebpf:"name"`, and takes what it
// filled in out of the collection.
func (c *Collection) Assign(to any) error { return c.assign(to) }

// collectionLoader loads objects of a spec as they are asked for.
type collectionLoader struct {
	spec     *CollectionSpec
	opts     CollectionOptions
	maps     map[string]*Map
	programs map[string]*Program
	vars     map[string]*Variable
	filled   map[string]bool
	kconfig  kconfigMaps
}

func newCollectionLoader(spec *CollectionSpec, opts *CollectionOptions) (*collectionLoader, error) {
	l := &collectionLoader{
		spec: spec, maps: map[string]*Map{}, programs: map[string]*Program{},
		vars: map[string]*Variable{}, filled: map[string]bool{},
	}
	if opts != nil {
		l.opts = *opts
	}
	for name := range l.opts.MapReplacements {
		if spec.Maps[name] == nil {
			return nil, fmt.Errorf("replacement of map %s, which the object does not have", name)
		}
	}
	dev, err := orDefault(l.opts.Device)
	if err != nil {
		return nil, err
	}
	if l.opts.Maps.Device == nil {
		l.opts.Maps.Device = dev
	}
	if l.opts.Programs.Device == nil {
		l.opts.Programs.Device = dev
	}
	return l, nil
}

// close closes what was loaded and not handed out.
func (l *collectionLoader) close() {
	for _, p := range l.programs {
		p.Close()
	}
	for _, m := range l.maps {
		m.Close()
	}
	l.kconfig.close()
}

func (l *collectionLoader) mapNamed(name string) (*Map, error) {
	if m := l.maps[name]; m != nil {
		return m, nil
	}
	spec := l.spec.Maps[name]
	if spec == nil {
		return nil, fmt.Errorf("the object has no map %s", name)
	}
	if r := l.opts.MapReplacements[name]; r != nil {
		if err := compatible(spec, r); err != nil {
			return nil, fmt.Errorf("replacement of map %s: %w", name, err)
		}
		m, err := r.Clone()
		if err != nil {
			return nil, err
		}
		l.maps[name], l.filled[name] = m, true
		return m, nil
	}
	m, err := newMap(spec, l.opts.Maps)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", name, err)
	}
	l.maps[name] = m
	// Constants must be there before the verifier looks.
	if !storesObjects(spec.Type) {
		if err := m.finalize(spec, spec.Contents); err != nil {
			return nil, fmt.Errorf("map %s: %w", name, err)
		}
		l.filled[name] = true
	}
	return m, nil
}

func (l *collectionLoader) program(name string) (*Program, error) {
	if p := l.programs[name]; p != nil {
		return p, nil
	}
	spec := l.spec.Programs[name]
	if spec == nil {
		return nil, fmt.Errorf("the object has no program %s", name)
	}
	spec = spec.Copy()
	for i := range spec.Instructions {
		ins := &spec.Instructions[i]
		// An fd in the constant was put there by the caller.
		if !ins.IsLoadFromMap() || ins.Reference() == "" || int32(ins.Constant) > 0 || ins.Map() != nil {
			continue
		}
		m, err := l.mapNamed(ins.Reference())
		if err != nil {
			return nil, fmt.Errorf("program %s: %w", name, err)
		}
		if err := ins.AssociateMap(m); err != nil {
			return nil, fmt.Errorf("program %s: map %s: %w", name, ins.Reference(), err)
		}
	}
	p, err := newProgram(spec, &l.opts.Programs, &l.kconfig)
	if err != nil {
		return nil, err
	}
	l.programs[name] = p
	return p, nil
}

// fill puts maps and programs into the maps that hold them. What it loads for
// that may hold more.
func (l *collectionLoader) fill() error {
	for again := true; again; {
		again = false
		for _, name := range slices.Sorted(maps.Keys(l.maps)) {
			if l.filled[name] {
				continue
			}
			l.filled[name] = true
			again = true
			spec := l.spec.Maps[name]
			contents := slices.Clone(spec.Contents)
			for i, kv := range contents {
				object, ok := kv.Value.(string)
				if !ok {
					continue
				}
				var value any
				var err error
				if canStoreProgram(spec.Type) {
					value, err = l.program(object)
				} else {
					value, err = l.mapNamed(object)
				}
				if err != nil {
					return fmt.Errorf("map %s, key %v: %w", name, kv.Key, err)
				}
				contents[i].Value = value
			}
			if err := l.maps[name].finalize(spec, contents); err != nil {
				return fmt.Errorf("map %s: %w", name, err)
			}
		}
	}
	return nil
}
