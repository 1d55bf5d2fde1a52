// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"sync/atomic"

	"github.com/bpfshim/bpfshim/ioctl"
)

// handle owns one file descriptor of a device's object.
type handle struct {
	dev ioctl.Device
	fd  atomic.Int64 // -1 once closed
}

func newHandle(dev ioctl.Device, fd int) *handle {
	h := &handle{dev: dev}
	h.fd.Store(int64(fd))
	return h
}

// FD is the descriptor, or -1 once closed.
func (h *handle) FD() int {
	if h == nil {
		return -1
	}
	return int(h.fd.Load())
}

func (h *handle) value() (uint32, error) {
	fd := h.FD()
	if fd < 0 {
		return 0, ErrClosed
	}
	return uint32(fd), nil
}

func (h *handle) Close() error {
	if h == nil {
		return nil
	}
	fd := h.fd.Swap(-1)
	if fd < 0 {
		return nil
	}
	return wrapCall("close", h.dev.CloseFD(int(fd)))
}

func (h *handle) dup() (*handle, error) {
	fd, err := h.value()
	if err != nil {
		return nil, err
	}
	n, err := h.dev.DupFD(int(fd))
	if err != nil {
		return nil, wrapCall("dup", err)
	}
	return newHandle(h.dev, n), nil
}
