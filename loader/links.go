// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"fmt"

	"github.com/bpfshim/bpfshim/ioctl"
	"github.com/bpfshim/bpfshim/loader/internal/attach"
)

// LinkID is the id of a link.
type LinkID uint32

// LinkByID opens a link by its id: errors.Is(err, unix.ENOENT) when there is
// none. While it is open the program stays attached.
func LinkByID(dev ioctl.Device, id LinkID) (*Link, error) {
	fd, err := ioctl.Do(dev, ioctl.LinkGetFdById, &ioctl.IdAttr{Id: uint32(id)})
	if err != nil {
		return nil, wrapCall(fmt.Sprintf("link %d", id), err)
	}
	return attach.FromFD(dev, fd, fmt.Sprintf("link %d", id)), nil
}

// EachLink calls visit with every link of the device; it is closed afterwards.
func EachLink(dev ioctl.Device, visit func(*Link) error) error {
	return each(dev, ioctl.LinkGetNextId, func(id uint32) error {
		l, err := LinkByID(dev, LinkID(id))
		if err != nil {
			return err
		}
		defer l.Close()
		return visit(l)
	})
}

// LoadPinnedLinkFrom opens a link of a device by path. While it is open the
// program stays attached.
func LoadPinnedLinkFrom(dev ioctl.Device, path string, opts *LoadPinOptions) (*Link, error) {
	h, err := openPinned(dev, path, opts.Marshal(), "bpf-link")
	if err != nil {
		return nil, err
	}
	l := attach.FromFD(dev, h.FD(), "link "+path)
	l.SetPinned(path)
	return l, nil
}
