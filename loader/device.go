// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/ioctl"
)

// Device is the one way to BPF: the module, the kernel, or a test's fake.
type Device = ioctl.Device

// ABIVersion is the one of the module's own commands that this package speaks.
const ABIVersion = ioctl.AbiVersion

// OpenDevice opens a device by name: "driver" is the module, "native" the
// kernel's own bpf(2), "auto" the module when it is loaded and native else.
func OpenDevice(name string) (ioctl.Device, error) {
	switch name {
	case DeviceNative:
		return ioctl.Native(), nil
	case DeviceAuto, "":
		if _, err := os.Stat(ioctl.DevicePath); errors.Is(err, fs.ErrNotExist) {
			return nativeOrNone()
		}
	case DeviceDriver:
	default:
		return nil, fmt.Errorf("unknown device %q: %s, %s or %s", name, DeviceAuto, DeviceDriver, DeviceNative)
	}
	d, err := ioctl.Open()
	if err != nil {
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ENODEV) {
			return nil, fmt.Errorf("%w (%w)", ErrNoDevice, err)
		}
		return nil, err
	}
	info, err := Info(d)
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("%s: %w", ioctl.DevicePath, err)
	}
	if info.AbiVersion != ioctl.AbiVersion {
		d.Close()
		return nil, fmt.Errorf("module bpfshim %s speaks ABI %d, this program ABI %d", info.Version, info.AbiVersion, ioctl.AbiVersion)
	}
	return d, nil
}

// nativeOrNone is bpf(2), where the kernel has it at all.
func nativeOrNone() (ioctl.Device, error) {
	d := ioctl.Native()
	// Nothing is made: a map of no type.
	if _, err := ioctl.Do(d, ioctl.MapCreate, &ioctl.MapCreateAttr{}); errors.Is(err, unix.ENOSYS) {
		return nil, fmt.Errorf("%w (and this kernel has no bpf(2))", ErrNoDevice)
	}
	return d, nil
}

var defaultDevice struct {
	sync.Mutex
	d ioctl.Device
}

// DefaultDevice is the device of everything that is not given one: that of
// SetDefaultDevice, or what $BPFSHIM_DEVICE names as OpenDevice takes it
// ("auto" when unset). It is opened once and stays open.
func DefaultDevice() (ioctl.Device, error) {
	defaultDevice.Lock()
	defer defaultDevice.Unlock()
	if defaultDevice.d != nil {
		return defaultDevice.d, nil
	}
	d, err := OpenDevice(os.Getenv("BPFSHIM_DEVICE"))
	if err != nil {
		return nil, err
	}
	defaultDevice.d = d
	return d, nil
}

// SetDefaultDevice makes d the default device.
func SetDefaultDevice(d ioctl.Device) {
	defaultDevice.Lock()
	defer defaultDevice.Unlock()
	defaultDevice.d = d
}

func orDefault(d ioctl.Device) (ioctl.Device, error) {
	if d != nil {
		return d, nil
	}
	return DefaultDevice()
}

// DeviceInfo is what the module tells of itself.
type DeviceInfo struct {
	AbiVersion uint32
	Version    string
	Features   uint64 // ioctl.Feat*
	// Live objects.
	Maps, Progs, Links, Btfs, Outputs int
	// JIT tells whether new programs are compiled or interpreted.
	JIT bool
	// ProgMisses counts runs that the recursion guard skipped,
	// KretprobeMisses returns for which no instance was free.
	ProgMisses, KretprobeMisses uint64
	// MemBytes is held by maps and programs.
	MemBytes uint64
}

// Info asks the module about itself. The native device has nothing to tell:
// ErrNotSupported.
func Info(d ioctl.Device) (*DeviceInfo, error) {
	if d.Kind() == ioctl.KindNative {
		return nil, fmt.Errorf("module info: %w", ErrNotSupported)
	}
	var a ioctl.ExtInfoAttr
	if _, err := ioctl.Do(d, ioctl.ExtInfo, &a); err != nil {
		return nil, wrapCall("module info", err)
	}
	return &DeviceInfo{
		AbiVersion: a.AbiVersion, Version: ioctl.NameString(a.Version[:]), Features: a.Features,
		Maps: int(a.NrMaps), Progs: int(a.NrProgs), Links: int(a.NrLinks), Btfs: int(a.NrBtfs), Outputs: int(a.NrOutputs),
		JIT: a.Engine == ioctl.EngineJit, ProgMisses: a.ProgMisses, KretprobeMisses: a.KretprobeMisses, MemBytes: a.MemBytes,
	}, nil
}
