// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/ioctl"
)

// marshalOptions: BTF as Linux 6.1 takes it. (btf.KernelMarshalOptions would
// ask the kernel's bpf(2) what it takes.)
func marshalOptions() *btf.MarshalOptions {
	return &btf.MarshalOptions{Order: binary.NativeEndian, PreventNoTypeFound: true}
}

// loadBTF loads what the builder holds.
func loadBTF(dev ioctl.Device, b *btf.Builder) (*handle, error) {
	raw, err := b.Marshal(nil, marshalOptions())
	if err != nil {
		return nil, fmt.Errorf("marshal BTF: %w", err)
	}
	return loadRawBTF(dev, raw)
}

func loadRawBTF(dev ioctl.Device, raw []byte) (*handle, error) {
	attr := ioctl.BtfLoadAttr{Btf: ioctl.SlicePointer(raw), BtfSize: uint32(len(raw))}
	fd, err := ioctl.Do(dev, ioctl.BtfLoad, &attr)
	if err == nil {
		return newHandle(dev, fd), nil
	}
	// Once more for the log, which costs time.
	first := err
	var log []byte
	for size := minLogSize; size <= maxLogSize/2; size *= 4 {
		log = make([]byte, size)
		attr.BtfLogLevel, attr.BtfLogSize, attr.BtfLogBuf = 1, uint32(size), ioctl.SlicePointer(log)
		if fd, err = ioctl.Do(dev, ioctl.BtfLoad, &attr); err == nil {
			return newHandle(dev, fd), nil
		}
		if !errors.Is(err, unix.ENOSPC) {
			break
		}
	}
	return nil, newVerifierError("", wrapCall("load BTF", first), log, false)
}

// readBTF fetches the types behind a BTF id.
func readBTF(dev ioctl.Device, id uint32) (*btf.Spec, error) {
	fd, err := ioctl.Do(dev, ioctl.BtfGetFdById, &ioctl.IdAttr{Id: id})
	if err != nil {
		return nil, wrapCall(fmt.Sprintf("BTF %d", id), err)
	}
	h := newHandle(dev, fd)
	defer h.Close()
	var info ioctl.BtfInfo
	if err := objInfo(h, &info); err != nil {
		return nil, err
	}
	raw := make([]byte, info.BtfSize)
	info = ioctl.BtfInfo{Btf: ioctl.SlicePointer(raw), BtfSize: info.BtfSize}
	if err := objInfo(h, &info); err != nil {
		return nil, err
	}
	spec, err := btf.LoadSpecFromReader(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("BTF %d: %w", id, err)
	}
	return spec, nil
}
