// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// ImportRPM makes a kernel of the RPMs in a folder: kernel and kernel-devel,
// and for its BTF kernel-debuginfo, where that is among them.
func ImportRPM(ctx context.Context, name, dir string, log io.Writer) (Kernel, error) {
	if _, err := Find(name); err == nil {
		return Kernel{}, fmt.Errorf("%s is there already: %s", name, filepath.Join(Dir(), name))
	}
	rpms, err := filepath.Glob(filepath.Join(dir, "*.rpm"))
	if err != nil {
		return Kernel{}, err
	}
	if len(rpms) == 0 {
		return Kernel{}, fmt.Errorf("no RPMs in %s", dir)
	}
	if err := os.MkdirAll(Dir(), 0o755); err != nil {
		return Kernel{}, err
	}
	tmp, err := os.MkdirTemp(Dir(), ".new-")
	if err != nil {
		return Kernel{}, err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return Kernel{}, err
	}
	root := filepath.Join(tmp, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		return Kernel{}, err
	}
	for _, rpm := range rpms {
		fmt.Fprintln(log, "unpacking", rpm)
		if err := unpackRPM(ctx, rpm, root); err != nil {
			return Kernel{}, err
		}
	}
	for link, pattern := range map[string]string{
		"bzImage": "root/boot/vmlinuz-*", "build": "root/usr/src/kernels/*",
	} {
		found, err := filepath.Glob(filepath.Join(tmp, pattern))
		if err != nil {
			return Kernel{}, err
		}
		if len(found) != 1 {
			return Kernel{}, fmt.Errorf("%s: %d files match %s, not one", dir, len(found), pattern)
		}
		rel, err := filepath.Rel(tmp, found[0])
		if err != nil {
			return Kernel{}, err
		}
		if err := os.Symlink(rel, filepath.Join(tmp, link)); err != nil {
			return Kernel{}, err
		}
	}
	debug, _ := filepath.Glob(filepath.Join(root, "usr/lib/debug/lib/modules/*/vmlinux"))
	if len(debug) == 1 {
		fmt.Fprintln(log, "making its BTF")
		if err := run(ctx, "", log, "pahole", "--btf_encode_detached", filepath.Join(tmp, "btf"), debug[0]); err != nil {
			return Kernel{}, err
		}
	} else {
		fmt.Fprintln(log, "no BTF: kernel-debuginfo is not among the RPMs")
	}
	if err := os.Rename(tmp, filepath.Join(Dir(), name)); err != nil {
		return Kernel{}, err
	}
	return Find(name)
}

// unpackRPM unpacks by busybox's applets, which know the compressions of
// CentOS 7's RPMs.
func unpackRPM(ctx context.Context, rpm, root string) error {
	abs, err := filepath.Abs(rpm)
	if err != nil {
		return err
	}
	c := exec.CommandContext(ctx, "sh", "-c", `set -e; busybox rpm2cpio "$1" >.payload; busybox cpio -idm --quiet <.payload; rm .payload`, "sh", abs)
	c.Dir = root
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", rpm, err, out)
	}
	return nil
}
