// SPDX-License-Identifier: Apache-2.0

// Package kernels finds and provides the kernels that guests boot.
//
// A kernel is a folder of Dir(): <name>/bzImage boots, <name>/build is what
// modules are built against (make -C build M=...), <name>/btf is its BTF. What
// Debian packages can provide is put there by Ensure; the others are put there
// by hand or made from RPMs by ImportRPM.
package kernels

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"golang.org/x/sys/unix"
)

// Env names the variable that overrides the folder the kernels are in.
const Env = "BPFSHIM_KERNELS"

// ErrMissing is what a MissingError is: errors.Is(err, ErrMissing).
var ErrMissing = errors.New("kernel is not there")

// MissingError says which kernel is missing and how to provide it.
type MissingError struct {
	Name string
	Hint string
}

func (e *MissingError) Error() string { return "kernel " + e.Name + " is not there: " + e.Hint }

// Is makes errors.Is(err, ErrMissing) true.
func (e *MissingError) Is(target error) bool { return target == ErrMissing }

// Kernel is one bootable kernel.
type Kernel struct {
	Name string
	Dir  string
}

// Image is the path of the bzImage.
func (k Kernel) Image() string { return filepath.Join(k.Dir, "bzImage") }

// Build is the folder to build modules against.
func (k Kernel) Build() string { return filepath.Join(k.Dir, "build") }

// BTF is the path of the kernel's raw BTF.
func (k Kernel) BTF() string { return filepath.Join(k.Dir, "btf") }

// HasBuild reports whether modules can be built for the kernel.
func (k Kernel) HasBuild() bool { return exists(filepath.Join(k.Build(), "Makefile")) }

// HasBTF reports whether the kernel's BTF is there.
func (k Kernel) HasBTF() bool { return exists(k.BTF()) }

// Dir is the folder that holds the kernels.
func Dir() string {
	if d := os.Getenv(Env); d != "" {
		return d
	}
	home, err := os.UserHomeDir()
	if err != nil {
		home = "/root"
	}
	return filepath.Join(home, ".cache", "bpfshim", "kernels")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Find returns the kernel of that name, or a MissingError.
func Find(name string) (Kernel, error) {
	if name == "" || strings.ContainsAny(name, "/ ") || strings.HasPrefix(name, ".") {
		return Kernel{}, fmt.Errorf("%q is no kernel name", name)
	}
	k := Kernel{Name: name, Dir: filepath.Join(Dir(), name)}
	if !exists(k.Image()) {
		return Kernel{}, &MissingError{Name: name, Hint: hint(name)}
	}
	return k, nil
}

func hint(name string) string {
	if _, ok := debianSeries(name); ok {
		return "run `go run ./qemu-tests/cmd/kernels ensure " + name + "`"
	}
	return fmt.Sprintf("put bzImage, build/ and btf into %s, or run `go run ./qemu-tests/cmd/kernels import-rpm %s DIR` on a folder with its kernel and kernel-devel RPMs",
		filepath.Join(Dir(), name), name)
}

// List returns the kernels that are there, oldest release first.
func List() ([]Kernel, error) {
	ents, err := os.ReadDir(Dir())
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	var ks []Kernel
	for _, e := range ents {
		if k, err := Find(e.Name()); err == nil {
			ks = append(ks, k)
		}
	}
	sort.SliceStable(ks, func(i, j int) bool { return olderThan(ks[i], ks[j]) })
	return ks, nil
}

// Ensure returns the kernel of that name and provides it first where it can:
// progress goes to log.
func Ensure(ctx context.Context, name string, log io.Writer) (Kernel, error) {
	k, err := Find(name)
	if !errors.Is(err, ErrMissing) {
		return k, err
	}
	series, ok := debianSeries(name)
	if !ok {
		return k, err
	}
	if err := os.MkdirAll(Dir(), 0o755); err != nil {
		return k, err
	}
	unlock, err := Lock(filepath.Join(Dir(), ".lock"))
	if err != nil {
		return k, err
	}
	defer unlock()
	if k, err := Find(name); err == nil { // another process was faster
		return k, nil
	}
	if err := installDebian(ctx, name, series, log); err != nil {
		return k, fmt.Errorf("providing %s: %w", name, err)
	}
	return Find(name)
}

// Lock waits for the lock file and returns what gives it back: several
// processes of the harness may run at a time.
func Lock(path string) (func(), error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}
