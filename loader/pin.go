// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"fmt"
	"os"

	"github.com/cilium/ebpf"

	"github.com/bpfshim/bpfshim/ioctl"
)

// LoadPinOptions control how a pinned object is opened.
type LoadPinOptions = ebpf.LoadPinOptions

func (h *handle) pin(path string) error {
	fd, err := h.value()
	if err != nil {
		return err
	}
	_, err = ioctl.Do(h.dev, ioctl.ObjPin, &ioctl.ObjPinAttr{Pathname: ioctl.StringPointer(path), BpfFd: fd})
	return wrapCall("pin "+path, err)
}

func openPinned(dev ioctl.Device, path string, flags uint32) (*handle, error) {
	fd, err := ioctl.Do(dev, ioctl.ObjGet, &ioctl.ObjPinAttr{Pathname: ioctl.StringPointer(path), FileFlags: flags})
	if err != nil {
		return nil, wrapCall("open pinned "+path, err)
	}
	return newHandle(dev, fd), nil
}

func unpin(path *string) error {
	if *path == "" {
		return nil
	}
	if err := os.Remove(*path); err != nil && !os.IsNotExist(err) {
		return err
	}
	*path = ""
	return nil
}

// Pin makes the map outlive this process, under that path.
func (m *Map) Pin(path string) error {
	if err := m.pin(path); err != nil {
		return err
	}
	m.pinned = path
	return nil
}

// Unpin undoes Pin.
func (m *Map) Unpin() error { return unpin(&m.pinned) }

// IsPinned reports whether the map was pinned or opened by path.
func (m *Map) IsPinned() bool { return m.pinned != "" }

// LoadPinnedMap opens a map of the default device by path.
func LoadPinnedMap(path string, opts *LoadPinOptions) (*Map, error) {
	dev, err := DefaultDevice()
	if err != nil {
		return nil, err
	}
	return loadPinnedMap(dev, path, opts.Marshal())
}

func loadPinnedMap(dev ioctl.Device, path string, flags uint32) (*Map, error) {
	h, err := openPinned(dev, path, flags)
	if err != nil {
		return nil, err
	}
	m, err := newMapFromHandle(h)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	m.pinned = path
	return m, nil
}

// Pin makes the program outlive this process, under that path.
func (p *Program) Pin(path string) error {
	if err := p.pin(path); err != nil {
		return err
	}
	p.pinned = path
	return nil
}

// Unpin undoes Pin.
func (p *Program) Unpin() error { return unpin(&p.pinned) }

// IsPinned reports whether the program was pinned or opened by path.
func (p *Program) IsPinned() bool { return p.pinned != "" }

// LoadPinnedProgram opens a program of the default device by path.
func LoadPinnedProgram(path string, opts *LoadPinOptions) (*Program, error) {
	dev, err := DefaultDevice()
	if err != nil {
		return nil, err
	}
	h, err := openPinned(dev, path, opts.Marshal())
	if err != nil {
		return nil, err
	}
	p, err := newProgramFromHandle(h)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	p.pinned = path
	return p, nil
}
