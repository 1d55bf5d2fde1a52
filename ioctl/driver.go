// SPDX-License-Identifier: Apache-2.0

package ioctl

import (
	"fmt"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// retries bounds how often a call that a signal interrupted is made again:
// PROG_LOAD answers EAGAIN when one is pending, other commands EINTR.
const retries = 100

func interrupted(cmd Cmd, errno unix.Errno) bool {
	switch errno {
	case unix.EAGAIN:
		return cmd == ProgLoad
	case unix.EINTR:
		// A test run that was stopped is the caller's to repeat.
		return cmd != ProgTestRun
	}
	return false
}

// Open opens the module's device. The error is the errno of open(2):
// unix.ENOENT when the module is not loaded.
func Open() (Device, error) { return OpenPath(DevicePath) }

// OpenPath opens the module's device at another path.
func OpenPath(path string) (Device, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &driver{fd: fd}, nil
}

// driver is the module's device.
type driver struct {
	files
	mu sync.RWMutex // held for reading during a call: fd stays
	fd int          // -1 once closed
}

func (d *driver) Kind() Kind { return KindDriver }

func (d *driver) Bpf(cmd Cmd, attr unsafe.Pointer, size uintptr) (int, error) {
	if size >= 1<<14 {
		return -1, unix.E2BIG
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.fd < 0 {
		return -1, unix.EBADF
	}
	for n := 0; ; n++ {
		r, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(d.fd), uintptr(IocBpf(cmd, uint32(size))), uintptr(attr))
		if errno == 0 {
			return int(r), nil
		}
		if n == retries || !interrupted(cmd, errno) {
			return -1, errno
		}
	}
}

func (d *driver) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	fd := d.fd
	d.fd = -1
	if fd < 0 {
		return nil
	}
	return unix.Close(fd)
}

// files are the operations on real file descriptors.
type files struct{}

func (files) CloseFD(fd int) error { return unix.Close(fd) }

func (files) DupFD(fd int) (int, error) {
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
}

func (files) Mmap(fd int, offset int64, length, prot int) ([]byte, error) {
	return unix.Mmap(fd, offset, length, prot, unix.MAP_SHARED)
}

func (files) Munmap(b []byte) error { return unix.Munmap(b) }

func (files) PerfIoctl(fd int, req uint, arg int) error {
	return unix.IoctlSetInt(fd, req, arg)
}
