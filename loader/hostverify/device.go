// SPDX-License-Identifier: Apache-2.0

// Package hostverify is a device that verifies programs in user space, with the
// module's own verifier: no module, no root, nothing runs. Objects are opened,
// relocated and loaded through it as through the driver, so what is verified
// is, byte for byte, what the driver would get.
package hostverify

import (
	"bytes"
	"errors"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/ioctl"
)

// firstFD keeps descriptors apart from real ones.
const firstFD = 1 << 20

// Device verifies programs. Its methods may be called from any goroutine.
type Device struct {
	// KernelBTF is a file with the kernel's types, for programs that name
	// them; "": none.
	KernelBTF string

	mu   sync.Mutex
	path string
	fds  map[int]*object
	next int
	last Result
}

type object struct {
	m   *mapObject
	btf []byte
}

type mapObject struct {
	fd     uint32
	attr   ioctl.MapCreateAttr
	btf    []byte
	data   []byte // of arrays of one element: global data
	frozen bool
}

// Result is what the verifier found of the last program.
type Result struct {
	Errno       unix.Errno
	Insns       int // as the engines would run it
	Processed   int
	TotalStates int
	PeakStates  int
	StatesMax   int // at one instruction
	Nanoseconds uint64
	PeakMemory  uint64 // bytes
	StackDepth  int    // of the deepest function, bytes
}

// New makes a device that runs the verifier at that path; "": see Find.
func New(path string) (*Device, error) {
	if path == "" {
		var err error
		if path, err = Find(); err != nil {
			return nil, err
		}
	}
	return &Device{path: path, fds: map[int]*object{}, next: firstFD}, nil
}

// Last is the result of the last program that was loaded.
func (d *Device) Last() Result {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last
}

// Kind is that of a device in memory.
func (d *Device) Kind() ioctl.Kind { return ioctl.KindFake }

// Close does nothing.
func (d *Device) Close() error { return nil }

// CloseFD closes a descriptor.
func (d *Device) CloseFD(fd int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fds[fd] == nil {
		return unix.EBADF
	}
	delete(d.fds, fd)
	return nil
}

// DupFD duplicates a descriptor.
func (d *Device) DupFD(fd int) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := d.fds[fd]
	if o == nil {
		return -1, unix.EBADF
	}
	return d.install(o), nil
}

// Mmap is refused: nothing here has memory to share.
func (d *Device) Mmap(int, int64, int, int) ([]byte, error) { return nil, unix.ENODEV }

// Munmap is refused as well.
func (d *Device) Munmap([]byte) error { return unix.EINVAL }

// PerfIoctl is refused: there are no events.
func (d *Device) PerfIoctl(int, uint, int) error { return unix.EBADF }

func (d *Device) install(o *object) int {
	fd := d.next
	d.next++
	d.fds[fd] = o
	return fd
}

func (d *Device) object(fd uint32) (*object, error) {
	if o := d.fds[int(int32(fd))]; o != nil {
		return o, nil
	}
	return nil, unix.EBADF
}

// Bpf makes a call.
func (d *Device) Bpf(cmd ioctl.Cmd, attr unsafe.Pointer, size uintptr) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch cmd {
	case ioctl.MapCreate:
		return d.mapCreate((*ioctl.MapCreateAttr)(attr))
	case ioctl.MapUpdateElem, ioctl.MapFreeze:
		return 0, d.mapChange(cmd, (*ioctl.MapElemAttr)(attr))
	case ioctl.BtfLoad:
		a := (*ioctl.BtfLoadAttr)(attr)
		return d.install(&object{btf: bytesAt(a.Btf, int(a.BtfSize))}), nil
	case ioctl.ProgLoad:
		return d.progLoad((*ioctl.ProgLoadAttr)(attr))
	case ioctl.MapLookupElem, ioctl.MapGetNextKey:
		return -1, unix.ENOENT
	}
	return -1, unix.EINVAL
}

func (d *Device) mapCreate(a *ioctl.MapCreateAttr) (int, error) {
	m := &mapObject{attr: *a}
	if a.BtfFd != 0 {
		o, err := d.object(a.BtfFd)
		if err != nil {
			return -1, err
		}
		m.btf = o.btf
	}
	if ioctl.MapType(a.MapType) == ioctl.MapTypeArray && a.MaxEntries == 1 {
		m.data = make([]byte, a.ValueSize)
	}
	fd := d.install(&object{m: m})
	m.fd = uint32(fd)
	return fd, nil
}

func (d *Device) mapChange(cmd ioctl.Cmd, a *ioctl.MapElemAttr) error {
	o, err := d.object(a.MapFd)
	switch {
	case err != nil:
		return err
	case o.m == nil:
		return unix.EINVAL
	case cmd == ioctl.MapFreeze:
		o.m.frozen = true
	case o.m.data != nil:
		copy(o.m.data, bytesAt(a.Value, len(o.m.data)))
	}
	return nil
}

func (d *Device) progLoad(a *ioctl.ProgLoadAttr) (int, error) {
	var types []byte
	if a.ProgBtfFd != 0 {
		o, err := d.object(a.ProgBtfFd)
		if err != nil {
			return -1, err
		}
		types = o.btf
	}
	var maps []*mapObject
	for _, o := range d.fds {
		if o.m != nil {
			maps = append(maps, o.m)
		}
	}
	r, log, err := d.run(a, types, maps)
	if err != nil {
		return -1, err
	}
	d.last = r
	if full := putLog(a, log); full && r.Errno == 0 {
		return -1, unix.ENOSPC
	}
	if r.Errno != 0 {
		return -1, r.Errno
	}
	return d.install(&object{}), nil
}

// putLog gives the caller the log; true: not all of it.
func putLog(a *ioctl.ProgLoadAttr, log []byte) bool {
	if a.LogBuf.IsNil() || a.LogSize == 0 {
		return false
	}
	buf := unsafe.Slice((*byte)(a.LogBuf.Unsafe()), a.LogSize)
	n := copy(buf[:len(buf)-1], log)
	buf[n] = 0
	return n < len(log)
}

func bytesAt(p ioctl.Pointer, n int) []byte {
	if p.IsNil() || n == 0 {
		return nil
	}
	return bytes.Clone(unsafe.Slice((*byte)(p.Unsafe()), n))
}

// ErrNoVerifier: the program that verifies is not installed.
var ErrNoVerifier = errors.New("bpfshim-verify is not there: it belongs next to bpfshim, in PATH or in /usr/libexec/bpfshim (make cli builds both)")
