// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"

	"github.com/bpfshim/bpfshim/ioctl"
)

// relocateCORE applies the CO-RE relocations of insns, in place. What the
// kernel lacks becomes an instruction that the verifier refuses when it is
// reachable.
func relocateCORE(insns asm.Instructions, bo binary.ByteOrder, b *btf.Builder, opts *ProgramOptions) error {
	var relos []*btf.CORERelocation
	var at []*asm.Instruction
	for iter := insns.Iterate(); iter.Next(); {
		if r := btf.CORERelocationMetadata(iter.Ins); r != nil {
			relos = append(relos, r)
			at = append(at, iter.Ins)
		}
	}
	if len(relos) == 0 {
		return nil
	}
	if bo == nil {
		bo = binary.NativeEndian
	}
	kernel := opts.KernelTypes
	if kernel == nil {
		var err error
		if kernel, err = kernelTypes(); err != nil {
			return err
		}
	}
	targets := append([]*btf.Spec{kernel}, opts.ExtraRelocationTargets...)
	if bo == binary.NativeEndian {
		bo = nativeOrder() // specs compare the concrete value
	}
	fixups, err := btf.CORERelocate(relos, targets, bo, b.Add)
	if err != nil {
		return fmt.Errorf("CO-RE: %w", err)
	}
	for i, f := range fixups {
		if err := f.Apply(at[i]); err != nil {
			return fmt.Errorf("CO-RE: %v: %w", relos[i], err)
		}
	}
	return nil
}

func nativeOrder() binary.ByteOrder {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return binary.LittleEndian
	}
	return binary.BigEndian
}

// kconfigMaps are the .kconfig maps made so far, one an object.
type kconfigMaps map[*MapSpec]*Map

// close closes them: programs hold what they use.
func (k *kconfigMaps) close() {
	for _, m := range *k {
		m.Close()
	}
}

// resolveKconfigRefs makes the program's .kconfig map, where made has none
// yet, and points its loads there.
func resolveKconfigRefs(dev ioctl.Device, insns asm.Instructions, made *kconfigMaps) error {
	for iter := insns.Iterate(); iter.Next(); {
		ins := iter.Ins
		err := externs(ins, func(ref any) error {
			r, ok := ref.(*kconfigRef)
			if !ok {
				return nil
			}
			m := (*made)[r.spec]
			if m == nil {
				var err error
				if m, err = newKconfigMap(dev, r.spec); err != nil {
					return err
				}
				if *made == nil {
					*made = kconfigMaps{}
				}
				(*made)[r.spec] = m
			}
			if err := ins.AssociateMap(m); err != nil {
				return fmt.Errorf("instruction %d: %w", iter.Index, err)
			}
			// The offset is the second word of the load.
			ins.Constant = int64(uint64(r.offset) << 32)
			return nil
		})
		if err != nil {
			return fmt.Errorf(".kconfig: %w", err)
		}
	}
	return nil
}

func newKconfigMap(dev ioctl.Device, spec *MapSpec) (*Map, error) {
	ds, ok := spec.Value.(*btf.Datasec)
	if !ok {
		return nil, fmt.Errorf("%v instead of variables", spec.Value)
	}
	data, err := resolveKconfig(ds, func(name string) bool { return isWeakConfig(ds, name) })
	if err != nil {
		return nil, err
	}
	spec = spec.Copy()
	spec.Contents = []MapKV{{Key: uint32(0), Value: data}}
	return NewMapWithOptions(spec, MapOptions{Device: dev})
}

// resolveKsyms writes the addresses of kernel symbols into the loads that ask
// for them, and turns down or zeroes kernel functions, which the driver does
// not offer.
func resolveKsyms(insns asm.Instructions) error {
	type place struct {
		ins *asm.Instruction
		ref *ksymRef
	}
	var places []place
	var names []string
	for iter := insns.Iterate(); iter.Next(); {
		ins := iter.Ins
		err := externs(ins, func(ref any) error {
			switch r := ref.(type) {
			case *ksymRef:
				places = append(places, place{ins, r})
				if !slices.Contains(names, r.name) {
					names = append(names, r.name)
				}
			case *kfuncRef:
				return resolveKfunc(ins, r)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf(".ksyms: %w", err)
		}
	}
	if len(places) == 0 {
		return nil
	}
	addrs, err := lookupSymbols(names)
	if err != nil {
		return fmt.Errorf(".ksyms: %w", err)
	}
	var missing []string
	for _, p := range places {
		addr, ok := addrs[p.ref.name]
		if !ok && !p.ref.weak && !slices.Contains(missing, p.ref.name) {
			missing = append(missing, p.ref.name)
		}
		p.ins.Constant = int64(addr)
	}
	if missing != nil {
		return fmt.Errorf(".ksyms: %s: %w", strings.Join(missing, ", "), ErrNoSymbol)
	}
	return nil
}

// poisonedKfunc is a helper number that no kernel has: a call that must stay
// unreachable.
const poisonedKfunc = 0xdedc0de

// resolveKfunc: a weak function that is absent is null, as its address and as
// what a program tests before it calls.
func resolveKfunc(ins *asm.Instruction, r *kfuncRef) error {
	if !r.weak {
		return fmt.Errorf("kernel function %s: %w", r.fn.Name, ErrNotSupported)
	}
	if ins.IsKfuncCall() {
		call := asm.BuiltinFunc(poisonedKfunc).Call()
		ins.OpCode, ins.Dst, ins.Src, ins.Constant = call.OpCode, call.Dst, call.Src, call.Constant
		return nil
	}
	ins.Src, ins.Constant = 0, 0
	return nil
}

// checkMaps: every map that is referred to must have been given.
func checkMaps(insns asm.Instructions) error {
	for iter := insns.Iterate(); iter.Next(); {
		ins := iter.Ins
		if ins.IsLoadFromMap() && ins.Reference() != "" && ins.Map() == nil && int32(ins.Constant) <= 0 {
			return fmt.Errorf("instruction %d: map %s: %w", iter.Index, ins.Reference(), asm.ErrUnsatisfiedMapReference)
		}
	}
	return nil
}

// describePoison says which relocation made the verifier refuse a program:
// the log's last instruction is the poison, written what it was before.
func describePoison(insns, written asm.Instructions, log []string) string {
	tail := strings.Join(log[max(0, len(log)-8):], "\n")
	call := fmt.Sprintf("unknown#%d", int64(btf.COREBadRelocationSentinel))
	load := fmt.Sprintf("(18) r10 = 0x%x", int64(btf.COREBadRelocationSentinel))
	if strings.Contains(tail, fmt.Sprintf("unknown#%d", poisonedKfunc)) {
		return "it calls a kernel function that this kernel lacks"
	}
	if !strings.Contains(tail, call) && !strings.Contains(tail, load) {
		return ""
	}
	// Such as "17: (85) call unknown#195896080".
	for iter := insns.Iterate(); iter.Next(); {
		if iter.Ins.Constant != btf.COREBadRelocationSentinel ||
			!strings.Contains(tail, fmt.Sprintf("%d: (85) call", iter.Offset)) &&
				!strings.Contains(tail, fmt.Sprintf("%d: (18) r10", iter.Offset)) {
			continue
		}
		ins := &written[iter.Index]
		why := fmt.Sprintf("instruction %d", iter.Offset)
		if src := ins.Source(); src != nil {
			why += fmt.Sprintf(" (%s)", strings.TrimSpace(src.String()))
		}
		if r := btf.CORERelocationMetadata(ins); r != nil {
			why += fmt.Sprintf(" needs %v", r)
		}
		return why
	}
	return "see the log"
}
