// SPDX-License-Identifier: Apache-2.0

// Package ioctl mirrors ioctl/bpfshim.h and makes its calls.
//
// A command is made through a [Device]: the module's own, the kernel's bpf(2)
// for comparison, or a fake for tests. Nothing else in the Go code enters the
// kernel's or the module's BPF.
//
// Names are the header's, mechanically: BPFSHIM_MAP_TYPE_HASH is MapTypeHash,
// a field map_type is MapType; a field that serves several of a union's
// members lists them in its tag. A test holds both sides equal.
package ioctl

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// IocBpf is the ioctl request of a command with an attr of size bytes.
func IocBpf(cmd Cmd, size uint32) uint32 {
	const readWrite = 3
	return readWrite<<30 | size<<16 | IocMagic<<8 | uint32(cmd)
}

// Pointer is a pointer field of an attr: 64 bits wide, and known to the
// garbage collector. It is the address itself on 64-bit machines, the only
// ones supported.
type Pointer struct {
	p unsafe.Pointer
}

// NewPointer points at whatever p points at.
func NewPointer(p unsafe.Pointer) Pointer { return Pointer{p} }

// SlicePointer points at the slice's first element; it is null for an empty slice.
func SlicePointer[T any](s []T) Pointer {
	if len(s) == 0 {
		return Pointer{}
	}
	return Pointer{unsafe.Pointer(unsafe.SliceData(s))}
}

// StringPointer points at a copy of s that ends in NUL.
func StringPointer(s string) Pointer {
	return SlicePointer(append([]byte(s), 0))
}

// Unsafe returns the address.
func (p Pointer) Unsafe() unsafe.Pointer { return p.p }

// IsNil reports whether the pointer is null.
func (p Pointer) IsNil() bool { return p.p == nil }

// Kind says who answers a device's calls.
type Kind int

// Kinds of devices.
const (
	KindDriver Kind = iota // the module
	KindNative             // the kernel's own bpf(2)
	KindFake               // nobody: a test's double
)

func (k Kind) String() string {
	switch k {
	case KindDriver:
		return "driver"
	case KindNative:
		return "native"
	case KindFake:
		return "fake"
	}
	return fmt.Sprintf("kind %d", int(k))
}

// Device is the one way to BPF. File descriptors that its calls return belong
// to it: they are closed, duplicated and mapped through it, so that a fake need
// not hand out real ones.
type Device interface {
	// Kind says who answers.
	Kind() Kind
	// Bpf makes one call with the size bytes at attr. The result is what the
	// command returns (a file descriptor, or 0); the error is a unix.Errno.
	Bpf(cmd Cmd, attr unsafe.Pointer, size uintptr) (int, error)
	// CloseFD closes a file descriptor that a call returned.
	CloseFD(fd int) error
	// DupFD duplicates a file descriptor, close-on-exec.
	DupFD(fd int) (int, error)
	// Mmap maps a map or an output event.
	Mmap(fd int, offset int64, length, prot int) ([]byte, error)
	// Munmap undoes Mmap.
	Munmap(b []byte) error
	// PerfIoctl makes one of perf's ioctls on an output event.
	PerfIoctl(fd int, req uint, arg int) error
	// Close closes the device. Objects live on.
	Close() error
}

// Do makes one call with a typed attr.
func Do[T any](d Device, cmd Cmd, attr *T) (int, error) {
	r, err := d.Bpf(cmd, unsafe.Pointer(attr), unsafe.Sizeof(*attr))
	runtime.KeepAlive(attr)
	return r, err
}

// ObjName is a name as attrs carry it: cut at 15 bytes, and what the kernel
// refuses in names replaced.
func ObjName(name string) (out [ObjNameLen]byte) {
	n := 0
	for i := 0; i < len(name) && n < ObjNameLen-1; i++ {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '.':
			out[n] = c
		default:
			out[n] = '_'
		}
		n++
	}
	return out
}

// NameString is the text of a name from an attr.
func NameString(b []byte) string { return unix.ByteSliceToString(b) }
