// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/ioctl"
)

// StatsRunTime makes programs' runs and their time be counted: see EnableStats.
const StatsRunTime = uint32(ioctl.StatsRunTime)

// EnableStats has the default device gather statistics of this kind until the
// result is closed. Without them runs cost less, and RunCount and Runtime of
// ProgramInfo stay as they are.
func EnableStats(which uint32) (io.Closer, error) {
	d, err := DefaultDevice()
	if err != nil {
		return nil, err
	}
	return EnableStatsOn(d, which)
}

// EnableStatsOn is EnableStats of a device. It is ErrNotSupported where the
// kernel's bpf(2) is older than the command (Linux 5.8).
func EnableStatsOn(d Device, which uint32) (io.Closer, error) {
	fd, err := ioctl.Do(d, ioctl.EnableStats, &ioctl.EnableStatsAttr{Type: which})
	if errors.Is(err, unix.EINVAL) && d.Kind() == ioctl.KindNative && which == StatsRunTime {
		return nil, fmt.Errorf("statistics of programs: %w by this kernel's bpf(2): %w", ErrNotSupported, err)
	}
	if err != nil {
		return nil, wrapCall("statistics of programs", err)
	}
	return newHandle(d, fd), nil
}
