// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// debianSeries tells "6.1" of "debian-6.1".
func debianSeries(name string) (string, bool) {
	s, ok := strings.CutPrefix(name, "debian-")
	return s, ok && s != ""
}

// installDebian downloads Debian's image and header packages and unpacks them
// into the kernel's folder; nothing is installed into the system.
func installDebian(ctx context.Context, name, series string, log io.Writer) error {
	release, err := debianRelease(ctx, series)
	if err != nil {
		fmt.Fprintf(log, "%v: running apt-get update\n", err)
		if err := aptUpdate(ctx, log); err != nil {
			return err
		}
		if release, err = debianRelease(ctx, series); err != nil {
			return err
		}
	}
	final := filepath.Join(Dir(), name)
	tmp, err := os.MkdirTemp(Dir(), ".new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}

	headers := "linux-headers-" + release
	common := strings.TrimSuffix(headers, "-amd64") + "-common"
	pkgs := []string{"linux-image-" + release, headers, common, "linux-kbuild-" + series}
	fmt.Fprintf(log, "downloading %s\n", strings.Join(pkgs, " "))
	if err := aptDownload(ctx, tmp, pkgs, log); err != nil {
		fmt.Fprintf(log, "%v: running apt-get update\n", err)
		if err := aptUpdate(ctx, log); err != nil {
			return err
		}
		if err := aptDownload(ctx, tmp, pkgs, log); err != nil {
			return err
		}
	}
	root := filepath.Join(tmp, "root")
	debs, err := filepath.Glob(filepath.Join(tmp, "*.deb"))
	if err != nil {
		return err
	}
	for _, deb := range debs {
		if err := run(ctx, tmp, log, "dpkg-deb", "-x", deb, root); err != nil {
			return err
		}
		if err := os.Remove(deb); err != nil {
			return err
		}
	}
	// A guest needs none of the drivers; what it can use is built in.
	if err := os.RemoveAll(filepath.Join(root, "lib", "modules", release, "kernel", "drivers")); err != nil {
		return err
	}

	// The headers' Makefile names its other half by its installed path.
	// Where it will lie is written, so the folder is renamed, not moved again.
	src := filepath.Join("usr", "src", headers)
	mk := fmt.Sprintf("include %s\n", filepath.Join(final, "root", "usr", "src", common, "Makefile"))
	if err := os.WriteFile(filepath.Join(root, src, "Makefile"), []byte(mk), 0o644); err != nil {
		return err
	}
	for link, target := range map[string]string{
		"bzImage": filepath.Join("root", "boot", "vmlinuz-"+release),
		"build":   filepath.Join("root", src),
	} {
		if _, err := os.Stat(filepath.Join(tmp, target)); err != nil {
			return err
		}
		if err := os.Symlink(target, filepath.Join(tmp, link)); err != nil {
			return err
		}
	}
	fmt.Fprintln(log, "extracting the kernel's BTF")
	if err := ExtractBTF(filepath.Join(tmp, "bzImage"), filepath.Join(tmp, "btf")); err != nil {
		return err
	}
	if err := os.RemoveAll(final); err != nil { // a half made one of before
		return err
	}
	return os.Rename(tmp, final)
}

var imageDep = regexp.MustCompile(`(?m)^\s*\|?Depends: linux-image-(\S+-amd64)$`)

// debianRelease asks apt which release linux-image-amd64 stands for.
func debianRelease(ctx context.Context, series string) (string, error) {
	out, err := exec.CommandContext(ctx, "apt-cache", "depends", "linux-image-amd64").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("apt-cache: %w: %s", err, bytes.TrimSpace(out))
	}
	for _, m := range imageDep.FindAllSubmatch(out, -1) {
		if r := string(m[1]); strings.HasPrefix(r, series+".") {
			return r, nil
		}
	}
	return "", fmt.Errorf("apt knows no linux-image-amd64 of %s", series)
}

func aptDownload(ctx context.Context, dir string, pkgs []string, log io.Writer) error {
	args := []string{"apt-get", "-q", "download"}
	if os.Geteuid() == 0 { // else apt warns that its own user cannot write here
		args = append(args, "-o", "APT::Sandbox::User=root")
	}
	return run(ctx, dir, log, append(args, pkgs...)...)
}

func aptUpdate(ctx context.Context, log io.Writer) error {
	args := []string{"apt-get", "-q", "update"}
	if os.Geteuid() != 0 {
		args = append([]string{"sudo", "-n"}, args...)
	}
	return run(ctx, "", log, args...)
}

func run(ctx context.Context, dir string, log io.Writer, args ...string) error {
	var errs bytes.Buffer
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.Dir, c.Stdout, c.Stderr = dir, log, io.MultiWriter(log, &errs)
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(errs.Bytes()))
	}
	return nil
}
