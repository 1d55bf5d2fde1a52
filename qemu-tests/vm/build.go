// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/bpfshim/bpfshim/qemu-tests/initramfs"
	"github.com/bpfshim/bpfshim/qemu-tests/kernels"
)

// Repo is the project's root: the folder of go.mod, from the current one up.
func Repo() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(b), "module github.com/bpfshim/bpfshim") {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("not in the project's tree: no go.mod of it from here up")
		}
		dir = up
	}
}

// Builder makes what guests need out of the project's tree.
type Builder struct {
	Repo string
	Log  io.Writer // what the tools say, shown only when they fail
}

func (b Builder) out(parts ...string) string {
	return filepath.Join(append([]string{b.Repo, "build"}, parts...)...)
}

func (b Builder) run(ctx context.Context, env []string, args ...string) error {
	_, err := b.output(ctx, env, args...)
	return err
}

// output runs a tool, one of all that build here at a time.
func (b Builder) output(ctx context.Context, env []string, args ...string) ([]byte, error) {
	if err := os.MkdirAll(b.out(), 0o755); err != nil {
		return nil, err
	}
	unlock, err := kernels.Lock(b.out(".lock"))
	if err != nil {
		return nil, err
	}
	defer unlock()
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.Dir = b.Repo
	c.Env = append(os.Environ(), env...)
	out, err := c.CombinedOutput()
	if err != nil {
		if b.Log != nil {
			_, _ = b.Log.Write(out)
		}
		return out, fmt.Errorf("%s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}

// Go builds a static program from a package of the tree.
func (b Builder) Go(ctx context.Context, out, pkg string) error {
	return b.run(ctx, []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64"}, "go", "build", "-trimpath", "-o", out, pkg)
}

// Test builds the static test program of a package.
func (b Builder) Test(ctx context.Context, out, pkg string) error {
	return b.run(ctx, []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64"}, "go", "test", "-trimpath", "-c", "-o", out, pkg)
}

// Base returns the base initramfs.
func (b Builder) Base(ctx context.Context) (string, error) {
	dir := b.out("guest")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	init := filepath.Join(dir, "init")
	if err := b.Go(ctx, init, "./qemu-tests/cmd/init"); err != nil {
		return "", err
	}
	return initramfs.Base(dir, init)
}

// Module returns the module built for the kernel, and the compiler's warnings;
// make decides what is old.
func (b Builder) Module(ctx context.Context, k kernels.Kernel) (ko string, warnings []string, err error) {
	if !k.HasBuild() {
		return "", nil, fmt.Errorf("%s has no build folder %s to build the module against", k.Name, k.Build())
	}
	dir := b.out("module", k.Name)
	out, err := b.output(ctx, nil, "make", "--no-print-directory", "module", "KDIR="+k.Build(), "OUT="+dir)
	if err != nil {
		return "", nil, err
	}
	for _, line := range strings.Split(string(out), "\n") {
		if strings.Contains(line, "warning:") || strings.HasPrefix(line, "WARNING:") {
			warnings = append(warnings, line)
		}
	}
	ko = filepath.Join(dir, "bpfshim.ko")
	if _, err := os.Stat(ko); err != nil {
		return "", nil, fmt.Errorf("`make module` left no %s", ko)
	}
	return ko, warnings, nil
}

// Where things lie in a guest.
const (
	GuestModule = "/lib/modules/bpfshim.ko"
	GuestCLI    = "/usr/bin/bpfshim"
	guestBTF    = "/usr/lib/bpfshim/btf/"
)

// Files starts a guest's archive: the CLI, and the kernel's BTF where the
// loader looks for it, for kernels that show none themselves.
func (b Builder) Files(ctx context.Context, k kernels.Kernel) (*initramfs.Archive, error) {
	a := initramfs.New()
	cli := b.out("guest", "bpfshim")
	if err := b.Go(ctx, cli, "./cmd/bpfshim"); err != nil {
		return nil, err
	}
	if err := a.File(GuestCLI, cli, 0o755); err != nil {
		return nil, err
	}
	release, err := k.Release()
	if err != nil {
		return nil, err
	}
	if k.HasBTF() && strings.HasPrefix(release, "3.") {
		if err := a.File(guestBTF+release+".btf", k.BTF(), 0o644); err != nil {
			return nil, err
		}
	}
	return a, nil
}
