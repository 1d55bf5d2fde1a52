// SPDX-License-Identifier: Apache-2.0

package hostverify

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cilium/ebpf"

	"github.com/bpfshim/bpfshim/loader"
)

// Verdict is what became of one program of an object.
type Verdict struct {
	Program string
	Section string
	Type    loader.ProgramType
	// Err is nil when the program was accepted. It is a *loader.VerifierError
	// where the verifier refused it, and another where it did not come that far:
	// a map that the module does not offer, a relocation that fails.
	Err error
	// Result is nil when the verifier was not asked.
	Result *Result
}

// Verify prepares one program of an object as it is loaded, with the maps it
// uses, and verifies it. An error means that there is no verdict.
func (d *Device) Verify(spec *loader.CollectionSpec, name string, level loader.LogLevel) (*Verdict, error) {
	p := spec.Programs[name]
	if p == nil {
		return nil, fmt.Errorf("the object has no program %s", name)
	}
	v := &Verdict{Program: name, Section: p.SectionName, Type: p.Type}
	if p.Type == loader.UnspecifiedProgram {
		v.Err = fmt.Errorf("section %q names no program type", p.SectionName)
		return v, nil
	}
	d.Take()
	coll, err := loader.NewCollectionWithOptions(only(spec, name), loader.CollectionOptions{
		Device: d,
		// Each larger buffer is a verification more.
		Programs: loader.ProgramOptions{LogLevel: level, LogSizeStart: 16 << 20},
	})
	if err == nil {
		coll.Close()
	}
	if fault := d.Fault(); fault != nil {
		return nil, fault
	}
	if errors.Is(err, loader.ErrNoBTF) {
		return nil, err
	}
	v.Err, v.Result = err, d.Take()
	return v, nil
}

// only is the object with one program, and the maps that it names. What
// arrays of programs and of maps hold does not matter to the verifier.
func only(spec *loader.CollectionSpec, name string) *loader.CollectionSpec {
	spec = spec.Copy()
	p := spec.Programs[name]
	// One that is not loaded unasked.
	p.SectionName = strings.TrimPrefix(p.SectionName, "?")
	used := map[string]bool{}
	for _, ins := range p.Instructions {
		if ins.IsLoadFromMap() {
			used[ins.Reference()] = true
		}
	}
	for m, s := range spec.Maps {
		if !used[m] {
			delete(spec.Maps, m)
			continue
		}
		s.Pinning = ebpf.PinNone
		switch s.Type {
		case ebpf.ProgramArray, ebpf.ArrayOfMaps, ebpf.HashOfMaps:
			s.Contents = nil
		}
	}
	spec.Programs = map[string]*loader.ProgramSpec{name: p}
	spec.Variables = nil
	return spec
}
