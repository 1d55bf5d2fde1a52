// SPDX-License-Identifier: Apache-2.0

package raw

import (
	"testing"

	"golang.org/x/sys/unix"
)

// PinFS is the type of the file system that the target pins objects in.
func (t *Target) PinFS() string {
	if t.IsNative() {
		return "bpf"
	}
	return "bpfshim"
}

// MountPins mounts one that is the test's own, and returns where.
func (t *Target) MountPins(tb testing.TB, options string) string {
	tb.Helper()
	dir := tb.TempDir()
	if err := unix.Mount(t.PinFS(), dir, t.PinFS(), 0, options); err != nil {
		tb.Fatalf("mount of %s: %v", t.PinFS(), err)
	}
	tb.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil && err != unix.EINVAL {
			tb.Errorf("umount of %s: %v", dir, err)
		}
	})
	return dir
}

// Pin names an object.
func (t *Target) Pin(fd int, path string) unix.Errno {
	a, name := NewAttr(), Alloc(len(path)+1)
	defer Free(a.b)
	defer Free(name)
	copy(name, path)
	_, errno := t.Do(ObjPin, a.U64(0, Addr(name)).U32(8, uint32(fd)))
	return errno
}

// Get opens a named object.
func (t *Target) Get(path string, flags uint32) (int, unix.Errno) {
	a, name := NewAttr(), Alloc(len(path)+1)
	defer Free(a.b)
	defer Free(name)
	copy(name, path)
	return t.Do(ObjGet, a.U64(0, Addr(name)).U32(12, flags))
}
