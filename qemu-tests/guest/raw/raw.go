// SPDX-License-Identifier: Apache-2.0

// Package raw makes bpf(2) calls byte by byte, natively or through the device,
// so that a test can say what no sane library would.
package raw

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Target answers bpf(2) calls: the kernel itself, or the module's device.
type Target struct {
	Name string
	fd   int
}

// Native is the kernel's own bpf(2).
func Native() *Target { return &Target{Name: "native", fd: -1} }

// Open opens the module's device.
func Open() (*Target, error) {
	fd, err := unix.Open("/dev/bpfshim", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/bpfshim: %w", err)
	}
	return &Target{Name: "driver", fd: fd}, nil
}

// FromFD is the device behind an fd that is open already.
func FromFD(fd int) *Target { return &Target{Name: "driver", fd: fd} }

// IsNative tells the kernel itself from the device.
func (t *Target) IsNative() bool { return t.fd < 0 }

// FD is the device's.
func (t *Target) FD() int { return t.fd }

// MaxSize is the largest size that the device's ioctl number can carry.
const MaxSize = 1<<14 - 1

const iocReadWriteMagic = 3<<30 | 0xBF<<8

// Call makes one call with whatever address and size are given.
func (t *Target) Call(cmd uint32, addr uintptr, size uint32) (int, unix.Errno) {
	var r uintptr
	var errno unix.Errno
	if t.IsNative() {
		r, _, errno = unix.Syscall(unix.SYS_BPF, uintptr(cmd), addr, uintptr(size))
	} else {
		r, _, errno = unix.Syscall(unix.SYS_IOCTL, uintptr(t.fd), uintptr(iocReadWriteMagic|size<<16|cmd), addr)
	}
	if errno != 0 {
		return -1, errno
	}
	return int(r), 0
}

// AttrSize is sizeof(union bpf_attr) of Linux 6.1.
const AttrSize = 144

// Attr is the argument of a call. It lies in memory that Go does not move.
type Attr struct{ b []byte }

// NewAttr returns an attribute of zeroes with room for a tail.
func NewAttr() *Attr { return &Attr{b: Alloc(MaxSize + 1)} }

// Over gives memory of Alloc's fields by their offsets.
func Over(b []byte) *Attr { return &Attr{b: b} }

// U32 sets the field at the offset.
func (a *Attr) U32(off int, v uint32) *Attr {
	binary.NativeEndian.PutUint32(a.b[off:], v)
	return a
}

// U64 sets the field at the offset.
func (a *Attr) U64(off int, v uint64) *Attr {
	binary.NativeEndian.PutUint64(a.b[off:], v)
	return a
}

// Str sets bytes at the offset.
func (a *Attr) Str(off int, s string) *Attr {
	copy(a.b[off:], s)
	return a
}

// Get32 reads the field at the offset.
func (a *Attr) Get32(off int) uint32 { return binary.NativeEndian.Uint32(a.b[off:]) }

// Get64 reads the field at the offset.
func (a *Attr) Get64(off int) uint64 { return binary.NativeEndian.Uint64(a.b[off:]) }

// Addr is where the attribute lies.
func (a *Attr) Addr() uintptr { return uintptr(unsafe.Pointer(&a.b[0])) }

// Bytes are the attribute's own.
func (a *Attr) Bytes() []byte { return a.b }

// Do makes the call with the whole attribute.
func (t *Target) Do(cmd uint32, a *Attr) (int, unix.Errno) { return t.Call(cmd, a.Addr(), AttrSize) }

// Alloc returns zeroed memory outside Go's heap that stays for good: tests
// are short, and pointers to it are stored as plain numbers.
func Alloc(n int) []byte {
	const page = 4096
	size := (n + page - 1) / page * page
	if size == 0 {
		size = page
	}
	b, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		panic(err)
	}
	return b[:n]
}

// Free gives Alloc's memory back before the test ends.
func Free(b []byte) { _ = unix.Munmap(b[:cap(b)]) }

// Ptr returns the address of a copy of b that stays.
func Ptr(b []byte) uint64 {
	c := Alloc(len(b))
	copy(c, b)
	return Addr(c)
}

// Addr is the address of what Alloc returned.
func Addr(b []byte) uint64 {
	return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b))))
}

// CStr returns the address of the string with a NUL.
func CStr(s string) uint64 { return Ptr(append([]byte(s), 0)) }

// ErrName names an errno as the kernel does, ENOTSUPP (524) included, which
// user space has no name for.
func ErrName(e unix.Errno) string {
	switch {
	case e == 0:
		return "ok"
	case e == 524:
		return "ENOTSUPP"
	}
	if n := unix.ErrnoName(e); n != "" {
		return n
	}
	return fmt.Sprintf("errno %d", int(e))
}
