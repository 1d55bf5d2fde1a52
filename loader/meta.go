// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"debug/elf"
	"errors"
	"reflect"
	"sync"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
)

// cilium/ebpf's ELF reader notes at each instruction which extern of .kconfig
// or .ksyms it refers to, under keys that it keeps to itself: its own loader,
// which calls bpf(2), is to resolve them. There is no public way to them, so
// they are read here by reflection. The version is pinned, and a layout that
// is not the known one is an error, not a guess.

// kconfigRef is a load of a .kconfig variable's address.
type kconfigRef struct {
	spec   *ebpf.MapSpec
	offset uint32
}

// ksymRef is a load of a kernel symbol's address.
type ksymRef struct {
	name string
	weak bool
}

// kfuncRef is a call of, or load of the address of, a kernel function.
type kfuncRef struct {
	fn   *btf.Func
	weak bool
}

// metaElement is asm's list of an instruction's metadata.
type metaElement struct {
	next       *metaElement
	key, value any
}

var errMetaLayout = errors.New("cilium/ebpf keeps externs in a way that this loader does not know")

var metaLayout = sync.OnceValue(func() error {
	meta := reflect.TypeFor[asm.Metadata]()
	if meta.NumField() != 1 || meta.Size() != unsafe.Sizeof(uintptr(0)) || meta.Field(0).Type.Kind() != reflect.Pointer {
		return errMetaLayout
	}
	have, want := meta.Field(0).Type.Elem(), reflect.TypeFor[metaElement]()
	if have.NumField() != want.NumField() {
		return errMetaLayout
	}
	for i := range want.NumField() {
		h, w := have.Field(i), want.Field(i)
		if h.Name != w.Name || h.Offset != w.Offset || h.Type.Kind() != w.Type.Kind() {
			return errMetaLayout
		}
	}
	return nil
})

// externs calls each with every reference of ins: a *kconfigRef, *ksymRef or
// *kfuncRef.
func externs(ins *asm.Instruction, each func(ref any) error) error {
	if err := metaLayout(); err != nil {
		return err
	}
	head := *(**metaElement)(unsafe.Pointer(&ins.Metadata))
	for e := head; e != nil; e = e.next {
		var ref any
		ok := true
		switch reflect.TypeOf(e.key).String() {
		case "ebpf.kconfigMetaKey":
			r := &kconfigRef{}
			ok = field(e.value, "Map", &r.spec) && field(e.value, "Offset", &r.offset)
			ref = r
		case "ebpf.ksymMetaKey":
			r := &ksymRef{}
			var bind elf.SymBind
			ok = field(e.value, "Name", &r.name) && field(e.value, "Binding", &bind)
			r.weak = bind == elf.STB_WEAK
			ref = r
		case "ebpf.kfuncMetaKey":
			r := &kfuncRef{}
			var bind elf.SymBind
			ok = field(e.value, "Func", &r.fn) && field(e.value, "Binding", &bind)
			r.weak = bind == elf.STB_WEAK
			ref = r
		default:
			continue
		}
		if !ok {
			return errMetaLayout
		}
		if err := each(ref); err != nil {
			return err
		}
	}
	return nil
}

// field copies an exported field of the struct that ptr points at.
func field[T any](ptr any, name string, out *T) bool {
	v := reflect.ValueOf(ptr)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return false
	}
	f := v.Elem().FieldByName(name)
	if !f.IsValid() || !f.CanInterface() {
		return false
	}
	got, ok := f.Interface().(T)
	if ok {
		*out = got
	}
	return ok
}
