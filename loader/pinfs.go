// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/ioctl"
)

// PinDirs are where a file system of pins is meant to be mounted: the second
// where the first is the kernel's own bpffs.
var PinDirs = []string{"/sys/fs/bpf", "/sys/fs/bpfshim"}

// pinMount is a mounted file system.
type pinMount struct{ dir, typ string }

// PinFSType is the type of the file system that a device pins objects in.
func PinFSType(dev ioctl.Device) string {
	if dev.Kind() == ioctl.KindNative {
		return "bpf"
	}
	return "bpfshim"
}

func pinMounts(r io.Reader) ([]pinMount, error) {
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	var out []pinMount
	sc := bufio.NewScanner(r)
	for sc.Scan() {
		if f := strings.Fields(sc.Text()); len(f) > 2 {
			out = append(out, pinMount{unescape.Replace(f[1]), f[2]})
		}
	}
	return out, sc.Err()
}

// findPinDir chooses among mounts, the last of which is on top.
func findPinDir(mounts []pinMount, typ string) string {
	top := map[string]string{}
	for _, m := range mounts {
		top[m.dir] = m.typ
	}
	for _, dir := range PinDirs {
		if top[dir] == typ {
			return dir
		}
	}
	for _, m := range mounts {
		if top[m.dir] == typ {
			return m.dir
		}
	}
	return ""
}

func readMounts() ([]pinMount, error) {
	f, err := os.Open("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return pinMounts(f)
}

// PinDir is where the device's objects can be pinned: one of PinDirs when the
// device's file system is mounted there, else where else it is. The error is
// fs.ErrNotExist when it is mounted nowhere; see MountPins.
func PinDir(dev ioctl.Device) (string, error) { return FindPinFS(PinFSType(dev)) }

// FindPinFS is PinDir by the file system's type.
func FindPinFS(typ string) (string, error) {
	mounts, err := readMounts()
	if err != nil {
		return "", err
	}
	if dir := findPinDir(mounts, typ); dir != "" {
		return dir, nil
	}
	return "", fmt.Errorf("no file system of type %s is mounted (bpfshim mount): %w", typ, fs.ErrNotExist)
}

// MountPins mounts the device's file system of pins, for root only, and
// returns where: dir, or, when dir is empty, the first of PinDirs that is there
// and has nothing mounted on it. One that is mounted there already will do.
func MountPins(dev ioctl.Device, dir string) (string, error) {
	mounts, err := readMounts()
	if err != nil {
		return "", err
	}
	typ := PinFSType(dev)
	top := map[string]string{}
	for _, m := range mounts {
		top[m.dir] = m.typ
	}
	if dir == "" {
		if dir, err = PinDir(dev); err == nil {
			return dir, nil
		}
		for _, d := range PinDirs {
			if s, err := os.Stat(d); err == nil && s.IsDir() && top[d] == "" {
				dir = d
				break
			}
		}
		if dir == "" {
			return "", fmt.Errorf("nowhere to mount %s: %s are not there, or in use: name a directory",
				typ, strings.Join(PinDirs, " and "))
		}
	}
	if top[dir] == typ {
		return dir, nil
	}
	err = unix.Mount(typ, dir, typ, unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=0700")
	if errors.Is(err, unix.ENODEV) {
		err = fmt.Errorf("this module, or kernel, has no file system for pins (%w)", err)
	}
	return dir, wrapCall("mount "+typ+" on "+dir, err)
}
