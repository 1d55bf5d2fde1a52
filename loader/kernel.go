// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// kernel is where the facts of a kernel are looked for, each in this order.
type kernel struct {
	release string
	btf     []string
	config  []string
	symbols []string
}

// assumed is the kernel of SetKernel; nil: the running one.
var assumed struct {
	sync.RWMutex
	k *kernel
}

func assumedKernel() *kernel {
	assumed.RLock()
	defer assumed.RUnlock()
	return assumed.k
}

// SetKernel makes objects be prepared for another kernel than the running one:
// its types, configuration, symbols and version. The name is a release, as
// `uname -r` prints it, whose files are looked for in /boot, /lib/modules and
// /usr/lib/bpfshim/btf, or a folder in $BPFSHIM_KERNELS (default
// ~/.cache/bpfshim/kernels) that holds btf, System.map and build/.config.
// "" undoes it. What is set so cannot be loaded here, only verified.
func SetKernel(name string) error {
	var k *kernel
	if name != "" {
		var err error
		if k, err = findKernel("/", kernelsDir(), name); err != nil {
			return err
		}
	}
	assumed.Lock()
	assumed.k = k
	assumed.Unlock()
	if k == nil {
		SetKernelBTF("")
		return nil
	}
	SetKernelBTF(k.btf[0])
	return nil
}

func kernelsDir() string {
	if dir := os.Getenv("BPFSHIM_KERNELS"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".cache", "bpfshim", "kernels")
}

// findKernel leaves in btf the one file that there is.
func findKernel(root, dir, name string) (*kernel, error) {
	k := &kernel{release: name}
	if kept := filepath.Join(dir, name); dir != "" && filepath.IsLocal(name) && isFile(filepath.Join(kept, "btf")) {
		k.btf = []string{filepath.Join(kept, "btf")}
		k.config = []string{filepath.Join(kept, "build", ".config")}
		k.symbols = []string{filepath.Join(kept, "System.map")}
		if b, err := os.ReadFile(filepath.Join(kept, "build", "include", "config", "kernel.release")); err == nil {
			k.release = strings.TrimSpace(string(b))
		}
		return k, nil
	}
	k.config = inRoot(root, configPaths(name))
	k.symbols = inRoot(root, []string{"boot/System.map-" + name, "lib/modules/" + name + "/System.map", "usr/lib/debug/boot/System.map-" + name})
	// Without /sys: that is the running kernel's.
	paths := btfPaths(root, name)[1:]
	for _, p := range paths {
		if isFile(p) {
			k.btf = []string{p}
			return k, nil
		}
	}
	if r, err := runningRelease(); err == nil && r == name {
		k.btf = []string{btfPaths(root, name)[0]}
		return k, nil
	}
	missing := &NoBTFError{Release: name}
	for _, p := range append(paths, filepath.Join(dir, name, "btf")) {
		missing.Tried = append(missing.Tried, fmt.Errorf("%s: not there", p))
	}
	return nil, missing
}

func isFile(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular()
}

func inRoot(root string, paths []string) []string {
	out := make([]string, len(paths))
	for i, p := range paths {
		out[i] = filepath.Join(root, p)
	}
	return out
}

func configPaths(release string) []string {
	return []string{"boot/config-" + release, "lib/modules/" + release + "/config", "lib/modules/" + release + "/build/.config"}
}

func runningRelease() (string, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", err
	}
	return unix.ByteSliceToString(u.Release[:]), nil
}
