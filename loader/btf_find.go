// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/cilium/ebpf/btf"
	"github.com/ulikunitz/xz"
)

// KernelRelease is what `uname -r` prints, or the release of SetKernel.
func KernelRelease() (string, error) {
	if k := assumedKernel(); k != nil {
		return k.release, nil
	}
	return runningRelease()
}

// BTFPaths are the places where the type information of the kernel with that
// release is looked for, in this order.
func BTFPaths(release string) []string {
	return btfPaths("/", release)
}

func btfPaths(root, release string) []string {
	paths := []string{
		"sys/kernel/btf/vmlinux",
		"boot/vmlinux-" + release,
		"usr/lib/bpfshim/btf/" + release + ".btf",
		"usr/lib/bpfshim/btf/" + release + ".btf.gz",
		"usr/lib/bpfshim/btf/" + release + ".btf.xz",
		"lib/modules/" + release + "/vmlinux",
		"lib/modules/" + release + "/build/vmlinux",
		"usr/lib/debug/lib/modules/" + release + "/vmlinux",
		"usr/lib/debug/boot/vmlinux-" + release,
	}
	for i, p := range paths {
		paths[i] = filepath.Join(root, p)
	}
	return paths
}

// NoBTFError lists where type information was looked for. It is ErrNoBTF.
type NoBTFError struct {
	Release string
	// Tried are the paths, each with what was wrong with it.
	Tried []error
}

func (e *NoBTFError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "no BTF of kernel %s; looked in", e.Release)
	for _, err := range e.Tried {
		fmt.Fprintf(&b, "\n\t%v", err)
	}
	b.WriteString("\nput it at one of these (pahole --btf_encode_detached makes it from a vmlinux with debug information), or name a file")
	return b.String()
}

// Is makes it ErrNoBTF.
func (e *NoBTFError) Is(target error) bool { return target == ErrNoBTF }

// FindKernelBTF reads the running kernel's type information, and says where
// from. An error is ErrNoBTF and lists what was tried.
func FindKernelBTF() (*btf.Spec, string, error) {
	release, err := KernelRelease()
	if err != nil {
		return nil, "", err
	}
	return findBTF("/", release)
}

func findBTF(root, release string) (*btf.Spec, string, error) {
	var spec *btf.Spec
	path, err := firstBTF(root, release, func(path string) (err error) {
		spec, err = LoadBTF(path)
		return err
	})
	return spec, path, err
}

// firstBTF is the first of the places that load takes.
func firstBTF(root, release string, load func(path string) error) (string, error) {
	missing := &NoBTFError{Release: release}
	for _, path := range btfPaths(root, release) {
		err := load(path)
		switch {
		case err == nil:
			return path, nil
		case errors.Is(err, fs.ErrNotExist):
			err = fmt.Errorf("%s: not there", path)
		case errors.Is(err, btf.ErrNotFound):
			err = fmt.Errorf("%s: has no .BTF section", path)
		}
		missing.Tried = append(missing.Tried, err)
	}
	return "", missing
}

// LoadBTF reads types from a file: raw BTF or an ELF file with a .BTF
// section, either compressed by gzip or xz.
func LoadBTF(path string) (*btf.Spec, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	spec, err := readBTFFile(f, path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return spec, nil
}

func readBTFFile(f *os.File, path string) (*btf.Spec, error) {
	raw, err := rawBTF(f, path)
	if err != nil {
		return nil, err
	}
	// What cannot be read to be mended, such as another byte order, is btf's to judge.
	_ = mendBTF(raw)
	return btf.LoadSpecFromReader(bytes.NewReader(raw))
}

// unpack reads what may be compressed, and says whether it is an ELF file.
func unpack(f *os.File, path string) (io.Reader, bool, error) {
	var r io.Reader = f // sysfs files are read, not seeked in
	var err error
	switch filepath.Ext(path) {
	case ".gz":
		r, err = gzip.NewReader(f)
	case ".xz":
		r, err = xz.NewReader(f)
	default:
		magic := make([]byte, 4)
		if _, err := f.ReadAt(magic, 0); err == nil && string(magic) == "\x7fELF" {
			return f, true, nil
		}
	}
	return r, false, err
}

// kernelBTF is the running kernel's, read once.
var kernelBTF struct {
	sync.Mutex
	spec *btf.Spec
	err  error
	path string // of SetKernelBTF
}

// SetKernelBTF makes a file the type information that programs are relocated
// against when ProgramOptions.KernelTypes is nil; "" undoes it.
func SetKernelBTF(path string) {
	kernelBTF.Lock()
	defer kernelBTF.Unlock()
	kernelBTF.path, kernelBTF.spec, kernelBTF.err = path, nil, nil
}

func kernelTypes() (*btf.Spec, error) {
	kernelBTF.Lock()
	defer kernelBTF.Unlock()
	if kernelBTF.spec == nil && kernelBTF.err == nil {
		if kernelBTF.path != "" {
			kernelBTF.spec, kernelBTF.err = LoadBTF(kernelBTF.path)
		} else {
			kernelBTF.spec, _, kernelBTF.err = FindKernelBTF()
		}
	}
	if kernelBTF.err != nil {
		return nil, kernelBTF.err
	}
	// Specs decode types as they are asked for: a copy is cheap, and safe to
	// use beside others.
	return kernelBTF.spec.Copy(), nil
}
