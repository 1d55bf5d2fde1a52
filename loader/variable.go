// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"fmt"
	"reflect"

	"github.com/cilium/ebpf/btf"
)

// Variable is a global variable of a loaded collection. It is read and written
// through its map, so a Set writes the whole section back: writes that
// programs make to other variables of it meanwhile may be lost.
type Variable struct {
	name   string
	m      *Map
	offset uint64
	size   uint64
	typ    *btf.Var
}

func (l *collectionLoader) variable(name string) (*Variable, error) {
	if v := l.vars[name]; v != nil {
		return v, nil
	}
	spec := l.spec.Variables[name]
	if spec == nil {
		return nil, fmt.Errorf("the object has no variable %s", name)
	}
	m, err := l.mapNamed(spec.MapName())
	if err != nil {
		return nil, fmt.Errorf("variable %s: %w", name, err)
	}
	v := &Variable{name: name, m: m, offset: spec.Offset(), size: spec.Size(), typ: spec.Type()}
	l.vars[name] = v
	return v, nil
}

// Size is the variable's size in bytes.
func (v *Variable) Size() uint64 { return v.size }

// ReadOnly reports whether the variable is constant.
func (v *Variable) ReadOnly() bool { return isConstantSection(v.m.name) }

// Type is the variable's type; nil in objects without type information.
func (v *Variable) Type() *btf.Var { return v.typ }

// String says name and type.
func (v *Variable) String() string { return fmt.Sprintf("%s (type=%v)", v.name, v.typ) }

func (v *Variable) section() ([]byte, error) {
	b, err := v.m.LookupBytes(uint32(0))
	if err != nil {
		return nil, fmt.Errorf("variable %s: %w", v.name, err)
	}
	if v.offset+v.size > uint64(len(b)) {
		return nil, fmt.Errorf("variable %s lies outside of %s", v.name, v.m.name)
	}
	return b, nil
}

// Get reads the variable.
func (v *Variable) Get(out any) error {
	b, err := v.section()
	if err != nil {
		return err
	}
	if err := decode(out, b[v.offset:][:v.size]); err != nil {
		return fmt.Errorf("variable %s: %w", v.name, err)
	}
	return nil
}

// Set writes the variable: ErrReadOnly when it is constant.
func (v *Variable) Set(in any) error {
	if v.ReadOnly() {
		return fmt.Errorf("variable %s: %w", v.name, ErrReadOnly)
	}
	data, err := encode(in, int(v.size))
	if err != nil {
		return fmt.Errorf("variable %s: %w", v.name, err)
	}
	b, err := v.section()
	if err != nil {
		return err
	}
	copy(b[v.offset:], data)
	return v.m.Put(uint32(0), b)
}

func (c *Collection) assign(to any) error {
	var taken []func()
	err := assign(to, func(typ reflect.Type, name string) (any, error) {
		switch typ {
		case reflect.TypeFor[*Program]():
			if p := c.Programs[name]; p != nil {
				taken = append(taken, func() { delete(c.Programs, name) })
				return p, nil
			}
		case reflect.TypeFor[*Map]():
			if m := c.Maps[name]; m != nil {
				taken = append(taken, func() { delete(c.Maps, name) })
				return m, nil
			}
		case reflect.TypeFor[*Variable]():
			if v := c.Variables[name]; v != nil {
				taken = append(taken, func() { delete(c.Variables, name) })
				return v, nil
			}
		default:
			return nil, fmt.Errorf("a field of type %v cannot be assigned", typ)
		}
		return nil, fmt.Errorf("the collection has no %q", name)
	})
	if err != nil {
		return err
	}
	for _, t := range taken {
		t()
	}
	return nil
}
