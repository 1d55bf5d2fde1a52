// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/ioctl"
)

// pin makes an empty file, whose removal unpins.
func (d *Device) pin(a *ioctl.ObjPinAttr) error {
	o := d.fds[int(int32(a.BpfFd))]
	if o == nil || o.m == nil && o.p == nil && o.l == nil {
		return unix.EINVAL
	}
	path := stringAt(a.Pathname)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return errnoOf(err)
	}
	f.Close()
	if d.pins == nil {
		d.pins = map[string]*object{}
	}
	if o.refs++; d.pins[path] != nil {
		d.pins[path].refs--
	}
	d.pins[path] = o
	return nil
}

func (d *Device) pinned(a *ioctl.ObjPinAttr) (int, error) {
	path := stringAt(a.Pathname)
	if _, err := os.Stat(path); err != nil {
		return -1, errnoOf(err)
	}
	o := d.pins[path]
	if o == nil {
		return -1, unix.EACCES
	}
	return d.install(o), nil
}

func errnoOf(err error) error {
	if pe, ok := err.(*os.PathError); ok {
		return pe.Err
	}
	return err
}
