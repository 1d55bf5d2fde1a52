// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/ioctl"
)

// Flags of a ProgramSpec that are the module's own.
const (
	// FlagMask masks a program against speculative execution; verdicts do not change.
	FlagMask uint32 = ioctl.FMask
	// FlagUnprivileged verifies it by Linux 6.1's rules for unprivileged users, masks included.
	FlagUnprivileged uint32 = ioctl.FUnpriv
)

// ProgramOptions control the loading of programs.
type ProgramOptions struct {
	// LogLevel asks for the verifier's log of programs that load, too. The log
	// of one that is refused is always had, by a second attempt.
	LogLevel LogLevel
	// LogSizeStart is the log buffer's first size. It grows as needed.
	LogSizeStart uint32
	// LogDisabled does without a log.
	LogDisabled bool
	// KernelTypes are what CO-RE relocations are against; nil: see FindKernelBTF.
	KernelTypes *btf.Spec
	// ExtraRelocationTargets are more of them, such as modules' types.
	ExtraRelocationTargets []*btf.Spec
	// Device loads the program; nil: the default device.
	Device ioctl.Device
}

// Program is a program of the device. It is not safe to close a Program that
// other goroutines use.
type Program struct {
	// VerifierLog is the verifier's log, when one was asked for.
	VerifierLog string

	*handle
	name    string
	typ     ProgramType
	section string
	attach  string
	pinned  string
}

// NewProgram loads a program that refers to no maps by name.
func NewProgram(spec *ProgramSpec) (*Program, error) {
	return NewProgramWithOptions(spec, ProgramOptions{})
}

// NewProgramWithOptions loads a program. The error is a *VerifierError when
// it is refused.
func NewProgramWithOptions(spec *ProgramSpec, opts ProgramOptions) (*Program, error) {
	dev, err := orDefault(opts.Device)
	if err != nil {
		return nil, err
	}
	opts.Device = dev
	var kconfig kconfigMaps
	defer kconfig.close()
	return newProgram(spec, &opts, &kconfig)
}

func newProgram(spec *ProgramSpec, opts *ProgramOptions, kconfig *kconfigMaps) (*Program, error) {
	switch {
	case spec == nil:
		return nil, errors.New("no program")
	case len(spec.Instructions) == 0:
		return nil, fmt.Errorf("program %s has no instructions", spec.Name)
	case spec.Type == UnspecifiedProgram:
		return nil, fmt.Errorf("program %s: section %q names no program type", spec.Name, spec.SectionName)
	case spec.AttachTarget != nil:
		return nil, fmt.Errorf("program %s: to attach to a program: %w", spec.Name, ErrNotSupported)
	case spec.ByteOrder != nil && spec.ByteOrder != nativeOrder():
		return nil, fmt.Errorf("program %s is %v, this machine is not", spec.Name, spec.ByteOrder)
	}
	release, err := KernelRelease()
	if err != nil {
		return nil, err
	}
	attr := &ioctl.ProgLoadAttr{
		ProgType:           uint32(spec.Type),
		License:            ioctl.StringPointer(spec.License),
		KernVersion:        kernelVersion(release),
		ProgFlags:          spec.Flags,
		ProgName:           ioctl.ObjName(spec.Name),
		ProgIfindex:        spec.Ifindex,
		ExpectedAttachType: uint32(spec.AttachType),
	}

	target, err := attachTarget(spec, opts)
	if err != nil {
		return nil, fmt.Errorf("program %s: %w", spec.Name, err)
	}
	attr.AttachBtfId = uint32(target)

	insns := slices.Clone(spec.Instructions)
	var types btf.Builder
	if err := relocateCORE(insns, spec.ByteOrder, &types, opts); err != nil {
		return nil, fmt.Errorf("program %s: %w", spec.Name, err)
	}
	if err := resolveKconfigRefs(opts.Device, insns, kconfig); err != nil {
		return nil, fmt.Errorf("program %s: %w", spec.Name, err)
	}
	if err := resolveKsyms(insns); err != nil {
		return nil, fmt.Errorf("program %s: %w", spec.Name, err)
	}
	if err := checkMaps(insns); err != nil {
		return nil, fmt.Errorf("program %s: %w", spec.Name, err)
	}

	funcs, lines, err := btf.MarshalExtInfos(insns, &types)
	if err != nil {
		return nil, fmt.Errorf("program %s: %w", spec.Name, err)
	}
	if !types.Empty() {
		h, err := loadBTF(opts.Device, &types)
		if err != nil {
			return nil, fmt.Errorf("program %s: %w", spec.Name, err)
		}
		defer h.Close()
		attr.ProgBtfFd = uint32(h.FD())
		attr.FuncInfo, attr.FuncInfoRecSize = ioctl.SlicePointer(funcs), btf.FuncInfoSize
		attr.FuncInfoCnt = uint32(len(funcs)) / btf.FuncInfoSize
		attr.LineInfo, attr.LineInfoRecSize = ioctl.SlicePointer(lines), btf.LineInfoSize
		attr.LineInfoCnt = uint32(len(lines)) / btf.LineInfoSize
	}

	var code bytes.Buffer
	if err := insns.Marshal(&code, nativeOrder()); err != nil {
		return nil, fmt.Errorf("program %s: %w", spec.Name, err)
	}
	attr.Insns = ioctl.SlicePointer(code.Bytes())
	attr.InsnCnt = uint32(code.Len() / asm.InstructionSize)

	if needsKernelTypes(spec) {
		giveKernelTypes(opts.Device)
	}
	fd, log, err := loadWithLog(spec, attr, opts)
	if err != nil {
		var v *VerifierError
		if errors.As(err, &v) {
			if why := describePoison(insns, spec.Instructions, v.Log); why != "" {
				v.Cause = fmt.Errorf("%w: %w: %s", v.Cause, ErrBadRelocation, why)
			}
		}
		return nil, err
	}
	return &Program{
		VerifierLog: log, handle: newHandle(opts.Device, fd), name: spec.Name, typ: spec.Type,
		section: spec.SectionName, attach: spec.AttachTo,
	}, nil
}

// loadWithLog loads without a log first, unless one is asked for, since the
// log is most of the verifier's time; then for the reason of the refusal.
func loadWithLog(spec *ProgramSpec, attr *ioctl.ProgLoadAttr, opts *ProgramOptions) (int, string, error) {
	attr.LogLevel = uint32(opts.LogLevel)
	if opts.LogDisabled {
		attr.LogLevel = 0
	}
	size := uint64(min(max(opts.LogSizeStart, minLogSize), maxLogSize))
	var log []byte
	for {
		log = nil
		attr.LogBuf, attr.LogSize = ioctl.Pointer{}, 0
		if attr.LogLevel != 0 {
			log = make([]byte, size)
			attr.LogBuf, attr.LogSize = ioctl.SlicePointer(log), uint32(size)
		}
		fd, err := ioctl.Do(opts.Device, ioctl.ProgLoad, attr)
		switch {
		case err == nil:
			return fd, unix.ByteSliceToString(log), nil
		case errors.Is(err, unix.ENOSPC) && attr.LogLevel != 0 && size < maxLogSize:
			size = min(2*size, maxLogSize)
			continue
		case attr.LogLevel == 0 && !opts.LogDisabled && hasReason(err):
			attr.LogLevel = uint32(LogLevelBranch)
			continue
		}
		call := wrapCall(fmt.Sprintf("load %s program", spec.Type), err)
		return -1, "", newVerifierError(spec.Name, call, log, errors.Is(err, unix.ENOSPC))
	}
}

// hasReason: the verifier may have said why.
func hasReason(err error) bool {
	return !errors.Is(err, unix.ENOMEM) && !errors.Is(err, unix.EFAULT) && !errors.Is(err, unix.ENOSYS)
}

// NewProgramFromFD takes over a program's file descriptor of the default device.
func NewProgramFromFD(fd int) (*Program, error) {
	dev, err := DefaultDevice()
	if err != nil {
		return nil, err
	}
	return newProgramFromHandle(newHandle(dev, fd))
}

// NewProgramFromID opens a program of the default device by its id.
func NewProgramFromID(id ProgramID) (*Program, error) {
	dev, err := DefaultDevice()
	if err != nil {
		return nil, err
	}
	return ProgramByID(dev, id)
}

// ProgramByID opens a program by its id: errors.Is(err, unix.ENOENT) when there is none.
func ProgramByID(dev ioctl.Device, id ProgramID) (*Program, error) {
	fd, err := ioctl.Do(dev, ioctl.ProgGetFdById, &ioctl.IdAttr{Id: uint32(id)})
	if err != nil {
		return nil, wrapCall(fmt.Sprintf("program %d", id), err)
	}
	return newProgramFromHandle(newHandle(dev, fd))
}

func newProgramFromHandle(h *handle) (*Program, error) {
	var info ioctl.ProgInfo
	if err := objInfo(h, &info); err != nil {
		h.Close()
		return nil, err
	}
	return &Program{handle: h, name: ioctl.NameString(info.Name[:]), typ: ProgramType(info.Type)}, nil
}

// String says type, name and file descriptor.
func (p *Program) String() string { return fmt.Sprintf("%s(%s)#%d", p.typ, p.name, p.FD()) }

// Type is the program's type.
func (p *Program) Type() ProgramType { return p.typ }

// Name is the program's full name, where it was loaded from a spec.
func (p *Program) Name() string { return p.name }

// SectionName is the ELF section that the program was loaded from, if any.
func (p *Program) SectionName() string { return strings.TrimPrefix(p.section, "?") }

// Device is whose program it is.
func (p *Program) Device() ioctl.Device { return p.dev }

// Close closes the program's file descriptor. Links keep the program.
func (p *Program) Close() error {
	if p == nil {
		return nil
	}
	return p.handle.Close()
}

// Clone opens the program a second time.
func (p *Program) Clone() (*Program, error) {
	if p == nil {
		return nil, nil
	}
	h, err := p.dup()
	if err != nil {
		return nil, err
	}
	dup := *p
	dup.handle, dup.pinned = h, ""
	return &dup, nil
}

// BindMap makes the program hold the map as long as it lives.
func (p *Program) BindMap(m *Map) error {
	prog, err := p.value()
	if err != nil {
		return err
	}
	fd, err := m.value()
	if err != nil {
		return err
	}
	_, err = ioctl.Do(p.dev, ioctl.ProgBindMap, &ioctl.ProgBindMapAttr{ProgFd: prog, MapFd: fd})
	return wrapCall("bind map "+m.name+" to program "+p.name, err)
}

// RunOptions are a test run's input and output.
type RunOptions struct {
	// Data is the packet, of program types that have one. DataOut receives what
	// the program made of it, cut to its length.
	Data, DataOut []byte
	// Context is marshalled as map values are: for raw tracepoint programs
	// its arguments, a word each. ContextOut receives it back.
	Context, ContextOut any
	// Repeat runs the program several times.
	Repeat uint32
	// Flags and CPU: where to run, for raw tracepoint programs.
	Flags, CPU uint32
}

// Test runs the program on a packet.
func (p *Program) Test(in []byte) (uint32, []byte, error) {
	opts := RunOptions{Data: in, DataOut: make([]byte, len(in)+256+2)}
	ret, err := p.Run(&opts)
	return ret, opts.DataOut, err
}

// Run runs the program once (or opts.Repeat times) and returns its result.
func (p *Program) Run(opts *RunOptions) (uint32, error) {
	fd, err := p.value()
	if err != nil {
		return 0, err
	}
	attr := &ioctl.ProgTestRunAttr{
		ProgFd: fd, Repeat: opts.Repeat, Flags: opts.Flags, Cpu: opts.CPU,
		DataIn: ioctl.SlicePointer(opts.Data), DataSizeIn: uint32(len(opts.Data)),
		DataOut: ioctl.SlicePointer(opts.DataOut), DataSizeOut: uint32(len(opts.DataOut)),
	}
	if opts.Context != nil {
		size := binary.Size(opts.Context)
		if size < 0 {
			return 0, fmt.Errorf("context: %T has no fixed size", opts.Context)
		}
		ctx, err := encode(opts.Context, size)
		if err != nil {
			return 0, fmt.Errorf("context: %w", err)
		}
		attr.CtxIn, attr.CtxSizeIn = ioctl.SlicePointer(ctx), uint32(len(ctx))
	}
	var out []byte
	if opts.ContextOut != nil {
		size := binary.Size(opts.ContextOut)
		if size < 0 {
			return 0, fmt.Errorf("context: %T has no fixed size", opts.ContextOut)
		}
		out = make([]byte, size)
		attr.CtxOut, attr.CtxSizeOut = ioctl.SlicePointer(out), uint32(size)
	}
	if _, err := ioctl.Do(p.dev, ioctl.ProgTestRun, attr); err != nil {
		return 0, wrapCall("test run of program "+p.name, err)
	}
	if opts.DataOut != nil {
		opts.DataOut = opts.DataOut[:min(int(attr.DataSizeOut), len(opts.DataOut))]
	}
	if opts.ContextOut != nil {
		if err := decode(opts.ContextOut, out); err != nil {
			return attr.Retval, fmt.Errorf("context: %w", err)
		}
	}
	return attr.Retval, nil
}
