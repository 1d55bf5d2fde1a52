// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

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
	switch {
	case errors.Is(err, unix.EPERM) && strings.Contains(filepath.Base(path), "."):
		err = fmt.Errorf("a name cannot have a dot (%w)", err)
	case errors.Is(err, unix.EPERM):
		err = fmt.Errorf("the directory is on no file system of type %s (%w)", PinFSType(h.dev), err)
	}
	return wrapCall("pin "+path, err)
}

// openPinned opens what is pinned, of one kind: what its fd is called.
func openPinned(dev ioctl.Device, path string, flags uint32, kind string) (*handle, error) {
	fd, err := ioctl.Do(dev, ioctl.ObjGet, &ioctl.ObjPinAttr{Pathname: ioctl.StringPointer(path), FileFlags: flags})
	if err != nil {
		return nil, wrapCall("open pinned "+path, err)
	}
	h := newHandle(dev, fd)
	if dev.Kind() == ioctl.KindFake {
		return h, nil
	}
	name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		h.Close()
		return nil, err
	}
	if is := strings.TrimPrefix(name, "anon_inode:"); is != kind {
		h.Close()
		return nil, fmt.Errorf("%s is a %s, no %s: %w", path, is, kind, unix.EINVAL)
	}
	return h, nil
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
	return LoadPinnedMapFrom(dev, path, opts)
}

// LoadPinnedMapFrom opens a map of a device by path.
func LoadPinnedMapFrom(dev ioctl.Device, path string, opts *LoadPinOptions) (*Map, error) {
	return loadPinnedMap(dev, path, opts.Marshal())
}

func loadPinnedMap(dev ioctl.Device, path string, flags uint32) (*Map, error) {
	h, err := openPinned(dev, path, flags, "bpf-map")
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
	return LoadPinnedProgramFrom(dev, path, opts)
}

// LoadPinnedProgramFrom opens a program of a device by path.
func LoadPinnedProgramFrom(dev ioctl.Device, path string, opts *LoadPinOptions) (*Program, error) {
	h, err := openPinned(dev, path, opts.Marshal(), "bpf-prog")
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
