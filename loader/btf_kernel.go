// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/ioctl"
)

// RawKernelBTF is the type information that programs are relocated against, as
// the module is given it.
func RawKernelBTF() ([]byte, error) {
	kernelBTF.Lock()
	path := kernelBTF.path
	kernelBTF.Unlock()
	if path != "" {
		return readRawBTF(path)
	}
	release, err := KernelRelease()
	if err != nil {
		return nil, err
	}
	var raw []byte
	_, err = firstBTF("/", release, func(path string) (err error) {
		raw, err = readRawBTF(path)
		return err
	})
	return raw, err
}

func readRawBTF(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := rawBTF(f, path)
	if err == nil {
		err = mendBTF(raw)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return raw, nil
}

func rawBTF(f *os.File, path string) ([]byte, error) {
	unpacked, isELF, err := unpack(f, path)
	if err != nil {
		return nil, err
	}
	if !isELF {
		return io.ReadAll(unpacked)
	}
	e, err := elf.NewFile(f)
	if err != nil {
		return nil, err
	}
	sec := e.Section(".BTF")
	if sec == nil {
		return nil, btf.ErrNotFound
	}
	return sec.Data()
}

// typedHelpers take or return pointers that the kernel's BTF describes, or show
// data by it.
var typedHelpers = []asm.BuiltinFunc{
	asm.FnGetTaskStack, asm.FnSnprintfBtf, asm.FnPerCpuPtr, asm.FnThisCpuPtr, asm.FnTaskStorageGet, asm.FnTaskStorageDelete,
	asm.FnGetCurrentTaskBtf, asm.FnTaskPtRegs, asm.FnFindVma, asm.FnSkcToTcp6Sock, asm.FnSkcToTcpSock,
	asm.FnSkcToTcpTimewaitSock, asm.FnSkcToTcpRequestSock, asm.FnSkcToUdp6Sock, asm.FnSkcToUnixSock, asm.FnSkcToMptcpSock,
}

// needsKernelTypes: the verifier asks the kernel's BTF about the program.
func needsKernelTypes(spec *ProgramSpec) bool {
	return spec.Type == Tracing || spec.Type == ebpf.LSM || slices.ContainsFunc(spec.Instructions, func(ins asm.Instruction) bool {
		return ins.IsBuiltinCall() && slices.Contains(typedHelpers, asm.BuiltinFunc(ins.Constant))
	})
}

// mapNeedsKernelTypes: its values hold pointers into the kernel.
func mapNeedsKernelTypes(value btf.Type) bool {
	s, ok := btf.As[*btf.Struct](value)
	return ok && slices.ContainsFunc(s.Members, func(m btf.Member) bool {
		p, ok := m.Type.(*btf.Pointer)
		if !ok {
			return false
		}
		tag, ok := p.Target.(*btf.TypeTag)
		return ok && (tag.Value == "kptr" || tag.Value == "kptr_ref")
	})
}

// giveKernelTypes lets the module have the kernel's BTF where it has none yet.
// What cannot be found or given is no error: what needs it is refused, and
// the verifier says why.
func giveKernelTypes(dev ioctl.Device) {
	if dev.Kind() == ioctl.KindNative || !wantsKernelTypes(dev) {
		return
	}
	raw, err := RawKernelBTF()
	if err != nil {
		return
	}
	h, err := loadRawBTF(dev, raw)
	if err != nil {
		return
	}
	defer h.Close()
	_, _ = ioctl.Do(dev, ioctl.ExtSetKernelBtf, &ioctl.ExtSetKernelBtfAttr{BtfFd: uint32(h.FD())})
}

// wantsKernelTypes: no BTF of the device is named vmlinux, as SET_KERNEL_BTF
// names it.
func wantsKernelTypes(dev ioctl.Device) bool {
	for id := uint32(0); ; {
		attr := ioctl.IdAttr{Id: id}
		if _, err := ioctl.Do(dev, ioctl.BtfGetNextId, &attr); err != nil {
			return errors.Is(err, unix.ENOENT)
		}
		id = attr.NextId
		fd, err := ioctl.Do(dev, ioctl.BtfGetFdById, &ioctl.IdAttr{Id: id})
		if err != nil {
			continue // just gone
		}
		h := newHandle(dev, fd)
		name := make([]byte, 16)
		info := ioctl.BtfInfo{Name: ioctl.SlicePointer(name), NameLen: uint32(len(name))}
		err = objInfo(h, &info)
		h.Close()
		if err == nil && info.KernelBtf != 0 && unix.ByteSliceToString(name) == "vmlinux" {
			return false
		}
	}
}
