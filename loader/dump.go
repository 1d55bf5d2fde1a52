// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"bytes"
	"fmt"
	"runtime"

	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"

	"github.com/bpfshim/bpfshim/ioctl"
)

// Instructions are the program as the verifier left it: maps by their ids.
func (p *Program) Instructions() (asm.Instructions, error) {
	var i ioctl.ProgInfo
	if err := objInfo(p.handle, &i); err != nil {
		return nil, err
	}
	if i.XlatedProgLen == 0 {
		return nil, nil
	}
	code := make([]byte, i.XlatedProgLen)
	i = ioctl.ProgInfo{XlatedProgLen: uint32(len(code)), XlatedProgInsns: ioctl.SlicePointer(code)}
	if err := objInfo(p.handle, &i); err != nil {
		return nil, err
	}
	insns, err := asm.AppendInstructions(nil, bytes.NewReader(code), nativeOrder(), runtime.GOOS)
	if err != nil {
		return nil, fmt.Errorf("instructions of program %s: %w", p.name, err)
	}
	return insns, nil
}

// SourceLine is a line of the program's source and where its code begins.
type SourceLine struct {
	Insn uint32 // the first instruction, as Instructions has them, in slots of 8 bytes
	Addr uint64 // of the machine code; 0: interpreted
	File string
	Line uint32 // its number, from 1
	Text string // as it stands in the file; empty where the compiler did not keep it
}

// Lines are the program's source lines, none when it was loaded without.
func (p *Program) Lines() ([]SourceLine, error) {
	var i ioctl.ProgInfo
	if err := objInfo(p.handle, &i); err != nil {
		return nil, err
	}
	if i.BtfId == 0 || i.NrLineInfo == 0 {
		return nil, nil
	}
	types, err := readBTF(p.dev, i.BtfId)
	if err != nil {
		return nil, err
	}
	records := make([]byte, i.NrLineInfo*btf.LineInfoSize)
	addrs := make([]uint64, i.NrJitedLineInfo)
	ask := ioctl.ProgInfo{
		LineInfo: ioctl.SlicePointer(records), LineInfoRecSize: btf.LineInfoSize, NrLineInfo: i.NrLineInfo,
		JitedLineInfo: ioctl.SlicePointer(addrs), JitedLineInfoRecSize: 8, NrJitedLineInfo: i.NrJitedLineInfo,
	}
	if err := objInfo(p.handle, &ask); err != nil {
		return nil, err
	}
	offsets, err := btf.LoadLineInfos(bytes.NewReader(records), nativeOrder(), i.NrLineInfo, types)
	if err != nil {
		return nil, fmt.Errorf("lines of program %s: %w", p.name, err)
	}
	lines := make([]SourceLine, len(offsets))
	for n, o := range offsets {
		lines[n] = SourceLine{Insn: uint32(o.Offset), File: o.Line.FileName(), Line: o.Line.LineNumber(), Text: o.Line.Line()}
		if n < len(addrs) {
			lines[n].Addr = addrs[n]
		}
	}
	return lines, nil
}

// MachineCode is one function of a compiled program.
type MachineCode struct {
	Addr uint64
	Code []byte
}

// MachineCode is the program's code, function by function; none: interpreted.
func (p *Program) MachineCode() ([]MachineCode, error) {
	var i ioctl.ProgInfo
	if err := objInfo(p.handle, &i); err != nil {
		return nil, err
	}
	if i.JitedProgLen == 0 {
		return nil, nil
	}
	code := make([]byte, i.JitedProgLen)
	addrs, lens := make([]uint64, i.NrJitedKsyms), make([]uint32, i.NrJitedFuncLens)
	i = ioctl.ProgInfo{
		JitedProgLen: uint32(len(code)), JitedProgInsns: ioctl.SlicePointer(code),
		NrJitedKsyms: uint32(len(addrs)), JitedKsyms: ioctl.SlicePointer(addrs),
		NrJitedFuncLens: uint32(len(lens)), JitedFuncLens: ioctl.SlicePointer(lens),
	}
	if err := objInfo(p.handle, &i); err != nil {
		return nil, err
	}
	var fns []MachineCode
	for n := range min(len(addrs), len(lens)) {
		size := min(int(lens[n]), len(code))
		fns = append(fns, MachineCode{addrs[n], code[:size]})
		code = code[size:]
	}
	return fns, nil
}
